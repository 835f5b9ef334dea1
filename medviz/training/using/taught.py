"""What runs of several tasks share when they are used: what they were taught, and their network with its weights."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from medviz.networks import NETWORKS
from medviz.parameters import Settings
from medviz.refused import Refused
from medviz.training import checkpoints, run


@dataclass(frozen=True, eq=False)
class Taught:
    """The network of a run with its best weights, what model.json says of it (`about`), and its measures by name."""

    folder: Path
    network: nn.Module
    about: Mapping[str, Any]
    measures: Mapping[str, float]
    sha256: str


def taught_in(where: str) -> str:
    """Name the task of a run; empty where it is not the folder of one."""
    return str(said_in(Path(where) / "model.json").get("task") or "") if where else ""


def taught(where: str, channels: int, classes: int, about: Mapping[str, Any], weights: Mapping[str, Any]) -> Taught:
    """Build the network that model.json describes and fill it; refuses what does not say how, or does not fit."""
    folder, said = Path(where), dict(about.get("network") or {})
    if "name" not in said:
        raise Refused(where, "it does not say how its network is built", "take a run of this version")
    network = Settings(str(said.pop("name")), tuple(said.items())).build(NETWORKS, channels=channels, classes=classes)
    try:
        network.load_state_dict({key: one.float() if one.is_floating_point() else one for key, one in weights.items()})
    except RuntimeError as problem:
        raise Refused(where, "its weights do not fit its network", "train it again") from problem
    measures = {name.removeprefix("validation/"): float(one) for name, one in (about.get("measures") or {}).items()}
    return Taught(folder, network.eval(), about, measures, checkpoints.weights_digest(dict(weights)))


def taught_pictures(where: str) -> tuple[Taught, tuple[str, ...], tuple[int, int, int]]:
    """Load a run that was taught on pictures of one size: its classes, and dimensions, side and channels of these."""
    weights, about = run.weights(Path(where))
    classes, pictures = tuple(str(name) for name in about.get("classes") or ()), about.get("pictures") or {}
    try:
        dimensions, side, channels = (int(pictures[name]) for name in ("dimensions", "side", "channels"))
    except (KeyError, TypeError, ValueError) as problem:
        raise Refused(where, "it does not say how its network is built", "take a run of this version") from problem
    return taught(where, channels, len(classes), about, weights), classes, (dimensions, side, channels)


def said_in(path: Path) -> dict[str, Any]:
    """Read a small JSON file of a run; nothing where it cannot be read (a card then says "unknown")."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}
