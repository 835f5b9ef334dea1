"""How a network is taught: `train` is Work, one step a `next` at most, and can be read aloud.

Pause is not to ask for the next message, or an order. Stop is ``close()``, or an order: the state is saved, and `train`
with ``resume`` goes on bit for bit, in the middle of an epoch too, and after the process was killed from the last
checkpoint.
"""

import contextlib
import gc
import math
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from medviz.messages import Message, Note, Progress, Scalar, Work
from medviz.refused import Refused
from medviz.training import words
from medviz.training.against import against
from medviz.training.before.plan import plan as plan
from medviz.training.beside import Beside, Stopped, no_collecting
from medviz.training.chance import apart
from medviz.training.damaged import Leaving, Left, Unreadable, spoilt
from medviz.training.device import considerate, in_words, out_of_memory
from medviz.training.discreet import discreet
from medviz.training.evaluating import judged
from medviz.training.learner import TooLarge
from medviz.training.machine import Machine
from medviz.training.orders import Orders
from medviz.training.ranks import Ranks
from medviz.training.readings import Readings
from medviz.training.run import Run
from medviz.training.schedules import shape
from medviz.training.standing import Watch
from medviz.training.synthetic import kept_or_made
from medviz.training.task import Batch, Task

GOOD_EVERY = 50
"""Steps between two copies of the weights to which training goes back when the loss is not a number."""
HALVINGS = 8
"""So often in a row the rate is halved before training gives up."""
SPEAK_S = 0.1
"""Between two messages of what changes slowly: rate, speed, time left."""
AWAY_S = 1.0
"""Who asks for the next step later than this has paused the run: it does not count as time of training."""
WAIT_S, WAIT_LIMIT_S = 1.0, 1800.0
"""While the disk of the samples is gone training asks every second, and gives up after half an hour."""


def train(
    task: Task, folder: Path, resume: bool = False, orders: Orders | None = None, ranks: Ranks | None = None
) -> Work[Path]:
    """Teach the task's network; yield what happens, keep all of it in `folder`, return the folder.

    Yields Scalars ("train/loss", "train/learning rate", "validation/...", "machine/..."), Progress, Notes, the task's
    figures of its probes and what the network looks like inside. `orders` is what the run is told meanwhile from this
    process; what others tell it through its folder it hears in any case. `ranks` are the processes that help. Refuses
    a folder that holds a run already (unless `resume`), and what the task or its data refuse.
    """
    run = Run(Path(folder))
    if resume != run.there():
        fault = "there is no run in it to go on with" if resume else "there is a run in it already"
        raise Refused(folder, fault, "start a new run" if resume else "resume it or choose a new folder")
    orders = orders or Orders(run.folder)
    with considerate(task.deterministic), apart(task.seed):
        first = Progress(0, 0, "reading the data")
        run.hear(first, 0)
        yield first
        teaching = Teaching(task, run, orders, ranks)  # refuses before anything is written
        with run.held():
            yield from _heard(teaching, resume)
    return run.folder


def _heard(teaching: "Teaching", resume: bool) -> Work[None]:
    """Pull the teaching to its end, or to where it is closed; the run hears each message, and how it ended."""
    how = "failed"
    work = teaching.whole(resume)
    try:
        for message in work:
            if message is not teaching.aloud:
                teaching.run.hear(discreet(message), teaching.now.step)
            asked_s = time.monotonic()
            yield message
            away_s = time.monotonic() - asked_s
            if away_s > AWAY_S:
                teaching.keeper.clock.away(away_s)
        how = "stopped" if teaching.stopped else "ended"
    except (GeneratorExit, KeyboardInterrupt):
        how = "stopped"
        raise
    except Refused as refusal:
        why = Note(f"{refusal.thing}: {refusal.fault}", "error", refusal.remedy)
        teaching.run.hear(discreet(why), teaching.now.step)
        raise
    finally:
        work.close()
        # where training failed, why it failed is what must be told, not that this could not be saved
        with contextlib.suppress(Refused) if how == "failed" else contextlib.nullcontext():
            teaching.end(how)


