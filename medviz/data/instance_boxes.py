"""Boxes out of masks that keep objects apart: Kaggle's layout (a mask an object), or images/ with instances/.

In instances/ each picture has a map of the same name in which every object has a number of its own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from medviz.data.boxed_files import BoxedPictures, Labelled, checked_boxes, existing_folder
from medviz.data.cases import Pair
from medviz.data.gate import Gate
from medviz.data.instance_masks import box_of, cases_in
from medviz.data.masks import mask_at
from medviz.data.pairing import images_in, matched
from medviz.parameters import Group
from medviz.refused import Refused

_WANTED = "the folder that holds images/ and instances/, or a folder for each picture with masks/"


@dataclass(frozen=True)
class InstanceBoxes(BoxedPictures):
    """Pictures with a box round each object, made of the masks that keep the objects apart."""

    name: Annotated[str, "What the objects are called", Group("labels")] = "object"

    def listed(self, gate: Gate) -> tuple[tuple[str, ...], tuple[Labelled, ...]]:
        """Read all masks and put a box round each object; refuses a folder of neither layout."""
        folder = existing_folder(self.folder, _WANTED)
        numbered = (folder / "instances").is_dir() and (folder / "images").is_dir()
        if numbered:
            pairs = matched(images_in(folder / "images"), images_in(folder / "instances"), gate, "")
        else:
            pairs = list(cases_in(folder, gate))
        if not pairs and not gate.turned:
            raise Refused(folder, "it has no masks that keep objects apart", f"choose {_WANTED}")
        boxes = _numbered if numbered else _alone
        wanted = (one for one in pairs if one.side != "test" and gate.lets(one.images[0].name))
        return (self.name,), tuple(found for one in wanted if (found := _labelled(one, boxes, gate)) is not None)


def _labelled(pair: Pair, boxes: Callable[[Path], Sequence[Sequence[int]]], gate: Gate) -> Labelled | None:
    path = pair.images[0]
    try:
        found = checked_boxes(path, [box for mask in pair.labels for box in boxes(mask)])
    except Refused as refusal:
        gate.turn_away(path.name, "unreadable", refusal)
        return None
    return Labelled(path, found, np.zeros(len(found), np.int64), {"val": True, "train": False}.get(pair.side))


def _alone(path: Path) -> Sequence[Sequence[int]]:
    """Box round what a mask holds, from the left and the top; none where it is empty."""
    mask = _facing(path) != 0
    return [box_of(mask)] if mask.any() else []


def _numbered(path: Path) -> Sequence[Sequence[int]]:
    """Box round each number in a map."""
    return [_corners(one) for one in ndimage.find_objects(_facing(path).astype(np.int64)) if one is not None]


def _corners(box: tuple[slice, slice]) -> tuple[int, int, int, int]:
    return box[0].start, box[1].start, box[0].stop, box[1].stop


def _facing(path: Path) -> NDArray[np.int64]:
    """Read a mask (columns, rows) as the file has it: from the left and the top."""
    values: NDArray[np.int64] = mask_at(path).frame()[::-1, ::-1, 0]
    return values
