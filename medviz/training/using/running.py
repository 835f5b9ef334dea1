"""A network over what was prepared for it: tile by tile, as a whole, or as a stream of slabs; always to be left."""

import math
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
from medviz.training.using.aside import Aside
from medviz.training.using.estimating import free_bytes, memory_bytes, smaller, window_of
from medviz.training.using.model import Model, shares_of
from medviz.training.using.tiles import Box, body, hill, tiles_of

PARTIAL, PARTIAL_S = "partial", 1.5
"""Name of the Gallery that shows what was found so far, and the seconds between two of them."""
SHARE_OF_MEMORY = 0.6
GENEROUS = 8000
"""Bytes a voxel that no network of ours takes; only a tile that would not fit with them is tried beforehand."""
TOGETHER = (1 << 20, 1 << 24)
"""Voxels that are seen at once on the processor, and on a GPU, where several tiles are."""


@dataclass(eq=False)
class _Sheet:
    """What was found so far over a box: sums and weights stay when the tiles change."""

    whole: Tensor
    box: Box
    shape: tuple[int, int, int]
    labels: NDArray[Any]
    growing: bool
    shown_s: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.total = self.whole[(slice(None), *self.box)]
        self.weight = torch.zeros(self.shape)

    def put(self, tile: Box, shares: Tensor, importance: Tensor) -> None:
        """Add what was found of a tile."""
        here = self.total[(slice(None), *tile)]
        here.addcmul_(shares, importance)
        self.weight[tile] += importance
        if self.growing:  # the most likely label of each voxel costs an eighth of the network's own time
            self.labels[self.box][tile] = here.argmax(0).numpy()

    def known(self, tile: Box) -> bool:
        """Tell whether every voxel of a tile was seen before (with larger tiles, before memory ran out)."""
        return bool((self.weight[tile] > 0).all())

    def partial(self) -> Iterator[Gallery]:
        """Show the labels found so far, now and then, if they are wanted."""
        if self.growing and time.monotonic() - self.shown_s > PARTIAL_S:
            yield Gallery(PARTIAL, self.labels.copy(), title="labels so far")
            self.shown_s = time.monotonic()


def probabilities(made: Model, image: NDArray[np.float32], where: torch.device, growing: bool = False) -> Work[Tensor]:
    """Probability of each class on the prepared grid, (classes, x, y, z) float32, background first.

    For a network of ours the air round the body is cut off first and is background: it takes no time, and a network
    that normalises over the picture sees about as much air as in training. Starts with the largest tile that memory
    allows, goes to smaller ones and then to the processor where it runs out, keeps what was found by then, and says
    so. With `growing` it yields, now and then, a Gallery `PARTIAL` whose tiles (x, y, z) are the labels found so far.
    """
    sheet = _sheet(made, image, growing)
    window = _fitting(made, window_of(made, sheet.shape), where)
    batch = _at_once(made, window, where)
    with Aside(made.network) as aside, device.leaving_one_core():
        while True:
            try:
                yield from _over(made, image, sheet, window, where, aside, batch)
            except (RuntimeError, MemoryError) as problem:
                if not device.out_of_memory(problem):
                    raise _in_words(made, problem) from problem
                if batch > 1:
                    batch = 1
                    continue
                window, where = _less(made, window, where, problem)
                size = "×".join(map(str, window))
                yield Note(f"Memory ran out; going on with tiles of {size} voxels on the {where.type}", "warning")
            else:
                return sheet.whole


def _fitting(made: Model, window: tuple[int, int, int], where: torch.device) -> tuple[int, int, int]:
    """Make tiles smaller until one fits into the memory; what is small beside it is not tried."""
    room = SHARE_OF_MEMORY * free_bytes(where)
    while not streams(made.network) and math.prod(window) * GENEROUS > room and memory_bytes(made, window) > room:
        if (less := smaller(made, window)) is None:
            break
        window = less
    return window


