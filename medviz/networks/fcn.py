"""FCN: the first network that names each pixel, a classifier whose dense layers became convolutions.

Long, Shelhamer and Darrell, "Fully convolutional networks for semantic segmentation", 2015. Scores are made at an
eighth, a sixteenth and a thirty-second of the size, and each coarser one is enlarged and added to the finer (FCN-8s);
without that (`finest` 32) borders stay coarse, which is what a U-Net's skips were invented against.
"""

from typing import Annotated, Literal

import torch.nn.functional as F
from torch import Tensor, nn

from medviz.networks.fitting import (
    CONVOLUTION,
    DROPOUT,
    POOLING,
    SMOOTH,
    Dimensions,
    Dropout,
    Norm,
    cut,
    filled,
    norm_of,
)
from medviz.parameters import Choice, Range

_LEVELS = (1, 1, 2, 2, 2)
"""Convolutions of each level; after each the sides are halved. (VGG-16, as in the paper, has 2, 2, 3, 3, 3.)"""


class FCN(nn.Module):
    """Give each pixel or voxel one score a class: (N, channels, x, y[, z]) → (N, classes, x, y[, z]), any size."""

    def __init__(
        self,
        channels: int = 1,
        classes: int = 2,
        dimensions: Dimensions = 2,
        width: Annotated[int, Range(4, 64, 4), "Features of the first level (paper: 64)"] = 8,
        finest: Annotated[
            Literal[32, 16, 8], Choice((32, 16, 8), ("FCN-32s", "FCN-16s", "FCN-8s")), "Finest scores, as 1/size"
        ] = 8,
        norm: Norm = "batch",
        dropout: Dropout = 0.0,
    ) -> None:
        super().__init__()
        self.mode, self.times = SMOOTH[dimensions], 1 if norm == "group" else 2
        features = [min(width * 2**level, width * 8) for level in range(5)]
        before = [channels, *features[:-1]]
        self.levels = nn.ModuleList(
            _level(dimensions, i, o, count, norm) for i, o, count in zip(before, features, _LEVELS, strict=True)
        )
        self.dense = nn.Sequential(_convolution(dimensions, features[-1], 2 * features[-1], norm),
                                   DROPOUT[dimensions](dropout))  # fmt: skip
        kind = CONVOLUTION[dimensions]
        self.coarse = kind(2 * features[-1], classes, 1)
        self.finer = nn.ModuleList(kind(features[k], classes, 1) for k in (3, 2) if 2 ** (k + 1) >= finest)

    def forward(self, x: Tensor) -> Tensor:
        """Score each class at each pixel; the scores are logits."""
        sides, x = x.shape[2:], filled(x, 32, self.times)
        seen: list[Tensor] = []
        for level in self.levels:
            x = level(x)  # (N, width·2^k, x/2^(k+1), ...)
            seen.append(x)
        scores: Tensor = self.coarse(self.dense(x))  # (N, classes, x/32, ...)
        for score, features in zip(self.finer, (seen[3], seen[2]), strict=False):
            scores = self._enlarged(scores, 2) + score(features)  # (N, classes, x/16, ...), x/8
        return cut(self._enlarged(scores, 32 // 2 ** len(self.finer)), sides)

    def _enlarged(self, scores: Tensor, times: int) -> Tensor:
        return F.interpolate(scores, scale_factor=times, mode=self.mode, align_corners=False)


def _level(dimensions: int, before: int, after: int, count: int, norm: str) -> nn.Sequential:
    layers = (_convolution(dimensions, after if k else before, after, norm) for k in range(count))
    return nn.Sequential(*layers, POOLING[dimensions](2))


def _convolution(dimensions: int, before: int, after: int, norm: str) -> nn.Sequential:
    layer = CONVOLUTION[dimensions](before, after, 3, padding=1, bias=False)
    return nn.Sequential(layer, norm_of(dimensions, norm, after), nn.ReLU())
