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
from medviz.gui.training.runs import card_on_disk
from medviz.messages import Message, Note, Work
from medviz.refused import Refused

State = Literal["queued", "waiting", "running", "paused", "stopping", "stopped", "failed", "done", "lost"]
GOING: tuple[State, ...] = ("queued", "waiting", "running", "paused", "stopping")
ENDS: dict[str, State] = {"ended": "done", "stopped": "stopped", "failed": "failed", "lost": "lost"}
"""What a run's heartbeat says of its end, in the words of this page."""


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

    `own` says that it is trained in this window; one that is elsewhere is followed, and hears wishes through its
    folder. `task` is None where it is not known (a run that is elsewhere). `where` is what is followed where that is no
    folder of this machine ("ssh://..."): nothing can be asked of it. `ended_at_s` is when it ended, in s since 1970.
    `acknowledged` (words) tells that a wish was passed on; `tuned` is what was changed while it went.
    """

    changed = Signal()
    warned = Signal(object)
    acknowledged = Signal(str)

    def __init__(self, folder: Path, task: Any, own: bool, parent: QObject | None = None, where: str = "") -> None:
        super().__init__(parent)
        self.folder, self.own, self.where = folder, own, where
        self._desk: Desk | None = None
        self.history = History()
        self.task: Any = None
        self.know(task)
        self.tuned: dict[str, Any] = {}
        self.state: State = "waiting"
        self.failure: Failure | None = None
        self.job: Job | None = None
        self._began_s = time.monotonic()
        self._ended_s: float | None = None
        self.ended_at_s: float | None = None
        self._paused_at_s: float | None = None
        self._paused_s = 0.0

    def know(self, task: Any) -> None:
        """Take note of what is trained: it says by which measure the best is chosen."""
        self.task = task
        best: str | None = getattr(task, "BEST", None)
        if best:
            self.history.judged = (best, bool(task.HIGHER))

    def carry_on(self, before: "Watch") -> None:
        """Take over what an earlier session of the run said."""
        self.history = before.history
        self.know(before.task)

    @property
    def title(self) -> str:
        """Name of the run; of what another program writes, with the folder it lies in."""
        if self.where:
            return "/".join(self.where.rstrip("/").replace("\\", "/").split("/")[-2:])
        return self.folder.name or str(self.folder)

    @property
    def obeys(self) -> bool:
        """True where it can be paused and stopped from here."""
        return self.going and not self.where and self.state != "queued"

    @property
    def going(self) -> bool:
        """True until the run has ended in one way or another."""
        return self.state in GOING

    def begin(self, desk: Desk, work: Callable[[], Work[Path]]) -> None:
        """Run the work (training, or following a run) beside the window."""
        title = f"training {self.title}" if self.own else f"following {self.title}"
        self._desk = desk
        self.job = job = desk.start(title, work, page="train", quiet=not self.own)
        job.said.connect(self._hear)
        job.ended.connect(lambda made: self._end())
        job.stopped.connect(lambda: self._turn("stopped"))
        job.refused.connect(self._refuse)
        job.failed.connect(self._fail)
        job.over.connect(self._forget)

    def pause(self) -> None:
        """Ask for no further step."""
        if self.job and self.state in ("waiting", "running"):
            if self.own:
                self.job.pause()
            elif not self.order("pause"):
                return
            self._paused_at_s = time.monotonic()
            self._turn("paused")

    def resume(self) -> None:
        """Go on."""
        if self.job and self.state == "paused":
            if self.own:
                self.job.resume()
            elif not self.order("resume"):
                return
            self._count_pause()
            self._turn("running")

    def stop(self) -> None:
        """Stop after the step it is in; what was learnt is kept."""
        if self.job and self.going and self.state != "stopping":
            if self.own:
                self.job.stop()
            elif not self.order("stop"):
                return
            self._turn("stopping")

    def order(self, name: str, value: Any = None) -> bool:
        """Pass a wish on to the run, which answers within a step; a refusal becomes a notice."""
        if self._desk is None or self.where:
            return False
        self.tuned[name] = value
        order, folder = self._desk.services.teaching.order, self.folder
        said = self._desk.start(f"telling {self.title}", lambda: _told(order, folder, name, value), quiet=True)
        said.ended.connect(lambda _: self.acknowledged.emit(name))
        return True

    def look_round(self) -> None:
        """Take note of what came about elsewhere: paused in the status line, or in the process that trains it."""
        if self.job is None or self.where:
            return
        state = self._state_here(self.job) if self.own else self._state_elsewhere()
        if state == self.state:
            return
        if state == "paused":
            self._paused_at_s = time.monotonic()
        elif self.state == "paused":
            self._count_pause()
        self._turn(state)

    def _state_here(self, job: Job) -> State:
        if job.stopping and self.going:
            return "stopping"
        if job.paused and self.state in ("running", "waiting"):
            return "paused"
        return "running" if self.state == "paused" and not job.paused else self.state

    def _state_elsewhere(self) -> State:
        told = card_on_disk(self.folder, time.time()).state
        if told == "queued" and self.going:
            return "queued"
        if told == "training" and self.state == "queued":
            return "running"
        if told == "lost" and self.state in ("running", "waiting", "paused"):
            return "lost"
        if told == "paused" and self.state == "running":
            return "paused"
        return "running" if told == "training" and self.state in ("lost", "paused") else self.state

    @property
    def elapsed_s(self) -> float:
        """Seconds of training so far, without pauses."""
        now = self._ended_s or time.monotonic()
        paused = now - self._paused_at_s if self._paused_at_s is not None else 0.0
        return now - self._began_s - self._paused_s - paused

    def _hear(self, messages: list[Message]) -> None:
        self.history.hear(messages, self.elapsed_s)
        for message in messages:
            if self.own and isinstance(message, Note) and message.level in ("warning", "error"):
                self.warned.emit(message)
        if self.state == "waiting":
            self._turn("running")

    def _end(self) -> None:
        """Say how it ended: what is followed to its end may have been stopped, or have failed."""
        state = "done" if self.own or self.where else ENDS.get(card_on_disk(self.folder, time.time()).state, "done")
        if state == "failed":
            said = [note for note in self.history.notes if note.level == "error"]
            last = said[-1] if said else Note("it did not say why")
            self.failure = Failure(f"{self.title} broke off", last.text, last.remedy)
        self._turn(state)

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


def _told(order: Callable[[Path, str, Any], None], folder: Path, name: str, value: Any) -> Work[None]:
    """Tell a run something beside the window: its folder may lie on a slow disk."""
    yield from ()
    order(folder, name, value)
