"""Two images in one picture: blended, in tiles, on two sides of a line, or their difference."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from medviz.imaging.intensity import painted
from medviz.imaging.oblique import Section
from medviz.imaging.slices import Slice
from medviz.parameters import Choice, Range, When

Array = NDArray[Any]
MixKind = Literal["off", "blend", "tiles", "swipe", "difference"]
MIXES: tuple[MixKind, ...] = ("off", "blend", "tiles", "swipe", "difference")
LARGEST_TILE_MM, SMALLEST_TILE_MM = 100.0, 2.0


@dataclass(frozen=True)
class Mix:
    """How a second image is put into the first one's panes.

    `share` is how much of the second is seen when blended, and where the line of a swipe stands (0 left, 1 right).
    `tile_mm` is the side of a tile. `span` is the largest difference that has a colour of its own, as a share of the
    window.
    """

    how: Annotated[
        MixKind,
        Choice(MIXES, ("beside only", "blend", "tiles", "swipe", "difference")),
        "How the second scan is put into the first one's panes",
    ] = "off"
    share: Annotated[
        float, Range(0.0, 1.0), When("how", "blend", "swipe"), "How much of the second is seen; where the line stands"
    ] = 0.5
    tile_mm: Annotated[
        float, Range(SMALLEST_TILE_MM, LARGEST_TILE_MM, unit="mm", log=True), When("how", "tiles"), "Side of a tile"
    ] = 20.0
    span: Annotated[
        float,
        Range(0.01, 1.0, log=True),
        When("how", "difference"),
        "Largest difference that has a colour of its own, as a share of the window",
    ] = 0.5


NO_MIX = Mix()


@dataclass(frozen=True, eq=False)
class Difference:
    """The second image minus the first: `values` (rows, cols) in `unit`, drawn from -`most` to `most`.

    `unit` is "of the window" where the two images are not in the same unit: then each is taken as a share of its own
    window first.
    """

    values: NDArray[np.float32]
    unit: str
    most: float
    inside: NDArray[np.bool_] | None = None

    @property
    def normalised(self) -> bool:
        """Whether the images had to be brought to one scale."""
        return self.unit == OF_THE_WINDOW


OF_THE_WINDOW = "of the window"


def second_seen(section: Section, mix: Mix) -> NDArray[np.bool_]:
    """Pixels (rows, cols) of a section where the second image is seen, in tiles or beyond the line of a swipe.

    Tiles are counted in mm from the corner of the scan's own slice, so that they stay while one turns slices.
    """
    mm = section.mm or (1.0, 1.0)
    if mix.how == "swipe":
        across = np.arange(section.cols) >= round(mix.share * section.cols)
        return np.broadcast_to(across, (section.rows, section.cols))
    down = np.floor((np.arange(section.rows) + 0.5) * mm[0] / mix.tile_mm).astype(np.intp)
    across_tiles = np.floor((np.arange(section.cols) + 0.5) * mm[1] / mix.tile_mm).astype(np.intp)
    odd: NDArray[np.bool_] = (down[:, None] + across_tiles[None]) % 2 == 1
    return odd


def mixed_rgb(first: NDArray[np.uint8], second: NDArray[np.uint8], section: Section, mix: Mix) -> NDArray[np.uint8]:
    """Put two pictures (rows, cols, 3) of a section into one."""
    if mix.how == "blend":
        return (first + (second.astype(np.float32) - first) * np.float32(mix.share) + 0.5).astype(np.uint8)
    return np.where(second_seen(section, mix)[..., np.newaxis], second, first)


def difference_rgb(found: Difference) -> NDArray[np.uint8]:
    """Colours (rows, cols, 3) of a difference, blue below, white at and red above zero; black outside."""
    picture = painted(found.values, -found.most, found.most, "diverging")[..., :3]
    if found.inside is not None:
        picture[~found.inside] = 0
    return picture


def same_unit(first: str, second: str) -> bool:
    """Whether values may be taken from each other; two images without a unit may not."""
    return bool(first) and first == second


def difference(
    first: Slice, second: Slice, first_window: tuple[float, float], second_window: tuple[float, float], span: float
) -> Difference:
    """Take the first image from the second, in their unit if they share one, else as shares of their windows.

    Windows are (width, level). Pixels that are not in both images are outside.
    """
    inside = second.inside if first.inside is None else first.inside
    if first.inside is not None and second.inside is not None:
        inside = first.inside & second.inside
    if same_unit(first.unit, second.unit):
        values = _read(second) - _read(first)
        return Difference(values, first.unit, max(span * first_window[0], 1e-9), inside)
    shares = (_share(_read(one), window) for one, window in ((first, first_window), (second, second_window)))
    one, other = shares
    return Difference(other - one, OF_THE_WINDOW, max(span, 1e-3), inside)


def _read(seen: Slice) -> NDArray[np.float32]:
    values = seen.pixels.astype(np.float32)
    if (seen.slope, seen.intercept) != (1.0, 0.0):
        values *= np.float32(seen.slope)
        values += np.float32(seen.intercept)
    return values


def _share(values: NDArray[np.float32], window: tuple[float, float]) -> NDArray[np.float32]:
    width, level = window
    values -= np.float32(level - width / 2)
    values /= np.float32(width or 1.0)
    return np.clip(values, 0.0, 1.0, out=values)
