"""Pooling: a window of values becomes one (decks D1, D3 and D4)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from medviz.figures import Figure, Heatmap, Mark, Text
from medviz.imaging.slices import Slice
from medviz.labs.formulas import number
from medviz.labs.lab import Erratum, Example, Lab
from medviz.messages import Work
from medviz.parameters import Choice, Group, Input, Pick, Range, Step
from medviz.refused import Refused

Array = NDArray[Any]
_DECK = Slice(np.array([[1.0, 1, 2, 4], [5, 6, 7, 8], [3, 2, 1, 0], [1, 2, 3, 4]]), name="deck D4, 4×4")
KINDS = {"max": "largest", "min": "smallest", "average": "mean", "l2": "L2: root of the sum of squares"}
E6 = Erratum(
    "E6",
    "D4: pooling achieves translational invariance. D1: partial invariance",
    "partial: shift the image by one pixel and the pooled map changes; D1 is right",
)


def pooled(values: Array, kind: str, size: int, stride: int) -> Array:
    """Pool (rows, cols) with windows of `size` every `stride`, no padding; "l2" is torch's lp_pool2d with p = 2."""
    windows = np.lib.stride_tricks.sliding_window_view(values, (size, size))[::stride, ::stride]
    made: Array = {
        "max": lambda: windows.max(axis=(2, 3)),
        "min": lambda: windows.min(axis=(2, 3)),
        "average": lambda: windows.mean(axis=(2, 3)),
        "l2": lambda: np.sqrt((windows**2).sum(axis=(2, 3))),
    }[kind]()
    return made


@dataclass(frozen=True)
class Pooling(Lab):
    """A window moves over the map and leaves one number behind."""

    TITLE: ClassVar[str] = "Pooling"
    ARRANGE: ClassVar[str] = "image output shifted / formula / size story erratum"
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example("Largest of each 2×2", "CONV-13", "D4", {"kind": "max"},
                {"output": [[6, 8], [3, 4]], "formula": "max(1, 1, 5, 6) = 6"}, text="Printed in the deck."),
        Example("Smallest", "CONV-13", "D3", {"kind": "min"}, {"output": [[1, 2], [1, 0]]}),
        Example("Mean", "CONV-13", "D3", {"kind": "average"}, {"output": [[3.25, 5.25], [2, 2]]}),
        Example("L2", "CONV-13", "D4", {"kind": "l2"}, {"output": np.sqrt(np.array([[63.0, 133], [18, 26]]))},
                text="√63 = 7.937, √133 = 11.533, √18 = 4.243, √26 = 5.099."),
        Example("Shifted by one pixel", "CONV-13", "D4", {"kind": "max", "shift": 1},
                {"shifted": [[8, 7], [4, 3]], "story": "changes 4 of 4"}, E6,
                text="The same image, one pixel to the right (what leaves comes in again): another map."),
    )  # fmt: skip

    image: Annotated[Slice, Input("slice"), "What is pooled"] = _DECK
    kind: Annotated[str, Choice(tuple(KINDS), tuple(KINDS.values())), Group("Pooling"), "What is left of a window"] = (
        "max"
    )
    size: Annotated[int, Range(1, 16, unit="px"), Group("Pooling"), "Side of the window"] = 2
    stride: Annotated[int, Range(1, 16, unit="px"), Group("Pooling"), "How far it moves; usually its size"] = 2
    shift: Annotated[int, Range(-8, 8, unit="px"), Group("Invariance"), "The image is moved this far to the right"] = 1
    cell: Annotated[int, Step(), Pick("output"), Range(0, 1 << 20), Group("Pooling", advanced=True), "The window"] = 0

    def show(self) -> Work[None]:
        """Yield the map, what is left of it, the same of the shifted map, and the window in focus."""
        yield from self._figures()

    def _figures(self) -> Iterator[Figure]:
        values = self._accepted()
        out = pooled(values, self.kind, self.size, self.stride)
        moved = pooled(np.roll(values, self.shift, axis=1), self.kind, self.size, self.stride)
        row, col = divmod(min(self.cell, out.size - 1), out.shape[1])
        top, left = row * self.stride, col * self.stride
        mm, letters = self.image.mm, self.image.letters
        coarse = None if mm is None else (mm[0] * self.stride, mm[1] * self.stride)
        source = Mark(top, left, self.size, self.size, "source")
        yield Heatmap("image", values, f"input {_shape(values)}", mm=mm, letters=letters, marks=(source,), weight=1.5)
        yield Heatmap("output", out, f"pooled {_shape(out)}", mm=coarse, letters=letters, marks=(Mark(row, col),))
        yield Heatmap("shifted", moved, f"after a shift of {self.shift} px", mm=coarse, letters=letters)
        window = values[top : top + self.size, left : left + self.size]
        yield Text(
            "formula", _written(window, self.kind, float(out[row, col])), f"row {row}, column {col}", formula=True
        )
        rows = (values.shape[0] - self.size) // self.stride + 1
        yield Text("size", f"out = ({values.shape[0]} − {self.size})//{self.stride} + 1 = {rows}", "size", formula=True)
        changed = int(np.count_nonzero(~np.isclose(moved, out)))
        story = (
            f"Moving the image by {self.shift} px changes {changed} of {out.size} pooled values. "
            "A map of many channels is pooled channel by channel."
        )
        yield Text("story", story, "how invariant")

    def _accepted(self) -> Array:
        values = np.asarray(self.image.values, float)
        name = self.image.name or "image"
        if values.ndim != 2 or not np.isfinite(values).all():
            raise Refused(name, "only a grey slice of finite numbers can be pooled", "choose another one")
        if min(values.shape) < self.size:
            raise Refused(
                f"size={self.size}", f"the window is larger than {name}, {_shape(values)}", "take a smaller one"
            )
        return values

    def steps(self) -> int:
        """One step a window."""
        height, width = map(int, self.image.pixels.shape[:2])
        rows, cols = (height - self.size) // self.stride + 1, (width - self.size) // self.stride + 1
        return max(0, rows) * max(0, cols)

    def at_step(self, number: int) -> Self:
        """Move to another window."""
        return replace(self, cell=number)


def _shape(values: Array) -> str:
    return f"{values.shape[0]}×{values.shape[1]}"


def _written(window: Array, kind: str, result: float) -> str:
    cells = [number(value) for value in window.flat]
    if len(cells) > 16:
        cells = [*cells[:6], f"… {len(cells) - 8} more …", *cells[-2:]]
    if kind in ("max", "min"):
        return f"{kind}({', '.join(cells)}) = {number(result)}"
    if kind == "average":
        return f"({' + '.join(cells)}) / {window.size} = {number(result)}"
    return f"√({' + '.join(f'{cell}²' for cell in cells)}) = {number(result)}"
