"""Measures the labels of a layer beside the window, when somebody looks at the table and hands rest."""

from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from medviz.gui.desk import Desk
from medviz.gui.job import Job
from medviz.gui.viewer.rooms import ROOMS
from medviz.imaging.measure import LabelMeasure, labels_measured
from medviz.imaging.scene import Layer, Scene
from medviz.imaging.volume import Volume
from medviz.messages import Progress, Work

REST_MS = 400
"""The table waits until no label has been changed for so long."""


class LabelMeasuring(QObject):
    """`ready` says that `rows` of `volume` are there; they are asked for by `look`."""

    ready = Signal()

    def __init__(self, desk: Desk, parent: QObject) -> None:
        super().__init__(parent)
        self._desk = desk
        self.rows: tuple[LabelMeasure, ...] = ()
        self.volume: Volume | None = None
        self.image: Volume | None = None
        self._job: Job | None = None
        self._wanted: tuple[Volume, Volume | None, int] | None = None
        self._made: tuple[Volume, Volume | None, int] | None = None
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self._start)

    def look(self, layer: Layer | None, scene: Scene) -> None:
        """Measure a layer, unless that is done; the table of before stays until then."""
        if layer is None or scene.scan is None:
            return
        scan = scene.scan
        image = scan if scan.kind != "colour" and scan.same_grid(layer.volume) else None
        wanted = (layer.volume, image, min(scene.frame, scan.frames - 1))
        if wanted in (self._made, self._wanted):
            return
        first, self._wanted = self._made is None, wanted
        if first:
            self._start()
        else:
            self._rest.start()

    @property
    def busy(self) -> bool:
        """Whether something is being measured or about to be."""
        return self._job is not None or self._rest.isActive()

    def leave(self) -> None:
        """Stop."""
        self._rest.stop()
        if self._job is not None:
            self._job.stop()

    def save(self, layer: Layer, path: Path) -> None:
        """Write the table as CSV, measured anew where it has to be."""
        image, names = self.image, {label.value: label.name for label in layer.labels}

        def writing() -> Work[Path]:
            yield Progress(0, 0, f"writing {path.name}")
            ROOMS["write table"](*ROOMS["label rows"](layer.volume, names, image), path)
            return path

        self._desk.start(f"save {path.name}", writing, then=lambda made: self._desk.tell(f"Saved as {made}"))

    def _start(self) -> None:
        wanted = self._wanted
        if wanted is None or self._job is not None:
            return
        volume, image, frame = wanted
        job = self._desk.start(
            "measure labels",
            lambda: labels_measured(volume, image, frame),
            then=lambda rows: self._take(wanted, rows),
            quiet=True,
        )
        self._job = job
        job.over.connect(self._over)

    def _take(self, wanted: tuple[Volume, Volume | None, int], rows: tuple[LabelMeasure, ...]) -> None:
        self._made = wanted
        self.volume, self.image, _ = wanted
        self.rows = rows
        self.ready.emit()

    def _over(self) -> None:
        self._job = None
        if self._wanted is not None and self._wanted != self._made:
            self._rest.start()
