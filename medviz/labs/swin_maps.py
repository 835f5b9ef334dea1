"""Where a SwinUNETR looks: windows, shifted from block to block, on every level of a network that was taught (D2)."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Self

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import nn

from medviz.figures import Figure, Gallery, Mark, Picture, Text
from medviz.imaging.slices import Slice
from medviz.labs.findings import ABDOMEN, grey
from medviz.labs.formulas import number
from medviz.labs.lab import Example, Lab
from medviz.labs.looked_into import Drawn, fitted
from medviz.messages import Progress, Work
from medviz.networks.swin_unetr import SwinUNETR
from medviz.parameters import File, Group, Input, Pick, Range, Step
from medviz.probe.windows import Windows, windowed
from medviz.refused import Refused
from medviz.training.using.formats import load

Array = NDArray[Any]
SIDE, WINDOW, STEPS, BATCH = 64, 4, 24, 4
_HELD = 16
MOST_SIDE = 256
_ATTENTION = Group("Attention")


def discs(count: int, seed: int) -> tuple[Array, Array]:
    """Drawn pictures (n, 64, 64) of waves and noise with one bright disc, and where (n, 64, 64) it lies."""
    chance = np.random.default_rng(seed)
    row, col = np.indices((SIDE, SIDE), float)
    one = (count, 1, 1)
    y, x = chance.uniform(6, SIDE - 6, one), chance.uniform(6, SIDE - 6, one)
    wave = np.sin(
        row * chance.uniform(0.05, 0.3, one) + col * chance.uniform(0.05, 0.3, one) + chance.uniform(0, 6, one)
    )
    disc = np.hypot(row - y, col - x) < chance.uniform(3, 7, one)
    made = 0.4 * wave + 0.3 * chance.normal(size=(count, SIDE, SIDE)) + chance.uniform(2, 3, one) * disc
    return (made - made.mean((1, 2), keepdims=True)) / made.std((1, 2), keepdims=True), disc


_TAUGHT: dict[int, tuple[nn.Module, float]] = {}
"""Networks that were taught already: a turned control must not teach anew."""


def taught(seed: int) -> Work[tuple[nn.Module, float]]:
    """Build a small SwinUNETR and teach it to mark the disc; with its Dice on pictures it has not seen."""
    if seed not in _TAUGHT:
        with Drawn(seed):
            made = SwinUNETR(1, 2, 2, 12, 2, WINDOW)
        optimiser, began_s = torch.optim.Adam(made.parameters(), lr=3e-3), time.monotonic()
        pictures, where = discs(STEPS * BATCH, seed)
        x, t = torch.from_numpy(pictures).float()[:, None], torch.from_numpy(where).long()
        for step in range(STEPS):
            some = slice(step * BATCH, (step + 1) * BATCH)
            optimiser.zero_grad()
            loss = F.cross_entropy(made(x[some]), t[some], weight=torch.tensor([1.0, 4.0]))
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            left_s = (time.monotonic() - began_s) / (step + 1) * (STEPS - step - 1)
            yield Progress(step + 1, STEPS, f"teaching SwinUNETR, step {step + 1} of {STEPS}", left_s)
        _TAUGHT[seed] = made.eval(), _dice(made.eval(), seed)
    return _TAUGHT[seed]


def _dice(made: nn.Module, seed: int) -> float:
    pictures, where = discs(_HELD, seed + 1000)
    with torch.no_grad():
        found = made(torch.from_numpy(pictures).float()[:, None]).argmax(1).numpy().astype(bool)
    return float(2 * (found & where).sum() / (found.sum() + where.sum()))


@dataclass(frozen=True)
class SwinMaps(Lab):
    """Point at a place: the window its token may look at, and where it looks, block by block and head by head."""

    TITLE: ClassVar[str] = "Where a Swin looks"
    ARRANGE: ClassVar[str] = "image:1.3 looks:1.3 answer / blocks:1.6 heads / formula / story"
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example("A token looks at its window alone", "SEQ-11", "D2", {"block": 0},
                {"looks.shape": (SIDE // 2, SIDE // 2), "formula": "= 1", "story": "4 × 4 = 16 tokens"},
                text="A ViT's token looks at all others. Here at 16, and the picture may be as large as it likes."),
        Example("The next block shifts its windows", "SEQ-11", "D2", {"block": 1}, {"story": "shifted by 2"},
                text="Neighbours on two sides of an edge meet in the next block."),
        Example("Each level halves the grid", "SEQ-11", "D2", {"block": 6}, {"looks.shape": (4, 4),
                "story": "covers all of the picture"}, text="On the last level one window covers all of the slice."),
    )  # fmt: skip

    image: Annotated[Slice, Input("slice"), "What it looks at"] = ABDOMEN
    model: Annotated[
        str, File(folder=True), Group("Network"), "A run that trained a SwinUNETR in 2-D; empty: one taught here"
    ] = ""
    seed: Annotated[int, Range(0, 9), Group("Network", advanced=True), "Draws its weights and what it is taught"] = 0
    block: Annotated[int, Step(), Range(0, 31), _ATTENTION, "The block, from 0: two a level here"] = 0
    head: Annotated[int, Range(-1, 47), _ATTENTION, "The head, from 0; -1 is the mean of all"] = -1
    place: Annotated[
        tuple[int, int] | None, Pick("image", "looks"), Group("Attention", advanced=True),
        "The pixel whose token looks: row and column; none: the middle",
    ] = None  # fmt: skip

    def show(self) -> Work[None]:
        """Yield the slice with the token's window, where it looks, the answer, all blocks and all heads."""
        grey(self.image, 2)
        if self.model.strip():
            yield Progress(0, 0, "asking the network")
            made, right = _loaded(self.model.strip()), None
        else:
            made, right = yield from taught(self.seed)
        yield from self._figures(made, right)

    def steps(self) -> int:
        """One step a block of the network that is taught here."""
        return 8

    def pointed(self, figure: str, cell: tuple[int, int], shape: tuple[int, int]) -> Self:
        """Take the place under a pixel of the slice, or under a token of the map."""
        if figure not in ("image", "looks"):
            return self
        side = self._side()
        row, col = ((2 * at + 1) * side // (2 * has) for at, has in zip(cell, shape, strict=True))
        return replace(self, place=(row, col))

    def _side(self) -> int:
        """Pixels a side of what the network gets: its own size here, as large as the slice for a run."""
        if not self.model.strip():
            return SIDE
        return min(MOST_SIDE, -(-int(max(self.image.values.shape)) // 32) * 32)

    def _figures(self, made: nn.Module, right: float | None) -> Iterator[Figure]:
        side = self._side()
        x, picture, mm = fitted(self.image, (_channels(made), side, side), trained=right is None)
        with torch.no_grad(), windowed(made) as found:
            answer = made(torch.from_numpy(x)[None])[0].argmax(0).numpy()
        if not found:
            raise Refused(self.model, "its network has no windows of attention", "choose a run of a SwinUNETR")
        chosen = found[min(self.block, len(found) - 1)]
        pixel = self.place or (side // 2, side // 2)
        token = _token(chosen, pixel, side)
        looks = chosen.looks(token, self.head)
        high, wide = (side // has for has in chosen.grid)
        yield Picture("image", picture, "token and window", mm, unit=self.image.unit,
                      letters=self.image.letters, marks=_marks(chosen, token, high, wide))  # fmt: skip
        yield Picture("looks", looks, f"looks at: {self._who(chosen)}",
                      colours="viridis", marks=(Mark(*token),), letters=self.image.letters)  # fmt: skip
        yield Picture("answer", picture, "what it marks", mm, labels=answer, letters=self.image.letters)
        yield _blocks(found, pixel, side, found.index(chosen))
        every = np.stack([chosen.looks(token, head) for head in range(chosen.heads)])
        yield Gallery("heads", every, "each head of this block", tuple(f"head {k}" for k in range(chosen.heads)),
                      "viridis", columns=min(6, max(3, chosen.heads // 2)))  # fmt: skip
        yield Text("formula", _formula(looks), "what the token gives to those of its window", formula=True)
        yield Text("story", self._story(chosen, token, right), "")

    def _who(self, chosen: Windows) -> str:
        return f"mean of {chosen.heads} heads" if self.head < 0 else f"head {min(self.head, chosen.heads - 1)}"

    def _story(self, chosen: Windows, token: tuple[int, ...], right: float | None) -> str:
        grid, window = " × ".join(map(str, chosen.grid)), " × ".join(map(str, chosen.window))
        count = int(np.prod(chosen.window))
        said = [f"{grid} tokens in windows of {window} = {count} tokens"]
        every = int(np.prod(chosen.grid))
        said.append(f"{every * count:,} pairs to weigh instead of {every:,}² = {every * every:,}")
        if chosen.window_of(token).all():
            said.append("here one window covers all of the picture")
        elif any(chosen.shift):
            said.append(f"windows are shifted by {chosen.shift[0]}; over the picture's edge nobody looks (masked)")
        else:
            said.append("windows are not shifted; the next block shifts them")
        if right is not None:
            said.append(f"taught on drawn discs: Dice {right:.2f} on others; it knows discs, not organs")
        said.append("attention is not explanation: it says what was mixed, not why the answer came out")
        return "; ".join(said) + "."


def _loaded(model: str) -> nn.Module:
    return load(model).network.eval()


def _channels(made: nn.Module) -> int:
    first = next((one for one in made.modules() if isinstance(one, nn.Conv2d | nn.Conv3d)), None)
    if not isinstance(first, nn.Conv2d):
        raise Refused("model", "it is no network for slices", "choose a run of a SwinUNETR in 2-D")
    return first.in_channels


def _token(chosen: Windows, pixel: tuple[int, int], side: int) -> tuple[int, int]:
    row, col = (min(has - 1, at * has // side) for at, has in zip(pixel, chosen.grid, strict=True))
    return row, col


def _marks(chosen: Windows, token: tuple[int, int], high: int, wide: int) -> tuple[Mark, ...]:
    """Frame the tokens of the window where they lie, parts over the picture's edge too, and the token itself."""
    shared = chosen.window_of(token)
    rows, cols = (np.flatnonzero(shared.any(axis)) for axis in (1, 0))
    runs = [(r, c) for r in _runs(rows) for c in _runs(cols)]
    frames = [Mark(a * high, c * wide, (b - a) * high, (d - c) * wide, "source") for (a, b), (c, d) in runs]
    return (*frames, Mark(token[0] * high, token[1] * wide, high, wide, "focus"))


def _runs(places: Array) -> list[tuple[int, int]]:
    """First and one past the last of each unbroken run of places."""
    cuts = np.flatnonzero(np.diff(places) > 1) + 1
    return [(int(part[0]), int(part[-1]) + 1) for part in np.split(places, cuts)]


def _blocks(found: list[Windows], pixel: tuple[int, int], side: int, chosen: int) -> Gallery:
    """Where the token under the same place looks in each block, all drawn in one size."""
    largest = max(one.grid[0] for one in found)
    tiles, titles = [], []
    for number_, one in enumerate(found):
        looks = one.looks(_token(one, pixel, side))
        times = max(1, largest // looks.shape[0])
        tiles.append(np.kron(looks, np.ones((times, times)))[:largest, :largest])
        shifted = ", shifted" if any(one.shift) else ""
        titles.append(f"{'▸ ' if number_ == chosen else ''}{number_}: {one.grid[0]}²{shifted}")
    return Gallery("blocks", np.stack(tiles), "the same place in every block", tuple(titles), "viridis",
                   columns=4)  # fmt: skip


def _formula(looks: Array) -> str:
    given = np.sort(looks[looks > 0])[::-1]
    terms = " + ".join(number(float(one), 3) for one in given[:4])
    more = f" + … {len(given) - 4} more" if len(given) > 4 else ""
    return f"{terms}{more} = {number(float(looks.sum()), 4)}"
