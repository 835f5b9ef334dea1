"""Values to colours: lookup tables by name, and levels that suit the values."""

from functools import lru_cache
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter

Array = NDArray[Any]
NOT_A_NUMBER = (122, 62, 122)
"""Drawn where there is no number; no map of ours has this violet."""

LARGEST = 4096
"""More pixels a side than any screen has; larger pictures are thinned before they are drawn."""

_BLUE, _WHITE, _RED = (33, 102, 172), (247, 247, 247), (178, 24, 43)
_SEQUENTIAL = ("viridis", "magma", "cividis", "plasma", "inferno")


@lru_cache(maxsize=32)
def colour_map(name: str) -> NDArray[np.uint8]:
    """Return the 256 colours (256, 3) of a map: grey, diverging (blue, white, red), viridis, magma, cividis ..."""
    if name in _SEQUENTIAL:
        table = pg.colormap.get(name).getLookupTable(nPts=256)
        return np.ascontiguousarray(table[:, :3], np.uint8)
    place = np.linspace(0.0, 1.0, 256)
    if name == "diverging":
        stops = np.array([_BLUE, (146, 197, 222), _WHITE, (244, 165, 130), _RED], float)
    elif name == "grey":
        stops = np.array([(0, 0, 0), (255, 255, 255)], float)
    else:
        return colour_map("grey")
    at = np.linspace(0.0, 1.0, len(stops))
    return np.stack([np.interp(place, at, stops[:, part]).round() for part in range(3)], 1).astype(np.uint8)


def levels_of(values: Array, colours: str, levels: tuple[float, float] | None) -> tuple[float, float]:
    """Return the values drawn in the first and the last colour; symmetric about zero where the map diverges."""
    if levels is not None and np.isfinite(levels).all() and levels[1] > levels[0]:
        return float(levels[0]), float(levels[1])
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if colours == "diverging":
        most = max(abs(low), abs(high)) or 1.0
        return -most, most
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def coloured(values: Array, colours: str, levels: tuple[float, float]) -> NDArray[np.uint8]:
    """Paint values (...,) as red, green, blue (..., 3)."""
    low, high = levels
    plain: Array = np.asarray(values, np.float64 if values.dtype.itemsize > 4 else np.float32)
    scaled = (plain - low) * (255.0 / (high - low))
    wrong = np.isnan(scaled)
    with np.errstate(invalid="ignore"):
        index = np.clip(np.where(wrong, 0, scaled) + 0.5, 0, 255).astype(np.uint8)
    painted = colour_map(colours)[index]
    if wrong.any():
        painted[wrong] = NOT_A_NUMBER
    return painted


def thinned(pixels: Array) -> Array:
    """Take every n-th pixel of what is larger than any screen."""
    step = max(1, -(-max(pixels.shape[:2]) // LARGEST)) if pixels.size else 1
    return pixels[::step, ::step]


def image_of(painted: NDArray[np.uint8]) -> QImage:
    """Make an image Qt owns of red, green, blue and perhaps alpha (rows, cols, 3 or 4)."""
    rows, cols, parts = painted.shape
    if not rows or not cols:
        return QImage()
    formats = QImage.Format
    given = formats.Format_RGB888 if parts == 3 else formats.Format_RGBA8888
    drawn = formats.Format_RGB32 if parts == 3 else formats.Format_ARGB32_Premultiplied  # 5 times faster to scale
    solid = np.ascontiguousarray(painted)
    return QImage(solid.data, cols, rows, cols * parts, given).convertToFormat(drawn)


def put_image(painter: QPainter, target: QRectF, image: QImage, source: QRectF | None = None) -> None:
    """Draw an image, or a part of it, into a rectangle; nothing where there is no room (Qt would crash on size 0)."""
    if not image.isNull() and target.width() > 0 and target.height() > 0:
        room = QRectF(target.x(), target.y(), max(1.0, target.width()), max(1.0, target.height()))
        painter.drawImage(room, image, QRectF(image.rect()) if source is None else source)


def is_light(colour: Any) -> bool:
    """Tell whether black reads better than white on this colour (WCAG luminance)."""
    part = np.asarray(colour[:3], float) / 255.0
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722)) > 0.179
