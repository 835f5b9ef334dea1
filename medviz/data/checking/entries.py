"""What a check reads: the cases of a data set, listed without refusing any, each read when it is looked at."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from medviz.data.checking.report import Problem, Repair

Array = NDArray[Any]
Box = tuple[str, float, float, float, float]
"""Name of the class, and x0, y0, x1, y1 in pixels of the picture as it is stored, from its upper left corner."""


@dataclass(frozen=True, eq=False)
class Seen:
    """One case read: image (C, x, y[, z]) and label (x, y[, z]) with the values that stand in the file, in RAS+ order.

    `spacing_mm` is None where uncalibrated, `axes` "" where not known. The channels of a `colour` picture count as one.
    `radiological` is False where x runs to the right of the screen. `problems` are what reading it brought to light (a
    mask on another grid; `label` is then None).
    """

    image: Array
    label: Array | None = None
    spacing_mm: tuple[float, ...] | None = None
    axes: str = ""
    dtype: str = ""
    boxes: tuple[Box, ...] = ()
    colour: bool = False
    radiological: bool = True
    problems: tuple[Problem, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """Voxels along x, y[, z]."""
        return tuple(self.image.shape[1:])


@dataclass(frozen=True)
class Entry:
    """One case before it is read. `look` reads it and refuses (Refused) what cannot be read.

    `part` is "training", "held out" or "" (not known); `kind` the class of a picture that has one.
    """

    name: str
    look: Callable[[], Seen] = field(compare=False)
    part: str = ""
    kind: str = ""
    patient: str = ""
    image: Path | None = None
    label: Path | None = None


@dataclass(frozen=True)
class Listing:
    """All cases of a data set, and what it declares of them.

    `values` are what stands in a mask for each class; `channels` None where nothing is declared. `counted` says what a
    class's count is: "voxels", "pictures" or "boxes". `mends` are the parameters by which the data set can be mended.
    """

    entries: Sequence[Entry]
    classes: tuple[str, ...]
    counted: Literal["voxels", "pictures", "boxes"] = "voxels"
    values: tuple[int, ...] = ()
    channels: int | None = None
    problems: tuple[Problem, ...] = ()
    mends: frozenset[str] = frozenset()

    def leave_out(self, name: str) -> tuple[Repair, ...]:
        """Return the repair that leaves a case out, where the data set knows how."""
        return (Repair("leave this case out", "leave_out", name),) if "leave_out" in self.mends else ()


def whole_values(label: Array) -> tuple[dict[int, int], float | None]:
    """Count each value of a label map; the second is one that is no whole number, None where all are."""
    if label.dtype.kind == "f":
        finite = np.nan_to_num(label, nan=0.0, posinf=0.0, neginf=0.0)
        odd = finite[finite != np.round(finite)]
        if odd.size:
            return {}, float(odd.flat[0])
        label = finite.astype(np.int64)
    if label.dtype.kind == "b":
        label = label.view(np.uint8)
    small = label.size and label.dtype.kind in "ui" and int(label.min()) >= 0 and int(label.max()) < 1 << 16
    if small:
        counts = np.bincount(label.reshape(-1))
        return {int(value): int(counts[value]) for value in np.flatnonzero(counts)}, None
    values, numbers = np.unique(label, return_counts=True)
    return {int(value): int(number) for value, number in zip(values, numbers, strict=True)}, None
