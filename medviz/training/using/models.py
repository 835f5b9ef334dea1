"""The models that ship with the program: a folder each in `resources/models`, with weights and a card.

A folder holds ``weights.safetensors`` (float16 or float32, never anything that is unpickled), ``card.json`` (what a
program reads) and ``README.md`` (what a person reads). Nothing here imports torch.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medviz.refused import Refused
from medviz.shipped import shipped
from medviz.training.using.trust import Fingerprint, Trust

WEIGHTS, CARD = "weights.safetensors", "card.json"
OWN_OUTPUT = "a score a class; the softmax of them is taken"


@dataclass(frozen=True)
class Card:
    """What a person should know of a model before it is run.

    `metrics` are (what was measured, value) as measured on data that training never saw, unless the words say
    otherwise. `about` is how to run the network: "task", "network", "classes", "preparation". `sha256` is that of the
    weights file, checked each time it is loaded.
    """

    name: str
    title: str
    summary: str
    labels: tuple[str, ...]
    trained_on: str
    licence: str
    sha256: str
    metrics: tuple[tuple[str, float], ...]
    about: Mapping[str, Any]
    limits: str = ""
    folder: Path = Path()

    @property
    def weights(self) -> Path:
        """The weights file; refuses one that is not what the card was written for."""
        path = self.folder / WEIGHTS
        try:
            found = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as problem:
            raise Refused(path, "the weights cannot be read", "install the program again") from problem
        if found != self.sha256:
            raise Refused(path, "the weights are not those of the card (SHA-256 differs)", "install the program again")
        return path


def models(folder: Path | None = None) -> tuple[Card, ...]:
    """List the models that ship with the program, by name."""
    place = shipped("models") if folder is None else folder
    return tuple(card_of(path.parent) for path in sorted(place.glob(f"*/{CARD}")))


def model(name: str, folder: Path | None = None) -> Card | None:
    """Return the card of a shipped model, None where there is none of this name."""
    place = (shipped("models") if folder is None else folder) / name
    plain = name and name == Path(name).name
    return card_of(place) if plain and (place / CARD).is_file() else None


def card_of(folder: Path) -> Card:
    """Read the card of a model's folder; refuses one that cannot be read."""
    path = folder / CARD
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return Card(
            name=folder.name,
            title=said["title"],
            summary=said["summary"],
            labels=tuple(said["labels"]),
            trained_on=said["trained_on"],
            licence=said["licence"],
            sha256=said["sha256"],
            metrics=tuple((str(name), float(value)) for name, value in said["metrics"].items()),
            about=said["about"],
            limits=said.get("limits", ""),
            folder=folder,
        )
    except (OSError, ValueError) as problem:
        raise Refused(path, f"the card cannot be read ({problem})", "write it again") from problem
    except (KeyError, TypeError, AttributeError) as problem:
        raise Refused(path, f"the card lacks {problem}", "write it again") from problem


def trust_of(card: Card) -> Trust:
    """Make the trust card of a shipped model."""
    preparation = dict(card.about.get("preparation") or {})
    return Trust(
        title=card.title,
        format="a network of this program",
        summary=card.summary,
        labels=card.labels,
        trained_on=card.trained_on,
        licence=card.licence,
        source="ships with this program" if card.folder.parent == shipped("models") else card.folder.name,
        sha256=card.sha256,
        metrics=card.metrics,
        limits=card.limits,
        input=input_of(preparation),
        output=OWN_OUTPUT,
        fingerprint=fingerprint_of(preparation, card.about.get("fingerprint") or {}),
    )


def input_of(preparation: Mapping[str, Any]) -> str:
    """Say what input a network of ours needs, from the plain values of its preparation."""
    mm, channels = preparation.get("spacing_mm"), int(preparation.get("channels", 1))
    size = f"voxels of {'×'.join(f'{one:.3g}' for one in mm)} mm" if mm else "voxels of any size"
    looks = "slices" if preparation.get("dimensions", 2) == 2 else "volumes"
    many = f"{channels} channel{'s' if channels > 1 else ''}"
    if preparation.get("picture"):
        return f"pictures of {'three colours' if channels == 3 else many}, as they are stored, mean 0 and spread 1"
    return f"{many}, {looks} in RAS order, {size}, mean 0 and spread 1 of what is not air"


def fingerprint_of(preparation: Mapping[str, Any], said: Mapping[str, Any]) -> Fingerprint:
    """Read what the training data were like; the spacing is that to which they were brought."""
    mm = [(one, one) for one in preparation.get("spacing_mm") or ()]
    return Fingerprint.of({"spacing_mm": mm, "prepared": True, "picture": preparation.get("picture", False), **said})


def write_card(folder: Path, said: Mapping[str, Any], text: str) -> Card:
    """Write card and README beside the weights that lie in `folder`; returns the card.

    `said` are the fields of the card but for `sha256`, with `metrics` as a mapping. "{sha256}" in `text` is filled in.
    """
    digest = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    card = json.dumps({**said, "sha256": digest}, indent=1, ensure_ascii=False)
    (folder / CARD).write_text(card + "\n", encoding="utf-8")
    (folder / "README.md").write_text(text.replace("{sha256}", digest), encoding="utf-8")
    return card_of(folder)
