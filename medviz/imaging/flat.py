"""A plane through a scan in RAS mm, whichever way it is turned, and the voxels that it cuts."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medviz.imaging.history import Box
from medviz.imaging.volume import Affine

Array = NDArray[Any]
Floats = NDArray[np.float64]
Vector = tuple[float, float, float]
PARALLEL = 1e-3
"""An axis whose direction leaves a plane by less than this share of its length lies in the plane."""


@dataclass(frozen=True)
class Flat:
    """A plane by a point on it and two directions in it, all in RAS mm; the directions need not be of length 1."""

    origin: Vector
    first: Vector
    second: Vector

    @cached_property
    def axes(self) -> Floats:
        """Three unit vectors as rows: two in the plane at right angles, and its normal."""
        across = np.asarray(self.first, float) / np.linalg.norm(self.first)
        normal = np.cross(across, self.second)
        normal /= np.linalg.norm(normal)
        return np.stack([across, np.cross(normal, across), normal])

    def flattened(self, mm: Any) -> Floats:
        """Two coordinates in the plane, in mm, of points (..., 3), seen along the normal."""
        found: Floats = (np.asarray(mm, float) - self.origin) @ self.axes[:2].T
        return found

    def off_mm(self, mm: Any) -> Floats:
        """Distance of points (..., 3) from the plane, with a sign."""
        found: Floats = (np.asarray(mm, float) - self.origin) @ self.axes[2]
        return found

    def half_mm(self, affine: Affine) -> float:
        """How far from the plane a voxel's centre may be so that the plane still cuts the voxel."""
        return 0.5 * float(np.abs(self.axes[2] @ affine[:3, :3]).sum())

    def across_axis(self, affine: Affine) -> int | None:
        """Return the axis of the grid that the plane is a slice across; None where it is oblique to the grid."""
        share = np.abs(self.axes[2] @ affine[:3, :3]) / np.linalg.norm(affine[:3, :3], axis=0)
        flat = share < PARALLEL
        return int(np.argmin(flat)) if flat.sum() == 2 else None

    def is_straight(self, affine: Affine, axis: int) -> bool:
        """Whether an axis of the grid stands upright on the plane, so that slices lie exactly behind each other."""
        way = affine[:3, axis] / np.linalg.norm(affine[:3, axis])
        return bool(abs(self.axes[2] @ way) > 1 - 1e-6)

    def cells(self, affine: Affine, shape: Sequence[int], around: Any, reach_mm: float) -> "Cells | None":
        """Return the voxels near some points (n, 3) that the plane cuts; None where there are none."""
        box = box_around(affine, shape, around, reach_mm)
        axis = self.across_axis(affine)
        if axis is not None:
            at = np.linalg.inv(affine) @ (*self.origin, 1.0)
            index = int(np.floor(at[axis] + 0.5))
            if not 0 <= index < shape[axis]:
                return None
            sides = list(box)
            sides[axis] = slice(index, index + 1)
            box = (sides[0], sides[1], sides[2])
        if any(side.stop <= side.start for side in box):
            return None
        if axis is not None:
            return Cells(box, affine, np.ones([side.stop - side.start for side in box], bool))
        return Cells(box, affine, np.abs(self._along(affine, box, 2)) <= self.half_mm(affine) * (1 - 1e-9))

    def places(self, cells: "Cells") -> Floats:
        """Two coordinates in the plane (x, y, z, 2), in mm, of the centres of voxels."""
        return np.stack([self._along(cells.affine, cells.box, n) for n in (0, 1)], axis=-1)

    def _along(self, affine: Affine, box: Box, number: int) -> Floats:
        """How far the voxels of a box (x, y, z) are along one of the axes: a sum along the axes of the grid."""
        steps = self.axes[number] @ affine[:3, :3]
        start = float(self.axes[number] @ (affine[:3, 3] - self.origin))
        x, y, z = (np.arange(side.start, side.stop) * step for side, step in zip(box, steps, strict=True))
        found: Floats = (x + start)[:, None, None] + (y[:, None] + z[None])[None]
        return found


@dataclass(frozen=True, eq=False)
class Cells:
    """Voxels of a grid: their box, the grid's affine, and which of them are meant (x, y, z)."""

    box: Box
    affine: Affine
    meant: NDArray[np.bool_]


def box_around(affine: Affine, shape: Sequence[int], points: Any, reach_mm: float) -> Box:
    """Return the box of voxels whose centres may lie within a distance of some points in RAS mm (n, 3)."""
    inverse = np.linalg.inv(affine)
    voxel = np.asarray(points, float).reshape(-1, 3) @ inverse[:3, :3].T + inverse[:3, 3]
    reach = np.linalg.norm(inverse[:3, :3], axis=1) * reach_mm  # a ball's extent along each axis of the grid
    low = np.floor(voxel.min(axis=0) - reach + 0.5).astype(int).clip(0)
    high = np.minimum(np.floor(voxel.max(axis=0) + reach + 0.5).astype(int) + 1, shape)
    sides = [slice(int(first), int(last)) for first, last in zip(low, high, strict=True)]
    return sides[0], sides[1], sides[2]


def centres(affine: Affine, box: Box) -> Floats:
    """RAS mm (x, y, z, 3) of the centres of the voxels in a box."""
    x, y, z = (np.arange(side.start, side.stop, dtype=float) for side in box)
    columns, origin = affine[:3, :3].T, affine[:3, 3]
    far = x[:, None, None, None] * columns[0] + y[None, :, None, None] * columns[1]
    found: Floats = far + (z[None, None, :, None] * columns[2] + origin)
    return found


def reached(mm: Array, first: Array, last: Array, radius_mm: float) -> Array:
    """Which places (..., n) in mm lie within a radius of the line from one place to another."""
    along = last - first
    length = float(along @ along)
    away = mm - first
    if length:
        share = np.clip(away @ along / length, 0.0, 1.0)
        away -= share[..., None] * along
    near: Array = np.einsum("...i,...i", away, away) <= radius_mm**2 + 1e-9
    return near


def near_line(affine: Affine, box: Box, first: Array, last: Array, radius_mm: float) -> Array:
    """Which voxels of a box lie within a radius of the line from one point in RAS mm to another.

    Where the axes of the grid are at right angles, squares and products are sums along them: three times as fast.
    """
    columns = affine[:3, :3]
    gram = columns.T @ columns
    if np.abs(gram - np.diag(np.diag(gram))).max() > 1e-6 * gram.max():
        return reached(centres(affine, box), first, last, radius_mm)
    start = np.linalg.solve(columns, first - affine[:3, 3])
    sides = [np.arange(side.start, side.stop) - at for side, at in zip(box, start, strict=True)]
    x, y, z = (side[tuple(slice(None) if n == axis else None for n in range(3))] for axis, side in enumerate(sides))
    away = x**2 * gram[0, 0] + y**2 * gram[1, 1] + z**2 * gram[2, 2]
    along = last - first
    length = float(np.linalg.norm(along))
    if length:
        steps = columns.T @ along / length
        share = x * steps[0] + y * steps[1] + z * steps[2]
        inside = np.clip(share, 0.0, length)
        away -= inside * (2 * share - inside)
    near: Array = away <= radius_mm**2 + 1e-9
    return near
