"""What marks measure, and what lies within a line: the places of voxels held against polygons, boxes and ellipses."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from skimage.draw import polygon2mask
from skimage.measure import points_in_poly

from medviz.imaging.flat import Cells, Flat
from medviz.imaging.marks import Found, Mark, Point, point
from medviz.imaging.measure import RegionMeasure, angle_deg, region_of
from medviz.imaging.volume import Affine, Volume

Array = NDArray[Any]
Floats = NDArray[np.float64]
Place = tuple[float, float]


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
        values = voxels[:0] if cells is None else voxels[cells.box][inside(flat.places(cells))]
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
        u, v = at[..., 0] - middle[0], at[..., 1] - middle[1]
        first, second = (u * inverse[0, n] + v * inverse[1, n] for n in (0, 1))
        if mark.kind == "rectangle":
            box: Array = (np.abs(first) <= 1 + 1e-9) & (np.abs(second) <= 1 + 1e-9)
            return box
        oval: Array = first * first + second * second <= 1 + 1e-9
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
    return Flat(point(points[0]), point(first), point(np.cross(normal / size, first)))


def _area(points: Floats) -> Floats:
    """The area of a flat polygon as a vector along its normal."""
    ways = points - points[0]
    area: Floats = np.cross(ways, np.roll(ways, -1, axis=0)).sum(axis=0) / 2
    return area


def enclosed(shape: Sequence[int], affine: Affine, flat: Flat, points: Sequence[Point]) -> Cells | None:
    """Return the voxels of a slice that lie within a closed line on it."""
    corners = np.asarray(points)
    cells = flat.cells(affine, shape, corners, 0.0)
    if cells is None:
        return None
    meant = cells.meant.copy()
    meant[meant] = points_in_poly(flat.places(cells)[cells.meant], flat.flattened(corners))
    return replace(cells, meant=meant)


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
