"""Attention within windows (Swin; Liu et al., 2021), brought back to where its tokens lie in the picture.

A block cuts the grid of its tokens into windows and lets each token look at those of its window alone; every second
block shifts the windows first, so that neighbours over an edge meet. A block is known by what it has: `window_size`,
`shift_size` and attention with a softmax of its own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from medviz.probe.trace import as_array

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Windows:
    """Attention of one block for one picture: `attention` (windows, heads, L, L), rows sum to 1.

    `grid` are the tokens along each axis, `window` those of a window, `shift` by how many the windows are shifted.
    """

    name: str
    grid: tuple[int, ...]
    window: tuple[int, ...]
    shift: tuple[int, ...]
    attention: Array

    @property
    def heads(self) -> int:
        """How many ways of looking there are side by side."""
        return int(self.attention.shape[1])

    @property
    def padded(self) -> tuple[int, ...]:
        """The grid, filled up to whole windows."""
        return tuple(-(-has // side) * side for has, side in zip(self.grid, self.window, strict=True))

    def looks(self, place: tuple[int, ...], head: int = -1) -> Array:
        """Return where the token at `place` looks, one value a token of the grid; `head` -1 is the mean of all.

        What it gives to padding is left out, so that the sum may be below 1 at the border of the picture.
        """
        rolled = self._rolled(place)
        parts = [at // side for at, side in zip(rolled, self.window, strict=True)]
        counts = [has // side for has, side in zip(self.padded, self.window, strict=True)]
        maps = self.attention[int(np.ravel_multi_index(parts, counts))]
        maps = maps.mean(0) if head < 0 else maps[min(head, self.heads - 1)]
        inner = [at % side for at, side in zip(rolled, self.window, strict=True)]
        row = maps[int(np.ravel_multi_index(inner, self.window))].reshape(self.window)
        whole = np.zeros(self.padded, row.dtype)
        whole[tuple(slice(part * side, (part + 1) * side) for part, side in zip(parts, self.window, strict=True))] = row
        whole = np.roll(whole, self.shift, tuple(range(whole.ndim)))
        return whole[tuple(slice(has) for has in self.grid)]

    def window_of(self, place: tuple[int, ...]) -> Array:
        """Tell which tokens of the grid share a window with that at `place`; those over the picture's edge do, too."""
        rolled = self._rolled(place)
        inside = np.ones(self.padded, bool)
        for axis, (at, side) in enumerate(zip(rolled, self.window, strict=True)):
            along = np.arange(self.padded[axis]) // side == at // side
            inside &= along.reshape([-1 if one == axis else 1 for one in range(len(self.grid))])
        inside = np.roll(inside, self.shift, tuple(range(inside.ndim)))
        return inside[tuple(slice(has) for has in self.grid)]

    def _rolled(self, place: tuple[int, ...]) -> list[int]:
        """Where a token lies after the grid was rolled so that shifted windows are straight ones."""
        return [(at - by) % has for at, by, has in zip(place, self.shift, self.padded, strict=True)]


@contextmanager
def windowed(network: nn.Module) -> Iterator[list[Windows]]:
    """Record the windows of each block: ``with windowed(network) as found: network(x)`` for a batch of one."""
    found: list[Windows] = []
    handles: list[Any] = []
    for name, module in network.named_modules():
        attention = getattr(module, "attn", None)
        softmax = getattr(attention, "softmax", None)
        if hasattr(module, "shift_size") and hasattr(module, "window_size") and isinstance(softmax, nn.Module):
            grids: list[tuple[int, ...]] = []
            handles.append(module.register_forward_pre_hook(_noted(grids)))
            handles.append(softmax.register_forward_hook(_kept(found, name, module, grids)))
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


def _noted(grids: list[tuple[int, ...]]) -> Any:
    def hook(module: nn.Module, inputs: Any) -> None:
        grids.append(tuple(inputs[0].shape[1:-1]))  # (N, x, y[, z], features)

    return hook


def _kept(found: list[Windows], name: str, block: Any, grids: list[tuple[int, ...]]) -> Any:
    def hook(module: nn.Module, inputs: Any, out: Tensor) -> None:
        grid = grids.pop()
        pairs = list(zip(grid, block.window_size, block.shift_size, strict=True))
        window = tuple(min(int(has), int(side)) for has, side, _ in pairs)
        shift = tuple(0 if has <= side else int(by) for has, side, by in pairs)  # one window needs no shift
        found.append(Windows(name, grid, window, shift, as_array(out)))

    return hook
