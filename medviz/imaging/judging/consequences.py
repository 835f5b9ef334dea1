"""What each threshold of a probability map leads to: plain values, read off running sums at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Consequence:
    """What one threshold leads to. Volumes in ml, None where uncalibrated; overlaps None where there is no reference.

    `pieces` are connected face to face; None where there were too many voxels to count them.
    """

    threshold: float
    voxels: int
    volume_ml: float | None
    pieces: int | None
    dice: float | None = None
    iou: float | None = None
    sensitivity: float | None = None
    precision: float | None = None
    volume_difference_ml: float | None = None


@dataclass(frozen=True)
class Calibration:
    """How often a voxel of a given probability belongs: `said` and `seen` by tenth, and `voxels` in it (NaN if none).

    `ece` is the expected calibration error (Naeini et al., 2015) over all voxels, `ece_inside` over those that matter:
    of at least one per cent, or of the reference. The background would hide any error.
    """

    said: Numbers
    seen: Numbers
    voxels: Counts
    ece: float
    ece_inside: float


@dataclass(frozen=True, eq=False)
class Consequences:
    """What every threshold leads to; `thresholds` (n,) rise from the least to the greatest value of the map.

    `above`, `hit` and `pieces` (n,) count voxels at or above each threshold, those of them in the reference, and
    connected pieces (-1: not counted). `meant` is the size of the reference, `total` that of the scan.
    """

    thresholds: Numbers
    above: Counts
    pieces: Counts
    total: int
    voxel_ml: float | None
    hit: Counts | None = None
    meant: int = 0
    calibration: Calibration | None = None
    note: str = ""

    def place(self, threshold: float) -> int:
        """Number of the threshold nearest to one that is asked for."""
        low, high = float(self.thresholds[0]), float(self.thresholds[-1])
        share = (threshold - low) / (high - low) if high > low else 0.0
        return int(np.clip(round(share * (len(self.thresholds) - 1)), 0, len(self.thresholds) - 1))

    def at(self, threshold: float) -> Consequence:
        """Read off what a threshold leads to."""
        place = self.place(threshold)
        voxels, pieces = int(self.above[place]), int(self.pieces[place])
        plain = Consequence(
            float(self.thresholds[place]),
            voxels,
            None if self.voxel_ml is None else voxels * self.voxel_ml,
            None if pieces < 0 else pieces,
        )
        if self.hit is None or not self.meant:
            return plain
        hit = int(self.hit[place])
        return Consequence(
            plain.threshold,
            voxels,
            plain.volume_ml,
            plain.pieces,
            dice=2 * hit / (voxels + self.meant),
            iou=hit / (voxels + self.meant - hit),
            sensitivity=hit / self.meant,
            precision=hit / voxels if voxels else None,
            volume_difference_ml=None if self.voxel_ml is None else (voxels - self.meant) * self.voxel_ml,
        )

    @property
    def dice(self) -> Numbers | None:
        """Dice at each threshold, None without a reference."""
        if self.hit is None or not self.meant:
            return None
        made: Numbers = 2.0 * self.hit / (self.above + self.meant)
        return made

    @property
    def best(self) -> float | None:
        """The threshold of the largest Dice (the middle one of equals), None without a reference."""
        dice = self.dice
        if dice is None:
            return None
        equal = np.flatnonzero(dice >= dice.max() - 1e-12)
        return float(self.thresholds[equal[len(equal) // 2]])

    @property
    def roc(self) -> tuple[Numbers, Numbers, float] | None:
        """False positive rate, sensitivity (rising together) and the area under their curve."""
        if self.hit is None or not 0 < self.meant < self.total:
            return None
        false = np.concatenate([[0.0], ((self.above - self.hit) / (self.total - self.meant))[::-1], [1.0]])
        true = np.concatenate([[0.0], (self.hit / self.meant)[::-1], [1.0]])
        return false, true, float(np.trapezoid(true, false))

    @property
    def precision_recall(self) -> tuple[Numbers, Numbers, float] | None:
        """Sensitivity (rising), precision, and their average precision, over thresholds that leave any voxel."""
        if self.hit is None or not self.meant:
            return None
        some = self.above > 0
        recall = (self.hit[some] / self.meant)[::-1]
        precision = (self.hit[some] / self.above[some])[::-1]
        steps = np.diff(np.concatenate([[0.0], recall]))
        return recall, precision, float(np.sum(steps * precision))
