"""A model over the open scan in the background: its result grows in a layer that is only proposed."""

from dataclasses import replace
from typing import Any

from PySide6.QtCore import QObject, Signal

from medviz.figures import Gallery, Table
from medviz.gui.desk import Desk
from medviz.gui.job import Job
from medviz.gui.services import ModelCard, Services
from medviz.gui.viewer.reading import named_labels
from medviz.imaging.found import FoundBox, counted, marks_of
from medviz.imaging.labels import named
from medviz.imaging.prediction import Prediction
from medviz.imaging.scene import Layer, Scene
from medviz.imaging.sources import made_by
from medviz.imaging.volume import Volume, like
from medviz.messages import Note, Work

PARTIAL = "partial"
"""Name of the Gallery whose tiles (x, y, z) are the labels found so far, on the scan's grid."""
LABELS = "labels"
"""Name of the Table whose rows (value, name) say what the labels of a model are called."""


def proposal_number(scene: Scene) -> int | None:
    """Return the number of the topmost layer that waits for an answer."""
    waiting = (number for number in reversed(range(1, len(scene.layers))) if scene.layers[number].proposal)
    return next(waiting, None)


def same_scan(one: Volume, other: Volume | None) -> bool:
    """Tell whether both show the same voxels; a name, a unit or frames read since make another Volume of them."""
    return other is not None and (one is other or one.voxels is other.voxels) and one.same_grid(other)


class Predicting(QObject):
    """Runs one model at a time.

    Signals: `began` (ModelCard, Job) and `ended`. The result is put over the scan that the model was started on; if
    another scan is open by then, it is dropped and a notice says so. `found` is the last result while its scan is open.
    """

    began = Signal(object, object)
    ended = Signal()

    def __init__(self, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.job: Job | None = None
        self._growing: Layer | None = None
        self._names: tuple[str, ...] = ()
        self._found: tuple[Volume, Prediction] | None = None

    @property
    def found(self) -> Prediction | None:
        """The last result with what it was taken from; None where its scan is no longer open."""
        if self._found is not None and not same_scan(self._found[0], self._desk.scene.state.scan):
            self._found = None
        return None if self._found is None else self._found[1]

    def run(self, card: ModelCard, mirror: bool = False) -> Job | None:
        """Start a model on the open scan; a model that runs already is left to it.

        With `mirror` it also runs on the mirrored scan, which tells whether the orientation is suspicious. Of a series
        the frame on screen is labelled.
        """
        scan = self._desk.scene.state.scan
        if scan is None:
            self._desk.tell("There is no scan to label", "warning", "Open one first")
            return None
        if self.job is not None:
            self._desk.tell(f"{self.job.title} is still running", "warning", "Wait for it or cancel it")
            return None
        services, frame = self._desk.services, min(self._desk.scene.state.frame, scan.frames - 1)
        job = self._desk.start(
            f"{card.title} on {scan.name}",
            lambda: _labelled(services, card.where, scan, mirror, frame),
            then=lambda made: self._take(card, scan, made),
        )
        job.setProperty("grows", True)
        self.job, self._growing, self._names = job, None, ()
        job.said.connect(lambda messages: self._hear(card, scan, messages))
        job.over.connect(self._over)
        self.began.emit(card, job)
        return job

    def cancel(self) -> None:
        """Stop; what had grown so far is taken away."""
        if self.job is not None:
            self.job.stop()

    def _hear(self, card: ModelCard, scan: Volume, messages: list[Any]) -> None:
        names = [one for one in messages if isinstance(one, Table) and one.name == LABELS]
        if names:
            self._names = tuple(str(row[1]) for row in names[-1].rows)
        parts = [one for one in messages if isinstance(one, Gallery) and one.name == PARTIAL]
        for message in messages:
            if isinstance(message, Note):
                self._desk.noticed.emit(message)
        if parts and parts[-1].tiles.shape == scan.shape and same_scan(scan, self._desk.scene.state.scan):
            names_now = card.labels or self._names
            self._show(Layer(like(scan, parts[-1].tiles, card.title), "labels", labels=named(names_now)))

    def _take(self, card: ModelCard, scan: Volume, found: Prediction) -> None:
        made = found.labels
        if not same_scan(scan, self._desk.scene.state.scan):
            self._desk.tell(f"{card.title} finished, but {scan.name} is no longer open", remedy="Run it again there")
            return
        if made.shape != scan.shape or not made.same_grid(scan):
            self._desk.tell(f"{card.title} answered on another grid than {scan.name}; nothing is shown", "error")
            return
        self._found = (scan, found)
        if found.boxes is not None:
            self._outline(card, scan, found.boxes)
            return
        if found.classes is not None:
            name, share = found.classes[0]
            told = ", ".join(f"{one} {part:.0%}" for one, part in found.classes[1:4])
            self._desk.tell(f"{card.title}: {name} {share:.0%}", remedy=f"then {told}" if told else "")
            return
        volume = replace(made, name=made.name or card.title)
        maker = made_by(card.plain, volume)
        self._show(Layer(volume, "labels", labels=named_labels(volume, card.labels or self._names), maker=maker))
        self._growing = None

    def _outline(self, card: ModelCard, scan: Volume, boxes: tuple[FoundBox, ...]) -> None:
        """Put boxes among the measurements, in place of those that a model found before."""
        scene = self._desk.scene.state
        drawn = tuple(mark for mark in scene.marks if not mark.value)
        first = max((mark.number for mark in drawn), default=0) + 1
        self._desk.scene.put(replace(scene, marks=(*drawn, *marks_of(boxes, scan, first))))
        remedy = "They are listed in the tab Measure" if boxes else ""
        self._desk.tell(f"{card.title} found {counted(boxes)}", remedy=remedy)

    def _show(self, layer: Layer) -> None:
        """Put the proposal in place of what had grown so far, however that had been turned meanwhile."""
        scene = self._desk.scene.state
        number = self._number(scene)
        if number is None:
            layer = replace(layer, proposal=True)
            scene = replace(scene.adding(layer), active=len(scene.layers))
        else:
            layer = replace(scene.layers[number], volume=layer.volume, labels=layer.labels, maker=layer.maker)
            scene = scene.with_layer(number, volume=layer.volume, labels=layer.labels, maker=layer.maker)
        self._growing = layer
        self._desk.scene.put(scene)

    def _number(self, scene: Scene) -> int | None:
        if self._growing is None:
            return None
        volume = self._growing.volume
        return next((number for number, layer in enumerate(scene.layers) if layer.volume is volume), None)

    def _over(self) -> None:
        self.job = None
        number = self._number(self._desk.scene.state)
        if number is not None:  # cancelled or broken: half a result is none
            self._desk.scene.put(self._desk.scene.state.without(number))
        self._growing = None
        self.ended.emit()


def _labelled(services: Services, where: str, scan: Volume, mirror: bool, frame: int) -> Work[Prediction]:
    """Label a scan; the probabilities are kept where the rooms below can."""
    if services.modelled.run is not None:
        return (yield from services.modelled.run(where, scan, mirror, frame))
    labels = yield from services.predict(where, scan)
    return Prediction(labels)
