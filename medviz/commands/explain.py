"""``medviz explain``: feature maps, Grad-CAM, occlusion and saliency as volumes where they lie in the patient."""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from medviz.commands.command import Command, Said, existing, followed, point, table
from medviz.commands.predict import loaded
from medviz.data.needs import turn
from medviz.data.preparation import regridded
from medviz.imaging.readers import read, write
from medviz.imaging.storage import need_room
from medviz.imaging.volume import Affine, Stored, Volume
from medviz.probe.saliency import grad_cam, integrated_gradients, occlusion, saliency
from medviz.probe.trace import leaves, recording
from medviz.refused import Refused
from medviz.training.model import Model

Array = NDArray[Any]
KINDS = ("features", "gradcam", "occlusion", "saliency", "gradients")
_LARGEST = 128
"""Side of the piece round the point that a 3-D network is asked about."""
_MOST_FEATURES = 64


@dataclass(frozen=True)
class Piece:
    """What the network is shown: (C, x, y, z) in RAS+ order and where it lies; a slice is one voxel thick."""

    image: NDArray[np.float32]
    affine: Affine
    at: tuple[int, int, int]


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scan", metavar="SCAN")
    parser.add_argument("--model", required=True, help="as for predict; TorchScript and .pt2 cannot be looked into")
    parser.add_argument("--layer", help="a layer by its name; without it the layers are listed")
    parser.add_argument("--what", default="features", choices=KINDS, help="feature maps of the layer (features), where "
                        "it speaks for a class (gradcam), what covering a place takes from the class (occlusion), how "
                        "much it changes with each voxel (saliency), what each voxel adds (gradients)")  # fmt: skip
    parser.add_argument("--class", dest="label", type=int, default=1, metavar="N", help="value of the label (1)")
    parser.add_argument("--at", metavar="X,Y,Z", help="in RAS mm: the slice through it, or the piece round it")
    parser.add_argument("--side", type=int, default=8, help="side of the window that occlusion covers, in voxels (8)")
    parser.add_argument("--out", help="the file, .nii.gz")
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="FIELD=VALUE",
                        help="what input the model needs, see predict")  # fmt: skip


def _run(options: argparse.Namespace) -> Said:
    start_s = time.monotonic()
    quiet = options.quiet or options.json
    made = loaded(options.model, options.settings)
    if options.layer is None and options.what in ("features", "gradcam"):
        return _layers(made)
    if options.out is None:
        raise Refused(options.scan, "it is not said where to write", "give --out, for example features.nii.gz")
    if not 1 <= options.label <= len(made.labels):
        raise Refused(f"--class {options.label}", f"the model knows {len(made.labels)}", "count from 1")
    scan = followed(read(existing(options.scan)), quiet)
    piece = piece_of(made, scan, point(options.at) if options.at else None)
    maps, affine = explained(made, piece, options.what, options.layer, options.label, options.side)
    out = Path(options.out).expanduser()
    write(_volume(maps, affine, f"{options.what} of {made.name}", scan), out)
    name = options.what if options.layer is None else f"{options.what} {options.layer}"
    figure = {"kind": "volume", "shape": maps.shape, "file": str(out), "affine": affine,
              "low": float(maps.min()), "high": float(maps.max())}  # fmt: skip
    document = {
        "figures": {name: figure},
        "class": {"value": options.label, "name": made.labels[options.label - 1]},
        "model": {"name": made.name, "sha256": made.sha256},
        "seconds": time.monotonic() - start_s,
    }
    size = "×".join(map(str, maps.shape[1:]))
    return Said(document, f"{out}: {name}, {len(maps)} map{'s' if len(maps) > 1 else ''} of {size} voxels")


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
        with recording(network, [layer]) as trace, torch.inference_mode():
            network(torch.from_numpy(shown)[None])
        if trace.get(layer) is None or trace[layer].ndim != shown.ndim + 1:
            raise Refused(layer, "it puts out no maps", "take a convolution")
        maps = np.stack([back(one) for one in trace[layer][0][:_MOST_FEATURES]])
        sides = (maps.shape[1], maps.shape[2], maps.shape[3])
        whole = (piece.image.shape[1], piece.image.shape[2], piece.image.shape[3])
        return maps, regridded(piece.affine, whole, sides)
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


def _layers(made: Model) -> Said:
    """List the layers that can be looked into."""
    found = dict(made.network.named_modules())
    rows = [(name, type(found[name]).__name__) for name in leaves(made.network) if name]
    if not rows or isinstance(made.network, torch.jit.ScriptModule):
        raise Refused(made.name, "its layers cannot be looked into", "take a run of this program or a MONAI bundle")
    return Said({"layers": [name for name, _ in rows]}, table(rows, ("layer", "kind")))


def _volume(maps: NDArray[np.float32], affine: Affine, name: str, scan: Volume) -> Volume:
    stored = Stored("explained", maps.shape[1:], "RAS", affine, maps.dtype)
    kind: Any = "frames" if len(maps) > 1 else "scalar"
    return Volume(maps, affine, stored, name, kind, calibrated=scan.calibrated, oriented=scan.oriented)


COMMAND = Command(
    "explain",
    "what a network makes of a scan, as volumes where they lie in the patient",
    "medviz explain scan.nii.gz --model mni152_tissue --what gradcam --layer up.0 --class 2 --out cam.nii.gz",
    _arguments,
    _run,
)
