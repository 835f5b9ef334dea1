"""Which samples come in which step, so that a run is the same however it is interrupted and loaded.

The order of an epoch comes from (seed, epoch), the chance in a sample from (seed, epoch, index), and a step's place in
the epoch is a number: going on in the middle of an epoch needs no state of any loader process.
"""

import os
import time
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from typing import Any, cast

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, default_collate

from medviz.refused import Refused
from medviz.training.damaged import INSTEAD, MISSING, Left, Missing, Unreadable, collated, left_of, spoilt
from medviz.training.task import Batch, DrawnSamples, Sample, Samples

Place = tuple[int, int]
"""(epoch, index of the sample)."""


class Drawn(Dataset[Any]):
    """Samples by place: all chance in them comes from (seed, epoch, index).

    In the place of one that cannot be read comes the next that can; where none of a few can, a `Missing`.
    """

    def __init__(self, samples: Samples, seed: int) -> None:
        self.samples = samples
        self.seed = seed
        self.by_chance = isinstance(samples, DrawnSamples)

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, place: Place) -> Sample | Missing:
        """Return the sample of this place, or say that there is none."""
        epoch, first = place
        missing: list[Missing] = []
        for index in range(first, first + min(STAND_INS + 1, len(self))):
            try:
                sample = self._read(epoch, index % len(self))
            except (Refused, OSError) as problem:
                missing.append(Missing.of(index % len(self), problem))
            else:
                return {**sample, INSTEAD: missing} if missing else sample
        return missing[0]

    def _read(self, epoch: int, index: int) -> Sample:
        if self.by_chance:
            return cast("DrawnSamples", self.samples).drawn(index, np.random.default_rng((self.seed, epoch, index)))
        return self.samples[index]


STAND_INS = 3
"""So many of the samples after one that cannot be read are tried in its place."""


class Order:
    """The places of an epoch in batches: what a DataLoader takes as its batch sampler.

    `per_step` batches make one step; a rest that fills no step is left out (another one in each epoch).
    """

    def __init__(self, count: int, batch: int, per_step: int, seed: int) -> None:
        self.count, self.batch, self.per_step, self.seed = count, batch, per_step, seed
        self.rank, self.ranks = 0, 1  # of so many processes each takes every so manyth sample of a batch
        self.epoch = self.start = 0

    @property
    def steps(self) -> int:
        """Steps in an epoch, at least one."""
        return max(1, self.count // (self.batch * self.per_step))

    def places(self, step: int) -> list[list[Place]]:
        """Return the batches of one step of `epoch`."""
        begun, self.start = self.start, step
        try:
            return list(islice(self, self.per_step))
        finally:
            self.start = begun

    def __iter__(self) -> Iterator[list[Place]]:
        """Yield the batches of `epoch` from step `start` on."""
        order = np.random.default_rng((self.seed, self.epoch)).permutation(self.count)
        for first in range(self.start * self.per_step, self.steps * self.per_step):
            chosen = order[first * self.batch : (first + 1) * self.batch]
            if len(chosen):
                yield [(self.epoch, int(index)) for index in chosen[self.rank :: self.ranks]]

    def __len__(self) -> int:
        return (self.steps - self.start) * self.per_step


class Lessons:
    """Batches for each step of an epoch, prepared by `workers` processes that live as long as the run.

    `waited_s` is how long was waited for them. `left` is what was left out since somebody last took it (`taken`).
    """

    def __init__(self, samples: Samples, order: Order, workers: int, device: torch.device) -> None:
        self.order = order
        self.device = device
        self.waited_s = 0.0
        self.left: list[Left] = []
        self._loader: DataLoader[Any] = DataLoader(
            Drawn(samples, order.seed),
            batch_sampler=order,  # it yields places, not numbers
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=device.type == "cuda",
            collate_fn=collated,
            # never fork: a forked child inherits the locks of the window's threads
            multiprocessing_context=("forkserver" if os.name == "posix" else "spawn") if workers else None,
            generator=torch.Generator(),  # the loader must not draw from the network's generator
        )

    def of(self, epoch: int, start: int) -> Iterator[list[Batch]]:
        """Yield the batches of each step of an epoch, from step `start` on, on the device.

        A batch with values that are no numbers is left out, so that a step may have none. Raises Unreadable (a
        Refused) where not one sample of a step can be read.
        """
        self.order.epoch, self.order.start = epoch, start
        batches = iter(self._loader)
        step = start
        while group := self._next(batches):
            yield [on_device(batch, self.device) for batch in self._sound(group, step)]
            step += 1

    def taken(self) -> list[Left]:
        """Take what was left out since the last time."""
        left, self.left = self.left, []
        return left

    def _next(self, batches: Iterator[Batch]) -> list[Batch]:
        start_s = time.monotonic()
        try:
            return list(islice(batches, self.order.per_step))
        except RuntimeError as problem:
            raise _in_words(problem) from problem
        finally:
            self.waited_s += time.monotonic() - start_s

    def _sound(self, group: list[Batch], step: int) -> list[Batch]:
        """Leave out what cannot be read or learnt from, and take note of it."""
        kept: list[Batch] = []
        absent: list[Missing] = []
        for number, batch in enumerate(group):
            missing: list[Missing] = batch.pop(MISSING, [])
            self.left += [left_of(one) for one in missing]
            name = spoilt(batch)
            if name:
                indices = [] if missing else [index for _, index in self.order.places(step)[number]]
                self.left += Left.of_values(batch[name], name, indices)
            elif batch:
                kept.append(batch)
            else:
                absent += missing[:1]
        if len(absent) == len(group):
            raise Unreadable(absent[0])
        return kept

    def close(self) -> None:
        """Let the loader processes and their threads end, even where an error still holds the iterator."""
        iterator = self._loader._iterator
        if iterator is not None and self._loader.num_workers:
            iterator._shutdown_workers()  # type: ignore[attr-defined]
        self._loader._iterator = None


class Whole(Sequence[Batch]):
    """Samples one by one as batches of one on the device, made when they are asked for.

    Going through all of them leaves those out that cannot be read; `left` says which, and they no longer count.
    """

    def __init__(self, samples: Samples | Sequence[Sample], device: torch.device) -> None:
        self.samples, self.device = samples, device
        self.left: dict[int, Left] = {}

    def __len__(self) -> int:
        return len(self.samples) - len(self.left)

    def __iter__(self) -> Iterator[Batch]:
        """Yield all that can be read."""
        self.left = {}
        for index in range(len(self.samples)):
            try:
                batch: Batch = self[index]
            except (Refused, OSError) as problem:
                self.left[index] = left_of(Missing.of(index, problem))
            else:
                yield batch

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
    """Turn what a loader process died of into one sentence; any other error stays as it is."""
    said = str(problem)
    if "exited unexpectedly" in said or "killed by signal" in said:
        fault = f"a process that prepares samples died ({said.splitlines()[0]})"
        return Refused("the loader", fault, "take fewer workers or a smaller batch")
    return problem
