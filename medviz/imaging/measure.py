"""Lengths, angles, regions and tables of labels, in mm of the real affine.

Where a volume is uncalibrated nothing here returns mm: lengths and volumes are None.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from skimage.draw import polygon2mask

from medviz.imaging.slices import Slice
from medviz.imaging.volume import Volume

Array = NDArray[Any]
Place = tuple[float, float]


def distance_mm(volume: Volume, first: Sequence[float], second: Sequence[float]) -> float | None:
    """Length of a ruler between two points in RAS mm, None where the volume is uncalibrated."""
    if not volume.calibrated:
        return None
    return float(np.linalg.norm(np.subtract(second, first)))


def angle_deg(first: Sequence[float], corner: Sequence[float], second: Sequence[float]) -> float | None:
    """Angle at `corner` between the rays to two points in mm, 0 to 180 degrees; None where a ray has no length."""
    one, other = np.subtract(first, corner), np.subtract(second, corner)
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    if lengths == 0.0:
        return None
    return float(np.degrees(np.arccos(np.clip(one @ other / lengths, -1.0, 1.0))))


@dataclass(frozen=True)
class RegionMeasure:
    """Statistics of the values in a region of a slice; `area_mm2` is None where uncalibrated.

    `sd` is that of the pixels (divided by n), as scanners' workstations print it. NaN and infinity are not counted.
    """

    pixels: int
    mean: float | None
    sd: float | None
    low: float | None
    high: float | None
    area_mm2: float | None
    unit: str = ""


def region_mask(
    shape: tuple[int, int], kind: Literal["rectangle", "ellipse", "polygon"], corners: Sequence[Place]
) -> Array:
    """Pixels whose centre lies in a region of the screen; `corners` are (row, col), pixel centres at whole numbers.

    A rectangle and an ellipse are given by two opposite corners of their box.
    """
    if kind == "polygon":
        mask: Array = polygon2mask(shape, np.asarray(corners, float))
        return mask
    (top, left), (bottom, right) = np.sort(np.asarray(corners, float), axis=0)
    rows, cols = np.ogrid[: shape[0], : shape[1]]
    if kind == "rectangle":
        inside: Array = (rows >= top) & (rows <= bottom) & (cols >= left) & (cols <= right)
        return inside
    height, width = max((bottom - top) / 2, 0.5), max((right - left) / 2, 0.5)
    oval: Array = ((rows - (top + bottom) / 2) / height) ** 2 + ((cols - (left + right) / 2) / width) ** 2 <= 1.0
    return oval


def region(image: Slice, mask: Array) -> RegionMeasure:
    """Measure the pixels of a slice under a mask of its shape, as a person reads them (HU after slope)."""
    count = int(mask.sum())
    area = None if image.mm is None else count * image.mm[0] * image.mm[1]
    return region_of(image.pixels[mask], image.slope, image.intercept, image.unit, area)


def region_of(
    stored: Array, slope: float = 1.0, intercept: float = 0.0, unit: str = "", area_mm2: float | None = None
) -> RegionMeasure:
    """Measure stored values as a person reads them (HU after slope)."""
    values = stored.astype(np.float64) * slope + intercept
    count, finite = stored.size, values[np.isfinite(values)]
    if not finite.size:
        return RegionMeasure(count, None, None, None, None, area_mm2, unit)
    low, high = float(finite.min()), float(finite.max())
    return RegionMeasure(count, float(finite.mean()), float(finite.std()), low, high, area_mm2, unit)


@dataclass(frozen=True)
class LabelMeasure:
    """One row of the table of labels. `box` is (low, high) per axis in voxels of RAS+, `centroid_mm` in RAS mm."""

    value: int
    voxels: int
    volume_ml: float | None
    mean: float | None
    sd: float | None
    box: tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
    centroid_mm: tuple[float, float, float]


def label_counts(labels: Array) -> dict[int, int]:
    """Voxels of each label above 0, in one pass."""
    flat = np.ravel(labels, order="K")
    if labels.dtype.kind == "u" or (labels.dtype.kind in "ib" and flat.size and flat.min() >= 0):
        counts = np.bincount(flat)
        return {int(value): int(counts[value]) for value in np.flatnonzero(counts) if value > 0}
    values, found = np.unique(flat, return_counts=True)
    return {int(value): int(count) for value, count in zip(values, found, strict=True) if value > 0}


def label_table(labels: Volume, image: Volume | None = None, frame: int = 0) -> tuple[LabelMeasure, ...]:
    """Measure all labels in a few passes over the voxels, however many labels there are.

    `image` must lie on the grid of `labels`; without it mean and SD are None. Raises ValueError where it does not.
    """
    if image is not None and not image.same_grid(labels):
        raise ValueError("the image lies on another grid than the labels; resample it first")
    x, y, z = np.nonzero(labels.frame(0))
    if not len(x):
        return ()
    values = labels.frame(0)[x, y, z].astype(np.int64)
    present, group = np.unique(values, return_inverse=True)
    voxels = np.bincount(group)
    centres = np.stack([np.bincount(group, weights=axis) / voxels for axis in (x, y, z)], axis=1)
    boxes = [_extent(group, axis, len(present)) for axis in (x, y, z)]
    mean, deviation = _moments(group, voxels, image, frame, (x, y, z))
    places = labels.to_mm(centres)
    rows = []
    for number, value in enumerate(present):
        if value <= 0:
            continue
        rows.append(
            LabelMeasure(
                value=int(value),
                voxels=int(voxels[number]),
                volume_ml=float(voxels[number]) * labels.voxel_ml if labels.calibrated else None,
                mean=None if mean is None else float(mean[number]),
                sd=None if deviation is None else float(deviation[number]),
                box=(boxes[0][number], boxes[1][number], boxes[2][number]),
                centroid_mm=(float(places[number, 0]), float(places[number, 1]), float(places[number, 2])),
            )
        )
    return tuple(rows)


def _extent(group: Array, axis: Array, count: int) -> list[tuple[int, int]]:
    low, high = np.full(count, np.iinfo(np.int64).max), np.full(count, -1)
    np.minimum.at(low, group, axis)
    np.maximum.at(high, group, axis)
    return [(int(first), int(last)) for first, last in zip(low, high, strict=True)]


def _moments(
    group: Array, voxels: Array, image: Volume | None, frame: int, places: tuple[Array, Array, Array]
) -> tuple[Array | None, Array | None]:
    if image is None:
        return None, None
    values = image.frame(frame)[places].astype(np.float64) * image.slope + image.intercept
    mean = np.bincount(group, weights=values) / voxels
    spread = np.bincount(group, weights=(values - mean[group]) ** 2) / voxels
    return mean, np.sqrt(spread)
