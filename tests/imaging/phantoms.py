"""Scans whose every side can be told from the other."""

import numpy as np

from medviz.imaging.labels import named
from medviz.imaging.scene import Layer, Scene
from medviz.imaging.volume import Stored, Volume, like

NAMES = named(("grey matter", "white matter", "fluid"))


def volume(
    voxels: np.ndarray, spacing: tuple[float, float, float] = (1.0, 1.0, 1.0), name: str = "scan.nii.gz", **more: object
) -> Volume:
    """A scan (x, y, z) or (channel, x, y, z) with its middle at 0 mm."""
    layered = voxels if voxels.ndim == 4 else voxels[np.newaxis]
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = -(np.array(layered.shape[1:]) - 1) / 2 * np.array(spacing)
    stored = Stored("NIfTI-1", layered.shape[1:], "RAS", affine, voxels.dtype)
    return Volume(layered, affine, stored, name=name, **more)  # type: ignore[arg-type]


def marked(size: int = 40, spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Volume:
    """A grey block with a bright ball at the patient's right, front and top."""
    shape = (size, size + 4, size - 4)
    voxels = np.full(shape, 400, np.int16)
    x, y, z = np.indices(shape)
    right, front, top = shape[0] * 0.8, shape[1] * 0.75, shape[2] * 0.7
    voxels[(x - right) ** 2 + (y - front) ** 2 + (z - top) ** 2 <= 9] = 1000
    return volume(voxels, spacing)


def scene(scan: Volume, *overlays: Layer, window: float = 1000, level: float = 500) -> Scene:
    """A scene with the cursor in the middle."""
    middle = tuple(float(side // 2) for side in scan.shape)
    return Scene(layers=(Layer(scan, window=window, level=level), *overlays)).at_voxel(middle)  # type: ignore[arg-type]


def halves(scan: Volume, style: str = "fill", **more: object) -> Layer:
    """Labels 1 and 2: the patient's left half and right half; 0 at the bottom."""
    labels = np.ones(scan.shape, np.uint8)
    labels[scan.shape[0] // 2 :] = 2
    labels[:, :, : scan.shape[2] // 4] = 0
    return Layer(like(scan, labels, "halves"), "labels", labels=NAMES, style=style, opacity=1.0, **more)  # type: ignore[arg-type]
