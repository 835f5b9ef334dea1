"""What was found of two label maps: plain values, read by every face of the program without what worked them out."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from medviz.imaging.volume import Array, Volume

TOLERANCE_MM = 2.0
"""Default tolerance of NSD."""
SURFACE = "voxels of the label that touch another face to face; distances between their centres"
"""The definition of a surface, in words a person reads beside the numbers."""
NO_REFERENCE = "no reference voxels, so neither overlap nor distance has a meaning"
NO_PREDICTION = "no predicted voxels, so there is no surface to measure to"
NO_SPACING = "the scan has no spacing, so there are no mm and no ml"
Point = tuple[float, float, float]
Kind = Literal["missed", "invented", "border"]


@dataclass(frozen=True)
class Gap:
    """Two points in RAS mm, one on each surface, and how far they are apart."""

    predicted_mm: Point
    meant_mm: Point
    length_mm: float


@dataclass(frozen=True)
class Mistake:
    """One connected piece (26 neighbours) of voxels of a label that only one of the two maps has.

    `kind`: "missed" is a piece of the reference and "invented" one of the prediction that touches nothing on which
    both agree; "border" touches it: there the outline runs too far in (`extra` False) or too far out (True).
    `depth_mm` is how far it reaches away from the other map's label, None where that has none. `at_mm` is a voxel of
    it: its deepest, or the one nearest to its middle where nothing agrees. `gap` runs from there to the nearest voxel
    of the other map. `instead` is what the other map has in most of it (0: background).
    """

    value: int
    kind: Kind
    extra: bool
    voxels: int
    volume_ml: float | None
    depth_mm: float | None
    at_mm: Point
    instead: int
    gap: Gap | None = None


@dataclass(frozen=True)
class Agreement:
    """Agreement on one label. Distances in mm, volumes in ml; None where it has no meaning, then `note` says why.

    `missed` and `invented` count whole pieces that touch nothing on which both agree, `mistakes` all pieces. `at_mm` is
    a voxel in the middle of the label (the reference's, where it has it), `worst` the pair of surface points farthest
    apart, `error` the largest single error.
    """

    value: int
    name: str
    dice: float | None = None
    iou: float | None = None
    sensitivity: float | None = None
    precision: float | None = None
    hd_mm: float | None = None
    hd95_mm: float | None = None
    assd_mm: float | None = None
    nsd: float | None = None
    voxels_prediction: int = 0
    voxels_reference: int = 0
    volume_ml_prediction: float | None = None
    volume_ml_reference: float | None = None
    volume_difference_ml: float | None = None
    volume_difference_percent: float | None = None
    mistakes: int = 0
    missed: int = 0
    invented: int = 0
    at_mm: Point | None = None
    worst: Gap | None = None
    error: Mistake | None = None
    note: str = ""

    def plain(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Comparison:
    """All that was found of two maps.

    `rows` are the labels by value, `errors` the single errors of all labels, the largest first (`left_out` smaller
    ones are counted, not listed). `values` and `table` (predicted, meant) count voxels, the background included.
    `predicted` and `meant` are the two maps (x, y, z) on the reference's `grid`.
    """

    rows: tuple[Agreement, ...]
    errors: tuple[Mistake, ...]
    left_out: int
    values: NDArray[np.int64]
    table: NDArray[np.int64]
    tolerance_mm: float
    grid: Volume = field(repr=False)
    predicted: Array = field(repr=False)
    meant: Array = field(repr=False)
    surface: str = SURFACE
    note: str = ""

    def of(self, value: int) -> Agreement | None:
        """Return the row of a label."""
        return next((row for row in self.rows if row.value == value), None)

    def errors_of(self, value: int) -> tuple[Mistake, ...]:
        """List the errors of one label, the largest first."""
        return tuple(one for one in self.errors if one.value == value)
