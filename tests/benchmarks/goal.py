"""How long until a network is good: from the first word to the first validation that reaches the target."""

import dataclasses
import tempfile
import time
from pathlib import Path

import torch

from medviz.messages import Scalar
from medviz.tasks.segmentation import Segmentation
from medviz.training.trainer import train
from tests.benchmarks.measuring import Measured

TARGETS = (0.80, 0.90, 0.93)
TASK = Segmentation(device="cpu", epochs=8, validate_every=1)


def measure() -> dict[str, list[Measured]]:
    """Train grey and white matter on slices of one half of a head, with the task's own defaults."""
    found = {f"Grey and white matter of a head, 2-D, {torch.get_num_threads()} threads": reached(TASK)}
    if torch.cuda.is_available():
        for precision in ("32", "bf16"):
            task = dataclasses.replace(TASK, device="cuda", precision=precision)
            found[f"The same on {torch.cuda.get_device_name()}, {precision}"] = reached(task)
    return found


def reached(task: Segmentation) -> list[Measured]:
    began_s, reached_s, best = time.perf_counter(), dict[float, float](), 0.0
    with tempfile.TemporaryDirectory() as folder:
        for message in train(task, Path(folder) / "run"):
            if isinstance(message, Scalar) and message.name == task.BEST:
                best = max(best, message.value)
                for target in TARGETS:
                    if message.value >= target:
                        reached_s.setdefault(target, time.perf_counter() - began_s)
    rows = [Measured(f"until Dice {target:.2f}", seconds, "s") for target, seconds in reached_s.items()]
    return [*rows, Measured("best Dice", best, "", at_least=TARGETS[1])]
