"""How a network is taught: `train` is Work, one step a `next` at most, and can be read aloud.

Pause is not to ask for the next message. Stop is ``close()``: the state is saved, and `train` with ``resume`` goes on
bit for bit, in the middle of an epoch too, and after the process was killed from the last checkpoint.
"""

import contextlib
import gc
import math
import time
from collections import deque
from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

import torch

from medviz.messages import Message, Note, Progress, Scalar, Work
from medviz.refused import Refused
from medviz.training.card import fingerprint
from medviz.training.chance import apart, seeded
from medviz.training.device import chosen, considerate, in_words, precision_of
from medviz.training.keeper import Keeper
from medviz.training.learner import Learner, TooLarge
from medviz.training.plan import plan as plan
from medviz.training.readings import Readings
from medviz.training.run import Run, begin_with
from medviz.training.sampling import Lessons, Order, Whole
from medviz.training.schedules import shape
from medviz.training.standing import Standing, Watch
from medviz.training.story import Telling
from medviz.training.task import Batch, Task

GOOD_EVERY = 50
"""Steps between two copies of the weights to which training goes back when the loss is not a number."""
HALVINGS = 8
"""So often in a row the rate is halved before training gives up."""
SPEAK_S = 0.1
"""Between two messages of what changes slowly: rate, speed, time left."""

T = TypeVar("T")


def train(task: Task, folder: Path, resume: bool = False) -> Work[Path]:
    """Teach the task's network; yield what happens, keep all of it in `folder`, return the folder.

    Yields Scalars ("train/loss", "train/learning rate", "validation/..."), Progress, Notes, and the task's figures of
    its probes. Refuses a folder that holds a run already (unless `resume`), and what the task or its data refuse.
    """
    run = Run(Path(folder))
    if resume != run.there():
        fault = "there is no run in it to go on with" if resume else "there is a run in it already"
        raise Refused(folder, fault, "start a new run" if resume else "resume it or choose a new folder")
    with considerate(task.deterministic), apart(task.seed):
        first = Progress(0, 0, "reading the data")
        run.hear(first, 0)
        yield first
        teaching = Teaching(task, run)  # refuses before anything is written
        with run.held():
            yield from _heard(teaching, resume)
    return run.folder


def _heard(teaching: "Teaching", resume: bool) -> Work[None]:
    """Pull the teaching to its end, or to where it is closed; the run hears each message, and how it ended."""
    how = "failed"
    work = teaching.whole(resume)
    try:
        for message in work:
            teaching.run.hear(message, teaching.now.step)
            yield message
        how = "ended"
    except (GeneratorExit, KeyboardInterrupt):
        how = "stopped"
        raise
    except Refused as refusal:
        teaching.run.hear(Note(f"{refusal.thing}: {refusal.fault}", "error", refusal.remedy), teaching.now.step)
        raise
    finally:
        work.close()
        # where training failed, why it failed is what must be told, not that this could not be saved
        with contextlib.suppress(Refused) if how == "failed" else contextlib.nullcontext():
            teaching.end(how)


