"""ViT maps: a small vision transformer that was taught here, and where each of its patches looks (deck D2)."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Self

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from medviz.figures import Bars, Figure, Gallery, Mark, Picture, Text
from medviz.imaging.slices import Slice
from medviz.labs.findings import ABDOMEN, grey
from medviz.labs.formulas import number
from medviz.labs.lab import Example, Lab
from medviz.labs.looked_into import Drawn, fitted
from medviz.messages import Progress, Work
from medviz.networks.vit import ViT
from medviz.parameters import Choice, Group, Input, Pick, Range, Step
from medviz.probe.attention import attending, rollout

Array = NDArray[Any]
SIZE, PATCH, DEPTH, HEADS = 48, 8, 3, 2
GRID = SIZE // PATCH
CORNERS = ("upper left", "upper right", "lower left", "lower right")
STEPS, POOL = 120, 2048


def pictures(count: int, seed: int) -> tuple[Array, Array]:
    """Drawn pictures (n, 48, 48) of waves and noise with one bright disc, and in which quarter (n,) it lies."""
    chance = np.random.default_rng(seed)
    row, col = np.indices((SIZE, SIZE), float)
    where, one = chance.integers(0, 4, count), (count, 1, 1)
    y = (chance.uniform(5, SIZE / 2 - 5, count) + (where // 2) * SIZE / 2).reshape(one)
    x = (chance.uniform(5, SIZE / 2 - 5, count) + (where % 2) * SIZE / 2).reshape(one)
    wave = np.sin(
        row * chance.uniform(0.05, 0.3, one) + col * chance.uniform(0.05, 0.3, one) + chance.uniform(0, 6, one)
    )
    made = 0.4 * wave + 0.3 * chance.normal(size=(count, SIZE, SIZE))
    made += chance.uniform(3, 4, one) * (np.hypot(row - y, col - x) < chance.uniform(2.5, 5, one))
    return (made - made.mean((1, 2), keepdims=True)) / made.std((1, 2), keepdims=True), where


_TAUGHT: dict[tuple[int, bool], tuple[ViT, float]] = {}
"""Networks that were taught already: a turned control must not teach anew."""


def taught(seed: int, trained: bool) -> Work[tuple[ViT, float]]:
    """Build the transformer and teach it to tell in which quarter the disc lies; with its share of right answers."""
    if (seed, trained) not in _TAUGHT:
        with Drawn(seed):
            made = ViT(1, 4, 2, SIZE, PATCH, 32, DEPTH, HEADS)
        with torch.no_grad():
            made.positions.mul_(75.0)  # where something lies is all that is asked: told loudly, it is learnt in seconds
        if trained:
            yield from _learning(made, seed)
        others, truth = pictures(128, seed + 1000)
        with torch.no_grad():
            answers = made.eval()(torch.from_numpy(others).float()[:, None]).argmax(1).numpy()
        _TAUGHT[seed, trained] = made, float((answers == truth).mean())
    return _TAUGHT[seed, trained]


def _learning(made: ViT, seed: int) -> Work[None]:
    optimiser = torch.optim.Adam(made.parameters(), lr=0.003)
    pool, where = pictures(POOL, seed)
    x, t = torch.from_numpy(pool).float()[:, None], torch.from_numpy(where)
    began_s = time.monotonic()
    for step in range(STEPS):
        some = torch.arange(step * 32, step * 32 + 32) % len(x)
        optimiser.zero_grad()
        F.cross_entropy(made(x[some]), t[some]).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        left_s = (time.monotonic() - began_s) / (step + 1) * (STEPS - step - 1)
        yield Progress(step + 1, STEPS, f"teaching the transformer, step {step + 1} of {STEPS}", left_s)


_DISC = pictures(1, 5)[0][0, ::2, ::2].round(2)


@dataclass(frozen=True, eq=False)
class Seen:
    """What the transformer made of a picture: attention (layers, heads, L, L), rollout (L, L) and chances (4,)."""

    attention: Array
    followed: Array
    chances: Array


def seen(made: ViT, x: Array) -> Seen:
    """Run one picture (1, 48, 48)."""
    with attending(made) as maps, torch.no_grad():
        chances = made(torch.from_numpy(x)[None]).softmax(1)[0].numpy()
    return Seen(np.stack([one[0] for one in maps.values()]), rollout(maps)[0], chances)


@dataclass(frozen=True)
class VitMaps(Lab):
    """Point at a patch: where it looks, head by head, layer by layer, and what the answer has seen in the end."""

    TITLE: ClassVar[str] = "Where a ViT looks"
    ARRANGE: ClassVar[str] = "image attention followed / heads levels / bars formula / story"
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example("The answer is right; where does it look?", "SEQ-11", "D2", {"image": Slice(_DISC,
                name="a drawn disc")}, {"formula": "= 1", "attention.shape": (GRID, GRID)},
                text="Taught to tell where a bright disc lies. Its last layer need not look there: others have."),
        Example("A patch of a scan", "SEQ-11", "D2", {"place": (4, 2)}, {"story": "rows sum to 1"},
                text="Point at the slice: the row of attention of that patch is laid over it."),
        Example("Untrained, it looks everywhere", "SEQ-11", "D2", {"trained": False}, {"story": "untrained"},
                text="Before it has learnt anything each token looks at all others alike."),
        Example("COVID-19 on chest X-rays", "SEQ-11", "D2", {"layer": 2}, {"story": "attention is not explanation"},
                text="As in the paper, on an X-ray open in the viewer; but this one knows discs, not lungs."),
        Example("HIPT: a pyramid of three levels", "SEQ-11", "D2", {"levels_of": "hipt"},
                {"story": "(4,096/256)² = 256 regions of (256/16)² = 256 patches"},
                text="A slide is too large for one transformer: patches are read to regions, regions to the slide."),
    )  # fmt: skip

    image: Annotated[Slice, Input("slice"), "What it looks at, brought to 48 × 48"] = ABDOMEN
    trained: Annotated[bool, Group("Network"), "Taught on drawn discs, or as it was drawn"] = True
    seed: Annotated[int, Range(0, 9), Group("Network", advanced=True), "Draws its weights and what it is taught"] = 0
    layer: Annotated[int, Step(), Range(0, DEPTH - 1), Group("Attention"), "The layer, from 0"] = DEPTH - 1
    head: Annotated[
        int, Choice((-1, 0, 1), ("mean of the heads", "head 0", "head 1")), Group("Attention"), "The head"
    ] = -1  # fmt: skip
    place: Annotated[
        tuple[int, int] | None, Pick("attention", "image"), Group("Attention", advanced=True),
        "The patch that looks: row and column; none: the answer",
    ] = None  # fmt: skip
    levels_of: Annotated[
        str, Choice(("vit", "hipt"), ("ViT: one level", "HIPT: three levels")), Group("Pyramid"), "How it is cut up"
    ] = "vit"  # fmt: skip

    def show(self) -> Work[None]:
        """Yield the picture with its patches, attention of one, rollout of the answer, all heads, and the chances."""
        grey(self.image, 2)
        made, right = yield from taught(self.seed, self.trained)
        yield from self._figures(made, right)

    def steps(self) -> int:
        """One step a layer."""
        return DEPTH

    def pointed(self, figure: str, cell: tuple[int, int], shape: tuple[int, int]) -> Self:
        """Take the patch under a pixel; pointing at the same cell again leaves it."""
        if figure == "image":
            cell = min(cell[0] // PATCH, GRID - 1), min(cell[1] // PATCH, GRID - 1)
        elif figure != "attention":
            return self
        return replace(self, place=cell)

    def _figures(self, made: ViT, right: float) -> Iterator[Figure]:
        x, picture, mm = fitted(self.image, (1, SIZE, SIZE))
        one = seen(made, x)
        maps = one.attention[min(self.layer, DEPTH - 1)]
        row, col = (min(at, GRID - 1) for at in self.place) if self.place else (-1, -1)
        token = 0 if self.place is None else 1 + row * GRID + col
        chosen = maps.mean(axis=0) if self.head < 0 else maps[self.head]
        looks = chosen[token]
        grid = looks[1:].reshape(GRID, GRID)
        who = "the answer" if self.place is None else f"patch ({row}, {col})"
        boxes = [Mark(r * PATCH, c * PATCH, PATCH, PATCH, "box") for r in range(GRID) for c in range(GRID)]
        top = np.unravel_index(int(grid.argmax()), grid.shape)
        boxes.append(Mark(int(top[0]) * PATCH, int(top[1]) * PATCH, PATCH, PATCH, "target", "looked at most"))
        focus = (Mark(row, col),) if self.place else ()
        if self.place:
            boxes.append(Mark(row * PATCH, col * PATCH, PATCH, PATCH, "focus"))
        yield Picture("image", picture, f"{GRID} × {GRID} patches", mm, unit=self.image.unit, marks=tuple(boxes),
                      letters=self.image.letters, weight=1.5)  # fmt: skip
        yield Picture("attention", grid, f"where {who} looks, layer {self.layer}", colours="viridis", marks=focus)
        yield Picture("followed", one.followed[0, 1:].reshape(GRID, GRID), "rollout: all layers",
                      colours="viridis")  # fmt: skip
        every = one.attention[:, :, token, 1:].reshape(-1, GRID, GRID)
        titles = tuple(f"layer {k} head {h}" for k in range(DEPTH) for h in range(HEADS))
        yield Gallery("heads", every, f"all heads: where {who} looks", titles, "viridis", columns=HEADS * DEPTH)
        if self.levels_of == "hipt":
            yield self._pyramid()
        yield Bars("bars", CORNERS, 100 * one.chances, "where it thinks the brightest spot lies", "%")
        yield Text("formula", self._formula(looks), f"the row of {who}", formula=True)
        yield Text("story", self._story(one, chosen, right), "")

    def _formula(self, looks: Array) -> str:
        largest = np.sort(looks)[::-1]
        terms = " + ".join(number(one, 3) for one in largest[:4])
        return f"{terms} + … {len(looks) - 4} more = {number(float(looks.sum()), 6)}"

    def _pyramid(self) -> Gallery:
        """Draw the slice, a quarter of it and a sixteenth, as HIPT's slide, region and patch."""
        values = grey(self.image, 2)
        row, col = self.place or (GRID // 2, GRID // 2)
        tiles = []
        for parts in (1, 4, 16):
            high, wide = max(2, values.shape[0] // parts), max(2, values.shape[1] // parts)
            top = min(max(int((row + 0.5) / GRID * values.shape[0]) - high // 2, 0), values.shape[0] - high)
            left = min(max(int((col + 0.5) / GRID * values.shape[1]) - wide // 2, 0), values.shape[1] - wide)
            part = torch.from_numpy(values[top : top + high, left : left + wide].copy())[None, None]
            tiles.append(F.interpolate(part, (SIZE, SIZE), mode="nearest")[0, 0].numpy())
        return Gallery("levels", np.stack(tiles), "three levels", ("slide", "region", "patch"), columns=3)

    def _story(self, one: Seen, chosen: Array, right: float) -> str:
        rows = chosen.sum(axis=1)
        exact = np.abs(rows - 1).max() < 1e-5
        said = ["rows sum to 1" if exact else f"rows sum to {rows.min():.6f} to {rows.max():.6f}"]
        said[0] += f", columns to {number(chosen.sum(axis=0).min(), 2)} to {number(chosen.sum(axis=0).max(), 3)}"
        if self.trained:
            said.append(f"taught on drawn discs, right for {100 * right:.0f} % of others")
        else:
            said.append(f"untrained: right for {100 * right:.0f} % of drawn discs, chance is 25 %")
        if self.levels_of == "hipt":
            said.append("HIPT reads a slide of 4,096 px as (4,096/256)² = 256 regions of (256/16)² = 256 patches, with "
                        "a transformer for each level")  # fmt: skip
        said.append("attention is not explanation: it says what was mixed, not why the answer came out")
        return "; ".join(said) + "."
