"""Ratios: right and wrong answers counted at a threshold, and what is read off the counts (deck D3)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_otsu

from medviz.figures import Curves, Figure, Heatmap, Line, Picture, Table, Text
from medviz.imaging.slices import Slice
from medviz.labs.formulas import number
from medviz.labs.lab import Example, Lab
from medviz.messages import Work
from medviz.parameters import Choice, Group, Input, Range, Step, When
from medviz.refused import Refused

Array = NDArray[Any]
STEPS = 41


def _disc() -> Slice:
    row, col = np.indices((64, 64)) - 32
    near = np.hypot(row, col * 1.3)
    return Slice(np.where(near < 18, 100.0, 20.0) + 6 * np.sin(row / 3) * np.cos(col / 4), name="a phantom lesion")


_PHANTOM = _disc()


@dataclass(frozen=True)
class Counts:
    """True and false positives and negatives."""

    tp: int
    fp: int
    fn: int
    tn: int

    def ratios(self) -> dict[str, float | None]:
        """Return the six ratios of deck D3 and those of overlap; None where there is nothing to divide by."""
        tp, fp, fn, tn = self.tp, self.fp, self.fn, self.tn
        return {
            "sensitivity (recall)": _share(tp, tp + fn),
            "specificity": _share(tn, tn + fp),
            "precision": _share(tp, tp + fp),
            "negative predictive value": _share(tn, tn + fn),
            "accuracy": _share(tp + tn, tp + tn + fp + fn),
            "F1 = Dice": _share(2 * tp, 2 * tp + fp + fn),
            "IoU": _share(tp, tp + fp + fn),
        }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def counted(scores: Array, truth: Array, threshold: float) -> Counts:
    """Count where scores reach the threshold against what is true."""
    said = scores >= threshold
    tp, fp = int(np.count_nonzero(said & truth)), int(np.count_nonzero(said & ~truth))
    fn = int(np.count_nonzero(~said & truth))
    return Counts(tp, fp, fn, truth.size - tp - fp - fn)


def curve(scores: Array, truth: Array) -> tuple[Array, Array, Array]:
    """Return false-positive rate, true-positive rate and precision at each distinct score, highest first."""
    order = np.argsort(-scores, kind="stable")
    hits, ranked = np.cumsum(truth[order]), scores[order]
    last = np.append(np.flatnonzero(np.diff(ranked)), ranked.size - 1)
    tp, seen = hits[last].astype(float), last + 1.0
    positives, negatives = max(1, int(truth.sum())), max(1, int((~truth).sum()))
    return (
        np.concatenate([[0.0], (seen - tp) / negatives]),
        np.concatenate([[0.0], tp / positives]),
        np.concatenate([[1.0], tp / seen]),
    )


def area(fpr: Array, tpr: Array) -> float:
    """Area under the ROC curve, by trapezia."""
    return float(np.sum(np.diff(fpr) * (tpr[1:] + tpr[:-1]) / 2))


def f1(precision: float, recall: float) -> float:
    """Harmonic mean of precision and recall."""
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


@dataclass(frozen=True)
class Ratios(Lab):
    """What is brighter than Otsu's threshold is taken as true; a blurred, noisy view of it is the prediction."""

    TITLE: ClassVar[str] = "Ratios"
    ARRANGE: ClassVar[str] = "picture matrix / roc pr calibration / table / formula"
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example("Classifier A: precision 95 %, recall 90 %", "TRAIN-14", "D3",
                {"source": "numbers", "precision": 0.95, "recall": 0.90}, {"formula": "= 0.9243"}),
        Example("Classifier B: precision 98 %, recall 85 %", "TRAIN-14", "D3",
                {"source": "numbers", "precision": 0.98, "recall": 0.85}, {"formula": "= 0.9104"},
                text="A has the higher F1; which is better depends on what a miss costs."),
        Example("A lesion, found at one half", "TRAIN-14", "D3", {"threshold": 0.5},
                text="Move the threshold: the picture shows which pixels change sides, the curves where one stands."),
    )  # fmt: skip

    image: Annotated[Slice, Input("slice"), "Its bright part is the truth"] = _PHANTOM
    source: Annotated[
        str, Choice(("slice", "numbers"), ("the slice", "two numbers")), Group("Prediction"), "Where F1 comes from"
    ] = "slice"
    precision: Annotated[float, Range(0.0, 1.0, 0.01), When("source", "numbers"), Group("Prediction"), "Given"] = 0.95
    recall: Annotated[float, Range(0.0, 1.0, 0.01), When("source", "numbers"), Group("Prediction"), "Given"] = 0.9
    blur: Annotated[float, Range(0.0, 8.0, 0.1, unit="px"), Group("Prediction"), "How unsharp the predictor sees"] = 2.0
    noise: Annotated[float, Range(0.0, 1.0, 0.01), Group("Prediction"), "How much it guesses"] = 0.25
    seed: Annotated[int, Range(0, 999), Group("Prediction", advanced=True), "Draws the noise"] = 0
    threshold: Annotated[
        float, Range(0.0, 1.0, 0.025), Group("Threshold"), "Scores from here on are called positive"
    ] = 0.5
    at: Annotated[int, Step(), Range(0, STEPS), Group("Threshold", advanced=True), "0 keeps the threshold above"] = 0

    def show(self) -> Work[None]:
        """Yield the slice with all four kinds of pixel, the matrix, the curves, and the ratios."""
        yield from self._figures()

    def steps(self) -> int:
        """The player walks the threshold from 0 to 1."""
        return STEPS + 1

    def _figures(self) -> Iterator[Figure]:
        truth, scores = self._both()
        cut = self.threshold if self.at == 0 else (self.at - 1) / (STEPS - 1)
        found = counted(scores, truth, cut)
        said = scores >= cut
        kinds = (np.where(truth, 1, 2) * said + np.where(truth & ~said, 3, 0)).astype(np.uint8)
        names = ("true positive", "false positive", "false negative")
        yield Picture(
            "picture", self.image.values, f"at {cut:.3g}", self.image.mm, labels=kinds, label_names=names,
            letters=self.image.letters, weight=1.6,
        )  # fmt: skip
        matrix = np.array([[found.tp, found.fn], [found.fp, found.tn]], float)
        yield Heatmap("matrix", matrix, "pixels", "viridis", digits=7, row_names=("positive", "negative"),
                      column_names=("called positive", "called negative"))  # fmt: skip
        fpr, tpr, precision = curve(scores.ravel(), truth.ravel())
        here = _share(found.fp, found.fp + found.tn)
        lines = (Line("ROC", fpr, tpr), Line("guessing", np.array([0.0, 1]), np.array([0.0, 1]), dashed=True))
        title = f"ROC, area {area(fpr, tpr):.4f}"
        yield Curves("roc", lines, title, "false positives (share)", "true positives (share)", at=here)
        yield Curves("pr", (Line("precision", tpr, precision),), "precision over recall", "recall", "precision",
                     at=_share(found.tp, found.tp + found.fn))  # fmt: skip
        yield _calibration(scores, truth)
        rows = tuple(found.ratios().items())
        yield Table("table", ("ratio", "value"), rows, f"TP {found.tp}, FP {found.fp}, FN {found.fn}, TN {found.tn}")
        yield Text("formula", self._formula(found), "F1", formula=True)

    def _both(self) -> tuple[Array, Array]:
        """Return what is true (rows, cols) and scores in 0..1."""
        values = np.asarray(self.image.values, float)
        if values.ndim != 2 or not np.isfinite(values).all() or values.min() == values.max():
            raise Refused(
                self.image.name or "image", "there is no bright part in it", "choose a grey slice with contrast"
            )
        truth = values > threshold_otsu(values)
        soft = ndimage.gaussian_filter(truth.astype(float), self.blur)
        guess = np.random.default_rng(self.seed).normal(size=truth.shape) * self.noise
        return truth, np.clip(soft + guess, 0.0, 1.0)

    def _formula(self, found: Counts) -> str:
        p, r = self.precision, self.recall
        if self.source == "slice":
            ratios = found.ratios()
            p, r = ratios["precision"] or 0.0, ratios["sensitivity (recall)"] or 0.0
        p4, r4 = number(p), number(r)
        return f"F1 = 2·precision·recall / (precision + recall) = 2·{p4}·{r4} / ({p4} + {r4}) = {number(f1(p, r))}"


def _calibration(scores: Array, truth: Array) -> Curves:
    """Of all pixels that got about this score, how many are positive."""
    tenths = np.clip((scores * 10).astype(int), 0, 9)
    counts = np.bincount(tenths.ravel(), minlength=10)
    there = counts > 0
    said = np.bincount(tenths.ravel(), scores.ravel(), 10)[there] / counts[there]
    came = np.bincount(tenths.ravel(), truth.ravel(), 10)[there] / counts[there]
    lines = (Line("as it came", said, came), Line("as it should", np.array([0.0, 1]), np.array([0.0, 1]), True))
    return Curves("calibration", lines, "calibration", "score", "share that is positive")
