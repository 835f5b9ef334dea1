"""``medviz predict``: runs a model over a scan, or over a folder of scans, in each scan's own grid."""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from medviz.commands.cases import Case, cases, shard
from medviz.commands.command import Command, Said, assignment, existing, followed, table
from medviz.commands.predict_boxes import predicted_boxes
from medviz.commands.predict_captions import predicted_captions
from medviz.commands.predict_classes import predicted_classes
from medviz.commands.predict_pictures import predicted_pictures
from medviz.commands.predict_prompts import predicted_prompts
from medviz.data.needs import Needs
from medviz.imaging.measure import label_counts
from medviz.imaging.prediction import Prediction
from medviz.imaging.readers import read, write
from medviz.imaging.volume import Volume, like
from medviz.imaging.writers.card import card_path, write_card
from medviz.messages import Note, Progress, Work
from medviz.parameters import parameter
from medviz.refused import Refused
from medviz.training.device import chosen
from medviz.training.using.captioning import captions
from medviz.training.using.classifying import classifies
from medviz.training.using.detecting import detects
from medviz.training.using.estimating import estimate
from medviz.training.using.formats import load
from medviz.training.using.formats.form import Asks
from medviz.training.using.inference import Wishes, predicted
from medviz.training.using.known import coarse
from medviz.training.using.model import Model
from medviz.training.using.prompting import compares
from medviz.training.using.translating import translates
from medviz.training.using.trust import Finding, gauge


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scan", metavar="SCAN|FOLDER", help="a scan, a folder of DICOM files, or a folder of scans")
    parser.add_argument("--model", required=True, help="a shipped model (see 'medviz list models'), the folder of a "
                        "run, TorchScript, .pt2, a MONAI bundle, a brainchop folder")  # fmt: skip
    parser.add_argument("--out", help="the label map, on the scan's own grid; for a folder of scans a folder; of boxes "
                        "a .json, .csv or .png with them drawn in")  # fmt: skip
    parser.add_argument("--probabilities", metavar="OUT", help="probability of each class as frames, float32; for a "
                        "folder of scans a folder")  # fmt: skip
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda (or cuda:1), mps")
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="FIELD=VALUE",
                        help="what input the model needs, where it does not say so: channels, spacing, size, clip, "
                        "scale, labels ...")  # fmt: skip
    parser.add_argument("--mirror", action="store_true", help="run on the mirrored scan too; low agreement means that "
                        "the orientation is suspicious")  # fmt: skip
    parser.add_argument("--frame", type=int, default=1, metavar="N", help="frame of a series, counted from 1 (1)")
    parser.add_argument("--estimate", action="store_true", help="only say what it would take; nothing is run")
    parser.add_argument("--score", type=float, metavar="S", help="of a model that finds boxes: leave out those less "
                        "sure; else what its validation found best")  # fmt: skip
    parser.add_argument("--prompt", action="append", default=[], metavar="TEXT", help="of a model that compares "
                        "pictures with texts (CLIP): what the picture may show; give at least two")  # fmt: skip
    parser.add_argument("--again", action="store_true", help="also the scans of a folder that are done")


_NOT_LABELS: tuple[tuple[Callable[[str], bool], Callable[[argparse.Namespace, Path], Said]], ...] = (
    (compares, predicted_prompts),
    (detects, predicted_boxes),
    (classifies, predicted_classes),
    (captions, predicted_captions),
    (translates, predicted_pictures),
)
"""What tells a run that answers with something else than a label map, and what answers then."""


def _run(options: argparse.Namespace) -> Said:
    quiet = options.quiet or options.json
    source = existing(options.scan)
    if options.prompt and not compares(options.model):
        raise Refused("--prompt", f"{options.model} compares no pictures with texts", "give the folder of a CLIP run")
    for taught, answered in _NOT_LABELS:
        if taught(options.model):
            return answered(options, source)
    if options.score is not None:
        raise Refused("--score", f"{options.model} finds no boxes", "leave it away")
    if options.out is None and not options.estimate:
        raise Refused(options.scan, "it is not said where to write", "give --out, for example labels.nii.gz")
    if options.estimate:
        return _estimated(options, source, quiet)
    out = Path(options.out).expanduser()
    found = cases(source, out, Path(options.probabilities).expanduser() if options.probabilities else None)
    if found is None:
        case = Case(source, out, Path(options.probabilities).expanduser() if options.probabilities else None)
        return _single(options, case, quiet)
    return _folder(options, out, found, quiet)


