"""What all views share: a title line, the signals of pointing and editing, and how much room they ask for."""

from typing import Any

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from medviz.gui.drawing.arrange import Need
from medviz.gui.drawing.look import look_of, type_of

TYPE_PX = 13


class View(QWidget):
    """Draws figures of one kind. `show_figure` again with the next value: it is updated in place.

    Signals: `pointed` (name, (row, col), (rows, cols)) at each new cell under the mouse; `edited` (name, (row, col),
    value) at each keystroke that makes a number; `left` when the mouse goes; `opened` (name) on a double click that
    nothing else wants; `dragged` (name, from (row, col), to (row, col)) with parts of a cell, while the left button
    is held on a figure that lets something be dragged; the first time both places are the same; `painted` (name, way)
    likewise on a figure that may be painted on, with all places (row, col) since the button went down.
    """

    pointed = Signal(str, object, object)
    edited = Signal(str, object, float)
    left = Signal()
    opened = Signal(str)
    dragged = Signal(str, object, object)
    painted = Signal(str, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.figure: Any = None
        self.type_px = TYPE_PX
        self.tight = 0
        self._readout = ""
        self._readout_is_bad = False

    def show_figure(self, figure: Any) -> None:
        """Draw this value from now on."""
        old, self.figure = self.figure, figure
        self.setAccessibleName(figure.title or figure.name)
        self.take(old, figure)
        self.update()

    def take(self, old: Any, new: Any) -> None:
        """Prepare what is to be painted (to be overridden); `old` is None the first time."""

    def set_type(self, pixels: int) -> None:
        """Set the height of the type in px (larger on the stage)."""
        if pixels != self.type_px:
            self.type_px = pixels
            self.restyled()

    def set_tight(self, tight: int) -> None:
        """Do without what is only convenient where the board is small: 1 spares bars beside numbers, 2 numbers."""
        if tight != self.tight:
            self.tight = tight
            self.restyled()

    def restyled(self) -> None:
        """Follow a change of type or colours (to be overridden)."""
        self.update()

    def need(self) -> Need:
        """Return what room it asks for."""
        weight = self.figure.weight if self.figure else 1.0
        return Need(frame=(0, self.header_px), least=(160, 120), weight=weight)

    def sizeHint(self) -> QSize:
        """Return a size for a view that stands alone, outside a board."""
        return QSize(320, 240)

    @property
    def header_px(self) -> float:
        """Height of the title line; 0 where there is no title."""
        return round(self.type_px * 1.7) if self.figure is not None and self.figure.title else 0

    @property
    def title_px(self) -> float:
        """Width of the title as it is written."""
        return QFontMetricsF(type_of(self, self.type_px, bold=True)).horizontalAdvance(self.figure.title)

    @property
    def content(self) -> QRectF:
        """The room below the title line."""
        return QRectF(0, self.header_px, self.width(), max(0.0, self.height() - self.header_px))

    def say(self, text: str, bad: bool = False) -> None:
        """Put a text (the value under the mouse) at the right end of the title line."""
        if (text, bad) != (self._readout, self._readout_is_bad):
            self._readout, self._readout_is_bad = text, bad
            self.update(0, 0, self.width(), int(self.header_px) + 1)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the title line, then the content."""
        painter = QPainter(self)
        try:
            self.paint_header(painter)
            if self.figure is not None:
                self.paint(painter)
        finally:  # Qt crashes on a painter that outlives its widget, and the mistake would never be read
            painter.end()

    def paint(self, painter: QPainter) -> None:
        """Paint the content (to be overridden; views that hold a widget have nothing to paint)."""

    def paint_header(self, painter: QPainter) -> None:
        """Paint title and readout; the title is shortened before the readout is."""
        if not self.header_px:
            return
        look, line = look_of(self), QRectF(0, 0, self.width(), self.header_px * 0.86)
        painter.setFont(type_of(self, self.type_px))
        small = QFontMetricsF(painter.font())
        room = self.width() - (small.horizontalAdvance(self._readout) + 12 if self._readout else 0)
        painter.setFont(type_of(self, self.type_px, bold=True))
        bold = QFontMetricsF(painter.font())
        middle = Qt.AlignmentFlag.AlignVCenter
        title = bold.elidedText(self.figure.title, Qt.TextElideMode.ElideRight, max(0.0, room))
        painter.setPen(look.text)
        painter.drawText(line, middle | Qt.AlignmentFlag.AlignLeft, title)
        painter.setFont(type_of(self, self.type_px))
        painter.setPen(look.bad if self._readout_is_bad else look.dim)
        painter.drawText(line, middle | Qt.AlignmentFlag.AlignRight, self._readout)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self.restyled()
        super().changeEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        """Tell that the mouse went."""
        self.say("")
        self.left.emit()
        super().leaveEvent(event)

    def in_header(self, place: QPointF) -> bool:
        """Tell whether a place is in the title line."""
        return place.y() < self.header_px
