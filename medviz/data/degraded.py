"""Pictures made worse on purpose, so that a network learns the way back: noise, blur, fewer pixels.

The target is the picture as it is. What comes out of chance comes from the chance that is handed over, or, for pictures
that are only measured, from their number: they are the same each time.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from medviz.data.augment import blurred

Sample = dict[str, Any]
_MEASURED = 0x5EED
"""Seeds what is only measured."""


@dataclass(frozen=True)
class Degradation:
    """How much worse: noise in standard deviations of the picture, blur in pixels, and how many times fewer pixels."""

    noise: float = 0.0
    blur_px: float = 0.0
    coarser: int = 1

    def applied(self, image: Tensor, chance: np.random.Generator) -> Tensor:
        """Make (C, x, y[, z]) worse; the size stays. A coarser picture is averaged, and enlarged linearly again."""
        if self.blur_px:
            image = blurred(image, self.blur_px)
        if self.coarser > 1:
            image = _coarser(image, self.coarser)
        if self.noise:
            random = torch.Generator().manual_seed(int(chance.integers(2**31)))
            image = image + self.noise * torch.randn(image.shape, generator=random)
        return image


@dataclass(frozen=True, eq=False)
class Degraded:
    """Samples {"image", ...} as {"image" made worse, "target" as it was, "name"}."""

    samples: Any
    how: Degradation

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Sample:
        """Return a sample without other chance than that of its number."""
        return self._worse(self.samples[index], np.random.default_rng((_MEASURED, index)))

    def drawn(self, index: int, chance: np.random.Generator) -> Sample:
        """Return a sample with what chance does to it, made worse afterwards."""
        return self._worse(self.samples.drawn(index, chance), chance)

    def _worse(self, sample: Sample, chance: np.random.Generator) -> Sample:
        image: Tensor = sample["image"]
        return {"image": self.how.applied(image, chance), "target": image[:1].contiguous(), "name": sample["name"]}


@dataclass(frozen=True, eq=False)
class Paired:
    """Samples whose last channel is what they should become, as {"image", "target", "name"}."""

    samples: Any

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Sample:
        """Return a sample without chance."""
        return _parted(self.samples[index])

    def drawn(self, index: int, chance: np.random.Generator) -> Sample:
        """Return a sample with what chance does to it, to both alike."""
        return _parted(self.samples.drawn(index, chance))


def _parted(sample: Sample) -> Sample:
    both: Tensor = sample["image"]
    return {"image": both[:-1].contiguous(), "target": both[-1:].contiguous(), "name": sample["name"]}


def _coarser(image: Tensor, times: int) -> Tensor:
    sides = [max(1, round(side / times)) for side in image.shape[1:]]
    few = F.interpolate(image[None], size=sides, mode="area")
    smooth = "bilinear" if len(sides) == 2 else "trilinear"
    return F.interpolate(few, size=image.shape[1:], mode=smooth, align_corners=False)[0]
