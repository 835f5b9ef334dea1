"""Points in a plane, coloured by group; the mouse reads their words."""

from typing import Any

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QMouseEvent, QPainter, QPen

from medviz.figures import Points
from medviz.gui.drawing.arrange import Need
from medviz.gui.drawing.axes import Axes, paint_axes
from medviz.gui.drawing.curves import line_colours
from medviz.gui.drawing.look import look_of, type_of
from medviz.gui.drawing.numbers import number_text
from medviz.gui.drawing.view import View

_NEAR_PX = 14


class PointsView(View):
    """Draws Points; `pointed` tells (number of the point, 0) of (number of points, 1)."""

    figure: Points | None

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.setMouseTracking(True)
        self._hover: int | None = None

    def need(self) -> Need:
        """Grow in all directions."""
        weight = self.figure.weight if self.figure else 1.0
        return Need(frame=(0, self.header_px), least=(200, 160), weight=weight)

    def take(self, old: Any, new: Any) -> None:
        """Forget what was under the mouse."""
        self._hover = None

    @property
    def _at(self) -> Any:
        at = np.asarray(self.figure.at if self.figure is not None else [], float)
        return at.reshape(-1, 2) if at.size else np.zeros((0, 2))

    def axes(self) -> Axes:
        """Return the axes that hold every finite point."""
        return Axes.around(self._at, self.content, self.type_px, self._legend_px)

    @property
    def _legend_px(self) -> float:
        return self.type_px * 1.6 if self.figure is not None and self.figure.group_names else 0.0

    def paint(self, painter: QPainter) -> None:
        """Paint axes, points, legend and the words of the point under the mouse."""
        if self.figure is None:
            return
        look, axes = look_of(self), self.axes()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        paint_axes(painter, self, axes, self.figure.x_name, self.figure.y_name)
        colours = line_colours(look.dark)
        groups = np.zeros(len(self._at), int) if self.figure.groups is None else np.asarray(self.figure.groups, int)
        radius = 4.0 if len(self._at) < 400 else 2.5
        for number, (x, y) in enumerate(self._at):
            if np.isfinite(x) and np.isfinite(y):
                colour = QColor(colours[int(groups[number]) % len(colours)] if number < len(groups) else colours[0])
                painter.setPen(QPen(look.back, 0.8))
                painter.setBrush(colour)
                size = radius * 1.8 if number == self._hover else radius
                painter.drawEllipse(axes.place(x, y), size, size)
        if self.figure.spelt:
            self._paint_words(painter, axes)
        self._paint_legend(painter, colours)

    def _paint_words(self, painter: QPainter, axes: Axes) -> None:
        """Write each word beside its point, unless it would lie on another word or point, or leave the axes."""
        assert self.figure is not None
        painter.setFont(type_of(self, self.type_px * 0.9))
        painter.setPen(look_of(self).text)
        metrics = QFontMetricsF(painter.font())
        taken: list[QRectF] = []
        points = [axes.place(x, y) for x, y in self._at if np.isfinite(x) and np.isfinite(y)]
        for (x, y), word in zip(self._at, self.figure.words, strict=False):
            if not (np.isfinite(x) and np.isfinite(y)):
                continue
            place, wide, high = axes.place(x, y), metrics.horizontalAdvance(word), metrics.height()
            for left in (place.x() + 6, place.x() - 6 - wide):
                box = QRectF(left, place.y() - high / 2, wide, high)
                crowded = any(box.intersects(other) for other in taken) or any(box.contains(one) for one in points)
                if axes.area.contains(box) and not crowded:
                    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, word)
                    taken.append(box)
                    break

    def _paint_legend(self, painter: QPainter, colours: tuple[str, ...]) -> None:
        names = self.figure.group_names if self.figure is not None else ()
        painter.setFont(type_of(self, self.type_px * 0.92))
        metrics, x, y = QFontMetricsF(painter.font()), 4.0, self.content.y()
        for number, name in enumerate(names):
            painter.setBrush(QColor(colours[number % len(colours)]))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.drawEllipse(QPointF(x + 5, y + self.type_px * 0.7), 4, 4)
            painter.setPen(look_of(self).text)
            painter.drawText(QRectF(x + 14, y, 400, self.type_px * 1.5), Qt.AlignmentFlag.AlignVCenter, name)
            x += 30 + metrics.horizontalAdvance(name)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Find the nearest point."""
        number = self.nearest(event.position())
        if number == self._hover or self.figure is None:
            return
        self._hover = number
        self.update()
        if number is None:
            self.say("")
            return
        x, y = self._at[number]
        word = self.figure.words[number] + "   " if number < len(self.figure.words) else ""
        self.say(f"{word}{number_text(x, 4)}, {number_text(y, 4)}")
        self.pointed.emit(self.figure.name, (number, 0), (len(self._at), 1))

    def nearest(self, place: QPointF) -> int | None:
        """Return the number of the point within a few px, None where there is none."""
        axes, points = self.axes(), self._at
        if not len(points):
            return None
        px = axes.to_px(points)
        with np.errstate(invalid="ignore"):
            far = np.hypot(px[:, 0] - place.x(), px[:, 1] - place.y())
        far = np.where(np.isfinite(far), far, np.inf)
        best = int(np.argmin(far))
        return best if far[best] <= _NEAR_PX else None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Ask to be shown alone."""
        if self.figure is not None:
            self.opened.emit(self.figure.name)

    def leaveEvent(self, event: QEvent) -> None:
        """Forget the point under the mouse."""
        self._hover = None
        self.update()
        super().leaveEvent(event)
