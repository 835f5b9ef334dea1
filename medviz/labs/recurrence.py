"""Recurrence: a network that reads slice after slice, and how its gradient fades (decks D2 and D4)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from medviz.figures import Curves, Figure, Heatmap, Line, Mark, Text
from medviz.imaging.slices import Slice
from medviz.labs.formulas import number
from medviz.labs.lab import Example, Lab
from medviz.messages import Work
from medviz.parameters import Choice, Group, Input, Range, Step
from medviz.refused import Refused

Array = NDArray[Any]
_NOISE = Slice(np.random.default_rng(0).normal(size=(20, 6)), name="twenty random steps")


@dataclass(frozen=True, eq=False)
class Unfolded:
    """States (time + 1, units), the first is zero; and ‖∂h_last/∂h_t‖ for each t (time + 1,), spectral norm."""

    states: Array
    gradients: Array


def unfolded(inputs: Array, weights: Array, into: Array, cell: str = "rnn") -> Unfolded:
    """Run h = tanh(W_h h + W_i x) over inputs (time, features), or a cell with a memory that a gate keeps.

    The gradient is the product of the Jacobians W_hᵀ·diag(1 − h²), multiplied from the end backwards. The "gated" cell
    keeps the share 0.95 of its state and adds 0.05 of the new one, as an LSTM with an open forget gate does.
    """
    keep = 0.95 if cell == "gated" else 0.0
    states, slopes = [np.zeros(len(weights))], []
    for x in inputs:
        new = np.tanh(weights @ states[-1] + into @ x)
        states.append(keep * states[-1] + (1 - keep) * new)
        slopes.append(keep * np.eye(len(weights)) + (1 - keep) * (1 - new**2)[:, None] * weights)
    product, norms = np.eye(len(weights)), [1.0]
    for slope in reversed(slopes):
        product = product @ slope
        norms.append(float(np.linalg.norm(product, 2)))
    return Unfolded(np.array(states), np.array(norms[::-1]))


@dataclass(frozen=True)
class Recurrence(Lab):
    """Each row of the input is a moment; the state remembers what came before."""

    TITLE: ClassVar[str] = "Recurrence"
    ARRANGE: ClassVar[str] = "inputs states / gradient / formula / story"
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example("Weights of norm 0.5: the gradient vanishes", "SEQ-12", "D2", {"norm": 0.5},
                {"story": "it vanishes"}, text="After 20 steps less than 10⁻⁵ of it is left."),
        Example("Norm 1: it fades slowly", "SEQ-12", "D2", {"norm": 1.0}, {"story": "it fades"}),
        Example("Norm 1.5: it grows", "SEQ-12", "D2", {"norm": 1.5, "loud": 0.2}, {"story": "it grows"}),
        Example("A gate that keeps the state", "SEQ-12", "D4", {"norm": 0.5, "cell": "gated"},
                {"story": "it fades"}, text="The road through the memory is nearly straight."),
    )  # fmt: skip

    image: Annotated[Slice, Input("slice"), "Each row is a moment, read from top to bottom"] = _NOISE
    norm: Annotated[float, Range(0.0, 2.0, 0.05), Group("Network"), "‖W_h‖: an orthogonal matrix times this"] = 0.5
    cell: Annotated[
        str, Choice(("rnn", "gated"), ("plain recurrent", "gated (as an LSTM)")), Group("Network"), "The kind of cell"
    ] = "rnn"
    units: Annotated[int, Range(1, 16), Group("Network"), "Numbers in the state"] = 6
    loud: Annotated[float, Range(0.0, 2.0, 0.05), Group("Network"), "How strongly the input is heard"] = 0.3
    seed: Annotated[int, Range(0, 999), Group("Network", advanced=True), "Draws the weights"] = 0
    at: Annotated[int, Step(), Range(0, 64), Group("Network"), "The moment"] = 0

    def show(self) -> Work[None]:
        """Yield what is read, what is remembered, and how much of the last state each moment still moves."""
        yield from self._figures()

    def steps(self) -> int:
        """One step a moment."""
        return len(self._moments())

    def _figures(self) -> Iterator[Figure]:
        moments = self._moments()
        rng = np.random.default_rng(self.seed)
        turn, _ = np.linalg.qr(rng.normal(size=(self.units, self.units)))
        into = rng.normal(size=(self.units, moments.shape[1])) / np.sqrt(moments.shape[1]) * self.loud
        made = unfolded(moments, self.norm * turn, into, self.cell)
        at = min(self.at, len(moments) - 1)
        yield Heatmap("inputs", moments, "inputs x_t", "diverging", marks=(Mark(at, 0, 1, moments.shape[1], "source"),))
        yield Heatmap(
            "states", made.states[1:], "states h_t", "diverging", marks=(Mark(at, 0, 1, self.units, "target"),)
        )
        steps = np.arange(len(made.gradients))
        line = Line("‖∂h_T/∂h_t‖", steps, np.maximum(made.gradients, 1e-30))
        yield Curves("gradient", (line,), "how much of the last state each moment still moves", "time step t",
                     "norm of the gradient", log_y=True, at=float(at))  # fmt: skip
        before, after = made.states[at, 0], made.states[at + 1, 0]
        yield Text("formula", f"h_{at + 1}[0] = f(W_h h_{at} + W_i x_{at})[0]: {number(before)} → {number(after)}",
                   "one step", formula=True)  # fmt: skip
        yield Text("story", _story(made.gradients, len(moments)), "")

    def _moments(self) -> Array:
        values = np.asarray(self.image.values, float)
        if values.ndim != 2 or not np.isfinite(values).all():
            raise Refused(self.image.name or "image", "moments are rows of finite numbers", "choose a grey slice")
        rows = np.array_split(np.arange(values.shape[0]), min(40, values.shape[0]))
        cols = np.array_split(np.arange(values.shape[1]), min(12, values.shape[1]))
        few = np.array([[values[np.ix_(r, c)].mean() for c in cols] for r in rows])
        spread = float(few.std())
        scaled: Array = (few - few.mean()) / (spread or 1.0)
        return scaled


def _story(gradients: Array, count: int) -> str:
    ratio = float(gradients[0] / gradients[-1])
    word = "it vanishes" if ratio < 1e-4 else "it fades" if ratio < 1 else "it grows"
    return f"Of a change in the first state, {ratio:.2g} arrives at the last of {count} steps: {word}."
