"""Convolution in three dimensions: a cube of weights slides over the volume along x, y and z (deck D3)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Self
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from medviz.figures import Figure, Heatmap, Mark, Picture, Table, Text
from medviz.imaging.volume import Volume
from medviz.labs.blocks import HEAD, Block, block_of, volume_of
from medviz.labs.formulas import number, sum_of_products
from medviz.labs.kernels import CUSTOM, Settled, settle
from medviz.labs.lab import Erratum, Example, Lab
from medviz.messages import Work
from medviz.parameters import Choice, Group, Input, Matrix, Pick, Range, Size, Step
from medviz.refused import Refused

Array = NDArray[Any]
Triple = tuple[int, int, int]
MOST_PLANES = 5
E5 = Erratum(
    "E5",
    "a filter of f × f × channels is called 3-D",
    "it slides along rows and columns only and leaves one map; a 3-D convolution slides along the slices too",
)


def beside(cube: Any) -> Array:
    """Lay the planes (z, rows, cols) of a cube side by side, the lowest first: (rows, z·cols)."""
    planes = np.asarray(cube, float)
    flat: Array = planes.transpose(1, 0, 2).reshape(planes.shape[1], -1)
    return flat


def _stacked(cube: Any) -> Matrix:
    planes = np.asarray(cube, float)
    return tuple(map(tuple, planes.reshape(-1, planes.shape[2]).tolist()))


def _cross(middle: float, beside: float) -> Matrix:
    cube = np.zeros((3, 3, 3))
    cube[1, 1, 1] = middle
    for z, y, x in ((0, 1, 1), (2, 1, 1), (1, 0, 1), (1, 2, 1), (1, 1, 0), (1, 1, 2)):
        cube[z, y, x] = beside
    return _stacked(cube)


_BELL, _RISE = np.array([1.0, 2.0, 1.0]), np.array([-1.0, 0.0, 1.0])
CUBES: dict[str, Matrix] = {
    "mean": _stacked(np.full((3, 3, 3), 1.0)),
    "gaussian": _stacked(np.einsum("i,j,k->ijk", _BELL, _BELL, _BELL)),
    "laplace": _cross(-6.0, 1.0),
    "sharpen": _cross(7.0, -1.0),
    "edge_z": _stacked(np.einsum("i,j,k->ijk", _RISE, np.ones(3), np.ones(3))),
    "sobel_x": _stacked(np.einsum("i,j,k->ijk", _BELL, _BELL, _RISE)),
    "sobel_y": _stacked(np.einsum("i,j,k->ijk", _BELL, _RISE, _BELL)),
    "identity": _cross(1.0, 0.0),
}
WORDS = ("ones (sum 27)", "Gaussian (sum 64)", "Laplace, six neighbours", "sharpen", "edge along z",
         "Sobel, left to right", "Sobel, top to bottom", "identity", "your own")  # fmt: skip


@dataclass(frozen=True)
class Sliding:
    """How a cube slides, each along (z, rows, cols): stride, padding on each side and dilation."""

    stride: Triple
    pads: Triple
    dilation: Triple

    def out(self, shape: Triple, size: Triple) -> Triple:
        """Places that a cube of `size` finds: ⌊(in + 2p − d·(f − 1) − 1)/s⌋ + 1 along each axis."""
        rows = zip(shape, self.pads, self.dilation, size, self.stride, strict=True)
        z, y, x = ((n + 2 * p - d * (f - 1) - 1) // s + 1 for n, p, d, f, s in rows)
        return z, y, x


def padded(values: Array, pads: Triple, border: str) -> Array:
    """Add slices, rows and columns on each side: zeros, copies of the edge, or mirrored about it."""
    widths = [(one, one) for one in pads]
    mode: Any = {"zero": "constant", "replicate": "edge", "reflect": "reflect"}[border]
    return np.pad(values, widths, mode=mode)


def slid(values: Array, cube: Array, how: Sliding) -> Array:
    """Multiply and add at every place: the cross-correlation that ``nn.Conv3d`` computes, (z, rows, cols) float64.

    `values` are padded already. One shifted volume is added for each weight that is not 0.
    """
    shape = values.shape[0], values.shape[1], values.shape[2]
    out = replace(how, pads=(0, 0, 0)).out(shape, (cube.shape[0], cube.shape[1], cube.shape[2]))
    total = np.zeros(out)
    for place, weight in np.ndenumerate(cube):
        if weight:
            reach = tuple(
                slice(at * d, at * d + (n - 1) * s + 1, s)
                for at, d, n, s in zip(place, how.dilation, out, how.stride, strict=True)
            )
            total += weight * values[reach]
    return total


_FIRST = Settled(CUBES["laplace"])
_LAST: "WeakKeyDictionary[Volume, tuple[object, tuple[Block, Array, Array]]]" = WeakKeyDictionary()
_ONES: Matrix = ((1.0, 1.0, 1.0),)
_SMALL = volume_of(np.arange(27).reshape(3, 3, 3).astype(np.int16), (1.0, 1.0, 1.0), "0 to 26, 3 × 3 × 3")


@dataclass(frozen=True)
class VolumeConvolution(Lab):
    """A cube of weights at one place of the volume: its voxels, slice by slice, times its weights, added up."""

    TITLE: ClassVar[str] = "Convolution in 3-D"
    ARRANGE: ClassVar[str] = "image output / window ∗ kernel / formula / size / counts / story erratum"
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example("One sum over 27 voxels", "CONV-11", "D3", {"image": _SMALL, "preset": "mean"},
                {"output": [[351]], "formula": "= 351", "size": "out = 1 × 1 × 1"}, E5,
                text="0 + 1 + … + 26: one place, one number. The window is three slices deep."),
        Example("It slides along z as well", "CONV-11", "D3", {"preset": "edge_z"},
                {"size": "out = 12 × 22 × 22", "output.shape": (22, 22)}, E5,
                text="Play goes from slice to slice: the cube moves up by one."),
        Example("A filter through all slices: 2-D on channels", "CONV-11", "D3", {"mode": "channels"},
                {"size": "out = 1 × 22 × 22"}, E5,
                text="Taken as channels, the slices are all added: what was 14 slices is one map."),
        Example("32 cubes of 3 × 3 × 3", "CONV-16", "D3", {"filters": 32}, {"counts": "(27 + 1)·32 = 896"}, E5,
                text="A 2-D filter through 228 channels takes (3·3·228 + 1)·32 = 65,696."),
        Example("Slices lie further apart: stride 1 along z", "CONV-3", "D3",
                {"stride": ((2.0, 2.0, 1.0),), "pads": ((1.0, 1.0, 1.0),)},
                {"size": "out = 14 × 12 × 12", "story": "4 × 4 × 4 mm"},
                text="2 × 2 × 4 mm becomes 4 × 4 × 4 mm: with a stride of its own for each axis."),
    )  # fmt: skip

    image: Annotated[Volume, Input("volume"), "What the cube slides over; of a large scan its middle"] = HEAD
    preset: Annotated[
        str, Choice((*CUBES, CUSTOM), WORDS), Group("Kernel"), "A cube by name; editing a cell makes it your own"
    ] = "laplace"  # fmt: skip
    kernel: Annotated[
        Matrix, Size(7 * MOST_PLANES, 7), Group("Kernel"), "Its planes one below the other, the lowest slice first"
    ] = _FIRST  # fmt: skip
    planes: Annotated[int, Range(1, MOST_PLANES), Group("Kernel"), "Into how many planes those rows are cut"] = 3
    mode: Annotated[
        str, Choice(("volume", "channels"), ("3-D: slides in z", "2-D: slices are channels")), Group("Kernel"),
        "What the slices are to the kernel; as channels all slices get the plane in the middle",
    ] = "volume"  # fmt: skip
    operation: Annotated[
        str, Choice(("correlation", "convolution"), ("correlation (as nn.Conv3d)", "convolution (kernel turned)")),
        Group("Kernel"), "Networks do not turn the kernel; mathematics does",
    ] = "correlation"  # fmt: skip
    normalise: Annotated[bool, Group("Kernel"), "Divide by the kernel's sum"] = False
    stride: Annotated[Matrix, Size(1, 3), Group("Sliding"), "Voxels moved along x, y and z"] = _ONES
    pads: Annotated[Matrix, Size(1, 3), Group("Sliding"), "Voxels added on each side of x, y, z"] = ((0.0, 0.0, 0.0),)
    dilation: Annotated[Matrix, Size(1, 3), Group("Sliding"), "Voxels from weight to weight along x, y and z"] = _ONES
    border: Annotated[
        str, Choice(("zero", "replicate", "reflect"), ("zero", "replicate the edge", "reflect at the edge")),
        Group("Sliding"), "What added voxels hold",
    ] = "zero"  # fmt: skip
    filters: Annotated[int, Range(1, 1024), Group("Counts"), "Cubes side by side, each with a bias"] = 1
    side: Annotated[int, Range(8, 96, unit="voxels"), Group("Counts", advanced=True), "Most that is worked on"] = 64
    z: Annotated[int, Step(), Range(0, 511), Group("Sliding", advanced=True), "The slice of the output"] = 0
    cell: Annotated[
        tuple[int, int] | None, Pick("output"), Group("Sliding", advanced=True), "The place of the cube in it"
    ] = None  # fmt: skip

    def __post_init__(self) -> None:
        preset, kernel = settle(self.preset, self.kernel, CUBES)
        object.__setattr__(self, "preset", preset)
        object.__setattr__(self, "kernel", kernel)

    def show(self) -> Work[None]:
        """Yield a slice of the input and of the output, the window under the cube, its sum, and the counts."""
        yield from self._figures()

    def steps(self) -> int:
        """One step a slice of the output."""
        return int(self._slid()[2].shape[0])

    def pointed(self, figure: str, cell: tuple[int, int], shape: tuple[int, int]) -> Self:
        """Point at the output, or at the input: the cube whose middle lies nearest."""
        if figure != "image":
            return super().pointed(figure, cell, shape)
        _, _, out = self._slid()
        cube, how = self._cube(), self._how()
        row, col = (
            min(max(round((at + p - d * (f - 1) / 2) / s), 0), n - 1)
            for at, p, d, f, s, n in zip(
                cell, how.pads[1:], how.dilation[1:], cube.shape[1:], how.stride[1:], out.shape[1:], strict=True
            )
        )
        return replace(self, cell=(int(row), int(col)))

    def _figures(self) -> Iterator[Figure]:
        block, around, out = self._slid()
        cube, how = self._cube(), self._how()
        z = min(self.z, out.shape[0] - 1)
        row, col = self.cell or (out.shape[1] // 2, out.shape[2] // 2)
        row, col = min(row, out.shape[1] - 1), min(col, out.shape[2] - 1)
        start = z * how.stride[0], row * how.stride[1], col * how.stride[2]
        window = around[tuple(
            slice(at, at + d * (f - 1) + 1, d) for at, d, f in zip(start, how.dilation, cube.shape, strict=True)
        )]  # fmt: skip
        middle = start[0] + how.dilation[0] * (cube.shape[0] // 2) - how.pads[0]
        yield from self._maps(block, out, (z, row, col), start, middle)
        if cube.shape[0] <= MOST_PLANES:
            steps = np.arange(cube.shape[0]) - cube.shape[0] // 2
            planes = [f"z{k:+d}".replace("-", "−").removesuffix("+0") for k in steps]
            names = tuple(one if c == cube.shape[2] // 2 else "" for one in planes for c in range(cube.shape[2]))
            yield Heatmap("window", beside(window), "voxels under the cube", unit=block.unit, column_names=names,
                          marks=_planes(cube))  # fmt: skip
            weights = beside(self._planes())
            most = float(np.abs(weights).max()) or 1.0
            yield Heatmap("kernel", weights, "weights", "diverging", (-most, most),
                          column_names=names, marks=_planes(cube), editable=True)  # fmt: skip
        yield self._counts(block, cube, out)
        divisor = self._divisor(cube)
        said = sum_of_products(beside(window), beside(cube), divisor)
        yield Text("formula", f"{said} = {number(out[z, row, col])}", f"place z {z}, row {row}, column {col}",
                   formula=True)  # fmt: skip
        yield Text("size", self._size(block, cube, out, how), "z × rows × columns", formula=True)
        yield Text("story", self._story(block, out, how), "")

    def _maps(self, block: Block, out: Array, at: Triple, start: Triple, middle: int) -> Iterator[Figure]:
        how, cube = self._how(), self._cube()
        inside = min(max(middle, 0), block.values.shape[0] - 1)
        high, wide = (d * (f - 1) + 1 for d, f in zip(how.dilation[1:], cube.shape[1:], strict=True))
        source = Mark(start[1] - how.pads[1], start[2] - how.pads[2], high, wide, "source")
        mm = None if block.mm is None else block.mm[1:]
        title = f"input, slice {inside} of 0 to {block.values.shape[0] - 1}" + ("" if inside == middle else ", padding")
        levels = float(block.values.min()), float(block.values.max())
        yield Picture("image", block.values[inside], title, mm, levels if levels[0] < levels[1] else None,
                      unit=block.unit, letters=block.letters, marks=(source,), weight=1.3)  # fmt: skip
        signed = bool(np.isclose(cube.sum(), 0.0))
        most = float(np.abs(out).max()) or 1.0
        low, top = float(out.min()), float(out.max())
        coarse = None if mm is None else (mm[0] * how.stride[1], mm[1] * how.stride[2])
        yield Picture(
            "output", out[at[0]], f"output, slice {at[0]} of 0 to {out.shape[0] - 1}", coarse,
            (-most, most) if signed else (low, top) if low < top else None, "diverging" if signed else "grey",
            letters=block.letters, marks=(Mark(at[1], at[2], text=number(out[at])),), weight=1.3,
        )  # fmt: skip

    def _how(self) -> Sliding:
        stride = self._triple("stride", self.stride, 1)
        pads = self._triple("pads", self.pads, 0)
        how = Sliding(stride, pads, self._triple("dilation", self.dilation, 1))
        if self.mode == "channels":  # one place along z: all slices are added
            return Sliding((1, *how.stride[1:]), (0, *how.pads[1:]), (1, *how.dilation[1:]))
        return how

    def _triple(self, name: str, rows: Matrix, least: int) -> Triple:
        cells = rows[0] if len(rows) == 1 else ()
        if len(cells) != 3 or any(one != int(one) or not least <= one <= 16 for one in cells):
            raise Refused(name, f"it is not three whole numbers from {least} to 16", "give one each for x, y and z")
        x, y, z = (int(one) for one in cells)
        return z, y, x

    def typed(self, figure: str, cell: tuple[int, int]) -> tuple[str, tuple[int, int]]:
        """Find the weight in the rows of the field: there planes lie below each other, in the figure side by side."""
        if figure != "kernel":
            return figure, cell
        rows, cols = len(self.kernel) // self.planes, len(self.kernel[0])
        return figure, (cell[1] // cols * rows + cell[0], cell[1] % cols)

    def _planes(self) -> Array:
        rows = np.asarray(self.kernel)
        if len(rows) % self.planes:
            fault = f"{len(rows)} rows are not cut into planes evenly"
            raise Refused(f"planes={self.planes}", fault, "take as many rows for each plane")
        return rows.reshape(self.planes, -1, rows.shape[1])

    def _cube(self) -> Array:
        cube = self._planes()
        if self.mode == "channels":
            side = min(self.side, self.image.shape[2])
            cube = np.repeat(cube[self.planes // 2][None], side, axis=0)
        return cube[::-1, ::-1, ::-1] if self.operation == "convolution" else cube

    def _divisor(self, cube: Array) -> float:
        total = float(cube.sum())
        return total if self.normalise and not np.isclose(total, 0.0) else 1.0

    def _slid(self) -> tuple[Block, Array, Array]:
        key = (self.kernel, self.planes, self.mode, self.operation, self.normalise, self.stride, self.pads,
               self.dilation, self.border, self.side)  # fmt: skip
        known = _LAST.get(self.image)
        if known is not None and known[0] == key:
            return known[1]
        how, cube = self._how(), self._cube()
        block = block_of(self.image, self.side)
        shape = block.values.shape[0], block.values.shape[1], block.values.shape[2]
        if self.border == "reflect" and any(p >= n for p, n in zip(how.pads, shape, strict=True)):
            raise Refused("pads", "the volume is too thin to be reflected that far", "take less padding")
        if min(how.out(shape, (cube.shape[0], cube.shape[1], cube.shape[2]))) < 1:
            size, there = "×".join(map(str, cube.shape)), "×".join(map(str, shape))
            fault = f"it is larger than the volume with its padding, {there} (z, y, x)"
            raise Refused(f"kernel {size}", fault, "take a smaller kernel or more padding")
        around = padded(block.values, how.pads, self.border)
        made = block, around, slid(around, cube, how) / self._divisor(cube)
        _LAST[self.image] = (key, made)
        return made

    def _counts(self, block: Block, cube: Array, out: Array) -> Table:
        weights, places = int(cube.size), int(out.size)
        flat = int(cube.shape[1] * cube.shape[2])
        slices = block.values.shape[0]
        rows = (
            (f"this layer, {self.filters} filter{'s' if self.filters > 1 else ''}",
             f"({weights} + 1)·{self.filters} = {(weights + 1) * self.filters:,}", places * weights * self.filters),
            (f"2-D, {slices} slices as channels", f"({flat}·{slices} + 1)·{self.filters} = "
             f"{(flat * slices + 1) * self.filters:,}", out.shape[1] * out.shape[2] * flat * slices * self.filters),
            ("2-D, slice by slice", f"({flat} + 1)·{self.filters} = {(flat + 1) * self.filters:,}",
             slices * out.shape[1] * out.shape[2] * flat * self.filters),
        )  # fmt: skip
        return Table("counts", ("layer", "parameters", "multiply-adds"), rows, "what it costs")

    def _size(self, block: Block, cube: Array, out: Array, how: Sliding) -> str:
        parts = []
        for n, p, d, f, s, o in zip(block.values.shape, how.pads, how.dilation, cube.shape, how.stride, out.shape,
                                    strict=True):  # fmt: skip
            wide = f"{f}" if d == 1 else f"({d}·{f - 1} + 1)"
            parts.append(f"({n} + 2·{p} − {wide})//{s} + 1 = {o}")
        return f"out = {' × '.join(map(str, out.shape))};  " + ",  ".join(parts)

    def _story(self, block: Block, out: Array, how: Sliding) -> str:
        said = []
        if block.whole != block.values.shape:
            size, whole = "×".join(map(str, block.values.shape)), "×".join(map(str, block.whole))
            said.append(f"Worked on is the middle of {block.name}, {size} of {whole} voxels (z, y, x)")
        if block.mm is None:
            said.append("The volume is uncalibrated")
        else:
            x, y, z = (number(one * s, 3) for one, s in zip(block.mm[::-1], how.stride[::-1], strict=True))
            said.append(f"A voxel of the output is {x} × {y} × {z} mm")
            if not np.isclose(block.mm[0], block.mm[1], rtol=0.05):
                said.append("the cube is as many voxels wide as high, but not as many mm: it sees further along z")
        if self.mode == "channels":
            said.append("all slices are added into one map, which is what the deck calls a 3D filter")
        return "; ".join(said) + "."


def _planes(cube: Array) -> tuple[Mark, ...]:
    """Frame each plane of a cube whose planes lie side by side."""
    rows, cols = cube.shape[1:]
    return tuple(Mark(0, k * cols, rows, cols, "source") for k in range(cube.shape[0]))
