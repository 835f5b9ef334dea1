"""MeshNet to be trained: a chain of dilated convolutions, small, and as sharp at the end as at the beginning.

Fedorov et al., "End-to-end learning of brain tissue segmentation from imperfect labeling", 2017; with dilations that
rise and fall again as in brainchop's models (Masoud et al., 2023). Whole volumes go through it as a stream, see
`meshnet`.
"""

from typing import Annotated, Literal

import torch.nn.functional as F
from torch import Tensor, nn

from medviz.networks.fitting import CONVOLUTION, DROPOUT, Dimensions, Dropout, norm_of
from medviz.networks.meshnet import MeshNet
from medviz.parameters import Choice, Range


class TrainableMeshNet(MeshNet):
    """Give each pixel or voxel one score a class: (N, channels, x, y[, z]) → (N, classes, x, y[, z]), any size.

    Batch normalisation alone: any other looks at all pixels at once, and a stream sees only some.
    """

    def __init__(
        self,
        channels: int = 1,
        classes: int = 2,
        dimensions: Dimensions = 2,
        width: Annotated[int, Range(4, 96, 1), "Features of each layer (paper: 21 and 71; brainchop: 5 to 30)"] = 12,
        widest: Annotated[
            Literal[4, 8, 16], Choice((4, 8, 16)), "Largest gap between the pixels that a window sees"
        ] = 8,
        dropout: Dropout = 0.0,
    ) -> None:
        nn.Module.__init__(self)
        self.dimensions = dimensions
        rising = [2**k for k in range(widest.bit_length())]  # 1, 2, 4, 8
        gaps = [*rising, *reversed(rising[:-1])]
        layers = [_layer(dimensions, width if k else channels, width, gap, dropout) for k, gap in enumerate(gaps)]
        head = nn.Sequential(CONVOLUTION[dimensions](width, classes, 1))
        self.layers = nn.ModuleList([*layers, head])

    def forward(self, x: Tensor) -> Tensor:
        """Score each class at each pixel; the scores are logits."""
        if self.dimensions == 3:
            return super().forward(x)
        for layer in self.layers:
            convolution = layer[0]  # type: ignore[index]
            gap = int(convolution.kernel_size[0] // 2 * convolution.dilation[0])
            x = layer(F.pad(x, (0, 0, gap, gap)))
        return x


def _layer(dimensions: int, before: int, after: int, gap: int, dropout: float) -> nn.Sequential:
    """Without padding along the first axis: a stream brings what lies there itself."""
    padding = (0, *[gap] * (dimensions - 1))
    convolution = CONVOLUTION[dimensions](before, after, 3, dilation=gap, padding=padding, bias=False)  # type: ignore[arg-type]
    last = DROPOUT[dimensions](dropout) if dropout else nn.Identity()
    return nn.Sequential(convolution, norm_of(dimensions, "batch", after), nn.ReLU(), last)
