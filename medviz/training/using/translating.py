"""A network that turns one picture into another, over whole scans: values in their unit, on the scan's own grid."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from medviz.data.preparation import Preparation
from medviz.imaging.volume import Volume, like
from medviz.messages import Note, Progress, Work
from medviz.refused import Refused
from medviz.training import run
from medviz.training.using.inference import doubts
from medviz.training.using.model import Model
from medviz.training.using.running import probabilities
from medviz.training.using.taught import said_in, taught, taught_in
from medviz.training.using.trust import Trust

TASK = "translation"


class Adding(nn.Module):
    """Asks a network what is to be added to the first channel of its input."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """Return the picture, (N, 1, x, y[, z])."""
        return x[:, :1] + self.network(x)  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Everywhere(Preparation):
    """A preparation for a network that tells values in air, too."""

    @property
    def skips_air(self) -> bool:
        """False: what lies round the body has a value as all else."""
        return False

    @classmethod
    def like(cls, other: Preparation) -> "Everywhere":
        """Prepare as another does."""
        return cls.of(other.plain())  # type: ignore[return-value]


@dataclass(frozen=True, eq=False)
class Translator:
    """A network with weights, ready to be used. `offset` and `gain` are None where they are those of each scan."""

    model: Model
    offset: float | None
    gain: float | None
    unit: str


def translates(where: str) -> bool:
    """Tell whether it is the folder of a run that was taught to turn one picture into another."""
    return taught_in(where) == TASK


def translator(where: str) -> Translator:
    """Load the best weights of a run; refuses one that was taught something else, and weights that do not fit."""
    if not translates(where):
        raise Refused(where, "it was not taught to turn pictures into others", "take the folder of a translation run")
    weights, about = run.weights(Path(where))
    output = dict(about.get("output") or {})
    preparation = Everywhere.like(Preparation.of(about.get("preparation") or {}))
    made = taught(where, preparation.channels, 1, about, weights)
    asked = Adding(made.network) if about.get("difference") else made.network
    trust = _trust(made.folder, about, made.sha256)
    model = Model(made.folder.name, asked.eval(), preparation, (), made.sha256, "values", trust)
    fixed = output.get("of") == "data"
    offset, gain = (float(output["offset"]), float(output["gain"])) if fixed else (None, None)
    return Translator(model, offset, gain, str(output.get("unit") or ""))


def translated(made: Translator, scan: Volume, where: torch.device) -> Work[Volume]:
    """Turn a scan into the other picture: float32 on the scan's own grid, in its unit or that of the targets."""
    yield Progress(0, 0, "preparing the scan")
    preparation = made.model.preparation
    assert isinstance(preparation, Preparation)
    yield from doubts(made.model, scan)
    if scan.pending is not None:
        for number in range(min(scan.frames, preparation.channels)):
            yield from scan.pending.load(number)
    image = preparation.prepared(scan)
    told = yield from probabilities(made.model, image, where)
    yield Progress(1, 1, "back to the scan's grid")
    offset, gain = (made.offset, made.gain) if made.gain is not None else preparation.scale_of(scan)
    assert offset is not None
    assert gain is not None
    if made.gain is None and preparation.shape_of(scan) != scan.shape:
        yield Note("The network saw the scan on a grid of its own; what is finer in the scan is lost", "warning")
    voxels = preparation.back(told[0].numpy(), scan) * np.float32(gain) + np.float32(offset)
    unit = made.unit if made.gain is not None else scan.unit
    return like(scan, np.ascontiguousarray(voxels, np.float32), f"{made.model.name} on {scan.name}", unit=unit)


def over(network: nn.Module, preparation: Preparation, image: Tensor) -> Work[Tensor]:
    """Ask a network about a sample (1, C, x, y[, z]): a slice goes whole, a volume in tiles."""
    if image.ndim == 4:
        told: Tensor = network(image)
        return told.float()
    model = Model("network", network, Everywhere.like(preparation), (), output="values")
    values = yield from probabilities(model, image[0].cpu().numpy(), image.device)
    return values[None]


def _trust(folder: Path, about: Mapping[str, Any], sha256: str) -> Trust:
    """Say of a run what a person should know before it is used."""
    data = said_in(folder / "data.json")
    samples = data.get("training samples")
    measures = {name.removeprefix("validation/"): float(one) for name, one in (about.get("measures") or {}).items()}
    good = tuple((name, value) for name, value in measures.items() if name.startswith(("PSNR", "SSIM", "MAE")))
    return Trust(
        title=folder.name,
        format="a run of this program",
        summary="turns one picture into another, a run of this program",
        trained_on=f"{samples} samples of its data set" if samples else "",
        source="trained on this machine",
        sha256=sha256,
        metrics=good,
        limits="What it tells is likely, not measured: small findings may be lost, or made up",
        output="a picture, in values",
    )
