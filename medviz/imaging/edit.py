"""Correcting a label map: each tool describes a Change and touches nothing itself.

Label maps are (x, y, z); every length is in mm, so that a brush is round on anisotropic voxels. Labels in `locked`
are never overwritten.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage import segmentation

from medviz.imaging.flat import reached
from medviz.imaging.history import Box, Change, change_of, tight_box
from medviz.imaging.lookup import among, looked_up
from medviz.refused import Refused

Array = NDArray[Any]
Spacing = tuple[float, float, float]
_ALL: Box = (slice(None), slice(None), slice(None))


@dataclass(frozen=True)
class Brush:
    """A ball of `radius_mm`, or a disc where `normal` names the axis it does not reach along.

    With `between` it only paints voxels of the image whose value lies between both, ends included.
    """

    radius_mm: float
    normal: int | None = None
    between: tuple[float, float] | None = None


def paint(
    labels: Array,
    path: Sequence[tuple[float, float, float]],
    value: int,
    brush: Brush,
    spacing_mm: Spacing,
    image: Array | None = None,
    locked: Collection[int] = (),
) -> Change | None:
    """Draw along a path of voxel coordinates with `value` (0 erases); None where nothing changes.

    The brush sweeps the straight line from point to point, so that a fast hand leaves no gaps.
    """
    points = np.asarray(path, float).reshape(-1, 3)
    reach = np.array([brush.radius_mm / step for step in spacing_mm])
    if brush.normal is not None:
        reach[brush.normal] = 0.0
    low = np.floor(points.min(axis=0) - reach + 0.5).astype(int).clip(0)
    high = np.floor(points.max(axis=0) + reach + 0.5).astype(int) + 1
    high = np.minimum(high, labels.shape)
    if (low >= high).any():
        return None
    box: Box = (slice(low[0], high[0]), slice(low[1], high[1]), slice(low[2], high[2]))
    touched = _swept(points, box, brush, spacing_mm)
    if brush.between is not None and image is not None:
        inside = image[box]
        touched &= (inside >= brush.between[0]) & (inside <= brush.between[1])
    return _set("erase" if value == 0 else "paint", labels, box, touched, value, locked)


def _swept(points: Array, box: Box, brush: Brush, spacing_mm: Spacing) -> Array:
    scale = np.asarray(spacing_mm)
    axes = [np.arange(side.start, side.stop) * step for side, step in zip(box, scale, strict=True)]
    at = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    if brush.normal is not None:
        plane = np.floor(points[:, brush.normal] + 0.5) * scale[brush.normal]
        at[..., brush.normal] = at[..., brush.normal] - plane[0]
        points = points.copy()
        points[:, brush.normal] = 0.0
    ends = points * scale
    touched = np.zeros(at.shape[:3], bool)
    for first, last in zip(ends[: max(1, len(ends) - 1)], ends[1:] if len(ends) > 1 else ends, strict=True):
        touched |= reached(at, first, last, brush.radius_mm)
    return touched


def flood(
    labels: Array,
    image: Array,
    seed: tuple[int, int, int],
    value: int,
    tolerance: float,
    normal: int | None = None,
    locked: Collection[int] = (),
) -> Change | None:
    """Fill what hangs together with the seed and differs from it by at most `tolerance` (in the image's numbers).

    With `normal` only within the seed's slice across that axis.
    """
    box = _ALL if normal is None else _slab(labels.shape, normal, seed[normal])
    inside = list(seed)
    if normal is not None:
        inside[normal] = 0
    here = image[box]
    if not np.isfinite(here[tuple(inside)]):
        return None
    near = segmentation.flood(here, tuple(inside), connectivity=1, tolerance=tolerance)
    return _set("flood fill", labels, box, near, value, locked)


def fill_between(
    labels: Array, value: int, normal: int, locked: Collection[int] = (), spacing_mm: Spacing = (1.0, 1.0, 1.0)
) -> Change | None:
    """Fill the empty slices between drawn ones by interpolating signed distances in mm (Raya and Udupa, 1990)."""
    whole = labels == value
    box = tight_box(whole) if whole.any() else _ALL
    mask = np.moveaxis(np.pad(whole[box], 1), normal, 0)[1:-1]  # distances to the outside are known at the edge
    drawn = np.flatnonzero(mask.any(axis=(1, 2)))
    if len(drawn) < 2:
        raise Refused("fill between slices", "the label is drawn on fewer than two slices", "draw it on a second one")
    filled = mask.copy()
    for first, last in pairwise(drawn):
        if last - first < 2:
            continue
        in_plane = [step for axis, step in enumerate(spacing_mm) if axis != normal]
        below, above = _signed(mask[first], in_plane), _signed(mask[last], in_plane)
        for between in range(first + 1, last):
            share = (between - first) / (last - first)
            filled[between] = (1 - share) * below + share * above > 0
    return _set("fill between slices", labels, box, np.moveaxis(filled[:, 1:-1, 1:-1], 0, normal), value, locked)


def _signed(mask: Array, spacing_mm: Sequence[float]) -> Array:
    inside: Array = ndimage.distance_transform_edt(mask, sampling=spacing_mm)
    outside: Array = ndimage.distance_transform_edt(~mask, sampling=spacing_mm)
    return inside - outside


def smooth(
    labels: Array, value: int, radius_mm: float, spacing_mm: Spacing, locked: Collection[int] = ()
) -> Change | None:
    """Smooth the border of one label by a Gaussian of this width; its volume stays within a few per cent."""
    mask = labels == value
    if not mask.any():
        return None
    box = _grown(tight_box(mask), labels.shape, [int(np.ceil(3 * radius_mm / step)) + 1 for step in spacing_mm])
    inner = mask[box].astype(np.float32)
    soft = ndimage.gaussian_filter(inner, [radius_mm / step for step in spacing_mm]) > 0.5
    return _replace("smooth", labels, box, value, soft, locked)


def keep_largest(labels: Array, value: int, locked: Collection[int] = ()) -> Change | None:
    """Erase all parts of a label but the largest one that hangs together."""
    return islands(labels, value, None, locked)


def islands(labels: Array, value: int, smallest_voxels: int | None, locked: Collection[int] = ()) -> Change | None:
    """Erase the parts of a label that have fewer voxels than this; None keeps only the largest."""
    mask = labels == value
    if not mask.any():
        return None
    box = tight_box(mask)
    parts, count = ndimage.label(mask[box], structure=np.ones((3, 3, 3)))
    sizes = np.bincount(parts.ravel(), minlength=count + 1)
    sizes[0] = 0
    largest = np.arange(count + 1) == int(np.argmax(sizes))
    kept = largest if smallest_voxels is None else sizes >= max(1, smallest_voxels)
    return _replace("islands", labels, box, value, kept[parts], locked)


def copy_slice(
    labels: Array, value: int, normal: int, source: int, target: int, locked: Collection[int] = ()
) -> Change | None:
    """Copy one label from a slice to another one across the same axis; what the target had of it stays."""
    mask = labels[_slab(labels.shape, normal, source)] == value
    return _set("copy slice", labels, _slab(labels.shape, normal, target), mask, value, locked)


def margin(labels: Array, value: int, by_mm: float, spacing_mm: Spacing, locked: Collection[int] = ()) -> Change | None:
    """Grow (or, below 0, shrink) a label by so many mm in all directions."""
    mask = labels == value
    if not mask.any():
        return None
    grow = [int(np.ceil(abs(by_mm) / step)) + 1 for step in spacing_mm]
    box = _grown(tight_box(mask), labels.shape, grow)
    inner = mask[box]
    if by_mm >= 0:
        wanted = ndimage.distance_transform_edt(~inner, sampling=spacing_mm) <= by_mm
        free = inner | (labels[box] == 0)
        wanted &= free
    else:
        framed = np.pad(inner, 1)
        distance = ndimage.distance_transform_edt(framed, sampling=spacing_mm)[1:-1, 1:-1, 1:-1]
        wanted = distance > -by_mm
    return _replace("margin", labels, box, value, wanted, locked)


def carve(
    labels: Array, box: Box, mask: Array, value: int, locked: Collection[int] = (), free: bool = False
) -> Change | None:
    """Fill (or with 0 erase) the voxels of a box under a mask; `free` leaves every other label as it is."""
    wanted = mask & (labels[box] == 0) if free and value else np.array(mask)
    return _set("erase" if value == 0 else "fill", labels, box, wanted, value, locked)


def recoded(labels: Array, value: int, other: int, name: str) -> Change | None:
    """Give all voxels of one label to another one (0 erases them)."""
    mask = labels == value
    if not mask.any():
        return None
    box = tight_box(mask)
    after = labels[box].copy()
    after[mask[box]] = other
    return change_of(name, labels, box, after)


def accept(
    labels: Array, proposal: Array, values: Collection[int] | Mapping[int, int], locked: Collection[int] = ()
) -> Change | None:
    """Take these labels of a proposal into the map as one change that can be undone like a stroke.

    A mapping says which value each gets here. What the map had of them is replaced; what is locked stays.
    """
    given = dict(values) if isinstance(values, Mapping) else {value: value for value in values}
    becomes = np.zeros(65536, labels.dtype)
    becomes[list(given)] = list(given.values())
    new = looked_up(becomes, proposal)
    touched = among(labels, given.values())
    touched |= new != 0
    if not touched.any():
        return None
    box = tight_box(touched)
    after = labels[box].copy()
    free = touched[box] & ~among(after, locked)
    inner = new[box]
    after[free] = inner[free]
    return change_of("accept proposal", labels, box, after)


def _set(name: str, labels: Array, box: Box, mask: Array, value: int, locked: Collection[int]) -> Change | None:
    box = _resolved(box, labels.shape)
    after = labels[box].copy()
    if locked:
        mask = mask & ~among(after, locked)
    after[mask] = value
    return change_of(name, labels, box, after)


def _replace(name: str, labels: Array, box: Box, value: int, wanted: Array, locked: Collection[int]) -> Change | None:
    """Set the label where it is wanted (never over another label's voxels) and clear it where it is not."""
    box = _resolved(box, labels.shape)
    if value in locked:
        return None
    after = labels[box].copy()
    after[(after == value) & ~wanted] = 0
    after[(after == 0) & wanted] = value
    return change_of(name, labels, box, after)


def _slab(shape: tuple[int, ...], normal: int, index: int) -> Box:
    sides = [slice(0, size) for size in shape]
    sides[normal] = slice(index, index + 1)
    return sides[0], sides[1], sides[2]


def _grown(box: Box, shape: tuple[int, ...], by: Sequence[int]) -> Box:
    sides = [
        slice(max(0, side.start - more), min(size, side.stop + more))
        for side, size, more in zip(box, shape, by, strict=True)
    ]
    return sides[0], sides[1], sides[2]


def _resolved(box: Box, shape: tuple[int, ...]) -> Box:
    sides = [slice(*side.indices(size)) for side, size in zip(box, shape, strict=True)]
    return sides[0], sides[1], sides[2]
