"""``medviz lab``: runs a lab without a window, so that every number can be had from a shell."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from medviz.commands.command import Command, Said, assignment, existing, followed, point
from medviz.figures import Figure, array_of
from medviz.imaging.readers import read
from medviz.imaging.slices import NORMAL, PLANES, cut
from medviz.labs import LABS
from medviz.labs.examples import Check, checked, example_lab, figures_of, text_of
from medviz.labs.export import export
from medviz.labs.lab import Example, Lab
from medviz.networks import NETWORKS
from medviz.parameters import Input, parameters, turned
from medviz.refused import Refused

CATALOGS = {"networks": NETWORKS}
SMALL = 256
"""Figures of at most so many numbers are printed with their values."""


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help=f"one of {', '.join(LABS)}")
    parser.add_argument("--example", help="a worked example: its name, its number or its row (CONV-1)")
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="any parameter of the lab")
    parser.add_argument("--on", metavar="SCAN", help="work on a slice of this scan")
    parser.add_argument("--plane", choices=PLANES, default="axial")
    parser.add_argument("--at", metavar="X,Y,Z", help="the slice through this point in RAS mm; else the middle one")
    parser.add_argument("--step", type=int, help="the step of the player")
    parser.add_argument("--out", metavar="DIR", help="write each figure as .npy and .png")
    parser.add_argument("--examples", action="store_true", help="list the worked examples")


def _run(options: argparse.Namespace) -> Said:
    kind = LABS[options.name]
    if options.examples:
        return _listed(kind)
    example = _example(kind, options.example) if options.example else None
    lab = example_lab(kind, example) if example else kind()
    for text in options.set:
        lab = turned(lab, *assignment(text), catalogs=CATALOGS)
    if options.on:
        lab = _on(lab, options)
    if options.step is not None:
        lab = _at_step(lab, options.step)
    figures = figures_of(lab)
    if options.out:
        export(tuple(figures.values()), Path(options.out).expanduser())
    touched = bool(options.set or options.on)
    checks = checked(kind, example) if example and not touched else ()
    document = _document(figures, example, checks)
    wrong = sum(not check.ok for check in checks)
    return Said(document, _text(document), code=1 if wrong else 0)


def _listed(kind: type[Lab]) -> Said:
    rows = [
        {"name": e.name, "row": e.row, "deck": e.deck, "erratum": e.erratum.number if e.erratum else None}
        for e in kind.EXAMPLES
    ]
    lines = (f"{i + 1:3}  {r['row']:<8} {r['deck']:<3} {r['name']}" for i, r in enumerate(rows))
    return Said({"examples": rows}, "\n".join(lines))


def _example(kind: type[Lab], wanted: str) -> Example:
    for number, one in enumerate(kind.EXAMPLES, start=1):
        if wanted in (one.name, str(number)):
            return one
    for one in kind.EXAMPLES:
        if one.row.lower() == wanted.lower():
            return one
    raise Refused(f"--example {wanted}", "there is no such example", "see 'medviz lab NAME --examples'")


def _on(lab: Lab, options: argparse.Namespace) -> Lab:
    first = next((one for one in parameters(lab) if one.kind == "input"), None)
    if first is None:
        raise Refused("--on", "this lab works on no picture", "leave it out")
    mark = first.mark(Input)
    scan = followed(read(existing(options.on)), options.quiet or options.json)
    if mark is not None and mark.kind == "volume":
        return replace(lab, **{first.name: scan})
    normal = NORMAL[options.plane]
    index = scan.shape[normal] // 2
    if options.at:
        voxel = scan.nearest(point(options.at))
        if voxel is None:
            raise Refused(f"--at {options.at}", "the point lies outside the scan", "take one inside; see 'medviz info'")
        index = voxel[normal]
    return replace(lab, **{first.name: cut(scan, options.plane, index)})


def _at_step(lab: Lab, number: int) -> Lab:
    steps = lab.steps()
    if not 0 <= number < steps:
        raise Refused(f"--step {number}", f"there are steps 0 to {steps - 1}", "take one of these")
    return lab.at_step(number)


def _document(figures: dict[str, Figure], example: Example | None, checks: tuple[Check, ...]) -> dict[str, Any]:
    document: dict[str, Any] = {
        "figures": {name: _figure(one) for name, one in figures.items()},
        "text": {name: text_of(one) for name, one in figures.items() if type(one).__name__ == "Text"},
    }
    if example is not None:
        document["example"] = {"name": example.name, "row": example.row, "deck": example.deck}
        document["expect"] = [{"name": c.name, "ok": c.ok, "expected": c.expected, "found": c.found} for c in checks]
        error = example.erratum
        document["erratum"] = {"number": error.number, "says": error.says, "correct": error.correct} if error else None
    return document


def _figure(figure: Figure) -> dict[str, Any]:
    array = array_of(figure)
    told: dict[str, Any] = {"kind": type(figure).__name__}
    if array is not None:
        told["shape"] = array.shape
        if array.size <= SMALL:
            told["values"] = array
    return told


def _text(document: dict[str, Any]) -> str:
    lines = [f"{name}: {text}" for name, text in document["text"].items() if text]
    lines += [f"{name}:\n{one['values']}" for name, one in document["figures"].items() if "values" in one]
    lines += [f"{'ok' if c['ok'] else 'WRONG'}  {c['name']} = {c['expected']}" for c in document.get("expect", ())]
    if document.get("erratum"):
        error = document["erratum"]
        lines.append(f"{error['number']}: the deck says {error['says']}; correct is {error['correct']}")
    return "\n".join(lines)


COMMAND = Command(
    "lab",
    "run a lab without a window",
    "medviz lab convolution --example CONV-1 --json",
    _arguments,
    _run,
)
