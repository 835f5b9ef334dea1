"""Scans and labels whose every side can be told from the other, and pictures of them."""

from collections.abc import Callable

import numpy as np

from medviz.imaging.labels import Label
from medviz.imaging.rendering.studio import Studio
from medviz.imaging.rendering.view import Shot, View, Wish
from medviz.imaging.scene import Layer, Scene
from medviz.imaging.volume import Stored, Volume, like
from medviz.messages import Message, finished

SIZE = (240, 300)
RED, GREEN, BLUE = (240, 30, 30), (30, 220, 40), (40, 60, 245)


def centred(
    spacing: tuple[float, float, float], shape: tuple[int, ...], turned: np.ndarray | None = None
) -> np.ndarray:
    """An affine whose grid has its middle at 0 mm; `turned` (3, 3) turns or shears it."""
    affine = np.eye(4)
    affine[:3, :3] = (np.eye(3) if turned is None else turned) @ np.diag(spacing)
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return affine


def volume(voxels: np.ndarray, affine: np.ndarray | None = None, **more: object) -> Volume:
    layered = voxels if voxels.ndim == 4 else voxels[np.newaxis]
    affine = centred((1.0, 1.0, 1.0), layered.shape[1:]) if affine is None else affine
    stored = Stored("made", layered.shape[1:], "RAS", affine, voxels.dtype)
    return Volume(layered, affine, stored, name="made", **more)  # type: ignore[arg-type]


def places(shape: tuple[int, ...], affine: np.ndarray) -> np.ndarray:
    """RAS mm of every voxel (3, x, y, z)."""
    grid = np.moveaxis(np.indices(shape), 0, -1) @ affine[:3, :3].T + affine[:3, 3]
    return np.moveaxis(grid, -1, 0)


def ball(
    shape: tuple[int, int, int] = (48, 48, 48),
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0),
    radius_mm: float = 18.0,
    turned: np.ndarray | None = None,
    at: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> tuple[Volume, np.ndarray]:
    """A scan of a bright ball, and where it is."""
    affine = centred(spacing, shape, turned)
    away = places(shape, affine) - np.array(at).reshape(3, 1, 1, 1)
    inside = (away**2).sum(axis=0) < radius_mm**2
    return volume(np.where(inside, 1000, 0).astype(np.int16), affine), inside


def labelled(scan: Volume, voxels: np.ndarray, *colours: tuple[int, int, int], **more: object) -> Layer:
    """A layer of labels 1, 2, ... in these colours."""
    labels = tuple(Label(value, f"label {value}", colour) for value, colour in enumerate(colours, start=1))
    return Layer(like(scan, voxels.astype(np.uint8), "labels"), "labels", labels=labels, **more)  # type: ignore[arg-type]


def scene(scan: Volume, *overlays: Layer, window: float = 1000.0, level: float = 500.0) -> Scene:
    middle = tuple(float(side // 2) for side in scan.shape)
    return Scene(layers=(Layer(scan, window=window, level=level), *overlays)).at_voxel(middle)  # type: ignore[arg-type]


def sides() -> tuple[Volume, np.ndarray]:
    """Six balls in one scan, 1 to 6: patient's left, right, front, back, top, bottom; each side is of another size."""
    shape = (64, 64, 64)
    affine = centred((1.0, 1.0, 1.0), shape)
    mm = places(shape, affine)
    labels = np.zeros(shape, np.uint8)
    for value, at in enumerate(((-22, 0, 0), (22, 0, 0), (0, 22, 0), (0, -22, 0), (0, 0, 22), (0, 0, -22)), start=1):
        labels[((mm - np.array(at).reshape(3, 1, 1, 1)) ** 2).sum(axis=0) < 49] = value
    return volume((labels > 0).astype(np.int16) * 1000, affine), labels


def shot(
    studio: Studio,
    one: Scene,
    view: View,
    size: tuple[int, int] = SIZE,
    fast: bool = False,
    hear: Callable[[Message], object] = lambda message: None,
) -> Shot:
    made = finished(studio.draw(Wish(one, view, size, fast)), hear)
    assert made is not None
    return made


def near(shot: Shot, colour: tuple[int, int, int]) -> np.ndarray:
    """Where the picture has the hue of a colour, lit or in shade."""
    pixels = shot.picture.astype(float)
    bright = pixels.max(axis=2)
    hue = pixels / np.maximum(bright, 1.0)[..., None]
    wanted = np.array(colour) / max(colour)
    return (bright > 40) & (np.abs(hue - wanted).max(axis=2) < 0.22)


def middle_of(mask: np.ndarray) -> tuple[float, float]:
    """Mean row and column."""
    rows, cols = np.nonzero(mask)
    assert len(rows), "it is not seen at all"
    return float(rows.mean()), float(cols.mean())
