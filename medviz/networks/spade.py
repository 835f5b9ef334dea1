"""SPADE: noise unfolds into a picture, and a mask tells at every scale how the features are to be normalised.

Park, Liu, Wang and Zhu, "Semantic image synthesis with spatially-adaptive normalization", 2019. Written here: MONAI
1.6's SPADE passes γ and β through an instance normalisation of their own, which takes away what a mask of one label
says, and its SPADENet wants lists where it says sequences. The judge is pix2pix's.
"""

from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medviz.networks.adversaries import Adversaries, Latent, halvings
from medviz.networks.fitting import CONVOLUTION, Dimensions
from medviz.networks.judge import JudgeWidth, Judging, patches
from medviz.parameters import Range

_INSTANCE = {2: nn.InstanceNorm2d, 3: nn.InstanceNorm3d}
_SLOPE = 0.2


class Spade(Adversaries):
    """Noise (N, latent) and maps (N, given, size, ...) → pictures (N, channels, size, ...); both → scores of patches.

    `size` is 4 to 7 times a power of two.
    """

    def __init__(
        self,
        channels: int = 1,
        given: int = 2,
        dimensions: Dimensions = 2,
        size: Annotated[int, Range(16, 256, 4, unit="px"), "Side of the pictures"] = 64,
        latent: Latent = 32,
        width: Annotated[int, Range(4, 128, 4), "Features at the full size; each halving has twice as many"] = 16,
        hidden: Annotated[int, Range(4, 128, 4), "Features between the mask and γ and β (paper: 128)"] = 16,
        judge_width: JudgeWidth = 16,
        judge_depth: Judging = 2,
    ) -> None:
        super().__init__((channels, *[size] * dimensions), latent, given)
        levels = halvings(size)
        features = [min(width * 2**level, width * 8) for level in range(levels + 1)]
        self.generator = Unfolding(channels, given, dimensions, size, latent, features, hidden)
        self.discriminator = patches(channels + given, dimensions, size, judge_width, judge_depth)


class Unfolding(nn.Module):
    """The smallest map → a block that reads the mask, twice as large, again and again → a picture."""

    def __init__(
        self, channels: int, given: int, dimensions: int, size: int, latent: int, features: list[int], hidden: int
    ) -> None:
        super().__init__()
        levels = len(features) - 1
        self.smallest = (features[-1], *[size >> levels] * dimensions)
        self.first = nn.Linear(latent, features[-1] * (size >> levels) ** dimensions)
        self.blocks = nn.ModuleList(
            Block(dimensions, features[min(k + 1, levels)], features[k], given, hidden) for k in range(levels, -1, -1)
        )
        self.head = CONVOLUTION[dimensions](features[0], channels, 3, padding=1)

    def forward(self, noise: Tensor, given: Tensor) -> Tensor:
        """Unfold noise so that it fits the map."""
        x = self.first(noise).view(-1, *self.smallest)
        for number, block in enumerate(self.blocks):
            x = F.interpolate(x, scale_factor=2.0) if number else x
            x = block(x, given)
        return torch.tanh(self.head(F.leaky_relu(x, _SLOPE)))


class Block(nn.Module):
    """x + F(x): twice a normalisation told by the mask, leaky ReLU and a convolution of 3."""

    def __init__(self, dimensions: int, before: int, after: int, given: int, hidden: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(Told(dimensions, size, given, hidden) for size in (before, after))
        self.first = CONVOLUTION[dimensions](before, after, 3, padding=1, bias=False)
        self.second = CONVOLUTION[dimensions](after, after, 3, padding=1)
        self.shortcut = nn.Identity() if before == after else CONVOLUTION[dimensions](before, after, 1, bias=False)

    def forward(self, x: Tensor, given: Tensor) -> Tensor:
        """Turn features (N, before, ...) into features (N, after, ...) of the same size."""
        y = self.first(F.leaky_relu(self.norms[0](x, given), _SLOPE))
        y = self.second(F.leaky_relu(self.norms[1](y, given), _SLOPE))
        return self.shortcut(x) + y  # type: ignore[no-any-return]


class Told(nn.Module):
    """Normalisation whose scale and shift, γ and β, differ from place to place as the map says."""

    def __init__(self, dimensions: int, features: int, given: int, hidden: int) -> None:
        super().__init__()
        self.norm = _INSTANCE[dimensions](features)
        self.shared = CONVOLUTION[dimensions](given, hidden, 3, padding=1)
        self.gamma = CONVOLUTION[dimensions](hidden, features, 3, padding=1)
        self.beta = CONVOLUTION[dimensions](hidden, features, 3, padding=1)

    def forward(self, x: Tensor, given: Tensor) -> Tensor:
        """Normalise features (N, features, ...) by the map (N, given, ...), made as small as they are."""
        map_ = F.relu(self.shared(F.interpolate(given, size=x.shape[2:])))
        return self.norm(x) * (1 + self.gamma(map_)) + self.beta(map_)  # type: ignore[no-any-return]
