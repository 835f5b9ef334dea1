"""The DICOM series that a SEG or RTSTRUCT refers to: its headers in the order of a mask's slices."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from medviz.imaging.readers.dicom import series_in
from medviz.imaging.readers.dicom.headers import header_of
from medviz.imaging.readers.dicom.series import Series
from medviz.imaging.readers.order import to_order, to_ras
from medviz.imaging.volume import Affine, Volume
from medviz.imaging.writers.writer import Export
from medviz.messages import Work
from medviz.refused import Refused

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_NEAR_MM = 0.01


@dataclass(frozen=True, eq=False)
class Reference:
    """A series whose grid is that of a mask.

    `headers` are those of its files, slice by slice (of a multi-frame object the one file again and again); `numbers`
    are the frames within them, counted from 1. `affine` is stored (column, row, slice) to LPS mm; `at` says which
    header a slice of the grid belongs to, -1 where the series has no slice there.
    """

    headers: tuple[Dataset, ...]
    numbers: tuple[int, ...]
    affine: Affine
    at: tuple[int, ...]

    @property
    def first(self) -> Dataset:
        """The header from which patient and study are taken."""
        return self.headers[0]

    @property
    def whole(self) -> bool:
        """True where each slice of the grid is a slice of the series."""
        return self.at == tuple(range(len(self.headers)))


def referred(thing: Export, path: Path) -> Work[Reference]:
    """Find the series on whose grid the mask lies; Refused where none does, or none is given."""
    if thing.reference is None:
        raise Refused(path, "it must refer to a DICOM series", "give the folder of its scan (--reference SERIES)")
    found: tuple[Series, ...] = yield from series_in(thing.reference)
    fitting = [series for series in found if fits(series, thing.volume)]
    if not fitting:
        sizes = " or ".join("×".join(map(str, series.shape[:3])) for series in found[:3])
        mask = "×".join(map(str, thing.volume.shape))
        fault = f"the mask ({mask}) does not lie on the grid of the series {thing.reference.name} ({sizes})"
        raise Refused(path, fault, "give the series it was made on")
    return _loaded(fitting[0], thing.reference)


def grid_of(series: Series) -> tuple[tuple[int, int, int], Affine]:
    """Shape (column, row, slice) and affine to RAS mm of the volume that is made of a series."""
    count = series.slices if series.regular_mm is None else len(series.regular_mm)
    return (series.kind.columns, series.kind.rows, count), series.affine


def fits(series: Series, volume: Volume) -> bool:
    """Tell whether a volume lies voxel for voxel on the grid of a series, in whatever order it is stored."""
    if not series.oriented or not series.calibrated:
        return False
    shape, affine = grid_of(series)
    view, turned = to_ras(np.empty(shape, np.bool_), affine)
    return view.shape == volume.shape and bool(np.allclose(turned, volume.affine, atol=1e-3))


def frames_in_order(voxels: NDArray[Any], volume: Volume, reference: Reference) -> NDArray[Any]:
    """Turn (x, y, z) of RAS+ to (slice, row, column) as the series has them; a view."""
    stored = to_order(voxels, volume.affine, LPS @ reference.affine)
    return stored.transpose(2, 1, 0)


def _loaded(series: Series, folder: Path) -> Reference:
    frames = series.frames[0]
    headers: dict[Path, Dataset] = {}
    for frame in frames:
        if frame.path not in headers:
            data = header_of(frame.path)
            if data is None:
                raise Refused(frame.path, "it cannot be read any more", "copy the series again")
            headers[frame.path] = completed(data)
    _, affine = grid_of(series)
    places = series.at_mm if series.regular_mm is None else series.regular_mm
    near = [int(np.abs(series.at_mm - place).argmin()) for place in places]
    at = [one if abs(series.at_mm[one] - place) < _NEAR_MM * 2 else -1 for one, place in zip(near, places, strict=True)]
    if series.regular_mm is None:
        at = list(range(len(frames)))
    return Reference(
        headers=tuple(headers[frame.path] for frame in frames),
        numbers=tuple(frame.number + 1 for frame in frames),
        affine=LPS @ affine,
        at=tuple(at),
    )


def completed(data: Dataset) -> Dataset:
    """Fill in what the standard asks of a header and a blanked one lacks: empty, never invented; the class is known."""
    for name in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID"):
        if name not in data:
            setattr(data, name, "")
    for name in ("StudyDate", "StudyTime", "ReferringPhysicianName", "Modality"):
        if name not in data:
            setattr(data, name, "")
    meta = getattr(data, "file_meta", Dataset())
    for name, other in (("SOPClassUID", "MediaStorageSOPClassUID"), ("SOPInstanceUID", "MediaStorageSOPInstanceUID")):
        if not data.get(name):
            setattr(data, name, meta.get(other, ""))
    if not data.get("FrameOfReferenceUID"):
        data.FrameOfReferenceUID = data.get("SeriesInstanceUID", "")
    return data


def now() -> tuple[str, str]:
    """Return date and time as DICOM writes them."""
    moment = datetime.now(UTC)
    return moment.strftime("%Y%m%d"), moment.strftime("%H%M%S")
