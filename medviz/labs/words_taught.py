"""word2vec taught at once: the pairs of the report sentences are counted, and each step learns from all of them."""

import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from medviz.data.report_grammar import FAMILIES
from medviz.data.sentences import drawn
from medviz.data.words import SPECIAL, Vocabulary, tokens
from medviz.messages import Progress, Work
from medviz.training.contrasting import analogous

Array = NDArray[Any]
SENTENCES, STEPS, WIDTH = 3000, 120, 32
COMMON, DRAWS = 0.001, 4
"""Words more frequent than this share are left out now and then (Mikolov et al., 2013): so often each sentence is."""


@dataclass(frozen=True, eq=False)
class Table:
    """Words and their vectors (V, D), with the loss of each step; `right` is the share of analogies that come out."""

    words: Vocabulary
    vectors: Tensor
    losses: Array
    right: float
    asked: int


@dataclass(frozen=True, eq=False)
class Counted:
    """How often each word stands near each other (V, V), and the share of each of all words (V,)."""

    words: Vocabulary
    pairs: Tensor
    shares: Tensor


@lru_cache(maxsize=4)
def counted(window: int, seed: int) -> Counted:
    """Count the pairs of the report sentences, frequent words left out by chance."""
    sentences, chance = drawn(SENTENCES, seed), np.random.default_rng(seed)
    words = Vocabulary.of(sentences)
    ids = [np.array([words.id(token) for token in tokens(text)]) for text in sentences]
    shares = np.bincount(np.concatenate(ids), minlength=len(words)) / sum(map(len, ids))
    kept = np.minimum(1.0, np.sqrt(COMMON / np.maximum(shares, 1e-12)))
    counts = np.zeros((len(words), len(words)))
    for one in ids * DRAWS:
        left = one[chance.random(len(one)) < kept[one]]
        for step in range(1, min(window, len(left) - 1) + 1):
            np.add.at(counts, (left[:-step], left[step:]), 1.0)
    return Counted(words, torch.from_numpy(counts + counts.T).float(), torch.from_numpy(shares).float())


_KNOWN: dict[tuple[int, int, int], Table] = {}
"""Tables that were taught already: a turned control must not teach anew."""


def taught(window: int, negatives: int, seed: int) -> Work[Table]:
    """Teach skip-gram on all pairs at once; `negatives` 0 is a softmax over all words."""
    key = window, negatives, seed
    if key not in _KNOWN:
        while len(_KNOWN) >= 6:
            _KNOWN.pop(next(iter(_KNOWN)))
        yield Progress(0, STEPS, "counting the pairs of the report sentences")
        _KNOWN[key] = yield from _learnt(counted(window, seed), negatives, seed)
    return _KNOWN[key]


def _learnt(found: Counted, negatives: int, seed: int) -> Work[Table]:
    chance = torch.Generator().manual_seed(seed)
    size = len(found.words)
    given = ((torch.rand((size, WIDTH), generator=chance) - 0.5) / WIDTH).requires_grad_()
    told = torch.zeros((size, WIDTH), requires_grad=True)
    optimiser = torch.optim.Adam([given, told], lr=0.05)
    losses = []
    began_s = time.monotonic()
    for step in range(STEPS):
        loss = cost(given @ told.T, found, negatives)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        losses.append(loss.item())
        if step % 20 == 19:
            left_s = (time.monotonic() - began_s) / (step + 1) * (STEPS - step - 1)
            yield Progress(step + 1, STEPS, "teaching words", left_s)
    vectors = given.detach()
    right, asked = analogies(vectors, found.words)
    return Table(found.words, vectors, np.array(losses), right, asked)


def cost(scores: Tensor, found: Counted, negatives: int) -> Tensor:
    """Mean loss of all pairs by the scores of each word with each (V, V): softmax, or negatives as they are drawn."""
    weights = found.pairs / found.pairs.sum()
    if not negatives:
        return -(weights * F.log_softmax(scores, 1)).sum()
    noise = found.shares**0.75
    noise = noise / noise.sum()
    wrong = negatives * weights.sum(1, keepdim=True) * noise
    return -(weights * F.logsigmoid(scores) + wrong * F.logsigmoid(-scores)).sum()


def analogies(vectors: Tensor, words: Vocabulary) -> tuple[float, int]:
    """Share of the analogies of the grammar that come out, and how many were asked."""
    known = torch.ones(len(words), dtype=torch.bool)
    known[: len(SPECIAL)] = False
    hits = [
        int(analogous(vectors, (words.id(a), words.id(b), words.id(c)), known).argmax()) == words.id(d)
        for pairs in FAMILIES.values() for b, a in pairs for c, d in pairs
        if c != b and all(one in words for one in (a, b, c, d))
    ]  # fmt: skip
    return float(np.mean(hits)) if hits else 0.0, len(hits)
