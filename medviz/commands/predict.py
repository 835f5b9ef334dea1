"""``medviz predict``: runs a model over a scan, in the scan's own grid."""

import argparse
import time
from pathlib import Path

import torch.nn.functional as F
from torch import Tensor

from medviz.commands.command import Command, Said, existing, followed, table
from medviz.imaging.measure import label_counts
from medviz.imaging.readers import read, write
from medviz.imaging.volume import Volume, like
from medviz.messages import Progress, Work
from medviz.refused import Refused
from medviz.training.device import chosen
from medviz.training.inference import Model, doubts, load, most_likely, probabilities


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scan", help="a scan")
    parser.add_argument("--model", required=True, help="a shipped model (see 'medviz list models') or a run's folder")
    parser.add_argument("--out", required=True, help="the label map, on the scan's own grid")
    parser.add_argument("--probabilities", metavar="OUT", help="probability of each class as frames, float32")
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda", "mps"])


def _run(options: argparse.Namespace) -> Said:
    start_s = time.monotonic()
    quiet = options.quiet or options.json
    out = Path(options.out).expanduser()
    if not out.parent.is_dir():
        raise Refused(out, "its folder does not exist", "make the folder first")
    scan = followed(read(existing(options.scan)), quiet)
    model = load(options.model)
    shares = followed(_shares(model, scan, options.device), quiet)
    found = most_likely(shares, scan.shape)
    write(like(scan, found, f"{model.name} on {scan.name}"), out)
    if options.probabilities:
        write(_maps(shares, scan), Path(options.probabilities).expanduser())
    counts = label_counts(found)
    ml = scan.voxel_ml if scan.calibrated else None
    labels = [
        {
            "value": value,
            "name": name,
            "voxels": counts.get(value, 0),
            "volume_ml": None if ml is None else counts.get(value, 0) * ml,
        }
        for value, name in enumerate(model.labels, start=1)
    ]
    seconds = time.monotonic() - start_s
    document = {"out": str(out), "labels": labels, "seconds": seconds}
    document["model"] = {"name": model.name, "sha256": model.sha256}
    rows = [
        (str(one["value"]), str(one["name"]), f"{one['voxels']}", "–" if ml is None else f"{one['volume_ml']:.1f}")
        for one in labels
    ]
    text = table(rows, ("label", "name", "voxels", "ml"))
    return Said(document, f"{out}: {model.name}, {seconds:.1f} s\n{text}")


def _shares(model: Model, scan: Volume, device: str) -> Work[Tensor]:
    yield Progress(0, 0, "preparing the scan")
    image = model.preparation.prepared(scan)
    yield from doubts(model, scan)
    shares = yield from probabilities(model, image, chosen(device))
    return shares


def _maps(shares: Tensor, scan: Volume) -> Volume:
    """Put the probability of each class (background first) on the scan's grid, one frame a class."""
    fine = F.interpolate(shares[None], size=scan.shape, mode="trilinear", align_corners=False)[0]
    return like(scan, fine.numpy(), f"probabilities of {scan.name}", kind="frames")


COMMAND = Command(
    "predict",
    "run a model over a scan, in the scan's own grid",
    "medviz predict scan.nii.gz --model mni152_tissue --out tissue.nii.gz",
    _arguments,
    _run,
)
