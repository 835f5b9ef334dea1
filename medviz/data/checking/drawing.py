"""Cases as small pictures: a slice facing the screen, with its labels or boxes, no larger than asked for."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from medviz.data.checking.entries import Array, Box, Seen
from medviz.figures import Mark, Picture
from medviz.imaging.labels import default_colour
from medviz.imaging.slices import NORMAL, PLANES, Plane, cut
from medviz.imaging.volume import Stored, Volume

_THICK = 1.5


Levels = tuple[float, float]
"""The values that are drawn black and white."""


def drawn(
    seen: Seen, name: str, classes: Sequence[str], values: Sequence[int], side_px: int, levels: Levels | None = None
) -> Picture:
    """Draw a case as a Picture of at most `side_px` pixels a side; labels become 1, 2, ... in the order of `values`.

    Of a volume the slice with most label is drawn, the middle one where nothing is labelled. Without `levels` all but
    the outermost hundredths of the slice lie between black and white.
    """
    plane, index = _slice_of(seen)
    spacing = _spacing(seen)
    channels = [_faced(one, spacing, plane, index, seen.radiological) for one in _shown(seen)]
    pixels, mm = _grey_or_colour([one for one, _ in channels], levels), channels[0][1]
    rows, cols = pixels.shape[:2]
    step = max(1.0, max(rows, cols) / side_px)
    labels = None
    if seen.label is not None and seen.label.shape == seen.image.shape[1:]:
        labels = _labels(_faced(_numbered(seen.label, values), spacing, plane, index, seen.radiological)[0], step)
    small = _smaller(pixels, step)
    scale = small.shape[0] / rows, small.shape[1] / cols
    return Picture(
        name,
        small,
        mm=(mm[0] / scale[0], mm[1] / scale[1]) if seen.spacing_mm is not None and mm else None,
        levels=(0.0, 255.0),
        labels=labels,
        label_names=tuple(classes),
        marks=tuple(_marks(seen.boxes, classes, scale)),
    )


def _shown(seen: Seen) -> list[Array]:
    """The channels that are drawn: three of a colour picture, else the first."""
    return [seen.image[n] for n in range(3)] if seen.colour and seen.image.shape[0] >= 3 else [seen.image[0]]


def _spacing(seen: Seen) -> tuple[float, ...]:
    known = seen.spacing_mm or (1.0,) * len(seen.shape)
    return (*known, 1.0)[:3]


def _slice_of(seen: Seen) -> tuple[Plane, int]:
    """Across the coarsest axis where slices are thick, else axial; where most is labelled, else the middle."""
    if len(seen.shape) == 2:
        return "axial", 0
    spacing = _spacing(seen)
    coarsest = int(np.argmax(spacing))
    normal = coarsest if spacing[coarsest] > _THICK * min(spacing) else 2
    plane = next(one for one in PLANES if NORMAL[one] == normal)
    if seen.label is None or seen.label.shape != seen.shape or not seen.label.any():
        return plane, seen.shape[normal] // 2
    others = tuple(axis for axis in range(3) if axis != normal)
    return plane, int(np.count_nonzero(seen.label, axis=others).argmax())


def _faced(
    channel: Array, spacing: tuple[float, ...], plane: Plane, index: int, radiological: bool
) -> tuple[Array, tuple[float, float] | None]:
    """Turn one channel (x, y[, z]) to the screen: pixels (rows, cols) and the mm of a pixel."""
    voxels = (channel if channel.ndim == 3 else channel[..., np.newaxis])[np.newaxis]
    affine = np.diag((*spacing, 1.0))
    volume = Volume(voxels, affine, Stored("sample", voxels.shape[1:], "RAS", affine, voxels.dtype), oriented=False)
    seen = cut(volume, plane, index, radiological=radiological)
    return np.ascontiguousarray(seen.pixels), seen.mm


def levels_of(seen: Seen) -> Levels:
    """The values between which a case is drawn, by all its voxels, to be used for others that are drawn beside it."""
    return _levels(np.stack([np.asarray(one, np.float32) for one in _shown(seen)], axis=-1))


def _levels(values: NDArray[np.float32]) -> Levels:
    """All but the outermost hundredths; 0 to 255 for colours that lie there."""
    colour = values.shape[-1] == 3
    if colour and values.min() >= 0 and 20 < values.max() < 256:
        return 0.0, 255.0
    low, high = np.percentile(values, (0.5, 99.5))
    return float(low), float(high)


def _grey_or_colour(channels: list[Array], levels: Levels | None) -> NDArray[np.uint8]:
    """Bring grey and colour to 0..255; colour of bytes stays as it is."""
    if len(channels) == 3 and channels[0].dtype == np.uint8:
        return np.stack(channels, axis=-1)
    values = np.nan_to_num(np.stack(channels, axis=-1).astype(np.float32), posinf=0.0, neginf=0.0)
    low, high = levels or _levels(values)
    light: NDArray[np.uint8] = np.rint(((values - low) / max(high - low, 1e-6)).clip(0, 1) * 255).astype(np.uint8)
    return light if len(channels) == 3 else np.ascontiguousarray(light[..., 0])


def _smaller(pixels: NDArray[np.uint8], step: float) -> NDArray[np.uint8]:
    """Shrink by the mean of the pixels that fall together."""
    if step <= 1.0:
        return pixels
    flat = torch.from_numpy(pixels.astype(np.float32))
    flat = flat.movedim(-1, 0)[None] if flat.ndim == 3 else flat[None, None]
    size = [max(1, round(side / step)) for side in pixels.shape[:2]]
    small = F.interpolate(flat, size=size, mode="area")[0].round().to(torch.uint8)
    made: NDArray[np.uint8] = (small.movedim(0, -1) if pixels.ndim == 3 else small[0]).contiguous().numpy()
    return made


def _labels(labels: Array, step: float) -> Array:
    """Shrink labels by taking the nearest."""
    if step <= 1.0:
        return labels
    rows, cols = (max(1, round(side / step)) for side in labels.shape)
    down = ((np.arange(rows) + 0.5) * labels.shape[0] / rows).astype(int)
    across = ((np.arange(cols) + 0.5) * labels.shape[1] / cols).astype(int)
    return np.ascontiguousarray(labels[np.ix_(down, across)])


def _numbered(label: Array, values: Sequence[int]) -> NDArray[np.uint8]:
    """Labels 1, 2, ... in the order of `values`; what was not declared comes after them."""
    if tuple(values) == tuple(range(1, len(values) + 1)) and label.dtype == np.uint8:
        return label
    made = np.where(label > 0, min(len(values) + 1, 255), 0).astype(np.uint8)
    for number, value in enumerate(values[:254], start=1):
        made[label == value] = number
    return made


def _marks(boxes: Sequence[Box], classes: Sequence[str], scale: tuple[float, float]) -> Iterator[Mark]:
    """Mark the boxes in the colours of their classes; the middle of the first pixel is at 0."""
    for name, x0, y0, x1, y1 in boxes:
        colour: Any = default_colour(classes.index(name) + 1 if name in classes else 255)
        yield Mark(
            y0 * scale[0], x0 * scale[1], max(0.0, (y1 - y0) * scale[0]), max(0.0, (x1 - x0) * scale[1]), "box", name,
            colour=colour,
        )  # fmt: skip
