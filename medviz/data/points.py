"""Points in the plane that lie in a known pattern: a generator's whole progress can be seen in one picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from medviz.parameters import Choice, Group, Range, When

Array = NDArray[Any]
Sample = dict[str, Any]
SHAPES = Choice(
    ("ring", "grid", "moons", "spiral"), ("Ring of Gaussians", "Grid of Gaussians", "Two moons", "Two arms of a spiral")
)
NEAR = 3.0
"""A point belongs to a centre that is at most so many spreads away."""
_ALONG = 8
"""Centres along each moon or arm: what is counted as a mode where the pattern has none."""


@dataclass(frozen=True)
class Points:
    """Points (2,) in about −1..1, drawn from a seed, and a quarter as many held out; "kind" numbers the centres.

    `centres` (n, 2) are the modes a generator must cover: middles of the Gaussians, or places along the curves.
    """

    shape: Annotated[str, SHAPES, "The pattern"] = "ring"
    count: Annotated[int, Range(64, 20000, 1, unit="points", log=True), "Points to learn from"] = 2048
    modes: Annotated[int, Range(2, 16, 1), When("shape", "ring"), "Gaussians on the ring"] = 8
    spread: Annotated[float, Range(0.005, 0.3), "Standard deviation round each centre"] = 0.05
    seed: Annotated[int, Range(0, 2**31 - 1, 1), Group("picture"), "Other points with another seed"] = 0

    channels: ClassVar[int] = 2
    dimensions: ClassVar[tuple[int, ...]] = (0,)
    classes: ClassVar[tuple[str, ...]] = ()
    flips: ClassVar[bool] = False

    @cached_property
    def centres(self) -> Array:
        """Places (n, 2) round which the points lie."""
        return centres(self.shape, self.modes)

    def training(self, dimensions: int = 0, side: int = 0, augment: float = 0.0) -> "Drawn":
        """Return the points to learn from; they have no side, and are not changed."""
        return Drawn(*self.drawn(self.count, 0))

    def validation(self, dimensions: int = 0, side: int = 0) -> "Drawn":
        """Return points that training never sees."""
        return Drawn(*self.drawn(max(64, self.count // 4), 1))

    def drawn(self, count: int, part: int) -> tuple[Array, Array]:
        """Draw points (count, 2) float32, and the number of the centre of each."""
        chance = np.random.default_rng([self.seed, part])
        kinds = np.arange(count) % len(self.centres)
        if self.shape in ("ring", "grid"):
            middles = self.centres[kinds]
        else:
            half, along = len(self.centres) // 2, chance.uniform(0, 1, count)
            middles = curve(self.shape, kinds // half, along)
            kinds = kinds // half * half + np.minimum((along * half).astype(int), half - 1)
        at = middles + self.spread * chance.normal(size=(count, 2))
        return at.astype(np.float32), kinds.astype(np.int64)


@dataclass(frozen=True, eq=False)
class Drawn:
    """Points as samples: "image" (2,) float32, "kind" () int64, "name"."""

    at: Array
    kinds: Array

    def __len__(self) -> int:
        return len(self.at)

    def __getitem__(self, index: int) -> Sample:
        """Return one point."""
        kind = torch.tensor(int(self.kinds[index]))
        return {"image": torch.from_numpy(self.at[index].copy()), "kind": kind, "name": f"point {index}"}


def centres(shape: str, modes: int = 8) -> Array:
    """Return the centres (n, 2) of a pattern."""
    if shape == "ring":
        angle = 2 * np.pi * np.arange(modes) / modes
        return np.stack([np.cos(angle), np.sin(angle)], 1)
    if shape == "grid":
        axis = np.linspace(-1, 1, 3)
        return np.stack([one.ravel() for one in np.meshgrid(axis, axis)], 1)
    along = (np.arange(_ALONG) + 0.5) / _ALONG
    return np.concatenate([curve(shape, np.full(_ALONG, arm), along) for arm in (0, 1)])


def curve(shape: str, arm: Array, along: Array) -> Array:
    """Place points (n, 2) on one of two moons or arms, `along` 0..1 of it."""
    side = 1.0 - 2.0 * np.asarray(arm)
    if shape == "moons":
        angle = np.pi * along
        at = np.stack([np.cos(angle) * side - 0.5 * side, np.sin(angle) * side - 0.25 * side], 1)
        return at / 1.5
    radius, angle = 0.15 + 0.85 * along, 1.5 * np.pi * along
    return np.stack([radius * np.cos(angle) * side, radius * np.sin(angle) * side], 1)


def covered(points: Array, middles: Sequence[Any] | Array, spread: float) -> tuple[int, float]:
    """Count the centres that have points (a quarter of an even share at least), and the share of points that are near.

    A point is near within `NEAR` spreads of its nearest centre.
    """
    away = np.linalg.norm(np.asarray(points, float)[:, None] - np.asarray(middles)[None], axis=2)
    nearest, near = away.argmin(1), away.min(1) <= NEAR * spread
    counts = np.bincount(nearest[near], minlength=len(middles))
    return int((counts >= max(1.0, 0.25 * len(points) / len(middles))).sum()), float(near.mean())
