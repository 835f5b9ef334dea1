"""Masked patches: what a network is asked for, its loss, what it fills in, and guesses that need no network.

Pictures are (N, C, x, y[, z]); a batch has them as "image", and as "shown" (N, v) the numbers of the visible patches.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medviz.networks.patching import covered, hidden, joined, patched
from medviz.training.task import Batch

_CONVOLUTION = {2: F.conv2d, 3: F.conv3d}


@dataclass(frozen=True)
class Asked:
    """What is asked of the network: the side of a patch in pixels, the loss ("l2", "l1"), whether targets are scaled.

    Scaled (`normalise`), each patch has mean 0 and spread 1.
    """

    patch: int
    loss: str = "l2"
    normalise: bool = False


def loss(told: Tensor, batch: Batch, asked: Asked) -> Tensor:
    """Mean loss over the masked patches, of pictures (N, C, x, y[, z]); what was shown does not enter it."""
    meant, _, _ = targets(batch["image"], asked)
    rows = patched(told.float(), asked.patch)
    each = (F.mse_loss if asked.loss == "l2" else F.l1_loss)(rows, meant, reduction="none").mean(-1)  # (N, n)
    masked = hidden(batch["shown"], each.shape[1]).to(each)
    return (each * masked).sum() / masked.sum()


def targets(image: Tensor, asked: Asked) -> tuple[Tensor, Tensor, Tensor]:
    """What the network is to tell, a row a patch (N, n, C·side^d); value = row · spread + mean of the patch."""
    rows = patched(image.float(), asked.patch)
    if not asked.normalise:
        return rows, torch.zeros_like(rows[..., :1]), torch.ones_like(rows[..., :1])
    mean, spread = rows.mean(-1, keepdim=True), rows.std(-1, keepdim=True, unbiased=False) + 1e-3
    return (rows - mean) / spread, mean, spread


def psnr(told: Tensor, meant: Tensor, masked: Tensor) -> float:
    """Range of a picture against the root of the mean square error of its masked pixels, in dB; mean over pictures."""
    told, meant = told.float(), meant.float()
    square = ((told - meant).square() * masked).flatten(1).sum(1) / (masked.flatten(1).sum(1) * told.shape[1])
    reach = (meant.flatten(1).amax(1) - meant.flatten(1).amin(1)).clamp_min(1e-6)
    return float((20 * reach.log10() - 10 * square.clamp_min(1e-12).log10()).mean())


def mean_of_visible(image: Tensor, masked: Tensor) -> Tensor:
    """Put the mean of the visible pixels of each channel everywhere."""
    seen = (~masked).to(image)
    axes = tuple(range(2, image.ndim))
    mean = (image * seen).sum(axes, keepdim=True) / seen.sum(axes, keepdim=True)
    return mean.expand_as(image)


def blurred(image: Tensor, masked: Tensor, sigma: float) -> Tensor:
    """Take for each pixel the mean of the visible ones, the nearer the more (a Gaussian of `sigma` pixels)."""
    seen = (~masked).to(image)
    near, weight = _smooth(image * seen, sigma), _smooth(seen, sigma)
    return torch.where(weight > 1e-4, near / weight.clamp_min(1e-4), mean_of_visible(image, masked))


def _smooth(x: Tensor, sigma: float) -> Tensor:
    dimensions = x.ndim - 2
    reach = round(3 * sigma)
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, device=x.device) / sigma) ** 2)
    kernel = kernel / kernel.sum()
    for axis in range(dimensions):
        shape = [1] * dimensions
        shape[axis] = len(kernel)
        window = kernel.view(1, 1, *shape).expand(x.shape[1], 1, *shape)
        pads = [reach if one == axis else 0 for one in range(dimensions)]
        x = _CONVOLUTION[dimensions](x, window.to(x), padding=pads, groups=x.shape[1])
    return x


def filled(network: nn.Module, batch: Batch, asked: Asked) -> tuple[Tensor, Tensor]:
    """Return the picture with its masked patches filled in by the network, and which pixels were masked.

    Where targets are scaled the network tells patterns alone; mean and spread of each patch are then the true ones.
    """
    image: Tensor = batch["image"]
    told = network(image, batch["shown"]).float()
    if asked.normalise:
        _, mean, spread = targets(image, asked)
        rows = patched(told, asked.patch) * spread + mean
        told = joined(rows, asked.patch, tuple(side // asked.patch for side in image.shape[2:]))
    masked = masked_in(batch, asked)
    return torch.where(masked, told, image), masked


def masked_in(batch: Batch, asked: Asked) -> Tensor:
    """Tell which pixels of a batch are masked: (N, 1, x, y[, z]) bool."""
    sides = batch["image"].shape[2:]
    return covered(batch["shown"], asked.patch, tuple(side // asked.patch for side in sides))
