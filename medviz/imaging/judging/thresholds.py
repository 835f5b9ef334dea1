"""A probability map at every threshold at once: volume, pieces, overlap with a reference, and whether it is calibrated.

One pass sorts the voxels into a thousand bins by their value; whatever is asked of a threshold afterwards is read off
running sums, so that a slider answers at once. The number of connected pieces at all thresholds comes from one maximum
spanning forest: of the voxels at or above a threshold there are as many pieces as voxels less links.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import minimum_spanning_tree

from medviz.imaging.judging.consequences import Calibration, Consequences, Counts, Numbers
from medviz.imaging.judging.counts import slabs
from medviz.imaging.judging.surfaces import Apart, Surface, apart, places_mm, rims
from medviz.imaging.volume import Array, Volume
from medviz.messages import Progress, Work
from medviz.refused import Refused

BINS = 1000
MOST_LINKED = 4_000_000
"""So many voxels are linked to count pieces (some seconds, 700 MB); below the threshold with more, none are counted."""


def consequences(
    probability: Volume, reference: Array | None = None, frame: int = 0, count_pieces: bool = True
) -> Work[Consequences]:
    """Work out what every threshold of a map leads to; `reference` (x, y, z) of truth values lies on its grid.

    Yields Progress. Refuses maps without two finite values. Raises ValueError for a reference of another shape.
    """
    values = probability.frame(frame)
    if reference is not None and reference.shape != values.shape:
        raise ValueError(f"the reference is {reference.shape} and the map {values.shape}")
    if values.dtype.kind not in "biuf":
        raise Refused(probability.name or "the map", "its values are no real numbers", "give a probability map")
    low, high = yield from _limits(probability, frame)
    edges = np.linspace(low, high, BINS + 1)
    binned = np.zeros(values.shape, np.uint16, order="F")
    tally = _Tally(reference is not None)
    truth = np.zeros((1, 1, 1), bool) if reference is None else reference
    for k in range(values.shape[2]):
        read = _read(values[:, :, k], probability)
        binned[:, :, k] = bins = _bins(read, edges)
        tally.take(bins, read, None if reference is None else truth[:, :, k])
        if k % 8 == 0:
            yield Progress(40 * k / values.shape[2], 100, "sorting voxels by value")
    pieces, note = np.full(BINS + 1, -1, np.int64), ""
    if count_pieces:
        pieces, note = yield from _pieces(binned, tally.voxels, edges)
    yield Progress(100, 100, "counted")
    return Consequences(
        thresholds=edges,
        above=_from_above(tally.voxels),
        pieces=pieces,
        total=values.size,
        voxel_ml=probability.voxel_ml if probability.calibrated else None,
        hit=_from_above(tally.meant) if reference is not None else None,
        meant=int(tally.meant.sum()) if reference is not None else 0,
        calibration=_calibration(tally, low, high) if reference is not None else None,
        note=note,
    )


class _Tally:
    """Voxels, voxels of the reference and sums of values by bin."""

    def __init__(self, referred: bool) -> None:
        self.voxels = np.zeros(BINS + 1, np.int64)
        self.meant = np.zeros(BINS + 1, np.int64)
        self.sums = np.zeros(BINS + 1)
        self.referred = referred

    def take(self, bins: Array, read: Array, meant: Array | None) -> None:
        """Add a slice."""
        flat = bins.reshape(-1)
        self.voxels += np.bincount(flat, minlength=BINS + 1)
        if meant is not None:
            self.meant += np.bincount(flat[meant.reshape(-1) != 0], minlength=BINS + 1)
            self.sums += np.bincount(flat, weights=np.nan_to_num(read.reshape(-1)), minlength=BINS + 1)


def _read(values: Array, volume: Volume) -> Array:
    """Values as a person reads them, float32; a threshold then means what the outline on the screen shows."""
    read = values.astype(np.float32)
    return read if (volume.slope, volume.intercept) == (1.0, 0.0) else read * volume.slope + volume.intercept


def _limits(volume: Volume, frame: int) -> Work[tuple[float, float]]:
    """The range of the thresholds: 0 to 1 where all values lie in it, else the least to the greatest."""
    values = volume.frame(frame)
    low, high = np.inf, -np.inf
    for share, piece in slabs(values):
        read = _read(piece, volume)
        read = read[np.isfinite(read)] if values.dtype.kind == "f" else read
        low, high = min(low, float(read.min(initial=np.inf))), max(high, float(read.max(initial=-np.inf)))
        yield Progress(10 * share, 100, "reading values")
    if not low < high:
        raise Refused(volume.name or "the map", "it has one value only, so a threshold changes nothing", "check it")
    return (0.0, 1.0) if low >= 0 and high <= 1 else (low, high)


def _bins(read: Array, edges: Numbers) -> NDArray[np.uint16]:
    """The last threshold that each value reaches; NaN and what reaches none count as the first."""
    thresholds = edges.astype(np.float32)
    scale = BINS / (edges[-1] - edges[0])
    guess = np.nan_to_num((read - np.float32(edges[0])) * np.float32(scale), nan=0.0, posinf=BINS, neginf=0.0)
    bins = np.clip(guess, 0, BINS).astype(np.intp)
    bins -= (bins > 0) & (read < thresholds[bins])  # what rounding put a bin too high or too low
    after = np.minimum(bins + 1, BINS)
    bins += (bins < BINS) & (read >= thresholds[after])
    found: NDArray[np.uint16] = bins.astype(np.uint16)
    return found


def _from_above(counts: Counts) -> Counts:
    """Sum from the top, so that each threshold counts all that reach it."""
    summed: Counts = np.cumsum(counts[::-1])[::-1]
    return summed


def _pieces(binned: Array, voxels: Counts, edges: Numbers) -> Work[tuple[Counts, str]]:
    """Count connected pieces at every threshold: voxels at or above it less links of the spanning forest above it."""
    above = _from_above(voxels)
    first = int(np.argmax((above <= MOST_LINKED) & (np.arange(BINS + 1) > 0)))
    counted = np.full(BINS + 1, -1, np.int64)
    counted[0] = 1
    note = "" if first <= 1 else f"pieces are counted from {edges[first]:.3g} on: below it there are too many voxels"
    if above[first] > MOST_LINKED:
        return counted, "pieces are not counted: there are too many voxels"
    kept = np.flatnonzero(binned.reshape(-1, order="F") >= first)
    heights = binned.reshape(-1, order="F")[kept]
    if not len(kept):
        counted[first:] = 0
        return counted, note
    yield Progress(50, 100, "linking voxels")
    links = _links(kept, heights, binned.shape)
    yield Progress(75, 100, "counting pieces")
    forest = minimum_spanning_tree(links)
    linked = np.bincount((BINS + 1 - forest.data).astype(np.int64), minlength=BINS + 1)
    counted[first:] = (above - _from_above(linked))[first:]
    return counted, note


def _links(kept: NDArray[np.int64], heights: Array, shape: tuple[int, ...]) -> Any:
    """Join voxels face to face; a link is as high as the lower of its two, and costs the less the higher it is."""
    at = np.unravel_index(kept, shape, order="F")
    rows, cols, costs = [], [], []
    for axis, stride in enumerate((1, shape[0], shape[0] * shape[1])):
        near = kept + stride
        place = np.minimum(np.searchsorted(kept, near), len(kept) - 1)
        joined = np.flatnonzero((kept[place] == near) & (at[axis] < shape[axis] - 1))
        rows.append(joined)
        cols.append(place[joined])
        costs.append(BINS + 1 - np.minimum(heights[joined], heights[place[joined]]).astype(np.float32))
    pair = np.concatenate(rows).astype(np.int32), np.concatenate(cols).astype(np.int32)
    return csr_matrix((np.concatenate(costs), pair), shape=(len(kept), len(kept)))


def _calibration(tally: _Tally, low: float, high: float) -> Calibration | None:
    """Put the bins together to ten; None where the values are no probabilities."""
    if (low, high) != (0.0, 1.0):
        return None
    tenth = np.minimum(np.arange(BINS + 1) * 10 // BINS, 9)
    voxels = np.bincount(tenth, weights=tally.voxels)
    said, seen = (
        np.divide(np.bincount(tenth, weights=one), voxels, out=np.full(10, np.nan), where=voxels > 0)
        for one in (tally.sums, tally.meant)
    )
    inside = np.arange(BINS + 1) >= BINS // 100
    some = inside * tally.voxels + ~inside * tally.meant
    values = np.divide(tally.sums, tally.voxels, out=np.zeros(BINS + 1), where=tally.voxels > 0) * some
    near = np.bincount(tenth, weights=some)
    gap = np.abs(np.bincount(tenth, weights=values) - np.bincount(tenth, weights=tally.meant))
    return Calibration(
        said=said,
        seen=seen,
        voxels=voxels.astype(np.int64),
        ece=float(np.nansum(np.abs(said - seen) * voxels) / voxels.sum()),
        ece_inside=float(gap.sum() / near.sum()) if near.sum() else 0.0,
    )


def mask_of(probability: Volume, threshold: float, frame: int = 0) -> Work[NDArray[np.bool_]]:
    """Voxels (x, y, z) at or above a threshold, as they are outlined on the screen."""
    values = probability.frame(frame)
    mask = np.zeros(values.shape, bool, order="F")
    for k in range(values.shape[2]):
        mask[:, :, k] = _read(values[:, :, k], probability) >= np.float32(threshold)
        if k % 16 == 0:
            yield Progress(k, values.shape[2], "thresholding")
    return mask


def distances(
    probability: Volume, reference: Array, threshold: float, tolerance_mm: float, frame: int = 0
) -> Work[Apart | None]:
    """Measure how far the surface at a threshold is from the reference's; None where either is empty or mm unknown."""
    mask = yield from mask_of(probability, threshold, frame)
    if not probability.calibrated or not mask.any() or not reference.any():
        return None
    sides = [Surface(places_mm(rims(one), probability)) for one in (mask, reference)]
    found: Apart | None = None
    for step in apart(sides[0], sides[1], tolerance_mm):
        found = step
        yield Progress(0, 0, "measuring distances")
    return found
