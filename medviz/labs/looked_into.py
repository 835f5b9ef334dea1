"""A network that a lab looks into: built, counted, and run over a slice."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from inspect import Parameter, signature
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import nn
from torch.overrides import TorchFunctionMode

from medviz.data.preparation import normalised
from medviz.imaging.slices import Slice
from medviz.networks import NETWORKS
from medviz.parameters import Settings, parameters
from medviz.probe.structure import Layer, structure
from medviz.probe.trace import recording
from medviz.refused import Refused
from medviz.training.using.formats import load

Array = NDArray[Any]
MOST_PARAMETERS, MOST_MULTIPLY_ADDS = 12_000_000, 3_000_000_000
"""A network beyond these is counted and not run: a control that is turned must be answered at once."""
DEPTH = 16
"""Slices of which a volume is made for a network that looks at volumes."""


@dataclass(frozen=True)
class Wanted:
    """Which network: settings out of the catalog with channels and classes, or (`model`) one that was trained."""

    settings: Settings
    channels: int
    classes: int
    seed: int
    model: str = ""

    @property
    def values(self) -> Mapping[str, Any]:
        """The network's own parameters, defaults included."""
        own = {one.name: one.default for one in parameters(NETWORKS[self.settings.name])}
        return {**own, **dict(self.settings.values)}


@dataclass(frozen=True, eq=False)
class Known:
    """A network as it is counted: its layers in the order of their calls, for one input of `shape`."""

    layers: tuple[Layer, ...]
    shape: tuple[int, ...]

    @property
    def parameters(self) -> int:
        """All numbers that are learnt."""
        return sum(one.parameters for one in self.layers)

    @property
    def multiply_adds(self) -> int:
        """All multiplications of one input."""
        return sum(one.multiply_adds for one in self.layers)

    @property
    def classes(self) -> int:
        """How many things it tells apart."""
        return self.layers[-1].shape[0] if self.layers[-1].name else self.layers[-2].shape[0]

    @property
    def runs(self) -> bool:
        """Tell whether it is small enough to be run at each turn of a control."""
        return self.parameters <= MOST_PARAMETERS and self.multiply_adds <= MOST_MULTIPLY_ADDS


@lru_cache(maxsize=8)
def known(wanted: Wanted, side: int) -> Known:
    """Count a network for an input of `side` (or of the side its own `size` says); no memory is used."""
    if wanted.model:
        network = _loaded(wanted.model)
        first = next(one for one in network.modules() if isinstance(one, nn.Conv2d | nn.Conv3d))
        shape = _shape(first.in_channels, side, 3 if isinstance(first, nn.Conv3d) else 2, False)
        return Known(_worth_a_row(structure(network, shape)), shape)
    values = wanted.values
    shape = _shape(wanted.channels, int(values.get("size", side)), int(values.get("dimensions", 2)), "size" in values)
    with torch.device("meta"):
        network = _built(wanted)
    asked = _asked(network)
    if asked:
        fault = f"it needs more than a picture ({', '.join(asked)})"
        raise Refused(f"network={wanted.settings.name}", fault, "choose another one, or its own lab")
    return Known(_worth_a_row(structure(network, shape)), shape)


@lru_cache(maxsize=2)
def network_of(wanted: Wanted) -> nn.Module:
    """Build a network with weights drawn by its own seed, or load the one that was trained."""
    if wanted.model:
        return _loaded(wanted.model)
    with Drawn(wanted.seed):
        return _built(wanted).eval()


def traced(network: nn.Module, x: Array, layers: tuple[str, ...]) -> dict[str, Array]:
    """Run one input (channels, x, y[, z]) and return what these layers put out, without the batch."""
    with recording(network, layers) as trace, torch.no_grad():
        network(torch.from_numpy(x)[None])
    return {name: array[0] for name, array in trace.items()}


def fitted(
    image: Slice, shape: tuple[int, ...], trained: bool = False
) -> tuple[Array, Array, tuple[float, float] | None]:
    """Bring a slice into the shape of an input: (channels, x, y[, z]), the picture of it (x, y), and mm of its pixels.

    The slice is widened to a square with its smallest value, enlarged or made smaller, and scaled to mean 0 and
    spread 1, for a `trained` network as in its training (by what is not air); channels and depth repeat it.
    """
    values = np.asarray(image.values, np.float32)
    if values.ndim != 2 or not np.isfinite(values).all():
        raise Refused(image.name or "image", "it is not a grey slice of finite numbers", "choose another slice")
    longest, side = max(values.shape), shape[1]
    more = [longest - one for one in values.shape]
    square = np.pad(values, [(one // 2, one - one // 2) for one in more], constant_values=float(values.min()))
    smooth = longest > side
    picture = F.interpolate(torch.from_numpy(square)[None, None], (side, side), mode="bilinear", antialias=smooth)
    small = picture[0, 0].numpy()
    if trained:
        scaled = normalised(small[None].astype(np.float32))[0]
    else:
        spread = float(small.std())
        scaled = (small - small.mean()) / (spread if spread > 1e-6 else 1.0)
    x = np.broadcast_to(scaled.reshape(1, side, side, *[1] * (len(shape) - 3)), shape)
    mm = (image.mm[0] * longest / side, image.mm[1] * longest / side) if image.mm else None
    return np.array(x, np.float32, order="C"), small, mm  # a copy: torch takes no read-only memory


class Drawn(TorchFunctionMode):
    """Draws weights from a seed of their own: a lab must not touch the chance of a training beside it."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._generator = torch.Generator().manual_seed(seed)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if getattr(func, "__name__", "") in _RANDOM and kwargs.get("generator") is None:
            kwargs["generator"] = self._generator
        return func(*args, **kwargs)


_RANDOM = {"uniform_", "normal_", "kaiming_uniform_", "kaiming_normal_", "xavier_uniform_", "xavier_normal_",
           "trunc_normal_", "randn", "rand"}  # fmt: skip


@lru_cache(maxsize=2)
def _loaded(model: str) -> nn.Module:
    return load(model).network


def _built(wanted: Wanted) -> nn.Module:
    made: nn.Module = wanted.settings.build(NETWORKS, channels=wanted.channels, classes=wanted.classes)
    return made


def _asked(network: nn.Module) -> tuple[str, ...]:
    """Name what a network must be given beside a picture."""
    given = list(signature(network.forward).parameters.values())[1:]
    plain = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
    return tuple(one.name for one in given if one.default is Parameter.empty and one.kind in plain)


def _shape(channels: int, side: int, dimensions: int, cube: bool) -> tuple[int, ...]:
    return (channels, side, side) if dimensions == 2 else (channels, side, side, side if cube else DEPTH)


def _worth_a_row(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """Leave out what only passes on: dropout at rest, and places for a layer that is not there."""
    return tuple(
        one for one in layers if one.parameters or one.kind not in ("Identity", "Dropout", "Dropout2d", "Dropout3d")
    )
