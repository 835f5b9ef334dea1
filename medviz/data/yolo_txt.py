"""YOLO txt: a text beside each picture, one box a line as class, middle x, middle y, width, height in shares of it."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medviz.data.boxed_files import (
    BoxedPictures,
    Labelled,
    checked_boxes,
    existing_folder,
    picture_shape,
    pictures_below,
)
from medviz.data.gate import Gate
from medviz.refused import Refused

_WANTED = "the folder with images and labels"
_HELD = ("val", "valid", "validation", "test")


@dataclass(frozen=True)
class YoloTxt(BoxedPictures):
    """Pictures with boxes as YOLO wants them: images/train and labels/train (val too), names in data.yaml."""

    def listed(self, gate: Gate) -> tuple[tuple[str, ...], tuple[Labelled, ...]]:
        """Read all labels; refuses damaged ones. A picture without a text has no boxes."""
        folder = existing_folder(self.folder, _WANTED)
        files = [one for pictures, labels, held in _sides(folder) for one in _side(pictures, labels, held, gate)]
        if not files:
            raise Refused(folder, "no picture in it has a text of boxes", f"choose {_WANTED}")
        count = 1 + max((int(one.classes.max(initial=-1)) for one in files), default=-1)
        names = _names(folder)
        if len(names) < count and names and not gate.lenient:
            raise Refused(folder, f"class {count - 1} is used and {len(names)} are named", "name all in data.yaml")
        return names or tuple(f"class {number}" for number in range(count)), tuple(files)


def _sides(folder: Path) -> list[tuple[Path, Path, bool | None]]:
    """List folders of pictures, of their texts, and what each pair is for: images/train or train/images."""
    for image, label in (("images/{}", "labels/{}"), ("{}/images", "{}/labels"), ("{}", "{}")):
        train = folder / image.format("train")
        if train.is_dir():
            held = next((name for name in _HELD if (folder / image.format(name)).is_dir()), None)
            if held is None:
                return [(train, folder / label.format("train"), None)]
            return [
                (folder / image.format(side), folder / label.format(side), side != "train") for side in ("train", held)
            ]
    if (folder / "images").is_dir():
        return [(folder / "images", folder / "labels" if (folder / "labels").is_dir() else folder / "images", None)]
    return [(folder, folder, None)]


def _side(pictures: Path, labels: Path, held: bool | None, gate: Gate) -> list[Labelled]:
    found, used = [], set()
    for path in pictures_below(pictures).values():
        text = labels / path.relative_to(pictures).with_suffix(".txt")
        used.add(text)
        if not gate.lets(path.name):
            continue
        try:
            rows, kinds = _boxes(text, path) if text.is_file() else ([], [])
            found.append(Labelled(path, checked_boxes(text, rows), np.array(kinds, np.int64), held))
        except Refused as refusal:
            gate.turn_away(path.name, "unreadable" if refusal.thing == str(path) else "box", refusal)
    for text in sorted(set(labels.rglob("*.txt")) - used) if gate.lenient else ():
        if text.name != "classes.txt":
            alone = Refused(text, "there is no picture to it", "put the picture beside the others")
            gate.pass_over(text.name, "missing", alone)
    return found if any(len(one.boxes) for one in found) else []


def _boxes(text: Path, picture: Path) -> tuple[list[list[float]], list[int]]:
    wide, high = picture_shape(picture)
    rows, kinds = [], []
    try:
        lines = text.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as problem:
        raise Refused(text, f"it cannot be read ({problem})", "write one box a line") from problem
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            kind, x, y, w, h = (float(word) for word in line.split()[:5])
        except ValueError as problem:
            raise Refused(text, f"line {number} is no box", "write class, x, y, width, height") from problem
        if kind < 0 or kind != int(kind) or max(x, y, w, h) > 1.001 or min(x, y, w, h) < 0:
            raise Refused(text, f"line {number} has a number out of range", "write shares of the picture, 0 to 1")
        rows.append([(x - w / 2) * wide, (y - h / 2) * high, (x + w / 2) * wide, (y + h / 2) * high])
        kinds.append(int(kind))
    return rows, kinds


def _names(folder: Path) -> tuple[str, ...]:
    """Names of the classes out of data.yaml (or another .yaml), classes.txt or obj.names; () where none says them.

    Of YAML only what such files hold is read: ``names: [a, b]``, or a list or numbered names in the lines below.
    """
    for name in ("classes.txt", "obj.names", "labels/classes.txt"):
        if (folder / name).is_file():
            return tuple(line.strip() for line in (folder / name).read_text("utf-8-sig").splitlines() if line.strip())
    for path in sorted((*folder.glob("data.y*ml"), *folder.glob("*.y*ml"))):
        text = path.read_text(encoding="utf-8-sig", errors="replace")
        inline = re.search(r"^names\s*:\s*\[(.*?)\]", text, re.MULTILINE | re.DOTALL)
        if inline:
            return tuple(word.strip().strip("'\"") for word in inline.group(1).split(",") if word.strip())
        below = re.search(r"^names\s*:\s*\n((?:[ \t]*(?:-|\d+\s*:)[^\n]*\n?)+)", text, re.MULTILINE)
        if below:
            lines = below.group(1).splitlines()
            return tuple(re.sub(r"^\s*(?:-|\d+\s*:)\s*", "", line).strip().strip("'\"") for line in lines)
    return ()
