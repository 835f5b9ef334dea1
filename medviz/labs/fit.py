"""Fit: models of growing capacity on few points; training error, test error, penalties (decks D1 and D4)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from medviz.figures import Bars, Curves, Figure, Line, Points, Text
from medviz.labs.formulas import number
from medviz.labs.lab import Example, Lab
from medviz.messages import Work
from medviz.parameters import Choice, Group, Range, Step

Array = NDArray[Any]
HIGHEST = 15


def basis(x: Array, degree: int) -> Array:
    """Legendre polynomials 0..degree at x in −1..1, (n, degree + 1): as the powers of x, but well conditioned."""
    made: Array = np.polynomial.legendre.legvander(x, degree)
    return made


def fitted(x: Array, y: Array, degree: int, penalty: str = "none", strength: float = 0.0) -> Array:
    """Return the coefficients that make mean((y − Bw)²) + λR(w) smallest; R is Σw² (L2) or Σ|w| (L1).

    The constant is not penalised. L2 in closed form, L1 by coordinate descent.
    """
    design = basis(x, degree)
    if penalty == "l2" and strength > 0:
        weight = strength * len(x) * np.eye(degree + 1)
        weight[0, 0] = 0.0
        ridge: Array = np.linalg.solve(design.T @ design + weight, design.T @ y)
        return ridge
    if penalty == "l1" and strength > 0:
        return _lasso(design, y, strength)
    plain: Array = np.linalg.lstsq(design, y, rcond=None)[0]
    return plain


def _lasso(design: Array, y: Array, strength: float, rounds: int = 2000) -> Array:
    """Minimise mean((y − Bw)²) + λΣ|w_i|, i ≥ 1, coordinate after coordinate."""
    count, size = design.shape
    norms = (design**2).sum(axis=0)
    w = np.zeros(size)
    left = y.copy()
    for _ in range(rounds):
        largest = 0.0
        for j in range(size):
            rho = float(design[:, j] @ left + norms[j] * w[j])
            reach = strength * count / 2 if j else 0.0
            new = np.sign(rho) * max(abs(rho) - reach, 0.0) / norms[j]
            if new != w[j]:
                left -= design[:, j] * (new - w[j])
                largest = max(largest, abs(new - w[j]))
                w[j] = new
        if largest < 1e-10:
            break
    return w


def error(x: Array, y: Array, w: Array) -> float:
    """Mean squared error of the fit."""
    return float(np.mean((basis(x, len(w) - 1) @ w - y) ** 2))


@dataclass(frozen=True)
class Fit(Lab):
    """Points drawn from a smooth law with noise; a polynomial of some degree is fitted to them."""

    TITLE: ClassVar[str] = "Fit"
    ARRANGE: ClassVar[str] = "points errors / weights / formula / story"
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example("Too stiff", "TRAIN-9", "D4", {"degree": 1}, {"story": "underfits"},
                text="A straight line cannot follow: training and test error are both high."),
        Example("About right", "TRAIN-9", "D4", {"degree": 5}, {"story": "fits"}),
        Example("Too supple", "TRAIN-9", "D4", {"degree": 15}, {"story": "overfits"},
                text="It passes through the points and misses what lies between them."),
        Example("Degree 15 with L2", "TRAIN-7", "D4", {"degree": 15, "penalty": "l2", "strength": 0.003},
                {"story": "0 of 15"}, text="All weights get smaller, none becomes 0."),
        Example("Degree 15 with L1", "TRAIN-7", "D4", {"degree": 15, "penalty": "l1", "strength": 0.05},
                {"story": "weights are exactly 0"}, text="Many weights become 0: the fit is sparse."),
    )  # fmt: skip

    degree: Annotated[int, Range(0, HIGHEST), Group("Model"), "Capacity: the highest power"] = 5
    penalty: Annotated[
        str, Choice(("none", "l2", "l1"), ("none", "L2: λΣw²", "L1: λΣ|w|")), Group("Model"), "Added to the loss"
    ] = "none"
    strength: Annotated[float, Range(0.0, 1.0, 0.001), Group("Model"), "λ"] = 0.01
    count: Annotated[int, Range(4, 200, unit="points"), Group("Data"), "Points to learn from"] = 18
    noise: Annotated[float, Range(0.0, 1.0, 0.01), Group("Data"), "Spread of what cannot be known"] = 0.25
    seed: Annotated[int, Range(0, 999), Group("Data"), "Draws the points"] = 1
    at: Annotated[int, Step(), Range(0, HIGHEST), Group("Model", advanced=True), "The player walks the degree"] = 0

    def show(self) -> Work[None]:
        """Yield points and fit, both errors over the degree, the weights, and the loss in its parts."""
        yield from self._figures()

    def steps(self) -> int:
        """One step a degree, after the one that was set."""
        return HIGHEST + 1

    def _figures(self) -> Iterator[Figure]:
        x, y, far_x, far_y = self._data()
        degree = self.at or self.degree
        w = fitted(x, y, degree, self.penalty, self.strength)
        line = np.linspace(-1, 1, 161)
        fit = np.clip(basis(line, degree) @ w, -3, 3)
        places = np.concatenate([np.stack([x, y], 1), np.stack([line, fit], 1)])
        groups = np.repeat([0, 1], [len(x), len(line)])
        yield Points(
            "points", places, f"degree {degree}", groups, ("points", "fit"), x_name="x", y_name="y", weight=1.3
        )
        fits = [fitted(x, y, d, self.penalty, self.strength) for d in range(HIGHEST + 1)]
        axis = np.arange(HIGHEST + 1)
        train = Line("training", axis, np.maximum([error(x, y, one) for one in fits], 1e-8))
        test = Line("test", axis, np.minimum([error(far_x, far_y, one) for one in fits], 1e3))
        yield Curves("errors", (train, test), "mean squared error", "degree", "error", log_y=True, at=float(degree))
        yield Bars("weights", tuple(str(d) for d in range(degree + 1)), np.asarray(w), "weights of the fit")
        data, size = error(x, y, w), _size(w, self.penalty)
        lam = self.strength if self.penalty != "none" else 0.0
        total = f"loss + λR = {number(data)} + {number(lam)}·{number(size)} = {number(data + lam * size)}"
        yield Text("formula", total, "what is made small", formula=True)
        yield Text("story", self._story(w, data, error(far_x, far_y, w)), "")

    def _data(self) -> tuple[Array, Array, Array, Array]:
        rng = np.random.default_rng(self.seed)
        x, far = rng.uniform(-1, 1, self.count), np.linspace(-0.98, 0.98, 200)
        return (
            x,
            _law(x) + self.noise * rng.normal(size=x.size),
            far,
            _law(far) + self.noise * rng.normal(size=far.size),
        )

    def _story(self, w: Array, train: float, test: float) -> str:
        floor = max(self.noise**2, 1e-3)
        word = "underfits" if train > 2 * floor else "overfits" if test > 2.5 * floor else "fits"
        zeros = int(np.count_nonzero(np.abs(w[1:]) < 1e-9))
        return (
            f"Training error {number(train, 3)}, test error {number(test, 3)}, noise {number(self.noise**2, 3)}: "
            f"it {word}. "
            f"{zeros} of {len(w) - 1} weights are exactly 0."
        )


def _law(x: Array) -> Array:
    made: Array = np.sin(3.5 * x)
    return made


def _size(w: Array, penalty: str) -> float:
    return float(np.abs(w[1:]).sum()) if penalty == "l1" else float((w[1:] ** 2).sum())
