"""Models that a person adds to the program, and a look at a model before it is run."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from medviz.data.needs import Needs
from medviz.imaging.volume import Stored, Volume
from medviz.messages import Progress, Work
from medviz.refused import Refused
from medviz.training import device
from medviz.training.using.classifying import class_model, classifies
from medviz.training.using.detecting import box_model, detects
from medviz.training.using.estimating import Estimate, estimate
from medviz.training.using.formats import load
from medviz.training.using.formats.form import Asks
from medviz.training.using.model import Model
from medviz.training.using.shelf import keep_card, put
from medviz.training.using.trust import Finding, Trust, digest_of, gauge

_COARSE = 96


@dataclass(frozen=True)
class Known:
    """A model that was added: where it is, its card, and (`asks`) what must be asked before it can be run."""

    where: str
    trust: Trust
    asks: Needs | None = None


@dataclass(frozen=True)
class Look:
    """What is known of a model over a scan before it runs; `asks` is set where a person must say something first."""

    trust: Trust
    estimate: Estimate | None = None
    findings: tuple[Finding, ...] = ()
    asks: Needs | None = None


def add(where: Path) -> Work[Known]:
    """Load a model to see that it is one, and put it on the list; asks for what it does not say of its input."""
    yield Progress(0, 0, f"looking at {where.name}")
    place = str(where.resolve())
    try:
        made = load(place)
    except Asks as asks:
        return Known(place, Trust(title=where.name, sha256=digest_of(where)), asks.proposal)
    return _remembered(place, made)


def tell(where: str, needs: Needs, title: str = "") -> Work[Known]:
    """Try a model with what a person says of its input; if it answers, keep that and put it on the list."""
    yield Progress(0, 0, f"trying {Path(where).name}")
    made = load(where, needs)
    held = made.preparation
    assert isinstance(held, Needs)
    trust = replace(made.trust, title=title or made.trust.title)
    said = {**trust.plain(), "needs": replace(held, labels=", ".join(made.trust.labels)).plain()}
    keep_card(made.sha256, {name: value for name, value in said.items() if name not in ("unknown", "sha256")})
    return _remembered(where, replace(made, trust=trust))


def look(where: str, scan: Volume | None, on: str = "auto") -> Work[Look]:
    """Read the card of a model; with a scan also what a run would take, and how the scan stands to the training."""
    yield Progress(0, 0, "looking at the model")
    if detects(where):
        return Look(box_model(where).trust)
    if classifies(where):
        return Look(class_model(where).trust)
    try:
        made = load(where)
    except Asks as asks:
        return Look(Trust(title=Path(where).name), asks=asks.proposal)
    if scan is None:
        return Look(made.trust)
    yield Progress(0, 0, "holding the scan against the training data")
    try:
        prepared = made.preparation.prepared(coarse(scan))
    except Refused:
        prepared = np.zeros((0,), np.float32)  # too few channels: Run will say so
    findings = gauge(made.trust.fingerprint, scan, prepared)
    yield Progress(0, 0, "trying a tile")
    return Look(made.trust, estimate(made, scan, device.chosen(on)), findings)


def coarse(scan: Volume) -> Volume:
    """Thin a scan out to about a hundred voxels a side: enough for percentiles."""
    steps = [max(1, side // _COARSE) for side in scan.shape]
    voxels = scan.voxels[:, :: steps[0], :: steps[1], :: steps[2]]
    affine = scan.affine @ np.diag([*steps, 1.0])
    stored = Stored(scan.stored.format, voxels.shape[1:], scan.stored.axes, affine, voxels.dtype)
    return replace(scan, voxels=voxels, affine=affine, stored=stored)


def _remembered(where: str, made: Model) -> Known:
    put(where, made.trust)
    return Known(where, made.trust)
