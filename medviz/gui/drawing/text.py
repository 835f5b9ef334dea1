"""Sentences, and the line of arithmetic filled in with the current numbers."""

from typing import Any

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QResizeEvent
from PySide6.QtWidgets import QLabel, QVBoxLayout

from medviz.figures import Text
from medviz.gui.drawing.arrange import Need
from medviz.gui.drawing.look import dressed, look_of, mixed, type_of
from medviz.gui.drawing.view import View

_LONGEST = 4000
_PAD = 10
_BESIDE = 10.2
"""Width of the title's column in heights of type; a title stands beside its text where there is room for both."""


class TextView(View):
    """Draws a Text; it can be selected and copied. A warning stands on amber, a formula in fixed-width type."""

    figure: Text | None

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._label = QLabel(self)
        self._label.setWordWrap(True)
        self._label.setTextFormat(Qt.TextFormat.PlainText)
        self._label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._label.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self._box = QVBoxLayout(self)
        self._box.addWidget(self._label)

    def take(self, old: Any, new: Any) -> None:
        """Show the words."""
        self._label.setText(self.words)
        if old is None or (old.formula, old.level, old.title) != (new.formula, new.level, new.title):
            self.restyled()

    @property
    def header_px(self) -> float:
        """No line of its own where the title stands beside the text."""
        return 0 if self.beside(self.width()) else super().header_px

    def beside(self, width: float) -> float:
        """Width of the title's column at a width of the whole; 0 where the title stands above."""
        column = round(_BESIDE * self.type_px)
        return column if self.figure is not None and self.figure.title and width >= 5 * column else 0

    @property
    def words(self) -> str:
        """What is written; beyond a few thousand letters nobody reads on."""
        text = self.figure.text if self.figure is not None else ""
        return text if len(text) <= _LONGEST else text[:_LONGEST] + " …"

    def restyled(self) -> None:
        """Follow type and theme."""
        self._box.setContentsMargins(*self._margins(self.width()))
        look, formula = look_of(self), self.figure is not None and self.figure.formula
        colour = self._colour() if self.level in ("good", "bad") else look.text
        dressed(self._label, self._type().pixelSize(), colour, fixed=formula)
        self.update()

    def _margins(self, width: float) -> tuple[int, int, int, int]:
        side = _PAD if self.plated else 2
        beside = self.beside(width)
        above = 0 if beside else round(super().header_px)
        return round(side + (6 if self.plated else 0) + beside), above + 4, side, 4

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put the title beside or above."""
        self._box.setContentsMargins(*self._margins(self.width()))
        super().resizeEvent(event)

    @property
    def level(self) -> str:
        """The level of the text."""
        return self.figure.level if self.figure is not None else "plain"

    @property
    def plated(self) -> bool:
        """True where it stands on a coloured plate."""
        return self.level != "plain"

    def _type(self) -> QFont:
        formula = self.figure is not None and self.figure.formula
        return type_of(self, self.type_px * (1.08 if formula else 1.0), fixed=formula)

    def _colour(self) -> QColor:
        look = look_of(self)
        return {"good": look.good, "warning": look.warning, "bad": look.bad}.get(self.level, look.text)

    def need(self) -> Need:
        """Ask for the height its words take at a width."""
        weight = self.figure.weight if self.figure else 1.0
        return Need(height_for=self.height_for, least=(180, 24), weight=weight)

    def height_for(self, width: float) -> float:
        """Return the height at a width, the title with it."""
        left, above, right, below = self._margins(width)
        flags = int(Qt.TextFlag.TextWordWrap) | int(Qt.AlignmentFlag.AlignLeft)
        metrics = QFontMetricsF(self._type())
        room = QRectF(0, 0, max(40.0, width - left - right), 1e5)
        high = max(metrics.height(), metrics.boundingRect(room, flags, self.words).height())
        beside = self.beside(width)
        if beside and self.figure is not None:
            bold = QFontMetricsF(type_of(self, self.type_px, bold=True))
            title = bold.boundingRect(QRectF(0, 0, beside - 10, 1e5), flags, self.figure.title)
            high = max(high, title.height())
        return high + above + below + 4

    def paint(self, painter: QPainter) -> None:
        """Paint the plate and its edge in the colour of the level, and the title beside the words."""
        if self.plated:
            self._paint_plate(painter)
        beside = self.beside(self.width())
        if beside and self.figure is not None:
            left, above, _, _ = self._margins(self.width())
            painter.setFont(type_of(self, self.type_px, bold=True))
            painter.setPen(look_of(self).dim)
            box = QRectF(left - beside + 2, above, beside - 10, self.height() - above)
            flags = int(Qt.TextFlag.TextWordWrap) | int(Qt.AlignmentFlag.AlignTop)
            painter.drawText(box.translated(0, 1), flags, self.figure.title)

    def _paint_plate(self, painter: QPainter) -> None:
        look, colour = look_of(self), self._colour()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(mixed(look.back, colour, 0.16))
        plate = self.content.adjusted(0, 1, 0, -1)
        painter.drawRoundedRect(plate, 4, 4)
        painter.fillRect(QRectF(plate.x(), plate.y(), 4, plate.height()), colour)
