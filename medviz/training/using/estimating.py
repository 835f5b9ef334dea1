"""What a model will take on this machine for this scan, told before it runs: tiles, memory, time."""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psutil
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from medviz.data.needs import turn
from medviz.data.preparation import air
from medviz.imaging.storage import in_words
from medviz.imaging.volume import Volume
from medviz.networks.meshnet import PLANES, streams
from medviz.training import device
from medviz.training.using.model import Model
from medviz.training.using.tiles import body, tiles_of

WINDOW = {2: 1024, 3: 96}
"""Longest side of a tile where training names no patch: a slice goes whole, a volume does not fit."""
SMALLEST = 32
_TRIED = 48
"""Side of the tile that is run to learn how long a voxel takes."""
_SHARE_OF_MEMORY = 0.8


@dataclass(frozen=True)
class Estimate:
    """What a run will take. `tile` is along x, y, z; `seconds` None where nothing could be tried."""

    device: str
    tile: tuple[int, int, int]
    tiles: int
    memory_bytes: int
    free_bytes: int
    seconds: float | None

    @property
    def fits(self) -> bool:
        """True where there is room for it now."""
        return self.memory_bytes <= _SHARE_OF_MEMORY * self.free_bytes

    @property
    def words(self) -> str:
        """What a person reads before Run: "about 1:20 on the processor, 1.2 GB of 8 GB free, 12 tiles of 96×96×96"."""
        size = "×".join(str(side) for side in self.tile if side > 1)
        kind = "slices" if 1 in self.tile else "tiles"
        tiles = f"{self.tiles} {kind} of {size}" if self.tiles > 1 else f"one piece of {size}"
        room = f"{in_words(self.memory_bytes)} of {in_words(self.free_bytes)} free"
        return f"about {duration(self.seconds)} on the {self.device}, {room}, {tiles}"


def duration(seconds: float | None) -> str:
    """Say a time as far as it is known: "2 s", "1:20 min"."""
    if seconds is None:
        return "an unknown time"
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d} min" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d} h"


def estimate(made: Model, scan: Volume, where: torch.device) -> Estimate:
    """Estimate a run: a small tile is run on the device, and its time and its layers' outputs are scaled up.

    What is air in a coarse look at the scan takes no time where the model skips it.
    """
    preparation = made.preparation
    shape, share = preparation.shape_of(scan), 1.0
    if preparation.skips_air:
        shape, share = _inside(shape, scan)
    window = window_of(made, shape)
    memory = memory_bytes(made, window)
    free = free_bytes(where)
    while memory > _SHARE_OF_MEMORY * free and (less := smaller(made, window)):
        window, memory = less, memory_bytes(made, less)
    tiles = sum(1 for _ in tiles_of(shape, window))
    sheet = (len(made.labels) + 1) * math.prod(preparation.shape_of(scan)) * 4
    a_voxel_s = seconds_a_voxel(made, where)
    voxels = math.prod(shape) if streams(made.network) else tiles * math.prod(window)
    total = memory + (sheet if where.type == "cpu" else 0)
    words = {"cuda": "NVIDIA GPU", "mps": "Apple GPU"}.get(where.type, "processor")
    return Estimate(words, window, tiles, total, free, None if a_voxel_s is None else a_voxel_s * voxels * share)


