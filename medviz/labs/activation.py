"""Activation: what a function does to a feature map, and to the gradient on its way back (decks D0, D1, D4)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from medviz.figures import Bars, Curves, Figure, Line, Picture, Text
from medviz.imaging.slices import Slice
from medviz.labs.activations import ACTIVATIONS
from medviz.labs.formulas import number
from medviz.labs.lab import Erratum, Example, Lab
from medviz.messages import Work
from medviz.parameters import Choice, Group, Input, Range, When
from medviz.refused import Refused

Array = NDArray[Any]
SATURATED = 0.05
"""A slope below this share of the largest one counts as saturated."""
_BINS = 24
_WAVES = Slice(np.add.outer(np.sin(np.linspace(0, 6, 48)), np.cos(np.linspace(0, 6, 48))), name="waves")
E10 = Erratum(
    "E10",
    'PReLU = max(αx, x); leaky ReLU by "Mass et al."',
    "max(αx, x) is PReLU only while α ≤ 1: for α = 2 and x = −1 it gives −1, PReLU gives −2; the author is Maas",
)


@dataclass(frozen=True)
class ActivationLab(Lab):
    """The slice, scaled to mean 0 and spread 1 like a feature map, is shifted and put through the function."""

    TITLE: ClassVar[str] = "Activation"
    ARRANGE: ClassVar[str] = "before after / curve histogram / depth / numbers erratum"
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example("The sigmoid's slope is at most a quarter", "TRAIN-4", "D1", {"function": "sigmoid", "at": 0.0},
                {"numbers": "slope 0.25", "depth": 0.25 ** np.arange(1, 11)},
                text="Ten sigmoids in a row let at most 9.5·10⁻⁷ of a gradient through."),
        Example("The leaky ReLU's slope below 0", "TRAIN-4", "D4", {"function": "leaky", "at": -2.0},
                {"numbers": "f(−2) = −0.02, slope 0.01"}, text="It never dies: a hundredth is let through."),
        Example("PReLU with α = 2", "TRAIN-4", "D4", {"function": "prelu", "alpha": 2.0, "at": -1.0},
                {"numbers": "f(−1) = −2, slope 2; max(αz, z) = −1"}, E10,
                text="The deck's formula picks the wrong branch once α is above 1."),
        Example("Dead units of a ReLU", "TRAIN-4", "D0", {"function": "relu", "shift": -5.0, "at": -1.0},
                {"numbers": "100 % of the pixels are saturated"},
                text="Shift the map below 0 and nothing comes through, forward or back."),
    )  # fmt: skip

    image: Annotated[Slice, Input("slice"), "The feature map"] = _WAVES
    function: Annotated[
        str, Choice(tuple(ACTIVATIONS), tuple(one.name for one in ACTIVATIONS.values())), Group("Activation"),
        "What each value goes through",
    ] = "sigmoid"  # fmt: skip
    alpha: Annotated[
        float, Range(-1.0, 3.0, 0.01), When("function", "prelu", "elu"), Group("Activation"), "Slope below 0"
    ] = 0.25
    gain: Annotated[float, Range(0.1, 10.0, 0.1), Group("Map"), "The map's values are multiplied with this"] = 1.0
    shift: Annotated[float, Range(-10.0, 10.0, 0.1), Group("Map"), "... and this is added"] = 0.0
    at: Annotated[float, Range(-10.0, 10.0, 0.01), Group("Activation"), "The z whose value and slope are told"] = 0.0

    def show(self) -> Work[None]:
        """Yield the map before and after, the function with its slope, histograms, and the gradient over ten layers."""
        yield from self._figures()

    def _figures(self) -> Iterator[Figure]:
        one, z = ACTIVATIONS[self.function], self._map()
        out, slope = one.value(z, self.alpha), one.slope(z, self.alpha)
        mm, letters = self.image.mm, self.image.letters
        yield Picture("before", z, "feature map z", mm, colours="diverging", letters=letters)
        yield Picture("after", out, f"{one.name}(z)", mm, colours="diverging", letters=letters)
        axis = np.linspace(-6, 6, 301)
        lines = (Line(one.name, axis, one.value(axis, self.alpha)),
                 Line("its slope", axis, one.slope(axis, self.alpha), dashed=True))  # fmt: skip
        yield Curves("curve", lines, one.formula, "z", "", at=self.at)
        yield _histogram(z, out)
        steepest = float(one.slope(np.linspace(-10, 10, 2001), self.alpha).max())
        yield Bars("depth", tuple(str(layer) for layer in range(1, 11)), steepest ** np.arange(1, 11),
                   "the most of a gradient that is left after so many layers")  # fmt: skip
        yield Text("numbers", self._numbers(slope, steepest), "in numbers")

    def _map(self) -> Array:
        values = np.asarray(self.image.values, float)
        if values.ndim != 2 or not np.isfinite(values).all():
            raise Refused(self.image.name or "image", "a feature map is grey and finite", "choose another slice")
        spread = float(values.std())
        scaled: Array = (values - values.mean()) / (spread or 1.0) * self.gain + self.shift
        return scaled

    def _numbers(self, slope: Array, steepest: float) -> str:
        one, at = ACTIVATIONS[self.function], np.array(self.at)
        said = f"f({number(self.at)}) = {number(float(one.value(at, self.alpha)))}"
        said += f", slope {number(float(one.slope(at, self.alpha)))}"
        if self.function == "prelu":
            said += f"; max(αz, z) = {number(max(self.alpha * self.at, self.at))}"
        dead = 100 * float(np.mean(np.abs(slope) < SATURATED * max(steepest, 1e-12)))
        return (
            f"{said}. {number(dead, 3)} % of the pixels are saturated (slope under {SATURATED:.0%} of the largest). "
            f"Ten layers let through at most {steepest**10:.2g} of a gradient."
        )


def _histogram(before: Array, after: Array) -> Curves:
    lines = []
    for name, values in (("before", before), ("after", after)):
        counts, edges = np.histogram(values, _BINS)
        lines.append(Line(name, (edges[1:] + edges[:-1]) / 2, counts / values.size * 100, dashed=name == "before"))
    return Curves("histogram", tuple(lines), "values of the pixels", "value", "share (%)")
