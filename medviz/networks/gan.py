"""GAN: a generator and a discriminator of dense layers, for points and small pictures.

Goodfellow et al., "Generative adversarial networks", 2014.
"""

import math
from typing import Annotated, Literal

from torch import Tensor, nn

from medviz.networks.adversaries import Adversaries, Latent
from medviz.parameters import Choice, Range

_SLOPE = 0.2


class GAN(Adversaries):
    """Noise (N, latent) → points (N, 2) or pictures (N, channels, size, size[, size]); and these → (N, 1) scores."""

    def __init__(
        self,
        channels: int = 1,
        dimensions: Annotated[
            Literal[2, 3, 0], Choice((2, 3, 0), ("2-D", "3-D", "points")), "Slices, volumes or points"
        ] = 2,
        size: Annotated[int, Range(4, 64, 1, unit="px"), "Side of the picture"] = 16,
        latent: Latent = 16,
        width: Annotated[int, Range(8, 1024, 8), "Features of each hidden layer"] = 128,
        depth: Annotated[int, Range(1, 6, 1), "Hidden layers of each of the two"] = 2,
        dropout: Annotated[float, Range(0, 0.9), "Share of features the discriminator does without while learning"] = 0,
    ) -> None:
        shape = (channels, *[size] * dimensions)
        super().__init__(shape, latent)
        numbers = math.prod(shape)
        self.generator = nn.Sequential(
            *_dense(latent, width, depth), nn.Linear(width, numbers), Shaped(shape, bounded=dimensions > 0)
        )
        self.discriminator = nn.Sequential(nn.Flatten(), *_dense(numbers, width, depth, dropout), nn.Linear(width, 1))


class Shaped(nn.Module):
    """Numbers (N, n) as pictures (N, *shape), in −1..1 where they are bounded."""

    def __init__(self, shape: tuple[int, ...], bounded: bool) -> None:
        super().__init__()
        self.shape, self.bounded = shape, bounded

    def forward(self, x: Tensor) -> Tensor:
        """Give them their shape."""
        x = x.view(-1, *self.shape)
        return x.tanh() if self.bounded else x


def _dense(before: int, width: int, depth: int, dropout: float = 0.0) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for _ in range(depth):
        layers += [nn.Linear(before, width), nn.LeakyReLU(_SLOPE), *([nn.Dropout(dropout)] if dropout else [])]
        before = width
    return layers
