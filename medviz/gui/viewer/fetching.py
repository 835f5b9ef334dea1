"""Frames of a long series, read when they are looked at."""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from PySide6.QtCore import QObject, QRect, Qt
from PySide6.QtGui import QAction, QColor, QPainter

from medviz.gui.job import Job
from medviz.gui.viewer.feature import Feature, Viewer
from medviz.gui.viewer.slice_view import SliceView
from medviz.imaging.scene import Scene
from medviz.imaging.volume import Volume
from medviz.messages import Work

_INK, _SHADE = QColor(235, 235, 235), QColor(0, 0, 0, 150)


class Fetching(Feature):
    """Reads the frame that is looked at, one at a time; the pane says so meanwhile."""

    NAME: ClassVar[str] = "fetching"

    def __init__(self, viewer: Viewer, parent: QObject) -> None:
        super().__init__(viewer, parent)
        self._job: Job | None = None
        self._asked: set[tuple[int, int]] = set()
        self.rest = QAction("Read all &frames of the series", self)
        self.rest.setToolTip("Frames are read when they are looked at; read the others too, for the course over time")
        self.rest.setEnabled(False)
        self.rest.triggered.connect(lambda checked=False: self.read_rest())
        self._leave = self.desk.scene.listen(self._told)

    def actions(self) -> Sequence[QAction]:
        """One entry of the Viewer menu."""
        return (self.rest,)

    def read_rest(self) -> None:
        """Read the frames that nobody has looked at yet."""
        scan = self.desk.scene.state.scan
        if scan is not None and scan.pending is not None and scan.pending.missing:
            pending = scan.pending
            self.desk.start(f"all frames of {scan.name}", pending.rest, then=lambda _: self._show(scan))

    def close_feature(self) -> None:
        """Stop listening and reading."""
        self._leave()
        if self._job is not None:
            self._job.stop()

    def paint(self, painter: QPainter, view: SliceView) -> None:
        """Say over a pane that its frame is not there yet."""
        scene = self.desk.scene.state
        if scene.scan is None or _there(scene.scan, scene.frame):
            return
        words = f"reading frame {scene.frame + 1} of {scene.scan.frames}"
        box = painter.fontMetrics().boundingRect(words).adjusted(-12, -6, 12, 6)
        place = QRect((view.width() - box.width()) // 2, (view.height() - box.height()) // 2, box.width(), box.height())
        painter.fillRect(place, _SHADE)
        painter.setPen(_INK)
        painter.drawText(place, Qt.AlignmentFlag.AlignCenter, words)

    def _told(self, old: Scene, new: Scene) -> None:
        if old.frame != new.frame:
            self._asked.clear()
        pending = new.scan.pending if new.scan is not None else None
        self.rest.setEnabled(pending is not None and bool(pending.missing))
        if old.frame != new.frame or old.layers is not new.layers or old.second is not new.second:
            self._fetch(new)

    def _fetch(self, scene: Scene) -> None:
        if self._job is not None:
            return
        volume = next((one for one in _volumes(scene) if self._wants(one, scene.frame)), None)
        if volume is None or volume.pending is None:
            return
        frame, pending = min(scene.frame, volume.frames - 1), volume.pending

        def reading() -> Work[None]:
            yield from pending.load(frame)

        self._asked.add((id(pending), frame))  # what was refused is asked for again when one comes back to it
        self._job = self.desk.start(f"frame {frame + 1} of {volume.name}", reading, then=lambda _: self._show(volume))
        self._job.over.connect(self._over)

    def _wants(self, volume: Volume, frame: int) -> bool:
        asked = id(volume.pending), min(frame, volume.frames - 1)
        return not _there(volume, frame) and asked not in self._asked

    def _show(self, volume: Volume) -> None:
        """Put the volume anew, so that all that looks at it looks again."""
        scene = self.desk.scene.state
        for number, layer in enumerate(scene.layers):
            if layer.volume.pending is volume.pending:
                scene = scene.with_layer(number, volume=replace(layer.volume))
        if scene.second is not None and scene.second.layer.volume.pending is volume.pending:
            layer = scene.second.layer
            scene = replace(scene, second=replace(scene.second, layer=replace(layer, volume=replace(layer.volume))))
        self.desk.scene.put(scene)

    def _over(self) -> None:
        self._job = None
        self._fetch(self.desk.scene.state)


def _volumes(scene: Scene) -> list[Volume]:
    second = [scene.second.layer.volume] if scene.second is not None else []
    return [*(layer.volume for layer in scene.layers), *second]


def _there(volume: Volume, frame: int) -> bool:
    return volume.pending is None or volume.pending.has(min(frame, volume.frames - 1))
