"""What a folder of scans offers: a card for each series, told before a voxel of it is decoded."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Content = Literal["scan", "labels", "contours"]


@dataclass(frozen=True, eq=False)
class SeriesCard:
    """One series of a folder; never the name, the number or the birthday of a patient.

    Attributes
    ----------
    key : what names it in its folder ("1.2.3", or "1.2.3#2" where a series falls into several volumes).
    path : the folder or file it was found in.
    content : a scan, or what lies over one: a label map (SEG), contours (RTSTRUCT).
    slices, frames : how many there are; `frames` past 1 are instants, b-values, echoes, as `frame_names` say.
    shape, axes, spacing_mm, dtype : as stored; spacing None where uncalibrated.
    plane : "axial", "coronal", "sagittal", "oblique", empty where it has no place in a patient.
    syntax : how its pixels are packed, in words.
    warnings : what is wrong with it, as sentences; `gaps_mm` and `tilt_degrees` are the same as numbers.
    size : bytes of its voxels in memory.
    over : the key of the scan that labels or contours were drawn on, empty where the file does not say.
    names : those of the segments or structures.
    folder : where its files lie below the folder that was opened.
    source : what its reader opens; of no meaning to others.
    """

    key: str
    path: Path
    content: Content = "scan"
    number: int = 0
    description: str = ""
    modality: str = ""
    slices: int = 1
    frames: int = 1
    frame_names: tuple[str, ...] = ()
    shape: tuple[int, ...] = ()
    axes: str = ""
    spacing_mm: tuple[float, float, float] | None = None
    dtype: str = ""
    plane: str = ""
    syntax: str = ""
    warnings: tuple[str, ...] = ()
    gaps_mm: tuple[tuple[float, float], ...] = ()
    tilt_degrees: float = 0.0
    size: int = 0
    over: str = ""
    names: tuple[str, ...] = ()
    folder: str = ""
    source: Any = None

    @property
    def title(self) -> str:
        """What a person calls it: "4 T2 axial", else what it is."""
        named = self.description or {"labels": "segmentation", "contours": "contours"}.get(
            self.content, "no description"
        )
        return f"{self.number} {named}" if self.number else named


@dataclass(frozen=True, eq=False)
class Origin:
    """Where a volume that was read from DICOM comes from, for what is laid over it or written to refer to it.

    Kept in memory beside the voxels only; it names the patient's study and goes into no session and no export.
    """

    series_uid: str
    frame_of_reference: str
    files: tuple[Path, ...]
