"""A trained network over a whole scan, tile by tile: labels on the scan's own grid.

The scan is prepared exactly as in training (`Preparation`), the network sees tiles of it, the probabilities go back to
the scan's grid linearly, and only then the most likely class is taken. The affine of the result is the scan's.
"""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import psutil
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from medviz.data.preparation import Preparation, air
from medviz.figures import Gallery, Table
from medviz.imaging.labels import named
from medviz.imaging.volume import Volume, like
from medviz.messages import Note, Progress, Work
from medviz.networks import NETWORKS
from medviz.parameters import Settings
from medviz.refused import Refused
from medviz.training import checkpoints, device, run
from medviz.training.models import CARD, card_of, model, models
from medviz.training.tiles import Box, body, hill, tiles_of

_WINDOW = {2: 1024, 3: 96}
"""Longest side of a tile where training names no patch: a slice goes whole, a volume does not fit."""
PARTIAL, PARTIAL_S = "partial", 1.5
"""Name of the Gallery that shows what was found so far, and the seconds between two of them."""
_SMALLEST = 32
_SHARE_OF_MEMORY = 0.6


@dataclass(frozen=True, eq=False)
class Model:
    """A network with weights, ready to be used, and how a scan must be prepared for it."""

    name: str
    network: nn.Module
    preparation: Preparation
    labels: tuple[str, ...]
    sha256: str = ""


def load(where: str) -> Model:
    """Load a shipped model by its name or folder, or the best weights of a run; refuses what is none of these."""
    card = card_of(Path(where)) if where and (Path(where) / CARD).is_file() else model(where)
    if card is not None:
        weights, about = checkpoints.read_weights(card.weights)
        return built(where, weights, about, card.sha256)
    folder = Path(where)
    if not folder.is_dir():
        names = ", ".join(one.name for one in models())
        raise Refused(where, "there is no such model", f"take one of {names}, or the folder of a run")
    weights, about = run.weights(folder)
    return built(folder.name, weights, about, checkpoints.weights_digest(weights))


def built(name: str, weights: dict[str, Tensor], about: dict[str, object], sha256: str) -> Model:
    """Build the network a description names and fill it with weights; refuses weights of another network."""
    said = dict(about.get("network") or {})  # type: ignore[call-overload]
    labels = tuple(about.get("classes") or ())  # type: ignore[arg-type, var-annotated]
    preparation = Preparation.of(about.get("preparation") or {})  # type: ignore[arg-type]
    if "name" not in said or not labels:
        raise Refused(name, "it does not say how its network is built", "take a segmentation run of this version")
    settings = Settings(str(said.pop("name")), tuple(said.items()))
    network = settings.build(NETWORKS, channels=preparation.channels, classes=len(labels) + 1)
    try:
        network.load_state_dict({key: value.float() if value.is_floating_point() else value
                                 for key, value in weights.items()})  # fmt: skip
    except RuntimeError as problem:
        raise Refused(name, "its weights do not fit its network", "train it again") from problem
    return Model(name, network.eval(), preparation, labels, sha256)


def predict(where: str, scan: Volume, on: str = "auto") -> Work[Volume]:
    """Label a scan with a model: yields Progress a tile, returns uint8 labels on the scan's own grid.

    Before the first tile it says, as a Table "labels", which value has which name.

    `where` is the name of a shipped model or the folder of a run, `on` the device. Closing the work leaves nothing.
    """
    yield Progress(0, 0, "loading the model")
    made = load(where)
    yield Table("labels", ("value", "name"), tuple(enumerate(made.labels, start=1)))
    labels = yield from label_map(made, scan, device.chosen(on))
    return labels


def label_map(made: Model, scan: Volume, where: torch.device) -> Work[Volume]:
    """Label a scan with a model that is at hand, see `predict`."""
    yield Progress(0, 0, "preparing the scan")
    image = made.preparation.prepared(scan)
    yield from doubts(made, scan)
    work = probabilities(made, image, where, growing=True)
    shares = yield from _on_grid_of(scan, work, image.shape[1:])
    yield Progress(1, 1, "back to the scan's grid")
    found = most_likely(shares, scan.shape)
    return replace(like(scan, found, name=f"{made.name} on {scan.name}"), labels=named(made.labels))


