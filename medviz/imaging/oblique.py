"""Where a plane lies in the patient: the voxels' own planes, or three planes at right angles turned any way.

A `Section` is the one thing that knows how rows and columns of the screen lie in mm, straight or turned. Straight
sections are cut by `slices.cut`; turned ones are sampled by `sampling`.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from itertools import product
from math import ceil, cos, sin, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medviz.imaging.slices import NORMAL, OPPOSITE, Plane, facing, letters, toward
from medviz.imaging.volume import Volume

Vector = tuple[float, float, float]
Frame = tuple[Vector, Vector, Vector]
"""Unit normals of the sagittal, the coronal and the axial plane, in RAS mm, at right angles."""
Floats = NDArray[np.float64]

Grid = tuple[tuple[int, int, int], bytes]
WORLD: Frame = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
MOST_PX = 2048
"""A turned section has no more rows or columns than that; finer voxels are taken together by the nearest."""
PARALLEL_COS = np.cos(np.radians(0.05))
"""Planes that differ by less than a twentieth of a degree are the same: headers are no more exact."""


@dataclass(frozen=True)
class Turn:
    """Three planes at right angles: turned from where they began (`base`) to where they are (`axes`)."""

    base: Frame = WORLD
    axes: Frame = WORLD

    @property
    def degrees(self) -> float:
        """How far it is turned from where it began."""
        matrix = np.array(self.axes).T @ np.array(self.base)
        return float(np.degrees(np.arccos(np.clip((np.trace(matrix) - 1) / 2, -1.0, 1.0))))


@dataclass(frozen=True)
class Section:
    """One slice as it lies in the patient.

    `origin` is the centre of the top left pixel in RAS mm; `down`, `across` and `step` lead to the next row, column
    and slice. `mm` is the height and width of a pixel, None where uncalibrated. `index` of `many` slices may lie
    outside: then there is nothing to see. `straight` sections are slices of the scan's own voxels; `grid` says whose.
    """

    plane: Plane
    origin: Vector
    down: Vector
    across: Vector
    step: Vector
    rows: int
    cols: int
    index: int
    many: int
    mm: tuple[float, float] | None
    letters: tuple[str, str, str, str]
    straight: bool
    radiological: bool = field(default=True)
    grid: Grid | None = field(default=None, compare=False)

    @cached_property
    def matrix(self) -> Floats:
        """Affine (4, 4) from (row, col, slices from this one, 1) to RAS mm."""
        made = np.eye(4)
        made[:3] = np.array((self.down, self.across, self.step, self.origin)).T
        return made

    @cached_property
    def inverse(self) -> Floats:
        """Affine (4, 4) from RAS mm to (row, col, slices from this one, 1)."""
        return np.asarray(np.linalg.inv(self.matrix), np.float64)

    @property
    def there(self) -> bool:
        """Whether the slice lies within the scan."""
        return 0 <= self.index < self.many

    @cached_property
    def normal(self) -> Vector:
        """Unit vector at right angles to the slice, towards the next."""
        away = crossed(self.down, self.across)
        return scaled(away, (1.0 if dotted(away, self.step) >= 0 else -1.0) / sqrt(dotted(away, away)))

    @cached_property
    def step_mm(self) -> float:
        """Distance of neighbouring slices, at right angles to them."""
        return abs(dotted(self.normal, self.step))

    def moved(self, by_mm: Vector) -> "Section":
        """Return the same section elsewhere in the room."""
        return replace(self, origin=added(self.origin, by_mm), grid=None) if any(by_mm) else self

    def to_mm(self, row: float, col: float, depth: float = 0.0) -> Vector:
        """RAS mm of a place on the slice; (0, 0) is the centre of the top left pixel."""
        found = self.matrix[:3] @ (row, col, depth, 1.0)
        return float(found[0]), float(found[1]), float(found[2])

    def to_place(self, mm: Any) -> tuple[float, float, float]:
        """Row, column, and slices from this one, of a point in RAS mm."""
        found = self.inverse[:3] @ (mm[0], mm[1], mm[2], 1.0)
        return float(found[0]), float(found[1]), float(found[2])

    def holds(self, row: float, col: float) -> bool:
        """Whether a place is on the slice."""
        return -0.5 <= row < self.rows - 0.5 and -0.5 <= col < self.cols - 0.5


def section(scan: Volume, plane: Plane, cursor: Any, turn: Turn | None = None, radiological: bool = True) -> Section:
    """Return the section of a plane through a point in RAS mm: the voxels' own, or turned."""
    if turn is None:
        index = int(np.floor(scan.to_voxel(cursor)[NORMAL[plane]] + 0.5))
        return straight(scan, plane, index, radiological)
    return _turned(scan, plane, cursor, turn, radiological)


