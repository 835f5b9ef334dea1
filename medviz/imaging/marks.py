"""What a person drew to measure: rulers, angles and regions, by points in RAS mm, and what they measure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from skimage.measure import points_in_poly

from medviz.imaging.flat import Flat
from medviz.imaging.measure import RegionMeasure, angle_deg, region_of
from medviz.imaging.slices import Plane
from medviz.imaging.volume import Volume

MarkKind = Literal["ruler", "angle", "rectangle", "ellipse", "polygon"]
REGIONS: tuple[MarkKind, ...] = ("rectangle", "ellipse", "polygon")
ROUND = 64
"""Corners with which an ellipse is drawn."""
Array = NDArray[Any]
Floats = NDArray[np.float64]
Point = tuple[float, float, float]


@dataclass(frozen=True)
class Mark:
    """One measurement. `points` are in RAS mm, so that it keeps its place in every plane and on every grid.

    A ruler has two points, an angle three (the corner in the middle), a rectangle and an ellipse the four corners of
    their box in order round it, a polygon three or more. `number` tells marks apart within a scene.
    """

    kind: MarkKind
    points: tuple[Point, ...]
    plane: Plane = "axial"
    frame: int = 0
    number: int = 0
    name: str = ""

    @property
    def middle(self) -> Point:
        """The middle of its points."""
        x, y, z = np.mean(self.points, axis=0)
        return float(x), float(y), float(z)

    @property
    def outline(self) -> Floats:
        """Points (n, 3) of the line that is drawn; a region's is closed."""
        points = np.asarray(self.points, float)
        if self.kind in ("ruler", "angle"):
            return points
        if self.kind == "ellipse":
            turn = np.linspace(0, 2 * np.pi, ROUND, endpoint=False)[:, None]
            across, down = (points[1] - points[0]) / 2, (points[3] - points[0]) / 2
            points = points.mean(axis=0) + np.cos(turn) * across + np.sin(turn) * down
        return np.vstack([points, points[:1]])

    def moved(self, by: Any) -> "Mark":
        """Return it elsewhere."""
        return replace(self, points=tuple(_point(np.add(one, by)) for one in self.points))

    def stretched(self, number: int, to: Any, flat: Flat) -> "Mark":
        """Return it with one point drawn elsewhere; of a box the opposite corner stays, and it stays a box.

        `flat` says along which directions a box lies that has no size yet.
        """
        if self.kind in ("ruler", "angle", "polygon"):
            points = [_point(to) if n == number else one for n, one in enumerate(self.points)]
            return replace(self, points=tuple(points))
        corners = np.asarray(self.points, float)
        fixed = corners[(number + 2) % 4]
        across, down = (_way(corners[1] - corners[0], flat.first), _way(corners[3] - corners[0], flat.second))
        diagonal = np.asarray(to, float) - fixed
        # in a sheared scan the sides of a box need not be at right angles
        (a, b), *_ = np.linalg.lstsq(np.stack([across, down], axis=1), diagonal, rcond=None)
        # from corners 0 and 2 one goes on across, from 1 and 3 down
        first, second = (b * down, a * across) if number % 2 else (a * across, b * down)
        found = {(number + 2) % 4: fixed, (number + 3) % 4: fixed + first, number: fixed + first + second,
                 (number + 1) % 4: fixed + second}  # fmt: skip
        return replace(self, points=tuple(_point(found[n]) for n in range(4)))


@dataclass(frozen=True)
class Found:
    """What a mark measures; in mm and mm², or in pixels of the scan where it is not `calibrated`.

    `angle` is in degrees, `sides` are the two sides of a box, `regions` one a volume that was measured.
    """

    kind: MarkKind
    calibrated: bool
    length: float | None = None
    angle: float | None = None
    area: float | None = None
    sides: tuple[float, float] | None = None
    regions: tuple[RegionMeasure, ...] = ()


