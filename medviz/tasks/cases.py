"""Segmentation case by case: each held-out scan on its own grid, measured as a reader would compare two label maps."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from medviz.data.cases import Cases, Pair
from medviz.data.preparation import Preparation
from medviz.data.whole import NativeCases, WholeCase, beneath, probe_of, whole_case
from medviz.imaging.judging.counts import dice_of
from medviz.imaging.judging.results import TOLERANCE_MM
from medviz.imaging.judging.surfaces import surfaces
from medviz.imaging.story import ProbeCase
from medviz.imaging.volume import Volume, like
from medviz.messages import Progress, Work
from medviz.refused import Refused
from medviz.training.task import Sample
from medviz.training.using.inference import most_likely
from medviz.training.using.model import Model
from medviz.training.using.running import probabilities

Row = dict[str, Any]


class NativeScans(Sequence[WholeCase]):
    """All cases of the validation or the test on their own grid, read when asked for; none where that cannot be."""

    def __init__(self, data: Any, dimensions: int, group: str) -> None:
        self.data, self.dimensions = beneath(data), dimensions
        self.tests = tests_of(data) if group == "test" else ()
        held = self.data.held_out_cases if group != "test" and isinstance(self.data, NativeCases) else 0
        self._many: int = held or len(self.tests)

    def __len__(self) -> int:
        return self._many

    def __getitem__(self, number: Any) -> Any:
        """Return a case; nothing of it is kept here, a set of large scans would not fit into the memory."""
        if not 0 <= number < self._many:
            raise IndexError(number)
        if not self.tests:
            return whole_case(self.data, self.dimensions, number)
        read = partial(_test_case, self.data, number)
        return WholeCase(number, read, self.data.preparation(self.dimensions), prepared=False)


def tests_of(data: Any) -> tuple[Pair, ...]:
    """The cases that a data set itself keeps for a test: nothing is learnt from them, or chosen by them."""
    data = beneath(data)
    pairs: tuple[Pair, ...] = data.contents.pairs if isinstance(data, Cases) else ()
    return tuple(pair for pair in pairs if pair.side == "test")


class Tests(Sequence[Sample]):
    """The cases of a test as samples that are not made ready: they are measured on their own grid."""

    def __init__(self, data: Any) -> None:
        self.data = data

    def __len__(self) -> int:
        return len(tests_of(self.data))

    def __getitem__(self, index: Any) -> Any:
        """Return the scan of a case."""
        scan, reference = beneath(self.data).native_of(tests_of(self.data)[index])
        return {"image": np.asarray(scan.voxels, np.float32), "label": np.asarray(reference.frame(), np.int64)}


def _test_case(data: Any, number: int) -> ProbeCase:
    return ProbeCase(number, *data.native_of(tests_of(data)[number]))


def native_rows(
    network: nn.Module,
    cases: Sequence[WholeCase],
    preparation: Preparation,
    classes: Sequence[str],
    device: torch.device,
) -> Work[list[Row]]:
    """Measure each scan on its own grid: "dice/mean", and of each class Dice, HD95 in mm and NSD.

    A class that the reference has not got has no numbers in that row. NSD is that at 2 mm. What cannot be read has no
    row.
    """
    rows = []
    for number in range(len(cases)):
        whole = cases[number]
        try:
            reference = whole.seen.reference
        except (Refused, OSError):  # the validation has told it
            continue
        labels = yield from _as_part(labelled(network, whole, preparation, classes, device), number, len(cases))
        if reference is not None:
            found = measured(labels, np.asarray(reference.frame()), reference, classes)
            rows.append({"_at": whole.number, **found})
        yield Progress(number + 1, len(cases), "cases measured")
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
    group: str,
    number: int,
    preparation: Preparation,
    classes: Sequence[str],
    device: torch.device,
) -> Work[Mapping[str, Volume]]:
    """Return the scan of a case, what the network makes of it, and the reference."""
    found = NativeScans(data, preparation.dimensions, group)
    if found:
        whole = found[number]
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
