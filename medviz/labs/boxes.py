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
from medviz.labs.overlaps import Round, box_dragged, iou, overlap, rounds, size_of
from medviz.messages import Work
from medviz.parameters import Group, Input, Matrix, Pick, Range, Size, Step
from medviz.refused import Refused

Array = NDArray[Any]
MOST_BOXES = 24
_FLAT = ((0.0, 0.0, 10.0, 10.0, 0.9), (1.0, 1.0, 11.0, 11.0, 0.8), (20.0, 20.0, 30.0, 30.0, 0.7),
         (5.0, 0.0, 15.0, 10.0, 0.6))  # fmt: skip
_SOLID = ((0.0, 0.0, 0.0, 10.0, 10.0, 10.0, 0.9), (1.0, 1.0, 1.0, 11.0, 11.0, 11.0, 0.8))
_PAPER = Slice(np.zeros((36, 36), np.uint8), name="an empty field")
_SMALL = Slice(np.zeros((16, 20), np.uint8), name="a small empty field")
E20 = Erratum(
    "E20",
    "YOLO removes boxes until the IoU is under a threshold, and works with residual blocks",
    "a box is removed where its IoU with a better one is above the threshold; the blocks are cells of a grid",
)


@dataclass(frozen=True)
class Boxes(Lab):
    """Two boxes and what they share; many boxes and which of them are left."""

    TITLE: ClassVar[str] = "Boxes"
    ARRANGE: ClassVar[str] = "picture side / shares rounds (formula / story) / erratum"
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example(
            "Two boxes", "DET-5", "D2", {"boxes": _FLAT[:2]},
            {"shares[0,1]": 81 / 119, "formula": "81 / (100 + 100 − 81) = 81 / 119 = 0.6807"},
            text="What both cover, over what either covers.",
        ),
        Example(
            "Two boxes in 3-D", "DET-5", "D2", {"boxes": _SOLID, "image": _SMALL},
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
        marks = _marks(corners, done[: self.turn], (first, second))
        yield _picture(self.image, corners, marks[0])
        if len(marks) > 1:
            yield _side(self.image, corners, marks[1])
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

    def dragged(self, figure: str, start: tuple[float, float], here: tuple[float, float]) -> Self:
        """Drag a box or its border, seen along z or (in 3-D) from the side."""
        table = np.asarray(self.boxes, float)
        rows, cols = self.image.pixels.shape[:2]
        flat = table.shape[1] == 5
        axes = [0, 1, 2, 3] if flat else [0, 1, 3, 4] if figure == "picture" else [0, 2, 3, 5]
        limit = (rows, cols) if figure == "picture" else (1 << 10, cols)
        made = box_dragged(table[:, axes], start, here, limit)
        if made is None or figure not in ("picture", "side") or table.shape[1] not in (5, 7):
            return self
        table[:, axes] = made
        number = int(np.flatnonzero((made != np.asarray(self.boxes, float)[:, axes]).any(axis=1)).max(initial=-1))
        pair = self._paired(number) if number >= 0 else self.pair
        return replace(self, boxes=tuple(map(tuple, table.tolist())), pair=pair)

    def _paired(self, number: int) -> int:
        """Compare the box that is dragged with the one it was compared with, or its neighbour."""
        count = len(self.boxes)
        first, second = self._pair(count)
        if number in (first, second) or count < 2:
            return self.pair
        return min(number, first) * count + max(number, first)


def _marks(corners: Array, done: tuple[Round, ...], pair: tuple[int, int]) -> tuple[tuple[Mark, ...], ...]:
    """Mark boxes seen along z, and in 3-D seen along y too; a kept one is a target, a removed one a source."""
    half = corners.shape[1] // 2
    kept = {one.kept for one in done}
    removed = {index for one in done for index in one.removed}
    planes = ((1, 0), (2, 0))[: half - 1]  # rows, columns
    marks: list[list[Mark]] = [[] for _ in planes]
    for index, box in enumerate(corners):
        style = "target" if index in kept else "source" if index in removed else "box"
        word = f"{index} kept" if index in kept else f"{index} removed" if index in removed else str(index)
        if index in pair and not done:
            style = "focus"
        for (down, across), some in zip(planes, marks, strict=True):
            high, wide = box[half + down] - box[down], box[half + across] - box[across]
            some.append(Mark(box[down], box[across], high, wide, style, word))
    return tuple(tuple(some) for some in marks)


def _picture(image: Slice, corners: Array, marks: tuple[Mark, ...]) -> Picture:
    """Draw boxes over the slice."""
    depth = "" if corners.shape[1] == 4 else ", seen along z"
    flat = float(np.ptp(image.values)) == 0.0
    return Picture(
        "picture", image.values, f"drag a box or its border{depth}",
        mm=image.mm, letters=image.letters, drags=True,
        levels=(float(image.values.flat[0]), float(image.values.flat[0]) + 1) if flat else None,
        marks=marks, weight=2.0,
    )  # fmt: skip


def _side(image: Slice, corners: Array, marks: tuple[Mark, ...]) -> Picture:
    """Draw boxes in 3-D from the side: x to the right, z down, on an empty field."""
    deep = int(np.ceil(max(float(corners[:, 5].max()), 12.0) * 1.2))
    field = np.zeros((deep, image.pixels.shape[1]), np.uint8)
    return Picture("side", field, "seen along y: drag z here", levels=(0.0, 1.0), marks=marks, drags=True)


def _formula(corners: Array, first: int, second: int) -> str:
    one, other = corners[first : first + 1], corners[second : second + 1]
    both, size, more = float(overlap(one, other)[0, 0]), float(size_of(one)[0]), float(size_of(other)[0])
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
