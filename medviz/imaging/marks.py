"""What a person drew to measure: rulers, angles and regions, by points in RAS mm (`marking` measures them)."""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from medviz.imaging.flat import Flat
from medviz.imaging.measure import RegionMeasure
from medviz.imaging.slices import Plane

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
    their box in order round it, a polygon three or more. `number` tells marks apart within a scene. `value` is the
    number of the class that a model found there, 0 for what a person drew.
    """

    kind: MarkKind
    points: tuple[Point, ...]
    plane: Plane = "axial"
    frame: int = 0
    number: int = 0
    name: str = ""
    value: int = 0

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
        return replace(self, points=tuple(point(np.add(one, by)) for one in self.points))

    def stretched(self, number: int, to: Any, flat: Flat) -> "Mark":
        """Return it with one point drawn elsewhere; of a box the opposite corner stays, and it stays a box.

        `flat` says along which directions a box lies that has no size yet.
        """
        if self.kind in ("ruler", "angle", "polygon"):
            points = [point(to) if n == number else one for n, one in enumerate(self.points)]
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
        return replace(self, points=tuple(point(found[n]) for n in range(4)))


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


def _way(side: Floats, usual: Any) -> Floats:
    length = float(np.linalg.norm(side))
    way = side / length if length > 1e-9 else np.asarray(usual, float) / np.linalg.norm(usual)
    return np.asarray(way, float)


def point(mm: Any) -> Point:
    """Return three numbers as a point."""
    return float(mm[0]), float(mm[1]), float(mm[2])
