"""All DICOM files below a folder, or all that belong to one file."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydicom.uid import SegmentationStorage

from medviz.imaging.readers.dicom.headers import Frame, frames_of, header_of, what_of
from medviz.imaging.readers.dicom.series import Series, grouped
from medviz.imaging.storage import opening
from medviz.messages import Progress, Work
from medviz.refused import Refused

MOST_FILES = 200_000


@dataclass(frozen=True)
class Found:
    """The series of a folder, the sentences of what was passed over, and how many files were looked at."""

    series: tuple[Series, ...]
    passed_over: tuple[str, ...]
    files: int


def found_in(path: Path) -> Work[Found]:
    """Look through a folder (or the folder of a DICOMDIR), or at a single file; yields Progress.

    Refuses a place without a single picture, and says what is there instead.
    """
    if path.is_file() and path.name.upper() != "DICOMDIR":
        files = [path]
    else:
        files = list(_files(path if path.is_dir() else path.parent))
    frames: list[Frame] = []
    refusals: list[Refused] = []
    foreign = 0
    for number, file in enumerate(files):
        yield Progress(number, len(files), f"looking through {path.name}")
        data = header_of(file)
        if data is None:
            foreign += 1
        elif data.get("SOPClassUID") == SegmentationStorage and len(files) > 1:
            refusals.append(Refused(file, "a segmentation, to be opened by itself over its scan"))
        elif not what_of(data).startswith("Media Storage Directory"):
            try:
                frames += frames_of(file, data)
            except Refused as refusal:
                refusals.append(refusal)
    if not frames:
        raise (
            refusals[0]
            if len(refusals) == 1
            else Refused(path, "there is no DICOM picture in it", "choose another folder")
        )
    return Found(grouped(frames), _passed_over(refusals), len(files) - foreign)


def is_segmentation(path: Path) -> bool:
    """Tell whether a file is a DICOM SEG object."""
    data = header_of(path)
    return data is not None and data.get("SOPClassUID") == SegmentationStorage


def _files(folder: Path) -> Iterator[Path]:
    with opening(folder):
        count = 0
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                count += 1
                if count > MOST_FILES:
                    raise Refused(folder, f"it holds over {MOST_FILES:,} files", "choose a folder further down")
                yield path


def _passed_over(refusals: list[Refused]) -> tuple[str, ...]:
    kinds: dict[str, int] = {}
    for refusal in refusals:
        kinds[refusal.fault] = kinds.get(refusal.fault, 0) + 1
    return tuple(f"{count} file{'s' if count > 1 else ''} passed over: {fault}" for fault, count in kinds.items())
