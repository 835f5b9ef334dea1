"""A case of a run's results as files that a viewer opens: the scan, what the network makes of it, and the reference."""

import atexit
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import torch

from medviz.imaging.readers import write
from medviz.messages import Progress, Work
from medviz.training.chance import apart
from medviz.training.device import considerate
from medviz.training.evaluating import best_network, place_of
from medviz.training.run import load_task
from medviz.training.task import Task


def case_files(folder: Path, name: str, tasks: Mapping[str, type[Task]]) -> Work[tuple[Path, ...]]:
    """Write scan, prediction and reference of a case ("validation 3") into a folder of the system's temporary files.

    Their names tell what they are and never whose; only this user may read the folder, and it goes with the program.
    Refuses a case that the run has not got.
    """
    task = load_task(folder, tasks)
    with considerate(task.deterministic), apart(task.seed):
        yield Progress(0, 0, "reading the data")
        data = task.data_set()
        group, number = place_of(folder, task, data, name)
        network = best_network(folder, task, data)
        with torch.no_grad():
            shown = yield from task.opened(network, data, group, number)
    where = Path(tempfile.mkdtemp(prefix="medviz-case-"))
    atexit.register(shutil.rmtree, where, ignore_errors=True)
    paths: list[Path] = []
    for what, volume in shown.items():
        yield Progress(len(paths), len(shown), f"writing the {what}")
        write(volume, where / f"{what}.nii.gz")
        paths.append(where / f"{what}.nii.gz")
    return tuple(paths)
