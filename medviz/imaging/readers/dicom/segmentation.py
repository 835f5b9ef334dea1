"""DICOM SEG: each frame in its own place, each segment with its name and colour, by highdicom."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from highdicom.seg import Segmentation, SegmentationTypeValues, segread
from numpy.typing import NDArray
from pydicom.uid import ExplicitVRBigEndian
from skimage.color import lab2rgb

from medviz.imaging.labels import Label, default_colour
from medviz.imaging.readers.dicom.files import DAMAGED, header_of, syntax_of
from medviz.imaging.readers.dicom.frames_placed import placed_frames
from medviz.imaging.readers.dicom.own import value_of
from medviz.imaging.readers.dicom.series import LPS_TO_RAS
from medviz.imaging.readers.order import axes_of, to_ras
from medviz.imaging.readers.reader import Description, described
from medviz.imaging.storage import need_room
from medviz.imaging.volume import Affine, Stored, Volume
from medviz.messages import Progress, Work
from medviz.refused import Refused

Array = NDArray[Any]
_ORDER = np.array([[0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]], float)
HALF = 0.5
"""A fractional segment counts from here on."""


def describe_segmentation(path: Path) -> Description:
    """Say where a SEG object lies and which segments it has, without decoding a frame."""
    found = _opened(path, lazy=True)
    placed = _placed(found, path, decode=False)
    slices, rows, columns = placed.shape
    return described(
        shape=(columns, rows, slices),
        axes=axes_of(placed.affine),
        affine=placed.affine,
        dtype="fraction" if found.segmentation_type == SegmentationTypeValues.FRACTIONAL else "uint8",
        segments=[{"value": one.value, "name": one.name} for one in _labels(found)],
    )


def read_segmentation(path: Path, name: str = "") -> Work[Volume]:
    """Read a SEG object as a label map; where segments overlap the higher number wins and a warning says so.

    Each frame lies in its own place; positions without a frame are empty, as the standard has it. A fractional segment
    that stands alone becomes a probability map; of several the most probable one wins, from one half on.
    """
    yield Progress(0, 0, f"reading {path.name}")
    found = _opened(path)
    placed = _placed(found, path)
    numbers = [int(number) for number in found.segment_numbers]
    fractional = found.segmentation_type == SegmentationTypeValues.FRACTIONAL
    need_room(path, 3 * int(np.prod(placed.shape)) * (5 if fractional else 2))
    if fractional and len(numbers) == 1:
        return _volume(placed.segment(numbers[0]), placed.affine, name or path.name, _labels(found), ())
    values = _values(found, numbers)
    labels = np.zeros(placed.shape, np.uint16 if max(values.values()) > 255 else np.uint8)
    best = np.full(placed.shape, HALF, np.float32) if fractional else None
    hidden = 0
    for done, number in enumerate(numbers):
        yield Progress(done, len(numbers), f"segment {number}")
        mask = placed.segment(number)
        if best is None:
            inside = mask >= HALF
            hidden += int(np.count_nonzero(labels[inside]))
        else:
            inside = mask >= best
            best[inside] = mask[inside]
        labels[inside] = values[number]
    said = (f"segments overlap in {hidden:,} voxels; the higher number is shown there",) if hidden else ()
    if fractional:
        said = (*said, "its segments are probabilities; the most probable one is shown where it is one half or more")
    return _volume(labels, placed.affine, name or path.name, _labels(found), said)


@dataclass(frozen=True, eq=False)
class _Placed:
    """Where a SEG lies (column, row, slice to RAS mm), and how a segment (slice, row, column) of shares is had."""

    affine: Affine
    shape: tuple[int, int, int]
    segment: Callable[[int], Array]


def _values(found: Segmentation, numbers: list[int]) -> dict[int, int]:
    """Label value of each segment: that of the map medviz exported, else the segment's own number."""
    items = {int(item.SegmentNumber): item for item in found.SegmentSequence}
    values = {number: value_of(items[number], number) for number in numbers}
    return values if len(set(values.values())) == len(values) else {number: number for number in numbers}


def _opened(path: Path, lazy: bool = False) -> Segmentation:
    data = header_of(path)
    if data is not None and syntax_of(data) == ExplicitVRBigEndian:
        raise Refused(path, "this segmentation is stored in the retired big-endian syntax", "export it again")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with path.open("rb") as file:  # highdicom would leave it open where it fails
                return segread(file, lazy_frame_retrieval=lazy)
        except DAMAGED as problem:
            raise Refused(path, "this segmentation is damaged or incomplete", "export it again") from problem


def _placed(found: Segmentation, path: Path, decode: bool = True) -> _Placed:
    """Place the frames by highdicom, which asks for an upright regular volume, else each by its own position."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            regular = found.get_volume_geometry(allow_missing_positions=True)
        except DAMAGED as problem:
            raise Refused(path, "it does not say where its frames lie", "export it again") from problem
    if regular is not None:
        slices, rows, columns = regular.spatial_shape
        affine = LPS_TO_RAS @ regular.affine @ _ORDER
        return _Placed(affine, (slices, rows, columns), lambda number: _segment(found, number, path))
    own = placed_frames(path, decode)
    whole = float(found.get("MaximumFractionalValue") or 1)
    return _Placed(own.affine, own.shape, lambda number: own.segment(number, whole))


def _segment(found: Segmentation, number: int, path: Path) -> Array:
    """Return one segment (slice, row, column) as shares from 0 to 1."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            one = found.get_volume(
                segment_numbers=[number], combine_segments=False, allow_missing_positions=True, dtype=np.float32
            )
        except DAMAGED as problem:
            raise Refused(path, f"segment {number} cannot be decoded", "export it again") from problem
    share: Array = one.array[..., 0]
    return share


def _volume(array: Array, stored_affine: Affine, name: str, labels: tuple[Label, ...], said: tuple[str, ...]) -> Volume:
    """(slice, row, column) with the affine of the stored order (column, row, slice → RAS mm) as a volume."""
    stored = array.transpose(2, 1, 0)
    view, turned = to_ras(stored, stored_affine)
    return Volume(
        view[np.newaxis],
        turned,
        Stored("DICOM SEG", stored.shape, axes_of(stored_affine), stored_affine, stored.dtype),
        name=name,
        warnings=said,
        labels=labels,
    )


def _labels(found: Segmentation) -> tuple[Label, ...]:
    values = _values(found, [int(number) for number in found.segment_numbers])
    return tuple(replace(_label(found, number), value=value) for number, value in values.items())


def _label(found: Segmentation, number: int) -> Label:
    described = found.get_segment_description(number)
    colour = described.get("RecommendedDisplayCIELabValue")
    name = str(described.segment_label)
    if colour is None:
        return Label(number, name, default_colour(number))
    lightness, a, b = (float(part) / 65535 for part in colour)
    red, green, blue = lab2rgb([[[lightness * 100, a * 255 - 128, b * 255 - 128]]])[0, 0]
    return Label(number, name, (round(255 * red), round(255 * green), round(255 * blue)))
