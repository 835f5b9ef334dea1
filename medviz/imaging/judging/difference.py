"""Where two label maps agree, and where the prediction lacks, invents or confuses: a label map of its own."""

import numpy as np

from medviz.imaging.labels import Label
from medviz.imaging.volume import Array, Volume, like
from medviz.messages import Progress, Work

AGREE, LACKS, EXTRA, CONFUSED = 1, 2, 3, 4
LEGEND: tuple[Label, ...] = (
    Label(AGREE, "both agree", (150, 150, 150)),
    Label(LACKS, "missing: only in the reference", (86, 180, 233)),
    Label(EXTRA, "too much: only predicted", (230, 130, 0)),
    Label(CONFUSED, "another label predicted", (240, 228, 66)),
)
"""Grey, blue, orange and yellow: told apart by colour-blind eyes, in light as well as in hue."""


def difference(predicted: Array, meant: Array, grid: Volume, value: int | None = None) -> Work[Volume]:
    """Make the map of what agrees and what does not of two maps (x, y, z) on a grid, of one label or of all."""
    codes = np.zeros(predicted.shape, np.uint8, order="F")
    for k in range(predicted.shape[2]):
        codes[:, :, k] = _codes(predicted[:, :, k], meant[:, :, k], value)
        if k % 16 == 0:
            yield Progress(k, predicted.shape[2], "colouring the difference")
    return like(grid, codes, "difference")


def _codes(predicted: Array, meant: Array, value: int | None) -> Array:
    if value is None:
        found, there, same = predicted != 0, meant != 0, predicted == meant
    else:
        found, there = predicted == value, meant == value
        same = found & there
    codes = np.zeros(predicted.shape, np.uint8)
    codes[there & ~found] = LACKS
    codes[found & ~there] = EXTRA
    codes[found & there] = CONFUSED
    codes[same & there] = AGREE
    return codes
