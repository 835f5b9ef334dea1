"""A network over what was prepared for it: tile by tile, as a whole, or as a stream of slabs; always to be left."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from medviz.data.needs import turn
from medviz.data.preparation import air
from medviz.figures import Gallery
from medviz.messages import Note, Progress, Work
from medviz.networks.meshnet import PLANES, MeshNet, streams
from medviz.refused import Refused
from medviz.training import device
from medviz.training.aside import Aside
from medviz.training.estimating import free_bytes, memory_bytes, smaller, window_of
from medviz.training.model import Model, shares_of
from medviz.training.tiles import Box, body, hill, tiles_of

PARTIAL, PARTIAL_S = "partial", 1.5
"""Name of the Gallery that shows what was found so far, and the seconds between two of them."""
SHARE_OF_MEMORY = 0.6


@dataclass(eq=False)
class _Sheet:
    """What was found so far over a box: sums and weights stay when the tiles change."""

    whole: Tensor
    box: Box
    shape: tuple[int, int, int]
    labels: NDArray[Any]
    shown_s: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.total = self.whole[(slice(None), *self.box)]
        self.weight = torch.zeros(self.shape)

    def put(self, tile: Box, shares: Tensor, importance: Tensor) -> None:
        """Add what was found of a tile."""
        self.total[(slice(None), *tile)] += shares * importance
        self.weight[tile] += importance
        self.labels[self.box][tile] = self.total[(slice(None), *tile)].argmax(0).numpy()

    def known(self, tile: Box) -> bool:
        """Tell whether every voxel of a tile was seen before (with larger tiles, before memory ran out)."""
        return bool((self.weight[tile] > 0).all())

    def partial(self) -> Iterator[Gallery]:
        """Show the labels found so far, now and then."""
        if time.monotonic() - self.shown_s > PARTIAL_S:
            yield Gallery(PARTIAL, self.labels.copy(), title="labels so far")
            self.shown_s = time.monotonic()


def probabilities(made: Model, image: NDArray[np.float32], where: torch.device, growing: bool = False) -> Work[Tensor]:
    """Probability of each class on the prepared grid, (classes, x, y, z) float32, background first.

    For a network of ours the air round the body is cut off first and is background: it takes no time, and a network
    that normalises over the picture sees about as much air as in training. Starts with the largest tile that memory
    allows, goes to smaller ones and then to the processor where it runs out, keeps what was found by then, and says
    so. With `growing` it yields, now and then, a Gallery `PARTIAL` whose tiles (x, y, z) are the labels found so far.
    """
    sheet = _sheet(made, image)
    window = window_of(made, sheet.shape)
    while not streams(made.network) and memory_bytes(made, window) > SHARE_OF_MEMORY * free_bytes(where):
        if (less := smaller(made, window)) is None:
            break
        window = less
    with Aside(made.network) as aside, device.leaving_one_core():
        while True:
            try:
                yield from _over(made, image, sheet, window, where, aside, growing)
            except (RuntimeError, MemoryError) as problem:
                if not device.out_of_memory(problem):
                    raise _in_words(made, problem) from problem
                window, where = _less(made, window, where, problem)
                size = "×".join(map(str, window))
                yield Note(f"Memory ran out; going on with tiles of {size} voxels on the {where.type}", "warning")
            else:
                return sheet.whole


def _sheet(made: Model, image: NDArray[np.float32]) -> _Sheet:
    full = (slice(0, image.shape[1]), slice(0, image.shape[2]), slice(0, image.shape[3]))
    box = body(image) if made.preparation.skips_air else full
    whole = torch.zeros((len(made.labels) + 1, *image.shape[1:]))
    whole[0] = 1.0  # air
    whole[(slice(None), *box)] = 0.0
    x, y, z = (part.stop - part.start for part in box)
    return _Sheet(whole, box, (x, y, z), np.zeros(image.shape[1:], np.uint8 if len(made.labels) < 256 else np.uint16))


def _less(
    made: Model, window: tuple[int, int, int], where: torch.device, problem: BaseException
) -> tuple[tuple[int, int, int], torch.device]:
    less = smaller(made, window)
    if less is None and where.type == "cpu":
        raise Refused(made.name, "there is not enough memory for its smallest tile", "close something") from problem
    if where.type == "cuda":
        torch.cuda.empty_cache()
    return (less, where) if less else (window, torch.device("cpu"))


def _in_words(made: Model, problem: BaseException) -> Refused:
    """What torch says of a network that does not take its input is a page; its first line is what matters."""
    lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
    said = next((line for line in reversed(lines) if line.startswith("RuntimeError:")), lines[0] if lines else "")
    fault = f"it does not take what it was given ({said.removeprefix('RuntimeError:').strip()[:120]})"
    return Refused(made.name, fault, "tell which channels, sizes and multiples it needs")


def _over(
    made: Model, image: NDArray[np.float32], sheet: _Sheet, window: tuple[int, int, int], where: torch.device,
    aside: Aside, growing: bool,
) -> Work[None]:  # fmt: skip
    """Run over all tiles of one size; where tiles overlap, the middle of a tile counts more than its rim."""
    network = made.network.to(where)
    if streams(network):
        yield from _streamed(made, network, image, sheet, where, aside, growing)
        return
    inner, level = image[(slice(None), *sheet.box)], air(image)
    alone = all(reach in (1, side) for reach, side in zip(window, sheet.shape, strict=True))
    importance = torch.ones(window) if alone else hill(window)
    nothing = torch.zeros((len(sheet.whole), 1, 1, 1))
    nothing[0] = 1.0
    tiles = list(tiles_of(sheet.shape, window))
    began_s, done = time.monotonic(), 0
    for number, tile in enumerate(tiles, start=1):
        part = inner[(slice(None), *tile)]
        left_s = (time.monotonic() - began_s) / done * (len(tiles) - number + 1) if done else None
        words = f"tile {number} of {len(tiles)}"
        if sheet.known(tile):
            pass
        elif made.preparation.skips_air and not (part > level).any():
            sheet.put(tile, nothing, importance)  # background, and no time spent
        else:
            step = _Step(made, network, part, where)
            shares = yield from aside.done(step, Progress(number - 1, len(tiles), words, left_s))
            sheet.put(tile, shares, importance)
            done += 1
        left_s = (time.monotonic() - began_s) / max(done, 1) * (len(tiles) - number)
        yield Progress(number, len(tiles), words, left_s if done else None)
        if growing and number < len(tiles):
            yield from sheet.partial()
    sheet.total /= sheet.weight


@dataclass(frozen=True)
class _Step:
    """One tile (C, x, y, z) → probabilities (classes, x, y, z) on the processor."""

    made: Model
    network: nn.Module
    part: NDArray[np.float32]
    where: torch.device

    def __call__(self) -> Tensor:
        preparation = self.made.preparation
        x = torch.from_numpy(np.ascontiguousarray(self.part)).to(self.where)
        with torch.inference_mode():
            if preparation.dimensions == 2:
                at = preparation.normal + 1
                slices = _flat(x.movedim(at, 0), preparation.axes)
                found = shares_of(self.made, _asked(self.network, slices, preparation.multiple), 1)
                found = _flat(found, preparation.axes, back=True).movedim(0, at)
            else:
                turned = turned_to(x, preparation.axes)
                found = shares_of(self.made, _asked(self.network, turned[None], preparation.multiple), 1)[0]
                found = turned_back(found, preparation.axes)
        return found.cpu().clone() if found.device.type == "cpu" else found.cpu()


def _asked(network: nn.Module, x: Tensor, multiple: int) -> Tensor:
    """Ask the network, with the sides filled up to a multiple and what was filled cut off again."""
    sides = x.shape[2:]
    missing = [-side % multiple for side in sides]
    if any(missing):
        x = F.pad(x, [amount for side in reversed(missing) for amount in (0, side)], mode="replicate")
    answer = network(x)
    while isinstance(answer, (tuple, list)) and answer:
        answer = answer[0]  # deep supervision: the full size comes first
    if isinstance(answer, dict):
        answer = next(iter(answer.values()))
    if not isinstance(answer, Tensor) or answer.ndim != x.ndim or answer.shape[2:] != x.shape[2:]:
        got = "×".join(map(str, answer.shape)) if isinstance(answer, Tensor) else type(answer).__name__
        want = "×".join(map(str, x.shape[2:]))
        raise Refused("the network", f"it answers {got} to a tile of {want}, and no class a voxel", "it cannot be used")
    return answer[(slice(None), slice(None), *(slice(0, side) for side in sides))]


def turned_to(x: Tensor, axes: str) -> Tensor:
    """Turn (C, x, y, z) in RAS+ order to the directions of a network."""
    order, flips = turn(axes)
    return x.permute(0, *(axis + 1 for axis in order)).flip([axis + 1 for axis in flips])


def turned_back(x: Tensor, axes: str) -> Tensor:
    """Turn (C, ...) in a network's directions back to RAS+ order."""
    order, flips = turn(axes)
    return x.flip([axis + 1 for axis in flips]).permute(0, *(order.index(axis) + 1 for axis in range(3)))


