"""A folder a class, a picture or a scan a file: the layout that most classification sets come in.

``folder/train/CLASS/…`` and ``folder/val/CLASS/…`` (or valid, validation, test) keep the split they have;
``folder/CLASS/…`` is split here, patient by patient where the file names tell patients apart.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from medviz.data.augment import NO_AUGMENTATION, Augmentation
from medviz.data.cases import expression, found_in, image_endings
from medviz.data.gate import Gate
from medviz.data.mending import LeaveOut
from medviz.data.naming import Named, Sample
from medviz.data.splitting import Split, apart, hashed, held_out
from medviz.imaging.readers import describe, read
from medviz.messages import finished
from medviz.parameters import File, Group, Range
from medviz.refused import Refused

_HELD = ("val", "valid", "validation", "test")
"""Folders beside train that may hold what is held out; the first that is there is taken, so that test is left alone."""
_SPLIT = Group("split")


@dataclass(frozen=True)
class Found:
    """One file: its class by number, whether the folder itself holds it out, and whose it is."""

    path: Path
    kind: int
    held: bool
    group: str


class Files:
    """The files of a folder as a pile of pictures."""

    def __init__(self, found: Sequence[Found]) -> None:
        self._found = found
        self.kinds = tuple(one.kind for one in found)
        self.names = tuple(f"{one.path.parent.name}/{one.path.name}" for one in found)

    def pixels(self, index: int) -> NDArray[np.float32]:
        """Read a picture (channel, x, y[, z]); refuses a file that cannot be read."""
        volume = finished(read(self._found[index].path))
        voxels = volume.voxels.astype(np.float32) * np.float32(volume.slope) + np.float32(volume.intercept)
        if volume.kind == "frames":
            voxels = voxels[:1]
        return voxels[..., 0] if voxels.shape[-1] == 1 else voxels


@dataclass(frozen=True)
class ClassFolders:
    """Pictures (or scans) in one folder for each class."""

    folder: Annotated[str, File(folder=True), "The folder that holds a folder for each class, or train and val"] = ""
    patient: Annotated[
        str, _SPLIT, "Regular expression for the part of a file name that tells patients apart; empty: each file alone"
    ] = ""
    held_out: Annotated[float, Range(0.05, 0.5), _SPLIT, "Share that training never sees, where there is no val"] = 0.2
    fold: Annotated[int, Range(0, 19, 1), _SPLIT, "Which of the shares is held out"] = 0
    leave_out: LeaveOut = ""

    @cached_property
    def _contents(self) -> tuple[tuple[str, ...], tuple[Found, ...]]:
        return contents(Path(self.folder), self.patient, self.leave_out)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the folders, in the order of the alphabet."""
        return self._contents[0]

    @cached_property
    def channels(self) -> int:
        """1 for grey, 3 where the first picture of each class is in colour."""
        firsts = {one.kind: one for one in reversed(self._contents[1])}
        return 3 if all("rgb" in str(describe(one.path)["dtype"]) for one in firsts.values()) else 1

    @cached_property
    def dimensions(self) -> tuple[int, ...]:
        """2 for pictures, 3 for volumes."""
        shape = describe(self._contents[1][0].path)["shape"]
        return (3,) if len(shape) > 2 and shape[2] > 1 else (2,)

    def training(self, dimensions: int, side: int, augment: float = 1.0) -> Named:
        """Return the pictures to learn from."""
        change = Augmentation().stronger(augment) if augment else NO_AUGMENTATION
        return self._some(False, side, change)

    def validation(self, dimensions: int, side: int) -> Named:
        """Return the pictures that training never sees."""
        return self._some(True, side, NO_AUGMENTATION)

    def probes(self, dimensions: int, side: int) -> Sequence[Sample]:
        """Return up to two of each class that training never sees."""
        held = self.validation(dimensions, side)
        kinds = held.kinds
        of_kind = [[index for index, one in enumerate(kinds) if one == kind][:2] for kind in sorted(set(kinds))]
        return [held[index] for some in of_kind for index in some][:12]

    def split(self) -> Split:
        """Tell which pictures are learnt from and which are held out, by hashes of their names."""
        found, out = self._contents[1], self._out
        names = [f"{one.path.parent.name}/{one.path.name}" for one in found]
        training = tuple(sorted(hashed(name) for index, name in enumerate(names) if index not in out))
        validation = tuple(sorted(hashed(names[index]) for index in out))
        own = any(one.held for one in found)
        by = "the data set's own folders" if own else f"a hash of the patient or picture, fold {self.fold}"
        return Split(training, validation, by)

    @cached_property
    def _out(self) -> frozenset[int]:
        """Pictures that are held out; refuses folders that put one patient on both sides."""
        found = self._contents[1]
        groups = [one.group for one in found]
        if not any(one.held for one in found):
            return held_out(groups, [one.kind for one in found], self.held_out, self.fold)
        if self.patient:
            learnt = [one.group for one in found if not one.held]
            apart(learnt, [one.group for one in found if one.held], self.folder)
        return frozenset(index for index, one in enumerate(found) if one.held)

    def _some(self, held: bool, side: int, change: Augmentation) -> Named:
        found = self._contents[1]
        chosen = [index for index in range(len(found)) if (index in self._out) == held]
        return Named(Files(found), chosen, side, self.channels, change)


def contents(folder: Path, patient: str = "", leave_out: str = "") -> tuple[tuple[str, ...], tuple[Found, ...]]:
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
    gate = Gate(leave_out)
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
