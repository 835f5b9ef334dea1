"""A U-Net that fills in masked blocks, so that what it learnt fits our U-Net for segmentation.

Zhou et al., "Models Genesis", 2019 (a U-Net that restores what was cut out of scans), and Xie et al., "SimMIM", 2022 (a
learnt value stands for what is masked, and the loss asks for the masked pixels alone).
"""

from typing import Annotated, Literal

import torch
from torch import Tensor, nn

from medviz.networks.patching import covered
from medviz.networks.unet import Norm, UNet
from medviz.parameters import Choice, Range
from medviz.refused import Refused

_CONVOLUTION = {2: nn.Conv2d, 3: nn.Conv3d}


class MaskedUNet(nn.Module):
    """Fill in what is hidden: (N, channels, x, y[, z]) and `shown` (N, v) → a picture of the same size.

    `shown` are the numbers of the blocks that are left as they are; without them all are.
    """

    def __init__(
        self,
        channels: int = 1,
        dimensions: Annotated[Literal[2, 3], Choice((2, 3), ("2-D", "3-D")), "Slices or volumes"] = 2,
        patch: Annotated[int, Range(2, 32, 1, unit="px"), "Side of a block that is masked or not"] = 8,
        width: Annotated[int, Range(2, 128, 1), "Features of the first level; each level below has twice as many"] = 16,
        depth: Annotated[int, Range(2, 7, 1), "Levels, the lowest included"] = 4,
        norm: Annotated[Norm, "What keeps the features at one scale"] = "group",
        dropout: Annotated[float, Range(0, 0.9), "Share of feature maps left out while training"] = 0.0,
        residual: Annotated[bool, "Add each block's input to its output (ResNet)"] = True,
    ) -> None:
        super().__init__()
        self.patch = patch
        self.backbone = UNet(channels, 1, dimensions, width, depth, norm, dropout, residual)
        self.backbone.head = nn.Identity()  # type: ignore[assignment]
        self.token = nn.Parameter(torch.zeros(1, channels, *[1] * dimensions))  # stands for each masked pixel
        self.fill = _CONVOLUTION[dimensions](width, channels, 1)

    def forward(self, x: Tensor, shown: Tensor | None = None) -> Tensor:
        """Draw all pixels, having seen those of the blocks `shown`."""
        if shown is not None:
            if any(side % self.patch for side in x.shape[2:]):
                fault = f"it is not whole blocks of {self.patch} pixels"
                raise Refused(f"a picture of {tuple(x.shape[2:])}", fault, "take another side, or another patch")
            masked = covered(shown, self.patch, tuple(side // self.patch for side in x.shape[2:]))
            x = torch.where(masked, self.token.to(x.dtype), x)
        return self.fill(self.backbone(x))  # type: ignore[no-any-return]
