"""Outlines of a mask along the borders of its pixels: exact in area, and exact when they are filled again."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

Array = NDArray[Any]
Outline = NDArray[np.float64]
# Right, down, left, up on the screen; the inside lies to the right of the way one goes.
_STEPS = ((0, 1), (1, 0), (0, -1), (-1, 0))
_INSIDE = ((0, 0), (0, -1), (-1, -1), (-1, 0))


def outlines(mask: Array) -> list[Outline]:
    """Trace each connected part (by sides) of a mask (rows, cols) as one closed line (n, 2) of (row, col).

    A pixel centre has whole coordinates, its borders halves. The last point is not the first again. A hole is joined to
    its outline by a channel of no width that is gone there and back (the keyhole of the DICOM standard), so that the
    line alone says what is inside, by either rule (even-odd or winding).
    """
    inside = np.pad(np.asarray(mask, bool), 1)
    if not inside.any():
        return []
    parts, _ = label(inside)
    rings: dict[int, list[Outline]] = {}
    for ring, part in _rings(inside, parts):
        rings.setdefault(part, []).append(ring)
    return [_joined(some) - 1.5 for some in rings.values()]


def area(line: Outline) -> float:
    """Area within a closed line of (row, col), in pixels; holes of a keyhole do not count."""
    row, col = line.T
    return float(abs(np.dot(col, np.roll(row, -1)) - np.dot(row, np.roll(col, -1))) / 2)


def filled(lines: list[Outline], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Pixels (rows, cols) whose centre lies within the lines: even-odd in one line, a union of several."""
    found = np.zeros(shape, bool)
    cols = np.arange(shape[1])
    for line in lines:
        ends = np.roll(line, -1, axis=0)
        low, high = np.minimum(line[:, 0], ends[:, 0]), np.maximum(line[:, 0], ends[:, 0])
        first, last = max(0, int(np.ceil(low.min()))), min(shape[0] - 1, int(np.floor(high.max())))
        for row in range(first, last + 1):
            crossing = np.flatnonzero((low <= row) & (row < high))
            if len(crossing):
                start, end = line[crossing], ends[crossing]
                share = (row - start[:, 0]) / (end[:, 0] - start[:, 0])
                at = np.sort(start[:, 1] + share * (end[:, 1] - start[:, 1]))
                found[row] |= np.searchsorted(at, cols, side="right") % 2 == 1
    return found


def _rings(inside: Array, parts: Array) -> list[tuple[Outline, int]]:
    """Closed lines of corner points (row, col) of the padded mask, and the part that each belongs to."""
    edges = _edges(inside)
    left = [edge.copy() for edge in edges]
    made = []
    for row, col in zip(*np.nonzero(edges[0]), strict=True):  # each ring goes right somewhere
        if left[0][row, col]:
            made.append((_followed(int(row), int(col), edges, left), int(parts[row, col])))
    return made


def _edges(inside: Array) -> list[Array]:
    """For each direction, the corner points from which a border goes that way."""
    rows, cols = inside.shape
    edges = [np.zeros((rows + 1, cols + 1), bool) for _ in range(4)]
    above, below = inside[:-1], inside[1:]
    edges[0][1:rows, :cols] = below & ~above
    edges[2][1:rows, 1 : cols + 1] = above & ~below
    before, after = inside[:, :-1], inside[:, 1:]
    edges[1][:rows, 1:cols] = before & ~after
    edges[3][1 : rows + 1, 1:cols] = after & ~before
    return edges


def _followed(row: int, col: int, edges: list[Array], left: list[Array]) -> Outline:
    """Follow the border from a corner until it closes; where two pixels touch by a corner it stays with its own."""
    start, way, points = (row, col), 0, [(row, col)]
    while True:
        left[way][row, col] = False
        row, col = row + _STEPS[way][0], col + _STEPS[way][1]
        turn = next(new for new in ((way + 1) % 4, way, (way + 3) % 4) if edges[new][row, col])
        if (row, col) == start and turn == 0 and not left[0][row, col]:
            break
        if turn != way:
            points.append((row, col))
        way = turn
    return np.array(points, float)


def _joined(rings: list[Outline]) -> Outline:
    """Join the holes of a part to its outline, the nearest first; the outline is the ring of the largest extent."""
    ordered = sorted(rings, key=area, reverse=True)
    whole, holes = ordered[0], ordered[1:]
    while holes:
        near = [np.linalg.norm(whole[:, None] - hole[None], axis=2) for hole in holes]
        one = int(np.argmin([apart.min() for apart in near]))
        here, there = np.unravel_index(near[one].argmin(), near[one].shape)
        hole = holes.pop(one)
        around = np.concatenate([hole[there:], hole[: there + 1]])
        whole = np.concatenate([whole[: here + 1], around, whole[here:]])
    return whole
