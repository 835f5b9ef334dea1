"""A scan made small enough to be looked at from all sides, and the field whose surface is shown."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from medviz.imaging.volume import Affine, Volume

Array = NDArray[Any]
FINEST, ENOUGH = 176, 150
"""Voxels along the longest side that are kept; a ray caster in numpy answers a hand at this size."""


@dataclass(frozen=True, eq=False)
class Solid:
    """A field (x, y, z) in 0..255 whose iso-surface at `level` is shown, on a grid of its own.

    `values` (uint8) are the grey values on cut faces, `labels` (uint8) the label under the surface or None. `affine`
    takes voxels to RAS mm; `grid_mm` is the grid on which it was measured, `step_mm` the one it is shown on. What lies
    inside the surface is between the voxels `first` and `last`.
    """

    field: NDArray[np.uint8]
    values: NDArray[np.uint8]
    labels: NDArray[np.uint8] | None
    affine: Affine
    level: float
    step_mm: float
    grid_mm: float
    first: tuple[float, float, float]
    last: tuple[float, float, float]

    @property
    def middle_mm(self) -> NDArray[np.float64]:
        """Return the middle of what is inside, in RAS mm."""
        middle: NDArray[np.float64] = self.affine[:3, :3] @ (np.add(self.first, self.last) / 2) + self.affine[:3, 3]
        return middle

    @cached_property
    def body(self) -> NDArray[np.uint8]:
        """The field with its hollows filled; its surface is the skin alone.

        A hollow is air that does not reach the edge of the grid within one plane or another: so what is open to the
        nose, or at the end of the scan, is filled too.
        """
        empty = self.field <= self.level
        hollow = np.zeros_like(empty)
        for normal in range(3):
            hollow |= _enclosed(empty, normal)
        filled: NDArray[np.uint8] = np.where(hollow, np.uint8(255), self.field)
        return filled

    @cached_property
    def radius_mm(self) -> float:
        """How far what is inside reaches from its middle: what must fit on the screen from every side."""
        return float(max(np.linalg.norm(self._reach, axis=1).max(), 1e-3))

    @cached_property
    def girth_mm(self) -> float:
        """How far what is inside reaches from the upright axis through its middle."""
        return float(max(np.linalg.norm(self._reach[:, :2], axis=1).max(), 1e-3))

    @cached_property
    def half_mm(self) -> float:
        """How far what is inside reaches above or below its middle."""
        return float(max(np.abs(self._reach[:, 2]).max(), 1e-3))

    @cached_property
    def _reach(self) -> NDArray[np.float64]:
        """Places of what is inside as seen from its middle (n, 3), in mm."""
        few = np.argwhere(self.field[::2, ::2, ::2] > self.level) * 2
        if not len(few):
            few = np.array([self.first, self.last])
        places: NDArray[np.float64] = few @ self.affine[:3, :3].T + self.affine[:3, 3] - self.middle_mm
        return places


def _enclosed(empty: NDArray[np.bool_], normal: int) -> NDArray[np.bool_]:
    """What is empty and does not reach the edge of its plane."""
    within = ndimage.generate_binary_structure(3, 1)
    within[tuple(slice(None, None, 2) if axis == normal else slice(None) for axis in range(3))] = False
    parts, count = ndimage.label(empty, within)
    outside = np.zeros(count + 1, bool)
    outside[0] = True
    for axis in range(3):
        if axis != normal:
            for end in (0, -1):
                outside[np.take(parts, end, axis=axis).ravel()] = True
    kept: NDArray[np.bool_] = ~outside[parts]
    return kept


def coarser(voxels: Array, factors: tuple[int, ...], nearest: bool = False) -> Array:
    """Every n-th voxel (labels) or the mean of blocks, along each axis."""
    if nearest:
        taken: Array = voxels[tuple(slice(factor // 2, None, factor) for factor in factors)]
        sizes = [size // factor for size, factor in zip(voxels.shape, factors, strict=True)]
        return np.ascontiguousarray(taken[: sizes[0], : sizes[1], : sizes[2]])
    sizes = [size // factor for size, factor in zip(voxels.shape, factors, strict=True)]
    total = np.zeros(sizes, np.float32)
    fx, fy, fz = factors
    for x in range(fx):
        for y in range(fy):
            for z in range(fz):
                total += voxels[x : sizes[0] * fx : fx, y : sizes[1] * fy : fy, z : sizes[2] * fz : fz]
    return total / (fx * fy * fz)


def blurred(field: Array, spacing_mm: NDArray[np.float64]) -> NDArray[np.float32]:
    """Mean of three neighbours, twice, along each axis that is nearly as fine as the finest.

    It takes the steps off a surface; along a coarse axis it would make a ball an egg.
    """
    smooth: Array = field.astype(np.float32)
    for axis in np.flatnonzero(spacing_mm < 1.6 * spacing_mm.min()):
        for _ in range(2):
            padded = np.pad(smooth, [(1, 1) if axis == other else (0, 0) for other in range(3)], mode="edge")
            near = [np.moveaxis(padded, axis, 0)[n : n + smooth.shape[axis]] for n in range(3)]
            smooth = np.moveaxis((near[0] + near[1] + near[2]) / 3, 0, axis)
    return np.ascontiguousarray(smooth)


def solid_of(
    scan: Volume, window: float, level: float, labels: Array | None, of_labels: bool = False, frame: int = 0
) -> Solid:
    """Make the solid of a scan or (`of_labels`) of the labels (x, y, z of uint8, 0 is nothing) on its grid.

    `window` and `level` are in what a person reads and decide the grey of cut faces and projections.
    """
    spacing = np.asarray(scan.spacing_mm)
    factors, times = steps_of(scan.shape, spacing)
    raw = coarser(scan.frame(frame), factors)
    shown = np.nan_to_num(raw * scan.slope + scan.intercept, nan=level - window / 2)
    grey = np.clip((shown - (level - window / 2)) * (255.0 / max(window, 1e-12)), 0, 255)
    few = None if labels is None else coarser(labels, factors, nearest=True)
    if of_labels and few is not None:
        rough, at = (few > 0) * np.float32(255), 110.0
    else:
        rough, at = _stretched(shown), 56.0
    field = finer(blurred(rough, spacing * factors), times).astype(np.uint8)
    values = finer(grey, times).astype(np.uint8)
    small = None if few is None else np.pad(finer(few, times, nearest=True), 1)
    ratio = np.divide(factors, times)
    affine = scan.affine.copy()
    affine[:3, :3] = scan.affine[:3, :3] * ratio
    affine[:3, 3] = scan.affine[:3, :3] @ ((ratio - 1) / 2 - ratio) + scan.affine[:3, 3]  # one more voxel all around
    field = np.pad(field, 1)
    first, last = _inside(field > at)
    grid = float((spacing * factors).min())
    step = float((spacing * ratio).min())
    return Solid(field, np.pad(values, 1), small, affine, at, step, grid, first, last)


def steps_of(shape: tuple[int, int, int], spacing: NDArray[np.float64]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Of how many voxels one is made along each axis, and how many are then made of one.

    Large scans are thinned to what a hand can turn, small ones and thick slices are filled in between.
    """
    extent = float((spacing * shape).max())
    finest = max(float(spacing.min()), extent / FINEST)
    factors = tuple(int(max(1, min(n, round(finest / mm)))) for n, mm in zip(shape, spacing, strict=True))
    target = max(float(spacing.min()) / 3, extent / ENOUGH)
    coarse = spacing * factors
    return factors, tuple(int(min(8, max(1, np.ceil(mm / target - 0.5)))) for mm in coarse)


