"""What one layer puts on one pane, kept until something it is made from changes."""

from typing import Any

import numpy as np
from PySide6.QtGui import QImage

from medviz.gui.viewer.canvas import Canvas
from medviz.gui.viewer.raster import Grid, Ink, Shades, colour_picture, faded, label_paint, outlined, thinned
from medviz.gui.viewer.sheet import Sheet
from medviz.gui.viewer.tints import ramp, tint
from medviz.imaging.intensity import levels
from medviz.imaging.scene import Layer
from medviz.imaging.slices import Plane, Slice, cut
from medviz.imaging.volume import Volume


class Film:
    """Cuts only when its own index, frame, volume or convention changed; paints from what it has otherwise.

    Window, level, colours and opacity cost one lookup; zoom costs a sampling of label outlines.
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
        self._table: tuple[Any, Any] = (None, None)

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
        contour = not below and layer.role != "image" and layer.style == "outline"
        if contour:
            self._draw_contours(layer, sheet, grid, canvas.ratio)
            for ink in self._inks:
                canvas.ink(ink, grid, layer.opacity**0.5)
            return
        if layer.role == "labels" and not below:
            self._draw_labels(layer)
        else:
            self._draw_values(layer, sheet, canvas.ratio, 1.0 if below else layer.opacity)
        if self._image is not None:
            canvas.stretched(self._image, sheet.place, smooth=layer.role != "labels" or below)

    def _draw_values(self, layer: Layer, sheet: Sheet, ratio: float, opacity: float) -> None:
        factor = max(1, int(1.0 / (sheet.scale * ratio * min(sheet.mm))))
        of = ("values", layer.window, layer.level, layer.colours, layer.role, layer.tone, factor, opacity)
        if of == self._drawn_of:
            return
        channels = tuple(thinned(channel, factor) for channel in self._channels)
        kept = layer.tone.stored(layer.volume.slope, layer.volume.intercept)
        if len(channels) == 3:
            picture = faded(colour_picture(channels), opacity)
        else:
            low, high = levels(layer.window, layer.level, layer.volume.slope, layer.volume.intercept)
            table = ramp(layer.colours, opacity) if layer.seen_through else tint(layer.colours, opacity)
            picture = self._shades.picture(channels[0], low, high, table, layer.tone, kept)
        self._keep(picture, layer.seen_through or opacity < 1.0 or layer.tone.least is not None)
        self._drawn_of = of

    def _draw_labels(self, layer: Layer) -> None:
        of = ("labels", layer.labels, layer.hidden_labels, layer.opacity)
        if of == self._drawn_of:
            return
        paint = faded(self._paint_of(layer)[0], layer.opacity)
        self._keep(np.take(paint, self._channels[0], mode="clip"), True)
        self._drawn_of = of

    def _draw_contours(self, layer: Layer, sheet: Sheet, grid: Grid, ratio: float) -> None:
        of = ("contours", layer.role, layer.labels, layer.hidden_labels, layer.proposal, layer.level, sheet, ratio)
        if of == self._drawn_of:
            return
        if layer.role == "probability":
            above = self._channels[0] * layer.volume.slope + layer.volume.intercept >= layer.level
            near = grid.sample(above.astype(np.uint8))
            paint = np.array([0, tint(layer.colours)[200]], np.uint32)
        else:
            paint, kept = self._paint_of(layer)
            near = grid.sample(self._channels[0])
            near = near if kept is None else np.take(kept, near, mode="clip")
        self._inks = outlined(near, paint, max(1, round(1.25 * ratio)), layer.proposal)
        self._drawn_of = of

    def _paint_of(self, layer: Layer) -> tuple[Any, Any]:
        """Paint by label value, and where labels are hidden what each value is to be taken for."""
        of = (layer.labels, layer.hidden_labels)
        if self._table[0] != of:
            paint = label_paint(layer.labels, layer.hidden_labels)
            kept = None
            if layer.hidden_labels:  # a hidden label is no neighbour to draw a border against
                kept = np.arange(len(paint), dtype=np.uint16)
                kept[[value for value in layer.hidden_labels if 0 <= value < len(kept)]] = 0
            self._table = (of, (paint, kept))
        found: tuple[Any, Any] = self._table[1]
        return found

    def _keep(self, picture: Any, clear: bool) -> None:
        kind = QImage.Format.Format_ARGB32_Premultiplied if clear else QImage.Format.Format_RGB32
        self._pixels = np.ascontiguousarray(picture)  # a QImage does not keep the array it looks at alive
        rows, cols = self._pixels.shape
        self._image = QImage(self._pixels.data, cols, rows, 4 * cols, kind) if rows and cols else None
