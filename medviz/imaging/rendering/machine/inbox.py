"""Requests as they come in; a thread reads them, so that work in hand can be told to stop."""

import os
import queue
import threading
from typing import Any, BinaryIO

from medviz.imaging.rendering.wire import Array, Note, receive


class Inbox:
    """Requests in order. `stopped(number)` says whether a request has been called off meanwhile."""

    def __init__(self, stream: BinaryIO) -> None:
        self._waiting: queue.SimpleQueue[tuple[Note, list[Array]]] = queue.SimpleQueue()
        self._stopped = -1
        threading.Thread(target=self._read, args=(stream,), name="inbox", daemon=True).start()

    def take(self) -> tuple[Note, list[Array]]:
        """Wait for the next request."""
        return self._waiting.get()

    def stopped(self, number: int) -> bool:
        """Tell whether a request is wanted no more."""
        return number <= self._stopped

    def _read(self, stream: Any) -> None:
        while True:
            try:
                note, arrays = receive(stream)
            except (EOFError, OSError, ValueError):
                os._exit(0)  # the parent has gone; VTK is not given the time to fail in its own destructors
            if note["do"] == "stop":
                self._stopped = int(note["number"])
            else:
                self._waiting.put((note, arrays))
