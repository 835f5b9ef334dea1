"""Translation: turn one picture into another: a low dose into a full one, a coarse one into a fine one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
import torch.nn.functional as F
from torch import Tensor, nn

from medviz.data.augment import switched
from medviz.data.degraded import Degradation, Degraded, Paired
from medviz.data.preparation import Preparation
from medviz.figures import Figure, Picture
from medviz.imaging.slices import NORMAL, PLANES, Plane, Slice, cut
from medviz.imaging.volume import Array, Stored, Volume
from medviz.messages import Progress, Work
from medviz.networks import NETWORKS, PER_PIXEL
from medviz.parameters import Choice, Group, Live, Part, Range, Settings, parameters
from medviz.training.task import Batch, BatchSize, Changes, Epochs, Rate, Sample, Samples, ScheduleName, Task
from medviz.training.using.likeness import LOSSES, loss_of, psnr, ssim
from medviz.training.using.translating import Adding, over

_MNI152, _UNET = Settings("mni152"), Settings("unet", (("width", 16), ("depth", 4)))
_DATA, _WORSE, _LOSS = Group("Data"), Group("What is made worse"), Group("Loss")
_PLACE = ("mirror", "mirror everywhere", "rotation", "scale", "shift", "elastic")
_LIGHT = ("gamma", "contrast", "brightness", "shading")
"""Changes that leave both pictures of one kind; noise, blur and holes would become part of what is to be told."""


@dataclass(frozen=True)
class Translation(Task):
    """Tell each pixel's value in another picture; measured against that picture on samples that training never sees.

    A data set of pairs brings the other picture. Of any other the scans themselves are the target, and what the network
    is given is made worse first.
    """

    NAME: ClassVar[str] = "translation"
    BEST: ClassVar[str] = "validation/PSNR (dB)"
    HIGHER: ClassVar[bool] = True

    data: Annotated[
        Settings,
        Part("datasets", only=("mni152", "image_pairs", "decathlon", "paired", "arrays", "phantoms")),
        _DATA,
        "Pairs of pictures, or scans that are made worse.",
    ] = _MNI152
    network: Annotated[Settings, Part("networks", only=PER_PIXEL), Group("Network"), "What learns."] = _UNET
    dimensions: Annotated[
        int, Choice((2, 3), ("2-D, slice by slice", "3-D")), _DATA, "Slices learn fast; volumes see the context."
    ] = 2
    patch: Annotated[
        int, Range(16, 512, 16, unit="voxels"), _DATA, "Side of the pieces that training cuts out of the scans."
    ] = 96
    noise: Annotated[
        float,
        Range(0.0, 3.0, unit="SD"),
        _WORSE,
        "Noise that is added (low dose), in standard deviations of the scan; pairs are taken as they are.",
    ] = 0.4
    blur_px: Annotated[
        float, Range(0.0, 5.0, unit="px"), _WORSE, "Blur that is added; pairs are taken as they are."
    ] = 0.0
    coarser: Annotated[
        int,
        Range(1, 8, unit="times"),
        _WORSE,
        "So many times fewer pixels a side (super-resolution); pairs are taken as they are.",
    ] = 1
    difference: Annotated[
        bool, Group("Network"), "The network tells what is to be added to its first channel, not the picture itself."
    ] = True
    augment: Annotated[
        float, Range(0.0, 2.0), _DATA, Live(samples=True), "Strength of random changes, made to both pictures alike."
    ] = 0.5
    changes: Changes = ("mirror", "gamma", "contrast", "brightness")
    loss: Annotated[str, LOSSES, _LOSS, "What is made small."] = "l1"

    epochs: Epochs = 10
    batch: BatchSize = 4
    learning_rate: Rate = 2e-3
    schedule: ScheduleName = "one-cycle"

    def data_set(self) -> Any:
        """Build the data set; refuses one that does not serve these dimensions."""
        return self.serving(self.dimensions)

    def build(self, data: Any) -> nn.Module:
        """Build the network with one output, the value of a pixel."""
        network: nn.Module = self._settings().build(NETWORKS, channels=data.channels, classes=1)
        return network

    def training(self, data: Any) -> Samples:
        """Patches with what they are to become."""
        kinds = _PLACE if _paired(data) else (*_PLACE, *_LIGHT)
        samples = data.training(self.dimensions, self.patch, self.augment)
        wanted = [name for name in self.changes if name in kinds]
        made: Samples = self._with_targets(data, switched(samples, wanted, self.augment))
        return made

    def validation(self, data: Any) -> Samples:
        """Whole slices or volumes with what they are to become."""
        made: Samples = self._with_targets(data, data.validation(self.dimensions))
        return made

    def probes(self, data: Any) -> Sequence[Sample]:
        """Return a few whole validation samples."""
        found = self._with_targets(data, data.probes(self.dimensions))
        return [found[number] for number in range(len(found))]

    def losses(self, network: nn.Module, batch: Batch) -> Iterator[tuple[str, Tensor]]:
        """Yield one loss for the whole network."""
        yield "", loss_of(self.loss)(self._asked(network)(batch["image"]), batch["target"])

    def measures(self, network: nn.Module, batches: Sequence[Batch], data: Any) -> Work[Mapping[str, float]]:
        """Measure signal to noise, similarity and error, means over the samples; and how good the input itself is."""
        unit = self._unit(data)
        sums: dict[str, float] = {}
        for number, batch in enumerate(batches, start=1):
            told = yield from over(self._asked(network), self._preparation(data), batch["image"])
            for name, value in self._measured(told, batch, unit, data).items():
                sums[name] = sums.get(name, 0.0) + value / len(batches)
            yield Progress(number, len(batches), "validation")
        return sums

    def figures(self, network: nn.Module, probes: Sequence[Batch], data: Any) -> Iterator[Figure]:
        """Draw each probe as it is given, as it is told, as it is meant, and the difference of the last two."""
        preparation, unit = self._preparation(data), self._unit(data)
        for number, batch in enumerate(probes, start=1):
            told = _last_of(over(self._asked(network), preparation, batch["image"]))
            yield from _pictures(f"probe {number}", batch, told, preparation, unit, self._gain(data))

    def description(self, data: Any) -> dict[str, Any]:
        """Say how to run the network on a scan: preparation, and what its numbers mean."""
        settings = self._settings().whole(NETWORKS, "channels", "classes")
        scale = getattr(data, "scale", None) if _paired(data) else None
        output = {"of": "scan"} if scale is None else {"of": "data", "offset": scale.offset, "gain": scale.gain}
        return {
            "task": self.NAME,
            "network": {"name": settings.name, **dict(settings.values)},
            "classes": [],
            "preparation": data.preparation(self.dimensions, self.patch).plain(),
            "difference": self.difference,
            "output": {**output, "unit": "" if scale is None else scale.unit},
        }

    def _settings(self) -> Settings:
        known = {one.name for one in parameters(NETWORKS[self.network.name])}
        return self.network.turned(dimensions=self.dimensions) if "dimensions" in known else self.network

    def _with_targets(self, data: Any, samples: Any) -> Any:
        if _paired(data):
            return Paired(samples)
        return Degraded(samples, Degradation(self.noise, self.blur_px, self.coarser))

    def _asked(self, network: nn.Module) -> nn.Module:
        return Adding(network) if self.difference else network

    def _preparation(self, data: Any) -> Preparation:
        made: Preparation = data.preparation(self.dimensions, self.patch)
        return made

    def _gain(self, data: Any) -> float:
        return float(data.scale.gain) if _paired(data) else 1.0

    def _unit(self, data: Any) -> str:
        """Unit of an error: that of the targets, or the spread of the scan where these are scaled one by one."""
        return (data.scale.unit or "as stored") if _paired(data) else "SD"

    def _measured(self, told: Tensor, batch: Batch, unit: str, data: Any) -> dict[str, float]:
        meant, given = batch["target"].to(told), batch["image"][:, :1].to(told)
        found = {
            "validation/loss": loss_of(self.loss)(told, meant),
            "validation/PSNR (dB)": psnr(told, meant),
            "validation/SSIM": ssim(told, meant),
            f"validation/MAE ({unit})": F.l1_loss(told, meant) * self._gain(data),
        }
        if not _paired(data):  # of another kind of picture the input tells nothing
            found |= {"validation/input/PSNR (dB)": psnr(given, meant), "validation/input/SSIM": ssim(given, meant)}
        return {name: float(value) for name, value in found.items()}


def _paired(data: Any) -> bool:
    return bool(getattr(data, "targets", 0))


def _last_of(work: Work[Tensor]) -> Tensor:
    while True:
        try:
            next(work)
        except StopIteration as end:
            told: Tensor = end.value
            return told


def _pictures(
    name: str, batch: Batch, told: Tensor, preparation: Preparation, unit: str, gain: float
) -> Iterator[Picture]:
    """Draw one probe (1, C, x, y[, z]); of a volume the middle axial slice."""
    meant = batch["target"].to(told)
    quality = f"{float(psnr(told, meant)):.1f} dB, SSIM {float(ssim(told, meant)):.3f}"
    given, made, wanted = (_voxels(one[0, 0], preparation) for one in (batch["image"], told, meant))
    low, high = (float(one) for one in np.percentile(wanted, (0.5, 99.5)))
    for what, voxels, more in (("input", given, ""), ("output", made, f", {quality}"), ("target", wanted, "")):
        seen = _facing(voxels, preparation)
        yield Picture(f"{name} {what}", np.ascontiguousarray(seen.pixels), title=f"{name}: {what}{more}", mm=seen.mm,
                      levels=(low, max(high, low + 1e-6)), letters=seen.letters)  # fmt: skip
    seen = _facing((made - wanted) * gain, preparation)
    reach = 0.25 * max(high - low, 1e-6) * gain
    yield Picture(f"{name} difference", np.ascontiguousarray(seen.pixels), title=f"{name}: output − target",
                  mm=seen.mm, levels=(-reach, reach), colours="diverging", unit=unit, letters=seen.letters)  # fmt: skip


def _voxels(image: Tensor, preparation: Preparation) -> Array:
    """(x, y[, z]) as a volume (x, y, z)."""
    voxels = image.float().cpu().numpy()
    return np.expand_dims(voxels, preparation.normal) if voxels.ndim == 2 else voxels


def _facing(voxels: Array, preparation: Preparation) -> Slice:
    flat = preparation.dimensions == 2
    plane: Plane = next(one for one in PLANES if NORMAL[one] == preparation.normal) if flat else "axial"
    spacing = preparation.spacing_mm
    affine = np.diag((*(spacing or (1.0, 1.0, 1.0)), 1.0))
    stored = Stored("sample", voxels.shape, "RAS", affine, voxels.dtype)
    known = spacing is not None
    volume = Volume(voxels[np.newaxis], affine, stored, calibrated=known, oriented=known)
    return cut(volume, plane, voxels.shape[NORMAL[plane]] // 2)
