"""Two images put into one picture: colours blended, in tiles, beside a line, or their difference in colours."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor, QImage, QPainter

from medviz.gui.viewer.annotations import INK, Lettering, Word
from medviz.gui.viewer.film import Film
from medviz.gui.viewer.raster import OPAQUE, blended, thinned
from medviz.gui.viewer.tints import tint
from medviz.imaging.colours import colour_map
from medviz.imaging.intensity import painted
from medviz.imaging.mixing import Difference, Mix, difference, second_seen
from medviz.imaging.oblique import Section
from medviz.imaging.scene import Layer
from medviz.imaging.slices import Slice

Shown = tuple[Film, Layer]


class Mixture:
    """Keeps the picture while what it is made from stays. `difference` is what was drawn last, where one was."""

    def __init__(self) -> None:
        self.difference: Difference | None = None
        self._of: tuple[Any, ...] = ()
        self._pixels: Any = None
        self._image: QImage | None = None

    def image(self, first: Shown, second: Shown, section: Section, mix: Mix, factor: int) -> QImage:
        """Return the picture of two films that were loaded, `factor` pixels taken together."""
        windows = tuple(
            (film.slice, layer.window, layer.level, layer.colours, layer.tone) for film, layer in (first, second)
        )
        of = (*windows, section.rows, section.cols, mix, factor)
        if self._image is None or of != self._of:
            if mix.how == "difference":
                picture = self._subtracted(first, second, mix, factor)
            else:
                self.difference = None
                picture = _joined(first, second, section, mix, factor)
            self._pixels = np.ascontiguousarray(picture)  # a QImage does not keep the array it looks at alive
            rows, cols = self._pixels.shape
            self._image = QImage(self._pixels.data, cols, rows, 4 * cols, QImage.Format.Format_RGB32)
            self._of = of
        return self._image

    def _subtracted(self, first: Shown, second: Shown, mix: Mix, factor: int) -> NDArray[np.uint32]:
        seen = []
        for film, _ in (first, second):
            assert film.slice is not None
            seen.append(film.slice)
        one, other = ((layer.window, layer.level) for _, layer in (first, second))
        made = difference(_thin(seen[0], factor), _thin(seen[1], factor), one, other, mix.span)
        self.difference = made
        picture: NDArray[np.uint32] = painted(made.values, -made.most, made.most, tint("diverging"))
        if made.inside is not None:
            picture[~made.inside] = OPAQUE
        return picture


def _joined(first: Shown, second: Shown, section: Section, mix: Mix, factor: int) -> NDArray[np.uint32]:
    one, other = (film.picture(layer, factor) for film, layer in (first, second))
    if mix.how == "blend":
        return blended(one, other, mix.share)
    held = second_seen(section, mix)[: one.shape[0] * factor : factor, : one.shape[1] * factor : factor]
    return np.where(held, other | OPAQUE, one | OPAQUE)


def paint_bar(painter: QPainter, found: Difference, wide: int, high: int, size_px: int) -> None:
    """Paint the colours of a difference with the numbers at its ends and middle, in the upper right of a pane."""
    top = round(size_px * 2.8)
    long = min(130, high // 2 - top - size_px * 3)
    if long < 40:
        return
    left = wide - 22
    colours = colour_map("diverging")
    for row in range(long):
        red, green, blue = (int(part) for part in colours[255 - row * 255 // (long - 1), :3])
        painter.fillRect(left, top + row, 10, 1, QColor(red, green, blue))
    unit = " %" if found.normalised else f" {found.unit}"
    most = found.most * 100 if found.normalised else found.most
    lettering = Lettering()
    for share, value in ((0.0, most), (0.5, 0.0), (1.0, -most)):
        said = f"{value:+.3g}{unit}".replace("-", "−") if value else f"0{unit}"
        y = top + share * long + size_px * 0.35
        lettering.put(painter, Word("bar", said, left - 5, y, INK, size_px - 1, how="right"))


def _thin(seen: Slice, factor: int) -> Slice:
    if factor < 2:
        return seen
    rows, cols = (size // factor * factor for size in seen.pixels.shape)
    inside = None if seen.inside is None else seen.inside[:rows:factor, :cols:factor]
    return Slice(
        thinned(seen.pixels, factor), slope=seen.slope, intercept=seen.intercept, unit=seen.unit, inside=inside
    )
