"""Anchors: boxes of a few sizes at every cell, and what a region proposal network is taught of them (deck D2)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from medviz.figures import Bars, Figure, Mark, Picture, Table, Text
from medviz.imaging.slices import Slice
from medviz.labs.findings import ABDOMEN, grey, shades, spots
from medviz.labs.formulas import number
from medviz.labs.lab import Example, Lab
from medviz.labs.overlaps import box_dragged, iou, told
from medviz.messages import Work
from medviz.parameters import Choice, Group, Input, Matrix, Pick, Range, Size
from medviz.refused import Refused

Array = NDArray[Any]
RATIOS = {1: (1.0,), 3: (0.5, 1.0, 2.0), 5: (1 / 3, 0.5, 1.0, 2.0, 3.0)}
MOST = 400_000
AUTOMATIC = ((0.0, 0.0, 0.0, 0.0),)


def shapes(smallest: float, scales: int, ratios: int) -> Array:
    """Widths and heights (k, 2) of the anchors of a cell: a ratio changes the shape and keeps the area."""
    sides = smallest * 2.0 ** np.arange(scales)
    return np.array([(side / np.sqrt(ratio), side * np.sqrt(ratio)) for side in sides for ratio in RATIOS[ratios]])


def anchors(rows: int, cols: int, stride: int, sizes: Array) -> Array:
    """Boxes (rows, cols, k, 4) in pixels, centred on the cells."""
    y, x = np.meshgrid((np.arange(rows) + 0.5) * stride, (np.arange(cols) + 0.5) * stride, indexing="ij")
    middle = np.stack([x, y], axis=-1)[:, :, None]
    made: Array = np.concatenate([middle - sizes / 2, middle + sizes / 2], axis=-1)
    return made


def taught(shares: Array, positive: float, negative: float) -> Array:
    """What each anchor (n,) is taught, of its shares (n, m) with the truths: 1 object, 0 background, −1 nothing.

    The best anchors of each truth are objects too, so that none is without (Ren et al., 2015).
    """
    best = shares.max(axis=1)
    told_so = np.where(best >= positive, 1, np.where(best < negative, 0, -1))
    most = shares.max(axis=0)
    told_so[((shares == most) & (most > 0)).any(axis=1)] = 1
    return told_so


@dataclass(frozen=True)
class Anchors(Lab):
    """A region proposal network asks at every cell, for each of k anchors: is it an object, how far off is it."""

    TITLE: ClassVar[str] = "Anchors"
    ARRANGE: ClassVar[str] = "image best / here counts / formula / story"
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example("Nine anchors a cell", "DET-3", "D2", {},
                {"formula": "12·16·9 = 1,728 anchors", "best.shape": (12, 16)},
                text="Point at a cell: its anchors appear, and what each is taught stands in the table."),
        Example("As coarse as Faster R-CNN", "DET-3", "D2", {"stride": 16},
                {"formula": "6·8·9 = 432 anchors", "story": "37·62·9 = 20,646 anchors"},
                text="About 20,000 instead of 2,000 proposals, and one pass of the network for all of them."),
        Example("A strict threshold leaves one", "DET-3", "D2", {"positive": 0.95, "scales": 2},
                {"story": "the best anchor of each truth is kept whatever it shares"}),
        Example("Shift and logarithm", "DET-3", "D2",
                {"stride": 16, "smallest": 32, "scales": 1, "ratios": 1, "truth": ((20.0, 8.0, 84.0, 56.0),),
                 "place": (2, 3)},
                {"here": "-0.125 -0.25 0.693 0.405"},
                text="(52 − 56)/32, (32 − 40)/32, ln(64/32), ln(48/32): shifts in sides, sizes as logarithms."),
    )  # fmt: skip

    image: Annotated[Slice, Input("slice"), "What is searched"] = ABDOMEN
    truth: Annotated[
        Matrix, Size(6, 4), Group("Truth"), "What is to be found: x0 y0 x1 y1 in pixels; all 0 takes the clearest spots"
    ] = AUTOMATIC  # fmt: skip
    stride: Annotated[int, Range(1, 64, unit="px"), Group("Anchors"), "Pixels from cell to cell"] = 8
    smallest: Annotated[float, Range(2, 256, unit="px"), Group("Anchors"), "Side of the smallest anchor"] = 8.0
    scales: Annotated[int, Range(1, 5), Group("Anchors"), "Sizes, each twice the one before"] = 3
    ratios: Annotated[int, Choice((1, 3, 5), ("square", "3: from wide to high", "5")), Group("Anchors"), "Shapes"] = 3
    positive: Annotated[float, Range(0.05, 1.0, 0.05), Group("Teaching"), "Shares at least this: object"] = 0.5
    negative: Annotated[float, Range(0.0, 1.0, 0.05), Group("Teaching"), "Shares less than this: background"] = 0.3
    place: Annotated[
        tuple[int, int] | None, Pick("best", "image"), Group("Anchors", advanced=True), "The cell in focus"
    ] = None  # fmt: skip

    def show(self) -> Work[None]:
        """Yield the slice with the anchors of a cell, the best share of each cell, and what anchors are taught."""
        yield from self._figures()

    def pointed(self, figure: str, cell: tuple[int, int], shape: tuple[int, int]) -> Self:
        """Take the cell under a pixel of the slice."""
        if figure == "image":
            cell = cell[0] // self.stride, cell[1] // self.stride
        return super().pointed("best", cell, shape) if figure in ("best", "image") else self

    def dragged(self, figure: str, start: tuple[float, float], here: tuple[float, float]) -> Self:
        """Drag a truth on the slice."""
        shape = self.image.pixels.shape[0], self.image.pixels.shape[1]
        made = box_dragged(self._truth(), start, here, shape) if figure == "image" else None
        if made is None or start == here:
            return self
        return replace(self, truth=tuple(map(tuple, made.tolist())))

    def _figures(self) -> Iterator[Figure]:
        values = grey(self.image, 2)
        rows, cols = (side // self.stride for side in values.shape)
        sizes = shapes(self.smallest, self.scales, self.ratios)
        if not rows or not cols:
            raise Refused(f"stride={self.stride}", "no cell fits into the slice", "take a smaller one")
        if rows * cols * len(sizes) > MOST:
            raise Refused(f"stride={self.stride}", f"that makes more than {MOST:,} anchors", "take a larger one")
        if self.negative > self.positive:
            raise Refused("negative", "it is larger than positive", "background shares less than an object")
        truth = self._truth()
        every = anchors(rows, cols, self.stride, sizes)
        shares = iou(every.reshape(-1, 4), truth) if len(truth) else np.zeros((every[..., 0].size, 1))
        lessons = taught(shares, self.positive, self.negative)
        at = self._at(shares, (rows, cols, len(sizes)))
        yield self._picture(values, truth, every[at], lessons.reshape(every.shape[:3])[at])
        best = shares.max(axis=1).reshape(every.shape[:3])
        mm = None if self.image.mm is None else (self.image.mm[0] * self.stride, self.image.mm[1] * self.stride)
        yield Picture("best", best.max(axis=2), "best IoU of each cell", mm, (0.0, 1.0), "viridis",
                      marks=(Mark(*at),), letters=self.image.letters)  # fmt: skip
        counts = np.array([np.count_nonzero(lessons == one) for one in (1, -1, 0)], float)
        yield Bars("counts", ("object", "left out", "background"), counts, "what anchors are taught", "anchors")
        yield _table(every[at], truth, iou(every[at], truth) if len(truth) else None,
                     lessons.reshape(every.shape[:3])[at], at)  # fmt: skip
        k = len(sizes)
        line = f"{rows}·{cols}·{k} = {rows * cols * k:,} anchors;  2·{k} + 4·{k} = {6 * k} numbers a cell"
        yield Text("formula", line, "cells × anchors", formula=True)
        yield Text("story", self._story(shares, lessons, len(truth)), "")

    def _truth(self) -> Array:
        table = np.asarray(self.truth, float)
        if table.shape[1] != 4:
            raise Refused("truth", f"a row holds {table.shape[1]} numbers", "give x0 y0 x1 y1")
        if not table.any():
            found = spots(grey(self.image, 2), 3)
            return np.asarray(found, float).reshape(-1, 4)
        if (table[:, 2:] <= table[:, :2]).any():
            raise Refused("truth", "a box ends before it begins", "give the lower corner first")
        return table

    def _at(self, shares: Array, shape: tuple[int, int, int]) -> tuple[int, int]:
        """Return the cell in focus: the one pointed at, else that of the best anchor."""
        rows, cols, _ = shape
        if self.place is not None:
            return min(self.place[0], rows - 1), min(self.place[1], cols - 1)
        row, col, _ = np.unravel_index(int(shares.max(axis=1).argmax()), shape)
        return int(row), int(col)

    def _picture(self, values: Array, truth: Array, here: Array, lessons: Array) -> Picture:
        styles = {1: "target", 0: "box", -1: "source"}
        marks = [Mark(y0, x0, y1 - y0, x1 - x0, styles[int(one)])
                 for (x0, y0, x1, y1), one in zip(here, lessons, strict=True)]  # fmt: skip
        marks += [Mark(y0, x0, y1 - y0, x1 - x0, "focus", f"truth {k}") for k, (x0, y0, x1, y1) in enumerate(truth)]
        return Picture("image", values, f"the {len(here)} anchors of a cell; drag a truth", self.image.mm,
                       shades(values), unit=self.image.unit, letters=self.image.letters, marks=tuple(marks), drags=True,
                       weight=2.0)  # fmt: skip

    def _story(self, shares: Array, lessons: Array, truths: int) -> str:
        objects = int(np.count_nonzero(lessons == 1))
        ground = int(np.count_nonzero(lessons == 0))
        said = [f"{objects} of {len(lessons):,} anchors are taught as objects, {ground:,} as background"]
        if not truths:
            return f"Nothing stands out in this slice; {said[0]}."
        if shares.max() < self.positive:
            said.append("the best anchor of each truth is kept whatever it shares")
        ratio = number(ground / max(1, objects), 3)
        said.append(f"{ratio} of background for each object: a mini-batch draws as many of both, or the loss is focal")
        said.append(f"at 1000 × 600 px and a stride of 16 there are 37·62·9 = {37 * 62 * 9:,} anchors")
        return "; ".join(said) + "."


def _table(here: Array, truth: Array, shares: Array | None, lessons: Array, at: tuple[int, int]) -> Table:
    words = {1: "object", 0: "background", -1: "left out"}
    rows = []
    for k, (box, lesson) in enumerate(zip(here, lessons, strict=True)):
        size = f"{box[2] - box[0]:.0f} × {box[3] - box[1]:.0f}"
        best = int(shares[k].argmax()) if shares is not None else -1
        share = round(float(shares[k, best]), 3) if shares is not None else None
        numbers = told(truth[best], box) if best >= 0 else [None] * 4
        rows.append(
            (k, size, share, words[int(lesson)], *(None if one is None else round(float(one), 3) for one in numbers))
        )
    columns = ("nr", "size", "IoU", "taught", "t_x", "t_y", "t_w", "t_h")
    return Table("here", columns, tuple(rows), f"anchors of cell {at}, told from the nearest truth", ("", "px"))
