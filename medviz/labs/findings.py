"""What detection labs look at: a drawn slice with findings that are known, and the spots of any slice."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_otsu

from medviz.imaging.slices import Slice
from medviz.refused import Refused

Array = NDArray[Any]
Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels, x to the right, y down; x1 and y1 lie behind the last pixel."""
SIGMAS = tuple(1.5 * 1.35**step for step in range(11))


def _abdomen() -> Slice:
    """A drawn slice like CT of the kidneys, 96 × 128 px of 2.5 mm, in HU: a body, a spine, two kidneys, one cyst."""
    row, col = np.indices((96, 128), float)

    def inside(y: float, x: float, high: float, wide: float) -> Array:
        made: Array = ((row - y) / high) ** 2 + ((col - x) / wide) ** 2 < 1
        return made

    pixels = np.full((96, 128), -1000.0)
    for value, place in (
        (-90, (48, 64, 43, 58)), (45, (46, 64, 36, 51)), (110, (34, 34, 17, 22)), (210, (72, 64, 8, 9)),
        (190, (62, 36, 11, 8)), (190, (62, 92, 12, 9)), (70, (62, 36, 5, 3)), (70, (62, 92, 5, 3)),
        (5, (54, 98, 6, 6)), (130, (44, 70, 4, 4)), (-60, (36, 84, 8, 14)), (75, (37, 87, 3, 4)),
    ):  # fmt: skip
        pixels[inside(*place)] = value
    noise = np.random.default_rng(2).normal(0, 9, pixels.shape)
    made = ndimage.gaussian_filter(pixels, 0.7) + ndimage.gaussian_filter(noise, 0.6)
    return Slice(np.round(made).astype(np.int16), (2.5, 2.5), ("R", "L", "A", "P"), name="a drawn abdomen", unit="HU")


ABDOMEN = _abdomen()


def grey(image: Slice, least: int = 8) -> Array:
    """Return the values of a slice as float64; refuses what is no grey slice of finite numbers of `least` px a side."""
    values = np.asarray(image.values, float)
    name = image.name or "image"
    if values.ndim != 2 or not np.isfinite(values).all():
        raise Refused(name, "it is not a grey slice of finite numbers", "choose another slice")
    if min(values.shape) < least:
        size = "×".join(map(str, values.shape))
        raise Refused(name, f"it is only {size} px", f"choose a slice or a region of at least {least} px a side")
    return values


def shades(values: Array) -> tuple[float, float]:
    """Values drawn black and white: what is brighter than air gets the greys; all of them where there is no air."""
    if float(values.std()) < 1e-9:
        low = float(values.flat[0])
        return low, low + 1.0
    body = values[values > threshold_otsu(values)]
    low, high = (float(one) for one in np.percentile(body, (1, 99.5)))
    return low - 0.35 * (high - low), max(high, low + 1e-9)


def spots(values: Array, most: int = 3) -> tuple[Box, ...]:
    """Boxes of the spots that stand out most from what is around them, bright or dark, the clearest first.

    Extremes of the Laplacian of Gaussians over sizes (Lindeberg, 1998): a spot of radius r answers most at σ = r/√2.
    Spots that share more than a tenth with a clearer one are left out. A flat slice has none.
    """
    if float(values.std()) < 1e-9:
        return ()
    body = values[values > threshold_otsu(values)]
    low, high = np.percentile(body, (10, 99.5)) if body.size else (values.min(), values.max())
    values = np.clip(values, low, max(high, low + 1e-9))  # the outline of the body against air is no spot
    spread = float(values.std()) or 1.0
    sigmas = [sigma for sigma in SIGMAS if sigma <= min(values.shape) / 14] or [1.0]
    answers = np.stack([np.abs(sigma**2 * ndimage.gaussian_laplace(values / spread, sigma)) for sigma in sigmas])
    for sigma, answer in zip(sigmas, answers, strict=True):
        rim = max(1, int(sigma))
        answer[:rim] = answer[-rim:] = answer[:, :rim] = answer[:, -rim:] = 0.0
    found: list[Box] = []
    for _ in range(most * 8):
        size, row, col = np.unravel_index(int(answers.argmax()), answers.shape)
        if answers[size, row, col] <= 1e-6 or len(found) == most:
            break
        box = _around(int(row), int(col), np.sqrt(2) * sigmas[size], values.shape)
        if not any(_shares(box, other) for other in found):
            found.append(box)
        x0, y0, x1, y1 = (int(one) for one in box)
        answers[:, y0:y1, x0:x1] = 0.0
    return tuple(found)


def _around(row: int, col: int, radius: float, shape: tuple[int, ...]) -> Box:
    reach = max(2.0, float(np.round(radius * 1.15)))
    low_y, low_x = max(0.0, row - reach), max(0.0, col - reach)
    return low_x, low_y, min(float(shape[1]), col + reach + 1), min(float(shape[0]), row + reach + 1)


def _shares(one: Box, other: Box) -> bool:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    smaller = min((one[2] - one[0]) * (one[3] - one[1]), (other[2] - other[0]) * (other[3] - other[1]))
    return wide > 0 and high > 0 and wide * high > 0.1 * smaller
