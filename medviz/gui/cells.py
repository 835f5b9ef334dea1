"""A matrix to be edited cell by cell: typed, walked with the arrows, pasted, made larger or smaller."""

import json
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QLineEdit, QSpinBox, QVBoxLayout, QWidget

from medviz.gui.controls import Control, calm, chain
from medviz.parameters import Matrix, Parameter, Size
from medviz.refused import Refused

CELL_PX = 44


class Cells(Control):
    """The numbers of a Matrix. Each keystroke counts; a cell that is no number is marked and waits."""

    WIDE = True

    def __init__(self, one: Parameter) -> None:
        super().__init__(one)
        self.size_mark = one.mark(Size) or Size(9, 9)
        self.grid = Grid()
        self.rows = self._counter("rows", self.size_mark.rows, self._turn_rows)
        self.columns = self._counter("columns", self.size_mark.columns, self._turn_columns)
        self._rows: Matrix = ((0.0,),)
        above = QHBoxLayout()
        above.setSpacing(8)
        above.addWidget(self.rows)
        above.addWidget(QLabel("×"))
        above.addWidget(self.columns)
        above.addStretch(1)
        column = QVBoxLayout()
        column.setSpacing(8)
        column.addLayout(above)
        column.addWidget(self.grid, 0, Qt.AlignmentFlag.AlignLeft)
        self.row.addLayout(column)
        self.grid.typed.connect(self._typed)
        self.grid.pasted.connect(self._pasted)

    def put(self, value: Any) -> None:
        """Show a matrix."""
        self._rows = value
        self.rows.setValue(len(value))
        self.columns.setValue(len(value[0]))
        if self.grid.put(value):
            chain(self.columns, self.grid)

    def _counter(self, what: str, most: int, act: Callable[[int], None]) -> QSpinBox:
        box = QSpinBox()
        box.setRange(1, most)
        box.setAccessibleName(f"{what} of {self.one.label}")
        box.setToolTip(what)
        box.setAlignment(Qt.AlignmentFlag.AlignCenter)
        box.setFixedWidth(60)
        calm(box)
        box.valueChanged.connect(act)
        return box

    def _turn_rows(self, count: int) -> None:
        self._resize(count, len(self._rows[0]))

    def _turn_columns(self, count: int) -> None:
        self._resize(len(self._rows), count)

    def _resize(self, rows: int, columns: int) -> None:
        old = self._rows
        if (rows, columns) == (len(old), len(old[0])):
            return  # the counter follows the matrix
        whole = [[old[r][c] if r < len(old) and c < len(old[0]) else 0.0 for c in range(columns)] for r in range(rows)]
        self._take(tuple(map(tuple, whole)))

    def _typed(self) -> None:
        wrong = self.grid.wrong()
        if wrong:
            r, c, text = wrong[0]
            self.doubted.emit(f"row {r + 1}, column {c + 1}: “{text}” is not a number; the last good value stands")
            return
        self.doubted.emit("")
        rows = self.grid.read(self._rows)
        if rows != self._rows:
            self._rows = rows
            self.edited.emit(rows)

    def _pasted(self, text: str) -> None:
        try:
            self._take(self.one.checked(table(text)))
        except Refused as refusal:
            self.doubted.emit(f"what was pasted: {refusal.fault}; {refusal.remedy}")

    def _take(self, rows: Matrix) -> None:
        self.put(rows)
        self.doubted.emit("")
        self.edited.emit(rows)


