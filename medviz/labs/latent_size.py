"""Latent size: how small a picture may be made before diffusion learns on it, and what is lost (deck D2)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Self
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray

from medviz.figures import Curves, Figure, Gallery, Line, Mark, Picture, Table, Text
from medviz.imaging.slices import Slice
from medviz.labs.codebook import Coded, by_book, by_components, pooled
from medviz.labs.denoising_sources import turned, turned_back
from medviz.labs.diffused import inward
from medviz.labs.findings import ABDOMEN, grey, shades
from medviz.labs.formulas import number
from medviz.labs.lab import Example, Lab
from medviz.labs.looked_into import fitted
from medviz.messages import Work
from medviz.networks.coding import Coder
from medviz.parameters import Choice, File, Group, Input, Matrix, Pick, Range, Size, When
from medviz.refused import Refused
from medviz.training.using.taught import taught_pictures

Array = NDArray[Any]
FACTORS = (2, 4, 8, 16)
WAYS = {
    "mean": "mean of each patch",
    "pca": "principal components",
    "book": "VQ: book of codes",
    "run": "a trained run",
}
FEATURES, MOST_SHOWN = 64, 64
_DECK = ((256.0, 256.0, 32.0),)


_LAST: "WeakKeyDictionary[Slice, dict[tuple[Any, ...], Coded]]" = WeakKeyDictionary()
_KEPT = 24


@dataclass(frozen=True)
class LatentSize(Lab):
    """The slice as few numbers, told again out of these, and what is lost; what a smaller latent saves diffusion."""

    TITLE: ClassVar[str] = "Latent size"
    ARRANGE: ClassVar[str] = "image latent again error / formula / lookup / maps / book errors / sizes / story"
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example("Factor 4: 64 times fewer voxels", "GEN-9", "D2", {"factor": 4},
                {"formula": "256/4 × 256/4 × 32/4 = 64 × 64 × 8", "sizes": "64 × 64 × 8 32768 64"},
                text="Four times fewer along each of three axes: 4³ = 64."),
        Example("Factor 8: 512 times fewer voxels", "GEN-9", "D2", {"factor": 8},
                {"formula": "256/8 × 256/8 × 32/8 = 32 × 32 × 4", "sizes": "32 × 32 × 4 4096 512"},
                text="In the paper fine structures are distorted here. See what it does to the edges of this slice."),
        Example("VQ: each patch becomes one code of a book", "GEN-9", "D2", {"factor": 4, "way": "book"},
                {"lookup": "nearest of 64 codes"},
                text="Point at a cell: its numbers, and the code of the book that takes their place."),
        Example("Why latent diffusion: what one layer costs", "GEN-9", "D2", {"factor": 8, "way": "pca"},
                {"story": "attention between all places 262,144 times fewer"},
                text="Convolutions cost as many times less as there are fewer places; attention that number squared."),
        Example("A slice: 256 × 256 to 32 × 32", "GEN-9", "D2", {"factor": 8, "volume": ((256.0, 256.0, 1.0),)},
                {"formula": "256/8 × 256/8 × 1 = 32 × 32 × 1"},
                text="An axis with one slice stays as it is: 64 times fewer."),
    )  # fmt: skip

    image: Annotated[Slice, Input("slice"), "What is made small and told again"] = ABDOMEN
    factor: Annotated[int, Choice(FACTORS), Group("Latent"), "How many times fewer places along each axis"] = 4
    way: Annotated[str, Choice(tuple(WAYS), tuple(WAYS.values())), Group("Latent"), "How a patch becomes numbers"] = (
        "mean"
    )
    numbers: Annotated[
        int, Range(1, 16), When("way", "pca", "book"), Group("Latent"), "Numbers that describe a patch (channels)"
    ] = 4
    codes: Annotated[
        int, Range(2, 512, log=True), When("way", "book"), Group("Latent"), "Codes in the book"
    ] = 64  # fmt: skip
    run: Annotated[
        str, File(folder=True), When("way", "run"), Group("Latent"), "Folder of a run of the task autoencoding"
    ] = ""
    seed: Annotated[int, Range(0, 99), When("way", "book"), Group("Latent", advanced=True), "Draws the first book"] = 0
    volume: Annotated[
        Matrix, Size(1, 3), Group("Volume"), "Rows, columns and slices of the volume that the table is about"
    ] = _DECK  # fmt: skip
    cell: Annotated[
        tuple[int, int] | None, Pick("latent"), Group("Latent", advanced=True), "The cell that is looked up"
    ] = None  # fmt: skip

    def show(self) -> Work[None]:
        """Yield slice, latent, what is told again and the error; look-up and book; sizes, costs and error by factor."""
        yield from self._figures()

    def steps(self) -> int:
        """One step a factor."""
        return len(FACTORS)

    def step(self) -> int:
        """Return the place of the factor."""
        return FACTORS.index(self.factor)

    def at_step(self, number: int) -> Self:
        """Take another factor."""
        return replace(self, factor=FACTORS[min(max(number, 0), len(FACTORS) - 1)])

    def _figures(self) -> Iterator[Figure]:
        sizes = self._sizes()
        values, made, factor, mm = self._coded()
        known = values[: made.again.shape[0], : made.again.shape[1]]
        levels, lost = shades(values), np.abs(known - made.again)
        row, col = self._cell(made.codes.shape)
        box = (Mark(row * factor, col * factor, factor, factor, "source"),)
        unit, letters = self.image.unit, self.image.letters
        yield Picture("image", known, f"slice, {_by(known.shape)}", mm, levels, unit=unit, letters=letters, marks=box)
        shown = made.codes[..., 0] if made.index is None else made.index.astype(float)
        what = f"latent, {_by(made.codes.shape)}" if made.index is None else f"codes, {_by(made.index.shape)}"
        coarse = None if mm is None else (mm[0] * factor, mm[1] * factor)
        yield Picture("latent", shown, what, coarse, colours="viridis",
                      marks=(Mark(row, col),), levels=_range(shown))  # fmt: skip
        yield Picture("again", made.again, "told again", mm, levels, unit=unit, letters=letters)
        yield Picture("error", lost, "error", mm, (0.0, max(float(lost.max()), 1e-9)), "viridis", unit, letters=letters)
        yield Text("formula", _shrunk(sizes, self.factor), "the volume of the table", formula=True)
        if made.index is not None and made.book is not None and made.before is not None:
            yield Text("lookup", _looked_up(made, (row, col)), f"look-up at ({row}, {col})", formula=True)
        yield from _maps(made, (row, col))
        yield _table(sizes, self.factor)
        yield self._errors(values)
        yield Text("story", self._story(known, made, lost, sizes), "")

    def _coded(self) -> tuple[Array, Coded, int, tuple[float, float] | None]:
        """Return the values, their codes, the factor and the mm of a pixel."""
        values = grey(self.image, 2)
        if self.way == "run":
            return self._of_run()
        if min(values.shape) < self.factor:
            raise Refused(f"factor={self.factor}", f"the slice has {_by(values.shape)} px", "take a smaller one")
        return values, self._small(values, self.way, self.factor), self.factor, self.image.mm

    def _small(self, values: Array, way: str, factor: int) -> Coded:
        """Code the slice one way; what was made of it is kept as long as it is looked at."""
        known = _LAST.setdefault(self.image, {})
        more = {"mean": (), "pca": (self.numbers,), "book": (self.numbers, self.codes, self.seed)}[way]
        key = (way, factor, *more)
        if key not in known:
            while len(known) >= _KEPT:
                known.pop(next(iter(known)))
            known[key] = _coded_by(values, way, factor, *more)
        return known[key]

    def _of_run(self) -> tuple[Array, Coded, int, tuple[float, float] | None]:
        if not self.run.strip():
            raise Refused("run", "no run is chosen", "choose the folder of a run of autoencoding, or another way")
        network, side = _autoencoder(self.run)
        _, picture, mm = fitted(self.image, (1, side, side))
        scaled = inward(picture, self.image.name or "image")
        low, high = float(picture.min()), float(picture.max())
        mirrored = self.image.letters[0][:1] == "R"
        with torch.no_grad():
            coded = network.coded(turned(torch.from_numpy(scaled)[None, None], mirrored))
        codes = turned_back(coded.code, mirrored)[0].numpy().transpose(1, 2, 0).astype(float)
        again = turned_back(coded.image, mirrored)[0, 0].numpy()
        index = None if coded.index is None else turned_back(coded.index[:, None].float(), mirrored)[0, 0].numpy()
        values = (scaled + 1) / 2 * (high - low) + low
        return values, Coded(codes, (again + 1) / 2 * (high - low) + low, index), network.factor, mm

    def _cell(self, shape: tuple[int, ...]) -> tuple[int, int]:
        row, col = self.cell or (shape[0] // 2, shape[1] // 2)
        return min(row, shape[0] - 1), min(col, shape[1] - 1)

    def _sizes(self) -> tuple[int, int, int]:
        given = self.volume[0]
        if len(self.volume) != 1 or len(given) != 3 or any(one < 1 or one != int(one) for one in given):
            raise Refused("volume", "it is not rows, columns and slices", "give three whole numbers, as 256, 256, 32")
        return int(given[0]), int(given[1]), int(given[2])

    def _errors(self, values: Array) -> Curves:
        """Draw the error by factor, of means and of components."""
        factors = [one for one in FACTORS if min(values.shape) >= one]
        lines = []
        for way in ("mean", "pca"):
            made = [self._small(values, way, one).again for one in factors]
            apart = [_root(values[: one.shape[0], : one.shape[1]] - one) for one in made]
            name = "mean of each patch" if way == "mean" else f"{self.numbers} components"
            lines.append(Line(name, np.array(factors, float), np.array(apart), dashed=way != self.way))
        unit = f" ({self.image.unit})" if self.image.unit else " (no unit)"
        return Curves("errors", tuple(lines), "error by factor", "factor", f"root mean square{unit}",
                      at=float(self.factor))  # fmt: skip

    def _story(self, known: Array, made: Coded, lost: Array, sizes: tuple[int, int, int]) -> str:
        unit = self.image.unit or "(no unit)"
        reach, apart = float(np.ptp(known)), _root(known - made.again)
        told = [f"{known.size:,} pixels become {made.codes.size:,} numbers: {number(known.size / made.codes.size, 3)} "
                "times fewer"]  # fmt: skip
        if made.book is not None:
            bits = np.log2(len(made.book))
            told[0] = (
                f"{known.size:,} pixels become {made.codes[..., 0].size:,} numbers of codes, {number(bits, 3)} bit each"
            )
        told.append(f"root mean square error {number(apart, 3)} {unit}")
        if reach > 0 and apart > 0:
            told.append(f"PSNR {number(20 * float(np.log10(reach / apart)), 3)} dB of the range of the slice")
        worst = float(np.sort(lost, axis=None)[-max(1, lost.size // 20) :].sum() / max(lost.sum(), 1e-12))
        told.append(f"a twentieth of the pixels, mostly at edges, bears {100 * worst:.0f} % of the error")
        fewer = int(np.prod(sizes) // np.prod(_latent(sizes, self.factor)))
        told.append(
            f"diffusion on the latent of the table: {fewer:,} times fewer places, convolutions {fewer:,} times and "
            f"attention between all places {fewer**2:,} times fewer multiplications"
        )
        return "; ".join(told) + "."


def _coded_by(values: Array, way: str, factor: int, *more: int) -> Coded:
    if way == "mean":
        return pooled(values, factor)
    return (
        by_components(values, factor, more[0]) if way == "pca" else by_book(values, factor, more[0], more[1], more[2])
    )


def _latent(sizes: tuple[int, ...], factor: int) -> tuple[int, ...]:
    return tuple(one if one == 1 else max(1, one // factor) for one in sizes)


def _shrunk(sizes: tuple[int, int, int], factor: int) -> str:
    small = _latent(sizes, factor)
    parts = " × ".join("1" if one == 1 else f"{one}/{factor}" for one in sizes)
    fewer = np.prod(sizes) / np.prod(small)
    before, after = int(np.prod(sizes)), int(np.prod(small))
    return f"{parts} = {_by(small)};  {before:,} / {after:,} = {number(fewer)} times fewer voxels"


def _table(sizes: tuple[int, int, int], factor: int) -> Table:
    rows: list[tuple[str | float | int | None, ...]] = []
    for one in (1, *FACTORS):
        small = _latent(sizes, one)
        places = int(np.prod(small))
        fewer = int(np.prod(sizes)) / places
        layer = places * 27 * FEATURES**2 / 1e9
        mark = f"{'▶ ' if one == factor else ''}{one}"
        rows.append((mark, _by(small), places, round(fewer, 1) if fewer % 1 else int(fewer), round(layer, 3)))
    columns = ("factor", "latent", "places", "times fewer", f"one 3×3×3 layer of {FEATURES} features")
    return Table("sizes", columns, tuple(rows), "pixel against latent diffusion", ("", "", "", "", "GMAC"))


def _maps(made: Coded, at: tuple[int, int]) -> Iterator[Figure]:
    """Draw the other channels of the latent, and the book with the code that was looked up."""
    if made.codes.shape[-1] > 1 and made.index is None:
        tiles = np.moveaxis(made.codes, -1, 0)
        titles = tuple(f"channel {k}" for k in range(len(tiles)))
        yield Gallery("maps", tiles, "all channels of the latent", titles, "viridis", columns=min(8, len(tiles)))
    if made.patches is not None and made.index is not None:
        chosen = int(made.index[at])
        order = [chosen, *(k for k in range(len(made.patches)) if k != chosen)][:MOST_SHOWN]
        yield Gallery(
            "book", made.patches[order], f"the book: code {chosen}, then the others", shared_scale=True, columns=16
        )


def _looked_up(made: Coded, at: tuple[int, int]) -> str:
    assert made.index is not None and made.book is not None and made.before is not None
    z = made.before[at]
    far = np.sqrt(((made.book - z) ** 2).sum(axis=1))
    order = np.argsort(far, kind="stable")
    first = ", ".join(number(one) for one in z[:4]) + (", …" if len(z) > 4 else "")
    line = f"z = ({first});  nearest of {len(far)} codes: number {int(order[0])}, {number(far[order[0]], 3)} away"
    return line + (f";  next: {int(order[1])}, {number(far[order[1]], 3)} away" if len(order) > 1 else "")


def _by(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))


def _range(values: Array) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    return low, max(high, low + 1e-9)


def _root(apart: Array) -> float:
    return float(np.sqrt((apart**2).mean()))


@lru_cache(maxsize=2)
def _autoencoder(where: str) -> tuple[Coder, int]:
    found, _, (dimensions, side, channels) = taught_pictures(where)
    network = found.network
    if not isinstance(network, Coder) or not network.spatial or dimensions != 2 or channels != 1:
        raise Refused(where, "it is no autoencoder of grey slices whose code is a map", "choose another run")
    return network, side
