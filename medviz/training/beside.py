"""What a run does beside learning: it answers orders, draws, measures, and says how it stands."""

import contextlib
import gc
import math
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TypeVar

import torch

from medviz.messages import Message, Note, Progress, Work
from medviz.training import words
from medviz.training.asked import Asked, needs_samples
from medviz.training.bench import Bench
from medviz.training.card import split_of
from medviz.training.chance import seeded
from medviz.training.device import out_of_memory
from medviz.training.hints import fresh
from medviz.training.keeper import Keeper
from medviz.training.looking import Look, drawn, weights_of
from medviz.training.obeying import Obeying
from medviz.training.orders import Orders
from medviz.training.ranks import Ranks
from medviz.training.run import Run
from medviz.training.standing import Standing
from medviz.training.story import Telling
from medviz.training.task import Task

PICTURES_SHARE = 0.04
"""No more than this of the time goes into pictures that nobody asked for: three scans in tiles can take ten seconds."""
PAUSE_S = 0.1
"""While it is paused by an order a run looks so often whether it may go on."""

T = TypeVar("T")


class Stopped(Exception):
    """A person has ordered the run to stop."""


class Beside:
    """One run in memory: what it works with, and where it stands (`now`).

    `aloud` is a message that is said to who listens here and not written down (the name of a file, a pause that lasts).
    """

    def __init__(self, task: Task, run: Run, orders: Orders, ranks: Ranks | None = None) -> None:
        self.run = run
        self.bench = Bench(task, ranks, begins=not (run.last.exists() or run.prev.exists()))
        bench = self.bench
        self.device, self.learner, self.order, self.total = bench.device, bench.learner, bench.order, bench.total
        about = task.description(bench.data), bench.fingerprint, split_of(bench.data)
        self.keeper = Keeper(task, run, self.learner, *about)
        self.telling = Telling(run.folder, task, bench.data, self.device)
        self.obeying = Obeying(orders, run, bench.layers)
        self.now = Standing()
        self.aloud: Message | None = None
        self._drawing_s = 0.0

    @property
    def task(self) -> Task:
        """The task as it is learnt now."""
        return self.bench.task

    @property
    def probe_every(self) -> int:
        """Steps between two rounds of probe pictures."""
        return self.bench.probe_every

    def _spared(self, work: Work[object], what: str) -> Work[None]:
        """Do work that a run can do without: where memory runs out it is left out, and that is said."""
        try:
            yield from work
        except (RuntimeError, MemoryError) as problem:
            if not out_of_memory(problem):
                raise
            self.learner.forget()
            text = f"Out of memory: {what} left out this time"
            yield Note(text, "warning", "Take smaller patches or a smaller network, or close other programs")

    def _pictures(self, wanted: bool = False) -> Work[None]:
        """Draw what the network makes of the probes, and what it looks like inside, if there is memory for it."""
        began_s = time.monotonic()
        yield from self._spared(self._drawn(wanted), "the pictures are")
        self._drawing_s += time.monotonic() - began_s

    def _may_draw(self) -> bool:
        """Tell whether pictures are due: where a person did not say how often, they may take little of the time."""
        if self.now.step == 1:
            return True
        due = self.now.step % self.probe_every == 0
        spent_s = self.keeper.clock.spent_s()
        return due and (self.task.probe_every is not None or self._drawing_s <= PICTURES_SHARE * spent_s)

    def _drawn(self, wanted: bool) -> Work[None]:
        network, look = self.learner.judged.eval(), Look(self.now.asked.layers)
        try:
            if len(self.bench.probes):
                with look.at(network):
                    yield from self._aside(self.task.figures(network, self.bench.probes, self.bench.data))
        finally:
            self.learner.network.train()
        yield from look.figures()
        if self.learner.gradients:
            yield drawn("gradients", self.learner.gradients)
        yield drawn("weights", weights_of(self.learner.network))
        if wanted:
            yield from self._told(wanted=True)

    def _told(self, measured: Mapping[str, float] = MappingProxyType({}), wanted: bool = False) -> Work[None]:
        """Keep what the network makes of a few whole scans, if there is time or a person wants it now."""
        network, now = self.learner.judged.eval(), self.now
        spent_s = math.inf if wanted else self.keeper.clock.spent_s()
        kept = self.telling.kept(network, now.step, now.step / self.order.steps, measured, spent_s)
        try:
            yield from self._spared(self._aside(kept), "what is kept of the scans is")
        finally:
            self.learner.network.train()

    def _aside(self, work: Iterator[Message] | Work[T]) -> Generator[Message, None, T]:
        """Pull work that must not learn: no gradients, the run's precision, its own chance; orders are answered."""
        count = 0
        while True:
            with torch.no_grad(), self.learner.precision.autocast(self.device), no_collecting():
                seeded(self.device, self.task.seed, self.now.step, count)
                try:
                    message = next(work)
                except StopIteration as end:
                    return end.value  # type: ignore[no-any-return]
            count += 1
            yield words.within(self._progress(), message) if isinstance(message, Progress) else message
            yield from self.keeper.kept(self.now)  # a long validation is heard as it goes, and shows that it lives
            yield from self._answers(aside=True)

    def _answers(self, aside: bool = False) -> Work[None]:
        """Do what was ordered since the last time; wait here while the run is paused.

        Pictures that are wanted while others are drawn (`aside`) come after them.
        """
        while True:
            asked, notes = self.obeying.take(self.now.asked, self.task, self.now.step)
            self.keeper.answered = self.obeying.orders.answered
            if asked != self.now.asked:
                self._turn(asked)
            yield from notes
            if self.obeying.done("stop"):
                raise Stopped
            if self.obeying.done("save"):
                yield from self.keeper.kept(self.now, save=True)
                yield Note(f"Saved at step {self.now.step}, as asked")
            if not aside and self.obeying.done("preview"):
                yield from self._pictures(wanted=True)
            if not self.obeying.paused:
                self.keeper.state = "training"
                return
            yield from self._paused()

    def _paused(self) -> Work[None]:
        """Rest for a moment, with a sign of life; the log hears of it once."""
        asked_s = time.monotonic()
        still = replace(self._progress(), what="paused", left_s=None)
        if self.keeper.state != "paused":
            self.keeper.state = "paused"
            yield still
        yield from self.keeper.kept(self.now)
        self.aloud = still
        yield still
        time.sleep(PAUSE_S)
        self.keeper.clock.away(time.monotonic() - asked_s)

    def _turn(self, asked: Asked) -> None:
        """Go on with what holds from now on beside the recipe."""
        task = asked.on(self.bench.recipe)
        if task != self.task:
            before = Asked(fields=tuple((name, getattr(self.task, name)) for name, _ in asked.fields))
            self.bench.turn(task, needs_samples(task, before, asked))
            self.keeper.describe(task.description(self.bench.data))
        self.now = replace(self.now, asked=asked)

    def _hints(self) -> Work[None]:
        """Say what a person should know who has not seen many trainings."""
        yield from (hint.note() for hint in fresh(self.keeper.past, self.bench.known))

    def _progress(self) -> Progress:
        return words.progress(self.now, self.total, self.order.steps, self.keeper.clock)


@contextlib.contextmanager
def no_collecting() -> Iterator[None]:
    """Keep the garbage collector out of a step (a full collection held a window up for 0.6 s)."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
