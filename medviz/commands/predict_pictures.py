"""``medviz predict`` with a run that turns one picture into another: the scan it makes of a scan, with its card."""

import argparse
import time
from pathlib import Path
from typing import Any

from medviz.commands.cases import Case, cases, shard
from medviz.commands.command import Said, followed
from medviz.imaging.readers import read, write
from medviz.imaging.writers.card import card_path, trust_card, write_card
from medviz.messages import Note, Work
from medviz.refused import Refused
from medviz.training.device import chosen
from medviz.training.using.translating import Translator, translated, translator


def predicted_pictures(options: argparse.Namespace, source: Path) -> Said:
    """Turn a scan, or the scans of a folder, into other pictures; refuses what has no meaning for these."""
    asked = {"--probabilities": options.probabilities, "--set": options.settings, "--mirror": options.mirror,
             "--estimate": options.estimate, "--score": options.score is not None}  # fmt: skip
    for name, wish in asked.items():
        if wish:
            raise Refused(name, f"{options.model} makes pictures, which have no such thing", "leave it away")
    if options.out is None:
        raise Refused(options.scan, "it is not said where to write", "give --out, for example full.nii.gz")
    out = Path(options.out).expanduser()
    found = cases(source, out, None)
    if found is None and not out.parent.is_dir():
        raise Refused(out, "its folder does not exist", "make the folder first")
    made = translator(options.model)
    if found is None:
        told = followed(_one(made, Case(source, out, None), options), options.quiet or options.json)
        return Said(told, f"{out}: {made.model.name}, {told['seconds']:.1f} s")
    return _folder(options, made, out, found)


def _folder(options: argparse.Namespace, made: Translator, out: Path, found: tuple[Case, ...]) -> Said:
    out.mkdir(parents=True, exist_ok=True)
    told: list[dict[str, Any]] = []
    failed: list[dict[str, str]] = []
    mine = shard(found)
    to_do = [case for case in mine if options.again or not (case.out.is_file() and card_path(case.out).is_file())]
    for case in to_do:
        try:
            told.append(followed(_one(made, case, options), options.quiet or options.json))
        except Refused as refusal:
            failed.append({"scan": str(case.scan), "refused": str(refusal)})
    document = {"out": str(out), "cases": told, "skipped": len(mine) - len(to_do), "failed": failed}
    words = f"{out}: {len(told)} made, {document['skipped']} were done before, {len(failed)} refused"
    return Said(document, "\n".join([words, *(f"  {one['refused']}" for one in failed)]), code=2 if failed else 0)


def _one(made: Translator, case: Case, options: argparse.Namespace) -> Work[dict[str, Any]]:
    """Make the picture of one scan and write it; the card last, so that a card says that all is there."""
    start_s = time.monotonic()
    scan = yield from read(case.scan)
    doubts: list[str] = []
    work = translated(made, scan, chosen(options.device))
    while True:
        try:
            message = next(work)
        except StopIteration as end:
            picture = end.value
            break
        if isinstance(message, Note) and message.level == "warning":
            doubts.append(message.text)
        yield message
    write(picture, case.out)
    trust = made.model.trust
    card = trust_card(
        name=made.model.name, sha256=made.model.sha256, trained_on=trust.trained_on, licence=trust.licence,
        metrics=dict(trust.metrics), before="mean 0 and spread 1 of what is not air",
        after=f"values in {picture.unit or 'the unit of the scan'}. {trust.limits}", doubts=tuple(doubts),
    )  # fmt: skip
    write_card(card, (case.out,))
    return {
        "scan": str(case.scan),
        "out": str(case.out),
        "unit": picture.unit,
        "seconds": time.monotonic() - start_s,
        "model": {"name": made.model.name, "sha256": made.model.sha256},
    }
