"""Boxes as arithmetic: what two share, which of many are kept, how one is dragged, and one box told from another."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
GRIP = 0.18
"""Share of a side within which a hand takes hold of a border instead of the whole box."""


def iou(boxes: Array, others: Array) -> Array:
    """Intersection over union of each with each, (n, m).

    `boxes` are (n, 4) as x0, y0, x1, y1 or (n, 6) as x0, y0, z0, x1, y1, z1; a box without extent shares nothing.
    """
    both = overlap(boxes, others)
    union = size_of(boxes)[:, None] + size_of(others)[None] - both
    shares: Array = np.divide(both, union, out=np.zeros_like(both), where=union > 0)
    return shares


def overlap(boxes: Array, others: Array) -> Array:
    """Area (or volume) that each shares with each, (n, m)."""
    half = boxes.shape[1] // 2
    low = np.maximum(boxes[:, None, :half], others[None, :, :half])
    high = np.minimum(boxes[:, None, half:], others[None, :, half:])
    shared: Array = np.clip(high - low, 0, None).prod(axis=2)
    return shared


def size_of(boxes: Array) -> Array:
    """Area (or volume) of each box."""
    half = boxes.shape[1] // 2
    size: Array = (boxes[:, half:] - boxes[:, :half]).prod(axis=1)
    return size


@dataclass(frozen=True)
class Round:
    """One round of suppression: the box that is kept, and those it removes, as numbers of boxes."""

    kept: int
    removed: tuple[int, ...]


def rounds(boxes: Array, scores: Array, threshold: float) -> tuple[Round, ...]:
    """Keep the box of highest score, remove all that share more than `threshold` with it, begin again.

    Greedy non-maximum suppression; of equal scores the first box wins.
    """
    left = [int(index) for index in np.argsort(-scores, kind="stable")]
    shares = iou(boxes, boxes)
    made = []
    while left:
        best = left.pop(0)
        removed = tuple(index for index in left if shares[best, index] > threshold)
        left = [index for index in left if index not in removed]
        made.append(Round(best, removed))
    return tuple(made)


def told(box: Array, anchor: Array) -> Array:
    """Tell boxes (n, 4) from anchors (n, 4) as t_x, t_y, t_w, t_h of R-CNN: shifts in sides, sizes as logarithms."""
    (mid, side), (from_mid, from_side) = _middle(box), _middle(anchor)
    made: Array = np.concatenate([(mid - from_mid) / from_side, np.log(side / from_side)], axis=-1)
    return made


def moved(numbers: Array, anchor: Array) -> Array:
    """Move anchors (n, 4) by t_x, t_y, t_w, t_h: the inverse of `told`."""
    mid, side = _middle(anchor)
    there, wide = mid + numbers[..., :2] * side, np.exp(numbers[..., 2:]) * side
    made: Array = np.concatenate([there - wide / 2, there + wide / 2], axis=-1)
    return made


def _middle(boxes: Array) -> tuple[Array, Array]:
    side = boxes[..., 2:] - boxes[..., :2]
    return boxes[..., :2] + side / 2, side


def box_dragged(
    boxes: Array, start: tuple[float, float], here: tuple[float, float], shape: tuple[int, int]
) -> Array | None:
    """Move the smallest box (x0, y0, x1, y1) under `start`, or the borders near it, as far as to `here` (row, col).

    Whole pixels; nothing leaves `shape` (rows, cols), and no box gets thinner than 1. None where no box lies there.
    """
    y, x = start
    under = [
        index
        for index, (x0, y0, x1, y1) in enumerate(boxes)
        if x0 - _slack(x1 - x0) <= x <= x1 + _slack(x1 - x0) and y0 - _slack(y1 - y0) <= y <= y1 + _slack(y1 - y0)
    ]
    if not under:
        return None
    number = min(under, key=lambda index: float(size_of(boxes[index : index + 1])[0]))
    made = np.array(boxes, float)
    borders = [_axis(made[number, [0, 2]], x), _axis(made[number, [1, 3]], y)]
    if borders == [(True, True), (True, True)] or not any(map(any, borders)):
        borders = [(True, True), (True, True)]
    else:
        borders = [(False, False) if all(one) else one for one in borders]
    for axis, (one, shift, most) in enumerate(zip(borders, (here[1] - x, here[0] - y), shape[::-1], strict=True)):
        low, high = made[number, axis], made[number, axis + 2]
        if all(one):
            shift = float(np.clip(round(shift), -low, max(-low, most - high)))
        made[number, axis] = np.clip(round(low + shift), 0, high - 1) if one[0] and not one[1] else low + shift * one[0]
        made[number, axis + 2] = (
            np.clip(round(high + shift), low + 1, most) if one[1] and not one[0] else high + shift * one[1]
        )
    return made


def _slack(side: float) -> float:
    return min(2.0, max(0.6, GRIP * side / 2))


def _axis(ends: Array, at: float) -> tuple[bool, bool]:
    """Tell which ends of a box along one axis are held: one near its border, both in the middle."""
    low, high = float(ends[0]), float(ends[1])
    grip = min(GRIP * (high - low), (high - low) / 3)
    if at <= low + grip:
        return True, False
    return (False, True) if at >= high - grip else (True, True)
