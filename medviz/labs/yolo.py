"""YOLO: a grid over the slice; the cell that holds the middle of an object tells its box, in one look (deck D2)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from medviz.figures import Figure, Heatmap, Mark, Picture, Table, Text
from medviz.imaging.slices import Slice
from medviz.labs.findings import ABDOMEN, grey, shades, spots
from medviz.labs.formulas import number
from medviz.labs.lab import Erratum, Example, Lab
from medviz.labs.overlaps import box_dragged, iou, rounds
from medviz.messages import Work
from medviz.parameters import Group, Input, Matrix, Pick, Range, Size, Step
from medviz.refused import Refused

Array = NDArray[Any]
STAGES = ("the grid", "the cells that own a middle", "how sure each cell is", "the boxes of the cells",
          "after suppression")  # fmt: skip
AUTOMATIC = ((0.0, 0.0, 0.0, 0.0),)
E20 = Erratum(
    "E20",
    "the image is divided into residual blocks, and boxes are regressed until the IoU is under a threshold",
    "the blocks are cells of a grid (residual blocks are ResNet's); training raises the IoU, and suppression removes a "
    "box whose IoU with a better one is above a threshold",
)


def owners(truth: Array, cells: int, shape: tuple[int, int]) -> Array:
    """Row and column (n, 2) of the cell that holds the middle of each box (x0, y0, x1, y1)."""
    rows, cols = shape
    y, x = (truth[:, 1] + truth[:, 3]) / 2 / rows * cells, (truth[:, 0] + truth[:, 2]) / 2 / cols * cells
    made: Array = np.clip(np.stack([y, x], axis=1).astype(int), 0, cells - 1)
    return made


def encoded(truth: Array, cells: int, shape: tuple[int, int]) -> Array:
    """Tell boxes as YOLO does (n, 4): x and y of the middle within its cell, width and height as share of the slice."""
    rows, cols = shape
    cell = owners(truth, cells, shape)
    x = (truth[:, 0] + truth[:, 2]) / 2 / cols * cells - cell[:, 1]
    y = (truth[:, 1] + truth[:, 3]) / 2 / rows * cells - cell[:, 0]
    return np.stack([x, y, (truth[:, 2] - truth[:, 0]) / cols, (truth[:, 3] - truth[:, 1]) / rows], axis=1)


def decoded(numbers: Array, cell: Array, cells: int, shape: tuple[int, int]) -> Array:
    """Boxes (n, 4) in pixels from what cells (n, 2) told: the inverse of `encoded`."""
    rows, cols = shape
    x, y = (numbers[:, 0] + cell[:, 1]) / cells * cols, (numbers[:, 1] + cell[:, 0]) / cells * rows
    wide, high = numbers[:, 2] * cols / 2, numbers[:, 3] * rows / 2
    return np.stack([x - wide, y - high, x + wide, y + high], axis=1)


@dataclass(frozen=True, eq=False)
class Told:
    """What the cells say: boxes (n, 4), the cell (n, 2) each comes from, and how sure it is (n,)."""

    boxes: Array
    cells: Array
    sure: Array


def predicted(truth: Array, cells: int, shape: tuple[int, int], error: float, seed: int) -> Told:
    """Let each cell that lies in a truth tell its box with an error; a stand-in for a network that was trained.

    Confidence is what it is taught to be: P(object) times the share with the truth, P falling towards the rim.
    """
    chance, boxes, places, sure = np.random.default_rng(seed), [], [], []
    for truth_box in truth:
        middle, half = (truth_box[:2] + truth_box[2:]) / 2, (truth_box[2:] - truth_box[:2]) / 2
        for row in range(cells):
            for col in range(cells):
                at = np.array([(col + 0.5) * shape[1] / cells, (row + 0.5) * shape[0] / cells])
                far = float(np.abs((at - middle) / half).max())
                owner = tuple(owners(truth_box[None], cells, shape)[0]) == (row, col)
                if far > 1 and not owner:
                    continue
                off = chance.normal(size=4) * error * np.tile(half, 2) * (1.0 if owner else 2.0)
                box = truth_box + off
                if (box[2:] - box[:2] < 1).any():
                    box = truth_box.copy()
                boxes.append(box)
                places.append((row, col))
                object_here = 1.0 if owner else max(0.0, 1.0 - 0.7 * far)
                sure.append(object_here * float(iou(box[None], truth_box[None])[0, 0]))
    count = len(boxes)
    return Told(np.array(boxes).reshape(count, 4), np.array(places, int).reshape(count, 2), np.array(sure))


@dataclass(frozen=True)
class Yolo(Lab):
    """You Only Look Once: grid, owner, confidence, boxes, suppression; step through them."""

    TITLE: ClassVar[str] = "YOLO"
    ARRANGE: ClassVar[str] = "image sure / boxes (formula / story) / erratum"
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example("A kidney found in one look", "DET-4", "D2", {"stage": 1},
                {"formula": "7·7·(2·5 + 20) = 1,470"}, E20,
                text="Only the cell that holds the middle of the box answers for it. Drag the box: the owner changes."),
        Example("How sure the cells are", "DET-4", "D2", {"stage": 2}, {"story": "P(object) · IoU"}, E20,
                text="A cell is taught P(object) times the IoU of its box with the truth."),
        Example("Suppression keeps one box each", "DET-4", "D2", {"stage": 4},
                {"story": "2 boxes are left"}, E20,
                text="Of boxes that share more than the threshold, the surest is kept."),
        Example("Two middles in one cell", "DET-4", "D2",
                {"truth": ((40.0, 30.0, 70.0, 66.0), (44.0, 36.0, 62.0, 58.0)), "cells": 3, "stage": 1},
                {"story": "share a cell"},
                text="What the deck says of overlapping objects: a cell has one answer (or B of one class)."),
    )  # fmt: skip

    image: Annotated[Slice, Input("slice"), "What is looked at"] = ABDOMEN
    truth: Annotated[
        Matrix, Size(6, 4), Group("Truth"), "What is to be found: x0 y0 x1 y1 in pixels; all 0 takes the clearest spots"
    ] = ((24.0, 50.0, 46.0, 74.0), (82.0, 50.0, 104.0, 76.0))  # fmt: skip
    cells: Annotated[int, Range(1, 19), Group("Grid"), "Cells a side (YOLO: 7, YOLOv3: 13, 26 and 52)"] = 7
    boxes: Annotated[int, Range(1, 5), Group("Grid"), "Boxes a cell tells (YOLO: 2)"] = 2
    classes: Annotated[int, Range(1, 100), Group("Grid"), "Kinds of object (Pascal VOC: 20)"] = 20
    error: Annotated[float, Range(0.0, 1.0, 0.01), Group("Prediction"), "How far the cells err, in half boxes"] = 0.15
    seed: Annotated[int, Range(0, 999), Group("Prediction", advanced=True), "Draws the errors"] = 0
    least: Annotated[float, Range(0.0, 1.0, 0.01), Group("Prediction"), "Boxes less sure than this are left out"] = 0.2
    threshold: Annotated[
        float, Range(0.0, 1.0, 0.01), Group("Prediction"), "A box goes where it shares more with a surer one"
    ] = 0.4  # fmt: skip
    stage: Annotated[int, Step(), Range(0, len(STAGES) - 1), Group("Grid", advanced=True), "How far it has got"] = 0
    cell: Annotated[
        tuple[int, int] | None, Pick("sure", "image"), Group("Grid", advanced=True), "The cell in focus"
    ] = None  # fmt: skip

    def show(self) -> Work[None]:
        """Yield the slice at this stage, how sure each cell is, what the owners tell, and the counts."""
        yield from self._figures()

    def steps(self) -> int:
        """One step a stage."""
        return len(STAGES)

    def pointed(self, figure: str, cell: tuple[int, int], shape: tuple[int, int]) -> Self:
        """Take the cell under a pixel of the slice."""
        if figure == "image":
            cell = cell[0] * self.cells // shape[0], cell[1] * self.cells // shape[1]
        return super().pointed("sure", cell, shape) if figure in ("sure", "image") else self

    def dragged(self, figure: str, start: tuple[float, float], here: tuple[float, float]) -> Self:
        """Drag a truth on the slice."""
        made = box_dragged(self._truth(), start, here, self._shape()) if figure == "image" else None
        if made is None or start == here:
            return self
        return replace(self, truth=tuple(map(tuple, made.tolist())))

    def _shape(self) -> tuple[int, int]:
        return self.image.pixels.shape[0], self.image.pixels.shape[1]

    def _figures(self) -> Iterator[Figure]:
        values, truth = grey(self.image, 2), self._truth()
        if min(values.shape) < self.cells:
            raise Refused(f"cells={self.cells}", "a cell would be smaller than a pixel", "take fewer")
        said = predicted(truth, self.cells, self._shape(), self.error, self.seed)
        sure = np.zeros((self.cells, self.cells))
        for (row, col), one in zip(said.cells, said.sure, strict=True):
            sure[row, col] = max(sure[row, col], one)
        kept = np.flatnonzero(said.sure >= self.least)
        done = rounds(said.boxes[kept], said.sure[kept], self.threshold)
        left = [int(kept[one.kept]) for one in done]
        at = self._at(truth)
        stage = min(self.stage, len(STAGES) - 1)
        yield Picture("image", values, f"{stage + 1} of {len(STAGES)}: {STAGES[stage]}", self.image.mm, shades(values),
                      unit=self.image.unit, letters=self.image.letters, drags=True, weight=2.0,
                      marks=self._marks(stage, truth, said, kept, left, at))  # fmt: skip
        yield Heatmap("sure", sure, "how sure each cell is: P(object) · IoU", "viridis", (0.0, 1.0), digits=2,
                      marks=(Mark(*at),), letters=self.image.letters)  # fmt: skip
        yield self._table(truth)
        per_cell = f"({self.boxes}·5 + {self.classes})"
        total = self.cells**2 * (self.boxes * 5 + self.classes)
        yield Text("formula", f"{self.cells}·{self.cells}·{per_cell} = {total:,} numbers, one look", "it puts out",
                   formula=True)  # fmt: skip
        yield Text("story", self._story(truth, kept, left), "")

    def _truth(self) -> Array:
        table = np.asarray(self.truth, float)
        rows, cols = self._shape()
        if table.shape[1] != 4:
            raise Refused("truth", f"a row holds {table.shape[1]} numbers", "give x0 y0 x1 y1")
        inside = (table[:, 0] < cols) & (table[:, 1] < rows) & (table[:, 2] > 0) & (table[:, 3] > 0)
        if not table.any() or not inside.all():  # boxes of another slice: look for those of this one
            return np.asarray(spots(grey(self.image, 2), 2), float).reshape(-1, 4)
        if (table[:, 2:] <= table[:, :2]).any():
            raise Refused("truth", "a box ends before it begins", "give the lower corner first")
        inner: Array = np.clip(table, 0, np.array([cols, rows, cols, rows]))
        return inner

    def _at(self, truth: Array) -> tuple[int, int]:
        if self.cell is not None:
            return min(self.cell[0], self.cells - 1), min(self.cell[1], self.cells - 1)
        if not len(truth):
            return self.cells // 2, self.cells // 2
        row, col = owners(truth[:1], self.cells, self._shape())[0]
        return int(row), int(col)

    def _marks(
        self, stage: int, truth: Array, said: Told, kept: Array, left: list[int], at: tuple[int, int]
    ) -> tuple[Mark, ...]:
        high, wide = (side / self.cells for side in self._shape())
        marks = [Mark(r * high, c * wide, high, wide, "box") for r in range(self.cells) for c in range(self.cells)]
        if stage == 1:
            cells = owners(truth, self.cells, self._shape())
            marks += [Mark(r * high, c * wide, high, wide, "source", f"owner of {k}") for k, (r, c) in enumerate(cells)]
        elif stage == 2:
            surest = sorted(zip(said.sure, said.cells.tolist(), strict=True), reverse=True)[:12]
            marks += [Mark(r * high, c * wide, high, wide, "source") for _, (r, c) in surest]
        elif stage >= 3:
            chosen = kept.tolist() if stage == 3 else left
            style = "source" if stage == 3 else "target"
            for k in chosen:
                x0, y0, x1, y1 = said.boxes[k]
                marks.append(Mark(y0, x0, y1 - y0, x1 - x0, style, number(said.sure[k], 2) if stage == 4 else ""))
        marks.append(Mark(at[0] * high, at[1] * wide, high, wide, "focus"))
        if stage != 4:
            marks += [
                Mark(y0, x0, y1 - y0, x1 - x0, "target", f"truth {k}") for k, (x0, y0, x1, y1) in enumerate(truth)
            ]
        return tuple(marks)

    def _table(self, truth: Array) -> Table:
        cells, numbers = owners(truth, self.cells, self._shape()), encoded(truth, self.cells, self._shape())
        rows: tuple[tuple[str | float, ...], ...] = tuple(
            (k, f"({row}, {col})", *(round(float(one), 3) for one in numbers[k])) for k, (row, col) in enumerate(cells)
        )
        return Table("boxes", ("truth", "owner", "x", "y", "width", "height"), rows,
                     "what the owners are taught")  # fmt: skip

    def _story(self, truth: Array, kept: Array, left: list[int]) -> str:
        if not len(truth):
            return "Nothing stands out in this slice."
        cells = [tuple(one) for one in owners(truth, self.cells, self._shape())]
        said = []
        if len(set(cells)) < len(cells):
            said.append("two middles share a cell, which has one answer: YOLO does not work well for what overlaps")
        said.append(f"{len(kept)} cells tell a box surer than {number(self.least)}, P(object) · IoU")
        plural = "es are" if len(left) != 1 else " is"
        said.append(f"after suppression {len(left)} box{plural} left")
        said.append("the answers are the truth with an error, as a trained network gives them")
        return "; ".join(said) + "."
