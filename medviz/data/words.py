"""Words as numbers: a text cut into tokens, and a vocabulary that gives each token an id and takes it back."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from medviz.refused import Refused

SPECIAL = ("<pad>", "<unknown>", "<start>", "<end>", "<mask>")
"""Tokens that are no words; their ids are 0 to 4."""
PAD, UNKNOWN, START, END, MASK = range(len(SPECIAL))
_TOKEN = re.compile("|".join((*map(re.escape, SPECIAL), r"\d+(?:[.,]\d+)*", r"[^\W_]+(?:['’][^\W_]+)?", r"[^\w\s]|_")))
_NO_SPACE_BEFORE, _NO_SPACE_AFTER = frozenset(",.;:!?)]}%-/"), frozenset("([{-/")


def tokens(text: str) -> tuple[str, ...]:
    """Cut a text into lower-case words, numbers and punctuation; a special token ("<mask>") stays one."""
    return tuple(_TOKEN.findall(text.lower()))


@dataclass(frozen=True)
class Vocabulary:
    """All words that are known, in the order of their ids; before them come the special ones."""

    words: tuple[str, ...]

    @classmethod
    def of(cls, texts: Iterable[str], at_least: int = 1) -> "Vocabulary":
        """Collect the words of texts that occur `at_least` so often: the most frequent first, ties by the alphabet."""
        counts = Counter(token for text in texts for token in tokens(text) if token not in SPECIAL)
        kept = (one for one in counts.items() if one[1] >= at_least)
        return cls(tuple(word for word, _ in sorted(kept, key=lambda one: (-one[1], one[0]))))

    @classmethod
    def out_of(cls, plain: Any) -> "Vocabulary":
        """Read the words as a run's description lists them; refuses what is no list of different words."""
        words = tuple(plain) if isinstance(plain, list | tuple) else ()
        if not words or any(not isinstance(one, str) for one in words) or len({*words, *SPECIAL}) < len(words) + 5:
            raise Refused("the vocabulary", "it is no list of different words", "train the run anew")
        return cls(words)

    def __len__(self) -> int:
        """Count the special tokens and the words."""
        return len(SPECIAL) + len(self.words)

    def __contains__(self, word: str) -> bool:
        """Tell whether a token has an id of its own."""
        return word in self._numbers

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {word: number for number, word in enumerate((*SPECIAL, *self.words))}

    def id(self, word: str) -> int:
        """Return the id of one token; that of <unknown> where it has none."""
        return self._numbers.get(word, UNKNOWN)

    def word(self, number: int) -> str:
        """Return the token with this id; refuses a number that is none."""
        if not 0 <= number < len(self):
            raise Refused(f"id {number}", f"the vocabulary has {len(self)} tokens", f"take 0 to {len(self) - 1}")
        return SPECIAL[number] if number < len(SPECIAL) else self.words[number - len(SPECIAL)]

    def ids(self, text: str, length: int, ends: bool = False) -> Tensor:
        """Return the ids of a text, (length,) int64: cut off where it is longer, padded where it is shorter.

        With `ends` it begins with <start> and ends with <end>; what is cut off are then words, never the ends.
        """
        room = length - 2 if ends else length
        if room < 1:
            raise Refused(f"length={length}", "there is no room for a word", f"take at least {3 if ends else 1}")
        found = [self.id(token) for token in tokens(text)][:room]
        found = [START, *found, END] if ends else found
        return torch.tensor(found + [PAD] * (length - len(found)), dtype=torch.long)

    def text(self, ids: Sequence[int] | Tensor) -> str:
        """Write ids as a text: up to <end>, without <pad> and <start>, punctuation close to its word."""
        numbers = [int(one) for one in ids]
        numbers = numbers[: numbers.index(END)] if END in numbers else numbers
        return joined([self.word(one) for one in numbers if one not in (PAD, START)])


def joined(words: Iterable[str]) -> str:
    """Write tokens as a text: a space between words, none before a comma or round a hyphen."""
    text = ""
    for word in words:
        close = not text or word in _NO_SPACE_BEFORE or text[-1] in _NO_SPACE_AFTER
        text += word if close else f" {word}"
    return text
