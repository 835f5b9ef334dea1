"""A table: texts at the left, numbers at the right with their unit in a lighter grey."""

import csv
import io
from typing import Any

from PySide6.QtCore import QModelIndex, QPoint, Qt
from PySide6.QtGui import QFontMetrics, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QAbstractItemView, QApplication, QHeaderView, QMenu, QTableView, QVBoxLayout

from medviz.figures import Table
from medviz.gui.drawing.arrange import Need
from medviz.gui.drawing.look import dressed, look_of, type_of
from medviz.gui.drawing.numbers import number_text
from medviz.gui.drawing.view import View
from medviz.gui.rows import LEFT, RIGHT, Index, Rows

_AIR, _PADDING, _WIDEST, _MEASURED = 6, 8, 360, 400


class _Cells(Rows):
    def __init__(self, view: "TableView") -> None:
        super().__init__(view)
        self._view = view
        self.table: Table | None = None

    def show(self, table: Table) -> None:
        old = self.table
        if old is not None and old.columns == table.columns and len(old.rows) == len(table.rows):
            self.table = table
            if table.rows and table.columns:
                self.dataChanged.emit(self.index(0, 0), self.index(len(table.rows) - 1, len(table.columns) - 1))
            return
        self.beginResetModel()
        self.table = table
        self.endResetModel()

    def count(self) -> int:
        return len(self.table.rows) if self.table else 0

    def heads(self) -> tuple[str, ...]:
        table = self.table
        if table is None:
            return ()
        units = (*table.units, *("" for _ in table.columns))
        return tuple(f"{word} ({unit})" if unit else word for word, unit in zip(table.columns, units, strict=False))

    def side(self, column: int) -> int:
        if self.table is None:
            return LEFT
        cells = (cell_of(self.table, row, column) for row in range(len(self.table.rows)))
        return RIGHT if any(isinstance(cell, int | float) for cell in cells) else LEFT

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if self.table is None or not index.isValid():
            return None
        value = cell_of(self.table, index.row(), index.column())
        if role == Qt.ItemDataRole.DisplayRole:
            return _written(value)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return LEFT if isinstance(value, str) else RIGHT
        if role == Qt.ItemDataRole.ForegroundRole and value is None:
            return look_of(self._view).dim
        return None


def _written(value: str | float | int | None) -> str:
    """Write a cell; a count is exact, however large."""
    if value is None or isinstance(value, str):
        return value or ("–" if value is None else "")
    exact = isinstance(value, int) and abs(value) >= 10_000
    return f"{value:,}".replace("-", "\N{MINUS SIGN}") if exact else number_text(value, 5)


