"""Captions: a generated report beside the true one, BLEU counted step by step, and where each word looked (D2)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Self

import numpy as np
import torch

from medviz.figures import Bars, Figure, Gallery, Picture, Text
from medviz.labs.captions_compared import compared, counting, ngram_steps
from medviz.labs.formulas import number
from medviz.labs.lab import Example, Lab
from medviz.labs.tiny_captioner import LENGTH, Speaker, speaker
from medviz.messages import Work
from medviz.parameters import Choice, File, Group, Range, Step, When
from medviz.refused import Refused
from medviz.training.using.captioning import Caption, facing, likeliest, looks, shown, told

GENERATED = (
    "The heart is enlarged. The mediastinal contour is normal. No focal consolidation. The lungs are free of focal "
    "airspace disease. No atelectasis. No pleural effusion. No fibrosis. No pneumonia. No pneumothorax is seen. "
    "No pulmonary edema. No pulmonary nodules or mass lesions identified. No fracture is seen."
)
REFERENCE = (
    "The heart is mildly enlarged. Left hemidiaphragm is elevated. There is no acute infiltrate or pleural effusion. "
    "The mediastinum is unremarkable."
)
"""What a network wrote of a chest X-ray, and what a radiologist did (deck D2, "Automatic Captioning")."""
LONGEST = 4000
_TEXTS, _PICTURE = Group("Texts"), Group("Picture")


@dataclass(frozen=True)
class Captions(Lab):
    """What is said of a picture: finding by finding, run of words by run of words, and word by word with its look."""

    TITLE: ClassVar[str] = "Captions"
    ARRANGE: ClassVar[str] = (
        "picture look words:1.2 / looks / findings:1.6 / counts:1.2 precisions / reading / formula / story"
    )
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example("The report of the deck: a finding is missed", "SEQ-15", "D2", {},
                {"story": 'It misses "left hemidiaphragm is elevated"',
                 "findings": "missed left hemidiaphragm is elevated"},
                text="Ten things are added, all of them denied: safe sentences that are true of most pictures."),
        Example("Enlarged, or mildly enlarged", "SEQ-15", "D2", {"at": 2},
                {"findings": 'differs heart is mildly enlarged heart is enlarged "mildly enlarged" → "enlarged"',
                 "story": '"enlarged" against "mildly enlarged"', "counts": "heart 1 1 1"},
                text="One word of 25 is left out, and a normal variant becomes an illness; BLEU hardly notices."),
        Example("BLEU counts each word once", "SEQ-15", "D2",
                {"generated": "the the the the the the the", "reference": "the cat is on the mat", "most": 1},
                {"formula": "2/7 = 0.2857", "counts": "the 7 2 2"},
                text="Papineni et al.: the reference has two, so two of seven count; a bare precision would be 7/7."),
        Example("Too short is not good", "SEQ-15", "D2",
                {"generated": "the cat", "reference": "the cat is on the mat", "most": 2},
                {"formula": "exp(1 − 6/2) = 0.1353"},
                text="All that it says is right; the brevity penalty takes nearly all of the score."),
        Example("Where each word looks", "SEQ-15", "D2", {"about": "picture", "at": 4},
                {"story": "attention over the places of each word sums to 1"},
                text="Play: the network says word after word, and looks at the picture for each of them."),
    )  # fmt: skip

    about: Annotated[
        str, Choice(("texts", "picture"), ("two texts", "a picture and its caption")), "What is looked at"
    ] = "texts"  # fmt: skip
    reference: Annotated[str, When("about", "texts"), _TEXTS, "What should be said, as a radiologist wrote it"] = (
        REFERENCE
    )
    generated: Annotated[str, When("about", "texts"), _TEXTS, "What a network says"] = GENERATED
    most: Annotated[int, Range(1, 4, unit="words"), _TEXTS, "Words of the longest n-gram that BLEU counts"] = 4
    number: Annotated[int, Range(1, 99), When("about", "picture"), _PICTURE, "The drawn picture, from 1"] = 1
    beams: Annotated[
        int, Range(1, 8), When("about", "picture"), _PICTURE, "Beginnings followed up side by side; 1 is greedy"
    ] = 1  # fmt: skip
    run: Annotated[
        str, File(folder=True), When("about", "picture"), _PICTURE,
        "A run of the task captioning; empty: a small network, taught at once",
    ] = ""  # fmt: skip
    seed: Annotated[
        int, Range(0, 9), When("about", "picture"), Group("Picture", advanced=True), "Draws the small network"
    ] = 0  # fmt: skip
    at: Annotated[int, Step(), Range(0, 2 * LONGEST), _TEXTS, "n-grams counted, or words said; 0: all"] = 0

    def show(self) -> Work[None]:
        """Yield findings and BLEU of two texts; or a picture, its caption word by word, and the same of both."""
        if self.about == "texts":
            for name, text in (("reference", self.reference), ("generated", self.generated)):
                if len(text) > LONGEST:
                    raise Refused(name, f"it has {len(text):,} letters", f"give at most {LONGEST:,}")
            yield from compared(self.reference, self.generated)
            yield from counting(self.reference, self.generated, self.most, self.at)
            return
        made = yield from speaker(self.run, self.seed)
        yield from self._said(made)

    def steps(self) -> int:
        """One step an n-gram or a word, after the one that shows all."""
        if self.about == "texts":
            return 1 + len(ngram_steps(self.reference[:LONGEST], self.generated[:LONGEST], self.most))
        return LENGTH

    def pointed(self, figure: str, cell: tuple[int, int], shape: tuple[int, int]) -> Self:
        """Take the word whose look is pointed at."""
        return replace(self, at=cell[0] * shape[1] + cell[1] + 1) if figure == "looks" else self

    def _said(self, made: Speaker) -> Iterator[Figure]:
        image, meant = made.picture(self.number - 1)
        with torch.no_grad():
            caption = told(made.network, image[None], made.vocabulary, self.beams)[0]
        pixels = image.numpy()
        names = shown(caption.words)
        tiles = looks(pixels, caption.attention, True)
        at = min(self.at, len(names)) - 1 if self.at else -1
        yield Picture("picture", facing(pixels, True), f"picture {self.number}")
        mean = looks(pixels, caption.attention.mean(0, keepdims=True), True)[0]
        where = f"looks for “{names[at]}”" if at >= 0 else "looks for all words"
        yield Picture("look", tiles[at] if at >= 0 else mean, where)
        yield self._next(made, caption, at)
        titles = tuple(f"{'▸ ' if k == at else ''}{name}" for k, name in enumerate(names))
        yield Gallery("looks", tiles, "where it looks, word by word", titles)
        findings, _ = compared(meant, caption.text)
        yield findings
        yield Text("reading", " ".join(names[: at + 1] if at >= 0 else names), "said so far" if at >= 0 else "said")
        yield Text("formula", _likelihood(caption, at), "probability", formula=True)
        yield Text("story", self._story(made, caption, meant), "")

    def _next(self, made: Speaker, caption: Caption, at: int) -> Bars:
        if at < 0:
            names = tuple(f"{k} {name}" for k, name in enumerate(shown(caption.words), start=1))
            return Bars("words", names, caption.shares * 100, "how probable each word was", "%")
        found = likeliest(caption, at, made.vocabulary)
        title = f"the likeliest words in place {at + 1}"
        return Bars(
            "words", tuple(name for name, _ in found), np.array([100 * share for _, share in found]), title, "%"
        )

    def _story(self, made: Speaker, caption: Caption, meant: str) -> str:
        exact = "word for word as meant" if caption.text == meant else f'meant is "{meant}"'
        sums = caption.attention.sum((1, 2))
        off = float(np.abs(sums - 1).max())
        each = "sums to 1" if off < 1e-4 else f"is off 1 by {off:.2g}"
        way = "the likeliest next word each time" if self.beams == 1 else f"a search of {self.beams} beams"
        return (
            f'It says "{caption.text}" ({way}): {exact}. The attention over the places of each word {each}; it says '
            f"what was mixed, not why the word came. The picture {made.unseen}; it was captioned by {made.who}."
        )


def _likelihood(caption: Caption, at: int) -> str:
    """Write the product of the probabilities of the words."""
    shares = caption.shares[: at + 1] if at >= 0 else caption.shares
    terms = " · ".join(number(float(one), 3) for one in shares[:9]) + (" · …" if len(shares) > 9 else "")
    total = float(np.log(shares.astype(float)).sum())
    return f"{terms} = {number(float(np.exp(total)), 4)},  ln p = {number(total, 4)}"
