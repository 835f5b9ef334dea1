"""``medviz explain``: feature maps, Grad-CAM, occlusion and saliency as volumes where they lie in the patient."""

import argparse
import time
from pathlib import Path

from medviz.commands.command import Command, Said, existing, followed, point, table
from medviz.commands.explaining import explained, layers_of, piece_of, volume_of
from medviz.commands.predict import loaded
from medviz.imaging.readers import read, write
from medviz.refused import Refused
from medviz.training.using.model import Model

KINDS = ("features", "gradcam", "occlusion", "saliency", "gradients")


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
    write(volume_of(maps, affine, f"{options.what} of {made.name}", scan), out)
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


def _layers(made: Model) -> Said:
    """List the layers that can be looked into."""
    rows = layers_of(made)
    return Said({"layers": [name for name, _ in rows]}, table(rows, ("layer", "kind")))


COMMAND = Command(
    "explain",
    "what a network makes of a scan, as volumes where they lie in the patient",
    "medviz explain scan.nii.gz --model mni152_tissue --what gradcam --layer up.0 --class 2 --out cam.nii.gz",
    _arguments,
    _run,
)