def straight(scan: Volume, plane: Plane, index: int, radiological: bool = True) -> Section:
    """Return the section of a slice of the scan's own voxels; the same that `slices.cut` cuts."""
    turned = facing(plane, radiological)
    first = [0.0, 0.0, 0.0]
    first[NORMAL[plane]] = index
    first[turned.down] = scan.shape[turned.down] - 1 if turned.flip_down else 0
    first[turned.across] = scan.shape[turned.across] - 1 if turned.flip_across else 0
    columns, spacing = scan.affine[:3, :3], scan.spacing_mm
    return Section(
        plane,
        _tuple(scan.to_mm(first)),
        _tuple(columns[:, turned.down] * (-1 if turned.flip_down else 1)),
        _tuple(columns[:, turned.across] * (-1 if turned.flip_across else 1)),
        _tuple(columns[:, NORMAL[plane]]),
        scan.shape[turned.down],
        scan.shape[turned.across],
        index,
        scan.shape[NORMAL[plane]],
        (spacing[turned.down], spacing[turned.across]) if scan.calibrated else None,
        letters(scan.affine, plane, radiological) if scan.oriented else ("", "", "", ""),
        straight=True,
        radiological=radiological,
        grid=grid_of(scan),
    )


def grid_of(scan: Volume) -> Grid:
    """Return what tells grids apart: their shape and the bytes of their affine."""
    return scan.shape, scan.affine.tobytes()


def _turned(scan: Volume, plane: Plane, cursor: Any, turn: Turn, radiological: bool) -> Section:
    """Lay square pixels on a turned plane, so that all of the scan that it can meet is on it."""
    down, across, normal = (np.array(one) for one in directions(turn, plane, radiological))
    corners = scan.to_mm(list(product(*((-0.5, size - 0.5) for size in scan.shape))))
    (top, bottom), (left, right), (first, last) = (
        (float((corners @ way).min()), float((corners @ way).max())) for way in (down, across, normal)
    )
    pixel = max(min(scan.spacing_mm), max(bottom - top, right - left) / MOST_PX)
    rows, cols = (max(1, ceil(size / pixel - 1e-6)) for size in (bottom - top, right - left))
    step_mm = slice_mm(scan, _tuple(normal))
    many = max(1, ceil((last - first) / step_mm - 1e-6))
    depth = float(np.asarray(cursor, float) @ normal)
    origin = (
        down * ((top + bottom - (rows - 1) * pixel) / 2)
        + across * ((left + right - (cols - 1) * pixel) / 2)
        + normal * depth
    )
    named = scan.oriented
    return Section(
        plane,
        _tuple(origin),
        _tuple(down * pixel),
        _tuple(across * pixel),
        _tuple(normal * step_mm),
        rows,
        cols,
        int(np.floor((depth - first) / step_mm)),
        many,
        (pixel, pixel) if scan.calibrated else None,
        _letters(_tuple(across), _tuple(down)) if named else ("", "", "", ""),
        straight=False,
        radiological=radiological,
    )


@lru_cache(maxsize=64)
def _letters(across: Vector, down: Vector) -> tuple[str, str, str, str]:
    right, bottom = toward(np.array(across)), toward(np.array(down))
    left, top = ("".join(OPPOSITE[letter] for letter in word) for word in (right, bottom))
    return left, right, top, bottom


def slice_mm(scan: Volume, normal: Vector) -> float:
    """Distance from slice to slice along a direction: how far one goes until a voxel's length has been passed."""
    return float(1.0 / np.linalg.norm(scan.inverse[:3, :3] @ np.array(normal)))


def directions(turn: Turn, plane: Plane, radiological: bool = True) -> tuple[Vector, Vector, Vector]:
    """Return the unit vectors down the screen, across it and along the slices of a turned plane.

    A pane's picture is tipped the shortest way from where it began: turning about its own normal leaves it as it is
    (the cross-hair turns instead), as at a radiologist's workstation.
    """
    turned, normal = facing(plane, radiological), NORMAL[plane]
    tip = _shortest(np.array(turn.base[normal]), np.array(turn.axes[normal]))
    down = tip @ np.array(turn.base[turned.down]) * (-1 if turned.flip_down else 1)
    across = tip @ np.array(turn.base[turned.across]) * (-1 if turned.flip_across else 1)
    # rounded, so that a plane that is turned about its own normal stays the same to the last digit
    return _tuple(down.round(12)), _tuple(across.round(12)), _tuple(np.round(turn.axes[normal], 12))


