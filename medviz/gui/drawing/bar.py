"""The colour bar beside a map: which colour is which value, with its unit."""

import numpy as np
from PySide6.QtCore import QRectF
from PySide6.QtGui import QFontMetricsF, QPainter

from medviz.gui.drawing.colours import colour_map, image_of, put_image
from medviz.gui.drawing.look import look_of, type_of
from medviz.gui.drawing.numbers import number_text
from medviz.gui.drawing.view import View

_GAP, _WIDE, _BEFORE_TEXT = 8, 9, 5
_ROOM = "−888"
"""The numbers beside a bar get this much room, so that nothing moves while they change under the mouse."""


def bar_room(view: View, levels: tuple[float, float], unit: str) -> float:
    """Return how many px the bar takes at the right of a map."""
    small = QFontMetricsF(type_of(view, view.type_px * 0.85))
    texts = [*(number_text(level, 3) for level in levels), unit, _ROOM]
    return _GAP + _WIDE + _BEFORE_TEXT + max(small.horizontalAdvance(text) for text in texts)


def paint_bar(
    painter: QPainter, view: View, area: tuple[float, float, float, float], colours: str, levels: tuple[float, float],
    unit: str,
) -> None:  # fmt: skip
    """Paint the bar beside `area`, its ends (and zero between them) and the unit."""
    x, y, width, height = area
    bar = QRectF(x + width + _GAP, y, _WIDE, height)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, True)
    put_image(painter, bar, image_of(np.ascontiguousarray(colour_map(colours)[::-1, None, :])))
    painter.setPen(look_of(view).dim)
    painter.setFont(type_of(view, view.type_px * 0.85))
    line = QFontMetricsF(painter.font()).height()
    low, high = levels
    ticks = [(high, y), (low, y + height - line)]
    if low < 0 < high and height > 3.4 * line:
        ticks.append((0.0, y + height * high / (high - low) - line / 2))
    for value, at in ticks:
        painter.drawText(QRectF(bar.right() + _BEFORE_TEXT, at, 200, line), 0, number_text(value, 3))
    if unit and height > 5 * line:
        painter.drawText(QRectF(bar.right() + _BEFORE_TEXT, y + line, 200, line), 0, unit)
