"""How well two label maps agree: overlap, distance of their surfaces in mm, volumes in ml.

Everything is measured in the reference's space; a prediction on another grid is resampled by its affine (nearest
neighbour). Where a number would have no meaning (an empty label) it is None and `note` says why.

The surface of a label is the set of its voxels that touch, face to face, a voxel that is not of it (the edge of the
scan counts as outside); distances run between the centres of such voxels, with the spacing of the grid. HD95 is the
larger of the two 95th percentiles (MONAI, and Maier-Hein et al., "Metrics reloaded", 2024); ASSD is the mean over all
distances both ways; NSD is the share of both surfaces within a tolerance of the other (Nikolov et al., 2018).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from medviz.imaging.volume import Volume
from medviz.messages import Note, Progress, Work
from medviz.refused import Refused

TOLERANCE_MM = 2.0
"""Default tolerance of NSD."""
_MANY_LABELS = 1 << 12


@dataclass(frozen=True)
class Agreement:
    """Agreement on one label. Distances in mm, volumes in ml; None where it has no meaning, then `note` says why."""

    value: int
    name: str
    dice: float | None = None
    iou: float | None = None
    hd95_mm: float | None = None
    assd_mm: float | None = None
    nsd: float | None = None
    volume_ml_prediction: float | None = None
    volume_ml_reference: float | None = None
    note: str = ""

    def plain(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Surfaces:
    """How far two surfaces are apart: `hd95_mm`, `assd_mm` and `nsd` at `tolerance_mm`."""

    hd95_mm: float
    assd_mm: float
    nsd: float
    tolerance_mm: float


def agreement(
    prediction: Volume, reference: Volume, names: Sequence[str] = (), tolerance_mm: float = TOLERANCE_MM
) -> Work[tuple[Agreement, ...]]:
    """Compare two label maps label by label; yields Progress and a Note where the grids differ.

    `names` are those of the labels 1, 2, ... Labels are all non-zero values that occur in either map. Refuses maps
    that are no labels.
    """
    there = _whole_numbers(reference)
    if prediction.same_grid(reference):
        found = _whole_numbers(prediction)
    else:
        yield Note("The grids differ; the prediction is resampled to the reference's, nearest neighbour", "warning")
        found = on_grid(_whole_numbers(prediction), prediction, reference)
    values, table = confusion(found, there)
    labels = [int(value) for value in values if value != 0]
    boxes = _boxes(found, there)
    rows = []
    for number, value in enumerate(labels):
        yield Progress(number, len(labels), f"label {value}")
        place = int(np.flatnonzero(values == value)[0])
        counts = int(table[place, place]), int(table[place].sum()), int(table[:, place].sum())
        name = names[value - 1] if 0 < value <= len(names) else f"label {value}"
        box = boxes.get(value, (slice(None),) * 3)
        rows.append(_row(value, name, counts, found[box], there[box], reference, tolerance_mm))
    yield Progress(len(labels), max(1, len(labels)), "compared")
    return tuple(rows)


def _row(
    value: int,
    name: str,
    counts: tuple[int, int, int],
    found: NDArray[np.int64],
    there: NDArray[np.int64],
    grid: Volume,
    tolerance_mm: float,
) -> Agreement:
    both, predicted, meant = counts
    measured: dict[str, Any] = {"value": value, "name": name}
    if grid.calibrated:
        measured["volume_ml_prediction"] = predicted * grid.voxel_ml
        measured["volume_ml_reference"] = meant * grid.voxel_ml
    if not meant:
        return Agreement(**measured, note="no reference voxels, so neither overlap nor distance has a meaning")
    measured["dice"] = 2 * both / (predicted + meant)
    measured["iou"] = both / (predicted + meant - both)
    if not predicted:
        return Agreement(**measured, note="no predicted voxels, so there is no surface to measure to")
    if not grid.calibrated:
        return Agreement(**measured, note="the scan has no spacing, so there are no mm and no ml")
    apart = surfaces(found == value, there == value, grid.spacing_mm, tolerance_mm)
    return Agreement(**measured, hd95_mm=apart.hd95_mm, assd_mm=apart.assd_mm, nsd=apart.nsd)


def _boxes(found: NDArray[np.int64], there: NDArray[np.int64]) -> dict[int, tuple[slice, ...]]:
    """The box that holds a label in both maps, by label: 117 labels are not searched for in the whole scan each."""
    boxes: dict[int, tuple[slice, ...]] = {}
    for labels in (found, there):
        for value, box in enumerate(ndimage.find_objects(np.maximum(labels, 0)), start=1):
            if box is not None:
                old = boxes.get(value, box)
                boxes[value] = tuple(
                    slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(old, box, strict=True)
                )
    return boxes


def confusion(prediction: NDArray[Any], reference: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count voxels by (predicted, meant) in one joint bincount: values that occur, and the table (n, n)."""
    if prediction.shape != reference.shape:
        raise ValueError(f"shapes differ: {prediction.shape} and {reference.shape}")
    low = min(0, int(prediction.min(initial=0)), int(reference.min(initial=0)))
    top = max(int(prediction.max(initial=0)), int(reference.max(initial=0))) - low + 1
    if top > _MANY_LABELS:
        values = np.union1d(prediction, reference).astype(np.int64)
        first, second = (np.searchsorted(values, one).reshape(-1) for one in (prediction, reference))
    else:
        values = np.arange(low, low + top, dtype=np.int64)
        first, second = (one.reshape(-1).astype(np.int64) - low for one in (prediction, reference))
    size = len(values)
    table = np.bincount(first * size + second, minlength=size * size).reshape(size, size)
    occurs = (table.sum(0) + table.sum(1)) > 0
    return values[occurs], table[np.ix_(occurs, occurs)]


