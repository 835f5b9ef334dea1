"""A made-up head round a brain that has none, so that a network trained on a stripped brain meets skull and skin.

The MNI152 T1 of nilearn's wheel is skull-stripped; a scan as it comes from the scanner is not. Following SynthSeg
(Billot et al., 2023) the picture is not copied but painted: each tissue gets a random brightness, in the order that
T1 weighting gives them (fluid < grey < white), and round the brain come fluid, bone with marrow, fat, muscle and air.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from medviz.data.augment import smooth_noise

_COARSE = 2
"""Distances are measured on every second voxel: an eighth of the work, and the zones are made wavy anyway."""
FLUID = 3


@dataclass(frozen=True, eq=False)
class Surroundings:
    """Where a head could be round a brain, on the brain's grid (x, y, z), 1 mm voxels.

    `outside_mm` is the distance to the skull's inside (0 in it), `depth_mm` that from within it to the outside;
    `beside_mm` the distance to the column of head that reaches down to the neck (0 in it).
    """

    outside_mm: Tensor
    depth_mm: Tensor
    beside_mm: Tensor


def surroundings(brain: NDArray[np.bool_]) -> Surroundings:
    """Measure the distances round a brain mask (x, y, z) of 1 mm voxels that lies in RAS+ order."""
    coarse = brain[::_COARSE, ::_COARSE, ::_COARSE]
    inside = _closed(coarse, 14 // _COARSE)
    outside = ndimage.distance_transform_edt(~inside) * _COARSE
    depth = ndimage.distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1, 1:-1] * _COARSE
    head = outside < 16
    column = np.maximum.accumulate(head[:, :, ::-1], axis=2)[:, :, ::-1]  # whatever lies under some part of the head
    below = np.arange(head.shape[2]) < int(0.55 * head.shape[2])
    column = np.where(below, column, head)
    beside = ndimage.distance_transform_edt(~column) * _COARSE
    return Surroundings(*(_fine(one, brain.shape) for one in (outside, depth, beside)))


def painted(
    tissue: Tensor, outside_mm: Tensor, beside_mm: Tensor, random: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Paint a slice of a head: image (1, x, y) with white matter near 1, and where the added fluid lies (x, y).

    `tissue` (3, x, y) are the shares of grey matter, white matter and fluid in each pixel of the brain. `outside_mm`
    and `beside_mm` are the slice of `surroundings`.
    """
    noise = torch.Generator().manual_seed(int(random.integers(2**31)))
    share = float(tissue.sum(0).max())
    brain = tissue.sum(0).clamp(0, 1)
    levels = _brightness(random)
    image = (tissue * torch.tensor(levels)[:, None, None]).sum(0)
    wavy = outside_mm + 1.5 * smooth_noise(tuple(brain.shape), 20, noise)[0]
    gap, bone, skin = random.uniform(1, 5), random.uniform(3, 9), random.uniform(2, 9)
    around = _filling(tuple(brain.shape), random, noise)
    head = (beside_mm < skin) if random.random() < 0.85 else (wavy < gap + bone + skin)
    marrow = (wavy > gap + bone * 0.3) & (wavy < gap + bone * 0.7)
    around = torch.where(head, around, torch.zeros(()))
    fat = float(random.uniform(0.5, 1.7))
    around = torch.where((wavy >= gap + bone) & (wavy < gap + bone + skin), torch.tensor(fat), around)
    around = torch.where(wavy < gap + bone, torch.tensor(float(random.uniform(0.0, 0.3))), around)
    around = torch.where(marrow, torch.tensor(float(random.uniform(0.1, 1.1))), around)
    fluid = wavy < gap
    around = torch.where(fluid, torch.tensor(levels[2]), around)
    image = brain * image + (1 - brain) * around if share > 0 else around
    return image[None], fluid & (brain < 0.5)


def folded(tissue: Tensor, depth_mm: Tensor, random: np.random.Generator) -> Tensor:
    """Carve furrows into a slice's cortex: shares (3, x, y) of grey matter, white matter and fluid.

    The average of many brains has lost all but the largest furrows; a single brain has three times as many, of a
    millimetre or two, with a ribbon of cortex on either side. They are drawn as the lines where a smooth random field
    crosses zero, down to some depth below the skull.
    """
    noise = torch.Generator().manual_seed(int(random.integers(2**31)))
    field = smooth_noise(tuple(tissue.shape[1:]), float(random.uniform(9, 22)), noise)[0]
    along, across = torch.gradient(field)
    away = field.abs() / (along**2 + across**2).sqrt().clamp_min(1e-3)  # about the distance to the line, in pixels
    width, ribbon = float(random.uniform(0.2, 1.6)), float(random.uniform(1.5, 3.0))
    reach = torch.sigmoid((float(random.uniform(8, 22)) - depth_mm) / 1.5)
    furrow = torch.sigmoid((width - away) / 0.4) * reach
    cortex = torch.sigmoid((width + ribbon - away) / 0.4) * reach
    brain = tissue.sum(0)
    grey, white, _ = tissue
    grey, white = grey + cortex * white, white * (1 - cortex)
    grey, white = grey * (1 - furrow), white * (1 - furrow)
    return torch.stack([grey, white, brain - grey - white])


def _brightness(random: np.random.Generator) -> list[float]:
    """Draw the brightness of grey matter, white matter (about 1) and fluid, in T1's order."""
    white = float(random.uniform(0.9, 1.1))
    grey = white * float(random.uniform(0.68, 0.86))
    return [grey, white, grey * float(random.uniform(0.15, 0.7))]


def _filling(shape: tuple[int, ...], random: np.random.Generator, noise: torch.Generator) -> Tensor:
    """Blobs of air, bone, muscle and fat, as below the brain and in the face."""
    field = smooth_noise(shape, float(random.uniform(8, 30)), noise)[0]
    edges = np.sort(random.normal(0, 0.8, 4))
    kinds = random.permutation([0.02, 0.25, 0.6, 0.8, 1.2]) * random.uniform(0.7, 1.3, 5)
    filled = torch.tensor(kinds, dtype=torch.float32)[torch.bucketize(field, torch.tensor(edges, dtype=torch.float32))]
    return filled * (1 + 0.15 * smooth_noise(shape, 5, noise)[0])


def _closed(mask: NDArray[np.bool_], radius: int) -> NDArray[np.bool_]:
    """Close gaps narrower than twice the radius (in voxels): the inside of a skull is smoother than its brain."""
    padded = np.pad(mask, radius + 1)
    grown = ndimage.distance_transform_edt(~padded) <= radius
    shrunk: NDArray[np.bool_] = ndimage.distance_transform_edt(grown) > radius
    inner = slice(radius + 1, -radius - 1)
    return shrunk[inner, inner, inner] | mask


def _fine(coarse: NDArray[np.float64], shape: tuple[int, ...]) -> Tensor:
    values = torch.from_numpy(coarse.astype(np.float32))[None, None]
    return F.interpolate(values, size=shape, mode="trilinear", align_corners=False)[0, 0]
