"""``medviz predict`` with a run that was taught to find: boxes as JSON, as a table, or drawn over the picture."""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from medviz.commands.cases import cases, shard
from medviz.commands.command import Said, as_json, followed, table
from medviz.imaging.drawn import drawing
from medviz.imaging.found import FoundBox
from medviz.imaging.found_drawn import drawn_over
from medviz.imaging.layers import layer_of, scene_of
from medviz.imaging.readers import read
from medviz.imaging.slices import to_screen
from medviz.imaging.storage import replacing
from medviz.imaging.volume import Volume
from medviz.imaging.writers.film import write_still
from medviz.imaging.writers.table import Cell, write_table
from medviz.messages import Work
from medviz.refused import Refused
from medviz.training.device import chosen
from medviz.training.using.detecting import BoxModel, box_model, boxes_in

_FILES = (".png", ".csv", ".json")
_WANTED = "give a name that ends in .json, .csv or .png"


def predicted_boxes(options: argparse.Namespace, source: Path) -> Said:
    """Find boxes in a picture, a scan or a folder of them; refuses what has no meaning for boxes."""
    asked = {"--probabilities": options.probabilities, "--set": options.settings, "--mirror": options.mirror,
             "--estimate": options.estimate}  # fmt: skip
    for name, wish in asked.items():
        if wish:
            raise Refused(name, f"{options.model} finds boxes, which have no such thing", "leave it away")
    out = None if options.out is None else Path(options.out).expanduser()
    if source.is_dir() and out is not None and out.suffix.lower() not in _FILES:
        return _folder(options, source, out)
    if out is not None and out.suffix.lower() not in _FILES:
        raise Refused(out, "boxes cannot be written so", _WANTED)
    if out is not None and not out.parent.is_dir():
        raise Refused(out, "its folder does not exist", "make the folder first")
    made = box_model(options.model)
    document, scan, boxes = followed(_one(options, made, source), options.quiet or options.json)
    if out is not None:
        _write(out, document, scan, boxes)
        document["out"] = str(out)
    return Said(document, _words(document))


def _one(
    options: argparse.Namespace, made: BoxModel, path: Path
) -> Work[tuple[dict[str, Any], Volume, tuple[FoundBox, ...]]]:
    """Read one picture or scan and find boxes in it."""
    start_s = time.monotonic()
    scan = yield from read(path)
    boxes = yield from boxes_in(made, scan, chosen(options.device), options.score)
    document = {
        "scan": str(path),
        "boxes": [box.plain(scan) for box in boxes],
        "labels": [
            {"value": value, "name": name, "boxes": sum(box.value == value for box in boxes)}
            for value, name in enumerate(made.classes, start=1)
        ],
        "score": made.least if options.score is None else options.score,
        "seconds": time.monotonic() - start_s,
        "model": {"name": made.name, "sha256": made.sha256},
    }
    return document, scan, boxes


def _folder(options: argparse.Namespace, source: Path, out: Path) -> Said:
    """Find boxes in all pictures of a folder that are not done yet: a JSON each, and one table of all."""
    start_s = time.monotonic()
    found = cases(source, out, None)
    assert found is not None
    made = box_model(options.model)
    out.mkdir(parents=True, exist_ok=True)
    told: list[dict[str, Any]] = []
    failed: list[dict[str, str]] = []
    skipped = 0
    for case in shard(found):
        target = out / f"{case.out.name.removesuffix('.nii.gz')}.json"
        before = None if options.again else _before(target, made, options.score)
        if before is not None:
            skipped += 1
            told.append(before)
            continue
        try:
            document, scan, boxes = followed(_one(options, made, case.scan), options.quiet or options.json)
        except Refused as refusal:
            failed.append({"scan": str(case.scan), "refused": str(refusal)})
            continue
        _write(target, document, scan, boxes)
        told.append({**document, "out": str(target)})
    summary = {
        "out": str(out),
        "cases": told,
        "skipped": skipped,
        "failed": failed,
        "seconds": time.monotonic() - start_s,
        "model": {"name": made.name, "sha256": made.sha256},
    }
    words = f"{out}: boxes of {len(told) - skipped} found, {skipped} were done before, {len(failed)} refused"
    lines = [f"  {one['refused']}" for one in failed]
    return Said(summary, "\n".join([words, *lines]), code=2 if failed else 0)


