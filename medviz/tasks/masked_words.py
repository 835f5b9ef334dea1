"""Masked words: their loss, how well they are guessed beside the commonest word, and a table of what was guessed."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medviz.data.masking import commonness
from medviz.data.words import MASK, PAD, Vocabulary
from medviz.figures import Table
from medviz.messages import Progress, Work
from medviz.training.task import Batch

_GUESSES, _NEAR = 4, 3
"""So many of the likeliest words are written down, and so many words on either side of the masked one."""


@dataclass(frozen=True)
class Told:
    """What was guessed in one sentence: sums over its masked words, and how many these are.

    `lost` and `unigram` are sums of −log P(correct), of the network and of a guess by how common words are.
    """

    count: int
    lost: float
    right: int
    unigram: float
    commonest: int


def loss(scores: Tensor, batch: Batch) -> Tensor:
    """Mean of −log P(correct) over the chosen words, (N, L, words) → (); other words do not enter it."""
    chosen: Tensor = batch["chosen"]
    each = F.cross_entropy(scores.float().flatten(0, 1), batch["meant"].flatten(), reduction="none")
    picked = chosen.flatten().to(each)
    return (each * picked).sum() / picked.sum().clamp_min(1)


@lru_cache(maxsize=4)
def common(texts: tuple[str, ...], vocabulary: Vocabulary, length: int) -> Tensor:
    """How common each word is in the texts that are learnt from, (words,)."""
    return torch.from_numpy(commonness(texts, vocabulary, length))


def told(network: nn.Module, batches: Sequence[Batch], shares: Tensor) -> Work[list[Told]]:
    """Guess what is masked, sentence by sentence; `shares` (words,) is how common each word is."""
    rows = []
    likeliest = int(shares.argmax())
    for number, batch in enumerate(batches, start=1):
        places = batch["chosen"]
        meant = batch["meant"][places].cpu()
        guessed = network(batch["given"])[places].float().log_softmax(-1).cpu()
        lost = float(-guessed.gather(1, meant[:, None]).sum())
        right, commonest = int((guessed.argmax(1) == meant).sum()), int((meant == likeliest).sum())
        unigram = float(-shares[meant].clamp_min(1e-12).log().sum())
        rows.append(Told(len(meant), lost, right, unigram, commonest))
        if number % 16 == 0 or number == len(batches):
            yield Progress(number, len(batches), "validation")
    return rows


def measured(rows: Sequence[Told]) -> dict[str, float]:
    """Loss, accuracy and perplexity over all masked words, beside the guess by how common words are."""
    count = max(1, sum(one.count for one in rows))
    lost, unigram = sum(one.lost for one in rows) / count, sum(one.unigram for one in rows) / count
    return {
        "loss": lost,
        "accuracy (%)": 100 * sum(one.right for one in rows) / count,
        "perplexity": math.exp(min(lost, 50.0)),
        "commonest word/accuracy (%)": 100 * sum(one.commonest for one in rows) / count,
        "unigram/perplexity": math.exp(min(unigram, 50.0)),
    }


def row(one: Told) -> dict[str, Any]:
    """Say of one sentence how well it was guessed; the sentence itself is not kept."""
    count = max(1, one.count)
    return {
        "masked words": one.count, "loss": one.lost / count, "accuracy (%)": 100 * one.right / count,
        "_told": (one.count, one.lost, one.right, one.unigram, one.commonest),
    }  # fmt: skip


def summarised(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Measure over all sentences what is no mean of theirs."""
    return measured([Told(*one["_told"]) for one in rows])


def drawn(network: nn.Module, probes: Sequence[Batch], vocabulary: Vocabulary) -> Table:
    """Write sentences with their masked words, what was guessed, and how probable it seemed; a row a masked word."""
    rows: list[tuple[str | float | int | None, ...]] = []
    for batch in probes:
        chances = network(batch["given"])[0].float().softmax(-1).cpu()
        for place in batch["chosen"][0].nonzero().flatten().tolist():
            meant = int(batch["meant"][0, place])
            likely = chances[place].topk(min(_GUESSES, chances.shape[1]))
            guesses = ", ".join(
                f"{vocabulary.word(int(word))} {100 * share:.0f} %"
                for word, share in zip(likely.indices, likely.values.tolist(), strict=True)
            )
            chance = float(chances[place, meant])
            near = around(batch["given"][0], place, vocabulary)
            rows.append((near, vocabulary.word(meant), round(100 * chance, 1), guesses))
    columns = ("▢ among its neighbours", "meant", "P(meant)", "likeliest words")
    return Table("sentences", columns, tuple(rows), "masked words of held-out sentences", ("", "", "%", ""))


def around(given: Tensor, place: int, vocabulary: Vocabulary) -> str:
    """Write the words round a place of a sentence (L,), with a box for each masked word, the one asked for marked."""
    length = int((given != PAD).sum())
    first, last = max(0, place - _NEAR), min(length, place + _NEAR + 1)
    words = ["▢" if int(one) == MASK else vocabulary.word(int(one)) for one in given[first:last]]
    words[place - first] = f"[{words[place - first]}]"
    return " ".join([*["…"] * (first > 0), *words, *["…"] * (last < length)])
