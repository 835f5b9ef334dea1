"""From the pixels of a slice to the pixels of the screen, numpy only.

Grey values go through a lookup table and stay in the slice's own raster (the painter enlarges them); labels are
sampled at the screen's own resolution, so that an outline is one thin line at every zoom and every voxel shape.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medviz.gui.viewer.sheet import Sheet
from medviz.imaging.intensity import PLAIN, Tone, painted
from medviz.imaging.labels import Label, colour_table

Array = NDArray[Any]
OPAQUE = np.uint32(0xFF000000)
HATCH_PX = 10
"""Distance of two strokes of a proposal's hatching, in screen pixels."""


def packed(rgba: Array) -> NDArray[np.uint32]:
    """Colours (n, 4) of uint8 as premultiplied 0xAARRGGBB, which is what a QImage holds."""
    part = rgba.astype(np.uint32)
    alpha = part[:, 3]
    red, green, blue = ((part[:, i] * alpha + 127) // 255 for i in range(3))
    return (alpha << 24 | red << 16 | green << 8 | blue).astype(np.uint32)


def label_paint(labels: tuple[Label, ...], hidden: frozenset[int]) -> NDArray[np.uint32]:
    """Paint by label value (256 or 65536 of them), premultiplied; 0 and hidden labels are clear."""
    most = max((label.value for label in labels), default=0)
    table = packed(colour_table(labels, 256 if most < 256 else 65536))
    for value in hidden:
        if 0 <= value < len(table):
            table[value] = 0
    return table


def thinned(pixels: Array, factor: int) -> Array:
    """Mean of blocks of `factor` by `factor` pixels: what a screen coarser than the slice can show of it."""
    if factor < 2:
        return pixels
    rows, cols = (size // factor * factor for size in pixels.shape[:2])
    total = np.zeros((rows // factor, cols // factor, *pixels.shape[2:]), np.float32)
    for down in range(factor):
        for across in range(factor):
            total += pixels[down:rows:factor, across:cols:factor]
    mean: Array = (total / factor**2).astype(pixels.dtype)
    return mean


class Grid:
    """Which row and column of a slice each screen pixel of a pane shows; only the part where the slice is.

    `left` and `top` are the first screen pixels, `rows` and `cols` one index a screen pixel. Screen pixels are the
    device's own (`ratio` of them a pixel of the window).
    """

    def __init__(self, sheet: Sheet, ratio: float) -> None:
        left, top, wide, high = (edge * ratio for edge in sheet.place)
        width, height = round(sheet.width * ratio), round(sheet.height * ratio)
        self.left, right = max(0, round(left)), min(width, round(left + wide))
        self.top, bottom = max(0, round(top)), min(height, round(top + high))
        across = (np.arange(self.left, max(right, self.left)) + 0.5 - left) * (sheet.cols / wide)
        down = (np.arange(self.top, max(bottom, self.top)) + 0.5 - top) * (sheet.rows / high)
        self.cols = np.clip(across.astype(np.intp), 0, sheet.cols - 1)
        self.rows = np.clip(down.astype(np.intp), 0, sheet.rows - 1)

    def sample(self, pixels: Array) -> Array:
        """Pixels of the slice at the screen's resolution, the nearest one each."""
        if len(pixels) < len(self.rows):  # first the axis that leaves less to do for the other
            enlarged: Array = np.take(np.take(pixels, self.cols, axis=1), self.rows, axis=0)
            return enlarged
        taken: Array = np.take(np.take(pixels, self.rows, axis=0), self.cols, axis=1)
        return taken


def rim(labels: Array, width: int = 1) -> NDArray[np.bool_]:
    """Pixels on the inner side of the border between two labels, `width` pixels deep."""
    edge = np.zeros(labels.shape, bool)
    for step in range(1, width + 1):
        down = labels[step:] != labels[:-step]
        across = labels[:, step:] != labels[:, :-step]
        edge[step:] |= down
        edge[:-step] |= down
        edge[:, step:] |= across
        edge[:, :-step] |= across
    return edge


@dataclass(frozen=True, eq=False)
class Ink:
    """Single pixels to be coloured: `where` counts along the rows of a grid, `colours` are premultiplied."""

    where: NDArray[np.intp]
    colours: NDArray[np.uint32]


def outlined(labels: Array, paint: NDArray[np.uint32], width: int = 1, dashed: bool = False) -> tuple[Ink, ...]:
    """Return the ink of the labels' outlines; `dashed` and hatched for what is only proposed."""
    inside = labels != 0
    marked = rim(labels, width) & inside
    hatching: tuple[Ink, ...] = ()
    if dashed:
        marked &= strokes(labels.shape, 8 * width, 5 * width, slope=-1)
        hatching = (_ink(strokes(labels.shape, HATCH_PX * width, width) & inside & ~marked, labels, faded(paint, 0.5)),)
    return (*hatching, _ink(marked, labels, paint))


def _ink(marked: NDArray[np.bool_], labels: Array, paint: NDArray[np.uint32]) -> Ink:
    where = np.flatnonzero(marked)
    return Ink(where, np.take(paint, labels.reshape(-1)[where], mode="clip"))


def blended(below: NDArray[np.uint32], colours: NDArray[np.uint32], opacity: float) -> NDArray[np.uint32]:
    """Opaque pixels with premultiplied colours of an opacity over them, four parts at a time."""
    two, share = np.uint32(0x00FF00FF), np.uint32(round(opacity * 256))
    left = np.uint32(256) - ((colours >> np.uint32(24)) * share + np.uint32(127) >> np.uint32(8))
    red_blue = ((below & two) * left + (colours & two) * share) >> np.uint32(8) & two
    green = (below >> np.uint32(8) & np.uint32(0xFF)) * left + (colours >> np.uint32(8) & np.uint32(0xFF)) * share
    mixed: NDArray[np.uint32] = OPAQUE | red_blue | (green & np.uint32(0xFF00))
    return mixed


def faded(colours: NDArray[np.uint32], opacity: float) -> NDArray[np.uint32]:
    """Premultiplied colours at a share of their strength."""
    two, share = np.uint32(0x00FF00FF), np.uint32(round(opacity * 256))
    red_blue = (colours & two) * share >> np.uint32(8) & two
    alpha_green = (colours >> np.uint32(8) & two) * share & np.uint32(0xFF00FF00)
    weaker: NDArray[np.uint32] = red_blue | alpha_green
    return weaker


@lru_cache(maxsize=16)
def strokes(shape: tuple[int, ...], every: int, width: int, slope: int = 1) -> NDArray[np.bool_]:
    """Diagonal strokes `width` pixels wide, one `every` so many pixels; kept, since every slice asks for the same."""
    diagonal = np.arange(shape[0])[:, None] + slope * np.arange(shape[1])[None]
    stroke: NDArray[np.bool_] = diagonal % every < width
    stroke.setflags(write=False)
    return stroke


class Shades:
    """Colours of stored values between two levels; the table of 8- and 16-bit values is kept while levels stay."""

    def __init__(self) -> None:
        self._of: tuple[Any, ...] = ()
        self._colours: NDArray[np.uint32] | None = None
        self._table: NDArray[np.uint32] | None = None

    def picture(
        self,
        pixels: Array,
        low: float,
        high: float,
        colours: NDArray[np.uint32],
        tone: Tone = PLAIN,
        kept: tuple[float, float] = (-math.inf, math.inf),
    ) -> NDArray[np.uint32]:
        """Colour of each pixel (rows, cols) from a table of 256 premultiplied colours; outside `kept` clear."""
        if pixels.dtype.kind not in "biu" or pixels.dtype.itemsize > 2:
            found: NDArray[np.uint32] = painted(pixels, low, high, colours, tone, kept)
            return found
        unsigned = np.dtype(f"u{pixels.dtype.itemsize}")
        of = (pixels.dtype, low, high, tone, kept)
        if self._table is None or of != self._of or colours is not self._colours:
            every = np.arange(256**unsigned.itemsize, dtype=unsigned).view(
                pixels.dtype if pixels.dtype != bool else "u1"
            )
            paint: Array = painted(every, low, high, colours, tone, kept)
            self._of, self._colours, self._table = of, colours, paint
        assert self._table is not None
        picture: Array = np.take(self._table, pixels.view(unsigned))
        return picture


def colour_picture(channels: tuple[Array, ...]) -> NDArray[np.uint32]:
    """Colour of each pixel from its red, green and blue channel (0..255)."""
    red, green, blue = (channel.astype(np.uint32) for channel in channels[:3])
    picture: Array = OPAQUE | red << 16 | green << 8 | blue
    return picture
