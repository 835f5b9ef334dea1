"""Segmentation: name each pixel or voxel (tissue, organ, lesion)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Annotated, Any, ClassVar, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from medviz.data.augment import USUAL, switched
from medviz.data.checking.report import Fingerprint
from medviz.data.patches import Sides
from medviz.data.preparation import Preparation
from medviz.data.whole import whole_cases
from medviz.figures import Figure, Picture
from medviz.imaging.slices import NORMAL, PLANES, Plane, Slice, cut
from medviz.imaging.volume import Array, Stored, Volume
from medviz.messages import Progress, Work, finished
from medviz.networks import NETWORKS, PER_PIXEL
from medviz.parameters import Choice, Group, Live, Part, Range, Settings, When, parameters
from medviz.refused import Refused
from medviz.tasks.cases import NativeScans, Tests, native_rows, opened, tests_of
from medviz.tasks.proposing import for_segmentation
from medviz.tasks.synthetic import Synthetic, SyntheticFrom, added_masks
from medviz.training.losses import LOSSES, loss_of
from medviz.training.making import Added
from medviz.training.mixing import mixed
from medviz.training.task import (
    Batch,
    BatchSize,
    Changes,
    Epochs,
    Mixup,
    Rate,
    Sample,
    Samples,
    ScheduleName,
    Smoothing,
    Task,
)
from medviz.training.tellers import VoxelTeller
from medviz.training.using.model import Model
from medviz.training.using.running import probabilities

SEGMENTED = (
    "mni152", "decathlon", "paired", "total_segmentator", "bids", "instance_masks", "mask_table", "arrays", "dicom_seg",
    "corrected", "phantoms",
)  # fmt: skip
_MNI152, _UNET = Settings("mni152"), Settings("unet", (("width", 8), ("depth", 4)))
T = TypeVar("T")
_LARGEST = {2: 208, 3: 64}
"""Side of an automatic patch at most: a whole slice of a head, and what a volume may take of the memory."""
_DATA, _LOSS = Group("Data"), Group("Loss")


@dataclass(frozen=True)
class Segmentation(Task):
    """Give each pixel or voxel its class; measured by Dice on samples that training never sees."""

    NAME: ClassVar[str] = "segmentation"
    BEST: ClassVar[str] = "validation/dice/mean"
    HIGHER: ClassVar[bool] = True
    BACKGROUND: ClassVar[bool] = True

    data: Annotated[Settings, Part("datasets", only=SEGMENTED), _DATA, "Scans with their label maps."] = _MNI152
    network: Annotated[Settings, Part("networks", only=PER_PIXEL), Group("Network"), "What learns."] = _UNET
    dimensions: Annotated[
        int, Choice((2, 3), ("2-D, slice by slice", "3-D")), _DATA, "Slices learn fast; volumes see the context."
    ] = 2
    patch: Annotated[
        int | None,
        Range(16, 512, 16, unit="voxels"),
        _DATA,
        "Side of the pieces that training cuts out of the scans; automatic: as large as they are, at most 208 pixels "
        "or 64 voxels. A network sees whole slices in use, so pieces much smaller mislead its normalisation.",
    ] = None
    sides: Annotated[
        str, _DATA, 'Sides of the pieces along R, A and S where they differ, as "32×48×32"; empty: as patch says.'
    ] = ""
    augment: Annotated[
        float,
        Range(0.0, 2.0),
        _DATA,
        Live(samples=True),
        "Strength of random changes of place and light; 0 is none, 1 is for scans of many kinds.",
    ] = 0.5
    loss: Annotated[str, LOSSES, _LOSS, "What is made small."] = "dice-ce"
    gamma: Annotated[
        float,
        Range(0.0, 5.0),
        _LOSS,
        Live(),
        When("loss", "focal", "dice-focal", "focal-tversky"),
        "How little pixels count that are right already.",
    ] = 2.0
    misses: Annotated[
        float,
        Range(0.1, 0.9),
        _LOSS,
        Live(),
        When("loss", "tversky", "focal-tversky"),
        "Weight of missed pixels; the rest goes to false alarms.",
    ] = 0.7
    border: Annotated[
        float,
        Range(0.001, 1.0, log=True),
        _LOSS,
        Live(),
        When("loss", "dice-boundary"),
        "Weight of each mistake's distance to the border, in pixels, beside Dice.",
    ] = 0.02
    balance: Annotated[
        float,
        Range(0.0, 1.0),
        _LOSS,
        Live(),
        When("loss", "dice-ce", "cross-entropy"),
        "How much more pixels of small classes count in the cross-entropy; 0 alike, 1 each class as much as another.",
    ] = 0.0
    smoothing: Annotated[Smoothing, When("loss", "dice-ce", "cross-entropy")] = 0.0
    mixup: Mixup = 0.0
    changes: Changes = USUAL
    synthetic: Synthetic = 0
    synthetic_from: SyntheticFrom = ""

    epochs: Epochs = 8
    batch: BatchSize = 2
    learning_rate: Rate = 1e-2
    schedule: ScheduleName = "one-cycle"

    def data_set(self) -> Any:
        """Build the data set; refuses one that does not serve these dimensions."""
        return self.serving(self.dimensions)

    def build(self, data: Any) -> nn.Module:
        """Build the network with one output for background and one for each class."""
        network: nn.Module = self._settings().build(NETWORKS, channels=data.channels, classes=len(data.classes) + 1)
        return network

    def training(self, data: Any) -> Samples:
        """Patches, changed at random."""
        samples: Samples = data.training(self.dimensions, self._patch(data), self.augment)
        return switched(samples, self.changes, self.augment)

    def added(self, data: Any) -> Added | None:
        """Return what makes scans with masks, where such are asked for."""
        return added_masks(self, data, self.training(data), self._patch(data)) if self.synthetic else None

    def validation(self, data: Any) -> Samples:
        """Whole slices or volumes."""
        samples: Samples = data.validation(self.dimensions)
        return samples

    def probes(self, data: Any) -> Sequence[Sample]:
        """Return a few whole validation samples."""
        probes: Sequence[Sample] = data.probes(self.dimensions)
        return probes

    def losses(self, network: nn.Module, batch: Batch) -> Iterator[tuple[str, Tensor]]:
        """Yield one loss for the whole network."""
        loss = loss_of(self.loss, self.gamma, self.misses, self.smoothing, self.balance, self.border)
        yield "", mixed(network, batch, self.mixup, lambda scores, one: loss(scores, one["label"]))

    def measures(self, network: nn.Module, batches: Sequence[Batch], data: Any) -> Work[Mapping[str, float]]:
        """Measure cross-entropy and Dice per class and their mean; a class that never occurs has no curve.

        In 2-D the pixels of all slices count together, in 3-D Dice is the mean over the scans that have the class.
        """
        tables: list[Tensor] = []
        losses: list[float] = []
        for number, batch in enumerate(batches, start=1):
            shares = yield from _as_part(self._shares(network, batch, data), number - 1, len(batches))
            label = batch["label"].to(shares.device)
            losses.append(float(-shares.gather(1, label[:, None]).clamp_min(1e-7).log().mean()))
            tables.append(_confusion(shares.argmax(1), label, shares.shape[1]))
            yield Progress(number, len(batches), "validation")
        together = [torch.stack(tables).sum(0)] if self.dimensions == 2 else tables
        measured = {"validation/loss": sum(losses) / len(losses)}
        found = [_mean_there(values) for values in zip(*map(_dice, together), strict=True)]
        for name, value in zip(data.classes, found, strict=True):
            if value is not None:
                measured[f"validation/dice/{name}"] = value
        return {**measured, "validation/dice/mean": _mean_there(found) or 0.0}

    def figures(self, network: nn.Module, probes: Sequence[Batch], data: Any) -> Iterator[Figure]:
        """Draw each probe with the prediction, with the reference, and where the two differ; and how sure it is."""
        preparation: Preparation = data.preparation(self.dimensions)
        for number, batch in enumerate(probes, start=1):
            work = self._shares(network, batch, data)
            shares = finished(work)[0].float().cpu().numpy()  # (classes, x, y[, z])
            image, label = batch["image"][0].cpu().numpy(), batch["label"][0].cpu().numpy()
            seen = image.mean(0) if preparation.picture else image[0]
            yield from _pictures(f"probe {number}", seen, label, shares, preparation, data.classes)

    def chance(self, data: Any) -> float | None:
        """Cross-entropy of a network that knows nothing; other losses depend on the scans."""
        return float(np.log(len(data.classes) + 1)) if self.loss == "cross-entropy" else None

    def testing(self, data: Any) -> Samples | None:
        """Return the cases that the data set itself keeps for a test."""
        return Tests(data) if tests_of(data) else None

    def smaller(self, data: Any) -> Mapping[str, Any]:
        """Take pieces of half the side, where the network does not depend on it."""
        if self.sides or "size" in {one.name for one in parameters(NETWORKS[self.network.name])}:
            return {}
        half = int(max(np.atleast_1d(self._patch(data)))) // 2 // 16 * 16
        return {"patch": half} if half >= 32 else {}

    def evaluated(
        self, network: nn.Module, batches: Sequence[Batch], data: Any, group: str
    ) -> Work[list[dict[str, Any]]]:
        """Measure each held-out scan on its own grid where the data set has it, else each sample."""
        cases = NativeScans(data, self.dimensions, group)
        if not cases:
            return (yield from super().evaluated(network, batches, data, group))
        device, classes = next(network.parameters()).device, tuple(data.classes)
        return (yield from native_rows(network, cases, self._preparation(data), classes, device))

    def opened(self, network: nn.Module, data: Any, group: str, number: int) -> Work[Mapping[str, Volume]]:
        """Return a held-out scan with its labels, as predicted and as they should be."""
        device = next(network.parameters()).device
        return (yield from opened(network, data, group, number, self._preparation(data), data.classes, device))

    def _preparation(self, data: Any) -> Preparation:
        made: Preparation = data.preparation(self.dimensions, self._patch(data))
        return made

    def told(self, data: Any) -> VoxelTeller:
        """Follow a few held-out scans on their own grid."""
        wholes = whole_cases(data, self.dimensions)
        return VoxelTeller(wholes, data.preparation(self.dimensions, self._patch(data)), data.classes)

    def proposed(self, found: Fingerprint) -> "tuple[Segmentation, tuple[str, ...]]":
        """Choose what suits the data, and say why."""
        return for_segmentation(self, found)

    def description(self, data: Any) -> dict[str, Any]:
        """Say how to run the network on a scan: classes and preparation."""
        settings = self._settings().whole(NETWORKS, "channels", "classes")
        return {
            "task": self.NAME,
            "network": {"name": settings.name, **dict(settings.values)},
            "classes": list(data.classes),
            "preparation": data.preparation(self.dimensions, self._patch(data)).plain(),
        }

    def _settings(self) -> Settings:
        """Return the network's settings with the task's dimensions where it has such a parameter."""
        known = {one.name for one in parameters(NETWORKS[self.network.name])}
        return self.network.turned(dimensions=self.dimensions) if "dimensions" in known else self.network

    def _patch(self, data: Any) -> Sides:
        if self.sides:
            return sides_in(self.sides, self.dimensions)
        return self.patch or _automatic_patch(data, self.dimensions)

    def _shares(self, network: nn.Module, batch: Batch, data: Any) -> Work[Tensor]:
        """Probability of each class (1, classes, x, y[, z]): a slice goes whole, a volume in tiles."""
        image: Tensor = batch["image"]
        if self.dimensions == 2:
            scores: Tensor = network(image)
            return scores.float().softmax(1)
        model = Model("network", network, data.preparation(3, self._patch(data)), tuple(data.classes))
        shares = yield from probabilities(model, image[0].cpu().numpy(), image.device)
        return shares[None]


def _as_part(work: Work[T], done: int, total: int) -> Work[T]:
    """Let the progress of one scan be seen as part of the validation's."""
    while True:
        try:
            message = next(work)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        if isinstance(message, Progress):
            share = message.done / message.total if message.total else 0.0
            message = Progress(done + share, total, "validation")
        yield message


