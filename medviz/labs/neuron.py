"""Neuron: weights times inputs, plus a bias, through an activation; one, a layer, a batch (decks D0 and D1)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from medviz.figures import Curves, Figure, Heatmap, Line, Mark, Points, Text
from medviz.labs.activations import ACTIVATIONS
from medviz.labs.formulas import factor, number
from medviz.labs.lab import Erratum, Example, Lab
from medviz.messages import Work
from medviz.parameters import Choice, Group, Matrix, Pick, Range, Size, Step
from medviz.refused import Refused

Array = NDArray[Any]
_BATCH = ((0.4, -1.0), (-2.1, 3.0))
_WEIGHTS = ((2.0, -3.6, 0.5),)
_FEATURES = ((0.2, 0.8, 0.5, 0.1),)
_SHARED = ((0.5, -1.0, 2.0, 0.3, 0.1),) * 3
_OWN = ((0.5, -1.0, 2.0, 0.3, 0.1), (-0.7, 0.4, 1.1, 0.9, -0.2), (1.2, 0.6, -0.5, -0.8, 0.3))
E9 = Erratum(
    "E9",
    "all three rows of the matrix are [w1 w2 w3 w4], with one b for all",
    "then a1 = a2 = a3, a layer of one neuron and 5 parameters; a layer of three has w_ij and b_i, 3·4 + 3 = 15",
)


@dataclass(frozen=True)
class Neuron(Lab):
    """Each row of the batch times each neuron's weights, plus its bias, through the activation."""

    TITLE: ClassVar[str] = "Neuron"
    ARRANGE: ClassVar[str] = "inputs weights sums outputs / formula / line place / count erratum"
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example(
            "One neuron, a batch of two: bias first", "TRAIN-2", "D1",
            {"inputs": _BATCH, "weights": _WEIGHTS, "bias": "first", "activation": "sigmoid"},
            {"sums": [[0.06], [11.06]], "formula": "2 + 0.4·(−3.6) + (−1)·0.5 = 0.06"},
            text="The deck's figure is lost; reading the first of the three numbers as the bias gives 0.06 and 11.06.",
        ),
        Example(
            "The same with the bias last", "TRAIN-2", "D1",
            {"inputs": _BATCH, "weights": _WEIGHTS, "bias": "last", "activation": "sigmoid"},
            {"sums": [[4.9], [-14.5]]},
            text="Reading the last number as the bias gives 4.9 and −14.5: which one is meant must be said.",
        ),
        Example(
            "Its two outputs", "TRAIN-2", "D1",
            {"inputs": _BATCH, "weights": _WEIGHTS, "bias": "first", "activation": "sigmoid", "cell": 1},
            {"outputs": [[0.5149955], [0.9999843]], "formula": "= 11.06"},
            text="0.5150 and 0.99998: the batch is two single results below one another.",
        ),
        Example(
            "A layer as printed: three rows alike", "TRAIN-1", "D0",
            {"inputs": _FEATURES, "weights": _SHARED, "bias": "last", "activation": "relu"},
            {"outputs": [[0.43, 0.43, 0.43]], "count": "15 numbers"}, E9,
            text="Three neurons with the same weights say the same thing three times.",
        ),
        Example(
            "A layer as it should be", "TRAIN-1", "D0",
            {"inputs": _FEATURES, "weights": _OWN, "bias": "last", "activation": "identity"},
            {"sums": [[0.43, 0.62, 0.69]], "count": "3·4 weights + 3 biases = 15 numbers"}, E9,
            text="Each neuron has weights and a bias of its own.",
        ),
    )  # fmt: skip

    inputs: Annotated[Matrix, Size(16, 8), Group("Numbers"), "One sample a row, one feature a column"] = _BATCH
    weights: Annotated[
        Matrix, Size(8, 9), Group("Numbers"), "One neuron a row: a weight for each feature, and the bias"
    ] = _WEIGHTS
    bias: Annotated[
        str, Choice(("first", "last"), ("first in the row", "last in the row")), Group("Numbers"), "Where the bias is"
    ] = "first"  # fmt: skip
    activation: Annotated[
        str, Choice(tuple(ACTIVATIONS), tuple(one.name for one in ACTIVATIONS.values())), Group("Activation"),
        "What the sum goes through",
    ] = "sigmoid"  # fmt: skip
    alpha: Annotated[float, Range(-1.0, 3.0), Group("Activation"), "Slope below 0 (PReLU, ELU)"] = 0.25
    cell: Annotated[
        int,
        Step(),
        Range(0, 127),
        Pick("sums", "outputs"),
        Group("Numbers", advanced=True),
        "The sum that is written out",
    ] = 0

    def show(self) -> Work[None]:
        """Yield the batch, the weights, the sums and outputs, and the sum in focus written out."""
        yield from self._figures()

    def _figures(self) -> Iterator[Figure]:
        batch, weights, bias = self._numbers()
        sums = batch @ weights.T + bias
        active = ACTIVATIONS[self.activation]
        out = active.value(sums, self.alpha)
        row, unit = divmod(min(self.cell, sums.size - 1), sums.shape[1])
        samples = tuple(f"sample {index + 1}" for index in range(len(batch)))
        features = tuple(f"x{index + 1}" for index in range(batch.shape[1]))
        units = tuple(f"neuron {index + 1}" for index in range(len(weights)))
        yield Heatmap("inputs", batch, "inputs x", "diverging", row_names=samples, column_names=features,
                      marks=(Mark(row, 0, 1, batch.shape[1], "source"),), editable=True)  # fmt: skip
        names = ("b", *(f"w{i + 1}" for i in range(batch.shape[1])))
        names = names if self.bias == "first" else (*names[1:], "b")
        yield Heatmap("weights", np.asarray(self.weights), "weights and bias", "diverging", row_names=units,
                      column_names=names, marks=(Mark(unit, 0, 1, len(names), "source"),), editable=True)  # fmt: skip
        focus = (Mark(row, unit),)
        yield Heatmap("sums", sums, "sums z", "diverging", row_names=samples, column_names=units, marks=focus)
        yield Heatmap("outputs", out, f"outputs {active.name}(z)", "diverging", digits=5, row_names=samples,
                      column_names=units, marks=focus)  # fmt: skip
        line = _written(batch[row], weights[unit], float(bias[unit]))
        result = f"{active.name}({number(sums[row, unit])}) = {number(out[row, unit], 5)}"
        yield Text("formula", f"{line} = {number(sums[row, unit])};   {result}", f"sample {row + 1}, neuron {unit + 1}",
                   formula=True)  # fmt: skip
        yield _curve(self.activation, self.alpha, sums[:, unit])
        if batch.shape[1] == 2:
            yield _place(batch, weights[unit], float(bias[unit]))
        yield Text("count", _count(weights), "parameters")

    def _numbers(self) -> tuple[Array, Array, Array]:
        """Return the batch (n, d), the weights (k, d) and the biases (k,)."""
        batch, table = np.asarray(self.inputs, float), np.asarray(self.weights, float)
        if table.shape[1] != batch.shape[1] + 1:
            raise Refused(
                "weights",
                f"{batch.shape[1]} inputs and a bias need rows of {batch.shape[1] + 1}, not of {table.shape[1]}",
                "add or remove a column",
            )
        if self.bias == "first":
            return batch, table[:, 1:], table[:, 0]
        return batch, table[:, :-1], table[:, -1]

    def steps(self) -> int:
        """One step a sum."""
        return len(self.inputs) * len(self.weights)

    def at_step(self, number: int) -> Self:
        """Write out another sum."""
        return replace(self, cell=number)


