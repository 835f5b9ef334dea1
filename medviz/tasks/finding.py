"""How good finding is: which boxes are right, precision against recall, and the mean of the areas under those curves.

As COCO counts (Lin et al., 2014): the surest box of a class chooses first among the references of its class in its
picture, a reference counts once, precision is made to fall with recall and read at 101 places.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from medviz.figures import Curves, Line
from medviz.imaging.labels import default_colour
from medviz.networks.detector import Found, shared

Array = NDArray[Any]
OVERLAPS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
"""Shares from which a box counts as right: 0.5, 0.55 ... 0.95."""
_PLACES = np.linspace(0, 1, 101)


@dataclass(frozen=True, eq=False)
class Pictured:
    """One picture: the scores and classes of the boxes found (n,), which are right at each of `OVERLAPS` (10, n).

    `meant` counts the references of each class (classes,), `shares` is the best IoU of each reference with a box of
    its class (m,) and `surest` the IoU of each with the surest box of its class.
    """

    scores: Array
    classes: Array
    right: Array
    meant: Array
    shares: Array
    surest: Array


def pictured(found: Found, boxes: torch.Tensor, kinds: torch.Tensor, classes: int) -> Pictured:
    """Compare what was found in one picture, the surest first, with its references (m, 4 or 6) and their classes."""
    both = shared(found.boxes.float(), boxes.float()).cpu().numpy()  # (n, m)
    mine, theirs = found.classes.cpu().numpy(), kinds.cpu().numpy()
    both = np.where(mine[:, None] == theirs[None], both, 0.0)
    first = np.where(theirs[None] == mine[:, None], np.arange(len(mine))[:, None], len(mine))
    there = first.min(axis=0, initial=len(mine)) if len(theirs) else np.zeros(0, int)
    padded = np.concatenate([both, np.zeros((1, len(theirs)))])
    return Pictured(
        found.scores.float().cpu().numpy(),
        mine,
        np.stack([matched(both, least) for least in OVERLAPS]),
        np.bincount(theirs, minlength=classes)[:classes],
        both.max(axis=0, initial=0.0),
        padded[there, np.arange(len(theirs))],
    )


def matched(both: Array, least: float) -> Array:
    """Tell which boxes are right (n,): each row of IoU (n, m), the surest first, takes its best free reference."""
    free = np.ones(both.shape[1], bool)
    right = np.zeros(both.shape[0], bool)
    for row in np.flatnonzero((both >= least).any(axis=1)):
        wanted = np.where(free, both[row], -1.0)
        best = int(wanted.argmax())
        if wanted[best] >= least:
            right[row], free[best] = True, False
    return right


@dataclass(frozen=True, eq=False)
class Ranked:
    """All boxes of one class over all pictures, the surest first: scores (n,), right (10, n), references `total`."""

    scores: Array
    right: Array
    total: int

    def curve(self, overlap: int = 0) -> tuple[Array, Array]:
        """Recall and precision (n,) as ever less sure boxes are let in."""
        hits = np.cumsum(self.right[overlap])
        return hits / max(self.total, 1), hits / np.arange(1, len(hits) + 1)

    @cached_property
    def precisions(self) -> tuple[float, ...] | None:
        """Average precision at each of `OVERLAPS`; None where the class does not occur."""
        if not self.total:
            return None
        return tuple(average_precision(*self.curve(number)) for number in range(len(OVERLAPS)))


def average_precision(recall: Array, precision: Array) -> float:
    """Mean, over 101 recalls, of the best precision at that recall or a higher one; 0 beyond the highest."""
    falling = np.maximum.accumulate(precision[::-1])[::-1]
    places = np.searchsorted(recall, _PLACES, side="left")
    return float(np.append(falling, 0.0)[places].mean())


class Finding:
    """What was found in all pictures, measured."""

    def __init__(self, pictures: Sequence[Pictured], classes: int) -> None:
        self.pictures = tuple(pictures)
        self.classes = tuple(self._ranked(kind) for kind in range(classes))

    def _ranked(self, kind: int) -> Ranked:
        scores = np.concatenate([one.scores[one.classes == kind] for one in self.pictures])
        right = np.concatenate([one.right[:, one.classes == kind] for one in self.pictures], axis=1)
        order = np.argsort(-scores, kind="stable")
        return Ranked(scores[order], right[:, order], int(sum(one.meant[kind] for one in self.pictures)))

    @property
    def precisions(self) -> Array:
        """Average precision (classes that occur, 10)."""
        there = [one.precisions for one in self.classes if one.precisions is not None]
        return np.array(there).reshape(-1, len(OVERLAPS))

    @property
    def map50(self) -> float:
        """Mean average precision at IoU 0.5."""
        return _mean(self.precisions[:, 0])

    @property
    def map(self) -> float:
        """Mean average precision over IoU 0.5 to 0.95, COCO's own number."""
        return _mean(self.precisions)

    @property
    def share(self) -> float:
        """Mean IoU of the references with the best box of their class, 0 for those that were not found."""
        return _mean(np.concatenate([one.shares for one in self.pictures]))

    @property
    def surest(self) -> float:
        """Mean IoU of the references with the surest box of their class in their picture."""
        return _mean(np.concatenate([one.surest for one in self.pictures]))

    @cached_property
    def threshold(self) -> float:
        """Score from which boxes are best shown: where F1, over all classes at IoU 0.5, is highest."""
        scores = np.concatenate([one.scores for one in self.classes])
        right = np.concatenate([one.right[0] for one in self.classes])
        total = sum(one.total for one in self.classes)
        if not len(scores) or not total:
            return 0.5
        order = np.argsort(-scores, kind="stable")
        hits = np.cumsum(right[order])
        return float(scores[order][int((2 * hits / (np.arange(1, len(hits) + 1) + total)).argmax())])


