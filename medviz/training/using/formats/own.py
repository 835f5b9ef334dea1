"""Models of this program: those that ship with it, folders with a card, and the best weights of a run."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from medviz.data.needs import Needs
from medviz.data.preparation import Preparation
from medviz.networks import NETWORKS
from medviz.parameters import Settings
from medviz.refused import Refused
from medviz.training import checkpoints, run
from medviz.training.using.formats.form import Format
from medviz.training.using.model import Model
from medviz.training.using.models import (
    CARD,
    OWN_OUTPUT,
    WEIGHTS,
    Card,
    card_of,
    fingerprint_of,
    input_of,
    model,
    trust_of,
)
from medviz.training.using.trust import Trust


def recognises(where: str) -> bool:
    """Tell whether it is the name of a shipped model, a folder like one, or the folder of a run."""
    return _card(where) is not None or (bool(where) and (Path(where) / "task.toml").is_file())


def load(where: str, needs: Needs | None = None) -> Model:
    """Load it; what input it needs is written in it, so `needs` are not asked for."""
    card = _card(where)
    if card is not None:
        weights, about = checkpoints.read_weights(card.weights)
        return built(where, weights, about, card.sha256, trust_of(card))
    folder = Path(where)
    weights, about = run.weights(folder)
    digest = checkpoints.weights_digest(weights)
    return built(folder.name, weights, about, digest, _trust_of_run(folder, about, digest))


def built(
    name: str, weights: Mapping[str, Tensor], about: Mapping[str, Any], sha256: str, said_of_it: Trust | None = None
) -> Model:
    """Build the network a description names and fill it with weights; refuses weights of another network."""
    taught = about.get("task", "segmentation")
    if taught != "segmentation":
        raise Refused(name, f"it was taught {taught}, which labels no voxels", "take a segmentation run")
    said = dict(about.get("network") or {})
    labels = tuple(about.get("classes") or ())
    preparation = Preparation.of(about.get("preparation") or {})
    if "name" not in said or not labels:
        raise Refused(name, "it does not say how its network is built", "take a segmentation run of this version")
    settings = Settings(str(said.pop("name")), tuple(said.items()))
    network = settings.build(NETWORKS, channels=preparation.channels, classes=len(labels) + 1)
    try:
        network.load_state_dict({key: value.float() if value.is_floating_point() else value
                                 for key, value in weights.items()})  # fmt: skip
    except RuntimeError as problem:
        raise Refused(name, "its weights do not fit its network", "train it again") from problem
    known = said_of_it or Trust(title=name, format="a network of this program", labels=labels, sha256=sha256)
    return Model(name, network.eval(), preparation, labels, sha256, "scores", known)


def _card(where: str) -> Card | None:
    if where and (Path(where) / CARD).is_file() and (Path(where) / WEIGHTS).is_file():
        return card_of(Path(where))
    return model(where)


def _trust_of_run(folder: Path, about: Mapping[str, Any], sha256: str) -> Trust:
    preparation = Preparation.of(about.get("preparation") or {})
    data = _json(folder / "data.json")
    recipe = _json(folder / "model.json")
    measures = dict(about.get("measures") or {})
    good = {name.removeprefix("validation/"): float(value) for name, value in measures.items() if "dice" in name}
    samples = data.get("training samples")
    return Trust(
        title=folder.name,
        format="a run of this program",
        summary=f"{about.get('task', 'segmentation')}, a run of this program",
        labels=tuple(about.get("classes") or ()),
        trained_on=f"{samples} samples of {recipe.get('data', 'its data set')}" if samples else "",
        licence="",
        source="trained on this machine",
        sha256=sha256,
        metrics=tuple(good.items()),
        input=input_of(preparation.plain()),
        output=OWN_OUTPUT,
        fingerprint=fingerprint_of(preparation.plain(), {"intensities": data.get("percentiles 1, 50, 99", ())}),
    )


def _json(path: Path) -> dict[str, Any]:
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # the card then says "unknown"
    return said if isinstance(said, dict) else {}


FORMAT = Format(recognises, load)
