"""Captions compared with what was meant: word by word with true words before, and the whole of what is said freely."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from medviz.data.words import PAD, Vocabulary, tokens
from medviz.training.task import Batch
from medviz.training.using.bleu import MOST, Bleu, bleu
from medviz.training.using.captioning import told
from medviz.training.using.findings import ADDED, DIFFERS, MISSED, OPPOSITE, aligned, counts


@dataclass(frozen=True)
class Judged:
    """One picture: the tokens meant and said, and with true words before: words asked, told right, and their loss."""

    meant: tuple[str, ...]
    said: tuple[str, ...]
    text: str
    words: int
    right: int
    loss: float

    @property
    def exact(self) -> bool:
        """Tell whether word for word the same was said."""
        return self.meant == self.said

    @property
    def counts(self) -> Bleu:
        """What BLEU counts of it."""
        return bleu(self.said, [self.meant])

    def row(self, vocabulary: Vocabulary) -> dict[str, Any]:
        """Return the row of the case; a word of the reference that the network does not know is "<unknown>"."""
        length = max(3, len(self.meant) + 2)
        reference = vocabulary.text(vocabulary.ids(" ".join(self.meant), length, ends=True))
        found = counts(aligned(" ".join(self.meant), " ".join(self.said)))
        mine = self.counts
        return {
            "word accuracy": self.right / max(self.words, 1),
            "reference": reference,
            "generated": self.text,
            "exact match": float(self.exact),
            "findings missed": found[MISSED],
            "findings added": found[ADDED],
            "findings that differ": found[DIFFERS] + found[OPPOSITE],
            "loss": self.loss / max(self.words, 1),
            "_counts": [*mine.matches, *mine.totals, mine.said, mine.meant],
        }


def judged(network: nn.Module, batches: Sequence[Batch], vocabulary: Vocabulary, beams: int) -> list[Judged]:
    """Ask a captioner (eval mode, no gradients) about batches of one picture of one size."""
    image = torch.cat([one["image"] for one in batches])
    words = torch.cat([one["words"] for one in batches])
    asked: Any = network
    logs = network(image, words[:, :-1]).float().log_softmax(-1)
    goal = words[:, 1:]
    there = goal != PAD
    losses = -(logs.gather(-1, goal[..., None])[..., 0] * there).sum(1)
    right = ((logs.argmax(-1) == goal) & there).sum(1)
    found = []
    for at, caption in enumerate(told(asked, image, vocabulary, beams)):
        meant, count = tokens(batches[at]["text"][0]), int(there[at].sum())
        found.append(Judged(meant, caption.tokens, caption.text, count, int(right[at]), float(losses[at])))
    return found


def together(found: Sequence[Judged]) -> dict[str, float]:
    """Measure all of them: words count alike, and BLEU is that of all texts together."""
    words = max(sum(one.words for one in found), 1)
    loss = sum(one.loss for one in found) / words
    return {
        "loss": loss,
        "perplexity": math.exp(min(loss, 50.0)),
        "word accuracy": sum(one.right for one in found) / words,
        "exact match": sum(one.exact for one in found) / len(found),
        **bleus(sum((one.counts for one in found), Bleu())),
    }


def bleus(counted: Bleu) -> dict[str, float]:
    """Return BLEU-1 to BLEU-4."""
    return {f"BLEU-{length}": counted.score(length) for length in range(1, MOST + 1)}


def counts_of(plain: Sequence[int]) -> Bleu:
    """Read counts back from the row of a case."""
    return Bleu(tuple(plain[:MOST]), tuple(plain[MOST : 2 * MOST]), plain[-2], plain[-1])
