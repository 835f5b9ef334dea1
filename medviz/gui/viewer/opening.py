"""Files one after the other into the scene: the first is the scan, for each further one a person is asked."""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from PySide6.QtCore import QObject, Signal

from medviz.figures import Picture
from medviz.gui.desk import Desk
from medviz.gui.job import Job
from medviz.gui.viewer.content import extent
from medviz.gui.viewer.reading import Opened, opened, overlay_layer, scan_layer
from medviz.imaging.intensity import Role
from medviz.imaging.scene import Layer, Scene

As = Literal["scan", "image", "labels", "probability"]


class Opening(QObject):
    """Reads in a Job and puts layers into the scene.

    Signals: `began` (name, Job), `ended`; `asked` (Opened) when it must be said what a second file is, which `decide`
    answers; `previewed` (Picture) when the reader shows a first slice; `arrived` (path) when a new scan is on screen.
    """

    began = Signal(str, object)
    ended = Signal()
    asked = Signal(object)
    previewed = Signal(object)
    arrived = Signal(object)

    def __init__(self, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._queue: deque[tuple[Path, As | None, Callable[[], object] | None]] = deque()
        self._job: Job | None = None
        self.question: Opened | None = None

    @property
    def busy(self) -> bool:
        """True while something is read or a question is open."""
        return self._job is not None or self.question is not None

    def open(self, path: Path, kind: As | None = None, then: Callable[[], object] | None = None) -> None:
        """Open a file as soon as those before it are done; `then` is called when it is in the scene."""
        self._queue.append((Path(path), kind, then))
        self._next()

    def decide(self, kind: As | None) -> None:
        """Answer `asked`: what the file is; None leaves it."""
        found, self.question = self.question, None
        if found is not None and kind is not None:
            self._put(found, kind, None)
        else:
            self._next()

    def cancel(self) -> None:
        """Stop reading, and forget what waits."""
        self._queue.clear()
        if self._job is not None:
            self._job.stop()

    def _next(self) -> None:
        if self.busy or not self._queue:
            return
        path, kind, then = self._queue.popleft()
        services = self._desk.services
        self._run(f"open {path.name}", lambda: opened(services, path), lambda found: self._read(found, kind, then))

    def _read(self, found: Opened, kind: As | None, then: Callable[[], object] | None) -> None:
        if self._desk.scene.state.scan is None or kind == "scan":
            self._put(found, "scan", then)
        elif kind is not None or not self._desk.asks:
            self._put(found, kind or found.role, then)
        else:
            self.question = found
            self.asked.emit(found)

    def _put(self, found: Opened, kind: As, then: Callable[[], object] | None) -> None:
        for note in found.notes:
            self._desk.tell(f"{found.volume.name}: {note}", "warning")
        scan = self._desk.scene.state.scan
        if kind == "scan" or scan is None:
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
        role: Role = kind
        taken = sum(layer.role == "labels" for layer in self._desk.scene.state.layers[1:])
        self._run(
            f"open {found.path.name}",
            lambda: overlay_layer(found, role, scan, taken),
            lambda made: self._add(made, scan, then),
        )

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


def new_scene(old: Scene, layer: Layer) -> Scene:
    """A scene of one scan, looked at in the middle of what is seen; how a person looks at things stays.

    A picture of one slice fills the viewer; a scan after it gets its panes back.
    """
    volume = layer.volume
    scene = replace(old, layers=(layer,), frame=0, active=0, overlays_hidden=False, maximised=None)
    middle = [
        min((first + last) // 2, size - 1) for (first, last), size in zip(extent(volume), volume.shape, strict=True)
    ]
    flat = [axis for axis, size in enumerate(volume.shape) if size == 1]
    if len(flat) == 1:
        scene = replace(scene, maximised=("sagittal", "coronal", "axial")[flat[0]])
    return scene.at_voxel((middle[0], middle[1], middle[2]))
