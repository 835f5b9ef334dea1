"""Pictures the program draws with one shape in each: to learn naming from, with nothing to read."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray

from medviz.data.augment import NO_AUGMENTATION, Augmentation
from medviz.data.naming import Named, Sample
from medviz.data.phantoms import Phantoms
from medviz.parameters import Group, Range

_PICTURE = Group("picture")


class Drawn:
    """Pictures of one shape each, drawn when they are asked for; every class equally often."""

    def __init__(self, phantoms: Phantoms, dimensions: int, count: int, part: int) -> None:
        self._phantoms, self._dimensions, self._part = phantoms, dimensions, part
        self.kinds = tuple(number % len(Phantoms.classes) for number in range(count))
        self.names = tuple(f"shape {number}" for number in range(count))

    def pixels(self, index: int) -> NDArray[np.float32]:
        """Draw a picture (1, x, y[, z]) that holds its shape: phantoms are drawn until one does."""
        return _drawn(self._phantoms, self._dimensions, self._part, index, self.kinds[index])


@lru_cache(maxsize=4096)
def _drawn(phantoms: Phantoms, dimensions: int, part: int, index: int, kind: int) -> NDArray[np.float32]:
    number = index * 1000
    while not (case := phantoms.case(dimensions, number, part)).label.max() == kind + 1:
        number += 1
    return case.image


@dataclass(frozen=True)
class Shapes:
    """A ball, a box or a shell in noise; the network says which."""

    cases: Annotated[int, Range(3, 3000, 1, log=True), "Pictures to train on; a quarter as many to validate"] = 96
    size: Annotated[int, Range(16, 256, 8, unit="px"), "Side of a picture or volume", _PICTURE] = 32
    contrast: Annotated[float, Range(0.1, 5), "Brightness of the shape above the ground", _PICTURE] = 1.5
    noise: Annotated[float, Range(0, 2), "Spread of the noise", _PICTURE] = 0.2
    seed: Annotated[int, Range(0, 2**31 - 1, 1), "Other pictures with another seed", _PICTURE] = 0

    classes: ClassVar[tuple[str, ...]] = Phantoms.classes
    channels: ClassVar[int] = 1
    dimensions: ClassVar[tuple[int, ...]] = (2, 3)

    def training(self, dimensions: int, side: int, augment: float = 1.0) -> Named:
        """Return the pictures to learn from."""
        change = Augmentation().stronger(augment) if augment else NO_AUGMENTATION
        return Named(self._pile(dimensions, self.cases, 0), range(self.cases), side, augmentation=change)

    def validation(self, dimensions: int, side: int) -> Named:
        """Return others, as many as a quarter and at least one of each class."""
        count = max(len(self.classes), self.cases // 4)
        return Named(self._pile(dimensions, count, 1), range(count), side)

    def probes(self, dimensions: int, side: int) -> Sequence[Sample]:
        """Return six of the validation pictures."""
        held = self.validation(dimensions, side)
        return [held[index] for index in range(min(6, len(held)))]

    def _pile(self, dimensions: int, count: int, part: int) -> Drawn:
        phantoms = Phantoms(size=self.size, shapes=1, contrast=self.contrast, noise=self.noise, seed=self.seed)
        return Drawn(phantoms, dimensions, count, part)
