"""SegResNet: a wide residual encoder and a slim decoder, the winner of BraTS 2018 without its auto-encoder.

Myronenko, "3D MRI brain tumor segmentation using autoencoder regularization", 2018; layers and names are MONAI's.
"""

from typing import Annotated

from monai.networks.nets.segresnet import SegResNet as Monai
from torch import Tensor

from medviz.networks.fitting import Dimensions, Dropout, Norm, cut, filled, monai_norm
from medviz.parameters import Range

_BLOCKS = (1, 2, 2, 4, 4)
"""Residual blocks of each level of the encoder."""


class SegResNet(Monai):  # type: ignore[misc]
    """Give each pixel or voxel one score a class: (N, channels, x, y[, z]) → (N, classes, x, y[, z]), any size."""

    def __init__(
        self,
        channels: int = 1,
        classes: int = 2,
        dimensions: Dimensions = 2,
        width: Annotated[int, Range(4, 64, 4), "Features of the first level (paper: 32)"] = 8,
        depth: Annotated[int, Range(2, 5, 1), "Levels, the lowest included"] = 4,
        norm: Norm = "group",
        dropout: Dropout = 0.0,
    ) -> None:
        super().__init__(
            dimensions, width, channels, classes, dropout or None, norm=monai_norm(norm, width),
            blocks_down=_BLOCKS[:depth], blocks_up=(1,) * (depth - 1),
        )  # fmt: skip
        self.multiple = 2 ** (depth - 1)

    def forward(self, x: Tensor) -> Tensor:
        """Score each class at each pixel; the scores are logits."""
        return cut(super().forward(filled(x, self.multiple, 2)), x.shape[2:])
