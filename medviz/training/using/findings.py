"""Two reports, finding against finding: what one says and the other does not, and where they differ.

A report is cut into findings (sentences, and the parts of a list), and those that speak of the same thing are laid side
by side. Words are compared, with a small table of those that mean the same; what words mean beyond it is not known.
"""

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import linear_sum_assignment

from medviz.data.words import joined, tokens

SAME, DIFFERS, OPPOSITE, MISSED, ADDED = "same", "differs", "opposite", "missed", "added"
_LIKE = 0.4
"""Findings less alike than this speak of different things."""
_FILLERS = frozenset(
    "a an the is are was were be been there here this that these those of in at on to with any evidence seen noted "
    "identified present demonstrated appears appear remains remain shows show contour contours silhouette size "
    "definite lies lie picture image which it has have".split()
)
"""Words that tell nothing of what is found."""
_SAME = {
    "mediastinal": "mediastinum", "cardiac": "heart", "pulmonary": "lung", "unremarkable": "normal",
    "diaphragmatic": "diaphragm", "osseous": "bony", "mild": "mildly", "moderate": "moderately", "severe": "severely",
    "marked": "markedly", "slight": "slightly", "minimal": "minimally", "raised": "elevated", "tiny": "small",
}  # fmt: skip
_NO = frozenset("no not without absent negative free nor neither".split())
_DEGREES = frozenset(
    "mildly moderately severely markedly slightly minimally small large bright dark acute chronic focal diffuse "
    "patchy normal clear stable unchanged increased decreased".split()
)
_PLACES = frozenset("left right upper lower middle bilateral both".split())
_VERBS = frozenset("is are was were appears appear remains remain".split())
_ARTICLES = frozenset("a an the no there".split())


@dataclass(frozen=True)
class Finding:
    """One thing that a report says, as its tokens."""

    words: tuple[str, ...]

    @property
    def text(self) -> str:
        """Return it as a person reads it, without "the" and "there is" at its beginning."""
        words = list(self.words)
        while words and words[0] in ("the", "there", "is", "are"):
            words.pop(0)
        return joined(words)

    @property
    def absent(self) -> bool:
        """Tell whether it says that something is not there."""
        return bool(_NO & set(self.words))

    @cached_property
    def told(self) -> tuple[str, ...]:
        """The words that tell something, as they stand there."""
        return tuple(one for one in self.words if one not in _FILLERS and re.match(r"\w", one))

    @cached_property
    def weights(self) -> dict[str, float]:
        """What each word is worth when findings are compared: what a thing is counts more than how it is."""
        verb = next((at for at, one in enumerate(self.words) if one in _VERBS and at > 0), None)
        after = set(self.words[verb + 1 :]) if verb is not None and self.words[0] != "there" else set()
        after = set() if "free" in after else after
        return {
            _stem(one): 0.3 if one in after or _stem(one) in _DEGREES else 0.5 if _stem(one) in _PLACES else 1.0
            for one in self.told
            if one not in _NO
        }


@dataclass(frozen=True)
class Pair:
    """A finding of the reference beside that of the generated text which speaks of the same; None where none does."""

    meant: Finding | None
    said: Finding | None

    @property
    def verdict(self) -> str:
        """Return one of SAME, DIFFERS, OPPOSITE, MISSED and ADDED."""
        if self.said is None:
            return MISSED
        if self.meant is None:
            return ADDED
        if self.said.absent != self.meant.absent:
            return OPPOSITE
        return DIFFERS if self.differences else SAME

    @cached_property
    def differences(self) -> tuple[tuple[str, str], ...]:
        """Words of the reference and what stands in their place, with the next word where one side has nothing."""
        if self.meant is None or self.said is None:
            return ()
        meant, said = self.meant.told, self.said.told
        stems, others = [_stem(one) for one in meant], [_stem(one) for one in said]
        if [one for one in stems if one in others] != [one for one in others if one in stems]:  # said in another order
            left = joined(word for word, stem in zip(meant, stems, strict=True) if stem not in others)
            right = joined(word for word, stem in zip(said, others, strict=True) if stem not in stems)
            return ((left, right),) if left or right else ()
        found = []
        for kind, a, b, c, d in difflib.SequenceMatcher(None, stems, others, autojunk=False).get_opcodes():
            if kind != "equal":
                more = 1 if (a == b or c == d) and b < len(meant) and d < len(said) else 0
                found.append((joined(meant[a : b + more]), joined(said[c : d + more])))
        return tuple(found)

    @property
    def words(self) -> str:
        """Say how they differ: "mildly enlarged" → "enlarged"."""
        return ", ".join(f'"{meant}" → "{said}"' for meant, said in self.differences)


