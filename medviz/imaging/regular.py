"""A sheared volume (a tilted gantry) onto a grid whose axes are square to each other."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from medviz.imaging.storage import need_room
from medviz.imaging.volume import Affine, Stored, Volume
from medviz.messages import Progress, Work

Array = NDArray[Any]
SQUARE_DEGREES = 0.5
"""Axes that are square to each other within this are not resampled."""


def shear_degrees(affine: Affine) -> float:
    """How far the axes of a grid are from being square to each other; 0 for a proper one."""
    unit = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    cosines = (abs(float(unit[:, a] @ unit[:, b])) for a, b in ((0, 1), (0, 2), (1, 2)))
    return float(np.degrees(np.arcsin(min(1.0, max(cosines)))))


def regular_grid(volume: Volume) -> Work[Volume]:
    """Resample a sheared volume onto a square grid that holds all of it; one that is square already comes back as is.

    The first two axes stay where they are, the third becomes their normal; voxels are as large as before. Label maps
    (with names) take the nearest voxel, all else is interpolated; what was not taken is blank (the lowest value).
    """
    degrees = shear_degrees(volume.affine)
    if degrees < SQUARE_DEGREES:
        return volume
    affine, shape = _square(volume)
    channels = len(volume.voxels)
    need_room(volume.name, int(np.prod(shape, dtype=object)) * channels * volume.voxels.dtype.itemsize)
    made = np.empty((channels, *shape), volume.voxels.dtype, order="F")
    blank = volume.voxels.min() if volume.voxels.dtype.kind in "iu" else np.nanmin(volume.voxels)
    transform = volume.inverse @ affine
    order = 0 if volume.labels else 1
    for done, (channel, k) in enumerate(product(range(channels), range(shape[2]))):
        yield Progress(done, channels * shape[2], "putting it on a regular grid")
        made[channel, :, :, k] = _plane(volume.voxels[channel], transform, shape, k, order, blank)
    said = tuple(_without_shear(volume.warnings))
    stored = Stored(volume.stored.format, shape, "RAS", affine, made.dtype)
    words = f"it was sheared by {degrees:.1f}° and is resampled to a regular grid"
    return replace(volume, voxels=made, affine=affine, stored=stored, warnings=(*said, words))


def _square(volume: Volume) -> tuple[Affine, tuple[int, int, int]]:
    """Affine and shape of the smallest square grid along the volume's first two axes that holds all its voxels."""
    matrix = volume.affine[:3, :3]
    lengths = np.linalg.norm(matrix, axis=0)
    across = matrix[:, 0] / lengths[0]
    down = matrix[:, 1] - across * float(across @ matrix[:, 1])
    down = down / np.linalg.norm(down)
    normal = np.cross(across, down)
    normal = normal * np.sign(float(normal @ matrix[:, 2]))
    axes = np.stack([across, down, normal], axis=1)
    sizes = np.array([lengths[0], lengths[1], abs(float(normal @ matrix[:, 2]))])
    corners = np.array(list(product(*((0, size - 1) for size in volume.shape))))
    reached = volume.to_mm(corners) @ axes
    low, high = reached.min(axis=0), reached.max(axis=0)
    count = np.rint((high - low) / sizes).astype(int) + 1
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = axes * sizes, axes @ low
    return affine, (int(count[0]), int(count[1]), int(count[2]))


def _plane(voxels: Array, transform: Affine, shape: tuple[int, int, int], k: int, order: int, blank: Any) -> Array:
    x, y = np.meshgrid(np.arange(shape[0]), np.arange(shape[1]), indexing="ij")
    points = np.stack([x.ravel(), y.ravel(), np.full(x.size, k), np.ones(x.size)])
    at = (transform @ points)[:3]
    first = max(0, int(np.floor(at[2].min())) - 1)  # only the slices that this plane touches
    last = min(voxels.shape[2], int(np.ceil(at[2].max())) + 2)
    if first >= last:
        return np.full(shape[:2], blank, voxels.dtype)
    at[2] -= first
    kind = voxels.dtype if order == 0 else np.float32
    seen = map_coordinates(
        voxels[:, :, first:last], at, output=kind, order=order, mode="constant", cval=float(blank), prefilter=False
    )
    plane: Array = np.round(seen) if order and voxels.dtype.kind in "iu" else seen
    return plane.reshape(shape[:2])


def _without_shear(warnings: tuple[str, ...]) -> Iterator[str]:
    return (one for one in warnings if "sheared" not in one)
