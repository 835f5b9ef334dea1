"""The DICOM series that a SEG or RTSTRUCT refers to: its headers in the order of a mask's slices."""

import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError

from medviz.imaging.readers.dicom.folder import found_in
from medviz.imaging.readers.dicom.headers import Frame
from medviz.imaging.readers.dicom.series import Series
from medviz.imaging.readers.order import to_order
from medviz.imaging.series import Origin
from medviz.imaging.volume import Affine, Volume
from medviz.imaging.writers.writer import Export
from medviz.messages import Work
from medviz.refused import Refused

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_NEAR_MM = 0.02
_TURNED = 1e-3


@dataclass(frozen=True, eq=False)
class Reference:
    """A series on whose grid a mask lies.

    `affine` is (column, row, slice) to LPS mm, `at` the frame of the series for each slice of the grid, None where the
    series has none there (a gap that was filled). `headers` are those of the files.
    """

    affine: Affine
    at: tuple[Frame | None, ...]
    headers: dict[Path, Dataset]

    @property
    def first(self) -> Dataset:
        """The header from which patient and study are taken."""
        return next(iter(self.headers.values()))


def referred(thing: Export, path: Path) -> Work[Reference]:
    """Find the series on whose grid the mask lies; Refused where none does, or none is given."""
    if thing.reference is None:
        thing = replace(thing, reference=place_of(thing.scan))
    if thing.reference is None:
        raise Refused(path, "it must refer to a DICOM series", "give the folder of its scan (--reference SERIES)")
    found = (yield from found_in(thing.reference)).series
    for series in sorted(found, key=lambda one: one.kind.uid != _uid(thing)):  # its own first, then one like it
        reference = matched(series, thing.volume)
        if reference is not None:
            return reference
    sizes = " or ".join("×".join(map(str, series.shape[:3])) for series in found[:3])
    mask = "×".join(map(str, thing.volume.shape))
    fault = f"the mask ({mask}) does not lie on the grid of the series {thing.reference.name} ({sizes})"
    raise Refused(path, fault, "give the series it was made on")


def place_of(scan: Volume | None) -> Path | None:
    """Return the folder (or file) of the DICOM series that a scan was read from; None for another format."""
    origin = scan.stored.header if scan is not None else None
    if not isinstance(origin, Origin) or not origin.files:
        return None
    return origin.files[0] if len(origin.files) == 1 else Path(os.path.commonpath(origin.files))


def _uid(thing: Export) -> str:
    origin = thing.scan.stored.header if thing.scan is not None else None
    return origin.series_uid if isinstance(origin, Origin) else ""


def matched(series: Series, mask: Volume) -> Reference | None:
    """Lay a mask over a series, frame by frame; None where they do not fit.

    Each slice of the mask must lie in the place of a frame, pixel for pixel, or between two frames (the reader fills
    gaps and evens out uneven steps). The order in which the mask is stored does not matter.
    """
    frames = [frame for frame in _stack(series) if frame.position is not None]
    if not frames or not mask.oriented or frames[0].tile is not None:
        return None
    affine = _in_order(frames[0], mask)
    if affine is None:
        return None
    inward = affine[:3, 2] / np.linalg.norm(affine[:3, 2])
    places = np.array([frame.position for frame in frames], float)
    origins = affine[:3, 3] + np.arange(_slices(affine, mask))[:, None] * affine[:3, 2]
    apart = np.linalg.norm(origins[:, None] - places[None], axis=2)
    near = apart.argmin(axis=1)
    hits = apart[np.arange(len(origins)), near] < _NEAR_MM
    along, ends = origins @ inward, places @ inward
    beside = apart.min() if not hits.any() else 0.0
    if (
        beside
        or along.min() < ends.min() - _NEAR_MM
        or along.max() > ends.max() + _NEAR_MM + np.linalg.norm(affine[:3, 2])
    ):
        return None
    if len(frames) == len(origins) and not hits.all() and not _uneven(places @ inward):
        return None
    at = tuple(frames[number] if hit else None for number, hit in zip(near, hits, strict=True))
    return Reference(affine, at, {frame.path: _header(frame.path) for frame in frames})


def frames_in_order(voxels: NDArray[Any], volume: Volume, reference: Reference) -> NDArray[Any]:
    """Turn (x, y, z) of RAS+ to (slice, row, column) as the series has them; a view."""
    return to_order(voxels, volume.affine, LPS @ reference.affine).transpose(2, 1, 0)


def _stack(series: Series) -> list[Frame]:
    """One frame a place: of the first instant that has one."""
    by_place = zip(*series.frames, strict=True)
    return [frame for frame in (next((one for one in place if one is not None), None) for place in by_place) if frame]


def _in_order(frame: Frame, mask: Volume) -> Affine | None:
    """Affine (column, row, slice → LPS mm) of the mask in the order of a frame; None where pixels do not coincide."""
    if frame.across is None or frame.down is None or frame.spacing_mm is None:
        return None
    lps = LPS @ mask.affine
    wanted = np.stack([np.asarray(frame.across) * frame.spacing_mm[1], np.asarray(frame.down) * frame.spacing_mm[0]], 1)
    axes: list[tuple[int, float]] = []
    for way in wanted.T:
        share = [float(lps[:3, axis] @ way / (way @ way)) for axis in range(3)]
        fitting = [
            (axis, float(np.sign(one)))
            for axis, one in enumerate(share)
            if np.abs(lps[:3, axis] * np.sign(one) - way).max() < _TURNED
        ]
        if not fitting:
            return None
        axes.append(fitting[0])
    last = ({0, 1, 2} - {axis for axis, _ in axes}).pop()
    normal = np.cross(wanted[:, 0], wanted[:, 1])
    axes.append((last, 1.0 if lps[:3, last] @ normal >= 0 else -1.0))
    sizes = [mask.shape[axis] for axis, _ in axes]
    if tuple(sizes[:2]) != (frame.kind.columns, frame.kind.rows):
        return None
    made = lps.copy()
    for place, ((axis, sign), size) in enumerate(zip(axes, sizes, strict=True)):
        made[:3, place] = lps[:3, axis] * sign
        if sign < 0:
            made[:3, 3] += lps[:3, axis] * (size - 1)
    return made


def _slices(affine: Affine, mask: Volume) -> int:
    """How many slices the mask has along the third axis of an affine made by `_in_order`."""
    turned = np.abs(np.linalg.inv((LPS @ mask.affine)[:3, :3]) @ affine[:3, 2])
    return mask.shape[int(turned.argmax())]


def _uneven(along: NDArray[np.float64]) -> bool:
    steps = np.diff(np.sort(along))
    return bool(len(steps) > 1 and np.ptp(steps) > _NEAR_MM)


def _header(path: Path) -> Dataset:
    try:
        data = dcmread(path, stop_before_pixels=True)
    except (OSError, InvalidDicomError) as problem:
        raise Refused(path, "it cannot be read any more", "copy the series again") from problem
    return completed(data)


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
