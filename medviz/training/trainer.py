"""How a network is taught: `train` is Work, one step a `next` at most, and can be read aloud.

Pause is not to ask for the next message. Stop is ``close()``: the state is saved, and `train` with ``resume`` goes on
bit for bit, in the middle of an epoch too, and after the process was killed from the last checkpoint.
"""

import contextlib
import gc
import math
import random
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from medviz.messages import Message, Note, Progress, Scalar, Work
from medviz.parameters import plain
from medviz.refused import Refused
from medviz.training import checkpoints
from medviz.training.card import card, environment, fingerprint
from medviz.training.device import chosen, considerate, in_words, precision_of
from medviz.training.learner import Learner, TooLarge, seeded
from medviz.training.plan import plan as plan
from medviz.training.readings import Readings
from medviz.training.run import Run, recipe
from medviz.training.sampling import Lessons, Order, Whole
from medviz.training.schedules import Watch, shape
from medviz.training.task import Batch, Task

SAVE_EVERY_S = 30.0
"""Between two checkpoints, at least; and no more than 2 % of the time goes into writing them."""
GOOD_EVERY = 50
"""Steps between two copies of the weights to which training goes back when the loss is not a number."""
HALVINGS = 8
"""So often in a row the rate is halved before training gives up."""
SPEAK_S = 0.1
WAIT_S, WAIT_LIMIT_S = 1.0, 1800.0
"""While a disk is full or gone training waits, asks every second, and gives up after half an hour."""
MAY_CHANGE = frozenset(
    "epochs steps patience validate_every probe_every device precision workers deterministic learning_rate clip "
    "schedule warm_up drop drops wait".split()
)
"""Fields that may differ when a run is taken up again; the others would make it another run."""

T = TypeVar("T")


@dataclass(frozen=True)
class Standing:
    """Where a run stands. `place`: steps done in this epoch. `factor`: what trouble and plateaus made of the rate."""

    step: int = 0
    epoch: int = 0
    place: int = 0
    factor: float = 1.0
    seconds: float = 0.0
    watch: Watch = field(default_factory=Watch)


def train(task: Task, folder: Path, resume: bool = False) -> Work[Path]:
    """Teach the task's network; yield what happens, keep all of it in `folder`, return the folder.

    Yields Scalars ("train/loss", "train/learning rate", "validation/..."), Progress, Notes, and the task's figures of
    its probes. Refuses a folder that holds a run already (unless `resume`), and what the task or its data refuse.
    """
    folder = Path(folder)
    if (folder / "task.toml").exists() and not resume:
        raise Refused(folder, "there is a run in it already", "resume it or choose a new folder")
    if resume and not (folder / "task.toml").exists():
        raise Refused(folder, "there is no run in it to go on with", "start a new run")
    run = Run(folder)
    with considerate(task.deterministic), _own_chance():
        teaching = yield from _begun(task, run)
        with run.held():
            work = teaching.whole(resume)
            try:
                for message in work:
                    run.hear(message, teaching.now.step)
                    yield message
            except GeneratorExit:
                work.close()
                teaching.end("stopped")
                raise
            except BaseException:
                with contextlib.suppress(OSError, Refused):
                    teaching.end("failed")
                raise
            teaching.end("ended")
    return folder


def _begun(task: Task, run: Run) -> Work["Teaching"]:
    """Say at once that something happens, then read the data and build the network; nothing is written yet."""
    first = Progress(0, 0, "reading the data")
    run.hear(first, 0)
    yield first
    return Teaching(task, run)


