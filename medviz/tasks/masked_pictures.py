"""Masked patches: how well they are filled in beside what needs no network, and pictures of it."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import nn

from medviz.figures import Figure, Gallery
from medviz.imaging.slices import cut
from medviz.imaging.volume import Array, Stored, Volume
from medviz.messages import Progress, Work
from medviz.training.task import Batch
from medviz.training.using.filling import Asked, blurred, filled, loss, masked_in, mean_of_visible, psnr


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
            masked = masked_in(batch, asked)
            found["validation/PSNR (dB)"] = psnr(told, image, masked)
            found["validation/mean of the visible/PSNR (dB)"] = psnr(mean_of_visible(image, masked), image, masked)
            found["validation/visible, blurred/PSNR (dB)"] = psnr(blurred(image, masked, asked.patch), image, masked)
        for name, value in found.items():
            sums[name] = sums.get(name, 0.0) + value / len(batches)
        yield Progress(number, len(batches), "validation")
    return sums


def drawn(network: nn.Module, probes: Sequence[Batch], asked: Asked, of_patients: bool) -> Iterator[Figure]:
    """Draw each probe as it is, masked, filled in, and how far that is off; of a volume the middle axial slice."""
    tiles, titles = [], []
    for number, batch in enumerate(probes, start=1):
        made, masked = filled(network, batch, asked)
        image = batch["image"]
        low, high = (float(one) for one in (image.amin(), image.amax()))
        gone = torch.where(masked, torch.full_like(image, (low + high) / 2), image)  # grey: not known
        error = (made - image).abs() + low
        for one in (image, gone, made, error):
            tiles.append(((_facing(one[0].mean(0).cpu().numpy(), of_patients)) - low) / max(high - low, 1e-6))
        said = "pattern filled in" if asked.normalise else f"filled in, {psnr(made, image, masked):.1f} dB"
        share = f"{float(masked.float().mean()):.0%} masked"
        titles += [f"probe {number}", share, said, "error"]
    if tiles:
        yield Gallery("reconstructions", np.stack(tiles), "held-out: original, masked, filled in, error",
                      tuple(titles), levels=(0.0, 1.0), shared_scale=True, columns=4)  # fmt: skip


def _facing(voxels: Array, of_patients: bool) -> Array:
    """Turn (x, y[, z]) to the screen; scans lie as the viewer shows them."""
    voxels = voxels if voxels.ndim == 3 else voxels[..., np.newaxis]
    stored = Stored("sample", voxels.shape, "RAS", np.eye(4), voxels.dtype)
    whole = Volume(voxels[np.newaxis], np.eye(4), stored, calibrated=False, oriented=of_patients)
    seen = cut(whole, "axial", voxels.shape[2] // 2, radiological=of_patients)
    return np.ascontiguousarray(seen.pixels)
