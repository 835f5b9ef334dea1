"""Correct, learn, prove: a run learns on from corrected cases, and is measured before and after."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from medviz.data.corrected import Corrected, add, count
from medviz.data.preparation import Preparation
from medviz.data.whole import WholeCase, whole_cases
from medviz.imaging.proof import Proof, scores
from medviz.imaging.volume import Volume
from medviz.messages import Note, Progress, Work
from medviz.parameters import Settings
from medviz.refused import Refused
from medviz.training.device import chosen
from medviz.training.evaluating import best_network
from medviz.training.run import load_task
from medviz.training.task import Task
from medviz.training.tellers import VoxelTeller
from medviz.training.trainer import train

STEPS, SHARE_OF_RATE = 60, 0.1
"""So many steps, at a tenth of the run's rate, unless a person wants more."""
MOST_OLD = 40
"""So many old held-out cases are measured; more take long and tell little more."""


def correct(
    run: Path, folder: Path, scan: Volume, labels: Any, names: Mapping[int, str], tasks: Mapping[str, type[Task]]
) -> Work[int]:
    """Keep a scan with corrected labels (x, y, z) for a run; return how many it has now.

    Where all labels have `names` that the run knows, these count and not the values: another table may number them
    otherwise.
    """
    yield Progress(0, 0, "keeping the correction")
    task = load_task(run, tasks)
    data = task.data_set()
    if not hasattr(data, "preparation"):
        raise Refused(run, "it labels no voxels", "correct the labels of a segmentation run")
    return add(folder, scan, numbered(np.asarray(labels), names, tuple(data.classes)), data.classes)


def numbered(labels: NDArray[Any], names: Mapping[int, str], classes: Sequence[str]) -> NDArray[Any]:
    """Give labels the numbers that the run's classes have, by their names where all are known."""
    known = {name.casefold(): value for value, name in enumerate(classes, start=1)}
    used = [int(value) for value in np.unique(labels) if value]
    if not used or not all(names.get(value, "").casefold() in known for value in used):
        return labels
    made = np.zeros(labels.shape, np.uint8)
    for value in used:
        made[labels == value] = known[names[value].casefold()]
    return made


def learn(
    run: Path, folder: Path, out: Path, tasks: Mapping[str, type[Task]], steps: int = STEPS, rate: float | None = None
) -> Work[Proof]:
    """Fine-tune a copy of a run on its corrected cases and old ones, and measure both networks on the same cases.

    The run itself stays as it is. Half of the samples are old. The learning rate rises to a tenth of the run's and
    falls to nothing: an optimiser begins anew, and at full rate its first steps would undo what was learnt.
    """
    task = load_task(run, tasks)
    if not count(folder):
        raise Refused(folder, "there is no corrected case yet", "correct a prediction and keep it first")
    tuned = tuned_task(task, run, folder, steps, rate)
    data = tuned.data_set()
    before = best_network(run, tuned, data)
    told = yield from _measured(tuned, before, data, "before")
    yield Note(f"Learns {steps} steps from {count(folder)} corrected and all old cases, at {tuned.learning_rate:g}")
    yield from train(tuned, out)
    after = best_network(out, tuned, data)
    again = yield from _measured(tuned, after, data, "after")
    return Proof(out, tuple(scores(which, told[which], again[which]) for which in told), steps)


def tuned_task(task: Task, run: Path, folder: Path, steps: int, rate: float | None) -> Task:
    """The recipe of the run, to go on from its weights with old and corrected cases for a few steps."""
    data = Settings("corrected", (("run", str(run)), ("folder", str(folder))))
    return replace(
        task, data=data, start=str(run), steps=steps, learning_rate=rate or task.learning_rate * SHARE_OF_RATE,
        schedule="warm-up",
        warm_up=0.2, validate_every=100, patience=None, ema=0.0,
    )  # fmt: skip


def _measured(task: Task, network: nn.Module, data: Corrected, when: str) -> Work[dict[Any, list[float]]]:
    """Mean foreground Dice of each case, on its own grid: old ones held out, corrected ones apart and learnt from."""
    dimensions = int(getattr(task, "dimensions", 3))
    device = chosen(task.device)
    groups: dict[Any, Sequence[WholeCase]] = {
        "old": whole_cases(data, dimensions, MOST_OLD),
        "apart": data.corrections(dimensions, apart=True),
        "learnt": data.corrections(dimensions, apart=False),
    }
    network = network.to(device).eval()
    preparation = _preparation(task, data)
    total, done = sum(map(len, groups.values())), 0
    found: dict[Any, list[float]] = {which: [] for which in groups}
    for which, wholes in groups.items():
        for whole in wholes:
            yield Progress(done, total, f"measuring {when}, case {done + 1} of {total}")
            found[which].append((yield from _dice(network, whole, preparation, data.classes, device)))
            done += 1
    return found


def _dice(
    network: nn.Module, whole: WholeCase, preparation: Preparation, classes: Sequence[str], device: torch.device
) -> Work[float]:
    teller = VoxelTeller([whole], preparation, classes)
    snapshot = yield from teller.snapshot(network, 0, device)
    values = list(snapshot.measures.values())
    return float(np.mean(values)) if values else float("nan")


def _preparation(task: Task, data: Corrected) -> Preparation:
    told = task.told(data)
    if not isinstance(told, VoxelTeller):
        raise Refused(task.NAME, "it labels no voxels", "correct the labels of a segmentation run")
    return told.preparation
