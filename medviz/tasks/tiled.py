"""Pictures (C, x, y[, z]) as tiles that face the screen, for galleries: of a volume the middle axial slice."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from medviz.figures import Gallery
from medviz.imaging.slices import cut
from medviz.imaging.volume import Array, Stored, Volume

LEVELS = (-1.0, 1.0)
"""What is drawn black and white of pictures in −1..1."""


def tile(image: Tensor | Array, scan: bool = False) -> Array:
    """Return a picture as rows and columns: grey (rows, cols), of three channels colour (rows, cols, 3) in 0..1.

    `scan`: the patient's left is on the right, as in the viewer; else x runs to the right.
    """
    values = np.asarray(image.detach().float().cpu() if isinstance(image, Tensor) else image, np.float32)
    if values.shape[0] == 3:
        return np.clip((np.stack([_faced(one, scan) for one in values], -1) + 1) / 2, 0, 1)
    return _faced(values[0], scan)


def tiles(images: Sequence[Tensor | Array] | Tensor, scan: bool = False) -> Array:
    """Return pictures as tiles (n, rows, cols[, 3])."""
    return np.stack([tile(one, scan) for one in images])


def gallery(
    name: str, images: Sequence[Tensor | Array] | Tensor, title: str, scan: bool = False, **more: Any
) -> Gallery:
    """Draw pictures in −1..1 side by side on one scale; `more` as Gallery takes it (titles, columns ...)."""
    return Gallery(name, tiles(images, scan), title, **{"levels": LEVELS, "shared_scale": True, **more})


def _faced(voxels: Array, scan: bool) -> Array:
    solid = voxels if voxels.ndim == 3 else voxels[..., np.newaxis]
    stored = Stored("sample", solid.shape, "RAS", np.eye(4), solid.dtype)
    volume = Volume(solid[np.newaxis], np.eye(4), stored, calibrated=False, oriented=False)
    seen = cut(volume, "axial", solid.shape[2] // 2, radiological=scan)
    return np.ascontiguousarray(seen.pixels)
