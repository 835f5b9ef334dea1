"""Pictures with one name each: made ready, split so that no patient is on both sides, and changed at random."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from medviz.data.augment import NO_AUGMENTATION, Augmentation
from medviz.data.preparation import normalised
from medviz.data.splitting import held_out as held_out

Sample = dict[str, Any]
KEPT_BYTES = 1 << 30
"""Prepared pictures kept in memory; beyond that they are read anew."""


class Pile(Protocol):
    """What pictures are taken from: how many there are, what each shows, and its pixels."""

    @property
    def names(self) -> Sequence[str]:
        """What each picture is called."""
        ...

    @property
    def kinds(self) -> Sequence[int]:
        """Number of the class of each picture."""
        ...

    def pixels(self, index: int) -> NDArray[np.float32]:
        """Return a picture (channel, x, y[, z]) as it is stored."""
        ...


@dataclass(frozen=True, eq=False)
class Named:
    """Some pictures of a pile, each as a square of `side` pixels (or a cube): image, label, name and weight.

    ``named[i]`` is without chance; ``drawn(i, chance)`` is changed.
    """

    pile: Pile
    chosen: Sequence[int]
    side: int
    channels: int = 1
    augmentation: Augmentation = NO_AUGMENTATION
    _kept: dict[int, Tensor] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.chosen)

    @property
    def kinds(self) -> tuple[int, ...]:
        """Number of the class of each of them."""
        kinds = self.pile.kinds
        return tuple(kinds[index] for index in self.chosen)

    def __getitem__(self, index: int) -> Sample:
        """Return a picture as it is."""
        number = self.chosen[index]
        kind = self.pile.kinds[number]
        return {
            "image": self._image(number),
            "label": torch.tensor(kind, dtype=torch.long),
            "weight": torch.tensor(self._weights[kind], dtype=torch.float32),
            "name": self.pile.names[number],
        }

    def drawn(self, index: int, chance: np.random.Generator) -> Sample:
        """Return a picture changed by what is drawn from `chance`."""
        sample = self[index]
        image: Tensor = sample["image"]
        change = self.augmentation.drawn(chance, tuple(image.shape[1:]))
        return {**sample, "image": change.applied(image)[0].contiguous()}

    @cached_property
    def _weights(self) -> dict[int, float]:
        """How much a picture of each class counts so that all classes count alike; 1 on the average."""
        counts = Counter(self.kinds)
        return {kind: len(self.chosen) / (len(counts) * count) for kind, count in counts.items()}

    def _image(self, number: int) -> Tensor:
        found = self._kept.get(number)
        if found is None:
            found = ready(self.pile.pixels(number), self.side, self.channels)
            if (len(self._kept) + 1) * found.numel() * 4 <= KEPT_BYTES:
                self._kept[number] = found
        return found


def ready(pixels: NDArray[np.float32], side: int, channels: int) -> Tensor:
    """Make a picture (C, x, y[, z]) ready: as large as fits into `side`, the rest its darkest value, mean 0, spread 1.

    Shapes are kept: a picture is never stretched. Grey becomes as many channels as are wanted, colour becomes grey by
    the mean of its channels.
    """
    image = torch.from_numpy(np.ascontiguousarray(pixels, dtype=np.float32))
    if image.shape[0] != channels:
        image = image[:3].mean(0, keepdim=True).expand(channels, *image.shape[1:])
    return torch.from_numpy(normalised(fitted(image, side).numpy().astype(np.float32)))


def fitted(image: Tensor, side: int, mask: bool = False) -> Tensor:
    """Make (C, x, y[, z]) as large as fits into `side` each way, its shape kept; the rest is its least value.

    A `mask` keeps its labels (nearest neighbour), and the rest is 0.
    """
    scale = side / max(image.shape[1:])
    size = tuple(max(1, round(length * scale)) for length in image.shape[1:])
    if size != tuple(image.shape[1:]):
        image = F.interpolate(image[None], size=size, mode="nearest-exact")[0] if mask else _resized(image, size)
    room: list[int] = []
    for length in reversed(size):
        room += [(side - length) // 2, side - length - (side - length) // 2]
    floor = 0.0 if mask else float(image.min())
    return F.pad(image - floor, room) + floor


def _resized(image: Tensor, size: tuple[int, ...]) -> Tensor:
    if len(size) == 2:
        shrunk = max(size) < max(image.shape[1:])
        return F.interpolate(image[None], size=size, mode="bilinear", align_corners=False, antialias=shrunk)[0]
    return F.interpolate(image[None], size=size, mode="trilinear", align_corners=False)[0]
