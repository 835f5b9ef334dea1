"""Attack: a change too small to be seen, made so that a classifier errs (deck D4)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from medviz.figures import Bars, Curves, Figure, Heatmap, Line, Picture, Text
from medviz.imaging.slices import Slice
from medviz.labs.formulas import number
from medviz.labs.lab import Example, Lab
from medviz.messages import Work
from medviz.parameters import Choice, Group, Input, Range, When
from medviz.refused import Refused

Array = NDArray[Any]
PATCH = 12
"""Side of the pieces of the slice that are told apart, in pixels."""
MOST_PIECES = 600


def fgsm(weights: Array, target: float, probability: float, epsilon: float) -> Array:
    """Return the step that raises the loss most while no value changes by more than ε (Goodfellow et al., 2015).

    The gradient of the cross-entropy of σ(w·x + b) is (p − t)·w, so δ = ε·sign((p − t)·w).
    """
    made: Array = epsilon * np.sign((probability - target) * weights)
    return made


def loss(logit: float, target: float) -> float:
    """Cross-entropy of a logit, in nats."""
    return float(np.logaddexp(0.0, logit) - target * logit)


@dataclass(frozen=True, eq=False)
class Linear:
    """A classifier of flattened pieces: σ(weights·x + bias)."""

    weights: Array
    bias: float

    def logit(self, x: Array) -> float:
        """Return w·x + b; positive says 1."""
        return float(self.weights @ x.ravel() + self.bias)


def taught(pieces: Array, targets: Array, penalty: float, epsilon: float = 0.0, steps: int = 80) -> Linear:
    """Teach on the mean cross-entropy + penalty/2·‖w‖² by Nesterov's descent; ε > 0 trains on attacked pieces."""
    flat = np.column_stack([pieces.reshape(len(pieces), -1), np.ones(len(pieces))])
    shrunk = np.append(np.full(flat.shape[1] - 1, penalty), 0.0)  # the bias is not penalised
    signs = np.append(np.ones(flat.shape[1] - 1), 0.0)
    rate = 1.0 / (float(np.linalg.norm(flat, 2)) ** 2 / (4 * len(flat)) + penalty)  # 1 / largest curvature
    now = ahead = np.zeros(flat.shape[1])
    for step in range(steps):
        seen = flat
        if epsilon:
            seen = flat + epsilon * np.sign((expit(flat @ ahead) - targets)[:, None] * ahead) * signs
        following = ahead - rate * (seen.T @ (expit(seen @ ahead) - targets) / len(flat) + shrunk * ahead)
        now, ahead = following, following + step / (step + 3) * (following - now)
    return Linear(now[:-1], float(now[-1]))


def told_apart(pieces: Array, by: str) -> Array:
    """Return 1 for the half of pieces (n, side, side) that have more of it: "centre", "down" or "bright"."""
    half, third = pieces.shape[1] // 2, pieces.shape[1] // 3 + 1
    means = pieces.mean(axis=(1, 2))
    amount = {
        "centre": lambda: pieces[:, third:-third, third:-third].mean(axis=(1, 2)) - means,
        "down": lambda: pieces[:, half:].mean(axis=(1, 2)) - pieces[:, :half].mean(axis=(1, 2)),
        "bright": lambda: means,
    }[by]()
    made: Array = (amount > np.median(amount)).astype(float)
    return made


_WORDS = {"centre": ("no spot", "spot"), "down": ("darker below", "brighter below"), "bright": ("dark", "bright")}


def _spots() -> Slice:
    rows, cols = np.indices((72, 84))
    pixels = 20.0 * np.sin(rows / 17) * np.cos(cols / 19)
    chance = np.random.default_rng(1)
    for row, col in chance.uniform((2, 2), (70, 82), (60, 2)):
        pixels += 70 * np.exp(-((rows - row) ** 2 + (cols - col) ** 2) / (2 * 1.8**2))
    return Slice(np.round(pixels + 4 * chance.normal(size=pixels.shape)), name="phantom with spots")


