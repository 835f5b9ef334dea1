"""What the layouts of pictures with boxes share: the split, the classes, and pictures in files as a pile."""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray

from medviz.data.boxes import NO_DRAW, Array, Draw, Framed, Sample
from medviz.data.gate import Gate
from medviz.data.mending import LeaveOut
from medviz.data.splitting import Split, apart, file_of, fixed, hashed, held_out
from medviz.imaging.readers import describe, read
from medviz.messages import finished
from medviz.parameters import File, Group, Range
from medviz.refused import Refused

PICTURES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp")
_PROBES = 6
_SPLIT = Group("split")


@dataclass(frozen=True, eq=False)
class Labelled:
    """One picture file with its boxes (n, 4) as files have them: x0 y0 x1 y1 from the left and the top, in pixels.

    `held` tells whether the data set itself holds it out, None where it says nothing.
    """

    path: Path
    boxes: Array
    classes: Array
    held: bool | None = None


class PictureFiles:
    """Picture files as a pile; boxes are turned into the order of the arrays (see `medviz.data.boxes.Pile`)."""

    def __init__(self, files: Sequence[Labelled]) -> None:
        self._files = files
        self.names = tuple(one.path.name for one in files)

    @cached_property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Pixels along x and y, from the headers."""
        return tuple(picture_shape(one.path) for one in self._files)

    def pixels(self, index: int) -> NDArray[np.float32]:
        """Read a picture (channel, x, y); refuses a file that cannot be read."""
        volume = finished(read(self._files[index].path))
        colours = 3 if volume.kind == "colour" else 1
        return np.ascontiguousarray(volume.voxels[:colours, :, :, 0], dtype=np.float32)

    def boxes(self, index: int) -> tuple[Array, Array]:
        """Boxes in pixels of the array, cut at its borders; those without extent (a click) are left out."""
        one = self._files[index]
        wide, high = self.shapes[index][:2]
        x0, y0, x1, y1 = one.boxes.reshape(-1, 4).T
        turned = np.stack([wide - x1, high - y1, wide - x0, high - y0], axis=1)  # arrays grow to the left and up
        inside = np.clip(turned, 0, [wide, high, wide, high]).astype(np.float32)
        sound = (inside[:, 2:] > inside[:, :2]).all(axis=1)
        return inside[sound], one.classes[sound]

    @property
    def most(self) -> int:
        """Boxes in the picture that has most, at least one."""
        return max((len(one.boxes) for one in self._files), default=1) or 1


@dataclass(frozen=True)
class BoxedPictures:
    """A folder of pictures with boxes; a layout says with `listed` what is in it."""

    folder: Annotated[str, File(folder=True), "The folder of the data set"] = ""
    patient: Annotated[
        str, _SPLIT, "Regular expression for the part of a file name that tells patients apart; empty: see a "
        "metadata.csv beside, else each picture alone",
    ] = ""  # fmt: skip
    held_out: Annotated[float, Range(0.05, 0.5), _SPLIT, "Share that training never sees, where no split is given"] = (
        0.2
    )
    fold: Annotated[int, Range(0, 19, 1), _SPLIT, "Which of the shares is held out"] = 0
    leave_out: LeaveOut = ""

    dimensions: ClassVar[tuple[int, ...]] = (2,)

    def contents(self) -> tuple[tuple[str, ...], tuple[Labelled, ...]]:
        """Return the classes and the files; refuses what cannot be learnt from."""
        return self.listed(Gate(self.leave_out))

    def listed(self, gate: Gate) -> tuple[tuple[str, ...], tuple[Labelled, ...]]:
        """Return the classes and the files that the gate lets in; it is handed what concerns one picture only."""
        raise TypeError(f"{type(self).__name__} does not say what it lists")

    @cached_property
    def _read(self) -> tuple[tuple[str, ...], tuple[Labelled, ...]]:
        classes, files = self.contents()
        if not files or not any(len(one.boxes) for one in files):
            raise Refused(self.folder, "no picture in it has a box", "choose the folder with pictures and their boxes")
        return classes, files

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the kinds of object."""
        return self._read[0]

    @cached_property
    def channels(self) -> int:
        """1 for grey, 3 where the first picture is in colour."""
        first = finished(read(self._read[1][0].path))
        return 3 if first.kind == "colour" else 1

    @cached_property
    def pile(self) -> PictureFiles:
        """All pictures."""
        return PictureFiles(self._read[1])

    def training(self, dimensions: int, side: int, draw: Draw = NO_DRAW) -> Framed:
        """Return the pictures to learn from."""
        return self._some(False, side, draw)

    def validation(self, dimensions: int, side: int) -> Framed:
        """Return the pictures that training never sees."""
        return self._some(True, side, NO_DRAW)

    def probes(self, dimensions: int, side: int) -> Sequence[Sample]:
        """Return a few that training never sees, spread over all of them."""
        held = self.validation(dimensions, side)
        count = min(_PROBES, len(held))
        return [held[index * len(held) // count] for index in range(count)]

    def _some(self, held: bool, side: int, draw: Draw) -> Framed:
        files, out = self._read[1], self._out
        chosen = [index for index in range(len(files)) if (index in out) == held]
        return Framed(self.pile, chosen, side, self.channels, self.pile.most, draw)

    def split(self) -> Split:
        """Tell which pictures are learnt from and which are held out, by hashes of their names, and what decided."""
        files, out = self._read[1], self._out
        names = [hashed(one.path.name) for one in files]
        training = tuple(sorted(name for index, name in enumerate(names) if index not in out))
        own = any(one.held is not None for one in files)
        path = file_of(Path(self.folder))
        by = (
            path.name if path is not None else "the data set's own lists" if own else "a hash of the patient or picture"
        )
        return Split(training, tuple(sorted(names[index] for index in out)), f"{by}, fold {self.fold}")

    @cached_property
    def _out(self) -> frozenset[int]:
        """Pictures that are held out; refuses lists that put one patient on both sides."""
        files = self._read[1]
        path = file_of(Path(self.folder))
        owners = Owners(Path(self.folder), self.patient)
        groups = [owners(one.path) for one in files]
        if path is None and not any(one.held is not None for one in files):
            return held_out(groups, [0] * len(files), self.held_out, self.fold)
        out = frozenset(index for index, one in enumerate(files) if one.held)
        if path is not None:
            learnt, out = fixed(path, [one.path.stem for one in files], self.fold)
            if len(learnt) + len(out) < len(files):
                raise Refused(path, "it does not name all pictures", "put each of them on one side of each fold")
        if self.patient:
            learnt = frozenset(range(len(files))) - out
            apart([groups[index] for index in learnt], [groups[index] for index in out], self.folder)
        return out


def existing_folder(folder: str, wanted: str) -> Path:
    """Return the folder of a data set; refuses where none was chosen or there is none."""
    if not folder or folder == ".":
        raise Refused("data folder", "none was chosen", f"choose {wanted}")
    path = Path(folder).expanduser()
    if not path.is_dir():
        raise Refused(path, "there is no such folder", f"choose {wanted}")
    return path


def checked_boxes(path: Path, rows: Sequence[Sequence[float]]) -> Array:
    """Return boxes (n, 4) float32; refuses one that is no number or ends before it begins."""
    boxes = np.array(rows, np.float32).reshape(-1, 4)
    for number, (x0, y0, x1, y1) in enumerate(boxes.tolist(), start=1):
        if not np.isfinite([x0, y0, x1, y1]).all():
            raise Refused(path, f"box {number} is not made of finite numbers", "mend it or leave it out")
        if x1 < x0 or y1 < y0:
            raise Refused(path, f"box {number} ends before it begins", "write the upper left corner first")
    return boxes


def pictures_below(folder: Path) -> Mapping[str, Path]:
    """Find the pictures in a folder and the folders in it, by their names without ending."""
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES)
    return {path.stem: path for path in found if not path.name.startswith(".")}


def picture_shape(path: Path) -> tuple[int, int]:
    """Pixels across and down, from the header."""
    wide, high = describe(path)["shape"][:2]
    return int(wide), int(high)


class Owners:
    """Whose a picture is: what the expression finds in its name, else whom metadata.csv names, else its own."""

    def __init__(self, folder: Path, patient: str) -> None:
        try:
            self._telling = re.compile(patient) if patient else None
        except re.error as problem:
            fault = f"it is no regular expression ({problem})"
            raise Refused(f"patient={patient}", fault, "mend it, or leave it empty") from problem
        self._told = {} if patient else _patients(folder / "metadata.csv")

    def __call__(self, path: Path) -> str:
        """Return the patient of a file, by name."""
        match = self._telling.search(path.name) if self._telling is not None else None
        if match is not None:
            return match.group(1) if match.groups() else match.group(0)
        return self._told.get(path.name, path.name)


def _patients(path: Path) -> Mapping[str, str]:
    """Read whose each file is out of a table with columns "filename" and "patientid" (or the like); {} without one."""
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8-sig", newline="", errors="replace") as file:
        rows = list(csv.DictReader(file))
    columns = {name.lower().replace("_", ""): name for name in (rows[0] if rows else {}) if name}
    file_name = next((columns[name] for name in ("filename", "file", "image") if name in columns), None)
    owner = next((columns[name] for name in ("patientid", "patient", "subject", "subjectid") if name in columns), None)
    if file_name is None or owner is None:
        return {}
    return {Path(row[file_name]).name: row[owner] for row in rows if row[file_name] and row[owner]}
