"""The thin line over the panes: the convention, the frame of a series, and how the panes are shown."""

from dataclasses import replace
from functools import partial

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMenu, QSlider, QToolButton, QWidget

from medviz.gui.icons import icon
from medviz.gui.store import Store
from medviz.gui.viewer.annotations import frame_words
from medviz.gui.viewer.crosshair import TURN
from medviz.gui.viewer.tool import CURSOR
from medviz.imaging.scene import Scene

RADIOLOGICAL = "radiological: patient's right on the left of the screen"
LAYOUTS = (
    ("1x1", "ph.square", "The pane in front alone (double click)"),
    ("2x2", "ph.squares-four", "Four panes of one size"),
    ("1+3", "ph.layout", "One large pane and three small ones"),
    ("compare", "ph.columns", "Two scans side by side, linked in mm (v)"),
    ("lightbox", "ph.dots-nine", "Lightbox: many slices of one plane (Shift+L)"),
)
TOOLS = (
    ("ruler", "ph.ruler", "Ruler: a length in mm; the Measure tab has angles and regions (m)"),
    ("brush", "ph.paint-brush", "Brush: correct labels; the Edit tab has all tools (b)"),
)
"""What everybody looks for first; the others are in the tabs."""
NEUROLOGICAL = "neurological: patient's right on the right of the screen"


