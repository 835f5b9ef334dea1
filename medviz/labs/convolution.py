"""Convolution: a kernel slides over the slice; multiply, add, move on (decks D3 and D4)."""

from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Self
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from medviz.imaging.slices import Slice
from medviz.labs import convolution_figures as drawn
from medviz.labs.convolution_examples import DECK_IMAGE, EXAMPLES
from medviz.labs.kernels import CUSTOM, FIRST, KERNELS, WORDS, settle
from medviz.labs.lab import Example, Lab
from medviz.labs.sliding import Border, cell_over, out_size, padded, slid, slid_rim
from medviz.messages import Work
from medviz.parameters import Choice, Group, Input, Matrix, Pick, Range, Size, Step, When
from medviz.refused import Refused

Array = NDArray[Any]
PADDINGS = ("valid", "same", "custom")
BORDERS: tuple[Border, ...] = ("zero", "constant", "replicate", "reflect")
DISPLAYS = {
    "auto": "as suits the kernel",
    "signed": "signed (blue − · + red)",
    "clip": "clip below 0 (ReLU)",
    "absolute": "absolute value",
    "picture": "grey picture",
}

_LAST: "WeakKeyDictionary[Slice, tuple[object, drawn.Slid]]" = WeakKeyDictionary()
"""The last map of each slice that is still in use: pointing at a cell and stepping must not slide anew."""


