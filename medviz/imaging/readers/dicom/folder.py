"""All DICOM files below a folder, or all that belong to one file."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydicom import Dataset

from medviz.imaging.readers.dicom.enhanced import all_frames
from medviz.imaging.readers.dicom.files import DAMAGED, header_of, is_contours, is_directory, is_segmentation, text_of
from medviz.imaging.readers.dicom.headers import Frame, Kind, kind_of
from medviz.imaging.readers.dicom.series import Series, grouped
from medviz.imaging.storage import opening
from medviz.messages import Progress, Work
from medviz.refused import Refused

MOST_FILES = 200_000


@dataclass(frozen=True)
class Drawn:
    """A file whose structures lie over a scan: a segmentation or a set of contours."""

    path: Path
    kind: Kind
    contours: bool
    over: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Found:
    """The series of a folder, what lies over them, the sentences of what was passed over, how many files there are."""

    series: tuple[Series, ...]
    drawn: tuple[Drawn, ...]
    passed_over: tuple[str, ...]
    files: int


def found_in(path: Path) -> Work[Found]:
    """Look through a folder (or the folder of a DICOMDIR), or at a single file; yields Progress.

    Refuses a place without a single picture, and says what is there instead.
    """
    alone = path.is_file() and not _leads_to_folder(path)
    files = [path] if alone else (yield from _listed(_folder(path)))
    frames: list[Frame] = []
    drawn: list[Drawn] = []
    refusals: list[Refused] = []
    foreign = 0
    for number, file in enumerate(files):
        yield Progress(number, len(files), f"looking through {path.name}")
        data = header_of(file)
        if data is None:
            foreign += 1
        elif not is_directory(data):
            try:
                if is_segmentation(data) or is_contours(data):
                    drawn.append(_drawn(file, data))
                else:
                    frames += all_frames(file, data)
            except Refused as refusal:
                refusals.append(refusal)
    if not frames and not drawn:
        raise _nothing(path, refusals, foreign)
    return Found(grouped(frames), tuple(drawn), _passed_over(refusals), len(files) - foreign)


def _nothing(path: Path, refusals: list[Refused], foreign: int) -> Refused:
    if len(refusals) == 1:
        return refusals[0]
    if path.is_file() and foreign and not refusals:
        return Refused(path, "its DICOM header is damaged or it is packed", "copy it again, or unpack it first")
    said = "; ".join(_passed_over(refusals)[:3])
    return Refused(path, f"there is no DICOM picture in it{f' ({said})' if said else ''}", "choose another folder")


def drawn_in(path: Path) -> Drawn | None:
    """Return a file that lies over a scan (SEG, RTSTRUCT), None where it is anything else."""
    data = header_of(path)
    if data is None or not (is_segmentation(data) or is_contours(data)):
        return None
    return _drawn(path, data)


def _drawn(path: Path, data: Dataset) -> Drawn:
    try:
        return _described(path, data)
    except DAMAGED as problem:
        raise Refused(path, "its header is damaged", "copy it again from where it came") from problem


def _described(path: Path, data: Dataset) -> Drawn:
    kind = kind_of(data)
    if not kind.description:
        words = (text_of(data, name) for name in ("ContentDescription", "StructureSetLabel", "ContentLabel"))
        kind = replace(kind, description=next((word for word in words if word), ""))
    return Drawn(path, kind, is_contours(data), _series_beneath(data), _names(data))


def _names(data: Dataset) -> tuple[str, ...]:
    sequence, tag = ("StructureSetROISequence", "ROIName") if is_contours(data) else ("SegmentSequence", "SegmentLabel")
    return tuple(text_of(item, tag) for item in data.get(sequence) or ())


def _series_beneath(data: Dataset) -> str:
    """UID of the series that the structures were drawn on."""
    steps = ("ReferencedFrameOfReferenceSequence", "RTReferencedStudySequence", "RTReferencedSeriesSequence")
    for name in steps if is_contours(data) else ("ReferencedSeriesSequence",):
        items: Any = data.get(name)
        if not items:
            return ""
        data = items[0]
    return text_of(data, "SeriesInstanceUID")


def _leads_to_folder(path: Path) -> bool:
    data: Dataset | None = header_of(path) if path.name.upper().startswith("DICOMDIR") else None
    return data is not None and is_directory(data)


def _folder(path: Path) -> Path:
    return path if path.is_dir() else path.parent


def _listed(folder: Path) -> Work[list[Path]]:
    """List the files below a folder, folder by folder, so that one may stop on a slow disk."""
    found: list[Path] = []
    with opening(folder):
        for place, folders, names in os.walk(folder):
            folders.sort()
            found += [Path(place, name) for name in sorted(names) if not name.startswith(".")]
            yield Progress(0, 0, f"{len(found):,} files in {folder.name}")
            if len(found) > MOST_FILES:
                raise Refused(folder, f"it holds over {MOST_FILES:,} files", "choose a folder further down")
    return [path for path in found if path.is_file()]


def _passed_over(refusals: list[Refused]) -> tuple[str, ...]:
    kinds: dict[str, int] = {}
    for refusal in refusals:
        kinds[refusal.fault] = kinds.get(refusal.fault, 0) + 1
    return tuple(f"{count} file{'s' if count > 1 else ''} passed over: {fault}" for fault, count in kinds.items())
