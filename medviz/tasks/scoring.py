"""How good a naming is: confusion, recall, ROC curves and the areas under them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Curve = tuple[Array, Array, float | None]
"""False alarms, found, and the area under them (None where the class, or all else, does not occur)."""


@dataclass(frozen=True, eq=False)
class Scores:
    """What was measured of probabilities (n, classes) against classes (n,).

    `confusion` counts (class, taken for). `recalls` are None where a class does not occur.
    """

    confusion: Array
    cross_entropy: float
    curves: tuple[Curve, ...]

    @property
    def accuracy(self) -> float:
        """Share that is right."""
        return float(np.trace(self.confusion) / max(self.confusion.sum(), 1))

    @property
    def recalls(self) -> tuple[float | None, ...]:
        """Share of each class that is found."""
        counts = self.confusion.sum(axis=1)
        return tuple(float(self.confusion[k, k] / n) if n else None for k, n in enumerate(counts))

    @property
    def balanced_accuracy(self) -> float:
        """Mean recall of the classes that occur: guessing the common one gains nothing."""
        there = [one for one in self.recalls if one is not None]
        return sum(there) / len(there) if there else 0.0

    @property
    def area(self) -> float | None:
        """Mean area under the ROC curves, each class against the others; None where there is none."""
        areas = [area for _, _, area in self.curves if area is not None]
        return sum(areas) / len(areas) if areas else None


def scores_of(shares: Array, meant: Array) -> Scores:
    """Measure probabilities (n, classes) against classes (n,)."""
    classes = shares.shape[1]
    confusion = np.bincount(meant * classes + shares.argmax(axis=1), minlength=classes**2).reshape(classes, classes)
    sure = np.clip(shares[np.arange(len(meant)), meant], 1e-7, None)
    curves = tuple(roc(shares[:, kind], meant == kind) for kind in range(classes))
    return Scores(confusion, float(-np.log(sure).mean()), curves)


def roc(scores: Array, positive: Array) -> Curve:
    """Return the ROC curve: at every threshold, the share of false alarms and the share found; equal scores go at once.

    The area is that of Mann and Whitney: the chance that a positive one scores higher, ties by half.
    """
    count = int(positive.sum())
    others = len(positive) - count
    if not count or not others:
        return np.zeros(1), np.zeros(1), None
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.diff(scores[order], append=-np.inf))
    found = np.cumsum(positive[order])[ends] / count
    wrong = np.cumsum(~positive[order])[ends] / others
    wrong, found = np.concatenate(([0.0], wrong)), np.concatenate(([0.0], found))
    return wrong, found, float(np.trapezoid(found, wrong))