@dataclass(frozen=True)
class Convolution(Lab):
    """A kernel slides over the slice: at each place multiply what lies under it, add, write down, move on."""

    TITLE: ClassVar[str] = "Convolution"
    ARRANGE: ClassVar[str] = (
        "image ∗ kernel = output / zoom window products difference / formula / size sum / sides erratum"
    )
    EXAMPLES: ClassVar[tuple[Example, ...]] = EXAMPLES

    image: Annotated[Slice, Input("slice"), "What the kernel slides over"] = DECK_IMAGE
    preset: Annotated[
        str, Choice((*KERNELS, CUSTOM), tuple(WORDS[name] for name in (*KERNELS, CUSTOM))), Group("Kernel"),
        "A kernel by name; editing a cell makes it your own",
    ] = "edge_vertical"  # fmt: skip
    kernel: Annotated[Matrix, Size(15, 15), Group("Kernel"), "The numbers that are multiplied with the window"] = FIRST
    normalise: Annotated[
        bool, Group("Kernel"), "Divide by the kernel's sum, so that a constant image keeps its value"
    ] = False
    operation: Annotated[
        str, Choice(("correlation", "convolution"), ("correlation (torch)", "convolution (flipped)")),
        Group("Kernel"), "What is called convolution in networks does not flip the kernel; mathematics does",
    ] = "correlation"  # fmt: skip
    stride: Annotated[int, Range(1, 8, 1, "px"), Group("Sliding"), "How far the window moves on each step"] = 1
    padding: Annotated[
        str, Choice(PADDINGS, ("valid: none", "same: p = f // 2", "p of your own")), Group("Sliding"),
        "How many rows and columns are added around the image",
    ] = "valid"  # fmt: skip
    p: Annotated[int, Range(0, 15, 1, "px"), When("padding", "custom"), Group("Sliding"), "Added on each side"] = 1
    border: Annotated[
        str, Choice(BORDERS, ("zero", "a constant", "replicate the edge", "reflect at the edge")),
        When("padding", "same", "custom"), Group("Sliding"), "What the added cells hold",
    ] = "zero"  # fmt: skip
    fill: Annotated[float, Range(-4096, 4096), When("border", "constant"), Group("Sliding"), "The constant"] = 0.0
    display: Annotated[
        str, Choice(tuple(DISPLAYS), tuple(DISPLAYS.values())), Group("Display"),
        "How the output is drawn; clipping hides one of the two sides of an edge",
    ] = "auto"  # fmt: skip
    cell: Annotated[int, Step(), Pick("output", "difference", "image"), Group("Display"), "The place of the kernel"] = 0

    def __post_init__(self) -> None:
        preset, kernel = settle(self.preset, self.kernel)
        object.__setattr__(self, "preset", preset)
        object.__setattr__(self, "kernel", kernel)

    def show(self) -> Work[None]:
        """Yield input, kernel, output, the window in focus with its products and sum, and what there is to say."""
        seen = self.slid()
        suits = "signed" if seen.only_differences else "picture"
        display = suits if self.display == "auto" else self.display
        yield from drawn.figures(drawn.Look(self.image, seen, self._focus(seen.output.shape), display))

    def pads(self) -> tuple[int, int]:
        """Rows and columns that are added on each side."""
        if self.padding == "custom":
            return self.p, self.p
        return (len(self.kernel) // 2, len(self.kernel[0]) // 2) if self.padding == "same" else (0, 0)

    def out_shape(self) -> tuple[int, int]:
        """Rows and columns of the output; below 1 where the kernel does not fit."""
        rows, cols = self.pads()
        height, width = self.image.pixels.shape
        return (
            out_size(height, len(self.kernel), rows, self.stride),
            out_size(width, len(self.kernel[0]), cols, self.stride),
        )

    def slid(self) -> drawn.Slid:
        """Return the padded image, the weights and the map; refuses what cannot be slid over."""
        key = (self.kernel, self.normalise, self.operation, self.stride, self.pads(), self.border, self.fill)
        known = _LAST.get(self.image)
        if known is not None and known[0] == key:
            return known[1]
        made = self._slide()
        _LAST[self.image] = (key, made)
        return made

    def _slide(self) -> drawn.Slid:
        values = self._accepted()
        rows, cols = self.pads()
        kernel = np.asarray(self.kernel)
        divisor = float(kernel.sum()) if self.normalise and not np.isclose(kernel.sum(), 0.0) else 1.0
        taps = kernel[::-1, ::-1] if self.operation == "convolution" else kernel
        around = padded(values, rows, cols, self.border, self.fill)  # type: ignore[arg-type]
        other: Border = "zero" if self.border == "replicate" else "replicate"
        # The map is linear in the image: the difference of two borders is the map of the difference.
        change = around - padded(values, rows, cols, other)
        return drawn.Slid(
            padded=around,
            kernel=kernel,
            taps=taps,
            divisor=divisor,
            output=slid(around, taps, self.stride) / divisor,
            difference=slid_rim(change, taps, self.stride, rows, cols) / divisor if rows or cols else None,
            other=other,
            pads=(rows, cols),
            stride=self.stride,
            normalise=self.normalise,
            same=self.padding == "same",
            flipped=self.operation == "convolution",
            preset=self.preset,
        )

    def _accepted(self) -> Array:
        name = self.image.name or "image"
        pixels = self.image.pixels
        if pixels.ndim != 2 or pixels.size < 2:
            size = "×".join(map(str, pixels.shape))
            raise Refused(name, f"a kernel cannot slide over {size} pixel", "choose a slice or a larger region")
        values = np.asarray(self.image.values, float)
        bad = int(values.size - np.count_nonzero(np.isfinite(values)))
        if bad:
            raise Refused(name, f"{bad} of its pixels hold no finite number", "replace them or choose another region")
        rows, cols = self.pads()
        height, width = values.shape
        if self.border == "reflect" and (rows >= height or cols >= width):
            limit = min(height, width) - 1
            raise Refused(
                f"padding {max(rows, cols)}",
                f"an image of {height}×{width} can be reflected at most {limit} px",
                "take less padding or replicate the edge",
            )
        if min(self.out_shape()) < 1:
            raise Refused(
                f"kernel {len(self.kernel)}×{len(self.kernel[0])}",
                f"it is larger than the image with its padding, {height + 2 * rows}×{width + 2 * cols}",
                "take a smaller kernel or more padding",
            )
        return values

    def _focus(self, shape: tuple[int, ...]) -> tuple[int, int]:
        row, col = divmod(min(max(self.cell, 0), shape[0] * shape[1] - 1), shape[1])
        return row, col

    def pointed(self, figure: str, cell: tuple[int, int], shape: tuple[int, int]) -> Self:
        """Pointing at the output picks that cell; at the input, the cell whose window is centred nearest to it."""
        rows, cols = self.out_shape()
        if figure not in ("image", "output", "difference") or min(rows, cols) < 1:
            return self
        row, col = cell
        if figure == "image":
            row = cell_over(row, len(self.kernel), self.stride, rows)
            col = cell_over(col, len(self.kernel[0]), self.stride, cols)
        row, col = min(max(row, 0), rows - 1), min(max(col, 0), cols - 1)
        return replace(self, cell=row * cols + col)

    def steps(self) -> int:
        """One step a cell of the output."""
        rows, cols = self.out_shape()
        return max(rows, 0) * max(cols, 0)
