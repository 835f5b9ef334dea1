"""Voxels by (predicted, meant) label, all labels in one joint count: the confusion matrix, and Dice from it."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medviz.imaging.judging.maps import MOST_LABELS
from medviz.imaging.volume import Array
from medviz.messages import Progress, Work, finished
from medviz.refused import Refused

_SLAB_VOXELS = 1 << 18
"""So many voxels at a time stay in the cache, and a stop is obeyed within milliseconds."""
_DENSE = 1024
_TABLED = 1 << 20


def counted(prediction: Array, reference: Array) -> Work[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Count voxels of two maps (x, y, z): the values that occur in either, and the table (predicted, meant).

    256³ voxels take a fifth of a second, however many labels there are. Raises ValueError for maps of different
    shapes; refuses more than 4096 values.
    """
    if prediction.shape != reference.shape:
        raise ValueError(f"shapes differ: {prediction.shape} and {reference.shape}")
    low, high = _range(prediction, reference)
    if high - low < _DENSE:
        values = np.arange(low, high + 1, dtype=np.int64)
        first = second = None
    else:
        values = _values(prediction, reference, low, high)
        if len(values) > MOST_LABELS:
            raise Refused("the label maps", f"they have {len(values)} values", f"give maps of at most {MOST_LABELS}")
        first = second = values
    size = len(values)
    table = np.zeros(size * size, np.int64)
    for share, one, other in slabs(prediction, reference):
        code = _place(one, low, first) * size
        code += _place(other, low, second)
        table += np.bincount(code, minlength=size * size)
        yield Progress(share, 1, "counting voxels")
    square = table.reshape(size, size)
    occurs = (square.sum(0) + square.sum(1)) > 0
    return values[occurs], square[np.ix_(occurs, occurs)]


def confusion(prediction: Array, reference: Array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count at once; see `counted`."""
    return finished(counted(prediction, reference))


def dice_of(prediction: Array, reference: Array) -> dict[int, float]:
    """Dice of every label that occurs in either map, the background left out."""
    values, table = confusion(prediction, reference)
    both, either = np.diag(table), table.sum(0) + table.sum(1)
    return {int(value): float(2 * both[k] / either[k]) for k, value in enumerate(values) if value != 0}


def slabs(*maps: Array) -> Iterator[tuple[Any, ...]]:
    """Cut maps of one shape into flat pieces of the same voxels: the share done after it, and a piece of each map.

    The pieces go along the memory of the last map, which is what makes it fast.
    """
    along_x = bool(np.abs(maps[-1].strides[0]) <= np.abs(maps[-1].strides[2]))
    turned = [one.T if along_x else one for one in maps]
    many = turned[0].shape[0]
    thick = max(1, _SLAB_VOXELS // max(1, turned[0][0].size)) if many else 1
    for first in range(0, many, thick):
        part = slice(first, first + thick)
        yield (min(1.0, (first + thick) / many), *(one[part].reshape(-1) for one in turned))


def _range(prediction: Array, reference: Array) -> tuple[int, int]:
    """The least and the greatest value that can occur; bytes need no look."""
    if prediction.dtype == reference.dtype == np.uint8:
        return 0, 255
    low = min(0, int(prediction.min(initial=0)), int(reference.min(initial=0)))
    return low, max(0, int(prediction.max(initial=0)), int(reference.max(initial=0)))


def _values(prediction: Array, reference: Array, low: int, high: int) -> NDArray[np.int64]:
    """List the values that occur."""
    if high - low >= _TABLED:
        return np.union1d(prediction, reference).astype(np.int64)
    seen = np.zeros(high - low + 1, bool)
    for _, one, other in slabs(prediction, reference):
        seen[one.astype(np.int64) - low] = True
        seen[other.astype(np.int64) - low] = True
    return np.flatnonzero(seen) + low


def _place(values: Array, low: int, known: NDArray[np.int64] | None) -> NDArray[np.int64]:
    """Place of each value in the table."""
    if known is not None:
        return np.searchsorted(known, values)
    return values.astype(np.int64) - low if low else values.astype(np.int64)
