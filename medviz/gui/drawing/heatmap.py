"""A heat map: values as colours, and as numbers wherever a cell is wide enough to hold one."""

from typing import Any

import numpy as np
from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFontMetricsF, QImage, QKeyEvent, QMouseEvent, QPainter, QPen

from medviz.figures import Heatmap
from medviz.gui.drawing.arrange import LEAST_CELL, Need
from medviz.gui.drawing.bar import bar_room, paint_bar
from medviz.gui.drawing.cell_editing import CellEditing
from medviz.gui.drawing.colours import coloured, image_of, is_light, levels_of, thinned
from medviz.gui.drawing.grid import Grid
from medviz.gui.drawing.grid_view import GridView
from medviz.gui.drawing.look import look_of, rgb, type_of
from medviz.gui.drawing.numbers import number_text, with_unit
from medviz.gui.drawing.picture import draw_image, same_array

FEW = 24
"""Up to so many rows and columns the cells are drawn in the board's common size."""
MOST_NUMBERS = 4000
_SHRINKS = 10
"""Cells a side from which on a grid may shrink below LEAST_CELL on a small board."""
_LEAST_TYPE_PX = 8.5
_TINT = QColor(58, 128, 190, 130)


class HeatmapView(GridView):
    """Draws a Heatmap; where it is editable, a double click or typing changes a cell, live at each keystroke."""

    figure: Heatmap | None

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._levels = (0.0, 1.0)
        self._painted_cells: Any = np.zeros((0, 0, 3), np.uint8)
        self._image = QImage()
        self.editing = CellEditing(self)

    # What the grid asks

    def shape(self) -> tuple[int, int]:
        """Rows and columns of values."""
        return tuple(self.figure.values.shape[:2]) if self.figure else (0, 0)

    @property
    def few(self) -> bool:
        """True where every cell is to be read as a number."""
        rows, cols = self.shape()
        return 0 < rows <= FEW and 0 < cols <= FEW and rows * cols <= 260

    def ratio(self) -> float:
        """Height of a cell over its width, from mm; cells that hold numbers are square."""
        mm = self.figure.mm if self.figure else None
        return mm[0] / mm[1] if mm and min(mm) > 0 and not self.few else 1.0

    def whole_px(self) -> bool:
        """Keep small grids crisp."""
        return self.few

    def margins(self) -> tuple[float, float, float, float]:
        """Room for names and the colour bar."""
        if self.figure is None:
            return (0.0, 0.0, 0.0, 0.0)
        small = QFontMetricsF(type_of(self, self.type_px * 0.85))
        left = max((small.horizontalAdvance(name) for name in self.figure.row_names), default=-6.0) + 6
        top = small.height() + 4 if self.figure.column_names else 0.0
        if self.lettered_outside():
            edge = self.type_px * 1.25
            bar = bar_room(self, self._levels, self.figure.unit) if self._has_bar else 0.0
            return (left + edge, top + edge, edge + bar, edge)
        right = bar_room(self, self._levels, self.figure.unit) if self._has_bar else 1.0
        return (left, top, right, 1.0)

    def lettered_outside(self) -> bool:
        """Keep the letters off the numbers."""
        return self.few and self.figure is not None and any(self.figure.letters or ())

    def on_light(self) -> bool:
        """Tell whether most of the ground is light (the white of a signed map)."""
        return self.figure is not None and self.figure.colours == "diverging"

    @property
    def _has_bar(self) -> bool:
        """Signed maps always have their bar, others where the numbers cannot be read in the cells."""
        if self.figure is None or not self.figure.values.size:
            return False
        signed = self.figure.colours == "diverging" and min(self.shape()) >= 3
        return not self.few or (signed and not self.tight)

    def need(self) -> Need:
        """Small maps ask for cells of the common size, large ones grow in their shape."""
        rows, cols = self.shape()
        left, top, right, bottom = self.margins()
        frame = left + right, top + bottom + self.header_px
        weight = self.figure.weight if self.figure else 1.0
        if not rows or not cols:
            return Need(frame=frame, least=(80, 40), most_high=frame[1] + 40, weight=weight)
        if self.few and not (self.tight == 2 and max(rows, cols) > _SHRINKS):
            wide = 0 if self.tight else min(self.title_px + 4, 14.0 * self.type_px)
            return Need(frame=frame, cells=(cols, rows), least=(wide, 0), weight=weight)
        aspect = min(max(cols / (rows * self.ratio()), 0.1), 10.0)
        return Need(frame=frame, aspect=aspect, least=(110, 110), weight=weight)

    def same_base(self, old: Heatmap, new: Heatmap) -> bool:
        """Tell whether only marks or letters differ."""
        return same_array(old.values, new.values) and all(
            getattr(old, name) == getattr(new, name)
            for name in ("colours", "levels", "unit", "digits", "ring", "mm", "row_names", "column_names", "title")
        )

    def take(self, old: Any, new: Any) -> None:
        """Turn values into colours."""
        super().take(old, new)
        if old is not None and old.values.shape != new.values.shape:
            self.see(None)
            self.editing.leave()
            self.editing.select(None)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus if new.editable else Qt.FocusPolicy.NoFocus)
        if self._base is not None:
            return
        self._levels = levels_of(new.values, new.colours, new.levels)
        self._painted_cells = coloured(thinned(new.values), new.colours, self._levels)
        self._image = image_of(self._painted_cells)
        self.editing.place()

    def value_text(self, row: int, col: int) -> str:
        """Say the place and the value with its unit."""
        if self.figure is None:
            return ""
        value = with_unit(number_text(self.figure.values[row, col], max(4, self.figure.digits)), self.figure.unit)
        names = self.figure.row_names, self.figure.column_names
        row_name = names[0][row] if row < len(names[0]) else f"row {row}"
        col_name = names[1][col] if col < len(names[1]) else f"column {col}"
        return value if self.few and not any(names) else f"{value}   {row_name} · {col_name}"

    # Painting

    def paint_base(self, painter: QPainter, grid: Grid) -> None:
        """Paint colours, lines, padding ring, numbers, names and the bar."""
        draw_image(painter, self._image, grid, sharp=self.few)
        wide, high = grid.cell_px
        self._paint_ring(painter, grid)
        if min(wide, high) >= 5:
            self._paint_lines(painter, grid)
        rows, cols = grid.visible()
        if wide >= 20 and high >= 12 and len(rows) * len(cols) <= MOST_NUMBERS:
            self._paint_numbers(painter, grid)
        self._paint_names(painter, grid)
        if self._has_bar and self.figure is not None:
            paint_bar(painter, self, self._beside(grid), self.figure.colours, self._levels, self.figure.unit)

    def _beside(self, grid: Grid) -> tuple[float, float, float, float]:
        """Return the cells with the letter at their right, beside which the bar stands."""
        x, y, width, height = grid.area
        return x, y, width + (self.type_px * 1.25 if self.lettered_outside() else 0), height

    def _paint_lines(self, painter: QPainter, grid: Grid) -> None:
        rows, cols = grid.visible()
        strong = min(grid.cell_px) >= 14
        painter.setPen(QPen(look_of(self).back, 1) if strong else QPen(QColor(0, 0, 0, 50), 1))
        x, y, width, height = grid.area
        for row in range(rows.start, rows.stop + 1):
            at = grid.box(row, 0)[1]
            if y - 1 <= at <= y + height + 1:
                painter.drawLine(QPoint(round(x), round(at)), QPoint(round(x + width), round(at)))
        for col in range(cols.start, cols.stop + 1):
            at = grid.box(0, col)[0]
            if x - 1 <= at <= x + width + 1:
                painter.drawLine(QPoint(round(at), round(y)), QPoint(round(at), round(y + height)))
        painter.setPen(QPen(look_of(self).line, 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(QRectF(x, y, width, height))

    def _paint_ring(self, painter: QPainter, grid: Grid) -> None:
        if self.figure is None or not any(self.figure.ring):
            return
        top, bottom, left, right = self.figure.ring
        rows, cols = grid.rows, grid.cols
        painter.save()
        painter.setClipRect(QRectF(*grid.area))
        for part in (
            (0, 0, top, cols),
            (rows - bottom, 0, bottom, cols),
            (top, 0, rows - top - bottom, left),
            (top, cols - right, rows - top - bottom, right),
        ):
            box = QRectF(*grid.box(*part))
            painter.fillRect(box, _TINT)
            painter.fillRect(box, QBrush(QColor(140, 200, 255, 90), Qt.BrushStyle.BDiagPattern))
        painter.restore()

    def _paint_numbers(self, painter: QPainter, grid: Grid) -> None:
        if self.figure is None:
            return
        rows, cols = grid.visible()
        values, digits = self.figure.values, self.figure.digits
        texts = {(row, col): number_text(values[row, col], digits) for row in rows for col in cols}
        wide, high = grid.cell_px
        pixels = self._number_px(list(texts.values()), wide, high)
        if wide < LEAST_CELL and pixels < _LEAST_TYPE_PX:
            return
        painter.setFont(type_of(self, pixels))
        step = max(1, -(-max(values.shape) // 4096))
        painter.save()
        painter.setClipRect(QRectF(*grid.area))
        for (row, col), text in texts.items():
            colour = self._painted_cells[row // step, col // step]
            if self._in_ring(row, col):
                colour = colour * (1 - _TINT.alphaF()) + np.array(rgb(_TINT)) * _TINT.alphaF()
            painter.setPen(QColor(16, 16, 16) if is_light(colour) else QColor(250, 250, 250))
            painter.drawText(QRectF(*grid.box(row, col)), Qt.AlignmentFlag.AlignCenter, text)
        painter.restore()

    def _number_px(self, texts: list[str], wide: float, high: float) -> float:
        """Height of type at which the longest number still fits into its cell."""
        most = min(high * 0.4, wide * 0.4, max(self.type_px * 1.7, wide * 0.26))
        longest = max(texts, key=len, default="")
        advance = QFontMetricsF(type_of(self, most)).horizontalAdvance(longest)
        room = wide - max(4.0, wide * 0.2)
        return most if advance <= room else max(7.0, most * room / advance)

    def _in_ring(self, row: int, col: int) -> bool:
        if self.figure is None:
            return False
        top, bottom, left, right = self.figure.ring
        rows, cols = self.shape()
        return row < top or row >= rows - bottom or col < left or col >= cols - right

    def _paint_names(self, painter: QPainter, grid: Grid) -> None:
        if self.figure is None:
            return
        painter.setFont(type_of(self, self.type_px * 0.85))
        painter.setPen(look_of(self).dim)
        metrics, high = QFontMetricsF(painter.font()), grid.cell_px[1]
        rows, cols = grid.visible()
        if high >= metrics.height() * 0.8:
            for row, name in list(enumerate(self.figure.row_names))[rows.start : rows.stop]:
                x, y, _, height = grid.box(row, 0)
                box = QRectF(0, y, grid.area[0] - 5, height)
                painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, name)
        alone = len(self.figure.column_names) == 1
        widest = max((metrics.horizontalAdvance(name) for name in self.figure.column_names), default=0.0)
        if widest > max(grid.cell_px[0] - 2, 0.0) and not alone:
            shrunk = max(8.0, self.type_px * 0.85 * (grid.cell_px[0] - 2) / widest)
            painter.setFont(type_of(self, shrunk))
            metrics = QFontMetricsF(painter.font())
        for col, name in list(enumerate(self.figure.column_names))[cols.start : cols.stop]:
            x, _, width, _ = grid.box(0, col)
            if alone:
                x, width = x - width / 2, width * 2
            box = QRectF(x, grid.area[1] - metrics.height() - 3, width, metrics.height())
            text = metrics.elidedText(name, Qt.TextElideMode.ElideRight, width)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def paint(self, painter: QPainter) -> None:
        """Paint the map, then the selected cell."""
        super().paint(painter)
        cell = self.editing.selected
        if cell and self.editable and self.hasFocus():
            painter.setPen(QPen(look_of(self).accent, 2, Qt.PenStyle.DotLine))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRectF(*self.grid.box(*cell)).adjusted(2, 2, -2, -2))

    # Editing

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Select the cell that is to be edited."""
        super().mousePressEvent(event)
        if self.editable and event.button() == Qt.MouseButton.LeftButton:
            self.editing.leave()
            self.editing.select(self.grid.cell_at(event.position().x(), event.position().y()))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Edit the cell under the mouse."""
        cell = self.grid.cell_at(event.position().x(), event.position().y())
        if self.editable and cell:
            self.editing.select(cell)
            self.editing.open()
        else:
            super().mouseDoubleClickEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move with the arrows, begin to edit by typing, copy and paste the numbers."""
        if not (self.editable and self.editing.key(event)):
            event.ignore()

    @property
    def editable(self) -> bool:
        """True where a person may type into the cells."""
        return self.figure is not None and self.figure.editable
