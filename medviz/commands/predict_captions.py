"""``medviz predict`` with a run that was taught to caption pictures: what each shows, as JSON, CSV or text."""

import argparse
import time
from pathlib import Path
from typing import Any

from medviz.commands.cases import cases, shard
from medviz.commands.command import Said, as_json, assignment, followed
from medviz.imaging.readers import read
from medviz.imaging.storage import replacing
from medviz.imaging.writers.table import write_table
from medviz.messages import Work
from medviz.parameters import parameter
from medviz.refused import Refused
from medviz.tasks.captioning import Captioning
from medviz.training.device import chosen
from medviz.training.using.captioning import CaptionModel, caption_in, caption_model

_FILES = (".json", ".csv")


def predicted_captions(options: argparse.Namespace, source: Path) -> Said:
    """Caption a picture or all of a folder; refuses what has no meaning for that."""
    asked = {"--probabilities": options.probabilities, "--mirror": options.mirror, "--estimate": options.estimate,
             "--score": options.score is not None}  # fmt: skip
    for name, wish in asked.items():
        if wish:
            raise Refused(name, f"{options.model} captions pictures, which has no such thing", "leave it away")
    out = None if options.out is None else Path(options.out).expanduser()
    if out is not None and out.suffix.lower() not in _FILES:
        raise Refused(out, "captions cannot be written so", "give a name that ends in .json or .csv")
    if out is not None and not out.parent.is_dir():
        raise Refused(out, "its folder does not exist", "make the folder first")
    made, beams = caption_model(options.model), _beams(options.settings)
    found = cases(source, source / "captioned", None) if source.is_dir() else None  # nothing is written there
    document = _one(options, made, source, beams) if found is None else _many(options, made, found, beams)
    if out is not None:
        _write(out, document)
        document["out"] = str(out)
    return Said(document, _words(document), code=2 if document.get("failed") else 0)


def _beams(settings: list[str]) -> int | None:
    """Read ``--set beams=4``; nothing else can be set."""
    beams = None
    for name, text in map(assignment, settings):
        if name != "beams":
            raise Refused(f"--set {name}", "the model knows what input it needs", "only beams can be set")
        beams = int(parameter(Captioning, "beams").parsed(text))
    return beams


def _many(options: argparse.Namespace, made: CaptionModel, found: Any, beams: int | None) -> dict[str, Any]:
    """Caption all pictures of a folder; what cannot be read stops nothing else."""
    told: list[dict[str, Any]] = []
    failed: list[dict[str, str]] = []
    for case in shard(found):
        try:
            told.append(_one(options, made, case.scan, beams))
        except Refused as refusal:
            failed.append({"scan": str(case.scan), "refused": str(refusal)})
    return {"cases": told, "failed": failed, "model": {"name": made.name, "sha256": made.sha256}}


def _one(options: argparse.Namespace, made: CaptionModel, path: Path, beams: int | None) -> dict[str, Any]:
    return followed(_captioned(options, made, path, beams), options.quiet or options.json)


def _captioned(options: argparse.Namespace, made: CaptionModel, path: Path, beams: int | None) -> Work[dict[str, Any]]:
    start_s = time.monotonic()
    scan = yield from read(path)
    found = yield from caption_in(made, scan, chosen(options.device), beams)
    words = zip(found.tokens, found.shares.tolist(), strict=False)
    return {
        "scan": str(path),
        "caption": found.text,
        "words": [{"word": word, "probability": share} for word, share in words],
        "log_likelihood": found.likelihood,
        "ended": len(found.words) > len(found.tokens),
        "seconds": time.monotonic() - start_s,
        "model": {"name": made.name, "sha256": made.sha256},
    }


def _write(out: Path, document: dict[str, Any]) -> None:
    if out.suffix.lower() == ".csv":
        rows = [(one["scan"], one["caption"], one["log_likelihood"]) for one in document.get("cases", [document])]
        write_table(("scan", "caption", "log-likelihood"), rows, out)
        return
    with replacing(out) as file:
        file.write(as_json(document).encode())


def _words(document: dict[str, Any]) -> str:
    told = document.get("cases", [document])
    lines = [one["caption"] if len(told) == 1 else f"{one['scan']}: {one['caption']}" for one in told]
    return "\n".join([*lines, *(f"  {one['refused']}" for one in document.get("failed", ()))])
