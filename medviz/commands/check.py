"""``medviz check``: reads a data set as training would, and reports what is wrong with it before an hour is lost."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from medviz.commands.command import Command, Said, assignment, followed, table
from medviz.data import DATASETS
from medviz.data.checking.checked import checked
from medviz.data.checking.report import CheckReport, Fingerprint, Spread, rows_of
from medviz.data.layouts import recognised
from medviz.parameters import Settings, parameter
from medviz.refused import Refused
from medviz.tasks import TASKS

_SHOWN = 40
"""Rows of problems that a person is shown; --json has all."""


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "dataset", help=f"a folder or file in any layout that is known, or one of {', '.join(DATASETS)}"
    )
    parser.add_argument("--task", help=f"what it is to be learnt for: {', '.join(TASKS)}; else what it serves first")
    parser.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", help="a parameter of the data set; fold=1"
    )


def _run(options: argparse.Namespace) -> Said:
    settings = _settings(options.dataset, options.set, options.task or "")
    if options.task and options.task not in TASKS:
        raise Refused(options.task, "there is no such task", f"there are {', '.join(TASKS)}")
    found = followed(checked(settings, options.task or ""), options.quiet or options.json)
    return Said(found.plain, in_words(found))


def _settings(where: str, sets: Sequence[str], task: str = "") -> Settings:
    """Say which data set is meant: a name of the catalog, or a place in a layout that is known."""
    if where in DATASETS:
        found = Settings(where)
    elif not Path(where).expanduser().exists():
        fault = "it is neither a file or folder nor the name of a data set"
        raise Refused(where, fault, f"give a path, or one of {', '.join(DATASETS)}")
    else:
        found = recognised(Path(where), task)
    values: dict[str, Any] = {}
    for text in sets:
        name, value = assignment(text)
        values[name] = parameter(DATASETS[found.name], name).parsed(value)
    return found.turned(**values)


def in_words(found: CheckReport) -> str:
    """Write a report for a person: what it is, what is wrong worst first, what it is like."""
    title = f"{found.layout}: {len(found.cases)} cases for {found.task}, {len(found.classes)} classes"
    rows = rows_of(found.problems)
    lines = [title, *_like(found.fingerprint), ""]
    if not rows:
        return "\n".join([*lines, "0 problems"])
    faults = sum(row.problem.severity != "note" for row in rows)
    lines.append(f"{faults} problem{'' if faults == 1 else 's'}" + (", and notes" if faults < len(rows) else ""))
    for row in rows[:_SHOWN]:
        one = row.problem
        lines.append(f"{one.severity:<8} {row.where}: {one.sentence}\n         → {one.remedy}")
    if len(rows) > _SHOWN:
        lines.append(f"… and {len(rows) - _SHOWN} more (--json has all)")
    return "\n".join(lines)


def _like(one: Fingerprint) -> list[str]:
    """Write the fingerprint in a few lines."""
    of_patients = f", {one.patients} patients" if one.patients < one.cases else ""
    lines = [f"{one.cases} can be read{of_patients}, {one.held_out} of them held out"]
    if one.shape.middle:
        lines.append(f"size {_range(one.shape)} {'voxels' if one.dimensions == 3 else 'pixels'}")
    if one.spacing_mm is not None:
        lines.append(f"spacing {_range(one.spacing_mm)} mm")
    if one.classes:
        head = ("class", "cases", one.counted, "share %")
        rows = [(kind.name, str(kind.cases), f"{kind.count:,}", f"{100 * kind.share:.1f}") for kind in one.classes]
        lines.append(table(rows, head))
    return lines


def _range(spread: Spread) -> str:
    """Write "35×51×35 (32×40×26 to 42×59×46)", or the one size that all have."""
    low, middle, high = (
        "×".join(f"{value:.4g}" for value in some) for some in (spread.low, spread.middle, spread.high)
    )
    return middle if low == high else f"{middle} ({low} to {high})"


COMMAND = Command(
    "check",
    "what is wrong with a data set, before training",
    "medviz check Task04_Hippocampus --task segmentation --json",
    _arguments,
    _run,
)
