"""DynUNet: the U-Net that nnU-Net plans, with steps to suit the voxels.

Isensee et al., "nnU-Net: a self-configuring method for deep learning-based biomedical image segmentation", 2021. Thick
slices are not halved across on the first levels (`flat`), with windows of 3×3×1 there. Layers and names are MONAI's.
"""

from math import prod
from typing import Annotated

from monai.networks.nets.dynunet import DynUNet as Monai
from torch import Tensor

from medviz.networks.fitting import Dimensions, Norm, cut, filled, monai_norm
from medviz.parameters import Range, When


class DynUNet(Monai):  # type: ignore[misc]
    """Give each pixel or voxel one score a class: (N, channels, x, y[, z]) → (N, classes, x, y[, z]), any size."""

    def __init__(
        self,
        channels: int = 1,
        classes: int = 2,
        dimensions: Dimensions = 2,
        width: Annotated[int, Range(4, 64, 4), "Features of the first level (nnU-Net: 32)"] = 8,
        depth: Annotated[int, Range(3, 7, 1), "Levels, the lowest included"] = 4,
        flat: Annotated[
            int, Range(0, 3, 1), When("dimensions", 3), "First levels that do not halve across thick slices (axis z)"
        ] = 0,
        norm: Norm = "instance",
        residual: Annotated[bool, "Add each block's input to its output"] = False,
        dropout: Annotated[float, Range(0, 0.9), "Share of features left out while training"] = 0.0,
    ) -> None:
        steps: list[list[int]] = [[1] * dimensions]
        windows: list[list[int]] = []
        for level in range(depth):
            thick = dimensions == 3 and level < flat
            windows.append([3, 3, 1] if thick else [3] * dimensions)
            if level:
                steps.append([2, 2, 1] if dimensions == 3 and level <= flat else [2] * dimensions)
        super().__init__(
            dimensions, channels, classes, windows, steps, steps[1:],
            filters=[min(width * 2**level, width * 10) for level in range(depth)],
            dropout=dropout or None, norm_name=monai_norm(norm, width), res_block=residual,
        )  # fmt: skip
        self.multiple = [prod(step[axis] for step in steps) for axis in range(dimensions)]

    def forward(self, x: Tensor) -> Tensor:
        """Score each class at each pixel; the scores are logits."""
        return cut(super().forward(filled(x, self.multiple, 2)), x.shape[2:])
