"""What generators and their discriminators share: two networks in one, each a part that learns by itself."""

from collections.abc import Sequence
from typing import Annotated

import torch
from torch import Tensor, nn

from medviz.parameters import Range
from medviz.refused import Refused

ADVERSARIES = ("gan", "dcgan", "pix2pix", "spade")
"""Networks of two parts, `generator` and `discriminator`, for the task that lets them play."""
LEAST = 4
"""Side of the map that noise becomes first, at least."""
Latent = Annotated[int, Range(1, 512, 1, log=True), "Numbers of noise that a sample is made from"]


class Adversaries(nn.Module):
    """A forger and a judge. A subclass sets `generator` and `discriminator`, and what a picture is.

    `shape` is that of a picture (C, x, y[, z]) or point (2,), `latent` how many numbers of noise one is made from (0:
    none), `given` the channels of the map that it is made to fit (0: none).
    """

    generator: nn.Module
    discriminator: nn.Module

    def __init__(self, shape: Sequence[int], latent: int = 0, given: int = 0) -> None:
        super().__init__()
        self.shape, self.latent, self.given = tuple(shape), latent, given

    def noise(self, count: int, like: Tensor, chance: torch.Generator | None = None) -> Tensor:
        """Draw noise (count, latent) on the device of `like`; from `chance` (of the processor) where it is given."""
        if chance is None:
            return torch.randn(count, self.latent, device=like.device)
        return torch.randn(count, self.latent, generator=chance).to(like.device)

    def made(self, noise: Tensor, given: Tensor | None = None) -> Tensor:
        """Make pictures (N, C, x, y[, z]) in −1..1 of noise (N, latent) and maps (N, given, x, y[, z])."""
        asked = [one for one, wanted in ((noise, self.latent), (given, self.given)) if wanted]
        return self.generator(*asked)  # type: ignore[no-any-return]

    def judged(self, pictures: Tensor, given: Tensor | None = None) -> Tensor:
        """Score pictures, each as a whole (N, 1) or patch by patch (N, 1, ...): above 0 looks real."""
        seen = torch.cat([given, pictures], 1) if self.given and given is not None else pictures
        return self.discriminator(seen)  # type: ignore[no-any-return]

    def forward(self, x: Tensor) -> Tensor:
        """Score pictures, and as many forgeries made of no noise and an empty map: (N, 2)."""
        given = x.new_zeros(len(x), self.given, *x.shape[2:]) if self.given else None
        forged = self.made(x.new_zeros(len(x), self.latent), given)
        return torch.stack([self.judged(one, given).flatten(1).mean(1) for one in (x, forged)], 1)


class Painter(nn.Module):
    """A network whose answer is a picture in −1..1."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, given: Tensor) -> Tensor:
        """Paint a picture of a map."""
        return torch.tanh(self.inner(given))


def halvings(size: int) -> int:
    """How often a side can be halved down to 4 to 7; refuses one that is no 4 to 7 times a power of two."""
    levels = 0
    while size >> (levels + 1) >= LEAST:
        levels += 1
    if size % 2**levels:
        low = size - size % 2**levels
        fault = f"it cannot be halved {levels} times down to {LEAST} to {2 * LEAST - 1}"
        raise Refused(f"side={size}", fault, f"take {low} or {low + 2**levels}")
    return levels
