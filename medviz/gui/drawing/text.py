"""Sentences, and the line of arithmetic filled in with the current numbers."""

from typing import Any

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter
from PySide6.QtWidgets import QLabel, QVBoxLayout

from medviz.figures import Text
from medviz.gui.drawing.arrange import Need
from medviz.gui.drawing.look import dressed, look_of, mixed, type_of
from medviz.gui.drawing.view import View

_LONGEST = 4000
_PAD = 10


class TextView(View):
    """Draws a Text; it can be selected and copied. A warning stands on amber, a formula in fixed-width type."""

    figure: Text | None

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._label = QLabel(self)
        self._label.setWordWrap(True)
        self._label.setTextFormat(Qt.TextFormat.PlainText)
        self._label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._label.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self._box = QVBoxLayout(self)
        self._box.addWidget(self._label)

    def take(self, old: Any, new: Any) -> None:
        """Show the words."""
        self._label.setText(self.words)
        if old is None or (old.formula, old.level, old.title) != (new.formula, new.level, new.title):
            self.restyled()

    @property
    def words(self) -> str:
        """What is written; beyond a few thousand letters nobody reads on."""
        text = self.figure.text if self.figure is not None else ""
        return text if len(text) <= _LONGEST else text[:_LONGEST] + " …"

    def restyled(self) -> None:
        """Follow type and theme."""
        side = _PAD if self.plated else 2
        self._box.setContentsMargins(side + (6 if self.plated else 0), round(self.header_px) + 4, side, 4)
        look, formula = look_of(self), self.figure is not None and self.figure.formula
        colour = self._colour() if self.level in ("good", "bad") else look.text
        dressed(self._label, self._type().pixelSize(), colour, fixed=formula)
        self.update()

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
        return type_of(self, self.type_px * (1.15 if formula else 1.0), fixed=formula)

    def _colour(self) -> QColor:
        look = look_of(self)
        return {"good": look.good, "warning": look.warning, "bad": look.bad}.get(self.level, look.text)

    def need(self) -> Need:
        """Ask for the height its words take at a width."""
        margins = self._box.contentsMargins()
        frame = margins.left() + margins.right(), margins.top() + margins.bottom()
        weight = self.figure.weight if self.figure else 1.0
        return Need(frame=frame, height_for=self.height_for, least=(180, 24), weight=weight)

    def height_for(self, width: float) -> float:
        """Return the height of the words wrapped at a width."""
        metrics = QFontMetricsF(self._type())
        flags = int(Qt.TextFlag.TextWordWrap) | int(Qt.AlignmentFlag.AlignLeft)
        box = metrics.boundingRect(QRectF(0, 0, max(40.0, width), 1e5), flags, self.words)
        return max(metrics.height(), box.height()) + 4

    def paint(self, painter: QPainter) -> None:
        """Paint the plate and its edge in the colour of the level."""
        if not self.plated:
            return
        look, colour = look_of(self), self._colour()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(mixed(look.back, colour, 0.16))
        plate = self.content.adjusted(0, 1, 0, -1)
        painter.drawRoundedRect(plate, 4, 4)
        painter.fillRect(QRectF(plate.x(), plate.y(), 4, plate.height()), colour)
