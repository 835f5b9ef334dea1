"""Slices and patches out of whole cases, drawn so that small structures are met often enough."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medviz.data.augment import NO_AUGMENTATION, Augmentation, Change

Sample = dict[str, Any]
_FOREGROUND = 0.5
"""Share of patches whose centre is a labelled voxel (nnU-Net: a third; slices of small organs need more)."""
_MARGIN = 0.2
"""Patches are cut this much larger, changed, and cut to size, so that turning brings in tissue and not padding."""
_SLICES_A_CASE = 8
Sides = int | tuple[int, ...]
"""Side of a patch in pixels or voxels: one for all axes, or one for each."""


def sides_of(patch: Sides, dimensions: int) -> tuple[int, ...]:
    """Return the sides of a patch, one for each axis; none where `patch` is 0."""
    if isinstance(patch, tuple):
        return patch
    return (patch,) * dimensions if patch else ()


@dataclass(frozen=True, eq=False)
class Case:
    """One scan made ready: image (C, x, y[, z]) float32 and label (x, y[, z])."""

    name: str
    image: NDArray[np.float32]
    label: NDArray[Any]

    def across(self, normal: int, index: int) -> "Case":
        """The slice `index` across the axis `normal`, as a 2-D case."""
        image = np.take(self.image, index, axis=normal + 1)
        return Case(f"{self.name} slice {index}", image, np.take(self.label, index, axis=normal))


def sample_of(case: Case) -> Sample:
    """Turn a case into tensors: image float32, label int64."""
    image = torch.from_numpy(np.ascontiguousarray(case.image, dtype=np.float32))
    label = torch.from_numpy(np.ascontiguousarray(case.label).astype(np.int64))
    return {"image": image, "label": label, "name": case.name}


def varied(sample: Sample, augmentation: Augmentation, chance: np.random.Generator) -> Sample:
    """Change a sample as the augmentation draws it from `chance`."""
    image: Tensor = sample["image"]
    moved, label = augmentation.drawn(chance, tuple(image.shape[1:])).applied(image, sample["label"])
    return {**sample, "image": moved, "label": label}


def cropped(sample: Sample, start: Sequence[int], size: Sequence[int]) -> Sample:
    """Cut `size` pixels from `start` (may lie outside); outside is the image's darkest value and label 0."""
    image, label = sample["image"], sample["label"]
    floor = image.flatten(1).amin(1)
    new_image = floor.view(-1, *[1] * label.ndim).expand(image.shape[0], *size).clone()
    new_label = torch.zeros(tuple(size), dtype=label.dtype)
    source, target = [], []
    for first, want, has in zip(start, size, label.shape, strict=True):
        low, high = max(0, first), min(has, first + want)
        source.append(slice(low, max(low, high)))
        target.append(slice(low - first, max(low, high) - first))
    new_image[(slice(None), *target)] = image[(slice(None), *source)]
    new_label[tuple(target)] = label[tuple(source)]
    return {**sample, "image": new_image, "label": new_label}


