"""Images and their masks as files that belong together by name: the layout of most small sets, pictures or volumes."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from medviz.data.cases import Cases, Contents, Fold, HeldOut, Labelled, Pair, Patient, enough, grouped
from medviz.data.gate import Gate
from medviz.data.masks import Kinds, surveyed
from medviz.data.mending import Grids, LeaveOut, Relabel
from medviz.data.pairing import by_folders, by_patterns, by_words
from medviz.imaging.volume import Volume
from medviz.parameters import Choice, File, Group
from medviz.refused import Refused

LABELS = Choice(("auto", "classes", "one"), ("The values decide", "Each value a class", "All that is not 0 is one"))
_FILES, _LABELS = Group("files", advanced=True), Group("labels", advanced=True)
Labels = Annotated[str, LABELS, _LABELS, "What the values of a mask mean; 0 and 255 are read as one class."]
ClassNames = Annotated[str, _LABELS, "Names of the classes in the order of their values, with commas; empty: numbers."]


@dataclass(frozen=True)
class Paired(Cases):
    """Images and masks of the same name in two folders, or as two patterns find them."""

    folder: Annotated[str, File(folder=True), "The folder that holds images/ and masks/, or images beside masks"] = ""
    images: Annotated[str, _FILES, "Pattern of the images inside the folder, as images/*.png; empty: found"] = ""
    masks: Annotated[str, _FILES, "Pattern of the masks, as masks/*_mask.png; the stars must agree; empty: found"] = ""
    labels: Labels = "auto"
    names: ClassNames = ""
    held_out: HeldOut = 0.2
    fold: Fold = 0
    patient: Patient = ""
    leave_out: LeaveOut = ""
    relabel: Relabel = ""
    grids: Grids = "refuse"
    labelled: Labelled = None

    def listed(self, gate: Gate) -> Contents:
        """Pair the files of the folder; images without masks are turned away."""
        folder = Path(self.folder)
        pairs = _pairs(folder, self.images, self.masks, gate)
        if not self.images and not self.patient:
            pairs = _alone(pairs)
        whose = grouped(enough(folder, pairs, gate.lenient), self.patient)
        return Contents(self._kinds.names, (), 1, whose, folder)

    @cached_property
    def _kinds(self) -> Kinds:
        pairs = _pairs(Path(self.folder), self.images, self.masks, Gate(self.leave_out, lenient=True))
        paths = [path for pair in pairs for path in pair.labels]
        return surveyed(paths, self.folder, self.labels, split(self.names), self.relabel)

    def label_of(self, pair: Pair, scan: Volume) -> NDArray[np.uint8]:
        """Read the mask of a case as 0, 1, 2, ... (x, y, z); several masks of one image are laid over each other."""
        return self._kinds.laid(pair.labels, scan, pair.images[0], self.relabel, self.grids)


def split(names: str) -> tuple[str, ...]:
    """Names with commas between them."""
    return tuple(one.strip() for one in names.split(",") if one.strip())


def _pairs(folder: Path, images: str, masks: str, gate: Gate) -> tuple[Pair, ...]:
    if not str(folder) or str(folder) == ".":
        raise Refused("data folder", "none was chosen", "choose the folder that holds images/ and masks/")
    if not folder.is_dir():
        raise Refused(folder, "there is no such folder", "choose the folder that holds images/ and masks/")
    if bool(images) != bool(masks):
        raise Refused("images, masks", "only one of the two patterns is given", "give both, or neither")
    found = by_patterns(folder, images, masks, gate) if images else by_folders(folder, gate) or by_words(folder, gate)
    if not found and not gate.turned:
        raise Refused(folder, "no image with a mask was found in it", "give patterns, as images/*.png and masks/*.png")
    return found


def _alone(pairs: tuple[Pair, ...]) -> tuple[Pair, ...]:
    """Take a folder for a patient only where there are many: three folders of a class each are no patients."""
    groups = {pair.group for pair in pairs}
    few = len(groups) < 5
    return tuple(replace(pair, group="") for pair in pairs) if few else pairs
