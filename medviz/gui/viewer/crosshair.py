"""The cross-hair: where the other two planes cut a pane, straight or turned, and the grips that turn them."""

from dataclasses import dataclass
from math import floor, inf, sqrt

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QPainter, QPen

from medviz.gui.viewer.annotations import PLANE_COLOURS, SHADOW
from medviz.gui.viewer.sheet import Sheet
from medviz.imaging.oblique import crossed, dotted, scaled
from medviz.imaging.scene import Scene
from medviz.imaging.slabs import Slab
from medviz.imaging.slices import NORMAL, Plane

GAP = 9
RIM = 26
"""The cross-hair leaves the edge letters alone."""


CROSSING: dict[Plane, tuple[Plane, Plane]] = {
    "axial": ("sagittal", "coronal"),
    "coronal": ("sagittal", "axial"),
    "sagittal": ("coronal", "axial"),
}
"""The planes whose place the upright and the level line of a pane's cross-hair show."""


LINES = {name: colour.darker(134) for name, colour in PLANE_COLOURS.items()}
"""Opaque: a line that is seen through costs Qt a hundred times as much."""


@dataclass(frozen=True)
class Line:
    """A line of the cross-hair: the plane it stands for, and its direction on the screen (x to the right, y down)."""

    plane: Plane
    x: float
    y: float


def crossing(scene: Scene, plane: Plane) -> tuple[Line, Line]:
    """Return where the two other planes cut a pane."""
    upright, level = CROSSING[plane]
    seen = scene.section(plane)
    if scene.turn is None or seen is None:
        return Line(upright, 0.0, 1.0), Line(level, 1.0, 0.0)
    lines = []
    across, down = (scaled(way, 1 / sqrt(dotted(way, way))) for way in (seen.across, seen.down))
    for other in (upright, level):
        way = crossed(scene.turn.axes[NORMAL[plane]], scene.turn.axes[NORMAL[other]])
        lines.append(Line(other, dotted(way, across), dotted(way, down)))
    return lines[0], lines[1]


def paint_crosshair(
    painter: QPainter, at: tuple[float, float], sheet: Sheet, lines: tuple[Line, Line], grips: bool = False
) -> None:
    """Two thin lines in the colours of the planes they stand for, open where they meet.

    With `grips` their ends can be taken by the mouse to turn the planes.
    """
    x, y = (floor(edge) for edge in at)
    for line in lines:
        if line.x == 0.0:
            for first, last in ((RIM, y - GAP), (y + GAP, sheet.height - RIM)):
                if last > first:
                    painter.fillRect(x, first, 1, last - first, LINES[line.plane])
        elif line.y == 0.0:
            for first, last in ((RIM, x - GAP), (x + GAP, sheet.width - RIM)):
                if last > first:
                    painter.fillRect(first, y, last - first, 1, LINES[line.plane])
        else:
            _slanted(painter, at, sheet, line)
        if grips:
            for place in grips_of(at, sheet, line):
                painter.setRenderHint(QPainter.RenderHint.Antialiasing)
                painter.setPen(QPen(LINES[line.plane], 2))
                painter.setBrush(SHADOW)
                painter.drawEllipse(QPointF(*place), GRIP_PX, GRIP_PX)
                painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
                painter.setBrush(Qt.BrushStyle.NoBrush)


def paint_bands(painter: QPainter, at: tuple[float, float], sheet: Sheet, lines: tuple[Line, Line], slab: Slab) -> None:
    """Two dashed lines beside a line of the cross-hair: how thick the slab is that its plane's pane shows."""
    half = slab.thick_mm / 2 * sheet.scale
    far = sheet.width + sheet.height
    painter.save()
    painter.setClipRect(RIM, RIM, sheet.width - 2 * RIM, sheet.height - 2 * RIM)
    for line in lines:
        if slab.of(line.plane).how == "off":
            continue
        painter.setPen(QPen(LINES[line.plane], 1, Qt.PenStyle.DashLine))
        for way in (-half, half):
            x, y = at[0] - line.y * way, at[1] + line.x * way
            ends = (QPointF(x - line.x * far, y - line.y * far), QPointF(x + line.x * far, y + line.y * far))
            painter.drawLine(*ends)
    painter.restore()


GRIP_PX = 5
REACH_PX = 10
"""So near to a grip the mouse takes it."""
TURN = "turn"
"""Name of the tool that turns the planes; the ends of the cross-hair can be taken while it is in the hand."""


def grips_of(at: tuple[float, float], sheet: Sheet, line: Line) -> tuple[tuple[float, float], tuple[float, float]]:
    """Where the two ends of a line of the cross-hair can be taken: as far out as the pane allows."""
    ends = []
    for way in (1.0, -1.0):
        x, y = line.x * way, line.y * way
        far = min(
            ((sheet.width - GRIP_RIM if x > 0 else GRIP_RIM) - at[0]) / x if abs(x) > 1e-6 else inf,
            ((sheet.height - GRIP_RIM if y > 0 else GRIP_RIM) - at[1]) / y if abs(y) > 1e-6 else inf,
        )
        far = max(far, 2.0 * GAP)
        ends.append((at[0] + x * far, at[1] + y * far))
    return ends[0], ends[1]


GRIP_RIM = 44


def _slanted(painter: QPainter, at: tuple[float, float], sheet: Sheet, line: Line) -> None:
    far = sheet.width + sheet.height
    painter.save()
    painter.setClipRect(RIM, RIM, sheet.width - 2 * RIM, sheet.height - 2 * RIM)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(LINES[line.plane], 1))
    for way in (1, -1):
        painter.drawLine(
            QPointF(at[0] + line.x * GAP * way, at[1] + line.y * GAP * way),
            QPointF(at[0] + line.x * far * way, at[1] + line.y * far * way),
        )
    painter.restore()
