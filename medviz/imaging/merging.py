"""Selective search: a slice in small regions, and the two most alike neighbours made one, again and again.

Uijlings et al., "Selective Search for Object Recognition", 2013, on first regions of Felzenszwalb and Huttenlocher,
2004. Likeness is the sum of four shares, each 0 to 1: colour, texture, size and fill.
"""

import heapq
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import felzenszwalb

Array = NDArray[Any]
Box = tuple[int, int, int, int]
"""x0, y0, x1, y1; x1 and y1 lie behind the last pixel."""
BINS = 25
PARTS = ("colour", "texture", "size", "fill")


@dataclass(frozen=True, eq=False)
class Region:
    """Pixels that belong together: how many, their box, and shares of grey levels (BINS,) and of slopes (8,) in them.

    `steep` is the sum of all slopes, by which those of two regions are weighed when they merge.
    """

    size: int
    box: Box
    colour: Array
    texture: Array
    steep: float


@dataclass(frozen=True)
class Merge:
    """Regions `one` and `other` become `made`; `likeness` are the four shares that `PARTS` names."""

    one: int
    other: int
    made: int
    likeness: tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class Tree:
    """All regions in the order in which they came: the first ones, then one for each merge.

    `first` (rows, cols) tells which of the `count` first regions each pixel lies in.
    """

    first: Array
    count: int
    regions: tuple[Region, ...]
    merges: tuple[Merge, ...]

    def at(self, done: int) -> Array:
        """Number of the region (rows, cols) that each pixel lies in after so many merges."""
        names = np.arange(self.count)
        for merge in self.merges[:done]:
            names[np.isin(names, (merge.one, merge.other))] = merge.made
        return names[self.first]

    def above(self, number: int) -> tuple[int, ...]:
        """Regions that a region becomes a part of, itself first."""
        line = [number]
        for merge in self.merges:
            if line[-1] in (merge.one, merge.other):
                line.append(merge.made)
        return tuple(line)


def first_regions(values: Array, scale: float, smooth: float, least: int) -> Array:
    """Cut (rows, cols) into small regions numbered from 0; larger `scale` makes larger ones, none under `least` px."""
    spread = float(np.ptp(values)) or 1.0
    labels: Array = felzenszwalb((values - values.min()) / spread, scale=scale, sigma=smooth, min_size=least)
    return np.unique(labels, return_inverse=True)[1].reshape(values.shape)


def likeness(one: Region, other: Region, pixels: int, parts: tuple[bool, ...] = (True,) * 4) -> tuple[float, ...]:
    """How alike two regions of a slice of so many pixels are, in the four parts; a part that is left out is 0.

    Colour and texture: what their histograms share. Size: 1 where both are small. Fill: 1 where they fit together.
    """
    (x0, y0, x1, y1), (u0, v0, u1, v1) = one.box, other.box
    around = (max(x1, u1) - min(x0, u0)) * (max(y1, v1) - min(y0, v0))
    values = (
        float(np.minimum(one.colour, other.colour).sum()),
        float(np.minimum(one.texture, other.texture).sum()),
        1.0 - (one.size + other.size) / pixels,
        1.0 - (around - one.size - other.size) / pixels,
    )
    return tuple(value if wanted else 0.0 for value, wanted in zip(values, parts, strict=True))


def joined(one: Region, other: Region) -> Region:
    """Make two regions one; grey levels are weighed by pixels, directions by how steep they are."""
    size = one.size + other.size
    (x0, y0, x1, y1), (u0, v0, u1, v1) = one.box, other.box
    box = min(x0, u0), min(y0, v0), max(x1, u1), max(y1, v1)
    colour = (one.colour * one.size + other.colour * other.size) / size
    steep = one.steep + other.steep
    return Region(size, box, colour, (one.texture * one.steep + other.texture * other.steep) / steep, steep)


