"""Grouping: the same points with labels (logistic regression), without (k-means), and seen from one side (PCA)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, uniform_filter
from scipy.special import expit
from skimage.filters import threshold_otsu

from medviz.figures import Curves, Figure, Line, Mark, Picture, Points, Text
from medviz.imaging.slices import Slice
from medviz.labs.findings import ABDOMEN, grey, shades
from medviz.labs.formulas import factor, number
from medviz.labs.lab import Example, Lab
from medviz.messages import Work
from medviz.parameters import Choice, Group, Input, Pick, Range, Step, When
from medviz.refused import Refused

Array = NDArray[Any]
FEATURES = {"brightness": "brightness", "spread": "spread around it", "steepness": "steepness", "row": "row",
            "column": "column"}  # fmt: skip
ROUNDS = 24
MOST_POINTS = 900
_COLOURS = (2, 1, 3, 4, 5, 6, 7, 8)
"""Label values whose colours are those that points of the group have."""


def newton(points: Array, targets: Array, penalty: float, rounds: int = ROUNDS) -> Array:
    """Weights after each round (rounds + 1, d + 1; the bias last) of Newton's method on the mean cross-entropy.

    The cost is that of one neuron with a sigmoid, plus penalty/2·‖w‖²; it has one minimum, and this finds it.
    """
    flat = np.column_stack([points, np.ones(len(points))])
    shrink = np.append(np.full(points.shape[1], penalty), 0.0)
    path = [np.zeros(flat.shape[1])]
    for _ in range(rounds):
        now = path[-1]
        chance = expit(flat @ now)
        slope = flat.T @ (chance - targets) / len(flat) + shrink * now
        bend = (flat * (chance * (1 - chance))[:, None]).T @ flat / len(flat) + np.diag(shrink + 1e-12)
        step = np.linalg.lstsq(bend, slope, rcond=None)[0]
        size, cost = 1.0, entropy(flat @ now, targets)
        while size > 1e-4 and entropy(flat @ (now - size * step), targets) > cost + 1e-12:
            size /= 2
        path.append(now - size * step if size > 1e-4 else now)
    return np.array(path)


def entropy(logits: Array, targets: Array) -> float:
    """Mean cross-entropy, in nats."""
    return float(np.mean(np.logaddexp(0.0, logits) - targets * logits))


@dataclass(frozen=True, eq=False)
class Clusters:
    """One round of k-means: centres (k, d), the nearest for each point (n,), and the mean squared distance to it."""

    centres: Array
    nearest: Array
    cost: float


def k_means(points: Array, count: int, seed: int, rounds: int = ROUNDS) -> tuple[Clusters, ...]:
    """Lloyd's rounds from `count` points drawn far from each other (k-means++); the cost never rises."""
    chance = np.random.default_rng(seed)
    centres = points[[int(chance.integers(len(points)))]]
    while len(centres) < count:
        far = ((points[:, None] - centres[None]) ** 2).sum(axis=2).min(axis=1)
        share = far / far.sum() if far.sum() > 0 else np.full(len(points), 1 / len(points))
        centres = np.concatenate([centres, points[[int(chance.choice(len(points), p=share))]]])
    made = []
    for _ in range(rounds):
        far = ((points[:, None] - centres[None]) ** 2).sum(axis=2)
        nearest = far.argmin(axis=1)
        made.append(Clusters(centres, nearest, float(far.min(axis=1).mean())))
        centres = np.array([points[nearest == k].mean(axis=0) if (nearest == k).any() else centres[k]
                            for k in range(count)])  # fmt: skip
    return tuple(made)


def principal(points: Array) -> tuple[Array, Array]:
    """Directions (d, d) of largest spread, a row each, and the variance along each (n − 1 in the divisor)."""
    centred = points - points.mean(axis=0)
    _, spreads, rows = np.linalg.svd(centred, full_matrices=False)
    largest = np.take_along_axis(rows, np.abs(rows).argmax(axis=1)[:, None], axis=1)
    return rows * np.where(largest < 0, -1.0, 1.0), spreads**2 / max(1, len(points) - 1)


