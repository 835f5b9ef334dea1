"""Random changes of place and of light, so that a network meets more scans than there are.

`Augmentation` says how far each change may go; `drawn` chooses (from the chance it is handed, and from nothing else),
`Change.applied` does. The trainer makes that chance from (seed, epoch, index): what is chosen is the same with any
number of loader workers, and a run that was stopped goes on bit for bit. The set of changes is that of nnU-Net
(Isensee et al., 2021), and erasing (Zhong et al., 2020). `named` tells them apart by name, each alone, to be shown.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, is_dataclass, replace
from typing import Annotated, Any, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from medviz.parameters import Group, Range, Ticks, parameters
from medviz.refused import Refused

_PLACE, _LIGHT = Group("change of place"), Group("change of light")
_CONTROL_PX = 24
"""Distance of the control points of warp and bias field."""
T = TypeVar("T")
KINDS: Mapping[str, str] = {
    "mirror": "flip",
    "mirror everywhere": "flip_all",
    "rotation": "turn_deg",
    "scale": "zoom",
    "shift": "shift",
    "elastic": "warp_px",
    "gamma": "gamma",
    "contrast": "contrast",
    "brightness": "brightness",
    "shading": "bias",
    "noise": "noise",
    "blur": "blur_px",
    "low resolution": "coarse",
    "erasing": "erase",
}
"""What each change is called, and the field of `Augmentation` that says how far it goes."""
EXTRA: Mapping[str, float] = {"flip_all": 0.5, "coarse": 0.5, "erase": 0.3}
"""Reach of the changes that no data set makes by itself, where a person ticks them."""
USUAL = tuple(name for name, field in KINDS.items() if field not in EXTRA)
"""Names of the changes that are made where nothing else is said."""
CHANGES = Ticks(tuple(KINDS), tuple(name.capitalize() for name in KINDS))
"""The changes as ticks, for a task that lets a person choose."""


@dataclass(frozen=True)
class Change:
    """What was drawn for one sample; angles in degrees, shifts in pixels, the rest as factors or shares.

    `flip` is True where the first axis (left-right) is mirrored, `flips` tells it of the other axes. `noise_seed` seeds
    the fields and the noise. `erased` are the middle and the side of a box without picture, as shares of the sides.
    """

    dimensions: int
    flip: bool = False
    turns_deg: tuple[float, ...] = ()
    zoom: float = 1.0
    shift_px: tuple[float, ...] = ()
    warp_px: float = 0.0
    gamma: float = 1.0
    contrast: float = 1.0
    brightness: float = 0.0
    bias: float = 0.0
    noise: float = 0.0
    blur_px: float = 0.0
    noise_seed: int = 0
    flips: tuple[bool, ...] = ()
    coarse: float = 0.0
    erased: tuple[tuple[float, float], ...] = ()

    def applied(self, image: Tensor, label: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Change an image (C, x, y[, z]) and its label map (x, y[, z]) alike; light is changed in the image only."""
        random = torch.Generator().manual_seed(self.noise_seed)
        image, label = self._moved(image, label, random)
        return self._lit(image, random), label

    def _moved(self, image: Tensor, label: Tensor | None, random: torch.Generator) -> tuple[Tensor, Tensor | None]:
        """Flip, turn, zoom, shift and warp; what comes in from outside is the image's darkest value, and label 0."""
        turned = [axis for axis, over in enumerate((self.flip, *self.flips)) if over]
        if turned:
            image = image.flip([axis + 1 for axis in turned])
            label = None if label is None else label.flip(turned)
        if not (any(self.turns_deg) or any(self.shift_px) or self.zoom != 1.0 or self.warp_px):
            return image, label
        grid = self._grid(image.shape[1:], random)
        floor = image.flatten(1).amin(1).view(-1, *[1] * self.dimensions)
        moved = F.grid_sample((image - floor)[None], grid, mode="bilinear", align_corners=False)[0] + floor
        if label is not None:
            as_float = label[None, None].to(torch.float32)
            label = F.grid_sample(as_float, grid, mode="nearest", align_corners=False)[0, 0].to(label.dtype)
        return moved, label

    def _grid(self, shape: torch.Size, random: torch.Generator) -> Tensor:
        """Where each pixel is fetched from, (1, x, y[, z], dimensions) in grid_sample's -1..1 with the last axis first.

        Turns are taken in pixels and not in the -1..1 of an oblong picture, so that angles stay angles.
        """
        size = torch.tensor(list(shape), dtype=torch.float32)
        axes = [torch.arange(n, dtype=torch.float32) - (n - 1) / 2 for n in shape]
        at = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1)  # (x, y[, z], d), pixels from the centre
        at = at @ (torch.from_numpy(_rotation(self.turns_deg, self.dimensions)) / self.zoom).T
        if self.shift_px:
            at = at + torch.tensor(self.shift_px)
        if self.warp_px:
            field = smooth_noise(tuple(shape), _CONTROL_PX, random, channels=self.dimensions)
            at = at + self.warp_px * field.movedim(0, -1)
        return (2 * at / size).flip(-1)[None]

    def places(self, shape: Sequence[int]) -> Tensor:
        """Where each pixel of a changed picture comes from, (dimensions, x, y[, z]) in pixels of it as it was."""
        size = torch.tensor(list(shape), dtype=torch.float32)
        random = torch.Generator().manual_seed(self.noise_seed)
        at = (self._grid(torch.Size(shape), random)[0].flip(-1) * size + size - 1) / 2
        for axis, over in enumerate((self.flip, *self.flips)):
            if over:
                at[..., axis] = size[axis] - 1 - at[..., axis]
        return at.movedim(-1, 0)

    def _lit(self, image: Tensor, random: torch.Generator) -> Tensor:
        spread = image.std().clamp_min(1e-6)
        if self.blur_px:
            image = blurred(image, self.blur_px)
        if self.coarse:
            image = coarsened(image, self.coarse)
        if self.bias:
            floor = image.flatten(1).amin(1).view(-1, *[1] * self.dimensions)
            field = smooth_noise(tuple(image.shape[1:]), 3 * _CONTROL_PX, random)[0]
            image = (image - floor) * torch.exp(self.bias * field) + floor
        if self.gamma != 1.0:
            low, high = image.min(), image.max()
            reach = (high - low).clamp_min(1e-6)
            image = ((image - low) / reach).clamp(0, 1) ** self.gamma * reach + low
        if self.contrast != 1.0 or self.brightness:
            middle = image.mean()
            image = (image - middle) * self.contrast + middle + self.brightness * spread
        if self.noise:
            image = image + self.noise * spread * torch.randn(image.shape, generator=random)
        return self._with_a_hole(image) if self.erased else image

    def _with_a_hole(self, image: Tensor) -> Tensor:
        """Put the mean into a box: what is hidden must be told by what lies round it."""
        image = image.clone()
        box = []
        for (middle, width), side in zip(self.erased, image.shape[1:], strict=True):
            first = max(0, round((middle - width / 2) * side))
            box.append(slice(first, max(first + 1, round((middle + width / 2) * side))))
        image[(slice(None), *box)] = image.mean()
        return image


