"""Files one after the other into the scene: the first is the scan, for each further one a person is asked."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from PySide6.QtCore import QObject, Signal

from medviz.figures import Picture
from medviz.gui.desk import Desk
from medviz.gui.job import Job
from medviz.gui.viewer.content import extent
from medviz.gui.viewer.reading import Opened, looked, overlay_layer, scan_layer
from medviz.gui.viewer.regularising import is_offered
from medviz.imaging.intensity import Role
from medviz.imaging.scene import Layer, Scene, Second
from medviz.imaging.series import SeriesCard
from medviz.imaging.slabs import NO_SLAB

As = Literal["scan", "second", "image", "labels", "probability"]


@dataclass(frozen=True, eq=False)
class Wanted:
    """What is to be opened: a file, a folder, or one series of it, as what, and what follows.

    `over` lays it over the scan without a question.
    """

    path: Path
    kind: As | None = None
    then: Callable[[], object] | None = None
    card: SeriesCard | None = None
    over: bool = False


class Opening(QObject):
    """Reads in a Job and puts layers into the scene.

    Signals: `began` (name, Job), `ended`; `asked` (Opened) when it must be said what a second file is, which `decide`
    answers; `offered` (SeriesCards) when a folder holds several series, which `choose` answers, and `withdrawn` when
    it need not be answered any more; `previewed` (Picture) when the reader shows a first slice; `arrived` (path) when
    a new scan is on screen.
    """

    began = Signal(str, object)
    ended = Signal()
    asked = Signal(object)
    offered = Signal(object)
    withdrawn = Signal()
    previewed = Signal(object)
    arrived = Signal(object)

    def __init__(self, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._queue: deque[Wanted] = deque()
        self._job: Job | None = None
        self.question: Opened | None = None
        self.offer: Wanted | None = None

    @property
    def busy(self) -> bool:
        """True while something is read or a question is open."""
        return self._job is not None or self.asking

    @property
    def asking(self) -> bool:
        """True while a person is asked what a file is, or which series is meant."""
        return self.question is not None or self.offer is not None

    def open(self, path: Path, kind: As | None = None, then: Callable[[], object] | None = None) -> None:
        """Open a file as soon as those before it are done; `then` is called when it is in the scene."""
        self._queue.append(Wanted(Path(path), kind, then))
        if self.offer is not None:
            self.withdrawn.emit()
            self.choose(None)
        else:
            self._next()

    def decide(self, kind: As | None) -> None:
        """Answer `asked`: what the file is; None leaves it."""
        found, self.question = self.question, None
        if found is not None and kind is not None:
            self._put(found, kind, None)
        else:
            self._next()

    def choose(self, card: SeriesCard | None, over: bool = False, cards: Sequence[SeriesCard] = ()) -> None:
        """Answer `offered`: the series to be opened, or laid over the scan; None leaves them.

        What lies over a scan is opened with that scan, which is looked for among `cards`.
        """
        wanted, self.offer = self.offer, None
        if card is not None:
            then = wanted.then if wanted is not None else None
            kind: As = (wanted.kind if wanted is not None else None) or "scan"
            beneath = None if over or card.content == "scan" else scan_of(card, cards)
            made = [Wanted(card.path, None if over else kind, then, card, over)]
            if beneath is not None:
                made = [Wanted(card.path, "scan", None, beneath), Wanted(card.path, None, then, card, True)]
            self._queue.extendleft(reversed(made))
        self.ended.emit()
        self._next()

    def cancel(self) -> None:
        """Stop reading, and forget what waits."""
        self._queue.clear()
        if self._job is not None:
            self._job.stop()

    def _next(self) -> None:
        if self.busy or not self._queue:
            return
        wanted = self._queue.popleft()
        desk, scan = self._desk, None if wanted.kind == "scan" else self._desk.scene.state.scan
        self._run(
            f"open {wanted.card.title if wanted.card is not None else wanted.path.name}",
            lambda: looked(desk.services, wanted.path, wanted.card, scan, desk.asks),
            lambda found: self._read(found, wanted),
        )

    def _read(self, found: Opened | tuple[SeriesCard, ...], wanted: Wanted) -> None:
        if isinstance(found, tuple):
            self.offer = wanted
            self.offered.emit(found)
        elif self._desk.scene.state.scan is None or wanted.kind == "scan":
            self._put(found, "scan", wanted.then)
        elif wanted.over:
            named = found.sure or found.card is None  # a series of DICOM that does not say it is labels is a picture
            self._put(found, found.role if named else "image", wanted.then)
        elif wanted.kind is not None or found.sure or not self._desk.asks:
            self._put(found, wanted.kind or found.role, wanted.then)
        else:
            self.question = found
            self.asked.emit(found)

    def _put(self, found: Opened, kind: As, then: Callable[[], object] | None) -> None:
        scan = self._desk.scene.state.scan
        new = kind == "scan" or scan is None
        self._tell(found, new)
        if new:
            self._desk.scene.put(new_scene(self._desk.scene.state, scan_layer(found)))
            self._desk.remember(found.path)
            self.arrived.emit(found.path)
            if found.role == "labels":
                self._desk.tell(
                    f"{found.volume.name} looks like a label map", remedy="Open its scan first, then this over it"
                )
            if then is not None:
                then()
            return
        assert scan is not None
        if kind == "second":
            self._beside(found, then)
            return
        role: Role = "image" if kind == "scan" else kind
        taken = sum(layer.role == "labels" for layer in self._desk.scene.state.layers[1:])
        self._run(
            f"open {found.path.name}",
            lambda: overlay_layer(found, role, scan, taken),
            lambda made: self._add(made, scan, then),
        )

    def _tell(self, found: Opened, new: bool) -> None:
        """Say what a person should know of a file; what the banner over the panes says is not said twice."""
        for note in found.notes:
            if not (new and is_offered(note)):
                self._desk.tell(f"{found.volume.name}: {note}", "warning")
        if new and found.more:
            self._desk.tell(
                f"{found.volume.name} is one slice; {found.more:,} more files lie beside it",
                button="Open the folder",
                act=partial(self.open, found.path.parent, "scan"),
            )

    def _beside(self, found: Opened, then: Callable[[], object] | None) -> None:
        """Put a scan beside the first one, linked in mm."""
        scene = self._desk.scene.state
        self._desk.scene.put(replace(scene, second=Second(scan_layer(found)), layout="compare", maximised=None))
        self._desk.remember(found.path)
        if scene.scan is not None and not (scene.scan.oriented and found.volume.oriented):
            self._desk.tell(
                "One of the two scans does not say how it lies in the patient", "warning", "Check each side"
            )
        if then is not None:
            then()

    def _add(self, made: tuple[Layer, tuple[str, ...]], scan: Any, then: Callable[[], object] | None) -> None:
        layer, notes = made
        scene = self._desk.scene.state
        if scene.scan is not scan:
            return
        for note in notes:
            self._desk.tell(note, "warning" if "overlap" in note or "resampled" in note else "info")
        self._desk.scene.put(replace(scene.adding(layer), active=len(scene.layers)))
        if then is not None:
            then()

    def _run(self, title: str, begin: Callable[[], Any], take: Callable[[Any], object]) -> None:
        job = self._desk.start(title, begin, then=take)
        self._job = job
        job.said.connect(self._hear)
        job.over.connect(lambda: self._over(job))
        self.began.emit(title.removeprefix("open "), job)

    def _hear(self, messages: list[Any]) -> None:
        for message in messages:
            if isinstance(message, Picture):
                self.previewed.emit(message)

    def _over(self, job: Job) -> None:
        if self._job is job:
            self._job = None
            self.ended.emit()
        self._next()


def scan_of(card: SeriesCard, cards: Sequence[SeriesCard]) -> SeriesCard | None:
    """Return the scan that labels or contours were drawn on, else the largest of the folder."""
    scans = [one for one in cards if one.content == "scan"]
    return next((one for one in scans if one.key == card.over), scans[0] if scans else None)


def new_scene(old: Scene, layer: Layer) -> Scene:
    """A scene of one scan, looked at in the middle of what is seen; how a person looks at things stays.

    A picture of one slice fills the viewer; a scan after it gets its panes back.
    """
    volume = layer.volume
    layout = old.layout if old.layout in ("2x2", "1+3") else "2x2"
    scene = replace(
        old,
        layers=(layer,),
        frame=0,
        active=0,
        overlays_hidden=False,
        maximised=None,
        layout=layout,
        turn=None,
        marks=(),
        slab=NO_SLAB,
        second=None,
    )
    middle = [
        min((first + last) // 2, size - 1) for (first, last), size in zip(extent(volume), volume.shape, strict=True)
    ]
    flat = [axis for axis, size in enumerate(volume.shape) if size == 1]
    if len(flat) == 1:
        scene = replace(scene, maximised=("sagittal", "coronal", "axial")[flat[0]])
    return scene.at_voxel((middle[0], middle[1], middle[2]))