def _at_once(made: Model, window: tuple[int, int, int], where: torch.device) -> int:
    """How many tiles a network of ours sees at once: small ones together keep the processor, or the GPU, busier."""
    if not made.preparation.skips_air or streams(made.network):
        return 1  # what was made elsewhere may take one at a time only
    if made.preparation.dimensions == 2 and where.type == "cpu":
        return 1  # a slice keeps the processor busy, and comes out bit for bit as if it were alone
    voxels = math.prod(window)
    room = SHARE_OF_MEMORY * free_bytes(where) / (voxels * GENEROUS)
    return max(1, min(16, TOGETHER[where.type == "cuda"] // voxels, int(room)))


def _sheet(made: Model, image: NDArray[np.float32], growing: bool) -> _Sheet:
    full = (slice(0, image.shape[1]), slice(0, image.shape[2]), slice(0, image.shape[3]))
    box = body(image) if made.preparation.skips_air else full
    whole = torch.zeros((len(made.labels) + 1, *image.shape[1:]))
    whole[0] = 1.0  # air
    whole[(slice(None), *box)] = 0.0
    x, y, z = (part.stop - part.start for part in box)
    labels = np.zeros(image.shape[1:], np.uint8 if len(made.labels) < 256 else np.uint16)
    return _Sheet(whole, box, (x, y, z), labels, growing)


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
    aside: Aside, batch: int,
) -> Work[None]:  # fmt: skip
    """Run over all tiles of one size; where tiles overlap, the middle of a tile counts more than its rim."""
    network = made.network.to(where)
    if streams(network):
        yield from _streamed(made, network, image, sheet, where, aside)
        return
    inner, level = image[(slice(None), *sheet.box)], air(image)
    alone = all(reach in (1, side) for reach, side in zip(window, sheet.shape, strict=True))
    importance = torch.ones(window) if alone else hill(window)
    nothing = torch.zeros((len(sheet.whole), 1, 1, 1))
    nothing[0] = 1.0
    tiles = list(tiles_of(sheet.shape, window))
    wanted: list[Box] = []
    for tile in tiles:
        if sheet.known(tile):
            continue
        if made.preparation.skips_air and not (inner[(slice(None), *tile)] > level).any():
            sheet.put(tile, nothing.expand(-1, *window), importance)  # background, and no time spent
        else:
            wanted.append(tile)
    began_s, skipped = time.monotonic(), len(tiles) - len(wanted)
    left_s: float | None = None
    for done in range(0, len(wanted), batch):
        some = wanted[done : done + batch]
        words = f"tile {skipped + done + 1} of {len(tiles)}"
        step = _Step(made, network, [inner[(slice(None), *tile)] for tile in some], where)
        found = yield from aside.done(step, Progress(skipped + done, len(tiles), words, left_s))
        for number, (tile, shares) in enumerate(zip(some, found, strict=True), start=done + 1):
            sheet.put(tile, shares, importance)
            left_s = (time.monotonic() - began_s) / number * (len(wanted) - number)
            yield Progress(skipped + number, len(tiles), f"tile {skipped + number} of {len(tiles)}", left_s)
            if number < len(wanted):
                yield from sheet.partial()
    if not wanted:
        yield Progress(len(tiles), len(tiles), "nothing but air")
    sheet.total /= sheet.weight


@dataclass(frozen=True)
class _Step:
    """Some tiles (C, x, y, z) of one size → probabilities (tiles, classes, x, y, z) on the processor."""

    made: Model
    network: nn.Module
    parts: list[NDArray[np.float32]]
    where: torch.device

    def __call__(self) -> Tensor:
        preparation = self.made.preparation
        x = torch.from_numpy(np.stack(self.parts)).to(self.where)
        with torch.inference_mode():
            if preparation.dimensions == 2:
                at = preparation.normal + 2
                count = len(x), x.shape[at]
                slices = _flat(x.movedim(at, 1).flatten(0, 1), preparation.axes)
                found = shares_of(self.made, _asked(self.network, slices, preparation.multiple), 1)
                found = _flat(found, preparation.axes, back=True)
                found = found.reshape(*count, *found.shape[1:]).movedim(1, at)
            else:
                turned = turned_to(x, preparation.axes)
                found = shares_of(self.made, _asked(self.network, turned, preparation.multiple), 1)
                found = turned_back(found, preparation.axes)
        return found.cpu()


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
    """Turn (..., x, y, z) in RAS+ order to the directions of a network."""
    order, flips = turn(axes)
    first = x.ndim - 3
    return x.permute(*range(first), *(axis + first for axis in order)).flip([axis + first for axis in flips])


def turned_back(x: Tensor, axes: str) -> Tensor:
    """Turn (..., a, b, c) in a network's directions back to RAS+ order."""
    order, flips = turn(axes)
    first = x.ndim - 3
    back = (order.index(axis) + first for axis in range(3))
    return x.flip([axis + first for axis in flips]).permute(*range(first), *back)


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
    made: Model, network: MeshNet, image: NDArray[np.float32], sheet: _Sheet, where: torch.device, aside: Aside
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
        if 0 < done < length:
            yield from sheet.partial()


def _next(slabs: Iterator[tuple[slice, Tensor] | None], made: Model) -> tuple[slice, Tensor] | None:
    with torch.inference_mode():
        found = next(slabs)
        return None if found is None else (found[0], shares_of(made, found[1], 0).cpu().clone())