class Strip(QFrame):
    """Buttons say which key does the same. `fit`, `picture` and `reset` are for the page.

    `laid_out` (a layout, or "1x1"), `gone_back` and `played` are for the features that do it.
    """

    laid_out = Signal(str)
    gone_back = Signal()
    played = Signal()
    fit = Signal()
    picture = Signal()
    reset = Signal()

    def __init__(self, store: Store[Scene]) -> None:
        super().__init__()
        self._store = store
        self.setProperty("look", "page")
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 3, 8, 3)
        row.setSpacing(4)
        self.badge = QToolButton()
        self.badge.setObjectName("badge")
        self.badge.setStyleSheet("#badge { border-radius: 11px; padding: 0 10px; min-height: 20px; }")
        self.badge.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self.badge.setToolTip("Which side of the screen the patient's right is on; key n switches. 3-D never flips.")
        self.badge.clicked.connect(self._flip)
        row.addWidget(self.badge)
        row.addStretch(1)
        self.frame_name = QLabel()
        self.frame_name.setProperty("look", "dim")
        self.frame = QSlider(Qt.Orientation.Horizontal)
        self.frame.setAccessibleName("frame")
        self.frame.setMinimumWidth(60)
        self.frame.setMaximumWidth(240)
        self.frame.setToolTip("Frame of the series; keys ← and →")
        self.frame.valueChanged.connect(self._turn_frame)
        row.addWidget(self.frame_name)
        row.addWidget(self.frame, 1)
        self.taken = self._tools(row)
        self.layouts: dict[str, QToolButton] = {}
        self._folds: list[QToolButton] = []
        for name, sign, words in LAYOUTS:
            button = self.layouts[name] = self._switch(sign, words, partial(self._lay_out, name))
            button.setCheckable(True)
            row.addWidget(button)
        self.back = self._switch("ph.arrow-u-up-left", "Back to how the panes were (Alt+←)", self.gone_back.emit)
        self.back.setEnabled(False)
        row.addWidget(self.back)
        row.addSpacing(6)
        self.play = self._switch("ph.play", "Play through the slices of the pane in front (p)", self.played.emit)
        self.turn = self._switch(
            "ph.arrows-clockwise", "Turn the planes about the cross-hair (t)", partial(self._take, TURN)
        )
        self.smooth = self._switch("ph.drop-half", "Smooth or crisp voxels (i)", self._smooth)
        self.cross = self._switch("ph.crosshair-simple", "Cross-hair (c)", self._cross)
        for button in (self.play, self.turn, self.smooth, self.cross):
            button.setCheckable(True)
            row.addWidget(button)
        for sign, words, signal in (
            ("ph.corners-out", "Fit the pane (f)", self.fit),
            ("ph.arrow-counter-clockwise", "Reset view and window (r)", self.reset),
            ("ph.camera", "Save a picture of the pane …", self.picture),
        ):
            button = self._switch(sign, words, signal.emit)
            self._folds.append(button)
            row.addWidget(button)
        self._folds += [self.smooth, self.cross, self.layouts["1x1"], self.back, self.turn, self.play]
        self._folds += [self.layouts[name] for name in ("lightbox", "compare", "1+3", "2x2")]
        self.more = self._switch("ph.dots-three", "More", self._show_more)
        row.addWidget(self.more)
        self._said: tuple[bool, int] | None = None
        self.leave = store.listen(self.heard)
        self.heard(store.state, store.state)

    def _tools(self, row: QHBoxLayout) -> dict[str, QToolButton]:
        made = {name: self._switch(sign, words, partial(self._take, name)) for name, sign, words in TOOLS}
        for button in made.values():
            button.setCheckable(True)
            row.addWidget(button)
        row.addSpacing(6)
        return made

    def heard(self, old: Scene, new: Scene) -> None:
        """Show what the scene says."""
        frames = new.scan.frames if new.scan is not None else 1
        self.frame.setVisible(frames > 1)
        if frames > 1:
            self._show_frame(new, frames)
        said = (new.radiological, frames)
        if said != self._said:
            self._said = said
            self._say()
        alone = new.maximised is not None and new.layout in ("2x2", "1+3")
        for name, button in self.layouts.items():
            button.setChecked(alone if name == "1x1" else new.layout == name and not alone)
        for name, button in self.taken.items():
            button.setChecked(new.tool == name)
        for button, on in ((self.turn, new.tool == TURN), (self.smooth, new.smooth), (self.cross, new.crosshair)):
            button.setChecked(on)

    def _say(self) -> None:
        """Say the convention in as many words as there is room for; what else does not fit goes first.

        The name of the frame goes before the words do; where not even the shortest fits, buttons fold into a menu.
        """
        words = RADIOLOGICAL if self._store.state.radiological else NEUROLOGICAL
        metrics = self.badge.fontMetrics()
        shorter = (words, words.removesuffix(" of the screen"), words.split(":")[0])
        self._fold(metrics.horizontalAdvance(shorter[-1]) + 48)
        room = self.width() - self._others() - 48
        frame = self.frame_name.sizeHint().width() + 4
        whole = metrics.horizontalAdvance(words)
        self.frame_name.setVisible(not self.frame.isHidden() and whole + frame <= room)
        room -= frame if not self.frame_name.isHidden() else 0
        text = next((one for one in shorter if metrics.horizontalAdvance(one) <= room), shorter[-1])
        if self.badge.text() != text:
            self.badge.setText(text)

    def _others(self) -> int:
        return sum(one.sizeHint().width() + 4 for one in self.findChildren(QWidget) if self._takes_room(one))

    def _fold(self, least: int) -> None:
        """Hide as many buttons as must be for the badge to be whole; a menu has them."""
        hidden = [button.isHidden() for button in self._folds]
        wide = self._others() + sum(
            button.sizeHint().width() + 4 for button, gone in zip(self._folds, hidden, strict=True) if gone
        )
        wide -= 0 if self.more.isHidden() else self.more.sizeHint().width() + 4
        gone = 0
        while gone < len(self._folds) and wide + least > self.width():
            wide -= self._folds[gone].sizeHint().width() + 4
            wide += self.more.sizeHint().width() + 4 if gone == 0 else 0
            gone += 1
        for number, button in enumerate(self._folds):
            if button.isHidden() != (number < gone):
                button.setVisible(number >= gone)
        self.more.setVisible(gone > 0)

    def _show_more(self) -> None:
        """Open the menu of what had no room."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for button in self._folds:
            if button.isHidden():
                action = menu.addAction(button.icon(), button.toolTip())
                action.setCheckable(button.isCheckable())
                action.setChecked(button.isChecked())
                action.setEnabled(button.isEnabled())
                action.triggered.connect(lambda _=False, button=button: button.click())
        menu.popup(self.more.mapToGlobal(self.more.rect().bottomLeft()))

    def _takes_room(self, widget: QWidget) -> bool:
        return widget.parent() is self and widget not in (self.badge, self.frame_name) and not widget.isHidden()

    def minimumSizeHint(self) -> QSize:
        """Ask for little: the words give way."""
        return QSize(240, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Find the words that fit."""
        super().resizeEvent(event)
        self._say()

    def _show_frame(self, scene: Scene, frames: int) -> None:
        scan = scene.scan
        seconds = f" · {scene.frame * scan.frame_s:.1f} s" if scan is not None and scan.frame_s else ""
        name = frame_words(scene.frame, scan) if scan is not None else ""
        self.frame_name.setText(f"{name}{seconds}")
        if (self.frame.maximum(), self.frame.value()) != (frames - 1, scene.frame):
            self.frame.valueChanged.disconnect(self._turn_frame)
            self.frame.setRange(0, frames - 1)
            self.frame.setValue(scene.frame)
            self.frame.valueChanged.connect(self._turn_frame)

    def _turn_frame(self, number: int) -> None:
        self._store.update(frame=number)

    def _flip(self) -> None:
        scene = self._store.state
        self._store.put(replace(scene, radiological=not scene.radiological))

    def _lay_out(self, name: str) -> None:
        self.laid_out.emit(name)
        self.heard(self._store.state, self._store.state)  # a button that is pressed twice stays as the scene says

    def _take(self, name: str) -> None:
        self._store.update(tool=CURSOR if self._store.state.tool == name else name)

    def show_playing(self, on: bool) -> None:
        """Show whether slices or frames are being played."""
        self.play.setChecked(on)
        self.play.setIcon(icon("ph.pause" if on else "ph.play"))

    def _smooth(self) -> None:
        self._store.update(smooth=not self._store.state.smooth)

    def _cross(self) -> None:
        self._store.update(crosshair=not self._store.state.crosshair)

    def _switch(self, sign: str, words: str, act: object) -> QToolButton:
        button = QToolButton()
        button.setProperty("look", "quiet")
        button.setIcon(icon(sign))
        button.setIconSize(QSize(18, 18))
        button.setToolTip(words)
        button.setAccessibleName(words)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(lambda: act())  # type: ignore[operator]
        return button
