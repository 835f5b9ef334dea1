"""From where the whole is looked at and what lies where in the picture; rays are parallel, so that mm stay mm."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from medviz.imaging.scene import Point

Vector = NDArray[np.float64]
FILLED = 2.06
"""What is framed fills the picture but for a thirtieth."""


@dataclass(frozen=True)
class Sight:
    """From where one looks, in degrees: `turn` 0 sees the face, 90 the left side; `lift` 90 the top of the head.

    `shift` (mm right and up in the picture) moves what is seen, `zoom` enlarges it.
    """

    turn: float = 35.0
    lift: float = 18.0
    zoom: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)

    @cached_property
    def axes(self) -> Vector:
        """Rows: right, up and towards the eye, as unit vectors in RAS."""
        turn, lift = np.deg2rad(self.turn), np.deg2rad(self.lift)
        eye = np.array([-np.sin(turn) * np.cos(lift), np.cos(turn) * np.cos(lift), np.sin(lift)])
        right = np.array([-np.cos(turn), -np.sin(turn), 0.0])
        return np.stack([right, np.cross(eye, right), eye])

    def turned(self, across: float, up: float) -> "Sight":
        """Turn by degrees about the body's long axis and lift; past the poles it stops, so that nothing rolls."""
        lift = min(max(self.lift + up, -90.0), 90.0)
        return replace(self, turn=(self.turn + across) % 360, lift=lift)


STANDARD: dict[str, Sight] = {
    "A": Sight(0.0, 0.0),
    "P": Sight(180.0, 0.0),
    "L": Sight(90.0, 0.0),
    "R": Sight(270.0, 0.0),
    "S": Sight(180.0, 90.0),
    "I": Sight(0.0, -90.0),
}
"""Looked at from the front, the back, the patient's left and right, from above and from below (the front is up)."""


class Framed(Protocol):
    """What is fitted into the picture: what there is to see about its middle, in RAS mm."""

    @property
    def middle_mm(self) -> Vector:
        """Return the middle."""
        ...

    @property
    def radius_mm(self) -> float:
        """Return the radius."""
        ...

    @property
    def girth_mm(self) -> float:
        """Return how far anything is from the upright axis through the middle."""
        ...

    @property
    def half_mm(self) -> float:
        """Return how far anything is above or below the middle."""
        ...


@dataclass(frozen=True, eq=False)
class Frame:
    """What fits into the picture at zoom 1, in RAS mm: a ball, and the upright cylinder within it."""

    middle_mm: Vector
    radius_mm: float
    girth_mm: float
    half_mm: float


def mm_per_pixel(frame: Framed, sight: Sight, size: tuple[int, int]) -> float:
    """Scale of a picture of `size` (rows, cols).

    All fits in from wherever one looks, and turning about the upright axis leaves the scale as it is; only tipping a
    flat scan towards the eye changes it.
    """
    lift = np.deg2rad(sight.lift)
    high = min(frame.radius_mm, frame.half_mm * abs(np.cos(lift)) + frame.girth_mm * abs(np.sin(lift)))
    return float(FILLED * max(high / size[0], frame.girth_mm / size[1]) / sight.zoom)


def to_pixel(frame: Framed, sight: Sight, size: tuple[int, int], point: Point) -> tuple[float, float]:
    """Row and column at which a point in RAS mm is seen."""
    right, up, _ = sight.axes @ (np.asarray(point) - frame.middle_mm)
    scale = mm_per_pixel(frame, sight, size)
    up, right = up + sight.shift[1], right + sight.shift[0]
    return (size[0] - 1) / 2 - float(up) / scale, (size[1] - 1) / 2 + float(right) / scale


def height_mm(frame: Framed, sight: Sight, point: Point) -> float:
    """How far a point in RAS mm stands out towards the eye from the plane through the middle."""
    return float(sight.axes[2] @ (np.asarray(point) - frame.middle_mm))


def to_mm(frame: Framed, sight: Sight, size: tuple[int, int], row: float, col: float, height: float) -> Point:
    """Return the point in RAS mm that is seen at a row and column, at a height towards the eye."""
    scale = mm_per_pixel(frame, sight, size)
    right = (col - (size[1] - 1) / 2) * scale - sight.shift[0]
    up = ((size[0] - 1) / 2 - row) * scale - sight.shift[1]
    x, y, z = frame.middle_mm + np.array([right, up, height]) @ sight.axes
    return float(x), float(y), float(z)


def zoomed(frame: Framed, sight: Sight, size: tuple[int, int], factor: float, row: float, col: float) -> Sight:
    """Enlarge, so that what is under a place in the picture stays there."""
    zoom = min(max(sight.zoom * factor, 0.3), 30.0)
    before = mm_per_pixel(frame, sight, size)
    change = mm_per_pixel(frame, replace(sight, zoom=zoom), size) - before
    right, up = col - (size[1] - 1) / 2, (size[0] - 1) / 2 - row
    return replace(sight, zoom=zoom, shift=(sight.shift[0] + right * change, sight.shift[1] + up * change))