def _written(x: Array, w: Array, b: float) -> str:
    return " + ".join([number(b), *(f"{factor(value)}·{factor(weight)}" for value, weight in zip(x, w, strict=True))])


def _curve(name: str, alpha: float, sums: Array) -> Curves:
    reach = max(4.0, float(np.abs(sums).max()) * 1.1)
    z = np.linspace(-reach, reach, 401)
    one = ACTIVATIONS[name]
    lines = (Line(one.name, z, one.value(z, alpha)), Line("its slope", z, one.slope(z, alpha), dashed=True))
    return Curves("line", lines, "activation", "z", "", at=float(sums[0]))


def _place(batch: Array, w: Array, b: float) -> Points:
    """Draw the samples with the line on which this neuron's sum is 0 as points of a group of its own."""
    reach = float(np.abs(batch).max()) * 1.2 + 0.5
    along = np.linspace(-reach, reach, 81)
    if abs(w[1]) > 1e-9:
        line = np.stack([along, -(b + w[0] * along) / w[1]], axis=1)
    elif abs(w[0]) > 1e-9:
        line = np.stack([np.full_like(along, -b / w[0]), along], axis=1)
    else:
        line = np.empty((0, 2))
    line = line[np.abs(line[:, 1]) <= reach]
    groups = np.concatenate([(batch @ w + b > 0).astype(int), np.full(len(line), 2)])
    return Points("place", np.concatenate([batch, line]), "where z = 0", groups, ("z ≤ 0", "z > 0", "z = 0"),
                  x_name="x1", y_name="x2")  # fmt: skip


def _count(weights: Array) -> str:
    units, inputs = weights.shape
    return f"{units}·{inputs} weights + {units} biases = {units * inputs + units} numbers"
