"""Handwritten digits that come with scikit-learn: 1,797 pictures of 8×8 pixels (Alpaydin and Kaynak, 1998)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from medviz.data.augment import NO_AUGMENTATION, Augmentation
from medviz.data.naming import Named, Sample
from medviz.parameters import Range


class Sheets:
    """The pictures and their digits; x runs to the right and y up, as in every volume."""

    def __init__(self) -> None:
        found = load_digits()
        self._pictures: NDArray[np.float32] = found.images.astype(np.float32)  # (n, rows, cols)
        self.kinds: tuple[int, ...] = tuple(int(one) for one in found.target)
        self.names: tuple[str, ...] = tuple(f"digit {number}" for number in range(len(self.kinds)))

    def pixels(self, index: int) -> NDArray[np.float32]:
        """Return a picture (1, x, y)."""
        return np.ascontiguousarray(self._pictures[index][::-1].T[None])


@dataclass(frozen=True)
class Digits:
    """Ten digits, always at hand; the last ones are held out, as in scikit-learn's own example."""

    held_out: Annotated[float, Range(0.1, 0.9), "Share that training never sees (scikit-learn's example: a half)"] = 0.5

    classes: ClassVar[tuple[str, ...]] = tuple("0123456789")
    channels: ClassVar[int] = 1
    dimensions: ClassVar[tuple[int, ...]] = (2,)
    flips: ClassVar[bool] = False

    @cached_property
    def _sheets(self) -> Sheets:
        return Sheets()

    @property
    def _first_held(self) -> int:
        return round(len(self._sheets.kinds) * (1 - self.held_out))

    def training(self, dimensions: int, side: int, augment: float = 1.0) -> Named:
        """Return the first pictures, changed but never mirrored."""
        change = Augmentation(flip=0.0, warp_px=0.3).stronger(augment) if augment else NO_AUGMENTATION
        return Named(self._sheets, range(self._first_held), side, augmentation=change)

    def validation(self, dimensions: int, side: int) -> Named:
        """Return the last pictures."""
        return Named(self._sheets, range(self._first_held, len(self._sheets.kinds)), side)

    def probes(self, dimensions: int, side: int) -> Sequence[Sample]:
        """Return one held-out picture of each digit."""
        held = self.validation(dimensions, side)
        return [held[held.kinds.index(kind)] for kind in range(10)]
