"""SwinUNETR: attention within windows that are shifted from block to block, on five levels, and a U-Net's decoder.

Hatamizadeh et al., "Swin UNETR: Swin transformers for semantic segmentation of brain tumors in MRI images", 2022, after
Liu et al., "Swin transformer", 2021; layers and names are MONAI's.
"""

from typing import Annotated

import torch
from monai.networks.nets.swin_unetr import SwinUNETR as Monai
from torch import Tensor

from medviz.networks.fitting import Dimensions, Dropout, Norm, cut, filled, monai_norm
from medviz.parameters import Range

_STEP = 32
"""Halved five times: patches of two, and four mergings."""


class SwinUNETR(Monai):  # type: ignore[misc]
    """Give each pixel or voxel one score a class: (N, channels, x, y[, z]) → (N, classes, x, y[, z]), any size."""

    def __init__(
        self,
        channels: int = 1,
        classes: int = 2,
        dimensions: Dimensions = 2,
        width: Annotated[int, Range(12, 48, 12), "Features of the first level (paper: 48)"] = 12,
        blocks: Annotated[int, Range(1, 4, 1), "Blocks on each level (paper: 2)"] = 1,
        window: Annotated[int, Range(3, 8, 1, unit="tokens"), "Side of the windows (paper: 7)"] = 7,
        norm: Norm = "group",
        dropout: Dropout = 0.0,
    ) -> None:
        with torch.device("cpu"):  # it reads numbers off tensors while it is built, and the meta device has none
            super().__init__(
                channels, classes, depths=(blocks,) * 4, num_heads=(3, 6, 12, 24), window_size=window,
                feature_size=width, norm_name=monai_norm(norm, width), drop_rate=dropout, spatial_dims=dimensions,
            )  # fmt: skip
        self.to(torch.get_default_device())
        self.times = 1 if norm == "group" else 2

    def forward(self, x: Tensor) -> Tensor:
        """Score each class at each pixel; the scores are logits."""
        return cut(super().forward(filled(x, _STEP, self.times)), x.shape[2:])
