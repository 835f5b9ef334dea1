"""Pictures as rows of patches, and which of them are seen: what masked modelling is made of.

A picture (N, C, x, y[, z]) in patches of a side gives (N, n, C·side²) or (N, n, C·side³) rows, the last axis fastest.
`shown` (N, v) int64 are the numbers of the patches that may be seen, the others are masked.
"""

import math

import torch
from torch import Tensor


def patched(x: Tensor, side: int) -> Tensor:
    """Cut a picture (N, C, x, y[, z]) into rows (N, n, C·side^d); its sides must be multiples of `side`."""
    count, channels = x.shape[:2]
    grid = [length // side for length in x.shape[2:]]
    axes = range(len(grid))
    split = x.reshape(count, channels, *[one for cells in grid for one in (cells, side)])
    order = [0, *(2 + 2 * axis for axis in axes), 1, *(3 + 2 * axis for axis in axes)]
    return split.permute(order).reshape(count, math.prod(grid), -1)


def joined(rows: Tensor, side: int, grid: tuple[int, ...]) -> Tensor:
    """Put rows (N, n, C·side^d) together to the picture (N, C, x, y[, z]) that they were cut from."""
    axes = len(grid)
    split = rows.reshape(len(rows), *grid, -1, *[side] * axes)
    order = [0, 1 + axes, *[one for axis in range(axes) for one in (1 + axis, 2 + axes + axis)]]
    return split.permute(order).reshape(len(rows), -1, *[cells * side for cells in grid])


def hidden(shown: Tensor, count: int) -> Tensor:
    """Tell which of `count` patches are masked: (N, count) bool."""
    masked = torch.ones(len(shown), count, dtype=torch.bool, device=shown.device)
    return masked.scatter(1, shown, torch.zeros_like(shown, dtype=torch.bool))


def covered(shown: Tensor, side: int, grid: tuple[int, ...]) -> Tensor:
    """Tell which pixels are masked: (N, 1, x, y[, z]) bool."""
    masked = hidden(shown, math.prod(grid))
    return joined(masked[..., None].expand(-1, -1, side ** len(grid)), side, grid)


def waves(grid: tuple[int, ...], width: int) -> Tensor:
    """Sines and cosines that tell places on a grid apart, (n, width): the axes share the width (Vaswani et al., 2017).

    What is left over where they cannot share it evenly is 0.
    """
    each = width // (2 * len(grid))
    rates = 10_000.0 ** (-torch.arange(each) / max(1, each))
    at = torch.meshgrid(*(torch.arange(cells).float() for cells in grid), indexing="ij")
    angles = [place.reshape(-1, 1) * rates for place in at]
    made = torch.cat([turn(one) for one in angles for turn in (torch.sin, torch.cos)], 1)
    return torch.nn.functional.pad(made, (0, width - made.shape[1]))
