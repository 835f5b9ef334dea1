"""Convolutional autoencoder: the sides are halved some times, and a few channels are left of each place.

Masci et al., "Stacked convolutional auto-encoders for hierarchical feature extraction", 2011. Its code is a small
picture of several channels, so that it takes pictures of any size its factor divides, and latent diffusion can use it.
"""

from typing import Annotated

from torch import Tensor

from medviz.networks.coding import Bound, Coder, Depth, Down, Side, Up, Width, features, halved, squash
from medviz.networks.fitting import CONVOLUTION, Dimensions, Norm
from medviz.parameters import Range


class ConvAutoencoder(Coder):
    """(N, channels, size ...) → (N, code, size / 2^depth ...) → (N, channels, size ...)."""

    def __init__(
        self,
        channels: int = 1,
        dimensions: Dimensions = 2,
        size: Side = 32,
        code: Annotated[int, Range(1, 64, 1), "Channels of the code at each place"] = 4,
        depth: Depth = 2,
        width: Width = 16,
        norm: Norm = "group",
        bound: Bound = "none",
    ) -> None:
        super().__init__(channels, dimensions, size, 2**depth, code)
        halved(size, depth, 2)
        inner = features(width, depth)[-1]
        self.encoder = Down(dimensions, channels, width, depth, norm)
        self.to_code = CONVOLUTION[dimensions](inner, code, 1)
        self.from_code = CONVOLUTION[dimensions](code, inner, 1)
        self.decoder = Up(dimensions, channels, width, depth, norm)
        self.bound = squash(bound)

    def encode(self, image: Tensor) -> Tensor:
        """Return the codes (N, code, size / 2^depth ...)."""
        return self.bound(self.to_code(self.encoder(image)))  # type: ignore[no-any-return]

    def decode(self, code: Tensor) -> Tensor:
        """Return the pictures of codes."""
        return self.decoder(self.from_code(code))  # type: ignore[no-any-return]
