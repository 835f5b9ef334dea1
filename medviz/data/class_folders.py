"""A folder a class, a picture or a scan a file: the layout that most classification sets come in.

``folder/train/CLASS/…`` and ``folder/val/CLASS/…`` (or valid, validation) keep the split they have; what is only in
train, or in ``folder/CLASS/…``, is split here, by patient where the file names tell patients apart. A folder test is
for the end: training neither learns from it nor measures on it.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from medviz.data.cases import Labelled, expression, found_in, image_endings
from medviz.data.classed import Classed, Found
from medviz.data.gate import Gate
from medviz.data.mending import LeaveOut
from medviz.parameters import File, Group, Range
from medviz.refused import Refused

_HELD = ("val", "valid", "validation")
"""Folders beside train that may hold what is held out; the first that is there is taken. A test is left alone."""
_SPLIT = Group("split")


@dataclass(frozen=True)
class ClassFolders(Classed):
    """Pictures (or scans) in one folder for each class."""

    folder: Annotated[str, File(folder=True), "The folder that holds a folder for each class, or train and val"] = ""
    patient: Annotated[
        str, _SPLIT, "Regular expression for the part of a file name that tells patients apart; empty: each file alone"
    ] = ""
    held_out: Annotated[float, Range(0.05, 0.5), _SPLIT, "Share that training never sees, where there is no val"] = 0.2
    fold: Annotated[int, Range(0, 19, 1), _SPLIT, "Which of the shares is held out"] = 0
    leave_out: LeaveOut = ""
    labelled: Labelled = None

    def listed(self, gate: Gate) -> tuple[tuple[str, ...], tuple[Found, ...]]:
        """List the pictures by their folders; refuses folders that cannot be learnt from."""
        return contents(Path(self.folder), self.patient, gate)

    @property
    def root(self) -> Path:
        """Where a file of folds may lie."""
        return Path(self.folder)


def contents(folder: Path, patient: str, gate: Gate) -> tuple[tuple[str, ...], tuple[Found, ...]]:
    """Return the classes and the files of a folder; refuses what cannot be learnt from."""
    if not str(folder) or str(folder) == ".":
        raise Refused("data folder", "none was chosen", "choose the folder that holds a folder for each class")
    if not folder.is_dir():
        raise Refused(folder, "there is no such folder", "choose the folder that holds a folder for each class")
    telling = expression(patient) if patient else None
    sides = _sides(folder)
    classes = tuple(sorted({one.name for side, _ in sides for one in side.iterdir() if _holds(one)}))
    if len(classes) < 2:
        raise Refused(folder, f"it has {len(classes)} folder(s) with pictures", "at least two classes are needed")
    found = tuple(
        Found(path, number, held, _group(path, telling))
        for side, held in sides
        for number, name in enumerate(classes)
        for path in sorted((side / name).glob("*"))
        if _is_image(path) and gate.lets(f"{path.parent.name}/{path.name}")
    )
    missing = set(range(len(classes))) - {one.kind for one in found if not one.held}
    if missing:
        raise Refused(folder, f"class {classes[min(missing)]} has nothing to learn from", "add pictures to train")
    return classes, found


def _sides(folder: Path) -> list[tuple[Path, bool]]:
    """List the folders with classes in them, and whether they are held out."""
    inside = {one.name.lower(): one for one in folder.iterdir() if one.is_dir()}
    if "train" not in inside:
        return [(folder, False)]
    held = [inside[name] for name in _HELD if name in inside]
    return [(inside["train"], False), *((one, True) for one in held[:1])]


def _holds(folder: Path) -> bool:
    return folder.is_dir() and any(_is_image(path) for path in folder.iterdir())


def _is_image(path: Path) -> bool:
    return path.is_file() and path.name.lower().endswith(image_endings()) and not path.name.startswith(".")


def _group(path: Path, telling: re.Pattern[str] | None) -> str:
    """Whose a picture is: what the expression finds in its name (its first bracket, if it has one), else the file."""
    return (found_in(path.name, telling) if telling is not None else "") or f"{path.parent.name}/{path.name}"
