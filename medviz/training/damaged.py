"""Samples that cannot be read or learnt from: left out, counted, and told by their number, never by their name.

The name of a file may be that of a patient. The log of a run gets the number of a sample; who watches a run here is
told the file too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import default_collate

from medviz.messages import Note
from medviz.refused import Refused
from medviz.training.task import Batch, Sample

MISSING, INSTEAD = "_missing", "_instead"
"""Keys of a batch and of a sample that say what is not in it; no task gets to see them."""
MOST_SHARE, MOST_FEW = 0.2, 1
"""Beyond this share of the samples (and more than a few) training refuses to go on: it would learn something else."""


@dataclass(frozen=True)
class Missing:
    """A sample that could not be read; `gone` says that its file or disk was not there."""

    index: int
    thing: str
    fault: str
    remedy: str
    gone: bool

    @classmethod
    def of(cls, index: int, problem: Refused | OSError) -> "Missing":
        """Say why a sample could not be read."""
        if isinstance(problem, OSError):
            return cls(index, str(problem.filename or "a file"), problem.strerror or str(problem), "", True)
        gone = isinstance(problem.__cause__, OSError)
        return cls(index, str(problem.thing), problem.fault, problem.remedy, gone)


class Unreadable(Refused):
    """Not one sample of a step could be read; `gone` says that their disk is not there."""

    def __init__(self, first: Missing) -> None:
        super().__init__(first.thing, first.fault, first.remedy)
        self.gone = first.gone
        self.index = first.index


@dataclass(frozen=True)
class Left:
    """A sample that was left out: its number (None where that is not known), why, and which file it is."""

    index: int | None
    why: str
    file: str = ""

    @classmethod
    def of_values(cls, values: Tensor, name: str, indices: Sequence[int]) -> "list[Left]":
        """Tell which samples of a batch hold values that are no numbers; the whole batch is left out."""
        why = f"its “{name}” holds values that are no numbers"
        bad = [row for row in range(len(values)) if not bool(values[row].isfinite().all())]
        return [cls(indices[row] if row < len(indices) else None, why) for row in bad]

    @property
    def key(self) -> tuple[int | None, str]:
        """Tells it apart from others."""
        return self.index, self.why

    def note(self, what: str, count: int, total: int, names: bool) -> Note:
        """Say what was left out; the file only with `names` (for who watches, never for the log)."""
        which = f"A {what}" if self.index is None else f"{what.capitalize()} {self.index}"
        file = f" ({self.file})" if names and self.file else ""
        text = f"{which}{file} is left out: {self.why}; {count} of {total} so far"
        return Note(
            text, "warning", "Mend it or take it out of the data set; the check of the data set names the files"
        )


def left_of(missing: Missing) -> Left:
    """Turn a sample that could not be read into one that was left out."""
    return Left(missing.index, missing.fault, missing.thing)


def too_many(count: int, total: int) -> bool:
    """Tell whether so many of the samples are damaged that another thing would be learnt."""
    return count > MOST_FEW and count > MOST_SHARE * total


def collated(samples: Sequence[Sample | Missing]) -> Batch:
    """Stack samples to a batch; what could not be read stands under MISSING."""
    there = [one for one in samples if not isinstance(one, Missing)]
    missing = [one for one in samples if isinstance(one, Missing)]
    for one in there:
        missing += one.pop(INSTEAD, [])
    batch: dict[str, Any] = default_collate(there) if there else {}
    return {**batch, MISSING: missing} if missing else batch


def spoilt(batch: Batch) -> str:
    """Name of the first entry with a value that is not finite, empty where all are numbers; a sum tells it fast."""
    for name, value in batch.items():
        if isinstance(value, Tensor) and value.is_floating_point():
            if bool(torch.isfinite(value.sum())):
                continue
            if not bool(value.isfinite().all()):
                return name
    return ""


class Leaving:
    """Counts the samples of `total` that were left out; each is told once."""

    def __init__(self, total: int, what: str = "training sample") -> None:
        self.total, self.what = total, what
        self._told: set[tuple[int | None, str]] = set()

    def told(self, left: Left) -> tuple[Note, Note] | None:
        """Return what to say here (with the file) and what to write down (without); None where it was told before.

        Refuses to go on where too many are left out.
        """
        if left.key in self._told:
            return None
        self._told.add(left.key)
        count = len(self._told)
        if too_many(count, self.total):
            fault = f"{count} of {self.total} {self.what}s are damaged (the last one: {left.why})"
            raise Refused("the data set", fault, "check the data set; mend these samples or take them out")
        return left.note(self.what, count, self.total, True), left.note(self.what, count, self.total, False)
