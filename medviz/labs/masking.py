"""Masking: hide a word of a report or patches of a slice, and see what a network tells from the rest (D0, D2)."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Annotated, ClassVar, Self

import numpy as np

from medviz.figures import Bars, Curves, Figure, Line, Mark, Picture, Text
from medviz.imaging.slices import Slice
from medviz.labs.findings import ABDOMEN, grey
from medviz.labs.formulas import number
from medviz.labs.lab import Example, Lab
from medviz.labs.masked_slice import PictureMask, Seen, told_of
from medviz.labs.masked_text import DECK, Guessed, guessed
from medviz.labs.tiny_masked import Filler, Reader, filler, reader
from medviz.messages import Progress, Work
from medviz.parameters import Choice, File, Group, Input, Pick, Range, When
from medviz.refused import Refused
from medviz.training.using.fillers import Patches, Words, filler_of

SENTENCE = "there is severe pleural effusion at the left base."
_TOP = 9


@dataclass(frozen=True)
class Masking(Lab):
    """Click a word or a patch: it is masked, and told from what is left. No label is needed to learn this."""

    TITLE: ClassVar[str] = "Masking"
    ARRANGE: ClassVar[str] = (
        "sentence chances / cost rule / image:1.2 given:1.2 filled:1.2 / error course / formula / story"
    )
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example("Improvisation has 10 %", "SEQ-10", "D2", {"source": "deck"}, {"formula": "= 2.3026"},
                text="The loss of the slide's guess: −log of the probability of the word that stood there."),
        Example("15 % of the tokens are masked", "SEQ-10", "D2", {"masked": "1", "place": 1},
                {"story": "15 % of the words", "rule": (80, 10, 10)},
                text="Click a word: it is masked. Of the chosen words 80 % become <mask>, 10 % another, 10 % stay."),
        Example("What cannot be known", "SEQ-10", "D0", {"masked": "7", "place": 7}, {"formula": "−log P(left)"},
                text="Left or right: nothing tells, so each gets about one half, which costs ln 2 = 0.693."),
        Example("Two words at once", "SEQ-10", "D0", {"masked": "6 7", "place": 7},
                {"story": "2 of 10 words are masked"},
                text="The less is left, the less is known: compare the probability of either word alone."),
        Example("Patches of the slice", "SEQ-10", "D2", {"what": "patches"}, {"formula": "64 patches, 48 masked"},
                text="Click or drag over patches: they are masked, and filled in from the others."),
        Example("All but a few", "SEQ-10", "D2", {"what": "patches", "share_patches": 0.9},
                {"formula": "64 patches, 58 masked"}, text="What it still gets right it knows by heart."),
    )  # fmt: skip

    image: Annotated[Slice, Input("slice"), "Of which patches are masked"] = ABDOMEN
    what: Annotated[
        str, Choice(("words", "patches"), ("words of a sentence", "patches of the slice")), Group("Mask"),
        "What is masked",
    ] = "words"  # fmt: skip
    model: Annotated[
        str, File(folder=True), Group("Network"), "A run of masked modelling; empty: a small network, taught at once"
    ] = ""
    source: Annotated[
        str, Choice(("network", "deck"), ("a network", "the slide of D2")), When("what", "words"), Group("Network"),
        "Who guesses the word",
    ] = "network"  # fmt: skip
    seed: Annotated[
        int, Range(0, 99), Group("Network", advanced=True), "Draws the network's weights and what it is taught"
    ] = 0
    sentence: Annotated[str, When("what", "words"), Group("Mask"), "The sentence; words it was taught do best"] = (
        SENTENCE
    )
    masked: Annotated[
        str, When("what", "words"), Group("Mask"), "Numbers of the masked words, from 0; clicking a word does it too"
    ] = "7"
    share_patches: Annotated[
        float, Range(0.0, 0.95, 0.05), When("what", "patches"), Group("Mask"), "Share of the patches that is masked"
    ] = 0.75
    turned: Annotated[
        str, When("what", "patches"), Group("Mask", advanced=True),
        "Numbers of the patches, from 0, that are masked if they were not, and the other way round; clicking does it",
    ] = ""  # fmt: skip
    draw: Annotated[
        int, Range(0, 99), When("what", "patches"), Group("Mask", advanced=True), "Draws which patches are masked"
    ] = 0
    place: Annotated[int, Range(0, 255), Pick("sentence"), "The masked word in focus, from 0"] = 7

    def show(self) -> Work[None]:
        """Yield the sentence with its guesses, their cost and the rule; or the slice, masked and filled in."""
        if self.what == "patches":
            grey(self.image, 8)
            made = yield from self._filler()
            yield from self._pictures(made)
        elif self.source == "deck":
            yield from self._words(DECK, None)
        else:
            masked = _numbers("masked", self.masked)
            made_reader = yield from self._reader()
            yield from self._words(guessed(made_reader, self.sentence, masked), made_reader)

    def pointed(self, figure: str, cell: tuple[int, int], shape: tuple[int, int]) -> Self:
        """Look at the masked word under the mouse; words that are not masked are left."""
        if figure == "sentence" and self.source == "network" and cell[0] in _numbers("masked", self.masked):
            return replace(self, place=cell[0])
        return self

    def dragged(self, figure: str, start: tuple[float, float], here: tuple[float, float]) -> Self:
        """Mask the word that is clicked, or the patches dragged over; what is masked already is shown again."""
        if figure == "sentence" and self.what == "words" and self.source == "network":
            return self._clicked(int(start[0]))
        if figure in ("image", "given", "filled") and self.what == "patches":
            size, side = self._sizes()
            cells = PictureMask(size, side).over(start, here)
            old = _numbers("turned", self.turned)
            return replace(self, turned=" ".join(map(str, sorted(set(old) ^ set(cells)))))
        return self

    def _clicked(self, word: int) -> Self:
        chosen = set(_numbers("masked", self.masked)) ^ {word}
        if not chosen:
            return self  # one word is always asked for
        place = word if word in chosen else min(chosen)
        return replace(self, masked=" ".join(map(str, sorted(chosen))), place=place)

    def _sizes(self) -> tuple[int, int]:
        """Side of the picture that is shown and of a patch in pixels."""
        made = self._taught()
        if isinstance(made, Patches):
            return made.side, made.patch
        return 64, 8

    def _taught(self) -> Words | Patches | None:
        return _loaded(self.model) if self.model else None

    def _reader(self) -> Work[Reader]:
        yield Progress(0, 0, "reading")
        made = self._taught()
        if made is None:
            return (yield from reader(self.seed))
        if not isinstance(made, Words):
            raise Refused(self.model, "it fills patches in, not words", "mask patches, or take a run with BERT")
        return Reader(made.network, made.vocabulary, made.length, f"the run {made.name}")

    def _filler(self) -> Work[Filler]:
        yield Progress(0, 0, "looking")
        made = self._taught()
        if made is None:
            return (yield from filler(self.image, self.seed))
        if not isinstance(made, Patches):
            raise Refused(self.model, "it guesses words, not patches", "mask words, or take a run on pictures")
        if made.dimensions != 2 or made.channels != 1:
            raise Refused(self.model, "it was not taught on grey slices", "take a run in 2-D on grey pictures")
        return Filler(made.network, made.side, made.patch, f"the run {made.name}", made.normalise)

    # Words

    def _words(self, found: Guessed, made: Reader | None) -> Iterator[Figure]:
        at = self.place if self.place in found.chances else min(found.chances)
        word, chance = found.words[at], found.chances[at]
        yield found.table(at, "the slide's sentence" if made is None else "click a word to mask it")
        names, shares = found.likeliest(at, _TOP)
        title = f"what stands at ▢ {at}: {word} {100 * chance:.3g} %"
        yield Bars("chances", names, np.round(100 * shares, 1), title, "%", weight=1.6)
        p = np.linspace(0.005, 1, 200)
        yield Curves("cost", (Line("−log P", p, -np.log(p)),), f"what the guess costs: −log {chance:.3g}",
                     "P(correct)", "loss (nats)", at=chance, weight=0.8)  # fmt: skip
        rule = made.rule if made is not None and made.rule else (0.15, 0.8, 0.1, 0.1)
        kinds = ("<mask>", "another word", "the word itself")
        counted = "counted" if made is not None and made.rule else "the rule"
        title = f"given for the chosen {100 * rule[0]:.0f} %, {counted}"
        yield Bars("rule", kinds, np.round(100 * np.array(rule[1:])), title, "%", weight=0.8)
        yield Text("formula", f"loss = −log P({word}) = −log {number(chance)} = {-math.log(max(chance, 1e-12)):.5g}",
                   "the loss of this word", formula=True)  # fmt: skip
        yield Text("story", self._told(found, made, rule), "")

    def _told(self, found: Guessed, made: Reader | None, rule: tuple[float, float, float, float]) -> str:
        mean = -sum(math.log(max(one, 1e-12)) for one in found.chances.values()) / len(found.chances)
        said = [f"{len(found.chances)} of {len(found.words)} words are masked, mean loss {mean:.3f}"]
        said.append(f"while learning {100 * rule[0]:.0f} % of the words are chosen")
        if made is None:
            said.append("the slide's word has 10 %; who knows nothing of, say, 30,000 words pays ln 30,000 = 10.31")
            return "; ".join(said) + "."
        know = len(made.vocabulary.words)
        said.append(f"who knows nothing of {know} words pays ln {know} = {math.log(know):.3f}")
        said.append(made.taught)
        if found.unknown:
            said.append(f"it does not know {', '.join(found.unknown)}")
        return "; ".join(said) + "."

    # Patches

    def _pictures(self, made: Filler) -> Iterator[Figure]:
        mask = PictureMask(made.size, made.patch)
        masked = mask.masked(self.share_patches, self.draw, _numbers("turned", self.turned))
        seen = told_of(made, self.image, masked)
        marks = tuple(Mark(*box, "box") for box in mask.boxes(masked))
        plain = Picture("image", seen.picture, "original: click patches", seen.mm, seen.levels, unit=self.image.unit,
                        letters=self.image.letters, drags=True)  # fmt: skip
        yield replace(plain, marks=marks)
        what = f"given: {mask.count - len(masked)} patches"
        yield replace(plain, name="given", pixels=seen.given, title=what)
        what = "patterns filled in" if made.normalise else f"filled in, {seen.quality[0]:.1f} dB"
        yield replace(plain, name="filled", pixels=seen.filled, title=what)
        reach = max(0.25 * (seen.levels[1] - seen.levels[0]), 1e-6)
        yield Picture("error", seen.filled - seen.picture, "filled in − original", seen.mm, (-reach, reach),
                      "diverging", self.image.unit, letters=self.image.letters)  # fmt: skip
        yield seen.course(len(masked) / mask.count)
        yield Text("formula", self._counted(mask, masked, seen, made), "", formula=True)
        yield Text("story", self._compared(seen, made), "")

    def _counted(self, mask: PictureMask, masked: tuple[int, ...], seen: Seen, made: Filler) -> str:
        share = f"{100 * len(masked) / mask.count:.0f} %"
        return (
            f"{mask.count} patches, {len(masked)} masked ({share}): loss = mean (told − meant)² of "
            f"{len(masked)}·{made.patch}² px = {number(seen.lost)}"
        )

    def _compared(self, seen: Seen, made: Filler) -> str:
        said = [made.taught + (": it partly knows it by heart" if not self.model else "")]
        if not made.normalise:
            told, mean, near = (f"{one:.1f} dB" for one in seen.quality)
            said.append(f"masked pixels are told to {told}, by the mean of the visible to {mean}, by what is visible, "
                        f"blurred, to {near}")  # fmt: skip
        said.append("the encoder gets no masked patch, the loss no visible one; it is counted in SD² of the slice")
        return "; ".join(said) + "."


_loaded = lru_cache(maxsize=2)(filler_of)


def _numbers(field: str, text: str) -> tuple[int, ...]:
    """Read numbers with spaces or commas between; refuses anything else."""
    parts = text.replace(",", " ").split()
    if not all(part.isdecimal() and len(part) < 5 for part in parts):
        raise Refused(f"{field}={text}", "it is no list of whole numbers", 'write "2 7", or click')
    return tuple(dict.fromkeys(int(part) for part in parts))
