"""A plain pair of axes with round ticks, for views that paint themselves."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QWidget

from medviz.gui.drawing.look import look_of, type_of
from medviz.gui.drawing.numbers import number_text


@dataclass(frozen=True)
class Axes:
    """Which values lie where: `low` to `high` of x and y in the `area` in px."""

    low: tuple[float, float]
    high: tuple[float, float]
    area: QRectF

    @classmethod
    def around(cls, points: Any, room: QRectF, type_px: int, above: float = 0.0) -> "Axes":
        """Return axes around all finite points, with a little air."""
        kept = points[np.isfinite(points).all(axis=1)] if len(points) else points
        low, high = (kept.min(0), kept.max(0)) if len(kept) else (np.zeros(2), np.ones(2))
        span = np.where(high > low, high - low, np.maximum(np.abs(high), 1.0))
        low, high = low - 0.06 * span, high + 0.06 * span
        area = room.adjusted(type_px * 3.6, above + 4, -6, -type_px * 2.9)
        return cls((float(low[0]), float(low[1])), (float(high[0]), float(high[1])), area)

    def to_px(self, points: Any) -> Any:
        """Return where points (n, 2) lie, in px."""
        share = (points - np.array(self.low)) / (np.array(self.high) - np.array(self.low))
        x = self.area.x() + share[:, 0] * self.area.width()
        return np.stack([x, self.area.bottom() - share[:, 1] * self.area.height()], 1)

    def place(self, x: float, y: float) -> QPointF:
        """Return where one point lies, in px."""
        at = self.to_px(np.array([[x, y]]))[0]
        return QPointF(float(at[0]), float(at[1]))


def ticks(low: float, high: float, most: int) -> list[float]:
    """Return round values between `low` and `high`, at most about `most` of them."""
    span = high - low
    if not (math.isfinite(span) and span > 0) or most < 1:
        return []
    rough = span / most
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * size for factor in (1, 2, 5, 10) if factor * size >= rough)
    first = math.ceil(low / step)
    return [number * step for number in range(first, math.floor(high / step) + 1)][: 4 * most]


def paint_axes(painter: QPainter, widget: QWidget, axes: Axes, x_name: str, y_name: str) -> None:
    """Paint a light grid, the numbers of the ticks and the names of the axes."""
    look, area = look_of(widget), axes.area
    type_px = getattr(widget, "type_px", 13)
    painter.setFont(type_of(widget, type_px * 0.85))
    line = QFontMetricsF(painter.font()).height()
    grid, middle = QPen(look.line, 1), Qt.AlignmentFlag.AlignVCenter
    for value in ticks(axes.low[0], axes.high[0], max(1, int(area.width() / 70))):
        x = axes.place(value, axes.low[1]).x()
        painter.setPen(grid)
        painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
        painter.setPen(look.dim)
        painter.drawText(QRectF(x - 40, area.bottom() + 2, 80, line), Qt.AlignmentFlag.AlignHCenter, number_text(value))
    for value in ticks(axes.low[1], axes.high[1], max(1, int(area.height() / 44))):
        y = axes.place(axes.low[0], value).y()
        painter.setPen(grid)
        painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
        painter.setPen(look.dim)
        box = QRectF(area.left() - 66, y - line / 2, 60, line)
        painter.drawText(box, Qt.AlignmentFlag.AlignRight | middle, number_text(value))
    painter.setPen(look.dim)
    below = QRectF(area.left(), area.bottom() + line + 1, area.width(), line + 2)
    painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, x_name)
    painter.save()
    painter.translate(area.left() - type_px * 3.5, area.center().y())
    painter.rotate(-90)
    painter.drawText(QRectF(-area.height() / 2, 0, area.height(), line), Qt.AlignmentFlag.AlignHCenter, y_name)
    painter.restore()
