"""A run that was taught to name pictures, used: how probable each class is for a picture or a volume."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from medviz.data.naming import ready
from medviz.imaging.prediction import Prediction
from medviz.imaging.volume import Volume, like
from medviz.messages import Progress, Work
from medviz.refused import Refused
from medviz.training.using.taught import said_in, taught_in, taught_pictures
from medviz.training.using.trust import Trust

TASK = "classification"
_EMPTY = 0.02
"""A slice less bright than this share of the brightest one is air, and is not asked about."""


@dataclass(frozen=True, eq=False)
class ClassModel:
    """A network that names pictures, with weights, ready to be used.

    `rightward`: in what it has learnt from x runs to the right as a person looks; in files it runs to the left.
    """

    name: str
    network: torch.nn.Module
    classes: tuple[str, ...]
    dimensions: int
    side: int
    channels: int
    sha256: str
    trust: Trust
    rightward: bool = False


def classifies(where: str) -> bool:
    """Tell whether it is the folder of a run that was taught to name pictures."""
    return taught_in(where) == TASK


def class_model(where: str) -> ClassModel:
    """Load the best weights of a run; refuses one that was taught something else, and weights that do not fit."""
    if not classifies(where):
        raise Refused(where, "it was not taught to name pictures", "take the folder of a classification run")
    made, classes, (dimensions, side, channels) = taught_pictures(where)
    trust = _trust(made.folder, classes, made.measures, made.sha256, side)
    rightward = bool((made.about.get("pictures") or {}).get("rightward", False))
    return ClassModel(
        made.folder.name, made.network, classes, dimensions, side, channels, made.sha256, trust, rightward
    )


def shares_in(made: ClassModel, scan: Volume, where: torch.device) -> Work[tuple[tuple[str, float], ...]]:
    """Return each class with its probability, the most probable first.

    A 2-D network asked about a volume looks at each axial slice that is not air; the mean of their probabilities is
    told. Refuses a picture where the network knows volumes.
    """
    voxels = _voxels(scan)
    if made.rightward:  # left must be left, as in what it has learnt from
        voxels = np.ascontiguousarray(voxels[:, ::-1])
    if made.dimensions == 3 and scan.shape[2] == 1:
        raise Refused(scan.name, "it is a picture and the network names volumes", "take a run that was taught in 2-D")
    made.network.to(where)
    looks = [voxels] if made.dimensions == 3 else _slices(voxels)
    total = np.zeros(len(made.classes))
    for number, one in enumerate(looks):
        yield Progress(number, len(looks), "looking")
        with torch.inference_mode():
            image = ready(one, made.side, made.channels)[None].to(where)
            total += made.network(image).float().softmax(1)[0].cpu().numpy()
    yield Progress(len(looks), len(looks), "looked")
    found = ((name, float(share / len(looks))) for name, share in zip(made.classes, total, strict=True))
    return tuple(sorted(found, key=lambda one: -one[1]))


def classes_predicted(where: str, scan: Volume, on: torch.device) -> Work[Prediction]:
    """Name a scan as a prediction without labels."""
    start_s = time.monotonic()
    shares = yield from shares_in(class_model(where), scan, on)
    nothing = np.broadcast_to(np.uint8(0), scan.shape)
    return Prediction(like(scan, nothing, "no labels"), seconds=time.monotonic() - start_s, classes=shares)


def _voxels(scan: Volume) -> NDArray[np.float32]:
    """Voxels (channel, x, y, z) as a person reads them; of a series the first frame."""
    layers = scan.voxels[:3] if scan.kind == "colour" else scan.voxels[:1]
    values = np.array(layers, dtype=np.float32, order="C")
    np.nan_to_num(values, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    return values * np.float32(scan.slope) + np.float32(scan.intercept)


def _slices(voxels: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Axial slices that hold something; all where none does."""
    reach = np.ptp(voxels, axis=(0, 1, 2))
    there = np.flatnonzero(reach > _EMPTY * reach.max()) if reach.size else np.arange(0)
    return [voxels[..., z] for z in (there if there.size else range(voxels.shape[3]))]


def _trust(folder: Path, classes: tuple[str, ...], measures: Mapping[str, float], sha256: str, side: int) -> Trust:
    """Say of a run what a person should know before it is used."""
    samples = said_in(folder / "data.json").get("training samples")
    return Trust(
        title=folder.name,
        format="a run of this program",
        summary="names pictures, a run of this program",
        labels=classes,
        trained_on=f"{samples} samples of its data set" if samples else "",
        source="trained on this machine",
        sha256=sha256,
        metrics=tuple((name, value) for name, value in measures.items() if name != "loss"),
        input=f"pictures fitted into {side} pixels without stretching, mean 0 and spread 1 of what is not air",
        output="a probability a class; they sum to 1",
    )
