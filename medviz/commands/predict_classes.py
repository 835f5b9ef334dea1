"""``medviz predict`` with a run that was taught to name pictures: how probable each class is, as JSON or as a table."""

import argparse
import time
from pathlib import Path
from typing import Any

from medviz.commands.cases import cases, shard
from medviz.commands.command import Said, as_json, followed, table
from medviz.imaging.readers import read
from medviz.imaging.storage import replacing
from medviz.imaging.writers.table import Cell, write_table
from medviz.messages import Work
from medviz.refused import Refused
from medviz.training.device import chosen
from medviz.training.using.classifying import ClassModel, class_model, shares_in

_FILES = (".json", ".csv")


def predicted_classes(options: argparse.Namespace, source: Path, model: ClassModel | None = None) -> Said:
    """Name a picture, a scan or all of a folder (by `model`, else by that of the options); refuses the meaningless."""
    asked = {"--probabilities": options.probabilities, "--set": options.settings, "--mirror": options.mirror,
             "--estimate": options.estimate, "--score": options.score is not None}  # fmt: skip
    for name, wish in asked.items():
        if wish:
            raise Refused(name, f"{options.model} names pictures, which has no such thing", "leave it away")
    out = None if options.out is None else Path(options.out).expanduser()
    if out is not None and out.suffix.lower() not in _FILES:
        raise Refused(out, "names of pictures cannot be written so", "give a name that ends in .json or .csv")
    if out is not None and not out.parent.is_dir():
        raise Refused(out, "its folder does not exist", "make the folder first")
    made = model or class_model(options.model)
    document = _folder(options, made, source) if source.is_dir() else _single(options, made, source)
    if out is not None:
        _write(out, made, document)
        document["out"] = str(out)
    return Said(document, _words(made, document), code=2 if document.get("failed") else 0)


def _single(options: argparse.Namespace, made: ClassModel, source: Path) -> dict[str, Any]:
    return followed(_one(options, made, source), options.quiet or options.json)


def _folder(options: argparse.Namespace, made: ClassModel, source: Path) -> dict[str, Any]:
    """Name all pictures of a folder; what cannot be read stops nothing else. A folder of slices is one scan."""
    found = cases(source, source / "named", None)  # nothing is written there
    if found is None:
        return _single(options, made, source)
    told: list[dict[str, Any]] = []
    failed: list[dict[str, str]] = []
    for case in shard(found):
        try:
            told.append(_single(options, made, case.scan))
        except Refused as refusal:
            failed.append({"scan": str(case.scan), "refused": str(refusal)})
    return {"cases": told, "failed": failed, "model": {"name": made.name, "sha256": made.sha256}}


def _one(options: argparse.Namespace, made: ClassModel, path: Path) -> Work[dict[str, Any]]:
    start_s = time.monotonic()
    scan = yield from read(path)
    shares = yield from shares_in(made, scan, chosen(options.device))
    return {
        "scan": str(path),
        "class": shares[0][0],
        "classes": [{"name": name, "probability": share} for name, share in shares],
        "seconds": time.monotonic() - start_s,
        "model": {"name": made.name, "sha256": made.sha256},
    }


def _write(out: Path, made: ClassModel, document: dict[str, Any]) -> None:
    if out.suffix.lower() == ".csv":
        write_table(("scan", "class", *made.classes), _rows(made, document), out)
        return
    with replacing(out) as file:
        file.write(as_json(document).encode())


def _rows(made: ClassModel, document: dict[str, Any]) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = []
    for case in document.get("cases", [document]):
        by_name = {one["name"]: one["probability"] for one in case["classes"]}
        rows.append((case["scan"], case["class"], *(by_name[name] for name in made.classes)))
    return rows


def _words(made: ClassModel, document: dict[str, Any]) -> str:
    rows = [
        (case["scan"], case["class"], f"{case['classes'][0]['probability']:.3f}")
        for case in document.get("cases", [document])
    ]
    lines = [f"  {one['refused']}" for one in document.get("failed", ())]
    return "\n".join([table(rows, ("scan", "class", "probability")), *lines])