def acquired(scan: Volume) -> Turn:
    """Return the planes nearest to the scan's own voxels that stand at right angles (a sheared grid has none)."""
    ways = scan.affine[:3, :3] / np.linalg.norm(scan.affine[:3, :3], axis=0)
    left, _, right = np.linalg.svd(ways)
    frame = _frame(left @ right)
    return Turn(frame, frame)


def world() -> Turn:
    """Return the planes of the room: right, front and top of RAS, whatever the scanner's angle was."""
    return Turn()


def parallel(scan: Volume, turn: Turn) -> bool:
    """Whether turned planes are those of the voxels, so that no voxel need be resampled."""
    ways = scan.affine[:3, :3] / np.linalg.norm(scan.affine[:3, :3], axis=0)
    same_axes = (np.array(turn.axes) * ways.T).sum(axis=1).min() >= PARALLEL_COS
    return bool(same_axes) and all(
        np.dot(directions(turn, plane)[0], directions(Turn(turn.axes, turn.axes), plane)[0]) >= PARALLEL_COS
        for plane in NORMAL
    )


def rotated(turn: Turn, about: Vector, radians: float) -> Turn:
    """Turn all three planes about an axis through the cross-hair, right-handed."""
    matrix = _about(np.array(about), radians)
    axes = np.array([matrix @ np.array(way) for way in turn.axes])
    left, _, right = np.linalg.svd(axes)  # a thousand small turns must not bend the corners
    return Turn(turn.base, _frame((left @ right).T))


def _about(axis: Floats, radians: float) -> Floats:
    """Rotation matrix by Rodrigues' formula."""
    x, y, z = axis / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.asarray(np.eye(3) + sin(radians) * cross + (1 - cos(radians)) * (cross @ cross))


def _shortest(one: Floats, other: Floats) -> Floats:
    """Rotation that takes one unit vector to another the shortest way."""
    share = float(one @ other)
    if share > 1 - 1e-15:
        return np.eye(3)
    if share < -1 + 1e-12:  # half a turn: about any axis at right angles
        helper = np.eye(3)[int(np.abs(one).argmin())]
        axis = np.cross(one, helper)
        axis /= np.linalg.norm(axis)
        return np.asarray(2 * np.outer(axis, axis) - np.eye(3))
    cross = np.cross(one, other)
    x, y, z = cross
    skew = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.asarray(np.eye(3) + skew + skew @ skew / (1 + share))


def _frame(columns: Floats) -> Frame:
    x, y, z = (_tuple(columns[:, axis]) for axis in range(3))
    return x, y, z


def scaled(vector: Vector, by: float) -> Vector:
    """Make a vector longer or shorter."""
    return vector[0] * by, vector[1] * by, vector[2] * by


def dotted(one: Vector, other: Vector) -> float:
    """Multiply two vectors to a number; numpy takes ten times as long for so short ones."""
    return one[0] * other[0] + one[1] * other[1] + one[2] * other[2]


def crossed(one: Vector, other: Vector) -> Vector:
    """Return the vector at right angles to two others."""
    (a, b, c), (x, y, z) = one, other
    return b * z - c * y, c * x - a * z, a * y - b * x


def added(one: Vector, other: Vector) -> Vector:
    """Add two vectors."""
    return one[0] + other[0], one[1] + other[1], one[2] + other[2]


def reach_mm(scan: Volume, point: Any, way: Vector) -> tuple[float, float]:
    """How far one can go back and forth from a point along a direction, in mm, within the scan's voxel centres."""
    start = scan.to_voxel(point)
    per_mm = scan.inverse[:3, :3] @ np.array(way)
    first, last = -np.inf, np.inf
    for place, step, size in zip(start, per_mm, scan.shape, strict=True):
        if abs(step) > 1e-9:
            ends = sorted((-place / step, (size - 1 - place) / step))
            first, last = max(first, ends[0]), min(last, ends[1])
    return (float(min(first, 0.0)), float(max(last, 0.0)))


def _tuple(vector: Any) -> Vector:
    return float(vector[0]), float(vector[1]), float(vector[2])