class Teaching:
    """One run in memory: the learner, what it learns from, and where it stands (`now`)."""

    def __init__(self, task: Task, run: Run) -> None:
        self.task, self.run = task, run
        self.device = chosen(task.device)
        self.data = task.data_set()
        samples = task.training(self.data)
        if not len(samples):
            raise Refused(task.data.name, "it has no samples to learn from", "choose another data set")
        self.order = Order(len(samples), task.batch, task.accumulation, task.seed)
        self.lessons = Lessons(samples, self.order, task.workers, self.device)
        self.validation = Whole(task.validation(self.data), self.device)
        self.probes = Whole(task.probes(self.data), self.device)
        seeded(self.device, task.seed)
        network = task.build(self.data)
        if task.start:
            begin_with(network, Path(task.start))
        self.learner = Learner(task, network, self.device, precision_of(task.precision, self.device))
        self.total = task.steps or task.epochs * self.order.steps
        self.probe_every = task.probe_every or max(25, self.total // 100)
        about = task.description(self.data), fingerprint(self.data, samples, self.validation.samples)
        self.keeper = Keeper(task, run, self.learner, *about)
        self.telling = Telling(run.folder, task, self.data, self.device)
        self.now = Standing()
        self.readings = Readings(self.device)
        self.halvings = 0
        self.between_steps = True
        self._spoken_s = time.monotonic()

    def whole(self, resume: bool) -> Work[None]:
        """Train to the end."""
        found = self.keeper.take_up(self.total) if resume else None
        self.now, notes = found or (self.keeper.set_up(self.total), [self._first_words()])
        yield from notes
        self.telling.take_up(self.now.step)
        if self.now.step == 0:
            yield from self._told()
        while not self._done():
            yield from self._epoch()
        yield from self.keeper.kept(self.now, save=True)
        yield Note(self._last_words())

    def _epoch(self) -> Work[None]:
        """Go through all samples once (from where the run stands), validate, and close the epoch."""
        if self.now.step < self.total:
            for batches in self.lessons.of(self.now.epoch, self.now.place):
                yield from self._step(batches)
                if self.now.step % self.probe_every == 0 or self.now.step == 1:
                    yield from self._pictures()
                yield from self.keeper.kept(self.now)
                if self.now.step >= self.total:
                    break
        if (self.now.epoch + 1) % self.task.validate_every == 0 or self.now.step >= self.total:
            yield from self._validated()
        self.now = replace(self.now, epoch=self.now.epoch + 1, place=0)
        if gc.isenabled():  # the window collects by itself, in its own thread: widgets must not end in this one
            gc.collect()
        yield from self.keeper.kept(self.now)

    def _step(self, batches: list[Batch]) -> Work[None]:
        """Change the weights once and say what came of it."""
        factor = self.now.factor * shape(self.task, self.now.step / self.total)
        pieces = self.learner.pieces
        self.between_steps = False
        with _no_collecting():
            try:
                readings = self.learner.step(batches, self.now.step, factor)
            except TooLarge as problem:
                fault = "not even one sample at a time fits into the memory"
                raise Refused(in_words(self.device), fault, "take smaller patches or a smaller network") from problem
        self.now = self.now.stepped()
        self.between_steps = True
        if self.now.step == self.keeper.clock.step + 1:
            gc.freeze()  # what lives now lives on; looking through it takes the collector 0.3 s each time
        self.readings.put(self.now.step, readings)
        if self.learner.pieces > pieces:
            yield self._smaller()
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
            if not all(map(math.isfinite, losses.values())):
                yield from self._all_of([*said, self._gone_back(step, batches)])
                return
            if speak:
                said += [Scalar(f"train/{name}", step, v) for name, v in values.items() if name not in losses]
        if speak:
            speed = self.keeper.clock.steps_per_s(self.now.step) * self.task.batch * self.task.accumulation
            said.append(Scalar("train/learning rate", self.now.step, self.task.rate(self.task.PARTS[0]) * factor))
            said.append(Scalar("train/samples per second", self.now.step, speed))
        if speak or not ready:
            self._spoken_s = time.monotonic()
            said.append(self._progress())
        yield from self._all_of(said)

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
        self.keeper.go_back()
        self.readings.clear()
        self.now = replace(self.now, factor=self.now.factor / 2)
        if self.halvings > HALVINGS:
            fault = f"the loss was not a number {self.halvings} times, although the rate was halved each time"
            raise Refused(
                "training", fault, "lower the learning rate and check the data for voxels that are no numbers"
            )
        culprit = _no_number_in(batches)
        why = f"its “{culprit}” holds values that are no numbers" if culprit else "the rate was too high"
        text = f"The loss of step {step} was not a number ({why}): back to the last good weights, rate halved"
        return Note(text, "warning", "Lower the learning rate or clip the gradient if this comes again")

    def _smaller(self) -> Note:
        whole, part = self.task.batch, max(1, self.task.batch // self.learner.pieces)
        text = f"Out of memory with a batch of {whole}: from now on in pieces of {part}, their gradients added"
        return Note(text, "warning", f"Set batch={part} and accumulation={math.ceil(whole / part)}, or smaller patches")

    def _validated(self) -> Work[None]:
        """Measure the network on samples it does not learn from; keep the best weights."""
        if not len(self.validation):
            return
        network = self.learner.judged.eval()
        try:
            measured: Mapping[str, float] = yield from self._aside(
                self.task.measures(network, self.validation, self.data)
            )
        finally:
            self.learner.network.train()
        measured = {**measured, "train/epoch": float(self.now.epoch + 1)}
        yield from (Scalar(name, self.now.step, value) for name, value in measured.items())
        yield from self._told(measured)
        watch = self.now.watch.told(measured.get(self.task.BEST, math.nan), self.now.step, self.task.HIGHER)
        if watch.waited == 0:
            yield from self.keeper.kept(replace(self.now, watch=watch), best=measured)
        self.now = replace(self.now, watch=watch, factor=self.now.factor * self._plateau(watch))

    def _plateau(self, watch: Watch) -> float:
        waited = self.task.schedule == "plateau" and watch.waited > 0 and watch.waited % self.task.wait == 0
        return self.task.drop if waited else 1.0

    def _pictures(self) -> Work[None]:
        """Draw what the network makes of the probes."""
        if not len(self.probes):
            return
        network = self.learner.judged.eval()
        try:
            yield from self._aside(self.task.figures(network, self.probes, self.data))
        finally:
            self.learner.network.train()

    def _told(self, measured: Mapping[str, float] = MappingProxyType({}), wanted: bool = False) -> Work[None]:
        """Keep what the network makes of a few whole scans, if there is time or a person wants it now."""
        network, now = self.learner.judged.eval(), self.now
        spent_s = math.inf if wanted else self.keeper.clock.spent_s()
        try:
            yield from self._aside(self.telling.kept(network, now.step, now.step / self.order.steps, measured, spent_s))
        finally:
            self.learner.network.train()

    def _aside(self, work: Iterator[Message] | Work[T]) -> Generator[Message, None, T]:
        """Pull work that must not learn: no gradients, the run's precision, its own chance."""
        count = 0
        while True:
            with torch.no_grad(), self.learner.precision.autocast(self.device), _no_collecting():
                seeded(self.device, self.task.seed, self.now.step, count)
                try:
                    message = next(work)
                except StopIteration as end:
                    return end.value  # type: ignore[no-any-return]
            count += 1
            yield self._within(message) if isinstance(message, Progress) else message

    def _within(self, part: Progress) -> Progress:
        """Put the progress of a part (a validation) into that of the run: one bar, one time left."""
        whole = self._progress()
        return replace(whole, what=f"{whole.what}, {part.what} {part.done:.0f} of {part.total:.0f}")

    def _done(self) -> bool:
        patience = self.task.patience
        tired = patience is not None and self.now.watch.waited >= patience
        return self.now.place == 0 and (self.now.step >= self.total or tired)

    def _progress(self) -> Progress:
        epochs = math.ceil(self.total / self.order.steps)
        what = f"epoch {min(self.now.epoch + 1, epochs)} of {epochs}"
        return Progress(self.now.step, self.total, what, self.keeper.clock.left_s(self.now.step, self.total))

    def _first_words(self) -> Note:
        weights = sum(one.numel() for one in self.learner.network.parameters())
        return Note(
            f"{weights:,} weights learn from {self.order.count:,} samples in {self.total:,} steps, "
            f"on {in_words(self.device)}, {self.learner.precision.name}"
        )

    def _last_words(self) -> str:
        watch = self.now.watch
        early = (
            "" if self.now.step >= self.total else f", ended early after {watch.waited} validations without progress"
        )
        best = "" if watch.best is None else f"; best {self.task.BEST} {watch.best:.4f} at step {watch.best_step}"
        return f"Trained {self.now.step} steps in {self.keeper.clock.spent_s():.0f} s{early}{best}"

    def end(self, how: str) -> None:
        """Say what the device still had to say, let the loader processes go, and keep all."""
        gc.unfreeze()
        self.lessons.close()
        if self.between_steps:
            for step, values in self.readings.ready(wait=True):
                for name, value in values.items():
                    self.run.hear(Scalar(f"train/{name}", step, value), step)
        self.keeper.end(self.now, how, self.between_steps)


@contextlib.contextmanager
def _no_collecting() -> Iterator[None]:
    """Keep the garbage collector out of a step (a full collection held a window up for 0.6 s)."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _no_number_in(batches: list[Batch]) -> str:
    """Name of the first entry of the batches with a value that is not finite, empty where all are."""
    for batch in batches:
        for name, value in batch.items():
            if isinstance(value, torch.Tensor) and value.is_floating_point() and not bool(value.isfinite().all()):
                return name
    return ""
