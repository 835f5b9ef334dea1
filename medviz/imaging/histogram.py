"""How often each value stands in a volume: from a million samples at once, from every voxel on request."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medviz.imaging.intensity import samples
from medviz.imaging.volume import Volume
from medviz.messages import Progress, Work

BINS = 256


@dataclass(frozen=True, eq=False)
class Histogram:
    """Counts (bins,) between `edges` (bins + 1,), in what a person reads. `looked` of `total` voxels were looked at.

    Voxels that are no number are in `total` only. `exact` where every voxel was looked at. `low` and `high` are the
    least and the greatest value that was met.
    """

    edges: NDArray[np.float64]
    counts: NDArray[np.int64]
    looked: int
    total: int
    exact: bool = False
    low: float = 0.0
    high: float = 1.0

    def percentile(self, percent: float) -> float:
        """Value below which so many per cent lie, linear within a bin."""
        running = np.concatenate(([0], np.cumsum(self.counts)))
        value = float(np.interp(percent / 100 * running[-1], running, self.edges))
        return min(max(value, self.low), self.high)


def histogram(volume: Volume, frame: int = 0, bins: int = BINS) -> Histogram:
    """Count at most a million voxels of a frame, evenly spread (10 ms)."""
    values = samples(volume, frame)
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
    edges = _edges(low, high, bins, _whole(volume))
    counts = np.histogram(values, edges)[0]
    total = int(np.prod(volume.shape))
    return Histogram(edges, counts.astype(np.int64), int(values.size), total, values.size == total, low, high)


def exact(volume: Volume, frame: int = 0, bins: int = BINS) -> Work[Histogram]:
    """Count every voxel of a frame, slab by slab, so that it can be stopped."""
    voxels = volume.frame(frame)
    slabs = [slice(k, k + 8) for k in range(0, volume.shape[2], 8)]
    ends: list[tuple[float, float]] = []
    for number, slab in enumerate(slabs):
        yield Progress(number, 2 * len(slabs), "looking at every voxel")
        if (found := _read(volume, voxels[:, :, slab])).size:
            ends.append((float(found.min()), float(found.max())))
    if not ends:
        return Histogram(np.array([0.0, 1.0]), np.zeros(1, np.int64), 0, int(voxels.size), True)
    low, high = min(low for low, _ in ends), max(high for _, high in ends)
    edges = _edges(low, high, bins, _whole(volume))
    counts = np.zeros(len(edges) - 1, np.int64)
    for number, slab in enumerate(slabs):
        yield Progress(len(slabs) + number, 2 * len(slabs), "counting")
        counts += np.histogram(_read(volume, voxels[:, :, slab]), edges)[0]
    return Histogram(edges, counts, int(counts.sum()), int(voxels.size), True, low, high)


def _read(volume: Volume, voxels: NDArray[Any]) -> NDArray[np.float64]:
    values = voxels.astype(np.float64).ravel()
    return values[np.isfinite(values)] * volume.slope + volume.intercept


def _whole(volume: Volume) -> float:
    """Step between two values that can be told apart; 0 where there is none."""
    return abs(volume.slope) if volume.voxels.dtype.kind in "biu" else 0.0


def _edges(low: float, high: float, bins: int, step: float) -> NDArray[np.float64]:
    """Edges of bins; whole numbers get bins as wide as whole steps, so that no bin is empty by rounding alone."""
    if high <= low:
        return np.array([low - 0.5 * (step or 1.0), low + 0.5 * (step or 1.0)])
    if not step:
        return np.linspace(low, high, bins + 1)
    wide = max(1.0, np.ceil((high - low + step) / step / bins)) * step
    edges: NDArray[np.float64] = low - step / 2 + wide * np.arange(np.ceil((high - low + step) / wide) + 1)
    return edges
