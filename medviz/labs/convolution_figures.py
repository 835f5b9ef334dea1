"""What the convolution lab draws and says, from arrays that are worked out already."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medviz.figures import Figure, Heatmap, Mark, Picture, Text
from medviz.imaging.slices import Slice
from medviz.labs.formulas import number, size_line, sum_of_products

Array = NDArray[Any]
LARGEST_GRID = 32
"""Cells along a side up to which an image is a grid of numbers; beyond, it is a picture with a numbered zoom."""
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
    if look.slid.difference is not None:
        yield _difference(look, look.slid.difference)
    yield from _sentences(look)


def _kernel(look: Look) -> Heatmap:
    rows, cols = look.slid.kernel.shape
    flipped = ", slides turned by 180°" if look.slid.flipped else ""
    return Heatmap(
        "kernel",
        look.slid.kernel,
        f"kernel {rows}×{cols}{flipped}",
        "diverging",
        levels=_symmetric(look.slid.kernel),
        editable=True,
        weight=0.6,
    )


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
        f"around the window, rows {top - up}–{bottom - up - 1}, columns {left - before}–{right - before - 1}",
        levels=_levels(look.image.values),
        unit=look.image.unit,
        ring=ring,
        mm=look.image.mm,
        marks=(Mark(row - top, col - left, height, width, "source"),),
        weight=1.0,
    )


def _window(look: Look) -> Iterator[Heatmap]:
    products = look.window * look.slid.taps
    levels = _levels(look.image.values)
    yield Heatmap("window", look.window, "window", levels=levels, unit=look.image.unit, weight=0.8)
    title = "window · turned kernel" if look.slid.flipped else "window · kernel"
    yield Heatmap("products", products, title, "diverging", _symmetric(products), look.image.unit, weight=0.8)


def _formula(look: Look) -> Text:
    slid = look.slid
    row, col = look.cell
    total = number(look.sum, 6)
    line = f"{sum_of_products(look.window, slid.taps, slid.divisor)} = {total}"
    if look.display == "clip":
        line += f" → max(0, {total}) = {number(max(look.sum, 0.0), 6)}"
    elif look.display == "absolute":
        line += f" → |{total}| = {number(abs(look.sum), 6)}"
    return Text("formula", line, f"output row {row}, column {col}", formula=True, weight=0.25)


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
        yield Text("sides", f"{_WHY_ONE_SIDE} {_SIDES[look.display]}", "Why edges on one side only?")
    found = [
        (slid.flipped, _E1),
        (slid.same and slid.output.shape != look.image.pixels.shape, _E3),
        (slid.preset in ("smoothing", "weighted") and not slid.normalise, _E4),
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
    reach = float(np.max(np.abs(values), initial=0.0)) or 1.0
    return -reach, reach


_WHY_ONE_SIDE = (
    "The cells of this kernel add up to 0: it answers with + where the image changes one way and with − where it "
    "changes back."
)
_SIDES = {
    "signed": "The signed map shows both sides, red and blue.",
    "clip": "Clipped below 0, as ReLU does and as a picture does that draws negative numbers black, one side is gone.",
    "absolute": "The absolute value shows both sides alike.",
    "picture": "In a grey picture one side is bright and the other dark; drawn from 0 up, the dark side would be lost.",
}
_E1 = (
    "E1: D3 defines convolution without turning the kernel (a correlation, what nn.Conv2d does), D4 with "
    "(Σ w(s,t) f(x−s, y−t)): two operations under one name. For a kernel that changes sign when turned, the maps "
    "are each other's negative."
)
_E3 = (
    "E3: the deck says “p = f // 2 ⇒ in_d = out_d”. It holds for odd f and stride 1 only: an even f gives one more, "
    "a stride s about in/s. torch refuses padding=“same” with a stride, and pads an even kernel unevenly."
)
_E4 = (
    "E4: the deck prints this smoothing kernel without a divisor; as printed a constant image of 100 becomes 900 "
    "(sum 9) or 800 (sum 8). Tick “normalise”. The usual Gaussian is [1 2 1; 2 4 2; 1 2 1] / 16."
)
