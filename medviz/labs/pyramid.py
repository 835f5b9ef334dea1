"""Pyramid: maps from fine to coarse joined top down (FPN), and a loss that attends to what is hard (deck D2)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.special import expit

from medviz.figures import Bars, Curves, Figure, Gallery, Line, Mark, Picture, Text
from medviz.imaging.slices import Slice
from medviz.labs.findings import ABDOMEN, grey, shades, spots
from medviz.labs.formulas import number
from medviz.labs.lab import Example, Lab
from medviz.labs.overlaps import box_dragged
from medviz.messages import Work
from medviz.parameters import Group, Input, Matrix, Pick, Range, Size, Step
from medviz.refused import Refused

Array = NDArray[Any]
AUTOMATIC = ((0.0, 0.0, 0.0, 0.0),)
ANCHORS = 9
"""Anchors a cell of RetinaNet: 3 shapes in 3 sizes."""


def focal(chance: Array, gamma: float, alpha: float | None = None) -> Array:
    """Focal loss −(1 − p)^γ ln p of the chance given to what is true (Lin et al., 2017), in nats; γ = 0: CE."""
    safe = np.clip(chance, 1e-12, 1.0)
    made: Array = (1 - safe) ** gamma * -np.log(safe)
    return made if alpha is None else alpha * made


def halved(values: Array) -> Array:
    """Mean of each 2 × 2; an odd row or column at the end counts twice."""
    even = np.pad(values, [(0, side % 2) for side in values.shape], mode="edge")
    made: Array = even.reshape(even.shape[0] // 2, 2, even.shape[1] // 2, 2).mean(axis=(1, 3))
    return made


def doubled(values: Array, shape: tuple[int, ...]) -> Array:
    """Each value twice along both axes (nearest neighbour), cut to `shape`."""
    made: Array = values.repeat(2, axis=0).repeat(2, axis=1)[: shape[0], : shape[1]]
    return made


def bottom_up(values: Array, levels: int) -> tuple[Array, ...]:
    """Maps C: steepness of the slice at each size, every level half as fine, each scaled to spread 1."""
    made, now = [], values
    for _ in range(levels):
        now = halved(ndimage.gaussian_filter(now, 0.6))
        steep = np.hypot(*np.gradient(now)) if min(now.shape) > 1 else np.zeros_like(now)
        made.append(steep / (float(steep.std()) or 1.0))
    return tuple(made)


def top_down(maps: tuple[Array, ...]) -> tuple[Array, ...]:
    """Maps P: the coarsest as it is, each finer one plus twice as large a copy of the one above it."""
    joined = [maps[-1]]
    for one in maps[-2::-1]:
        joined.insert(0, one + doubled(joined[0], one.shape))
    return tuple(joined)


def level_of(wide: float, high: float, levels: int, usual: float) -> int:
    """Level (0 the finest) that a box is read from: ⌊k₀ + log₂(√(w·h)/usual)⌋ of the paper, kept inside.

    `usual` is the side of a box that belongs to the coarsest level but one (224 px of the paper, k₀ = 4).
    """
    k = int(np.floor(levels - 2 + np.log2(np.sqrt(wide * high) / usual) + 1e-9))
    return min(max(k, 0), levels - 1)


@dataclass(frozen=True)
class Pyramid(Lab):
    """RetinaNet: a pyramid finds small and large things, a focal loss keeps the background from drowning them."""

    TITLE: ClassVar[str] = "Pyramid and focal loss"
    ARRANGE: ClassVar[str] = "image maps joined / curve shares / formula / story"
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example("From fine to coarse and back", "DET-6", "D2", {"stage": 3},
                {"story": "P = C + the one above, doubled"},
                text="Above coarse maps know what, fine ones know where: added, each level knows both."),
        Example("A sure answer costs a hundredth", "DET-6", "D2", {"gamma": 2.0, "chance": 0.9},
                {"formula": "(1 − 0.9)^2 · 0.10536 = 0.0010536"},
                text="At γ = 2 a chance of 0.9 costs a hundredth, as in the lab on losses."),
        Example("A guess costs a quarter", "DET-6", "D2", {"gamma": 2.0, "chance": 0.5},
                {"formula": "(1 − 0.5)^2 · 0.69315 = 0.17329"}),
        Example("Cross-entropy drowns in background", "DET-6", "D2", {"gamma": 0.0},
                {"story": "the deck says malignant against benign"},
                text="Turn γ up: the share of the background in the loss falls."),
        Example("Which level a box belongs to", "DET-6", "D2", {"box": ((10.0, 10.0, 42.0, 42.0),)},
                {"story": "read from level 1"}, text="Half the side, one level finer."),
    )  # fmt: skip

    image: Annotated[Slice, Input("slice"), "What is searched"] = ABDOMEN
    levels: Annotated[int, Range(2, 6), Group("Pyramid"), "Levels, each half as fine (RetinaNet: 5, P3 to P7)"] = 4
    box: Annotated[
        Matrix, Size(1, 4), Group("Pyramid"), "x0 y0 x1 y1 in pixels; drag it; all 0 takes the clearest spot"
    ] = AUTOMATIC  # fmt: skip
    usual: Annotated[
        float, Range(8, 512, unit="px"), Group("Pyramid"), "Side of a box of the coarsest level but one (paper: 224)"
    ] = 64.0  # fmt: skip
    gamma: Annotated[float, Range(0.0, 5.0, 0.1), Group("Focal loss"), "How little easy anchors count; 0: CE"] = 2.0
    alpha: Annotated[float, Range(0.01, 0.99, 0.01), Group("Focal loss"), "Weight of objects; background 1 − α"] = 0.25
    balanced: Annotated[bool, Group("Focal loss"), "Weigh with α too"] = False
    chance: Annotated[
        float, Range(0.01, 0.99, 0.01), Group("Focal loss"), "The chance given to what is true, for the formula"
    ] = 0.9  # fmt: skip
    stage: Annotated[int, Step(), Range(0, 5), Group("Pyramid", advanced=True), "Levels joined, from the top"] = 5
    level: Annotated[
        int, Pick("maps", "joined"), Range(0, 5), Group("Pyramid", advanced=True), "The level in focus"
    ] = 0  # fmt: skip

    def show(self) -> Work[None]:
        """Yield the slice, the maps C and P, the loss over the chance, and who makes up the loss."""
        yield from self._figures()

    def steps(self) -> int:
        """One step a level, from the coarsest down."""
        return self.levels

    def dragged(self, figure: str, start: tuple[float, float], here: tuple[float, float]) -> Self:
        """Drag the box on the slice."""
        shape = self.image.pixels.shape[0], self.image.pixels.shape[1]
        made = box_dragged(self._box(), start, here, shape) if figure == "image" else None
        if made is None or start == here:
            return self
        return replace(self, box=tuple(map(tuple, made.tolist())))

    def _figures(self) -> Iterator[Figure]:
        values = grey(self.image, 2)
        if min(values.shape) < 2**self.levels:
            raise Refused(f"levels={self.levels}", "the coarsest map would be smaller than a pixel", "take fewer")
        box = self._box()
        maps = bottom_up(np.clip(values, *shades(values)), self.levels)
        joined = top_down(maps)
        done = min(self.stage, self.levels - 1) + 1
        own = level_of(box[0, 2] - box[0, 0], box[0, 3] - box[0, 1], self.levels, self.usual) if len(box) else 0
        shown = [joined[k] if k >= self.levels - done else np.zeros_like(maps[k]) for k in range(self.levels)]
        marks = tuple(Mark(y0, x0, y1 - y0, x1 - x0, "focus", f"level {own}") for x0, y0, x1, y1 in box)
        yield Picture("image", values, "slice: drag the box", self.image.mm, shades(values), unit=self.image.unit,
                      letters=self.image.letters, marks=marks, drags=True, weight=1.3)  # fmt: skip
        yield _tiles("maps", maps, "C: bottom up, half as fine each", "C", own)
        yield _tiles("joined", tuple(shown), f"P: joined top down, {done} of {self.levels}", "P", own)
        yield self._curve()
        objects, ground = self._losses(values, box)
        yield Bars("shares", ("objects, CE", "background, CE", "objects, focal", "background, focal"),
                   np.array([objects[0], ground[0], objects[1], ground[1]]), "what makes up the loss", "%")  # fmt: skip
        yield Text("formula", self._formula(), "one anchor", formula=True)
        yield Text("story", self._story(values, box, own, (float(ground[0]), float(ground[1]))), "")

    def _box(self) -> Array:
        table = np.asarray(self.box, float)
        rows, cols = self.image.pixels.shape[:2]
        if table.shape != (1, 4):
            raise Refused("box", "it is not one row of four numbers", "give x0 y0 x1 y1")
        if not table.any() or table[0, 0] >= cols or table[0, 1] >= rows:
            return np.asarray(spots(grey(self.image, 2), 1), float).reshape(-1, 4)
        if (table[:, 2:] <= table[:, :2]).any():
            raise Refused("box", "it ends before it begins", "give the lower corner first")
        return table

    def _losses(self, values: Array, box: Array) -> tuple[Array, Array]:
        """Share in per cent of objects and background in the summed loss, by cross-entropy and by focal loss.

        Each pixel stands for an anchor; the chance of an object comes from how much the place stands out.
        """
        truth = np.zeros(values.shape, bool)
        for x0, y0, x1, y1 in box:
            truth[int((y0 + y1) / 2), int((x0 + x1) / 2)] = True
        spread = float(values.std()) or 1.0
        out = np.abs(ndimage.gaussian_laplace(values / spread, 2.5)) * 6.0
        chance = expit(3.0 * (out / (float(np.percentile(out, 99.5)) or 1.0)) - 4.0)
        given = np.where(truth, np.maximum(chance, 0.3), 1 - chance)
        weights = np.where(truth, self.alpha, 1 - self.alpha) if self.balanced else np.ones_like(given)
        both = [focal(given, gamma) * (weights if gamma else 1.0) for gamma in (0.0, self.gamma)]
        totals = [max(float(one.sum()), 1e-12) for one in both]
        objects = np.array([100 * one[truth].sum() / total for one, total in zip(both, totals, strict=True)])
        return objects, 100 - objects

    def _curve(self) -> Curves:
        p = np.linspace(0.01, 1, 100)
        lines = [Line("cross-entropy, γ = 0", p, focal(p, 0.0), dashed=True)]
        lines += [Line(f"γ = {self.gamma:g}", p, focal(p, self.gamma))] if self.gamma else []
        return Curves("curve", tuple(lines), "loss of one anchor", "chance given to what is true", "loss (nats)",
                      at=self.chance)  # fmt: skip

    def _formula(self) -> str:
        entropy = float(focal(np.array(self.chance), 0.0))
        loss = float(focal(np.array(self.chance), self.gamma))
        power = f"(1 − {number(self.chance)})^{number(self.gamma)}"
        return f"focal loss = {power} · {number(entropy, 5)} = {number(loss, 5)} nats"

    def _story(self, values: Array, box: Array, own: int, ground: tuple[float, float]) -> str:
        cells = sum(
            -(-values.shape[0] // 2 ** (k + 1)) * -(-values.shape[1] // 2 ** (k + 1)) for k in range(self.levels)
        )
        said = [
            "P = C + the one above, doubled",
            f"{cells * ANCHORS:,} anchors ({ANCHORS} a cell) on {self.levels} levels",
        ]
        if len(box):
            wide, high = box[0, 2:] - box[0, :2]
            said.append(f"a box of {wide:g} × {high:g} px is read from level {own}")
        said.append(
            f"background makes up {number(ground[0], 4)} % of the cross-entropy and {number(ground[1], 4)} % of the "
            f"focal loss at γ = {self.gamma:g}"
        )
        said.append(
            "it was made for background against objects among anchors; the deck says malignant against benign, which "
            "is an imbalance of classes"
        )
        return "; ".join(said) + "."


def _tiles(name: str, maps: tuple[Array, ...], title: str, letter: str, own: int) -> Gallery:
    """Lay maps of all sizes out as tiles of one size, coarse pixels enlarged."""
    rows, cols = maps[0].shape
    tiles = np.stack([
        one[np.ix_((np.arange(rows) * one.shape[0] // rows), (np.arange(cols) * one.shape[1] // cols))] for one in maps
    ])  # fmt: skip
    titles = tuple(
        f"{letter}{k}: {one.shape[0]}×{one.shape[1]}{' ◂' if k == own else ''}" for k, one in enumerate(maps)
    )
    return Gallery(name, tiles, title, titles, "viridis", columns=2)
