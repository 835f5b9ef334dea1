"""The tools of the 3-D pane, in the pane: what is rendered, how, where it is cut, from where it is looked at."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QSlider, QToolButton, QWidget

from medviz.gui.icons import icon
from medviz.imaging.rendering.looks import TITLES
from medviz.imaging.rendering.sight import STANDARD
from medviz.imaging.rendering.view import CUTS, MODES, Cut, View, cut_of, cut_plane, label_layers
from medviz.imaging.scene import Scene
from medviz.imaging.slices import NORMAL

STYLE = """
QToolButton { color: #f2f2f2; background: rgba(28, 30, 34, 215); border: 1px solid #3a3d43; border-radius: 4px;
              padding: 1px 5px; min-height: 20px; }
QToolButton:hover { background: #3a3e46; }
QToolButton:focus { border: 1px solid #6cb8ff; }
QToolButton:checked { background: #05080c; border: 2px solid #6cb8ff; }
QToolButton:disabled { color: #7d8087; }
QToolButton::menu-indicator { image: none; }
QSlider::groove:horizontal { height: 4px; background: #4a4e56; border-radius: 2px; }
QSlider::handle:horizontal { width: 12px; margin: -5px 0; background: #d8dbe0; border-radius: 6px; }
QSlider::handle:horizontal:focus { background: #6cb8ff; }
"""
"""The pane is black in every theme."""
NAMES = {"A": "front", "P": "back", "L": "left side", "R": "right side", "S": "top", "I": "bottom"}
GAP_PX, EDGE_PX = 4, 6
FREE_STEPS = 400


class VolumeStrip(QWidget):
    """Shows a View and says what a hand makes of it: `viewed` (View), `cut_chosen`, `cut_moved` (slice or mm)."""

    viewed = Signal(object)
    cut_chosen = Signal(str)
    cut_moved = Signal(float)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setStyleSheet(STYLE)
        self.view = View()
        self._scene = Scene()
        self._shown: tuple[object, ...] = ()
        self.mode = self._menu("ph.cube", "What is rendered (m)", MODES, lambda name: self._set(mode=name))
        self.preset = self._menu("ph.palette", "Colours and opacity of the volume", TITLES, self._choose_preset)
        self.cut = self._menu("ph.scissors", "Where it is cut open (x)", CUTS, self.cut_chosen.emit)
        self.labels = self._switch("ph.polygon", "Surfaces of the labels (l)", lambda on: self._set(labels=on))
        self.skin = self._switch(
            "ph.person", "The scan's own surface, seen through, around labels (k)", lambda on: self._set(skin=on)
        )
        self.within = self._switch(
            "ph.selection-foreground", "Only what lies within the labels (w)", lambda on: self._set(within=on)
        )
        self.looks = self._menu(
            "ph.compass",
            "Look from a standard side (1 to 6)",
            {letter: f"{letter}   from the {NAMES[letter]}\t{n + 1}" for n, letter in enumerate(STANDARD)},
            self._look,
        )
        self.slider = QSlider(Qt.Orientation.Horizontal, self)
        self.slider.setAccessibleName("place of the cut")
        self.slider.setToolTip("Place of the cut")
        self.slider.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.slider.valueChanged.connect(self._slid)

    @property
    def buttons(self) -> tuple[QToolButton, ...]:
        """The buttons, from left to right."""
        return self.mode, self.preset, self.cut, self.within, self.labels, self.skin, self.looks

    def show_view(self, view: View, scene: Scene) -> None:
        """Show how the whole is looked at."""
        self.view, self._scene = view, scene
        kind = cut_of(scene, view)
        self._show_slider(kind, view, scene)
        shown = (view, kind, bool(label_layers(scene)))
        if shown == self._shown:
            return
        self._shown = shown
        self.mode.setText(MODES[view.mode])
        self.preset.setVisible(view.mode == "volume")
        self.cut.setVisible(view.mode in ("surfaces", "volume"))
        with_labels = bool(label_layers(scene))
        self.labels.setVisible(with_labels and view.mode in ("volume", "planes"))
        self.within.setVisible(with_labels and view.mode in ("volume", "maximum"))
        self.within.setChecked(view.within)
        self.skin.setVisible((with_labels and view.mode == "surfaces") or view.mode == "planes")
        for button, name in ((self.mode, view.mode), (self.preset, view.preset), (self.cut, kind)):
            for action in button.menu().actions():
                action.setChecked(action.data() == name)
        for button, on in ((self.cut, kind != "none"), (self.labels, view.labels), (self.skin, view.skin)):
            button.setChecked(on)
        self.arrange()

    def arrange(self) -> None:
        """Lie at the upper right, with words where there is room; the slider below."""
        pane = self.parentWidget()
        if pane is None:
            return
        wide = pane.width() >= 380
        style = Qt.ToolButtonStyle.ToolButtonTextBesideIcon if wide else Qt.ToolButtonStyle.ToolButtonIconOnly
        self.mode.setToolButtonStyle(style)
        left = 0
        for button in self.buttons:
            if button.isHidden():
                continue
            size = button.sizeHint()
            button.setGeometry(left, 0, size.width(), size.height())
            left += size.width() + GAP_PX
        long, high = max(0, left - GAP_PX), self.mode.sizeHint().height()
        slider = not self.slider.isHidden()
        if slider:
            self.slider.setGeometry(max(0, long - 150), high + GAP_PX, min(150, long), 18)
        self.resize(long, high + (GAP_PX + 18 if slider else 0))
        self.move(QPoint(pane.width() - long - EDGE_PX, EDGE_PX))

    # -- from a hand --------------------------------------------------------------------------------------------

    def _set(self, **change: object) -> None:
        self.viewed.emit(replace(self.view, **change))  # type: ignore[arg-type]

    def _choose_preset(self, name: str) -> None:
        self._set(preset=name, shift=0.0)

    def _look(self, letter: str) -> None:
        self._set(sight=replace(STANDARD[letter], zoom=self.view.sight.zoom, shift=self.view.sight.shift))

    def _slid(self, place: int) -> None:
        kind = cut_of(self._scene, self.view)
        scan = self._scene.scan
        if kind == "free" and scan is not None:
            reach = max(size * mm for size, mm in zip(scan.shape, scan.spacing_mm, strict=True)) / 2
            self.cut_moved.emit((place / FREE_STEPS * 2 - 1) * reach)
        elif cut_plane(kind) is not None:
            self.cut_moved.emit(float(place))

    def _show_slider(self, kind: Cut, view: View, scene: Scene) -> None:
        plane, scan = cut_plane(kind), scene.scan
        self.slider.setVisible(scan is not None and (plane is not None or kind == "free"))
        if scan is None or self.slider.isHidden():
            return
        if plane is not None:
            found = scene.section(plane)
            most, place = (found.many - 1, found.index) if found is not None else (0, 0)
            self.slider.setToolTip(
                f"Place of the cut: {plane} slice; Ctrl with the wheel or the left button does the same"
            )
        else:
            reach = max(size * mm for size, mm in zip(scan.shape, scan.spacing_mm, strict=True)) / 2
            most, place = FREE_STEPS, round((view.depth_mm / reach + 1) / 2 * FREE_STEPS)
            self.slider.setToolTip(
                "Place of the cut, before and behind the cross-hair; Ctrl with the wheel or the left button too"
            )
        blocked = self.slider.blockSignals(True)
        self.slider.setRange(0, most)
        self.slider.setValue(place)
        self.slider.blockSignals(blocked)

    # -- made ---------------------------------------------------------------------------------------------------

    def _button(self, sign: str, words: str) -> QToolButton:
        made = QToolButton(self)
        made.setIcon(icon(sign, "on_image"))
        made.setIconSize(QSize(16, 16))
        made.setToolTip(words)
        made.setAccessibleName(words)
        made.setCursor(Qt.CursorShape.ArrowCursor)
        made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return made

    def _switch(self, sign: str, words: str, act: Callable[[bool], None]) -> QToolButton:
        made = self._button(sign, words)
        made.setCheckable(True)
        made.clicked.connect(act)
        return made

    def _menu(self, sign: str, words: str, options: Mapping[Any, str], act: Callable[[str], None]) -> QToolButton:
        made = self._button(sign, words)
        menu = QMenu(made)
        group = QActionGroup(menu)
        for name, text in options.items():
            action = QAction(text, group)
            action.setData(name)
            action.setCheckable(True)
            action.triggered.connect(lambda checked=False, name=name: act(name))
            menu.addAction(action)
        made.setMenu(menu)
        made.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        return made


def stepped(kind: Cut, scene: Scene, count: int) -> Scene | None:
    """Move a cut along a plane of slices by slices: the cross-hair goes with it; None for another cut."""
    plane = cut_plane(kind)
    found = scene.section(plane) if plane is not None else None
    if found is None:
        return None
    return placed(scene, kind, min(max(found.index + count, 0), found.many - 1))


def placed(scene: Scene, kind: Cut, index: int) -> Scene | None:
    """Put a cut along a plane of slices to a slice."""
    plane, scan = cut_plane(kind), scene.scan
    found = scene.section(plane) if plane is not None else None
    if found is None or scan is None or plane is None:
        return None
    if scene.turn is None:
        voxel = list(scene.voxel)
        voxel[NORMAL[plane]] = index
        return scene.at_voxel((voxel[0], voxel[1], voxel[2]))
    x, y, z = (at + step * (index - found.index) for at, step in zip(scene.cursor, found.step, strict=True))
    return scene.at((x, y, z))
