"""A part of a slice that is made anew while the rest stays as it is: what is known, and the way from noise."""

from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from medviz.imaging.slices import NORMAL, Plane, Slice, cut
from medviz.imaging.volume import Volume
from medviz.labs.denoising_sources import turned, turned_back
from medviz.labs.diffused import as_strong, digest
from medviz.labs.findings import grey
from medviz.labs.tiny_denoiser import COPIES, Lesson, copies, taught
from medviz.messages import Work
from medviz.refused import Refused
from medviz.training.device import leaving_one_core
from medviz.training.using.denoiser import Denoiser, denoiser_in
from medviz.training.using.denoising import Known, Tell, Way, denoised

Array = NDArray[Any]
SIDE, STEPS = 40, 200
"""Side of the square in which the small network sees a slice, and steps of its teaching."""
NEAREST, FARTHEST = 1, 8
"""How many slices away its neighbours lie that it learns from."""
_REACH = 0.05
_KEPT = 12


@dataclass(frozen=True, eq=False)
class Seen:
    """A slice and its neighbours, cut out of a volume; `low` and `high` are what become −1 and 1."""

    image: Slice
    values: Array
    neighbours: tuple[Array, ...]
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Painter:
    """Who fills: its schedule and what it tells, the side of its pictures, and how these are turned to the screen."""

    tell: Tell
    way: Way
    side: int
    mirrored: bool | None
    key: tuple[object, ...]
    words: str


@dataclass(frozen=True, eq=False)
class Filled:
    """What came out: `frames` (T + 1, side, side) from noise to picture and `guesses` (T, side, side), each x̂₀.

    `known` (side, side) is True where the network was given the slice; `given` the slice there, in −1 to 1.
    """

    frames: Array
    guesses: Array
    known: NDArray[np.bool_]
    given: Array


_SEEN: "WeakKeyDictionary[Volume, dict[tuple[str, int], Seen]]" = WeakKeyDictionary()
_LEARNT: "WeakKeyDictionary[Seen, tuple[str, Lesson]]" = WeakKeyDictionary()


def slice_with_neighbours(volume: Volume, plane: str, percent: float) -> Seen:
    """Cut a slice and those around it; refuses colours, holes, and what is the same everywhere.

    The last few are kept, so that a box can be dragged without cutting anew.
    """
    name = volume.name or "the scan"
    if volume.kind == "colour":
        raise Refused(name, "it holds colours, a lab needs one value a voxel", "open a grey scan")
    chosen: Plane = plane  # type: ignore[assignment]
    count = volume.shape[NORMAL[chosen]]
    index = min(round(percent / 100 * (count - 1)), count - 1)
    kept = _SEEN.setdefault(volume, {})
    if (plane, index) not in kept:
        while len(kept) >= _KEPT:
            kept.pop(next(iter(kept)))
        kept[plane, index] = _seen(volume, chosen, index, count)
    return kept[plane, index]


def _seen(volume: Volume, chosen: Plane, index: int, count: int) -> Seen:
    image, name = cut(volume, chosen, index), volume.name or "the scan"
    values = grey(image, 2)
    around = [k for k in range(index - FARTHEST, index + FARTHEST + 1) if NEAREST <= abs(k - index) and 0 <= k < count]
    others = tuple(grey(cut(volume, chosen, k), 2) for k in around)
    low, high = (float(one) for one in np.percentile(np.stack(others or (values,)), (0.5, 99.5)))
    if high - low <= 1e-9 * max(abs(low), abs(high), 1e-9):
        raise Refused(name, "it is the same everywhere around this slice", "choose a slice with contrast")
    return Seen(image, values, others, low, high)


def small_network(seen: Seen, steps: int, rounds: int) -> Work[Painter]:
    """Teach a small network on the neighbours of the slice; on the slice itself where it has none."""
    if seen not in _LEARNT:
        pool = np.stack([squared(seen, one, SIDE) for one in seen.neighbours or (seen.values,)])
        lesson = yield from taught(copies(pool, COPIES, reach=_REACH), steps=STEPS)
        _LEARNT[seen] = digest(pool), lesson
    name, lesson = _LEARNT[seen]
    plan = as_strong("linear", steps)

    def tell(x: Tensor, t: Tensor) -> Tensor:
        share = torch.from_numpy(plan.alpha_bar[t.numpy() - 1]).float()
        return lesson.network(x, share)  # type: ignore[no-any-return]

    count = len(seen.neighbours)
    words = f"the network was taught just now on {count} slices around this one, and has not seen this one"
    if not count:
        words = "this scan has one slice: the network was taught on copies of it, and so has seen what is hidden"
    way = Way(plan, sampler="ddpm", steps=None, rounds=rounds)
    return Painter(tell, way, SIDE, None, ("small", name, steps, rounds), words)


