"""Correcting labels by hand: the tools, the keys and the tip under the mouse; others change labels through it too."""

import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial
from typing import ClassVar

import numpy as np
from PySide6.QtCore import QObject, QPointF, Qt, QTimer
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence, QPainter
from PySide6.QtWidgets import QWidget

from medviz.gui.store import Store
from medviz.gui.viewer.edit_box import EditBox
from medviz.gui.viewer.edit_tools import (
    BrushTool,
    EraserTool,
    FillTool,
    LassoTool,
    RangeTool,
    flat_of,
)
from medviz.gui.viewer.edits import Edits, Then
from medviz.gui.viewer.feature import Feature, Viewer
from medviz.gui.viewer.filling import Filling
from medviz.gui.viewer.journalling import Journalling, changes_words
from medviz.gui.viewer.kit import Kit, kit_of, suited
from medviz.gui.viewer.measuring import Measuring
from medviz.gui.viewer.naming import Naming
from medviz.gui.viewer.operations import Operation, Wanted
from medviz.gui.viewer.rooms import ROOMS
from medviz.gui.viewer.slice_view import SliceView
from medviz.gui.viewer.target import Target
from medviz.gui.viewer.tip import Hovered, paint_lasso, paint_tip
from medviz.gui.viewer.tool import Pane, Tool
from medviz.imaging.corrections import Corrections
from medviz.imaging.history import Change
from medviz.imaging.scene import Layer, Point, Scene
from medviz.imaging.strokes import Stroke, Tip, values_under
from medviz.imaging.volume import Volume

LEAST, MOST = 0.5, 100.0
TIPPED = (BrushTool.NAME, EraserTool.NAME, RangeTool.NAME)
"""Tools with a tip that follows the mouse."""