_PHANTOM = _spots()


@dataclass(frozen=True)
class Attack(Lab):
    """A linear classifier learns to tell pieces of the slice with a spot from those without; then one is attacked."""

    TITLE: ClassVar[str] = "Adversarial example"
    ARRANGE: ClassVar[str] = "image change attacked / bars curve weights / formula / story"
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example("One small step", "TRAIN-11", "D4", {}, {"story": "max |δ| = ε exactly", "formula": "≥"},
                text="Every pixel changes by ε, up or down as the sign of its weight says."),
        Example("None at all", "TRAIN-11", "D4", {"epsilon": 0.0}, {"story": "nothing is changed"}),
        Example("Trained against it", "TRAIN-11", "D4", {"trained": "attacked"},
                {"story": "trained on attacked pieces"},
                text="The same ε flips fewer; what it costs is some accuracy on pieces as they are."),
        Example("A change drawn by chance", "TRAIN-11", "D4", {"kind": "chance"}, {"story": "by chance"},
                text="As large, but in no direction: nearly nothing happens."),
    )  # fmt: skip

    image: Annotated[Slice, Input("slice"), "What is cut into pieces to be told apart"] = _PHANTOM
    epsilon: Annotated[
        float, Range(0, 1), Group("Attack"), "Largest change of a pixel, in spreads of the slice"
    ] = 0.2  # fmt: skip
    kind: Annotated[
        str, Choice(("fgsm", "chance"), ("along the gradient (FGSM)", "by chance")), Group("Attack"),
        "How it is changed",
    ] = "fgsm"  # fmt: skip
    seed: Annotated[int, Range(0, 999), When("kind", "chance"), Group("Attack"), "Draws the chance"] = 0
    piece: Annotated[int, Range(0, 999), Group("Attack"), "Which of those it knows is attacked, from 0"] = 0
    by: Annotated[
        str, Choice(tuple(_WORDS), ("a bright spot in the middle", "brighter below", "bright")), Group("Training"),
        "What pieces are told apart by",
    ] = "centre"  # fmt: skip
    count: Annotated[int, Range(10, 300), Group("Training"), "Pieces it learns from; the others are for the test"] = 100
    trained: Annotated[
        str, Choice(("plain", "attacked"), ("on pieces as they are", "on attacked pieces")), Group("Training"),
        "What the classifier learns from",
    ] = "plain"  # fmt: skip
    penalty: Annotated[float, Range(0, 1), Group("Training"), "Of ‖w‖²/2: keeps weights small"] = 0.001
    times: Annotated[float, Range(1, 20), Group("View"), "How much the change is enlarged to be seen"] = 1.0

    def show(self) -> Work[None]:
        """Yield the piece, the change, the attacked piece, the chances, and the curve over ε."""
        yield from self._figures()

    def _figures(self) -> Iterator[Figure]:
        pieces, targets, scale = self._pieces()
        order = np.random.default_rng(0).permutation(len(pieces))
        some, others = order[: self.count], order[self.count :]
        others = others if len(others) else some
        against = self.epsilon if self.trained == "attacked" else 0.0
        made = taught(pieces[some], targets[some], self.penalty, against)
        answers = pieces[others].reshape(len(others), -1) @ made.weights + made.bias > 0
        right = others[answers == targets[others]]
        right = right if len(right) else others
        index = int(right[min(self.piece, len(right) - 1)])
        x, target = pieces[index], float(targets[index])
        delta = self._delta(made, x, target, self.epsilon)
        before, after = made.logit(x), made.logit(x + delta)
        low, high = float((x - self.epsilon).min()), float((x + self.epsilon).max())
        levels = (low, high) if high > low else (low, low + 1.0)
        yield Picture("image", x, f"piece {index}: {_WORDS[self.by][int(target)]}", levels=levels, unit="spreads")
        most = max(self.epsilon, 1e-9)
        yield Picture("change", delta * self.times, f"what is added, × {number(self.times, 3)}", levels=(-most, most),
                      colours="diverging", unit="spreads")  # fmt: skip
        yield Picture("attacked", x + delta, f"attacked: taken for {_WORDS[self.by][after > 0]}", levels=levels,
                      unit="spreads")  # fmt: skip
        chances = 100 * np.array([expit(before), expit(after)])
        yield Bars("bars", ("as it is", "attacked"), chances, f"chance of {_WORDS[self.by][1]}", "%")
        yield self._curve(made, x, target)
        weights = made.weights.reshape(PATCH, PATCH)
        yield Heatmap("weights", weights, "what it learnt: one weight a pixel", "diverging", digits=2)
        costs = loss(before, target), loss(after, target)
        more = f" ≥ {number(costs[0])}" if costs[1] >= costs[0] else ""
        line = f"loss {number(costs[0])} → {number(costs[1])}{more} nats;  logit {number(before)} → {number(after)}"
        yield Text("formula", line, "", formula=True)
        yield Text("story", self._story(made, pieces[others], targets[others], delta, scale), "")

    def _delta(self, made: Linear, x: Array, target: float, epsilon: float) -> Array:
        if self.kind == "fgsm":
            return fgsm(made.weights, target, float(expit(made.logit(x))), epsilon).reshape(x.shape)
        signs = np.random.default_rng(self.seed).integers(0, 2, x.shape) * 2 - 1
        drawn: Array = epsilon * signs
        return drawn

    def _curve(self, made: Linear, x: Array, target: float) -> Curves:
        sizes = np.linspace(0, 1, 41)
        costs = np.array([loss(made.logit(x + self._delta(made, x, target, float(one))), target) for one in sizes])
        return Curves("curve", (Line("loss", sizes, costs),), "the further, the worse", "ε (spreads)", "loss (nats)",
                      at=self.epsilon)  # fmt: skip

    def _pieces(self) -> tuple[Array, Array, float]:
        """Pieces (n, 12, 12) in spreads of the slice, 0 or 1 for each, and one spread's size."""
        values = np.asarray(self.image.values, float)
        name = self.image.name or "image"
        if values.ndim != 2 or not np.isfinite(values).all():
            raise Refused(name, "it is not a grey slice of finite numbers", "choose another slice")
        if min(values.shape) < PATCH or float(values.std()) < 1e-9:
            raise Refused(name, "it has no pieces that differ", f"choose a slice of at least {PATCH} px with contrast")
        scale = float(values.std())
        scaled = (values - values.mean()) / scale
        windows = np.lib.stride_tricks.sliding_window_view(scaled, (PATCH, PATCH))
        step = max(1, int(np.ceil(np.sqrt(windows.shape[0] * windows.shape[1] / MOST_PIECES))))
        pieces = windows[::step, ::step].reshape(-1, PATCH, PATCH)
        return pieces, told_apart(pieces, self.by), scale

    def _story(self, made: Linear, pieces: Array, targets: Array, delta: Array, scale: float) -> str:
        flat = pieces.reshape(len(pieces), -1)
        logits = flat @ made.weights + made.bias
        right = 100 * float(np.mean((logits > 0) == targets))
        fall = self.epsilon * float(np.abs(made.weights).sum())
        hit = 100 * float(np.mean(((logits - np.where(targets > 0, fall, -fall)) > 0) == targets))
        unit = self.image.unit or "grey levels"
        size = f"ε = {number(self.epsilon, 3)} spreads = {number(self.epsilon * scale, 3)} {unit}"
        if not self.epsilon:
            said = ["ε is 0: nothing is changed"]
        else:
            exact = "exactly" if np.abs(delta).max() == self.epsilon else "nearly"
            said = [f"max |δ| = ε {exact}; {size}"]
        if self.kind == "chance":
            said.append("the signs are drawn by chance")
        if self.trained == "attacked":
            said.append("trained on attacked pieces")
        said.append(f"right for {number(right, 3)} % of {len(pieces)} other pieces, attacked for {number(hit, 3)} %")
        return "; ".join(said) + "."