def _single(options: argparse.Namespace, case: Case, quiet: bool) -> Said:
    for target in (case.out, case.probabilities):
        if target is not None and not target.parent.is_dir():
            raise Refused(target, "its folder does not exist", "make the folder first")
    made = loaded(options.model, options.settings)
    told = followed(_case(options, made, case), quiet)
    rows = [_row(one) for one in told["labels"]]
    text = table(rows, ("label", "name", "voxels", "ml"))
    mirrored = (
        "" if told["agreement"] is None else f", the mirrored scan is labelled the same to {told['agreement']:.2f}"
    )
    return Said(told, f"{case.out}: {made.name}, {told['seconds']:.1f} s{mirrored}\n{text}")


def _folder(options: argparse.Namespace, out: Path, found: tuple[Case, ...], quiet: bool) -> Said:
    """Label what is not done yet; what is refused is told at the end and stops nothing else."""
    start_s = time.monotonic()
    made = loaded(options.model, options.settings)
    out.mkdir(parents=True, exist_ok=True)
    if found[0].probabilities is not None:
        found[0].probabilities.parent.mkdir(parents=True, exist_ok=True)
    mine = shard(found)
    to_do = [case for case in mine if options.again or not _done(case, made)]
    told: list[dict[str, Any]] = []
    failed: list[dict[str, str]] = []
    for number, case in enumerate(to_do):
        try:
            told.append(followed(_as_part(_case(options, made, case), number, len(to_do), start_s), quiet))
        except Refused as refusal:
            failed.append({"scan": str(case.scan), "refused": str(refusal)})
    document = {
        "out": str(out),
        "cases": told,
        "skipped": len(mine) - len(to_do),
        "failed": failed,
        "seconds": time.monotonic() - start_s,
        "model": {"name": made.name, "sha256": made.sha256},
        "labels": _sums(told),
    }
    words = f"{out}: {len(told)} labelled, {document['skipped']} were done before, {len(failed)} refused"
    lines = [f"  {one['refused']}" for one in failed]
    return Said(document, "\n".join([words, *lines]), code=2 if failed else 0)


def _case(options: argparse.Namespace, made: Model, case: Case) -> Work[dict[str, Any]]:
    """Label one scan and write it: probabilities first, the card last, so that a card says that all is there."""
    start_s = time.monotonic()
    scan = yield from read(case.scan)
    if not 1 <= options.frame <= scan.frames:
        raise Refused(f"--frame {options.frame}", f"{scan.name} has {scan.frames}", "frames are counted from 1")
    wishes = Wishes(options.device, keep="float32" if case.probabilities else "", mirror=options.mirror,
                    frame=options.frame - 1)  # fmt: skip
    findings = gauge(made.trust.fingerprint, scan, made.preparation.prepared(coarse(scan)))
    doubts = [f"{one.what}: {one.scan}, trained on {one.training}" for one in findings if one.state == "outside"]
    yield from (Note(one, "warning") for one in doubts)
    found = yield from _heard(predicted(made, scan, chosen(options.device), wishes), doubts)
    labels = _labels(made, found.labels)
    card = card_of(made, found, findings, tuple(doubts))
    if case.probabilities is not None:
        if found.probabilities is None:
            raise Refused(case.scan, "its probabilities do not fit into memory", "close something, or leave them out")
        write(maps(made, found.probabilities, scan), case.probabilities)
    write(found.labels, case.out)
    write_card(card, (case.out,))
    return {
        "scan": str(case.scan),
        "out": str(case.out),
        "labels": labels,
        "seconds": time.monotonic() - start_s,
        "model": {"name": made.name, "sha256": made.sha256},
        "card": str(card_path(case.out)),
        "agreement": found.agreement,
        "doubts": doubts,
    }


def card_of(made: Model, found: Prediction, findings: tuple[Finding, ...], doubts: tuple[str, ...]) -> dict[str, Any]:
    """Make the trust card of a label map in plain values; it names no patient and no path."""
    trust = made.trust
    return {
        "model": {"name": made.name, **trust.plain(), "sha256": made.sha256},
        "processing": {"before": trust.input, "after": trust.output},
        "doubts": list(doubts),
        "agreement_with_mirror": found.agreement,
        "gauge": [
            {"what": one.what, "scan": one.scan, "training": one.training, "state": one.state} for one in findings
        ],
        "edited_by_hand": False,
    }


