"""How the values of each layer were spread over the steps: a few rounds are kept of however many come. No Qt."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from medviz.figures import Heatmap
from medviz.gui.training.track import Array

MOST = 120
"""Rounds that are kept; beyond, every second of the older ones is let go."""


@dataclass
class Spreads:
    """Rounds of one kind (weights, gradients, activations): `values` (layers, bins) in per cent at each of `steps`."""

    layers: Sequence[str] = ()
    bins: Sequence[str] = ()
    steps: list[int] = field(default_factory=list)
    values: list[Array] = field(default_factory=list)
    unit: str = "%"

    def add(self, step: int, figure: Heatmap) -> None:
        """Take a round; other layers than before begin anew, the same step again takes the place of the last."""
        if (tuple(self.layers), tuple(self.bins)) != (figure.row_names, figure.column_names):
            self.layers, self.bins, self.unit = figure.row_names, figure.column_names, figure.unit
            self.steps, self.values = [], []
        if self.steps and self.steps[-1] == step:
            self.steps.pop(), self.values.pop()
        self.steps.append(step)
        self.values.append(figure.values)
        if len(self.steps) > MOST:
            self.steps = [*self.steps[:-2:2], *self.steps[-2:]]
            self.values = [*self.values[:-2:2], *self.values[-2:]]

    def over_time(self, layer: str) -> Array:
        """The spread of one layer, (bins, steps), large values at the top."""
        place = list(self.layers).index(layer)
        return np.stack([one[place] for one in self.values], axis=1)[::-1]