def _on_grid_of(scan: Volume, work: Work[Tensor], shape: tuple[int, ...]) -> Work[Tensor]:
    """Pass messages on; labels found so far are fetched onto the scan's grid, nearest neighbour."""
    index = [
        np.minimum(((np.arange(new) + 0.5) * old / new).astype(int), old - 1)
        for new, old in zip(scan.shape, shape, strict=True)
    ]
    try:
        while True:
            message = next(work)
            if isinstance(message, Gallery):
                same = message.tiles.shape == scan.shape
                message = replace(message, tiles=message.tiles if same else message.tiles[np.ix_(*index)])
            yield message
    except StopIteration as end:
        made: Tensor = end.value
        return made
    finally:
        work.close()


def probabilities(made: Model, image: NDArray[np.float32], where: torch.device, growing: bool = False) -> Work[Tensor]:
    """Probability of each class on the prepared grid, (classes, x, y, z) float32.

    The air round the body is cut off first and is background: it takes no time, and a network that normalises over
    the picture sees about as much air as in training. Starts with the largest tile that memory allows, goes to smaller
    ones where it runs out, and says so. With `growing` it yields, now and then, a Gallery `PARTIAL` whose tiles
    (x, y, z) are the labels found so far.
    """
    box = body(image)
    window = window_of(made, [part.stop - part.start for part in box])
    while memory_bytes(made, window) > _SHARE_OF_MEMORY * _free_bytes(where) and (smaller := _smaller(made, window)):
        window = smaller
    while True:
        try:
            with device.leaving_one_core():
                found = yield from _in_tiles(made, image, box, window, where, growing)
        except (RuntimeError, MemoryError) as problem:
            if not device.out_of_memory(problem):
                raise
            smaller = _smaller(made, window)
            if smaller is None and where.type == "cpu":
                raise Refused(
                    made.name, "there is not enough memory for its smallest tile", "close something"
                ) from problem
            window, where = (smaller, where) if smaller else (window, torch.device("cpu"))
            size = "×".join(map(str, window))
            yield Note(f"Memory ran out; going on with tiles of {size} voxels on the {where.type}", "warning")
        else:
            return found


def _in_tiles(
    made: Model, image: NDArray[np.float32], box: Box, window: tuple[int, int, int], where: torch.device, growing: bool
) -> Work[Tensor]:
    """Run all tiles of one size over a box; where tiles overlap, the middle of a tile counts more than its rim."""
    network = made.network.to(where)
    normal = made.preparation.normal if made.preparation.dimensions == 2 else None
    whole = torch.zeros((len(made.labels) + 1, *image.shape[1:]))
    whole[0] = 1.0  # air
    total = whole[(slice(None), *box)].zero_()
    labels = np.zeros(image.shape[1:], np.uint8)
    inner, level = image[(slice(None), *box)], air(image)
    shape = inner.shape[1:]
    alone = all(reach in (1, side) for reach, side in zip(window, shape, strict=True))
    importance = torch.ones(window) if alone else hill(window)
    weight = torch.zeros(shape)
    tiles = list(tiles_of(shape, window))
    began_s, shown_s, done = time.monotonic(), time.monotonic(), 0
    for number, tile in enumerate(tiles, start=1):
        part = inner[(slice(None), *tile)]
        weight[tile] += importance
        if (part > level).any():
            total[(slice(None), *tile)] += _run(network, part, normal, where) * importance
            labels[box][tile] = total[(slice(None), *tile)].argmax(0).numpy()
            done += 1
        else:
            total[(0, *tile)] += importance  # nothing but air: background, and no time spent
        left_s = (time.monotonic() - began_s) / max(done, 1) * (len(tiles) - number)
        yield Progress(number, len(tiles), f"tile {number} of {len(tiles)}", left_s if done else None)
        if growing and number < len(tiles) and time.monotonic() - shown_s > PARTIAL_S:
            yield Gallery(PARTIAL, labels.copy(), title="labels so far")
            shown_s = time.monotonic()
    total /= weight
    return whole