@dataclass(frozen=True)
class Augmentation:
    """How far each change may go, and how often (`often`) each kind of light is changed at all."""

    flip: Annotated[float, Range(0, 1), "Share of samples mirrored left to right", _PLACE] = 0.5
    turn_deg: Annotated[float, Range(0, 180, unit="°"), "Largest turn to either side", _PLACE] = 15.0
    zoom: Annotated[float, Range(0, 0.5), "Largest change of size, as a share", _PLACE] = 0.15
    shift: Annotated[float, Range(0, 0.5), "Largest shift, as a share of the side", _PLACE] = 0.05
    warp_px: Annotated[float, Range(0, 12, unit="px"), "Strength of the elastic warp", _PLACE] = 1.5
    gamma: Annotated[float, Range(0, 1), "Largest change of gamma, as a power of e", _LIGHT] = 0.4
    contrast: Annotated[float, Range(0, 0.9), "Largest change of contrast, as a share", _LIGHT] = 0.25
    brightness: Annotated[float, Range(0, 2, unit="SD"), "Largest shift of all values", _LIGHT] = 0.3
    bias: Annotated[float, Range(0, 1), "Strength of the slow shading a coil leaves", _LIGHT] = 0.1
    noise: Annotated[float, Range(0, 1, unit="SD"), "Largest noise", _LIGHT] = 0.1
    blur_px: Annotated[float, Range(0, 3, unit="px"), "Largest blur (standard deviation)", _LIGHT] = 0.8
    often: Annotated[float, Range(0, 1), "Share of samples in which each change of light is made", _LIGHT] = 0.2
    flip_all: Annotated[float, Range(0, 1), "Share of samples mirrored along each of the other axes", _PLACE] = 0.0
    coarse: Annotated[float, Range(0, 0.8), "Largest loss of resolution, as a share of the pixels a side", _LIGHT] = 0.0
    erase: Annotated[float, Range(0, 0.6), "Largest side of a box that is painted over, as a share", _LIGHT] = 0.0

    def only(self, names: Sequence[str], strength: float = 1.0) -> "Augmentation":
        """Return the same with the changes of these names alone; those of `EXTRA` get their reach × `strength`."""
        unknown = [name for name in names if name not in KINDS]
        if unknown:
            raise Refused(unknown[0], "there is no such change", f"there are {', '.join(KINDS)}")
        wanted = {KINDS[name] for name in names}
        off = dict.fromkeys((field for field in KINDS.values() if field not in wanted), 0.0)
        high = {one.name: one.mark(Range).high for one in parameters(self)}  # type: ignore[union-attr]
        extra = {
            field: min(high[field], reach if field == "flip_all" else strength * reach)
            for field, reach in EXTRA.items()
            if field in wanted and strength and not getattr(self, field)
        }
        return replace(self, **off, **extra)

    def stronger(self, factor: float) -> "Augmentation":
        """Return the same with every reach multiplied (0 is none, 1 the same), kept inside its range."""
        reaches = {p.name: p for p in parameters(self) if p.name not in ("flip", "flip_all", "often")}
        high = {name: one.mark(Range).high for name, one in reaches.items()}  # type: ignore[union-attr]
        turned = {name: min(high[name], factor * getattr(self, name)) for name in reaches}
        kept = self if factor else replace(self, flip=0.0, flip_all=0.0)
        return replace(kept, **turned)

    def drawn(self, chance: np.random.Generator, shape: tuple[int, ...]) -> Change:
        """Choose a change for a picture of this shape (x, y[, z]) in pixels; the same chance gives the same change."""

        def within(limit: float) -> float:
            return float(chance.uniform(-limit, limit))

        def sometimes(value: float, otherwise: float) -> float:
            return value if chance.random() < self.often else otherwise

        change = Change(
            dimensions=len(shape),
            flip=bool(chance.random() < self.flip),
            turns_deg=tuple(within(self.turn_deg) for _ in range(1 if len(shape) == 2 else 3)),
            zoom=math.exp(within(math.log1p(self.zoom))),
            shift_px=tuple(within(self.shift) * side for side in shape),
            warp_px=float(chance.uniform(0, self.warp_px)),
            gamma=sometimes(math.exp(within(self.gamma)), 1.0),
            contrast=sometimes(1 + within(self.contrast), 1.0),
            brightness=sometimes(within(self.brightness), 0.0),
            bias=sometimes(float(chance.uniform(0, self.bias)), 0.0),
            noise=sometimes(float(chance.uniform(0, self.noise)), 0.0),
            blur_px=sometimes(float(chance.uniform(0, self.blur_px)), 0.0),
            noise_seed=int(chance.integers(2**31)),
        )
        return self._more(change, chance, len(shape))

    def _more(self, change: Change, chance: np.random.Generator, dimensions: int) -> Change:
        """Choose what was added later: where none of it is wanted, nothing is drawn and older runs stay as they are."""
        if self.flip_all:
            change = replace(change, flips=tuple(bool(chance.random() < self.flip_all) for _ in range(dimensions - 1)))
        if self.coarse and chance.random() < self.often:
            change = replace(change, coarse=float(chance.uniform(0, self.coarse)))
        if self.erase and chance.random() < self.often:
            box = ((float(chance.random()), float(chance.uniform(0.05, self.erase))) for _ in range(dimensions))
            change = replace(change, erased=tuple(box))
        return change