class Teaching:
    """One run in memory: the learner, what it learns from, and where it stands."""

    def __init__(self, task: Task, run: Run) -> None:
        self.task, self.run = task, run
        self.device = chosen(task.device)
        self.data = data = task.data_set()
        samples = task.training(data)
        if not len(samples):
            raise Refused("the data set", "it has no samples to learn from", "choose another one")
        self.order = Order(len(samples), task.batch, task.accumulation, task.seed)
        self.lessons = Lessons(samples, self.order, task.workers, self.device)
        self.validation = Whole(task.validation(data), self.device)
        self.probes = Whole(task.probes(data), self.device)
        seeded(self.device, task.seed)
        self.learner = Learner(task, task.build(data), self.device, precision_of(task.precision, self.device))
        self.total = task.steps or task.epochs * self.order.steps
        self.about = task.description(data)
        self.fingerprint = fingerprint(data, samples, self.validation.samples)
        self.now = Standing()
        self.readings = Readings(self.device)
        self.good = self.learner.snapshot()
        self.halvings = 0
        self.consistent = True
        self.measured: Mapping[str, float] = {}
        self._saved: Standing | None = None
        self._saved_s = self._spoken_s = time.monotonic()
        self._saving_s = 0.0
        self._started_s, self._started_step, self._seconds = time.monotonic(), 0, 0.0

    def whole(self, resume: bool) -> Work[None]:
        """Train to the end."""
        yield from self._taken_up() if resume else self._set_up()
        while not self._done():
            yield from self._epoch()
        yield from self._kept(save=True)
        yield Note(self._last_words())

    def _epoch(self) -> Work[None]:
        """Go through all samples once (from where the run stands), validate, and close the epoch."""
        if self.now.step < self.total:
            for batches in self.lessons.of(self.now.epoch, self.now.place):
                yield from self._step(batches)
                if self.now.step % self.task.probe_every == 0 or self.now.step == 1:
                    yield from self._pictures()
                yield from self._kept()
                if self.now.step >= self.total:
                    break
        if (self.now.epoch + 1) % self.task.validate_every == 0 or self.now.step >= self.total:
            yield from self._validated()
        self.now = replace(self.now, epoch=self.now.epoch + 1, place=0)
        gc.collect()
        yield from self._kept()

    def _step(self, batches: list[Batch]) -> Work[None]:
        """Change the weights once and say what came of it."""
        factor = self.now.factor * shape(self.task, self.now.step / self.total)
        pieces = self.learner.pieces
        self.consistent = False
        with _no_collecting():
            try:
                readings = self.learner.step(batches, self.now.step, factor)
            except TooLarge as problem:
                fault = "not even one sample at a time fits into the memory"
                raise Refused(in_words(self.device), fault, "take smaller patches or a smaller network") from problem
        self.now = replace(self.now, step=self.now.step + 1, place=self.now.place + 1)
        self.consistent = True
        if self.now.step == 1:
            gc.collect()
            gc.freeze()  # what lives now lives on: the collector need not look at it again
        if self.learner.pieces > pieces:
            yield self._smaller()
        self.readings.put(self.now.step, readings)
        yield from self._read(batches, factor)
        if self.now.step % GOOD_EVERY == 0 and self.learner.sound():
            self.good, self.halvings = self.learner.snapshot(), 0

    def _read(self, batches: list[Batch], factor: float) -> Work[None]:
        """Say the losses that the device has ready; go back where one is not a number. At least one message."""
        speak = time.monotonic() - self._spoken_s > SPEAK_S
        ready = self.readings.ready()
        for step, values in ready:
            losses = {name: value for name, value in values.items() if name.startswith("loss")}
            for name, value in losses.items():
                yield Scalar(f"train/{name}", step, value)
            if not all(math.isfinite(value) for value in losses.values()):
                yield self._gone_back(step, batches)
                return
            if speak:
                yield from (Scalar(f"train/{name}", step, v) for name, v in values.items() if name not in losses)
        if speak:
            samples = self.task.batch * self.task.accumulation * (self.now.step - self._started_step)
            spent_s = time.monotonic() - self._started_s
            yield Scalar("train/learning rate", self.now.step, self.task.rate(self.task.PARTS[0]) * factor)
            yield Scalar("train/samples per second", self.now.step, samples / spent_s)
        if speak or not ready:
            self._spoken_s = time.monotonic()
            yield self._progress()

    def _gone_back(self, step: int, batches: list[Batch]) -> Note:
        """Undo the last steps after a loss that is not a number, and go on with half the rate."""
        self.halvings += 1
        pieces = self.learner.pieces
        self.learner.load(self.good)
        self.learner.pieces = pieces
        self.readings.clear()
        self.now = replace(self.now, factor=self.now.factor / 2)
        if self.halvings > HALVINGS:
            fault = f"the loss was not a number {self.halvings} times, although the rate was halved each time"
            raise Refused(
                "training", fault, "lower the learning rate and check the data for voxels that are no numbers"
            )
        culprit = _no_number_in(batches)
        why = f"“{culprit}” of its batch holds values that are no numbers" if culprit else "the rate was too high"
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
        self.measured = measured
        for name, value in measured.items():
            yield Scalar(name, self.now.step, value)
        yield Scalar("train/epoch", self.now.step, float(self.now.epoch + 1))
        value = self.measured.get(self.task.BEST, math.nan)
        watch = self.now.watch.told(value, self.now.step, self.task.HIGHER)
        self.now = replace(self.now, watch=watch, factor=self.now.factor * self._plateau(watch))
        if watch.waited == 0:
            yield from self._kept(best=True)

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
            yield message

    def _done(self) -> bool:
        patience = self.task.patience
        tired = patience is not None and self.now.watch.waited >= patience
        return self.now.place == 0 and (self.now.step >= self.total or tired)

    def _progress(self) -> Progress:
        spent_s, done = time.monotonic() - self._started_s, self.now.step - self._started_step
        left_s = spent_s / done * (self.total - self.now.step) if done else None
        epochs = math.ceil(self.total / self.order.steps)
        return Progress(self.now.step, self.total, f"epoch {min(self.now.epoch + 1, epochs)} of {epochs}", left_s)

    def _last_words(self) -> str:
        watch = self.now.watch
        early = (
            "" if self.now.step >= self.total else f", ended early after {watch.waited} validations without progress"
        )
        best = "" if watch.best is None else f"; best {self.task.BEST} {watch.best:.4f} at step {watch.best_step}"
        return f"Trained {self.now.step} steps in {self._spent_s():.0f} s{early}{best}"

    def _spent_s(self) -> float:
        return self._seconds + time.monotonic() - self._started_s

    # What is kept on disk ------------------------------------------------------------------------------------------

    def _set_up(self) -> Work[None]:
        """Write down what is trained, on what and where, and a first checkpoint."""
        run = self.run
        run.hear({"message": "begin", "step": 0, "task": self.task.NAME, "total": self.total}, 0)
        try:
            run.describe("task.toml", recipe(self.task))
            run.describe("model.json", self.about)
            run.describe("data.json", self.fingerprint)
            run.describe("environment.json", environment(self.device, self.learner.precision.name))
            self._save()
        except OSError as problem:
            raise Refused(run.folder, problem.strerror or str(problem), "choose a folder with room") from problem
        yield self._first_words()

    def _first_words(self) -> Note:
        weights = sum(one.numel() for one in self.learner.network.parameters())
        return Note(
            f"{weights:,} weights learn from {self.order.count:,} samples in {self.total:,} steps, "
            f"on {in_words(self.device)}, {self.learner.precision.name}"
        )

    def _taken_up(self) -> Work[None]:
        """Go on from the newest sound checkpoint."""
        self.run.mend()
        state, notes = self.run.newest()
        if state is None:
            yield from self._set_up()
            return
        changed = self._changes(state["task"])
        self.learner.load(state["learner"])
        standing = state["standing"]
        self.now = Standing(**{**standing, "watch": Watch(**standing["watch"])})
        _set_chance(state["chance"])
        self.good = self.learner.snapshot()
        self._saved, self._seconds, self._started_step = self.now, self.now.seconds, self.now.step
        self.run.hear({"message": "begin", "step": self.now.step, "total": self.total}, self.now.step)
        yield from notes
        yield Note(f"Goes on at step {self.now.step} of {self.total}, {self._exactness(state['environment'])}")
        if changed:
            self.run.describe("task.toml", recipe(self.task))
            yield Note(f"Changed since: {', '.join(changed)}", "warning")

    def _changes(self, before: dict[str, Any]) -> list[str]:
        """Names of changed fields; refuses a change that would make it another run."""
        now = plain(self.task)
        changed = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
        fixed = [name for name in changed if name not in MAY_CHANGE]
        if fixed:
            raise Refused(self.run.folder, f"the run was begun with another {', '.join(fixed)}", "start a new run")
        return changed

    def _exactness(self, before: dict[str, Any]) -> str:
        now = environment(self.device, self.learner.precision.name)
        differ = [f"{name} {before.get(name)} → {now[name]}" for name in now if before.get(name) != now[name]]
        if differ:
            return f"the same in a statistical sense only ({'; '.join(differ)})"
        rounding = self.device.type != "cpu" and not self.task.deterministic
        return "from the same state; only deterministic=true is bit for bit on a GPU" if rounding else "bit for bit"

    def _kept(self, save: bool = False, best: bool = False) -> Work[None]:
        """Write what is due. While the disk does not take it training waits here: nothing is lost meanwhile."""
        try:
            self._write(save, best)
            return
        except OSError as problem:
            text = f"The run cannot be written ({problem.strerror or problem}); training waits"
            yield Note(text, "error", f"Make room for {self.run.folder} or bring its disk back; or stop")
        until_s = time.monotonic() + WAIT_LIMIT_S
        while time.monotonic() < until_s:
            time.sleep(WAIT_S)
            try:
                self._write(True, best)
            except OSError:
                yield Progress(self.now.step, self.total, "waiting for the disk")
            else:
                yield Note("The run is written again; training goes on")
                return
        raise Refused(self.run.folder, "it could not be written for half an hour", "make room and resume the run")

    def _write(self, save: bool, best: bool) -> None:
        if best:
            about = {**self.about, "step": self.now.step, "measures": dict(self.measured)}
            checkpoints.write_weights(self.run.best, self.learner.judged.state_dict(), about)
        if save or time.monotonic() - self._saved_s > max(SAVE_EVERY_S, 50 * self._saving_s):
            self._save()
        self.run.flush()
        self.run.beat(**self._status("training"))

    def _save(self) -> None:
        """Write the checkpoint `last`; the one before becomes `prev`. Raises OSError."""
        start_s = time.monotonic()
        if not self.learner.sound():
            self.learner.load(self.good)
        self.run.flush(now=True)
        now = replace(self.now, seconds=self._spent_s())
        tree = {
            "standing": asdict(now),
            "learner": self.learner.state(),
            "chance": _chance(),
            "task": plain(self.task),
            "environment": environment(self.device, self.learner.precision.name),
        }
        checkpoints.write(self.run.last, tree, before=self.run.prev)
        self._saved, self._saved_s = self.now, time.monotonic()
        self._saving_s = self._saved_s - start_s

    def _status(self, state: str) -> dict[str, Any]:
        progress, watch = self._progress(), self.now.watch
        return {
            "state": state,
            "step": self.now.step,
            "total": self.total,
            "left_s": progress.left_s,
            "best": watch.best,
            "best_step": watch.best_step,
        }

    def end(self, how: str) -> None:
        """Keep all, say how it ended ("ended", "stopped", "failed") and leave. Refuses where the disk does not take it.

        A step that broke off halfway is not saved; the checkpoint before it stands.
        """
        gc.unfreeze()
        try:
            for step, values in self.readings.ready(wait=True):
                for name, value in values.items():
                    self.run.hear(Scalar(f"train/{name}", step, value), step)
            if self.consistent and self.now != self._saved:
                self._save()
            watch = self.now.watch
            end = {"message": "end", "step": self.now.step, "how": how, "best": watch.best, "seconds": self._spent_s()}
            self.run.hear(end, self.now.step)
            self.run.describe(
                "MODEL_CARD.md", card(self.task, self.run, self.about, asdict(self.now), self.fingerprint)
            )
            self.run.flush(now=True)
            self.run.beat(now=True, **self._status(how))
        except OSError as problem:
            fault = f"the last steps could not be saved ({problem.strerror or problem})"
            raise Refused(self.run.folder, fault, "the checkpoint before stands; make room and resume") from problem


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


@contextlib.contextmanager
def _own_chance() -> Iterator[None]:
    """Leave the process's random generators as they were found."""
    before = _chance()
    try:
        yield
    finally:
        _set_chance(before)


def _chance() -> dict[str, Any]:
    """State of the random generators of Python, numpy and torch."""
    kind, keys, place, has_gauss, gauss = np.random.get_state()
    return {
        "python": random.getstate(),
        "numpy": (kind, np.asarray(keys).tolist(), place, has_gauss, gauss),
        "torch": torch.default_generator.get_state(),
    }


def _set_chance(state: dict[str, Any]) -> None:
    random.setstate(state["python"])
    np.random.set_state(state["numpy"])
    torch.default_generator.set_state(state["torch"])


def _no_number_in(batches: list[Batch]) -> str:
    """Name of the first entry of the batches with a value that is not finite, empty where all are."""
    for batch in batches:
        for name, value in batch.items():
            if isinstance(value, torch.Tensor) and value.is_floating_point() and not bool(value.isfinite().all()):
                return name
    return ""
