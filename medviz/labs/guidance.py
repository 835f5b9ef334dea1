"""Guidance: a prompt steers what comes out of noise, word by word through cross-attention (deck D2)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medviz.data.words import PAD, UNKNOWN, Vocabulary, tokens
from medviz.figures import Figure, Gallery, Graph, Mark, Picture, Table, Text
from medviz.labs.denoising_sources import turned_back
from medviz.labs.diffused import SHOWN, as_strong, drawn_noise
from medviz.labs.formulas import factor, number
from medviz.labs.guidance_words import E22, STABLE, UNCLIP, WIDE, WORDS
from medviz.labs.lab import Example, Lab
from medviz.labs.worded import BATCH, CELL, EMBEDDED, GRID, LENGTH, SIDE, STEPS, Reader, shown, taught
from medviz.messages import Work
from medviz.parameters import Choice, Group, Pick, Range, Step
from medviz.refused import Refused
from medviz.training.device import leaving_one_core
from medviz.training.using.noising import guided

Array = NDArray[Any]
LENGTH_OF_WAY = 50
SCALES = (0.0, 1.0, 2.0, 4.0, 8.0)
PROMPT = "a large bright ball at the upper left"


@dataclass(frozen=True, eq=False)
class Steered:
    """The way from noise to a picture, for several scales at once; of the first, all that was told.

    `pictures` (T + 1, n, 16, 16) from x_T to x_0, the first with the scale asked for; `without` and `asked`
    (T, 16, 16): the noise told without and with the prompt; `maps` (T, heads, cells, 1 + words).
    """

    pictures: Array
    without: Array
    asked: Array
    maps: Array


@dataclass(frozen=True)
class Guidance(Lab):
    """A small network that has learnt captions: asked with the prompt and without it, and pushed beyond."""

    TITLE: ClassVar[str] = "Guidance"
    ARRANGE: ClassVar[str] = (
        "noisy without asked apart told clean / formula / scales / maps / graph / tokens / story erratum"
    )
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example("A prompt steers what comes out", "GEN-10", "D2", {},
                {"formula": "ε∅ + s·(ε_c − ε∅)", "maps.shape": (8, GRID, GRID)},
                text="The same noise with the prompt left out (s = 0), with it (s = 1), and beyond."),
        Example("No prompt", "GEN-10", "D2", {"prompted": False},
                {"story": "nothing is asked for"}, text="Whatever it has learnt may come out; the seed decides."),
        Example("Guidance 8: beyond what was asked", "GEN-10", "D2", {"scale": 8.0},
                {"formula": "8·("}, text="More of what the prompt changes, less variety, harder edges."),
        Example("Each word is asked for by itself", "GEN-10", "D2", {"prompt": "a small dark box at the lower right"},
                {"tokens": "small", "story": "rows of attention sum to 1"}, E22,
                text="Cross-attention: where in the picture each word is taken from. Attention is not explanation."),
        Example("A sequence of tokens, not a single vector", "GEN-10", "D2", {"card": "stable"},
                {"tokens": f"Stable Diffusion {WORDS} × {WIDE} = {WORDS * WIDE:,}"}, E22,
                text="77 tokens of 768 numbers reach the U-Net by cross-attention."),
        Example("DALL-E 2: unCLIP", "GEN-12", "D2", {"card": "unclip"},
                {"graph": "unCLIP", "story": "CLIP is frozen"},
                text="A card: its weights cannot ship. A prior makes a picture's embedding of a text's, a decoder a "
                     "picture of that. Pictures that were made can be trained on: Train, synthetic samples."),
    )  # fmt: skip

    prompt: Annotated[
        str, Group("Prompt"), "At most 8 words out of: a, large, small, bright, dark, ball, box, shell, cross, at, in, "
        "the, upper, lower, left, right, middle",
    ] = PROMPT  # fmt: skip
    prompted: Annotated[bool, Group("Prompt"), "Whether the prompt is given"] = True
    scale: Annotated[float, Range(0.0, 10.0, 0.5), Group("Prompt"), "s: how far beyond; 1 is the prompt as it is"] = 2.0
    seed: Annotated[int, Range(0, 999), Group("Prompt"), "Draws the noise"] = 0
    card: Annotated[
        str, Choice(("none", "stable", "unclip"), ("sampling, here", "Stable Diffusion", "DALL-E 2 (unCLIP)")),
        Group("Card"), "The small network at work, or the parts of one that cannot ship",
    ] = "none"  # fmt: skip
    place: Annotated[
        tuple[int, int] | None, Pick("noisy", "without", "asked", "apart", "told", "clean"),
        Group("Prompt", advanced=True), "The pixel that is written out: row and column",
    ] = None  # fmt: skip
    at: Annotated[
        int, Step(), Range(0, LENGTH_OF_WAY - 1), Group("Prompt", advanced=True), "Steps of sampling done"
    ] = 20  # fmt: skip

    def show(self) -> Work[None]:
        """Yield what is told without and with the prompt, results by scale, maps of the words, and the parts."""
        self._accepted()
        if self.card != "none":
            yield from self._card()
            return
        yield _tokens(shown()[2], self._words())
        reader = yield from taught()
        yield from self._at_work(reader)

    def steps(self) -> int:
        """One step of sampling each; a card is not played."""
        return LENGTH_OF_WAY if self.card == "none" else 0

    def at_step(self, number: int) -> Self:
        """Take so many steps of sampling."""
        return replace(self, at=number)

    def _accepted(self) -> None:
        count = len(tokens(self.prompt))
        if self.prompted and not count:
            raise Refused("prompt", "it holds no word", f"write one, as {PROMPT}")
        if count > LENGTH:
            raise Refused("prompt", f"it has {count} words, this network reads {LENGTH}", "make it shorter")

    def _at_work(self, reader: Reader) -> Iterator[Figure]:
        words = self._words()
        ids = reader.vocabulary.ids(" ".join(words), LENGTH)
        way = steered(reader, tuple(ids.tolist()), self.scale, self.seed)
        done = min(self.at, LENGTH_OF_WAY - 1)
        yield from self._told(way, done)
        titles = tuple("no prompt" if s == 0 else f"s = {number(s)}" for s in SCALES)
        ends = way.pictures[-1, 1:]
        yield Gallery("scales", ends, "what comes out of the same noise", titles, levels=SHOWN, columns=len(SCALES))
        if words:
            maps = way.maps[done].mean(axis=0)  # (cells, 1 + words)
            tiles = _faced(maps[:, 1 : 1 + len(words)].T.reshape(-1, GRID, GRID))
            yield Gallery("maps", tiles, "cross-attention: where each word is taken from", words, "viridis",
                          (0.0, float(tiles.max())), columns=LENGTH)  # fmt: skip
        yield Text("story", self._story(reader, words, way.maps[done]), "")

    def _card(self) -> Iterator[Figure]:
        """Draw the parts of what cannot ship."""
        card = STABLE if self.card == "stable" else UNCLIP
        yield Graph("graph", card.nodes, card.edges, card.title, card.marks)
        if self.card == "stable":
            yield _tokens(shown()[2], self._words())
        yield Text("story", f"{card.words}.", "")

    def _words(self) -> tuple[str, ...]:
        return tokens(self.prompt) if self.prompted else ()

    def _told(self, way: Steered, done: int) -> Iterator[Figure]:
        """Draw what is told at one step without the prompt and with it, and where that leads."""
        t = LENGTH_OF_WAY - done
        row, col = self.place or (SIDE // 2, SIDE // 2)
        row, col = min(row, SIDE - 1), min(col, SIDE - 1)
        noisy, without, asked = way.pictures[done, 0], way.without[done], way.asked[done]
        told = guided(asked, without, self.scale)
        wide, most = (-2.5, 2.5), max(float(np.abs(asked - without).max()), 1e-6)
        yield self._picture("noisy", noisy, f"x_t, t = {t}", wide)
        yield self._picture("without", without, "ε∅: no prompt", wide)
        yield self._picture("asked", asked, "ε_c: prompt", wide)
        yield self._picture("apart", asked - without, "ε_c − ε∅", (-most, most), "diverging")
        yield self._picture("told", told, f"guided, s = {number(self.scale)}", wide)
        clean = as_strong("linear", LENGTH_OF_WAY).clean(noisy, t, told)
        yield self._picture("clean", clean, "x̂₀ of it", SHOWN)
        pixel = (float(one[row, col]) for one in (without, asked, told))
        yield Text("formula", _formula(self.scale, *pixel), f"at pixel ({row}, {col})", formula=True)

    def _picture(
        self, name: str, pixels: Array, title: str, levels: tuple[float, float], colours: str = "grey"
    ) -> Picture:
        marks = (Mark(*self.place),) if self.place and max(self.place) < SIDE else ()
        return Picture(name, pixels, title, levels=levels, marks=marks, colours=colours)

    def _story(self, reader: Reader, words: tuple[str, ...], maps: Array) -> str:
        told = []
        unknown = [word for word in words if reader.vocabulary.id(word) == UNKNOWN]
        if unknown:
            told.append(f"it was not taught {', '.join(unknown)}: read as an unknown word")
        if not words:
            told.append("nothing is asked for: with and without the prompt are the same")
        else:
            exact = np.abs(maps.sum(axis=2) - 1).max() < 1e-4
            nothing = 100 * float(maps[..., 0].mean())
            told.append(
                f"rows of attention {'sum to 1' if exact else 'do not sum to 1'}: each cell of {CELL} × {CELL} px "
                f"spreads its own over the words, and {number(nothing, 2)} % on a key that stands for none"
            )
        told.append(
            f"taught just now in {STEPS} steps of {BATCH} captioned drawings of {SIDE} × {SIDE} px, some of them "
            "without caption: so one network can be asked both ways"
        )
        return "; ".join(told) + "."


@lru_cache(maxsize=8)
def steered(reader: Reader, words: tuple[int, ...], scale: float, seed: int) -> Steered:
    """Walk from noise to pictures by Algorithm 2, with the scale asked for and with those of `SCALES` beside it."""
    plan = as_strong("linear", LENGTH_OF_WAY)
    scales = torch.tensor([scale, *SCALES]).reshape(-1, 1, 1, 1)
    drawn = torch.from_numpy(drawn_noise((LENGTH_OF_WAY + 1, 1, 1, SIDE, SIDE), seed).copy())
    x = drawn[0].expand(len(scales), -1, -1, -1).clone()
    both = torch.cat([torch.tensor(words).expand(len(scales), -1), torch.full((len(scales), LENGTH), PAD)])
    pictures, without, asked, maps = [_screen(x)], [], [], []
    with leaving_one_core(), torch.no_grad():
        for done in range(LENGTH_OF_WAY):
            t = LENGTH_OF_WAY - done
            told = reader.network(x.repeat(2, 1, 1, 1), torch.full((2 * len(scales),), plan.left(t)), both)
            maps.append(reader.network.maps[0].numpy())
            with_prompt, none = told.chunk(2)
            without.append(_screen(none)[0])
            asked.append(_screen(with_prompt)[0])
            x = plan.step(x, t, none + scales * (with_prompt - none), drawn[done + 1])
            pictures.append(_screen(x))
    return Steered(np.stack(pictures), np.stack(without), np.stack(asked), np.stack(maps))


def _screen(x: Tensor) -> Array:
    """Turn pictures (n, 1, x, y) to the screen, (n, rows, cols)."""
    made: Array = turned_back(x, False)[:, 0].numpy().copy()
    return made


def _faced(tiles: Array) -> Array:
    """Turn maps (n, x, y) to the screen."""
    made: Array = tiles.transpose(0, 2, 1)[:, ::-1].copy()
    return made


def _formula(scale: float, without: float, asked: float, told: float) -> str:
    return (
        f"ε = ε∅ + s·(ε_c − ε∅) = {number(without)} + {number(scale)}·({number(asked)} − {factor(without)}) = "
        f"{number(told)}"
    )


def _tokens(vocabulary: Vocabulary, words: tuple[str, ...]) -> Table:
    rows: list[tuple[str | float | int | None, ...]] = [
        ("all, here", f"{LENGTH} × {EMBEDDED}", f"= {LENGTH * EMBEDDED:,} numbers"),
        ("Stable Diffusion", f"{WORDS} × {WIDE}", f"= {WORDS * WIDE:,} numbers"),
    ]
    rows += [(word, f"{vocabulary.id(word)}", f"{EMBEDDED} numbers") for word in words]
    return Table("tokens", ("token", "id", "embedding"), tuple(rows), "what the network is given")