def findings(text: str) -> tuple[Finding, ...]:
    """Cut a report into findings."""
    sentences = re.split(r"[.;\n]+(?=\s|$)", text)
    return tuple(Finding(part) for one in sentences for part in _parts(tokens(one)) if Finding(part).told)


def aligned(meant: str, said: str) -> tuple[Pair, ...]:
    """Lay the findings of two reports side by side, in the order of the reference; what was added comes last."""
    left, right = findings(meant), findings(said)
    likeness = np.array([[_likeness(one, other) for other in right] for one in left]).reshape(len(left), len(right))
    rows, columns = linear_sum_assignment(-likeness)
    matched = {int(r): int(c) for r, c in zip(rows, columns, strict=True) if likeness[r, c] >= _LIKE}
    pairs = [Pair(one, right[matched[at]] if at in matched else None) for at, one in enumerate(left)]
    return (*pairs, *(Pair(None, one) for at, one in enumerate(right) if at not in matched.values()))


def counts(pairs: Iterable[Pair]) -> dict[str, int]:
    """Count the verdicts."""
    verdicts = [one.verdict for one in pairs]
    return {name: verdicts.count(name) for name in (SAME, DIFFERS, OPPOSITE, MISSED, ADDED)}


def marked(meant: Sequence[str], said: Sequence[str]) -> tuple[str, str]:
    """Write two rows of words with what differs in brackets, in both."""
    steps = difflib.SequenceMatcher(None, list(meant), list(said), autojunk=False).get_opcodes()
    left: list[str] = []
    right: list[str] = []
    for kind, a, b, c, d in steps:
        for parts, into in ((meant[a:b], left), (said[c:d], right)):
            if parts:
                into.append(joined(parts) if kind == "equal" else f"[{joined(parts)}]")
    return " ".join(left), " ".join(right)


def _parts(words: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Cut a sentence at "and", "or" and commas where each part stands for itself.

    That is where each begins with an article ("a ball and a box"), has a verb, or where all of it is denied ("no
    infiltrate or effusion": no infiltrate, no effusion).
    """
    parts = _split(words)
    if len(parts) < 2:
        return [words]
    denied = next((at for at, one in enumerate(parts[0]) if one in ("no", "without")), None)
    if denied is not None and not any(_VERBS & set(one) for one in parts[1:]):
        return [parts[0], *(one if one[0] in _NO else (parts[0][denied], *one) for one in parts[1:])]
    alone = all(one[0] in _ARTICLES or one[0] in ("at", "in") or _VERBS & set(one) for one in parts)
    return parts if alone else [words]


def _split(words: tuple[str, ...]) -> list[tuple[str, ...]]:
    parts: list[list[str]] = [[]]
    for one in words:
        if one in ("and", "or", ","):
            parts.append([])
        else:
            parts[-1].append(one)
    return [tuple(one) for one in parts if one]


def _likeness(one: Finding, other: Finding) -> float:
    """Weight of the words that both have over that of all, in 0..1; 0 where they share nothing but a manner."""
    a, b = one.weights, other.weights
    shared = [max(a[word], b[word]) for word in a.keys() & b.keys()]
    if not any(weight >= 0.5 for weight in shared):
        return 0.0
    return sum(shared) / sum(max(a.get(word, 0.0), b.get(word, 0.0)) for word in a.keys() | b.keys())


def _stem(word: str) -> str:
    """Return what a word is compared as: one form for several, no plural."""
    short = word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "is", "us")) else word
    return _SAME.get(short, short)
