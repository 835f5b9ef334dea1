"""Dropout: while it learns, a network does without a random share of its units (deck D4)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from medviz.figures import Curves, Figure, Heatmap, Line, Text
from medviz.imaging.slices import Slice
from medviz.labs.formulas import number
from medviz.labs.lab import Example, Lab
from medviz.messages import Work
from medviz.parameters import Choice, Group, Input, Range, Step
from medviz.refused import Refused

Array = NDArray[Any]
STEPS = 200
LARGEST = 48
"""Rows and columns that are shown; of a larger slice, those in its middle."""


def kept(shape: tuple[int, ...], rate: float, seed: int, step: int, maps: bool = False) -> Array:
    """Draw who stays: 1 with chance 1 − rate, else 0; of `maps`, whole rows stay or go, as feature maps do."""
    chance = np.random.default_rng((seed, step))
    drawn = chance.random((shape[0], 1) if maps else shape) >= rate
    return np.broadcast_to(drawn, shape).astype(float)


def dropped(values: Array, mask: Array, rate: float) -> Array:
    """Return values · mask / (1 − rate): divided at once, the mean stays, and nothing is left to do at prediction."""
    made: Array = values * mask / (1.0 - rate)
    return made


_UNITS = Slice(np.round(np.add.outer(np.linspace(1, 3, 5), np.linspace(0, 4, 5)), 1), name="units")


@dataclass(frozen=True)
class Dropout(Lab):
    """Each cell is a unit; at each step another mask is drawn."""

    TITLE: ClassVar[str] = "Dropout"
    ARRANGE: ClassVar[str] = "units × mask = output / mean curve / formula / story"
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example("Half of them", "TRAIN-10", "D4", {"rate": 0.5}, {"story": "the mean of 200 masks"},
                text="Play: the mask flickers, and the mean of all outputs so far comes ever nearer to the units."),
        Example("At prediction: nothing happens", "TRAIN-10", "D4", {"mode": "predict"},
                {"story": "the output is the input", "mask": np.ones((5, 5))}),
        Example("No unit", "TRAIN-10", "D4", {"rate": 0.0}, {"mask": np.ones((5, 5)), "formula": "/ (1 − 0)"}),
        Example("Whole feature maps", "TRAIN-10", "D4", {"what": "maps"}, {"story": "whole rows"},
                text="Neighbours in a map say the same, so a map goes as a whole."),
    )  # fmt: skip

    image: Annotated[Slice, Input("slice"), "Each pixel stands for a unit"] = _UNITS
    rate: Annotated[float, Range(0, 0.9), Group("Dropout"), "Share that is left out"] = 0.5
    mode: Annotated[str, Choice(("learn", "predict")), Group("Dropout"), "Dropout is for learning only"] = "learn"
    what: Annotated[
        str, Choice(("units", "maps"), ("each unit", "whole feature maps (rows)")), Group("Dropout"), "What is left out"
    ] = "units"  # fmt: skip
    seed: Annotated[int, Range(0, 999), Group("Dropout", advanced=True), "Draws the masks"] = 0
    at: Annotated[int, Step(), Range(0, STEPS - 1), "The step of training"] = 0

    def show(self) -> Work[None]:
        """Yield units, mask, output, the mean of all outputs so far, and how it comes nearer."""
        yield from self._figures()

    def steps(self) -> int:
        """One mask a step."""
        return STEPS

    def _figures(self) -> Iterator[Figure]:
        units = self._units()
        rate = self.rate if self.mode == "learn" else 0.0
        masks = [kept(units.shape, rate, self.seed, step, self.what == "maps") for step in range(STEPS)]
        mask = masks[self.at]
        outputs = np.array([dropped(units, one, rate) for one in masks])
        means = np.cumsum(outputs, axis=0) / np.arange(1, STEPS + 1).reshape(-1, *[1] * units.ndim)
        largest = max(float(np.abs(outputs).max()), 1e-9)
        levels = (-largest, largest) if units.min() < 0 else (0.0, largest)
        colours = "diverging" if units.min() < 0 else "viridis"
        unit = self.image.unit
        yield Heatmap("units", units, "units", colours, levels, unit)
        yield Heatmap("mask", mask, f"mask of step {self.at}", "grey", (0.0, 1.0))
        yield Heatmap("output", outputs[self.at], "what goes on", colours, levels, unit)
        yield Heatmap("mean", means[self.at], f"mean of steps 0 to {self.at}", colours, levels, unit)
        far = np.abs(means - units).mean(axis=tuple(range(1, means.ndim)))
        steps = np.arange(1, STEPS + 1)
        guide = Line("1/√steps", steps, far[0] / np.sqrt(steps), dashed=True)
        yield Curves("curve", (Line("mean − units", steps, far), guide), "how far the mean is from the units",
                     "masks so far", f"mean difference{f' ({unit})' if unit else ''}", at=self.at + 1.0)  # fmt: skip
        value, one = units.flat[0], mask.flat[0]
        line = f"{number(value)} · {number(one)} / (1 − {number(rate)}) = {number(outputs[self.at].flat[0])}"
        yield Text("formula", line, "top left unit", formula=True)
        yield Text("story", self._story(units, masks, means, rate), "")

    def _units(self) -> Array:
        values = np.asarray(self.image.values, float)
        if values.ndim != 2 or not np.isfinite(values).all():
            raise Refused(self.image.name or "image", "units are rows of finite numbers", "choose a grey slice")
        for axis in (0, 1):
            start = max(0, (values.shape[axis] - LARGEST) // 2)
            values = values.take(range(start, min(values.shape[axis], start + LARGEST)), axis)
        return values

    def _story(self, units: Array, masks: list[Array], means: Array, rate: float) -> str:
        if self.mode == "predict":
            return "At prediction the output is the input: every unit stays, and nothing is scaled."
        share = 100 * float(np.mean([1 - one.mean() for one in masks]))
        apart = float(np.abs(means[-1] - units).mean())
        said = [
            f"over {STEPS} masks {number(share, 3)} % are left out, {number(100 * rate, 3)} % are expected",
            f"the mean of {STEPS} masks differs from the units by {number(apart, 2)} on average, ever less",
        ]
        if self.what == "maps":
            said.append("whole rows, standing for feature maps, go at once")
        return "; ".join(said) + "."