class TableView(View):
    """Draws a Table; Ctrl+C or the menu copies it as CSV; `pointed` tells the cell under the mouse, `dragged` a click.

    A click is told twice the same place (row, col), as the beginning of a drag.
    """

    figure: Table | None

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._cells = _Cells(self)
        self._grid = QTableView(self)
        self._grid.setModel(self._cells)
        self._grid.setMouseTracking(True)
        self._grid.setShowGrid(False)
        self._grid.setAlternatingRowColors(True)
        self._grid.setWordWrap(False)
        self._grid.setFrameShape(QTableView.Shape.NoFrame)
        self._grid.setCornerButtonEnabled(False)
        self._grid.verticalHeader().hide()
        self._grid.horizontalHeader().setHighlightSections(False)
        self._grid.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self._grid.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self._grid.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self._grid.horizontalHeader().setStretchLastSection(False)
        self._grid.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self._grid.customContextMenuRequested.connect(self._open_menu)
        self._grid.entered.connect(self._enter)
        self._grid.pressed.connect(self._press)
        self._box = QVBoxLayout(self)
        self._box.addWidget(self._grid)

    @property
    def row_px(self) -> int:
        """Height of a row."""
        return round(self.type_px * 1.9)

    def take(self, old: Any, new: Any) -> None:
        """Show the cells; columns are fitted when their names or the number of rows change."""
        self._box.setContentsMargins(0, round(self.header_px), 0, 0)
        self._cells.show(new)
        if old is None or old.columns != new.columns:
            self.restyled()
        else:
            self._fit(shrink=len(old.rows) != len(new.rows))

    def restyled(self) -> None:
        """Follow type and theme."""
        look = look_of(self)
        dressed(self._grid, self.type_px, look.text)
        dressed(self._grid.horizontalHeader(), self.type_px * 0.92, look.dim)
        self._grid.verticalHeader().setDefaultSectionSize(self.row_px)
        self._fit(shrink=True)
        self.update()

    def _fit(self, shrink: bool) -> None:
        """Make the columns as wide as what they hold; while numbers change under the mouse they only grow."""
        self._grid.ensurePolished()
        for column in range(self._cells.columnCount()):
            wanted = self._widest(column) + _AIR
            if shrink or wanted > self._grid.columnWidth(column):
                self._grid.setColumnWidth(column, min(wanted, _WIDEST))
        self._grid.setMaximumWidth(self.least_px)

    def _widest(self, column: int) -> int:
        """Width of the title and the widest of the first texts of a column, with the padding of the theme."""
        metrics = QFontMetrics(type_of(self, self.type_px))
        texts = (self._cells.data(self._cells.index(row, column)) for row in range(min(_MEASURED, len(self._rows))))
        widest = max((metrics.horizontalAdvance(str(text)) for text in texts), default=0)
        title = str(self._cells.headerData(column, Qt.Orientation.Horizontal))
        return max(widest, metrics.horizontalAdvance(title)) + 2 * _PADDING

    @property
    def _rows(self) -> tuple[Any, ...]:
        return self.figure.rows if self.figure is not None else ()

    @property
    def least_px(self) -> int:
        """Width at which nothing is cut off."""
        bar = self._grid.verticalScrollBar().sizeHint().width()
        return self._grid.horizontalHeader().length() + bar + 4

    def need(self) -> Need:
        """Ask for the height of its rows, up to a dozen."""
        count = len(self.figure.rows) if self.figure else 1
        weight = self.figure.weight if self.figure else 1.0
        frame = self.header_px + self._grid.horizontalHeader().sizeHint().height() + 6
        least = frame + min(count, 6) * self.row_px
        wide = max(self.least_px, round(self.title_px) if self.figure else 0)
        most = frame + count * self.row_px
        return Need(
            frame=(0, frame), least=(min(460, wide), least), most_high=most, most_wide=max(160, wide), weight=weight
        )

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copy."""
        if event.matches(QKeySequence.StandardKey.Copy):
            QApplication.clipboard().setText(self.as_csv())
        else:
            event.ignore()

    def as_csv(self) -> str:
        """Return the whole table as CSV, units in the first line."""
        return as_csv(self.figure) if self.figure is not None else ""

    def _open_menu(self, at: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Copy as CSV", lambda: QApplication.clipboard().setText(self.as_csv()))
        menu.popup(self._grid.viewport().mapToGlobal(at))

    def _enter(self, index: QModelIndex) -> None:
        if self.figure is not None:
            size = len(self.figure.rows), len(self.figure.columns)
            self.pointed.emit(self.figure.name, (index.row(), index.column()), size)

    def _press(self, index: QModelIndex) -> None:
        """Tell of a click as of the beginning of a drag, which is what a click on a picture is."""
        if self.figure is not None:
            at = (index.row() + 0.5, index.column() + 0.5)
            self.dragged.emit(self.figure.name, at, at)


def cell_of(table: Table, row: int, column: int) -> str | float | int | None:
    """Return a cell; a row that is too short has None there."""
    cells = table.rows[row]
    return cells[column] if column < len(cells) else None


def as_csv(table: Table) -> str:
    """Write a table as CSV with the units in the column names; an empty cell is nothing."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    units = (*table.units, *[""] * len(table.columns))
    writer.writerow([f"{name} ({unit})" if unit else name for name, unit in zip(table.columns, units, strict=False)])
    writer.writerows([["" if cell is None else cell for cell in row] for row in table.rows])
    return out.getvalue()
