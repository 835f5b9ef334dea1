"""DICOM SEG: each frame in its own place, each segment with its name and colour, by highdicom."""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from highdicom.seg import Segmentation, SegmentationTypeValues, segread
from numpy.typing import NDArray
from skimage.color import lab2rgb

from medviz.imaging.labels import Label, default_colour
from medviz.imaging.readers.dicom.headers import DAMAGED
from medviz.imaging.readers.dicom.own import value_of
from medviz.imaging.readers.dicom.series import LPS_TO_RAS
from medviz.imaging.readers.order import axes_of, to_ras
from medviz.imaging.storage import need_room
from medviz.imaging.volume import Stored, Volume
from medviz.messages import Progress, Work
from medviz.refused import Refused

Array = NDArray[Any]
HALF = 0.5
"""A fractional segment counts from here on."""


def read_segmentation(path: Path) -> Work[Volume]:
    """Read a SEG object as a label map; where segments overlap the higher number wins and a warning says so.

    Positions without a frame are empty, as the standard has it. A fractional segment that stands alone becomes a
    probability map.
    """
    yield Progress(0, 0, f"reading {path.name}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = segread(path)
            numbers = [int(number) for number in found.segment_numbers]
            if found.segmentation_type == SegmentationTypeValues.FRACTIONAL and len(numbers) == 1:
                return _probability(found, path)
            placed = found.get_volume_geometry(allow_missing_positions=True)
            if placed is None:
                raise Refused(path, "its frames make no regular volume", "export it again from where it came")
            values = _values(found, numbers)
            labels = np.zeros(placed.spatial_shape, np.uint16 if max(values.values()) > 255 else np.uint8)
            need_room(path, 3 * labels.nbytes)
            hidden = 0
            for done, number in enumerate(numbers):
                yield Progress(done, len(numbers), f"segment {number}")
                mask = _mask(found, number)
                hidden += int(np.count_nonzero(labels[mask]))
                labels[mask] = values[number]
        except DAMAGED as problem:
            raise Refused(path, f"this segmentation cannot be read ({problem})", "export it again") from problem
    overlap = (f"segments overlap in {hidden:,} voxels; the higher number is shown there",) if hidden else ()
    named = tuple(replace(_label(found, number), value=values[number]) for number in numbers)
    return _volume(labels, placed.affine, path, named, overlap)


def _values(found: Segmentation, numbers: list[int]) -> dict[int, int]:
    """Label value of each segment: that of the map medviz exported, else the segment's own number."""
    items = {int(item.SegmentNumber): item for item in found.SegmentSequence}
    values = {number: value_of(items[number], number) for number in numbers}
    return values if len(set(values.values())) == len(values) else {number: number for number in numbers}


def _mask(found: Segmentation, number: int) -> Array:
    one = found.get_volume(segment_numbers=[number], combine_segments=False, allow_missing_positions=True)
    inside: Array = one.array[..., 0] >= HALF
    return inside


def _probability(found: Segmentation, path: Path) -> Volume:
    one = found.get_volume(combine_segments=False, allow_missing_positions=True, dtype=np.float32)
    labels = tuple(_label(found, int(number)) for number in found.segment_numbers)
    return _volume(one.array[..., 0], one.affine, path, labels, ())


def _volume(array: Array, affine: Array, path: Path, labels: tuple[Label, ...], said: tuple[str, ...]) -> Volume:
    """(slice, row, column) with highdicom's affine (slice, row, column → LPS mm) as a volume."""
    order = np.array([[0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]], float)
    stored_affine = LPS_TO_RAS @ affine @ order
    stored = array.transpose(2, 1, 0)
    view, turned = to_ras(stored, stored_affine)
    return Volume(
        view[np.newaxis],
        turned,
        Stored("DICOM SEG", stored.shape, axes_of(stored_affine), stored_affine, stored.dtype),
        name=path.name,
        warnings=said,
        labels=labels,
    )


def _label(found: Segmentation, number: int) -> Label:
    described = found.get_segment_description(number)
    colour = described.get("RecommendedDisplayCIELabValue")
    name = str(described.segment_label)
    if colour is None:
        return Label(number, name, default_colour(number))
    lightness, a, b = (float(part) / 65535 for part in colour)
    red, green, blue = lab2rgb([[[lightness * 100, a * 255 - 128, b * 255 - 128]]])[0, 0]
    return Label(number, name, (round(255 * red), round(255 * green), round(255 * blue)))
