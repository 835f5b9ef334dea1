"""What the other processes of a run do: their share of each step that the leader names, until it lets them go."""

import json
from collections.abc import Iterator

from medviz.messages import Progress, Work
from medviz.parameters import built
from medviz.refused import Refused
from medviz.training.bench import Bench
from medviz.training.chance import apart
from medviz.training.device import considerate
from medviz.training.ranks import END, TURN, Head, Helper
from medviz.training.task import Batch, Task


def help_along(task: Task, ranks: Helper) -> Work[int]:
    """Help the leader with its steps; yields a Progress for each, returns how many there were.

    Nothing is read before the leader's first step: what the leader refuses need not be refused twice.
    """
    head = ranks.heard()
    steps = 0
    if head.kind == END:
        return steps
    with considerate(task.deterministic), apart(task.seed):
        helping = Helping(task, ranks)
        try:
            while head.kind != END:
                helping.done(head)
                steps += head.kind != TURN
                yield Progress(head.number, 0, f"helps as process {ranks.rank + 1} of {ranks.count}")
                head = ranks.heard()
        finally:
            helping.bench.close()
    return steps


class Helping:
    """A helper's own learner and samples."""

    def __init__(self, task: Task, ranks: Helper) -> None:
        self.ranks, self.bench = ranks, Bench(task, ranks)
        self._lessons: Iterator[list[Batch]] = iter(())
        self._next: tuple[int, int] | None = None
        self._last: list[Batch] = []

    def done(self, head: Head) -> None:
        """Do what the leader says."""
        if head.kind == TURN:
            said = json.loads(head.text)
            self.bench.turn(built(type(self.bench.recipe), said["task"]), bool(said["samples"]))
            self._next = None
            return
        learner = self.bench.learner
        if head.state:
            learner.load(self.ranks.state())
        batches = self._batches(head.epoch, head.place)
        self.ranks.empty = not batches
        if not batches and not self._last:
            raise Refused(f"process {self.ranks.rank + 1}", "none of its samples could be read", "check the data there")
        self._last = batches or self._last
        learner.step(self._last, head.number, head.factor, head.epoch)

    def _batches(self, epoch: int, place: int) -> list[Batch]:
        """Return this process's share of a step; one after the other they are prepared ahead."""
        if self._next != (epoch, place):
            self._lessons = self.bench.lessons.of(epoch, place)
        self._next = (epoch, place + 1)
        batches = next(self._lessons, [])
        self.bench.lessons.taken()
        return batches
