"""What a model found in a scan: labels on the scan's own grid, and what they were taken from."""

from dataclasses import dataclass
from typing import Any

from medviz.imaging.found import FoundBox
from medviz.imaging.volume import Volume


@dataclass(frozen=True, eq=False)
class Prediction:
    """`labels` lie on the scan's grid.

    `probabilities` are (classes, x, y, z), mostly float16, on the network's own grid, background first, None where they
    were not kept. `agreement` is that with the mirrored scan (mean Dice), None where it was not asked for. `boxes` are
    what a model found that names no voxels (then `labels` is empty), None of all others; `classes` each class with its
    probability, the most probable first, of a model that names the whole picture.
    """

    labels: Volume
    probabilities: Volume | None = None
    agreement: float | None = None
    seconds: float = 0.0
    boxes: tuple[FoundBox, ...] | None = None
    classes: tuple[tuple[str, float], ...] | None = None

    def at(self, mm: Any) -> tuple[tuple[str, float], ...]:
        """Name and probability of each class at a point in RAS mm, background first; () outside or where not kept."""
        shares = self.probabilities
        index = None if shares is None else shares.nearest(mm)
        if shares is None or index is None:
            return ()
        known = {label.value: label.name for label in self.labels.labels}
        found = enumerate(shares.voxels[(slice(None), *index)])
        return tuple((known.get(value, f"label {value}") if value else "background", float(p)) for value, p in found)
