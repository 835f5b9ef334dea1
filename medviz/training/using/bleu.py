"""BLEU: how many runs of 1, 2, 3 and 4 words a text shares with one or several references.

Papineni, Roukos, Ward and Zhu, "BLEU: a method for automatic evaluation of machine translation", 2002: BLEU-N is
BP · exp(Σ ln p_n / N), n = 1 to N. p_n is the share of the text's n-grams that a reference has, each counted at most as
often as the reference that has most of them; BP = 1, or exp(1 − r/c) where the text's c words are fewer than r. Nothing
is smoothed: where a precision is 0, or a text is shorter than N words, BLEU-N is 0.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

MOST = 4
Words = Sequence[str]
Ngram = tuple[str, ...]


@dataclass(frozen=True)
class Bleu:
    """What was counted, in one text or (added up) in many: n-grams that match and all, for n = 1 to 4, and words.

    `said` are the words of the texts (c), `meant` those of the references nearest in length (r).
    """

    matches: tuple[int, ...] = (0,) * MOST
    totals: tuple[int, ...] = (0,) * MOST
    said: int = 0
    meant: int = 0

    def __add__(self, other: "Bleu") -> "Bleu":
        """Add the counts of other texts: BLEU is of a corpus and not a mean over its sentences."""
        matches = tuple(a + b for a, b in zip(self.matches, other.matches, strict=True))
        totals = tuple(a + b for a, b in zip(self.totals, other.totals, strict=True))
        return Bleu(matches, totals, self.said + other.said, self.meant + other.meant)

    def precision(self, length: int) -> float:
        """Share of the n-grams of this length that match; 0 where there are none."""
        total = self.totals[length - 1]
        return self.matches[length - 1] / total if total else 0.0

    @property
    def brevity(self) -> float:
        """BP: what is left of the score of a text that says too little."""
        if not self.said:
            return 0.0
        return 1.0 if self.said >= self.meant else math.exp(1 - self.meant / self.said)

    def score(self, length: int = MOST) -> float:
        """BLEU with n-grams of 1 to `length` words, in 0..1."""
        shares = [self.precision(one) for one in range(1, length + 1)]
        return 0.0 if min(shares) == 0 else self.brevity * math.exp(sum(map(math.log, shares)) / length)


@dataclass(frozen=True)
class Counted:
    """One n-gram of a text: how often the text has it, how often a reference at most, and how often it counts."""

    ngram: Ngram
    said: int
    meant: int

    @property
    def counts(self) -> int:
        """The smaller of both: saying a word seven times is no merit."""
        return min(self.said, self.meant)


def ngrams(words: Words, length: int) -> list[Ngram]:
    """Return all runs of so many words, in their order."""
    return [tuple(words[at : at + length]) for at in range(len(words) - length + 1)]


def counted(said: Words, references: Sequence[Words], length: int) -> list[Counted]:
    """Count each different n-gram of a text against the references, in the order in which they come."""
    many = [Counter(ngrams(one, length)) for one in references]
    own = Counter(ngrams(said, length))
    return [Counted(ngram, count, max((one[ngram] for one in many), default=0)) for ngram, count in own.items()]


def bleu(said: Words, references: Sequence[Words]) -> Bleu:
    """Count all that BLEU needs of one text; of references equally near in length the shorter one counts."""
    matches = tuple(sum(one.counts for one in counted(said, references, length)) for length in range(1, MOST + 1))
    totals = tuple(max(0, len(said) - length + 1) for length in range(1, MOST + 1))
    nearest = min((len(one) for one in references), key=lambda long: (abs(long - len(said)), long), default=0)
    return Bleu(matches, totals, len(said), nearest)
