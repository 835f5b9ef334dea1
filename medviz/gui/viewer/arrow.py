"""The arrow between two points of two surfaces, and a ring round an error, over a slice."""

from math import atan2, cos, hypot, pi, sin

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen, QPolygonF

from medviz.gui.viewer.annotations import font
from medviz.gui.viewer.tool import Pane
from medviz.imaging.judging.links import Place
from medviz.imaging.scene import Point

INK, EDGE = QColor(255, 236, 80), QColor(0, 0, 0, 210)
HEAD_PX, DOT_PX, RING_PX, SHORT_PX = 10.0, 4.0, 13.0, 18.0


def paint_place(painter: QPainter, pane: Pane, place: Place, near_mm: float) -> None:
    """Draw what is to be seen at a place: the arrow from the reference to the prediction, else a ring.

    An end further than `near_mm` from the slice is drawn hollow, and the line to it broken: it lies before or behind.
    """
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    gap = place.gap
    if gap is None:
        if abs(pane.off_plane_mm(place.at_mm)) <= near_mm:
            _ring(painter, QPointF(*pane.screen_of(place.at_mm)))
        return
    start, end = _at(pane, gap.meant_mm), _at(pane, gap.predicted_mm)
    inside = [abs(pane.off_plane_mm(one)) <= near_mm for one in (gap.meant_mm, gap.predicted_mm)]
    if hypot(end.x() - start.x(), end.y() - start.y()) < SHORT_PX:  # an arrow would hide what it points at
        _ring(painter, (start + end) / 2, any(inside))
    else:
        _line(painter, start, end, all(inside))
        _dot(painter, start, inside[0])
        _head(painter, start, end, inside[1])
    if any(inside):
        _words(painter, start, end, f"{gap.length_mm:.1f} mm")


def _at(pane: Pane, point: Point) -> QPointF:
    return QPointF(*pane.screen_of(point))


def _line(painter: QPainter, start: QPointF, end: QPointF, inside: bool) -> None:
    style = Qt.PenStyle.SolidLine if inside else Qt.PenStyle.DashLine
    painter.setPen(QPen(EDGE, 5, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    painter.drawLine(start, end)
    painter.setPen(QPen(INK, 2, style, Qt.PenCapStyle.FlatCap))
    painter.drawLine(start, end)


def _dot(painter: QPainter, at: QPointF, inside: bool) -> None:
    painter.setPen(QPen(EDGE, 4))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawEllipse(at, DOT_PX, DOT_PX)
    painter.setPen(QPen(INK, 2))
    painter.setBrush(INK if inside else Qt.BrushStyle.NoBrush)
    painter.drawEllipse(at, DOT_PX, DOT_PX)


def _head(painter: QPainter, start: QPointF, end: QPointF, inside: bool) -> None:
    turn = atan2(end.y() - start.y(), end.x() - start.x())
    wings = [QPointF(end.x() - HEAD_PX * cos(turn + k), end.y() - HEAD_PX * sin(turn + k)) for k in (pi / 7, -pi / 7)]
    shape = QPolygonF([end, *wings])
    painter.setPen(QPen(EDGE, 4, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
    painter.setBrush(EDGE)
    painter.drawPolygon(shape)
    painter.setPen(QPen(INK, 1.5, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
    painter.setBrush(INK if inside else EDGE)
    painter.drawPolygon(shape)


def _ring(painter: QPainter, at: QPointF, inside: bool = True) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for pen in (QPen(EDGE, 5), QPen(INK, 2, Qt.PenStyle.SolidLine if inside else Qt.PenStyle.DotLine)):
        painter.setPen(pen)
        painter.drawEllipse(at, RING_PX, RING_PX)


def _words(painter: QPainter, start: QPointF, end: QPointF, words: str) -> None:
    """Write the length beside the end of the arrow, away from its line."""
    painter.setFont(font(13, bold=True))
    wide = QFontMetricsF(painter.font()).horizontalAdvance(words) + 10
    right = end.x() >= start.x()
    left = end.x() + 16 if right else end.x() - 16 - wide
    top = end.y() - 24 if end.y() <= start.y() else end.y() + 6
    room = painter.viewport()
    left = min(max(left, 4.0), max(4.0, room.width() - wide - 4.0))
    top = min(max(top, 4.0), max(4.0, room.height() - 24.0))
    plate = QRectF(left, top, wide, 20)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(0, 0, 0, 170))
    painter.drawRoundedRect(plate, 4, 4)
    painter.setPen(INK)
    painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, words)
