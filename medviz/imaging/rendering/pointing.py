"""What is under a place in a picture: by its depths, and in a volume by following the ray."""

import numpy as np
from numpy.typing import NDArray

from medviz.imaging.rendering.looks import Range, maximum_points, points_of
from medviz.imaging.rendering.matter import Matter
from medviz.imaging.rendering.orders import cut_section, preset_of
from medviz.imaging.rendering.sheets import sides
from medviz.imaging.rendering.sight import to_mm
from medviz.imaging.rendering.view import Shot, cut_of
from medviz.imaging.scene import Point

DENSE = 0.5
"""A ray is taken to end where it has met this much opacity."""


def point_at(shot: Shot, row: float, col: float, solid: tuple[Matter, Range] | None = None) -> Point | None:
    """Return the point in RAS mm that is seen at a place in a picture; None where nothing is.

    In a volume it is where half of the light is taken (`solid` has the field), in a maximum where the maximum is.
    """
    height = height_at(shot, row, col)
    if solid is not None:
        inner = _along(shot, row, col, *solid)
        if inner is not None and (height is None or inner > height):
            height = inner
    return None if height is None else to_mm(shot.frame, shot.wish.view.sight, shot.wish.size, row, col, height)


def height_at(shot: Shot, row: float, col: float) -> float | None:
    """How far what is seen at a place stands out towards the eye, in mm; None where nothing solid is seen."""
    if shot.height_mm is None:
        return None
    down, across = round(row), round(col)
    rows, cols = shot.height_mm.shape
    if not (0 <= down < rows and 0 <= across < cols):
        return None
    height = float(shot.height_mm[down, across])
    return height if np.isfinite(height) else None


def _along(shot: Shot, row: float, col: float, matter: Matter, found: Range) -> float | None:
    """Height at which a ray through a volume ends."""
    view, frame = shot.wish.view, shot.frame
    reach = frame.radius_mm * 1.5
    heights = np.arange(reach, -reach, -matter.grid_mm / 2)
    start = np.array(to_mm(frame, view.sight, shot.wish.size, row, col, 0.0))
    places = start + heights[:, None] * view.sight.axes[2]
    voxel = places @ np.linalg.inv(matter.affine)[:3, :3].T + np.linalg.inv(matter.affine)[:3, 3]
    near = np.rint(voxel).astype(int)
    inside = ((near >= 0) & (near < matter.field.shape)).all(axis=1) & ~_gone(shot, places)
    if not inside.any():
        return None
    heights, near = heights[inside], near[inside]
    values = matter.field[near[:, 0], near[:, 1], near[:, 2]] * matter.slope + matter.intercept
    base = shot.wish.scene.layers[0]
    if view.mode == "maximum":
        low = maximum_points(base)[0][0]
        return float(heights[values.argmax()]) if values.max() > low else None
    points, _ = points_of(preset_of(shot.wish, found), found, base, view.shift)
    points = sorted(points)
    opacity = np.interp(values, [one[0] for one in points], [one[4] for one in points])
    step = matter.grid_mm / 2 / (frame.radius_mm / 100.0)
    left = np.cumprod((1.0 - np.clip(opacity, 0, 0.999)) ** step)
    return float(heights[np.argmax(left < DENSE)]) if left[-1] < DENSE else None


def _gone(shot: Shot, places: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which places the cut has taken away."""
    scene, view = shot.wish.scene, shot.wish.view
    kind, scan, eye = cut_of(scene, view), scene.scan, view.sight.axes[2]
    assert scan is not None
    if kind == "none":
        return np.zeros(len(places), bool)
    if kind == "corner":
        beyond = (scan.to_voxel(places) - scene.voxel) * sides(scan, eye) > 0
        return np.asarray(beyond.all(axis=1))
    section = cut_section(shot.wish)
    normal, way = np.array(section.normal), np.array(view.normal) if kind == "free" else eye
    side = 1.0 if normal @ way >= 0 else -1.0
    return np.asarray((places - np.array(section.origin)) @ normal * side > 0)
