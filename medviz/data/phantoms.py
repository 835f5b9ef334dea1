"""Pictures the program draws itself: balls, boxes and shells in noise, with labels that are right by construction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray

from medviz.data.augment import NO_AUGMENTATION, Augmentation
from medviz.data.patches import Case, Patches, Sample, Sides, Wholes, sides_of
from medviz.data.preparation import Preparation, normalised
from medviz.parameters import Group, Range

_SHAPES, _PICTURE = Group("shapes"), Group("picture")
_BALL, _BOX, _SHELL = 1, 2, 3
_TRIES = 20
Boxed = tuple[int, tuple[int, ...], tuple[int, ...]]
"""Label of a shape, and its first and its last pixel along each axis."""


@dataclass(frozen=True)
class Phantoms:
    """Balls, boxes and hollow shells of varying size, place and brightness, drawn from a seed; nothing is read."""

    cases: Annotated[int, Range(2, 1000, 1, log=True), "Pictures to train on; a quarter as many to validate"] = 32
    size: Annotated[int, Range(16, 256, 8, unit="px"), "Side of a picture or volume", _PICTURE] = 64
    shapes: Annotated[int, Range(1, 12, 1), "Shapes in each", _SHAPES] = 4
    contrast: Annotated[float, Range(0.1, 5), "Brightness of the shapes above the ground", _SHAPES] = 1.0
    noise: Annotated[float, Range(0, 2), "Spread of the noise", _PICTURE] = 0.2
    bias: Annotated[float, Range(0, 1), "Strength of the slow shading", _PICTURE] = 0.2
    seed: Annotated[int, Range(0, 2**31 - 1, 1), "Other pictures with another seed", _PICTURE] = 0

    classes: ClassVar[tuple[str, ...]] = ("ball", "box", "shell")
    channels: ClassVar[int] = 1
    dimensions: ClassVar[tuple[int, ...]] = (2, 3)

    def preparation(self, dimensions: int, patch: Sides = 0) -> Preparation:
        """How a scan is made ready for a network that was trained on this."""
        return Preparation(dimensions, 1, None, 2, sides_of(patch, dimensions))

    def training(self, dimensions: int, patch: Sides, augment: float = 1.0) -> Patches:
        """Patches of `patch` pixels or voxels a side."""
        augmentation = Augmentation().stronger(augment) if augment else NO_AUGMENTATION
        return Patches(self._drawn(dimensions, self.cases, 0), sides_of(patch, dimensions), augmentation)

    def validation(self, dimensions: int) -> Wholes:
        """Whole pictures, none of them in training."""
        return Wholes(self._drawn(dimensions, max(1, self.cases // 4), 1))

    def probes(self, dimensions: int) -> Sequence[Sample]:
        """Return up to three of the validation pictures."""
        held = self.validation(dimensions)
        return [held[index] for index in range(min(3, len(held)))]

    def _drawn(self, dimensions: int, count: int, part: int) -> list[Case]:
        return [self.case(dimensions, number, part) for number in range(count)]

    def case(self, dimensions: int, number: int, part: int = 0) -> Case:
        """Draw one picture (1, x, y[, z]) with its labels; the same numbers give the same picture."""
        return self.boxed(dimensions, number, part)[0]

    def boxed(self, dimensions: int, number: int, part: int = 0) -> tuple[Case, tuple[Boxed, ...]]:
        """Draw one picture, and tell each shape of it: its label, its first and its last pixel along each axis."""
        chance = np.random.default_rng([self.seed, dimensions, part, number])
        label = np.zeros((self.size,) * dimensions, np.uint8)
        bright = np.zeros(label.shape, np.float32)
        put = [self._put(label, bright, chance) for _ in range(self.shapes)]
        image = bright * np.exp(self.bias * _shading(label.shape, chance))
        image += self.noise * chance.standard_normal(label.shape, dtype=np.float32)
        case = Case(f"phantom {number}", normalised(image[None].astype(np.float32)), label)
        return case, tuple(one for one in put if one is not None)

    def _put(self, label: NDArray[np.uint8], bright: NDArray[np.float32], chance: np.random.Generator) -> Boxed | None:
        """Put one more shape where there is room; where there is none the picture has one less (None)."""
        for _ in range(_TRIES):
            kind = int(chance.integers(_BALL, _SHELL + 1))
            radius = float(chance.uniform(0.1, 0.2)) * self.size
            middle = chance.uniform(radius, self.size - radius, label.ndim)
            body, solid = _shape(label.shape, kind, middle, radius)
            if not label[solid].any():
                label[body] = kind
                bright[body] = self.contrast * chance.uniform(0.8, 1.2)
                at = np.argwhere(body)
                return kind, tuple(at.min(axis=0).tolist()), tuple(at.max(axis=0).tolist())
        return None


def _shape(
    shape: tuple[int, ...], kind: int, middle: NDArray[np.float64], radius: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return what is labelled and what is taken up (a shell is hollow, but nothing may lie inside)."""
    axes = np.ogrid[tuple(slice(0, side) for side in shape)]
    away = [np.abs(axis - m) for axis, m in zip(axes, middle, strict=True)]
    if kind == _BOX:
        inside = np.logical_and.reduce(np.broadcast_arrays(*[one <= 0.8 * radius for one in away]))
        return inside, inside
    square = sum(one**2 for one in away)
    ball = np.asarray(square <= radius**2)
    if kind == _BALL:
        return ball, ball
    return ball & np.asarray(square >= (0.6 * radius) ** 2), ball


def _shading(shape: tuple[int, ...], chance: np.random.Generator) -> NDArray[np.float32]:
    """One slow wave across the picture, -1 to 1."""
    axes = np.meshgrid(*[np.linspace(-1, 1, side, dtype=np.float32) for side in shape], indexing="ij")
    waves = chance.uniform(-1.5, 1.5, len(shape)).astype(np.float32)
    phase = np.float32(chance.uniform(0, 2 * np.pi))
    total = np.zeros(shape, np.float32)
    for axis, rate in zip(axes, waves, strict=True):
        total += rate * axis
    wave: NDArray[np.float32] = np.sin(total + phase)
    return wave
