"""How many samples a second are made ready: drawn by hand, through the loader, and with processes beside."""

import itertools
import time

import numpy as np
import torch

from medviz.parameters import Settings
from medviz.tasks.segmentation import Segmentation
from medviz.training.sampling import Lessons, Order
from tests.benchmarks.measuring import Measured

SECONDS = 6.0
TASKS = {
    "2-D slices of a head, changed at random": Segmentation(augment=1.0, batch=4),
    "3-D patches of 64³, changed at random": Segmentation(
        data=Settings("phantoms", (("size", 96),)), dimensions=3, patch=64, augment=1.0, batch=2
    ),
}


def measure() -> dict[str, list[Measured]]:
    return {f"Samples made ready: {name}": rows(task) for name, task in TASKS.items()}


def rows(task: Segmentation) -> list[Measured]:
    samples = task.training(task.data_set())
    alone = by_hand(samples)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        loaded = {workers: through_the_loader(samples, task, workers) for workers in (0, 1, 2)}
    finally:
        torch.set_num_threads(threads)
    found = [Measured("drawn in a loop", alone, "samples/s")]
    words = {0: "no process beside", 1: "one process beside", 2: "two processes beside"}
    found += [Measured(f"loader, {words[workers]}", speed, "samples/s") for workers, speed in loaded.items()]
    return [*found, Measured("loader / loop, no process beside", loaded[0] / alone, "×", at_least=0.9)]


def by_hand(samples: object) -> float:
    count, began_s = 0, time.perf_counter()
    for index in itertools.cycle(range(len(samples))):  # type: ignore[arg-type]
        samples.drawn(index, np.random.default_rng((0, count)))  # type: ignore[attr-defined]
        count += 1
        if time.perf_counter() - began_s > SECONDS:
            return count / (time.perf_counter() - began_s)
    return 0.0


def through_the_loader(samples: object, task: Segmentation, workers: int) -> float:
    """Speed from the second step on: processes take seconds to begin."""
    order = Order(len(samples), task.batch, 1, 0)  # type: ignore[arg-type]
    lessons = Lessons(samples, order, workers, torch.device("cpu"))  # type: ignore[arg-type]
    count, began_s = 0, 0.0
    try:
        for epoch in itertools.count():
            for batches in lessons.of(epoch, 0):
                if not began_s:
                    began_s = time.perf_counter()
                    continue
                count += sum(len(batch["image"]) for batch in batches)
                if time.perf_counter() - began_s > SECONDS:
                    return count / (time.perf_counter() - began_s)
    finally:
        lessons.close()
    return 0.0
