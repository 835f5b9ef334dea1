"""What is handed over to be rendered: scans and labels thinned to what a picture can show, as plain arrays."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from medviz.imaging.rendering.solid import coarser
from medviz.imaging.resample import onto
from medviz.imaging.scene import Layer
from medviz.imaging.volume import Affine, Stored, Volume

Array = NDArray[Any]
MOST_FIELD_VOXELS = 18 << 20
"""Voxels of a volume that is rendered (256³ and some): more cannot be told apart in a pane."""
MOST_LABEL_VOXELS = 32 << 20


@dataclass(frozen=True, eq=False)
class Matter:
    """A field (x, y, z) of 16 or 8 bits; what a person reads is ``slope * value + intercept``."""

    field: Array
    affine: Affine
    slope: float
    intercept: float
    grid_mm: float


def matter_of(scan: Volume, frame: int = 0, most: int = MOST_FIELD_VOXELS) -> Matter:
    """Thin a frame of a scan to at most `most` voxels (the mean of blocks), the finest side first."""
    factors = field_factors(scan, most)
    voxels = scan.frame(min(frame, scan.frames - 1))
    if max(factors) > 1:
        voxels = coarser(voxels, factors)
    field, slope, intercept = _narrow(voxels, scan.voxels.dtype)
    return Matter(
        field,
        thinned(scan.affine, factors),
        scan.slope * slope,
        scan.slope * intercept + scan.intercept,
        float((np.asarray(scan.spacing_mm) * factors).min()),
    )


def within(matter: Matter, layers: tuple[Layer, ...], frame: int = 0) -> Matter:
    """Leave of a field only what lies in the labels that layers show, and the voxels next to them."""
    stored = Stored("field", matter.field.shape, "RAS", matter.affine, matter.field.dtype)
    grid = Volume(matter.field[np.newaxis], matter.affine, stored)
    inside = np.zeros(matter.field.shape, bool)
    for layer in layers:
        labels, affine, _ = label_array(layer, frame, thin=False)
        shown = np.ones(int(labels.max(initial=0)) + 1, bool)
        shown[[value for value in (0, *layer.hidden_labels) if value < len(shown)]] = False
        kept = shown[labels].astype(np.uint8)[np.newaxis]
        over = Volume(kept, affine, replace(stored, shape=labels.shape, affine=affine, dtype=kept.dtype))
        inside |= onto(over, grid).frame() > 0
    inside = ndimage.binary_dilation(inside)
    least = matter.field.min() if matter.slope > 0 else matter.field.max()
    return replace(matter, field=np.where(inside, matter.field, least))


def label_array(layer: Layer, frame: int = 0, thin: bool = True) -> tuple[Array, Affine, float]:
    """Labels (x, y, z) of a layer as uint8 or uint16, their affine, and the grid in mm.

    A probability is 1 where it reaches the layer's level. A large map is thinned to every n-th voxel.
    """
    volume = layer.volume
    voxels = volume.frame(min(frame, volume.frames - 1))
    step = label_step(volume) if thin else 1
    if step > 1:
        voxels = coarser(voxels, (step,) * 3, nearest=True)
    if layer.role == "probability":
        made = (voxels >= (layer.level - volume.intercept) / volume.slope).astype(np.uint8)
    elif voxels.dtype in (np.uint8, np.uint16, np.bool_) and (volume.slope, volume.intercept) == (1.0, 0.0):
        made = voxels.astype(np.uint8) if voxels.dtype == np.bool_ else voxels
    else:
        read = np.nan_to_num(np.rint(voxels * volume.slope + volume.intercept), nan=0.0)
        made = read.clip(0, 65535).astype(np.uint16)
    affine = thinned(volume.affine, (step,) * 3)
    affine[:3, 3] = volume.to_mm((step // 2,) * 3)  # one of each block was taken, not its mean
    return np.ascontiguousarray(made), affine, min(volume.spacing_mm) * step


def field_factors(scan: Volume, most: int) -> tuple[int, ...]:
    """Of how many voxels along each axis one is made."""
    factors = np.ones(3, int)
    shape, spacing = np.array(scan.shape), np.array(scan.spacing_mm)
    while np.prod(shape // factors) > most:
        size = np.where(shape // factors > 1, spacing * factors, np.inf)
        factors[int(size.argmin())] += 1
    return int(factors[0]), int(factors[1]), int(factors[2])


def label_step(volume: Volume) -> int:
    """Every how many-th voxel of a label map surfaces are made of: memory and time have bounds."""
    return max(1, round((np.prod(volume.shape) / MOST_LABEL_VOXELS) ** (1 / 3) + 0.49))


def thinned(affine: Affine, factors: tuple[int, ...]) -> Affine:
    """Affine of a grid whose voxels are blocks of the other's."""
    made = affine.copy()
    made[:3, :3] = affine[:3, :3] * factors
    made[:3, 3] = affine[:3, 3] + affine[:3, :3] @ ((np.asarray(factors) - 1) / 2)
    return made


def _narrow(voxels: Array, stored: np.dtype[Any]) -> tuple[Array, float, float]:
    """Bring voxels to at most 16 bits; returns them with slope and intercept back to the stored values."""
    if stored in (np.uint8, np.int8, np.int16, np.uint16):
        kept = voxels if voxels.dtype == stored else np.rint(voxels).astype(stored)
        return np.ascontiguousarray(kept), 1.0, 0.0
    values = voxels.astype(np.float32)
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if finite.size < values.size:
        low -= (high - low) or abs(low) or 1.0  # what is no number lies well below all that is
    step = (high - low) / 65535.0 or 1.0
    scaled = np.nan_to_num((values - low) / step, nan=0.0, posinf=65535.0, neginf=0.0)
    return np.rint(scaled).clip(0, 65535).astype(np.uint16), step, low
