"""A scan with a part of it changed, to see what a model makes of it then."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from medviz.imaging.volume import Array, Volume

Change = Literal["mean", "noise", "brighter", "darker"]
CHANGES: dict[Change, str] = {
    "mean": "the mean around it",
    "noise": "noise as bright as its surroundings",
    "brighter": "brighter by one SD",
    "darker": "darker by one SD",
}
_RIM = 1.5
"""The surroundings reach so many times as far as what is changed."""


def touched(scan: Volume, path_mm: Sequence[Sequence[float]], radius_mm: float) -> NDArray[np.bool_]:
    """Return the voxels (x, y, z) within `radius_mm` of a path of points in RAS mm."""
    inside = np.zeros(scan.shape, bool)
    for point in _thinned(np.asarray(path_mm, float).reshape(-1, 3), radius_mm / 3):
        box, distance = _near(scan, point, radius_mm)
        inside[box] |= distance <= radius_mm
    return inside


def changed(scan: Volume, inside: NDArray[np.bool_], how: Change, seed: int = 0) -> Volume:
    """Return a copy of a scan whose voxels `inside` are changed; all others are the same bit for bit.

    "mean" and "noise" take mean and SD of the surroundings, "brighter" and "darker" move the voxels by the SD of the
    whole body. What does not fit into the stored data type stays at its end.
    """
    voxels = scan.voxels.copy()
    if not inside.any():
        return replace(scan, voxels=voxels)
    for frame in voxels:
        rim = frame[_around(inside)]
        known = rim[np.isfinite(rim)] if rim.size else frame[np.isfinite(frame)]
        frame[inside] = _fitting(_values(frame, inside, known, how, seed), frame.dtype)
    return replace(scan, voxels=voxels, name=f"{scan.name}, changed")


def _values(frame: Array, inside: NDArray[np.bool_], known: Array, how: Change, seed: int) -> NDArray[np.float64]:
    count = int(np.count_nonzero(inside))
    middle, spread = (float(known.mean()), float(known.std())) if known.size else (0.0, 0.0)
    if how == "mean":
        return np.full(count, middle)
    if how == "noise":
        return np.random.default_rng(seed).normal(middle, spread, count)
    finite = frame[:: max(1, frame.shape[0] // 64)].astype(np.float64)
    step = float(np.nanstd(finite[finite > np.nanmin(finite)])) if np.isfinite(finite).any() else 0.0
    return frame[inside].astype(np.float64) + (step if how == "brighter" else -step)


def _fitting(values: NDArray[np.float64], kind: np.dtype[Any]) -> Array:
    if np.issubdtype(kind, np.integer):
        ends = np.iinfo(kind)
        return np.rint(np.clip(values, ends.min, ends.max)).astype(kind)
    return values.astype(kind)


def _around(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return a rim round what is inside: the box, widened, without it."""
    rim = np.zeros_like(inside)
    box = []
    for axis in range(3):
        there = np.flatnonzero(inside.any(axis=tuple(other for other in range(3) if other != axis)))
        more = max(1, round((there[-1] - there[0] + 1) * (_RIM - 1) / 2))
        box.append(slice(max(0, there[0] - more), there[-1] + 1 + more))
    rim[tuple(box)] = True
    return rim & ~inside


def _thinned(points: NDArray[np.float64], apart_mm: float) -> list[NDArray[np.float64]]:
    """Leave out points that lie next to one that is kept; gaps of a quick hand are filled."""
    kept: list[NDArray[np.float64]] = []
    for point in points:
        if not kept:
            kept.append(point)
            continue
        way = point - kept[-1]
        steps = int(np.linalg.norm(way) // max(apart_mm, 1e-6))
        kept += [kept[-1] + way * (k / steps) for k in range(1, steps + 1)] if steps else []
    return kept


def _near(
    scan: Volume, point: NDArray[np.float64], radius_mm: float
) -> tuple[tuple[slice, slice, slice], NDArray[np.float64]]:
    """Return the box of voxels round a point and the distance of each from it in mm."""
    axes = scan.affine[:3, :3]
    middle = np.linalg.inv(scan.affine)[:3] @ [*point, 1.0]
    reach = np.linalg.norm(np.linalg.inv(axes), axis=1) * radius_mm
    low = np.clip(np.floor(middle - reach), 0, scan.shape).astype(int)
    high = np.clip(np.ceil(middle + reach) + 1, 0, scan.shape).astype(int)
    box = (slice(low[0], high[0]), slice(low[1], high[1]), slice(low[2], high[2]))
    grid = np.stack(np.meshgrid(*(np.arange(a, b) for a, b in zip(low, high, strict=True)), indexing="ij"))
    away = np.tensordot(axes, grid - middle.reshape(3, 1, 1, 1), axes=1)
    distance: NDArray[np.float64] = np.sqrt((away**2).sum(0))
    return box, distance
