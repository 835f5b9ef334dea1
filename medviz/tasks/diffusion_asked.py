"""What a diffusion network is asked for beside the picture: nothing, its class, or its text as numbers of words."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from medviz.data.pictures import CLASSED, WORDED, Pictures
from medviz.data.words import Vocabulary, tokens
from medviz.refused import Refused
from medviz.training.task import Sample

LONGEST = 64
"""Tokens of a text that are read; the rest is cut off."""


@dataclass(frozen=True)
class Condition:
    """What can be asked for: the names of the classes, or the words that are read and how many at once."""

    kinds: tuple[str, ...] = ()
    vocabulary: Vocabulary | None = None
    length: int = 0

    @property
    def given(self) -> dict[str, int]:
        """What the network must be built with."""
        words = 0 if self.vocabulary is None else len(self.vocabulary)
        return {"kinds": len(self.kinds), "words": words, **({"length": self.length} if words else {})}

    def ready(self, sample: Sample) -> Sample:
        """Keep of a sample what a step needs: the picture, its name, and what is asked for."""
        kept: Sample = {name: sample[name] for name in ("image", "name", "text") if name in sample}
        if self.kinds:
            kept["kind"] = sample["kind"]
        if self.vocabulary is not None:
            kept["ids"] = self.vocabulary.ids(sample["text"], self.length)
        return kept


@dataclass(frozen=True, eq=False)
class Asked:
    """Pictures with what is asked for; `places` chooses some of them (None: all)."""

    source: Pictures
    condition: Condition
    places: tuple[int, ...] | None = None

    def __len__(self) -> int:
        return len(self.source) if self.places is None else len(self.places)

    def __getitem__(self, index: int) -> Sample:
        """Return a picture, always the same."""
        return self.condition.ready(self.source[self._place(index)])

    def drawn(self, index: int, chance: np.random.Generator) -> Sample:
        """Return a picture changed by what is drawn from `chance`."""
        return self.condition.ready(self.source.drawn(self._place(index), chance))

    def _place(self, index: int) -> int:
        return index if self.places is None else self.places[index]


def spread(source: Pictures, most: int) -> tuple[int, ...]:
    """Choose up to `most` places, evenly spread over all."""
    return tuple(sorted({round(one) for one in np.linspace(0, len(source) - 1, min(most, len(source)))}))


def condition(kind: str, data: Any, name: str) -> Condition:
    """Read off a data set what can be asked for: `kind` is "none", "class" or "text"; refuses what it has not."""
    if kind == "class":
        if name not in CLASSED or not data.classes:
            raise Refused(name, "its pictures have no classes to ask for", f"choose one of {', '.join(CLASSED)}")
        return Condition(kinds=tuple(data.classes))
    if kind == "text":
        if name not in WORDED:
            raise Refused(name, "its pictures have no texts to ask for", f"choose one of {', '.join(WORDED)}")
        texts = tuple(data.texts)
        longest = max(len(tokens(text)) for text in texts)
        return Condition(vocabulary=Vocabulary.of(texts), length=min(LONGEST, max(longest, 1)))
    return Condition()
