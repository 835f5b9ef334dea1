"""Autoencoder: dense layers squeeze a picture into a few numbers and draw it again from these.

Hinton and Salakhutdinov, "Reducing the dimensionality of data with neural networks", 2006. With several hidden layers
it is the "deep" autoencoder; without any activation (`linear`) it can reach the error of PCA and no less: Baldi and
Hornik, "Neural networks and principal component analysis", 1989.
"""

import itertools
from typing import Annotated

import torch
from torch import Tensor, nn

from medviz.networks.coding import Bound, Coder, Side, squash
from medviz.networks.fitting import Dimensions
from medviz.parameters import Range
from medviz.refused import Refused

MOST = 300_000_000
"""Weights beyond which it is refused: 1.2 GB, and four times that while it learns."""


class Autoencoder(Coder):
    """Squeeze and draw: (N, channels, size, size[, size]) → (N, code) → (N, channels, size, size[, size])."""

    def __init__(
        self,
        channels: int = 1,
        dimensions: Dimensions = 2,
        size: Side = 32,
        code: Annotated[int, Range(1, 1024, 1, log=True), "Numbers that stand for a picture (the bottleneck)"] = 16,
        depth: Annotated[int, Range(0, 5, 1), "Hidden layers on either side of the code; several make it deep"] = 1,
        width: Annotated[int, Range(8, 1024, 8), "Features of the outermost hidden layer; each further has half"] = 256,
        linear: Annotated[bool, "No activation anywhere: it can do what PCA does and no more"] = False,
        bound: Bound = "none",
    ) -> None:
        super().__init__(channels, dimensions, size, factor=size, latent_channels=code)
        if linear and bound != "none":
            raise Refused(f"bound={bound}", "a linear autoencoder has no activation", "take bound=none or linear=false")
        pixels = channels * size**dimensions
        sizes = [pixels, *(max(code, width >> level) for level in range(depth)), code]
        weights = 2 * sum(a * b for a, b in itertools.pairwise(sizes))
        if weights > MOST:
            fault = f"dense layers on {pixels:,} pixels have {weights / 1e6:,.0f} million weights"
            raise Refused(f"size={size}", fault, "take smaller pictures, a smaller width or the convolutional one")
        self.encoder = _layers(sizes, linear)
        self.decoder = _layers(sizes[::-1], linear)
        self.bound = squash(bound)

    @property
    def spatial(self) -> bool:
        """A vector."""
        return False

    def encode(self, image: Tensor) -> Tensor:
        """Return the codes (N, code)."""
        return self.bound(self.encoder(torch.flatten(image, 1)))  # type: ignore[no-any-return]

    def decode(self, code: Tensor) -> Tensor:
        """Return the pictures of codes (N, code)."""
        flat: Tensor = self.decoder(code)
        return flat.view(len(code), self.channels, *[self.size] * self.dimensions)


def _layers(sizes: list[int], linear: bool) -> nn.Sequential:
    layers: list[nn.Module] = []
    for a, b in itertools.pairwise(sizes):
        layers += [] if linear or not layers else [nn.SiLU()]
        layers.append(nn.Linear(a, b))
    return nn.Sequential(*layers)