def centred(sample: Sample, size: Sequence[int]) -> Sample:
    """Cut or pad to `size` round the centre."""
    start = [(has - want) // 2 for has, want in zip(sample["label"].shape, size, strict=True)]
    return cropped(sample, start, size)


def start_of(label: Tensor, size: Sequence[int], chance: np.random.Generator) -> list[int]:
    """Draw where a patch begins: half of the time round a voxel of a label drawn first, else anywhere.

    It lies inside where it fits, and covers all where it does not.
    """
    if chance.random() < _FOREGROUND:
        there = np.unique(label.numpy())
        there = there[there > 0]
        if there.size:
            voxels = np.flatnonzero(label.numpy().reshape(-1) == chance.choice(there))
            middle = np.unravel_index(int(chance.choice(voxels)), tuple(label.shape))
            wished = [int(m) - want // 2 for m, want in zip(middle, size, strict=True)]
            return [
                min(max(first, min(0, has - want)), max(0, has - want))
                for first, has, want in zip(wished, label.shape, size, strict=True)
            ]
    return [
        int(chance.integers(min(0, has - want), max(0, has - want) + 1))
        for has, want in zip(label.shape, size, strict=True)
    ]


@dataclass(frozen=True, eq=False)
class Placed:
    """A patch, and where in its case each of its pixels comes from: `places` (dimensions, x, y[, z]) in voxels.

    `inside` tells which of them come out of the case; the others are padding. `at` is the slice of the case, None where
    patches are as deep as cases; `change` what was changed.
    """

    sample: Sample
    places: Tensor
    inside: Tensor
    at: int | None = None
    change: Change | None = None


@dataclass(frozen=True, eq=False)
class Patches:
    """Patches of `size` out of 2-D or 3-D cases; with `normal` set, 2-D patches out of slices of 3-D cases.

    ``patches[i]`` is without chance (the middle); ``drawn(i, chance)`` draws place and changes.
    """

    cases: Sequence[Case]
    size: tuple[int, ...]
    augmentation: Augmentation = NO_AUGMENTATION
    normal: int | None = None
    each: int = 1

    def __len__(self) -> int:
        return len(self.cases) * self.each

    def __getitem__(self, index: int) -> Sample:
        """Return the patch in the middle of the case (for slices: of the slice with most label)."""
        case = self.cases[index // self.each]
        if self.normal is not None:
            case = case.across(self.normal, fullest(case.label, self.normal))
        return centred(sample_of(case), self.size)

    def drawn(self, index: int, chance: np.random.Generator) -> Sample:
        """Return a patch whose slice, place and changes are drawn from `chance`."""
        sample, _, outer, larger = self._cut(index, chance)
        return centred(varied(cropped(sample, outer, larger), self.augmentation, chance), self.size)

    def placed(self, index: int, chance: np.random.Generator | None) -> "Placed":
        """Return the same patch as `drawn` (without chance: as ``patches[index]``), and where it comes from."""
        if chance is None:
            case = self.cases[index // self.each]
            at = None if self.normal is None else fullest(case.label, self.normal)
            sides = [side for axis, side in enumerate(case.label.shape) if at is None or axis != self.normal]
            start = [(int(has) - want) // 2 for has, want in zip(sides, self.size, strict=True)]
            axes = [
                torch.arange(want, dtype=torch.float32) + first for first, want in zip(start, self.size, strict=True)
            ]
            places = torch.stack(torch.meshgrid(*axes, indexing="ij"))
            return Placed(self[index], places, _within(places, sides), at)
        sample, at, outer, larger = self._cut(index, chance)
        wide = cropped(sample, outer, larger)
        change = self.augmentation.drawn(chance, tuple(wide["image"].shape[1:]))
        image, label = change.applied(wide["image"], wide["label"])
        first = torch.tensor(outer, dtype=torch.float32).view(-1, *[1] * len(outer))
        places = change.places(larger)
        inside = _within(places, larger) & _within(places + first, sample["label"].shape)
        inner = tuple(slice((a - b) // 2, (a - b) // 2 + b) for a, b in zip(larger, self.size, strict=True))
        made = centred({**wide, "image": image, "label": label}, self.size)
        return Placed(made, (places + first)[(slice(None), *inner)], inside[inner], at, change)

    def _cut(
        self, index: int, chance: np.random.Generator
    ) -> tuple[Sample, int | None, list[int], tuple[int, ...]]:  # fmt: skip
        """Draw what is cut out: the case or slice, which slice, where the cut with its margin begins, its sides."""
        case, at = self.cases[index // self.each], None
        if self.normal is not None:
            at = slice_of(case.label, self.normal, chance)
            case = case.across(self.normal, at)
        sample = sample_of(case)
        larger = tuple(side + 2 * round(side * _MARGIN) for side in self.size)
        start = start_of(sample["label"], self.size, chance)
        outer = [first - round(side * _MARGIN) for first, side in zip(start, self.size, strict=True)]
        return sample, at, outer, larger


@dataclass(frozen=True, eq=False)
class Wholes:
    """Whole cases; with `normal` set, a few whole slices of each (evenly spread over those with labels)."""

    cases: Sequence[Case]
    normal: int | None = None
    each: int = _SLICES_A_CASE

    def __len__(self) -> int:
        return len(self.cases) * (self.each if self.normal is not None else 1)

    def __getitem__(self, index: int) -> Sample:
        """Return a whole slice or volume, always the same."""
        if self.normal is None:
            return sample_of(self.cases[index])
        case = self.cases[index // self.each]
        labelled = _labelled(case.label, self.normal)
        place = (index % self.each + 0.5) / self.each
        return sample_of(case.across(self.normal, int(labelled[int(place * labelled.size)])))


def _within(places: Tensor, sides: Sequence[Any]) -> Tensor:
    """Tell which places (dimensions, ...) lie in a picture of these sides, its outer voxels' edges included."""
    far = torch.tensor([int(side) for side in sides]).view(-1, *[1] * (places.ndim - 1)) - 0.5
    return ((places >= -0.5) & (places <= far)).all(0)


def fullest(label: NDArray[Any], normal: int) -> int:
    """Index of the slice with most labelled voxels."""
    others = tuple(axis for axis in range(label.ndim) if axis != normal)
    return int(np.argmax(np.count_nonzero(label, axis=others)))


def _labelled(label: NDArray[Any], normal: int) -> NDArray[np.intp]:
    """Indices of the slices that have labels; all where none has."""
    others = tuple(axis for axis in range(label.ndim) if axis != normal)
    found: NDArray[np.intp] = np.flatnonzero(label.any(axis=others))
    return found if found.size else np.arange(label.shape[normal])


def slice_of(label: NDArray[Any], normal: int, chance: np.random.Generator) -> int:
    """Draw a slice: half of the time one with labels, else any."""
    if chance.random() < _FOREGROUND:
        return int(chance.choice(_labelled(label, normal)))
    return int(chance.integers(label.shape[normal]))
