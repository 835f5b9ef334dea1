"""``medviz train --with-and-without``: the same training with synthetic samples and without, compared case by case."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from medviz.commands.command import Said, as_json
from medviz.commands.taught import trained
from medviz.refused import Refused
from medviz.training import against
from medviz.training.before.trial import material
from medviz.training.trainer import train
from medviz.training.using.taught import said_in


def with_and_without(task: Any, target: Path, options: argparse.Namespace) -> Said:
    """Train without the synthetic samples, then with them: same seed, same number of steps; tell the difference.

    The run without lies beside `target`, its name ends in "-without". Refuses a task that is asked for none.
    """
    count = int(getattr(task, "synthetic", 0))
    if not count:
        remedy = "say --set synthetic=N --set synthetic_from=RUN"
        raise Refused("--with-and-without", "no synthetic samples are asked for", remedy)
    beside = target.with_name(f"{target.name}-without")
    for folder in (target, beside):
        if (folder / "task.toml").exists():
            raise Refused(folder, "there is a run in it already", "choose a new folder")
    plain, mixed = pair(task, beside)
    said = []
    for one, folder in ((plain, beside), (mixed, target)):
        told = trained(train(one, folder), folder, options.json, options.quiet)
        said.append(told)
    found = said_in(target / against.FILE)
    if options.json:
        print(as_json({"message": "against", **found}, indent=None), flush=True)
        return Said()
    return Said(found, "\n".join([*(one.text for one in said), _words(found, count)]))


def pair(task: Any, beside: Path) -> tuple[Any, Any]:
    """Return the task without its synthetic samples, and with them: both make as many steps.

    An epoch without them is shorter; the run without is validated as often, counted in steps.
    """
    added = task.added(task.data_set())
    if added is not None:
        added.check()
    plain = replace(task, synthetic=0, synthetic_from="", against="")
    longer, shorter = material(task).order.steps, material(plain).order.steps
    steps = task.steps or task.epochs * longer
    every = min(100, max(1, round(task.validate_every * longer / shorter)))
    return replace(plain, steps=steps, validate_every=every), replace(task, steps=steps, against=str(beside))


def _words(found: dict[str, Any], count: int) -> str:
    if not found:
        return "The two runs could not be compared; their notes say why."
    lines = [
        f"with {count} synthetic samples and without, on the same held-out cases ({found['set']}), 95 % intervals:"
    ]
    for name, one in found["measures"].items():
        each = (
            "" if one["better"] is None else f", better in {one['better']} of {one['cases']}, worse in {one['worse']}"
        )
        share = f"{one['difference']:+.4f} ({one['low']:+.4f} to {one['high']:+.4f})"
        lines.append(f"  {name}: {one['mine']:.4f} with, {one['other']:.4f} without: {share}{each}")
    lines.append(f"by {found['measure']}: {found['verdict']} with them; another seed is another pair of runs")
    return "\n".join(lines)
