"""Masked patches: their loss, how well they are filled in beside what needs no network, and pictures of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medviz.figures import Figure, Gallery
from medviz.imaging.slices import cut
from medviz.imaging.volume import Array, Stored, Volume
from medviz.messages import Progress, Work
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


def measured(network: nn.Module, batches: Sequence[Batch], asked: Asked) -> Work[Mapping[str, float]]:
    """Measure the loss and, where the network tells values, how far the masked pixels are off; means over pictures.

    Beside it stand two guesses that need no network: the mean of what is visible, and what is visible, blurred.
    """
    sums: dict[str, float] = {}
    for number, batch in enumerate(batches, start=1):
        image, shown = batch["image"], batch["shown"]
        told = network(image, shown)
        found = {"validation/loss": float(loss(told, batch, asked))}
        if not asked.normalise:
            masked = _covered(batch, asked)
            found["validation/PSNR (dB)"] = psnr(told, image, masked)
            found["validation/mean of the visible/PSNR (dB)"] = psnr(mean_of_visible(image, masked), image, masked)
            found["validation/visible, blurred/PSNR (dB)"] = psnr(blurred(image, masked, asked.patch), image, masked)
        for name, value in found.items():
            sums[name] = sums.get(name, 0.0) + value / len(batches)
        yield Progress(number, len(batches), "validation")
    return sums


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
    masked = _covered(batch, asked)
    return torch.where(masked, told, image), masked


def drawn(network: nn.Module, probes: Sequence[Batch], asked: Asked, of_patients: bool) -> Iterator[Figure]:
    """Draw each probe as it is, masked, filled in, and how far that is off; of a volume the middle axial slice."""
    tiles, titles = [], []
    for number, batch in enumerate(probes, start=1):
        made, masked = filled(network, batch, asked)
        image = batch["image"]
        low, high = (float(one) for one in (image.amin(), image.amax()))
        gone = torch.where(masked, torch.full_like(image, low), image)
        error = (made - image).abs() + low
        for one in (image, gone, made, error):
            tiles.append(((_facing(one[0].mean(0).cpu().numpy(), of_patients)) - low) / max(high - low, 1e-6))
        said = "pattern filled in" if asked.normalise else f"filled in, {psnr(made, image, masked):.1f} dB"
        share = f"{float(masked.float().mean()):.0%} masked"
        titles += [f"probe {number}", share, said, "error"]
    if tiles:
        yield Gallery("reconstructions", np.stack(tiles), "held-out: original, masked, filled in, error",
                      tuple(titles), levels=(0.0, 1.0), shared_scale=True, columns=4)  # fmt: skip


def _covered(batch: Batch, asked: Asked) -> Tensor:
    sides = batch["image"].shape[2:]
    return covered(batch["shown"], asked.patch, tuple(side // asked.patch for side in sides))


def _facing(voxels: Array, of_patients: bool) -> Array:
    """Turn (x, y[, z]) to the screen; scans lie as the viewer shows them."""
    voxels = voxels if voxels.ndim == 3 else voxels[..., np.newaxis]
    stored = Stored("sample", voxels.shape, "RAS", np.eye(4), voxels.dtype)
    whole = Volume(voxels[np.newaxis], np.eye(4), stored, calibrated=False, oriented=of_patients)
    seen = cut(whole, "axial", voxels.shape[2] // 2, radiological=of_patients)
    return np.ascontiguousarray(seen.pixels)
