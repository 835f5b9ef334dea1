"""Colour maps as 256 premultiplied colours, opaque for pictures and fading in for probabilities."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from medviz.gui.viewer.raster import packed

# Nine stops of matplotlib's maps (CC0) are within one part in 255 of the full tables to the eye.
_STOPS = {
    "grey": "000000 ffffff",
    "inverted grey": "ffffff 000000",
    "viridis": "440154 482878 3e4a89 31688e 26828e 1f9e89 35b779 6ece58 fde725",
    "magma": "000004 1d1147 51127c 832681 b73779 e75263 fc8961 fec488 fcfdbf",
    "cividis": "00224e 123570 3b496c 575d6d 707173 8a8678 a59c74 c3b369 fee838",
    "hot": "0b0000 570000 a40000 f00000 ff3d00 ff8900 ffd600 ffff33 ffffff",
    "diverging": "2166ac 92c5de f7f7f7 f4a582 b2182b",
}
NAMES = tuple(_STOPS)


@lru_cache(maxsize=32)
def _table(name: str) -> NDArray[np.uint8]:
    stops = _STOPS.get(name, _STOPS["grey"]).split()
    parts = np.array([[int(stop[i : i + 2], 16) for i in (0, 2, 4)] for stop in stops], float)
    at = np.linspace(0, 1, len(stops))
    place = np.linspace(0, 1, 256)
    rgb = np.stack([np.interp(place, at, parts[:, i]).round() for i in range(3)], 1)
    return np.concatenate([rgb, np.full((256, 1), 255.0)], 1).astype(np.uint8)


@lru_cache(maxsize=32)
def tint(name: str) -> NDArray[np.uint32]:
    """256 opaque colours of a map."""
    return packed(_table(name))


@lru_cache(maxsize=32)
def ramp(name: str) -> NDArray[np.uint32]:
    """256 colours of a map that fade in from clear: where nothing is probable, the scan is seen."""
    table = _table(name).copy()
    table[:, 3] = np.clip(np.linspace(0, 1, 256) * 1.5, 0, 1) * 255
    return packed(table)
