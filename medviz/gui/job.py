"""The one bridge between work in a thread and the window: a queue that a timer drains."""

import os
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from medviz.messages import Message, Note, Progress, Work
from medviz.refused import Refused

DRAIN_MS = 33
"""Thirty times a second: a signal a message does not scale (5,000 a second made a window 8 s late)."""


class Job(QObject):
    """Runs Work in a worker thread; the work is pulled, so that pause, resume and stop act between two steps.

    `begin` builds the work inside the thread (its imports do not hold up the window). Signals, all in the window's
    thread: `said` (list of messages, at most 30 times a second), `ended` (what the work returned), `refused`
    (Refused), `failed` (sentence, traceback), `stopped`. Exactly one of the last four comes, then `over`.
    """

    said = Signal(list)
    ended = Signal(object)
    refused = Signal(object)
    failed = Signal(str, str)
    stopped = Signal()
    over = Signal()

    def __init__(self, title: str, begin: Callable[[], Work[Any]], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.title = title
        self.progress: Progress | None = None
        self._begin = begin
        self._queue: deque[Message] = deque()
        self._may_go = threading.Event()
        self._may_go.set()
        self._stopping = threading.Event()
        self._outcome: tuple[str, tuple[Any, ...]] | None = None
        self._thread = threading.Thread(target=self._run, name=f"job: {title}", daemon=True)
        self._timer = QTimer(self)
        self._timer.setInterval(DRAIN_MS)
        self._timer.timeout.connect(self._drain)
        self.started_s = 0.0

    def start(self) -> "Job":
        """Begin; returns itself."""
        self.started_s = time.monotonic()
        self._timer.start()
        self._thread.start()
        return self

    @property
    def running(self) -> bool:
        """True from `start` until `over`."""
        return self._timer.isActive()

    @property
    def paused(self) -> bool:
        """True while the next step is not asked for."""
        return not self._may_go.is_set()

    def pause(self) -> None:
        """Do not ask for the next step."""
        self._may_go.clear()

    def resume(self) -> None:
        """Ask for the next step again."""
        self._may_go.set()

    def stop(self) -> None:
        """Close the work after the step it is in; its ``finally`` saves."""
        self._stopping.set()
        self._may_go.set()

    def wait(self, seconds: float) -> bool:
        """Wait for the thread to end (when the window closes); True if it did."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        _step_back()
        work: Work[Any] | None = None
        try:
            work = self._begin()
            self._outcome = self._pull(work)
        except Refused as refusal:
            self._outcome = ("refused", (refusal,))
        except MemoryError:
            self._outcome = ("refused", (Refused(self.title, "there is not enough memory", "close something"),))
        except BaseException as problem:  # the one place that catches everything, and shows it
            sentence = f"{self.title}: {type(problem).__name__}: {problem}"
            self._outcome = ("failed", (sentence, traceback.format_exc()))

    def _pull(self, work: Work[Any]) -> tuple[str, tuple[Any, ...]]:
        while True:
            self._may_go.wait()
            if self._stopping.is_set():
                work.close()
                return "stopped", ()
            try:
                self._queue.append(next(work))
            except StopIteration as end:
                return "ended", (end.value,)

    def _drain(self) -> None:
        outcome = self._outcome  # read first: what was queued before it is then surely seen below
        messages = []
        while self._queue:
            messages.append(self._queue.popleft())
        for message in messages:
            if isinstance(message, Progress):
                self.progress = message
        if messages:
            self.said.emit(messages)
        if outcome is not None:
            self._timer.stop()
            name, values = outcome
            getattr(self, name).emit(*values)
            self.over.emit()


def _step_back() -> None:
    """Let the window go first on Linux: a worker ten steps nicer took its lateness from 5.7 to 2.2 ms at no cost."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)


def note_of(refusal: Refused) -> Note:
    """Turn a refusal into the sentence a notice shows."""
    return Note(f"{refusal.thing}: {refusal.fault}", "error", refusal.remedy)
