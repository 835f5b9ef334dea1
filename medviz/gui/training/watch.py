"""A run that is watched: the job that trains or follows it, what it has said, and the state it is in."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from PySide6.QtCore import QObject, Signal

from medviz.gui.desk import Desk
from medviz.gui.job import Job
from medviz.gui.training.history import History
from medviz.messages import Message, Note, Work
from medviz.refused import Refused

State = Literal["waiting", "running", "paused", "stopping", "stopped", "failed", "done"]
GOING: tuple[State, ...] = ("waiting", "running", "paused", "stopping")


@dataclass(frozen=True)
class Failure:
    """What went wrong, why, and what to do about it; `trace` for whoever wants to know exactly."""

    what: str
    why: str
    remedy: str
    trace: str = ""


class Watch(QObject):
    """One run on the page. `changed` tells of a new state, never of a message: curves and pictures are fetched.

    `warned` (Note) passes on what went wrong without ending the run: memory, a disk, a loss that is not a number.

    `own` says that it is trained in this window: only then can it be paused and stopped. `task` is None where it is
    not known (a run that is elsewhere). `ended_at_s` is when it ended, in s since 1970.
    """

    changed = Signal()
    warned = Signal(object)

    def __init__(self, folder: Path, task: Any, own: bool, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.folder, self.task, self.own = folder, task, own
        self.history = History()
        self.state: State = "waiting"
        self.failure: Failure | None = None
        self.job: Job | None = None
        self._began_s = time.monotonic()
        self._ended_s: float | None = None
        self.ended_at_s: float | None = None
        self._paused_at_s: float | None = None
        self._paused_s = 0.0

    @property
    def title(self) -> str:
        """Name of the run."""
        return self.folder.name

    @property
    def going(self) -> bool:
        """True until the run has ended in one way or another."""
        return self.state in GOING

    def begin(self, desk: Desk, work: Callable[[], Work[Path]]) -> None:
        """Run the work (training, or following a run) beside the window."""
        title = f"training {self.title}" if self.own else f"following {self.title}"
        self.job = job = desk.start(title, work, page="train")
        job.said.connect(self._hear)
        job.ended.connect(lambda made: self._turn("done"))
        job.stopped.connect(lambda: self._turn("stopped"))
        job.refused.connect(self._refuse)
        job.failed.connect(self._fail)
        job.over.connect(self._forget)

    def pause(self) -> None:
        """Ask for no further step."""
        if self.job and self.state in ("waiting", "running"):
            self.job.pause()
            self._paused_at_s = time.monotonic()
            self._turn("paused")

    def resume(self) -> None:
        """Go on."""
        if self.job and self.state == "paused":
            self._count_pause()
            self.job.resume()
            self._turn("running")

    def stop(self) -> None:
        """Stop after the step it is in; what was learnt is kept."""
        if self.job and self.going and self.state != "stopping":
            self.job.stop()
            self._turn("stopping")

    @property
    def elapsed_s(self) -> float:
        """Seconds of training so far, without pauses."""
        now = self._ended_s or time.monotonic()
        paused = now - self._paused_at_s if self._paused_at_s is not None else 0.0
        return now - self._began_s - self._paused_s - paused

    def _hear(self, messages: list[Message]) -> None:
        self.history.hear(messages, self.elapsed_s)
        for message in messages:
            if self.own and isinstance(message, Note) and message.level != "info":
                self.warned.emit(message)
        if self.state == "waiting":
            self._turn("running")

    def _count_pause(self) -> None:
        if self._paused_at_s is not None:
            self._paused_s += time.monotonic() - self._paused_at_s
            self._paused_at_s = None

    def _turn(self, state: State) -> None:
        self.state = state
        if not self.going:
            self._ended_s, self.ended_at_s = time.monotonic(), time.time()
        self.changed.emit()

    def _refuse(self, refusal: Refused) -> None:
        self.failure = Failure(f"{self.title} did not train", f"{refusal.thing}: {refusal.fault}", refusal.remedy)
        self._turn("failed")

    def _fail(self, sentence: str, trace: str) -> None:
        why = sentence.split(": ", 1)[-1]
        remedy = "what was learnt until then is kept; resume the run, or start anew with other parameters"
        self.failure = Failure(f"{self.title} broke off", why, remedy, trace)
        self._turn("failed")

    def _forget(self) -> None:
        self.job = None
