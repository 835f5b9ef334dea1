"""The one bridge between work in a thread and the window: a queue that a timer drains."""

import math
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
MOST_QUEUED = 20_000
"""Work that says more than the window takes waits here, so that a busy window does not fill the memory."""


class Job(QObject):
    """Runs Work in a worker thread; the work is pulled, so that pause, resume and stop act between two steps.

    `begin` builds the work inside the thread (its imports do not hold up the window). Signals, all in the window's
    thread: `said` (list of messages, every `drain_ms`; a lab that follows the mouse asks for less), `ended` (what the
    work returned), `refused` (Refused), `failed` (sentence, traceback), `stopped`. Exactly one of the last four comes,
    then `over`; by then the thread has ended.
    """

    said = Signal(list)
    ended = Signal(object)
    refused = Signal(object)
    failed = Signal(str, str)
    stopped = Signal()
    over = Signal()

    def __init__(
        self, title: str, begin: Callable[[], Work[Any]], parent: QObject | None = None, drain_ms: int = DRAIN_MS
    ) -> None:
        super().__init__(parent)
        self.title = title
        self.progress: Progress | None = None
        self.pace = Pace()
        self.started_s = 0.0
        self._begin: Callable[[], Work[Any]] | None = begin
        self._queue: deque[Message] = deque()
        self._may_go = threading.Event()
        self._may_go.set()
        self._stopping = threading.Event()
        self._outcome: tuple[str, tuple[Any, ...]] | None = None
        self._thread: threading.Thread | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(drain_ms)
        self._timer.timeout.connect(self._drain)
        self._running = False
        self._telling = False

    def start(self) -> "Job":
        """Begin; returns itself. A job is started once."""
        if self._thread is not None:
            raise RuntimeError(f"{self.title} was started before")
        self.started_s = time.monotonic()
        self._running = True
        self._thread = threading.Thread(target=self._run, name=f"job: {self.title}", daemon=True)
        self._thread.start()
        self._timer.start()
        return self

    @property
    def running(self) -> bool:
        """True from `start` until `over`; may be asked of a job that was deleted."""
        return self._running

    @property
    def paused(self) -> bool:
        """True while the next step is not asked for."""
        return not self._may_go.is_set()

    @property
    def stopping(self) -> bool:
        """True from `stop` on: the work finishes the step it is in."""
        return self._stopping.is_set()

    @property
    def left_s(self) -> float | None:
        """Seconds left: what the work says itself, else what its pace tells; None where neither does."""
        if self.progress is None or self.stopping:
            return None
        return self.progress.left_s if self.progress.left_s is not None else self.pace.left_s(time.monotonic())

    def pause(self) -> None:
        """Do not ask for the next step."""
        if not self._stopping.is_set():
            self._may_go.clear()
            self.pace.hold(time.monotonic())

    def resume(self) -> None:
        """Ask for the next step again."""
        self.pace.go_on(time.monotonic())
        self._may_go.set()

    def stop(self) -> None:
        """Close the work after the step it is in; its ``finally`` saves."""
        self._stopping.set()
        self._may_go.set()

    def wait(self, seconds: float) -> bool:
        """Wait for the thread to end (when the window closes) and tell the outcome; True if it did end."""
        if self._thread is not None:
            self._thread.join(seconds)
            if self._thread.is_alive():
                return False
            if self._running:
                self._drain()
        return True

    def _run(self) -> None:
        _step_back()
        try:
            outcome = self._pull()
        except Refused as refusal:
            outcome = ("refused", (_bare(refusal),))
        except MemoryError:
            outcome = ("refused", (Refused(self.title, "there is not enough memory", "close something"),))
        except BaseException as problem:  # the one place that catches everything, and shows it
            sentence = f"{self.title}: {type(problem).__name__}: {problem}"
            outcome = ("failed", (sentence, traceback.format_exc()))
        self._outcome = outcome

    def _pull(self) -> tuple[str, tuple[Any, ...]]:
        assert self._begin is not None
        begin, self._begin = self._begin, None
        work = begin()
        while True:
            self._may_go.wait()
            while len(self._queue) >= MOST_QUEUED and not self._stopping.is_set():
                time.sleep(DRAIN_MS / 1000)
            if self._stopping.is_set():
                work.close()
                return "stopped", ()
            try:
                self._queue.append(next(work))
            except StopIteration as end:
                return "ended", (end.value,)

    def _drain(self) -> None:
        if self._telling:
            return  # a listener runs an event loop of its own (a dialog); what came meanwhile is told after it
        self._telling = True
        try:
            self._tell()
        finally:
            self._telling = False

    def _tell(self) -> None:
        outcome = self._outcome  # read first: what was queued before it is then surely seen below
        messages = [self._queue.popleft() for _ in range(len(self._queue))]
        for message in messages:
            if isinstance(message, Progress):
                self.progress = message
                self.pace.saw(time.monotonic(), message)
        if messages:
            self.said.emit(messages)
        if outcome is not None:
            self._timer.stop()
            if self._thread is not None:
                self._thread.join()  # it has nothing more to do but to end
            self._outcome, self._running = None, False
            name, values = outcome
            getattr(self, name).emit(*values)
            self.over.emit()


