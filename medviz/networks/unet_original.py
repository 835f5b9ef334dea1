"""The U-Net of the paper: convolutions without padding, so that each output pixel has seen real ones only.

Ronneberger, Fischer and Brox, "U-Net: convolutional networks for biomedical image segmentation", 2015: 572 pixels in,
388 out; 31,030,658 parameters with one channel, two classes and width 64. As there, the borders that the picture lacks
are mirrored ("overlap-tile strategy"), so that it has one answer a pixel.
"""

from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medviz.parameters import Range

_LEVELS = 5
_STEP = 2 ** (_LEVELS - 1)
BORDER = 92
"""Pixels that are lost on each side: (572 − 388) / 2."""


class UNetOriginal(nn.Module):
    """Give each pixel one score a class: (N, channels, x, y) → (N, classes, x, y), any size."""

    def __init__(
        self,
        channels: int = 1,
        classes: int = 2,
        width: Annotated[int, Range(2, 64, 2), "Features of the first level (paper: 64)"] = 16,
        skips: Annotated[bool, "Hand fine detail from the way down to the way up"] = True,
        dropout: Annotated[float, Range(0, 0.9), "Share of lowest features left out while training"] = 0.0,
    ) -> None:
        super().__init__()
        features = [width * 2**level for level in range(_LEVELS)]  # 64, 128, 256, 512, 1024
        before = [channels, *features[:-1]]
        self.down = nn.ModuleList(_twice(i, o) for i, o in zip(before, features, strict=True))
        self.dropout = nn.Dropout(dropout)
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * one, one, 2, 2) for one in features[:-1])
        self.merge = nn.ModuleList(_twice(2 * one if skips else one, one) for one in features[:-1])
        self.head = nn.Conv2d(width, classes, 1)
        self.skips = skips

    def forward(self, x: Tensor) -> Tensor:
        """Score each class at each pixel; the scores are logits."""
        size = x.shape[2:]
        for axis, side in enumerate(size, start=2):
            wanted = -(-(side + 60) // _STEP) * _STEP - 60  # sides that can come out: 4, 20, ... 388
            x = _mirrored(x, axis, BORDER, BORDER + wanted - side)
        return self.valid(x)[:, :, : size[0], : size[1]]

    def valid(self, x: Tensor) -> Tensor:
        """Run the paper's network as it is: 572 → 388; 140, 156, 172 ... can go in."""
        seen: list[Tensor] = []
        for level, twice in enumerate(self.down):
            x = twice(
                x if level == 0 else F.max_pool2d(x, 2)
            )  # (N, 64, 568) (128, 280) (256, 136) (512, 64) (1024, 28)
            seen.append(x)
        x = self.dropout(x)
        for level in reversed(range(_LEVELS - 1)):
            x = self.up[level](x)  # (N, 512, 56) (256, 104) (128, 200) (64, 392)
            if self.skips:
                x = torch.cat([_centre(seen[level], x.shape[2:]), x], 1)
            x = self.merge[level](x)  # (N, 512, 52) (256, 100) (128, 196) (64, 388)
        return self.head(x)  # type: ignore[no-any-return]  # (N, classes, 388, 388)


def _twice(before: int, after: int) -> nn.Sequential:
    """Two 3×3 without padding: four rows and columns fewer."""
    return nn.Sequential(nn.Conv2d(before, after, 3), nn.ReLU(), nn.Conv2d(after, after, 3), nn.ReLU())


def _centre(x: Tensor, size: torch.Size) -> Tensor:
    top, left = (x.shape[2] - size[0]) // 2, (x.shape[3] - size[1]) // 2
    return x[:, :, top : top + size[0], left : left + size[1]]


def _mirrored(x: Tensor, axis: int, before: int, after: int) -> Tensor:
    """Continue x by its mirror image, back and forth where the border is wider than the picture."""
    side = x.shape[axis]
    period = max(1, 2 * (side - 1))
    place = torch.arange(-before, side + after, device=x.device).remainder(period)
    return x.index_select(axis, torch.where(place < side, place, period - place))
