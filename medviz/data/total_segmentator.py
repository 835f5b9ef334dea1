"""TotalSegmentator's layout: a folder a case with ``ct.nii.gz`` and ``segmentations/``, one binary mask a class."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from medviz.data.cases import MOST_CLASSES, Cases, Contents, Fold, HeldOut, Pair, Patient, enough, grouped, same_place
from medviz.data.columns import side_of, table
from medviz.data.gate import Gate
from medviz.data.mending import Grids, LeaveOut, on_grid
from medviz.data.paired import split
from medviz.imaging.readers import read
from medviz.imaging.readers.mask_folder import name_of
from medviz.imaging.volume import Volume
from medviz.messages import finished
from medviz.parameters import File, Group
from medviz.refused import Refused

SCANS = ("ct", "mri", "mr", "image")
_ENDINGS = (".nii.gz", ".nii")
META = "meta.csv"
"""What TotalSegmentator gives out beside the cases: one row each, with its side of the split."""


@dataclass(frozen=True)
class TotalSegmentator(Cases):
    """Scans with one mask file for each structure."""

    folder: Annotated[str, File(folder=True), "The folder that holds a folder for each case, or that of one case"] = ""
    only: Annotated[
        str, "Structures to learn, with commas, as liver, spleen; empty: all that any case has", Group("labels")
    ] = ""
    held_out: HeldOut = 0.2
    fold: Fold = 0
    patient: Patient = ""
    leave_out: LeaveOut = ""
    grids: Grids = "refuse"

    def listed(self, gate: Gate) -> Contents:
        """List the cases, and the structures of all of them, in the order of the alphabet or as named."""
        folder = Path(self.folder)
        pairs = tuple(_pairs(folder, gate))
        there = sorted({name_of(path) for pair in pairs for path in pair.labels})
        names = self._wanted(there)
        if len(names) > MOST_CLASSES:
            raise Refused(folder, f"it has {len(names)} structures", f"name {MOST_CLASSES} of them at most")
        return Contents(names, (), 1, grouped(enough(folder, pairs, gate.lenient), self.patient), folder)

    def label_of(self, pair: Pair, scan: Volume) -> NDArray[np.uint8]:
        """Make one label map of the masks of a case; where two overlap the later name wins."""
        label = np.zeros(scan.shape, np.uint8)
        number = {name: index for index, name in enumerate(self.classes, start=1)}
        for path in sorted(pair.labels, key=lambda path: number.get(name_of(path), 0)):
            value = number.get(name_of(path))
            if value is not None:
                mask = on_grid(finished(read(path)), scan, self.grids)
                same_place(scan, mask, path, pair.images[0])
                label[mask.frame() != 0] = value
        return label

    def _wanted(self, there: list[str]) -> tuple[str, ...]:
        wanted = tuple(one.replace("_", " ") for one in split(self.only))
        missing = next((one for one in wanted if one not in there), None)
        if missing is not None:
            raise Refused(f"only={self.only}", f"no case has {missing}", f"there are {', '.join(there[:12])} …")
        return wanted or tuple(there)


def _pairs(folder: Path, gate: Gate) -> Iterator[Pair]:
    if not str(folder) or str(folder) == ".":
        raise Refused("data folder", "none was chosen", "choose the folder that holds a folder for each case")
    if not folder.is_dir():
        raise Refused(folder, "there is no such folder", "choose the folder that holds a folder for each case")
    sides = _sides(folder)
    for case in (folder, *sorted(one for one in folder.iterdir() if one.is_dir())):
        masks = case / "segmentations"
        files = sorted(one for one in masks.iterdir() if one.name.endswith(_ENDINGS)) if masks.is_dir() else []
        scan = next((path for name in SCANS for end in _ENDINGS if (path := case / f"{name}{end}").is_file()), None)
        if not files or not gate.lets(case.name):
            continue
        if scan is None:
            fault = "it has segmentations/ and no scan"
            gate.turn_away(case.name, "missing", Refused(case, fault, "put ct.nii.gz beside them"))
        else:
            yield Pair(case.name, (scan,), tuple(files), side=sides.get(case.name, ""))


def _sides(folder: Path) -> dict[str, str]:
    """Side of the split by case, as meta.csv says; empty where there is none."""
    if not (folder / META).is_file():
        return {}
    read = table(folder / META)
    case, side = "image_id", read.column("split")
    if case not in read.columns or not side:
        return {}
    return {row[case]: side_of(row[side], folder / META) for row in read.rows}
