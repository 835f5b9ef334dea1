"""A sentence with masked words: what a network guesses for each, and the guess that deck D2 prints."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from medviz.data.words import MASK, PAD, SPECIAL, tokens
from medviz.figures import Table
from medviz.labs.tiny_masked import Reader
from medviz.refused import Refused

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Guessed:
    """The words of a sentence, and of each masked place the probability of what stood there and of other words.

    `shares` has by place the names of words and their probabilities, the likeliest first.
    """

    words: tuple[str, ...]
    chances: Mapping[int, float]
    shares: Mapping[int, tuple[tuple[str, ...], Array]]
    unknown: tuple[str, ...] = ()

    def likeliest(self, place: int, most: int) -> tuple[tuple[str, ...], Array]:
        """Return the likeliest words of a place with their probabilities; the right one comes last if not among them.

        What all the others have together closes the list.
        """
        names, shares = self.shares[place]
        kept = list(range(min(most, len(names))))
        right = names.index(self.words[place]) if self.words[place] in names else None
        if right is not None and right not in kept:
            kept[-1] = right
        rest = max(0.0, 1.0 - float(shares[kept].sum()))
        return (*(names[k] for k in kept), "all others"), np.append(shares[kept], rest)

    def table(self, focus: int, title: str) -> Table:
        """Write the sentence down, a word a row."""
        rows: list[tuple[str | float | int | None, ...]] = []
        for place, word in enumerate(self.words):
            chance = self.chances.get(place)
            if chance is None:
                rows.append((place, word, word, None, None))
                continue
            given = "▶ ▢" if place == focus else "▢"
            rows.append((place, word, given, round(100 * chance, 2), round(-float(np.log(max(chance, 1e-12))), 4)))
        columns = ("", "word", "given", "P(word)", "−log P")
        return Table("sentence", columns, tuple(rows), title, ("", "", "", "%", "nats"), weight=1.6)


DECK = Guessed(
    ("let's", "stick", "to", "improvisation", "in", "this", "skit"),
    {3: 0.1},
    {3: (("improvisation", "aardvark", "zyzyva"), np.array([0.1, 0.001, 0.0]))},
)
"""The slide of D2: improvisation 10 %, aardvark 0.1 %, zyzyva 0 %; it does not say what the other words have."""


def guessed(made: Reader, sentence: str, masked: tuple[int, ...]) -> Guessed:
    """Guess the masked words of a sentence; refuses one without words, and places where there is none."""
    words = tokens(sentence)[: made.length]
    if not words:
        raise Refused("sentence", "there is no word in it", "write a few words")
    masked = tuple(place for place in masked if place < len(words)) or (len(words) - 1,)
    ids = torch.tensor([made.vocabulary.id(word) for word in words])[None]
    given = ids.clone()
    given[0, list(masked)] = MASK
    with torch.no_grad():
        scores = made.network(given)[0].float()
    scores[:, PAD : len(SPECIAL)] = -torch.inf  # no answer is <pad>
    chances = scores.softmax(-1).numpy()
    found, shares = {}, {}
    for place in masked:
        order = np.argsort(-chances[place], kind="stable")[: len(made.vocabulary.words)]
        shares[place] = tuple(made.vocabulary.word(int(one)) for one in order), chances[place][order].astype(float)
        found[place] = float(chances[place][int(ids[0, place])])
    unknown = tuple(dict.fromkeys(word for word in words if word not in made.vocabulary))
    return Guessed(words, found, shares, unknown)
