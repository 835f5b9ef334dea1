"""The field one types a cell's number into."""

from collections.abc import Iterator

from PySide6.QtCore import QEvent, QRectF, Qt, Signal
from PySide6.QtGui import QFocusEvent, QFont, QFontMetrics, QKeyEvent
from PySide6.QtWidgets import QLabel, QLineEdit, QWidget

from medviz.gui.drawing.look import look_of
from medviz.gui.drawing.numbers import number_of


class CellEditor(QLineEdit):
    """Lies over one cell. `numbered` (value) at each keystroke that makes a number; what makes none turns red.

    Enter and Tab leave for the next cell (`moved`), Escape puts the old number back (`closed`).
    """

    numbered = Signal(float)
    moved = Signal(int, int)
    closed = Signal()

    def __init__(self, parent: QWidget, held: float, text: str | None) -> None:
        super().__init__(parent)
        self._held = held
        self._view = parent
        self._done = False
        self._pixels = 13
        self.setObjectName("cell")
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setFrame(False)
        self.setText(f"{held:g}" if text is None else text)
        if text is None:
            self.selectAll()
        look = look_of(self)
        self.complaint = QLabel(parent.window())
        self.complaint.setStyleSheet(
            f"background: {look.bad.name()}; color: {'black' if look.dark else 'white'}; "
            "padding: 3px 7px; border-radius: 3px;"
        )
        self.complaint.hide()
        self.textEdited.connect(self._read)

    def place(self, cell: QRectF, font: QFont) -> None:
        """Lie over a cell; grow to the right where the text is wider than the cell."""
        wide = QFontMetrics(font).horizontalAdvance(self.text() + "00") + 8
        self.setFont(font)
        self._pixels = font.pixelSize()
        self._colour(number_of(self.text()) is not None)
        box = cell.adjusted(1, 1, -1, -1).toRect()
        box.setWidth(max(box.width(), min(wide, self._view.width() - box.x())))
        self.setGeometry(box)

    def begin(self) -> None:
        """Show itself, take the keys, and read what is there already (a typed digit)."""
        self.show()
        self.setFocus()
        if not self.hasSelectedText():
            self._read(self.text())

    def finish(self) -> None:
        """Go away; only once."""
        if not self._done:
            self._done = True
            self.complaint.hide()
            self.complaint.deleteLater()
            self.hide()
            self.deleteLater()

    def event(self, event: QEvent) -> bool:
        """Take Tab before Qt moves the focus with it, and keys before any shortcut does."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            if event.key() == Qt.Key.Key_Tab:
                self.moved.emit(0, 1)
                return True
            if event.key() == Qt.Key.Key_Backtab:
                self.moved.emit(0, -1)
                return True
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        return super().event(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Close when one clicks elsewhere."""
        super().focusOutEvent(event)
        if event.reason() != Qt.FocusReason.PopupFocusReason:
            self.closed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Leave with Enter, the vertical arrows or Escape."""
        steps = {Qt.Key.Key_Return: 1, Qt.Key.Key_Enter: 1, Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}
        if event.key() in steps:
            self.moved.emit(steps[Qt.Key(event.key())], 0)
        elif event.key() == Qt.Key.Key_Escape:
            self.numbered.emit(self._held)
            self.closed.emit()
        else:
            super().keyPressEvent(event)

    def _read(self, text: str) -> None:
        value = number_of(text)
        self._colour(value is not None)
        if value is not None:
            self.complaint.hide()
            self.numbered.emit(value)
            return
        word = text.strip()
        self.complaint.setText(f"“{word}” is not a number; the last one is kept." if word else "Type a number.")
        self.complaint.adjustSize()
        self.complaint.move(self.mapTo(self.window(), self.rect().bottomLeft()))
        self.complaint.raise_()
        self.complaint.show()

    def _colour(self, good: bool) -> None:
        look = look_of(self)
        colour = look.text if good else look.bad
        self.setProperty("bad", not good)
        self.setStyleSheet(
            f"background: {look.base.name()}; color: {colour.name()}; border: 2px solid "
            f"{(look.accent if good else look.bad).name()}; border-radius: 0px; padding: 0px; min-height: 0px; "
            f"font-size: {self._pixels}px;"
        )


def pasted(text: str, start: tuple[int, int]) -> Iterator[tuple[tuple[int, int], float]]:
    """Read rows of numbers (from a spreadsheet or a slide) as cells from `start` on; what is no number is left out."""
    for down, line in enumerate(text.strip().splitlines()):
        parts = line.split("\t") if "\t" in line else line.replace(";", " ").split()
        for right, part in enumerate(parts):
            value = number_of(part)
            if value is not None:
                yield (start[0] + down, start[1] + right), value
