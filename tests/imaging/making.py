"""What the tests of the imaging room are made from: volumes in memory and NIfTI files written by nibabel alone."""

from itertools import permutations, product
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from medviz.imaging.readers import read
from medviz.imaging.volume import Stored, Volume
from medviz.messages import finished

ORDERS = [
    np.array(list(zip(axes, signs, strict=True)), float)
    for axes in permutations((0, 1, 2))
    for signs in product((1, -1), repeat=3)
]
"""The 48 orders of three axes, as nibabel writes them."""
NAMES = ["".join(nib.orientations.ornt2axcodes(order)) for order in ORDERS]

# The affine with which ITK-SNAP refused to open a file (its issue 69): the largest entry of each column names the
# axes x, y, x.
STRONGLY_OBLIQUE = np.array(
    [
        [-0.656692, -0.676962, 0.332383, 0.0],
        [0.360389, -0.668844, -0.650205, 0.0],
        [0.662477, -0.307197, 0.683194, 0.0],
        [0.0, 0.0, 0.0, 1.0],
    ]
)


def volume(voxels: np.ndarray, affine: np.ndarray | None = None, **fields: Any) -> Volume:
    """A volume in memory, as if stored in RAS+ order; (x, y, z) or (channel, x, y, z)."""
    affine = np.eye(4) if affine is None else np.asarray(affine, float)
    layered = voxels[None] if voxels.ndim == 3 else voxels
    return Volume(layered, affine, Stored("memory", voxels.shape, "RAS", affine, voxels.dtype), **fields)


def opened(path: Path) -> Volume:
    """The volume in a file."""
    return finished(read(path))


def saved(path: Path, array: np.ndarray, affine: np.ndarray, **header: Any) -> Path:
    """Write with nibabel, which knows nothing of medviz; then set raw header fields."""
    kind = nib.Nifti2Image if header.pop("version", 1) == 2 else nib.Nifti1Image
    image = kind(array, affine, dtype=array.dtype)
    image.header.set_xyzt_units("mm", "sec")
    image.header.set_slope_inter(header.pop("slope", 1.0), header.pop("inter", 0.0))
    with path.open("wb") as file:
        head = image.header.copy()
        head.set_data_offset(head.single_vox_offset)
        for name, value in header.items():
            head[name] = value
        head["magic"] = b"n+1" if head.sizeof_hdr == 348 else b"n+2\0\r\n\x1a\n"
        file.write(head.binaryblock + bytes(4) + array.tobytes(order="F"))
    return path


def reordered(array: np.ndarray, affine: np.ndarray, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same voxels at the same places, stored in another order."""
    turn = nib.orientations.ornt_transform(nib.orientations.axcodes2ornt("RAS"), order)
    stored = nib.orientations.apply_orientation(array, turn)
    return stored, affine @ nib.orientations.inv_ornt_aff(turn, array.shape)


def rotation(angles: tuple[float, float, float]) -> np.ndarray:
    """Rotation by three angles in radians about x, y and z."""
    turned = np.eye(3)
    for axis, angle in enumerate(angles):
        one, other = [number for number in range(3) if number != axis]
        part = np.eye(3)
        part[[one, other], [one, other]] = np.cos(angle)
        part[one, other], part[other, one] = -np.sin(angle), np.sin(angle)
        turned = turned @ part
    return turned


def asymmetric(shape: tuple[int, int, int] = (11, 13, 9)) -> np.ndarray:
    """A phantom that looks like itself in one orientation only: every voxel has its own value, int16."""
    return np.arange(np.prod(shape), dtype=np.int16).reshape(shape) - 300
