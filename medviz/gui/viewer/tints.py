"""Colour maps as 256 premultiplied colours: opaque for pictures, fading in for probabilities."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from medviz.gui.viewer.raster import packed
from medviz.imaging.colours import colour_map


@lru_cache(maxsize=32)
def tint(name: str) -> NDArray[np.uint32]:
    """256 opaque colours of a map."""
    return packed(colour_map(name))


@lru_cache(maxsize=32)
def ramp(name: str) -> NDArray[np.uint32]:
    """256 colours of a map that fade in from clear: where nothing is probable, the scan is seen."""
    table = colour_map(name).copy()
    table[:, 3] = np.clip(np.linspace(0, 1, 256) * 1.5, 0, 1) * 255
    return packed(table)
