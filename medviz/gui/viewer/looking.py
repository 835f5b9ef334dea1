"""How one looks: planes turned, slabs, a second scan, a lightbox; the tab, the keys and the way back."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import ClassVar, get_args

import numpy as np
from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeyEvent, QPainter
from PySide6.QtWidgets import QFileDialog, QWidget

from medviz.gui.viewer.crosshair import TURN
from medviz.gui.viewer.feature import Feature, Viewer
from medviz.gui.viewer.hand import keyed
from medviz.gui.viewer.looking_box import LookingBox
from medviz.gui.viewer.mixture import paint_bar
from medviz.gui.viewer.past import Past
from medviz.gui.viewer.second_box import next_mix
from medviz.gui.viewer.slice_view import SliceView
from medviz.gui.viewer.swiping import SwipeTool, paint_line
from medviz.gui.viewer.tool import CURSOR, Tool
from medviz.gui.viewer.turning import TurnTool
from medviz.imaging.intensity import window_of
from medviz.imaging.scene import Layout, Point, Scene
from medviz.imaging.slabs import HOWS, THICKEST_MM, THINNEST_MM
from medviz.imaging.turning import as_acquired, in_the_world, turned

BY_DEGREES = 5.0
THICKER = 1.25
SHOWN = ("layers", "turn", "slab", "second", "lightbox", "layout", "tool")
MOVES = (
    Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown,
    Qt.Key.Key_Home, Qt.Key.Key_End,
)  # fmt: skip
Change = Callable[[Scene], Scene]


class Looking(Feature):
    """Changes the scene's `turn`, `slab`, `second`, `lightbox` and `layout`; one can go back on all of it."""

    NAME: ClassVar[str] = "look"
    TAB: ClassVar[str] = "View"
    HINT: ClassVar[str] = "Planes turned, slabs, a second scan, many slices at once"
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("t", "turn the planes: drag round the cross-hair, or its ends"),
        (", .", f"turn the other planes by {BY_DEGREES:g}° about this pane"),
        ("Shift+T", "the planes as the scan was acquired"),
        ("Shift+W", "the planes straight in the world"),
        ("k", "single slice, brightest, darkest or mean of a slab"),
        ("+ −", "thicker or thinner slab"),
        ("v", "compare with a second scan"),
        ("Shift+V", "second scan blended, in tiles, swiped, as a difference"),
        ("Shift+L", "lightbox: many slices at once"),
        ("Alt+← Alt+→", "back to how the panes were, and forth"),
    )

    def __init__(self, viewer: Viewer, parent: QObject) -> None:
        super().__init__(viewer, parent)
        self.past = Past(self.desk.scene, viewer.panes)
        self.box: LookingBox | None = None
        self._turn_tool = TurnTool()
        self._leave = self.desk.scene.listen(self._told)
        viewer.strip.laid_out.connect(self._lay_out)
        viewer.strip.gone_back.connect(self.past.back)
        self.past.changed.connect(lambda: viewer.strip.back.setEnabled(self.past.behind > 0))
        viewer.panes.missing.wanted.connect(self.open_second)
        for view in viewer.panes.seconds.values():
            view.tools[TURN] = self._turn_tool
            view.paints.append(self._name_second)
            view.boxed.connect(self._window_second)

    def tab(self) -> QWidget:
        """Make the tab."""
        self.box = LookingBox()
        self.box.changed.connect(self.change)
        self.box.second.wanted.connect(self.open_second)
        self.box.show_scene(self.desk.scene.state)
        return self.box

    def tools(self) -> Sequence[Tool]:
        """List the tools that turn the planes and move the line between two scans."""
        return self._turn_tool, SwipeTool()

    def actions(self) -> Sequence[QAction]:
        """List layouts and the way back."""
        made = []
        for words, keys, act in (
            ("Go &back to how the panes were", "Alt+Left", self.past.back),
            ("Go f&orth again", "Alt+Right", self.past.forth),
            ("One &pane", "", self.alone),
            ("&Compare two scans", "", partial(self.lay_out, "compare")),
            ("&Lightbox", "", partial(self.lay_out, "lightbox")),
            ("Open a &second scan…", "", self.open_second),
        ):
            action = QAction(words, self)
            if keys:
                action.setShortcut(keys)
                action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            action.triggered.connect(lambda _=False, act=act: act())
            made.append(action)
        return made

    def menu(self, view: SliceView, point: Point) -> Sequence[QAction]:
        """Offer many slices of the pane's plane, the next way of taking slices together, and the way back."""
        entries: list[tuple[str, Callable[[], object]]] = [
            (f"Lightbox of {view.plane} slices\tShift+L", partial(self._pages_of, view)),
            ("Slab: next way\tk", partial(self.change, next_slab)),
        ]
        if view.scene.turn is not None:
            entries.append(("Planes as acquired\tShift+T", partial(self.change, as_acquired)))
        made = []
        for words, act in entries:
            action = QAction(words, view)
            action.triggered.connect(lambda _=False, act=act: act())
            made.append(action)
        return made

    def _pages_of(self, view: SliceView) -> None:
        scene = self.desk.scene.state
        box = replace(scene.lightbox, plane=view.plane)
        self.desk.scene.put(replace(scene, layout="lightbox", maximised=None, lightbox=box))

    def change(self, change: Change) -> None:
        """Put a changed scene."""
        self.desk.scene.put(change(self.desk.scene.state))

    def lay_out(self, how: Layout) -> None:
        """Lay out the panes; a second scan or a lightbox once more goes back to how they lay."""
        scene = self.desk.scene.state
        back = scene.layout == how and how in ("compare", "lightbox")
        box = replace(scene.lightbox, plane=self.viewer.panes.front.plane) if how == "lightbox" else scene.lightbox
        before: Layout = self.viewer.panes.lightbox.before if how == "lightbox" else "2x2"
        self.desk.scene.put(replace(scene, layout=before if back else how, maximised=None, lightbox=box))

    def _lay_out(self, name: str) -> None:
        """Do what a button of the strip says."""
        if name == "1x1":
            self.alone()
        for layout in get_args(Layout):
            if layout == name:
                self.lay_out(layout)

    def alone(self) -> None:
        """Let the pane in front fill the viewer, or show all panes again."""
        scene = self.desk.scene.state
        front = self.viewer.panes.front.plane
        layout: Layout = "2x2" if scene.layout == "lightbox" else scene.layout
        self.desk.scene.put(replace(scene, layout=layout, maximised=None if scene.maximised else front))

    def open_second(self) -> None:
        """Ask for the second scan and open it."""
        if self.desk.scene.state.scan is None:
            return
        name, _ = QFileDialog.getOpenFileName(self.viewer.widget(), "Open a second scan")
        if name:
            self.viewer.opening.open(Path(name), "second")

    def pressed(self, event: QKeyEvent, view: SliceView) -> bool:
        """Answer the keys of the legend."""
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if event.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier):
            return False
        key, text = Qt.Key(event.key()), event.text()
        if self._moves_second(key, shift):
            return True
        if key == Qt.Key.Key_T and not shift:
            scene = self.desk.scene.state
            self.desk.scene.update(tool=CURSOR if scene.tool == TURN else TURN)
        elif key == Qt.Key.Key_L and shift:
            self.lay_out("lightbox")
        elif key == Qt.Key.Key_V and not shift:
            self.lay_out("compare")
        elif (change := self._change_of(key, text, shift, view)) is not None:
            self.change(change)
        else:
            return False
        return True

    def _moves_second(self, key: Qt.Key, shift: bool) -> bool:
        """Move the second scan's own cross-hair by a key, while it is not linked and under the hand."""
        panes, second = self.viewer.panes, self.desk.scene.state.second
        under = next((view for view in panes.seconds.values() if view.hasFocus()), None)
        if second is None or second.linked or under is None or key not in MOVES:
            return False
        made = keyed(panes.beside.state, under.plane, key, shift)
        if made is not None:
            panes.beside.put(made)
        return made is not None

    @staticmethod
    def _change_of(key: Qt.Key, text: str, shift: bool, view: SliceView) -> Change | None:
        if text in (",", "."):
            return lambda scene: turned(scene, view.plane, -BY_DEGREES if text == "," else BY_DEGREES)
        if text in ("+", "-", "=", "−"):
            return lambda scene: thicker(scene, 1 / THICKER if text in ("-", "−") else THICKER)
        shifted: dict[Qt.Key, Change] = {
            Qt.Key.Key_T: as_acquired,
            Qt.Key.Key_W: in_the_world,
            Qt.Key.Key_V: next_mix,
        }
        if shift:
            return shifted.get(key)
        return next_slab if key == Qt.Key.Key_K else None

    def paint(self, painter: QPainter, view: SliceView) -> None:
        """Paint the bar of a difference, and which scan a pane shows where there are two."""
        scene = view.scene
        if scene.second is None:
            return
        found = view.plate.mixture.difference if scene.second.mix.how == "difference" else None
        if found is not None:
            paint_bar(painter, found, view.width(), view.height(), view.annotations.size_px)
        paint_line(painter, view)
        if scene.layout == "compare":
            paint_name(painter, view, f"1  {scene.layers[0].volume.name}")

    def close_feature(self) -> None:
        """Stop listening."""
        self._leave()
        self.past.leave()

    def _name_second(self, painter: QPainter, view: SliceView) -> None:
        if view.scene.layers:
            second = self.desk.scene.state.second
            linked = "" if second is None or second.linked else "not linked  "
            shifted = "shifted  " if second is not None and second.linked and any(second.offset_mm) else ""
            paint_name(painter, view, f"2  {linked}{shifted}{view.scene.layers[0].volume.name}")

    def _window_second(self, number: int, values: object) -> None:
        beside = self.viewer.panes.beside
        finite = np.asarray(values)
        window, level = window_of(finite[np.isfinite(finite)], 1.0, 99.0)
        beside.put(beside.state.with_layer(0, window=window, level=level))

    def _told(self, old: Scene, new: Scene) -> None:
        if self.box is not None and any(getattr(old, name) is not getattr(new, name) for name in SHOWN):
            self.box.show_scene(new)


def next_slab(scene: Scene) -> Scene:
    """Take slices together in another way."""
    how = HOWS[(HOWS.index(scene.slab.how) + 1) % len(HOWS)]
    return replace(scene, slab=replace(scene.slab, how=how))


def thicker(scene: Scene, by: float) -> Scene:
    """Take more or fewer slices together."""
    if scene.slab.how == "off":
        return scene
    thick = min(max(float(f"{scene.slab.thick_mm * by:.2g}"), THINNEST_MM), THICKEST_MM)
    return replace(scene, slab=replace(scene.slab, thick_mm=thick))


def paint_name(painter: QPainter, view: SliceView, words: str) -> None:
    """Write which scan a pane shows at its foot."""
    view.annotations.add(painter, "scan", words, view.sheet)
