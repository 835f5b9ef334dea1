"""From stored values to what is seen: windows, levels, fast pixels, and what kind of thing a volume is."""

import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from medviz.imaging.colours import COLOUR_MAPS, colour_map
from medviz.imaging.slices import Slice
from medviz.imaging.volume import Volume
from medviz.parameters import Range

__all__ = [
    "COLOUR_MAPS", "PRESETS", "Preset", "Role", "Tone", "colour_map", "distinct_note", "fast_pixels", "guess_role",
    "levels", "painted", "robust_window", "samples", "window_of",
]  # fmt: skip

Array = NDArray[Any]
Role = Literal["image", "labels", "probability"]
MOST_SAMPLES = 1_000_000
_MOST_LABELS = 400


@dataclass(frozen=True)
class Preset:
    """A window that readers of CT know by name; `window` is its width, `level` its middle, both in HU."""

    name: str
    window: float
    level: float


PRESETS: tuple[Preset, ...] = (
    Preset("bone", 1000, 400),
    Preset("brain", 100, 50),
    Preset("stroke", 40, 40),
    Preset("abdomen", 350, 40),
    Preset("mediastinum", 400, 40),
    Preset("liver", 150, 60),
    Preset("lung", 1400, -500),
)


_LOG_SPAN = 999.0


@dataclass(frozen=True)
class Tone:
    """How values between black and white are spread, beyond window and level.

    `logarithmic` spreads the low values of a skewed map (the lowest thousandth of the window takes a tenth of the
    greys); `gamma` above 1 brightens the middle, below 1 darkens it. Values below `least` (as a person reads them) are
    not drawn at all. `fades` lets what is low be seen through; None leaves it to the role (probabilities fade).
    """

    gamma: Annotated[float, Range(0.2, 5.0, log=True), "Above 1 brightens the middle, below 1 darkens it"] = 1.0
    logarithmic: Annotated[bool, "Spreads the low values of a skewed map"] = False
    least: Annotated[float | None, Range(-1e9, 1e9), "Values below are not drawn; automatic draws all"] = None
    fades: Annotated[bool | None, "Low values let the scan through; automatic: probabilities do"] = None

    def share(self, place: Array) -> Array:
        """Turn places within the window (0 black, 1 white, any float) into shares of the colour map."""
        inside: Array = np.clip(place, 0.0, 1.0)
        if self.logarithmic:
            inside = np.log1p(inside * _LOG_SPAN) / np.log1p(_LOG_SPAN)
        return inside if self.gamma == 1.0 else inside ** (1.0 / self.gamma)

    @property
    def plain(self) -> bool:
        """Whether values are spread evenly."""
        return self.gamma == 1.0 and not self.logarithmic

    def stored(self, slope: float = 1.0, intercept: float = 0.0) -> tuple[float, float]:
        """Lowest and highest stored value that is drawn; a negative slope turns them round."""
        if self.least is None:
            return -math.inf, math.inf
        edge = (self.least - intercept) / (slope or 1.0)
        return (edge, math.inf) if slope >= 0 else (-math.inf, edge)


PLAIN = Tone()

SOFT_TISSUE = (400.0, 40.0)
"""Window and level, in HU, that a CT is opened with where its file asks for none."""


def samples(volume: Volume, frame: int = 0, most: int = MOST_SAMPLES) -> Array:
    """Take at most `most` finite values of a frame, evenly spread, as a person reads them (scaled), float64 (n,)."""
    few = _thinned(volume.frame(frame), most)
    values = few.ravel().astype(np.float64)
    if values.size and few.dtype.kind == "f":
        values = values[np.isfinite(values)]
    return values * volume.slope + volume.intercept


