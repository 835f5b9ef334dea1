"""Which two label layers are compared, and the job that compares them."""

from PySide6.QtCore import QObject, Signal

from medviz.gui.desk import Desk
from medviz.gui.job import Job
from medviz.gui.viewer.rooms import ROOMS
from medviz.imaging.judging.difference import LEGEND
from medviz.imaging.judging.results import TOLERANCE_MM, Comparison
from medviz.imaging.scene import Layer, Scene
from medviz.imaging.volume import Volume
from medviz.messages import Note

Colour = tuple[int, int, int]


def listed(scene: Scene) -> tuple[object, ...]:
    """What pickers of layers show of a scene: opacity and window are no part of it."""
    return tuple((layer.volume, layer.role, layer.proposal, layer.labels) for layer in scene.layers)


def followed(volume: Volume | None, old: Scene, new: Scene) -> Volume | None:
    """Return what a layer's volume has become (it was painted on), if the layers are the same ones otherwise."""
    if len(old.layers) != len(new.layers):
        return volume
    pairs = zip(old.layers, new.layers, strict=True)
    return next((now.volume for was, now in pairs if was.volume is volume), volume)


class Judging(QObject):
    """Compares one pair at a time.

    Signals: `chosen` (another pair, or other layers), `moved` (progress of the job), `ended`, `judged` (there is a new
    `found`), `forgotten` (the scan was closed). `found` belongs to the pair `of`, which may be gone since (`stale`).
    """

    chosen = Signal()
    moved = Signal()
    ended = Signal()
    judged = Signal()
    forgotten = Signal()

    def __init__(self, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.job: Job | None = None
        self.found: Comparison | None = None
        self.of: tuple[Volume, Volume] | None = None
        self.pair: tuple[Volume | None, Volume | None] = (None, None)
        self.tolerance_mm = TOLERANCE_MM
        self.colours: dict[int, Colour] = {}
        self._leave = desk.scene.listen(self._told)
        self._settle()

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The label layers that can be compared; a map of their difference is none."""
        layers = self._desk.scene.state.layers
        return tuple(one for one in layers if one.role == "labels" and one.labels != LEGEND)

    @property
    def stale(self) -> bool:
        """Whether what was compared is no longer what is in the scene."""
        there = [layer.volume for layer in self.layers]
        return self.of is not None and not all(any(one is other for other in there) for one in self.of)

    @property
    def title(self) -> str:
        """What was compared with what."""
        return f"{self.of[0].name} against {self.of[1].name}" if self.of is not None else ""

    def choose(self, prediction: Volume | None, reference: Volume | None) -> None:
        """Choose what is compared."""
        self.pair = prediction, reference
        self._settle()

    def swap(self) -> None:
        """Take the prediction for the reference, and the other way round."""
        self.choose(self.pair[1], self.pair[0])

    def tolerate(self, tolerance_mm: float) -> None:
        """Measure within another tolerance; again, if it was measured."""
        if tolerance_mm != self.tolerance_mm:
            self.tolerance_mm = tolerance_mm
            if self.found is not None:
                self.compare()

    def compare(self) -> Job | None:
        """Compare the chosen two beside the window; an earlier comparison that still runs is stopped."""
        prediction, reference = self.pair
        if prediction is None or reference is None or prediction is reference:
            return None
        self.cancel()
        names, tolerance_mm = self._names(prediction, reference), self.tolerance_mm
        job = self._desk.start(
            f"compare {prediction.name} with {reference.name}",
            lambda: ROOMS["agreement"](prediction, reference, names, tolerance_mm),
            then=lambda found: self._take(found, prediction, reference),
        )
        self.job = job
        job.said.connect(self._hear)
        job.over.connect(lambda: self._over(job))
        self.moved.emit()
        return job

    def cancel(self) -> None:
        """Stop comparing."""
        if self.job is not None:
            self.job.stop()

    def leave(self) -> None:
        """Stop listening and comparing."""
        self._leave()
        self.cancel()

    def _told(self, old: Scene, new: Scene) -> None:
        if old.scan is not new.scan:
            self.cancel()
            self.found = self.of = None
            self.forgotten.emit()
        if old.layers is not new.layers and listed(old) != listed(new):
            self.pair = followed(self.pair[0], old, new), followed(self.pair[1], old, new)
            self._settle()

    def _settle(self) -> None:
        """Keep what was chosen while it is there; else what is proposed or on top is held against the lowest."""
        layers = self.layers
        there = [layer.volume for layer in layers]
        prediction, reference = (one if any(one is other for other in there) else None for one in self.pair)
        if len(layers) >= 2:
            proposed = [layer.volume for layer in layers if layer.proposal]
            settled = [layer.volume for layer in layers if not layer.proposal]
            if reference is None:
                reference = next((one for one in settled if one is not prediction), None)
            if prediction is None:
                prediction = next((one for one in (*proposed, *reversed(there)) if one is not reference), None)
        self.pair = prediction, reference
        self.chosen.emit()

    def _names(self, prediction: Volume, reference: Volume) -> dict[int, str]:
        """Names and colours of both layers; those of the reference first, but a name before a number."""
        names: dict[int, str] = {}
        self.colours = {}
        for volume in (reference, prediction):
            layer = next((one for one in self.layers if one.volume is volume), None)
            for label in layer.labels if layer is not None else ():
                if names.get(label.value) in (None, f"label {label.value}"):
                    names[label.value] = label.name
                self.colours.setdefault(label.value, label.colour)
        return names

    def _hear(self, messages: list[object]) -> None:
        for message in messages:
            if isinstance(message, Note):
                self._desk.noticed.emit(message)
        self.moved.emit()

    def _over(self, job: Job) -> None:
        if self.job is job:
            self.job = None
            self.ended.emit()

    def _take(self, found: Comparison, prediction: Volume, reference: Volume) -> None:
        scan = self._desk.scene.state.scan
        if scan is not None and found.grid.shape == scan.shape:
            self.found, self.of = found, (prediction, reference)
            self.judged.emit()
