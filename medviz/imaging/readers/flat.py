"""Pictures (rows, cols) as volumes of one slice that face the screen as they were stored."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from medviz.imaging.volume import Affine, Stored, Volume

Array = NDArray[Any]
PICTURE: Affine = np.diag([-1.0, -1.0, 1.0, 1.0])
"""Columns run to the left of the patient and rows to the back, as the axial plane is drawn."""


def flat_volume(
    pages: Array,
    name: str,
    format: str,
    dtype: "np.dtype[Any]",
    mm: tuple[float, float] | None = None,
    warnings: tuple[str, ...] = (),
) -> Volume:
    """Make a volume of one picture (rows, cols) or (rows, cols, channels) without a copy.

    `mm` is the height and width of a pixel where the file says it. The volume is not oriented: a picture does not say
    how it lies in a patient.
    """
    stacked = pages[np.newaxis] if pages.ndim == 2 or (pages.shape[-1] in (3, 4) and pages.ndim == 3) else pages
    return stack_volume(stacked, name, format, dtype, mm, warnings)


def stack_volume(
    pages: Array,
    name: str,
    format: str,
    dtype: "np.dtype[Any]",
    mm: tuple[float, float] | None = None,
    warnings: tuple[str, ...] = (),
) -> Volume:
    """Make a volume of pages (page, rows, cols) or (page, rows, cols, channels); the first page is the lowest."""
    height_mm, width_mm = mm or (1.0, 1.0)
    affine = PICTURE @ np.diag([width_mm, height_mm, 1.0, 1.0])
    colour = pages.ndim == 4
    by_axis = pages.transpose(3, 2, 1, 0) if colour else pages.transpose(2, 1, 0)[np.newaxis]
    voxels = by_axis[:, ::-1, ::-1]
    shape = by_axis.shape[1:]
    flipped = np.eye(4)
    flipped[:2, :2] *= -1
    flipped[:2, 3] = (shape[0] - 1, shape[1] - 1)
    return Volume(
        voxels,
        affine @ flipped,
        Stored(format, shape, "LPS", affine, dtype),
        name=name,
        kind="colour" if colour else "scalar",
        calibrated=mm is not None,
        oriented=False,
        warnings=warnings,
    )
