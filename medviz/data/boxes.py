"""Pictures with boxes: made ready without being stretched, and changed at random with their boxes.

A sample is {"image": (C, x, y[, z]) float32, "boxes": (M, 4) x0 y0 x1 y1 or (M, 6) x0 y0 z0 x1 y1 z1 float32 in pixels
of that image (pixel i reaches from i to i + 1), "classes": (M,) int64, -1 where a row is only padding, "name"}. M is
the same for all samples of a data set, so that they stack. "size" (2 or 3,) int64 says how much of the image is
picture; the rest is filling.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from medviz.data.augment import NO_AUGMENTATION, Augmentation, Change
from medviz.data.preparation import normalised

Sample = dict[str, Any]
Array = NDArray[Any]
Turning = Literal["none", "mirror", "any"]
KEPT_BYTES = 1 << 30
"""Prepared pictures kept in memory; beyond that they are read anew."""
STEP = 32
"""Sides of a prepared picture are multiples of this: the coarsest map of a detector has whole cells."""
_LEFT_OVER = 0.35
"""A box of which the frame keeps less than this share is no longer asked for."""
_LEAST_PX = 2.0
"""Nor is one that has become thinner than this."""


class Pile(Protocol):
    """What pictures with boxes are taken from."""

    @property
    def names(self) -> Sequence[str]:
        """What each picture is called."""
        ...

    @property
    def shapes(self) -> Sequence[tuple[int, ...]]:
        """Pixels of each along x, y[, z]."""
        ...

    def pixels(self, index: int) -> NDArray[np.float32]:
        """Return a picture (channel, x, y[, z]) as it is stored, in RAS+ order as all arrays here."""
        ...

    def boxes(self, index: int) -> tuple[Array, Array]:
        """Return its boxes (n, 4 or 6) in pixels of that array and the numbers of their classes (n,)."""
        ...


@dataclass(frozen=True)
class Draw:
    """How far chance may go in placing a picture; `light` changes brightness and sharpness only.

    `turning`: "mirror" swaps left and right, "any" takes one of all eight ways a picture can lie (in 3-D: mirrors each
    axis). `zoom` is the largest change of size as a share, `stretch` that of the shape (of one side to the others),
    `tilt_deg` the largest turn besides. `partners` (classes,) say what each class is called in the mirror.
    """

    turning: Turning = "mirror"
    zoom: float = 0.3
    stretch: float = 0.0
    tilt_deg: float = 0.0
    light: Augmentation = NO_AUGMENTATION
    partners: tuple[int, ...] = ()


NO_DRAW = Draw("none", 0.0)


@dataclass(frozen=True, eq=False)
class Placement:
    """Where a prepared picture comes to lie in its frame: a place p (pixels) goes to ``matrix @ p + shift``."""

    matrix: Array
    shift: Array

    @property
    def mirrored(self) -> bool:
        """True where left and right are swapped."""
        return bool(np.linalg.det(self.matrix) < 0)

    def image(self, image: Tensor, frame: tuple[int, ...]) -> Tensor:
        """Place (C, x, y[, z]) in a frame (x, y[, z]); outside the picture is 0, its mean."""
        back = np.linalg.inv(self.matrix)
        axes = [torch.arange(wide, dtype=torch.float32) + 0.5 for wide in frame]
        at = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1) - torch.tensor(self.shift, dtype=torch.float32)
        at = at @ torch.tensor(back.T, dtype=torch.float32)  # (x, y[, z], d), pixels of the picture
        grid = (at * 2 / torch.tensor(image.shape[1:], dtype=torch.float32) - 1).flip(-1)
        return F.grid_sample(image[None], grid[None], mode="bilinear", align_corners=False)[0]

    def boxes(self, boxes: Array) -> Array:
        """Place boxes (n, 4 or 6); a tilted one becomes that of the ellipse in it, for objects seldom fill corners."""
        low, high = np.split(boxes, 2, axis=1)
        middle = (low + high) / 2 @ self.matrix.T + self.shift
        half = np.sqrt((np.square(high - low) / 4) @ np.square(self.matrix).T)
        placed: Array = np.concatenate([middle - half, middle + half], axis=1)
        return placed


def drawn_placement(
    shape: tuple[int, ...], frame: tuple[int, ...], draw: Draw, chance: np.random.Generator
) -> Placement:
    """Draw how a picture of this shape lies in the frame: what is too large is cut, what is too small lies anywhere."""
    matrix = _zoomed(draw, chance, len(shape)) @ _turned(draw, chance, len(shape))
    half = np.abs(matrix) @ (np.array(shape) / 2)  # of the box round the picture as it lies
    room = np.array(frame) - 2 * half
    corner = np.array([chance.uniform(min(0.0, one), max(0.0, one)) for one in room])
    return Placement(matrix, corner + half - matrix @ (np.array(shape) / 2))


def _turned(draw: Draw, chance: np.random.Generator, count: int) -> Array:
    matrix = np.eye(count)
    if draw.turning == "mirror":
        matrix[0, 0] = chance.choice((-1.0, 1.0))
    elif draw.turning == "any":
        matrix = matrix * chance.choice((-1.0, 1.0), count)
        if count == 2 and chance.random() < 0.5:
            matrix = matrix[::-1]
    return matrix


def _zoomed(draw: Draw, chance: np.random.Generator, count: int) -> Array:
    size = float(chance.uniform(-1, 1)) * math.log1p(draw.zoom)
    sides = chance.uniform(-0.5, 0.5, count) * math.log1p(draw.stretch)
    tilt = math.radians(float(chance.uniform(-1, 1)) * draw.tilt_deg)
    matrix = np.diag(np.exp(size + sides))
    turn = np.eye(count)
    turn[:2, :2] = [[math.cos(tilt), -math.sin(tilt)], [math.sin(tilt), math.cos(tilt)]]
    made: Array = turn @ matrix
    return made


@dataclass(frozen=True, eq=False)
class Framed:
    """Some pictures of a pile, each fitted into one frame whose longer side is `side`, or up to `STEP` - 1 more.

    ``framed[i]`` is without chance; ``drawn(i, chance)`` is placed and lit by chance.
    """

    pile: Pile
    chosen: Sequence[int]
    side: int
    channels: int
    most: int
    draw: Draw = NO_DRAW
    _kept: dict[int, tuple[Tensor, Array]] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.chosen)

    @cached_property
    def frame(self) -> tuple[int, ...]:
        """Pixels along x, y[, z] into which every picture of the pile fits, multiples of `STEP`."""
        return frame_of(self.pile.shapes, self.side)

    def __getitem__(self, index: int) -> Sample:
        """Return a picture as it is, in the corner of the frame."""
        number = self.chosen[index]
        image, boxes = self._ready(number)
        room = [
            length for wide, has in zip(self.frame[::-1], image.shape[:0:-1], strict=True) for length in (0, wide - has)
        ]
        kinds = self.pile.boxes(number)[1]
        return self._sample(number, F.pad(image, room), boxes, kinds, tuple(image.shape[1:]))

    def drawn(self, index: int, chance: np.random.Generator) -> Sample:
        """Return a picture as it is placed and lit by what is drawn from `chance`."""
        number = self.chosen[index]
        image, boxes = self._ready(number)
        shape = tuple(image.shape[1:])
        image = _light(self.draw.light.drawn(chance, shape)).applied(image)[0]
        placement = drawn_placement(shape, self.frame, self.draw, chance)
        kinds = self.pile.boxes(number)[1]
        if placement.mirrored and self.draw.partners:
            kinds = np.array(self.draw.partners)[kinds]
        placed, kept = cut_to(placement.boxes(boxes), self.frame)
        image = placement.image(image, self.frame).contiguous()
        return self._sample(number, image, placed[kept], kinds[kept], self.frame)

    def sides(self) -> Array:
        """Sides (n, 2 or 3) in prepared pixels of all boxes of these pictures; nothing but headers is read."""
        found = []
        for number in self.chosen:
            boxes = self.pile.boxes(number)[0]
            half = boxes.shape[1] // 2
            found.append((boxes[:, half:] - boxes[:, :half]) * scale_of(self.pile.shapes[number], self.side))
        return np.concatenate(found) if found else np.zeros((0, 2), np.float32)

    def _sample(self, number: int, image: Tensor, boxes: Array, kinds: Array, size: tuple[int, ...]) -> Sample:
        rows = np.zeros((self.most, 2 * (image.ndim - 1)), np.float32)
        classes = np.full(self.most, -1, np.int64)
        count = min(len(boxes), self.most)
        rows[:count], classes[:count] = boxes[:count], kinds[:count]
        return {
            "image": image,
            "boxes": torch.from_numpy(rows),
            "classes": torch.from_numpy(classes),
            "size": torch.tensor(size),
            "name": self.pile.names[number],
        }

    def _ready(self, number: int) -> tuple[Tensor, Array]:
        found = self._kept.get(number)
        if found is None:
            image = fitted(self.pile.pixels(number), self.side, self.channels)
            shape = self.pile.shapes[number]
            ratio = np.tile([new / old for new, old in zip(image.shape[1:], shape, strict=True)], 2)
            found = image, (self.pile.boxes(number)[0] * ratio).astype(np.float32)
            if (len(self._kept) + 1) * image.numel() * 4 <= KEPT_BYTES:
                self._kept[number] = found
        return found


def fitted(pixels: NDArray[np.float32], side: int, channels: int) -> Tensor:
    """Make a picture (C, x, y[, z]) ready: its longest side `side`, never stretched, mean 0 and spread 1 by channel.

    Grey becomes as many channels as are wanted, colour becomes grey by the mean of its channels.
    """
    image = torch.from_numpy(np.ascontiguousarray(pixels, dtype=np.float32))
    if image.shape[0] != channels:
        image = image[:3].mean(0, keepdim=True).expand(channels, *image.shape[1:])
    scale = scale_of(tuple(image.shape[1:]), side)
    size = tuple(max(1, round(length * scale)) for length in image.shape[1:])
    if size != tuple(image.shape[1:]):
        image = _resized(image, size)
    return torch.from_numpy(normalised(image.numpy().astype(np.float32)))


def scale_of(shape: Sequence[int], side: int) -> float:
    """Prepared pixels for one pixel of a picture of this shape."""
    return side / max(shape)


def frame_of(shapes: Sequence[tuple[int, ...]], side: int) -> tuple[int, ...]:
    """Return the smallest frame, in multiples of `STEP`, into which pictures of these shapes fit."""
    scaled = [[max(1, round(length * scale_of(shape, side))) for length in shape] for shape in set(shapes)]
    return tuple(-(-max(lengths) // STEP) * STEP for lengths in zip(*scaled, strict=True))


def cut_to(boxes: Array, frame: tuple[int, ...]) -> tuple[Array, Array]:
    """Cut boxes (n, 4 or 6) at the borders of a frame; also tell which are still worth asking for, (n,) of bool."""
    half = boxes.shape[1] // 2
    limit = np.tile(np.array(frame, np.float32), 2)
    inside = np.clip(boxes, 0, limit).astype(np.float32)
    sides, before = inside[:, half:] - inside[:, :half], boxes[:, half:] - boxes[:, :half]
    share = sides.prod(axis=1) / np.maximum(before.prod(axis=1), 1e-6)
    return inside, (share >= _LEFT_OVER) & (sides >= _LEAST_PX).all(axis=1)


def partners(names: Sequence[str]) -> tuple[int, ...] | None:
    """Say what each class is called in the mirror: left and right change; None where the other side is no class."""
    lower = [name.lower() for name in names]
    found = []
    for number, name in enumerate(lower):
        other = re.sub(r"left|right", lambda side: {"left": "right", "right": "left"}[side[0]], name)
        if other not in lower and {"left", "right"} & set(re.split(r"[^a-z]+", name)):
            return None
        found.append(lower.index(other) if other in lower else number)
    return tuple(found)


def _light(change: Change) -> Change:
    """Leave of a change what it does to light."""
    still = (0.0,) * len(change.turns_deg)
    return replace(change, flip=False, turns_deg=still, zoom=1.0, shift_px=(0.0,) * change.dimensions, warp_px=0.0)


def _resized(image: Tensor, size: tuple[int, ...]) -> Tensor:
    if len(size) == 2:
        shrunk = max(size) < max(image.shape[1:])
        return F.interpolate(image[None], size=size, mode="bilinear", align_corners=False, antialias=shrunk)[0]
    return F.interpolate(image[None], size=size, mode="trilinear", align_corners=False)[0]