def sides_in(text: str, dimensions: int) -> tuple[int, ...]:
    """Read "32×48×32" (or 32x48x32); refuses what does not give one side for each axis."""
    sides = [part.strip() for part in text.lower().replace("×", "x").split("x")]
    if len(sides) != dimensions or not all(one.isdecimal() and 8 <= int(one) <= 1024 for one in sides):
        example = "×".join(["48", "64", "32"][:dimensions])
        raise Refused(f"sides={text}", f"it does not give {dimensions} sides of 8 to 1024", f"write {example}")
    return tuple(int(one) for one in sides)


@lru_cache(maxsize=8)
def _automatic_patch(data: Any, dimensions: int) -> int:
    """Longest side of a typical scan, in sixteens, within bounds."""
    samples: Samples = data.validation(dimensions)
    sides = [max(samples[index]["label"].shape) for index in range(min(3, len(samples)))]
    longest = sorted(sides)[len(sides) // 2] if sides else _LARGEST[dimensions]
    return min(_LARGEST[dimensions], -(-longest // 16) * 16)


def _confusion(found: Tensor, meant: Tensor, classes: int) -> Tensor:
    """Count pixels by (meant, found), (classes, classes)."""
    return torch.bincount((meant * classes + found).reshape(-1), minlength=classes**2).reshape(classes, classes)


def _dice(table: Tensor) -> list[float | None]:
    """Dice of each class but background out of a confusion table, None where the reference has none of it."""
    counts = table.cpu().double()
    hits, meant, found = counts.diagonal(), counts.sum(1), counts.sum(0)
    return [float(2 * hits[k] / (meant[k] + found[k])) if meant[k] > 0 else None for k in range(1, len(counts))]


def _mean_there(values: Iterable[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return sum(there) / len(there) if there else None


def _pictures(
    name: str, image: Array, label: Array, shares: Array, preparation: Preparation, classes: tuple[str, ...]
) -> Iterator[Picture]:
    """Draw one probe (x, y[, z]); of a volume the axial slice with most of the reference."""
    plane: Plane = "axial"
    if image.ndim == 2:
        plane = next(one for one in PLANES if NORMAL[one] == preparation.normal)
        image, label = (np.expand_dims(one, preparation.normal) for one in (image, label))
        shares = np.expand_dims(shares, preparation.normal + 1)
    index = int(np.count_nonzero(label, axis=(0, 1)).argmax()) if plane == "axial" else 0
    found = shares.argmax(0).astype(np.uint8)

    def facing(voxels: Array) -> Slice:
        return cut(_volume(voxels, preparation), plane, index)

    low, high = np.percentile(image, (0.5, 99.5))
    grey = facing(((image - low) / max(high - low, 1e-6)).clip(0, 1) * 255)
    pixels = np.ascontiguousarray(grey.pixels.astype(np.uint8))
    plain = Picture(name, pixels, mm=grey.mm, levels=(0.0, 255.0), letters=grey.letters)
    for what, labels, names in (
        ("prediction", found, classes),
        ("reference", label.astype(np.uint8), classes),
        ("error", (found != label).astype(np.uint8), ("wrong",)),
    ):
        over = np.ascontiguousarray(facing(labels).pixels)
        yield replace(plain, name=f"{name} {what}", title=f"{name}: {what}", labels=over, label_names=names)
    sure = np.ascontiguousarray(facing(shares.max(0) * 100).pixels.astype(np.uint8))
    certainty = replace(plain, name=f"{name} certainty", title=f"{name}: certainty", pixels=sure)
    yield replace(certainty, levels=(0.0, 100.0), colours="viridis", unit="%")


def _volume(voxels: Array, preparation: Preparation) -> Volume:
    """Voxels (x, y, z) in RAS+ order as a volume that `cut` takes; a picture does not say how it lies in a patient."""
    spacing_mm = preparation.spacing_mm
    affine = np.diag((*(spacing_mm or (1.0, 1.0, 1.0)), 1.0))
    stored = Stored("sample", voxels.shape, "RAS", affine, voxels.dtype)
    return Volume(
        voxels[np.newaxis], affine, stored, calibrated=spacing_mm is not None, oriented=not preparation.picture
    )
