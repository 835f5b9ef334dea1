"""From the order of a file to the order nearest RAS+ and back: views, never copies."""

from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from medviz.imaging.volume import Affine

Array = NDArray[Any]


def axes_of(affine: Affine) -> str:
    """Directions in which the stored indices grow ("LPS"), one-to-one even for strong obliques.

    Taking the largest entry of each column by itself names one direction twice on strong obliques; nibabel takes the
    columns one after the other, strongest first, from the nearest rotation.
    """
    return "".join(nib.orientations.ornt2axcodes(_orientation(affine)))


def to_ras(stored: Array, affine: Affine) -> tuple[Array, Affine]:
    """Turn (x, y, z, ...) as stored to the order nearest RAS+; returns a view and its affine."""
    orientation = _orientation(affine)
    axis_for = np.argsort(orientation[:, 0])
    view = stored.transpose(*axis_for, *range(3, stored.ndim))
    flips = orientation[axis_for, 1] < 0
    view = view[tuple(slice(None, None, -1) if flip else slice(None) for flip in flips)]
    to_stored = nib.orientations.inv_ornt_aff(orientation, stored.shape[:3])
    return view, np.asarray(affine @ to_stored, np.float64)


def to_order(voxels: Array, affine: Affine, wanted: Affine) -> Array:
    """Turn (x, y, z, ...) whose affine this is to the order in which they have the affine `wanted`; a view.

    Both must place the same voxels (they differ by order alone); raises ValueError otherwise.
    """
    turn = np.rint(np.linalg.inv(affine)[:3, :3] @ wanted[:3, :3]).astype(int)
    if not np.array_equal(np.abs(turn) @ np.ones(3, int), (1, 1, 1)) or abs(round(np.linalg.det(turn))) != 1:
        raise ValueError("the two affines differ by more than the order of voxels")
    axes = np.abs(turn).argmax(axis=0)  # exact: each column holds one 1 or -1
    flips = turn[axes, range(3)] < 0
    view = voxels.transpose(*axes, *range(3, voxels.ndim))
    return view[tuple(slice(None, None, -1) if flip else slice(None) for flip in flips)]


def _orientation(affine: Affine) -> NDArray[np.int_]:
    return np.asarray(nib.orientations.io_orientation(affine)).astype(int)
