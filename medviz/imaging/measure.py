"""Lengths, angles, regions and tables of labels, in mm of the real affine.

Where a volume is uncalibrated nothing here returns mm: lengths and volumes are None.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medviz.imaging.slices import Slice
from medviz.imaging.volume import Volume
from medviz.messages import Progress, Work, finished

Array = NDArray[Any]


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
    """Measure all labels in one pass over the voxels, however many labels there are.

    `image` must lie on the grid of `labels`; without it mean and SD are None. Raises ValueError where it does not.
    """
    return finished(labels_measured(labels, image, frame))


def labels_measured(labels: Volume, image: Volume | None = None, frame: int = 0) -> Work[tuple[LabelMeasure, ...]]:
    """Measure all labels a slice at a time, so that it needs little memory and can be stopped; see `label_table`."""
    if image is not None and not image.same_grid(labels):
        raise ValueError("the image lies on another grid than the labels; resample it first")
    voxels = labels.frame(0)
    values = None if image is None else image.frame(frame)
    sums = _Sums(labels.shape)
    for k in range(labels.shape[2]):
        sums.add(k, voxels[:, :, k], None if values is None else values[:, :, k])
        if k % 8 == 0:
            yield Progress(k, labels.shape[2], "measuring labels")
    return sums.rows(labels, image)


class _Sums:
    """What is summed up of each label: voxels along each axis, and the values of an image from its first on.

    Labels are counted by their place in `seen`; the arrays grow as labels come.
    """

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self.shape = shape
        self.seen: dict[int, int] = {}
        self.along = [np.zeros((0, size), np.int64) for size in shape]
        self.values = np.zeros((4, 0))  # first value, how many are finite, sum and squares of the rest less the first

    def add(self, k: int, labels: Array, image: Array | None) -> None:
        """Take in one slice (x, y)."""
        turned = labels.T if labels.flags.f_contiguous else labels  # as it lies in memory, three times as fast
        one, other = np.nonzero(turned > 0)
        if not len(one):
            return
        x, y = (other, one) if turned is not labels else (one, other)
        found, group = _grouped(turned[one, other])
        places = self._places(found)
        wide, deep, _ = self.shape
        self.along[0][places] += _counted(group * wide + x, len(found), wide)
        self.along[1][places] += _counted(group * deep + y, len(found), deep)
        self.along[2][places, k] += np.bincount(group)
        if image is not None:
            self._values(places, group, (image.T[y, x] if turned is not labels else image[x, y]).astype(np.float64))

    def _places(self, found: Array) -> Array:
        for value in found.tolist():
            self.seen.setdefault(int(value), len(self.seen))
        more = len(self.seen) - self.values.shape[1]
        if more:
            self.along = [np.pad(one, ((0, more), (0, 0))) for one in self.along]
            self.values = np.pad(self.values, ((0, 0), (0, more)))
            self.values[0, -more:] = np.nan
        return np.array([self.seen[int(value)] for value in found.tolist()])

    def _values(self, places: Array, group: Array, values: Array) -> None:
        """Sum up from the first value on: squares of large numbers would lose the small differences."""
        finite = np.isfinite(values)
        if not finite.all():
            group, values = group[finite], values[finite]
        fresh, size = np.isnan(self.values[0, places]), len(places)
        if fresh.any():
            here = np.full(size, np.nan)
            here[group] = values
            self.values[0, places[fresh]] = here[fresh]
        less = values - self.values[0, places][group]
        self.values[1, places] += np.bincount(group, minlength=size)
        self.values[2, places] += np.bincount(group, weights=less, minlength=size)
        self.values[3, places] += np.bincount(group, weights=less**2, minlength=size)

    def rows(self, labels: Volume, image: Volume | None) -> tuple[LabelMeasure, ...]:
        """Work out the table, by label value."""
        return tuple(self._row(value, place, labels, image) for value, place in sorted(self.seen.items()))

    def _row(self, value: int, place: int, labels: Volume, image: Volume | None) -> LabelMeasure:
        along = [one[place] for one in self.along]
        voxels = int(along[0].sum())
        there = [np.flatnonzero(one) for one in along]
        box = [(int(one[0]), int(one[-1])) for one in there]
        centre = labels.to_mm([float(one @ np.arange(len(one))) / voxels for one in along])
        first, count, total, squares = self.values[:, place]
        mean = sd = None
        if image is not None and count:
            mean = float(first + total / count) * image.slope + image.intercept
            sd = float(np.sqrt(max(squares / count - (total / count) ** 2, 0.0))) * abs(image.slope)
        return LabelMeasure(
            value=value,
            voxels=voxels,
            volume_ml=voxels * labels.voxel_ml if labels.calibrated else None,
            mean=mean,
            sd=sd,
            box=(box[0], box[1], box[2]),
            centroid_mm=(float(centre[0]), float(centre[1]), float(centre[2])),
        )


def _grouped(values: Array) -> tuple[Array, Array]:
    """Values above 0 that occur, and for each of many which of these it is; without sorting where they are small."""
    if values.dtype.kind not in "iu" or values.max() > 65535:
        found, group = np.unique(values, return_inverse=True)
        return found, group
    found = np.flatnonzero(np.bincount(values))
    table = np.zeros(int(found[-1]) + 1, np.intp)
    table[found] = np.arange(len(found))
    return found, table[values]


def _counted(keys: Array, labels: int, size: int) -> Array:
    counts: Array = np.bincount(keys, minlength=labels * size).reshape(labels, size)
    return counts
