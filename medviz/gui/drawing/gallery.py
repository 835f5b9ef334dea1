"""A gallery: many small pictures on one scale or each on its own."""

import math
from typing import Any

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QMouseEvent, QPainter, QPen, QPixmap, QResizeEvent

from medviz.figures import Gallery
from medviz.gui.drawing.arrange import Need
from medviz.gui.drawing.colours import coloured, image_of, levels_of, put_image, thinned
from medviz.gui.drawing.look import look_of, type_of
from medviz.gui.drawing.numbers import number_text
from medviz.gui.drawing.picture import painted_labels, painted_pixels, same_array
from medviz.gui.drawing.view import View

_GAP = 4
_MOST_TILES = 400


class GalleryView(View):
    """Draws a Gallery; `pointed` tells the tile as (row, col) of the (rows, cols) in which the tiles lie."""

    figure: Gallery | None

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.setMouseTracking(True)
        self._images: list[QImage] = []
        self._labels: list[QImage] = []
        self._base: QPixmap | None = None
        self._hover: int | None = None
        self._laid_out: tuple[tuple[float, ...], tuple[int, int, float, float]] | None = None

    def take(self, old: Any, new: Any) -> None:
        """Turn tiles into images; the same tiles are kept."""
        if old is not None and same_array(old.tiles, new.tiles) and _same_look(old, new):
            return
        self._base, self._hover, self._laid_out = None, None, None
        shared = levels_of(new.tiles, new.colours, new.levels) if new.shared_scale or new.levels else None
        self._images = [_image(tile, new, shared) for tile in new.tiles[:_MOST_TILES]]
        labels = [] if new.labels is None else new.labels[:_MOST_TILES]
        self._labels = [image_of(painted_labels(label)) for label in labels]

    def restyled(self) -> None:
        """Paint anew."""
        self._base = None
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Paint anew at the next size."""
        self._base = None
        super().resizeEvent(event)

    def need(self) -> Need:
        """Grow in all directions; one tile alone grows in its own shape."""
        weight = self.figure.weight if self.figure else 1.0
        frame = 0, self.header_px + self._line_px
        if len(self._images) == 1 and not self._images[0].isNull():
            aspect = min(max(self._images[0].width() / self._images[0].height(), 0.1), 10.0)
            return Need(frame=frame, aspect=aspect, least=(110, 110), weight=weight)
        return Need(frame=(0, self.header_px), least=(160, 120), weight=weight)

    def laid_out(self) -> tuple[int, int, float, float]:
        """Return rows, columns, and width and height of a tile with its title, as large as the room allows."""
        room = (len(self._images), self.width(), self.height(), self.header_px, self._line_px)
        if self._laid_out is None or self._laid_out[0] != room:
            self._laid_out = room, self._fit()
        return self._laid_out[1]

    def _fit(self) -> tuple[int, int, float, float]:
        count = len(self._images)
        if not count or self.figure is None:
            return 0, 0, 0.0, 0.0
        rows_px, cols_px = self.figure.tiles.shape[1:3]
        room, line = self.content, self._line_px
        best = (1, count, 0.0, 0.0)
        choices = [self.figure.columns] if self.figure.columns else range(1, count + 1)
        for cols in choices:
            rows = math.ceil(count / cols)
            width = (room.width() - _GAP * (cols - 1)) / cols
            height = (room.height() - _GAP * (rows - 1)) / rows - line
            scale = min(width / max(cols_px, 1), height / max(rows_px, 1))
            if scale * cols_px > best[2]:
                best = (rows, cols, scale * cols_px, scale * rows_px + line)
        return best

    @property
    def _line_px(self) -> float:
        return self.type_px * 1.35 if self.figure is not None and self.figure.titles else 0.0

    def box(self, number: int) -> QRectF:
        """Return where a tile lies, in px, with its title."""
        _, cols, width, height = self.laid_out()
        row, col = divmod(number, max(cols, 1))
        room = self.content
        return QRectF(room.x() + col * (width + _GAP), room.y() + row * (height + _GAP), width, height)

    def paint(self, painter: QPainter) -> None:
        """Paint the tiles from their pixmap, and the hovered one's frame."""
        if not self._images:
            painter.setPen(look_of(self).dim)
            painter.drawText(self.content, Qt.AlignmentFlag.AlignCenter, "empty")
            return
        if self._base is None:
            share = self.devicePixelRatioF()
            self._base = QPixmap(max(1, round(self.width() * share)), max(1, round(self.height() * share)))
            self._base.setDevicePixelRatio(share)
            self._base.fill(Qt.GlobalColor.transparent)
            inner = QPainter(self._base)
            try:
                self._paint_tiles(inner)
            finally:
                inner.end()
        painter.drawPixmap(0, 0, self._base)
        if self._hover is not None:
            painter.setPen(QPen(look_of(self).accent, 2))
            painter.drawRect(self.box(self._hover).adjusted(1, 1, -1, -1))

    def _paint_tiles(self, painter: QPainter) -> None:
        look, line = look_of(self), self._line_px
        titles = self.figure.titles if self.figure is not None else ()
        painter.setFont(type_of(self, self.type_px * 0.85))
        metrics = QFontMetricsF(painter.font())
        for number, image in enumerate(self._images):
            box = self.box(number)
            pixels = box.adjusted(0, line, 0, 0)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, pixels.width() < image.width())
            painter.fillRect(pixels, QColor("black"))
            put_image(painter, pixels, image)
            if number < len(self._labels):
                put_image(painter, pixels, self._labels[number])
            if number < len(titles):
                painter.setPen(look.dim)
                text = metrics.elidedText(titles[number], Qt.TextElideMode.ElideRight, box.width())
                painter.drawText(box.adjusted(0, 0, 0, line - box.height()), 0, text)

    def tile_at(self, place: QPointF) -> int | None:
        """Return the number of the tile under a place, None beside them."""
        _, cols, width, height = self.laid_out()
        if not cols:
            return None
        first = self.box(0)
        col = int((place.x() - first.x()) // (width + _GAP)) if width else 0
        row = int((place.y() - first.y()) // (height + _GAP)) if height else 0
        number = row * cols + col
        inside = 0 <= col < cols and 0 <= number < len(self._images)
        return number if inside and self.box(number).contains(place) else None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Point at a tile and say its value."""
        number = self.tile_at(event.position())
        if number is None or self.figure is None:
            self._hover = None
            self.say("")
            self.update()
            return
        self.say(self._words(number, event.position()))
        if number != self._hover:
            self._hover = number
            rows, cols, _, _ = self.laid_out()
            self.update()
            self.pointed.emit(self.figure.name, divmod(number, cols), (rows, cols))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Point by a click too."""
        self.mouseMoveEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Ask to be shown alone."""
        if self.figure is not None:
            self.opened.emit(self.figure.name)

    def leaveEvent(self, event: QEvent) -> None:
        """Forget the tile under the mouse."""
        self._hover = None
        self.update()
        super().leaveEvent(event)

    def _words(self, number: int, place: QPointF) -> str:
        if self.figure is None:
            return ""
        pixels = self.box(number).adjusted(0, self._line_px, 0, 0)
        rows, cols = self.figure.tiles.shape[1:3]
        row = int((place.y() - pixels.y()) / max(pixels.height(), 1e-9) * rows)
        col = int((place.x() - pixels.x()) / max(pixels.width(), 1e-9) * cols)
        name = self.figure.titles[number] if number < len(self.figure.titles) else f"{number + 1}"
        if not (0 <= row < rows and 0 <= col < cols):
            return name
        value = np.atleast_1d(self.figure.tiles[number, row, col])
        return f"{' '.join(number_text(part, 4) for part in value)}   {name}"


def _image(tile: Any, figure: Gallery, shared: tuple[float, float] | None) -> QImage:
    if tile.ndim == 3:  # in colour: as it is
        return image_of(painted_pixels(tile, figure.colours, None))
    few = thinned(tile)
    return image_of(coloured(few, figure.colours, shared or levels_of(few, figure.colours, None)))


def _same_look(old: Gallery, new: Gallery) -> bool:
    names = ("titles", "colours", "levels", "shared_scale", "columns", "title")
    return same_array(old.labels, new.labels) and all(getattr(old, name) == getattr(new, name) for name in names)
