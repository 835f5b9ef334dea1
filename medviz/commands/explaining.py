"""What a network makes of a scan, as volumes where they lie in the patient: for the command line and the window."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from medviz.data.needs import turn
from medviz.data.preparation import regridded
from medviz.imaging.storage import need_room
from medviz.imaging.volume import Affine, Stored, Volume
from medviz.messages import Progress, Work
from medviz.probe.saliency import grad_cam, integrated_gradients, occlusion, saliency
from medviz.probe.trace import leaves, recording, sides_seen
from medviz.refused import Refused
from medviz.training.using.formats import load
from medviz.training.using.model import Model

Array = NDArray[Any]
_LARGEST = 128
"""Side of the piece round the point that a 3-D network is asked about."""
_MOST_FEATURES = 64
_COVER = 8
"""Side of the window that occlusion covers, in voxels."""


@dataclass(frozen=True)
class Piece:
    """What the network is shown: (C, x, y, z) in RAS+ order and where it lies; a slice is one voxel thick."""

    image: NDArray[np.float32]
    affine: Affine
    at: tuple[int, int, int]


def inside(where: str, scan: Volume, what: str, layer: str, label: int, mm: tuple[float, float, float]) -> Work[Volume]:
    """Make maps of what a model makes of a scan round a point (RAS mm): one frame a map, with their own affine.

    `what` is "features", "gradcam", "occlusion", "saliency" or "gradients"; `label` the value of a class, from 1.
    """
    yield Progress(0, 2, "loading the model")
    made = _loaded(where)
    yield Progress(1, 2, "looking inside")
    maps, affine = explained(made, piece_of(made, scan, mm), what, layer or None, label, _COVER)
    return volume_of(maps, affine, f"{what} {layer}".strip(), scan)


def layers(where: str) -> Work[tuple[tuple[str, str], ...]]:
    """List the layers of a model that can be looked into, as (name, kind)."""
    yield Progress(0, 0, "loading the model")
    return layers_of(_loaded(where))


def layers_of(made: Model) -> tuple[tuple[str, str], ...]:
    """List the layers of a network that can be looked into; refuses one that has none."""
    found = dict(made.network.named_modules())
    rows = tuple((name, type(found[name]).__name__) for name in leaves(made.network) if name)
    if not rows or isinstance(made.network, torch.jit.ScriptModule):
        raise Refused(made.name, "its layers cannot be looked into", "take a run of this program or a MONAI bundle")
    return rows


@lru_cache(maxsize=1)
def _loaded(where: str) -> Model:
    """Load a model; the last one stays in memory, for it is looked into again and again."""
    return load(where)


def piece_of(made: Model, scan: Volume, mm: tuple[float, float, float] | None) -> Piece:
    """Prepare the scan and cut out what the network is asked about: a slice, or a piece round a point."""
    preparation = made.preparation
    image, affine = preparation.prepared(scan), preparation.grid(scan)
    shape = np.array(image.shape[1:])
    place = (shape - 1) // 2
    if mm is not None:
        place = np.rint(np.linalg.inv(affine)[:3] @ [*mm, 1.0]).astype(int)
        if (place < 0).any() or (place >= shape).any():
            raise Refused(f"--at {mm}", "it lies outside of what the network sees", "give a point in the scan")
    low, high = np.zeros(3, int), shape.copy()
    for axis in range(3):
        if preparation.dimensions == 2 and axis == preparation.normal:
            low[axis], high[axis] = place[axis], place[axis] + 1
        elif not preparation.whole and shape[axis] > _LARGEST and preparation.dimensions == 3:
            low[axis] = np.clip(place[axis] - _LARGEST // 2, 0, shape[axis] - _LARGEST)
            high[axis] = low[axis] + _LARGEST
    cut = image[:, low[0] : high[0], low[1] : high[1], low[2] : high[2]]
    moved = affine.copy()
    moved[:3, 3] += affine[:3, :3] @ low
    x, y, z = (int(one) for one in place - low)
    return Piece(np.ascontiguousarray(cut), moved, (x, y, z))


def explained(
    made: Model, piece: Piece, what: str, layer: str | None, label: int, side: int
) -> tuple[NDArray[np.float32], Affine]:
    """Make maps (n, x, y, z) in RAS+ order and their affine; feature maps of a deep layer are coarser than the scan."""
    shown, back = _shown(made, piece)
    need_room(made.name, shown.nbytes * 64)
    network, target = made.network, label if made.output in ("scores", "shares") else label - 1
    if what == "features":
        assert layer is not None
        sides_of = sides_seen(network, shown.shape[1:])
        with recording(network, [layer]) as trace, sides_of as seen, torch.inference_mode():
            network(torch.from_numpy(shown)[None])
        if trace.get(layer) is None or trace[layer].ndim != shown.ndim + 1:
            raise Refused(layer, "it puts out no maps", "take a convolution")
        maps = np.stack([back(one) for one in trace[layer][0][:_MOST_FEATURES]])
        sides = (maps.shape[1], maps.shape[2], maps.shape[3])
        whole = back(np.empty(seen, np.bool_)).shape  # with what the network filled up at the far edges
        return maps, regridded(piece.affine, (whole[0], whole[1], whole[2]), sides)
    ways: dict[str, Callable[[], Array]] = {
        "gradcam": lambda: grad_cam(network, shown, layer or "", target),
        "occlusion": lambda: occlusion(network, shown, target, side),
        "saliency": lambda: saliency(network, shown, target).sum(0),
        "gradients": lambda: integrated_gradients(network, shown, target).sum(0),
    }
    return back(ways[what]())[None].astype(np.float32), piece.affine


def _shown(made: Model, piece: Piece) -> tuple[NDArray[np.float32], Callable[[Array], Array]]:
    """Turn a piece to what the network sees, (C, a, b[, c]); and make what turns a map (a, b[, c]) back to x, y, z."""
    preparation = made.preparation
    order, flips = turn(preparation.axes)
    turned = np.flip(piece.image.transpose(0, *(axis + 1 for axis in order)), tuple(axis + 1 for axis in flips))
    flat = preparation.dimensions == 2 and preparation.axes != "RAS"
    sliced = preparation.dimensions == 2
    if sliced and not flat:  # our own slices: the axes of RAS without the normal
        turned, order, flips = np.moveaxis(piece.image, preparation.normal + 1, 3), _across(preparation.normal), ()
    shown = turned[..., 0] if sliced else turned

    def back(one: Array) -> Array:
        thick = one[..., None] if sliced else one
        return np.ascontiguousarray(np.flip(thick, flips).transpose([order.index(axis) for axis in range(3)]))

    return np.ascontiguousarray(shown), back


def _across(normal: int) -> tuple[int, int, int]:
    first, second = (axis for axis in range(3) if axis != normal)
    return first, second, normal


def volume_of(maps: NDArray[np.float32], affine: Affine, name: str, scan: Volume) -> Volume:
    """Make a volume of maps; several are frames."""
    stored = Stored("explained", maps.shape[1:], "RAS", affine, maps.dtype)
    kind: Any = "frames" if len(maps) > 1 else "scalar"
    return Volume(maps, affine, stored, name, kind, calibrated=scan.calibrated, oriented=scan.oriented)