class Grid(QWidget):
    """Cells in rows and columns. `typed` comes at each keystroke, `pasted` (text) when a table is pasted."""

    typed = Signal()
    pasted = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.cells: list[list[QLineEdit]] = []
        self._layout = QGridLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(2)

    def put(self, rows: Matrix) -> bool:
        """Show these numbers; True where cells had to be made.

        A cell in which the same number stands otherwise written ("1.") is left alone.
        """
        other = (len(rows), len(rows[0])) != (len(self.cells), len(self.cells[0]) if self.cells else 0)
        if other:
            self._build(len(rows), len(rows[0]))
        for cells, values in zip(self.cells, rows, strict=True):
            for cell, value in zip(cells, values, strict=True):
                if number(cell.text()) != value and cell.text() != short(value):
                    cell.setText(short(value))
                mark(cell, False)
        return other

    def read(self, before: Matrix) -> Matrix:
        """Return the numbers, only where none is `wrong`; a cell not touched keeps all digits of `before`."""
        pairs = (zip(cells, values, strict=True) for cells, values in zip(self.cells, before, strict=True))
        return tuple(
            tuple(value if cell.text() == short(value) else float(number(cell.text()) or 0.0) for cell, value in row)
            for row in pairs
        )

    def wrong(self) -> list[tuple[int, int, str]]:
        """Mark and list the cells that hold no number, as (row, column, text)."""
        found = []
        for r, row in enumerate(self.cells):
            for c, cell in enumerate(row):
                bad = number(cell.text()) is None
                mark(cell, bad)
                if bad:
                    found.append((r, c, cell.text()))
        return found

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Walk with the arrows, paste tables."""
        if not isinstance(event, QKeyEvent) or event.type() != QEvent.Type.KeyPress:
            return False
        if event.matches(QKeySequence.StandardKey.Paste):
            text = QGuiApplication.clipboard().text()
            if len(text.split()) > 1 or "[" in text:
                self.pasted.emit(text)
                return True
            return False
        return isinstance(watched, QLineEdit) and self._walk(watched, event)

    def _walk(self, cell: QLineEdit, event: QKeyEvent) -> bool:
        r, c = next((r, c) for r, row in enumerate(self.cells) for c, one in enumerate(row) if one is cell)
        keys, all_of_it = Qt.Key, cell.hasSelectedText()
        steps = {keys.Key_Up: (-1, 0), keys.Key_Down: (1, 0), keys.Key_Return: (1, 0), keys.Key_Enter: (1, 0)}
        if all_of_it or cell.cursorPosition() == 0:
            steps[keys.Key_Left] = (0, -1)
        if all_of_it or cell.cursorPosition() == len(cell.text()):
            steps[keys.Key_Right] = (0, 1)
        down, right = steps.get(Qt.Key(event.key()), (0, 0))
        if (down, right) == (0, 0):
            return False
        to = self.cells[(r + down) % len(self.cells)][(c + right) % len(self.cells[0])]
        to.setFocus(Qt.FocusReason.TabFocusReason)
        to.selectAll()
        return True

    def _build(self, rows: int, columns: int) -> None:
        for old in (cell for row in self.cells for cell in row):
            self._layout.removeWidget(old)
            old.hide()
            old.deleteLater()
        self.cells = [[self._cell(r, c) for c in range(columns)] for r in range(rows)]

    def _cell(self, r: int, c: int) -> QLineEdit:
        cell = QLineEdit("0", self)
        cell.setProperty("look", "cell")
        cell.setAlignment(Qt.AlignmentFlag.AlignCenter)
        cell.setFixedWidth(CELL_PX)
        cell.setAccessibleName(f"row {r + 1}, column {c + 1}")
        cell.installEventFilter(self)
        cell.textEdited.connect(lambda: self.typed.emit())
        self._layout.addWidget(cell, r, c)
        return cell


def number(text: str) -> float | None:
    """Read a number or a fraction ("1/9"), None where it is neither."""
    try:
        above, slash, below = text.replace(",", ".").replace("−", "-").partition("/")
        value = float(above) / (float(below) if slash else 1.0)
    except (ValueError, ZeroDivisionError):
        return None
    return value if abs(value) < float("inf") else None


def short(value: float) -> str:
    """Write a number as a cell shows it."""
    return f"{value:.6g}"


def mark(cell: QLineEdit, bad: bool) -> None:
    """Mark a cell as bad or good."""
    if bool(cell.property("bad")) != bad:
        cell.setProperty("bad", bad)
        cell.style().unpolish(cell)
        cell.style().polish(cell)


def table(text: str) -> Any:
    """Read rows from JSON ("[[1, 0], [0, 1]]") or from lines of numbers divided by tabs, blanks or semicolons."""
    try:
        read = json.loads(text)
    except json.JSONDecodeError:
        lines = text.replace(";", " ").replace("\t", " ").strip().splitlines()
        return [[cell if number(cell) is None else number(cell) for cell in line.split()] for line in lines]
    return read if isinstance(read, list) else [[read]]
