"""Runs `show()` beside the window; of many wishes only the latest is fulfilled, and late answers are dropped."""

import time
from typing import Any

from PySide6.QtCore import QObject, Signal

from medviz.figures import Figure
from medviz.gui.desk import Desk
from medviz.gui.job import Job
from medviz.messages import Message, Note, Progress, Scalar, Work
from medviz.refused import Refused

DRAIN_MS = 4
"""The mouse is followed: a cell must light up within 50 ms, work and painting included."""
TOGETHER_S = 0.12
"""Figures that come within this time appear at once, so that window, products and sum never disagree."""
PATIENCE_S = 0.25
"""Work that takes longer is stopped when something else is wanted; quicker work may finish, so that one sees it go."""


class Showing(QObject):
    """`show(lab)` as often as one likes.

    Signals: `figured` (lab, figures, whole) where `whole` says that these are all; `counted` (lab, steps of its
    player); `refused` (lab, Refused); `failed` (sentence, trace); `noted` (Note); `busied` (Progress or None).
    """

    figured = Signal(object, list, bool)
    counted = Signal(object, int)
    refused = Signal(object, object)
    failed = Signal(str, str)
    noted = Signal(object)
    busied = Signal(object)

    def __init__(self, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._job: Job | None = None
        self._lab: Any = None
        self._wanted: Any = None
        self._generation = 0
        self._figures: list[Figure] = []
        self._told = False

    @property
    def busy(self) -> bool:
        """True while an answer is due."""
        return self._job is not None

    def show(self, lab: Any) -> None:
        """Ask for the figures of a lab; a wish that waits is replaced."""
        self._wanted = lab
        if self._job is None:
            self._begin()
        elif time.monotonic() - self._job.started_s > PATIENCE_S:
            self._job.stop()

    def drop(self) -> None:
        """Forget what is due: another lab comes."""
        self._generation += 1
        self._wanted = None
        if self._job is not None:
            self._job.stop()

    def _begin(self) -> None:
        self._lab, self._wanted = self._wanted, None
        self._generation += 1
        self._figures, self._told = [], False
        lab, generation = self._lab, self._generation
        job = Job(str(getattr(lab, "TITLE", "lab")), lambda: _shown(lab), self, DRAIN_MS)
        job.said.connect(lambda messages: self._hear(generation, messages))
        job.ended.connect(lambda steps: self._end(generation, steps))
        job.refused.connect(lambda refusal: self._refuse(generation, refusal))
        job.failed.connect(lambda sentence, trace: self._fail(generation, sentence, trace))
        job.over.connect(self._over)
        self._job = job
        self._desk.jobs.append(job)
        job.start()

    def _is_current(self, generation: int) -> bool:
        return generation == self._generation

    def _hear(self, generation: int, messages: list[Message]) -> None:
        if not self._is_current(generation) or self._job is None:
            return
        for message in messages:
            if isinstance(message, Progress):
                self.busied.emit(message)
            elif isinstance(message, Note):
                self.noted.emit(message)
            elif not isinstance(message, Scalar):
                self._figures.append(message)
        if self._figures and time.monotonic() - self._job.started_s > TOGETHER_S:
            self._tell(False)

    def _tell(self, whole: bool) -> None:
        latest = list({figure.name: figure for figure in self._figures}.values())
        if whole:
            self.figured.emit(self._lab, latest, True)
        else:
            self.figured.emit(self._lab, latest, False)
            self._told = True

    def _end(self, generation: int, steps: int) -> None:
        if self._is_current(generation):
            self._tell(True)
            self.counted.emit(self._lab, steps)

    def _refuse(self, generation: int, refusal: Refused) -> None:
        if self._is_current(generation):
            self.refused.emit(self._lab, refusal)

    def _fail(self, generation: int, sentence: str, trace: str) -> None:
        if self._is_current(generation):
            self.failed.emit(sentence, trace)

    def _over(self) -> None:
        job, self._job = self._job, None
        if job is not None:
            if job in self._desk.jobs:
                self._desk.jobs.remove(job)
            job.deleteLater()
        self.busied.emit(None)
        if self._wanted is not None:
            self._begin()


def _shown(lab: Any) -> Work[int]:
    yield from lab.show()
    return int(lab.steps())
