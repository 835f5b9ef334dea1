"""DCGAN: a generator that unfolds noise step by step into a picture, and a discriminator that folds pictures up.

Radford, Metz and Chintala, "Unsupervised representation learning with deep convolutional generative adversarial
networks", 2016: no pooling, batch normalisation, weights drawn with spread 0.02. Resizing before a convolution, in
place of a transposed one, leaves no checkerboard (Odena, Dumoulin and Olah, 2016).
"""

from typing import Annotated, Literal

import torch
from torch import Tensor, nn

from medviz.networks.adversaries import Adversaries, Latent, halvings
from medviz.networks.fitting import CONVOLUTION, UPWARD, Dimensions
from medviz.parameters import Choice, Range

Upward = Literal["resized", "transposed"]
_BATCH = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
_SLOPE, _SPREAD = 0.2, 0.02


class DCGAN(Adversaries):
    """Noise (N, latent) → pictures (N, channels, size, size[, size]) in −1..1; and these → (N, 1) scores.

    `size` is 4 to 7 times a power of two: 16, 20, 24, 28, 32, 40, 48, 64 ...
    """

    def __init__(
        self,
        channels: int = 1,
        dimensions: Dimensions = 2,
        size: Annotated[int, Range(8, 256, 4, unit="px"), "Side of the picture"] = 32,
        latent: Latent = 64,
        width: Annotated[int, Range(4, 128, 4), "Features at the full size; each halving has twice as many"] = 16,
        upward: Annotated[
            Upward,
            Choice(("resized", "transposed"), ("Resize, then convolve", "Transposed convolution")),
            "How a map is made larger; transposed ones are the paper's, and may leave a checkerboard",
        ] = "resized",
        dropout: Annotated[float, Range(0, 0.9), "Share of maps the discriminator does without while learning"] = 0,
    ) -> None:
        super().__init__((channels, *[size] * dimensions), latent)
        levels = halvings(size)
        features = [min(width * 2**level, width * 8) for level in range(levels + 1)]
        self.generator = Unfolding(channels, dimensions, size, latent, features, upward)
        self.discriminator = _folding(channels, dimensions, size, features, dropout)
        self.apply(_drawn)


class Unfolding(nn.Module):
    """Noise → the smallest map → twice as large until it is a picture."""

    def __init__(
        self, channels: int, dimensions: int, size: int, latent: int, features: list[int], upward: Upward
    ) -> None:
        super().__init__()
        levels = len(features) - 1
        self.smallest = (features[-1], *[size >> levels] * dimensions)
        numbers = features[-1] * (size >> levels) ** dimensions
        self.first = nn.Linear(latent, numbers, bias=False)
        self.norm = _BATCH[dimensions](features[-1])
        self.up = nn.Sequential(
            *(_upward(dimensions, features[k], features[k - 1], upward) for k in range(levels, 0, -1))
        )
        self.head = CONVOLUTION[dimensions](features[0], channels, 3, padding=1)

    def forward(self, noise: Tensor) -> Tensor:
        """Unfold noise (N, latent)."""
        x = self.first(noise).view(-1, *self.smallest)  # (N, 8 width, size/2^levels, ...)
        return torch.tanh(self.head(self.up(self.norm(x).relu())))  # (N, channels, size, ...)


def _upward(dimensions: int, before: int, after: int, kind: Upward) -> nn.Sequential:
    """Twice as large: (N, before, x, ...) → (N, after, 2x, ...)."""
    if kind == "transposed":
        larger: list[nn.Module] = [UPWARD[dimensions](before, after, 4, 2, 1, bias=False)]
    else:
        larger = [nn.Upsample(scale_factor=2), CONVOLUTION[dimensions](before, after, 3, padding=1, bias=False)]
    return nn.Sequential(*larger, _BATCH[dimensions](after), nn.ReLU())


def _folding(channels: int, dimensions: int, size: int, features: list[int], dropout: float) -> nn.Sequential:
    """Half as large, again and again, without normalisation at the first (paper), then one score."""
    layers: list[nn.Module] = []
    for level, (before, after) in enumerate(zip([channels, *features[1:-1]], features[1:], strict=True)):
        layers.append(CONVOLUTION[dimensions](before, after, 4, 2, 1, bias=level == 0))
        layers += [] if level == 0 else [_BATCH[dimensions](after)]
        layers += [nn.LeakyReLU(_SLOPE), *([nn.Dropout(dropout)] if dropout else [])]
    left = features[-1] * (size >> (len(features) - 1)) ** dimensions
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(left, 1))


def _drawn(module: nn.Module) -> None:
    """Draw weights as the paper does."""
    if isinstance(module, nn.Conv2d | nn.Conv3d | nn.ConvTranspose2d | nn.ConvTranspose3d | nn.Linear):
        nn.init.normal_(module.weight, 0.0, _SPREAD)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d):
        nn.init.normal_(module.weight, 1.0, _SPREAD)
        nn.init.zeros_(module.bias)
