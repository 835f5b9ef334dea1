"""A hole in a scan filled by a diffusion run, or what lies round a piece of it; what is known stays bit for bit.

At each step back what is known is put in place with as much noise as belongs there, so that the new grows into it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from medviz.imaging.slices import Slice
from medviz.imaging.volume import Volume
from medviz.messages import Work
from medviz.refused import Refused
from medviz.training.using.denoiser import Denoiser, denoiser_in
from medviz.training.using.denoising import Known, sources
from medviz.training.using.diffused import Denoised, kinds_of

Array = NDArray[Any]
Bools = NDArray[np.bool_]
_DARK, _BRIGHT = 0.5, 99.5
"""Percentiles that become −1 and 1, as of the pictures it was taught on."""
_LEAST_KNOWN = 0.02
"""Share of what the network sees that must be known."""
_POSITIVE = "RAS"
"""Where a letter at the left or top edge is one of these, that axis runs against the screen."""


@dataclass(frozen=True, eq=False)
class Inpainted:
    """A slice (rows, cols) or volume (x, y, z) with new pixels where `new` is True, all others as they were.

    `given` and `made` are what the network saw and made of it, (side ... side) in −1..1, `known` what it was told of
    it; `side` is how fine it works, in pixels.
    """

    pixels: Array
    new: Bools
    given: Array
    made: Array
    known: Bools
    side: int


def inpainted(
    where: str | Path, seen: Slice | Volume, box: Sequence[int], wishes: Any = None, outside: bool = False,
    rounds: int = 3,
) -> Work[Inpainted]:  # fmt: skip
    """Fill a box of a slice (row, col, height, width) or of a volume (x, y, z and three sides) by a diffusion run.

    `outside` keeps the box and makes all else anew (outpainting). `wishes` are `diffused.Denoised` or None; one sample
    is made. `rounds`: how often each step is made, see `denoising.Way`. Refuses runs of other tasks and dimensions,
    colours, boxes that do not lie in the picture, and nothing known.
    """
    denoiser = denoiser_in(where)
    return (yield from inpainted_by(denoiser, seen, box, wishes, outside, rounds))


def inpainted_by(
    denoiser: Denoiser, seen: Slice | Volume, box: Sequence[int], wishes: Any = None, outside: bool = False,
    rounds: int = 3,
) -> Work[Inpainted]:  # fmt: skip
    """Do the same with a network that is loaded already."""
    pixels = _pixels(seen, denoiser)
    new = _inside(pixels.shape, box) ^ outside
    if new.all() or not new.any():
        raise Refused("the box", "nothing is left to go by or to be made", "take a box that is a part of the picture")
    turn = _Turn.of(seen)
    values = torch.from_numpy(turn.into(np.nan_to_num(pixels.astype(np.float32), posinf=0.0, neginf=0.0)))
    hole = torch.from_numpy(turn.into(new))
    frame = _Frame.of(denoiser, values, hole)
    image, known = frame.given(values, hole)
    made = yield from _filled(denoiser, image, known, wishes or Denoised(), rounds)
    told = turn.back(frame.back(made, values).numpy())
    found = np.where(new, _as(told, pixels.dtype), pixels)
    return Inpainted(found, new, image.numpy(), made.numpy(), known.numpy(), denoiser.side)


def _filled(denoiser: Denoiser, image: Tensor, known: Tensor, wishes: Any, rounds: int) -> Work[Tensor]:
    """Make what is not known of a picture (side ... side)."""
    asked = kinds_of(denoiser, wishes)[:1]
    prompt = str(getattr(wishes, "prompt", ""))
    tell = denoiser.telling(asked or None, [prompt] if prompt else None, float(getattr(wishes, "guidance", 1.0)))
    way = denoiser.way(
        sampler=wishes.sampler, steps=wishes.steps, eta=wishes.eta, bounds=wishes.bounds, rounds=rounds
    )  # fmt: skip
    there = Known(image[None, None], known[None, None])
    made = yield from denoiser.made(tell, way, sources(wishes.chance(), 1), there)
    return made[0, 0].float().cpu()


@dataclass(frozen=True)
class _Frame:
    """The part of a picture that the network sees: from `corner`, `size` pixels each way, brought to its side.

    `low` and `high` are the values that become −1 and 1.
    """

    corner: tuple[int, ...]
    size: tuple[int, ...]
    inner: tuple[int, ...]
    side: int
    low: float
    high: float

    @classmethod
    def of(cls, denoiser: Denoiser, values: Tensor, hole: Tensor) -> "_Frame":
        """See the whole picture, or of a network of patches as much as a patch round the middle of the hole."""
        shape, side = tuple(values.shape), denoiser.side
        if denoiser.whole:
            scale = side / max(shape)
            inner = tuple(max(1, round(length * scale)) for length in shape)
            corner, size = (0,) * len(shape), shape
        else:
            corner, size = _window(hole, side)
            inner = size
        seen = values[_part(corner, size)][~hole[_part(corner, size)]]
        if seen.numel() < max(4, _LEAST_KNOWN * values[_part(corner, size)].numel()):
            raise Refused("the box", "next to nothing is left to go by", "take a smaller one")
        low, high = (float(one) for one in np.percentile(seen.numpy(), (_DARK, _BRIGHT)))
        if high - low < 1e-6:
            raise Refused("the picture", "what is known of it is the same everywhere", "choose a picture with contrast")
        return cls(corner, size, inner, side, low, high)

    def given(self, values: Tensor, hole: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the network sees (side ... side) in −1..1, and where that is known: nothing of it is new."""
        part = _part(self.corner, self.size)
        inside = ((values[part] - self.low) * (2 / (self.high - self.low)) - 1).clamp(-1, 1)
        # what is to be made anew must not shine through the smaller picture
        bare = torch.where(hole[part], torch.full_like(inside, -1.0), inside)
        image, unknown = _sized(bare, self.inner), _sized(hole[part].float(), self.inner) > 1e-4
        room = self._room
        return F.pad(image + 1, room) - 1, ~F.pad(unknown, room)

    def back(self, made: Tensor, values: Tensor) -> Tensor:
        """Bring what was made to the picture's size and values; outside the frame is what was there."""
        inside = made
        for axis, (before, length) in enumerate(zip(self._before, self.inner, strict=True)):
            inside = inside.narrow(axis, before, length)
        told = (_sized(inside, self.size) + 1) / 2 * (self.high - self.low) + self.low
        whole = values.clone()
        whole[_part(self.corner, self.size)] = told
        return whole

    @property
    def _before(self) -> tuple[int, ...]:
        return tuple((self.side - length) // 2 for length in self.inner)

    @property
    def _room(self) -> list[int]:
        room: list[int] = []
        for length, before in zip(reversed(self.inner), reversed(self._before), strict=True):
            room += [before, self.side - length - before]
        return room


def _part(corner: Sequence[int], size: Sequence[int]) -> tuple[slice, ...]:
    return tuple(slice(first, first + length) for first, length in zip(corner, size, strict=True))


def _window(hole: Tensor, side: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the corner and size of a patch round the middle of a hole; refuses a hole that is no smaller."""
    corner, size = [], []
    for axis, length in enumerate(hole.shape):
        over = [other for other in range(hole.ndim) if other != axis]
        there = hole.any(tuple(over)) if hole.ndim == 2 else hole.amax(tuple(over)) > 0
        places = there.nonzero().flatten()
        first, last = int(places[0]), int(places[-1])
        if last - first + 1 > side:
            fault = f"the network was taught on patches of {side}, and the hole is {last - first + 1} wide"
            raise Refused("the box", fault, f"take one smaller than {side}")
        corner.append(max(0, min((first + last + 1) // 2 - side // 2, length - side)))
        size.append(min(side, length))
    return tuple(corner), tuple(size)


def _pixels(seen: Slice | Volume, denoiser: Denoiser) -> Array:
    dimensions = 2 if isinstance(seen, Slice) else 3
    if denoiser.dimensions != dimensions:
        what = "slices" if denoiser.dimensions == 2 else "volumes"
        raise Refused("the run", f"it was taught on {what}", f"take a run of {dimensions}-D pictures")
    if denoiser.channels != 1:
        raise Refused("the run", f"it was taught on pictures of {denoiser.channels} channels", "take one of grey ones")
    pixels = np.asarray(seen.pixels if isinstance(seen, Slice) else seen.frame(0))
    if pixels.ndim != dimensions:
        raise Refused(seen.name or "the picture", "it is in colour", "choose a grey one")
    return pixels


def _inside(shape: tuple[int, ...], box: Sequence[int]) -> Bools:
    """Tell which pixels lie in a box; refuses one that lies beside the picture."""
    count = len(shape)
    if len(box) != 2 * count:
        raise Refused(f"box {tuple(box)}", f"it has {len(box)} numbers", f"give {count} for its corner, {count} sides")
    inside = np.zeros(shape, bool)
    ends = [(max(0, int(box[axis])), int(box[axis]) + int(box[axis + count])) for axis in range(count)]
    inside[tuple(slice(first, max(first, last)) for first, last in ends)] = True
    if not inside.any():
        raise Refused(f"box {tuple(box)}", "it does not lie in the picture", "draw it anew")
    return inside


@dataclass(frozen=True)
class _Turn:
    """Turns a slice as it faces the screen into (x, y), and back; a volume (`flat` False) is as it is.

    `down` and `across` are −1 where an axis runs against the screen, as `imaging.slices.cut` has turned it.
    """

    flat: bool
    down: int = -1
    across: int = 1

    @classmethod
    def of(cls, seen: Slice | Volume) -> "_Turn":
        """Read it off the letters at the edges; where there are none, x runs to the right and y up."""
        if isinstance(seen, Volume):
            return cls(False)
        left, _, top, _ = seen.letters
        return cls(True, 1 if top and top[0] not in _POSITIVE else -1, -1 if left and left[0] in _POSITIVE else 1)

    def into(self, values: Array) -> Array:
        """Rows and columns to x and y."""
        turned = values[:: self.down, :: self.across].T if self.flat else values
        return np.ascontiguousarray(turned)

    def back(self, values: Array) -> Array:
        """Turn x and y to rows and columns."""
        return values.T[:: self.down, :: self.across] if self.flat else values


def _sized(values: Tensor, size: Sequence[int]) -> Tensor:
    """Bring (x, y[, z]) to a size, smoothly."""
    if tuple(values.shape) == tuple(size):
        return values
    image = values[None, None]
    if values.ndim == 2:
        shrunk = max(size) < max(values.shape)
        return F.interpolate(image, tuple(size), mode="bilinear", align_corners=False, antialias=shrunk)[0, 0]
    return F.interpolate(image, tuple(size), mode="trilinear", align_corners=False)[0, 0]


def _as(values: Array, kind: np.dtype[Any]) -> Array:
    """Write values in the type of the scan, rounded and kept within it where that is whole numbers."""
    if kind.kind not in "iu":
        return values.astype(kind)
    bounds = np.iinfo(kind)
    return np.clip(np.rint(values), bounds.min, bounds.max).astype(kind)
