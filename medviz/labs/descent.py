"""Descent: several optimisers race down one surface, step by step as torch takes them (decks D0 and D4)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from medviz.figures import Curves, Figure, Line, Mark, Picture, Table, Text
from medviz.labs.formulas import factor, number
from medviz.labs.lab import Example, Lab
from medviz.messages import Work
from medviz.parameters import Choice, Group, Range, Step

Array = NDArray[Any]
Place = tuple[float, float]


@dataclass(frozen=True)
class Surface:
    """A loss over two weights: value and gradient at (a, b), and the square of weights that is drawn."""

    name: str
    value: Callable[[Any, Any], Any]
    slope: Callable[[float, float], Place]
    reach: float
    start: Place


SURFACES: dict[str, Surface] = {
    "bowl": Surface("round bowl", lambda a, b: a**2 + b**2, lambda a, b: (2 * a, 2 * b), 3.0, (-2.5, 2.0)),
    "valley": Surface(
        "narrow valley", lambda a, b: 0.1 * a**2 + 2 * b**2, lambda a, b: (0.2 * a, 4 * b), 3.0, (-2.8, 1.2)
    ),
    "saddle": Surface(
        "saddle", lambda a, b: 0.25 * a**4 - 0.5 * a**2 + b**2, lambda a, b: (a**3 - a, 2 * b), 2.5, (0.02, 2.0)
    ),
    "banana": Surface(
        "bent valley (Rosenbrock, tenfold)",
        lambda a, b: (1 - a) ** 2 + 10 * (b - a**2) ** 2,
        lambda a, b: (-2 * (1 - a) - 40 * a * (b - a**2), 20 * (b - a**2)),
        2.2,
        (-1.5, 1.8),
    ),
}
RUNNERS = ("SGD", "momentum", "Nesterov", "Adagrad", "RMSprop", "Adam")


def walked(surface: Surface, runner: str, rate: float, steps: int, noise: float = 0.0, seed: int = 0) -> Array:
    """Return the places (steps + 1, 2) that an optimiser visits; its defaults are those of torch.optim.

    `noise` is the spread of what a mini-batch adds to the gradient; 0 is the whole batch.
    """
    rng = np.random.default_rng(seed)
    at = np.array(surface.start)
    path, first, second = [at], np.zeros(2), np.zeros(2)
    for step in range(1, steps + 1):
        gradient = np.array(surface.slope(float(at[0]), float(at[1]))) + noise * rng.normal(size=2)
        move, first, second = _MOVES[runner](gradient, first, second, step)
        at = np.clip(at - rate * move, -1e6, 1e6)
        path.append(at)
    return np.array(path)


Moved = tuple[Array, Array, Array]


def _sgd(g: Array, m: Array, v: Array, t: int) -> Moved:
    return g, m, v


def _momentum(g: Array, m: Array, v: Array, t: int) -> Moved:
    m = g if t == 1 else 0.9 * m + g
    return m, m, v


def _nesterov(g: Array, m: Array, v: Array, t: int) -> Moved:
    m = g if t == 1 else 0.9 * m + g
    return g + 0.9 * m, m, v


def _adagrad(g: Array, m: Array, v: Array, t: int) -> Moved:
    v = v + g**2
    return g / (np.sqrt(v) + 1e-10), m, v


def _rmsprop(g: Array, m: Array, v: Array, t: int) -> Moved:
    v = 0.99 * v + 0.01 * g**2
    return g / (np.sqrt(v) + 1e-8), m, v


def _adam(g: Array, m: Array, v: Array, t: int) -> Moved:
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
    return (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8), m, v


_MOVES = dict(zip(RUNNERS, (_sgd, _momentum, _nesterov, _adagrad, _rmsprop, _adam), strict=True))


@dataclass(frozen=True)
class Descent(Lab):
    """All runners start at the same place; the player lets them take one step after the other."""

    TITLE: ClassVar[str] = "Descent"
    ARRANGE: ClassVar[str] = "surface curves / table / formula"
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example("One step of gradient descent", "TRAIN-12", "D0", {"surface": "bowl", "rate": 0.1, "at": 1},
                {"formula": "−2.5 − 0.1·(−5) = −2"}, text="w ← w − η·dL/dw, on a bowl."),
        Example("Adam's first step is the rate, whatever the slope", "TRAIN-12", "D4",
                {"surface": "valley", "rate": 0.1, "at": 1, "shown": "Adam"},
                {"formula": "−2.8 − 0.1·(−1) = −2.7"},
                text="Its two running means are equal then: the step is η·sign(g)."),
        Example("A narrow valley", "TRAIN-12", "D4", {"surface": "valley", "rate": 0.45, "at": 30},
                text="Plain descent swings across; momentum and Adam run along."),
        Example("With the noise of mini-batches", "TRAIN-12", "D4",
                {"surface": "bowl", "rate": 0.05, "noise": 2.0, "at": 40}, text="No runner comes to rest."),
    )  # fmt: skip

    surface: Annotated[
        str, Choice(tuple(SURFACES), tuple(s.name for s in SURFACES.values())), Group("Race"), "A loss of two weights"
    ] = "valley"  # fmt: skip
    rate: Annotated[float, Range(0.001, 1.0, log=True), Group("Race"), "Learning rate of all runners"] = 0.1
    noise: Annotated[float, Range(0.0, 5.0, 0.1), Group("Race"), "Spread of what a mini-batch adds to the gradient"] = (
        0.0
    )
    seed: Annotated[int, Range(0, 999), Group("Race", advanced=True), "Draws the mini-batches"] = 0
    shown: Annotated[str, Choice(RUNNERS), Group("Race"), "Whose step is written out"] = "SGD"
    length: Annotated[int, Range(1, 200, unit="steps"), Group("Race"), "Length of the race"] = 60
    at: Annotated[int, Step(), Range(0, 200), Group("Race"), "Steps taken"] = 20

    def show(self) -> Work[None]:
        """Yield the surface with all runners, their losses, their places, and one step written out."""
        yield from self._figures()

    def steps(self) -> int:
        """One step of the player is one step of each runner."""
        return self.length + 1

    def _figures(self) -> Iterator[Figure]:
        surface, taken = SURFACES[self.surface], min(self.at, self.length)
        paths = {name: walked(surface, name, self.rate, max(taken, 1), self.noise, self.seed) for name in RUNNERS}
        yield _map(surface, paths, taken)
        lines = tuple(
            Line(name, np.arange(taken + 1), _loss(surface, path[: taken + 1]), dashed=name != self.shown)
            for name, path in paths.items()
        )
        yield Curves("curves", lines, "loss of each", "step", "loss", log_y=True)
        rows = tuple(
            (name, float(path[taken, 0]), float(path[taken, 1]), float(_loss(surface, path[taken : taken + 1])[0]))
            for name, path in paths.items()
        )
        yield Table("table", ("runner", "a", "b", "loss"), rows, f"after {taken} steps")
        yield Text(
            "formula", self._formula(paths[self.shown], taken), f"the last step of {self.shown} in a", formula=True
        )

    def _formula(self, path: Array, taken: int) -> str:
        step = max(taken, 1)
        before, after = float(path[step - 1, 0]), float(path[step, 0])
        move = (before - after) / self.rate
        return f"a ← a − η·move = {number(before)} − {number(self.rate)}·{factor(move)} = {number(after)}"


def _loss(surface: Surface, path: Array) -> Array:
    values: Array = np.asarray(surface.value(path[:, 0], path[:, 1]), float)
    low = float(surface.value(*_grid(surface.reach)).min())
    return np.maximum(values - min(low, 0.0), 1e-12)


def _grid(reach: float, size: int = 161) -> tuple[Array, Array]:
    axis = np.linspace(-reach, reach, size)
    across, up = np.meshgrid(axis, axis[::-1])
    return across, up


def _map(surface: Surface, paths: dict[str, Array], taken: int) -> Picture:
    """Draw the surface, dark where it is low, with a mark where each runner stands and dots where it was."""
    across, up = _grid(surface.reach)
    heights = np.asarray(surface.value(across, up))
    pixels = np.log1p(heights - heights.min())
    scale = (pixels.shape[0] - 1) / (2 * surface.reach)

    def mark(at: Array, size: float, style: str, word: str = "") -> Mark:
        row, col = (surface.reach - at[1]) * scale, (at[0] + surface.reach) * scale
        return Mark(float(row) - size / 2, float(col) - size / 2, size, size, style, word)

    marks = [mark(at, 1.5, "source") for path in paths.values() for at in path[:taken]]
    marks += [mark(path[taken], 5, "focus", name) for name, path in paths.items()]
    inside = tuple(m for m in marks if -5 < m.row < pixels.shape[0] and -5 < m.col < pixels.shape[1])
    return Picture(
        "surface", pixels, f"{surface.name}: a to the right, b up", colours="viridis", marks=inside, weight=1.5
    )
