"""Pascal VOC: Annotations/*.xml with one box an object, JPEGImages, and ImageSets/Main with the split."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from medviz.data.boxed_files import BoxedPictures, Labelled, checked_boxes, existing_folder, pictures_below
from medviz.data.boxes import Array
from medviz.data.gate import Gate
from medviz.refused import Refused

_HELD = ("val", "valid", "validation", "test")
"""Lists that may name what is held out; the first that is there is taken, so that test is left alone."""
_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_MOST_BYTES = 16 << 20


@dataclass(frozen=True)
class Voc(BoxedPictures):
    """Pictures with boxes in the layout of Pascal VOC; ImageSets/Main/train.txt and val.txt are kept where they are."""

    def listed(self, gate: Gate) -> tuple[tuple[str, ...], tuple[Labelled, ...]]:
        """Read all annotations; refuses damaged ones and those without a picture."""
        folder = existing_folder(self.folder, "the folder with Annotations and JPEGImages")
        if not (folder / "Annotations").is_dir():
            raise Refused(folder, "it has no folder Annotations", "choose the folder with Annotations and JPEGImages")
        sides = _sides(folder / "ImageSets" / "Main", gate)
        pictures = pictures_below(folder / "JPEGImages" if (folder / "JPEGImages").is_dir() else folder)
        named = [path.stem for path in sorted((folder / "Annotations").glob("*.xml"))]
        wanted = [name for name in named if not sides or name in sides]
        found = [one for name in wanted if (one := _read(folder, name, pictures, gate)) is not None]
        for name in sorted(set(pictures) - set(named)) if not sides else ():
            refusal = Refused(pictures[name], "there is no annotation to it", "annotate it; until then it is not used")
            gate.pass_over(pictures[name].name, "missing", refusal)
        classes = tuple(sorted({kind for _, _, kinds in found for kind in kinds}))
        number = {name: index for index, name in enumerate(classes)}
        return classes, tuple(
            Labelled(path, boxes, np.array([number[kind] for kind in kinds], np.int64), sides.get(path.stem))
            for path, boxes, kinds in found
        )


def _read(folder: Path, name: str, pictures: Mapping[str, Path], gate: Gate) -> tuple[Path, Array, list[str]] | None:
    """Read one annotation: the picture, its boxes, and what each is; None where the gate does not let it in."""
    path = folder / "Annotations" / f"{name}.xml"
    case = pictures[name].name if name in pictures else path.name
    if not gate.lets(case):
        return None
    kind = "missing"
    try:
        if name not in pictures:
            raise Refused(path, "there is no picture to it", "put it into JPEGImages")
        kind = "unreadable"
        objects = _objects(path)
        kind = "box"
        return pictures[name], checked_boxes(path, [box for _, box in objects]), [one for one, _ in objects]
    except Refused as refusal:
        gate.turn_away(case, kind, refusal)
        return None


def _sides(lists: Path, gate: Gate) -> dict[str, bool]:
    """Return picture → held out, from the lists of training and validation; {} where there are not both."""
    train = lists / "train.txt"
    held = next((lists / f"{name}.txt" for name in _HELD if (lists / f"{name}.txt").is_file()), None)
    if not train.is_file() or held is None:
        return {}
    sides = dict.fromkeys(_listed(train), False)
    for name in _listed(held):
        if name in sides:
            gate.turn_away(name, "leakage", Refused(held, f"{name} is in train.txt too", "let it be on one side only"))
        sides[name] = True
    return sides


def _listed(path: Path) -> Sequence[str]:
    try:
        return [line.split()[0] for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as problem:
        raise Refused(path, f"it cannot be read ({problem})", "write one name a line") from problem


def _objects(path: Path) -> list[tuple[str, list[float]]]:
    """Return name and box of each object in one annotation."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise Refused(path, "it is larger than any annotation", "look what it is")
        text = path.read_bytes()
        if b"<!ENTITY" in text:
            raise Refused(path, "it declares entities, which no annotation needs", "save it anew")
        root = ElementTree.fromstring(text)
    except (OSError, ElementTree.ParseError) as problem:
        raise Refused(path, f"it is no readable XML ({problem})", "mend it or leave it out") from problem
    return [_object(path, number, one) for number, one in enumerate(root.iter("object"), start=1)]


def _object(path: Path, number: int, one: ElementTree.Element) -> tuple[str, list[float]]:
    name = (one.findtext("name") or "").strip()
    if not name:
        raise Refused(path, f"object {number} has no name", "name it or leave it out")
    try:
        return name, [float(one.findtext(f"bndbox/{corner}") or "") for corner in _CORNERS]
    except ValueError as problem:
        raise Refused(path, f"object {number} has no whole box", "write xmin, ymin, xmax and ymax") from problem
