"""Region pooling: one feature map for all boxes, and of each box a few numbers, the largest of each bin (deck D2)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from medviz.figures import Figure, Heatmap, Mark, Picture, Text
from medviz.imaging.slices import Slice
from medviz.labs.findings import ABDOMEN, grey, shades
from medviz.labs.formulas import number
from medviz.labs.lab import Example, Lab
from medviz.labs.overlaps import box_dragged
from medviz.messages import Work
from medviz.parameters import Choice, Group, Input, Matrix, Pick, Range, Size, Step
from medviz.refused import Refused

Array = NDArray[Any]
SAMPLES = 2
"""Places along a side of a bin that are read by RoIAlign; the paper of Mask R-CNN takes 4 in a bin."""
FEATURES = {"edges": "edges: steepness", "bright": "brightness", "dark": "darkness"}


@dataclass(frozen=True)
class Bin:
    """Rows and columns of the map that one bin is made of: first and behind the last, whole for `max`."""

    top: float
    left: float
    bottom: float
    right: float


def snapped(box: tuple[float, float, float, float], stride: int, shape: tuple[int, int]) -> tuple[int, int, int, int]:
    """Round a box in pixels to whole cells of the map, at least one: (left, top, right, bottom) inside `shape`."""
    rows, cols = shape
    x0, y0, x1, y1 = (int(np.floor(one / stride + 0.5)) for one in box)
    left, top = min(max(x0, 0), cols - 1), min(max(y0, 0), rows - 1)
    return left, top, min(max(x1, left + 1), cols), min(max(y1, top + 1), rows)


def pool_bins(cells: tuple[int, int, int, int], out: int) -> tuple[tuple[Bin, ...], ...]:
    """Bins of RoI pooling: they begin at the floor and end at the ceiling, so that neighbours may share cells."""
    left, top, right, bottom = cells
    high, wide = bottom - top, right - left

    def ends(start: int, length: int, k: int) -> tuple[int, int]:
        return start + k * length // out, start + -(-(k + 1) * length // out)

    return tuple(
        tuple(
            Bin(ends(top, high, r)[0], ends(left, wide, c)[0], ends(top, high, r)[1], ends(left, wide, c)[1])
            for c in range(out)
        )
        for r in range(out)
    )


def pooled(values: Array, cells: tuple[int, int, int, int], out: int) -> Array:
    """RoI pooling: the largest value of each bin, (out, out)."""
    bins = pool_bins(cells, out)
    return np.array([[values[int(b.top) : int(b.bottom), int(b.left) : int(b.right)].max() for b in row]
                     for row in bins])  # fmt: skip


def align_bins(box: tuple[float, float, float, float], stride: int, out: int) -> tuple[tuple[Bin, ...], ...]:
    """Bins of RoIAlign: the box in cells of the map, not rounded, cut into equal parts."""
    x0, y0, x1, y1 = (one / stride for one in box)
    high, wide = (y1 - y0) / out, (x1 - x0) / out
    return tuple(
        tuple(Bin(y0 + r * high, x0 + c * wide, y0 + (r + 1) * high, x0 + (c + 1) * wide) for c in range(out))
        for r in range(out)
    )


def aligned(values: Array, box: tuple[float, float, float, float], stride: int, out: int) -> Array:
    """RoIAlign: the mean of `SAMPLES`² places of each bin, read between the cells, (out, out)."""
    return np.array([[samples(values, one).mean() for one in row] for row in align_bins(box, stride, out)])


def samples(values: Array, one: Bin) -> Array:
    """Read a bin at its places; a cell's value lies in the middle of the cell."""
    share = (np.arange(SAMPLES) + 0.5) / SAMPLES
    rows = one.top + share * (one.bottom - one.top) - 0.5
    cols = one.left + share * (one.right - one.left) - 0.5
    place = np.stack(np.meshgrid(rows, cols, indexing="ij"))
    read: Array = ndimage.map_coordinates(values, place, order=1, mode="nearest")
    return read


