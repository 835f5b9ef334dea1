"""The histogram of a layer, with the ends of its window to be taken by the hand."""

from typing import Literal

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QKeyEvent, QLinearGradient, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from medviz.gui.colours import colours
from medviz.gui.drawing.numbers import number_text, with_unit
from medviz.imaging.colours import colour_map
from medviz.imaging.histogram import Histogram
from medviz.imaging.intensity import Tone

Handle = Literal["low", "high", "middle", "least"]
REACH_PX = 9
BAR_PX, FOOT_PX, SIDE_PX = 10, 20, 8


class HistogramView(QWidget):
    """Shows counts (as roots, so that small peaks are seen), the window over them and the colours it is drawn in.

    `windowed` (window, level) and `cut` (value below which nothing is drawn) come from a hand: the ends of the window
    and the threshold are dragged, what is between the ends moves both; arrow keys move the level.
    """

    windowed = Signal(float, float)
    cut = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self._found: Histogram | None = None
        self._window, self._level = 1.0, 0.5
        self._tone, self._colours, self._unit = Tone(), "grey", ""
        self._held: Handle | None = None
        self._from = (0.0, 0.0, 0.0)
        self.setMinimumSize(160, 120)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("histogram with the window")
        self.setToolTip("Drag the ends of the window, or what is between them; ← → move the level, ↑ ↓ the width")

    def sizeHint(self) -> QSize:
        """Ask for room."""
        return QSize(280, 140)

    def show_histogram(self, found: Histogram | None, unit: str) -> None:
        """Show other counts."""
        self._found, self._unit = found, unit
        self.update()

    def show_window(self, window: float, level: float, tone: Tone, colours_name: str) -> None:
        """Show another window, tone or colours."""
        self._window, self._level, self._tone, self._colours = window, level, tone, colours_name
        self.update()

    # -- places -------------------------------------------------------------------------------------------------

    @property
    def span(self) -> tuple[float, float]:
        """First and last value on the axis: all there are, and the window where it reaches beyond."""
        low, high = self._level - self._window / 2, self._level + self._window / 2
        if self._found is None:
            return low, high
        room = (self._found.high - self._found.low) or 1.0
        first = min(self._found.low, max(low, self._found.low - room / 2))
        last = max(self._found.high, min(high, self._found.high + room / 2))
        return first, last

    def x_of(self, value: float) -> float:
        """Place of a value, kept on the widget."""
        first, last = self.span
        share = (value - first) / ((last - first) or 1.0)
        return SIDE_PX + min(max(share, 0.0), 1.0) * (self.width() - 2 * SIDE_PX)

    def value_at(self, x: float) -> float:
        """Value at a place."""
        first, last = self.span
        return first + (x - SIDE_PX) / max(self.width() - 2 * SIDE_PX, 1) * (last - first)

    def _handle_at(self, x: float) -> Handle | None:
        low, high = self._level - self._window / 2, self._level + self._window / 2
        places: list[tuple[float, Handle]] = [(abs(x - self.x_of(low)), "low"), (abs(x - self.x_of(high)), "high")]
        if self._tone.least is not None:
            places.append((abs(x - self.x_of(self._tone.least)), "least"))
        nearest, handle = min(places)
        if nearest <= REACH_PX:
            return handle
        return "middle" if self.x_of(low) < x < self.x_of(high) else None

    # -- painted ------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint counts, window, colours and numbers."""
        painter, look = QPainter(self), colours()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), look.of("field"))
        floor = self.height() - FOOT_PX - BAR_PX
        low, high = self._level - self._window / 2, self._level + self._window / 2
        band = QColor(look.of("accent"))
        band.setAlpha(46)
        painter.fillRect(QRectF(self.x_of(low), 0, self.x_of(high) - self.x_of(low), floor), band)
        if self._found is not None:
            self._paint_counts(painter, self._found, floor)
        self._paint_colours(painter, floor)
        for value in (low, high):
            self._paint_handle(painter, value, floor, look.of("accent"))
        if self._tone.least is not None:
            self._paint_handle(painter, self._tone.least, floor, look.of("warning"))
        self._paint_numbers(painter, low, high)
        if self.hasFocus():
            painter.setPen(QPen(look.of("accent"), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5))
        painter.end()

    def _paint_counts(self, painter: QPainter, found: Histogram, floor: float) -> None:
        counts = found.counts.astype(np.float64)
        largest = float(np.sort(counts)[-min(2, len(counts))])  # air is so common that it would flatten all else
        heights = np.minimum(np.sqrt(counts / (largest or 1.0)), 1.0) * (floor - 4)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colours().of("dim"))
        edges = [self.x_of(edge) for edge in found.edges]
        for left, right, high in zip(edges, edges[1:], heights, strict=False):
            if high > 0:
                painter.drawRect(QRectF(left, floor - max(high, 1.0), max(right - left, 0.7), max(high, 1.0)))

    def _paint_colours(self, painter: QPainter, floor: float) -> None:
        """Paint under each value the colour it is drawn in."""
        table = colour_map(self._colours)
        blend = QLinearGradient(SIDE_PX, 0, self.width() - SIDE_PX, 0)
        for share in np.linspace(0, 1, 65):
            value = self.value_at(SIDE_PX + share * (self.width() - 2 * SIDE_PX))
            place = np.array((value - self._level) / (self._window or 1.0) + 0.5)
            red, green, blue, _ = (int(part) for part in table[int(self._tone.share(place) * 255)])
            shown = self._tone.least is None or value >= self._tone.least
            blend.setColorAt(float(share), QColor(red, green, blue, 255 if shown else 0))
        painter.fillRect(QRectF(SIDE_PX, floor, self.width() - 2 * SIDE_PX, BAR_PX - 2), blend)

    def _paint_handle(self, painter: QPainter, value: float, floor: float, ink: QColor) -> None:
        x = self.x_of(value)
        painter.setPen(QPen(ink, 1.5))
        painter.drawLine(QPointF(x, 0), QPointF(x, floor))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ink)
        painter.drawRoundedRect(QRectF(x - 3.5, floor / 2 - 9, 7, 18), 3, 3)

    def _paint_numbers(self, painter: QPainter, low: float, high: float) -> None:
        painter.setPen(colours().of("text"))
        metrics = QFontMetrics(painter.font())
        base = self.height() - 5
        left, right = number_text(low, 4), with_unit(number_text(high, 4), self._unit)
        wide_left, wide_right = metrics.horizontalAdvance(left), metrics.horizontalAdvance(right)
        first = min(max(self.x_of(low) - wide_left / 2, 2.0), self.width() - wide_left - wide_right - 12.0)
        last = min(max(self.x_of(high) - wide_right / 2, first + wide_left + 8.0), self.width() - wide_right - 2.0)
        painter.drawText(QPointF(first, base), left)
        painter.drawText(QPointF(last, base), right)

    # -- hand ---------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of an end, of the threshold or of the whole window."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._held = self._handle_at(event.position().x())
            self._from = (event.position().x(), self._window, self._level)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Move what is held; show what could be."""
        x = event.position().x()
        if self._held is None:
            over = self._handle_at(x)
            sign = {None: Qt.CursorShape.ArrowCursor, "middle": Qt.CursorShape.OpenHandCursor}
            self.setCursor(sign.get(over, Qt.CursorShape.SizeHorCursor))
            return
        self._move(x)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        self._held = None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move the level or the width by a fiftieth of the window."""
        step = self._window / 50
        moves = {
            Qt.Key.Key_Left: (0.0, -step), Qt.Key.Key_Right: (0.0, step),
            Qt.Key.Key_Up: (step, 0.0), Qt.Key.Key_Down: (-step, 0.0),
        }  # fmt: skip
        move = moves.get(Qt.Key(event.key()))
        if move is None:
            super().keyPressEvent(event)
            return
        self.windowed.emit(self._window + move[0], self._level + move[1])

    def _move(self, x: float) -> None:
        start, window, level = self._from
        low, high = level - window / 2, level + window / 2
        least = abs(self.span[1] - self.span[0]) * 1e-4 or 1e-9
        if self._held == "least":
            self.cut.emit(self.value_at(x))
        elif self._held == "middle":
            self.windowed.emit(window, level + self.value_at(x) - self.value_at(start))
        elif self._held == "low":
            low = min(self.value_at(x), high - least)
            self.windowed.emit(high - low, (low + high) / 2)
        elif self._held == "high":
            high = max(self.value_at(x), low + least)
            self.windowed.emit(high - low, (low + high) / 2)
