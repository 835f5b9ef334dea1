"""How well two label maps agree: overlap, distance of their surfaces in mm, volumes in ml, and every error's place.

Everything is measured in the reference's space; a prediction on another grid is resampled by its affine (nearest
neighbour). Where a number would have no meaning (an empty label) it is None and `note` says why. What a surface is and
how distances are taken stands in `surfaces`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medviz.imaging.judging.counts import counted
from medviz.imaging.judging.maps import on_reference, whole_numbers
from medviz.imaging.judging.mistakes import Held, Pieces, pieces
from medviz.imaging.judging.results import (
    NO_PREDICTION,
    NO_REFERENCE,
    NO_SPACING,
    TOLERANCE_MM,
    Agreement,
    Comparison,
    Mistake,
    Point,
)
from medviz.imaging.judging.surfaces import Apart, Surface, apart, grouped, places_mm, point_of, rims
from medviz.imaging.volume import Array, Volume
from medviz.messages import Note, Progress, Work

MOST_MISTAKES = 2000
_WHITE = 255
"""What a mask of one label is where it was saved as a picture."""


def agreement(
    prediction: Volume,
    reference: Volume,
    names: Mapping[int, str] | None = None,
    tolerance_mm: float = TOLERANCE_MM,
) -> Work[Comparison]:
    """Compare two label maps label by label; yields Progress and a Note where the grids differ.

    `names` go by label value; where one is missing the maps' own tables are asked. Labels are all non-zero values that
    occur in either map; where one holds nothing but 0 and 255 (a mask saved as a picture) and the other one label, 255
    is that label. Refuses maps that are no labels or do not meet.
    """
    yield Progress(0, 100, "reading the labels")
    placed, note = yield from scaled(on_reference(prediction, reference), 0, 2)
    if note:
        yield Note(note, "warning")
    found, there = whole_numbers(placed), whole_numbers(reference)
    values, table = yield from scaled(counted(found, there), 2, 10)
    if (one := _saved_as_picture(values, table)) is not None:
        found, there = (np.where(part == _WHITE, part.dtype.type(one), part) for part in (found, there))
        values, table = yield from scaled(counted(found, there), 10, 10)
        said = f"One map holds only 0 and {_WHITE}; {_WHITE} is compared as label {one}"
        note = f"{note}. {said}" if note else said
        yield Note(said, "warning")
    known = {label.value: label.name for label in (*prediction.labels, *reference.labels)} | dict(names or {})
    labels = [int(value) for value in values if value != 0]
    every = _Every(found, there, reference)
    for done in every.find():
        yield Progress(10 + 10 * done, 100, "finding the surfaces")
    most = max(20, MOST_MISTAKES // max(1, len(labels)))
    rows, errors, many = [], [], 0
    for number, value in enumerate(labels):
        name = known.get(value, f"label {value}")
        share = Progress(20 + 80 * number / len(labels), 100, name)
        row, mistakes = yield from _judged(every, value, share, _counts(values, table, value), tolerance_mm, most)
        rows.append(row)
        errors += mistakes
        many += row.mistakes
    yield Progress(100, 100, "compared")
    errors.sort(key=lambda one: (-one.voxels, one.value, one.at_mm))
    kept = tuple(errors[:MOST_MISTAKES])
    return Comparison(
        tuple(rows), kept, many - len(kept), values, table, tolerance_mm, reference, found, there, note=note
    )


def _saved_as_picture(values: NDArray[np.int64], table: NDArray[np.int64]) -> int | None:
    """Return the label that 255 stands for: one map holds nothing else, the other one other label; else None."""
    predicted, meant = ({int(value) for value in values[table.sum(axis) > 0] if value} for axis in (1, 0))
    if len(predicted) == len(meant) == 1 and predicted != meant and _WHITE in predicted | meant:
        return next(iter((predicted | meant) - {_WHITE}))
    return None


def scaled(work: Work[Any], low: float, high: float) -> Work[Any]:
    """Do work whose progress is a part, from `low` to `high` per cent, of a larger one."""
    while True:
        try:
            message = next(work)
        except StopIteration as end:
            return end.value
        if isinstance(message, Progress) and message.total:
            message = Progress(low + (high - low) * message.done / message.total, 100, message.what)
        yield message


class _Every:
    """Voxels of interest of all labels, found in one pass each: the surfaces, and where the maps differ.

    Maps that lie with x innermost in memory are taken as (z, y, x), with a grid to match: turning 67 million voxels
    round costs seconds, and no number depends on it.
    """

    def __init__(self, found: Array, there: Array, grid: Volume) -> None:
        self.maps, self.grid = (found, there), grid
        if abs(there.strides[0]) < abs(there.strides[2]):
            self.maps = found.T, there.T
            self.grid = replace(grid, voxels=grid.voxels.transpose(0, 3, 2, 1), affine=grid.affine[:, [2, 1, 0, 3]])

    def find(self) -> Iterator[float]:
        """Find them; yields the share done."""
        one, other = (np.ascontiguousarray(labels) for labels in self.maps)
        self.held = Held(one.reshape(-1), other.reshape(-1), self.grid)
        yield 0.1
        self.rims: list[dict[int, NDArray[np.int64]]] = []
        for labels, flat in ((one, self.held.predicted), (other, self.held.meant)):
            rim = rims(labels)
            yield 0.2 + 0.4 * len(self.rims)
            self.rims.append(grouped(rim, flat[rim]))
            yield 0.4 + 0.2 * len(self.rims)
        differs = np.flatnonzero(self.held.predicted != self.held.meant)
        yield 0.9
        self.extra = grouped(differs, self.held.predicted[differs])
        self.lacks = grouped(differs, self.held.meant[differs])

    def surface(self, which: int, value: int) -> Surface | None:
        """The surface of a label in the prediction (0) or the reference (1)."""
        rim = self.rims[which].get(value)
        return None if rim is None else Surface(places_mm(rim, self.grid))

    def middle(self, value: int, predicted: Surface | None, meant: Surface | None) -> Point | None:
        """Return a voxel in the middle of a label, or the one of its surface that is nearest to there."""
        surface, labels = (meant, self.held.meant) if meant is not None else (predicted, self.held.predicted)
        if surface is None:
            return None
        wanted = surface.points.mean(axis=0)
        voxel = self.grid.nearest(wanted)
        if voxel is not None and labels[np.ravel_multi_index(voxel, self.grid.shape)] == value:
            return point_of(self.grid.to_mm(voxel))
        _, nearest = next(surface.near(wanted[np.newaxis]))
        return point_of(surface.points[nearest[0]])


_NOTHING = np.zeros(0, np.int64)


def _judged(
    every: _Every, value: int, share: Progress, counts: tuple[int, int, int], tolerance_mm: float, most: int
) -> Work[tuple[Agreement, list[Mistake]]]:
    """Measure one label; says again and again how far all labels are, so that it can be stopped."""
    yield share
    predicted, meant = every.surface(0, value), every.surface(1, value)
    distances: Apart | None = None
    if predicted is not None and meant is not None and every.grid.calibrated:
        for step in apart(predicted, meant, tolerance_mm):
            distances = step
            if step is None:
                yield share
    sides = []
    for extra, index, other in ((False, every.lacks, predicted), (True, every.extra, meant)):
        side: Pieces | None = None
        for side in pieces(every.held, value, index.get(value, _NOTHING), extra, other, most):
            if side is None:
                yield share
        assert side is not None
        sides.append(side)
    mistakes = sorted((one for side in sides for one in side.largest), key=lambda one: -one.voxels)
    row = _row(value, share.what, counts, every.grid, distances, sides, mistakes)
    return replace(row, at_mm=every.middle(value, predicted, meant)), mistakes


def _row(
    value: int,
    name: str,
    counts: tuple[int, int, int],
    grid: Volume,
    distances: Apart | None,
    sides: list[Pieces],
    mistakes: list[Mistake],
) -> Agreement:
    both, predicted, meant = counts
    measured: dict[str, Any] = {"value": value, "name": name, "voxels_prediction": predicted, "voxels_reference": meant}
    measured["mistakes"] = sides[0].many + sides[1].many
    measured["missed"], measured["invented"] = sides[0].apart, sides[1].apart
    measured["error"] = mistakes[0] if mistakes else None
    if grid.calibrated:
        measured["volume_ml_prediction"] = predicted * grid.voxel_ml
        measured["volume_ml_reference"] = meant * grid.voxel_ml
        measured["volume_difference_ml"] = (predicted - meant) * grid.voxel_ml
    if not meant:
        return Agreement(**measured, note=NO_REFERENCE)
    measured["volume_difference_percent"] = 100.0 * (predicted - meant) / meant
    measured["dice"] = 2 * both / (predicted + meant)
    measured["iou"] = both / (predicted + meant - both)
    measured["sensitivity"] = both / meant
    if not predicted:
        return Agreement(**measured, note=NO_PREDICTION)
    measured["precision"] = both / predicted
    if distances is None:
        return Agreement(**measured, note=NO_SPACING)
    return Agreement(
        **measured,
        hd_mm=distances.hd_mm,
        hd95_mm=distances.hd95_mm,
        assd_mm=distances.assd_mm,
        nsd=distances.nsd,
        worst=distances.worst,
    )


def _counts(values: NDArray[np.int64], table: NDArray[np.int64], value: int) -> tuple[int, int, int]:
    """Voxels that both have, that the prediction has, that the reference has."""
    place = int(np.searchsorted(values, value))
    return int(table[place, place]), int(table[place].sum()), int(table[:, place].sum())
