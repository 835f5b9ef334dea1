"""A run that was taught to find, used: the boxes it finds in a scan, in the scan's own pixels."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from medviz.data.boxes import STEP, fitted
from medviz.imaging.found import FoundBox
from medviz.imaging.prediction import Prediction
from medviz.imaging.volume import Volume, like
from medviz.messages import Progress, Work
from medviz.networks.detector import Detector, Found
from medviz.refused import Refused
from medviz.training.using.taught import said_in, taught_in, taught_pictures
from medviz.training.using.trust import Trust

TASK = "detection"
SHOWN = 0.3
"""Boxes less sure than this are left out where the run has not measured which are best shown."""


@dataclass(frozen=True, eq=False)
class BoxModel:
    """A detector with weights, ready to be used.

    `least` is the score from which boxes are told: where validation measured the highest F1.
    """

    name: str
    network: torch.nn.Module
    classes: tuple[str, ...]
    dimensions: int
    side: int
    channels: int
    least: float
    sha256: str
    trust: Trust


def detects(where: str) -> bool:
    """Tell whether it is the folder of a run that was taught to find boxes."""
    return taught_in(where) == TASK


def box_model(where: str) -> BoxModel:
    """Load the best weights of a run; refuses one that was taught something else, and weights that do not fit."""
    if not detects(where):
        raise Refused(where, "it was not taught to find boxes", "take the folder of a detection run")
    made, classes, (dimensions, side, channels) = taught_pictures(where)
    return BoxModel(
        made.folder.name, made.network, classes, dimensions, side, channels, made.measures.get("threshold", SHOWN),
        made.sha256, _trust(made.folder, classes, made.measures, made.sha256, side),
    )  # fmt: skip


def boxes_in(
    made: BoxModel, scan: Volume, where: torch.device, least: float | None = None
) -> Work[tuple[FoundBox, ...]]:
    """Find boxes in a scan, the surest first; a 2-D network looks at each axial slice.

    Boxes less sure than `least` are left out; None takes what the run found best. Refuses too few channels.
    """
    least = made.least if least is None else least
    voxels = _voxels(made, scan)
    made.network.to(where)
    slices = [voxels] if made.dimensions == 3 else [voxels[..., z] for z in range(voxels.shape[3])]
    told: list[FoundBox] = []
    for number, one in enumerate(slices):
        yield Progress(number, len(slices), "looking for boxes")
        told += _boxes(made, one, number, where, least)
    yield Progress(len(slices), len(slices), "looking for boxes")
    return tuple(sorted(told, key=lambda box: -box.score))


def boxes_predicted(where: str, scan: Volume, on: torch.device) -> Work[Prediction]:
    """Find boxes in a scan as a prediction without labels."""
    start_s = time.monotonic()
    boxes = yield from boxes_in(box_model(where), scan, on)
    nothing = np.broadcast_to(np.uint8(0), scan.shape)
    return Prediction(like(scan, nothing, "no labels"), seconds=time.monotonic() - start_s, boxes=boxes)


def _voxels(made: BoxModel, scan: Volume) -> NDArray[np.float32]:
    """Voxels (channel, x, y, z) as a person reads them; of a series the first frame."""
    if made.dimensions == 3 and scan.shape[2] == 1:
        raise Refused(
            scan.name, "it is a picture and the network finds boxes in volumes", "take a run that was taught in 2-D"
        )
    layers = scan.voxels[:3] if scan.kind == "colour" else scan.voxels[:1]
    values = np.array(layers, dtype=np.float32, order="C")
    np.nan_to_num(values, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    return values * np.float32(scan.slope) + np.float32(scan.intercept)


@torch.inference_mode()
def _boxes(
    made: BoxModel, pixels: NDArray[np.float32], index: int, where: torch.device, least: float
) -> list[FoundBox]:
    """Find boxes in one picture or volume (channel, x, y[, z])."""
    image = fitted(pixels, made.side, made.channels)
    room = [length for side in reversed(image.shape[1:]) for length in (0, math.ceil(side / STEP) * STEP - side)]
    found = cast("Detector", made.network).detect(F.pad(image, room)[None].to(where))[0]
    kept = found.only(found.scores >= least)
    ratio = torch.tensor([old / new for old, new in zip(pixels.shape[1:], image.shape[1:], strict=True)])
    limit = torch.tensor(pixels.shape[1:], dtype=torch.float32)
    low, high = (one.float().cpu() * ratio for one in kept.boxes.chunk(2, -1))
    low, high = low.clamp_min(0), torch.minimum(high, limit)
    there = (high > low).all(-1)
    return [_told(made, kept, number, low[number], high[number], index) for number in there.nonzero()[:, 0].tolist()]


def _told(made: BoxModel, found: Found, number: int, low: Tensor, high: Tensor, index: int) -> FoundBox:
    kind = int(found.classes[number])
    first, last = low.tolist(), high.tolist()
    if made.dimensions == 2:
        first, last = [*first, float(index)], [*last, float(index + 1)]
    return FoundBox(made.classes[kind], kind + 1, float(found.scores[number]), tuple(first), tuple(last))


def _trust(folder: Path, classes: tuple[str, ...], measures: Mapping[str, float], sha256: str, side: int) -> Trust:
    """Say of a run what a person should know before it is used."""
    data = said_in(folder / "data.json")
    samples = data.get("training samples")
    good = tuple((name, value) for name, value in measures.items() if name.startswith(("mAP", "AP50", "IoU")))
    return Trust(
        title=folder.name,
        format="a run of this program",
        summary="finds boxes, a run of this program",
        labels=classes,
        trained_on=f"{samples} samples of its data set" if samples else "",
        source="trained on this machine",
        sha256=sha256,
        metrics=good,
        input=f"pictures whose longer side is brought to {side} pixels, mean 0 and spread 1 by channel",
        output="boxes with a class and a score each",
    )
