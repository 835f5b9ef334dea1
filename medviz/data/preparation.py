"""How a scan is made ready for a network: the same in training and in use, written into each model's card."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from medviz.imaging.volume import Affine, Volume
from medviz.refused import Refused

Array = NDArray[Any]
_SAME = 0.02
"""A spacing this much off (as a share) is taken as the same: resampling would cost sharpness and gain nothing."""
_SPREADS = 6.0


@dataclass(frozen=True)
class Preparation:
    """What is done to a scan before a network sees it.

    The voxels are taken in RAS+ order (as Volume gives them), resampled along their own axes to `spacing_mm` (None
    keeps the scan's), and scaled by the mean and spread of the foreground. `normal` is the axis across the slices of
    a 2-D network (0 sagittal, 1 coronal, 2 axial); along it nothing is resampled. `patch` is what a network was
    trained on, (x, y[, z]) in voxels. `picture` says that it was trained on pictures (PNG ...): their channels are
    colours, so that a grey one is taken for each of them, and nothing dark in them is air.
    """

    dimensions: int = 2
    channels: int = 1
    spacing_mm: tuple[float, float, float] | None = None
    normal: int = 2
    patch: tuple[int, ...] = ()
    picture: bool = False

    def plain(self) -> dict[str, Any]:
        """Return plain values for JSON and TOML; what is None is left out."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items() if v is not None}

    @property
    def axes(self) -> str:
        """Directions in which the axes grow that the network sees."""
        return "RAS"

    @property
    def whole(self) -> bool:
        """False: a scan may be cut into tiles."""
        return False

    @property
    def size_of_all(self) -> tuple[int, int, int]:
        """Nothing is asked for: it takes any."""
        return 0, 0, 0

    @property
    def skips_air(self) -> bool:
        """True but for pictures: what is air is background, without asking the network."""
        return not self.picture

    @property
    def multiple(self) -> int:
        """Our networks take any side."""
        return 1

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Preparation":
        """Read it back from plain values; refuses what it does not know."""
        try:
            said: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
            return cls(**said)
        except TypeError as problem:
            raise Refused("preparation", str(problem), "the model was written by another version") from problem

    def shape_of(self, volume: Volume) -> tuple[int, int, int]:
        """Voxels along x, y, z after resampling."""
        return measured(volume, self.spacing_mm, self.normal if self.dimensions == 2 else None)

    def grid(self, volume: Volume) -> Affine:
        """Affine (4, 4) of what the network sees, to RAS mm."""
        return regridded(volume.affine, volume.shape, self.shape_of(volume))

    def back(self, share: Array, volume: Volume, smooth: bool = True) -> Array:
        """Bring (x, y, z) from the network's grid to the scan's."""
        return stretched(share, volume.shape, smooth)

    def prepared(self, volume: Volume) -> NDArray[np.float32]:
        """Make (channel, x, y, z) float32 of a scan, of a colour picture its grey. Refuses too few channels."""
        voxels = np.array(self._layers(volume), dtype=np.float32, order="C")  # a copy: the scan itself stays as it is
        np.nan_to_num(voxels, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
        if volume.slope != 1.0 or volume.intercept != 0.0:
            voxels = voxels * np.float32(volume.slope) + np.float32(volume.intercept)
        return normalised(resampled(voxels, self.shape_of(volume)))

    def _layers(self, volume: Volume) -> Array:
        """As many channels as the network takes: colour becomes grey, a grey picture is taken for each colour."""
        has = volume.voxels.shape[0]
        if self.channels == 1 and volume.kind == "colour":
            grey: Array = volume.voxels[:3].mean(0, dtype=np.float32, keepdims=True)
            return grey
        if self.picture and volume.kind != "colour" and has < self.channels:
            return np.repeat(volume.voxels[:1], self.channels, axis=0)
        if has < self.channels:
            fault = f"it has {has} channel(s) and the network takes {self.channels}"
            raise Refused(volume.name or "the scan", fault, "choose another scan or model")
        return volume.voxels[: self.channels]

    def scale_of(self, volume: Volume) -> tuple[float, float]:
        """Offset and gain of the first channel: value = offset + gain · prepared, but for what was cut."""
        voxels = np.array(self._layers(volume)[:1], dtype=np.float32, order="C")
        np.nan_to_num(voxels, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
        voxels = voxels * np.float32(volume.slope) + np.float32(volume.intercept)
        return foreground_scale(resampled(voxels, self.shape_of(volume))[0])

    def prepared_label(self, volume: Volume) -> NDArray[np.uint8]:
        """Make (x, y, z) of a label map of the same grid as the scan; nearest neighbour."""
        label = np.ascontiguousarray(volume.frame())
        return stretched(label, self.shape_of(volume), smooth=False).astype(np.uint8)


def measured(
    volume: Volume, spacing_mm: tuple[float, float, float] | None, across: int | None = None
) -> tuple[int, int, int]:
    """Voxels along x, y, z after resampling to a spacing (None keeps it); along the axis `across` nothing changes."""
    if spacing_mm is None or not volume.calibrated:
        return volume.shape
    sides = []
    for axis, (side, has, wants) in enumerate(zip(volume.shape, volume.spacing_mm, spacing_mm, strict=True)):
        same = axis == across or abs(has / wants - 1) < _SAME
        sides.append(side if same else max(1, round(side * has / wants)))
    return sides[0], sides[1], sides[2]


def regridded(affine: Affine, old: tuple[int, int, int], new: tuple[int, int, int]) -> Affine:
    """Affine of a grid of `new` voxels over the same extent as `old` voxels."""
    share = np.array(old) / np.array(new)
    made = affine @ np.diag([*share, 1.0])
    made[:3, 3] = affine[:3, :3] @ ((share - 1) / 2) + affine[:3, 3]
    return made


def stretched(values: Array, shape: tuple[int, int, int], smooth: bool = True) -> Array:
    """Bring (x, y, z) to `shape` over the same extent: linearly as float32, or the nearest voxel in the same type."""
    if values.shape == shape:
        return values
    if smooth:
        thick = torch.from_numpy(np.ascontiguousarray(values, np.float32))[None, None]
        made: Array = F.interpolate(thick, size=shape, mode="trilinear", align_corners=False)[0, 0].numpy()
        return made
    index = [
        np.minimum(((np.arange(new) + 0.5) * old / new).astype(int), old - 1)
        for new, old in zip(shape, values.shape, strict=True)
    ]
    return values[np.ix_(*index)]


def normalised(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale each channel of (C, ...) so that its foreground has mean 0 and spread 1; beyond ±6 it is cut.

    Foreground is what lies above `air`, which would otherwise decide the scale of a scan.
    """
    return np.stack([foreground_scaled(values) for values in image])


def foreground_scaled(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale one channel, see `normalised`."""
    offset, gain = foreground_scale(values)
    scaled = values - np.float32(offset)
    scaled /= np.float32(gain)
    return np.clip(scaled, -_SPREADS, _SPREADS, out=scaled)


def foreground_scale(values: NDArray[np.float32]) -> tuple[float, float]:
    """Mean and spread of one channel's foreground; where it has none the darkest value and 1."""
    some = _some(values)
    foreground = some[some > air(values)]
    if foreground.size < 2 or foreground.std() < 1e-6:
        return float(some.min()), 1.0
    return float(foreground.mean()), float(foreground.std())


def air(image: NDArray[np.float32]) -> float:
    """Value below which a voxel counts as air: a tenth of the way from the darkest to the 99.5th percentile."""
    some = _some(image)
    low = float(some.min())
    return low + 0.1 * (float(np.percentile(some, 99.5)) - low)


def _some(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Half a million values at most: percentiles of more take long and change nothing."""
    flat = values.reshape(-1)
    return flat[:: max(1, flat.size // 500_000)]


def resampled(image: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Resample (C, x, y, z) to `shape` over the same extent, linearly; blurred first along axes that shrink."""
    if image.shape[1:] == shape:
        return image
    values = torch.from_numpy(image)
    for axis, (old, new) in enumerate(zip(image.shape[1:], shape, strict=True), start=1):
        if new < old:
            values = _blurred_along(values, axis, 0.5 * (old / new - 1))
    out: NDArray[np.float32] = F.interpolate(values[None], size=shape, mode="trilinear", align_corners=False)[0].numpy()
    return out


def _blurred_along(values: torch.Tensor, axis: int, sigma: float) -> torch.Tensor:
    reach = max(1, round(3 * sigma))
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / max(sigma, 1e-3)) ** 2)
    rows = values.movedim(axis, -1)
    flat = F.pad(rows.reshape(-1, 1, rows.shape[-1]), (reach, reach), mode="replicate")
    return F.conv1d(flat, (kernel / kernel.sum())[None, None]).reshape(rows.shape).movedim(-1, axis)
