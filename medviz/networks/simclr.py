"""SimCLR: two views of one picture are to be neighbours, and no labels are needed.

Chen, Kornblith, Norouzi and Hinton, "A simple framework for contrastive learning of visual representations", 2020. The
loss asks for what a small projection head says; what is used later are the features before it. A ResNet that was
taught so can be the start of a run that names pictures (`start`, with the same width).
"""

from typing import Annotated

import torch.nn.functional as F
from torch import Tensor, nn

from medviz.networks.encoders import EncoderName, EncoderWidth, Features, encoder_of
from medviz.networks.fitting import Dimensions
from medviz.parameters import Range


class SimClr(nn.Module):
    """Place pictures in a space of views: (N, channels, x, y[, z]) → (N, projected), each of length 1."""

    def __init__(
        self,
        channels: int = 1,
        dimensions: Dimensions = 2,
        size: Annotated[int, Range(16, 512, 4, unit="px"), "Side of the picture"] = 32,
        encoder: EncoderName = "resnet",
        width: EncoderWidth = 16,
        features: Features = 128,
        projected: Annotated[int, Range(8, 512, 8), "Numbers in which two views are compared (paper: 128)"] = 64,
    ) -> None:
        super().__init__()
        self.encoder = encoder_of(encoder, channels, features, dimensions, size, width)
        self.projection = nn.Sequential(nn.ReLU(), nn.Linear(features, features), nn.ReLU(),
                                        nn.Linear(features, projected))  # fmt: skip

    def features(self, image: Tensor) -> Tensor:
        """Return what is used later: (N, features), before the projection."""
        return self.encoder(image)  # type: ignore[no-any-return]

    def forward(self, image: Tensor) -> Tensor:
        """Place each picture on the unit sphere."""
        return F.normalize(self.projection(self.encoder(image)).float(), dim=-1)
