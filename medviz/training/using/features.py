"""Pictures as a few numbers each, told by a network that has a name: what samples are judged by.

Two piles of pictures are never compared without saying in which features: a distance in one has no meaning in another.
What is there without a download: the shipped tissue network, and the pixels themselves.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from medviz.networks.efficientnet_lite import EfficientNetLite
from medviz.networks.unet import UNet
from medviz.refused import Refused
from medviz.training.beginning import begin_with
from medviz.training.using.classifying import class_model, classifies
from medviz.training.using.formats.own import load
from medviz.training.using.models import model

Numbers = NDArray[np.float64]
TISSUE, PIXELS = "tissue", "pixels"
SHIPPED = "mni152_tissue"
_SIDE, _CELLS, TOGETHER = 64, 8, 16
_GAIN, _OFFSET = 2.25, -0.75
"""−1 and 1 as the tissue network has seen black and white: three spreads below the mean, one and a half above."""
_LITE = "EfficientNet-Lite0 of ImageNet"


@dataclass(frozen=True, eq=False)
class Features:
    """A named way to tell a picture in numbers; `name` stands beside every distance that is measured with it.

    `tell` takes (N, C, x, y) in −1..1 and gives (N, features). Volumes are told by their three middle slices.
    """

    name: str
    tell: Callable[[Tensor], Tensor]

    def of(self, images: Tensor) -> Numbers:
        """Tell pictures (N, C, x, y[, z]) in −1..1, or points (N, 2), in numbers (N, features)."""
        if images.ndim == 2:
            return images.double().cpu().numpy()
        looks = _middles(images.float().cpu()) if images.ndim == 5 else [images.float().cpu()]
        with torch.inference_mode():
            told = [torch.cat([self.tell(part) for part in torch.split(look, TOGETHER)]) for look in looks]
        return torch.cat(told, 1).double().numpy()

    def named(self, images: Tensor) -> str:
        """The name, with what is done to pictures of this shape."""
        if images.ndim == 2:
            return "coordinates"
        return f"{self.name}, middle slices" if images.ndim == 5 else self.name


@dataclass(eq=False)
class Told:
    """Pictures told in features as they come, a few together, which is quicker."""

    by: Features
    name: str = ""
    _waiting: list[Tensor] = field(default_factory=list)
    _done: list[Numbers] = field(default_factory=list)

    def add(self, image: Tensor) -> None:
        """Take one picture (C, x, y[, z]), or one point (2,)."""
        self._waiting.append(image)
        if len(self._waiting) >= TOGETHER:
            self._tell()

    def numbers(self) -> Numbers:
        """Return what was told of all, (n, features)."""
        if self._waiting:
            self._tell()
        return np.concatenate(self._done)

    def _tell(self) -> None:
        images = torch.stack(self._waiting)
        self.name = self.by.named(images)
        self._done.append(self.by.of(images))
        self._waiting.clear()


def features(where: str = TISSUE) -> Features:
    """Return the features of this name: "tissue", "pixels", the folder of a classification run, EfficientNet weights.

    Refuses what is none of these.
    """
    if where in ("", TISSUE):
        return tissue_features()
    if where == PIXELS:
        return Features(f"{_CELLS}×{_CELLS} mean brightnesses", _brightness)
    if classifies(where):
        return _of_run(where)
    if Path(where).is_file():
        return _of_photographs(Path(where))
    remedy = f"name {TISSUE!r}, {PIXELS!r}, the folder of a classification run or the weights of {_LITE}"
    raise Refused(where, "there are no such features", remedy)


def tissue_features() -> Features:
    """Return what the encoder of the shipped tissue network tells: the mean of each feature map of each level."""
    made = model(SHIPPED)
    if made is None:
        raise Refused(SHIPPED, "the shipped model is missing", "install the program again")
    network = load(SHIPPED).network
    assert isinstance(network, UNet)
    return Features(f"{SHIPPED}, mean of each map", _Levels(network))


class _Levels:
    """The encoder of a U-Net, each map by its mean."""

    def __init__(self, network: UNet) -> None:
        self.network = network

    def __call__(self, images: Tensor) -> Tensor:
        """Tell (N, C, x, y) in (N, features); channels are looked at one by one and their numbers averaged."""
        count, channels = images.shape[:2]
        x = _sized(images, _SIDE).flatten(0, 1)[:, None] * _GAIN + _OFFSET  # (N·C, 1, 64, 64)
        told = []
        for level, block in enumerate(self.network.down):
            x = block(x if level == 0 else F.max_pool2d(x, 2))
            told.append(x.mean((2, 3)))
        return torch.cat(told, 1).reshape(count, channels, -1).mean(1)


def _brightness(images: Tensor) -> Tensor:
    return F.adaptive_avg_pool2d(images, _CELLS).flatten(1)


def _of_run(where: str) -> Features:
    """What a run that names pictures tells its last layer."""
    made = class_model(where)
    if made.dimensions != 2:
        raise Refused(where, "it names volumes, and samples are told by slices", "take a run that was taught in 2-D")
    last = [one for one in made.network.modules() if isinstance(one, nn.Linear)]
    if not last:
        raise Refused(where, "it has no last layer to listen to", "take a run of another network")

    def tell(images: Tensor) -> Tensor:
        seen = _channelled(_sized(images, made.side), made.channels)
        spread = seen.flatten(1).std(1).clamp_min(1e-3)[:, None, None, None]
        return _heard(made.network, last[-1], (seen - seen.mean((1, 2, 3), keepdim=True)) / spread)

    return Features(f"run {made.name}, before its last layer", tell)


def _of_photographs(weights: Path) -> Features:
    """What EfficientNet-Lite0 tells its last layer, with weights that were learnt from photographs."""
    network = EfficientNetLite(3, 1000).eval()
    begin_with(network, weights)

    def tell(images: Tensor) -> Tensor:
        return _heard(network, network._fc, _channelled(_sized(images, 224), 3))

    return Features(f"{_LITE}, before its last layer", tell)


def _heard(network: nn.Module, layer: nn.Module, images: Tensor) -> Tensor:
    """What a layer is given, (N, features): the mean over what else it is given (tokens)."""
    kept: list[Tensor] = []
    hook = layer.register_forward_pre_hook(lambda module, given: kept.append(given[0]))
    try:
        network(images)
    finally:
        hook.remove()
    told = kept[-1].float()
    return told if told.ndim == 2 else told.flatten(1, -2).mean(1)


def _sized(images: Tensor, side: int) -> Tensor:
    """Bring pictures to a square of this side."""
    if images.shape[2:] == (side, side):
        return images
    shrinks = max(images.shape[2:]) > side
    return F.interpolate(images, (side, side), mode="bilinear", align_corners=False, antialias=shrinks)


def _channelled(images: Tensor, channels: int) -> Tensor:
    """Give as many channels as a network takes: the mean of all, repeated, where there are others."""
    return images if images.shape[1] == channels else images.mean(1, keepdim=True).expand(-1, channels, -1, -1)


def _middles(images: Tensor) -> Sequence[Tensor]:
    """Return the middle slices across x, y and z of volumes (N, C, x, y, z)."""
    return [images.select(axis, images.shape[axis] // 2) for axis in (2, 3, 4)]
