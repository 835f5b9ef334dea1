"""Boxes: how much two of them share, and which of many a detector keeps (deck D2)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from medviz.figures import Figure, Heatmap, Mark, Picture, Table, Text
from medviz.imaging.slices import Slice
from medviz.labs.formulas import number
from medviz.labs.lab import Erratum, Example, Lab
from medviz.messages import Work
from medviz.parameters import Group, Input, Matrix, Pick, Range, Size, Step
from medviz.refused import Refused

Array = NDArray[Any]
MOST_BOXES = 24


def iou(boxes: Array, others: Array) -> Array:
    """Intersection over union of each with each, (n, m).

    `boxes` are (n, 4) as x0, y0, x1, y1 or (n, 6) as x0, y0, z0, x1, y1, z1; a box without extent shares nothing.
    """
    both = overlap(boxes, others)
    union = _size(boxes)[:, None] + _size(others)[None] - both
    shares: Array = np.divide(both, union, out=np.zeros_like(both), where=union > 0)
    return shares


def overlap(boxes: Array, others: Array) -> Array:
    """Area (or volume) that each shares with each, (n, m)."""
    half = boxes.shape[1] // 2
    low = np.maximum(boxes[:, None, :half], others[None, :, :half])
    high = np.minimum(boxes[:, None, half:], others[None, :, half:])
    shared: Array = np.clip(high - low, 0, None).prod(axis=2)
    return shared


def _size(boxes: Array) -> Array:
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


_FLAT = ((0.0, 0.0, 10.0, 10.0, 0.9), (1.0, 1.0, 11.0, 11.0, 0.8), (20.0, 20.0, 30.0, 30.0, 0.7),
         (5.0, 0.0, 15.0, 10.0, 0.6))  # fmt: skip
_SOLID = ((0.0, 0.0, 0.0, 10.0, 10.0, 10.0, 0.9), (1.0, 1.0, 1.0, 11.0, 11.0, 11.0, 0.8))
_PAPER = Slice(np.zeros((36, 36), np.uint8), name="an empty field")
E20 = Erratum(
    "E20",
    "YOLO removes boxes until the IoU is under a threshold, and works with residual blocks",
    "a box is removed where its IoU with a better one is above the threshold; the blocks are cells of a grid",
)


@dataclass(frozen=True)
class Boxes(Lab):
    """Two boxes and what they share; many boxes and which of them are left."""

    TITLE: ClassVar[str] = "Boxes"
    ARRANGE: ClassVar[str] = "picture shares / formula / rounds / story erratum"
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example(
            "Two boxes", "DET-5", "D2", {"boxes": _FLAT[:2]},
            {"shares[0,1]": 81 / 119, "formula": "81 / (100 + 100 − 81) = 81 / 119 = 0.6807"},
            text="What both cover, over what either covers.",
        ),
        Example(
            "Two boxes in 3-D", "DET-5", "D2", {"boxes": _SOLID},
            {"shares[0,1]": 729 / 1271, "formula": "729 / (1000 + 1000 − 729) = 729 / 1271 = 0.5736"},
            text="The same shift costs more in three dimensions.",
        ),
        Example(
            "Suppression at 0.5 keeps three of four", "DET-5", "D2", {"boxes": _FLAT, "threshold": 0.5, "turn": 3},
            {"story": "kept: 0, 2, 3"},
            text="Box 1 shares 0.68 with the better box 0 and goes; box 3 shares 0.33 and stays.",
        ),
        Example(
            "Above the threshold, not under it", "DET-4", "D2", {"boxes": _FLAT, "threshold": 0.7, "turn": 4},
            {"story": "kept: 0, 1, 2, 3"}, E20,
            text="At 0.7 no two boxes share enough, so that all are kept.",
        ),
    )  # fmt: skip

    image: Annotated[Slice, Input("slice"), "What the boxes lie on"] = _PAPER
    boxes: Annotated[
        Matrix, Size(MOST_BOXES, 7), Group("Boxes"),
        "One box a row: x0 y0 x1 y1 score, or x0 y0 z0 x1 y1 z1 score; in pixels, x to the right, y down",
    ] = _FLAT  # fmt: skip
    threshold: Annotated[
        float,
        Range(0.0, 1.0, 0.01),
        Group("Suppression"),
        "A box goes where it shares more than this with a better one",
    ] = 0.5
    pair: Annotated[
        int, Pick("shares"), Range(0, MOST_BOXES**2), Group("Boxes", advanced=True), "The pair compared"
    ] = 1
    turn: Annotated[int, Step(), Range(0, MOST_BOXES), Group("Suppression"), "Rounds of suppression done"] = 0

    def show(self) -> Work[None]:
        """Yield the boxes on the slice, the table of shares, the pair's formula and the rounds so far."""
        yield from self._figures()

    def _figures(self) -> Iterator[Figure]:
        corners, scores = self._accepted()
        shares = iou(corners, corners)
        done = rounds(corners, scores, self.threshold)
        first, second = self._pair(len(corners))
        yield _picture(self.image, corners, done[: self.turn], (first, second))
        names = tuple(str(index) for index in range(len(corners)))
        yield Heatmap(
            "shares", shares, "intersection over union", colours="viridis", levels=(0.0, 1.0), row_names=names,
            column_names=names, marks=(Mark(first, second),), weight=1.2,
        )  # fmt: skip
        yield Text("formula", _formula(corners, first, second), f"boxes {first} and {second}", formula=True)
        yield _table(done, scores, shares)
        yield Text("story", _story(done, self.turn), f"after {min(self.turn, len(done))} of {len(done)} rounds")

    def _accepted(self) -> tuple[Array, Array]:
        table = np.asarray(self.boxes, float)
        if table.shape[1] not in (5, 7):
            raise Refused("boxes", f"a row holds {table.shape[1]} numbers", "give 4 or 6 corners and a score")
        corners, scores = table[:, :-1], table[:, -1]
        half = corners.shape[1] // 2
        turned = np.flatnonzero((corners[:, half:] <= corners[:, :half]).any(axis=1))
        if len(turned):
            raise Refused(f"box {turned[0]}", "it ends before it begins", "give the lower corner first")
        if self.image.pixels.ndim < 2 or not self.image.pixels.size:
            raise Refused(self.image.name or "image", "it has no pixels", "choose a slice")
        return corners, scores

    def _pair(self, count: int) -> tuple[int, int]:
        first, second = divmod(min(self.pair, count * count - 1), count)
        return first, second

    def steps(self) -> int:
        """One step before the first round and one after each."""
        corners, scores = self._accepted()
        return len(rounds(corners, scores, self.threshold)) + 1

    def at_step(self, number: int) -> Self:
        """Return the lab after so many rounds."""
        return replace(self, turn=number)


