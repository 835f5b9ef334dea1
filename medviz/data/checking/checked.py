"""The check itself: every case is read once, beside the window, and what is wrong is told worst first."""

import time
from collections.abc import Sequence
from dataclasses import replace

from medviz.data import DATASETS
from medviz.data.checking.entries import Listing
from medviz.data.checking.fingerprinting import counted, fingerprint
from medviz.data.checking.listing import listed
from medviz.data.checking.measuring import Measured, measured
from medviz.data.checking.report import CheckReport, Problem, Repair, sorted_problems
from medviz.data.checking.whole import relabelling, together
from medviz.data.layouts import task_for
from medviz.messages import Progress, Work
from medviz.parameters import Settings
from medviz.refused import Refused

_NO_PICTURES = ("points", "report_sentences")
"""Data sets of another kind than what is checked here."""


def checked(settings: Settings, task: str = "", dimensions: int = 0) -> Work[CheckReport]:
    """Check a data set for a task (empty: the one that it serves first); refuses what is no data set at all.

    A case that cannot be read is a row of the report and does not end the check. Nothing is kept of the voxels.
    """
    if settings.name in _NO_PICTURES:
        fault = "it has no pictures whose labels could be wrong"
        raise Refused(settings.name, fault, "train on it as it is")
    began_s = time.perf_counter()
    yield Progress(0, 0, "listing the cases")
    listing = listed(settings, dimensions)
    seen: list[Measured] = []
    for number, entry in enumerate(listing.entries):
        yield Progress(number, len(listing.entries), "checking the data")
        seen.append(measured(entry, listing))
    yield Progress(len(seen), len(listing.entries), "checking the data")
    return _report(settings, task or task_for(settings), listing, seen, time.perf_counter() - began_s)


def _report(settings: Settings, task: str, listing: Listing, seen: Sequence[Measured], seconds: float) -> CheckReport:
    classes = counted(seen, listing)
    problems = [*listing.problems, *_with_relabelling(seen, listing)]
    problems += together(seen, listing, classes)
    kept = listing.mends
    return CheckReport(
        settings=settings,
        layout=DATASETS.entries[settings.name].title or settings.name,
        task=task,
        classes=listing.classes,
        cases=tuple(one.facts for one in seen),
        problems=sorted_problems(_only(one, kept) for one in problems),
        fingerprint=fingerprint(seen, listing, classes),
        seconds=seconds,
    )


def _with_relabelling(seen: Sequence[Measured], listing: Listing) -> list[Problem]:
    """Offer for undeclared labels what they most likely mean, or that they are background."""
    values = relabelling(seen, listing)
    likely = (Repair(f"use {values.replace('=', ' as ')}", "relabel", values),) if values else ()
    made: list[Problem] = []
    for one in seen:
        for problem in one.problems:
            if problem.kind == "labels" and one.strange:
                nothing = ", ".join(f"{value}=0" for value in one.strange)
                words = f"read {', '.join(map(str, one.strange[:3]))} as background"
                extra = (*likely, Repair(words, "relabel", nothing)) if len(one.strange) <= 3 else likely
                problem = replace(problem, repairs=(*extra, *problem.repairs))
            made.append(problem)
    return made


def _only(problem: Problem, mends: frozenset[str]) -> Problem:
    """Keep the repairs that the data set knows."""
    return replace(problem, repairs=tuple(one for one in problem.repairs if one.field in mends))
