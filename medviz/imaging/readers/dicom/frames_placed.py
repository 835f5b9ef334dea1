"""Frames of a SEG object each in its own place, where they make no upright regular volume (a tilted gantry, gaps)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.pixels import pixel_array

from medviz.imaging.readers.dicom.enhanced import all_frames
from medviz.imaging.readers.dicom.files import DAMAGED, number_of, whole_of
from medviz.imaging.readers.dicom.series import LPS_TO_RAS, grouped
from medviz.imaging.volume import Affine
from medviz.refused import Refused

Array = NDArray[Any]
_OFF, _MOST_SLICES = 0.1, 100_000
"""Part of a step that a frame may lie beside its place."""


@dataclass(frozen=True, eq=False)
class PlacedFrames:
    """`affine` is (column, row, slice) to RAS mm; `at` says which frame lies in a slice, and of which segment it is."""

    affine: Affine
    shape: tuple[int, int, int]
    at: tuple[tuple[int, int, int], ...]
    pixels: Array | None

    def segment(self, number: int, whole: float) -> Array:
        """Return one segment (slice, row, column) as shares from 0 to 1; slices without a frame are empty."""
        made = np.zeros(self.shape, np.float32)
        if self.pixels is not None:
            for place, frame, segment in self.at:
                if segment == number:
                    made[place] = self.pixels[frame] / whole
        return made


def placed_frames(path: Path, decode: bool = True) -> PlacedFrames:
    """Place the frames of a SEG by their own positions; slices between them that have none are empty.

    Refuses frames that do not lie on a line, or say not where they lie.
    """
    data = whole_of(path)
    if data is None:
        raise Refused(path, "this segmentation is damaged or incomplete", "export it again")
    try:
        frames = all_frames(path, data)
        (series,) = grouped(frames)
        shared: Any = data.get("SharedFunctionalGroupsSequence") or [Dataset()]
        segments = [_segment_of(own) or _segment_of(shared[0]) for own in data.PerFrameFunctionalGroupsSequence]
        pixels = np.atleast_3d(pixel_array(data)).reshape(-1, int(data.Rows), int(data.Columns)) if decode else None
    except DAMAGED as problem:
        raise Refused(path, "its frames make no volume", "export it again from where it came") from problem
    how = series.spaced
    if how is None or not how.straight:
        raise Refused(path, "its frames do not lie in one direction", "export it again from where it came")
    normal = np.cross(series.affine[:3, 0], series.affine[:3, 1])
    inward = (LPS_TO_RAS[:3, :3] @ normal) / np.linalg.norm(normal)
    along = np.array([frame.position for frame in frames], float) @ inward
    step = _step(how.at_mm, series.first.thickness_mm)
    if step is not None and how.at_mm[-1] - how.at_mm[0] > _MOST_SLICES * step:
        raise Refused(path, "its frames lie too far apart", "export it again from where it came")
    grid = how.grid_mm if step is None else np.arange(how.at_mm[0], how.at_mm[-1] + 0.5 * step, step)
    affine = series.affine.copy()
    if len(grid) > 1:
        affine[:3, 2] *= (grid[1] - grid[0]) / float(LPS_TO_RAS[:3, :3] @ affine[:3, 2] @ inward)
    shape = (len(grid), series.kind.rows, series.kind.columns)
    return PlacedFrames(affine, shape, tuple(_in_slices(grid, along, segments, step is None)), pixels)


def _in_slices(grid: Array, along: Array, segments: list[int], uneven: bool) -> Iterator[tuple[int, int, int]]:
    """Yield (slice, frame, segment): each frame in its slice; where they lie unevenly each slice takes the nearest."""
    reach = 0.6 * float(grid[1] - grid[0]) if len(grid) > 1 else np.inf
    for segment in sorted(set(segments)):
        own = [frame for frame, one in enumerate(segments) if one == segment]
        if uneven:
            for place, mm in enumerate(grid):
                frame = min(own, key=lambda one: abs(along[one] - mm))
                if abs(along[frame] - mm) <= reach:
                    yield place, frame, segment
        else:
            yield from ((int(np.abs(grid - along[frame]).argmin()), frame, segment) for frame in own)


def _step(at: Array, said_mm: float | None) -> float | None:
    """Distance of two slices of the grid (mm): what the file says where all frames fit it, else the least there is.

    Most slices of a segmentation may be empty and have no frame, so that the usual distance says nothing. None where
    the frames fit no even grid.
    """
    if len(at) < 2:
        return said_mm or 1.0
    for step in (said_mm, float(np.diff(at).min())):
        count = (at - at[0]) / step if step else at
        if step and float(np.abs(count - np.rint(count)).max()) < _OFF and np.diff(np.rint(count)).min() > 0:
            return step
    return None


def _segment_of(own: Dataset) -> int:
    items: Any = own.get("SegmentIdentificationSequence") or [Dataset()]
    return int(number_of(items[0], "ReferencedSegmentNumber") or 0)
