"""pix2pix: a U-Net turns a map (a mask, another scan) into a picture; a judge looks at both, patch by patch.

Isola, Zhu, Zhou and Efros, "Image-to-image translation with conditional adversarial networks", 2017. The judge is
MONAI's PatchDiscriminator: three halvings see 70 pixels a side, each of its scores is about one such patch.
"""

from typing import Annotated

from monai.networks.nets.patchgan_discriminator import PatchDiscriminator
from torch import Tensor, nn

from medviz.networks.adversaries import Adversaries, Painter
from medviz.networks.fitting import Dimensions
from medviz.networks.unet import Norm, UNet
from medviz.parameters import Range
from medviz.refused import Refused

_LEAST = 4
"""Side of the map that the judge's last halving must leave: two windows of 4 without a halving follow."""
Judging = Annotated[int, Range(1, 4, 1), "Halvings of the judge; 3 see patches of 70 pixels, 1 of 16"]
JudgeWidth = Annotated[int, Range(4, 128, 4), "Features of the judge's first layer (paper: 64)"]


class Pix2Pix(Adversaries):
    """Maps (N, given, x, y[, z]) → pictures (N, channels, x, y[, z]) in −1..1; both → scores of patches.

    `given` are the classes of a mask, background included, or the channels of another picture. There is no noise: the
    same map gives the same picture (the paper's only noise is dropout, and hardly seen).
    """

    def __init__(
        self,
        channels: int = 1,
        given: int = 2,
        dimensions: Dimensions = 2,
        size: Annotated[int, Range(16, 512, 1, unit="px"), "Side of the pictures it learns from"] = 64,
        width: Annotated[int, Range(2, 128, 1), "Features of the U-Net's first level (paper: 64)"] = 16,
        depth: Annotated[int, Range(2, 7, 1), "Levels of the U-Net"] = 4,
        norm: Annotated[Norm, "What keeps the U-Net's features at one scale"] = "group",
        dropout: Annotated[float, Range(0, 0.9), "Share of the U-Net's maps left out while learning"] = 0.0,
        judge_width: JudgeWidth = 16,
        judge_depth: Judging = 2,
    ) -> None:
        super().__init__((channels, *[size] * dimensions), 0, given)
        self.generator = Painter(UNet(given, channels, dimensions, width, depth, norm, dropout))
        self.discriminator = patches(channels + given, dimensions, size, judge_width, judge_depth)


class Patches(nn.Module):
    """MONAI's PatchDiscriminator without what it keeps of its inner layers: (N, C, ...) → (N, 1, ...)."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        """Score each patch."""
        scores: Tensor = self.inner(x)[-1]
        return scores


def patches(channels: int, dimensions: int, size: int, width: int, depth: int) -> Patches:
    """Build a judge of patches; refuses one that halves a side of `size` too often."""
    if size >> depth < _LEAST:
        fault = f"{depth} halvings of {size} px leave {size >> depth}, and its last windows need {_LEAST}"
        raise Refused(f"judge_depth={depth}", fault, "take fewer halvings or larger pictures")
    # instance normalisation: real and generated pictures come in batches of their own, and a batch mean would tell
    # them apart by itself
    return Patches(PatchDiscriminator(dimensions, width, channels, num_layers_d=depth, norm="INSTANCE", bias=True))
