"""Tables over label maps: what each label becomes, which are meant."""

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def looked_up(table: Array, labels: Array) -> Array:
    """What a table (65536 values) says of each label (x, y, z); a slab at a time, since an index takes eight bytes."""
    found = np.empty_like(labels, dtype=table.dtype)
    for k in range(labels.shape[2]):
        np.take(table, labels[:, :, k], mode="clip", out=found[:, :, k])
    return found


def among(labels: Array, values: Collection[int]) -> Array:
    """Which voxels (x, y, z) hold one of these labels."""
    table = np.zeros(65536, bool)
    table[list(values)] = True
    return looked_up(table, labels)
