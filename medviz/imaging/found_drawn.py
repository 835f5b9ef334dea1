"""Boxes that were found, drawn over a picture with their words."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from medviz.imaging.found import FoundBox
from medviz.imaging.labels import default_colour

_TYPE_SHARE = 40
"""Words on a picture are its longer side over this, in pixels, within bounds."""


def drawn_over(pixels: NDArray[np.uint8], boxes: Sequence[tuple[FoundBox, tuple[float, ...]]]) -> NDArray[np.uint8]:
    """Draw boxes (left, top, right, bottom in pixels) with their words over a picture (rows, cols[, 3])."""
    image = Image.fromarray(pixels).convert("RGB")
    draw = ImageDraw.Draw(image)
    size = int(min(36, max(11, max(image.size) // _TYPE_SHARE)))
    font = ImageFont.load_default(size)
    for box, (left, top, right, bottom) in boxes:
        colour = default_colour(box.value)
        draw.rectangle((left, top, right - 1, bottom - 1), outline=colour, width=max(1, size // 8))
    for box, (left, top, _, _) in boxes:  # no line may run through a word
        wide, high = draw.textlength(box.words, font), size * 1.2
        at = min(left, max(0.0, image.width - wide - 4)), top - high if top >= high else top
        draw.rectangle((at[0], at[1], at[0] + wide + 4, at[1] + high), fill=default_colour(box.value))
        draw.text((at[0] + 2, at[1]), box.words, (0, 0, 0), font)
    return np.asarray(image).copy()
