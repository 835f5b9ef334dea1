"""``medviz train``: trains without a window; a window may attach to the run while it grows."""

import argparse
import time
from pathlib import Path
from typing import Any

from medviz.commands.command import Command, Said, as_json, assignment, existing, followed
from medviz.data import DATASETS
from medviz.data.layouts import recognised, task_for
from medviz.messages import Message, Note, Progress, Scalar
from medviz.networks import NETWORKS
from medviz.parameters import Part, parameter, turned
from medviz.refused import Refused
from medviz.tasks import TASKS
from medviz.training.plan import plan
from medviz.training.run import load_task, status
from medviz.training.trainer import train

CATALOGS = {"datasets": DATASETS, "networks": NETWORKS}


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("task", nargs="?", help=f"one of {', '.join(TASKS)}; not needed with --recipe or --resume")
    parser.add_argument("--data", help=f"one of {', '.join(DATASETS)}, or a folder or file in any layout that is known")
    parser.add_argument("--out", help="the folder of the run; a new one")
    parser.add_argument("--recipe", help="a TOML file with the task's parameters")
    parser.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", help="any parameter; network.width=32"
    )
    parser.add_argument("--device", help="auto, cpu, cuda or mps")
    parser.add_argument("--resume", metavar="RUN", help="go on with a run where it stopped")
    parser.add_argument("--dry-run", action="store_true", help="tell parameters, memory and time, train nothing")


def _run(options: argparse.Namespace) -> Said:
    folder = existing(options.resume) if options.resume else None
    task = load_task(folder, TASKS) if folder else task_of(options)
    if options.dry_run:
        document = plan(task)
        return Said(document, "\n".join(f"{name}: {value}" for name, value in document.items()))
    if folder is None and not options.out:
        raise Refused("medviz train", "there is no folder to write to", "add --out RUN")
    target = folder or Path(options.out).expanduser()
    return _trained(task, target, options, resume=folder is not None)


def _trained(task: Any, target: Path, options: argparse.Namespace, resume: bool) -> Said:
    start_s = time.monotonic()
    last: dict[str, float] = {}

    def hear(message: Message) -> None:
        if isinstance(message, Scalar) and message.name.startswith("validation/"):
            last[message.name] = message.value
        if options.json:
            print(as_json(_spoken(message), indent=None), flush=True)

    followed(train(task, target, resume=resume), options.quiet or options.json, hear)
    seconds = time.monotonic() - start_s
    end = {"message": "end", "best": status(target).get("best"), "last": last, "seconds": seconds, "run": str(target)}
    if options.json:
        print(as_json(end, indent=None), flush=True)
        return Said()
    curves = "\n".join(f"  {name}: {value:.4f}" for name, value in last.items())
    return Said(end, f"{target}: done in {seconds:.0f} s; at the last validation\n{curves}")


def _spoken(message: Message) -> dict[str, Any]:
    if isinstance(message, Scalar):
        return {"message": "scalar", "name": message.name, "step": message.step, "value": message.value}
    if isinstance(message, Progress):
        return {"message": "progress", "done": message.done, "total": message.total, "left_s": message.left_s}
    if isinstance(message, Note):
        return {"message": "note", "text": message.text, "level": message.level, "remedy": message.remedy}
    return {"message": "figure", "name": message.name, "kind": type(message).__name__}


def task_of(options: argparse.Namespace) -> Any:
    """Make the task that the arguments describe: the recipe first, then --data, --set and --device over it."""
    task = load_task(existing(options.recipe), TASKS) if options.recipe else None
    if options.task and (task is None or TASKS.name_of(task) != options.task):
        if task is not None:
            raise Refused(options.recipe, f"it is a recipe for {TASKS.name_of(task)}", f"leave out {options.task}")
        task = TASKS[options.task]()
    if task is None:
        raise Refused("medviz train", "no task is named", f"name one of {', '.join(TASKS)}")
    if options.data:
        task = _with_data(task, options.data)
    sets = [*options.set, *([f"device={options.device}"] if options.device else [])]
    for text in sets:
        task = turned(task, *assignment(text), catalogs=CATALOGS)
    return task


def _with_data(task: Any, data: str) -> Any:
    if data in DATASETS:
        return turned(task, "data", data, CATALOGS)
    if not Path(data).expanduser().exists():
        raise Refused(data, "it is neither a data set's name nor a file or folder", f"there are {', '.join(DATASETS)}")
    found = recognised(Path(data))
    part, serves = parameter(task, "data").mark(Part), task_for(found)
    if part is not None and part.only and found.name not in part.only:
        fault = f"it is a data set for {serves} ({found.name})"
        raise Refused(data, fault, f"train {serves} with it, or choose data for {TASKS.name_of(task)}")
    task = turned(task, "data", found.name, CATALOGS)
    for name, value in found.values:
        task = turned(task, f"data.{name}", str(value), CATALOGS)
    return task


COMMAND = Command(
    "train",
    "train without a window",
    "medviz train segmentation --data mni152 --out runs/tissue --set epochs=5 --set network.width=16",
    _arguments,
    _run,
)
