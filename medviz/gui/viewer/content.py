"""Where in a scan there is something to see, so that a pane is filled with the head and not with the air around it."""

from typing import Any

import numpy as np

from medviz.gui.viewer.sheet import Box
from medviz.imaging.oblique import Section
from medviz.imaging.slices import Plane, facing
from medviz.imaging.volume import Volume

SAMPLES = 1_000_000
LEAST = 0.4
ROOM = 0.04
"""Kept free around what is seen, as a share of its size."""


def extent(volume: Volume) -> tuple[tuple[float, float], ...]:
    """First and last edge of what is seen along x, y, z in voxels; the whole scan where all of it is.

    Looks at one voxel in so many, takes what is brighter than a twentieth of the range for something. Where that is
    small beside the scan, all of the scan is meant.
    """
    step = max(1, round((np.prod(volume.shape) / SAMPLES) ** (1 / 3)))
    few = volume.frame()[::step, ::step, ::step]
    finite = few[np.isfinite(few)] if few.dtype.kind == "f" else few
    whole = tuple((0.0, float(size)) for size in volume.shape)
    if not finite.size:
        return whole
    low, high = np.percentile(finite, (0.5, 99.5))
    seen = few > low + (high - low) * 0.05
    edges = []
    for axis, size in enumerate(volume.shape):
        there = np.flatnonzero(seen.any(axis=tuple(other for other in range(3) if other != axis)))
        first, last = (there[0] * step, (there[-1] + 1) * step) if there.size else (0, 0)
        if last - first < LEAST * size:
            return whole
        room = (last - first) * ROOM
        edges.append((float(max(0.0, first - room)), float(min(size, last + room))))
    return tuple(edges)


class Content:
    """Remembers the extent of the scan it was last asked about; the panes of one viewer share it."""

    def __init__(self) -> None:
        self._of: Any = None
        self._extent: tuple[tuple[float, float], ...] = ()

    def box_of(self, scan: Volume, section: Section) -> Box:
        """Return the part of a section that is to fill a pane.

        A turned one has the size of its straight pane, so that turning does not zoom, about the middle of what is seen.
        """
        top, bottom, left, right = self.box(scan, section.plane, section.radiological)
        if section.straight:
            return top, bottom, left, right
        turned, spacing = facing(section.plane, section.radiological), scan.spacing_mm
        pixel = float(np.linalg.norm(section.down))
        half_down = (bottom - top) * spacing[turned.down] / pixel / 2
        half_across = (right - left) * spacing[turned.across] / pixel / 2
        row, col, _ = section.to_place(scan.to_mm([(first + last) / 2 - 0.5 for first, last in self._extent]))
        return row + 0.5 - half_down, row + 0.5 + half_down, col + 0.5 - half_across, col + 0.5 + half_across

    def box(self, scan: Volume, plane: Plane, radiological: bool) -> Box:
        """Return the part of a plane's slices that is to fill a pane, in rows and columns as they face the screen."""
        if scan is not self._of:
            self._of, self._extent = scan, extent(scan)
        turned = facing(plane, radiological)
        first, last = self._extent[turned.down]
        near, far = self._extent[turned.across]
        if turned.flip_down:
            first, last = scan.shape[turned.down] - last, scan.shape[turned.down] - first
        if turned.flip_across:
            near, far = scan.shape[turned.across] - far, scan.shape[turned.across] - near
        return first, last, near, far
