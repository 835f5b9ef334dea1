"""What is told of a few cases through a training: labels and probabilities of a scan, or the class of a picture."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from medviz.data.preparation import Preparation
from medviz.data.whole import WholeCase, volume_of
from medviz.imaging.judging.counts import dice_of
from medviz.imaging.story import ProbeCase, Snapshot
from medviz.imaging.volume import Affine, Volume
from medviz.messages import Work
from medviz.training.task import Sample
from medviz.training.using.inference import most_likely
from medviz.training.using.model import Model
from medviz.training.using.running import probabilities

LARGEST_SHARES = 8_000_000
"""Voxels times classes whose probabilities are kept of one case; of more every second voxel, and so on."""


class VoxelTeller:
    """Follows whole scans: the labels on the scan's own grid, and the probabilities they were taken from."""

    kind = "labels"

    def __init__(self, wholes: Sequence[WholeCase], preparation: Preparation, classes: Sequence[str]) -> None:
        self.wholes, self.preparation, self.classes = wholes, preparation, tuple(classes)

    @property
    def cases(self) -> tuple[Mapping[str, Any], ...]:
        """Number of each case, and a digest of those that were read: the data set may change."""
        return tuple({"number": one.number, **({"digest": digest_of(one.seen.scan)} if one.was_read else {})}
                     for one in self.wholes)  # fmt: skip

    def case(self, place: int) -> ProbeCase:
        """Return the scan and its reference."""
        return self.wholes[place].seen

    def snapshot(self, network: nn.Module, place: int, device: torch.device) -> Work[Snapshot]:
        """Predict the case in a place; its measures are "dice/<class>" on its own grid, where there is a reference."""
        whole = self.wholes[place]
        scan, reference = whole.seen.scan, whole.seen.reference
        made = Model("network", network, self.preparation, self.classes)
        image = whole.image()
        shares = yield from probabilities(made, image, device)
        same = tuple(shares.shape[1:]) == scan.shape
        labels = shares.argmax(0).numpy() if same else most_likely(made, shares, scan)
        labels = labels.astype(np.uint8 if len(shares) <= 256 else np.uint16)
        kept, grid = coarsened(shares.numpy(), scan.affine if same else self.preparation.grid(scan))
        measures = {} if reference is None else self._dice(labels, np.asarray(reference.frame()))
        return Snapshot({"labels": labels, "shares": kept, "grid": grid}, measures)

    def _dice(self, labels: NDArray[Any], meant: NDArray[Any]) -> dict[str, float]:
        found = dice_of(labels, meant)
        return {
            f"dice/{name}": float(found[value])
            for value, name in enumerate(self.classes, start=1)
            if value in found and np.isfinite(found[value])
        }


class PictureTeller:
    """Follows pictures: the probability of each class."""

    kind = "classes"

    def __init__(self, samples: Sequence[Sample], classes: Sequence[str]) -> None:
        self.samples, self.classes = samples, tuple(classes)
        self.cases = tuple({"number": number, "meant": int(one["label"])} for number, one in enumerate(samples))

    def case(self, place: int) -> ProbeCase:
        """Return the picture as a scan of one slice (or the volume), and what it is."""
        image = np.asarray(self.samples[place]["image"], np.float32)
        voxels = image[..., np.newaxis] if image.ndim == 3 else image
        scan = volume_of(voxels, None, f"picture {place + 1}")
        return ProbeCase(place, scan, meant=int(self.samples[place]["label"]))

    def snapshot(self, network: nn.Module, place: int, device: torch.device) -> Work[Snapshot]:
        """Name the picture in a place; its measure is the probability of what it is."""
        yield from ()
        sample = self.samples[place]
        with torch.inference_mode():
            scores = network(torch.as_tensor(sample["image"])[None].to(device))
            share = scores.float().softmax(1)[0].cpu().numpy()
        found: Mapping[str, NDArray[Any]] = {"shares": quantised(share)}
        return Snapshot(found, {"probability of the class": float(share[int(sample["label"])])})


def digest_of(scan: Volume) -> str:
    """Tell scans apart by their voxels: a hash of up to a million of them."""
    step = max(1, round((scan.voxels.size / 1e6) ** (1 / 3)))
    some = np.ascontiguousarray(scan.voxels[:, ::step, ::step, ::step])
    return hashlib.sha256(f"{scan.shape} {some.dtype}".encode() + some.tobytes()).hexdigest()[:32]


def coarsened(shares: NDArray[np.float32], grid: Affine) -> tuple[NDArray[np.uint8], Affine]:
    """Quantise probabilities (classes, x, y, z), and take every n-th voxel of what is too large; with its affine."""
    step = 1
    while shares[:, ::step, ::step, ::step].size > LARGEST_SHARES:
        step += 1
    return quantised(shares[:, ::step, ::step, ::step]), grid @ np.diag([step, step, step, 1.0])


def quantised(shares: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Probabilities in steps of 1/255."""
    return np.ascontiguousarray(np.rint(shares * 255).clip(0, 255).astype(np.uint8))
