"""Segmentation case by case: each held-out scan on its own grid, measured as a reader would compare two label maps."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from medviz.data.preparation import Preparation
from medviz.data.whole import NativeCases, WholeCase, probe_of, whole_case
from medviz.imaging.judging.counts import dice_of
from medviz.imaging.judging.results import TOLERANCE_MM
from medviz.imaging.judging.surfaces import surfaces
from medviz.imaging.volume import Volume, like
from medviz.messages import Progress, Work
from medviz.training.inference import most_likely
from medviz.training.model import Model
from medviz.training.running import probabilities

Row = dict[str, Any]


def native_rows(
    network: nn.Module, data: NativeCases, preparation: Preparation, classes: Sequence[str], device: torch.device
) -> Work[list[Row]]:
    """Measure each held-out scan on its own grid: "dice/mean", and of each class Dice, HD95 in mm and NSD.

    A class that the reference has not got has no numbers in that row. NSD is that at 2 mm.
    """
    rows = []
    count = data.held_out_cases
    for number in range(count):
        whole = whole_case(data, preparation.dimensions, number)
        labels = yield from _as_part(labelled(network, whole, preparation, classes, device), number, count)
        reference = whole.seen.reference
        if reference is not None:
            rows.append({"_at": number, **measured(labels, np.asarray(reference.frame()), reference, classes)})
        yield Progress(number + 1, count, "cases measured")
    return rows


def labelled(
    network: nn.Module, whole: WholeCase, preparation: Preparation, classes: Sequence[str], device: torch.device
) -> Work[NDArray[Any]]:
    """Label a whole scan on its own grid."""
    made = Model("network", network, preparation, tuple(classes))
    shares = yield from probabilities(made, whole.image(), device)
    network.to(device)  # where memory ran out the prediction moved it
    scan = whole.seen.scan
    if tuple(shares.shape[1:]) == scan.shape:
        return shares.argmax(0).numpy().astype(np.uint8 if len(shares) <= 256 else np.uint16)
    return most_likely(made, shares, scan)


def measured(found: NDArray[Any], meant: NDArray[Any], grid: Volume, classes: Sequence[str]) -> Row:
    """Compare two label maps (x, y, z) on a grid, class by class."""
    dice = dice_of(found, meant)
    row: Row = {"dice/mean": None}
    overlaps = []
    for value, name in enumerate(classes, start=1):
        one, other = found == value, meant == value
        if not other.any():
            continue
        overlaps.append(float(dice.get(value, 0.0)))
        row[f"dice/{name}"] = overlaps[-1]
        if grid.calibrated and one.any():
            apart = surfaces(one, other, grid, TOLERANCE_MM)
            row[f"HD95 {name} (mm)"], row[f"NSD {name}"] = apart.hd95_mm, apart.nsd
        elif grid.calibrated:
            row[f"NSD {name}"] = 0.0  # nothing was found: there is no distance, and no surface lies near
    row["dice/mean"] = sum(overlaps) / len(overlaps) if overlaps else None
    return row


def opened(
    network: nn.Module,
    data: Any,
    number: int,
    preparation: Preparation,
    classes: Sequence[str],
    device: torch.device,
) -> Work[Mapping[str, Volume]]:
    """Return the scan of a held-out case, what the network makes of it, and the reference."""
    if isinstance(data, NativeCases):
        whole = whole_case(data, preparation.dimensions, number)
    else:
        sample = data.validation(preparation.dimensions)[number]
        whole = WholeCase(number, lambda: probe_of(sample, preparation, number), preparation, prepared=True)
    labels = yield from labelled(network, whole, preparation, classes, device)
    shown = {"scan": whole.seen.scan, "prediction": like(whole.seen.scan, labels, "prediction")}
    return shown if whole.seen.reference is None else {**shown, "reference": whole.seen.reference}


def _as_part(work: Work[Any], done: int, total: int) -> Work[Any]:
    """Let the progress of one scan be seen as part of that of all."""
    while True:
        try:
            message = next(work)
        except StopIteration as end:
            return end.value
        if isinstance(message, Progress):
            share = message.done / message.total if message.total else 0.0
            message = Progress(done + share, total, "cases measured")
        yield message