class Editing(Feature):
    """What changes labels goes through `do` and `accept_proposal`, so that there is one undo stack a label layer."""

    NAME: ClassVar[str] = "edit"
    TAB: ClassVar[str] = "Edit"
    HINT: ClassVar[str] = "Correct labels by hand: brush, eraser, lasso, fill, undo"
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("b x", "brush, eraser (Shift held: the eraser; Ctrl+click: take up the label there)"),
        ("l w h", "lasso, fill, take the range of values to paint from the scan"),
        ("+ − or Ctrl+wheel", "width of brush and eraser"),
        ("1 … 9", "label to paint with"),
        ("Ctrl+Z Ctrl+Y", "undo, redo a change of labels or measurements"),
    )

    def __init__(self, viewer: Viewer, parent: QObject) -> None:
        super().__init__(viewer, parent)
        self.kit: Store[Kit] = Store(Kit())
        self.edits = Edits(self.desk, viewer.counting, self)
        self.target = Target(self.desk, self.edits, self.kit)
        self.filling = Filling(self.target)
        self.journalling = Journalling(self.desk, self.edits, self)
        self._saving: dict[Corrections, int] = {}
        viewer.saving.began.connect(self._began)
        viewer.saving.saved.connect(self._saved)
        viewer.layers.went.connect(lambda number, value: self.take(value) if number == self.number else None)
        self.naming = Naming(self.edits, self.kit, viewer)
        self.lasso = LassoTool(self)
        self._tools: tuple[Tool, ...] = (BrushTool(self), EraserTool(self), self.lasso, FillTool(self), RangeTool(self))
        self.box: EditBox | None = None
        self.stroke: Stroke | None = None
        self._painted_on: Corrections | None = None
        self.hovered: Hovered | None = None
        self.when_s = 0.0
        self.edits.changed.connect(self._changed)
        self._acts = self._actions()
        self._leave = self.desk.scene.listen(self._told)

    # -- for the page ---------------------------------------------------------------------------------------------

    def tab(self) -> QWidget:
        """Make the tab."""
        self.box = EditBox(self)
        return self.box

    def tools(self) -> Sequence[Tool]:
        """List brush, eraser, lasso and fill."""
        return self._tools

    def actions(self) -> Sequence[QAction]:
        """Undo and redo."""
        return self._acts

    def menu(self, view: SliceView, point: Point) -> Sequence[QAction]:
        """Offer to take up the label under the mouse, and what can be done to it."""
        layer = self.layer
        value = 0 if layer is None else int(layer.volume.value_at(point) or 0)
        if layer is None or not value:
            return ()
        name = next((one.name for one in layer.labels if one.value == value), f"label {value}")
        act = QAction(f"Edit {name}\tb", view)
        act.triggered.connect(partial(self._edit, value))
        return (act,)

    def paint(self, painter: QPainter, view: SliceView) -> None:
        """Paint the tip and the lasso."""
        layer = self.layer
        if self.lasso.pane is view:
            paint_lasso(painter, view, tuple(self.lasso.points))
        if self.hovered is not None and self.desk.scene.state.tool in TIPPED:
            erases = self.desk.scene.state.tool != BrushTool.NAME
            paint_tip(painter, view, self.hovered, self.kit.state, None if erases else self.target.colour(layer))

    def pressed(self, event: QKeyEvent, view: SliceView) -> bool:
        """Take up a label by its place in the list."""
        layer, text = self.layer, event.text()
        held = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if layer is None or held or len(text) != 1 or text not in "123456789" or int(text) > len(layer.labels):
            return False
        self.take(layer.labels[int(text) - 1].value)
        return True

    def unsaved(self) -> str:
        """Say how many changes of labels no file has."""
        count = sum(made.unsaved for made in self.edits.maps if self.edits.number(made) is not None)
        if not count:
            return ""
        many = f"{changes_words(count)} of labels {'is' if count == 1 else 'are'} in no file yet."
        return f"{many} Close all the same? They are kept, and offered when this scan is opened again."

    def close_feature(self) -> None:
        """Stop listening."""
        self._leave()
        self.journalling.leave()
        if self.box is not None:
            self.box.leave()

    # -- for others -----------------------------------------------------------------------------------------------

    def do(self, number: int, change: Change | None) -> None:
        """Put a change of a layer's labels (see `imaging.edit`) on its undo stack and show it."""
        self.edits.do(number, change)

    def accept_proposal(
        self, number: int, values: Collection[int], into: int | None = None, then: Then | None = None
    ) -> None:
        """Take labels of a proposal layer into a label layer as one change; see `Edits.accept_proposal`."""
        self.edits.accept_proposal(number, values, into, then)

    # -- what is edited -------------------------------------------------------------------------------------------

    @property
    def number(self) -> int | None:
        """The number of the layer that is edited, None where there is none."""
        return self.target.number

    @property
    def layer(self) -> Layer | None:
        """The layer that is edited."""
        return self.target.layer

    @property
    def corrections(self) -> Corrections | None:
        """What was done to that layer; None where nothing was."""
        return self.target.corrections

    def take(self, value: int) -> None:
        """Paint with a label from now on."""
        self.kit.update(value=value)

    def undo(self) -> None:
        """Take the last change back, of the labels or, if that was later, of the measurements."""
        measuring = self.viewer.feature(Measuring.NAME)
        if isinstance(measuring, Measuring) and measuring.past and measuring.when_s > self.when_s:
            measuring.undo()
        elif self.corrections is not None and self.stroke is None:
            self.edits.undo(self.corrections)

    def redo(self) -> None:
        """Bring it back."""
        measuring = self.viewer.feature(Measuring.NAME)
        if isinstance(measuring, Measuring) and measuring.undone and measuring.when_s > self.when_s:
            measuring.redo()
        elif self.corrections is not None and self.stroke is None:
            self.edits.redo(self.corrections)

    def operate(self, operation: Operation) -> None:
        """Do something to the whole active label, beside the window."""
        number, layer, scan = self.number, self.layer, self.desk.scene.state.scan
        if number is None or layer is None or scan is None:
            self.desk.tell("There are no labels to edit", "warning", "Paint some first")
            return
        view = self.viewer.panes.front
        flat = flat_of(view)
        axis = None if flat is None else flat.across_axis(layer.volume.affine)
        at = layer.volume.to_voxel(self.desk.scene.state.cursor)
        index = 0 if axis is None else int(np.floor(at[axis] + 0.5))
        wanted = Wanted(self.kit.state, layer.volume.spacing_mm, layer.locked_labels, axis, index)
        title = f"{operation.title.lower()}: {self.target.name(layer, self.kit.state.value)}"

        def describe(made: Corrections) -> Change | None:
            change = operation.describe(made.map, wanted)
            return None if change is None else replace(change, name=title)

        self.edits.run(number, title, describe)

    # -- for the tools --------------------------------------------------------------------------------------------

    def begin(self, pane: Pane, erase: bool) -> Stroke | None:
        """Make the active layer ready for a stroke; None (and a notice) where it cannot be painted on."""
        kit, flat = self.kit.state, flat_of(pane)
        number = self.target.made(erase)
        if number is None or flat is None:
            return None
        made = self.target.ready(number)
        layer = self.desk.scene.state.layers[number]
        value = 0 if erase else kit.value
        if made is None or not self.target.may(layer, value):
            return None
        self.target.reveal(number, value)
        tip = Tip(
            kit.size / 2,
            None if kit.ball else flat,
            (kit.low, kit.high) if kit.in_range else None,
            kit.only_free,
            kit.value if erase and kit.erase_label else None,
        )
        scene = self.desk.scene.state
        self._painted_on = made
        self.stroke = Stroke(made.map, layer.volume.affine, value, tip, layer.locked_labels, scene.scan, scene.frame)
        return self.stroke

    def painted(self) -> None:
        """Show what a stroke has painted so far: the panes are told, the scene is not."""
        number = self.number
        if number is not None:
            for view in self.viewer.panes.slices.values():
                view.redraw(number)

    def end(self, stroke: Stroke, name: str) -> None:
        """Put a stroke on the undo stack."""
        made, self.stroke, self._painted_on = self._painted_on, None, None
        number = None if made is None else self.edits.number(made)
        if number is None:  # the layer was taken away meanwhile
            return
        layer = self.desk.scene.state.layers[number]
        words = name if stroke.value == 0 else f"{name} {self.target.name(layer, stroke.value)}"
        self.edits.do(number, stroke.change(words), stands=True)

    def give_up(self, stroke: Stroke) -> None:
        """Take back what a stroke has painted."""
        self.stroke = None
        stroke.cancel()
        self.painted()

    def enclose(self, pane: Pane, points: tuple[Point, ...], erase: bool) -> None:
        """Fill or erase what lies within a closed line, in this slice or through all."""
        if self.kit.state.all_slices:
            self.filling.enclose_all(pane, points, erase)
            return
        stroke, flat = self.begin(pane, erase), flat_of(pane)
        if stroke is None or flat is None:
            return
        cells = ROOMS["enclosed"](stroke.labels.shape, stroke.affine, flat, points)
        if cells is not None:
            stroke.fill(cells)
        self.end(stroke, "erase" if erase else "lasso")

    def flood(self, pane: Pane, mm: Point) -> None:
        """Fill what hangs together with a point and looks like it."""
        self.filling.flood(pane, mm)

    def pick(self, mm: Point) -> None:
        """Take up the label at a point."""
        layer = self.layer
        value = 0 if layer is None else int(layer.volume.value_at(mm) or 0)
        if value:
            self.take(value)

    def sample(self, pane: Pane, mm: Point) -> None:
        """Paint only what has the values around a point from now on: their mean and two SD to both sides."""
        scene, flat = self.desk.scene.state, flat_of(pane)
        if scene.scan is None or flat is None:
            return
        values = values_under(scene.scan, flat, mm, self.kit.state.size / 2, scene.frame)
        if values.size:
            middle, spread = float(values.mean()), 2 * float(values.std())
            low, high = (float(f"{one:.4g}") for one in (middle - spread, middle + spread))
            self.kit.update(in_range=True, low=low, high=high)
            self.desk.scene.update(tool=BrushTool.NAME)

    def resize(self, factor: float) -> None:
        """Make the tip larger or smaller."""
        self.kit.update(size=float(np.clip(self.kit.state.size * factor, LEAST, MOST)))
        self._retouch()

    def hover(self, pane: Pane | None, at: QPointF | None) -> None:
        """Show the tip under the mouse; None where it left."""
        mm = None if pane is None or at is None else pane.mm_of(at.x(), at.y())
        self.hovered = None if pane is None or at is None or mm is None else Hovered(pane, at, mm)
        self._retouch()

    # -- how ------------------------------------------------------------------------------------------------------

    def _retouch(self) -> None:
        for view in self.viewer.panes.slices.values():
            view.update()

    def _edit(self, value: int, checked: bool = False) -> None:
        self.take(value)
        self.desk.scene.update(tool=BrushTool.NAME)
        self.viewer.show_tab(self.NAME)

    def _changed(self, made: Corrections) -> None:
        self.when_s = time.monotonic()

    def _prepare(self) -> None:
        """Make the layer ready before the first stroke: a large one takes a moment."""
        number = self.number
        if number is not None:
            self.edits.prepare(number)

    def _offer_back(self, layer: Layer) -> None:
        """A layer with changes that no file has was taken away: one click brings it back."""
        made = self.edits.of(layer)
        if made is not None and made.unsaved and self.edits.number(made) is None:
            words = f"{layer.volume.name} was removed with {changes_words(made.unsaved)} that no file has"
            self.desk.tell(words, "warning", button="Put it back", act=partial(self._put_back, layer))

    def _put_back(self, layer: Layer) -> None:
        scene = self.desk.scene.state
        made = self.edits.of(layer)
        if scene.scan is not None and made is not None and self.edits.number(made) is None:
            self.desk.scene.put(replace(scene.adding(layer), active=len(scene.layers)))

    def _began(self, volume: Volume) -> None:
        """Remember how much a file will hold; strokes may go on while it is written."""
        made = next((one for one in self.edits.maps if one.voxels is volume.voxels), None)
        if made is not None:
            self._saving[made] = len(made.log)

    def _saved(self, volume: Volume) -> None:
        made = next((one for one in self.edits.maps if one.voxels is volume.voxels), None)
        if made is not None and made in self._saving:
            self.journalling.saved(made, self._saving.pop(made))
            if self.box is not None:
                self.box.show_history()

    def _actions(self) -> tuple[QAction, ...]:
        made = []
        for words, keys, act in (
            ("&Undo the last change of labels or measurements", ("Ctrl+Z",), self.undo),
            ("&Redo it", ("Ctrl+Y", "Ctrl+Shift+Z"), self.redo),
        ):
            action = QAction(words, self)
            action.setShortcuts([QKeySequence(one) for one in keys])
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            action.triggered.connect(partial(_call, act))
            made.append(action)
        return tuple(made)

    def _told(self, old: Scene, new: Scene) -> None:
        if new.scan is not None and new.scan is not old.scan:
            kit = kit_of(self.kit.state, new.scan.calibrated)
            self.kit.put(kit if kit.in_range else suited(kit, new.layers[0]))
        layer = self.layer
        values = [] if layer is None else [one.value for one in layer.labels]
        if values and self.kit.state.value not in values:
            self.kit.update(value=values[0])
        if new.tool in (tool.NAME for tool in self._tools) and old.tool != new.tool:
            self.viewer.show_tab(self.NAME)
            QTimer.singleShot(0, self, self._prepare)  # the store is telling now
        elif new.tool not in (tool.NAME for tool in self._tools):
            self.edits.put_away()
        gone = [one for one in old.layers if self.edits.of(one) is not None and self.edits.number_of(one) is None]
        if gone and new.scan is old.scan:
            QTimer.singleShot(0, self, partial(self._offer_back, gone[0]))


def _call(act: object, checked: bool = False) -> None:
    act()  # type: ignore[operator]
