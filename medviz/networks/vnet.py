"""V-Net: a U-Net of residual stages with windows of five, halved by convolutions, made for volumes.

Milletari, Navab and Ahmadi, "V-Net: fully convolutional neural networks for volumetric medical image segmentation",
2016. In the paper the first stage has 16 features; windows of three cost a fifth of five in 3-D. Normalisation was
added later.
"""

from typing import Annotated, Literal

import torch
from torch import Tensor, nn

from medviz.networks.fitting import CONVOLUTION, DROPOUT, UPWARD, Dimensions, Dropout, Norm, cut, filled, norm_of
from medviz.parameters import Choice, Range

_DOWN, _UP = (1, 2, 3, 3, 3), (3, 3, 2, 1)
"""Convolutions of each stage on the way down and up."""


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
        features = [width * 2**level for level in range(depth)]
        make = _Kit(dimensions, window, norm)
        self.first = make.convolution(channels, width)
        self.stages = nn.ModuleList(Stage(make, one, one, _DOWN[k]) for k, one in enumerate(features))
        self.down = nn.ModuleList(make.half(one, 2 * one) for one in features[:-1])
        self.up = nn.ModuleList(make.double(2 * one, one) for one in features[:-1])
        self.merge = nn.ModuleList(Stage(make, 2 * one, one, _UP[-1 - k]) for k, one in enumerate(features[:-1]))
        self.dropout: nn.Module = DROPOUT[dimensions](dropout) if dropout else nn.Identity()
        self.head = CONVOLUTION[dimensions](width, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Score each class at each pixel; the scores are logits."""
        sides, x = x.shape[2:], filled(x, self.multiple, 2)
        seen: list[Tensor] = []
        for level, stage in enumerate(self.stages):
            x = self.first(x) if level == 0 else self.down[level - 1](x)  # (N, width·2^level, x/2^level, ...)
            x = stage(x, x)
            seen.append(x)
        x = self.dropout(x)
        for level in reversed(range(len(self.up))):
            x = self.up[level](x)  # (N, width·2^level, x/2^level, ...)
            x = self.merge[level](torch.cat([x, seen[level]], 1), x)
        return cut(self.head(x), sides)


class _Kit:
    """Makes the layers of one network."""

    def __init__(self, dimensions: int, window: int, norm: str) -> None:
        self.dimensions, self.window, self.norm = dimensions, window, norm

    def convolution(self, before: int, after: int) -> nn.Sequential:
        kind = CONVOLUTION[self.dimensions]
        return self._ready(kind(before, after, self.window, padding=self.window // 2, bias=False), after)

    def half(self, before: int, after: int) -> nn.Sequential:
        return self._ready(CONVOLUTION[self.dimensions](before, after, 2, 2, bias=False), after)

    def double(self, before: int, after: int) -> nn.Sequential:
        return self._ready(UPWARD[self.dimensions](before, after, 2, 2, bias=False), after)

    def _ready(self, layer: nn.Module, after: int) -> nn.Sequential:
        return nn.Sequential(layer, norm_of(self.dimensions, self.norm, after), nn.PReLU(after))


class Stage(nn.Module):
    """Convolutions whose answer is added to what came in: (N, before, ...) and (N, after, ...) → (N, after, ...)."""

    def __init__(self, make: _Kit, before: int, after: int, count: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(*(make.convolution(after if k else before, after) for k in range(count)))

    def forward(self, x: Tensor, added: Tensor) -> Tensor:
        """Turn features into features."""
        return self.layers(x) + added  # type: ignore[no-any-return]