def measured(mark: Mark, scan: Volume, volumes: Sequence[Volume], frame: int = 0) -> Found:
    """Measure a mark; the values under a region in each of the volumes, on whatever grid they are."""
    points = np.asarray(mark.points, float)
    if mark.kind == "ruler":
        return Found(mark.kind, scan.calibrated, length=float(np.linalg.norm(points[-1] - points[0])))
    if mark.kind == "angle":
        angle = angle_deg(*points) if len(points) == 3 else None
        return Found(mark.kind, scan.calibrated, angle=angle)
    flat, area = _flat(mark, points), float(np.linalg.norm(_area(points)))
    if mark.kind == "ellipse":
        area *= np.pi / 4
    sides = None
    if mark.kind != "polygon":
        sides = float(np.linalg.norm(points[1] - points[0])), float(np.linalg.norm(points[3] - points[0]))
    regions = () if flat is None else tuple(_region(mark, flat, points, one, frame) for one in volumes)
    return Found(mark.kind, scan.calibrated, area=area, sides=sides, regions=regions)


def _region(mark: Mark, flat: Flat, points: Floats, volume: Volume, frame: int) -> RegionMeasure:
    voxels = volume.frame(min(frame, volume.frames - 1))
    inside = _inside(mark, flat, points)
    if flat.across_axis(volume.affine) is not None:
        cells = flat.cells(volume.affine, volume.shape, points, 0.0)
        values = voxels[:0] if cells is None else voxels[cells.box][inside(flat.flattened(cells.mm))]
    else:
        values = _sampled(flat, points, inside, volume, voxels)
    return region_of(values, volume.slope, volume.intercept, volume.unit)


def _sampled(flat: Flat, points: Floats, inside: Callable[[Floats], Array], volume: Volume, voxels: Array) -> Array:
    """Values in an oblique plane, the nearest voxel's at places as close as the finest spacing."""
    step = min(volume.spacing_mm)
    low, high = flat.flattened(points).min(axis=0), flat.flattened(points).max(axis=0)
    across, down = (np.arange(first, last + step / 2, step) for first, last in zip(low, high, strict=True))
    places = np.stack(np.meshgrid(across, down, indexing="ij"), axis=-1).reshape(-1, 2)
    places = places[inside(places)]
    at = np.floor(volume.to_voxel(np.asarray(flat.origin) + places @ flat.axes[:2]) + 0.5).astype(int)
    there = ((at >= 0) & (at < voxels.shape)).all(axis=1)
    values: Array = voxels[tuple(at[there].T)]
    return values


def _inside(mark: Mark, flat: Flat, points: Floats) -> Callable[[Floats], Array]:
    """Return what tells which places (..., 2) in the plane lie in a region; those on the edge do."""
    corners = flat.flattened(points)
    if mark.kind == "polygon":
        return lambda at: points_in_poly(at.reshape(-1, 2), corners).reshape(at.shape[:-1])
    middle, half = corners.mean(axis=0), np.stack([corners[1] - corners[0], corners[3] - corners[0]]) / 2
    if abs(np.linalg.det(half)) < 1e-12:
        return lambda at: np.zeros(at.shape[:-1], bool)
    inverse = np.linalg.inv(half)

    def within(at: Floats) -> Array:
        share = (at - middle) @ inverse
        if mark.kind == "rectangle":
            box: Array = (np.abs(share) <= 1 + 1e-9).all(axis=-1)
            return box
        oval: Array = (share**2).sum(axis=-1) <= 1 + 1e-9
        return oval

    return within


def _flat(mark: Mark, points: Floats) -> Flat | None:
    """Return the plane of a region; None where it has no area."""
    normal = _area(points)
    size = float(np.linalg.norm(normal))
    ways = points[1:] - points[0]
    lengths = np.linalg.norm(ways, axis=1)
    if size < 1e-9 or not len(lengths):
        return None
    first = ways[int(np.argmax(lengths))]
    return Flat(_point(points[0]), _point(first), _point(np.cross(normal / size, first)))


def _area(points: Floats) -> Floats:
    """The area of a flat polygon as a vector along its normal."""
    ways = points - points[0]
    area: Floats = np.cross(ways, np.roll(ways, -1, axis=0)).sum(axis=0) / 2
    return area


def _way(side: Floats, usual: Any) -> Floats:
    length = float(np.linalg.norm(side))
    way = side / length if length > 1e-9 else np.asarray(usual, float) / np.linalg.norm(usual)
    return np.asarray(way, float)


def _point(mm: Any) -> Point:
    return float(mm[0]), float(mm[1]), float(mm[2])
