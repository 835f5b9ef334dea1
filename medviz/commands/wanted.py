"""The task that the words of ``medviz train`` describe."""

import argparse
from pathlib import Path
from typing import Any

from medviz.commands.command import assignment
from medviz.commands.recipes import recipe_at
from medviz.data import DATASETS
from medviz.data.layouts import recognised, task_for
from medviz.networks import NETWORKS
from medviz.parameters import Part, parameter, turned
from medviz.refused import Refused
from medviz.tasks import TASKS
from medviz.training.run import load_task

CATALOGS = {"datasets": DATASETS, "networks": NETWORKS}


def task_of(options: argparse.Namespace) -> Any:
    """Make the task that the arguments describe: the recipe first, then --data, --set and --device over it."""
    task = load_task(recipe_at(options.recipe), TASKS) if options.recipe else None
    if options.task and (task is None or TASKS.name_of(task) != options.task):
        if task is not None:
            raise Refused(options.recipe, f"it is a recipe for {TASKS.name_of(task)}", f"leave out {options.task}")
        task = TASKS[options.task]()
    if task is None:
        raise Refused("medviz train", "no task is named", f"name one of {', '.join(TASKS)}")
    if options.data:
        task = _with_data(task, options.data)
    return as_set(task, options)


def as_set(task: Any, options: argparse.Namespace) -> Any:
    """Lay --set and --device over a task: one that is made, or that of a run which goes on."""
    sets = [*options.set, *([f"device={options.device}"] if options.device else [])]
    for text in sets:
        task = turned(task, *assignment(text), catalogs=CATALOGS)
    return task


def _with_data(task: Any, data: str) -> Any:
    if data in DATASETS:
        return turned(task, "data", data, CATALOGS)
    if not Path(data).expanduser().exists():
        raise Refused(data, "it is neither a data set's name nor a file or folder", f"there are {', '.join(DATASETS)}")
    found = recognised(Path(data), TASKS.name_of(task))
    part, serves = parameter(task, "data").mark(Part), task_for(found)
    if part is not None and part.only and found.name not in part.only:
        fault = f"it is a data set for {serves} ({found.name})"
        raise Refused(data, fault, f"train {serves} with it, or choose data for {TASKS.name_of(task)}")
    task = turned(task, "data", found.name, CATALOGS)
    for name, value in found.values:
        task = turned(task, f"data.{name}", str(value), CATALOGS)
    return task
