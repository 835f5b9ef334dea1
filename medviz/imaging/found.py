"""Boxes that a model found in a scan, and where they lie: in the file's own pixels, in RAS mm, on a slice."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medviz.imaging.marks import Mark, point
from medviz.imaging.slices import NORMAL, PLANES, Plane
from medviz.imaging.volume import Volume

Floats = NDArray[np.float64]
Ends = tuple[float, float, float]
_CORNERS = ((0, 0), (1, 0), (1, 1), (0, 1))


@dataclass(frozen=True)
class FoundBox:
    """One object: its class by name and number (from 1), how sure the model is, and its ends.

    `low` and `high` are in voxels of the scan's RAS+ view, where voxel i reaches from i to i + 1.
    """

    label: str
    value: int
    score: float
    low: Ends
    high: Ends

    @property
    def words(self) -> str:
        """Class and score as a person reads them."""
        return f"{self.label} {self.score:.2f}"

    def stored(self, scan: Volume) -> tuple[Ends, Ends]:
        """Return its ends in voxels as the file holds them (in a picture: from the left and from the top)."""
        to_file = np.linalg.inv(scan.stored.affine) @ scan.affine
        ends = np.array([self.low, self.high]) - 0.5
        moved = ends @ to_file[:3, :3].T + to_file[:3, 3] + 0.5
        return point(moved.min(axis=0)), point(moved.max(axis=0))

    def mm(self, scan: Volume) -> tuple[Ends, Ends]:
        """Return its ends in RAS mm, the lower first along each axis."""
        ends = scan.to_mm(np.array([self.low, self.high]) - 0.5)
        return point(ends.min(axis=0)), point(ends.max(axis=0))

    def sides_mm(self, scan: Volume) -> Ends:
        """Return its sides along x, y and z in mm."""
        return point((np.array(self.high) - np.array(self.low)) * scan.spacing_mm)

    def plain(self, scan: Volume) -> dict[str, Any]:
        """Return plain values for JSON: pixels as the file counts them, mm only where the scan is calibrated."""
        low, high = self.stored(scan)
        flat = {"x0": low[0], "y0": low[1], "x1": high[0], "y1": high[1]}
        deep = {"z0": low[2], "z1": high[2]} if scan.shape[2] > 1 else {}
        pixels = {name: round(value, 2) for name, value in {**flat, **deep}.items()}
        told: dict[str, Any] = {"label": self.label, "score": round(self.score, 4), **pixels, "mm": None}
        if scan.calibrated:
            sides = self.sides_mm(scan)
            told["mm"] = [round(side, 2) for side in (sides if deep else sides[:2])]
        return told

    def mark(self, scan: Volume, plane: Plane) -> Mark:
        """Return its outline on the slice of a plane that lies in its middle."""
        normal = NORMAL[plane]
        across, down = (axis for axis in range(3) if axis != normal)
        ends = np.array([self.low, self.high]) - 0.5
        corners = np.repeat(ends.mean(axis=0)[None], 4, axis=0)
        corners[:, normal] = np.clip(np.floor(corners[0, normal] + 0.5), 0, scan.shape[normal] - 1)
        corners[:, across] = [ends[one, across] for one, _ in _CORNERS]
        corners[:, down] = [ends[one, down] for _, one in _CORNERS]
        points = tuple(point(corner) for corner in scan.to_mm(corners))
        return Mark("rectangle", points, plane, name=self.words, value=self.value)


def marks_of(boxes: Sequence[FoundBox], scan: Volume, first: int = 1) -> tuple[Mark, ...]:
    """Return the outlines of boxes, numbered from `first`: on the axial slice, of deep ones on all three planes."""
    found = []
    for box in boxes:
        planes: Sequence[Plane] = PLANES if box.high[2] - box.low[2] > 1 else PLANES[:1]
        found += [box.mark(scan, plane) for plane in planes]
    return tuple(replace(one, number=number) for number, one in enumerate(found, start=first))


def counted(boxes: Sequence[FoundBox]) -> str:
    """Say how many of each class there are."""
    names = list(dict.fromkeys(box.label for box in boxes))
    return ", ".join(f"{sum(box.label == name for box in boxes)} {name}" for name in names) or "nothing"
