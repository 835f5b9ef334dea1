"""EfficientNet-Lite: EfficientNet without squeezing and with a bounded ReLU.

Tan and Le, 2019; Liu, "Higher accuracy on vision models with EfficientNet-Lite", 2020. The layers have the names of the
``efficientnet_lite_pytorch`` package (Apache-2.0), so that its ImageNet weights (lite0, 4,652,008 parameters) fit: they
see three channels (x − 127) / 128 of 224 pixels. Grey pictures are shown to all three channels where `colour` is set.
"""

from math import ceil
from typing import Annotated

import torch
from torch import Tensor, nn

from medviz.parameters import Choice, Range

# expansion, kernel, stride, features, blocks
_STAGES = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)
_SCALES = ((1.0, 1.0), (1.0, 1.1), (1.1, 1.2), (1.2, 1.4), (1.4, 1.8))
"""Width and depth of lite0 ... lite4."""
_NAMES = tuple(f"Lite{number}" for number in range(len(_SCALES)))


class EfficientNetLite(nn.Module):
    """Name a picture: (N, channels, x, y) → (N, classes) logits, any size. x goes to the right and y up.

    With `colour` the network has the three channels of its ImageNet weights, whatever the picture has.
    """

    def __init__(
        self,
        channels: int = 1,
        classes: int = 10,
        variant: Annotated[int, Choice(tuple(range(len(_SCALES))), _NAMES), "How large: Lite0 to Lite4"] = 0,
        colour: Annotated[bool, "Show grey pictures as colour, so that weights learnt from photographs fit"] = True,
        dropout: Annotated[float, Range(0, 0.9), "Share of features left out while training"] = 0.2,
        drop_blocks: Annotated[float, Range(0, 0.5), "Chance that the last block is skipped while training"] = 0.0,
    ) -> None:
        super().__init__()
        wider, deeper = _SCALES[variant]
        self.repeats = colour and channels == 1
        self._conv_stem = _Same(3 if self.repeats else channels, 32, 3, 2)
        self._bn0 = _norm(32)
        blocks: list[_Block] = []
        before, counts = 32, self._counts(deeper)
        for (expansion, kernel, stride, wanted, _), count in zip(_STAGES, counts, strict=True):
            after = _rounded(wanted * wider)
            for number in range(count):
                step, chance = stride if number == 0 else 1, drop_blocks * len(blocks) / sum(counts)
                blocks.append(_Block(before, after, expansion, kernel, step, chance))
                before = after
        self._blocks = nn.ModuleList(blocks)
        self._conv_head = nn.Conv2d(before, 1280, 1, bias=False)
        self._bn1 = _norm(1280)
        self._dropout = nn.Dropout(dropout)
        self._fc = nn.Linear(1280, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Score each class; the scores are logits."""
        x = x.transpose(2, 3).flip(2)  # rows from the top, columns from the left, as photographs are stored
        if self.repeats:
            x = x.expand(-1, 3, -1, -1)
        x = self._bn0(self._conv_stem(x)).clamp(0, 6)  # (N, 32, 112, 112)
        for block in self._blocks:
            x = block(x)
        x = self._bn1(self._conv_head(x)).clamp(0, 6)  # (N, 1280, 7, 7)
        return self._fc(self._dropout(x.mean((2, 3))))  # type: ignore[no-any-return]

    def _counts(self, deeper: float) -> list[int]:
        """Blocks of each stage; the first and the last do not grow."""
        return [
            count if place in (0, len(_STAGES) - 1) else ceil(count * deeper)
            for place, (*_, count) in enumerate(_STAGES)
        ]


class _Block(nn.Module):
    """Inverted bottleneck: more features by 1×1, each filtered for itself, fewer by 1×1, and x added where it fits."""

    def __init__(self, before: int, after: int, expansion: int, kernel: int, stride: int, chance: float) -> None:
        super().__init__()
        inner = before * expansion
        if expansion > 1:
            self._expand_conv = nn.Conv2d(before, inner, 1, bias=False)
            self._bn0 = _norm(inner)
        self.expands = expansion > 1
        self._depthwise_conv = _Same(inner, inner, kernel, stride, groups=inner)
        self._bn1 = _norm(inner)
        self._project_conv = nn.Conv2d(inner, after, 1, bias=False)
        self._bn2 = _norm(after)
        self.adds, self.chance = stride == 1 and before == after, chance

    def forward(self, x: Tensor) -> Tensor:
        """Turn features into features; while training, some samples go without the branch."""
        y = self._bn0(self._expand_conv(x)).clamp(0, 6) if self.expands else x
        y = self._bn1(self._depthwise_conv(y)).clamp(0, 6)
        y = self._bn2(self._project_conv(y))
        if not self.adds:
            return y  # type: ignore[no-any-return]
        if self.training and self.chance:
            kept = torch.rand((len(x), 1, 1, 1), device=x.device) >= self.chance
            y = y * kept / (1 - self.chance)
        return y + x  # type: ignore[no-any-return]


class _Same(nn.Conv2d):
    """A convolution with TensorFlow's padding: as much as it takes, the odd pixel on the right and below."""

    def __init__(self, before: int, after: int, kernel: int, stride: int, groups: int = 1) -> None:
        super().__init__(before, after, kernel, stride, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve; the size is divided by the stride, rounded up."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        missing = [max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in x.shape[2:]]
        top, left = missing[0] // 2, missing[1] // 2
        padded = nn.functional.pad(x, (left, missing[1] - left, top, missing[0] - top))
        return super().forward(padded)


def _norm(features: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(features, eps=1e-3, momentum=0.01)


def _rounded(features: float) -> int:
    """To a multiple of eight, and never more than a tenth below."""
    near = max(8, int(features + 4) // 8 * 8)
    return near if near >= 0.9 * features else near + 8
