"""What autoencoders share: a picture becomes a code, and the code a picture again.

Pictures are (N, channels, side, side[, side]). A code is a vector (N, k), or small maps (N, c, x, y[, z]) that lie over
the picture (a "spatial" code), which latent diffusion can learn on.
"""

import itertools
import math
from dataclasses import dataclass
from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medviz.networks.fitting import CONVOLUTION, norm_of
from medviz.parameters import Choice, Range
from medviz.refused import Refused

Side = Annotated[int, Range(8, 128, 1, unit="px"), "Side of the picture"]
Width = Annotated[int, Range(4, 128, 4), "Features of the first level; each level below has twice as many"]
Depth = Annotated[int, Range(1, 6, 1), "How often the sides are halved"]
Bound = Annotated[
    str,
    Choice(("none", "relu", "sigmoid"), ("None: any number", "ReLU: 0 or more", "Sigmoid: 0 to 1")),
    "What bounds the numbers of the code; 0 to 1 is what KL-sparsity needs",
]
_SQUASHED = {"none": nn.Identity, "relu": nn.ReLU, "sigmoid": nn.Sigmoid}
_LOWEST, _HIGHEST = -20.0, 10.0
"""Logarithms of a variance beyond these are cut: their exponentials would leave 16 bit."""
MOST_WIDTH = 8


@dataclass(frozen=True, eq=False)
class Coded:
    """What an autoencoder makes of a batch: the pictures told again, and their codes.

    `kl` (N,) is the divergence of a random code from its prior in nats, `pull` () what draws a picture's code to that
    of the book, `index` (N, x, y[, z]) the numbers of the codes in the book, `mean` the code without its noise.
    """

    image: Tensor
    code: Tensor
    mean: Tensor
    kl: Tensor | None = None
    pull: Tensor | None = None
    index: Tensor | None = None