class Pace:
    """How fast work goes, and so how long it still takes; pauses do not count.

    The rate is that of the last `span_s` seconds, so that a slow beginning (imports, the first epoch) is forgotten.
    """

    def __init__(self, span_s: float = 20.0) -> None:
        self.span_s = span_s
        self._seen: deque[tuple[float, float]] = deque(maxlen=2000)
        self._held_at: float | None = None
        self._held_s = 0.0
        self._total = 0.0

    def saw(self, now_s: float, progress: Progress) -> None:
        """Take note of progress at a time; going back, or towards another total, begins anew."""
        if progress.total <= 0:
            return
        if progress.total != self._total or (self._seen and progress.done < self._seen[-1][1]):
            self._seen.clear()
        self._total = progress.total
        clock = self._clock(now_s)
        if self._seen and progress.done == self._seen[-1][1]:
            return
        self._seen.append((clock, progress.done))
        while len(self._seen) > 2 and self._seen[1][0] < clock - self.span_s:
            self._seen.popleft()

    def hold(self, now_s: float) -> None:
        """Stop the clock."""
        if self._held_at is None:
            self._held_at = now_s

    def go_on(self, now_s: float) -> None:
        """Let the clock run again."""
        if self._held_at is not None:
            self._held_s += now_s - self._held_at
            self._held_at = None

    def left_s(self, now_s: float) -> float | None:
        """Return the seconds left from now; None until there are two places to measure between."""
        if len(self._seen) < 2:
            return None
        (first_s, first), (last_s, last) = self._seen[0], self._seen[-1]
        if last_s <= first_s or last <= first:
            return None
        step_s = (last_s - first_s) / (last - first)
        return max(0.0, (self._total - last) * step_s - (self._clock(now_s) - last_s))

    def _clock(self, now_s: float) -> float:
        return (self._held_at if self._held_at is not None else now_s) - self._held_s


def clock(seconds: float | None) -> str:
    """Write a duration as a clock does ("0:41", "1:05:00"); empty for None."""
    if seconds is None or not math.isfinite(seconds):
        return ""
    whole = math.ceil(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


def _step_back() -> None:
    """Let the window go first on Linux: a worker ten steps nicer took its lateness from 5.7 to 2.2 ms at no cost."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)


def _bare(refusal: Refused) -> Refused:
    """Take the tracebacks off: they would keep the work's arrays alive, and this job with them."""
    refusal.__cause__ = refusal.__context__ = None
    return refusal.with_traceback(None)


def note_of(refusal: Refused) -> Note:
    """Turn a refusal into the sentence a notice shows."""
    return Note(f"{refusal.thing}: {refusal.fault}", "error", refusal.remedy)
