"""How two networks that play against each other are drawn: samples, what is thought of them, a field of points."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medviz.figures import Curves, Figure, Gallery, Line, Picture
from medviz.imaging.slices import NORMAL, PLANES, Plane, cut
from medviz.imaging.volume import Stored, Volume
from medviz.networks.adversaries import Adversaries
from medviz.tasks.forged import Forged
from medviz.training.contest import sureness

Array = NDArray[Any]
REACH = 1.6
"""Half the side of the square of the plane that is drawn."""
_FIELD, _DENSITY = 160, 64
_BINS = 25
_REAL, _FAKE = 1, 2


def facing(image: Tensor | Array, normal: int = 2, mirrored: bool = False, label: bool = False) -> Array:
    """Turn a picture (C, x, y[, z]) or a mask (x, y[, z]) to the screen: (rows, cols); of a volume its middle slice.

    `normal` is the axis across the slices of a flat picture, `mirrored` says that x runs to the left; colours become
    grey.
    """
    values = np.asarray(image)
    flat = values if label else values.mean(0)
    voxels = np.expand_dims(flat, normal) if flat.ndim == 2 else flat
    plane: Plane = next(one for one in PLANES if NORMAL[one] == normal) if flat.ndim == 2 else "axial"
    stored = Stored("sample", voxels.shape, "RAS", np.eye(4), voxels.dtype)
    volume = Volume(voxels[np.newaxis], np.eye(4), stored, calibrated=False, oriented=False)
    return np.ascontiguousarray(cut(volume, plane, voxels.shape[NORMAL[plane]] // 2, radiological=mirrored).pixels)


def samples(images: Tensor, title: str, normal: int, mirrored: bool) -> Gallery:
    """Draw made pictures as tiles on one scale."""
    tiles = np.stack([facing(one, normal, mirrored) for one in images])
    return Gallery("samples", tiles, title, levels=(-1.0, 1.0), shared_scale=True)


def beside(found: Forged, labels: Tensor | None, normal: int, mirrored: bool) -> Gallery:
    """Draw what was given, what was made of it, and what is true, a row a case; masks in the label colours."""
    assert found.maps is not None
    tiles, masks, titles = [], [], []
    for number, (fake, real) in enumerate(zip(found.fake, found.real, strict=True)):
        made, true = facing(fake, normal, mirrored), facing(real, normal, mirrored)
        if labels is None:
            given, mask = facing(found.maps[number], normal, mirrored), np.zeros(made.shape, np.uint8)
        else:
            given, mask = np.full_like(made, -1.0), facing(labels[number], normal, mirrored, label=True)
        off = float((fake - real).abs().mean())
        tiles += [given, made, true]
        masks += [mask, np.zeros_like(mask), np.zeros_like(mask)]
        titles += ["given", f"made, off by {off:.3f}", "true"]
    title = "given, made of it, true"
    return Gallery("samples", np.stack(tiles), title, tuple(titles), levels=(-1.0, 1.0), shared_scale=True,
                   labels=np.stack(masks) if labels is not None else None, columns=3)  # fmt: skip


def thought(found: Forged) -> Curves:
    """Draw how sure the discriminator is of held-out pictures and of samples, as shares of each."""
    edges = np.linspace(0, 1, _BINS + 1)
    middles = (edges[1:] + edges[:-1]) / 2
    lines = []
    for name, sure in (("D(x), held-out", found.real_sure), ("D(G(z)), made", found.fake_sure)):
        counts = np.histogram(sure.numpy(), edges)[0]
        lines.append(Line(name, middles, 100.0 * counts / max(1, counts.sum())))
    mean = found.told()
    title = f"how real each looks: D(x) {mean['D(x)']:.2f}, D(G(z)) {mean['D(G(z))']:.2f}"
    return Curves("judgements", tuple(lines), title, "0 generated, 1 real", "share (%)", at=0.5)


@torch.no_grad()
def field(network: Adversaries, loss: str, side: int = _FIELD) -> Array:
    """What the discriminator says of each place of the plane, (side, side) in 0..1, y upwards."""
    device = next(network.parameters()).device
    axis = torch.linspace(-REACH, REACH, side, device=device)
    across, up = torch.meshgrid(axis, axis.flip(0), indexing="xy")
    places = torch.stack([across.flatten(), up.flatten()], 1)
    found: Array = sureness(loss, network.judged(places)).view(side, side).cpu().numpy()
    return found


def scattered(at: Array, side: int, size: int = 2) -> tuple[Array, Array]:
    """Rows and columns of the pixels that points (n, 2) cover, squares of so many pixels."""
    scale = side / (2 * REACH)
    col, row = (at[:, 0] + REACH) * scale - size / 2, (REACH - at[:, 1]) * scale - size / 2
    rows = np.concatenate([row + i for i in range(size) for _ in range(size)]).round().astype(int)
    cols = np.concatenate([col + j for _ in range(size) for j in range(size)]).round().astype(int)
    inside = (rows >= 0) & (rows < side) & (cols >= 0) & (cols < side)
    return rows[inside], cols[inside]


def plane(network: Adversaries, found: Forged, loss: str) -> Iterator[Figure]:
    """Draw the discriminator's field with held-out and made points over it, and where made points lie."""
    labels = np.zeros((_FIELD, _FIELD), np.uint8)
    for value, points in ((_REAL, found.real), (_FAKE, found.fake)):
        labels[scattered(points.numpy(), _FIELD)] = value
    yield Picture("field", field(network, loss), "what the discriminator says of each place: 1 real, 0 generated",
                  levels=(0.0, 1.0), colours="viridis", labels=labels, label_names=("held-out", "made"))  # fmt: skip
    edges = np.linspace(-REACH, REACH, _DENSITY + 1)
    at = np.clip(found.fake.numpy(), -REACH, REACH)
    counts = np.histogram2d(-at[:, 1], at[:, 0], (edges, edges))[0]
    yield Gallery("samples", np.minimum(counts, 4.0)[np.newaxis], "where made points lie", levels=(0.0, 4.0))