class Coder(nn.Module):
    """An autoencoder: `encode`, `decode`, and `coded`, which does both and tells all that a loss may want.

    `factor`: so many times fewer pixels a side has the code; `latent_channels` its channels; `latent_shape` the shape
    of one code of pictures of `size`; `spatial` whether it is a map; `gaussian` whether it has a prior N(0, 1) to draw
    from; `seen` the pictures learnt from so far, which `β` and a judge wait for.
    """

    gaussian = False
    seen: Tensor

    def __init__(self, channels: int, dimensions: int, size: int, factor: int, latent_channels: int) -> None:
        super().__init__()
        self.channels, self.dimensions, self.size = channels, dimensions, size
        self.factor, self.latent_channels = factor, latent_channels
        self.register_buffer("seen", torch.zeros(()))

    @property
    def spatial(self) -> bool:
        """Whether a code is a map that lies over the picture."""
        return self.factor < self.size

    @property
    def latent_shape(self) -> tuple[int, ...]:
        """Shape of the code of one picture of the side it was built for."""
        if not self.spatial:
            return (self.latent_channels,)
        return (self.latent_channels, *[self.size // self.factor] * self.dimensions)

    @property
    def numbers(self) -> int:
        """How many numbers stand for a picture."""
        return math.prod(self.latent_shape)

    def encode(self, image: Tensor) -> Tensor:
        """Return the codes of pictures, without chance."""
        raise TypeError(f"{type(self).__name__} has no encode()")

    def decode(self, code: Tensor) -> Tensor:
        """Return the pictures of codes."""
        raise TypeError(f"{type(self).__name__} has no decode()")

    def coded(self, image: Tensor) -> Coded:
        """Encode and decode; in training a random code is drawn."""
        code = self.encode(image)
        return Coded(self.decode(code), code, code)

    def forward(self, image: Tensor) -> Tensor:
        """Tell pictures again."""
        return self.coded(image).image

    def count(self, image: Tensor) -> None:
        """Take note of pictures that are learnt from."""
        if self.training:
            self.seen += len(image)


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(μ, σ²) ‖ N(0, 1)) of each picture in nats, (N,): −½ Σ (1 + ln σ² − μ² − σ²).

    Kingma and Welling, "Auto-encoding variational Bayes", 2013, appendix B.
    """
    mean, log_variance = mean.float(), log_variance.float()
    each = -0.5 * (1 + log_variance - mean.square() - log_variance.exp())
    return each.flatten(1).sum(1)


def drawn(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Draw codes μ + σ·ε (the reparametrisation: chance comes in from outside, so that a gradient reaches μ and σ)."""
    return mean + (0.5 * log_variance).exp() * torch.randn_like(mean)


def bounded(log_variance: Tensor) -> Tensor:
    """Keep a logarithm of a variance where its exponential is a number."""
    return log_variance.clamp(_LOWEST, _HIGHEST)


def squash(bound: str) -> nn.Module:
    """Return what bounds the numbers of a code."""
    made: nn.Module = _SQUASHED[bound]()
    return made


def halved(size: int, depth: int, least: int = 1) -> int:
    """Return the side after `depth` halvings; refuses one that cannot be halved so often, or gets below `least`."""
    step = 2**depth
    if size % step or size // step < least:
        fewer = next((d for d in range(depth, 0, -1) if size % 2**d == 0 and size // 2**d >= least), 0)
        remedy = f"take a multiple of {step} from {step * least} on" + (f", or depth={fewer}" if fewer else "")
        raise Refused(f"depth={depth}", f"{size} px cannot be halved {depth} times", remedy)
    side: int = size // step
    return side


def features(width: int, depth: int) -> list[int]:
    """Features of each level: twice as many each time the sides are halved, up to eight times `width`."""
    return [min(width * 2**level, width * MOST_WIDTH) for level in range(depth + 1)]


class Down(nn.Module):
    """A picture to features of a size halved `depth` times: (N, channels, side ...) → (N, f, side / 2^depth ...)."""

    def __init__(self, dimensions: int, channels: int, width: int, depth: int, norm: str) -> None:
        super().__init__()
        sizes = features(width, depth)
        self.first = CONVOLUTION[dimensions](channels, sizes[0], 3, padding=1)
        self.halving = nn.ModuleList(
            CONVOLUTION[dimensions](a, b, 4, stride=2, padding=1) for a, b in itertools.pairwise(sizes)
        )
        self.blocks = nn.ModuleList(Residual(dimensions, one, norm) for one in sizes[1:])

    def forward(self, x: Tensor) -> Tensor:
        """Look at ever more of the picture at once."""
        x = self.first(x)
        for halving, block in zip(self.halving, self.blocks, strict=True):
            x = block(halving(F.silu(x)))  # (N, width·2^level, side / 2^level ...)
        return F.silu(x)


class Up(nn.Module):
    """Features to a picture of a size doubled `depth` times; enlarged first, then convolved, so that no grid shows."""

    def __init__(self, dimensions: int, channels: int, width: int, depth: int, norm: str) -> None:
        super().__init__()
        sizes = features(width, depth)[::-1]
        self.blocks = nn.ModuleList(Residual(dimensions, one, norm) for one in sizes[:-1])
        self.doubling = nn.ModuleList(CONVOLUTION[dimensions](a, b, 3, padding=1) for a, b in itertools.pairwise(sizes))
        self.last = CONVOLUTION[dimensions](sizes[-1], channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Draw ever finer."""
        for block, doubling in zip(self.blocks, self.doubling, strict=True):
            x = doubling(F.interpolate(F.silu(block(x)), scale_factor=2))  # (N, width·2^level, side / 2^level ...)
        return self.last(F.silu(x))  # type: ignore[no-any-return]


class Residual(nn.Module):
    """Adds to features what two convolutions of them say: (N, f, ...) → (N, f, ...)."""

    def __init__(self, dimensions: int, size: int, norm: str) -> None:
        super().__init__()
        kind = CONVOLUTION[dimensions]
        self.norms = nn.ModuleList(norm_of(dimensions, norm, size) for _ in range(2))
        self.convolutions = nn.ModuleList(kind(size, size, 3, padding=1) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        """Turn features into features."""
        y = x
        for norm, convolution in zip(self.norms, self.convolutions, strict=True):
            y = convolution(F.silu(norm(y)))
        return x + y
