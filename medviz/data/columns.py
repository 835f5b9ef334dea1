"""Tables (CSV, TSV) that list images: which column is the image, the mask, the class, the text, the patient, the split.

Columns are found by the names that people give them; where that fails they are named by hand.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from medviz.imaging.storage import opening
from medviz.refused import Refused

NAMES: Mapping[str, tuple[str, ...]] = {
    "image": (
        "image", "images", "img", "image_path", "imagepath", "img_path", "image_file", "image_name", "scan",
        "scan_path", "path", "filepath", "file_path", "filename", "file_name", "file", "ct", "mri",
    ),
    "mask": (
        "mask", "masks", "mask_path", "mask_file", "segmentation", "segmentation_path", "seg", "seg_path", "label_path",
        "label_file", "labels_path", "annotation", "label", "labels",
    ),
    "class": ("class", "class_name", "label", "labels", "diagnosis", "dx", "target", "category", "finding", "grade"),
    "text": ("text", "report", "caption", "note", "notes", "clinical_notes", "findings", "impression", "description"),
    "patient": (
        "patient", "patient_id", "patientid", "subject", "subject_id", "participant_id", "participant", "person",
        "case_id",
    ),
    "split": ("split", "subset", "set", "partition", "dataset_split"),
}  # fmt: skip
"""What each column is usually called, the likeliest first; compared without case, blanks and hyphens as underscores."""
ENDINGS = (".csv", ".tsv")
FOLDERS = ("images", "masks", "labels")
"""Folders beside a table in which its files may lie without the table saying so."""
_PATH_ENDINGS = (
    ".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd", ".mgz", ".mgh", ".dcm", ".npy", ".png", ".jpg", ".jpeg",
    ".tif", ".tiff", ".bmp", ".hdr", ".img",
)  # fmt: skip
_LARGEST = 256 << 20
_SIDES = {
    "train": "train", "training": "train", "tr": "train",
    "val": "val", "valid": "val", "validation": "val", "dev": "val",
    "test": "test", "testing": "test", "ts": "test", "holdout": "test", "held-out": "test",
}  # fmt: skip
"""What people write into a column that says which side of the split a row is on."""


@dataclass(frozen=True)
class Table:
    """The rows of a file, each a dictionary from column to cell; all cells are text."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[Mapping[str, str], ...]

    def column(self, what: str, named: str = "") -> str:
        """Return the column for "image", "mask", "class" ..., empty where there is none; `named` must be there."""
        if named:
            if named not in self.columns:
                raise Refused(self.path, f"it has no column {named}", f"there are {', '.join(self.columns)}")
            return named
        known = {_plain(column): column for column in reversed(self.columns)}
        likely = [known[name] for name in NAMES[what] if name in known]
        if what in ("mask", "class"):  # "label" may be either: what is in it decides
            likely = [column for column in likely if self.paths_in(column) == (what == "mask")]
        return likely[0] if likely else ""

    def needed(self, what: str, named: str = "") -> str:
        """Return the column as `column` does; refuses a table that has none."""
        found = self.column(what, named)
        if not found:
            remedy = f"name the column; there are {', '.join(self.columns)}"
            raise Refused(self.path, f"no column is recognised as the {what}", remedy)
        return found

    def paths_in(self, column: str) -> bool:
        """Tell whether a column holds names of files."""
        cells = [row[column].lower() for row in self.rows if row[column]]
        return bool(cells) and all(cell.endswith(_PATH_ENDINGS) for cell in cells[:50])

    def located(self, cell: str) -> Path:
        """Return the path that a cell names, beside the table where it is not absolute; Windows' slashes are read."""
        path = Path(cell.strip().replace("\\", "/"))
        return path if path.is_absolute() else self.path.parent / path

    def found(self, cell: str) -> Path | None:
        """Return the file of a cell, also where the table leaves out the folder images/ or masks/ beside it."""
        if not cell:
            return None
        beside = (self.path.parent / folder / cell for folder in FOLDERS)
        return next((one for one in (self.located(cell), *beside) if one.is_file()), None)


def table(path: Path) -> Table:
    """Read a CSV (comma, semicolon or tab) with names of columns in its first line; refuses what is none."""
    if not str(path) or str(path) == ".":
        raise Refused("table", "none was chosen", "choose a CSV file")
    if not path.is_file():
        raise Refused(path, "there is no such file", "choose a CSV file with names of columns in its first line")
    with opening(path):
        if path.stat().st_size > _LARGEST:
            raise Refused(path, "it is larger than 256 MiB", "a table of paths is small; choose that one")
        raw = path.read_bytes()
    text = _decoded(raw)
    if "\0" in text[:4096]:
        raise Refused(path, "it is no text", "choose a CSV file")
    first = text.split("\n", 1)[0]
    mark = max(",;\t", key=first.count)
    try:
        read = csv.DictReader(io.StringIO(text, newline=""), delimiter=mark)
        columns = tuple(name.strip() for name in (read.fieldnames or ()))
        read.fieldnames = columns
        rows = tuple({name: (row.get(name) or "").strip() for name in columns} for row in read)
    except csv.Error as problem:
        raise Refused(path, f"it is no CSV ({problem})", "save it anew") from problem
    if not rows:
        raise Refused(path, "it has no rows", "choose a CSV file with names of columns in its first line")
    if len(set(columns)) < len(columns):
        raise Refused(path, "two of its columns have the same name", "rename one of them")
    return Table(path, columns, rows)


def side_of(cell: str, path: Path) -> str:
    """Return "train", "val" or "test" for what a person wrote; refuses other words."""
    side = _SIDES.get(cell.strip().lower())
    if side is None:
        raise Refused(path, f"its split says {cell or 'nothing'} somewhere", "write train, val or test in each row")
    return side


def sole_table(folder: Path, *wanted: str) -> Path | None:
    """Return the one table in a folder that has all these columns ("image", "text"); None where none or several do."""
    exact, found = [], []
    for path in sorted(one for one in folder.iterdir() if one.suffix.lower() in ENDINGS and one.is_file()):
        try:
            read = table(path)
        except Refused:
            continue
        if not all(read.column(what) for what in wanted):
            continue
        cell = read.rows[0][read.column("image")]
        if read.located(cell).is_file():
            exact.append(path)
        elif read.found(cell) is not None:
            found.append(path)
    best = exact or found
    return best[0] if len(best) == 1 else None


def numbered(cells: Sequence[str]) -> tuple[str, ...]:
    """Return what occurs in a column, numbers by size, words by the alphabet."""
    there = set(cells)
    if all(cell.lstrip("-").isdigit() for cell in there):
        return tuple(sorted(there, key=int))
    return tuple(sorted(there))


def _decoded(raw: bytes) -> str:
    """UTF-8 with or without its mark, else what Excel writes in western Europe."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")


def _plain(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")
