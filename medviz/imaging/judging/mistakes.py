"""The single errors of a prediction: connected pieces of what it lacks or has too much, each with its place."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from medviz.imaging.judging.results import Gap, Kind, Mistake
from medviz.imaging.judging.surfaces import Surface, places_mm, point_of
from medviz.imaging.volume import Array, Volume

Index = NDArray[np.int64]
_OFFSETS = sorted(
    (step for step in product((-1, 0, 1), repeat=3) if any(step)), key=lambda step: sum(map(abs, step))
)  # faces first: they decide most
_SPARSE = 1_000_000


@dataclass(frozen=True)
class Pieces:
    """All pieces of one label on one side: the largest as mistakes, and how many there are of each kind."""

    largest: tuple[Mistake, ...] = ()
    many: int = 0
    apart: int = 0


@dataclass(frozen=True, eq=False)
class Held:
    """Two maps (x, y, z) held against each other on a grid, flat in C order."""

    predicted: Array
    meant: Array
    grid: Volume


def components(index: Index, shape: tuple[int, ...]) -> NDArray[np.int32]:
    """Number the connected pieces (26 neighbours) of voxels given by their flat indices, ascending.

    Few voxels are joined as a graph, which costs nothing for the room between them; many in their box.
    """
    at = np.stack(np.unravel_index(index, shape))
    if len(index) > _SPARSE:
        low = at.min(axis=1, keepdims=True)
        mask = np.zeros((at - low).max(axis=1) + 1, bool)
        mask[tuple(at - low)] = True
        numbered, _ = ndimage.label(mask, np.ones((3, 3, 3), bool))
        dense: NDArray[np.int32] = numbered[tuple(at - low)].astype(np.int32) - 1
        return dense
    rows, cols = [], []
    for step in _OFFSETS:
        if step < (0, 0, 0):
            continue
        near, inside = _beside(at, step, shape)
        place = np.minimum(np.searchsorted(index, near), len(index) - 1)
        linked = np.flatnonzero(inside & (index[place] == near))
        rows.append(linked)
        cols.append(place[linked])
    first, second = np.concatenate(rows), np.concatenate(cols)
    links = coo_matrix((np.ones(len(first), bool), (first, second)), shape=(len(index), len(index)))
    _, numbers = connected_components(links, directed=False)
    joined: NDArray[np.int32] = numbers
    return joined


def pieces(
    held: Held, value: int, index: Index, extra: bool, other: Surface | None, most: int
) -> Iterator[Pieces | None]:
    """Find the pieces of a label among the voxels of `index`, the largest `most` of them in full.

    `other` is the surface of the label in the map that lacks these voxels. None is yielded until all is known.
    """
    if not len(index):
        yield Pieces()
        return
    numbers = components(index, held.grid.shape)
    sizes = np.bincount(numbers)
    agreed = _touching(held, value, index, numbers, len(sizes))
    yield None
    kept = np.argsort(-sizes, kind="stable")[:most]
    place = np.full(len(sizes), -1)
    place[kept] = np.arange(len(kept))
    wanted = place[numbers] >= 0
    order = np.argsort(place[numbers[wanted]], kind="stable")
    index, owner = index[wanted][order], place[numbers[wanted]][order]
    points = places_mm(index, held.grid)
    away, nearest = np.full(len(points), np.nan), np.zeros(len(points), np.intp)
    done = 0
    if other is not None:
        for distance, which in other.near(points):
            away[done : done + len(distance)], nearest[done : done + len(distance)] = distance, which
            done += len(distance)
            yield None
    starts = np.searchsorted(owner, np.arange(len(kept) + 1))
    found = []
    for number, piece in enumerate(kept.tolist()):
        part = slice(starts[number], starts[number + 1])
        kind: Kind = "border" if agreed[piece] else ("invented" if extra else "missed")
        deepest = int(np.argmax(away[part])) if other is not None else 0
        at = deepest if kind == "border" else _middle(points[part])
        instead = _most_common((held.meant if extra else held.predicted)[index[part]])
        gap = None
        if other is not None:
            here, there = points[part][at], other.points[nearest[part][at]]
            pair = (here, there) if extra else (there, here)
            gap = Gap(point_of(pair[0]), point_of(pair[1]), float(away[part][at]))
        calibrated = held.grid.calibrated
        found.append(
            Mistake(
                value=value,
                kind=kind,
                extra=extra,
                voxels=int(sizes[piece]),
                volume_ml=float(sizes[piece]) * held.grid.voxel_ml if calibrated else None,
                depth_mm=float(away[part][deepest]) if other is not None and calibrated else None,
                at_mm=point_of(points[part][at]),
                instead=instead,
                gap=gap if calibrated else None,
            )
        )
    yield Pieces(tuple(found), len(sizes), int(np.count_nonzero(~agreed)))


def _touching(held: Held, value: int, index: Index, numbers: NDArray[np.int32], many: int) -> NDArray[np.bool_]:
    """Tell for each piece whether it touches a voxel that has the label in both maps."""
    touches = np.zeros(many, bool)
    shape = held.grid.shape
    at = np.stack(np.unravel_index(index, shape))
    for step in _OFFSETS:
        open_ones = np.flatnonzero(~touches[numbers])
        if not len(open_ones):
            break
        near, inside = _beside(at[:, open_ones], step, shape)
        near, of = near[inside], numbers[open_ones][inside]
        touches[of[(held.predicted[near] == value) & (held.meant[near] == value)]] = True
    return touches


def _beside(at: Index, step: tuple[int, ...], shape: tuple[int, ...]) -> tuple[Index, NDArray[np.bool_]]:
    """Flat index of the neighbours one step away, and which of them are inside."""
    moved = at + np.array(step)[:, None]
    inside = np.all((moved >= 0) & (moved < np.array(shape)[:, None]), axis=0)
    return (moved[0] * shape[1] + moved[1]) * shape[2] + moved[2], inside


def _middle(points: NDArray[np.float64]) -> int:
    """Which of the points lies nearest to their middle."""
    return int(np.argmin(np.sum((points - points.mean(axis=0)) ** 2, axis=1)))


def _most_common(values: Array) -> int:
    found, counts = np.unique(values, return_counts=True)
    return int(found[counts.argmax()])