def _before(target: Path, made: BoxModel, score: float | None) -> dict[str, Any] | None:
    """Return what was found before by these weights from the same score on, None where it is to be done."""
    try:
        said = json.loads(target.read_text(encoding="utf-8"))
        same = said["model"]["sha256"] == made.sha256 and said["score"] == (made.least if score is None else score)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return {**said, "out": str(target)} if same else None


def _write(out: Path, document: dict[str, Any], scan: Volume, boxes: Sequence[FoundBox]) -> None:
    """Write the boxes as their file's ending says: JSON, a table, or the picture with the boxes over it."""
    suffix = out.suffix.lower()
    if suffix == ".json":
        with replacing(out) as file:
            file.write(as_json(document).encode())
    elif suffix == ".csv":
        write_table(*_rows(scan, boxes), out)
    else:
        write_still(_picture(scan, boxes), out)


def _rows(scan: Volume, boxes: Sequence[FoundBox]) -> tuple[tuple[str, ...], list[tuple[Cell, ...]]]:
    ends = ("x0", "y0", "x1", "y1", *(("z0", "z1") if scan.shape[2] > 1 else ()))
    sides = ("width [mm]", "height [mm]", "depth [mm]")[: len(ends) // 2]
    rows: list[tuple[Cell, ...]] = []
    for box in boxes:
        told = box.plain(scan)
        mm = told["mm"] or [None] * len(sides)
        rows.append((box.label, told["score"], *(told[name] for name in ends), *mm))
    return ("label", "score", *(f"{name} [px]" for name in ends), *sides), rows


def _picture(scan: Volume, boxes: Sequence[FoundBox]) -> Any:
    """Draw the axial slice with the surest box, and all boxes that it cuts."""
    index = 0 if not boxes else min(int((boxes[0].low[2] + boxes[0].high[2]) / 2), scan.shape[2] - 1)
    scene = scene_of(layer_of(scan, "image")).at_voxel((0.0, 0.0, float(index)))
    pixels = drawing(scene, "axial", letters=False).pixels
    high, wide = pixels.shape[0] / scan.shape[1], pixels.shape[1] / scan.shape[0]
    placed = []
    for box in boxes:
        if not box.low[2] <= index + 0.5 < box.high[2]:
            continue
        ends = [
            to_screen(scan.shape, "axial", [one - 0.5 for one in end], scene.radiological)
            for end in (box.low, box.high)
        ]
        (top, bottom), (left, right) = (sorted(one) for one in zip(*ends, strict=True))
        placed.append((box, ((left + 0.5) * wide, (top + 0.5) * high, (right + 0.5) * wide, (bottom + 0.5) * high)))
    return drawn_over(pixels, placed)


def _words(document: dict[str, Any]) -> str:
    boxes = document["boxes"]
    ends = [name for name in ("x0", "y0", "z0", "x1", "y1", "z1") if boxes and name in boxes[0]]
    rows = [
        (one["label"], f"{one['score']:.2f}", *(f"{one[name]:.1f}" for name in ends),
         " × ".join(f"{side:.1f}" for side in one["mm"]) if one["mm"] else "–")
        for one in boxes
    ]  # fmt: skip
    names = {one["name"]: one["boxes"] for one in document["labels"]}
    found = ", ".join(f"{count} {name}" for name, count in names.items())
    head = f"{document['scan']}: {document['model']['name']} found {found} (score from {document['score']:.2f})"
    return f"{head}\n{table(rows, ('label', 'score', *ends, 'mm'))}" if rows else head
