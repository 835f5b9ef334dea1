"""What is always there to learn from: the MNI152 T1 with grey and white matter, out of nilearn's wheel.

ICBM 152 2009a nonlinear symmetric: the average of 152 young adults (Fonov et al., 2011), skull-stripped, 1 mm. It is
**exactly symmetric**: its right half is the mirror image of its left, so halves would be no held-out data. Training and
held-out slices lie in slabs instead, with slices between them that are in neither.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medviz.data.augment import NO_AUGMENTATION, Augmentation
from medviz.data.heads import FLUID, Surroundings, folded, painted, surroundings
from medviz.data.patches import (
    Case,
    Patches,
    Sample,
    Sides,
    Wholes,
    centred,
    cropped,
    sample_of,
    sides_of,
    start_of,
    varied,
)
from medviz.data.preparation import Preparation, normalised
from medviz.imaging.readers import read
from medviz.imaging.volume import Stored, Volume, like
from medviz.messages import finished
from medviz.parameters import Group, Range
from medviz.shipped import sample_scan

HELD_OUT: tuple[range, ...] = (range(36, 44), range(76, 86), range(118, 128))
"""Axial slices that training never sees: cerebellum and temporal lobes, basal ganglia, centrum semiovale."""
GUARD = 4
"""Slices (mm) on either side of a held-out slab that are used for nothing, since neighbours look alike."""
_PAD = ((14, 13), (12, 11), (40, 0))
"""Room for a painted head: 224×256 pixels and 40 mm of neck."""
_WHITE = 215.0
"""Middle value of white matter in the T1."""
_TRUE, _FOLDED = 0.35, 0.7
"""Share of painted heads that hold the T1 as it is, and of the others those with more furrows than the average has."""


@dataclass(frozen=True, eq=False)
class Tissue:
    """The template: T1, grey and white matter maps (x, y, z) uint8, and labels 0 to 3 made of them."""

    scan: Volume
    t1: NDArray[np.uint8]
    grey: NDArray[np.uint8]
    white: NDArray[np.uint8]

    @cached_property
    def brain(self) -> NDArray[np.bool_]:
        """Where the stripped T1 has a value."""
        return self.t1 > 0

    @cached_property
    def label(self) -> NDArray[np.uint8]:
        """0 outside the brain, else the most likely of 1 grey matter, 2 white matter, 3 CSF.

        The wheel has no map of CSF: its share is taken as what grey and white matter leave of a voxel in the brain. In
        the rim of the brain, where the average of 152 people blurs, this is fluid mixed with cortex.
        """
        fluid = 255 - np.minimum(255, self.grey.astype(np.int16) + self.white)
        shares = np.stack([self.grey.astype(np.int16), self.white.astype(np.int16), fluid])
        return np.where(self.brain, shares.argmax(0) + 1, 0).astype(np.uint8)

    def shares(self, z: int) -> Tensor:
        """Shares of grey matter, white matter and CSF in each pixel of an axial slice, (3, x, y) float32."""
        grey, white = (torch.from_numpy(m[:, :, z] / np.float32(255)) for m in (self.grey, self.white))
        brain = torch.from_numpy(self.brain[:, :, z])
        return torch.stack([grey, white, (1 - grey - white).clamp(0)]) * brain


def tissue() -> Tissue:
    """Read the template out of nilearn's wheel (0.3 s); refuses where nilearn is not installed."""
    scan, grey, white = (finished(read(sample_scan(kind))) for kind in ("t1", "gm", "wm"))
    return Tissue(scan, *(np.ascontiguousarray(one.frame()) for one in (scan, grey, white)))


