"""Learnt kernel: hide a kernel, and let gradient descent find it from its map (decks D1 and D3)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from medviz.figures import Curves, Figure, Heatmap, Line, Text
from medviz.imaging.slices import Slice
from medviz.labs.formulas import number
from medviz.labs.kernels import KERNELS, WORDS
from medviz.labs.lab import Example, Lab
from medviz.labs.sliding import slid
from medviz.messages import Work
from medviz.parameters import Choice, Group, Input, Range, Step
from medviz.refused import Refused

Array = NDArray[Any]
_DECK = Slice(
    np.array(
        [
            [3.0, 0, 1, 2, 7, 4], [1, 5, 8, 9, 3, 1], [2, 7, 2, 5, 1, 3],
            [0, 1, 3, 1, 7, 8], [4, 2, 1, 6, 2, 8], [2, 4, 5, 2, 3, 9],
        ]
    ),
    name="deck D3, 6×6",
)  # fmt: skip
_SMALL = tuple(name for name, kernel in KERNELS.items() if len(kernel) == 3)
_TARGET = [[-5, -4, 0, 8], [-10, -2, 2, 3], [0, -2, -4, -7], [-3, -2, -3, -16]]
LONGEST = 600


def equations(values: Array) -> Array:
    """One row an output cell, one column a weight: the map is this matrix times the nine weights."""
    windows = np.lib.stride_tricks.sliding_window_view(values, (3, 3))
    return windows.reshape(-1, 9)


def learnt(values: Array, target: Array, rate: float, steps: int) -> Array:
    """Adam from zero on the mean squared error; returns the weights after each step, (steps + 1, 9)."""
    design, wanted = equations(values), target.ravel()
    w, first, second = np.zeros(9), np.zeros(9), np.zeros(9)
    path = [w]
    for step in range(1, steps + 1):
        gradient = 2 * design.T @ (design @ w - wanted) / len(wanted)
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        w = w - rate * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
        path.append(w)
    return np.array(path)


@dataclass(frozen=True)
class LearntKernel(Lab):
    """The map is known, the nine weights are not: each cell of the map is one equation for them."""

    TITLE: ClassVar[str] = "Learnt kernel"
    ARRANGE: ClassVar[str] = "image kernel hidden / target output / curve / formula / story"
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example("The deck's 6×6 and its vertical edges", "CONV-10", "D3", {"at": 0},
                {"target": _TARGET, "story": "16 equations, rank 9"},
                text="Sixteen cells, nine unknowns: the kernel is determined."),
        Example("Found", "CONV-10", "D3", {"at": LONGEST, "rate": 0.05},
                {"output": _TARGET, "kernel": [[1, 0, -1]] * 3}, text="Adam with a rate of 0.05, from zero."),
    )  # fmt: skip

    image: Annotated[Slice, Input("slice"), "What the hidden kernel slid over"] = _DECK
    hidden: Annotated[
        str, Choice(_SMALL, tuple(WORDS[name] for name in _SMALL)), Group("Kernel"), "The kernel to be found"
    ] = "edge_vertical"
    rate: Annotated[float, Range(0.001, 0.5, log=True), Group("Learning"), "Learning rate of Adam"] = 0.05
    at: Annotated[int, Step(), Range(0, LONGEST), Group("Learning"), "Steps taken"] = 40

    def show(self) -> Work[None]:
        """Yield the image, the kernel as learnt so far, both maps, the loss, and the numbers."""
        yield from self._figures()

    def steps(self) -> int:
        """One step of the player is one step of Adam."""
        return LONGEST + 1

    def _figures(self) -> Iterator[Figure]:
        values = self._accepted()
        kernel = np.asarray(KERNELS[self.hidden], float)
        scale = float(np.abs(values).max()) or 1.0
        scaled = values if scale <= 20 else values / scale  # a rate suits values of about this size
        target = slid(scaled, kernel, 1)
        path = learnt(scaled, target, self.rate, max(self.at, 1))
        now = path[min(self.at, len(path) - 1)].reshape(3, 3)
        reach = (-float(np.abs(kernel).max()), float(np.abs(kernel).max()))
        yield Heatmap("image", values, "input", mm=self.image.mm, letters=self.image.letters)
        yield Heatmap("kernel", np.round(now, 8), f"learnt, step {self.at}", "diverging", reach)
        yield Heatmap("hidden", kernel, "hidden", "diverging", reach)
        yield Heatmap("target", target, "map that is known", "diverging", mm=self.image.mm)
        found = slid(scaled, now, 1)
        yield Heatmap("output", np.round(found, 6), "map of the learnt kernel", "diverging", mm=self.image.mm)
        design = equations(scaled)
        losses = ((path[: self.at + 1] @ design.T - target.ravel()) ** 2).mean(axis=1)
        line = Line("mean squared error", np.arange(len(losses)), np.maximum(losses, 1e-30))
        yield Curves("curve", (line,), "loss", "step", "loss", log_y=True)
        apart = float(np.abs(now - kernel).max())
        yield Text(
            "formula", f"largest difference of a weight: {number(apart, 3)}", f"after {self.at} steps", formula=True
        )
        rank = int(np.linalg.matrix_rank(design[:20000]))
        unique = "so there is one solution" if rank == 9 else "so many kernels give this map"
        yield Text("story", f"{len(design)} equations, rank {rank}, nine unknowns: {unique}.", "")

    def _accepted(self) -> Array:
        values = np.asarray(self.image.values, float)
        if values.ndim != 2 or min(values.shape) < 3 or not np.isfinite(values).all():
            raise Refused(
                self.image.name or "image", "it must hold 3×3 finite numbers at least", "choose another slice"
            )
        step = max(1, int(np.ceil(max(values.shape) / 96)))
        return values[::step, ::step] if min(values.shape) // step >= 3 else values
