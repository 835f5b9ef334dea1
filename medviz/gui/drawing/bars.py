"""Bars: one a name, with its number at the end."""

from typing import Any

import numpy as np
from PySide6.QtCore import QEvent, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QMouseEvent, QPainter, QPen

from medviz.figures import Bars
from medviz.gui.drawing.arrange import Need
from medviz.gui.drawing.curves import line_colours
from medviz.gui.drawing.look import look_of, type_of
from medviz.gui.drawing.numbers import number_text, with_unit
from medviz.gui.drawing.view import View


class BarsView(View):
    """Draws Bars, lying, so that long names can be read; `pointed` tells (number of the bar, 0) of (bars, 1)."""

    figure: Bars | None

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.setMouseTracking(True)
        self._hover: int | None = None

    @property
    def bar_px(self) -> float:
        """Height of a bar with its gap."""
        count = max(1, len(self.figure.names) if self.figure is not None else 1)
        return min(self.type_px * 2.1, max(4.0, self.content.height() / count))

    def need(self) -> Need:
        """Ask for a line a bar."""
        count = len(self.figure.names) if self.figure is not None else 1
        high = count * self.type_px * 2.1 + self.header_px
        weight = self.figure.weight if self.figure else 1.0
        least = self.header_px + min(count, 8) * self.type_px * 1.3
        return Need(frame=(0, self.header_px), least=(220, least), most_high=max(high, least), weight=weight)

    def paint(self, painter: QPainter) -> None:
        """Paint names, bars from zero, and numbers."""
        if self.figure is None or not len(self.figure.values):
            return
        look, values = look_of(self), np.asarray(self.figure.values, float).ravel()
        painter.setFont(type_of(self, min(self.type_px, self.bar_px * 0.8)))
        metrics = QFontMetricsF(painter.font())
        texts = [with_unit(number_text(value, 4), self.figure.unit) for value in values]
        names = [
            metrics.elidedText(name, Qt.TextElideMode.ElideRight, self.width() * 0.4) for name in self.figure.names
        ]
        left = max((metrics.horizontalAdvance(name) for name in names), default=0) + 10
        right = max(metrics.horizontalAdvance(text) for text in texts) + 10
        room = QRectF(left, self.content.y(), max(10.0, self.width() - left - right), self.content.height())
        finite = values[np.isfinite(values)]
        low, high = min(0.0, float(finite.min(initial=0.0))), max(0.0, float(finite.max(initial=0.0)))
        scale = room.width() / ((high - low) or 1.0)
        for number, (name, text, value) in enumerate(zip(names, texts, values, strict=False)):
            y = room.y() + number * self.bar_px
            line = QRectF(0, y, left - 10, self.bar_px)
            painter.setPen(look.text)
            painter.drawText(line, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, name)
            length = float(value) * scale if np.isfinite(value) else 0.0
            zero = room.x() - low * scale
            bar = QRectF(min(zero, zero + length), y + self.bar_px * 0.16, abs(length), self.bar_px * 0.68)
            painter.fillRect(bar, self._colour(number, look.dark))
            painter.setPen(look.dim)
            painter.drawText(QRectF(bar.right() + 6, y, right, self.bar_px), Qt.AlignmentFlag.AlignVCenter, text)
        painter.setPen(QPen(look.line, 1))
        painter.drawLine(round(room.x() - low * scale), round(room.y()), round(room.x() - low * scale), self.height())

    def _colour(self, number: int, dark: bool) -> QColor:
        colour = QColor(line_colours(dark)[0])
        return colour.lighter(125) if number == self._hover else colour

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Point at a bar."""
        number = int((event.position().y() - self.content.y()) // self.bar_px)
        count = len(self.figure.names) if self.figure is not None else 0
        inside = number if 0 <= number < count else None
        if inside == self._hover or self.figure is None:
            return
        self._hover = inside
        self.update()
        if inside is not None:
            self.pointed.emit(self.figure.name, (inside, 0), (count, 1))

    def leaveEvent(self, event: QEvent) -> None:
        """Forget the bar under the mouse."""
        self._hover = None
        self.update()
        super().leaveEvent(event)
