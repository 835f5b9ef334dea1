"""A task's learner on a copy: what is tried here before a run leaves no trace, neither in a run nor in the process."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch

from medviz.messages import Work
from medviz.refused import Refused
from medviz.training.beginning import begin_with
from medviz.training.chance import generators, seeded, set_generators
from medviz.training.damaged import MISSING, Unreadable, collated
from medviz.training.device import Precision, chosen, considerate, precision_of
from medviz.training.layout import compiling
from medviz.training.learner import Learner
from medviz.training.sampling import Drawn, Order, on_device
from medviz.training.synthetic import mixed
from medviz.training.task import Batch, Samples, Task

T = TypeVar("T")


@dataclass(frozen=True)
class Material:
    """What a task learns from: its data set, its training samples, their order, and where it would run."""

    task: Task
    data: object
    samples: Samples
    order: Order
    device: torch.device
    precision: Precision

    def batch(self, step: int, most: int | None = None) -> list[Batch]:
        """Return the batches of a step (through the epochs), each of `most` samples at most, on the device."""
        epoch, place = divmod(step, self.order.steps)
        self.order.epoch, self.order.start = epoch, place
        drawn = Drawn(self.samples, self.order.seed)
        groups = [places for _, places in zip(range(self.order.per_step), self.order, strict=False)]
        return [self._stacked([drawn[one] for one in places[:most]]) for places in groups]

    def _stacked(self, samples: list[Any]) -> Batch:
        batch = collated(samples)
        missing = batch.pop(MISSING, [])
        if not batch:
            raise Unreadable(missing[0])
        return on_device(batch, self.device)

    def learner(self) -> Learner:
        """Return a learner as a run of the task would begin with it."""
        seeded(self.device, self.task.seed)
        network = self.task.build(self.data)
        if self.task.start:
            begin_with(network, Path(self.task.start))
        return Learner(self.task, network, self.device, self.precision)


def material(task: Task) -> Material:
    """Read the data of a task; refuses what training would refuse."""
    device = chosen(task.device)
    compiling(task, device, 0)  # refuses what cannot be
    data = task.data_set()
    samples = task.training(data)
    if not len(samples):
        raise Refused(task.data.name, "it has no samples to learn from", "choose another data set")
    samples = mixed(samples, task.added(data))
    order = Order(len(samples), task.batch, task.accumulation, task.seed)
    return Material(task, data, samples, order, device, precision_of(task.precision, device))


def untouched(task: Task, work: Work[T]) -> Work[T]:
    """Pull work with random numbers of its own: between two messages, and after it, the process has its own back.

    The number of threads, determinism and the generators of Python, numpy, torch and the GPU are as they were whenever
    a message is handed over, so that nobody else's numbers change, whatever the work draws.
    """
    inside = None
    try:
        while True:
            with considerate(task.deterministic), _swapped(inside or None) as held:
                if inside is None:
                    seeded(torch.device("cpu"), task.seed)
                try:
                    message = next(work)
                except StopIteration as end:
                    made: T = end.value
                    return made
                finally:
                    held.update(_all_generators())
            inside = held
            yield message
    finally:
        work.close()


@contextlib.contextmanager
def _swapped(inside: dict[str, object] | None) -> Iterator[dict[str, object]]:
    before = _all_generators()
    if inside is not None:
        _set_all(inside)
    try:
        yield {}
    finally:
        _set_all(before)


def _all_generators() -> dict[str, object]:
    state: dict[str, object] = dict(generators())
    if torch.cuda.is_available() and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def _set_all(state: dict[str, object]) -> None:
    set_generators(state)
    if "cuda" in state:
        torch.cuda.set_rng_state_all(state["cuda"])  # type: ignore[arg-type]
