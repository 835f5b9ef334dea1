"""How the slices of a series lie along their normal: evenly, with gaps, aslant, or anyhow; all in mm."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
TOLERANCE_MM = 0.01
"""Slices further than this from an even spacing are said to be uneven (3D Slicer's tolerance)."""
_SHOWN_UNEVEN = 0.01
"""... and shown on a grid of their own where that is more than this share of the distance of two slices."""
_TILT_DEGREES = 0.5
_GAP = 1.5
_MOST_PUT_BETWEEN = 20
_MOST_NAMED = 4


@dataclass(frozen=True, eq=False)
class Spaced:
    """Where slices lie.

    Attributes
    ----------
    places : LPS mm of the first pixel of each slice; `at_mm` the same along the normal.
    step : from slice to slice of the grid that is shown (mm, LPS).
    grid_mm : where the slices of that grid lie along the normal; the same as `at_mm` where nothing is put between.
    gaps_mm : where slices are missing, from and to along the normal.
    tilt_degrees : by which the stack leans (a tilted gantry).
    straight : False where the first pixels do not lie on a line.
    """

    places: Array
    at_mm: Array
    step: Array
    grid_mm: Array
    gaps_mm: tuple[tuple[float, float], ...] = ()
    tilt_degrees: float = 0.0
    straight: bool = True
    warnings: tuple[str, ...] = ()

    @property
    def even(self) -> bool:
        """True where the slices as stored make the grid."""
        same = len(self.grid_mm) == len(self.at_mm)
        return self.straight and same and bool(np.abs(self.grid_mm - self.at_mm).max(initial=0.0) < 1e-9)


def spaced(places: Array, normal: Array, thickness_mm: float | None) -> Spaced:
    """Find how slices lie whose first pixels are at `places` (LPS mm), in order along the unit `normal`."""
    at = places @ normal
    if len(at) < 2:
        return Spaced(places, at, normal * (thickness_mm or 1.0), at)
    apart = np.diff(at)
    usual = float(np.median(apart))
    gaps = tuple((float(at[n]), float(at[n + 1])) for n in np.flatnonzero(apart > _GAP * usual))
    line = places[0] + np.outer((at - at[0]) / (at[-1] - at[0]), places[-1] - places[0])
    straight = float(np.linalg.norm(line - places, axis=1).max()) <= max(0.1, 0.05 * usual)
    slant = (places[-1] - places[0]) / (at[-1] - at[0]) if straight else normal
    tilt, said = _tilt(slant, normal)
    if not straight:
        said.append("its slices do not lie on a straight line; it is shown resampled to a regular grid")
    grid, more = _grid(at, usual, gaps)
    step = slant * (float(grid[-1] - grid[0]) / (len(grid) - 1))
    return Spaced(places, at, step, grid, gaps, tilt, straight, (*said, *more, *_missing(gaps)))


def _grid(at: Array, usual: float, gaps: tuple[tuple[float, float], ...]) -> tuple[Array, list[str]]:
    """Return the places of an even grid, and what is to be said of it."""
    line = np.linspace(at[0], at[-1], len(at))
    off = float(np.abs(line - at).max())
    apart = np.diff(at)
    if off <= TOLERANCE_MM:
        return at, []
    if off <= _SHOWN_UNEVEN * usual and not gaps:
        return at, [f"its slices are {apart.min():.3f} to {apart.max():.3f} mm apart; they are shown as if even"]
    count = np.rint((at - at[0]) / usual)
    step = float(count @ (at - at[0]) / (count @ count))
    most = max(_MOST_PUT_BETWEEN * len(at), 1024)
    if (
        gaps
        and count[-1] <= most
        and float(np.abs(at[0] + count * step - at).max()) <= max(TOLERANCE_MM, _SHOWN_UNEVEN * usual)
    ):
        return at[0] + step * np.arange(int(count[-1]) + 1), []
    number = int(np.clip(round(float(at[-1] - at[0]) / usual), 1, most))
    even = np.linspace(at[0], at[-1], number + 1)
    said = (
        f"its slices are {apart.min():.2f} to {apart.max():.2f} mm apart; "
        f"it is shown interpolated to a regular grid of {even[1] - even[0]:.2f} mm"
    )
    return even, [said]


def _tilt(slant: Array, normal: Array) -> tuple[float, list[str]]:
    degrees = float(np.degrees(np.arccos(np.clip(np.dot(slant, normal) / np.linalg.norm(slant), -1, 1))))
    if degrees < _TILT_DEGREES:
        return 0.0, []
    said = f"the gantry was tilted by {degrees:.1f}°; its grid is sheared, and drawn slices are not square to it"
    return degrees, [said]


def _missing(gaps: tuple[tuple[float, float], ...]) -> list[str]:
    if not gaps:
        return []
    named = ", ".join(f"{first:.1f} to {last:.1f} mm" for first, last in gaps[:_MOST_NAMED])
    more = f" and {len(gaps) - _MOST_NAMED} more" if len(gaps) > _MOST_NAMED else ""
    return [f"slices are missing at {named}{more} along the slice normal and left blank"]
