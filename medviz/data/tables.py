"""Tables of paths: a CSV with a row an image, its mask or its class, whose it is, and which side of the split."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from medviz.data.cases import Cases, Contents, Fold, HeldOut, Pair, enough, expression, found_in, stem
from medviz.data.classed import Classed, Found
from medviz.data.columns import Table, numbered, side_of, table
from medviz.data.gate import Gate
from medviz.data.masks import Kinds, surveyed
from medviz.data.mending import Grids, LeaveOut, Relabel
from medviz.data.paired import ClassNames, Labels, split
from medviz.imaging.volume import Volume
from medviz.parameters import File, Group
from medviz.refused import Refused

_COLUMNS = Group("columns", advanced=True)
TableFile = Annotated[str, File(wildcard="*.csv *.tsv"), "The table, with names of columns in its first line"]
ImageColumn = Annotated[str, _COLUMNS, "Column with the paths of the images; empty: found by its name"]
PatientColumn = Annotated[
    str, _COLUMNS, "Column that tells patients apart, or a regular expression for the image's name; empty: found"
]
SideColumn = Annotated[str, _COLUMNS, "Column with train, val or test; empty: found by its name"]


@dataclass(frozen=True)
class Row:
    """A row that can be used: what it is called, its image, whose it is, its side of the split ("" where untold)."""

    name: str
    image: Path
    patient: str
    side: str
    cells: Mapping[str, str]


@dataclass(frozen=True)
class MaskTable(Cases):
    """Images with masks, listed in a table."""

    file: TableFile = ""
    image: ImageColumn = ""
    mask: Annotated[str, _COLUMNS, "Column with the paths of the masks; empty: found by its name"] = ""
    patient: PatientColumn = ""
    side: SideColumn = ""
    labels: Labels = "auto"
    names: ClassNames = ""
    held_out: HeldOut = 0.2
    fold: Fold = 0
    leave_out: LeaveOut = ""
    relabel: Relabel = ""
    grids: Grids = "refuse"

    def listed(self, gate: Gate) -> Contents:
        """List what the table lists; files that are not there are turned away."""
        pairs = enough(self.file, self._pairs(gate), gate.lenient)
        return Contents(self._kinds.names, (), 1, pairs, Path(self.file).parent)

    def label_of(self, pair: Pair, scan: Volume) -> NDArray[np.uint8]:
        """Read the mask of a case; several of one image are laid over each other."""
        return self._kinds.laid(pair.labels, scan, pair.images[0], self.relabel, self.grids)

    @cached_property
    def _kinds(self) -> Kinds:
        pairs = self._pairs(Gate(self.leave_out, lenient=True))
        paths = [path for pair in pairs for path in pair.labels]
        return surveyed(paths, self.file, self.labels, split(self.names), self.relabel)

    def _pairs(self, gate: Gate) -> tuple[Pair, ...]:
        """The cases of the table; an image with several rows has several masks."""
        read = table(Path(self.file))
        column = read.needed("mask", self.mask)
        found: dict[str, Pair] = {}
        for row in rows_of(read, self.image, self.patient, self.side, gate):
            path = read.found(row.cells[column])
            if path is None:
                gate.turn_away(row.name, "missing", _gone(read, row.cells[column], "mask"))
                continue
            before = found.get(row.name) or Pair(row.name, (row.image,), (), row.patient, row.side)
            found[row.name] = replace(before, labels=(*before.labels, path))
        return tuple(found.values())


@dataclass(frozen=True)
class ClassTable(Classed):
    """Images with a class each, listed in a table."""

    file: TableFile = ""
    image: ImageColumn = ""
    kind: Annotated[str, _COLUMNS, "Column with the class; empty: found by its name"] = ""
    patient: PatientColumn = ""
    side: SideColumn = ""
    held_out: HeldOut = 0.2
    fold: Fold = 0
    leave_out: LeaveOut = ""

    def listed(self, gate: Gate) -> tuple[tuple[str, ...], tuple[Found, ...]]:
        """List the rows with their classes; those without an image or a class are turned away."""
        read = table(Path(self.file))
        column = read.needed("class", self.kind)
        rows = [one for one in rows_of(read, self.image, self.patient, self.side, gate) if one.side != "test"]
        for row in (one for one in rows if not one.cells[column]):
            fault = f"{row.image.name} has no {column}"
            gate.turn_away(row.name, "missing", Refused(read.path, fault, "fill it in, or take the row away"))
        rows = [one for one in rows if one.cells[column]]
        classes = numbered([row.cells[column] for row in rows])
        if len(classes) < 2:
            raise Refused(read.path, f"column {column} has one class only", "at least two are needed")
        if len(classes) > max(20, len(rows) // 2):
            fault = f"column {column} has {len(classes)} classes in {len(rows)} rows"
            raise Refused(read.path, fault, "name the column of the class with kind=")
        found = (_found(row, classes.index(row.cells[column])) for row in rows)
        return classes, tuple(one for one in found if gate.lets(one.name))

    @property
    def root(self) -> Path:
        """Where a file of folds may lie."""
        return Path(self.file).parent


def _found(row: Row, kind: int) -> Found:
    made = Found(row.image, kind, row.side == "val", row.patient)
    return made if row.patient else replace(made, group=made.name)


def rows_of(read: Table, image: str, patient: str, side: str, gate: Gate) -> tuple[Row, ...]:
    """Rows of a table with their images, patients and sides; images that are not there are turned away."""
    column = read.needed("image", image)
    owner = patient if patient in read.columns else "" if patient else read.column("patient")
    telling = expression(patient) if patient and patient not in read.columns else None
    sides = read.column("split", side)
    found = []
    for cells in read.rows:
        path = read.found(cells[column])
        name = stem(cells[column].replace("\\", "/"))
        if not gate.lets(name):
            continue
        if path is None:
            gate.turn_away(name or "a row", "missing", _gone(read, cells[column], "image"))
            continue
        whose = cells[owner] if owner else found_in(path.name, telling) if telling is not None else ""
        found.append(Row(name, path, whose, side_of(cells[sides], read.path) if sides else "", cells))
    return tuple(found)


def _gone(read: Table, cell: str, what: str) -> Refused:
    if not cell:
        return Refused(read.path, f"a row names no {what}", "fill it in, or take the row away")
    return Refused(read.located(cell), f"{read.path.name} lists it, but it is not there", "restore it, or drop the row")
