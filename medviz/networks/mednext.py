"""MedNeXt: a U-Net of ConvNeXt blocks, each channel filtered for itself by a wide window, then mixed.

Roy et al., "MedNeXt: transformer-driven scaling of ConvNets for medical image segmentation", 2023; layers and names are
MONAI's.
"""

from typing import Annotated, Literal

from monai.networks.nets.mednext import MedNeXt as Monai
from torch import Tensor

from medviz.networks.fitting import Dimensions, cut, filled
from medviz.parameters import Choice, Range


class MedNeXt(Monai):  # type: ignore[misc]
    """Give each pixel or voxel one score a class: (N, channels, x, y[, z]) → (N, classes, x, y[, z]), any size."""

    def __init__(
        self,
        channels: int = 1,
        classes: int = 2,
        dimensions: Dimensions = 2,
        width: Annotated[int, Range(4, 32, 4), "Features of the first level (paper: 32)"] = 8,
        depth: Annotated[int, Range(3, 5, 1), "Levels, the lowest included (paper: 5)"] = 4,
        blocks: Annotated[int, Range(1, 4, 1), "Blocks on each level (paper, S: 2)"] = 1,
        window: Annotated[Literal[3, 5, 7], Choice((3, 5, 7)), "Side of the windows (paper: 3 or 5)"] = 3,
        expansion: Annotated[int, Range(1, 6, 1), "How much wider a block is inside (paper, S: 2)"] = 2,
    ) -> None:
        each = (blocks,) * (depth - 1)
        super().__init__(
            dimensions, width, channels, classes, expansion, expansion, expansion, window,
            use_residual_connection=True, blocks_down=each, blocks_bottleneck=blocks, blocks_up=each,
        )  # fmt: skip
        self.multiple = 2 ** (depth - 1)

    def forward(self, x: Tensor) -> Tensor:
        """Score each class at each pixel; the scores are logits."""
        return cut(super().forward(filled(x, self.multiple, 2)), x.shape[2:])
