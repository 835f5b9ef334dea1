"""Painting while the hand moves: straight into the voxels, round in mm on every grid and in every plane.

Only what a stroke touched is remembered; at its end that is a Change, or it is all put back.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medviz.imaging.flat import Cells, Flat, box_around, near_line, reached
from medviz.imaging.history import Box, Change, change_between
from medviz.imaging.lookup import among
from medviz.imaging.volume import Affine, Volume

Array = NDArray[Any]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Tip:
    """A ball of `radius_mm`, or a disc in a plane; with `between` it paints only where the scan's value lies there.

    With `free` it paints only where no label is yet, with `only` nowhere but on that label.
    """

    radius_mm: float
    flat: Flat | None = None
    between: tuple[float, float] | None = None
    free: bool = False
    only: int | None = None


@dataclass(eq=False)
class Stroke:
    """One stroke with a label (0 erases) into `labels` (x, y, z) on the grid of `affine`.

    `image` is what `between` looks at, on any grid. Labels in `locked` are never painted over.
    """

    labels: Array
    affine: Affine
    value: int
    tip: Tip
    locked: Collection[int] = ()
    image: Volume | None = None
    frame: int = 0
    _last: Floats | None = None
    _kept: list[tuple[Box, Array, Array]] = field(default_factory=list)

    def to(self, mm: Any) -> bool:
        """Paint from where the tip is to a point in RAS mm; True where a voxel changed."""
        target = np.asarray(mm, float)
        start = target if self._last is None else self._last
        self._last = target
        spacing = np.linalg.norm(self.affine[:3, :3], axis=0)
        piece = max(2 * self.tip.radius_mm, 8 * float(spacing.min()))
        count = max(1, int(np.ceil(float(np.linalg.norm(target - start)) / piece)))
        way = [start + (target - start) * share for share in np.linspace(0, 1, count + 1)]
        painted = [self._dab(first, last, spacing) for first, last in pairwise(way)]
        return any(painted)

    def fill(self, cells: Cells) -> bool:
        """Paint these voxels at once; True where one changed."""
        return self._put(cells.box, cells.meant)

    def change(self, name: str) -> Change | None:
        """Say what the stroke did; None where nothing changed."""
        if not self._kept:
            return None
        sides = []
        for axis in range(3):
            starts = [box[axis].start for box, _, _ in self._kept]
            sides.append(slice(min(starts), max(box[axis].stop for box, _, _ in self._kept)))
        whole: Box = (sides[0], sides[1], sides[2])
        before = self.labels[whole].copy()
        for box, touched, old in self._kept:
            inner = tuple(slice(s.start - w.start, s.stop - w.start) for s, w in zip(box, whole, strict=True))
            before[inner][touched] = old
        corner = (whole[0].start, whole[1].start, whole[2].start)
        return change_between(name, corner, before, self.labels[whole])

    def cancel(self) -> None:
        """Put everything back."""
        for box, touched, old in reversed(self._kept):
            self.labels[box][touched] = old
        self._kept.clear()

    def _dab(self, first: Floats, last: Floats, spacing: Floats) -> bool:
        ends, radius, flat = np.stack([first, last]), self.tip.radius_mm, self.tip.flat
        least = radius + float(spacing.max())
        if flat is None:
            box = box_around(self.affine, self.labels.shape, ends, least)
            if any(side.stop <= side.start for side in box):
                return False
            touched = near_line(self.affine, box, first, last, radius)
        else:  # a disc is measured in its own plane
            cells = flat.cells(self.affine, self.labels.shape, ends, least)
            if cells is None:
                return False
            ends, box = flat.flattened(ends), cells.box
            touched = reached(flat.places(cells), ends[0], ends[1], radius) & cells.meant
        if radius < spacing.max():
            self._nearest(touched, box, first, last, float(spacing.min()))
        return self._put(box, touched)

    def _nearest(self, touched: Array, box: Box, first: Floats, last: Floats, step_mm: float) -> None:
        """Reach at least the voxels that the line goes through: a tip smaller than a voxel paints one."""
        count = 2 + int(2 * np.linalg.norm(last - first) / step_mm)
        way = first + np.linspace(0, 1, count)[:, None] * (last - first)
        inverse = np.linalg.inv(self.affine)
        at = np.floor(way @ inverse[:3, :3].T + inverse[:3, 3] + 0.5).astype(int)
        at -= [side.start for side in box]
        inside = ((at >= 0) & (at < touched.shape)).all(axis=1)
        touched[tuple(at[inside].T)] = True

    def _put(self, box: Box, touched: Array) -> bool:
        here = self.labels[box]
        touched = touched & (here != self.value)
        if self.tip.free and self.value:
            touched &= here == 0
        if self.tip.only is not None:
            touched &= here == self.tip.only
        if self.locked:
            touched &= ~among(here, self.locked)
        if self.tip.between is not None and self.image is not None and touched.any():
            values = self._values(box, touched)
            low, high = self.tip.between
            touched[touched] = (values >= low) & (values <= high)
        if not touched.any():
            return False
        self._kept.append((box, touched, here[touched]))
        here[touched] = self.value
        return True

    def _values(self, box: Box, touched: Array) -> Array:
        """What a person reads in the scan at the touched voxels."""
        image = self.image
        assert image is not None
        voxels = image.frame(min(self.frame, image.frames - 1))
        if voxels.shape == self.labels.shape and np.allclose(image.affine, self.affine, atol=1e-4):
            found = voxels[box][touched]
        else:
            places = np.argwhere(touched) + [side.start for side in box]
            mm = places @ self.affine[:3, :3].T + self.affine[:3, 3]
            at = np.floor(image.to_voxel(mm) + 0.5).astype(int)
            inside = ((at >= 0) & (at < voxels.shape)).all(axis=1)
            found = np.full(len(at), np.nan)
            found[inside] = voxels[tuple(at[inside].T)]
        read: Array = found * image.slope + image.intercept
        return read


def values_under(image: Volume, flat: Flat, mm: Any, radius_mm: float, frame: int = 0) -> Array:
    """What a person reads in a scan within a disc about a point on a plane; at least the voxel under it."""
    place = np.asarray(mm, float)
    cells = flat.cells(image.affine, image.shape, place, max(radius_mm, max(image.spacing_mm)))
    if cells is None:
        return np.zeros(0)
    away = flat.places(cells) - flat.flattened(place)
    near = np.einsum("...i,...i", away, away)
    meant = cells.meant & (near <= max(radius_mm**2, float(near[cells.meant].min(initial=np.inf))))
    voxels = image.frame(min(frame, image.frames - 1))
    values: Array = voxels[cells.box][meant] * image.slope + image.intercept
    return values[np.isfinite(values)]
