"""Label maps whose agreement can be worked out by hand, and some that cannot."""

import numpy as np
from scipy.ndimage import gaussian_filter

from medviz.imaging.volume import Stored, Volume


def volume(labels: np.ndarray, affine: np.ndarray | None = None, calibrated: bool = True, **more: float) -> Volume:
    placed = np.eye(4) if affine is None else affine
    stored = Stored("test", labels.shape, "RAS", placed, labels.dtype)
    return Volume(labels[None], placed, stored, name="labels", calibrated=calibrated, **more)


def box(*corner: int, size: tuple[int, ...] = (4, 4, 4), shape: tuple[int, ...] = (20, 20, 20)) -> np.ndarray:
    mask = np.zeros(shape, np.uint8)
    mask[tuple(slice(c, c + s) for c, s in zip(corner, size, strict=True))] = 1
    return mask


def blobs(seed: int, shape: tuple[int, ...] = (24, 20, 16)) -> np.ndarray:
    field = gaussian_filter(np.random.default_rng(seed).standard_normal(shape), 2.5)
    return np.digitize(field, [0.02, 0.06]).astype(np.uint8)
