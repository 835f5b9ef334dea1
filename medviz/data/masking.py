"""Samples of which a part is masked, to be told from the rest: patches of pictures, words of sentences."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medviz.data.patches import Case, Patches
from medviz.data.pictures import Pictures
from medviz.data.preparation import normalised
from medviz.data.words import MASK, PAD, SPECIAL, Vocabulary, tokens

Sample = dict[str, Any]
AS_MASK, AS_OTHER = 0.8, 0.1
"""Of the words chosen so many become <mask>, so many another word; the rest stay as they are (BERT's 80/10/10)."""


class _Pictures(Protocol):
    """Pictures (C, x, y[, z]), with and without chance."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...

    def drawn(self, index: int, chance: np.random.Generator) -> Sample: ...


@dataclass(frozen=True, eq=False)
class MaskedPictures:
    """Pictures of which a `share` of the patches is masked: "image" (C, x, y[, z]) float32, "shown" (v,) int64, "name".

    `cells` is how many patches there are; "shown" are the numbers of those that may be seen, in order. A picture is
    scaled as segmentation and classification scale theirs: its foreground has mean 0 and spread 1.
    """

    source: _Pictures
    cells: int
    share: float

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> Sample:
        """Return a picture as it is, always with the same patches masked."""
        return self._masked(self.source[index], np.random.default_rng((0x3A, index)))

    def drawn(self, index: int, chance: np.random.Generator) -> Sample:
        """Return a picture, changed and masked as is drawn from `chance`."""
        return self._masked(self.source.drawn(index, chance), chance)

    def _masked(self, sample: Sample, chance: np.random.Generator) -> Sample:
        image = torch.from_numpy(normalised(sample["image"].numpy()))
        return {"image": image, "shown": shown_of(self.cells, self.share, chance), "name": sample["name"]}


def shown_of(cells: int, share: float, chance: np.random.Generator) -> Tensor:
    """Draw the numbers of the patches that stay visible, in order; at least one stays and at least one is masked."""
    masked = min(max(1, round(share * cells)), cells - 1)
    return torch.from_numpy(np.sort(chance.permutation(cells)[masked:]).astype(np.int64))


class _Bare(Sequence[Case]):
    """Cases without their label maps."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self._cases = cases

    def __len__(self) -> int:
        return len(self._cases)

    def __getitem__(self, index: Any) -> Any:
        """Return a case in which nothing is labelled."""
        case = self._cases[int(index)]
        return Case(case.name, case.image, np.zeros_like(case.label))


def unlabelled(found: Pictures) -> Pictures:
    """Take away the label maps by which patches and slices would be chosen: what is learnt must not know them."""
    source = found.source
    return replace(found, source=replace(source, cases=_Bare(source.cases))) if isinstance(source, Patches) else found


@dataclass(frozen=True, eq=False)
class MaskedWords:
    """Sentences of which a `share` of the words is to be guessed: "given", "meant" (L,) int64, "chosen" (L,) bool.

    ``words[i]`` masks always the same words, each with <mask>; ``drawn(i, chance)`` keeps to the 80/10/10 rule.
    """

    texts: Sequence[str]
    vocabulary: Vocabulary
    length: int
    share: float
    _kept: dict[int, Tensor] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, index: int) -> Sample:
        """Return a sentence with the same words masked each time."""
        meant = self._ids(index)
        chosen = chosen_words(meant, self.share, np.random.default_rng((0x3B, index)))
        return self._sample(index, meant, torch.where(chosen, MASK, meant), chosen)

    def drawn(self, index: int, chance: np.random.Generator) -> Sample:
        """Return a sentence with the words masked that are drawn from `chance`."""
        meant = self._ids(index)
        chosen = chosen_words(meant, self.share, chance)
        return self._sample(index, meant, replaced(meant, chosen, len(self.vocabulary), chance), chosen)

    def _sample(self, index: int, meant: Tensor, given: Tensor, chosen: Tensor) -> Sample:
        return {"given": given, "meant": meant, "chosen": chosen, "name": f"sentence {index}"}

    def _ids(self, index: int) -> Tensor:
        if index not in self._kept:
            self._kept[index] = self.vocabulary.ids(self.texts[index], self.length)
        return self._kept[index]


def chosen_words(ids: Tensor, share: float, chance: np.random.Generator) -> Tensor:
    """Draw which words of a sentence (L,) are to be guessed, (L,) bool: a share of those that are words, at least one.

    What the vocabulary does not know is never asked for; a sentence of nothing else is left as it is.
    """
    there = np.flatnonzero(ids.numpy() >= len(SPECIAL))
    chosen = torch.zeros(len(ids), dtype=torch.bool)
    if there.size:
        chosen[chance.permutation(there)[: max(1, round(share * there.size))]] = True
    return chosen


def replaced(ids: Tensor, chosen: Tensor, words: int, chance: np.random.Generator) -> Tensor:
    """Put <mask> in the place of 80 % of the chosen words, any word in that of 10 %, and leave 10 % (L,)."""
    turn = torch.from_numpy(chance.random(len(ids)))
    other = torch.from_numpy(chance.integers(len(SPECIAL), words, len(ids)))
    put = torch.where(turn < AS_MASK, MASK, torch.where(turn < AS_MASK + AS_OTHER, other, ids))
    return torch.where(chosen, put, ids)


def longest(texts: Sequence[str]) -> int:
    """Count the words of the longest text."""
    return max((len(tokens(text)) for text in texts), default=0)


def commonness(texts: Sequence[str], vocabulary: Vocabulary, length: int) -> NDArray[np.float64]:
    """How often each word occurs in texts, (words,) summing to 1; each is counted once more than it occurs."""
    counts = np.zeros(len(vocabulary))
    for text in texts:
        ids = vocabulary.ids(text, length).numpy()
        np.add.at(counts, ids[ids != PAD], 1)
    counts[len(SPECIAL) :] += 1
    counts[: len(SPECIAL)] = 0
    shares: NDArray[np.float64] = counts / counts.sum()
    return shares
