"""Transfer: what was learnt of one kind of picture helps with another; blocks are frozen, rare things weighed (D2)."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, ClassVar
from weakref import WeakKeyDictionary

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from medviz.figures import Bars, Curves, Figure, Gallery, Line, Mark, Picture, Table, Text
from medviz.imaging.slices import Slice
from medviz.labs.findings import ABDOMEN, grey, shades, spots
from medviz.labs.lab import Example, Lab
from medviz.labs.looked_into import Drawn
from medviz.messages import Progress, Work
from medviz.parameters import Choice, Group, Input, Range, When
from medviz.refused import Refused

Array = NDArray[Any]
SIDE = 16
BLOCKS = ("block 1", "block 2", "head")
SMOOTHING = 0.9
_WORDS = {True: "frozen", False: "learns"}


class Small(nn.Module):
    """Two blocks of convolution and a head: (N, 1, 16, 16) → (N, 1) logits."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))  # (N, 8, 8, 8)
        self.second = nn.Sequential(nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))  # (N, 16, 4, 4)
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(256, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Score the chance that something stands out in the middle."""
        return self.head(self.second(self.first(x)))  # type: ignore[no-any-return]

    @property
    def blocks(self) -> tuple[nn.Module, nn.Module, nn.Module]:
        """The parts that may be frozen, in the order of `BLOCKS`."""
        return self.first, self.second, self.head


def drawn(count: int, seed: int) -> tuple[Array, Array]:
    """Drawn pieces (n, 16, 16), every other one with a disc or ring in its middle, and 1 for those."""
    chance = np.random.default_rng(seed)
    row, col = np.indices((SIDE, SIDE)) - (SIDE - 1) / 2
    pieces = np.empty((count, SIDE, SIDE))
    targets = np.arange(count) % 2
    for k in range(count):
        slope = chance.normal(size=2) * 0.08
        piece = slope[0] * row + slope[1] * col + 0.4 * chance.normal(size=row.shape)
        far = np.hypot(row - chance.normal(), col - chance.normal())
        if targets[k]:
            piece = piece + 1.6 * (far < chance.uniform(2.5, 5))
        elif chance.random() < 0.5:
            piece = piece + 1.6 * (row * np.cos(k) + col * np.sin(k) > chance.uniform(-3, 6))
        pieces[k] = (piece - piece.mean()) / (piece.std() + 1e-9)
    return pieces, targets.astype(float)


def penalty(logits: Tensor, targets: Tensor, kind: str, gamma: float) -> Tensor:
    """Mean loss: "plain" cross-entropy, "weighted" by how rare a class is in the batch, or "focal"."""
    each = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    if kind == "weighted":
        share = targets.mean().clamp(1e-3, 1 - 1e-3)
        each = each * torch.where(targets > 0.5, 0.5 / share, 0.5 / (1 - share))
    elif kind == "focal":
        right = torch.where(targets > 0.5, torch.sigmoid(logits), torch.sigmoid(-logits))
        each = (1 - right) ** gamma * each
    return each.mean()


@dataclass(frozen=True, eq=False)
class Taught:
    """What teaching did: the loss of each step, chances given to held-out pieces, and what became of each block.

    `changes` are (name, parameters, frozen, norm of the last gradient or None, change of the weights).
    """

    losses: Array
    chances: Array
    changes: tuple[tuple[str, int, bool, float | None, float], ...]


@lru_cache(maxsize=4)
def pretrained(seed: int) -> dict[str, Tensor]:
    """Teach on drawn pieces; weights by name."""
    network = _fresh(seed)
    pieces, targets = drawn(256, seed)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.004)
    x, t = torch.from_numpy(pieces).float()[:, None], torch.from_numpy(targets).float()[:, None]
    for step in range(80):
        chosen = torch.arange(step * 32, step * 32 + 32) % len(x)
        optimiser.zero_grad()
        penalty(network(x[chosen]), t[chosen], "plain", 0.0).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return {name: one.detach().clone() for name, one in network.state_dict().items()}


def _fresh(seed: int) -> Small:
    with Drawn(seed):
        return Small()


def fine_tuned(
    start: dict[str, Tensor] | None, frozen: tuple[bool, ...], data: tuple[Array, Array, Array], how: tuple[str, float],
    steps: int, seed: int,
) -> Taught:  # fmt: skip
    """Teach on pieces (n, 16, 16) with targets (n,); held-out pieces (m, 16, 16) are only asked about."""
    pieces, targets, held_out = data
    network = _fresh(seed + 1)
    if start is not None:
        network.load_state_dict(start)
    before = {name: one.detach().clone() for name, one in network.named_parameters()}
    for block, still in zip(network.blocks, frozen, strict=True):
        block.requires_grad_(not still)
    learning = [one for one in network.parameters() if one.requires_grad]
    x, t = torch.from_numpy(pieces).float()[:, None], torch.from_numpy(targets).float()[:, None]
    order = np.random.default_rng(seed).permutation(np.arange(steps * 16) % len(x)).reshape(steps, 16)
    optimiser = torch.optim.Adam(learning, lr=0.004) if learning else None
    losses = []
    for chosen in order:
        loss = penalty(network(x[chosen]), t[chosen], *how)
        losses.append(loss.item())
        if optimiser is not None:
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    with torch.no_grad():
        chances = torch.sigmoid(network(torch.from_numpy(held_out).float()[:, None]))[:, 0].numpy()
    changes = tuple(
        _change(name, block, still, [before[f"{part}.{key}"] for key, _ in block.named_parameters()])
        for name, part, block, still in zip(BLOCKS, ("first", "second", "head"), network.blocks, frozen, strict=True)
    )
    return Taught(np.array(losses), chances, changes)


def _change(
    name: str, block: nn.Module, still: bool, before: list[Tensor]
) -> tuple[str, int, bool, float | None, float]:
    own = [one.detach() for one in block.parameters()]
    slopes = [one.grad for one in block.parameters() if one.grad is not None]
    norm = _norm(slopes) if slopes else None
    moved = _norm([one - old for one, old in zip(own, before, strict=True)])
    return name, sum(one.numel() for one in own), still, norm, moved


def _norm(parts: list[Tensor]) -> float:
    return float(torch.linalg.vector_norm(torch.cat([one.flatten() for one in parts])))


_LAST: "WeakKeyDictionary[Slice, dict[object, tuple[Taught, Taught]]]" = WeakKeyDictionary()


@dataclass(frozen=True)
class Transfer(Lab):
    """A small network learns spots of drawn pictures, then those of the slice, from where it was or from nothing."""

    TITLE: ClassVar[str] = "Transfer learning"
    ARRANGE: ClassVar[str] = "image crop pieces / course ratios / blocks / formula / story"
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example("First blocks frozen, the head learns", "TRAIN-15", "D2", {"frozen_1": True, "frozen_2": True},
                {"story": "frozen blocks get no gradient", "blocks": "block 1 80 frozen None 0"},
                text="80 + 1,168 parameters stay as they were pre-trained; 257 of the head learn."),
        Example("All of it is fine-tuned", "TRAIN-15", "D2", {}, {"formula": "80 + 1,168 + 257 = 1,505"},
                text="Pre-trained, it errs boldly at first, and is ahead of chance after some eight steps."),
        Example("Rare things, not weighed", "TRAIN-15", "D2", {"rare": 0.08, "loss": "plain"}, {"story": "8 % of"},
                text="Where few pieces hold anything, saying no is nearly always right."),
        Example("Rare things, weighed", "TRAIN-15", "D2", {"rare": 0.08, "loss": "weighted"}, {"story": "weighted"},
                text="Each class counts as much as the other: more of the rare are found, more are called wrongly."),
        Example("Context round the finding", "TRAIN-15", "D2", {"margin": 8}, {"story": "margin of 8 px"},
                text="What is round a mass helps to tell it: the crop is widened, and made smaller to fit."),
    )  # fmt: skip

    image: Annotated[Slice, Input("slice"), "What it is fine-tuned on"] = ABDOMEN
    start: Annotated[
        str, Choice(("pretrained", "chance"), ("pre-trained on drawn pictures", "from chance")), Group("Transfer"),
        "The weights to begin with; the other way is drawn dashed",
    ] = "pretrained"  # fmt: skip
    frozen_1: Annotated[bool, Group("Transfer"), "Block 1 stays as it is"] = False
    frozen_2: Annotated[bool, Group("Transfer"), "Block 2 stays as it is"] = False
    frozen_3: Annotated[bool, Group("Transfer"), "The head stays as it is"] = False
    steps_made: Annotated[int, Range(4, 120), Group("Transfer"), "Steps of fine-tuning, 16 pieces each"] = 40
    seed: Annotated[int, Range(0, 99), Group("Transfer", advanced=True), "Draws weights and order"] = 0
    rare: Annotated[float, Range(0.02, 0.5, 0.01), Group("Balance"), "Share of pieces that hold a spot"] = 0.3
    loss: Annotated[
        str, Choice(("plain", "weighted", "focal"), ("cross-entropy", "weighted by class", "focal")), Group("Balance"),
        "What a wrong answer costs",
    ] = "plain"  # fmt: skip
    gamma: Annotated[float, Range(0.0, 5.0, 0.5), When("loss", "focal"), Group("Balance"), "Of the focal loss"] = 2.0
    margin: Annotated[int, Range(0, 24, unit="px"), Group("Crop"), "Context round the piece, on each side"] = 0

    def show(self) -> Work[None]:
        """Yield the slice with the finding and its crop, pieces, the course of both starts, and the blocks."""
        yield Progress(0, 0, "teaching")
        yield from self._figures()

    def _figures(self) -> Iterator[Figure]:
        values = grey(self.image, SIDE * 2)
        clipped = np.clip(values, *shades(values))
        if float(clipped.std()) < 1e-9:
            raise Refused(self.image.name or "image", "it is the same everywhere", "choose a slice with contrast")
        scaled = (clipped - clipped.mean()) / clipped.std()
        pieces, targets, corners = self._pieces(scaled)
        learns = np.arange(len(pieces)) % 3 != 0
        mine, other = self._taught(pieces, targets, learns)
        right = targets[~learns]
        mark = corners[int(np.argmax(targets))]
        wide = SIDE + 2 * self.margin
        yield Picture("image", values, "slice: a piece with its margin", self.image.mm, shades(values),
                      unit=self.image.unit, letters=self.image.letters, weight=1.6,
                      marks=(Mark(mark[0], mark[1], wide, wide, "source"),
                             Mark(mark[0] + self.margin, mark[1] + self.margin, SIDE, SIDE, "focus")))  # fmt: skip
        yield Picture("crop", scaled[mark[0] : mark[0] + wide, mark[1] : mark[1] + wide], f"crop, {wide} px a side")
        order = np.argsort(-targets, kind="stable")
        some = np.concatenate([order[:8], order[-8:]])
        yield Gallery("pieces", pieces[some], "as the network gets them", tuple(f"{targets[k]:.0f}" for k in some),
                      shared_scale=True, columns=4)  # fmt: skip
        yield self._course(mine, other)
        yield _ratios(mine.chances, right)
        yield self._blocks(mine)
        counts = [count for _, count, _, _, _ in mine.changes]
        moves = sum(count for _, count, still, _, _ in mine.changes if not still)
        line = f"{' + '.join(f'{one:,}' for one in counts)} = {sum(counts):,} parameters, {moves:,} of them learn"
        yield Text("formula", line, "parameters", formula=True)
        yield Text("story", self._story(mine, targets), "")

    def _pieces(self, scaled: Array) -> tuple[Array, Array, list[tuple[int, int]]]:
        """Pieces (n, 16, 16) with their margin, made smaller to fit, 1 where a spot lies in them, and their corners."""
        wide = SIDE + 2 * self.margin
        if wide >= min(scaled.shape):
            raise Refused(f"margin={self.margin}", "a piece with it is larger than the slice", "take a smaller one")
        windows = np.lib.stride_tricks.sliding_window_view(scaled, (wide, wide))
        step = max(2, int(np.ceil(np.sqrt(windows.shape[0] * windows.shape[1] / 900))))
        windows = windows[::step, ::step]
        middles = [((y0 + y1) / 2, (x0 + x1) / 2) for x0, y0, x1, y1 in spots(scaled, 6)]
        corners = [(r * step, c * step) for r in range(windows.shape[0]) for c in range(windows.shape[1])]
        near = np.array([any(abs(r + wide / 2 - y) < 4 and abs(c + wide / 2 - x) < 4 for y, x in middles)
                         for r, c in corners])  # fmt: skip
        if not near.any() or near.all():
            raise Refused(self.image.name or "image", "no spot stands out in it", "choose a slice with contrast")
        chance = np.random.default_rng(self.seed)
        rare, common = np.flatnonzero(near), np.flatnonzero(~near)
        many = int(np.clip(round(self.rare * 240), 4, 120))
        chosen = np.concatenate([chance.choice(rare, many), chance.choice(common, 240 - many)])
        chosen = chosen[chance.permutation(len(chosen))]
        flat = windows.reshape(-1, wide, wide)[chosen]
        small = F.interpolate(torch.from_numpy(flat.copy())[:, None], (SIDE, SIDE), mode="area")[:, 0].numpy()
        level, spread = small.mean(axis=(1, 2), keepdims=True), small.std(axis=(1, 2), keepdims=True)
        return (small - level) / (spread + 1e-6), near[chosen].astype(float), [corners[int(k)] for k in chosen]

    def _taught(self, pieces: Array, targets: Array, learns: Array) -> tuple[Taught, Taught]:
        frozen = self.frozen_1, self.frozen_2, self.frozen_3
        key = (frozen, self.start, self.steps_made, self.seed, self.rare, self.loss, self.gamma, self.margin)
        known = _LAST.setdefault(self.image, {})
        if key not in known:
            known.clear()
            data = pieces[learns], targets[learns], pieces[~learns]
            how = self.loss, self.gamma
            starts = [pretrained(self.seed), None][:: 1 if self.start == "pretrained" else -1]
            both = [fine_tuned(one, frozen, data, how, self.steps_made, self.seed) for one in starts]
            known[key] = both[0], both[1]
        return known[key]

    def _course(self, mine: Taught, other: Taught) -> Curves:
        names = ("pre-trained", "from chance")[:: 1 if self.start == "pretrained" else -1]
        steps = np.arange(len(mine.losses))
        lines = (Line(names[0], steps, _smooth(mine.losses)), Line(names[1], steps, _smooth(other.losses), dashed=True))
        return Curves("course", lines, "loss while fine-tuning, smoothed", "step", f"loss, {self.loss} (nats)")

    def _blocks(self, mine: Taught) -> Table:
        rows: tuple[tuple[str | float | None, ...], ...] = tuple(
            (
                name,
                count,
                _WORDS[still],
                None if norm is None else round(norm, 4),
                round(moved, 4) or 0,
            )
            for name, count, still, norm, moved in mine.changes
        )
        return Table("blocks", ("part", "parameters", "", "gradient norm", "change of the weights"), rows, "parts")

    def _story(self, mine: Taught, targets: Array) -> str:
        said = []
        still = [norm for _, _, frozen, norm, _ in mine.changes if frozen]
        if still:
            said.append(
                "frozen blocks get no gradient" if all(one is None for one in still) else "a frozen block moved"
            )
        said.append(f"{100 * targets.mean():.0f} % of the pieces hold a spot; the loss is {self.loss}")
        size = f"{self.margin * self.image.mm[0]:g} mm" if self.image.mm else "uncalibrated"
        said.append(f"a margin of {self.margin} px ({size}) on each side of the piece")
        said.append("a third of the pieces is held out; they may overlap with those it learnt from")
        return "; ".join(said) + "."


def _ratios(chances: Array, targets: Array) -> Bars:
    said, there = chances > 0.5, targets > 0.5
    parts = (
        ("found of those that hold a spot", said & there, there),
        ("left alone of those that do not", ~said & ~there, ~there),
        ("right of all", said == there, np.ones_like(there)),
    )
    values = np.array([100 * one.sum() / max(1, of.sum()) for _, one, of in parts])
    return Bars("ratios", tuple(name for name, _, _ in parts), values, "on held-out pieces", "%")


def _smooth(losses: Array) -> Array:
    made, now = [], float(losses[0])
    for one in losses:
        now = SMOOTHING * now + (1 - SMOOTHING) * float(one)
        made.append(now)
    return np.array(made)