def _flat(x: Tensor, axes: str, back: bool = False) -> Tensor:
    """Turn slices (N, C, a, b), whose axes are those of RAS without `normal`, to a network's directions, or back."""
    order, flips = turn(axes)
    swapped = order[0] > order[1]
    turns = [axis + 2 for axis in flips if axis < 2]
    if back:
        x = x.flip(turns)
        return x.transpose(2, 3) if swapped else x
    x = x.transpose(2, 3) if swapped else x
    return x.flip(turns)


def _streamed(
    made: Model, network: MeshNet, image: NDArray[np.float32], sheet: _Sheet, where: torch.device, aside: Aside,
    growing: bool,
) -> Work[None]:  # fmt: skip
    """Run a chain of convolutions slab by slab along the network's first axis: exact, and little memory is taken."""
    axes = made.preparation.axes
    order, flips = turn(axes)
    x = turned_to(torch.from_numpy(image[(slice(None), *sheet.box)]), axes)
    length = x.shape[1]
    sheet.total.zero_()
    began_s, done, steps = time.monotonic(), 0, -(-length // PLANES)
    slabs = network.stream(x, where)  # not closed here: a step that is left may still be in it
    left_s: float | None = None
    for step in range(1, steps + 1):
        beat = Progress(step - 1, steps, f"slice {done} of {length}", left_s)
        found = yield from aside.done(lambda: _next(slabs, made), beat)
        if found is not None:
            at, shares = found
            axis = order[0]
            low, high = (length - at.stop, length - at.start) if 0 in flips else (at.start, at.stop)
            tile: list[slice] = [slice(0, side) for side in sheet.shape]
            tile[axis] = slice(low, high)
            sheet.put((tile[0], tile[1], tile[2]), turned_back(shares, axes), torch.ones(()))
            done = at.stop
        left_s = (time.monotonic() - began_s) / step * (steps - step)
        yield Progress(step, steps, f"slice {done} of {length}", left_s)
        if growing and 0 < done < length:
            yield from sheet.partial()


def _next(slabs: Iterator[tuple[slice, Tensor] | None], made: Model) -> tuple[slice, Tensor] | None:
    with torch.inference_mode():
        found = next(slabs)
        return None if found is None else (found[0], shares_of(made, found[1], 0).cpu().clone())
