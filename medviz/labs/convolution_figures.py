"""What the convolution lab draws and says, from arrays that are worked out already."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medviz.figures import Figure, Heatmap, Mark, Picture, Text
from medviz.imaging.slices import Slice
from medviz.labs.convolution_words import E1, E3, E4, SIDES, WHY_ONE_SIDE
from medviz.labs.formulas import number, size_line, sum_of_products

Array = NDArray[Any]
LARGEST_GRID = 32
"""Cells along a side up to which an image is a grid of numbers; beyond, it is a picture with a numbered zoom."""
LARGEST_NUMBERED = 7
"""Side of a kernel up to which its cells are drawn with their numbers; larger ones are edited in the form."""
AROUND = 2
"""Cells of the image shown around the window in the zoom."""


@dataclass(frozen=True, eq=False)
class Slid:
    """A kernel that has slid over an image.

    `padded` (rows, cols) is the image with its border, `kernel` what a person edits, `taps` what is multiplied (the
    kernel, flipped for a true convolution), `divisor` what the sum is divided by. `difference` is the output minus
    what the border `other` would give, None without padding. `pads`: rows and columns added on each side.
    """

    padded: Array
    kernel: Array
    taps: Array
    divisor: float
    output: Array
    difference: Array | None
    other: str
    pads: tuple[int, int]
    stride: int
    normalise: bool
    same: bool
    flipped: bool
    preset: str

    @property
    def only_differences(self) -> bool:
        """True where the kernel adds up to 0: a constant image gives 0 everywhere."""
        return bool(np.isclose(self.kernel.sum(), 0.0) and np.any(self.kernel))

    @property
    def ring(self) -> tuple[int, int, int, int]:
        """Padding at the top, bottom, left and right."""
        rows, cols = self.pads
        return rows, rows, cols, cols


@dataclass(frozen=True, eq=False)
class Look:
    """What is looked at: the slice, what slid over it, the output cell in focus and how the output is drawn."""

    image: Slice
    slid: Slid
    cell: tuple[int, int]
    display: str

    @property
    def corner(self) -> tuple[int, int]:
        """Top left cell, in the padded image, of the window in focus."""
        return self.cell[0] * self.slid.stride, self.cell[1] * self.slid.stride

    @property
    def window(self) -> Array:
        """The numbers under the kernel."""
        (row, col), (height, width) = self.corner, self.slid.taps.shape
        under: Array = self.slid.padded[row : row + height, col : col + width]
        return under

    @property
    def is_large(self) -> bool:
        """True where the image is a picture rather than a grid of numbers."""
        return bool(max(self.slid.padded.shape) > LARGEST_GRID)

    @property
    def sum(self) -> float:
        """The output cell in focus before it is clipped or made absolute."""
        return float(self.slid.output[self.cell])


def figures(look: Look) -> Iterator[Figure]:
    """Yield all figures, the cheapest first."""
    yield _kernel(look)
    yield _image(look)
    yield _output(look)
    if look.is_large:
        yield _zoom(look)
    yield from _window(look)
    yield _formula(look)
    yield _size(look)
    yield _sum(look)
    if look.slid.difference is not None and look.slid.difference.any():
        yield _difference(look, look.slid.difference)
    yield from _sentences(look)


def _kernel(look: Look) -> Figure:
    kernel = look.slid.kernel
    flipped = ", slides turned by 180°" if look.slid.flipped else ""
    title = f"kernel {kernel.shape[0]}×{kernel.shape[1]}{flipped}"
    levels = _symmetric(kernel)
    if max(kernel.shape) > LARGEST_NUMBERED:
        return Picture("kernel", kernel, title, levels=levels, colours="diverging", weight=0.6)
    return Heatmap("kernel", kernel, title, "diverging", levels, editable=True, weight=0.6)


def _image(look: Look) -> Figure:
    values, image = look.slid.padded, look.image
    (row, col), (height, width) = look.corner, look.slid.taps.shape
    source = Mark(row, col, height, width, "source")
    rows, cols = image.pixels.shape
    up, _, left, _ = look.slid.ring
    padding = f" + padding {up}" if up == left else f" + padding {up} and {left}"
    title = f"input {rows}×{cols}" + (padding if up or left else "")
    if look.is_large:
        inside = (Mark(up, left, rows, cols, "box"),) if up or left else ()
        return Picture(
            "image", values, title, image.mm, _levels(image.values), unit=image.unit, letters=image.letters,
            marks=(*inside, source), weight=1.4,
        )  # fmt: skip
    return Heatmap(
        "image", values, title, "grey", unit=image.unit, ring=look.slid.ring, mm=image.mm, letters=image.letters,
        marks=(source,), weight=1.4,
    )  # fmt: skip


def shown(output: Array, display: str) -> Array:
    """Return the output as it is drawn: clipped below 0 (ReLU), without its sign, or as it is."""
    if display == "clip":
        return np.maximum(output, 0.0)
    return np.abs(output) if display == "absolute" else output


def _output(look: Look) -> Figure:
    values = shown(look.slid.output, look.display)
    return _map(look, "output", values, f"output {values.shape[0]}×{values.shape[1]}", look.display, 1.4)


def _difference(look: Look, difference: Array) -> Figure:
    other = "zero padding" if look.slid.other == "zero" else "replicated edge"
    return _map(look, "difference", difference, f"difference to a {other}", "signed", 0.8)


def _map(look: Look, name: str, values: Array, title: str, display: str, weight: float) -> Figure:
    image, stride = look.image, look.slid.stride
    mm = (image.mm[0] * stride, image.mm[1] * stride) if image.mm else None
    colours = {"signed": "diverging", "picture": "grey"}.get(display, "viridis")
    levels = _symmetric(values) if display == "signed" else None
    focus = (Mark(*look.cell, style="focus", text=number(float(values[look.cell]))),)
    if max(values.shape) > LARGEST_GRID:
        return Picture(
            name, values, title, mm, levels or _levels(values), colours, image.unit, letters=image.letters,
            marks=focus, weight=weight,
        )  # fmt: skip
    return Heatmap(
        name, values, title, colours, levels, image.unit, mm=mm, letters=image.letters, marks=focus, weight=weight
    )


def _zoom(look: Look) -> Heatmap:
    (row, col), (height, width) = look.corner, look.slid.taps.shape
    rows, cols = look.slid.padded.shape
    top, left = max(row - AROUND, 0), max(col - AROUND, 0)
    bottom, right = min(row + height + AROUND, rows), min(col + width + AROUND, cols)
    up, down, before, after = look.slid.ring
    ring = (max(up - top, 0), max(bottom - (rows - down), 0), max(before - left, 0), max(right - (cols - after), 0))
    return Heatmap(
        "zoom",
        look.slid.padded[top:bottom, left:right],
        "close up",
        levels=_levels(look.image.values),
        unit=look.image.unit,
        ring=ring,
        mm=look.image.mm,
        marks=(Mark(row - top, col - left, height, width, "source"),),
        weight=1.0,
    )


def _window(look: Look) -> Iterator[Figure]:
    products = look.window * look.slid.taps
    levels, signed = _levels(look.image.values), _symmetric(products)
    title = "products, turned" if look.slid.flipped else "products"
    unit = look.image.unit
    if max(products.shape) > LARGEST_NUMBERED:
        yield Picture("window", look.window, "window", levels=levels, unit=unit, weight=0.8)
        yield Picture("products", products, title, levels=signed, colours="diverging", unit=unit, weight=0.8)
        return
    yield Heatmap("window", look.window, "window", levels=levels, unit=unit, weight=0.8)
    yield Heatmap("products", products, title, "diverging", signed, unit, weight=0.8)


def _formula(look: Look) -> Text:
    slid = look.slid
    row, col = look.cell
    total = number(look.sum, 6)
    line = f"{sum_of_products(look.window, slid.taps, slid.divisor)} = {total}"
    if look.display == "clip":
        line += f" → max(0, {total}) = {number(max(look.sum, 0.0), 6)}"
    elif look.display == "absolute":
        line += f" → |{total}| = {number(abs(look.sum), 6)}"
    return Text("formula", line, f"row {row}, column {col}", formula=True, weight=0.25)


def _size(look: Look) -> Text:
    slid, image = look.slid, look.image
    ins, outs = image.pixels.shape, slid.output.shape
    lines = [
        size_line(size, kernel, pad, slid.stride, out)
        for size, kernel, pad, out in zip(ins, slid.taps.shape, slid.pads, outs, strict=True)
    ]
    text = lines[0] if lines[0] == lines[1] else f"rows:    {lines[0]}\ncolumns: {lines[1]}"
    if image.mm:
        down, across = image.mm
        text += f"\npixel:   {down:g}×{across:g} mm → {down * slid.stride:g}×{across * slid.stride:g} mm"
    else:
        text += "\npixel:   uncalibrated"
    if slid.difference is not None and not slid.difference.any():
        other = "zeros" if slid.other == "zero" else "the replicated edge"
        text += f"\nborder:  gives here what {other} would give"
    if not slid.same:
        return Text("size", text, "size", formula=True)
    if ins == outs:
        return Text("size", f"{text}\n“same”: {ins[0]}×{ins[1]} stays {outs[0]}×{outs[1]}", "size", True, "good")
    verdict = f"“same” is not the same here: {ins[0]}×{ins[1]} → {outs[0]}×{outs[1]}"
    return Text("size", f"{text}\n{verdict}", "size", True, "bad")


def _sum(look: Look) -> Text:
    slid = look.slid
    total = float(slid.kernel.sum())
    becomes = number(100.0 * total / slid.divisor)
    text = f"sum of the kernel = {number(total)}"
    if slid.normalise and slid.divisor == 1.0 and total != 1.0:
        return Text("sum", f"{text}: it cannot be divided by 0, so it is not normalised", "sum", True, "warning")
    if slid.divisor != 1.0:
        text += f", each cell ÷ {number(total)}"
    verb = "stays 100" if becomes == "100" else f"becomes {becomes}"
    return Text("sum", f"{text}: a constant image of 100 {verb}", "sum", formula=True)


def _sentences(look: Look) -> Iterator[Text]:
    slid = look.slid
    if slid.only_differences:
        yield Text("sides", f"{WHY_ONE_SIDE} {SIDES[look.display]}", "Why edges on one side only?")
    found = [
        (slid.flipped, E1),
        (slid.same and slid.output.shape != look.image.pixels.shape, E3),
        (slid.preset in ("smoothing", "weighted") and not slid.normalise, E4),
    ]
    said = [text for applies, text in found if applies]
    if said:
        yield Text("erratum", "\n".join(said), "The decks and what is correct", level="warning")


def _levels(values: Array) -> tuple[float, float]:
    """Black and white: the 0.5 and 99.5 % points, from every few pixels of a large image."""
    few = values[:: max(1, values.shape[0] // 128), :: max(1, values.shape[1] // 128)]
    low, high = np.percentile(few, (0.5, 99.5))
    return (float(low), float(high)) if high > low else (float(values.min()), float(values.max()) or 1.0)


def _symmetric(values: Array) -> tuple[float, float]:
    """As far below 0 as above: to the largest value, of a large map to its 99.5 % point."""
    sizes = np.abs(values)
    if max(values.shape) > LARGEST_GRID:
        few = sizes[:: max(1, sizes.shape[0] // 128), :: max(1, sizes.shape[1] // 128)]
        reach = float(np.percentile(few, 99.5))
    else:
        reach = float(sizes.max(initial=0.0))
    reach = reach or float(sizes.max(initial=0.0)) or 1.0
    return -reach, reach
