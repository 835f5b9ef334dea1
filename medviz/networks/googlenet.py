"""GoogLeNet: modules that look with four sizes of window at once and put the answers side by side.

Szegedy et al., "Going deeper with convolutions", 2015, without its local response normalisation and its two auxiliary
heads: 6,998,552 parameters for colour pictures, 1000 classes, width 64 and no batch normalisation. 1×1 convolutions
make the features fewer before the larger windows look: module 3a has 163,696 parameters, without them 387,296.
"""

from typing import Annotated

import torch
from torch import Tensor, nn

from medviz.parameters import Range

# 1×1 | 3×3 reduced, 3×3 | 5×5 reduced, 5×5 | pooled: table 1 of the paper
_MODULES = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}


class GoogLeNet(nn.Module):
    """Name a picture: (N, channels, x, y) → (N, classes) logits, any size from 32 pixels on."""

    def __init__(
        self,
        channels: int = 1,
        classes: int = 10,
        width: Annotated[int, Range(8, 64, 8), "Features of the first convolution (paper: 64)"] = 32,
        norm: Annotated[bool, "Normalise each convolution over the batch (not in the paper; trains far easier)"] = True,
        dropout: Annotated[float, Range(0, 0.9), "Share of features left out while training (paper: 0.4)"] = 0.4,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            _convolution(channels, width, 7, norm, stride=2),  # (N, 64, 112, 112)
            nn.MaxPool2d(3, 2, 1),  # (N, 64, 56, 56)
            _convolution(width, width, 1, norm),
            _convolution(width, 3 * width, 3, norm),  # (N, 192, 56, 56)
            nn.MaxPool2d(3, 2, 1),  # (N, 192, 28, 28)
        )
        modules: dict[str, nn.Module] = {}
        features = 3 * width
        for name, paths in _MODULES.items():
            if name in ("4a", "5a"):
                modules[f"pool{name[0]}"] = nn.MaxPool2d(3, 2, 1)  # 28 → 14 → 7
            scaled = tuple(max(1, count * width // 64) for count in paths)
            modules[f"inception{name}"] = made = Inception(features, scaled, norm=norm)
            features = made.features
        self.inceptions = nn.ModuleDict(modules)
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout), nn.Linear(features, classes)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Score each class; the scores are logits."""
        x = self.stem(x)  # (N, 192, 28, 28)
        for module in self.inceptions.values():
            x = module(x)  # (N, 256 ... 1024, 28 ... 7, 28 ... 7)
        return self.head(x)  # type: ignore[no-any-return]


class Inception(nn.Module):
    """Four paths over the same features, side by side: (N, before, x, y) → (N, a + b + c + d, x, y).

    `paths` are the features of 1×1, of 3×3 (reduced, then full), of 5×5 (reduced, then full) and of pooling. Without
    `reduce`, no 1×1 makes the features fewer, and the pooled path keeps all of them.
    """

    def __init__(self, before: int, paths: tuple[int, ...], reduce: bool = True, norm: bool = False) -> None:
        super().__init__()
        one, three_reduced, three, five_reduced, five, pooled = paths

        def path(reduced: int, after: int, side: int) -> nn.Sequential:
            if not reduce:
                return nn.Sequential(_convolution(before, after, side, norm))
            return nn.Sequential(_convolution(before, reduced, 1, norm), _convolution(reduced, after, side, norm))

        self.one = _convolution(before, one, 1, norm)
        self.three = path(three_reduced, three, 3)
        self.five = path(five_reduced, five, 5)
        self.pooled = nn.Sequential(nn.MaxPool2d(3, 1, 1))
        if reduce:
            self.pooled.append(_convolution(before, pooled, 1, norm))
        self.features = one + three + five + (pooled if reduce else before)

    def forward(self, x: Tensor) -> Tensor:
        """Put the four answers side by side; 3a: 64 + 128 + 32 + 32 = 256."""
        return torch.cat([self.one(x), self.three(x), self.five(x), self.pooled(x)], 1)


def _convolution(before: int, after: int, side: int, norm: bool, stride: int = 1) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Conv2d(before, after, side, stride, side // 2, bias=not norm)]
    return nn.Sequential(*layers, nn.BatchNorm2d(after), nn.ReLU()) if norm else nn.Sequential(*layers, nn.ReLU())
