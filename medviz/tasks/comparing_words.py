"""word2vec: words that keep the same company lie near each other, and differences of words have a meaning."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medviz.data.report_grammar import FAMILIES
from medviz.data.sentences import ReportSentences, Sentences
from medviz.data.words import SPECIAL, UNKNOWN, Vocabulary, tokens
from medviz.figures import Figure, Heatmap, Points, Table
from medviz.messages import Progress, Work
from medviz.networks import NETWORKS
from medviz.networks.word2vec import Word2Vec
from medviz.tasks.comparing import Comparing, Row, texts_of
from medviz.training.contrasting import analogous, principal
from medviz.training.pairing import surroundings
from medviz.training.task import Batch, Sample, Samples

SHOWN, NEAREST = 24, 4
"""Words whose neighbours are listed, and how many neighbours each."""


@dataclass(frozen=True, eq=False)
class Numbered:
    """Sentences as ids: "ids" (longest,) int64, "text", "name".

    `kept` (V,) is the chance with which a word stays: frequent words are left out more often (Mikolov et al., 2013).
    """

    sentences: Sentences
    vocabulary: Vocabulary
    longest: int
    kept: np.ndarray[Any, Any] | None = None

    def __len__(self) -> int:
        return len(self.sentences)

    def __getitem__(self, index: int) -> Sample:
        """Return a sentence as it is."""
        sample = self.sentences[index]
        return {**sample, "ids": self.vocabulary.ids(sample["text"], self.longest)}

    def drawn(self, index: int, chance: np.random.Generator) -> Sample:
        """Return a sentence with frequent words left out by chance."""
        sample = self[index]
        if self.kept is not None:
            there = sample["ids"][sample["ids"] != 0]
            there = there[torch.from_numpy(chance.random(len(there)) < self.kept[there.numpy()])]
            sample["ids"] = F.pad(there, (0, self.longest - len(there)))
        return sample


class ComparingWords(Comparing):
    """Words and their neighbours."""

    def checked(self, data: Any) -> None:
        """Refuse a data set without texts."""
        texts_of(data, "word2vec")

    def built(self, data: Any) -> nn.Module:
        """Build both tables, and tell how often each word was seen."""
        network: Word2Vec = self.settings.build(NETWORKS, classes=len(self.vocabulary(data)))
        network.seen.copy_(torch.from_numpy(self._seen(data)))
        return network

    def vocabulary(self, data: Any) -> Vocabulary:
        """Return the words of the sentences that are learnt from."""
        return Vocabulary.of(texts_of(data, "word2vec"), self.at_least)

    def _seen(self, data: Any) -> np.ndarray[Any, Any]:
        """How often each word occurs, (V,)."""
        words = self.vocabulary(data)
        counts = np.zeros(len(words), np.float32)
        for text in texts_of(data, "word2vec"):
            np.add.at(counts, [words.id(token) for token in tokens(text)], 1)
        return counts

    def training(self, data: Any) -> Samples:
        """Sentences with frequent words left out."""
        kept = None
        if self.common:
            seen = self._seen(data)
            share = seen / max(1.0, seen.sum())
            kept = np.minimum(1.0, np.sqrt(self.common / np.maximum(share, 1e-12)))
        return Numbered(Sentences(texts_of(data, "word2vec")), self.vocabulary(data), self.longest, kept)

    def validation(self, data: Any) -> Samples:
        """Sentences that training never sees, as they are."""
        held = data.validation(2, 16).texts
        return Numbered(Sentences(held), self.vocabulary(data), self.longest)

    def loss(self, network: Any, batch: Batch) -> Tensor:
        """Tell the neighbours from the word, or the word from its neighbours, for all places of all sentences."""
        given, wanted = asked(network, batch["ids"], self.window)
        if not len(wanted):  # sentences of one word have no neighbours
            nothing: Tensor = (network.words.weight.sum() + network.contexts.weight.sum()) * 0
            return nothing
        if not network.negatives:
            return F.cross_entropy(given @ network.contexts.weight.T, wanted)
        drawn = torch.multinomial(network.noise, len(wanted) * network.negatives, replacement=True)
        return negative_sampling(given, network.contexts(wanted),
                                 network.contexts(drawn.reshape(len(wanted), network.negatives)))  # fmt: skip

    def chance(self, data: Any) -> float | None:
        """Loss where all vectors are nought: ln V, or (k + 1) ln 2 with k negatives."""
        network: Word2Vec = self.settings.build(NETWORKS, classes=len(self.vocabulary(data)))
        return float((network.negatives + 1) * np.log(2) if network.negatives else np.log(len(self.vocabulary(data))))

    def measured(self, network: Any, batches: Sequence[Batch], data: Any) -> Work[Mapping[str, float]]:
        """Measure the loss of held-out pairs, and how many analogies of the grammar come out."""
        total, pairs = 0.0, 0
        for number, batch in enumerate(batches, start=1):
            loss, count = expected(network, batch["ids"], self.window)
            total, pairs = total + loss * count, pairs + count
            if number % 64 == 0 or number == len(batches):
                yield Progress(number, len(batches), "validation")
        found = {"validation/loss": total / max(1, pairs)}
        if isinstance(data, ReportSentences) and data.analogies:
            found |= analogies(network, self.vocabulary(data))
        return found

    def rows(self, network: Any, batches: Sequence[Batch], data: Any) -> Work[list[Row]]:
        """Tell the loss of each sentence and what it holds."""
        rows: list[Row] = []
        for number, batch in enumerate(batches, start=1):
            loss, count = expected(network, batch["ids"], self.window)
            strange = int((batch["ids"] == UNKNOWN).sum())
            rows.append({"loss": loss if count else None, "pairs": count, "unknown words": strange,
                         "sentence": batch["text"][0]})  # fmt: skip
            if number % 64 == 0 or number == len(batches):
                yield Progress(number, len(batches), "cases measured")
        return rows

    def figures(self, network: Any, probes: Sequence[Batch], data: Any) -> Iterator[Figure]:
        """Draw a map of words, who is like whom, and the nearest neighbours of some."""
        words = self.vocabulary(data)
        shown, groups, names = _chosen(data, words)
        ids = torch.tensor([words.id(one) for one in shown])
        table = network.words.weight.detach()
        at, share = principal(F.normalize(table[ids], dim=1))
        title = f"map of words: {share:.0%} of the variance"
        yield Points("map", at.cpu().numpy(), title, groups, names, shown, "first component", "second", spelt=True)
        some = min(12, len(shown))
        unit = F.normalize(table[ids[:some]], dim=1)
        yield Heatmap("similarity", (unit @ unit.T).cpu().numpy(), "cosine of words", "diverging", (-1.0, 1.0),
                      row_names=shown[:some], digits=2)  # fmt: skip
        yield _neighbours(table, words, shown[:SHOWN])

    def description(self, data: Any) -> dict[str, Any]:
        """Name the words of the table, in the order of its rows after the special ones."""
        return {"vocabulary": list(self.vocabulary(data).words), "window": self.window}


def asked(network: Word2Vec, ids: Tensor, window: int) -> tuple[Tensor, Tensor]:
    """Return vectors that are given (P, width), and the ids that are to be told from them (P,), of sentences (N, L)."""
    centres, near, there = surroundings(ids, window)
    if network.kind == "cbow":
        lonely = there.any(1)
        return network(near[lonely], there[lonely]), centres[lonely]
    return network(centres.repeat_interleave(there.sum(1))), near[there]


def negative_sampling(given: Tensor, right: Tensor, wrong: Tensor) -> Tensor:
    """−ln σ(v·u) − Σ ln σ(−v·uₖ), the mean over pairs: (P, D), (P, D), (P, k, D)."""
    good = F.logsigmoid((given * right).sum(1))
    bad = F.logsigmoid(-(wrong @ given[..., None])[..., 0]).sum(1)
    return -(good + bad).mean()


def expected(network: Word2Vec, ids: Tensor, window: int) -> tuple[float, int]:
    """Mean loss of the pairs of sentences (N, L), without chance, and how many there are.

    Of negatives the mean over all words, weighted as they are drawn.
    """
    given, wanted = asked(network, ids, window)
    if not len(wanted):
        return 0.0, 0
    scores = given @ network.contexts.weight.T
    if not network.negatives:
        return float(F.cross_entropy(scores, wanted)), len(wanted)
    good = F.logsigmoid(scores.gather(1, wanted[:, None]))[:, 0]
    bad = network.negatives * (F.logsigmoid(-scores) @ network.noise)
    return float(-(good + bad).mean()), len(wanted)


def analogies(network: Word2Vec, words: Vocabulary) -> dict[str, float]:
    """Share of the analogies of the grammar for which a − b + c is nearest to d, of each family and of all."""
    known = network.seen > 0
    known[: len(SPECIAL)] = False
    found: dict[str, list[bool]] = {}
    for family, pairs in FAMILIES.items():
        for b, a in pairs:
            for c, d in pairs:
                if c != b and all(one in words for one in (a, b, c, d)):
                    question = words.id(a), words.id(b), words.id(c)
                    nearest = int(analogous(network.words.weight, question, known).argmax())
                    found.setdefault(family, []).append(nearest == words.id(d))
    shares = {f"validation/analogies/{family}": float(np.mean(one)) for family, one in found.items()}
    every = [one for some in found.values() for one in some]
    return {"validation/analogies": float(np.mean(every)), **shares} if every else {}


def _chosen(data: Any, words: Vocabulary) -> tuple[tuple[str, ...], np.ndarray[Any, Any] | None, tuple[str, ...]]:
    """Words that are shown: the pairs of the grammar by family, else the most frequent words."""
    if not (isinstance(data, ReportSentences) and data.analogies):
        return tuple(one for one in words.words if one.isalpha())[:60], None, ()
    named = [(word, number) for number, pairs in enumerate(FAMILIES.values()) for pair in pairs for word in pair]
    there = [one for one in named if one[0] in words]
    return tuple(word for word, _ in there), np.array([number for _, number in there]), tuple(FAMILIES)


def _neighbours(table: Tensor, words: Vocabulary, shown: Sequence[str]) -> Table:
    unit = F.normalize(table, dim=1)
    rows = []
    for word in shown:
        near = unit @ unit[words.id(word)]
        near[[*range(len(SPECIAL)), words.id(word)]] = -2
        best = near.topk(min(NEAREST, len(words.words) - 1))
        rows.append((word, *(f"{words.word(int(k))} {float(s):.2f}" for s, k in zip(*best, strict=True))))
    columns = ("word", *(f"{number + 1}." for number in range(len(rows[0]) - 1))) if rows else ("word",)
    return Table("nearest", columns, tuple(rows), "nearest words and their cosine")
