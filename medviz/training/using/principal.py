"""Principal components: the best that straight lines can do, as a measure for autoencoders.

Of all linear maps to k numbers and back, that onto the k first components has the least square error on the pictures it
was fitted to (Eckart and Young, 1936; Baldi and Hornik, 1989: a linear autoencoder reaches it and never less).
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from medviz.data.pictures import pictures

MOST_PICTURES = 1024
MOST_NUMBERS = 48_000_000
"""Numbers of all pictures that components are fitted to: 190 MB; of large volumes fewer are taken."""


@dataclass(frozen=True, eq=False)
class Components:
    """Mean (D,), components (K, D) of unit length, the most telling first, and the variance along each (K,).

    `count` is the number of pictures they were fitted to, `total` the variance along all axes together.
    """

    mean: Tensor
    axes: Tensor
    variance: Tensor
    count: int
    total: float

    def encode(self, pictures: Tensor, numbers: int) -> Tensor:
        """Return where pictures (N, ...) lie along the first components, (N, numbers)."""
        flat = pictures.flatten(1).float().to(self.mean.device) - self.mean
        return flat @ self.axes[:numbers].T

    def told(self, pictures: Tensor, numbers: int) -> Tensor:
        """Tell pictures again out of their first components, in the shape they have."""
        return (self.encode(pictures, numbers) @ self.axes[:numbers] + self.mean).view_as(pictures)

    def explained(self, numbers: int) -> float:
        """Share of the variance of the pictures they were fitted to that the first ones keep."""
        return float(self.variance[:numbers].sum()) / self.total if self.total else 1.0


def components(pictures: Tensor, most: int | None = None) -> Components:
    """Fit components to pictures (N, ...); at most N − 1, and at most as many as there are pixels."""
    flat = pictures.flatten(1).float()
    count, pixels = flat.shape
    mean = flat.mean(0)
    centred = (flat - mean).double() if flat.numel() < 4_000_000 else flat - mean
    wanted = max(1, min(most or pixels, count - 1, pixels))
    if count <= pixels:  # the small matrix of the two: products of pictures, or of pixels
        values, vectors = torch.linalg.eigh(centred @ centred.T)
        values, vectors = values.flip(0).clamp_min(0)[:wanted], vectors.flip(1)[:, :wanted]
        axes = (centred.T @ vectors / values.sqrt().clamp_min(1e-12)).T
    else:
        values, vectors = torch.linalg.eigh(centred.T @ centred)
        values, axes = values.flip(0).clamp_min(0)[:wanted], vectors.flip(1)[:, :wanted].T
    total = float(centred.square().sum()) / count
    return Components(mean, axes.float().contiguous(), (values / count).float(), count, total)


@lru_cache(maxsize=2)
def learnt(data: Any, dimensions: int, side: int, whole: bool, most: int) -> Components:
    """Fit components to the training pictures of a data set, without changes; evenly chosen where they are many."""
    source = pictures(data, dimensions, side, whole=whole)
    fit = max(2, min(MOST_PICTURES, MOST_NUMBERS // (data.channels * side**dimensions), len(source)))
    places = np.unique(np.linspace(0, len(source) - 1, fit).round().astype(int))
    return components(torch.stack([source[int(place)]["image"] for place in places]), most)
