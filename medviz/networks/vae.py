"""Variational autoencoder: a picture becomes a cloud in a space of few axes, and any point there becomes a picture.

Kingma and Welling, "Auto-encoding variational Bayes", 2013: the cloud is a Gaussian N(μ, σ²) whose distance to
N(0, 1) is part of the loss, so that what is drawn from N(0, 1) can be decoded too.
"""

from typing import Annotated

import torch
from torch import Tensor, nn

from medviz.networks.coding import (
    Coded,
    Coder,
    Depth,
    Down,
    Side,
    Up,
    Width,
    bounded,
    divergence,
    drawn,
    features,
    halved,
)
from medviz.networks.fitting import Dimensions, Norm
from medviz.parameters import Range


class Vae(Coder):
    """(N, channels, size ...) → μ, ln σ² (N, code) each → (N, channels, size ...)."""

    gaussian = True

    def __init__(
        self,
        channels: int = 1,
        dimensions: Dimensions = 2,
        size: Side = 32,
        code: Annotated[int, Range(1, 512, 1, log=True), "Axes of the latent space; two can be drawn as a map"] = 16,
        depth: Depth = 3,
        width: Width = 16,
        norm: Norm = "group",
    ) -> None:
        super().__init__(channels, dimensions, size, size, code)
        side, inner = halved(size, depth, 2), features(width, depth)[-1]
        self.inner = (inner, *[side] * dimensions)
        self.encoder = Down(dimensions, channels, width, depth, norm)
        self.head = nn.Linear(inner * side**dimensions, 2 * code)
        self.neck = nn.Linear(code, inner * side**dimensions)
        self.decoder = Up(dimensions, channels, width, depth, norm)

    @property
    def spatial(self) -> bool:
        """A vector."""
        return False

    def cloud(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return μ and ln σ² of each picture, (N, code) each."""
        mean, spread = self.head(torch.flatten(self.encoder(image), 1)).chunk(2, 1)
        return mean, bounded(spread)

    def encode(self, image: Tensor) -> Tensor:
        """Return the middles of the clouds (N, code)."""
        return self.cloud(image)[0]

    def decode(self, code: Tensor) -> Tensor:
        """Return the pictures of points (N, code)."""
        return self.decoder(self.neck(code).view(len(code), *self.inner))  # type: ignore[no-any-return]

    def coded(self, image: Tensor) -> Coded:
        """Draw a point of each cloud while training, take its middle otherwise."""
        self.count(image)
        mean, spread = self.cloud(image)
        code = drawn(mean, spread) if self.training else mean
        return Coded(self.decode(code), code, mean, kl=divergence(mean, spread))
