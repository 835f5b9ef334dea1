"""DICOM folders with SEG objects: each series that has segmentations is a case, all of them laid on its grid."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from medviz.data.cases import MOST_CLASSES, Cases, Contents, Fold, HeldOut, Pair, enough
from medviz.data.gate import Gate
from medviz.data.mending import LeaveOut
from medviz.data.paired import split
from medviz.data.splitting import hashed
from medviz.imaging.readers import read_series, series_of
from medviz.imaging.readers.dicom.owners import owner_of
from medviz.imaging.resample import onto
from medviz.imaging.series import SeriesCard
from medviz.imaging.volume import Volume
from medviz.messages import finished
from medviz.parameters import File, Group
from medviz.refused import Refused

_HALF = 0.5


@dataclass(frozen=True)
class DicomSeg(Cases):
    """Series of DICOM with the segmentations that refer to them; patients are told apart by their number."""

    folder: Annotated[str, File(folder=True), "The folder below which the series and the SEG objects lie"] = ""
    only: Annotated[str, "Segments to learn, by name, with commas; empty: all", Group("labels")] = ""
    held_out: HeldOut = 0.2
    fold: Fold = 0
    leave_out: LeaveOut = ""

    def listed(self, gate: Gate) -> Contents:
        """List a case for each series with segmentations."""
        folder = Path(self.folder)
        for name, path in self._alone:
            if gate.lets(name):
                fault = "the series that it refers to is not below this folder"
                gate.turn_away(name, "missing", Refused(path, fault, "add the series, or take the file away"))
        cases = gate.some([_pair(scan, drawn) for scan, drawn in self._found.values()], lambda one: one.name)
        pairs = enough(folder, cases, gate.lenient)
        there = tuple(sorted({_word(name) for _, drawn in self._found.values() for one in drawn for name in one.names}))
        names = tuple(_word(one) for one in split(self.only)) or there
        missing = next((one for one in names if one not in there), None)
        if missing is not None:
            raise Refused(f"only={self.only}", f"no segment is called {missing}", f"there are {', '.join(there[:12])}")
        if not names or len(names) > MOST_CLASSES:
            raise Refused(folder, f"its segmentations name {len(names)} segments", "name those to be learnt with only=")
        return Contents(names, (), 1, pairs, folder)

    @cached_property
    def _found(self) -> Mapping[str, tuple[SeriesCard, tuple[SeriesCard, ...]]]:
        """Series and segmentations by the name of the case."""
        return {_name(scan): (scan, drawn) for scan, drawn in _together(self._cards)}

    @cached_property
    def _cards(self) -> tuple[SeriesCard, ...]:
        folder = Path(self.folder)
        if not str(folder) or str(folder) == "." or not folder.is_dir():
            raise Refused(folder, "there is no such folder", "choose the folder below which the DICOM files lie")
        return finished(series_of(folder))

    @property
    def _alone(self) -> list[tuple[str, Path]]:
        """Segmentations without their series, by a name that tells nothing of the patient."""
        scans = {one.key for one in self._cards if one.content == "scan"}
        lost = (one for one in self._cards if one.content == "labels" and one.over not in scans)
        return [(f"segmentation {hashed(one.key)}", one.source.path) for one in lost]

    def scans_of(self, pair: Pair) -> list[Volume]:
        """Read the series of a case."""
        return [finished(read_series(self._found[pair.name][0]))]

    def label_of(self, pair: Pair, scan: Volume) -> NDArray[np.uint8]:
        """Lay all segmentations of a case onto its scan; where segments overlap the later name wins."""
        label = np.zeros(scan.shape, np.uint8)
        drawn = [onto(finished(read_series(one, scan)), scan) for one in self._found[pair.name][1]]
        for number, name in enumerate(self.classes, start=1):
            for one in drawn:
                for inside in _of_name(one, name):
                    label[inside] = number
        return label

    def header_of(self, pair: Pair) -> dict[str, Any]:
        """Grid of the series of a case."""
        card = self._found[pair.name][0]
        return {"shape": card.shape, "axes": card.axes, "spacing_mm": card.spacing_mm, "dtype": card.dtype}


def _together(cards: tuple[SeriesCard, ...]) -> Iterator[tuple[SeriesCard, tuple[SeriesCard, ...]]]:
    """Each series with the segmentations that refer to it; contours (RTSTRUCT) are not taken."""
    for scan in (one for one in cards if one.content == "scan"):
        drawn = tuple(one for one in cards if one.content == "labels" and one.over == scan.key)
        if drawn:
            yield scan, drawn


def _pair(scan: SeriesCard, drawn: tuple[SeriesCard, ...]) -> Pair:
    files = tuple(one.source.path for one in drawn)
    return Pair(_name(scan), (scan.path / scan.folder,), files, owner_of(files[0]))


def _name(scan: SeriesCard) -> str:
    """Name of a case: no name of a patient, and the same wherever the files lie."""
    return f"series {hashed(scan.key)}"


def _of_name(drawn: Volume, name: str) -> Iterator[NDArray[np.bool_]]:
    """Where the segments of this name are."""
    values = drawn.frame()
    for label in (one for one in drawn.labels if _word(one.name) == name):
        yield values >= _HALF if values.dtype.kind == "f" else values == label.value


def _word(name: str) -> str:
    return " ".join(name.split()) or "segment"