def loaded(where: str, settings: list[str]) -> Model:
    """Load a model with what the command line says of its input; refuses settings of one that knows its own."""
    if not settings:
        try:
            return load(where)
        except Asks as asks:
            fault = "it does not say what input it needs"
            raise Refused(where, fault, "say it with --set, for example --set spacing=1,1,1 --set scale=unit") from asks
    try:
        made = load(where)
        proposal = made.preparation
    except Asks as asks:
        proposal = asks.proposal
    if not isinstance(proposal, Needs):
        raise Refused("--set", "the model knows what input it needs", "leave it away")
    values = {name: parameter(Needs, name).parsed(text) for name, text in map(assignment, settings)}
    return load(where, replace(proposal, **values))


def maps(made: Model, shares: Volume, scan: Volume) -> Volume:
    """Put the probability of each class (background first) on the scan's grid, one frame a class."""
    fine = np.stack([made.preparation.back(share.astype(np.float32), scan) for share in shares.voxels])
    return like(scan, fine.astype(np.float32), f"probabilities of {scan.name}", kind="frames")


def _estimated(options: argparse.Namespace, source: Path, quiet: bool) -> Said:
    made = loaded(options.model, options.settings)
    scan = followed(read(source), quiet)
    told = estimate(made, scan, chosen(options.device))
    document = {
        "scan": str(source),
        "model": {"name": made.name, "sha256": made.sha256},
        "device": told.device,
        "seconds": told.seconds,
        "memory_bytes": told.memory_bytes,
        "free_bytes": told.free_bytes,
        "fits": told.fits,
        "tile": told.tile,
        "tiles": told.tiles,
    }
    return Said(document, told.words + ("" if told.fits else "\nit will not fit: smaller tiles or the processor"))


def _heard(work: Work[Prediction], doubts: list[str]) -> Work[Prediction]:
    """Pass messages on and keep the warnings for the card."""
    try:
        while True:
            message = next(work)
            if isinstance(message, Note) and message.level == "warning":
                doubts.append(message.text)
            yield message
    except StopIteration as end:
        made: Prediction = end.value
        return made
    finally:
        work.close()


def _as_part(work: Work[dict[str, Any]], done: int, total: int, start_s: float) -> Work[dict[str, Any]]:
    """Let the progress of one scan be seen as part of all."""
    try:
        while True:
            message = next(work)
            if isinstance(message, Progress):
                now = done + (message.done / message.total if message.total else 0.0)
                left_s = (time.monotonic() - start_s) / now * (total - now) if now > 0 else None
                message = Progress(now, total, f"scan {done + 1} of {total}, {message.what}", left_s)
            yield message
    except StopIteration as end:
        made: dict[str, Any] = end.value
        return made
    finally:
        work.close()


def _done(case: Case, made: Model) -> bool:
    """Tell whether a scan was labelled by these weights before: the card is written last."""
    wanted = [case.out, card_path(case.out), *([case.probabilities] if case.probabilities else [])]
    if not all(path.is_file() for path in wanted):
        return False
    try:
        said = json.loads(card_path(case.out).read_text(encoding="utf-8"))
        return bool(said["model"]["sha256"] == made.sha256)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _labels(made: Model, found: Volume) -> list[dict[str, Any]]:
    counts = label_counts(found.frame())
    ml = found.voxel_ml if found.calibrated else None
    return [
        {
            "value": value,
            "name": name,
            "voxels": counts.get(value, 0),
            "volume_ml": None if ml is None else counts.get(value, 0) * ml,
        }
        for value, name in enumerate(made.labels, start=1)
    ]


def _sums(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add the labels of all scans up, for a look at the whole folder."""
    return [
        {"value": one["value"], "name": one["name"], "voxels": sum(case["labels"][k]["voxels"] for case in told)}
        for k, one in enumerate(told[0]["labels"] if told else ())
    ]


def _row(one: dict[str, Any]) -> tuple[str, str, str, str]:
    ml = one["volume_ml"]
    return str(one["value"]), str(one["name"]), f"{one['voxels']}", "–" if ml is None else f"{ml:.1f}"


COMMAND = Command(
    "predict",
    "run a model over a scan, in the scan's own grid",
    "medviz predict scan.nii.gz --model mni152_tissue --out tissue.nii.gz",
    _arguments,
    _run,
)
