"""A picture: grey or colour pixels on black, labels over it in the label colours."""

from typing import Any

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter

from medviz.figures import Array, Mark, Picture
from medviz.gui.drawing.arrange import Need
from medviz.gui.drawing.bar import bar_room, paint_bar
from medviz.gui.drawing.colours import coloured, image_of, levels_of, put_image, thinned
from medviz.gui.drawing.grid import Grid
from medviz.gui.drawing.grid_view import GridView
from medviz.gui.drawing.look import look_of, type_of
from medviz.gui.drawing.numbers import number_text, with_unit
from medviz.imaging.labels import Label, colour_table, default_colour

LABEL_ALPHA = 128


class PictureView(GridView):
    """Draws a Picture."""

    figure: Picture | None

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._image = QImage()
        self._labels = QImage()
        self._levels = (0.0, 1.0)

    def shape(self) -> tuple[int, int]:
        """Rows and columns of pixels."""
        return tuple(self.figure.pixels.shape[:2]) if self.figure else (0, 0)

    def ratio(self) -> float:
        """Height of a pixel over its width, from mm."""
        mm = self.figure.mm if self.figure else None
        return mm[0] / mm[1] if mm and min(mm) > 0 else 1.0

    def margins(self) -> tuple[float, float, float, float]:
        """Room for the names of the labels below, and for the bar of a map that is not grey."""
        if self.figure is None:
            return (0.0, 0.0, 0.0, 0.0)
        right = bar_room(self, self._levels, self.figure.unit) if self._has_bar else 0.0
        lines = max((line for line, _, _ in self._legend()), default=-1) + 1
        return (0.0, 0.0, right, lines * self.type_px * 1.5 + 4 if lines else 0.0)

    def _legend(self) -> list[tuple[int, float, int]]:
        """Lay the names of the labels out: (line, x, value of the label), as many lines as the width asks for."""
        if self.figure is None:
            return []
        if self.figure.labels is None and not any(mark.colour for mark in self.figure.marks):
            return []
        metrics = QFontMetricsF(type_of(self, self.type_px * 0.92))
        line, x, placed = 0, 0.0, []
        for value, name in enumerate(self.figure.label_names, start=1):
            wide = self.type_px * 2.3 + metrics.horizontalAdvance(name)
            if x > 0 and x + wide > self.width():
                line, x = line + 1, 0.0
            placed.append((line, x, value))
            x += wide
        return placed

    @property
    def _has_bar(self) -> bool:
        figure = self.figure
        return figure is not None and figure.pixels.ndim == 2 and figure.colours != "grey" and figure.pixels.size > 0

    def on_light(self) -> bool:
        """Tell whether most of the ground is light (the white of a signed map)."""
        return self.figure is not None and self.figure.pixels.ndim == 2 and self.figure.colours == "diverging"

    def need(self) -> Need:
        """Grow in the shape of the picture."""
        rows, cols = self.shape()
        _, _, right, bottom = self.margins()
        weight = self.figure.weight if self.figure else 1.0
        if not rows or not cols:
            return Need(frame=(0, self.header_px), weight=weight)
        aspect = min(max(cols / (rows * self.ratio()), 0.1), 10.0)
        return Need(frame=(right, self.header_px + bottom), aspect=aspect, least=(110, 110), weight=weight)

    def same_base(self, old: Picture, new: Picture) -> bool:
        """Tell whether only marks, letters or words differ."""
        return (
            same_array(old.pixels, new.pixels)
            and same_array(old.labels, new.labels)
            and (old.mm, old.levels, old.colours, old.title, old.label_names)
            == (new.mm, new.levels, new.colours, new.title, new.label_names)
        )

    def take(self, old: Any, new: Any) -> None:
        """Turn pixels and labels into images."""
        super().take(old, new)
        if self._base is not None:
            return
        if new.pixels.ndim == 2:
            self._levels = levels_of(new.pixels, new.colours, new.levels)
        self._image = image_of(painted_pixels(new.pixels, new.colours, new.levels))
        self._labels = QImage() if new.labels is None else image_of(painted_labels(new.labels))
        if old is not None and old.pixels.shape[:2] != new.pixels.shape[:2]:
            self.see(None)

    def paint_base(self, painter: QPainter, grid: Grid) -> None:
        """Paint the pixels on black; enlarged pixels stay sharp, reduced ones are averaged."""
        area = QRectF(*grid.area)
        painter.fillRect(area, QColor("black"))
        draw_image(painter, self._image, grid)
        if not self._labels.isNull():
            draw_image(painter, self._labels, grid, sharp=True)
        self._paint_names(painter, grid)
        if self._has_bar and self.figure is not None:
            paint_bar(painter, self, grid.area, self.figure.colours, self._levels, self.figure.unit)

    def _paint_names(self, painter: QPainter, grid: Grid) -> None:
        if self.figure is None:
            return
        painter.setFont(type_of(self, self.type_px * 0.92))
        high, side = self.type_px * 1.5, self.type_px * 0.85
        top = grid.area[1] + grid.area[3] + 4
        for line, x, value in self._legend():
            y = top + line * high
            painter.fillRect(QRectF(x, y + (high - side) / 2, side, side), QColor(*default_colour(value)))
            painter.setPen(look_of(self).dim)
            box = QRectF(x + self.type_px * 1.25, y, self.width(), high)
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, self.figure.label_names[value - 1])

    def value_text(self, row: int, col: int) -> str:
        """Say what the smallest box here is called, the place, and the value with its unit."""
        if self.figure is None:
            return ""
        here = [one for one in self.figure.marks if one.text and _holds(one, row, col)]
        named = f"{min(here, key=lambda one: one.height * one.width).text}   " if here else ""
        return f"{named}{pixel_text(self.figure.pixels[row, col], self.figure.unit)}   row {row} · column {col}"


