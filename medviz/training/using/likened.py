"""Samples beside the training pictures of their run: quality and nearest pictures in one pass over these."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from medviz.imaging.volume import Array
from medviz.messages import Progress, Work
from medviz.training.making import Made
from medviz.training.using.features import Features
from medviz.training.using.neighbours import Known, Neighbour, known
from medviz.training.using.quality import Pictures, Quality

_NAMES = ("clean", "target", "image")
"""What a sample to learn from may call the picture that is to be made, the likeliest first."""


@dataclass(frozen=True, eq=False)
class Keyed:
    """Training samples by the picture in them that has the shape of what is made."""

    source: Any
    name: str

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int, /) -> dict[str, Any]:
        """Return the picture as "image"."""
        return {"image": torch.as_tensor(self.source[index][self.name])}

    @classmethod
    def of(cls, source: Any, shape: tuple[int, ...]) -> "Keyed | None":
        """Find that picture; None where there is none, or there are fewer than two."""
        if len(source) < 2:
            return None
        first = source[0]
        for name in _NAMES:
            if name in first and tuple(torch.as_tensor(first[name]).shape) == tuple(shape):
                return cls(source, name)
        return None


@dataclass(frozen=True, eq=False)
class Likened:
    """What comparing told; empty with a `doubt` where nothing could be compared."""

    neighbours: tuple[Neighbour, ...] = ()
    nearest: tuple[Array, ...] = ()
    compared: str = ""
    quality: Quality | None = None
    doubt: str = ""


_KEPT: dict[str, Known] = {}
"""Training pictures of the run that was asked last, small: who makes samples makes more of them."""


def likened(made: tuple[Made, ...], pictures: Pictures | None, by: Features, key: str = "") -> Work[Likened]:
    """Hold samples against training pictures: how good they are, which is nearest to each, and which are copies.

    With a `key` that names data and features the training pictures are kept for the next time.
    """
    if len({one.image.shape for one in made}) > 1:
        return Likened(doubt="The samples are of several sizes and were not compared with training pictures")
    if pictures is None:
        return Likened(doubt="The run's training pictures have another shape, so that nothing could be compared")
    images = torch.from_numpy(np.stack([one.image for one in made]).astype(np.float32))
    there = _KEPT.get(key) or (yield from known(pictures, by))
    _KEPT.clear()
    if key:
        _KEPT[key] = there
    yield Progress(0, 0, "samples told in features")
    numbers = by.of(images)
    neighbours = there.nearest(images, numbers)
    nearest = []
    for number, one in enumerate(neighbours):
        nearest.append(np.asarray(pictures[one.place]["image"], np.float32))
        yield Progress(number + 1, len(neighbours), "nearest training pictures")
    some = (
        f"{len(there.places):,} of its {there.total:,}" if len(there.places) < there.total else f"all {there.total:,}"
    )
    quality = None if there.reference is None else there.reference.quality(numbers)
    return Likened(neighbours, tuple(nearest), f"{some} training pictures", quality)
