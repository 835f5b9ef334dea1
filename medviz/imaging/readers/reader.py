"""What a reader is, and what all readers say of a file before its voxels are decoded."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medviz.imaging.series import SeriesCard
from medviz.imaging.volume import Affine, Volume
from medviz.messages import Work

Description = dict[str, Any]
BLOCK = 4 << 20
"""Bytes decoded between two messages: some 15 ms, so that a stop is felt at once."""


@dataclass(frozen=True)
class Reader:
    """One file format.

    `sniff(path, head)` tells from the first bytes (decompressed where the file is gzipped, empty for a folder) whether
    the file is of this format. `read` refuses (Refused) what it cannot use. `describe` decodes no voxels and
    returns what `described` makes. `write` is None where the format is only read. `over` reads what is to be laid over
    a scan where the scan's grid matters. `cards` lists the series of a folder, `pictures` draws them small, and `card`
    reads one; None where a file holds one thing only. `form` reads a file whose header places it twice.
    `lazily` leaves frames of a long series to be read when they are wanted.
    """

    name: str
    sniff: Callable[[Path, bytes], bool]
    read: Callable[[Path], Work[Volume]]
    describe: Callable[[Path], Description]
    write: Callable[[Volume, Path], None] | None = None
    over: Callable[[Path, Volume], Work[Volume]] | None = None
    cards: Callable[[Path], Work[tuple[SeriesCard, ...]]] | None = None
    card: Callable[[SeriesCard, Volume | None, bool], Work[Volume]] | None = None
    lazily: Callable[[Path], Work[Volume]] | None = None
    form: Callable[[Path, str], Work[Volume]] | None = None
    pictures: Callable[[tuple[SeriesCard, ...]], Work[None]] | None = None


def described(
    *,
    shape: tuple[int, ...],
    axes: str,
    affine: Affine,
    dtype: str,
    calibrated: bool = True,
    frames: int = 1,
    warnings: tuple[str, ...] = (),
    **more: Any,
) -> Description:
    """Say what a file holds, in plain values for JSON; `shape`, `axes` and `affine` (to RAS mm) are as stored."""
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    return {
        "shape": [int(length) for length in shape],
        "axes": axes,
        "spacing_mm": [float(length) for length in lengths] if calibrated else None,
        "affine": [[float(number) for number in row] for row in affine],
        "dtype": dtype,
        "frames": frames,
        **more,
        "warnings": list(warnings),
    }


def not_finite(voxels: NDArray[Any]) -> int:
    """Count NaN and infinite voxels of a contiguous array, block by block; whole numbers cost nothing.

    The sum of a block is finite where all its voxels are, and costs a quarter of looking at each.
    """
    if voxels.dtype.kind not in "fc":
        return 0
    flat = voxels.ravel(order="K")
    count = 0
    with np.errstate(all="ignore"):
        for start in range(0, flat.size, BLOCK):
            block = flat[start : start + BLOCK]
            total = block.sum(dtype=None if block.dtype.itemsize > 2 else np.float32)
            if not (math.isfinite(total.real) and math.isfinite(total.imag)):
                count += int(block.size - np.count_nonzero(np.isfinite(block)))
    return count


def not_finite_in_words(count: int) -> tuple[str, ...]:
    """Return the warning about that many NaN or infinite voxels, none for 0."""
    if not count:
        return ()
    voxels = "1 voxel is" if count == 1 else f"{count:,} voxels are"
    return (f"{voxels} not a number or infinite and drawn as the lowest value",)
