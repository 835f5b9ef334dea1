"""Boxes on a picture as a figure: what was found in the colours of the classes, the references in white."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from medviz.figures import Mark, Picture
from medviz.imaging.labels import default_colour
from medviz.imaging.slices import cut, to_screen
from medviz.imaging.volume import Stored, Volume
from medviz.networks.detector import Found

Array = NDArray[Any]
SHOWN = 0.3
"""Boxes less sure than this are not drawn."""


def boxes_drawn(
    name: str,
    image: Array,
    shape: tuple[int, ...],
    found: Found,
    meant: Tensor,
    classes: Sequence[str],
    least: float = SHOWN,
) -> Picture:
    """Draw a prepared picture (C, x, y[, z]), of which `shape` is the picture itself and the rest filling.

    Of a volume the axial slice through most references is drawn, with the boxes that reach it.
    """
    kept = found.only(found.scores >= least)
    boxes = meant.cpu().numpy()
    told, taken = kept.boxes.float().cpu().numpy(), kept.classes.cpu().numpy()
    flat, index = _flat(image[(slice(None), *[slice(0, side) for side in shape])], boxes if len(boxes) else told)
    pixels = _pixels(flat)
    scores = kept.scores.float().cpu().numpy()
    words = [f"{classes[kind]} {score:.2f}" for kind, score in zip(taken, scores, strict=True)]
    marks = [*_marks(boxes, index, flat.shape, ["reference"] * len(boxes), [None] * len(boxes))]
    marks += _marks(told, index, flat.shape, words, [default_colour(int(kind) + 1) for kind in taken])
    where = "" if index is None else f", slice {index + 1} of {image.shape[3]}"
    title = f"{len(told)} found, {len(boxes)} meant (dashed){where}"
    return Picture(name, pixels, title, label_names=tuple(classes), marks=tuple(marks))


def _flat(image: Array, boxes: Array) -> tuple[Array, int | None]:
    """Return a slice (C, x, y) and its number along z, None where there is only one."""
    if image.ndim == 3:
        return image, None
    middles = (boxes[:, 2] + boxes[:, 5]) / 2 if len(boxes) else np.array([image.shape[3] / 2])
    reach = [sum(1 for low, high in boxes[:, [2, 5]] if low <= z < high) for z in middles]
    index = int(min(middles[int(np.argmax(reach))], image.shape[3] - 1))
    return image[..., index], index


def _pixels(flat: Array) -> Array:
    """Turn a slice (C, x, y) to the screen as uint8, grey or colour."""
    light = lit(flat)
    faces = [cut(_volume(channel), "axial", 0).pixels for channel in light[:3] if len(light) in (1, 3)]
    faces = faces or [cut(_volume(light[0]), "axial", 0).pixels]
    pixels = faces[0] if len(faces) == 1 else np.stack(faces, axis=-1)
    return np.ascontiguousarray(np.rint(pixels).astype(np.uint8))


def lit(image: Array) -> Array:
    """Scale (C, ...) to 0..255; the darkest and the lightest half percent are cut."""
    low, high = np.percentile(image, (0.5, 99.5))
    light: Array = ((image - low) / max(high - low, 1e-6)).clip(0, 1) * 255
    return light


def _volume(channel: Array) -> Volume:
    voxels = channel[np.newaxis, :, :, np.newaxis]
    stored = Stored("sample", voxels.shape[1:], "RAS", np.eye(4), voxels.dtype)
    return Volume(voxels, np.eye(4), stored, calibrated=False, oriented=False)


def _marks(
    boxes: Array, index: int | None, shape: tuple[int, ...], words: Sequence[str], colours: Sequence[Any]
) -> Iterator[Mark]:
    """Mark the boxes that a slice of this shape (C, x, y) cuts; a pixel reaches from i to i + 1."""
    half = boxes.shape[1] // 2
    sides = (shape[1], shape[2], 1)
    for box, word, colour in zip(boxes.tolist(), words, colours, strict=True):
        if index is not None and not box[2] <= index + 0.5 < box[half + 2]:
            continue
        ends = [to_screen(sides, "axial", (box[at] - 0.5, box[at + 1] - 0.5, 0)) for at in (0, half)]
        (row, last_row), (col, last_col) = (sorted(one) for one in zip(*ends, strict=True))
        style, text = ("reference", "") if colour is None else ("box", word)
        yield Mark(row + 0.5, col + 0.5, last_row - row, last_col - col, style, text, colour=colour)
