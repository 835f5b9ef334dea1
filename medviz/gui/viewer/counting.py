"""How many voxels each label has: counted once a volume, beside the window where there are many."""

from collections.abc import Mapping
from weakref import WeakKeyDictionary

import numpy as np
from PySide6.QtCore import QObject, Signal

from medviz.gui.desk import Desk
from medviz.imaging.scene import Scene
from medviz.imaging.volume import Volume
from medviz.messages import Progress, Work, finished

AT_ONCE = 1_000_000
"""Voxels that are counted while one waits: 5 ms."""


def counted(volume: Volume) -> Work[dict[int, int]]:
    """Voxels by label above 0 of a map of whole numbers; one message a slice, so that it can be stopped."""
    voxels = volume.frame()
    total = np.zeros(1, np.int64)
    for k in range(voxels.shape[2]):
        found = np.bincount(voxels[:, :, k].ravel(order="K"))
        if len(found) > len(total):
            total = np.pad(total, (0, len(found) - len(total)))
        total[: len(found)] += found
        if k % 16 == 0:
            yield Progress(k, voxels.shape[2], "counting labels")
    return {int(value): int(total[value]) for value in np.flatnonzero(total) if value > 0}


class Counting(QObject):
    """Counts the label layers of the scene as they come; `counted` says that there is something new."""

    counted = Signal()

    def __init__(self, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._counts: WeakKeyDictionary[Volume, Mapping[int, int]] = WeakKeyDictionary()
        self._running: Volume | None = None
        self.leave = desk.scene.listen(lambda old, new: self._look(new) if old.layers is not new.layers else None)

    def of(self, volume: Volume) -> Mapping[int, int] | None:
        """Voxels by label, None while they are not counted."""
        return self._counts.get(volume)

    def know(self, volume: Volume, counts: Mapping[int, int]) -> None:
        """Take the counts of a volume that is about to be shown, so that it need not be counted."""
        self._counts[volume] = counts

    def _look(self, scene: Scene) -> None:
        for layer in reversed(scene.layers[1:]):
            if layer.role == "labels" and layer.volume not in self._counts:
                self._count(layer.volume)
                return

    def _count(self, volume: Volume) -> None:
        if volume.frame().size <= AT_ONCE:
            self._counts[volume] = finished(counted(volume))
            self.counted.emit()
        elif self._running is None:
            self._running = volume
            job = self._desk.start(
                "count labels", lambda: counted(volume), then=lambda made: self._take(volume, made), quiet=True
            )
            job.over.connect(self._over)

    def _take(self, volume: Volume, counts: Mapping[int, int]) -> None:
        self._counts[volume] = counts
        self.counted.emit()

    def _over(self) -> None:
        self._running = None
        self._look(self._desk.scene.state)
