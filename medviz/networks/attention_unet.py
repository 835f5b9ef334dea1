"""Attention U-Net: gates on the skips let through what the coarser level asks for.

Oktay et al., "Attention U-Net: learning where to look for the pancreas", 2018; the layers and their names are MONAI's,
so that weights of its bundles fit. The gate is the output of each ``psi`` layer: 0 to 1 for each pixel.
"""

from typing import Annotated

from monai.networks.nets.attentionunet import AttentionUnet
from torch import Tensor

from medviz.networks.fitting import Dimensions, Dropout, cut, filled
from medviz.parameters import Range


class AttentionUNet(AttentionUnet):  # type: ignore[misc]
    """Give each pixel or voxel one score a class: (N, channels, x, y[, z]) → (N, classes, x, y[, z]), any size."""

    def __init__(
        self,
        channels: int = 1,
        classes: int = 2,
        dimensions: Dimensions = 2,
        width: Annotated[int, Range(4, 64, 4), "Features of the first level; each level below has twice as many"] = 8,
        depth: Annotated[int, Range(2, 6, 1), "Levels, the lowest included"] = 4,
        dropout: Dropout = 0.0,
    ) -> None:
        features = [width * 2**level for level in range(depth)]
        super().__init__(dimensions, channels, classes, features, [2] * (depth - 1), dropout=dropout)
        self.multiple = 2 ** (depth - 1)

    def forward(self, x: Tensor) -> Tensor:
        """Score each class at each pixel; the scores are logits."""
        return cut(super().forward(filled(x, self.multiple, 2)), x.shape[2:])