def _holds(mark: Mark, row: int, col: int) -> bool:
    return mark.row <= row < mark.row + mark.height and mark.col <= col < mark.col + mark.width


def pixel_text(pixel: Any, unit: str) -> str:
    """Write a grey value with its unit, or the parts of a colour."""
    parts = np.atleast_1d(pixel)
    return with_unit(" ".join(number_text(part, 4) for part in parts), unit)


def painted_pixels(pixels: Array, colours: str, levels: tuple[float, float] | None) -> Any:
    """Paint grey values by a map, or take colour pixels (0..1 or uint8) as they are."""
    few = thinned(pixels)
    if few.ndim == 2:
        return coloured(few, colours, levels_of(few, colours, levels))
    part = few[..., :3]
    if part.dtype == np.uint8:
        return part
    return (np.clip(np.nan_to_num(part.astype(np.float32)), 0.0, 1.0) * 255).round().astype(np.uint8)


def painted_labels(labels: Array, named: tuple[Label, ...] = ()) -> Any:
    """Paint a label map as red, green, blue, alpha; 0 is clear."""
    few = thinned(labels).astype(np.int64)
    table = colour_table(named, int(min(max(few.max(initial=0) + 1, 2), 65536)))
    table[:, 3] = (table[:, 3] > 0) * LABEL_ALPHA
    return table[np.clip(few, 0, len(table) - 1)]


def draw_image(painter: QPainter, image: QImage, grid: Grid, sharp: bool = False) -> None:
    """Draw the part of an image that is seen; smooth only where it is made smaller."""
    across, down = image.width() / grid.cols, image.height() / grid.rows
    source = QRectF(grid.seen[0] * across, grid.seen[1] * down, grid.seen[2] * across, grid.seen[3] * down)
    smaller = grid.area[2] < source.width()
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smaller and not sharp)
    put_image(painter, QRectF(*grid.area), image, source)


def same_array(old: Array | None, new: Array | None) -> bool:
    """Tell whether two arrays draw alike; the same object costs nothing."""
    if old is new:
        return True
    if old is None or new is None or old.shape != new.shape or old.dtype != new.dtype:
        return False
    return bool(np.array_equal(old, new, equal_nan=old.dtype.kind == "f"))
