"""The fingerprint of a data set, out of what was measured of its cases."""

import os
from collections.abc import Sequence
from statistics import median

import numpy as np
import psutil
import torch

from medviz.data.checking.entries import Listing
from medviz.data.checking.measuring import Measured
from medviz.data.checking.report import ClassCount, Fingerprint, Hardware, Spread

_PERCENTILES = (0.5, 5.0, 50.0, 95.0, 99.5)


def counted(seen: Sequence[Measured], listing: Listing) -> tuple[ClassCount, ...]:
    """Count the classes: cases that show each, and pictures, boxes or voxels of it."""
    there = [one.facts for one in seen]
    totals: dict[str, int] = dict.fromkeys(listing.classes, 0)
    shown: dict[str, int] = dict.fromkeys(listing.classes, 0)
    for facts in there:
        for name, number in ((facts.kind, 1),) if facts.kind else facts.counts:
            totals[name] = totals.get(name, 0) + number
            shown[name] = shown.get(name, 0) + (number > 0)
    whole = sum(totals.values())
    return tuple(ClassCount(name, shown[name], n, n / whole if whole else 0.0) for name, n in totals.items())


def fingerprint(seen: Sequence[Measured], listing: Listing, classes: tuple[ClassCount, ...]) -> Fingerprint:
    """Put together what a task needs to know to choose its parameters."""
    there = [one for one in seen if not one.facts.broken]
    if not there:
        return Fingerprint(classes=classes, counted=listing.counted, hardware=hardware())
    facts = [one.facts for one in there]
    axes = max((len(one.shape) for one in facts), default=2)
    same = [one for one in facts if len(one.shape) == axes]
    spacings = [one.spacing_mm for one in same if one.spacing_mm is not None and len(one.spacing_mm) == axes]
    voxels = sum(int(np.prod(one.shape)) for one in same if one.counts)
    marked = sum(count for one in same for _, count in one.counts)
    return Fingerprint(
        dimensions=axes,
        cases=len(facts),
        held_out=sum(one.part == "held out" for one in facts),
        patients=len({one.patient or one.name for one in facts}),
        channels=round(median(one.channels for one in facts)),
        shape=Spread.of([one.shape for one in same]),
        spacing_mm=Spread.of(spacings) if spacings else None,
        intensities=_intensities(there),
        classes=classes,
        counted=listing.counted,
        foreground=marked / voxels if voxels and listing.counted == "voxels" else 0.0,
        labelled=Spread.of([one.labelled for one in there if len(one.labelled) == axes]),
        boxes=Spread.of([sides for one in there for sides in one.box_sides]),
        hardware=hardware(),
    )


def hardware() -> Hardware:
    """Look what there is to train on."""
    if torch.cuda.is_available():
        return Hardware("cuda", int(torch.cuda.mem_get_info()[0]), _cores())
    device = "mps" if torch.backends.mps.is_available() else "cpu"
    return Hardware(device, int(psutil.virtual_memory().available), _cores())


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _intensities(seen: Sequence[Measured]) -> tuple[tuple[str, float], ...]:
    """Percentiles, mean and spread of the foreground of all cases together."""
    values = [one.values for one in seen if one.values is not None and one.values.size]
    if not values:
        return ()
    all_of = np.concatenate(values).astype(np.float64)
    found = [
        (f"p{share:g}", float(value))
        for share, value in zip(_PERCENTILES, np.percentile(all_of, _PERCENTILES), strict=True)
    ]
    return (*found, ("mean", float(all_of.mean())), ("spread", float(all_of.std())))
