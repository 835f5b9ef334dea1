"""U-Net++: between encoder and decoder lie further U-Nets, so that a skip crosses no wide gap.

Zhou et al., "UNet++: a nested U-Net architecture for medical image segmentation", 2018; layers and names are MONAI's.
The answers of all four depths are averaged, the paper's "accurate mode", so that each of them learns.
"""

from typing import Annotated

import torch
from monai.networks.nets.basic_unetplusplus import BasicUNetPlusPlus
from torch import Tensor

from medviz.networks.fitting import Dimensions, Dropout, Norm, cut, filled, monai_norm
from medviz.parameters import Range


class UNetPlusPlus(BasicUNetPlusPlus):  # type: ignore[misc]
    """Give each pixel or voxel one score a class: (N, channels, x, y[, z]) → (N, classes, x, y[, z]), any size."""

    def __init__(
        self,
        channels: int = 1,
        classes: int = 2,
        dimensions: Dimensions = 2,
        width: Annotated[int, Range(4, 32, 4), "Features of the first level (paper: 32)"] = 8,
        norm: Norm = "instance",
        dropout: Dropout = 0.0,
    ) -> None:
        features = (width, width, 2 * width, 4 * width, 8 * width, width)
        super().__init__(
            dimensions, channels, classes, features, deep_supervision=True, norm=monai_norm(norm, width),
            bias=False, dropout=dropout,
        )  # fmt: skip  # a bias before a normalisation has no effect

    def forward(self, x: Tensor) -> Tensor:
        """Score each class at each pixel; the scores are logits."""
        answers = super().forward(filled(x, 16, 2))
        return cut(torch.stack(answers).mean(0), x.shape[2:])
