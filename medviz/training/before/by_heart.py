"""Can the network learn one batch by heart? If not, something is wrong with data, loss or network, not with time."""

import math
import time

import torch

from medviz.messages import Progress, Scalar, Work
from medviz.refused import Refused
from medviz.training.before.trial import material, untouched
from medviz.training.device import in_words
from medviz.training.learner import Learner, TooLarge
from medviz.training.sampling import size_of
from medviz.training.task import Task

STEPS, LIMIT_S = 150, 90.0
LEARNT, HALF_WAY = 0.2, 0.7
"""Shares of the first loss: at the first the batch is known by heart, above the second nothing was learnt."""
_LAST = 5
"""Steps whose losses count together at the end."""


def overfit(task: Task, steps: int = STEPS, limit_s: float = LIMIT_S) -> Work[str]:
    """Teach a copy one batch over and over; yields its loss ("train/loss"), returns a verdict in a sentence.

    What makes learning harder on purpose is switched off: dropout stands still, nothing pulls the weights to zero.
    """
    verdict = yield from untouched(task, _learnt(task, steps, limit_s))
    return verdict


def _learnt(task: Task, steps: int, limit_s: float) -> Work[str]:
    yield Progress(0, steps, "reading the data")
    found = material(task)
    learner, batches = found.learner(), found.batch(0)[:1]
    _make_easy(learner)
    losses: list[float] = []
    began_s = time.monotonic()
    while len(losses) < steps and time.monotonic() - began_s < limit_s:
        try:
            readings = learner.step(batches, len(losses), 1.0)
        except TooLarge as problem:
            fault = "not even one sample at a time fits into the memory"
            raise Refused(in_words(found.device), fault, "take smaller patches or a smaller network") from problem
        parts = {name: float(value) for name, value in readings.items() if name.startswith("loss")}
        losses.append(sum(parts.values()))
        yield from (Scalar(f"train/{name}", len(losses), value) for name, value in parts.items())
        yield Progress(len(losses), steps, "learning one batch by heart")
        if not math.isfinite(losses[-1]) or (task.PARTS == ("",) and _mean(losses) < LEARNT / 4 * losses[0]):
            break
    return verdict(losses, size_of(batches[0]), len(task.PARTS))


def verdict(losses: list[float], samples: int, parts: int = 1) -> str:
    """Say in a sentence what came of learning one batch by heart."""
    first, last, steps = losses[0], _mean(losses), len(losses)
    way = f"{samples} sample{'s' if samples > 1 else ''}, {steps} steps, loss {first:.3g} → {last:.3g}"
    if not math.isfinite(losses[-1]):
        return f"The loss was not a number after {steps} steps: lower the learning rate or clip the gradient ({way})."
    if parts > 1:
        return f"Its {parts} parts learn against each other, so that no loss need fall ({way})."
    if last <= LEARNT * first:
        return f"It learns one batch by heart: data, loss and network fit together ({way})."
    if last <= HALF_WAY * first:
        return f"It learns one batch, but slowly: try a higher learning rate or a larger network ({way})."
    return f"It cannot learn even one batch: check that labels belong to the pictures, and the rate ({way})."


def _mean(losses: list[float]) -> float:
    return sum(losses[-_LAST:]) / len(losses[-_LAST:])


def _make_easy(learner: Learner) -> None:
    for layer in learner.network.modules():
        if isinstance(layer, torch.nn.modules.dropout._DropoutNd):
            layer.p = 0.0
    for one in learner.optimisers.values():
        for group in one.param_groups:
            group["weight_decay"] = 0.0
