"""Did a model that learnt from corrections become better, and did it forget anything? Measured case by case."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

DRAWS = 2000
KEPT = 0.01
"""So much may a mean fall by before it is called forgotten, where chance cannot tell."""
Which = Literal["old", "apart", "learnt"]


@dataclass(frozen=True)
class Scores:
    """Mean foreground Dice of each case, before and after, of one kind of case.

    "old": held out when the run was trained; "apart": corrected, but not learnt from; "learnt": learnt from.
    """

    which: Which
    before: tuple[float, ...]
    after: tuple[float, ...]

    @property
    def change(self) -> float:
        """Mean of after − before."""
        return float(np.mean(np.subtract(self.after, self.before))) if self.before else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Between which values the change lies with 95 %: cases drawn again and again, before and after together."""
        if len(self.before) < 2:
            return -1.0, 1.0
        changes = np.subtract(self.after, self.before)
        drawn = np.random.default_rng(0).integers(0, len(changes), (DRAWS, len(changes)))
        low, high = np.percentile(changes[drawn].mean(axis=1), (2.5, 97.5))
        return float(low), float(high)

    def words(self) -> str:
        """Say it in a sentence."""
        if not self.before:
            return _NONE[self.which]
        changes = np.subtract(self.after, self.before)
        better, worse = int((changes > 0.001).sum()), int((changes < -0.001).sum())
        count = len(self.before)
        low, high = self.interval
        span = f", 95 % {low:+.3f} to {high:+.3f}" if count > 1 else ""
        head = f"{_WHAT[self.which]} ({count}): Dice {np.mean(self.before):.3f} before, {np.mean(self.after):.3f} after"
        return f"{head} ({self.change:+.3f}{span}; {better} better, {worse} worse)".replace("-", "−")


@dataclass(frozen=True)
class Proof:
    """What came of it: the new run, and the scores of each kind of case."""

    out: Path
    scores: tuple[Scores, ...]
    steps: int = 0

    def of(self, which: Which) -> Scores:
        """The scores of one kind of case."""
        return next((one for one in self.scores if one.which == which), Scores(which, (), ()))

    @property
    def forgot(self) -> bool:
        """True where the old held-out cases became worse, beyond chance or by more than a hundredth."""
        old = self.of("old")
        return bool(old.before) and (old.interval[1] < 0 or old.change < -KEPT)

    @property
    def better(self) -> bool:
        """True where cases that were not learnt from became better, beyond chance."""
        fresh = [one for one in (self.of("apart"), self.of("old")) if len(one.before) > 1]
        return not self.forgot and any(one.interval[0] > 0 for one in fresh)

    def verdict(self) -> str:
        """Say honestly what is known."""
        if self.forgot:
            return "It forgot: cases of the old data became worse. Keep the old model, or correct more and learn less."
        if self.better:
            return "It became better on cases that it did not learn from, and forgot nothing."
        apart = self.of("apart").before
        missing = "" if len(apart) > 1 else " With six corrections, two are kept apart and can show it."
        return f"It forgot nothing; whether it became better on other scans is not shown.{missing}"


def scores(which: Which, before: Sequence[float], after: Sequence[float]) -> Scores:
    """Put before and after together; cases that could not be measured both times are left out."""
    both = [(a, b) for a, b in zip(before, after, strict=True) if np.isfinite(a) and np.isfinite(b)]
    return Scores(which, tuple(a for a, _ in both), tuple(b for _, b in both))


_WHAT: dict[Which, str] = {
    "old": "Old cases, held out",
    "apart": "Corrected cases kept apart",
    "learnt": "Corrected cases it learnt from",
}
_NONE: dict[Which, str] = {
    "old": "No old case was held out",
    "apart": "No corrected case was kept apart: of three corrections one is",
    "learnt": "No corrected case was learnt from",
}
