"""What diffusion labs share: a slice in −1 to 1, noise from a seed, schedules, and how small numbers are written."""

import hashlib
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medviz.imaging.slices import Slice
from medviz.labs.findings import grey
from medviz.labs.formulas import number
from medviz.labs.looked_into import fitted
from medviz.refused import Refused
from medviz.training.using.noising import Schedule

Array = NDArray[Any]
KINDS = ("linear", "scaled-linear", "cosine", "sigmoid")
KIND_WORDS = ("linear (D4, DDPM)", "scaled-linear (Stable Diffusion)", "cosine", "sigmoid")
PAPER_STEPS, PAPER_LOW, PAPER_HIGH = 1000, 1e-4, 0.02
"""T and the first and last β of Ho et al. (2020)."""
MOST_BETA = 0.999
SHOWN = (-1.0, 1.0)
"""What is drawn black and white: the range in which networks of diffusion see pictures."""


def inward(values: Array, name: str = "image") -> Array:
    """Bring values to −1 to 1, float32; the darkest and brightest 0.5 % are cut off. Refuses what is all the same."""
    low, high = (float(one) for one in np.percentile(values, (0.5, 99.5)))
    if high - low <= 1e-9 * max(abs(low), abs(high), 1e-9):
        low, high = float(values.min()), float(values.max())
    if high - low <= 1e-9 * max(abs(low), abs(high), 1e-9):
        raise Refused(name, "it is the same everywhere", "choose a slice with contrast")
    made: Array = (np.clip((values - low) / (high - low), 0.0, 1.0) * 2 - 1).astype(np.float32)
    return made


def whole(image: Slice, least: int = 2) -> Array:
    """Return a slice as it is, in −1 to 1; refuses colours, holes and what is smaller than `least` px a side."""
    return inward(grey(image, least), image.name or "image")


def squared(image: Slice, side: int, least: int = 2) -> tuple[Array, tuple[float, float] | None]:
    """Bring a slice to a square of `side` px in −1 to 1, its shape kept; with the mm of a pixel where there are any."""
    grey(image, least)
    _, picture, mm = fitted(image, (1, side, side))
    return inward(picture, image.name or "image"), mm


@lru_cache(maxsize=8)
def drawn_noise(shape: tuple[int, ...], seed: int) -> Array:
    """Normal noise of this shape out of a seed, float32; it is kept, so that a turned control shows the same noise."""
    made = np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)
    made.setflags(write=False)
    return made


@lru_cache(maxsize=16)
def schedule(kind: str, steps: int, low: float = PAPER_LOW, high: float = PAPER_HIGH) -> Schedule:
    """Return a schedule; see `Schedule.of`."""
    return Schedule.of(kind, steps, low, high)


def as_strong(kind: str, steps: int) -> Schedule:
    """Return a schedule of any number of steps that ends in as much noise as the paper's thousand do."""
    more = PAPER_STEPS / steps
    return schedule(kind, steps, min(PAPER_LOW * more, MOST_BETA), min(PAPER_HIGH * more, MOST_BETA))


def digest(array: Array) -> str:
    """Name an array by what it holds, so that the same picture is not learnt twice."""
    plain = np.ascontiguousarray(array)
    return hashlib.blake2b(plain.tobytes() + str(plain.shape).encode(), digest_size=16).hexdigest()


def said(value: float, digits: int = 4) -> str:
    """Write a number; a very small one as 4.036·10⁻⁵."""
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return number(value, digits)
    leading, power = f"{value:.{digits - 1}e}".split("e")
    return f"{leading}·10{str(int(power)).translate(_RAISED)}".replace("-", "−")


def lowered(value: int) -> str:
    """Write a number as an index: ᾱ₅₀₀."""
    return str(value).translate(_LOWERED)


_RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
