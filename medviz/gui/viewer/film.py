"""What one layer puts on one pane, kept until something it is made from changes."""

from typing import Any

import numpy as np
from PySide6.QtGui import QImage

from medviz.gui.viewer.canvas import Canvas
from medviz.gui.viewer.raster import Grid, Ink, Shades, colour_picture, label_paint, outlined, thinned
from medviz.gui.viewer.sheet import Sheet
from medviz.gui.viewer.tints import ramp, tint
from medviz.imaging.intensity import levels
from medviz.imaging.scene import Layer
from medviz.imaging.slices import Plane, Slice, cut
from medviz.imaging.volume import Volume


class Film:
    """Cuts only when its own index, frame, volume or convention changed; paints from what it has otherwise.

    Opacity costs only the blending; window, level and colours cost one lookup; zoom costs a sampling of label outlines.
    """

    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.slice: Slice | None = None
        self.cuts = 0
        self._volume: Volume | None = None
        self._cut_of: tuple[Any, ...] = ()
        self._drawn_of: tuple[Any, ...] = ()
        self._channels: tuple[Any, ...] = ()
        self._pixels: Any = None
        self._image: QImage | None = None
        self._inks: tuple[Ink, ...] = ()
        self._shades = Shades()
        self._table: tuple[Any, Any] = ((), None)

    def load(self, layer: Layer, index: int, frame: int, radiological: bool) -> Slice:
        """Bring the slice up to date and return it."""
        volume = layer.volume
        of = (index, min(frame, volume.frames - 1), radiological)
        if self.slice is None or volume is not self._volume or of != self._cut_of:
            count = 3 if volume.kind == "colour" else 1
            cuts = [cut(volume, self.plane, index, of[1] + n, radiological) for n in range(count)]
            self._volume, self._cut_of = volume, of
            self.slice, self._channels = cuts[0], tuple(one.pixels for one in cuts)
            self._drawn_of = ()
            self.cuts += 1
        return self.slice

    def paint(self, canvas: Canvas, layer: Layer, sheet: Sheet, grid: Grid, below: bool) -> None:
        """Draw the slice that was loaded last; `below` for the scan itself, which is opaque."""
        if not below and layer.role != "image" and (layer.role == "labels" or layer.style == "outline"):
            self._draw_contours(layer, sheet, grid, canvas.ratio)
            if self._inks:
                for ink in self._inks:
                    canvas.ink(ink, grid, layer.opacity**0.5)
            elif self._image is not None:
                canvas.stretched(self._image, sheet.place, layer.opacity, smooth=False)
            return
        self._draw_values(layer, sheet, canvas.ratio)
        if self._image is not None:
            canvas.stretched(self._image, sheet.place, 1.0 if below else layer.opacity)

    def _draw_values(self, layer: Layer, sheet: Sheet, ratio: float) -> None:
        factor = max(1, int(1.0 / (sheet.scale * ratio * min(sheet.mm))))
        of = (layer.window, layer.level, layer.colours, layer.role, factor)
        if of == self._drawn_of:
            return
        channels = tuple(thinned(channel, factor) for channel in self._channels)
        if len(channels) == 3:
            picture = colour_picture(channels)
        else:
            low, high = levels(layer.window, layer.level, layer.volume.slope, layer.volume.intercept)
            table = ramp(layer.colours) if layer.role == "probability" else tint(layer.colours)
            picture = self._shades.picture(channels[0], low, high, table)
        self._keep(picture, layer.role == "probability")
        self._drawn_of = of

    def _draw_contours(self, layer: Layer, sheet: Sheet, grid: Grid, ratio: float) -> None:
        of = (layer.style, layer.role, layer.labels, layer.hidden_labels, layer.proposal, layer.level, sheet, ratio)
        if of == self._drawn_of:
            return
        labels, paint = self._labels_of(layer)
        self._inks, self._image = (), None
        if layer.style == "outline":
            width = max(1, round(1.25 * ratio))
            self._inks = outlined(grid.sample(labels), paint, width, layer.proposal)
        else:
            self._keep(np.take(paint, labels, mode="clip"), True)
        self._drawn_of = of

    def _labels_of(self, layer: Layer) -> tuple[Any, Any]:
        pixels = self._channels[0]
        if layer.role == "probability":
            above = (pixels * layer.volume.slope + layer.volume.intercept >= layer.level).astype(np.uint8)
            return above, np.array([0, tint(layer.colours)[200]], np.uint32)
        if not self._table[0] or self._table[0] != (layer.labels, layer.hidden_labels):
            self._table = ((layer.labels, layer.hidden_labels), label_paint(layer.labels, layer.hidden_labels))
        paint = self._table[1]
        if layer.hidden_labels:
            pixels = np.where(np.isin(pixels, tuple(layer.hidden_labels)), 0, pixels)
        return pixels, paint

    def _keep(self, picture: Any, clear: bool) -> None:
        kind = QImage.Format.Format_ARGB32_Premultiplied if clear else QImage.Format.Format_RGB32
        self._pixels = np.ascontiguousarray(picture)  # a QImage does not keep the array it looks at alive
        rows, cols = self._pixels.shape
        self._image = QImage(self._pixels.data, cols, rows, 4 * cols, kind) if rows and cols else None