def _thinned(voxels: Array, most: int) -> Array:
    """Take every n-th voxel along each axis, the longest axes thinned first; a view."""
    steps = [1] * voxels.ndim
    while (counts := [-(-size // step) for size, step in zip(voxels.shape, steps, strict=True)]) and (
        math.prod(counts) > max(1, most)
    ):
        steps[int(np.argmax(counts))] += 1
    return voxels[tuple(slice(None, None, step) for step in steps)]


def window_of(values: Array, low: float = 0.5, high: float = 99.5) -> tuple[float, float]:
    """Window and level between two percentiles of finite values; a flat image gets a window of 1 about its value.

    Where the percentiles fall together (a few bright voxels on an empty ground) the whole range is taken.
    """
    if not values.size:
        return 1.0, 0.5
    first, last = (float(edge) for edge in np.percentile(values, (low, high)))
    if last <= first:
        first, last = float(values.min()), float(values.max())
    if last <= first:
        return 1.0, first
    return last - first, first / 2 + last / 2


def robust_window(volume: Volume, frame: int = 0, low: float = 0.5, high: float = 99.5) -> tuple[float, float]:
    """Window and level that suit a volume, from at most a million of its voxels; NaN and infinity do not count.

    What looks like CT gets the window in which soft tissue is read; between percentiles all of it would be one grey.
    """
    if volume.kind == "colour":
        return 255.0, 127.5
    values = samples(volume, frame)
    return SOFT_TISSUE if looks_like_ct(volume, values) else window_of(values, low, high)


def looks_like_ct(volume: Volume, values: Array) -> bool:
    """Tell whether values (n,) are Hounsfield units: the unit says so, or there is air near −1000 and much near water.

    Most CT reaches us as NIfTI, which cannot say what its numbers are.
    """
    if volume.unit or volume.kind != "scalar":
        return volume.unit == "HU"
    if not values.size or not -10_000 < values.min() <= -900 or values.max() < 200:
        return False
    air, tissue = np.mean((values > -1100) & (values < -800)), np.mean(np.abs(values) <= 200)
    return bool(air > 0.02 and tissue > 0.1)


def levels(window: float, level: float, slope: float = 1.0, intercept: float = 0.0) -> tuple[float, float]:
    """Stored values drawn black and white, so that scaling is done to two numbers and not to every voxel.

    With a negative slope the first is the larger one: bright and dark change places, as they must.
    """
    slope = slope or 1.0
    low, high = level - window / 2, level + window / 2
    return (low - intercept) / slope, (high - intercept) / slope


def fast_pixels(seen: Slice | Array) -> tuple[Array, float]:
    """Return contiguous pixels that are drawn fast, and what must be added to the levels to match.

    Screens are drawn from uint8, uint16 or float32; int16, the type of every CT, is several times slower. With its
    sign bit turned over an int16 is the same number plus 32768 as uint16, at the cost of the copy that is made
    anyway. The picture is the same, pixel for pixel. Other types become float32; there NaN and negative infinity
    are drawn as the lowest value of the slice and infinity as the highest.
    """
    pixels = seen.pixels if isinstance(seen, Slice) else seen
    if pixels.dtype == np.int16:
        return np.bitwise_xor(pixels.view(np.uint16), np.uint16(0x8000), order="C"), 32768.0
    if pixels.dtype == np.int8:
        return np.bitwise_xor(pixels.view(np.uint8), np.uint8(0x80), order="C"), 128.0
    if pixels.dtype in (np.uint8, np.uint16):
        return np.ascontiguousarray(pixels), 0.0
    if pixels.dtype == np.bool_:
        return np.ascontiguousarray(pixels).view(np.uint8), 0.0
    with np.errstate(over="ignore"):
        return _finite(pixels.astype(np.float32, order="C")), 0.0


def _finite(pixels: Array) -> Array:
    """Replace what is no number; looks at the sum first, which costs next to nothing."""
    with np.errstate(all="ignore"):
        if math.isfinite(float(pixels.sum())):
            return pixels
    good = np.isfinite(pixels)
    low, high = (float(pixels[good].min()), float(pixels[good].max())) if good.any() else (0.0, 0.0)
    return np.nan_to_num(pixels, copy=False, nan=low, posinf=high, neginf=low)


def painted(
    pixels: Array,
    low: float,
    high: float,
    colours: str | Array = "grey",
    tone: Tone = PLAIN,
    kept: tuple[float, float] = (-math.inf, math.inf),
) -> Array:
    """Paint stored pixels (...,) between two levels with a colour map (name, (256, 4) or 256 packed colours).

    Whole numbers of 8 and 16 bits go through one table by stored value; NaN is drawn as the lowest value. Values
    outside `kept` become 0 (clear). Returns (..., 4) uint8 or (...,) of packed colours.
    """
    table = colour_map(colours) if isinstance(colours, str) else colours
    span = (high - low) or 1e-12
    if pixels.dtype.kind in "biu" and pixels.dtype.itemsize <= 2:
        unsigned = np.dtype(f"u{pixels.dtype.itemsize}")
        every = np.arange(256**unsigned.itemsize, dtype=unsigned).view(
            np.uint8 if pixels.dtype == bool else pixels.dtype
        )
        paint = _coloured(every.astype(np.float32), low, span, table, tone, kept)
        return np.take(paint, np.ascontiguousarray(pixels).view(unsigned), axis=0)
    return _coloured(pixels.astype(np.float32), low, span, table, tone, kept)


def _coloured(values: Array, low: float, span: float, table: Array, tone: Tone, kept: tuple[float, float]) -> Array:
    found: Array = np.take(table, _place(values, low, span, tone), axis=0)
    if kept != (-math.inf, math.inf):
        with np.errstate(invalid="ignore"):
            found[~((values >= kept[0]) & (values <= kept[1]))] = 0
    return found


def _place(values: Array, low: float, span: float, tone: Tone) -> NDArray[np.uint8]:
    with np.errstate(all="ignore"):
        if tone.plain:
            place = (values - np.float32(low)) * np.float32(255.0 / span)
        else:
            place = tone.share((values - np.float32(low)) / np.float32(span)) * np.float32(255.0)
        kept: NDArray[np.uint8] = np.clip(np.nan_to_num(place, copy=False, nan=0.0), 0, 255).astype(np.uint8)
    return kept


def guess_role(volume: Volume) -> Role:
    """Guess what a volume is by its data type and its content; a person can always say otherwise.

    Labels are few whole numbers that are not negative and mostly equal their neighbours. Probabilities are fractions
    between 0 and 1 that touch neither bound with all voxels. All else is an image.
    """
    if volume.kind == "colour":
        return "image"
    values = samples(volume, most=200_000)
    if not values.size or values.min() < 0:
        return "image"
    if bool(np.all(values == np.rint(values))):
        few = len(np.unique(values)) <= _MOST_LABELS
        return "labels" if few and values.max() > 0 and _in_patches(volume) else "image"
    return "probability" if 0.05 < values.max() <= 1.0 + 1e-6 else "image"


def _in_patches(volume: Volume) -> bool:
    """Tell whether neighbours in a few slices mostly hold the same value, where there is one at all."""
    voxels = volume.frame()
    same = pairs = 0
    for k in np.unique(np.linspace(0, voxels.shape[2] - 1, 9).round().astype(int)):
        flat = voxels[:, :, k]
        one, other = flat[1:], flat[:-1]
        something = (one != 0) | (other != 0)
        pairs += int(np.count_nonzero(something))
        same += int(np.count_nonzero((one == other) & something))
    if pairs:
        return same >= 0.4 * pairs
    return len(np.unique(_thinned(voxels, 200_000))) <= 3


def distinct_note(volume: Volume) -> str | None:
    """Say it where what should be a map of fractions holds only a few values (saved as whole numbers), else None."""
    values = np.unique(samples(volume, most=200_000))
    if volume.kind == "colour" or len(values) > 2:
        return None
    listed = " and ".join(f"{value:g}" for value in values) or "no number"
    many = "one value" if len(values) == 1 else f"{len(values)} distinct values"
    return f"it holds only {many} ({listed}), stored as {volume.voxels.dtype}"
