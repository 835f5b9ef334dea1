"""A case as it is painted: grey or colour, labels over it in the label colours, boxes with their classes."""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from medviz.figures import Picture
from medviz.gui.colours import colours
from medviz.imaging.labels import colour_table, default_colour

ALPHA = 120
"""How strongly labels lie over the picture, of 255."""


@cache
def _table() -> NDArray[np.uint8]:
    table = colour_table(())
    table[1:, 3] = ALPHA
    return table


def grey_or_colour(picture: Picture) -> QImage:
    """The pixels alone."""
    pixels = np.ascontiguousarray(picture.pixels, np.uint8)
    rows, cols = pixels.shape[:2]
    colour = pixels.ndim == 3
    kind = QImage.Format.Format_RGB888 if colour else QImage.Format.Format_Grayscale8
    return QImage(pixels.tobytes(), cols, rows, cols * (3 if colour else 1), kind).copy()


def composed(picture: Picture, over: bool = True) -> QImage:
    """Pixels with the labels over them, one screen pixel each; boxes are painted by `paint`."""
    image = grey_or_colour(picture).convertToFormat(QImage.Format.Format_RGB32)
    if not over or picture.labels is None or picture.labels.shape != picture.pixels.shape[:2]:
        return image
    shown = np.ascontiguousarray(_table()[np.minimum(picture.labels, 255).astype(np.uint8)])
    rows, cols = shown.shape[:2]
    painter = QPainter(image)
    painter.drawImage(0, 0, QImage(shown.tobytes(), cols, rows, 4 * cols, QImage.Format.Format_RGBA8888))
    painter.end()
    return image


def size_in(picture: Picture, room: QSize) -> QSize:
    """How large a picture is drawn in a room so that its pixels have their shape in mm."""
    rows, cols = picture.pixels.shape[:2]
    high, wide = picture.mm or (1.0, 1.0)
    share = min(room.width() / max(cols * wide, 1e-6), room.height() / max(rows * high, 1e-6))
    return QSize(max(1, round(cols * wide * share)), max(1, round(rows * high * share)))


def paint(
    painter: QPainter, place: QRectF, picture: Picture, image: QImage, over: bool = True, words: bool = True
) -> None:
    """Paint a composed picture into a rectangle, with its boxes."""
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, image.width() > place.width())
    painter.drawImage(place, image)
    if over and picture.marks:
        _boxes(painter, place, picture, words)


def _boxes(painter: QPainter, place: QRectF, picture: Picture, words: bool) -> None:
    rows, cols = picture.pixels.shape[:2]
    down, across = place.height() / rows, place.width() / cols
    painter.setBrush(Qt.BrushStyle.NoBrush)
    metrics, upper = painter.fontMetrics(), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop
    for mark in picture.marks:
        colour = QColor(*(mark.colour or default_colour(1)))
        painter.setPen(QPen(colour, 1.5))
        box = QRectF(
            place.x() + mark.col * across, place.y() + mark.row * down, mark.width * across, mark.height * down
        )
        painter.drawRect(box)
        if words and mark.text and metrics.horizontalAdvance(mark.text) < box.width() - 4:
            painter.drawText(box.adjusted(3, 1, 0, 0), upper, mark.text)


class CasePicture(QWidget):
    """One picture, as large as there is room, on black."""

    def __init__(self, least_px: int = 120) -> None:
        super().__init__()
        self.picture: Picture | None = None
        self.over = True
        self.words = ""
        self._image = QImage()
        self.setMinimumSize(least_px, least_px)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def put(self, picture: Picture | None, words: str = "") -> None:
        """Show a picture, or words where there is none yet."""
        self.picture, self.words = picture, words
        self._image = composed(picture, self.over) if picture is not None else QImage()
        self.setAccessibleName(words or (picture.name if picture is not None else "picture"))
        self.update()

    def show_over(self, over: bool) -> None:
        """Show labels and boxes, or the picture alone."""
        self.over = over
        self.put(self.picture, self.words)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the picture in the middle, its words at the lower edge."""
        painter, now = QPainter(self), colours()
        painter.fillRect(self.rect(), now.of("image"))
        if self.picture is not None:
            size = size_in(self.picture, self.size())
            left, top = (self.width() - size.width()) / 2, (self.height() - size.height()) / 2
            place = QRectF(left, top, size.width(), size.height())
            painter.setPen(now.of("on_image"))
            paint(painter, place, self.picture, self._image, self.over)
        if self.words:
            self._caption(painter)
        painter.end()

    def _caption(self, painter: QPainter) -> None:
        """Write the words at the lower edge, on a dark band where they lie over the picture."""
        now, high = colours(), self.fontMetrics().height() + 6
        band = self.rect().adjusted(0, self.height() - high, 0, 0)
        if self.picture is not None:
            painter.fillRect(band, QColor(0, 0, 0, 150))
        painter.setPen(now.of("on_image"))
        painter.drawText(band if self.picture is not None else self.rect(), Qt.AlignmentFlag.AlignCenter, self.words)