def grown(values: Array, first: Array, parts: tuple[bool, ...] = (True,) * 4) -> Tree:
    """Merge the most alike neighbours until one region is left; of equal ones those that came first."""
    regions = _described(values, first)
    count, pixels = len(regions), int(values.size)
    near: dict[int, set[int]] = {number: set() for number in range(count)}
    for one, other in neighbours(first):
        near[one].add(other)
        near[other].add(one)
    queue: list[tuple[float, int, int]] = []

    def ask(one: int, other: int) -> None:
        low, high = min(one, other), max(one, other)
        heapq.heappush(queue, (-sum(likeness(regions[low], regions[high], pixels, parts)), low, high))

    for one, others in near.items():
        for other in others:
            if one < other:
                ask(one, other)
    merges: list[Merge] = []
    while queue:
        _, one, other = heapq.heappop(queue)
        if one not in near or other not in near:
            continue  # one of them is a part of a larger region by now
        made = len(regions)
        alike = likeness(regions[one], regions[other], pixels, parts)
        merges.append(Merge(one, other, made, (alike[0], alike[1], alike[2], alike[3])))
        regions.append(joined(regions[one], regions[other]))
        around = (near.pop(one) | near.pop(other)) - {one, other}
        near[made] = around
        for number in around:
            near[number] = near[number] - {one, other} | {made}
            ask(number, made)
    return Tree(first, count, tuple(regions), tuple(merges))


def neighbours(labels: Array) -> list[tuple[int, int]]:
    """Pairs of regions (low, high) that touch at an edge of a pixel."""
    beside = np.stack([labels[:, :-1].ravel(), labels[:, 1:].ravel()], axis=1)
    below = np.stack([labels[:-1].ravel(), labels[1:].ravel()], axis=1)
    pairs = np.sort(np.concatenate([beside, below]), axis=1)
    pairs = np.unique(pairs[pairs[:, 0] != pairs[:, 1]], axis=0)
    return [(int(low), int(high)) for low, high in pairs]


def distinct(regions: tuple[Region, ...], least: int) -> tuple[Box, ...]:
    """Boxes of regions of at least `least` pixels a side, each once, in the order in which they came."""
    boxes = dict.fromkeys(one.box for one in regions)
    return tuple(box for box in boxes if min(box[2] - box[0], box[3] - box[1]) >= least)


def _described(values: Array, first: Array) -> list[Region]:
    """Describe the first regions: grey levels by BINS between the 1st and 99th percentile, slopes by 8 directions."""
    low, high = np.percentile(values, (1, 99))
    level = np.clip((values - low) / (high - low or 1.0) * BINS, 0, BINS - 1).astype(int)
    down, across = np.gradient(values) if min(values.shape) > 1 else (np.zeros_like(values),) * 2
    turn = (np.arctan2(down, across) / (2 * np.pi) % 1.0 * 8).astype(int) % 8
    steep = np.hypot(down, across)
    count = int(first.max()) + 1
    sizes = np.bincount(first.ravel(), minlength=count)
    colours = np.bincount((first * BINS + level).ravel(), minlength=count * BINS).reshape(count, BINS)
    slopes = np.bincount((first * 8 + turn).ravel(), steep.ravel(), count * 8).reshape(count, 8) + 1e-12
    rows, cols = np.mgrid[: first.shape[0], : first.shape[1]]
    ends = _ends(first, cols, count), _ends(first, rows, count)
    return [
        Region(
            int(sizes[k]),
            (int(ends[0][0][k]), int(ends[1][0][k]), int(ends[0][1][k]) + 1, int(ends[1][1][k]) + 1),
            colours[k] / sizes[k],
            slopes[k] / slopes[k].sum(),
            float(slopes[k].sum()),
        )
        for k in range(count)
    ]


def _ends(first: Array, axis: Array, count: int) -> tuple[Array, Array]:
    low, high = np.full(count, 1 << 30), np.full(count, -1)
    np.minimum.at(low, first.ravel(), axis.ravel())
    np.maximum.at(high, first.ravel(), axis.ravel())
    return low, high
