"""pix2pix: a U-Net turns a map (a mask, another scan) into a picture; a judge looks at both, patch by patch.

Isola, Zhu, Zhou and Efros, "Image-to-image translation with conditional adversarial networks", 2017. The judge is
MONAI's PatchDiscriminator: three halvings see 70 pixels a side, each of its scores is about one such patch.
"""

from typing import Annotated

from medviz.networks.adversaries import Adversaries, Painter
from medviz.networks.fitting import Dimensions
from medviz.networks.judge import JudgeWidth, Judging, patches
from medviz.networks.unet import Norm, UNet
from medviz.parameters import Range


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
