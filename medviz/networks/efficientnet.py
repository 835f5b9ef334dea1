"""EfficientNet: depth, width and resolution grow together, by 1.2^φ, 1.1^φ and 1.15^φ.

Tan and Le, "EfficientNet: rethinking model scaling for convolutional neural networks", 2019. 1.2 · 1.1² · 1.15² = 1.92,
so that each step of φ costs about twice the arithmetic. For colour pictures and 1000 classes B0 has 5,288,548
parameters, B7 66,347,960.
"""

from math import ceil
from typing import Annotated, Literal

import torch
from torch import Tensor, nn

from medviz.parameters import Choice, Range

_CONVOLUTION = {2: nn.Conv2d, 3: nn.Conv3d}
_NORM = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
_MEAN = {2: nn.AdaptiveAvgPool2d, 3: nn.AdaptiveAvgPool3d}
# expansion, kernel, stride, features, blocks: table 1 of the paper
_STAGES = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)
SCALES = ((1.0, 1.0), (1.0, 1.1), (1.1, 1.2), (1.2, 1.4), (1.4, 1.8), (1.6, 2.2), (1.8, 2.6), (2.0, 3.1))
"""Width and depth of B0 ... B7, as the authors rounded them."""
_VARIANTS = tuple(range(8))


class EfficientNet(nn.Module):
    """Name a picture or a volume: (N, channels, x, y[, z]) → (N, classes) logits, any size.

    `variant` is the 0 ... 7 of B0 ... B7; their pictures had 224, 240, 260, 300, 380, 456, 528 and 600 pixels.
    """

    def __init__(
        self,
        channels: int = 1,
        classes: int = 10,
        dimensions: Annotated[Literal[2, 3], Choice((2, 3), ("2-D", "3-D")), "Slices or volumes"] = 2,
        variant: Annotated[int, Choice(_VARIANTS, tuple(f"B{v}" for v in _VARIANTS)), "How large: B0 to B7"] = 0,
        dropout: Annotated[float, Range(0, 0.9), "Share of features left out while training (B0: 0.2)"] = 0.2,
        drop_blocks: Annotated[float, Range(0, 0.5), "Chance that the last block is skipped while training"] = 0.0,
    ) -> None:
        super().__init__()
        wider, deeper = SCALES[variant]
        features = _rounded(32 * wider)
        self.stem = _convolution(dimensions, channels, features, 3, 2)  # (N, 32, 112, 112)
        counts = [ceil(count * deeper) for *_, count in _STAGES]
        blocks: list[nn.Module] = []
        for (expansion, kernel, stride, wanted, _), count in zip(_STAGES, counts, strict=True):
            after = _rounded(wanted * wider)
            for number in range(count):
                chance = drop_blocks * len(blocks) / sum(counts)
                step = stride if number == 0 else 1
                blocks.append(Inverted(dimensions, features, after, expansion, kernel, step, chance))
                features = after
        self.blocks = nn.Sequential(*blocks)  # (N, 320, 7, 7)
        last = 4 * features
        self.head = nn.Sequential(
            _convolution(dimensions, features, last, 1), _MEAN[dimensions](1), nn.Flatten(), nn.Dropout(dropout),
            nn.Linear(last, classes),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """Score each class; the scores are logits."""
        return self.head(self.blocks(self.stem(x)))  # type: ignore[no-any-return]


class Inverted(nn.Module):
    """Inverted bottleneck: more features by 1×1, each filtered for itself, weighed, fewer by 1×1, and x added."""

    def __init__(
        self, dimensions: int, before: int, after: int, expansion: int, kernel: int, stride: int, chance: float
    ) -> None:
        super().__init__()
        inner = before * expansion
        layers: list[nn.Module] = [_convolution(dimensions, before, inner, 1)] if expansion > 1 else []
        layers += [
            _convolution(dimensions, inner, inner, kernel, stride, groups=inner),
            Weighed(dimensions, inner, max(1, before // 4)),
            _CONVOLUTION[dimensions](inner, after, 1, bias=False),
            _NORM[dimensions](after, eps=1e-3, momentum=0.01),
        ]
        self.branch = nn.Sequential(*layers)
        self.adds = stride == 1 and before == after
        self.chance = chance

    def forward(self, x: Tensor) -> Tensor:
        """Add x where it fits; while training, some samples go without the branch."""
        y = self.branch(x)
        if not self.adds:
            return y  # type: ignore[no-any-return]
        if self.training and self.chance:
            kept = torch.rand((len(x), *[1] * (x.ndim - 1)), device=x.device) >= self.chance
            y = y * kept / (1 - self.chance)
        return y + x  # type: ignore[no-any-return]


class Weighed(nn.Module):
    """Squeeze and excitation (Hu et al., 2018): the mean of each feature decides how much each of them counts."""

    def __init__(self, dimensions: int, features: int, squeezed: int) -> None:
        super().__init__()
        kind = _CONVOLUTION[dimensions]
        self.weights = nn.Sequential(
            _MEAN[dimensions](1), kind(features, squeezed, 1), nn.SiLU(), kind(squeezed, features, 1), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        """Multiply each feature by its weight, 0 to 1."""
        return x * self.weights(x)  # type: ignore[no-any-return]


def _convolution(
    dimensions: int, before: int, after: int, side: int, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    kind = _CONVOLUTION[dimensions]
    convolution = kind(before, after, side, stride, side // 2, groups=groups, bias=False)
    return nn.Sequential(convolution, _NORM[dimensions](after, eps=1e-3, momentum=0.01), nn.SiLU())


def _rounded(features: float) -> int:
    """To a multiple of eight, and never more than a tenth below."""
    near = max(8, int(features + 4) // 8 * 8)
    return near if near >= 0.9 * features else near + 8
