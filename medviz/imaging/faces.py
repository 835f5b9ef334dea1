"""Guesses from the picture itself: text burnt into it, a face that could be drawn from a scan of a head."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes, find_objects, label
from skimage.filters import threshold_otsu

from medviz.imaging.volume import Volume

Array = NDArray[Any]
_HEAD_MM = ((100.0, 320.0), (130.0, 360.0), (110.0, 700.0))
"""Width, depth and height of what may be a head with some neck and air around it."""
_NOSE_MM = 14.0
_BACK_MM = 3.0
_TALL_MM = (6.0, 90.0)
_GRID_MM = 2.0


@dataclass(frozen=True)
class Face:
    """Whether a face seems to be in a scan, and how far the nose stands out (mm, negative where there is none)."""

    seen: bool
    nose_mm: float


def face_of(scan: Volume) -> Face:
    """Guess whether a person's face could be drawn from a scan: a heuristic on the surface between air and skin.

    The front of the largest body in the scan is traced. Where it narrows to a ridge in the middle that stands out as a
    nose does against the cheeks beside it, and air lies in front of it, there is a face. Misses a face in a mask or a
    coil, a child's small one, half a face; takes some phantoms for one. It says nothing of ears or teeth.
    """
    if scan.kind == "colour" or not scan.calibrated or not scan.oriented or min(scan.shape) < 16:
        return Face(False, -1.0)
    values, spacing = _coarse(scan)
    size_mm = np.asarray(values.shape) * spacing
    if any(not low <= size <= high for size, (low, high) in zip(size_mm, _HEAD_MM, strict=True)):
        return Face(False, -1.0)
    finite = values[np.isfinite(values)]
    if not finite.size or np.ptp(finite) == 0:
        return Face(False, -1.0)
    return _nose(_body(values, finite), spacing)


def _coarse(scan: Volume) -> tuple[Array, Array]:
    """Voxels some 2 mm apart, in the order of RAS+."""
    steps = [max(1, round(_GRID_MM / mm)) for mm in scan.spacing_mm]
    values = scan.frame(0)[tuple(slice(None, None, step) for step in steps)].astype(np.float32)
    return values, np.asarray(scan.spacing_mm) * steps


def _body(values: Array, finite: Array) -> Array:
    """The largest connected part that is brighter than air."""
    capped = finite[finite <= np.percentile(finite, 99)]
    threshold = (
        threshold_otsu(capped) * 0.5 if capped.min() >= 0 else -400.0 if capped.min() < -500 else threshold_otsu(capped)
    )
    solid = np.nan_to_num(values, nan=-np.inf) > threshold
    parts, count = label(solid)
    if not count:
        return solid
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    largest: Array = parts == sizes.argmax()
    return np.stack([binary_fill_holes(largest[:, :, k]) for k in range(largest.shape[2])], axis=2)


def _nose(body: Array, spacing: Array) -> Face:
    """Measure how far the front of the body stands out in the middle, at each height."""
    if not body.any():
        return Face(False, -1.0)
    depth = body.shape[1]
    front = np.where(body.any(axis=1), depth - 1 - body[:, ::-1].argmax(axis=1), -1)  # (x, z): the last voxel towards A
    columns = np.flatnonzero(body.any(axis=(1, 2)))
    middle = int(np.average(np.arange(body.shape[0]), weights=body.sum(axis=(1, 2)))) if len(columns) else 0
    aside = [round(mm / spacing[0]) for mm in (10.0, 26.0, 34.0)]
    foremost = front[middle - aside[0] : middle + aside[0] + 1].max(initial=-1) if aside[0] <= middle else -1
    best, rows = -1.0, 0
    for x in range(max(aside[2], middle - aside[0]), min(body.shape[0] - aside[2], middle + aside[0] + 1)):
        ridge = front[x].astype(float)
        cheeks = np.maximum(
            front[x - aside[2] : x - aside[1] + 1].max(axis=0), front[x + aside[1] : x + aside[2] + 1].max(axis=0)
        )
        # A nose stands out as far as the forehead above it; what is narrow further back (a brain stem, a chin) is none.
        there = (ridge >= foremost - _BACK_MM / spacing[1]) & (cheeks >= 0) & (ridge < depth - 1)
        out = np.where(there, (ridge - cheeks) * spacing[1], -1.0)
        high = np.flatnonzero(out >= _NOSE_MM)
        if len(high) * spacing[2] >= _TALL_MM[0] and out.max() > best:
            best, rows = float(out.max()), len(high)
    return Face(bool(best >= _NOSE_MM and rows * spacing[2] <= _TALL_MM[1]), best)


def has_text(picture: Array) -> bool:
    """Guess whether text is burnt into a picture (rows, cols): a row of small bright shapes on one line.

    Letters stand beside each other at one height. A letter of side that stands alone, or the ragged bright spots of
    bone, are no text. It misses dark or blurred text.
    """
    grey = picture.max(axis=2) if picture.ndim == 3 else picture
    if min(grey.shape) < 48 or grey.max() == grey.min():
        return False
    top = float(grey.max())
    ink = grey >= grey.min() + 0.75 * (top - float(grey.min()))
    if not 8 <= np.count_nonzero(ink) <= 0.15 * ink.size:
        return False
    parts, _ = label(ink, np.ones((3, 3)))
    boxes = [box for box in find_objects(parts) if _is_letter(box, ink)]
    return _in_line(boxes)


def _is_letter(box: tuple[slice, slice], ink: Array) -> bool:
    high, wide = box[0].stop - box[0].start, box[1].stop - box[1].start
    if not (5 <= high <= max(12, ink.shape[0] // 12) and 1 <= wide <= 2 * high):
        return False
    return bool(wide > 2 or high > 2 * wide)


def _in_line(boxes: list[tuple[slice, slice]]) -> bool:
    """Tell whether five letters or more stand beside each other on one line, about as high as each other."""
    for first in boxes:
        foot, high = first[0].stop, first[0].stop - first[0].start
        line = sorted(
            box[1].start
            for box in boxes
            if abs(box[0].stop - foot) <= max(1, high // 6)
            and abs((box[0].stop - box[0].start) - high) <= max(1, high // 3)
        )
        run = 1
        for before, after in pairwise(line):
            run = run + 1 if after - before <= 3 * high else 1
            if run >= 5:
                return True
    return False