def drawn(found: Finding, classes: Sequence[str]) -> Iterator[Curves]:
    """Draw precision against recall of each class that occurs, at IoU 0.5."""
    lines = []
    for number, (name, one) in enumerate(zip(classes, found.classes, strict=True), start=1):
        if one.precisions is not None:
            recall, precision = one.curve()
            title = f"{name} {one.precisions[0]:.2f}"
            lines.append(
                Line(title, np.append(0.0, recall), np.append(precision[:1], precision), colour=default_colour(number))
            )
    if any(len(one.x) > 1 for one in lines):
        yield Curves("precision and recall", tuple(lines), title="precision against recall, IoU 0.5",
                     x_name="recall", y_name="precision")  # fmt: skip


def row_of(one: Pictured, least: float, classes: int) -> dict[str, Any]:
    """Measure one picture, as a row of plain values from which `picture_of_row` makes it again."""
    alone = Finding([one], classes)
    shown = one.scores >= least
    right = int((one.right[0] & shown).sum())
    bits = (one.right * (1 << np.arange(len(OVERLAPS)))[:, None]).sum(axis=0)
    meant = int(one.meant.sum())
    return {
        "mAP50-95": alone.map if meant else None,
        "mAP50": alone.map50 if meant else None,
        "IoU": alone.share if meant else None,
        "references": meant,
        "found": right,
        "missed": meant - right,
        "false alarms": int(shown.sum()) - right,
        "_meant": one.meant.tolist(),
        "_boxes": [[round(float(score), 5), int(kind), int(bit)]
                   for score, kind, bit in zip(one.scores, one.classes, bits, strict=True)],
    }  # fmt: skip


def picture_of_row(row: Mapping[str, Any]) -> Pictured:
    """Make a picture again of a row; how much the boxes share with the references is no longer known."""
    boxes = np.array(row["_boxes"], float).reshape(-1, 3)
    bits = boxes[:, 2].astype(int)
    right = np.stack([(bits >> number) & 1 for number in range(len(OVERLAPS))]).astype(bool)
    nothing = np.zeros(0)
    return Pictured(boxes[:, 0], boxes[:, 1].astype(int), right, np.array(row["_meant"], int), nothing, nothing)


def _mean(values: Array) -> float:
    return float(values.mean()) if values.size else 0.0
