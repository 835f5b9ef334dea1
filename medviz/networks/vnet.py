"""V-Net: a U-Net of residual stages with windows of five, halved by convolutions, made for volumes.

Milletari, Navab and Ahmadi, "V-Net: fully convolutional neural networks for volumetric medical image segmentation",
2016. With 16 features, five stages and windows of five it is the paper's (65,178,770 weights); windows of three cost a
fifth of five in 3-D. Normalisation was added later.
"""

from typing import Annotated, Literal

import torch
from torch import Tensor, nn

from medviz.networks.fitting import CONVOLUTION, DROPOUT, UPWARD, Dimensions, Dropout, Norm, cut, filled, norm_of
from medviz.parameters import Choice, Range

_DOWN, _UP = (2, 3, 3, 3), (1, 2, 3, 3)
"""Convolutions of each stage below the first, and of each on the way up, from the first on."""


class VNet(nn.Module):
    """Give each pixel or voxel one score a class: (N, channels, x, y[, z]) → (N, classes, x, y[, z]), any size."""

    def __init__(
        self,
        channels: int = 1,
        classes: int = 2,
        dimensions: Dimensions = 2,
        width: Annotated[int, Range(4, 32, 4), "Features of the first stage (paper: 16)"] = 8,
        depth: Annotated[int, Range(2, 5, 1), "Stages, the lowest included (paper: 5)"] = 4,
        window: Annotated[Literal[3, 5], Choice((3, 5)), "Side of the windows (paper: 5)"] = 3,
        norm: Norm = "group",
        dropout: Dropout = 0.0,
    ) -> None:
        super().__init__()
        self.multiple = 2 ** (depth - 1)
        features = [width * 2**level for level in range(depth)]  # 16, 32, 64, 128, 256
        make = _Kit(dimensions, window, norm)
        self.first = make.convolution(channels, width, bent=False)
        self.bend = nn.PReLU(width)
        self.down = nn.ModuleList(make.half(one, 2 * one) for one in features[:-1])
        self.stages = nn.ModuleList(Stage(make, one, _DOWN[k]) for k, one in enumerate(features[1:]))
        below = [2 * one for one in features[1:-1]] + features[-1:]  # what comes up to each level
        self.up = nn.ModuleList(make.double(low, one) for low, one in zip(below, features, strict=False))
        self.merge = nn.ModuleList(Stage(make, 2 * one, _UP[k]) for k, one in enumerate(features[:-1]))
        self.dropout: nn.Module = DROPOUT[dimensions](dropout) if dropout else nn.Identity()
        self.head = CONVOLUTION[dimensions](2 * width, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Score each class at each pixel; the scores are logits."""
        sides, x = x.shape[2:], filled(x, self.multiple, 2)
        y = self.first(x)  # (N, width, x, ...)
        repeats = -(-y.shape[1] // x.shape[1])
        x = self.bend(y + torch.cat([x] * repeats, 1)[:, : y.shape[1]])
        seen = [x]
        for half, stage in zip(self.down, self.stages, strict=True):
            x = stage(half(x))  # (N, width·2^level, x/2^level, ...)
            seen.append(x)
        x = self.dropout(x)
        for level in reversed(range(len(self.up))):
            x = torch.cat([self.up[level](x), seen[level]], 1)  # (N, 2·width·2^level, x/2^level, ...)
            x = self.merge[level](x)
        return cut(self.head(x), sides)


class _Kit:
    """Makes the layers of one network."""

    def __init__(self, dimensions: int, window: int, norm: str) -> None:
        self.dimensions, self.window, self.norm = dimensions, window, norm

    def convolution(self, before: int, after: int, bent: bool = True) -> nn.Sequential:
        kind = CONVOLUTION[self.dimensions]
        return self._ready(kind(before, after, self.window, padding=self.window // 2, bias=False), after, bent)

    def half(self, before: int, after: int) -> nn.Sequential:
        return self._ready(CONVOLUTION[self.dimensions](before, after, 2, 2, bias=False), after)

    def double(self, before: int, after: int) -> nn.Sequential:
        return self._ready(UPWARD[self.dimensions](before, after, 2, 2, bias=False), after)

    def _ready(self, layer: nn.Module, after: int, bent: bool = True) -> nn.Sequential:
        last = [nn.PReLU(after)] if bent else []
        return nn.Sequential(layer, norm_of(self.dimensions, self.norm, after), *last)


class Stage(nn.Module):
    """Convolutions whose answer is added to what came in: (N, features, ...) → (N, features, ...)."""

    def __init__(self, make: _Kit, features: int, count: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(*(make.convolution(features, features, k + 1 < count) for k in range(count)))
        self.bend = nn.PReLU(features)

    def forward(self, x: Tensor) -> Tensor:
        """Turn features into features."""
        return self.bend(x + self.layers(x))  # type: ignore[no-any-return]
