"""The training picture that is nearest to each sample: a memorised picture must not pass for a new one.

How near is too near is told by the training pictures themselves: a sample that is less than half as far from one of
them as that one is from the next is suspect. The mirror image counts too, since training may have mirrored pictures.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from medviz.messages import Progress, Work
from medviz.refused import Refused
from medviz.training.using.features import Features, Numbers, Told
from medviz.training.using.quality import MOST, Pictures, Reference, spread

Small = NDArray[np.float32]
SIDES = {2: 32, 3: 16}
"""Pixels or voxels a side that are compared."""
SHARE = 0.5
"""A sample this much nearer to a training picture than that one's own neighbour is suspect."""
SAME_RMS = 2 / 255
"""Pictures in −1..1 that differ by less (a grey level of 256) are the same."""
MOST_BYTES = 96 << 20
"""Small training pictures take no more memory: 24,000 of 32×32."""
_ROWS = 256


@dataclass(frozen=True)
class Neighbour:
    """The training picture nearest to a sample, by its place.

    `far_rms` is the root of the mean square difference of brightness (−1..1), `usual_rms` how far that training picture
    is from its own nearest one; `far_features` and `usual_features` are the same in features (None where there are
    none). `copy` tells that the sample is suspiciously near.
    """

    place: int
    far_rms: float
    usual_rms: float
    copy: bool
    far_features: float | None = None
    usual_features: float | None = None

    @property
    def words(self) -> str:
        """Say it shortly."""
        told = f"{self.far_rms:.3f} RMS from the nearest training picture, whose own is {self.usual_rms:.3f} away"
        return f"copy? {told}" if self.copy else told


@dataclass(frozen=True, eq=False)
class Known:
    """Training pictures, small (n, values), their places in the data set (of `total`), and their own distances.

    `reference` are some of them in features, `own_features` how far each of these is from its nearest.
    """

    small: Small
    places: tuple[int, ...]
    total: int
    own_rms: Numbers
    reference: Reference | None = None
    own_features: Numbers | None = None

    def nearest(self, images: Tensor, numbers: Numbers | None = None) -> tuple[Neighbour, ...]:
        """Find the nearest training picture of each sample (N, C, x, y[, z]) in −1..1.

        `numbers` are the samples in the features of the reference, where they are known already.
        """
        there, far = _both_ways(images, self.small)
        own, pictures = self.own_rms, images.ndim > 2  # among many points on a plane each lies near to one
        found = [
            Neighbour(
                self.places[at], float(rms), float(own[at]), pictures and bool(rms <= max(SHARE * own[at], SAME_RMS))
            )
            for at, rms in zip(there, far, strict=True)
        ]
        if self.reference is None or self.own_features is None:
            return tuple(found)
        told = self.reference.features.of(images) if numbers is None else numbers
        near, apart = nearest_rows(self.reference.scaled(told), self.reference.scaled(self.reference.numbers))
        return tuple(
            replace(one, far_features=float(rms), usual_features=float(self.own_features[at]))
            for one, at, rms in zip(found, near, apart, strict=True)
        )


def known(pictures: Pictures, features: Features | None = None, most: int | None = None) -> Work[Known]:
    """Make training pictures small and measure how far each is from its nearest; all of them where memory allows.

    With `features` some of them are told in these too, in the same pass.
    """
    if len(pictures) < 2:
        raise Refused("training pictures", "there are fewer than two to compare with", "take a larger data set")
    places = spread(len(pictures), min(len(pictures), most or _room(pictures)))
    listened = {places[one] for one in spread(len(places), MOST)} if features is not None else set()
    small: list[Small] = []
    told = None if features is None else Told(features)
    for number, place in enumerate(places):
        image = torch.as_tensor(pictures[place]["image"])
        small.append(shrunk(image[None]))
        if told is not None and place in listened:
            told.add(image)
        yield Progress(number + 1, len(places), "training pictures seen")
    pile = np.concatenate(small)
    own = nearest_rows(pile, pile, other_than=SAME_RMS)[1]
    if told is None or features is None:
        return Known(pile, tuple(places), len(pictures), own)
    numbers = told.numbers()
    by = Reference(features, told.name, numbers)
    scaled = by.scaled(by.numbers)
    return Known(pile, tuple(places), len(pictures), own, by, nearest_rows(scaled, scaled, other_than=1e-6)[1])


def shrunk(images: Tensor) -> Small:
    """Make pictures (N, C, x, y[, z]) small by means over cells: (N, values)."""
    images = images.float().cpu()
    if images.ndim == 2:
        return images.numpy()
    dimensions = images.ndim - 2
    sides = [min(side, SIDES[dimensions]) for side in images.shape[2:]]
    if dimensions == 2:
        pooled = F.adaptive_avg_pool2d(images, (sides[0], sides[1]))
    else:
        pooled = F.adaptive_avg_pool3d(images, (sides[0], sides[1], sides[2]))
    made: Small = pooled.flatten(1).numpy()
    return made


def _room(pictures: Pictures) -> int:
    first: Any = torch.as_tensor(pictures[0]["image"])[None]
    return max(2, MOST_BYTES // max(1, shrunk(first).nbytes))


def _both_ways(images: Tensor, pile: Small) -> tuple[Sequence[int], Numbers]:
    """Find the nearest of a pile, as they are or mirrored from left to right."""
    if images.shape[1:].numel() * 4 > MOST_BYTES:
        raise Refused("samples", "they are too large to be compared with the training pictures", "make smaller ones")
    small = shrunk(images)
    if small.shape[1] != pile.shape[1]:
        raise Refused("samples", "they have another shape than the training pictures", "compare alike with alike")
    at, far = nearest_rows(small, pile)
    if images.ndim > 2:
        at_2, far_2 = nearest_rows(shrunk(images.flip(2)), pile)
        at, far = np.where(far_2 < far, at_2, at), np.minimum(far, far_2)
    return [int(one) for one in at], far


def nearest_rows(rows: Any, pile: Any, other_than: float = -1.0) -> tuple[NDArray[np.intp], Numbers]:
    """Find the nearest of a pile to each row, in root mean squares; only one further away than `other_than` counts.

    So a picture is not its own neighbour, and neither is its double; where there is no other, 0 is told.
    """
    squares, wide = (pile**2).sum(1), pile.shape[1]
    at, far = np.empty(len(rows), np.intp), np.empty(len(rows), np.float64)
    for first in range(0, len(rows), _ROWS):
        part = rows[first : first + _ROWS]
        apart = (part**2).sum(1)[:, None] + squares - 2 * (part @ pile.T)
        if other_than >= 0:
            apart[apart <= wide * max(other_than**2, 1e-6)] = np.inf
        here = apart.argmin(1)
        # |a|² + |b|² − 2ab loses its last digits where a and b are alike, which is what is asked about
        exact = np.sqrt(((part - pile[here]).astype(np.float64) ** 2).mean(1))
        at[first : first + _ROWS] = here
        far[first : first + _ROWS] = np.where(np.isinf(apart[np.arange(len(part)), here]), 0.0, exact)
    return at, far
