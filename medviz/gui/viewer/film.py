"""What one layer puts on one pane, kept until something it is made from changes."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage

from medviz.gui.viewer.canvas import Canvas
from medviz.gui.viewer.raster import OPAQUE, Grid, Ink, Shades, colour_picture, faded, label_paint, outlined, thinned
from medviz.gui.viewer.sheet import Sheet
from medviz.gui.viewer.tints import ramp, tint
from medviz.imaging.intensity import levels
from medviz.imaging.oblique import Section
from medviz.imaging.sampling import Places, own
from medviz.imaging.scene import Layer
from medviz.imaging.slabs import NO_SLAB, Slab, coarseness, fine, quick
from medviz.imaging.slices import Plane, Slice
from medviz.imaging.volume import Volume


class Film:
    """Cuts only when its own section, frame or volume changed; paints from what it has otherwise.

    Window, level, colours and opacity cost one lookup; zoom costs a sampling of label outlines. What is not a slice of
    the volume's own voxels is shown at once from the nearest ones (`coarse`), and worked out by `finer`.
    """

    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.slice: Slice | None = None
        self.cuts = 0
        self.coarse = False
        self._labels = False
        self._volume: Volume | None = None
        self._cut_of: tuple[Any, ...] = ()
        self._drawn_of: tuple[Any, ...] = ()
        self._channels: tuple[Any, ...] = ()
        self._pixels: Any = None
        self._image: QImage | None = None
        self._inks: tuple[Ink, ...] = ()
        self._shades = Shades()
        self._table: tuple[Any, Any] = (None, None)

    def load(
        self,
        layer: Layer,
        section: Section,
        frame: int,
        slab: Slab = NO_SLAB,
        smooth: bool = True,
        places: Callable[[Volume, Section], Places] | None = None,
    ) -> Slice:
        """Bring the slice up to date and return it. Labels are those of the middle of a slab."""
        volume = layer.volume
        slab = NO_SLAB if layer.role == "labels" else slab
        of = (section, min(frame, volume.frames - 1), slab, smooth)
        if self.slice is None or volume is not self._volume or of != self._cut_of:
            mine = own(volume, section)
            there = None if places is None or mine else places(volume, section)
            cuts = [quick(volume, section, number, slab, there) for number in _channels(volume, of[1])]
            self._volume, self._cut_of = volume, of
            self._take(cuts, layer.role == "labels")
            self._labels = layer.role == "labels"
            worth = coarseness(section) > 1 or (not self._labels and (smooth or slab.how != "off"))
            self.coarse = worth and not mine
            self.cuts += 1
        assert self.slice is not None
        return self.slice

    def finer(self) -> Iterator[None]:
        """Work out what is coarse, some rows at a time; at the end it is in place."""
        volume = self._volume
        assert volume is not None
        of = self._cut_of
        section, frame, slab, smooth = of
        found: list[Slice] = []
        for number in _channels(volume, frame):
            for made in fine(volume, section, number, slab, "linear" if smooth and not self._labels else "nearest"):
                if made is not None:
                    found.append(made)
                yield None
        if of is self._cut_of:  # else another slice is wanted by now
            self._take(found, self._labels)
            self.coarse = False

    def _take(self, cuts: list[Slice], labels: bool) -> None:
        self.slice, self._channels = cuts[0], tuple(one.pixels for one in cuts)
        inside = cuts[0].inside
        if labels and inside is not None:
            self._channels = tuple(np.where(inside, one, 0) for one in self._channels)
        self._drawn_of = ()

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
            self._draw_values(layer, thinning(sheet, canvas.ratio), 1.0 if below else layer.opacity)
        if self._image is not None:
            canvas.stretched(self._image, sheet.place, smooth=layer.role != "labels" or below)

    def picture(self, layer: Layer, factor: int) -> NDArray[np.uint32]:
        """Colours of the slice that was loaded last, as they are below everything, `factor` pixels taken together."""
        self._draw_values(layer, factor, 1.0)
        found: NDArray[np.uint32] = self._pixels
        return found

    def _draw_values(self, layer: Layer, factor: int, opacity: float) -> None:
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
        inside = None if self.slice is None else self.slice.inside
        clear = layer.seen_through or opacity < 1.0 or layer.tone.least is not None
        if inside is not None:
            rows, cols = picture.shape
            picture[~inside[: rows * factor : factor, : cols * factor : factor]] = 0 if clear else OPAQUE
        self._keep(picture, clear)
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
            if self.slice is not None and self.slice.inside is not None:
                above &= self.slice.inside
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


def thinning(sheet: Sheet, ratio: float) -> int:
    """How many pixels of a slice a screen pixel shows each way, where the screen is the coarser of the two."""
    return max(1, int(1.0 / (sheet.scale * ratio * min(sheet.mm))))


def _channels(volume: Volume, frame: int) -> tuple[int, ...]:
    """Numbers of what is drawn of a volume: one frame, or red, green and blue."""
    return (0, 1, 2) if volume.kind == "colour" else (frame,)
