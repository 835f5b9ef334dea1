"""What a network looks like from inside while it learns: how its weights, gradients and activations are spread.

A spread is a row of shares, one a layer, over bins that are even in the logarithm on both sides of zero: what vanishes
gathers in the middle, what explodes at the rims, a layer that is dead is all in the middle bin. At most 65,536 values
of a tensor are looked at, so that a look costs a few milliseconds whatever the network.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from medviz.figures import Bars, Figure, Gallery, Heatmap
from medviz.imaging.slices import cut
from medviz.imaging.volume import Array, Stored, Volume

LOOKED_AT = 65_536
MOST_LAYERS = 48
MOST_MAPS = 64
_DECADES = np.arange(-6.0, 2.5, 0.5)  # 1e-6 to 1e2 in half decades
EDGES = np.concatenate([-(10.0 ** _DECADES[::-1]), 10.0**_DECADES])
"""Between the bins; below the first and above the last there is one bin more each."""
KINDS = {"weights": "Weights", "gradients": "Gradients", "activations": "Activations"}
Spread = NDArray[np.float32]


def bin_names() -> tuple[str, ...]:
    """Name the bins by their middle: "-1e-03", "0", "3e-01"."""
    between = [float(np.sign(a) * np.sqrt(a * b)) if a * b > 0 else 0.0 for a, b in pairwise(EDGES)]
    middles = [float(EDGES[0]) * 3, *between, float(EDGES[-1]) * 3]
    return tuple("0" if middle == 0 else f"{middle:.0e}" for middle in middles)


@torch.no_grad()
def spread(tensor: Tensor) -> Spread:
    """Share in per cent of a tensor's values in each bin (len(EDGES) + 1); values that are no numbers are left out."""
    flat = tensor.detach().reshape(-1)
    step = max(1, -(-flat.numel() // LOOKED_AT))
    some = flat[::step].float()
    edges = torch.as_tensor(EDGES, dtype=torch.float32, device=some.device)
    some = some[some.isfinite()]
    counts = torch.bincount(torch.bucketize(some, edges), minlength=len(EDGES) + 1)
    shares: Spread = (counts.cpu().numpy() * (100.0 / max(1, some.numel()))).astype(np.float32)
    return shares


def layers_of(network: nn.Module) -> tuple[str, ...]:
    """Name the layers that have none inside, in their order."""
    return tuple(name for name, module in network.named_modules() if name and not any(True for _ in module.children()))


def weights_of(network: nn.Module, gradients: bool = False) -> dict[str, Spread]:
    """Spread of each layer's weights, or of their gradients where there are some."""
    found = {}
    for name, weight in network.named_parameters():
        values = weight.grad if gradients else weight
        if values is not None and name.rpartition(".")[2] not in ("bias",) and weight.numel() > 1:
            found[name.removesuffix(".weight")] = spread(values)
    return _some(found)


def drawn(kind: str, spreads: Mapping[str, Spread]) -> Heatmap:
    """Draw spreads: a row a layer, a column a bin."""
    rows = np.stack(list(spreads.values()))
    title = f"{KINDS[kind]}: share of values by size, a row a layer"
    return Heatmap(
        f"histogram/{kind}", rows, title, "viridis", (0.0, max(1.0, float(rows.max()))), "%", 0,
        row_names=tuple(spreads), column_names=bin_names(),
    )  # fmt: skip


class Look:
    """What the layers of a network put out while it looks at its first probe, gathered by hooks.

    `layers` are those whose feature maps are wanted. ``with look.at(network): ...``; then `figures()`.
    """

    def __init__(self, layers: Sequence[str] = ()) -> None:
        self.wanted = tuple(layers)
        self._spreads: dict[str, Spread] = {}
        self._maps: dict[str, Array] = {}

    @contextlib.contextmanager
    def at(self, network: nn.Module) -> Iterator[None]:
        """Look; nothing of it is left on the network at the end of the block, whatever ends it."""
        found = dict(network.named_modules())
        names = [*_some(dict.fromkeys(layers_of(network))), *(name for name in self.wanted if name in found)]
        handles = [found[name].register_forward_hook(self._keep(name)) for name in dict.fromkeys(names)]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def figures(self) -> Iterator[Figure]:
        """Draw what was seen."""
        if self._spreads:
            yield drawn("activations", self._spreads)
        for name, maps in self._maps.items():
            yield pictured(name, maps)

    def _keep(self, name: str) -> Any:
        def hook(module: nn.Module, inputs: Any, out: Any) -> None:
            tensor = _first(out)
            if tensor is None or not tensor.is_floating_point() or name in self._spreads:
                return
            self._spreads[name] = spread(tensor)
            if name in self.wanted:
                maps = tensor[0, :MOST_MAPS] if tensor.ndim > 2 else tensor[0]
                self._maps[name] = maps.detach().float().cpu().numpy()

        return hook


def pictured(layer: str, maps: Array) -> Figure:
    """Draw what a layer put out of one sample: maps (n, x, y[, z]) as tiles, tokens (n, f) as a map, numbers as bars.

    Of volumes the axial slice is drawn on which the maps differ most from one place to another.
    """
    name = f"layer {layer}"
    if maps.ndim == 1:
        values = maps[:256]
        return Bars(
            name, tuple(str(number) for number in range(len(values))), values, title=f"{layer}: what it puts out"
        )
    if maps.ndim == 2:
        return Heatmap(name, maps, f"{layer}: a row a token, a column a feature", "diverging")
    at = int(maps.std(axis=(0, 1, 2)).argmax()) if maps.ndim == 4 else 0
    volume = maps if maps.ndim == 4 else maps[..., np.newaxis]
    tiles = np.stack([_facing(one, at) for one in volume])
    where = f", axial slice {at + 1} of {volume.shape[3]}" if maps.ndim == 4 else ""
    titles = tuple(str(number) for number in range(len(tiles)))
    return Gallery(name, tiles, f"{layer}: {len(tiles)} feature maps of the first probe{where}", titles)


def _facing(voxels: Array, index: int) -> Array:
    """Turn one map (x, y, z) to the screen."""
    stored = Stored("map", voxels.shape, "RAS", np.eye(4), voxels.dtype)
    whole = Volume(voxels[np.newaxis], np.eye(4), stored, calibrated=False, oriented=False)
    return np.ascontiguousarray(cut(whole, "axial", index, radiological=False).pixels)


def _first(out: Any) -> Tensor | None:
    if isinstance(out, Tensor):
        return out
    inner = out.values() if isinstance(out, dict) else out if isinstance(out, list | tuple) else ()
    return next((one for one in map(_first, inner) if one is not None), None)


def _some(found: dict[str, Any]) -> dict[str, Any]:
    """At most so many, evenly over all: the first, the last, and those between."""
    names = list(found)
    if len(names) <= MOST_LAYERS:
        return found
    return {names[at]: found[names[at]] for at in np.linspace(0, len(names) - 1, MOST_LAYERS).round().astype(int)}