def _picture(image: Slice, corners: Array, done: tuple[Round, ...], pair: tuple[int, int]) -> Picture:
    """Draw boxes over the slice; a kept one is a target, a removed one faint, the pair compared in focus."""
    half = corners.shape[1] // 2
    kept = {one.kept for one in done}
    removed = {index for one in done for index in one.removed}
    marks = []
    for index, box in enumerate(corners):
        style = "target" if index in kept else "source" if index in removed else "box"
        word = f"{index} kept" if index in kept else f"{index} removed" if index in removed else str(index)
        if index in pair and not done:
            style = "focus"
        marks.append(Mark(box[1], box[0], box[half + 1] - box[1], box[half] - box[0], style, word))
    depth = "" if half == 2 else ", seen along z"
    flat = float(np.ptp(image.values)) == 0.0
    return Picture(
        "picture", image.values, f"boxes on {image.name or 'the slice'}{depth}", mm=image.mm, letters=image.letters,
        levels=(float(image.values.flat[0]), float(image.values.flat[0]) + 1) if flat else None,
        marks=tuple(marks), weight=2.0,
    )  # fmt: skip


def _formula(corners: Array, first: int, second: int) -> str:
    one, other = corners[first : first + 1], corners[second : second + 1]
    both, size, more = float(overlap(one, other)[0, 0]), float(_size(one)[0]), float(_size(other)[0])
    union = size + more - both
    return (
        f"IoU = both / either = {number(both)} / ({number(size)} + {number(more)} − {number(both)}) = "
        f"{number(both)} / {number(union)} = {number(both / union)}"
    )


def _table(done: tuple[Round, ...], scores: Array, shares: Array) -> Table:
    rows = []
    for count, one in enumerate(done, start=1):
        gone = ", ".join(f"{index} ({shares[one.kept, index]:.2f})" for index in one.removed) or "none"
        rows.append((count, one.kept, float(scores[one.kept]), gone))
    return Table("rounds", ("round", "kept", "score", "removed (IoU)"), tuple(rows), "non-maximum suppression")


def _story(done: tuple[Round, ...], turn: int) -> str:
    seen = done[:turn]
    kept = ", ".join(str(index) for index in sorted(one.kept for one in seen)) or "none yet"
    gone = ", ".join(str(index) for one in seen for index in one.removed) or "none"
    return f"kept: {kept}; removed: {gone}"
