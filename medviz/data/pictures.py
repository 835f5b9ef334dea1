"""Bare pictures out of any data set, in −1..1 and all of one size: what autoencoders and generators learn from.

A data set of masks or of classes serves whatever it has: its pictures, and beside each its mask, class or text.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from medviz.data.augment import switched
from medviz.data.naming import fitted
from medviz.data.patches import Patches, centred, fullest, sample_of, slice_of, varied
from medviz.data.samples import PaintedSlices
from medviz.refused import Refused

Sample = dict[str, Any]
MASKED = (
    "mni152", "decathlon", "paired", "total_segmentator", "bids", "instance_masks", "mask_table", "arrays",
    "dicom_seg", "phantoms",
)  # fmt: skip
"""Data sets that have a mask beside each picture."""
CLASSED = ("digits", "shapes", "class_folders", "class_table", "medmnist")
"""Data sets that have a class for each picture."""
WORDED = ("image_text", "captioned")
"""Data sets that have a text for each picture."""
RIGHTWARD = ("digits", "medmnist", "shapes", "captioned")
"""Data sets whose x runs to the right as a person looks at them; in files it runs to the left, as readers give it."""
PICTURES = (*MASKED, *CLASSED, *WORDED)
"""Names of all data sets that `pictures` serves."""
_DARK, _BRIGHT = 0.5, 99.5
"""Percentiles of a picture that become −1 and 1."""
_PLACE = ("rotation", "scale", "shift")
"""Changes that leave a picture what it is; mirrored anatomy, noise and blur would be learnt and made anew."""


class _Source(Protocol):
    """Samples as data sets give them."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures of a data set, every side `side`: "image" (C, x, y[, z]) float32 in −1..1, "name" and what is known.

    That is "label" (x, y[, z]) int64 where there are masks, "kind" () int64 where there are classes, and "text".
    ``pictures[i]`` is without chance; ``drawn(i, chance)`` draws slice, place and changes. `whole` pictures are fitted
    into the square or cube, their shape kept; others are patches.
    """

    source: _Source
    side: int
    whole: bool = True

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> Sample:
        """Return a picture, always the same."""
        if self.whole and isinstance(self.source, Patches):
            return self._ready(self._whole(self.source, index, None))
        return self._ready(self.source[index])

    def drawn(self, index: int, chance: np.random.Generator) -> Sample:
        """Return a picture changed by what is drawn from `chance`."""
        if self.whole and isinstance(self.source, Patches):
            return self._ready(varied(self._whole(self.source, index, chance), self.source.augmentation, chance))
        if self.whole and isinstance(self.source, PaintedSlices):
            return self._ready(varied(self.source[index], self.source.augmentation, chance))
        draw = getattr(self.source, "drawn", None)
        return self._ready(self.source[index] if draw is None else draw(index, chance))

    def _whole(self, source: Patches, index: int, chance: np.random.Generator | None) -> Sample:
        """Take a whole case, or a whole slice of one."""
        case = source.cases[index // source.each]
        if source.normal is not None:
            at = fullest(case.label, source.normal) if chance is None else slice_of(case.label, source.normal, chance)
            case = case.across(source.normal, at)
        return sample_of(case)

    def _ready(self, sample: Sample) -> Sample:
        image: Tensor = sample["image"]
        mask: Tensor | None = sample["label"] if "label" in sample and sample["label"].ndim else None
        if self.whole and any(side != self.side for side in image.shape[1:]):
            image = fitted(image, self.side)
            mask = None if mask is None else fitted(mask[None].float(), self.side, mask=True)[0].long()
        elif mask is not None and any(side != self.side for side in image.shape[1:]):
            cut = centred({"image": image, "label": mask}, (self.side,) * mask.ndim)
            image, mask = cut["image"], cut["label"]
        made: Sample = {"image": lightened(image), "name": sample["name"]}
        if mask is not None:
            made["label"] = mask
        elif "label" in sample:
            made["kind"] = sample["label"].long()
        return made | ({"text": sample["text"]} if "text" in sample else {})


def pictures(
    data: Any, dimensions: int, side: int, held_out: bool = False, augment: float = 0.0, whole: bool = True
) -> Pictures:
    """Return the pictures of a data set to learn from, or those `held_out`; `augment` 0 changes nothing, 1 is usual.

    Refuses a data set that has none of these dimensions.
    """
    if dimensions not in data.dimensions:
        raise Refused("data", f"it has no pictures in {dimensions}-D", "choose other data or other dimensions")
    if not hasattr(data, "preparation"):  # each picture stands for itself, and is fitted into the square already
        if held_out:
            return Pictures(data.validation(dimensions, side), side)
        return Pictures(switched(data.training(dimensions, side, augment), _PLACE, augment), side)
    if held_out:
        return Pictures(data.validation(dimensions), side, whole)
    return Pictures(switched(data.training(dimensions, side, augment), _PLACE, augment), side, whole)


def some(source: Pictures, count: int) -> Sequence[Sample]:
    """Return a few pictures, always the same, spread evenly over all."""
    places = np.linspace(0, len(source) - 1, min(count, len(source)))
    return [source[round(place)] for place in places]


def spacing_of(data: Any, dimensions: int, side: int, whole: bool = True) -> tuple[float, float, float] | None:
    """Voxel size in mm of the pictures that `pictures` gives, None where it is not known.

    What is fitted into the square has the size of the first held-out picture's.
    """
    if not hasattr(data, "preparation"):
        return None
    spacing: tuple[float, float, float] | None = data.preparation(dimensions, side).spacing_mm
    if spacing is None or not whole:
        return spacing
    first = data.validation(dimensions)[0]["image"]
    gain = max(first.shape[1:]) / side
    normal = data.preparation(dimensions, side).normal
    x, y, z = (mm if dimensions == 2 and axis == normal else mm * gain for axis, mm in enumerate(spacing))
    return x, y, z


def lightened(image: Tensor) -> Tensor:
    """Scale a picture so that its percentiles 0.5 and 99.5 are −1 and 1, and cut what lies outside."""
    values = image.numpy().reshape(-1)
    low, high = (float(one) for one in np.percentile(values[:: max(1, values.size // 500_000)], (_DARK, _BRIGHT)))
    if high - low < 1e-6:
        low, high = float(values.min()), float(values.max())
    if high - low < 1e-6:
        return torch.full_like(image, -1.0)
    return ((image - low) * (2 / (high - low)) - 1).clamp(-1, 1).contiguous()
