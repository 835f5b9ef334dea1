"""Slices that lie unevenly, with gaps or not on a line, onto a regular grid: each by its own place."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import shift

from medviz.imaging.readers.dicom.series import LPS_TO_RAS, Series
from medviz.imaging.readers.dicom.spacing import Spaced
from medviz.imaging.storage import need_room
from medviz.imaging.volume import Affine
from medviz.messages import Progress, Work

Array = NDArray[Any]
_SNAP = 0.01


def on_grid(series: Series, array: Array, how: Spaced, fill_gaps: bool, name: str) -> Work[tuple[Array, Affine]]:
    """Interpolate (channel, slice, row, column) between neighbouring slices; returns it with its affine to RAS mm.

    What lies in a gap of missing slices is left blank (the lowest value) unless `fill_gaps`. Where the slices do not
    lie on a line each is moved within its plane to where it was taken, so that the grid is square to it.
    """
    offset, size, corner = _in_plane(series, how)
    places = how.grid_mm
    shape = (array.shape[0], len(places), *size)
    need_room(name, int(np.prod(shape, dtype=object)) * array.dtype.itemsize)
    blank = array.min()
    made = np.full(shape, blank, array.dtype)
    for number, place in enumerate(places):
        yield Progress(number, len(places), "putting slices on a regular grid")
        before, after, share = _between(how.at_mm, float(place))
        if not fill_gaps and _in_gap(how, float(place)):
            continue
        for channel in range(len(array)):
            first = _moved(array[channel, before], offset[before], size, blank)
            if share == 0.0:
                made[channel, number] = first
                continue
            mixed = first * (1.0 - share) + _moved(array[channel, after], offset[after], size, blank) * share
            made[channel, number] = np.round(mixed) if array.dtype.kind in "iu" else mixed
    affine = series.affine.copy()
    if not how.straight:
        affine[:3, 3] = LPS_TO_RAS[:3, :3] @ corner
    return made, affine


def _between(at: Array, place: float) -> tuple[int, int, float]:
    """Return the slices before and after a place, and how far it is from the first to the second, 0 to 1."""
    after = int(np.clip(np.searchsorted(at, place), 1, len(at) - 1))
    before = after - 1
    share = float(np.clip((place - at[before]) / (at[after] - at[before]), 0.0, 1.0))
    if share < _SNAP:
        return before, after, 0.0
    return (after, after, 0.0) if share > 1.0 - _SNAP else (before, after, share)


def _in_gap(how: Spaced, place: float) -> bool:
    """Tell whether no slice was taken within half a step of a place in a gap."""
    half = 0.5 * float(how.grid_mm[1] - how.grid_mm[0]) + _SNAP
    return any(first < place < last and min(place - first, last - place) > half for first, last in how.gaps_mm)


def _in_plane(series: Series, how: Spaced) -> tuple[Array, tuple[int, int], Array]:
    """Return how far each slice is to be moved (rows, columns), the size of the grid, and its corner in LPS mm."""
    rows, columns = series.kind.rows, series.kind.columns
    if how.straight:
        return np.zeros((len(how.at_mm), 2)), (rows, columns), how.places[0]
    to_lps = LPS_TO_RAS[:3, :3] @ series.affine[:3, :2]
    lengths = np.linalg.norm(to_lps, axis=0)
    along = (how.places - how.places[0]) @ (to_lps / lengths) / lengths  # columns, rows of the first slice
    least, most = along.min(axis=0), along.max(axis=0)
    wide, high = np.ceil(most - least - 1e-6).astype(int) + np.array([columns, rows])
    corner = how.places[0] + to_lps @ least
    return (along - least)[:, ::-1], (int(high), int(wide)), corner


def _moved(pixels: Array, by: Array, size: tuple[int, int], blank: Any) -> Array:
    """Move a slice within a larger one, by parts of a pixel too."""
    if pixels.shape == size and not by.any():
        return pixels
    room = np.full(size, blank, np.float32)
    room[: pixels.shape[0], : pixels.shape[1]] = pixels
    return np.asarray(shift(room, by, order=1, mode="constant", cval=float(blank)))
