"""Balls, boxes and shells in noise with a box round each: to learn finding from, with nothing to read."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray

from medviz.data.boxes import NO_DRAW, Array, Draw, Framed, Sample
from medviz.data.phantoms import Phantoms
from medviz.parameters import Group, Range

_PICTURE = Group("picture")


class Drawings:
    """Phantoms as a pile, drawn when they are asked for."""

    def __init__(self, phantoms: Phantoms, dimensions: int, count: int, part: int) -> None:
        self._phantoms, self._dimensions, self._part = phantoms, dimensions, part
        self.names = tuple(f"drawing {number}" for number in range(count))
        self.shapes = ((phantoms.size,) * dimensions,) * count

    def pixels(self, index: int) -> NDArray[np.float32]:
        """Draw a picture (1, x, y[, z])."""
        return _drawn(self._phantoms, self._dimensions, index, self._part)[0]

    def boxes(self, index: int) -> tuple[Array, Array]:
        """Box and kind of each shape in it."""
        return _drawn(self._phantoms, self._dimensions, index, self._part)[1:]


@lru_cache(maxsize=1024)
def _drawn(phantoms: Phantoms, dimensions: int, number: int, part: int) -> tuple[NDArray[np.float32], Array, Array]:
    case, put = phantoms.boxed(dimensions, number, part)
    boxes = [[*low, *(last + 1 for last in high)] for _, low, high in put]
    return (
        case.image,
        np.array(boxes, np.float32).reshape(-1, 2 * dimensions),
        np.array([kind - 1 for kind, _, _ in put], np.int64),
    )


@dataclass(frozen=True)
class DrawnBoxes:
    """Balls, boxes and hollow shells in noise; the network says where each is and which it is."""

    cases: Annotated[int, Range(2, 1000, 1, log=True), "Pictures to train on; a quarter as many to validate"] = 64
    size: Annotated[int, Range(32, 256, 32, unit="px"), "Side of a picture or volume", _PICTURE] = 96
    shapes: Annotated[int, Range(1, 12, 1), "Shapes in each", _PICTURE] = 4
    contrast: Annotated[float, Range(0.1, 5), "Brightness of the shapes above the ground", _PICTURE] = 1.5
    noise: Annotated[float, Range(0, 2), "Spread of the noise", _PICTURE] = 0.2
    seed: Annotated[int, Range(0, 2**31 - 1, 1), "Other pictures with another seed", _PICTURE] = 0

    classes: ClassVar[tuple[str, ...]] = Phantoms.classes
    channels: ClassVar[int] = 1
    dimensions: ClassVar[tuple[int, ...]] = (2, 3)

    def training(self, dimensions: int, side: int, draw: Draw = NO_DRAW) -> Framed:
        """Return the pictures to learn from."""
        return self._some(dimensions, self.cases, 0, side, draw)

    def validation(self, dimensions: int, side: int) -> Framed:
        """Return others, a quarter as many."""
        return self._some(dimensions, max(1, self.cases // 4), 1, side, NO_DRAW)

    def probes(self, dimensions: int, side: int) -> Sequence[Sample]:
        """Return up to four of the validation pictures."""
        held = self.validation(dimensions, side)
        return [held[index] for index in range(min(4, len(held)))]

    def _some(self, dimensions: int, count: int, part: int, side: int, draw: Draw) -> Framed:
        phantoms = Phantoms(
            size=self.size, shapes=self.shapes, contrast=self.contrast, noise=self.noise, seed=self.seed
        )
        return Framed(Drawings(phantoms, dimensions, count, part), range(count), side, 1, self.shapes, draw)
