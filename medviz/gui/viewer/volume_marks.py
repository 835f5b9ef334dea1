"""What is written and drawn over the picture of the whole: letters, cross-hair, scale, the axes of the patient."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from medviz.gui.viewer.annotations import DIM, EDGE, INK, PLANE_COLOURS, SHADOW, Lettering, Word, bar_mm
from medviz.imaging.oblique import reach_mm
from medviz.imaging.rendering.sight import STANDARD, Sight, height_mm, mm_per_pixel, to_pixel
from medviz.imaging.rendering.view import Shot
from medviz.imaging.scene import Point, Scene
from medviz.imaging.slices import OPPOSITE, toward

ARM_PX = 24
"""Length of an arm of the axes at the lower left."""
REST_PX = 44
"""How far the middle of the axes is from the edges."""
SAMPLES = 65
NEAR_MM = 0.75
"""A line that lies in a surface to this is seen on it."""
AXIS_COLOURS = tuple(PLANE_COLOURS[name] for name in ("sagittal", "coronal", "axial"))


@dataclass(frozen=True)
class Ground:
    """The pane: its size, and where the picture of which shot lies (it fills the pane)."""

    width: int
    height: int
    shot: Shot

    def place(self, row: float, col: float) -> QPointF:
        """Return the place on the pane of a pixel of the picture."""
        rows, cols = self.shot.wish.size
        return QPointF((col + 0.5) * self.width / cols, (row + 0.5) * self.height / rows)

    def pixel(self, at: QPointF) -> tuple[float, float]:
        """Return the row and column of the picture at a place on the pane."""
        rows, cols = self.shot.wish.size
        return at.y() * rows / self.height - 0.5, at.x() * cols / self.width - 0.5

    @property
    def scale(self) -> float:
        """Pixels of the pane per mm."""
        sight, size = self.shot.wish.view.sight, self.shot.wish.size
        return self.width / size[1] / mm_per_pixel(self.shot.frame, sight, size)


def paint_cross(painter: QPainter, scene: Scene, ground: Ground) -> None:
    """Paint the cross-hair as three lines in space and a ring; what lies behind a surface is faint."""
    scan, shot = scene.scan, ground.shot
    if scan is None:
        return
    ways = scan.affine[:3, :3] / np.linalg.norm(scan.affine[:3, :3], axis=0)
    if scene.turn is not None:
        ways = np.array(scene.turn.axes).T
    for axis in range(3):
        way: Point = (float(ways[0, axis]), float(ways[1, axis]), float(ways[2, axis]))
        back, forth = reach_mm(scan, scene.cursor, way)
        points = np.asarray(scene.cursor) + np.linspace(back, forth, SAMPLES)[:, None] * np.asarray(way)
        _paint_line(painter, ground, points, AXIS_COLOURS[axis])
    row, col = to_pixel(shot.frame, shot.wish.view.sight, shot.wish.size, scene.cursor)
    at, seen = ground.place(row, col), bool(in_sight(shot, np.asarray([scene.cursor]))[0])
    for colour, width in ((QColor(0, 0, 0, 190), 3.4), (QColor(255, 255, 255, 255 if seen else 120), 1.5)):
        painter.setPen(QPen(colour, width))
        painter.setBrush(QColor(255, 255, 255, 90) if seen and width < 2 else Qt.BrushStyle.NoBrush)
        painter.drawEllipse(at, 4.5, 4.5)
    painter.setBrush(Qt.BrushStyle.NoBrush)


def in_sight(shot: Shot, points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which points (n, 3) no surface hides."""
    if shot.height_mm is None:
        return np.ones(len(points), bool)
    sight, size, frame = shot.wish.view.sight, shot.wish.size, shot.frame
    right, up, high = sight.axes @ (points - frame.middle_mm).T
    scale = mm_per_pixel(frame, sight, size)
    rows = np.rint((size[0] - 1) / 2 - (up + sight.shift[1]) / scale).astype(int)
    cols = np.rint((size[1] - 1) / 2 + (right + sight.shift[0]) / scale).astype(int)
    within = (rows >= 0) & (rows < size[0]) & (cols >= 0) & (cols < size[1])
    seen = np.ones(len(points), bool)
    ahead = shot.height_mm[rows[within], cols[within]]
    slack = max(NEAR_MM, 1.5 * scale)
    seen[within] = ~(ahead > high[within] + slack)  # nothing there is NaN: not ahead
    return seen


def _paint_line(painter: QPainter, ground: Ground, points: NDArray[np.float64], colour: QColor) -> None:
    """Paint a line in space in as many strokes as it is hidden and seen."""
    shot = ground.shot
    sight, size = shot.wish.view.sight, shot.wish.size
    ends = [to_pixel(shot.frame, sight, size, (float(x), float(y), float(z))) for x, y, z in (points[0], points[-1])]
    first, last = ground.place(*ends[0]), ground.place(*ends[1])
    seen = in_sight(shot, points)
    changes = [0, *(int(one) + 1 for one in np.flatnonzero(seen[1:] != seen[:-1])), len(seen) - 1]
    for start, stop in pairwise(changes):
        if stop <= start:
            continue
        ink = QColor(colour)
        ink.setAlpha(225 if seen[start] else 62)
        painter.setPen(QPen(ink, 1.3))
        one, other = (first + (last - first) * (part / (len(seen) - 1)) for part in (start, stop))
        painter.drawLine(one, other)


