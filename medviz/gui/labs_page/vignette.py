"""A small picture for each lab on the shelf, drawn here so that it follows the theme."""

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QIconEngine, QPainter, QPixmap

from medviz.gui.colours import colours
from medviz.gui.icons import icon

_INPUT = ((2, 5, 7, 4), (4, 8, 9, 6), (3, 7, 8, 5), (1, 3, 4, 2))
DRAWN = "drawn.window"
"""The name of the one picture that is drawn here and not out of an icon font: a window on an image."""


def vignette(name: str, icon_name: str = "") -> QIcon:
    """Return the picture of a lab: drawn for those we know, else its icon or its first letter on a tile."""
    return QIcon(_Vignette(name, icon_name))


class _Vignette(QIconEngine):
    def __init__(self, name: str, icon_name: str) -> None:
        super().__init__()
        self._name, self._icon = name, icon_name

    def clone(self) -> QIconEngine:
        """Return another of the same."""
        return _Vignette(self._name, self._icon)

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        """Draw a tile and what the lab is about."""
        now, box = colours(), QRectF(rect)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor("black") if self._icon == DRAWN else now.of("raised"))
        painter.drawRoundedRect(box, 5, 5)
        if self._icon == DRAWN:
            _paint_window(painter, box.adjusted(4, 4, -4, -4))
        elif self._icon:
            icon(self._icon, "accent").paint(painter, rect.adjusted(7, 7, -7, -7))
        else:
            painter.setPen(now.of("accent"))
            font = painter.font()
            font.setPixelSize(round(rect.height() * 0.5))
            font.setBold(True)
            painter.setFont(font)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self._name[:1].upper())
        painter.restore()

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        """Draw it on a clear ground."""
        made = QPixmap(size)
        made.fill(Qt.GlobalColor.transparent)
        painter = QPainter(made)
        self.paint(painter, QRect(0, 0, size.width(), size.height()), mode, state)
        painter.end()
        return made


def _paint_window(painter: QPainter, box: QRectF) -> None:
    """Paint a small grey image with the window of a kernel on it."""
    side = box.width() / 4
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    for row, values in enumerate(_INPUT):
        for col, value in enumerate(values):
            cell = QRectF(box.x() + col * side, box.y() + row * side, side - 1, side - 1)
            painter.fillRect(cell, QColor.fromHsvF(0, 0, value / 9))
    frame = QRectF(box.x() + side - 1, box.y() + side - 1, 2 * side + 1, 2 * side + 1)
    painter.setPen(QColor(255, 170, 30))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(frame)
    painter.drawRect(frame.adjusted(1, 1, -1, -1))
