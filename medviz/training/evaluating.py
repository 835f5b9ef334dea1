"""The end of a run: its best weights over the samples it never learnt from, case by case."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from medviz.figures import Table
from medviz.messages import Note, Work
from medviz.refused import Refused
from medviz.training import checkpoints
from medviz.training.chance import apart
from medviz.training.device import chosen, considerate, precision_of
from medviz.training.results import FILE, SHEET, Results, judged_rows, read_results, written
from medviz.training.run import Run, load_task, weights
from medviz.training.sampling import Whole
from medviz.training.task import Task


def judged(task: Task, run: Run, data: Any, device: torch.device) -> Work[tuple[Results, ...]]:
    """Measure each case of the validation and of the test set with the best weights; write and draw the results.

    Yields Progress and, for each set, a Table "results/SET", the worst case first. What was measured with the same
    weights before is not measured again. What cannot be measured costs a note, and never the run.
    """
    if not run.best.exists():
        return ()
    found, about = checkpoints.read_weights(run.best)
    digest = checkpoints.weights_digest(found)
    known, before = read_results(run.folder)
    if known == digest:
        return before
    best = task.build(data)  # anew: what learns may be translated for its machine, and goes on
    best.load_state_dict(found)
    best = best.to(device).eval()
    results: list[Results] = []
    try:
        for group, samples in groups(task, data).items():
            rows = yield from task.evaluated(best, Whole(samples, device), data, group)
            if rows:
                results.append(judged_rows(group, rows, task.summarised))
                yield table(results[-1], task)
        document, sheet = written(results, digest, int(about.get("step", 0)))
        run.describe(FILE, document)
        run.describe(SHEET, sheet)
    except Refused as refusal:
        yield Note(f"The cases cannot be measured: {refusal.thing}: {refusal.fault}", "warning", refusal.remedy)
    except OSError as problem:
        yield Note(f"The results cannot be written ({problem.strerror or problem})", "warning", "Make room")
    return tuple(results)


def groups(task: Task, data: Any) -> Mapping[str, Any]:
    """The sets of samples that are measured: what was held out, and what is a test set apart."""
    test = task.testing(data)
    found = {"validation": task.validation(data), **({} if test is None else {"test": test})}
    return {name: samples for name, samples in found.items() if len(samples)}


def table(results: Results, task: Task) -> Table:
    """Draw results, the worst case first by the measure by which the best weights were chosen."""
    return results.table(task.BEST.removeprefix("validation/"), task.HIGHER)


def results_of(folder: Path, tasks: Mapping[str, type[Task]]) -> Work[Table]:
    """Return the results of a run as a Table: those that lie there, else they are measured now.

    Of several sets the test set counts. Refuses a run without weights.
    """
    task = load_task(folder, tasks)
    _, found = read_results(folder)
    if not found:
        if not Run(folder).best.exists():
            raise Refused(folder, "there are no best weights in it yet", "wait for the first validation")
        device = chosen(task.device)
        with considerate(task.deterministic), apart(task.seed):
            data = task.data_set()
            found = yield from _quietly(judged(task, Run(folder), data, device), task)
    if not found:
        raise Refused(folder, "its cases could not be measured", "check its data set")
    return table(found[-1], task)


def place_of(folder: Path, task: Task, data: Any, name: str) -> tuple[str, int]:
    """Return the set and the number there of a case of the results ("validation 3"); refuses one it has not got."""
    group, _, number = name.rpartition(" ")
    samples = groups(task, data).get(group)
    at = int(number) if number.isdecimal() else -1
    found = next((one.rows for one in read_results(folder)[1] if one.group == group), ())
    count = len(found) or (0 if samples is None else len(samples))
    if not 0 <= at < count:
        raise Refused(name, "the run has no such case", "take one of its table of results")
    return group, int(found[at].get("_at", at)) if found else at


def best_network(folder: Path, task: Task, data: Any) -> nn.Module:
    """Build the network of a run with its best weights, ready to be asked."""
    network = task.build(data)
    found, _ = weights(folder)
    network.load_state_dict(found)
    return network.to(chosen(task.device)).eval()


def _quietly(work: Work[Any], task: Task) -> Work[Any]:
    """Pull work that must not learn."""
    device = chosen(task.device)
    precision = precision_of(task.precision, device)
    while True:
        with torch.no_grad(), precision.autocast(device):
            try:
                message = next(work)
            except StopIteration as end:
                return end.value
        yield message
