"""What the network sees: the scan as it is in the file, and beside it the tensor that the network is given."""

import html
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSpinBox,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from medviz.gui.controls import calm
from medviz.gui.desk import Desk
from medviz.gui.icons import icon
from medviz.gui.job import Job
from medviz.gui.training.planes import Planes
from medviz.gui.training.watch import Watch
from medviz.gui.viewer.annotations import number_text
from medviz.gui.viewer.cards import label
from medviz.imaging.labels import Label, named
from medviz.imaging.layers import layer_of
from medviz.imaging.scene import Layer, Scene
from medviz.imaging.seen import Point, Seen
from medviz.imaging.volume import Volume

PATCH = (Label(1, "in the patch", (120, 220, 255)),)
PADDING = (Label(1, "padding", (213, 94, 0)),)
SCAN, GIVEN = ("scan", "resampled", "normalised"), ("looked at", "patch", "augmentation")
"""What is said beside the scan, and what beside the tensor."""
SPREAD = 2.5
"""Standard deviations on either side that the tensor's window shows."""
WAITS = "When a run is chosen, a scan of its data set is shown here beside the tensor that the network is given of it."


class Seeing(QWidget):
    """Two views with one cross-hair: a place in the scan, and where it went in the tensor."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.run: Path | None = None
        self.seen: Seen | None = None
        self.scan_facts, self.given_facts = _facts("what was done to the scan"), _facts("what was done to the sample")
        self.scan, self.given = Planes(self.scan_facts), Planes(self.given_facts)
        self.given_title = label("", "dim")
        self.scan_says, self.given_says = label("", "small", wrap=True), label("", "small", wrap=True)
        self.waits = label(WAITS, "dim", wrap=True)
        self.waits.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.waits.setMargin(24)
        self._job: Job | None = None
        self._again = False
        self._led = False
        self._asked: tuple[Any, ...] = ()
        self._make_bar()
        self._lay_out()
        self._from_scan = True
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(lambda: self._link(self._from_scan))
        self._leaves = [
            self.scan.store.listen(lambda old, new: self._told(old, new, True)),
            self.given.store.listen(lambda old, new: self._told(old, new, False)),
        ]
        self.scan.pointed.connect(lambda mm: self._over(mm, True))
        self.given.pointed.connect(lambda mm: self._over(mm, False))

    def _make_bar(self) -> None:
        self.part, self.number, self.epoch = QComboBox(), QSpinBox(), QSpinBox()
        self.part.addItems(["Held-out case", "Training sample"])
        self.part.setAccessibleName("whose scan")
        self.part.setToolTip("A whole scan as it is predicted, or a patch as it is learnt from")
        self.number.setRange(1, 99999)
        self.number.setAccessibleName("number of the case")
        self.number.setToolTip("Which case of the data set")
        self.changed = QCheckBox("Augmented")
        self.changed.setToolTip("As the network learnt from it in an epoch, with random changes of place and light; "
                                "off: the middle of the case as it is")  # fmt: skip
        self.epoch.setRange(1, 99999)
        self.epoch.setPrefix("epoch ")
        self.epoch.setAccessibleName("epoch")
        self.epoch.setToolTip("The very sample of this epoch: its chance comes from the run's seed, epoch and number")
        self.another = QPushButton(icon("ph.shuffle", "dim"), "")
        self.another.setAccessibleName("another case")
        self.another.setToolTip("The next case")
        self.another.clicked.connect(lambda: self.number.setValue(self.number.value() + 1))
        self.part.activated.connect(lambda number: self._ask())
        for box, wide in ((self.number, 84), (self.epoch, 112)):
            calm(box)
            box.setMaximumWidth(wide)
            box.valueChanged.connect(lambda value: self._ask())
        calm(self.part)
        self.changed.toggled.connect(lambda on: self._ask())
        self.bar = QHBoxLayout()
        self.bar.setSpacing(8)
        for widget in (self.part, self.number, self.another, self.changed, self.epoch):
            self.bar.addWidget(widget)
        self.bar.addStretch(1)

    def _lay_out(self) -> None:
        self.sides = QHBoxLayout()
        self.sides.setSpacing(8)
        for title, planes, says in (
            (label("The scan", "dim"), self.scan, self.scan_says),
            (self.given_title, self.given, self.given_says),
        ):
            side = QVBoxLayout()
            side.setSpacing(2)
            side.addWidget(title)
            side.addWidget(planes, 1)
            says.setMinimumHeight(says.fontMetrics().height() + 2)
            side.addWidget(says)
            self.sides.addLayout(side, 1)
        main = QWidget()
        column = QVBoxLayout(main)
        column.setContentsMargins(12, 4, 12, 8)
        column.setSpacing(6)
        column.addLayout(self.sides, 1)
        self.body = QWidget()
        self.stack = QStackedLayout(self.body)
        self.stack.addWidget(self.waits)
        self.stack.addWidget(main)
        self.head = QWidget()
        head = QVBoxLayout(self.head)
        head.setContentsMargins(12, 4, 12, 0)
        head.addLayout(self.bar)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(2)
        whole.addWidget(self.head)
        whole.addWidget(self.body, 1)
        self._show_bar()

    # -- which --------------------------------------------------------------------------------------------------------

    def show_run(self, watch: Watch | None) -> None:
        """Show the cases of another run from now on."""
        self.show_folder(None if watch is None else watch.folder)

    def show_folder(self, run: Path | None) -> None:
        """Show what the network of a run is given; it is made when it is seen."""
        if run != self.run:
            self.run, self._asked = run, ()
            self._take(None)
            if self.isVisible():
                self._ask()

    def showEvent(self, event: Any) -> None:
        """Make what is to be seen."""
        super().showEvent(event)
        self._ask()

    def close_views(self) -> None:
        """Stop listening."""
        for leave in self._leaves:
            leave()
        self.scan.close_views()
        self.given.close_views()

    def _ask(self) -> None:
        self._show_bar()
        part = "training" if self.part.currentIndex() else "held out"
        run = self.run
        asked = (run, part, self.number.value() - 1, self.changed.isChecked(), self.epoch.value() - 1)
        if run is None or asked == self._asked:
            return
        if self._job is not None:
            self._again = True
            return
        self._asked = asked
        make, rest = self.desk.services.storied.seen, asked[1:]
        job = self._job = self.desk.start("what the network sees", lambda: make(run, *rest), page="train", quiet=True)
        job.refused.disconnect()
        job.refused.connect(lambda refusal: self._refused(f"{refusal.thing}: {refusal.fault}; {refusal.remedy}."))
        job.failed.connect(lambda sentence, trace: self._refused(sentence))
        job.ended.connect(lambda seen: self._take(seen) if run == self.run else None)
        job.over.connect(self._over_making)

    def _over_making(self) -> None:
        self._job = None
        if self._again:
            self._again = False
            self._ask()

    def _refused(self, why: str) -> None:
        self._take(None)
        self.waits.setText(why)

    def _show_bar(self) -> None:
        training = self.part.currentIndex() == 1
        self.changed.setVisible(training)
        self.epoch.setVisible(training and self.changed.isChecked())

    def _take(self, seen: Seen | None) -> None:
        self.seen = None
        self.waits.setText(WAITS if self.run is None else "making what the network sees…")
        self.stack.setCurrentIndex(0 if seen is None else 1)
        if seen is None:
            self.scan.store.put(Scene())
            self.given.store.put(Scene())
            return
        self.scan.store.put(scan_scene(seen))
        self.given.store.put(given_scene(seen))
        self.seen = seen
        self.scan_facts.setText(_listed(seen, SCAN) + ("" if seen.outline().voxels.all() else _sign(PATCH[0])))
        self.given_facts.setText(_listed(seen, GIVEN) + ("" if seen.inside.all() else _sign(PADDING[0])))
        self.given_title.setText("What the network is given" + (" · mirrored" if seen.mirrored else ""))
        self._begin()

    def _begin(self) -> None:
        """Look at a place that both have: the middle of what is labelled, else of the tensor."""
        assert self.seen is not None
        given = self.seen.given
        place = _middle(self.seen.label) or tuple(float(v) for v in given.to_mm([(n - 1) // 2 for n in given.shape]))
        self.given.store.put(self.given.store.state.at(place))  # type: ignore[arg-type]
        self._link(False)

    # -- the cross-hair -------------------------------------------------------------------------------------------

    def _told(self, old: Scene, new: Scene, of_scan: bool) -> None:
        if self.seen is None or self._led:
            return
        if old.cursor != new.cursor or old.radiological != new.radiological:
            self._from_scan = of_scan
            self._soon.start()  # a store must not be changed while it tells

    def _link(self, from_scan: bool) -> None:
        """Bring the other cross-hair to the same place of the patient."""
        seen = self.seen
        if seen is None:
            return
        here, there = (self.scan, self.given) if from_scan else (self.given, self.scan)
        mm = here.store.state.cursor
        other = seen.to_given(mm) if from_scan else seen.to_scan(mm)
        self._led = True
        try:
            state = replace(there.store.state, radiological=here.store.state.radiological, crosshair=other is not None)
            there.store.put(state if other is None else state.at(other))
            here.store.put(replace(here.store.state, crosshair=True))
        finally:
            self._led = False
        self._over(mm, from_scan)

    def _over(self, mm: Point | None, of_scan: bool) -> None:
        """Say values with units on both sides under the mouse, else at the cross-hair."""
        seen = self.seen
        if seen is None:
            return
        if mm is None:
            mm = (self.scan if of_scan else self.given).store.state.cursor
        scan_mm = mm if of_scan else seen.to_scan(mm)
        given_mm = seen.to_given(mm) if of_scan else mm
        self.scan_says.setText(said(seen.scan, scan_mm, seen.reference, seen.scan.unit))
        padded = given_mm is not None and not self._inside(seen, given_mm)
        words = said(seen.given, given_mm, seen.label, "SD")
        self.given_says.setText(f"{words} · padding" if padded else words)

    @staticmethod
    def _inside(seen: Seen, mm: Point) -> bool:
        voxel = seen.given.nearest(mm)
        return voxel is not None and bool(seen.inside[voxel])


def scan_scene(seen: Seen) -> Scene:
    """The scan with its reference, and what of it is in the tensor."""
    scene = replace(Scene(), layers=(layer_of(seen.scan, "image"),), radiological=seen.scan.oriented)
    if seen.reference is not None:
        scene = scene.adding(Layer(seen.reference, "labels", opacity=0.9, labels=named(())))
    outline = seen.outline()
    if not outline.voxels.all():
        scene = scene.adding(Layer(outline, "labels", opacity=0.9, style="outline", labels=PATCH))
    return replace(scene, active=0)


def given_scene(seen: Seen) -> Scene:
    """The tensor with its label, and what of it is padding."""
    image = replace(layer_of(seen.given, "image"), window=2 * SPREAD, level=0.0)
    scene = replace(Scene(), layers=(image,), radiological=seen.given.oriented)
    if seen.label is not None:
        scene = scene.adding(Layer(seen.label, "labels", opacity=0.9, labels=named(())))
    if not seen.inside.all():
        scene = scene.adding(Layer(seen.padding(), "labels", opacity=0.3, style="fill", labels=PADDING))
    return replace(scene, active=0)


def said(volume: Volume, mm: Point | None, label_map: Volume | None, unit: str) -> str:
    """Write the voxel, the place and the value at a point, and the label there."""
    voxel = None if mm is None else volume.nearest(mm)
    if mm is None or voxel is None:
        return "this place is not in it"
    value = volume.value_at(mm)
    near = 1.0 if unit == "SD" else abs(value or 0.0) / 10
    words = f"voxel {', '.join(map(str, voxel))} · value {number_text(value or 0.0, near)} {unit}".strip()
    if volume.calibrated:
        words += " · (" + ", ".join(f"{one:.1f}" for one in mm).replace("-", "−") + ") mm"
    at = None if label_map is None else label_map.value_at(mm)
    return words if not at else f"{words} · label {at:.0f}"


def _facts(name: str) -> QLabel:
    made = QLabel()
    made.setProperty("look", "small")
    made.setTextFormat(Qt.TextFormat.RichText)
    made.setWordWrap(True)
    made.setMargin(8)
    made.setAlignment(Qt.AlignmentFlag.AlignTop)
    made.setAccessibleName(name)
    return made


def _listed(seen: Seen, names: tuple[str, ...]) -> str:
    there = dict(seen.facts)
    rows = [f"<b>{html.escape(name)}</b> {html.escape(there[name])}" for name in names if name in there]
    return "".join(f'<p style="margin:0 0 5px 0">{row}</p>' for row in rows)


def _sign(one: Label) -> str:
    """Say what a colour means."""
    return f'<p style="margin:0"><span style="color:rgb{one.colour}">■</span> {one.name}</p>'


def _middle(label_map: Volume | None) -> Point | None:
    """The voxel of a label map nearest to the middle of what is labelled, in mm."""
    if label_map is None or not label_map.voxels.any():
        return None
    there = label_map.frame().nonzero()
    axes = [sorted(one.tolist())[len(one) // 2] for one in there]
    x, y, z = label_map.to_mm(axes)
    return float(x), float(y), float(z)
