"""The trust card that travels with a mask: which model made it, from what, and how, as JSON beside the file."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medviz import __version__
from medviz.imaging.storage import replacing

PURPOSE = "research and teaching, not for diagnosis"


def trust_card(
    *,
    name: str,
    sha256: str = "",
    trained_on: str = "",
    licence: str = "",
    labels: tuple[str, ...] = (),
    metrics: Mapping[str, float] | None = None,
    before: str = "",
    after: str = "",
    doubts: tuple[str, ...] = (),
    edited: bool = False,
) -> dict[str, Any]:
    """Make the card of a model's mask in plain values; what is not known is left out, never invented.

    `before` and `after` say what is done to a scan before the model sees it and to what the model says. `edited` is
    True where a person changed the mask afterwards.
    """
    model: dict[str, Any] = {"name": name, "sha256": sha256, "trained_on": trained_on, "licence": licence}
    model |= {"labels": list(labels), "metrics": dict(metrics or {})}
    card: dict[str, Any] = {"model": {key: value for key, value in model.items() if value}}
    steps = {"before": before, "after": after}
    if any(steps.values()):
        card["processing"] = {key: value for key, value in steps.items() if value}
    if doubts:
        card["doubts"] = list(doubts)
    card["edited_by_hand"] = edited
    return card


def card_path(path: Path) -> Path:
    """Return the name of the card beside a file: mask.nii.gz → mask.card.json."""
    stem = path.name
    for ending in (".gz", ".nii", path.suffix):
        stem = stem.removesuffix(ending)
    return path.with_name(f"{stem}.card.json")


def write_card(card: Mapping[str, Any], files: tuple[Path, ...], checked: bool = True) -> Path:
    """Write the card of these files beside the first of them, with a hash of each, and return its path.

    `checked` where the geometry of the mask was held against its scan; the card says which.
    """
    path = card_path(files[0])
    made = {
        "medviz": __version__,
        "purpose": PURPOSE,
        **card,
        "geometry": "it lies voxel for voxel on its scan" if checked else "not checked: no scan was given",
        "files": {file.name: {"sha256": sha256_of(file)} for file in files},
    }
    with replacing(path) as out:
        out.write((json.dumps(made, indent=2, ensure_ascii=False) + "\n").encode())
    return path


def sha256_of(path: Path) -> str:
    """Hash a file, piece by piece."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
