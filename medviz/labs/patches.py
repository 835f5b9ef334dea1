"""Patches: a picture is cut up, and each piece becomes a row of numbers that a transformer reads (decks D0 and D2)."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from medviz.figures import Curves, Figure, Gallery, Heatmap, Line, Mark, Picture, Text
from medviz.imaging.slices import Slice
from medviz.labs.formulas import number
from medviz.labs.lab import Erratum, Example, Lab
from medviz.labs.looked_into import fitted
from medviz.messages import Work
from medviz.parameters import Choice, Group, Input, Pick, Range, When
from medviz.refused import Refused

Array = NDArray[Any]
COMPONENTS = 28
"""As many as the figure of the paper shows (Dosovitskiy et al., 2021, figure 7)."""
MOST_BOXES = 400
E15 = Erratum(
    "E15",
    "D2 files ViT under self-supervised learning",
    "the main results of the paper are supervised, on labelled pictures; self-supervision is a short outlook in it",
)


def cut(pixels: Array, patch: int) -> Array:
    """Cut (rows, cols) into (n, patch, patch), row by row; what is left over at the end is cut off."""
    rows, cols = (side // patch for side in pixels.shape)
    tiles = pixels[: rows * patch, : cols * patch].reshape(rows, patch, cols, patch)
    made: Array = tiles.swapaxes(1, 2).reshape(rows * cols, patch, patch)
    return made


def joined(tiles: Array, rows: int, cols: int) -> Array:
    """Put patches (n, patch, patch) side by side again."""
    patch = tiles.shape[1]
    made: Array = tiles.reshape(rows, cols, patch, patch).swapaxes(1, 2).reshape(rows * patch, cols * patch)
    return made


def components(rows: Array) -> tuple[Array, Array]:
    """Directions in which rows (n, d) differ most, the first the largest: (k, d) of length 1, and their variances."""
    centred = rows - rows.mean(axis=0)
    _, spreads, directions = np.linalg.svd(centred, full_matrices=False)
    largest = np.take_along_axis(directions, np.abs(directions).argmax(axis=1)[:, None], axis=1)
    return directions * np.where(largest < 0, -1.0, 1.0), spreads**2 / max(1, len(rows) - 1)


@lru_cache(maxsize=4)
def _remembered(values: bytes, shape: tuple[int, int]) -> tuple[Array, Array]:
    """Directions and variances of the same patches: turning how many are kept must not find them anew."""
    return components(np.frombuffer(values, np.float64).reshape(shape))


def positions(side: int, width: int, kind: str, seed: int = 0) -> Array:
    """Numbers that say where a patch lay, (side², width): "sine" waves of row and column, or drawn ("untrained")."""
    if kind == "untrained":
        return np.random.default_rng(seed).normal(size=(side * side, width)) * 0.02
    waves = np.exp(-np.log(10_000.0) * np.arange(width // 4) / max(1, width // 4))
    row, col = (one.reshape(-1, 1) * waves for one in np.indices((side, side)))
    return np.concatenate([np.sin(row), np.cos(row), np.sin(col), np.cos(col)], axis=1)


def alike(rows: Array, one: int) -> Array:
    """Cosine of the angle between one row and each, −1 to 1."""
    lengths = np.maximum(np.linalg.norm(rows, axis=1), 1e-12)
    made: Array = rows @ rows[one] / (lengths * lengths[one])
    return made


_HILL = np.add.outer(np.hanning(56), np.hanning(48))
_PHANTOM = Slice(_HILL + 0.3 * (np.indices((56, 48)).sum(0) % 13 < 4), name="phantom")


@dataclass(frozen=True)
class Patches(Lab):
    """The slice as a transformer gets it: patches, what describes them, and where they lay."""

    TITLE: ClassVar[str] = "Patches"
    ARRANGE: ClassVar[str] = "image patch rebuilt / filters similarity spread / formula / story erratum"
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example("224 pixels in patches of 16", "SEQ-2", "D0", {"size": 224, "patch": 16, "channels": 3},
                {"formula": "(224/16)² = 196 tokens, + 1 for the answer; 16·16·3 = 768 numbers each",
                 "similarity.shape": (14, 14), "filters.shape": (28, 16, 16)},
                text="Drag the size of a patch: half the side, four times the tokens."),
        Example("A volume: 32³ in patches of 8³", "SEQ-2", "D2", {"size": 32, "patch": 8, "axes": 3},
                {"formula": "(32/8)³ = 64 tokens, + 1 for the answer; 8·8·8 = 512 numbers each",
                 "story": "65 × 65 = 4,225"}, E15,
                text="Attention compares each token with each."),
        Example("Few numbers a patch", "SEQ-2", "D0", {"size": 112, "patch": 8, "kept": 4}, {"story": "4 numbers"},
                text="Four of 64 directions already say most of what a patch of this slice looks like."),
        Example("Untrained positions", "SEQ-2", "D0", {"places": "untrained"}, {"story": "know nothing of their"}, E15,
                text="Drawn positions are alike to nobody; training makes neighbours alike."),
    )  # fmt: skip

    image: Annotated[Slice, Input("slice"), "What is cut into patches"] = _PHANTOM
    size: Annotated[int, Range(16, 512, unit="px"), Group("Patches"), "Side to which the slice is brought"] = 224
    patch: Annotated[int, Range(4, 64, unit="px"), Group("Patches"), "Side of a patch"] = 16
    channels: Annotated[int, Range(1, 4), Group("Patches"), "Channels of the input, for the count"] = 1
    axes: Annotated[int, Choice((2, 3), ("slice", "volume")), Group("Patches"), "For the count of tokens"] = 2
    kept: Annotated[int, Range(1, 64), Group("Embedding"), "Numbers kept of each patch to rebuild it from"] = 12
    places: Annotated[
        str, Choice(("sine", "untrained"), ("sine waves", "drawn, untrained")), Group("Positions"),
        "What says where a patch lay",
    ] = "sine"  # fmt: skip
    width: Annotated[int, Range(16, 768, 16), Group("Positions"), "Numbers that say it"] = 64
    seed: Annotated[int, Range(0, 999), When("places", "untrained"), Group("Positions"), "Draws them"] = 0
    at: Annotated[tuple[int, int] | None, Pick("image", "similarity"), "The patch in focus"] = None

    def show(self) -> Work[None]:
        """Yield the grid, one patch, what is rebuilt, the components, and who lies alike."""
        yield from self._figures()

    def pointed(self, figure: str, cell: tuple[int, int], shape: tuple[int, int]) -> "Patches":
        """Take the patch under a pixel."""
        if figure == "image":
            side = self.size // self.patch
            at = min(cell[0] // self.patch, side - 1), min(cell[1] // self.patch, side - 1)
            return super().pointed("similarity", at, (side, side))
        return super().pointed(figure, cell, shape)

    def _figures(self) -> Iterator[Figure]:
        if self.patch > self.size:
            raise Refused(f"patch={self.patch}", f"it is larger than the slice, {self.size} px", "take a smaller one")
        picture, mm = fitted(self.image, (1, self.size, self.size))[1:]
        side = self.size // self.patch
        tiles = cut(picture, self.patch)
        row, col = (min(one, side - 1) for one in (self.at or (side // 2, side // 2)))
        flat = tiles.reshape(len(tiles), -1).astype(np.float64)
        directions, variances = _remembered(flat.tobytes(), flat.shape)
        kept = directions[: self.kept]
        mean = flat.mean(axis=0)
        rebuilt = joined((mean + (flat - mean) @ kept.T @ kept).reshape(tiles.shape), side, side)
        yield Picture("image", picture, f"{side} × {side} patches", mm, marks=(*self._grid(side), Mark(
            row * self.patch, col * self.patch, self.patch, self.patch)))  # fmt: skip
        yield Heatmap("patch", tiles[row * side + col], f"patch ({row}, {col})", unit=self.image.unit)
        levels = float(picture.min()), float(picture.max())
        yield Picture("rebuilt", rebuilt, f"rebuilt from {len(kept)} numbers a patch", mm, levels)
        shown = directions[:COMPONENTS].reshape(-1, self.patch, self.patch)
        yield Gallery("filters", shown, f"the first {len(shown)} principal components of the patches", (), "diverging")
        where = positions(side, self.width, self.places, self.seed)
        near = alike(where, row * side + col).reshape(side, side)
        levels = float(near.min()), 1.0
        yield Heatmap("similarity", near, f"whose position is like that of ({row}, {col})", "viridis", levels,
                      digits=2, marks=(Mark(row, col),))  # fmt: skip
        share = 100 * np.cumsum(variances) / max(float(variances.sum()), 1e-12)
        line = Line("told", np.arange(1, len(share) + 1), share)
        yield Curves("spread", (line,), "how much so many numbers tell", "numbers a patch", "variance (%)",
                     at=float(len(kept)))  # fmt: skip
        yield Text("formula", self._formula(side), "", formula=True)
        yield Text("story", self._story(side, float(share[min(len(kept), len(share)) - 1])), "")

    def _grid(self, side: int) -> tuple[Mark, ...]:
        if side * side > MOST_BOXES:
            return ()
        size = self.patch
        return tuple(Mark(r * size, c * size, size, size, "box") for r in range(side) for c in range(side))

    def _formula(self, side: int) -> str:
        tokens, numbers = side**self.axes, self.patch**self.axes * self.channels
        sides = "·".join([str(self.patch)] * self.axes + ([str(self.channels)] if self.channels > 1 else []))
        power = "²³"[self.axes - 2]
        count = f"({self.size}/{self.patch}){power} = {tokens:,} tokens, + 1 for the answer"
        return f"{count}; {sides} = {numbers:,} numbers each"

    def _story(self, side: int, share: float) -> str:
        tokens, left = side**self.axes + 1, self.size % self.patch
        said = [f"attention compares {tokens:,} × {tokens:,} = {tokens**2:,} pairs a head"]
        if left:
            said.append(f"the last {left} px are cut off: {self.patch} does not divide {self.size}")
        some = min(self.kept, self.patch**2, side * side)
        said.append(f"{some} numbers tell {number(share, 3)} % of how the patches of this slice differ")
        if self.places == "untrained":
            said.append("untrained positions know nothing of their neighbours")
        else:
            said.append("neighbours have positions alike, which is how a transformer, blind to order, can know")
        return "; ".join(said) + "."