class Teaching(Beside):
    """One run in memory: what it works with, where it stands (`now`), and how it learns."""

    def __init__(self, task: Task, run: Run, orders: Orders | None = None, ranks: Ranks | None = None) -> None:
        super().__init__(task, run, orders or Orders(run.folder), ranks)
        self.leaving = Leaving(self.order.count)
        self.leaving_held = Leaving(len(self.bench.validation), "validation sample")
        self.machine = Machine(self.device, helped=task.workers > 0)
        self.readings = Readings(self.device)
        self.halvings = 0
        self.between_steps, self.stopped = True, False
        self._spoken_s = time.monotonic()

    def whole(self, resume: bool) -> Work[None]:
        """Train to the end, or until it is ordered to stop."""
        yield from self._synthesised()
        found = self.keeper.take_up(self.total) if resume else None
        first = words.first_words(self.learner, self.order, self.total)
        self.now, notes = found or (self.keeper.set_up(self.total, self.bench.layers), [first, *self.bench.begun])
        self._turn(self.now.asked)
        yield from notes
        try:
            yield from self._taught()
        except Stopped:
            self.stopped = True
            yield from self.keeper.kept(self.now, save=True)
            yield Note(f"Stopped at step {self.now.step} of {self.total}, as asked; all is kept")

    def _synthesised(self) -> Work[None]:
        """Make the synthetic samples that were asked for, or read those that the run keeps."""
        added = self.task.added(self.bench.data)
        if added is not None:
            real = self.order.count - added.count
            self.bench.add((yield from kept_or_made(added, self.run.folder, real)))

    def _taught(self) -> Work[None]:
        self.telling.take_up(self.now.step)
        if self.now.step == 0:
            yield from self._told()
        while not self._done():
            yield from self._epoch()
        yield from self._told(wanted=True)  # where training ended early, too
        yield from self.keeper.kept(self.now, save=True)
        cases: Work[object] = self._aside(judged(self.task, self.run, self.bench.data, self.device))
        yield from self._spared(cases, "the results case by case are")
        yield from self._spared(against(self.task, self.run), "the comparison with the other run is")
        yield words.last_words(self.task, self.now, self.total, self.keeper.clock)

    def _epoch(self) -> Work[None]:
        """Go through all samples once (from where the run stands), validate, and close the epoch."""
        while self.now.step < self.total and self.now.place < self.order.steps:
            yield from self._lessons()
        if (self.now.epoch + 1) % self.task.validate_every == 0 or self.now.step >= self.total:
            yield from self._validated()
        self.now = replace(self.now, epoch=self.now.epoch + 1, place=0)
        self.keeper.past.epoch_ended()
        yield from self._hints()
        if gc.isenabled():  # the window collects by itself, in its own thread: widgets must not end in this one
            gc.collect()
        yield from self.keeper.kept(self.now)

    def _lessons(self) -> Work[None]:
        """Go through the epoch as long as its samples are made in the same way, and can be read."""
        lessons = self.bench.lessons
        try:
            for batches in lessons.of(self.now.epoch, self.now.place):
                left = self.bench.lessons.taken()
                self.keeper.past.skipped += len(left)
                yield from self._left_out(left, self.leaving)
                yield from self._step(batches)
                if self.now.step <= 2:
                    yield from self._hints()
                if self.bench.lessons is lessons and self._may_draw():
                    yield from self._pictures()
                yield from self.keeper.kept(self.now)
                yield from self._answers()
                if self.now.step >= self.total or self.bench.lessons is not lessons:
                    return
            self.now = replace(self.now, place=self.order.steps)
        except Unreadable as problem:
            if not problem.gone or self.now.step == self.keeper.clock.step:
                raise
            yield from self._waited_for_samples(problem)

    def _step(self, batches: list[Batch]) -> Work[None]:
        """Change the weights once and say what came of it."""
        if not batches:  # all of it was left out
            self.now = self.now.stepped()
            yield self._progress()
            return
        factor = self.now.factor * self.now.asked.rate * shape(self.task, self.now.step / self.total)
        pieces = self.learner.pieces
        self.learner.look = (self.now.step + 1) % self.probe_every == 0 or self.now.step == 0
        self.between_steps, self.bench.ranks.place = False, self.now.place
        with no_collecting():
            try:
                readings = self.learner.step(batches, self.now.step, factor, self.now.epoch)
            except TooLarge as problem:
                yield self._smaller_samples(problem)
                return
        self.now = self.now.stepped()
        self.between_steps = True
        if self.now.step == self.keeper.clock.step + 1:
            gc.freeze()  # what lives now lives on; looking through it takes the collector 0.3 s each time
        self.readings.put(self.now.step, readings)
        if self.learner.pieces > pieces:
            yield words.in_pieces(self.task, self.learner.pieces)
        while self.learner.doubts:
            yield Note(self.learner.doubts.pop(0), "warning")
        yield from self._read(batches, factor)
        if self.now.step % GOOD_EVERY == 0 and self.keeper.note_good():
            self.halvings = 0

    def _read(self, batches: list[Batch], factor: float) -> Work[None]:
        """Say the losses that the device has ready; go back where one is not a number. At least one message."""
        speak = time.monotonic() - self._spoken_s > SPEAK_S
        ready = self.readings.ready()
        said: list[Message] = []
        for step, values in ready:
            losses = {name: value for name, value in values.items() if name.startswith("loss")}
            said += [Scalar(f"train/{name}", step, value) for name, value in losses.items()]
            self.keeper.past.lost(values)
            if not all(map(math.isfinite, losses.values())):
                yield from self._all_of([*said, self._gone_back(step, batches)])
                return
            if speak:
                said += [Scalar(f"train/{name}", step, v) for name, v in values.items() if name not in losses]
        if speak:
            said += self._slow_ones(factor)
        if speak or not ready:
            self._spoken_s = time.monotonic()
            said.append(self._progress())
        yield from self._all_of(said)

    def _slow_ones(self, factor: float) -> Iterator[Message]:
        """Say what changes slowly: rate, speed, epoch and time, and every two seconds what the machine gives."""
        clock, now = self.keeper.clock, self.now
        speed = clock.steps_per_s(now.step) * self.task.batch * self.task.accumulation
        yield Scalar("train/learning rate", now.step, self.task.rate(self.task.PARTS[0]) * factor)
        yield Scalar("train/samples per second", now.step, speed)
        if now.place < self.order.steps:  # at its end the validation says it
            yield Scalar("train/epoch", now.step, now.epoch + now.place / self.order.steps)
        yield Scalar("train/seconds", now.step, clock.spent_s())
        if self.machine.due():
            waited_s = self.bench.lessons.waited_s
            self.keeper.past.waited(self.machine.waited(waited_s))
            for name, value in self.machine.read(waited_s).items():
                yield Scalar(name, now.step, value)

    def _all_of(self, messages: list[Message]) -> Work[None]:
        """Say these; what is left when the work is closed among them is still written down."""
        left = deque(messages)
        try:
            while left:
                yield left.popleft()
        finally:
            for message in left:
                self.run.hear(message, self.now.step)

    def _gone_back(self, step: int, batches: list[Batch]) -> Note:
        """Undo the last steps after a loss that is not a number, and go on with half the rate."""
        self.halvings += 1
        self.keeper.past.skipped += 1
        self.keeper.go_back()
        self.readings.clear()
        self.now = replace(self.now, factor=self.now.factor / 2)
        if self.halvings > HALVINGS:
            fault = f"the loss was not a number {self.halvings} times, although the rate was halved each time"
            raise Refused(
                "training", fault, "lower the learning rate and check the data for voxels that are no numbers"
            )
        return words.gone_back(step, next(filter(None, map(spoilt, batches)), ""))

    def _smaller_samples(self, problem: TooLarge) -> Note:
        """Go on with smaller samples, where the task can, after not even one of them fitted into the memory."""
        fields = self.task.smaller(self.bench.data)
        if not fields or self.bench.ranks.many:
            fault = "not even one sample at a time fits into the memory"
            raise Refused(in_words(self.device), fault, "take smaller patches or a smaller network") from problem
        self.between_steps = True
        self.learner.forget()
        self.learner.pieces = 1
        self._turn(self.now.asked.with_fields(**fields))
        said = ", ".join(f"{name}={value}" for name, value in fields.items())
        text = f"Out of memory with one sample: smaller ones are taken from the next step on ({said})"
        return Note(text, "warning", "The network sees less around each place; take a smaller network to see more")

    def _left_out(self, left: Iterable[Left], leaving: Leaving) -> Work[None]:
        """Say which samples were left out; refuse to go on where they are many. The log gets no names of files."""
        for one in left:
            told = leaving.told(one)
            if told is not None:
                self.aloud, written = told
                self.run.hear(discreet(written), self.now.step)
                yield self.aloud

    def _waited_for_samples(self, problem: Unreadable) -> Work[None]:
        """Wait until the disk of the samples is back."""
        text = f"The samples cannot be read ({problem.fault}); training waits"
        yield Note(text, "error", "Bring their disk or share back; or stop")
        since_s = time.monotonic()
        while time.monotonic() - since_s < WAIT_LIMIT_S:
            asked_s = time.monotonic()
            time.sleep(WAIT_S)
            self.keeper.clock.away(time.monotonic() - asked_s)
            yield from self._answers()
            if self.bench.can_read(problem.index):
                yield Note("The samples are there again; training goes on")
                return
            yield replace(self._progress(), what="waiting for the samples")
        raise problem

    def _validated(self) -> Work[None]:
        """Measure the network on samples it does not learn from; keep the best weights."""
        validation = self.bench.validation
        if not len(validation):
            return
        network = self.learner.judged.eval()
        try:
            measured: Mapping[str, float] = yield from self._aside(
                self.task.measures(network, validation, self.bench.data)
            )
        except (RuntimeError, MemoryError) as problem:
            if not out_of_memory(problem):
                raise
            fault = "one sample of the validation does not fit into the memory"
            remedy = "take a smaller network, or smaller pictures; the run can be resumed where there is more memory"
            raise Refused(in_words(self.device), fault, remedy) from problem
        finally:
            self.learner.network.train()
        yield from self._left_out(validation.left.values(), self.leaving_held)
        measured = {**measured, "train/epoch": float(self.now.epoch + 1)}
        yield from (Scalar(name, self.now.step, value) for name, value in measured.items())
        self.keeper.past.measured(measured)
        yield from self._told(measured, wanted=self.now.step >= self.total)
        watch = self.now.watch.told(measured.get(self.task.BEST, math.nan), self.now.step, self.task.HIGHER)
        if watch.waited == 0:
            yield from self.keeper.kept(replace(self.now, watch=watch), best=measured)
        self.now = replace(self.now, watch=watch, factor=self.now.factor * self._plateau(watch))

    def _plateau(self, watch: Watch) -> float:
        waited = self.task.schedule == "plateau" and watch.waited > 0 and watch.waited % self.task.wait == 0
        return self.task.drop if waited else 1.0

    def _done(self) -> bool:
        patience = self.task.patience
        tired = patience is not None and self.now.watch.waited >= patience
        return self.now.place == 0 and (self.now.step >= self.total or tired)

    def end(self, how: str) -> None:
        """Say what the device still had to say, let the loader processes go, and keep all."""
        gc.unfreeze()
        self.bench.close()
        if self.between_steps:
            for step, values in self.readings.ready(wait=True):
                for name, value in values.items():
                    self.run.hear(Scalar(f"train/{name}", step, value), step)
        self.keeper.end(self.now, how, self.between_steps)
