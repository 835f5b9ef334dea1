"""At most one answer a frame, always to the latest wish."""

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer

FRAME_MS = 16


class Pace(QObject):
    """Does what it is asked at once when it has rested for a frame, else at the next frame; of many wishes the last."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.done = 0
        self._wish: Callable[[], object] | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(FRAME_MS)
        self._timer.timeout.connect(self._tick)

    def ask(self, wish: Callable[[], object]) -> None:
        """Do `wish`, now or at the next frame."""
        self._wish = wish
        if not self._timer.isActive():
            self._tick()
            self._timer.start()

    def flush(self) -> None:
        """Do what still waits (a button was released)."""
        if self._wish is not None:
            self._tick()

    def _tick(self) -> None:
        wish, self._wish = self._wish, None
        if wish is None:
            self._timer.stop()
            return
        self.done += 1
        wish()