NO_AUGMENTATION = Augmentation(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
"""Every sample as it is."""


def named(strength: float = 1.0) -> dict[str, Augmentation]:
    """Return each change by its name, alone and in every sample, as it is to be previewed.

    ``named()["rotation"].drawn(chance, shape).applied(image, label)`` shows what one does.
    """
    return {
        name: replace(Augmentation().stronger(strength).only([name], strength), often=1.0, **_always(field))
        for name, field in KINDS.items()
    }


def _always(field: str) -> dict[str, float]:
    """A mirror image is to be seen in each sample, not in half of them."""
    return {field: 1.0} if field in ("flip", "flip_all") else {}


def switched(samples: T, names: Sequence[str], strength: float) -> T:
    """Return samples that are changed in these ways alone; samples that know no `augmentation` stay as they are."""
    now: Any = getattr(samples, "augmentation", None)
    if not is_dataclass(samples) or isinstance(samples, type) or not isinstance(now, Augmentation):
        return samples
    changed = now.only(names, strength)
    return samples if changed == now else replace(samples, augmentation=changed)


def smooth_noise(shape: tuple[int, ...], period_px: float, random: torch.Generator, channels: int = 1) -> Tensor:
    """Draw smooth fields (channels, *shape) of about unit spread that vary over `period_px` pixels."""
    coarse = tuple(max(2, math.ceil(side / period_px) + 1) for side in shape)
    knots = torch.randn((1, channels, *coarse), generator=random)
    if len(shape) == 2:
        return F.interpolate(knots, size=shape, mode="bicubic", align_corners=True)[0]
    return F.interpolate(knots, size=shape, mode="trilinear", align_corners=True)[0]


def blurred(image: Tensor, sigma_px: float) -> Tensor:
    """Blur (C, x, y[, z]) by a Gaussian of this standard deviation, axis by axis; edges are repeated."""
    reach = max(1, math.ceil(3 * sigma_px))
    offsets = torch.arange(-reach, reach + 1, dtype=torch.float32)
    kernel = torch.exp(-0.5 * (offsets / max(sigma_px, 1e-6)) ** 2)
    kernel = kernel / kernel.sum()
    for axis in range(1, image.ndim):
        rows = image.movedim(axis, -1)
        flat = F.pad(rows.reshape(1, -1, rows.shape[-1]), (reach, reach), mode="replicate").movedim(0, 1)
        image = F.conv1d(flat, kernel[None, None]).reshape(rows.shape).movedim(-1, axis)
    return image.contiguous()


def coarsened(image: Tensor, loss: float) -> Tensor:
    """Take (C, x, y[, z]) as a coarser scanner would: fewer pixels (the nearest), and back to as many (linearly)."""
    sides = [max(1, round(side * (1 - loss))) for side in image.shape[1:]]
    few = F.interpolate(image[None], size=sides, mode="nearest-exact")
    smooth = "bilinear" if len(sides) == 2 else "trilinear"
    return F.interpolate(few, size=image.shape[1:], mode=smooth, align_corners=False)[0]


def _rotation(turns_deg: tuple[float, ...], dimensions: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Rotation matrix: one turn in the plane, or turns about x, y and z in that order."""
    matrix = np.eye(dimensions)
    planes = [(0, 1)] if dimensions == 2 else [(1, 2), (0, 2), (0, 1)]
    for (first, second), angle in zip(planes, np.deg2rad(turns_deg or (0.0,) * len(planes)), strict=True):
        one = np.eye(dimensions)
        one[first, first] = one[second, second] = np.cos(angle)
        one[first, second], one[second, first] = -np.sin(angle), np.sin(angle)
        matrix = matrix @ one
    return matrix.astype(np.float32)