def dice_of(prediction: NDArray[Any], reference: NDArray[Any]) -> dict[int, float]:
    """Dice of every label that occurs in either map, the background left out."""
    values, table = confusion(prediction, reference)
    return {
        int(value): float(2 * table[k, k] / (table[k].sum() + table[:, k].sum()))
        for k, value in enumerate(values)
        if value != 0
    }


def surfaces(
    prediction: NDArray[np.bool_],
    reference: NDArray[np.bool_],
    spacing_mm: Sequence[float],
    tolerance_mm: float = TOLERANCE_MM,
) -> Surfaces:
    """Measure how far the surfaces of two masks (x, y, z) are apart; both must have voxels (ValueError)."""
    if not prediction.any() or not reference.any():
        raise ValueError("an empty mask has no surface")
    box = tuple(
        slice(int(indices.min()), int(indices.max()) + 1) for indices in np.nonzero(prediction | reference)
    )  # what lies outside the box of both has no part in it, and distances are cheaper inside
    rims = [_rim(mask[box]) for mask in (prediction, reference)]
    away = [ndimage.distance_transform_edt(~rim, sampling=tuple(spacing_mm)) for rim in rims]
    there, back = away[1][rims[0]], away[0][rims[1]]
    near = np.count_nonzero(there <= tolerance_mm) + np.count_nonzero(back <= tolerance_mm)
    total = there.size + back.size
    return Surfaces(
        hd95_mm=float(max(np.percentile(there, 95), np.percentile(back, 95))),
        assd_mm=float((there.sum() + back.sum()) / total),
        nsd=near / total,
        tolerance_mm=tolerance_mm,
    )


def _rim(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Voxels of the mask that touch, face to face, one that is not of it."""
    rim: NDArray[np.bool_] = mask & ~ndimage.binary_erosion(mask)
    return rim


def on_grid(labels: NDArray[Any], has: Volume, wants: Volume) -> NDArray[np.int64]:
    """Fetch labels (x, y, z) that lie on the grid of `has` onto that of `wants`, nearest neighbour, 0 outside."""
    to_source = has.inverse @ wants.affine
    out = np.zeros(wants.shape, np.int64)
    x, y = np.meshgrid(np.arange(wants.shape[0]), np.arange(wants.shape[1]), indexing="ij")
    for z in range(wants.shape[2]):  # slice by slice: the coordinates of a whole scan would take gigabytes
        at = [row[0] * x + row[1] * y + row[2] * z + row[3] for row in to_source[:3]]
        index = [np.floor(one + 0.5).astype(np.int64) for one in at]
        inside = np.logical_and.reduce([(i >= 0) & (i < n) for i, n in zip(index, has.shape, strict=True)])
        out[:, :, z][inside] = labels[tuple(i[inside] for i in index)]
    return out


def _whole_numbers(volume: Volume) -> NDArray[np.int64]:
    """Labels (x, y, z) as whole numbers; refuses a map that has others."""
    values = volume.frame()
    if volume.kind == "colour":
        raise Refused(volume.name or "the label map", "it is a colour picture", "give a label map")
    if values.dtype.kind in "iub" and (volume.slope, volume.intercept) == (1.0, 0.0):
        return values.astype(np.int64)
    read = values * volume.slope + volume.intercept
    if not np.all(np.isfinite(read)) or np.any(read != np.round(read)):
        raise Refused(volume.name or "the label map", "its values are no whole numbers", "give a label map")
    return read.astype(np.int64)