@dataclass(frozen=True)
class Grouping(Lab):
    """Places of the slice as points of two features: with labels a boundary is learnt, without them only groups."""

    TITLE: ClassVar[str] = "With and without labels"
    ARRANGE: ClassVar[str] = "image points / course formula / story"
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example("With labels: a boundary", "TRAIN-8", "D3", {"way": "logistic", "round": ROUNDS},
                {"formula": "p = σ(", "story": "one neuron with a sigmoid"},
                text="Classification: labels say which is which, the neuron finds the line between them."),
        Example("Without labels: clusters", "TRAIN-8", "D4", {"way": "k_means", "round": ROUNDS - 1, "second": "row"},
                {"story": "never rises"},
                text="Clustering: each point goes to the nearest centre, each centre to its points."),
        Example("Without labels: fewer numbers", "TRAIN-8", "D4", {"way": "pca"}, {"formula": "of the variance"},
                text="Dimensionality reduction: the direction in which points differ most is kept."),
        Example("Before it has learnt anything", "TRAIN-8", "D3", {"way": "logistic", "round": 0},
                {"formula": "= σ(0) = 0.5", "story": "cross-entropy 0.6931"},
                text="All weights 0: every chance is 1/2, and costs ln 2."),
    )  # fmt: skip

    image: Annotated[Slice, Input("slice"), "Where the points come from"] = ABDOMEN
    labels: Annotated[Slice | None, Input("labels"), "The viewer's labels on this slice"] = None
    way: Annotated[
        str, Choice(("logistic", "k_means", "pca"), ("logistic regression", "k-means", "principal components")),
        Group("Learning"), "What is made of the points",
    ] = "logistic"  # fmt: skip
    penalty: Annotated[
        float, Range(0.0, 1.0), When("way", "logistic"), Group("Learning"), "Of ‖w‖²/2; 0 is plain logistic regression"
    ] = 0.0  # fmt: skip
    count: Annotated[int, Range(1, 8), When("way", "k_means"), Group("Learning"), "Clusters"] = 3
    seed: Annotated[int, Range(0, 999), When("way", "k_means"), Group("Learning"), "Draws the first centres"] = 0
    first: Annotated[str, Choice(tuple(FEATURES), tuple(FEATURES.values())), Group("Features"), "Across"] = "brightness"
    second: Annotated[str, Choice(tuple(FEATURES), tuple(FEATURES.values())), Group("Features"), "Up"] = "spread"
    every: Annotated[int, Range(1, 16, unit="px"), Group("Features"), "A point is taken at each so many pixels"] = 4
    shown: Annotated[
        str, Choice(("found", "truth"), ("what was found", "the labels")), Group("Features"), "What colours show"
    ] = "found"  # fmt: skip
    round: Annotated[int, Step(), Range(0, ROUNDS), Group("Learning", advanced=True), "Rounds of learning done"] = 0
    one: Annotated[
        int | None, Pick("points"), Range(0, MOST_POINTS), Group("Features", advanced=True), "The point in focus"
    ] = None  # fmt: skip

    def show(self) -> Work[None]:
        """Yield the slice with its groups, the points, how learning went, and the point in focus."""
        yield from self._figures()

    def steps(self) -> int:
        """One step a round; a projection has none."""
        return {"logistic": ROUNDS + 1, "k_means": ROUNDS, "pca": 0}[self.way]

    def _figures(self) -> Iterator[Figure]:
        values = grey(self.image, 4)
        rows, cols = _places(values, self.every)
        values = np.clip(values, *shades(values))
        points = np.stack([self._feature(values, name)[rows, cols] for name in (self.first, self.second)], axis=1)
        scaled = _standard(points)
        truth = self._truth(values)[rows, cols]
        focus = min(self.one if self.one is not None else len(points) // 2, len(points) - 1)
        found, names, boundary, course, formula, story = self._learnt(scaled, truth, focus)
        groups = truth.astype(int) if self.shown == "truth" else found
        words = ("label 0", "label 1") if self.shown == "truth" else names
        marks = (Mark(int(rows[focus]), int(cols[focus]), 1, 1, "focus"),)
        kinds = np.zeros(values.shape, np.uint8)
        half = self.every // 2
        for row, col, kind in zip(rows, cols, groups, strict=True):
            kinds[max(0, row - half) : row + self.every - half, max(0, col - half) : col + self.every - half] = (
                _COLOURS[kind]
            )
        yield Picture("image", values, "slice, each place in its group", self.image.mm, shades(values), labels=kinds,
                      label_names=_swapped(words), letters=self.image.letters, marks=marks, unit=self.image.unit,
                      weight=1.6)  # fmt: skip
        at = np.concatenate([scaled, boundary]) if len(boundary) else scaled
        every = np.concatenate([groups, np.full(len(boundary), len(words))]).astype(int)
        yield Points("points", at, "the same places as points", every,
                     (*words, "boundary" if self.way == "logistic" else "centre" if self.way == "k_means" else "axes"),
                     x_name=f"{FEATURES[self.first]} (spreads)", y_name=f"{FEATURES[self.second]} (spreads)",
                     weight=1.6)  # fmt: skip
        yield course
        yield Text("formula", formula, f"point {focus}", formula=True)
        yield Text("story", story, "")

    def _learnt(self, points: Array, truth: Array, focus: int) -> tuple[Array, Any, Array, Curves, str, str]:
        if self.way == "logistic":
            return self._logistic(points, truth, focus)
        return self._clustered(points, truth, focus) if self.way == "k_means" else self._projected(points, truth, focus)

    def _logistic(self, points: Array, truth: Array, focus: int) -> tuple[Array, Any, Array, Curves, str, str]:
        if truth.all() or not truth.any():
            raise Refused(self.image.name or "image", "all places have one label", "choose a slice with contrast")
        path = newton(points, truth.astype(float), self.penalty)
        now = path[min(self.round, ROUNDS)]
        flat = np.column_stack([points, np.ones(len(points))])
        chance = expit(flat @ now)
        costs = np.array([entropy(flat @ one, truth) for one in path])
        right = float(np.mean((chance > 0.5) == truth))
        x = points[focus]
        terms = f"{factor(now[0])}·{factor(x[0])} + {factor(now[1])}·{factor(x[1])} + {factor(now[2])}"
        formula = f"p = σ({terms}) = σ({number(flat[focus] @ now)}) = {number(chance[focus])}"
        said = f"Logistic regression is one neuron with a sigmoid and cross-entropy {number(costs[self.round], 4)} nats"
        story = f"{said}; right for {100 * right:.1f} % of {len(points)} places."
        if ((flat @ path[-1] > 0) == truth).all():
            story += " The labels can be told apart without error: weights grow without end."
        line = Line("cross-entropy", np.arange(len(costs)), costs)
        course = Curves("course", (line,), "cost of each round", "round", "nats", at=float(self.round))
        return (chance > 0.5).astype(int), ("says 0", "says 1"), _line(now, points), course, formula, story

    def _clustered(self, points: Array, truth: Array, focus: int) -> tuple[Array, Any, Array, Curves, str, str]:
        count = min(self.count, len(points))
        rounds = k_means(points, count, self.seed)
        at = min(self.round, len(rounds) - 1)
        now = rounds[at]
        costs = np.array([one.cost for one in rounds])
        far = np.linalg.norm(now.centres - points[focus], axis=1)
        parts = ", ".join(number(one, 3) for one in far)
        nearest = int(now.nearest[focus])
        formula = f"distances to the centres {parts}: nearest is {nearest}" if len(far) > 1 else f"distance {parts}"
        falls = "never rises" if (np.diff(costs) <= 1e-12).all() else "has risen"
        story = f"k-means has no labels: the mean squared distance {falls}, now {number(now.cost)}. "
        story += f"Each cluster holds {_shares(now.nearest, truth, count)} of label 1."
        course = Curves("course", (Line("distance²", np.arange(len(costs)), costs),), "cost of each round", "round",
                        "mean distance²", at=float(at))  # fmt: skip
        names = tuple(f"cluster {k}" for k in range(count))
        return now.nearest, names, now.centres, course, formula, story

    def _projected(self, points: Array, truth: Array, focus: int) -> tuple[Array, Any, Array, Curves, str, str]:
        axes, variances = principal(points)
        share = 100 * variances / max(float(variances.sum()), 1e-12)
        along = (points - points.mean(axis=0)) @ axes[0]
        way = np.linspace(along.min(), along.max(), 60)[:, None] * axes[0] + points.mean(axis=0)
        x = points[focus] - points.mean(axis=0)
        terms = " + ".join(f"{factor(a)}·{factor(b)}" for a, b in zip(axes[0], x, strict=True))
        formula = f"{terms} = {number(along[focus])};  {share[0]:.1f} % of the variance"
        bins = np.linspace(along.min(), along.max() + 1e-9, 25)
        lines = tuple(
            Line(f"label {value}", (bins[1:] + bins[:-1]) / 2, np.histogram(along[truth == value], bins)[0])
            for value in (0, 1)
        )
        course = Curves("course", lines, "seen along the first axis", "place on the axis (spreads)", "points")
        story = "One number instead of two: the place along the direction in which points differ most; labels unused."
        return truth.astype(int), ("label 0", "label 1"), way, course, formula, story

    def _feature(self, values: Array, name: str) -> Array:
        mean = uniform_filter(values, 3)
        slopes: Any = np.gradient(mean)
        ways: dict[str, Callable[[], Array]] = {
            "brightness": lambda: values,
            "spread": lambda: np.sqrt(np.maximum(uniform_filter(values**2, 5) - uniform_filter(values, 5) ** 2, 0)),
            "steepness": lambda: np.hypot(slopes[0], slopes[1]),
            "row": lambda: np.indices(values.shape)[0].astype(float),
            "column": lambda: np.indices(values.shape)[1].astype(float),
        }
        return ways[name]()

    def _truth(self, values: Array) -> Array:
        """Label each pixel: by the viewer's labels where there are any, else by what is bright around it."""
        if self.labels is not None and self.labels.pixels.shape == values.shape:
            return np.asarray(self.labels.values) > 0
        soft = gaussian_filter(values, 2.0)
        body = soft[values > threshold_otsu(values)] if np.ptp(values) > 0 else soft
        made: Array = soft > threshold_otsu(body) if np.ptp(body) > 0 else np.zeros(values.shape, bool)
        return made


def _places(values: Array, every: int) -> tuple[Array, Array]:
    """Rows and columns of places in the body: the step from air to body would be the only thing to be learnt."""
    shape = values.shape
    step = max(every, int(np.ceil(np.sqrt(shape[0] * shape[1] / MOST_POINTS))))
    rows, cols = np.meshgrid(np.arange(step // 2, shape[0], step), np.arange(step // 2, shape[1], step), indexing="ij")
    inside = values[rows, cols] > threshold_otsu(values) if np.ptp(values) > 0 else np.ones(rows.shape, bool)
    inside = inside if np.count_nonzero(inside) >= 20 else np.ones(rows.shape, bool)
    return rows[inside], cols[inside]


def _standard(points: Array) -> Array:
    spread = points.std(axis=0)
    made: Array = (points - points.mean(axis=0)) / np.where(spread > 1e-9, spread, 1.0)
    return made


def _line(weights: Array, points: Array) -> Array:
    """Points of the line where the chance is one half, inside the room of the points."""
    if np.abs(weights[:2]).max() < 1e-9:
        return np.zeros((0, 2))
    low, high = points.min(axis=0), points.max(axis=0)
    steep = int(np.abs(weights[:2]).argmax())
    other = np.linspace(low[1 - steep], high[1 - steep], 120)
    crossed = -(weights[2] + weights[1 - steep] * other) / weights[steep]
    line = np.stack([crossed, other] if steep == 0 else [other, crossed], axis=1)
    inside: Array = line[((line >= low) & (line <= high)).all(axis=1)]
    return inside


def _swapped(words: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the label values in the order of `_COLOURS`."""
    return (words[1], words[0], *words[2:]) if len(words) > 1 else ("", *words)


def _shares(nearest: Array, truth: Array, count: int) -> str:
    parts = []
    for k in range(count):
        held = truth[nearest == k]
        parts.append(f"{100 * held.mean():.0f} %" if len(held) else "nothing")
    return ", ".join(parts)
