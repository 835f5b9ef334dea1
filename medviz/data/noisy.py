"""Pictures with noise laid over them, and beside each the picture as it was: what a denoising autoencoder learns from.

The noise of a picture that is learnt from comes out of the chance handed over; of one that is only measured out of its
number, so that it is the same each time.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

Sample = dict[str, Any]
_MEASURED = 0xD0
"""Seeds what is only measured."""


@dataclass(frozen=True, eq=False)
class Noisy:
    """Samples {"image", ...} as {"image" with noise of this standard deviation, "target" as it was, ...}."""

    samples: Any
    noise: float

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Sample:
        """Return a picture with the noise of its number."""
        return self._laid(self.samples[index], np.random.default_rng((_MEASURED, index)))

    def drawn(self, index: int, chance: np.random.Generator) -> Sample:
        """Return a picture with what chance does to it, and noise afterwards."""
        return self._laid(self.samples.drawn(index, chance), chance)

    def _laid(self, sample: Sample, chance: np.random.Generator) -> Sample:
        image: Tensor = sample["image"]
        random = torch.Generator().manual_seed(int(chance.integers(2**31)))
        noise = self.noise * torch.randn(image.shape, generator=random)
        return {**sample, "image": image + noise, "target": image}
