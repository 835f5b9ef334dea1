"""Colour maps as 256 premultiplied colours of an opacity: even for pictures, fading in for probabilities."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from medviz.gui.viewer.raster import faded, packed
from medviz.imaging.colours import colour_map


@lru_cache(maxsize=64)
def tint(name: str, opacity: float = 1.0) -> NDArray[np.uint32]:
    """256 colours of a map."""
    return faded(packed(colour_map(name)), opacity)


@lru_cache(maxsize=64)
def ramp(name: str, opacity: float = 1.0) -> NDArray[np.uint32]:
    """256 colours of a map that fade in from clear: where nothing is probable, the scan is seen."""
    table = colour_map(name).copy()
    table[:, 3] = np.clip(np.linspace(0, 1, 256) * 1.5, 0, 1) * 255
    return faded(packed(table), opacity)