def feature_map(values: Array, feature: str, stride: int) -> Array:
    """Make the map a box is pooled from: a feature of the slice, the largest of each stride × stride pixels."""
    if feature == "edges":
        values = np.clip(values, *shades(values))  # the step from body to air would drown all others
        made = np.hypot(*np.gradient(values)) if min(values.shape) > 1 else values * 0
    else:
        made = values if feature == "bright" else -values
    rows, cols = (side // stride for side in made.shape)
    cut = made[: rows * stride, : cols * stride].reshape(rows, stride, cols, stride)
    largest: Array = cut.max(axis=(1, 3))
    return largest


_GRID = Slice(np.arange(64).reshape(8, 8) * 27 % 64 + 1.0, name="a map of 8 × 8")


@dataclass(frozen=True)
class RegionPooling(Lab):
    """The network runs once over the slice; of its map each box takes as many numbers, whatever its size."""

    TITLE: ClassVar[str] = "Region pooling"
    ARRANGE: ClassVar[str] = "image map / pooled (formula / story)"
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example("A kidney, seven by seven", "DET-3", "D2", {"out": 7, "stride": 2}, {"pooled.shape": (7, 7)},
                text="Drag the box: the map stays, only what is read of it changes. So Fast R-CNN is fast."),
        Example("The largest of each bin", "DET-3", "D2",
                {"image": _GRID, "box": ((1.0, 2.0, 7.0, 6.0),), "stride": 1, "feature": "bright"},
                {"pooled": [[63, 56], [60, 64]], "formula": "max(12, 39, 2, 36, 63, 26) = 63"},
                text="4 rows and 6 columns become 2 × 2 numbers: what is pooled is the largest of each bin."),
        Example("Bins that do not come out even", "DET-3", "D2",
                {"image": _GRID, "box": ((0.0, 3.0, 7.0, 8.0),), "stride": 1, "feature": "bright"},
                {"pooled": [[63, 64], [58, 64]], "story": "neighbouring bins share cells"},
                text="5 rows in 2 bins: each takes 3, the middle row counts twice."),
        Example("Without rounding: RoIAlign", "DET-3", "D2", {"how": "align", "stride": 4},
                {"formula": "/ 4 = "}, text="Mask R-CNN reads between the cells, so that the box stays where it is."),
    )  # fmt: skip

    image: Annotated[Slice, Input("slice"), "What the network has looked at"] = ABDOMEN
    box: Annotated[
        Matrix, Size(1, 4), Group("Region"), "x0 y0 x1 y1 in pixels, x to the right, y down; drag it on the slice"
    ] = ((82.0, 50.0, 104.0, 76.0),)  # fmt: skip
    out: Annotated[int, Range(1, 8), Group("Region"), "Numbers a side that are left of it (Fast R-CNN: 7)"] = 2
    how: Annotated[
        str, Choice(("max", "align"), ("RoI pooling: largest", "RoIAlign: mean between cells")), Group("Region"),
        "How a bin becomes a number",
    ] = "max"  # fmt: skip
    stride: Annotated[int, Range(1, 32, unit="px"), Group("Map"), "Pixels of the slice that a cell stands for"] = 4
    feature: Annotated[str, Choice(tuple(FEATURES), tuple(FEATURES.values())), Group("Map"), "What the map holds"] = (
        "edges"
    )
    bin: Annotated[int, Step(), Pick("pooled"), Range(0, 63), Group("Region", advanced=True), "The bin in focus"] = 0

    def show(self) -> Work[None]:
        """Yield the slice with the box, the map with the box in its cells and the bin in focus, and what is left."""
        yield from self._figures()

    def steps(self) -> int:
        """One step a bin."""
        return self.out * self.out

    def dragged(self, figure: str, start: tuple[float, float], here: tuple[float, float]) -> Self:
        """Drag the box on the slice."""
        shape = self.image.pixels.shape[0], self.image.pixels.shape[1]
        made = box_dragged(np.asarray(self.box, float), start, here, shape) if figure == "image" else None
        return self if made is None else replace(self, box=tuple(map(tuple, made.tolist())))

    def _figures(self) -> Iterator[Figure]:
        values, box = grey(self.image, 1), self._box()
        if min(values.shape) < self.stride:
            raise Refused(f"stride={self.stride}", "one cell of the map is larger than the slice", "take a smaller one")
        features = feature_map(values, self.feature, self.stride)
        cells = snapped(box, self.stride, (features.shape[0], features.shape[1]))
        bins = pool_bins(cells, self.out) if self.how == "max" else align_bins(box, self.stride, self.out)
        left = pooled(features, cells, self.out) if self.how == "max" else aligned(
            features, box, self.stride, self.out)  # fmt: skip
        row, col = divmod(min(self.bin, self.out**2 - 1), self.out)
        one, size = bins[row][col], self.stride
        mm = None if self.image.mm is None else (self.image.mm[0] * size, self.image.mm[1] * size)
        x0, y0, x1, y1 = box
        inside = [Mark(size * b.top, size * b.left, size * (b.bottom - b.top), size * (b.right - b.left), "box")
                  for b in (one,)]  # fmt: skip
        yield Picture(
            "image", self.image.values, "slice: drag the box", self.image.mm, shades(self.image.values),
            unit=self.image.unit, letters=self.image.letters,
            marks=(Mark(y0, x0, y1 - y0, x1 - x0, "focus"), *inside), drags=True, weight=1.4,
        )  # fmt: skip
        yield Heatmap("map", features, f"map: {FEATURES[self.feature]}, a cell is {size} px", "viridis", mm=mm,
                      marks=self._grid(bins, one), letters=self.image.letters, weight=1.4)  # fmt: skip
        yield Heatmap("pooled", left, f"{self.out} × {self.out} of the box", "viridis", marks=(Mark(row, col),))
        yield Text("formula", self._formula(features, one, float(left[row, col])), f"bin ({row}, {col})", formula=True)
        yield Text("story", self._story(box, cells, bins), "")

    def _box(self) -> tuple[float, float, float, float]:
        if len(self.box) != 1 or len(self.box[0]) != 4:
            raise Refused("box", "it is not one row of four numbers", "give x0 y0 x1 y1")
        x0, y0, x1, y1 = self.box[0]
        rows, cols = self.image.pixels.shape[:2]
        if x1 <= x0 or y1 <= y0:
            raise Refused("box", "it ends before it begins", "give the lower corner first")
        if x0 >= cols or y0 >= rows or x1 <= 0 or y1 <= 0:  # another slice: the middle of it
            return cols * 0.3, rows * 0.3, max(cols * 0.7, cols * 0.3 + 1), max(rows * 0.7, rows * 0.3 + 1)
        return max(x0, 0.0), max(y0, 0.0), min(x1, float(cols)), min(y1, float(rows))

    def _grid(self, bins: tuple[tuple[Bin, ...], ...], one: Bin) -> tuple[Mark, ...]:
        first, last = bins[0][0], bins[-1][-1]
        marks = [Mark(first.top, first.left, last.bottom - first.top, last.right - first.left, "source")]
        if self.out <= 4:
            marks += [Mark(b.top, b.left, b.bottom - b.top, b.right - b.left, "box") for row in bins for b in row]
        return *marks, Mark(one.top, one.left, one.bottom - one.top, one.right - one.left, "focus")

    def _formula(self, features: Array, one: Bin, result: float) -> str:
        if self.how == "align":
            terms = " + ".join(number(value) for value in samples(features, one).flat)
            return f"({terms}) / {SAMPLES**2} = {number(result)}"
        cells = [
            number(value) for value in features[int(one.top) : int(one.bottom), int(one.left) : int(one.right)].flat
        ]
        if len(cells) > 14:
            cells = [*cells[:6], f"… {len(cells) - 8} more …", *cells[-2:]]
        return f"max({', '.join(cells)}) = {number(result)}"

    def _story(self, box: tuple[float, ...], cells: tuple[int, ...], bins: tuple[tuple[Bin, ...], ...]) -> str:
        wide, high = box[2] - box[0], box[3] - box[1]
        said = [f"a box of {wide:g} × {high:g} px becomes {self.out} × {self.out} numbers a feature, as any other does"]
        if self.how == "max":
            off = max(abs(one - other * self.stride) for one, other in zip(box, cells, strict=True))
            size = f" ({off * max(self.image.mm):.3g} mm)" if self.image.mm else " (uncalibrated)"
            said.append(f"rounding to cells moves a border of it by up to {off:.3g} px{size}")
            if self.out > 1 and (bins[0][0].bottom > bins[1][0].top or bins[0][0].right > bins[0][1].left):
                said.append("neighbouring bins share cells")
        else:
            said.append("nothing is rounded: each number is read between the cells")
        said.append("the network ran once; R-CNN runs it once for each of 2,000 boxes")
        return "; ".join(said) + "."