def paint_letters(painter: QPainter, lettering: Lettering, ground: Ground, size: int, free: float) -> dict[str, str]:
    """Write at each edge which side of the patient is there; returns what was written.

    The upper one stands left of `free`, where the tools begin.
    """
    right, up, _ = ground.shot.wish.view.sight.axes
    words = {"right": toward(right), "left": toward(-right), "top": toward(up), "bottom": toward(-up)}
    large = round(size * 1.25)
    half, middle = ground.width / 2, ground.height / 2 + large * 0.36
    for word in (
        Word("left", words["left"], EDGE, middle, INK, large, True),
        Word("right", words["right"], ground.width - EDGE, middle, INK, large, True, "right"),
        Word("top", words["top"], min(half, free - large), EDGE + large * 0.73, INK, large, True, "centre"),
        Word("bottom", words["bottom"], half, ground.height - EDGE, INK, large, True, "centre"),
    ):
        lettering.put(painter, word)
    return words


def paint_bar(painter: QPainter, lettering: Lettering, ground: Ground, size: int, calibrated: bool) -> str:
    """Paint the scale at the lower right; returns its words. Rays are parallel, so it holds at every depth."""
    if not calibrated:
        word = Word("bar", "uncalibrated", ground.width - EDGE, ground.height - EDGE, DIM, size, False, "right")
        lettering.put(painter, word)
        return word.words
    most = min(ground.width * 0.28, 140.0)
    long_mm = bar_mm(most / ground.scale)
    long, right, low = round(long_mm * ground.scale), ground.width - EDGE, ground.height - EDGE
    painter.fillRect(QRectF(right - long - 1, low - 7, long + 2, 8), SHADOW)
    for x, y, wide, high in ((0, -2, long, 2), (0, -6, 2, 6), (long - 2, -6, 2, 6)):
        painter.fillRect(QRectF(right - long + x, low + y, wide, high), INK)
    lettering.put(painter, Word("bar", f"{long_mm:g} mm", right, low - 9, DIM, size, False, "right"))
    return f"{long_mm:g} mm"


def arms(sight: Sight, height: int) -> list[tuple[float, str, QPointF]]:
    """Return the six ends of the axes at the lower left, the farthest first: how near the eye, letter and place."""
    middle = QPointF(REST_PX, height - REST_PX)
    right, up, eye = sight.axes
    ends = []
    for axis, letter in enumerate("RAS"):
        for sign, name in ((1.0, letter), (-1.0, OPPOSITE[letter])):
            tip = QPointF(float(right[axis]), -float(up[axis])) * (sign * ARM_PX)
            ends.append((sign * float(eye[axis]), name, middle + tip))
    return sorted(ends, key=lambda end: end[0])


def paint_arms(painter: QPainter, lettering: Lettering, sight: Sight, height: int, size: int) -> None:
    """Paint the axes of the patient; the ends towards the eye are bright. A click on one looks from there."""
    middle = QPointF(REST_PX, height - REST_PX)
    for near, letter, tip in arms(sight, height):
        axis = "RAS".find(letter) if letter in "RAS" else "LPI".find(letter)
        colour = QColor(AXIS_COLOURS[axis])
        colour.setAlpha(255 if near > -0.2 else 120)
        painter.setPen(QPen(colour, 1.8))
        painter.drawLine(middle, tip)
        away = tip - middle
        length = max((away.x() ** 2 + away.y() ** 2) ** 0.5, 1e-6)
        at = tip + away * (7.0 / max(length, 8.0))
        ink = INK if near > -0.2 else DIM
        lettering.put(painter, Word("arm", letter, at.x(), at.y() + size * 0.33, ink, size - 2, near > -0.2, "centre"))


def arm_at(sight: Sight, height: int, at: QPointF) -> Sight | None:
    """Return the standard view whose letter is at a place, the nearest to the eye first."""
    middle = QPointF(REST_PX, height - REST_PX)
    for _, letter, tip in reversed(arms(sight, height)):
        away = tip - middle
        length = max((away.x() ** 2 + away.y() ** 2) ** 0.5, 1e-6)
        place = tip + away * (7.0 / max(length, 8.0)) - at
        if place.x() ** 2 + place.y() ** 2 < 81.0:
            return STANDARD[letter]
    return None


def depth_of(shot: Shot, point: Point) -> float:
    """How far a point stands out towards the eye, in mm."""
    return height_mm(shot.frame, shot.wish.view.sight, point)


def image_pixels(picture: Any) -> NDArray[np.uint8]:
    """Pixels (rows, cols, 3) in one block, as Qt takes them."""
    return np.ascontiguousarray(picture, np.uint8)
