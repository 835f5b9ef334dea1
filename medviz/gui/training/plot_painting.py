"""The painting of one pair of axes with the curves of a run, by hand."""

import math
from typing import Any

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QPen, QPolygonF

from medviz.gui.drawing.axes import ticks
from medviz.gui.drawing.look import look_of, mixed, type_of
from medviz.gui.drawing.numbers import number_text
from medviz.gui.training.plotted import LEFT, TOP, Plotted
from medviz.gui.training.track import Array

DENSE = 0.7
"""From so many points a column of pixels on a curve is drawn plainly."""


class PlotPainting(Plotted):
    """Paints what it holds: axes, ghosts, curves, the best, what was changed by hand, and what the mouse points at."""

    def _paint_head(self, painter: QPainter) -> None:
        look = look_of(self)
        for word in self._head:
            title = word.colour is None
            painter.setFont(type_of(self, self.type_px if title else self.type_px * 0.92, bold=title))
            top = TOP + word.line * self.line_px
            middle = top + self.line_px / 2
            place = word.x
            stroke = next((one for one in self.drawn if one.colour is word.colour), None)
            if stroke is not None:
                dashes = Qt.PenStyle.DotLine if stroke.stroke.dashed else Qt.PenStyle.SolidLine
                painter.setPen(QPen(stroke.colour, 2.5, dashes))
                painter.drawLine(QPointF(place, middle), QPointF(place + 12, middle))
                place += 18
            painter.setPen(look.text if title or stroke is not None else look.dim)
            room = QRectF(place, top, max(0.0, self.width() - place), self.line_px)
            text = painter.fontMetrics().elidedText(word.text, Qt.TextElideMode.ElideRight, int(room.width()))
            painter.drawText(room, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint axes, marks, ghosts, curves, and what the mouse points at."""
        painter = QPainter(self)
        try:
            if self.plot is not None:
                area = self.area()
                self._paint_axes(painter, area)
                painter.save()
                painter.setClipRect(area.adjusted(-1, -1, 1, 1))
                self._paint_turns(painter, area)
                self._paint_curves(painter, area)
                self._paint_hover(painter, area)
                painter.restore()
                self._paint_head(painter)
            if self.hasFocus():
                painter.setPen(QPen(look_of(self).accent, 1))
                painter.drawRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5))
        finally:  # Qt crashes on a painter that outlives its widget
            painter.end()

    def _place(self, area: QRectF, x: Any, y: Any) -> tuple[Any, Any]:
        (x0, x1), (y0, y1) = self._x, self._y
        return (
            area.left() + (x - x0) / ((x1 - x0) or 1.0) * area.width(),
            area.bottom() - (y - y0) / ((y1 - y0) or 1.0) * area.height(),
        )

    def _paint_axes(self, painter: QPainter, area: QRectF) -> None:
        look = look_of(self)
        painter.setFont(type_of(self, self.type_px * 0.85))
        line = QFontMetricsF(painter.font()).height()
        grid = QPen(mixed(look.line, look.back, 0.45), 1)
        for value, words in self._ticks_of_y(area):
            y = self._place(area, 0.0, value)[1]
            painter.setPen(grid)
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            painter.setPen(look.dim)
            painter.drawText(QRectF(0, y - line / 2, LEFT - 6, line), Qt.AlignmentFlag.AlignRight, words)
        for value in ticks(*self._x, max(2, int(area.width() / 72))):
            x = self._place(area, value, 0.0)[0]
            painter.setPen(grid)
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
            painter.setPen(look.dim)
            words = self.words_of_x(value)
            wide = QFontMetricsF(painter.font()).horizontalAdvance(words)
            left = min(max(x - wide / 2, 0.0), self.width() - wide - 1)
            painter.drawText(QPointF(left, area.bottom() + line), words)
        if self._has_name():
            below = QRectF(area.left(), area.bottom() + line * 1.15, area.width(), line)
            name = {"step": "step", "epoch": "epoch", "time": "time (h:min:s)"}[self.manner.across]
            painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, name)

    def _ticks_of_y(self, area: QRectF) -> list[tuple[float, str]]:
        low, high = self._y
        if not self.is_log:
            most = max(2, int(area.height() / 34))
            return [(value, number_text(round(value, 12), 4)) for value in ticks(low, high, most)]
        decades = range(math.floor(low), math.ceil(high) + 1)
        leads = (1, 2, 5) if high - low < 2.5 else (1,)
        values = [lead * 10.0**decade for decade in decades for lead in leads]
        return [(math.log10(one), number_text(one, 2)) for one in values if low <= math.log10(one) <= high]

    def _paint_curves(self, painter: QPainter, area: QRectF) -> None:
        look = look_of(self)
        for one in self.drawn:
            if one.ghost is not None:
                painter.setPen(QPen(mixed(one.colour, look.back, 0.66), 1))
                self._paint_line(painter, area, *one.ghost)
        for one in reversed(self.drawn):  # the run in front comes last, over the others
            dense = len(one.x) > DENSE * area.width()  # strokes that overlap anyway: plain lines cost a tenth
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, not dense)
            style = Qt.PenStyle.DashLine if one.stroke.dashed and not dense else Qt.PenStyle.SolidLine
            painter.setPen(QPen(one.colour, 1.0 if dense else 1.6, style))
            self._paint_line(painter, area, one.x, one.y)
            if len(one.x) == 1:
                painter.setBrush(one.colour)
                painter.drawEllipse(QPointF(*self._place(area, float(one.x[0]), float(one.y[0]))), 3, 3)
                painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.plot is not None and self.plot.best is not None:
            self._paint_best(painter, area, self.plot.best)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _paint_line(self, painter: QPainter, area: QRectF, x: Array, y: Array) -> None:
        """Draw the runs of finite points, each as one line."""
        px, py = self._place(area, x, y)
        breaks = np.flatnonzero(~np.isfinite(py)).tolist()
        xs, ys = px.tolist(), py.tolist()
        first = 0
        for last in (*breaks, len(xs)):
            if last - first > 1:
                points = map(QPointF, xs[first:last], ys[first:last])
                painter.drawPolyline(QPolygonF(list(points)))
            first = last + 1

    def _paint_best(self, painter: QPainter, area: QRectF, best: tuple[float, float, float]) -> None:
        assert self.plot is not None
        step, value, at_s = best
        x = self._along(step, at_s)
        y = math.log10(value) if self.is_log and value > 0 else value
        place, look = QPointF(*self._place(area, x, y)), look_of(self)
        painter.setPen(QPen(look.text, 1.5))
        painter.setBrush(look.back)
        painter.drawEllipse(place, 4, 4)
        painter.setBrush(Qt.BrushStyle.NoBrush)

    def _paint_turns(self, painter: QPainter, area: QRectF) -> None:
        """Draw what was changed by hand as upright lines with their words."""
        if self.plot is None:
            return
        look = look_of(self)
        painter.setFont(type_of(self, self.type_px * 0.8))
        free = -1e9
        for turn in self.plot.turns:
            x = self._place(area, self._along(turn.step, turn.at_s), 0.0)[0]
            painter.setPen(QPen(look.warning, 1, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
            words = short(turn.words)
            if x > free:
                painter.drawText(QPointF(x + 3, area.top() + self.type_px * 0.9), words)
                free = x + QFontMetricsF(painter.font()).horizontalAdvance(words) + 6

    def _along(self, step: float, at_s: float) -> float:
        """Where a step lies along x."""
        if self.manner.across == "time":
            return at_s
        per_epoch = self.plot.steps_per_epoch if self.plot is not None else None
        return step / per_epoch if self.manner.across == "epoch" and per_epoch else step

    def _paint_hover(self, painter: QPainter, area: QRectF) -> None:
        if self.hover is None:
            return
        look = look_of(self)
        x = self._place(area, self.hover, 0.0)[0]
        painter.setPen(QPen(look.dim, 1))
        painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for one in self.drawn:
            value = self._on_axis(np.array([self.value_of(one.stroke, self.hover)]))[0]
            if math.isfinite(value):
                painter.setPen(QPen(look.back, 1))
                painter.setBrush(one.colour)
                painter.drawEllipse(QPointF(x, self._place(area, 0.0, value)[1]), 3.5, 3.5)
        painter.setBrush(Qt.BrushStyle.NoBrush)


def short(words: str) -> str:
    """Say in a few words what changed at a step."""
    if "rate halved" in words:
        return "rate halved"
    return words.partition(" from the next step")[0].replace("Learning rate", "rate")
