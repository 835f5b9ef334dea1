"""Frames of a long series that are read when they are wanted."""

import threading
from collections.abc import Callable

from medviz.messages import Work


class Pending:
    """Which frames of a volume are in memory, and how the others get there.

    Voxels of a frame that is not loaded are 0 and mean nothing: ask `has` before they are shown, `load` the frame
    first, or all (`rest`). Two may ask at once; a frame is read once.
    """

    def __init__(self, count: int, fill: Callable[[int], Work[None]]) -> None:
        self.count = count
        self._fill = fill
        self._loaded: set[int] = set()
        self._lock = threading.Lock()

    def has(self, frame: int) -> bool:
        """Tell whether a frame is in memory."""
        return frame in self._loaded

    @property
    def missing(self) -> tuple[int, ...]:
        """Frames that are not in memory."""
        return tuple(frame for frame in range(self.count) if frame not in self._loaded)

    def load(self, frame: int) -> Work[None]:
        """Read a frame; nothing to do where it is there."""
        if not self.has(frame):
            yield from self._fill(frame)
            with self._lock:
                self._loaded.add(frame)

    def rest(self) -> Work[None]:
        """Read all that is missing."""
        for frame in self.missing:
            yield from self.load(frame)
