"""The picture of a pane, kept in the screen's own pixels: painted anew only when what it shows has changed."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QImage, QPainter

from medviz.gui.viewer.raster import Grid, Ink, blended


class Canvas:
    """An opaque picture of `width` by `height` window pixels, `ratio` device pixels each.

    Used as a context, it is cleared and can be drawn on: enlarged pictures go through Qt, single pixels are written
    where they are (a thin outline touches one pixel in twenty).
    """

    def __init__(self, width: int, height: int, ratio: float) -> None:
        self.width, self.height, self.ratio = width, height, ratio
        self.image = QImage(max(1, round(width * ratio)), max(1, round(height * ratio)), QImage.Format.Format_RGB32)
        self.image.setDevicePixelRatio(ratio)
        self._line = self.image.bytesPerLine() // 4
        self._pixels: NDArray[np.uint32] = np.frombuffer(self.image.bits(), np.uint32)
        self._painter: QPainter | None = None
        self.smooth = True

    def __enter__(self) -> "Canvas":
        """Clear it and begin to draw."""
        self.image.fill(Qt.GlobalColor.black)
        self._painter = QPainter(self.image)
        return self

    def __exit__(self, *problem: Any) -> None:
        """End drawing."""
        if self._painter is not None:
            self._painter.end()
        self._painter = None

    def stretched(self, picture: QImage, place: tuple[float, float, float, float], smooth: bool = True) -> None:
        """Draw a picture of the slice's own raster to (left, top, width, height), smooth where that is wanted."""
        if self._painter is not None:
            self._painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self.smooth and smooth)
            self._painter.drawImage(QRectF(*place), picture)

    def ink(self, ink: Ink, grid: Grid, opacity: float) -> None:
        """Colour single pixels of the grid."""
        wide = max(len(grid.cols), 1)
        place = ink.where + ink.where // wide * (self._line - wide) + (grid.top * self._line + grid.left)
        self._pixels[place] = blended(self._pixels[place], ink.colours, opacity)
