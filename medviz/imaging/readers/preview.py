"""While a large file is read: the axial slice that came last, so that there is something to look at."""

import time
from contextlib import closing
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medviz.figures import Picture
from medviz.imaging.intensity import window_of
from medviz.imaging.slices import cut
from medviz.imaging.volume import Volume
from medviz.messages import Progress, Work

EVERY_S = 0.25
"""Small files are read before the first picture is due."""
_MOST_PX = 384


def with_preview(filling: Work[None], volume: Volume, slowest: int, forward: bool) -> Work[None]:
    """Pass on what the reading says, and four times a second a Picture of what has come.

    `volume` looks at the memory that is being filled, zero where nothing came yet; the file grows along its axis
    `slowest` of the RAS+ view, toward larger indices if `forward`.
    """
    shown_s = time.monotonic()
    with closing(filling):
        for message in filling:
            yield message
            if isinstance(message, Progress) and time.monotonic() - shown_s > EVERY_S and message.done < message.total:
                yield glimpse(volume, slowest, forward, message.done / message.total)
                shown_s = time.monotonic()


def glimpse(volume: Volume, slowest: int, forward: bool, share: float) -> Picture:
    """Picture of the axial slice that came last where the file grows along z, else of the middle one as far as it is.

    Square pixels, at most some hundred a side; `levels` suit the slice.
    """
    deep = volume.shape[2]
    come = min(1.0, share * len(volume.voxels) if volume.kind == "frames" else share)
    index = deep // 2
    if slowest == 2 and come < 1:
        last = min(deep - 1, max(0, int(come * deep) - 1))
        index = last if forward else deep - 1 - last
    seen = cut(volume, "axial", index)
    pixels = _square(seen.pixels, seen.mm or (1.0, 1.0))
    if pixels.dtype.kind == "c":
        pixels = np.abs(pixels)
    values = pixels[np.isfinite(pixels)] if pixels.dtype.kind == "f" else pixels
    window, level = window_of(values.ravel().astype(np.float64))
    return Picture(
        "preview",
        pixels,
        title=f"axial slice {index + 1} of {deep}",
        levels=(level - window / 2, level + window / 2),
        letters=seen.letters,
    )


def _square(pixels: NDArray[Any], mm: tuple[float, float]) -> NDArray[Any]:
    high, wide = pixels.shape[0] * mm[0], pixels.shape[1] * mm[1]
    size = max(min(mm), max(high, wide) / _MOST_PX)
    rows = (np.arange(max(1, round(high / size))) + 0.5) * (size / mm[0])
    cols = (np.arange(max(1, round(wide / size))) + 0.5) * (size / mm[1])
    down = np.clip(rows.astype(int), 0, pixels.shape[0] - 1)
    across = np.clip(cols.astype(int), 0, pixels.shape[1] - 1)
    taken: NDArray[Any] = pixels[np.ix_(down, across)]
    return taken
