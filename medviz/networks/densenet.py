"""DenseNet: each layer sees the features of all before it, side by side, and adds a few of its own.

Huang, Liu, van der Maaten and Weinberger, "Densely connected convolutional networks", 2017. In the first block the
features grow 64 → 96 → ... → 256 in six layers of growth 32. DenseNet-121 has 7,978,856 parameters for colour pictures
and 1000 classes.
"""

from typing import Annotated, Literal

import torch
from torch import Tensor, nn

from medviz.parameters import Choice, Range

_CONVOLUTION = {2: nn.Conv2d, 3: nn.Conv3d}
_NORM = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
_LARGEST = {2: nn.MaxPool2d, 3: nn.MaxPool3d}
_MEAN = {2: nn.AvgPool2d, 3: nn.AvgPool3d}
_MEAN_OF_ALL = {2: nn.AdaptiveAvgPool2d, 3: nn.AdaptiveAvgPool3d}
_BLOCKS = {121: (6, 12, 24, 16), 169: (6, 12, 32, 32), 201: (6, 12, 48, 32)}


class DenseNet(nn.Module):
    """Name a picture or a volume: (N, channels, x, y[, z]) → (N, classes) logits, any size from 32 on."""

    def __init__(
        self,
        channels: int = 1,
        classes: int = 10,
        dimensions: Annotated[Literal[2, 3], Choice((2, 3), ("2-D", "3-D")), "Slices or volumes"] = 2,
        depth: Annotated[Literal[121, 169, 201], Choice((121, 169, 201)), "Layers with weights"] = 121,
        growth: Annotated[int, Range(4, 48, 4), "Features that each layer adds (paper: 32)"] = 32,
        dropout: Annotated[float, Range(0, 0.9), "Share of new features left out while training"] = 0.0,
    ) -> None:
        super().__init__()
        features = 2 * growth
        stem: list[nn.Module] = [_CONVOLUTION[dimensions](channels, features, 7, 2, 3, bias=False)]
        stem += [_NORM[dimensions](features), nn.ReLU(), _LARGEST[dimensions](3, 2, 1)]  # (N, 64, 56, 56)
        self.stem = nn.Sequential(*stem)
        stages: list[nn.Module] = []
        for number, count in enumerate(_BLOCKS[depth]):
            if number:
                stages.append(_transition(dimensions, features))  # half the features, half the side
                features //= 2
            stages.append(DenseBlock(dimensions, features, count, growth, dropout))
            features += count * growth  # 256, 512, 1024, 1024
        self.stages = nn.Sequential(*stages)
        self.head = nn.Sequential(
            _NORM[dimensions](features), nn.ReLU(), _MEAN_OF_ALL[dimensions](1), nn.Flatten(),
            nn.Linear(features, classes),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """Score each class; the scores are logits."""
        return self.head(self.stages(self.stem(x)))  # type: ignore[no-any-return]


class DenseBlock(nn.Module):
    """So many layers, each handed all before it: (N, before, ...) → (N, before + count · growth, ...)."""

    def __init__(self, dimensions: int, before: int, count: int, growth: int, dropout: float = 0.0) -> None:
        super().__init__()
        inputs = [before + number * growth for number in range(count)]  # 64, 96, 128, 160, 192, 224
        self.layers = nn.ModuleList(_layer(dimensions, one, growth, dropout) for one in inputs)

    def forward(self, x: Tensor) -> Tensor:
        """Put each layer's new features beside all there are."""
        for layer in self.layers:
            x = torch.cat([x, layer(x)], 1)
        return x


def _layer(dimensions: int, before: int, growth: int, dropout: float) -> nn.Sequential:
    """Make `growth` features of all there are; 1×1 to 4 · growth first, so that the 3×3 is affordable."""
    kind, norm = _CONVOLUTION[dimensions], _NORM[dimensions]
    return nn.Sequential(
        norm(before), nn.ReLU(), kind(before, 4 * growth, 1, bias=False),
        norm(4 * growth), nn.ReLU(), kind(4 * growth, growth, 3, padding=1, bias=False), nn.Dropout(dropout),
    )  # fmt: skip


def _transition(dimensions: int, before: int) -> nn.Sequential:
    convolution = _CONVOLUTION[dimensions](before, before // 2, 1, bias=False)
    return nn.Sequential(_NORM[dimensions](before), nn.ReLU(), convolution, _MEAN[dimensions](2))
