"""The tip of the brush and the line of the lasso, as they are painted over a pane."""

from dataclasses import dataclass

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from medviz.gui.viewer.annotations import EDGE, INK, SHADOW, Lettering, Word
from medviz.gui.viewer.kit import Kit, PixelKit
from medviz.gui.viewer.slice_view import SliceView
from medviz.gui.viewer.tool import Pane
from medviz.imaging.scene import Point

LEAST_PX = 1.5
_LETTERING = Lettering()


@dataclass(frozen=True)
class Hovered:
    """Where the mouse is: the pane, the place on it, and the place in RAS mm."""

    pane: Pane
    at: QPointF
    mm: Point


def tip_px(view: Pane, hovered: Hovered, kit: Kit) -> tuple[QPointF, float] | None:
    """Middle and radius of the tip on a pane, in its pixels; None where it does not reach the slice."""
    radius = kit.size / 2
    if hovered.pane is view:
        return hovered.at, radius * view.sheet.scale
    away = view.off_plane_mm(hovered.mm)
    if not kit.ball or away >= radius:
        return None
    x, y = view.screen_of(hovered.mm)
    return QPointF(x, y), (radius**2 - away**2) ** 0.5 * view.sheet.scale


def paint_tip(
    painter: QPainter, view: SliceView, hovered: Hovered, kit: Kit, colour: tuple[int, int, int] | None
) -> None:
    """Paint the circle that would be painted: round in mm, so round on the screen. No colour is the eraser's."""
    found = tip_px(view, hovered, kit)
    if found is None:
        return
    middle, radius = found
    radius = max(radius, LEAST_PX)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(QColor(*colour, 60) if colour is not None else Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor(0, 0, 0, 170), 3.0))
    painter.drawEllipse(middle, radius, radius)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    style = Qt.PenStyle.SolidLine if colour is not None else Qt.PenStyle.DashLine
    painter.setPen(QPen(QColor(*(colour or (255, 255, 255))).lighter(120), 1.5, style))
    painter.drawEllipse(middle, radius, radius)
    painter.fillRect(round(middle.x()) - 1, round(middle.y()) - 1, 2, 2, INK)
    if hovered.pane is view:
        words = f"{kit.size:.1f} {'px' if isinstance(kit, PixelKit) else 'mm'}"
        below = min(middle.y() + radius + 16, view.height() - EDGE)
        _LETTERING.put(painter, Word("tip", words, middle.x(), below, INK, 12, False, "centre"))


def paint_lasso(painter: QPainter, view: SliceView, points: tuple[Point, ...]) -> None:
    """Paint the line so far, closed."""
    if len(points) < 2:
        return
    line = QPolygonF([QPointF(*view.screen_of(mm)) for mm in points])
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(QColor(255, 255, 255, 30))
    for colour, width in ((SHADOW, 3.5), (INK, 1.5)):
        painter.setPen(QPen(colour, width, Qt.PenStyle.SolidLine))
        painter.drawPolygon(line)
        painter.setBrush(Qt.BrushStyle.NoBrush)