def run_network(where: str, image: Slice, steps: int, rounds: int) -> Painter:
    """Load the network of a run; refuses what does not work on the pixels of grey slices."""
    if not where.strip():
        raise Refused("run", "no run is chosen", "choose the folder of a run of the task diffusion, or another source")
    found = _loaded(where)
    if found.dimensions != 2 or found.channels != 1 or found.latent:
        raise Refused(where, "it does not work on the pixels of grey slices", "choose a run of diffusion on slices")
    way = found.way(sampler="ddpm", steps=min(steps, found.schedule.steps), bounds=True, rounds=rounds)
    words = f"the network of {Path(where).name}, in {len(way.times)} of its {found.schedule.steps} steps"
    mirrored = image.letters[0][:1] == "R"
    return Painter(found.telling(), way, found.side, mirrored, ("run", where, steps, rounds), words)


def squared(seen: Seen, values: Array, side: int) -> Array:
    """Bring a slice to a square of `side` px in −1 to 1, its shape kept and the rest darkest."""
    scaled = np.clip((values - seen.low) / (seen.high - seen.low), 0, 1) * 2 - 1
    return _resized(_square(scaled, -1.0), side)


def unsquared(seen: Seen, picture: Array) -> Array:
    """Bring a square picture in −1 to 1 back to the size and the values of the slice."""
    rows, cols = seen.values.shape
    longest = max(rows, cols)
    large = _resized(picture, longest)
    top, left = (longest - rows) // 2, (longest - cols) // 2
    scaled = large[top : top + rows, left : left + cols]
    made: Array = (scaled.astype(float) + 1) / 2 * (seen.high - seen.low) + seen.low
    return made


def known_in(unknown: NDArray[np.bool_], side: int) -> NDArray[np.bool_]:
    """Tell of each pixel of the square whether all of the slice below it is known."""
    square = _square(unknown.astype(np.float32), 0.0)
    rough = F.adaptive_max_pool2d if square.shape[0] >= side else F.interpolate
    made = rough(torch.from_numpy(square)[None, None], (side, side))[0, 0].numpy()
    return np.asarray(made < 0.5)


_FILLED: "OrderedDict[object, Filled]" = OrderedDict()


def filled(painter: Painter, seen: Seen, unknown: NDArray[np.bool_], seed: int) -> Work[Filled]:
    """Fill what is unknown (rows, cols) of the slice; what is known is put back at each step."""
    given, known = squared(seen, seen.values, painter.side), known_in(unknown, painter.side)
    key = (*painter.key, digest(given), digest(known), seed)
    if key not in _FILLED:
        with leaving_one_core():
            _FILLED[key] = yield from _filled(painter, given, known, seed)
        while len(_FILLED) > _KEPT:
            _FILLED.popitem(last=False)
    return _FILLED[key]


def _filled(painter: Painter, given: Array, known: NDArray[np.bool_], seed: int) -> Work[Filled]:
    frames: dict[int, tuple[Tensor, Tensor]] = {}

    def look(t: int, x: Tensor, clean: Tensor) -> None:
        frames[t] = x, clean

    image = _to_network(torch.from_numpy(given)[None, None], painter.mirrored)
    mask = _to_network(torch.from_numpy(known)[None, None], painter.mirrored)
    chance = [torch.Generator().manual_seed(seed)]
    shape = (1, painter.side, painter.side)
    made = yield from denoised(painter.tell, painter.way, shape, chance, known=Known(image, mask), seen=look)
    order = sorted(frames, reverse=True)
    steps = [*(frames[t][0] for t in order), made]
    guesses = [frames[t][1] for t in order]
    return Filled(_stacked(steps, painter.mirrored), _stacked(guesses, painter.mirrored), known, given)


def _to_network(x: Tensor, mirrored: bool | None) -> Tensor:
    return x if mirrored is None else turned(x, mirrored)


def _stacked(pictures: list[Tensor], mirrored: bool | None) -> Array:
    turning = pictures if mirrored is None else [turned_back(one, mirrored) for one in pictures]
    return np.stack([one[0, 0].detach().numpy() for one in turning])


def _square(values: Array, beyond: float) -> Array:
    more = [max(values.shape) - one for one in values.shape]
    made: Array = np.pad(values, [(one // 2, one - one // 2) for one in more], constant_values=beyond)
    return made.astype(np.float32)


def _resized(values: Array, side: int) -> Array:
    smooth = values.shape[0] > side
    made = F.interpolate(torch.from_numpy(np.array(values, np.float32))[None, None], (side, side), mode="bilinear",
                         antialias=smooth)  # fmt: skip
    out: Array = made[0, 0].numpy()
    return out


@lru_cache(maxsize=2)
def _loaded(where: str) -> Denoiser:
    return denoiser_in(where)
