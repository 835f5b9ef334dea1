"""Kaggle's layout of the Data Science Bowl 2018: a folder a case with images/ and masks/, one mask an object.

What is learnt is where there is any object (semantic); `objects_of` keeps them apart, as boxes of a detector.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from medviz.data.cases import Cases, Contents, Fold, HeldOut, Pair, Patient, enough, grouped, image_endings, same_place
from medviz.data.gate import Gate
from medviz.data.masks import mask_at
from medviz.data.mending import LeaveOut
from medviz.imaging.volume import Volume
from medviz.parameters import File, Group
from medviz.refused import Refused


@dataclass(frozen=True)
class InstanceMasks(Cases):
    """Pictures with one mask file for each object in them."""

    folder: Annotated[str, File(folder=True), "The folder that holds a folder for each picture (stage1_train)"] = ""
    name: Annotated[str, "What the objects are called", Group("labels")] = "object"
    held_out: HeldOut = 0.2
    fold: Fold = 0
    patient: Patient = ""
    leave_out: LeaveOut = ""

    def listed(self, gate: Gate) -> Contents:
        """List the pictures; those without masks are turned away."""
        folder = Path(self.folder)
        pairs = enough(folder, tuple(cases_in(folder, gate)), gate.lenient)
        return Contents((self.name,), (), 1, grouped(pairs, self.patient), folder)

    def label_of(self, pair: Pair, scan: Volume) -> NDArray[np.uint8]:
        """Where there is any object, (x, y, 1)."""
        label = np.zeros(scan.shape, np.uint8)
        for mask in self.objects_of(pair, scan):
            label[mask] = 1
        return label

    def objects_of(self, pair: Pair, scan: Volume) -> Iterator[NDArray[np.bool_]]:
        """Yield the mask (x, y, 1) of each object in a picture; empty masks are left out."""
        for path in pair.labels:
            mask = mask_at(path)
            same_place(scan, mask, path, pair.images[0])
            inside: NDArray[np.bool_] = mask.frame() != 0
            if inside.any():
                yield inside

    def boxes_of(self, pair: Pair, scan: Volume) -> NDArray[np.float32]:
        """Boxes (objects, 4) of a picture as x0, y0, x1, y1 in pixels, the far edge past the last pixel."""
        boxes = [box_of(mask[..., 0]) for mask in self.objects_of(pair, scan)]
        return np.array(boxes, np.float32).reshape(-1, 4)


def box_of(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Smallest box round what is True in (x, y): x0, y0, x1, y1 with x1 and y1 past the last pixel."""
    columns, rows = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def cases_in(folder: Path, gate: Gate) -> Iterator[Pair]:
    """List the pictures with their masks, one an object; those without masks are turned away."""
    if not str(folder) or str(folder) == ".":
        raise Refused("data folder", "none was chosen", "choose the folder that holds a folder for each picture")
    if not folder.is_dir():
        raise Refused(folder, "there is no such folder", "choose the folder that holds a folder for each picture")
    for root, side in _roots(folder):
        for case in sorted(one for one in root.iterdir() if one.is_dir()):
            pictures, masks = _files(case / "images"), _files(case / "masks")
            if not pictures or not gate.lets(case.name):
                continue
            if len(pictures) > 1:
                fault = f"it has {len(pictures)} pictures"
                gate.turn_away(case.name, "duplicate", Refused(case, fault, "put each into a folder of its own"))
            elif not (case / "masks").is_dir() and side != "test":
                remedy = "add the folder (empty where there is no object), or take the case away"
                gate.turn_away(case.name, "missing", Refused(case, "it has no masks/", remedy))
            else:
                yield Pair(case.name, pictures, masks, side=side)


def _roots(folder: Path) -> Iterator[tuple[Path, str]]:
    """Where cases lie: the folder itself, or stage1_train and its like; what is called test is never learnt from."""
    if any((one / "images").is_dir() for one in folder.iterdir()):
        yield folder, ""
        return
    for root in sorted(one for one in folder.iterdir() if one.is_dir()):
        words = root.name.lower()
        yield root, next((side for word, side in (("test", "test"), ("val", "val")) if word in words), "")


def _files(folder: Path) -> tuple[Path, ...]:
    if not folder.is_dir():
        return ()
    endings = image_endings()
    return tuple(sorted(one for one in folder.iterdir() if one.name.lower().endswith(endings)))
