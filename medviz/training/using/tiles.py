"""Where a scan is cut into tiles, and how much each voxel of a tile counts."""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medviz.data.preparation import air

Box = tuple[slice, slice, slice]
_OVERLAP = 0.25
_MARGIN = 4
"""Voxels of air left round the body."""


def body(image: NDArray[np.float32]) -> Box:
    """The box round all that is not air in (channel, x, y, z), with a small margin; everything where all is air."""
    there: NDArray[Any] = np.asarray((image > air(image)).any(0))
    box = []
    for axis in range(3):
        found = np.flatnonzero(there.any(tuple(other for other in range(3) if other != axis)))
        if not found.size:
            return slice(0, image.shape[1]), slice(0, image.shape[2]), slice(0, image.shape[3])
        last = min(image.shape[axis + 1], int(found[-1]) + 1 + _MARGIN)
        box.append(slice(max(0, int(found[0]) - _MARGIN), last))
    return box[0], box[1], box[2]


def tiles_of(shape: Sequence[int], window: Sequence[int]) -> Iterator[tuple[slice, slice, slice]]:
    """Tiles that cover the volume, overlapping by a quarter where it takes more than one along an axis."""
    starts = []
    for side, reach in zip(shape, window, strict=True):
        count = 1 if reach >= side else side if reach == 1 else math.ceil((side - reach) / (reach * (1 - _OVERLAP))) + 1
        starts.append([round(i * (side - reach) / max(1, count - 1)) for i in range(count)])
    for z, y, x in itertools.product(starts[2], starts[1], starts[0]):
        yield slice(x, x + window[0]), slice(y, y + window[1]), slice(z, z + window[2])


def hill(window: Sequence[int]) -> Tensor:
    """Weight of each voxel of a tile: a Gaussian of an eighth of each side, never quite 0 (nnU-Net)."""
    hill = torch.ones(1)
    for side in window:
        at = (torch.arange(side) - (side - 1) / 2) / max(side / 8, 0.5)
        hill = hill[..., None] * torch.exp(-0.5 * at**2)
    return hill[0].clamp_min(1e-3)