def _inside(shape: tuple[int, int, int], scan: Volume) -> tuple[tuple[int, int, int], float]:
    """Sides of the box round what is not air, and the share of its slices that hold something."""
    steps = [max(1, side // 64) for side in scan.shape]
    coarse = scan.voxels[:1, :: steps[0], :: steps[1], :: steps[2]].astype("float32")
    box = body(coarse)
    sides = [
        max(1, round((part.stop - part.start) / whole * side))
        for part, whole, side in zip(box, coarse.shape[1:], shape, strict=True)
    ]
    inner = coarse[(slice(None), *box)] > air(coarse)
    return (sides[0], sides[1], sides[2]), 1.0 if inner.any() else 0.1


def seconds_a_voxel(made: Model, where: torch.device) -> float | None:
    """Time that a voxel takes on a device: the second of two runs over a small tile; None where none could be tried."""
    network = made.network.to(where)
    with device.leaving_one_core():
        for sides in _tiles_to_try(made, _TRIED):
            try:
                took_s = min(_timed(network, made.preparation.channels, sides, where) for _ in range(2))
            except RuntimeError:
                continue  # it takes only its own size, which comes last
            return took_s / math.prod(sides)
    return None


def _timed(network: nn.Module, channels: int, sides: Sequence[int], where: torch.device) -> float:
    x = torch.zeros((1, channels, *sides), device=where)
    began_s = time.perf_counter()
    with torch.inference_mode():
        network(x)
    if where.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began_s


def _tiles_to_try(made: Model, side: int) -> Iterator[list[int]]:
    """Sizes for a trial, in the network's own directions: small ones, then its own where it names one."""
    preparation = made.preparation
    if streams(made.network):
        yield [2 * PLANES, 160, 160]  # nearly as wide as its streams are
        return
    step = preparation.multiple
    if preparation.dimensions == 2:
        yield [step if step >= SMALLEST else -(-2 * side // step) * step] * 2
        return
    yield [step if step >= SMALLEST else -(-side // step) * step] * 3
    if preparation.whole:
        yield [64] * 3
        order, _ = turn(preparation.axes)
        yield [preparation.size_of_all[axis] for axis in order]


def window_of(made: Model, shape: Sequence[int]) -> tuple[int, int, int]:
    """Size of a tile along x, y, z: a whole slice for a 2-D network, the patch of the training for a 3-D one."""
    preparation = made.preparation
    if preparation.whole:
        return shape[0], shape[1], shape[2]
    if preparation.dimensions == 2:
        sides = [min(side, WINDOW[2]) for side in shape]
        sides[preparation.normal] = 1
    else:
        patch = preparation.patch or (WINDOW[3],) * 3
        sides = [min(side, max(want, SMALLEST)) for side, want in zip(shape, patch, strict=True)]
    return sides[0], sides[1], sides[2]


def smaller(made: Model, window: tuple[int, int, int]) -> tuple[int, int, int] | None:
    """Halve the longest side; None where the tile is as small as it gets, or the network must see all at once."""
    longest = max(range(3), key=lambda axis: window[axis])
    if made.preparation.whole or window[longest] // 2 < max(SMALLEST, made.preparation.multiple):
        return None
    sides = list(window)
    sides[longest] = -(-sides[longest] // 2)
    return sides[0], sides[1], sides[2]


class _Counting(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of all that operations put out, in compiled networks too."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.put_out = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        answer = function(*args, **(kwargs or {}))
        for one in answer if isinstance(answer, (tuple, list)) else (answer,):
            if isinstance(one, Tensor) and not function.is_view:
                self.put_out += one.numel() * one.element_size()
        return answer


def memory_bytes(made: Model, window: tuple[int, int, int]) -> int:
    """Estimate the memory that one tile takes while the network runs.

    The network sees a small tile of nothing; all that its operations put out is counted and scaled up to the window.
    About half of that lies in memory at once. (On torch's meta device it would cost no pass but 3 s of imports.)
    """
    if streams(made.network):
        return made.network.stream_bytes(window)
    preparation, place = made.preparation, _place(made.network)
    voxels = math.prod(window)
    for small in _tiles_to_try(made, SMALLEST // 2 if preparation.dimensions == 2 else SMALLEST):
        try:
            with torch.inference_mode(), _Counting() as counting:
                made.network(torch.zeros((1, preparation.channels, *small), device=place))
        except RuntimeError as problem:
            if device.out_of_memory(problem):
                raise
            continue
        count: int = counting.put_out // 2 * voxels // math.prod(small)
        return count
    return 0


def _place(network: nn.Module) -> torch.device:
    return next((one.device for one in network.parameters()), torch.device("cpu"))


def free_bytes(where: torch.device) -> int:
    """Memory that is free on a device now."""
    if where.type == "cuda":
        return int(torch.cuda.mem_get_info(where)[0])
    return int(psutil.virtual_memory().available)