def finer(voxels: Array, times: tuple[int, ...], nearest: bool = False) -> Array:
    """Make several voxels of each, over the same extent: the same value (labels) or what lies between, linearly."""
    made = voxels
    for axis, count in enumerate(times):
        if count == 1:
            continue
        if nearest:
            made = np.repeat(made, count, axis=axis)
            continue
        size = made.shape[axis]
        place = np.clip((np.arange(size * count) + 0.5) / count - 0.5, 0, size - 1)
        low = np.minimum(place.astype(int), max(size - 2, 0))
        share = (place - low).astype(np.float32).reshape([-1 if n == axis else 1 for n in range(3)])
        high = np.minimum(low + 1, size - 1)
        made = np.take(made, low, axis=axis) * (1 - share) + np.take(made, high, axis=axis) * share
    return made


def _inside(inside: Array) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """First and last voxel along each axis of what is inside; the whole grid where nothing is."""
    lows, highs = [], []
    for axis, size in enumerate(inside.shape):
        there = np.flatnonzero(inside.any(axis=tuple(other for other in range(3) if other != axis)))
        lows.append(float(there[0]) if there.size else 0.0)
        highs.append(float(there[-1]) if there.size else size - 1.0)
    return (lows[0], lows[1], lows[2]), (highs[0], highs[1], highs[2])


def label_numbers(voxels: Array, shown: tuple[int, ...]) -> NDArray[np.uint8]:
    """Labels as 1, 2, ... in the order of `shown` (at most 255 of them), everything else 0."""
    most = max((*shown, 0))
    kept: Array = np.clip(voxels, 0, most + 1).astype(np.uint16 if most > 254 else np.uint8)
    table = np.zeros(most + 2, np.uint8)
    table[list(shown[:255])] = np.arange(1, min(len(shown), 255) + 1)
    numbers: NDArray[np.uint8] = np.take(table, kept)
    return numbers


def _stretched(shown: Array) -> Array:
    low, high = np.percentile(shown[::2, ::2, ::2], (1, 99.5))
    spread: Array = np.clip((shown - low) * (255.0 / max(float(high - low), 1e-12)), 0, 255)
    return spread
