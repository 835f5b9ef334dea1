"""How the learning rate changes during a run: a pure function of how far the run is."""

import math
from collections.abc import Callable

from medviz.training.task import Task


def shape(task: Task, share: float) -> float:
    """Factor of the learning rate when `share` (0..1) of the run is done; a plateau is decided by the trainer."""
    share = min(max(share, 0.0), 1.0)
    if task.schedule == "step":
        return float(task.drop ** math.floor(share * (task.drops + 1) * (1 - 1e-12)))
    if task.schedule == "cosine":
        return _half_cosine(share)
    if task.schedule == "poly":
        return float((1 - share) ** 0.9)  # nnU-Net's power
    if task.schedule == "warm-up":
        return _rise(share, task.warm_up, 0.01, _half_cosine)
    if task.schedule == "one-cycle":
        return _rise(share, task.warm_up, 0.04, lambda after: 1e-4 + (1 - 1e-4) * _half_cosine(after))
    return 1.0


def _half_cosine(share: float) -> float:
    return 0.5 * (1 + math.cos(math.pi * share))


def _rise(share: float, up: float, start: float, after: Callable[[float], float]) -> float:
    if share < up:
        return start + (1 - start) * share / up
    return after((share - up) / (1 - up))
