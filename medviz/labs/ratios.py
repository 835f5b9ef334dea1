"""Ratios: right and wrong answers counted at a threshold, and what is read off the counts (deck D3)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from medviz.figures import Curves, Figure, Heatmap, Line, Mark, Picture, Table, Text
from medviz.imaging.slices import Slice
from medviz.labs.formulas import number
from medviz.labs.judged import (
    MODEL,
    TISSUES,
    Gap,
    Judged,
    bright,
    drawn,
    gap,
    held_out,
    of_labels,
    of_layers,
    of_model,
)
from medviz.labs.lab import Example, Lab
from medviz.messages import Progress, Work
from medviz.parameters import Choice, Group, Input, Range, Step, When

Array = NDArray[Any]
STEPS, SEEN = 41, 150
_ASKED: "WeakKeyDictionary[Slice, tuple[int, Array]]" = WeakKeyDictionary()


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
    """A threshold makes answers of scores; each pixel is then right or wrong in one of four ways."""

    TITLE: ClassVar[str] = "Metrics"
    ARRANGE: ClassVar[str] = "picture:2 (matrix / table) / roc pr calibration / formula / story"
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example("Classifier A: precision 95 %, recall 90 %", "TRAIN-14", "D3",
                {"source": "numbers", "precision": 0.95, "recall": 0.90}, {"formula": "= 0.9243"}),
        Example("Classifier B: precision 98 %, recall 85 %", "TRAIN-14", "D3",
                {"source": "numbers", "precision": 0.98, "recall": 0.85}, {"formula": "= 0.9104"},
                text="A has the higher F1; which is better depends on what a miss costs."),
        Example("A lesion, found at one half", "TRAIN-14", "D3", {"threshold": 0.5}, {"story": "HD95"},
                text="Move the threshold: the picture shows which pixels change sides, the curves where one stands."),
        Example("A real prediction: grey matter of the MNI152", "TRAIN-14", "D3", {"source": "mni152", "which": 12},
                {"story": "it was not trained on"},
                text="The shipped network on a slice that it was not trained on, against the template's own map."),
    )  # fmt: skip

    image: Annotated[Slice, Input("slice"), "What is looked at"] = _PHANTOM
    labels: Annotated[Slice | None, Input("labels"), "The viewer's labels on this slice"] = None
    chances: Annotated[Slice | None, Input("prediction"), "The viewer's prediction on this slice"] = None
    source: Annotated[
        str,
        Choice(
            ("slice", "model", "mni152", "layers", "numbers"),
            ("drawn: a blurred view", "the shipped network", "the network on MNI152", "the viewer's prediction",
             "drawn, and F1 of two numbers"),
        ),
        Group("Prediction"), "Where scores come from; the network knows T1 slices of the head",
    ] = "slice"  # fmt: skip
    against: Annotated[
        str, Choice(("bright", "labels"), ("what is bright", "the viewer's labels")),
        When("source", "slice", "model", "numbers"), Group("Prediction"), "What is taken as true",
    ] = "bright"  # fmt: skip
    precision: Annotated[float, Range(0.0, 1.0, 0.01), When("source", "numbers"), Group("Prediction"), "Given"] = 0.95
    recall: Annotated[float, Range(0.0, 1.0, 0.01), When("source", "numbers"), Group("Prediction"), "Given"] = 0.9
    tissue: Annotated[
        int, Choice((1, 2, 3), TISSUES), When("source", "model", "mni152"), Group("Prediction"), "What is asked for"
    ] = 1  # fmt: skip
    which: Annotated[int, Range(0, 27), When("source", "mni152"), Group("Prediction"), "Held-out slice, from 0"] = 12
    label: Annotated[
        int, Range(0, 255), Group("Prediction", advanced=True), "Value of the viewer's labels; 0 takes all"
    ] = 0  # fmt: skip
    blur: Annotated[
        float, Range(0.0, 8.0, 0.1, unit="px"), When("source", "slice", "numbers"), Group("Prediction"),
        "How unsharp the drawn predictor sees",
    ] = 2.0  # fmt: skip
    noise: Annotated[
        float, Range(0.0, 1.0, 0.01), When("source", "slice", "numbers"), Group("Prediction"), "How much it guesses"
    ] = 0.25  # fmt: skip
    seed: Annotated[int, Range(0, 999), Group("Prediction", advanced=True), "Draws the noise"] = 0
    threshold: Annotated[
        float, Range(0.0, 1.0, 0.025), Group("Threshold"), "Scores from here on are called positive"
    ] = 0.5
    at: Annotated[int, Step(), Range(0, STEPS), Group("Threshold", advanced=True), "0 keeps the threshold above"] = 0

    def show(self) -> Work[None]:
        """Yield the slice with all four kinds of pixel, the matrix, the curves, and the ratios."""
        if self.source in ("mni152", "model"):
            yield Progress(0, 0, "asking the network")
        yield from self._figures()

    def steps(self) -> int:
        """The player walks the threshold from 0 to 1."""
        return STEPS + 1

    def _figures(self) -> Iterator[Figure]:
        one = self._judged()
        truth, scores, image = one.truth, one.scores, one.image
        cut = self.threshold if self.at == 0 else (self.at - 1) / (STEPS - 1)
        found = counted(scores, truth, cut)
        said = scores >= cut
        apart = gap(said, truth, image.mm or (1.0, 1.0))
        kinds = (np.where(truth, 1, 2) * said + np.where(truth & ~said, 3, 0)).astype(np.uint8)
        names = ("true positive", "false positive", "false negative")
        yield Picture(
            "picture", image.values, f"at {cut:.3g}", image.mm, labels=kinds, label_names=names,
            letters=image.letters, unit=image.unit, marks=_arrow(apart, image), weight=2.0,
        )  # fmt: skip
        matrix = np.array([[found.tp, found.fn], [found.fp, found.tn]], float)
        yield Heatmap("matrix", matrix, "pixels", "viridis", digits=7, row_names=("is +", "is −"),
                      column_names=("said +", "said −"))  # fmt: skip
        fpr, tpr, precision = curve(scores.ravel(), truth.ravel())
        here = _share(found.fp, found.fp + found.tn)
        lines = (_line("ROC", fpr, tpr), Line("guessing", np.array([0.0, 1]), np.array([0.0, 1]), dashed=True))
        title = f"ROC, area {area(fpr, tpr):.4f}"
        yield Curves("roc", lines, title, "false positives (share)", "true positives (share)", at=here)
        yield Curves("pr", (_line("precision", tpr, precision),), "precision over recall", "recall", "precision",
                     at=_share(found.tp, found.tp + found.fn))  # fmt: skip
        yield _calibration(scores, truth)
        rows = tuple((name, None if value is None else round(value, 4)) for name, value in found.ratios().items())
        yield Table("table", ("ratio", "value"), rows, f"TP {found.tp}, FP {found.fp}, FN {found.fn}, TN {found.tn}")
        yield Text("formula", self._formula(found), "F1", formula=True)
        yield Text("story", self._story(one, apart), "")

    def _judged(self) -> Judged:
        if self.source == "mni152":
            return held_out(self.which, self.tissue)
        if self.source == "layers":
            return of_layers(self.image, self.labels, self.chances, self.label)
        one = drawn(self.image, self.blur, self.noise, self.seed) if self.source != "model" else self._asked()
        if self.against == "bright":
            return one
        truth = of_labels(self.image, self.labels, self.label)
        named = self.labels.name if self.labels else ""
        if self.source != "model":
            soft = gaussian_filter(truth.astype(float), self.blur)
            noise = np.random.default_rng(self.seed).normal(size=truth.shape) * self.noise
            one = replace(one, scores=np.clip(soft + noise, 0.0, 1.0))
        return replace(one, truth=truth, words=f"truth: {named}; {one.words.partition('; ')[2]}")

    def _asked(self) -> Judged:
        """Ask the network about the slice once, however often the threshold moves."""
        key, known = self.tissue, _ASKED.get(self.image)
        if known is None or known[0] != key:
            known = key, of_model(self.image, self.tissue)
            _ASKED[self.image] = known
        return Judged(self.image, bright(self.image), known[1],
                      f"truth: the bright part; prediction: {MODEL}, {TISSUES[key - 1]}")  # fmt: skip

    def _story(self, one: Judged, apart: Gap | None) -> str:
        unit = "mm" if one.image.mm else "px (uncalibrated)"
        said = [one.words]
        if self.source == "mni152":
            said.append("a slice that it was not trained on")
        if apart is None:
            said.append("HD95 has no meaning where nothing is called or nothing is true")
        else:
            said.append(f"HD95 {number(apart.hd95)} {unit}, HD {number(apart.hd)} {unit}: the arrow")
        return "; ".join(said) + "."

    def _formula(self, found: Counts) -> str:
        p, r = self.precision, self.recall
        if self.source != "numbers":
            ratios = found.ratios()
            p, r = ratios["precision"] or 0.0, ratios["sensitivity (recall)"] or 0.0
        p4, r4 = number(p), number(r)
        return f"F1 = 2·precision·recall / (precision + recall) = 2·{p4}·{r4} / ({p4} + {r4}) = {number(f1(p, r))}"


def _line(name: str, x: Array, y: Array) -> Line:
    """Thin a curve of very many points to those that can be told apart on the screen, both ends among them."""
    along = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
    wanted = np.linspace(0, along[-1], SEEN)
    kept = np.unique(np.concatenate([[0], np.searchsorted(along, wanted).clip(0, len(x) - 1), [len(x) - 1]]))
    return Line(name, x[kept], y[kept])


def _arrow(apart: Gap | None, image: Slice) -> tuple[Mark, ...]:
    """Mark where the outlines are furthest apart; nothing where they lie on each other."""
    if apart is None or apart.hd == 0:
        return ()
    (row, col), (to_row, to_col) = apart.start, apart.end
    unit = "mm" if image.mm else "px"
    return (Mark(row, col, 1, 1, "focus", f"HD {number(apart.hd, 3)} {unit}", (to_row + 0.5, to_col + 0.5)),)


def _calibration(scores: Array, truth: Array) -> Curves:
    """Of all pixels that got about this score, how many are positive."""
    tenths = np.clip((scores * 10).astype(int), 0, 9)
    counts = np.bincount(tenths.ravel(), minlength=10)
    there = counts > 0
    said = np.bincount(tenths.ravel(), scores.ravel(), 10)[there] / counts[there]
    came = np.bincount(tenths.ravel(), truth.ravel(), 10)[there] / counts[there]
    lines = (Line("as it came", said, came), Line("as it should", np.array([0.0, 1]), np.array([0.0, 1]), True))
    return Curves("calibration", lines, "calibration", "score", "share that is positive")
