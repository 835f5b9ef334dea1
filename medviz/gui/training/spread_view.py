"""A map of shares that fills its room: layers or bins down, bins or steps across, its numbers under the mouse."""

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QImage, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from medviz.gui.drawing.colours import coloured
from medviz.gui.drawing.look import look_of, type_of
from medviz.gui.drawing.numbers import number_text
from medviz.gui.theme import TEXT_PX, theme
from medviz.gui.training.track import Array

MOST_NAME_PX = 150


class SpreadView(QWidget):
    """Paints values (rows, columns) with their names; unlike a Heatmap its cells need not be square."""

    def __init__(self) -> None:
        super().__init__()
        self.values: Array = np.zeros((0, 0))
        self.row_names: Sequence[str] = ()
        self.column_names: Sequence[str] = ()
        self.unit, self.x_name = "%", ""
        self._image = QImage()
        self._under: tuple[int, int] | None = None
        self.setMouseTracking(True)
        self.setMinimumSize(120, 96)

    def show_values(
        self, values: Array, row_names: Sequence[str], column_names: Sequence[str], unit: str, x_name: str
    ) -> None:
        """Paint these."""
        self.values, self.row_names, self.column_names = values, row_names, column_names
        self.unit, self.x_name = unit, x_name
        if values.size:
            top = max(1.0, float(np.nanmax(values)))
            painted = np.ascontiguousarray(coloured(values, "viridis", (0.0, top)))
            high, wide = values.shape
            self._image = QImage(painted.data, wide, high, 3 * wide, QImage.Format.Format_RGB888).copy()
        self._under = None
        self.update()

    def sizeHint(self) -> QSize:
        """Return a size for a view that stands alone."""
        return QSize(320, 240)

    def said(self) -> str:
        """What is under the mouse."""
        if self._under is None or not self.values.size:
            return ""
        row, column = self._under
        where = f"{self.row_names[row]} · {self.column_names[column]}"
        return f"{where}: {number_text(float(self.values[row, column]), 3)} {self.unit}"

    @property
    def _type_px(self) -> float:
        now = theme()
        return TEXT_PX * (now.scale if now else 1.0) * 0.82

    def _area(self) -> QRectF:
        metrics = QFontMetricsF(type_of(self, self._type_px))
        names = max((metrics.horizontalAdvance(name) for name in self.row_names), default=0.0)
        left, line = min(names, MOST_NAME_PX) + 8, metrics.height()
        return QRectF(left, line + 4, max(1.0, self.width() - left - 2), max(1.0, self.height() - 3 * line - 8))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the map, the names that have room, and what is under the mouse."""
        if not self.values.size:
            return
        painter = QPainter(self)
        try:
            area, look = self._area(), look_of(self)
            painter.drawImage(area, self._image)
            painter.setFont(type_of(self, self._type_px))
            line = QFontMetricsF(painter.font()).height()
            painter.setPen(look.dim)
            self._paint_rows(painter, area, line)
            self._paint_columns(painter, area, line)
            painter.drawText(
                QRectF(area.left(), area.bottom() + line + 2, area.width(), line),
                Qt.AlignmentFlag.AlignHCenter,
                self.x_name,
            )
            painter.setPen(look.text)
            painter.drawText(QRectF(0, 0, self.width(), line), Qt.AlignmentFlag.AlignRight, self.said())
        finally:  # Qt crashes on a painter that outlives its widget
            painter.end()

    def _paint_rows(self, painter: QPainter, area: QRectF, line: float) -> None:
        each = area.height() / len(self.row_names)
        every = max(1, int(np.ceil(line / each)))
        for row in range(0, len(self.row_names), every):
            middle = area.top() + (row + 0.5) * each
            words = painter.fontMetrics().elidedText(
                self.row_names[row], Qt.TextElideMode.ElideMiddle, int(area.left() - 6)
            )
            box = QRectF(0, middle - line / 2, area.left() - 6, line)
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, words)

    def _paint_columns(self, painter: QPainter, area: QRectF, line: float) -> None:
        each, free = area.width() / len(self.column_names), -1e9
        for column, name in enumerate(self.column_names):
            wide = QFontMetricsF(painter.font()).horizontalAdvance(name)
            left = min(max(area.left() + (column + 0.5) * each - wide / 2, area.left()), area.right() - wide)
            if left > free:
                painter.drawText(QRectF(left, area.bottom() + 2, wide + 2, line), name)
                free = left + wide + 12

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Read the cell under the mouse."""
        area, place = self._area(), event.position()
        inside = area.contains(place) and self.values.size
        high, wide = self.values.shape
        under = (
            int((place.y() - area.top()) / area.height() * high),
            int((place.x() - area.left()) / area.width() * wide),
        )
        self._under = (min(under[0], high - 1), min(under[1], wide - 1)) if inside else None
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        """Read nothing."""
        super().leaveEvent(event)
        self._under = None
        self.update()
