"""A volume as a lab works on it: slices (z, rows, cols) as they face the screen, with the size of a voxel."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medviz.imaging.slices import cut
from medviz.imaging.volume import Stored, Volume
from medviz.refused import Refused

Array = NDArray[Any]
Sizes = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Block:
    """Axial slices (z, rows, cols) of a volume as they face the screen, from the feet up.

    `mm` are the distances of slices, rows and columns, None where uncalibrated; `letters` stand at the left, right, top
    and bottom edge of a slice. `whole` (z, rows, cols) is the size of the volume it was cut out of.
    """

    values: Array
    mm: tuple[float, float, float] | None
    letters: tuple[str, str, str, str]
    unit: str
    name: str
    whole: Sizes


def block_of(volume: Volume, side: int) -> Block:
    """Cut the middle of a volume out, at most `side` voxels along each axis, as float64. Refuses what has holes."""
    name = volume.name or "the scan"
    if volume.kind == "colour":
        raise Refused(name, "it holds colours, a lab needs one value a voxel", "open a grey scan")
    starts = [max(0, (whole - side) // 2) for whole in volume.shape]
    x, y, z = (slice(start, start + side) for start in starts)
    first = cut(volume, "axial", starts[2])
    slices = [cut(volume, "axial", k).pixels for k in range(volume.shape[2])[z]]
    across, down = _turned(x, volume.shape[0]), _turned(y, volume.shape[1])
    stored = np.stack([one[down, across] for one in slices]).astype(np.float64)
    values = stored * volume.slope + volume.intercept
    bad = int(values.size - np.count_nonzero(np.isfinite(values)))
    if bad:
        raise Refused(name, f"{bad} of its voxels hold no finite number", "choose another region")
    mm = None if first.mm is None else (volume.spacing_mm[2], *first.mm)
    whole = volume.shape[2], volume.shape[1], volume.shape[0]
    return Block(values, mm, first.letters, volume.unit, name, whole)


def _turned(part: slice, length: int) -> slice:
    """Take the same voxels of an axis that the screen shows from the other end."""
    stop = min(part.stop, length)
    return slice(length - stop, length - part.start)


def volume_of(values: Array, spacing_mm: tuple[float, float, float], name: str, unit: str = "") -> Volume:
    """Make a volume of drawn voxels (x, y, z), in the order of RAS+."""
    affine = np.diag([*spacing_mm, 1.0])
    stored = Stored("drawn", values.shape, "RAS", affine, values.dtype)
    return Volume(values[None], affine, stored, name=name, unit=unit)


def _drawn() -> Volume:
    """A head of 24 × 24 × 14 voxels of 2 × 2 × 4 mm: a shell, what is inside it, a dark hollow and a bright spot."""
    x, y, z = np.indices((24, 24, 14), float)
    far = np.sqrt(((x - 11.5) / 9.5) ** 2 + ((y - 11.5) / 11) ** 2 + ((z - 6.5) / 6.2) ** 2)
    values = np.where(far < 1, 200.0, 0.0)
    values[far < 0.82] = 110.0
    values[((x - 11.5) / 4) ** 2 + ((y - 12) / 5) ** 2 + ((z - 7) / 2.2) ** 2 < 1] = 40.0
    values[((x - 15) / 2) ** 2 + ((y - 7) / 2) ** 2 + ((z - 5) / 1.3) ** 2 < 1] = 250.0
    values += np.round(6 * np.sin(x * 1.7) * np.cos(y * 1.3 + z))
    return volume_of(values.astype(np.int16), (2.0, 2.0, 4.0), "a drawn head")


HEAD = _drawn()
