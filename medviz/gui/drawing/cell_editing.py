"""Editing the cells of a grid like a spreadsheet: select, walk, type, copy, paste."""

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QApplication

from medviz.gui.drawing.cell_editor import CellEditor, pasted
from medviz.gui.drawing.grid_view import GridView
from medviz.gui.drawing.look import type_of

_ARROWS = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}
_BEGINS = "0123456789-+.,−"


class CellEditing:
    """The selected cell of a view whose figure has `values`, and the field that is open over it.

    The view's `edited` comes at each keystroke that makes a number, for each cell that is pasted, and with the old
    number when Escape takes it back.
    """

    def __init__(self, view: GridView) -> None:
        self._view = view
        self.selected: tuple[int, int] | None = None
        self.editor: CellEditor | None = None

    def key(self, event: QKeyEvent) -> bool:
        """Obey a key; False where it means nothing."""
        if self.selected is None:
            return False
        if event.key() in _ARROWS:
            self.walk(*_ARROWS[Qt.Key(event.key())])
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_F2):
            self.open()
        elif event.matches(QKeySequence.StandardKey.Copy):
            QApplication.clipboard().setText(self.as_text())
        elif event.matches(QKeySequence.StandardKey.Paste):
            self.paste(QApplication.clipboard().text())
        elif event.text() and event.text() in _BEGINS:
            self.open(event.text())
        elif event.key() == Qt.Key.Key_Escape:
            self.select(None)
        else:
            return False
        return True

    def select(self, cell: tuple[int, int] | None) -> None:
        """Select a cell, or none."""
        self.selected = cell
        self._view.update()

    def walk(self, down: int, right: int) -> None:
        """Select a neighbour; at the edge it stays."""
        if self.selected is not None:
            rows, cols = self._view.shape()
            row, col = self.selected[0] + down, self.selected[1] + right
            self.select((min(max(row, 0), rows - 1), min(max(col, 0), cols - 1)))

    def open(self, text: str | None = None) -> None:
        """Open the selected cell for typing; `text` replaces what it holds."""
        if self.selected is None:
            return
        self.leave()
        held = float(self._view.figure.values[self.selected])
        self.editor = CellEditor(self._view, held, text)
        self.editor.numbered.connect(self._typed)
        self.editor.moved.connect(self._done)
        self.editor.closed.connect(self.leave)
        self.place()
        self.editor.begin()

    def leave(self) -> None:
        """Close the cell; what was typed last and was a number stays."""
        if self.editor is not None:
            editor, self.editor = self.editor, None
            had_focus = editor.hasFocus()
            editor.finish()
            if had_focus:
                self._view.setFocus()

    def place(self) -> None:
        """Put the field over its cell (again, where the grid has moved)."""
        if self.editor is not None and self.selected is not None:
            x, y, width, height = self._view.grid.box(*self.selected)
            font = type_of(self._view, min(height * 0.42, self._view.type_px * 1.6))
            self.editor.place(QRectF(x, y, width, height), font)

    def as_text(self) -> str:
        """Return the numbers as rows of tab-separated text."""
        return "\n".join("\t".join(f"{float(value):g}" for value in row) for row in self._view.figure.values)

    def paste(self, text: str) -> None:
        """Put rows of numbers in, from the selected cell on."""
        rows, cols = self._view.shape()
        for (row, col), value in pasted(text, self.selected or (0, 0)):
            if row < rows and col < cols:
                self._view.edited.emit(self._view.figure.name, (row, col), value)

    def _typed(self, value: float) -> None:
        if self.selected is not None:
            self._view.edited.emit(self._view.figure.name, self.selected, value)

    def _done(self, down: int, right: int) -> None:
        self.leave()
        self.walk(down, right)
