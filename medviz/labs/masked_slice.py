"""A slice with masked patches: which they are, what a network fills in, and how good that is beside simple guesses."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from medviz.data.masking import shown_of
from medviz.figures import Curves, Line
from medviz.imaging.slices import Slice
from medviz.labs.findings import shades
from medviz.labs.looked_into import fitted
from medviz.labs.tiny_masked import Filler
from medviz.training.using.filling import Asked, blurred, filled, loss, masked_in, mean_of_visible, psnr

Array = NDArray[Any]
_SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)
Quality = tuple[float, float, float]
"""PSNR in dB of the masked pixels: by the network, by the mean of the visible, by the visible blurred."""


@dataclass(frozen=True)
class PictureMask:
    """The patches of a square picture: its side and that of a patch in pixels."""

    size: int
    patch: int

    @property
    def across(self) -> int:
        """Patches a side."""
        return self.size // self.patch

    @property
    def count(self) -> int:
        """All patches."""
        return self.across**2

    def masked(self, share: float, draw: int, turned: Sequence[int]) -> tuple[int, ...]:
        """Return the numbers of the masked patches: a share is drawn, and those `turned` are the other way round.

        At least one is masked and one visible.
        """
        wanted = round(share * self.count)
        order = np.random.default_rng(draw).permutation(self.count)
        chosen = {int(one) for one in order[:wanted]} ^ {one for one in turned if one < self.count}
        chosen = chosen or {int(order[0])}
        if len(chosen) == self.count:
            chosen.discard(int(order[-1]))
        return tuple(sorted(chosen))

    def boxes(self, masked: Sequence[int]) -> tuple[tuple[int, int, int, int], ...]:
        """Return (row, col, height, width) of patches."""
        side = self.patch
        return tuple((one // self.across * side, one % self.across * side, side, side) for one in masked)

    def over(self, start: tuple[float, float], here: tuple[float, float]) -> tuple[int, ...]:
        """Return the patches of the rectangle between two places (row, col) of the picture."""
        top, bottom = sorted(self._at(one) for one in (start[0], here[0]))
        left, right = sorted(self._at(one) for one in (start[1], here[1]))
        return tuple(row * self.across + col for row in range(top, bottom + 1) for col in range(left, right + 1))

    def _at(self, pixel: float) -> int:
        return min(max(int(pixel // self.patch), 0), self.across - 1)


@dataclass(frozen=True, eq=False)
class Seen:
    """A slice as it is, as it is given and as it is filled in, (rows, cols) in the slice's own values, and how well.

    `lost` is the loss over the masked pixels; `courses` are the qualities at other shares of masked patches.
    """

    picture: Array
    given: Array
    filled: Array
    mm: tuple[float, float] | None
    levels: tuple[float, float]
    lost: float
    quality: Quality
    courses: tuple[Quality, ...]

    def course(self, share: float) -> Curves:
        """Draw how the quality falls with the share that is masked."""
        names = ("filled in by the network", "mean of the visible", "visible, blurred")
        lines = tuple(
            Line(name, 100 * np.array(_SHARES), np.array([one[k] for one in self.courses]), dashed=k > 0)
            for k, name in enumerate(names)
        )
        return Curves("course", lines, "the more is masked", "masked (%)", "PSNR (dB)", at=100 * share)


def told_of(made: Filler, image: Slice, masked: tuple[int, ...]) -> Seen:
    """Fill the masked patches of a slice in; it is brought to the size that the network reads."""
    x, picture, mm = fitted(image, (1, made.size, made.size))
    asked, count = Asked(made.patch, normalise=made.normalise), (made.size // made.patch) ** 2
    batch = {"image": torch.from_numpy(x)[None], "shown": torch.tensor([sorted({*range(count)} - {*masked})])}
    with torch.no_grad():
        told, hidden = filled(made.network, batch, asked)
        lost = float(loss(made.network(batch["image"], batch["shown"]), batch, asked))
    low, gain = float(picture.mean()), float(picture.std()) or 1.0
    back = told[0, 0].numpy() * gain + low
    levels = shades(picture.astype(np.float64))
    given = np.where(hidden[0, 0].numpy(), sum(levels) / 2, picture)  # grey: what is not known is not black
    courses = tuple(_quality(made, {**batch, "shown": _drawn(count, share)}, asked) for share in _SHARES)
    return Seen(picture, given, back, mm, levels, lost, _quality(made, batch, asked), courses)


def _drawn(count: int, share: float) -> torch.Tensor:
    return shown_of(count, share, np.random.default_rng(0))[None]


def _quality(made: Filler, batch: dict[str, Any], asked: Asked) -> Quality:
    image = batch["image"]
    with torch.no_grad():
        told, hidden = filled(made.network, batch, asked)
    hidden = masked_in(batch, asked)
    guesses = told, mean_of_visible(image, hidden), blurred(image, hidden, made.patch)
    one, mean, near = (psnr(guess, image, hidden) for guess in guesses)
    return one, mean, near
