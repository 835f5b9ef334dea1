"""What the network lab draws: the table, the blocks, the channels of a layer and one of them large."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from medviz.figures import Figure, Gallery, Graph, Heatmap, Mark, Picture, Table
from medviz.labs.looked_into import Known
from medviz.probe.structure import Layer

Array = NDArray[Any]
MOST_TILES = 64
_MOST_BLOCKS = 16


@dataclass(frozen=True, eq=False)
class Looked:
    """What is looked at: the layer, its maps (n, rows, cols), which of them, and the place in it."""

    layer: Layer
    maps: Array
    unit: int
    place: tuple[int, int]
    mm: tuple[float, float] | None


def table(known: Known) -> Table:
    """One row a layer, and one of sums."""
    rows = [
        (number, one.name or "(itself)", one.kind, " × ".join(map(str, one.shape)), one.parameters, one.multiply_adds,
         seen(one))
        for number, one in enumerate(known.layers)
    ]  # fmt: skip
    total = (None, "together", "", "", known.parameters, known.multiply_adds, None)
    columns = ("nr", "layer", "kind", "output", "parameters", "multiply-adds", "sees (px)")
    return Table("structure", columns, (*rows, total), "layers, in the order of their calls", weight=1.6)


def seen(layer: Layer) -> str:
    """Write how far a layer sees: "5 × 5", or "all"."""
    return "all" if layer.sees is None else " × ".join(map(str, layer.sees))


def blocks(known: Known, chosen: Layer) -> Graph:
    """Boxes of layers that stand together; how low a box lies is how coarse its maps are."""
    groups = grouped(known.layers)
    nodes: list[tuple[str, str, float, float]] = []
    own = ""
    for column, (name, layers) in enumerate(groups.items()):
        last = layers[-1]
        level = _level(known.shape, last) if len(last.shape) == len(known.shape) else None
        row = level if level is not None else (nodes[-1][3] if nodes else 0.0)
        size = " × ".join(map(str, last.shape))
        nodes.append((name, f"{name}\n{size}\n{_short(sum(one.parameters for one in layers))}", float(column), row))
        own = name if chosen in layers else own
    names = list(groups)
    edges = tuple((one, other, "") for one, other in pairwise(names))
    return Graph("blocks", tuple(nodes), edges, "blocks: output, parameters; lower is coarser", marks=(own,))


def grouped(layers: tuple[Layer, ...]) -> dict[str, list[Layer]]:
    """Put layers together by the first parts of their names, as finely as still can be read."""
    best: dict[str, list[Layer]] = {}
    for parts in (1, 2, 3):
        groups: dict[str, list[Layer]] = {}
        last = ""
        for one in layers:
            name = ".".join(one.name.split(".")[:parts]) or "(itself)"
            if name not in groups and not one.parameters and last:
                name = last  # what only bends or pools belongs to the layer before it
            groups.setdefault(name, []).append(one)
            last = name
        if best and len(groups) > _MOST_BLOCKS:
            break
        best = groups
    return best


def maps_of(out: Array) -> Array:
    """Turn what a layer put out into maps (n, rows, cols): of a volume the middle slice, of tokens their grid."""
    if out.ndim == 4:
        out = out[..., out.shape[-1] // 2]
    if out.ndim == 3:
        return out
    if out.ndim == 2:  # tokens (L, features): the first is no patch
        side = math.isqrt(len(out) - 1)
        if side * side == len(out) - 1:
            return out[1:].T.reshape(-1, side, side)
        return out[None]
    return out.reshape(1, 1, -1) if out.size <= 32 else _folded(out.ravel())[None]


def _folded(values: Array) -> Array:
    """Lay a long row out in rows of 32; what is missing at the end is 0."""
    rows = -(-values.size // 32)
    return np.pad(values, (0, rows * 32 - values.size)).reshape(rows, 32)


def looks(looked: Looked, picture: Array, network: nn.Module) -> Iterator[Figure]:
    """Draw the slice with the window a value sees, the channels, one of them large, and the filter behind it."""
    layer, (row, col) = looked.layer, looked.place
    yield Picture("image", picture, "slice, as the network gets it", looked.mm, marks=_window(looked, picture))
    shown = looked.maps[:MOST_TILES]
    titles = tuple(f"{n} ◂" if n == looked.unit else str(n) for n in range(len(shown)))
    more = f", {len(shown)} of {len(looked.maps)} channels" if len(looked.maps) > len(shown) else ", each channel"
    yield Gallery("tiles", shown, f"{layer.name or 'output'}{more}", titles, "diverging", weight=1.6)
    one = looked.maps[looked.unit]
    yield Heatmap("unit", one, f"channel {looked.unit}", "diverging", marks=(Mark(row, col),))
    taps = filter_of(network, layer.name, looked.unit)
    if taps is not None:
        name = f"filter of channel {looked.unit}, {taps.shape[0]} of its inputs"
        yield Gallery("filter", taps, name if len(taps) > 1 else f"filter of channel {looked.unit}", (), "diverging",
                      shared_scale=True)  # fmt: skip


def filter_of(network: nn.Module, name: str, unit: int) -> Array | None:
    """Weights of one channel of a convolution, one tile an input (at most 16); None where the layer has none."""
    layer = dict(network.named_modules()).get(name)
    if not isinstance(layer, nn.Conv2d | nn.Conv3d) or unit >= layer.out_channels:
        return None
    taps: Array = layer.weight[unit, :16].detach().numpy()
    taps = taps[..., taps.shape[-1] // 2] if taps.ndim == 4 else taps
    return taps if taps[0].size > 1 else taps.reshape(1, 1, -1)


def _window(looked: Looked, picture: Array) -> tuple[Mark, ...]:
    """Mark what one value sees, about the place in the slice that its place in the map is over."""
    layer, (row, col) = looked.layer, looked.place
    rows, cols = picture.shape
    if layer.sees is None:
        return (Mark(0, 0, rows, cols, "source"),)
    high, wide = layer.sees[:2]
    if layer.start is not None and layer.step is not None:
        top, left = layer.start[0] + row * layer.step[0], layer.start[1] + col * layer.step[1]
    else:  # over the same share of the slice
        count_rows, count_cols = looked.maps.shape[1:]
        top, left = (row + 0.5) * rows / count_rows - high / 2, (col + 0.5) * cols / count_cols - wide / 2
    bottom, right = min(rows, top + high), min(cols, left + wide)
    top, left = max(0.0, top), max(0.0, left)
    return (Mark(top, left, max(1.0, bottom - top), max(1.0, right - left), "source"),)


def _level(shape: tuple[int, ...], layer: Layer) -> float:
    return float(round(max(0.0, math.log2(shape[1] / max(1, layer.shape[1])))))


def _short(count: int) -> str:
    if count >= 1_000_000:
        return f"{count / 1e6:.1f} M"
    return f"{count / 1000:.1f} k" if count >= 10_000 else f"{count:,}"
