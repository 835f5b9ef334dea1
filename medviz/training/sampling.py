"""Which samples come in which step, so that a run is the same however it is interrupted and loaded.

The order of an epoch comes from (seed, epoch), the chance in a sample from (seed, epoch, index), and a step's place in
the epoch is a number: going on in the middle of an epoch needs no state of any loader process.
"""

import os
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from typing import Any, cast

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, default_collate

from medviz.refused import Refused
from medviz.training.task import Batch, DrawnSamples, Sample, Samples

Place = tuple[int, int]
"""(epoch, index of the sample)."""


class Drawn(Dataset[Sample]):
    """Samples by place: all chance in them comes from (seed, epoch, index)."""

    def __init__(self, samples: Samples, seed: int) -> None:
        self.samples = samples
        self.seed = seed
        self.by_chance = isinstance(samples, DrawnSamples)

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, place: Place) -> Sample:
        """Return the sample of this place."""
        epoch, index = place
        if self.by_chance:
            return cast("DrawnSamples", self.samples).drawn(index, np.random.default_rng((self.seed, epoch, index)))
        return self.samples[index]


class Order:
    """The places of an epoch in batches: what a DataLoader takes as its batch sampler.

    `per_step` batches make one step; a rest that fills no step is left out (another one in each epoch).
    """

    def __init__(self, count: int, batch: int, per_step: int, seed: int) -> None:
        self.count, self.batch, self.per_step, self.seed = count, batch, per_step, seed
        self.epoch = self.start = 0

    @property
    def steps(self) -> int:
        """Steps in an epoch, at least one."""
        return max(1, self.count // (self.batch * self.per_step))

    def __iter__(self) -> Iterator[list[Place]]:
        """Yield the batches of `epoch` from step `start` on."""
        order = np.random.default_rng((self.seed, self.epoch)).permutation(self.count)
        for first in range(self.start * self.per_step, self.steps * self.per_step):
            chosen = order[first * self.batch : (first + 1) * self.batch]
            if len(chosen):
                yield [(self.epoch, int(index)) for index in chosen]

    def __len__(self) -> int:
        return (self.steps - self.start) * self.per_step


class Lessons:
    """Batches for each step of an epoch, prepared by `workers` processes that live as long as the run."""

    def __init__(self, samples: Samples, order: Order, workers: int, device: torch.device) -> None:
        self.order = order
        self.device = device
        self._loader: DataLoader[Sample] = DataLoader(
            Drawn(samples, order.seed),
            batch_sampler=order,  # it yields places, not numbers
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=device.type == "cuda",
            # never fork: a forked child inherits the locks of the window's threads
            multiprocessing_context=("forkserver" if os.name == "posix" else "spawn") if workers else None,
            generator=torch.Generator(),  # the loader must not draw from the network's generator
        )

    def of(self, epoch: int, start: int) -> Iterator[list[Batch]]:
        """Yield the batches of each step of an epoch, from step `start` on, on the device."""
        self.order.epoch, self.order.start = epoch, start
        batches = iter(self._loader)
        while group := self._next(batches):
            yield [on_device(batch, self.device) for batch in group]

    def _next(self, batches: Iterator[Batch]) -> list[Batch]:
        try:
            return list(islice(batches, self.order.per_step))
        except RuntimeError as problem:
            raise _in_words(problem) from problem

    def close(self) -> None:
        """Let the loader processes and their threads end, even where an error still holds the iterator."""
        iterator = self._loader._iterator
        if iterator is not None and self._loader.num_workers:
            iterator._shutdown_workers()  # type: ignore[attr-defined]
        self._loader._iterator = None


class Whole(Sequence[Batch]):
    """Samples one by one as batches of one on the device, made when they are asked for."""

    def __init__(self, samples: Samples | Sequence[Sample], device: torch.device) -> None:
        self.samples, self.device = samples, device

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: Any) -> Any:
        """Return the batch of this number."""
        if not 0 <= index < len(self.samples):
            raise IndexError(index)
        return on_device(default_collate([self.samples[index]]), self.device)


def on_device(batch: Batch, device: torch.device) -> Batch:
    """Move the tensors of a batch to the device; all else stays."""
    return {
        name: value.to(device, non_blocking=True) if isinstance(value, torch.Tensor) else value
        for name, value in batch.items()
    }


def split(batch: Batch, pieces: int) -> list[Batch]:
    """Cut a batch into at most so many pieces of about equal size."""
    size = size_of(batch)
    if pieces <= 1 or size <= 1:
        return [batch]
    edges = np.linspace(0, size, min(pieces, size) + 1).round().astype(int).tolist()
    return [{name: value[low:high] for name, value in batch.items()} for low, high in pairwise(edges)]


def size_of(batch: Batch) -> int:
    """How many samples a batch holds."""
    return next(len(value) for value in batch.values() if isinstance(value, torch.Tensor))


def _in_words(problem: RuntimeError) -> Exception:
    """Turn what a loader process died of, or was refused, into one sentence; any other error stays as it is."""
    said = str(problem)
    if "exited unexpectedly" in said or "killed by signal" in said:
        fault = f"a process that prepares samples died ({said.splitlines()[0]})"
        return Refused("the loader", fault, "take fewer workers or a smaller batch")
    if "Caught Refused" in said:  # a refusal's parts do not survive the way out of a loader process
        thing, _, rest = said.rstrip().splitlines()[-1].partition("Refused: ")[2].rstrip(".").partition(": ")
        fault, _, remedy = rest.partition("; ")
        return Refused(thing, fault, remedy)
    return problem