@dataclass(frozen=True)
class Mni152Tissue:
    """Grey matter, white matter and CSF on the MNI152 T1; three slabs are held out, see `HELD_OUT`."""

    heads: Annotated[
        float, Range(0, 1), Group("data"), "Share of slices round which a head is painted (skull, skin, neck)"
    ] = 0.0
    true_light: Annotated[
        float, Range(0, 1), Group("data"), "Share of the slices without a painted head whose light is left as it is"
    ] = 0.0

    classes: ClassVar[tuple[str, ...]] = ("grey matter", "white matter", "CSF")
    channels: ClassVar[int] = 1
    dimensions: ClassVar[tuple[int, ...]] = (2, 3)

    def preparation(self, dimensions: int, patch: Sides = 0) -> Preparation:
        """How a scan is made ready for a network that was trained on this."""
        return Preparation(dimensions, 1, (1.0, 1.0, 1.0), 2, sides_of(patch, dimensions))

    def training(self, dimensions: int, patch: Sides, augment: float = 1.0) -> "Patches | PaintedSlices":
        """Patches of `patch` pixels or voxels a side, at least 4 mm from every held-out slice."""
        augmentation = Augmentation().stronger(augment) if augment else NO_AUGMENTATION
        whole = tissue()
        image = normalised(whole.t1[None].astype(np.float32))
        if dimensions == 2:
            return PaintedSlices(whole, image[0], sides_of(patch, 2), augmentation, self.heads, self.true_light)
        slabs = [Case(f"z {a}-{b - 1}", image[..., a:b], whole.label[..., a:b]) for a, b in _training_slabs(whole)]
        wide, high, deep = sides_of(patch, 3)
        depth = min(deep, min(case.label.shape[2] for case in slabs))
        return Patches(slabs, (wide, high, depth), augmentation, each=16)

    def validation(self, dimensions: int) -> Wholes:
        """The held-out slices, or the held-out slabs as volumes."""
        whole = tissue()
        image = normalised(whole.t1[None].astype(np.float32))
        slabs = [Case(f"z {s.start}-{s.stop - 1}", image[..., s.start : s.stop], whole.label[..., s.start : s.stop])
                 for s in HELD_OUT]  # fmt: skip
        if dimensions == 3:
            return Wholes(slabs)
        return Wholes([slab.across(2, k) for slab in slabs for k in range(slab.label.shape[2])])

    @property
    def held_out_cases(self) -> int:
        """The held-out slabs."""
        return len(HELD_OUT)

    def native(self, number: int) -> tuple[Volume, Volume | None]:
        """Return a held-out slab of the T1 where it lies in the template, and its tissues."""
        whole, slab = tissue(), HELD_OUT[number]
        affine = whole.scan.affine.copy()
        affine[:3, 3] += affine[:3, 2] * slab.start
        voxels = np.ascontiguousarray(whole.t1[None, :, :, slab.start : slab.stop])
        stored = Stored("template", voxels.shape[1:], "RAS", affine, voxels.dtype)
        scan = replace(whole.scan, voxels=voxels, affine=affine, stored=stored, pending=None)
        return scan, like(scan, whole.label[:, :, slab.start : slab.stop], "reference")

    def probes(self, dimensions: int) -> Sequence[Sample]:
        """The middle slice of each held-out slab, or the slabs."""
        held = self.validation(dimensions)
        if dimensions == 3:
            return [held[index] for index in range(len(held))]
        ends = np.cumsum([len(slab) for slab in HELD_OUT])
        return [held[int(end) - len(slab) // 2] for end, slab in zip(ends, HELD_OUT, strict=True)]


@dataclass(frozen=True, eq=False)
class PaintedSlices:
    """Axial slices of the template, as they are or with a head painted round them; the neck comes with the heads."""

    whole: Tissue
    image: NDArray[np.float32]
    patch: tuple[int, ...]
    augmentation: Augmentation
    heads: float = 0.0
    true_light: float = 0.0

    @cached_property
    def slices(self) -> list[int]:
        """Indices of the slices, negative ones lie below the template (only with painted heads)."""
        inside = [z for a, b in _training_slabs(self.whole) for z in range(a, b)]
        return (list(range(-_PAD[2][0], 0, 3)) if self.heads else []) + inside

    @cached_property
    def _padded(self) -> tuple[Tissue, Surroundings]:
        t1, grey, white = (np.pad(one, _PAD) for one in (self.whole.t1, self.whole.grey, self.whole.white))
        return Tissue(self.whole.scan, t1, grey, white), surroundings(t1 > 0)

    @property
    def _unlit(self) -> Augmentation:
        return replace(self.augmentation, often=0.0)

    def __len__(self) -> int:
        return len(self.slices)

    def __getitem__(self, index: int) -> Sample:
        """Return the slice as it is (the lowest one for those below the template)."""
        z = max(0, self.slices[index])
        return sample_of(Case(f"z {z}", self.image[None, :, :, z], self.whole.label[:, :, z]))

    def drawn(self, index: int, chance: np.random.Generator) -> Sample:
        """Return a patch of the slice, with or without a head, changed."""
        z = self.slices[index]
        painting = z < 0 or chance.random() < self.heads
        sample = self._painting(z, chance) if painting else self[index]
        room = [max(pair) for pair in zip(self.patch, sample["label"].shape, strict=True)]
        lit = painting or chance.random() >= self.true_light
        sample = varied(centred(sample, room), self.augmentation if lit else self._unlit, chance)
        return cropped(sample, start_of(sample["label"], self.patch, chance), self.patch)

    def _painting(self, z: int, chance: np.random.Generator) -> Sample:
        padded, around = self._padded
        k = z + _PAD[2][0]
        brain = torch.from_numpy(padded.brain[:, :, k])
        shares = _sharper(padded.shares(k), float(chance.uniform(1, 4)))
        if true := chance.random() < _TRUE:
            label = torch.from_numpy(padded.label[:, :, k].astype(np.int64))
        else:
            shares = folded(shares, around.depth_mm[..., k], chance) if chance.random() < _FOLDED else shares
            label = (shares.argmax(0) + 1) * brain
        image, fluid = painted(shares, around.outside_mm[..., k], around.beside_mm[..., k], chance)
        if true:  # the T1 itself inside the painted head
            image = torch.where(brain, torch.from_numpy(padded.t1[:, :, k] / np.float32(_WHITE)), image[0])[None]
        label = torch.where(fluid & ~brain, torch.tensor(FLUID), label)
        return {"image": torch.from_numpy(normalised(image.numpy())), "label": label, "name": f"z {z}, painted"}


def _sharper(shares: Tensor, power: float) -> Tensor:
    """Less blur between tissues than the average of 152 people has; the sum stays."""
    total = shares.sum(0, keepdim=True)
    raised = shares**power
    return raised / raised.sum(0, keepdim=True).clamp_min(1e-6) * total


def _training_slabs(whole: Tissue) -> list[tuple[int, int]]:
    """First and one past the last slice of each slab between the held-out ones, guards left out."""
    there = np.flatnonzero(whole.brain.any((0, 1)))
    edges = [
        int(there[0]) - GUARD,
        *(edge for slab in HELD_OUT for edge in (slab.start, slab.stop)),
        int(there[-1]) + 1 + GUARD,
    ]
    return [(edges[i] + GUARD, edges[i + 1] - GUARD) for i in range(0, len(edges), 2)]
