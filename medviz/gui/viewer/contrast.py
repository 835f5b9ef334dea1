"""The contrast of a layer: its histogram with the window in it, presets, percentiles, gamma, threshold."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import ClassVar

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QAction, QGuiApplication, QKeyEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from medviz.gui.form import Form
from medviz.gui.job import Job
from medviz.gui.status import Elided
from medviz.gui.viewer.cards import label
from medviz.gui.viewer.feature import Feature, Viewer
from medviz.gui.viewer.hand import turned_layer
from medviz.gui.viewer.histogram_view import HistogramView
from medviz.gui.viewer.slice_view import SliceView
from medviz.imaging.histogram import Histogram, exact, histogram
from medviz.imaging.intensity import PRESETS, Preset, Tone, distinct_note, looks_like_ct, samples
from medviz.imaging.scene import Layer, Point, Scene
from medviz.imaging.volume import Volume
from medviz.messages import Progress, Work

PERCENTILES: tuple[tuple[str, float, float], ...] = (
    ("all", 0.0, 100.0),
    ("0.5–99.5 %", 0.5, 99.5),
    ("2–98 %", 2.0, 98.0),
    ("50–99.9 %", 50.0, 99.9),
)
"""Windows by percentile: everything, robust, firmer, and what stands out of a skewed map."""


class Contrast(Feature):
    """Works on the layer that a right drag turns: the active one if it has a window, else the scan."""

    NAME: ClassVar[str] = "contrast"
    TAB: ClassVar[str] = "Contrast"
    HINT: ClassVar[str] = "Histogram, window and level, presets, gamma, threshold"
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("Shift+1 … 7", "window of CT: " + ", ".join(one.name for one in PRESETS)),
        ("Shift+0", "window that suits the image"),
    )

    def __init__(self, viewer: Viewer, parent: QObject) -> None:
        super().__init__(viewer, parent)
        self.box: ContrastBox | None = None
        self._counted: tuple[Volume, int, Histogram] | None = None
        self._job: Job | None = None
        self._leave = self.desk.scene.listen(self._told)

    def tab(self) -> QWidget:
        """Make the tab."""
        box = self.box = ContrastBox()
        box.view.windowed.connect(self._window)
        box.view.cut.connect(lambda value: self._tone(replace(self._layer().tone, least=float(value))))
        box.toned.connect(self._tone)
        box.percent.connect(self._percentiles)
        box.preset.connect(self._preset)
        box.exactly.clicked.connect(lambda: self._count(True))
        self._show(self.desk.scene.state)
        return box

    def menu(self, view: SliceView, point: Point) -> Sequence[QAction]:
        """Offer the presets where the scan is in Hounsfield units."""
        if not self._ct:
            return ()
        acts = []
        for number, one in enumerate(PRESETS, start=1):
            act = QAction(f"Window {one.name}  {one.window:g} / {one.level:g}\tShift+{number}".replace("-", "−"), view)
            act.triggered.connect(partial(self._preset, one))
            acts.append(act)
        return acts

    def pressed(self, event: QKeyEvent, view: SliceView) -> bool:
        """Take a preset by its number, whatever the keyboard writes with Shift and a digit."""
        if event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier != Qt.KeyboardModifier.ShiftModifier:
            return False
        number = digit_of(event)
        if number == 0:
            self._percentiles(0.5, 99.5)
        elif number is not None and number <= len(PRESETS):
            self._preset(PRESETS[number - 1])
        return number is not None and number <= len(PRESETS)

    def close_feature(self) -> None:
        """Stop listening."""
        self._leave()

    @property
    def _ct(self) -> bool:
        volume = self._layer().volume
        return looks_like_ct(volume, samples(volume, most=20_000))

    # -- the layer ----------------------------------------------------------------------------------------------

    def _layer(self) -> Layer:
        scene = self.desk.scene.state
        return scene.layers[turned_layer(scene)]

    def _change(self, **fields: object) -> None:
        scene = self.desk.scene.state
        self.desk.scene.put(scene.with_layer(turned_layer(scene), **fields))

    def _window(self, window: float, level: float) -> None:
        self._change(window=max(float(window), 1e-9), level=float(level))

    def _tone(self, tone: Tone) -> None:
        self._change(tone=tone)

    def _preset(self, one: Preset, checked: bool = False) -> None:
        self._window(one.window, one.level)

    def _percentiles(self, low: float, high: float) -> None:
        scene = self.desk.scene.state
        layer = self._layer()
        frame = min(scene.frame, layer.volume.frames - 1)
        found = self._of(layer.volume, frame) or histogram(layer.volume, frame)
        first, last = found.percentile(low), found.percentile(high)
        self._window((last - first) or 1.0, (first + last) / 2)

    # -- counted ------------------------------------------------------------------------------------------------

    def _of(self, volume: Volume, frame: int) -> Histogram | None:
        counted = self._counted
        return counted[2] if counted is not None and counted[0] is volume and counted[1] == frame else None

    def _told(self, old: Scene, new: Scene) -> None:
        if (old.layers, old.active, old.frame) != (new.layers, new.active, new.frame):
            self._show(new)

    def _show(self, scene: Scene) -> None:
        if self.box is None or scene.scan is None:
            return
        layer = scene.layers[turned_layer(scene)]
        frame = min(scene.frame, layer.volume.frames - 1)
        self.box.show_layer(layer, self._of(layer.volume, frame))
        if self._of(layer.volume, frame) is None and layer.volume.kind != "colour":
            self._count(False)

    def _count(self, every: bool) -> None:
        """Count beside the window; of what is asked for meanwhile, the last is counted next."""
        if self._job is not None:
            return
        layer, scene = self._layer(), self.desk.scene.state
        volume, frame = layer.volume, min(scene.frame, layer.volume.frames - 1)
        work = partial(exact, volume, frame) if every else partial(_quick, volume, frame)
        title = f"histogram of {volume.name}"

        def take(found: Histogram) -> None:
            self._counted = (volume, frame, found)

        self._job = self.desk.start(title, work, then=take, quiet=not every)
        self._job.over.connect(self._over)

    def _over(self) -> None:
        self._job = None
        if self._counted is not None:
            self._show(self.desk.scene.state)


def _quick(volume: Volume, frame: int) -> Work[Histogram]:
    yield Progress(0, 0, "counting values")
    return histogram(volume, frame)


def digit_of(event: QKeyEvent) -> int | None:
    """Return the digit on a key, also where Shift makes another sign of it (2 is @ here and " there)."""
    key = event.key()
    if Qt.Key.Key_0.value <= key <= Qt.Key.Key_9.value:
        return key - Qt.Key.Key_0.value
    if QGuiApplication.platformName() in ("xcb", "wayland"):
        number = event.nativeScanCode() - 9  # the row of digits has the codes 10 (1) to 19 (0)
        return number % 10 if 1 <= number <= 10 else None
    return SHIFTED.get(event.text())


SHIFTED = {sign: number for number, sign in enumerate(")!@#$%^&*(")}
"""What Shift and a digit write on the keyboard that most programs are made with."""


class ContrastBox(QWidget):
    """The tab: histogram, what was counted, windows by name and by percentile, and the tone.

    `toned` (Tone), `percent` (low, high) and `preset` (Preset) come from a hand.
    """

    toned = Signal(object)
    percent = Signal(float, float)
    preset = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.title = Elided("layer")
        self.view = HistogramView()
        self.said = label("", "small", wrap=True)
        self.doubt = label("", "", wrap=True)
        self.doubt.setProperty("look", "warning")
        self.exactly = QPushButton("Count every voxel")
        self.exactly.setProperty("look", "quiet")
        self.exactly.setToolTip("The histogram is of at most a million voxels; count all of them")
        self.presets = self._presets()
        self.form = Form(Tone(), scrolls=False)
        self.form.changed.connect(self.toned)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 8)
        column.setSpacing(6)
        column.addWidget(self.title)
        column.addWidget(self.doubt)
        column.addWidget(self.view)
        foot = QHBoxLayout()
        foot.addWidget(self.said, 1)
        foot.addWidget(self.exactly)
        column.addLayout(foot)
        column.addLayout(self._percents())
        column.addWidget(self.presets)
        column.addWidget(self.form)
        column.addStretch(1)

    def show_layer(self, layer: Layer, found: Histogram | None) -> None:
        """Show a layer and its counts."""
        volume = layer.volume
        self.title.write(volume.name or "scan")
        self.view.show_histogram(found, volume.unit)
        self.view.show_window(layer.window, layer.level, layer.tone, layer.colours)
        self.presets.setVisible(looks_like_ct(volume, samples(volume, most=20_000)))
        self.form.show_value(layer.tone)
        self.exactly.setVisible(found is not None and not found.exact)
        stored = f"stored as {volume.voxels.dtype}"
        if found is None:
            self.said.setText(f"{stored} · counting …")
            self.doubt.hide()
            return
        unit = f" {volume.unit}" if volume.unit else ""
        spread = f"{found.low:.5g} to {found.high:.5g}{unit}".replace("-", "−")
        counted = (
            "every voxel counted" if found.exact else f"{found.looked:,} of {found.total:,} voxels".replace(",", " ")
        )
        self.said.setText(f"{stored} · {spread} · {counted}")
        note = distinct_note(volume) if layer.role != "labels" and len(found.counts) < 16 else None
        self.doubt.setText(f"Careful: {note}" if note else "")
        self.doubt.setVisible(note is not None)

    def _percents(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setSpacing(4)
        for number, (word, low, high) in enumerate(PERCENTILES):
            button = QPushButton(word)
            button.setToolTip(f"Window from the {low:g}th to the {high:g}th percentile of the values")
            button.clicked.connect(lambda _=False, low=low, high=high: self.percent.emit(low, high))
            grid.addWidget(button, number // 2, number % 2)
        return grid

    def _presets(self) -> QWidget:
        made = QWidget()
        grid = QGridLayout(made)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        for number, one in enumerate(PRESETS):
            button = QPushButton(one.name)
            words = f"W {one.window:g}, L {one.level:g} HU; Shift+{number + 1}".replace("-", "−")
            button.setToolTip(words)
            button.clicked.connect(lambda _=False, one=one: self.preset.emit(one))
            grid.addWidget(button, number // 3, number % 3)
        return made