def _run(network: nn.Module, part: NDArray[np.float32], normal: int | None, where: torch.device) -> Tensor:
    """Probabilities of one tile (C, x, y, z) → (classes, x, y, z), on the processor."""
    x = torch.from_numpy(np.ascontiguousarray(part)).to(where)
    with torch.inference_mode():
        if normal is None:
            found = network(x[None])[0].float().softmax(0)
        else:
            found = network(x.movedim(normal + 1, 0)).float().softmax(1).movedim(0, normal + 1)
    scores: Tensor = found.cpu()
    return scores


def most_likely(shares: Tensor, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Take the most likely class on a grid of `shape` over the same extent, (x, y, z) uint8.

    Probabilities are resampled class by class, so that a large scan needs room for two of them and not for all.
    """
    if tuple(shares.shape[1:]) == shape:
        return shares.argmax(0).to(torch.uint8).numpy()
    best = torch.full(shape, -1.0)
    winner = torch.zeros(shape, dtype=torch.uint8)
    for number, share in enumerate(shares):
        fine = F.interpolate(share[None, None], size=shape, mode="trilinear", align_corners=False)[0, 0]
        won = fine > best
        best = torch.where(won, fine, best)
        winner[won] = number
    return winner.numpy()


def window_of(made: Model, shape: Sequence[int]) -> tuple[int, int, int]:
    """Size of a tile along x, y, z: a whole slice for a 2-D network, the patch of the training for a 3-D one."""
    preparation = made.preparation
    if preparation.dimensions == 2:
        sides = [min(side, _WINDOW[2]) for side in shape]
        sides[preparation.normal] = 1
    else:
        patch = preparation.patch or (_WINDOW[3],) * 3
        sides = [min(side, max(want, _SMALLEST)) for side, want in zip(shape, patch, strict=True)]
    return sides[0], sides[1], sides[2]


def memory_bytes(made: Model, window: tuple[int, int, int]) -> int:
    """Estimate the memory that one tile takes while the network runs.

    The network sees a small tile of nothing; all that its layers put out is counted and scaled up to the window. About
    half of that lies in memory at once. (On torch's meta device it would cost no pass but 3 s of imports.)
    """
    put_out = 0

    def count(module: nn.Module, inputs: object, output: object) -> None:
        nonlocal put_out
        if isinstance(output, Tensor):
            put_out += output.numel() * output.element_size()

    preparation = made.preparation
    sides = [side for axis, side in enumerate(window) if preparation.dimensions == 3 or axis != preparation.normal]
    small = [min(side, _SMALLEST) for side in sides]
    place = next((one.device for one in made.network.parameters()), torch.device("cpu"))
    layers = [one for one in made.network.modules() if not list(one.children())]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    try:
        with torch.inference_mode():
            made.network(torch.zeros((1, preparation.channels, *small), device=place))
    finally:
        for hook in hooks:
            hook.remove()
    return put_out // 2 * math.prod(sides) // math.prod(small)


def _smaller(made: Model, window: tuple[int, int, int]) -> tuple[int, int, int] | None:
    """Halve the longest side; None where the tile is as small as it gets."""
    longest = int(np.argmax(window))
    if window[longest] // 2 < _SMALLEST:
        return None
    sides = list(window)
    sides[longest] = -(-sides[longest] // 2)
    return sides[0], sides[1], sides[2]


def _free_bytes(where: torch.device) -> int:
    if where.type == "cuda":
        return int(torch.cuda.mem_get_info(where)[0])
    return int(psutil.virtual_memory().available)


def doubts(made: Model, scan: Volume) -> Iterator[Note]:
    """Say where a scan differs from what the network was trained on."""
    wants = made.preparation.spacing_mm
    if wants is not None and not scan.calibrated:
        yield Note("The scan has no spacing; it is taken as if it had that of the training data", "warning")
    elif wants is not None and made.preparation.shape_of(scan) != scan.shape:
        has = "×".join(f"{mm:.3g}" for mm in scan.spacing_mm)
        yield Note(f"The scan ({has} mm) is resampled to {'×'.join(f'{mm:.3g}' for mm in wants)} mm for the network")
    if scan.kind == "frames" and made.preparation.channels == 1 and scan.frames > 1:
        yield Note("The scan has several frames; the first one is labelled", "warning")
