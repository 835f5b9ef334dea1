"""COCO: one JSON with images, categories and boxes as [x, y, width, height], the pictures beside it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from medviz.data.boxed_files import BoxedPictures, Labelled, checked_boxes, existing_folder
from medviz.data.gate import Gate
from medviz.refused import Refused

_WANTED = "the folder with the pictures and their annotations.json"
_TRAIN, _HELD = ("train",), ("val", "valid", "validation", "test")


@dataclass(frozen=True)
class Coco(BoxedPictures):
    """Pictures with boxes in the layout of COCO: one JSON that is split here, or one each for train and val."""

    def listed(self, gate: Gate) -> tuple[tuple[str, ...], tuple[Labelled, ...]]:
        """Read all annotations; refuses damaged ones and those without a picture."""
        folder = existing_folder(self.folder, _WANTED)
        files = _files(folder)
        read = [(path, _document(path), held) for path, held in files]
        names = _categories(read[0][0], read[0][1])
        numbers = {identity: index for index, identity in enumerate(names)}
        found = [one for path, document, held in read for one in _pictures(folder, path, document, numbers, held, gate)]
        return tuple(names.values()), tuple(found)


def _files(folder: Path) -> list[tuple[Path, bool | None]]:
    """List the JSON files and what each is for: None where one holds all."""
    found = sorted(
        {*folder.glob("*.json"), *folder.glob("annotations/*.json"), *folder.glob("*/_annotations.coco.json")}
    )
    train = [path for path in found if _is_of(path, folder, _TRAIN)]
    held = [path for name in _HELD for path in found if _is_of(path, folder, (name,))]
    if train and held:
        return [(train[0], False), (held[0], True)]
    if not found:
        raise Refused(folder, "there is no annotations.json in it", f"choose {_WANTED}")
    first = next((path for path in found if path.stem.startswith(("annotation", "_annotation"))), found[0])
    return [(train[0] if train else first, None)]


def _is_of(path: Path, folder: Path, words: tuple[str, ...]) -> bool:
    """Tell whether a file is for that side: by its own name or by its folder's."""
    inner = path.relative_to(folder)
    parts = [*inner.parent.parts, *path.stem.lower().replace("-", "_").split("_")]
    return any(part.lower().rstrip("0123456789") in words for part in parts)


def _document(path: Path) -> Mapping[str, Any]:
    try:
        said = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as problem:
        raise Refused(path, f"it is no readable JSON ({problem})", "save it anew") from problem
    lists = ("images", "annotations", "categories")
    if not isinstance(said, dict) or not all(isinstance(said.get(name), list) for name in lists):
        raise Refused(path, "it lacks images, annotations or categories", "write it in the layout of COCO")
    return said


def _categories(path: Path, document: Mapping[str, Any]) -> dict[int, str]:
    """Return the name of each category by its number, in the order of the numbers."""
    try:
        named = {int(one["id"]): str(one["name"]) for one in document["categories"]}
    except (TypeError, KeyError, ValueError) as problem:
        raise Refused(path, "a category has no id or no name", "write both for each category") from problem
    used = {one.get("category_id") for one in document["annotations"] if isinstance(one, dict)}
    return {identity: named[identity] for identity in sorted(named) if identity in used or len(named) <= len(used)}


def _pictures(
    folder: Path, path: Path, document: Mapping[str, Any], numbers: Mapping[int, int], held: bool | None, gate: Gate
) -> list[Labelled]:
    images = _images(path, document)
    boxes: dict[int, list[list[float]]] = {}
    kinds: dict[int, list[int]] = {}
    for place, one in enumerate(document["annotations"], start=1):
        try:
            picture, kind, box = _annotation(path, place, one)
            if one.get("iscrowd"):
                continue
            if kind not in numbers:
                raise Refused(path, f"annotation {place} names category {kind}, which is not listed", "list it")
            if picture not in images:
                raise Refused(path, f"image {picture} has boxes and is not listed", "list it among the images")
        except Refused as refusal:
            owner = images.get(one.get("image_id", -1), "") if isinstance(one, dict) else ""
            case = Path(owner).name or f"annotation {place}"
            if gate.lets(case):
                gate.turn_away(case, "box", refusal)
            continue
        boxes.setdefault(picture, []).append(box)
        kinds.setdefault(picture, []).append(numbers[kind])
    found = []
    for number, name in images.items():
        if not gate.lets(Path(name).name):
            continue
        fault = "missing"
        try:
            file = _file(folder, path, name)
            fault = "box"
            rows = checked_boxes(path, boxes.get(number, []))
        except Refused as refusal:
            gate.turn_away(Path(name).name, fault, refusal)
            continue
        found.append(Labelled(file, rows, np.array(kinds.get(number, []), np.int64), held))
    return found


def _annotation(path: Path, place: int, one: Any) -> tuple[int, int, list[float]]:
    try:
        x, y, wide, high = (float(number) for number in one["bbox"])
        return int(one["image_id"]), int(one["category_id"]), [x, y, x + wide, y + high]
    except (TypeError, KeyError, ValueError) as problem:
        fault = f"annotation {place} has no image_id, category_id or bbox of four numbers"
        raise Refused(path, fault, "mend it or leave it out") from problem


def _images(path: Path, document: Mapping[str, Any]) -> dict[int, str]:
    try:
        return {int(one["id"]): str(one["file_name"]) for one in document["images"]}
    except (TypeError, KeyError, ValueError) as problem:
        raise Refused(path, "an image has no id or no file_name", "write both for each image") from problem


def _file(folder: Path, path: Path, name: str) -> Path:
    """Find a picture: as it is named, in images/, beside the JSON or in a folder of the JSON's own name."""
    side = path.stem.removeprefix("instances_")
    places = (folder / name, folder / "images" / name, path.parent / name, folder / side / name,
              folder / "images" / side / name)  # fmt: skip
    found = next((place for place in places if place.is_file()), None)
    if found is None or not found.resolve().is_relative_to(folder.resolve()):
        raise Refused(path, f"there is no picture {name}", "put the pictures into images/ beside it")
    return found
