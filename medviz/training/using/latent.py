"""Diffusion in the code of an autoencoder: the denoiser learns on small maps, and these become pictures at the end.

Rombach et al., "High-resolution image synthesis with latent diffusion models", 2022. The autoencoder is frozen and lies
beside the denoiser, so that a run holds all that it needs; its code is scaled to mean 0 and spread 1.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn

from medviz.networks.coding import Coder
from medviz.refused import Refused
from medviz.training.using.taught import Taught, taught_in, taught_pictures

_REMEDY = "choose a run of the task autoencoding with KL autoencoder, VQ-VAE or VQ-GAN"
_LEAST_SPREAD = 1e-3


class Latent(nn.Module):
    """A denoiser and the autoencoder whose code it learns on; called as the denoiser is."""

    shift: Tensor
    scale: Tensor

    def __init__(self, denoiser: nn.Module, autoencoder: Coder) -> None:
        super().__init__()
        self.denoiser = denoiser
        self.autoencoder = autoencoder.eval().requires_grad_(False)
        shape = (1, autoencoder.latent_channels, *[1] * autoencoder.dimensions)
        self.register_buffer("shift", torch.zeros(shape))
        self.register_buffer("scale", torch.ones(shape))

    @property
    def kinds(self) -> int:
        """How many classes the denoiser can be asked for."""
        return int(getattr(self.denoiser, "kinds", 0))

    def train(self, mode: bool = True) -> Self:
        """Train the denoiser alone: the autoencoder draws no codes and counts nothing."""
        super().train(mode)
        self.autoencoder.eval()
        return self

    def forward(self, x: Tensor, t: Tensor, kind: Tensor | None = None, text: Tensor | None = None) -> Tensor:
        """Tell the noise in codes."""
        return self.denoiser(x, t, kind, text)  # type: ignore[no-any-return]

    @torch.no_grad()
    def encode(self, image: Tensor) -> Tensor:
        """Return the scaled codes of pictures (N, C, x, y[, z])."""
        return (self.autoencoder.encode(image) - self.shift) / self.scale

    @torch.no_grad()
    def decode(self, code: Tensor) -> Tensor:
        """Return the pictures of scaled codes, within −1..1."""
        return self.autoencoder.decode(code * self.scale + self.shift).clamp(-1, 1)

    @torch.no_grad()
    def measure(self, images: Iterable[Tensor]) -> None:
        """Scale the code by what it is of these pictures (C, x, y[, z]): each channel to mean 0 and spread 1."""
        codes = torch.cat([self.autoencoder.encode(image[None]) for image in images])
        over = [axis for axis in range(codes.ndim) if axis != 1]
        self.shift.copy_(codes.mean(over, keepdim=True))
        self.scale.copy_(codes.std(over, keepdim=True).clamp_min(_LEAST_SPREAD))


def autoencoder_in(where: str, dimensions: int, side: int, channels: int) -> tuple[Coder, Taught]:
    """Load the autoencoder of a run; refuses one whose code is no map, or that was taught on other pictures."""
    if not Path(where).is_dir():
        raise Refused(where, "there is no such folder", _REMEDY)
    if taught_in(where) != "autoencoding":
        raise Refused(where, "it is no run of an autoencoder", _REMEDY)
    found, _, (its_dimensions, its_side, its_channels) = taught_pictures(where)
    network = found.network
    if not isinstance(network, Coder) or not network.spatial:
        raise Refused(where, "its code is a row of numbers and no small picture", _REMEDY)
    if its_dimensions != dimensions or its_channels != channels:
        theirs = f"{its_dimensions}-D pictures of {its_channels} channel(s)"
        raise Refused(where, f"it was taught on {theirs}", f"choose {its_dimensions}-D and such data, or another run")
    if side % network.factor or side < 2 * network.factor:
        step = network.factor
        raise Refused(f"side={side}", f"the code is {step} times smaller", f"take a multiple of {step}, as {its_side}")
    return network, found


def encoded(network: Any, image: Tensor) -> Tensor:
    """Return what a network denoises: the codes of pictures where it works on these, else the pictures themselves."""
    encode = getattr(network, "encode", None)
    found: Tensor = image if encode is None else encode(image)
    return found


def decoded(network: Any, x: Tensor) -> Tensor:
    """Return the pictures of what a network has denoised, within −1..1."""
    decode = getattr(network, "decode", None)
    found: Tensor = x.clamp(-1, 1) if decode is None else decode(x)
    return found


def shape_of(network: Any, channels: int, side: int, dimensions: int) -> tuple[int, ...]:
    """Return the shape of what a network denoises, for pictures of this shape."""
    coder = getattr(network, "autoencoder", None)
    if coder is None:
        return (channels, *[side] * dimensions)
    return (coder.latent_channels, *[side // coder.factor] * dimensions)


def covered(network: Any, mask: Tensor) -> Tensor:
    """Return where what a network denoises is known, for pictures (…, x, y[, z]) known where `mask` is True.

    A place of a code is known where all of its pixels are.
    """
    coder = getattr(network, "autoencoder", None)
    if coder is None:
        return mask
    pool: Sequence[Any] = (nn.functional.max_pool2d, nn.functional.max_pool3d)
    unknown = (~mask).float()
    found: Tensor = pool[coder.dimensions - 2](unknown, coder.factor) == 0
    return found
