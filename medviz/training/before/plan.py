"""What a training will cost, before it begins: memory from a pass that takes none, time from a small trial."""

import time
from dataclasses import dataclass
from typing import Any

import torch

from medviz.training import device
from medviz.training.before.trial import Material, material
from medviz.training.before.weighing import PEAK, Kept, Weight, weighed, weight_bytes
from medviz.training.chance import apart
from medviz.training.freezing import blocks_of
from medviz.training.learner import Learner, TooLarge
from medviz.training.sampling import size_of
from medviz.training.task import Batch, Task
from medviz.training.using.estimating import free_bytes

TRIED_FLOPS = 4e9
"""A step up to this arithmetic is tried whole; of a larger one as many samples as fit, two at least."""
HALF = 0.6
"""What mixed precision leaves of the activations: most are in half the bytes, some layers stay in 32 bit."""
FITS = 0.9
"""More than this share of the free memory is not planned with."""


@dataclass(frozen=True)
class Trial:
    """Seconds of one step of `size` samples on the device, and of loading them."""

    size: int
    seconds: float
    loading_s: float


def plan(task: Task) -> dict[str, Any]:
    """Count weights, samples and steps, and tell memory and time; nothing is kept, and no whole step's memory taken.

    `memory_mib` is what activations, weights, gradients and optimiser take at their height, `free_mib` what is free,
    `fits` whether the one goes into the other. "seconds" are left out where nothing could be tried.
    """
    with device.considerate(task.deterministic), apart(task.seed):
        return planned(task, material(task))


def planned(task: Task, found: Material, tried: bool = True) -> dict[str, Any]:
    """Make the plan of material that was read; see `plan`. The caller keeps the random numbers apart.

    With `tried` a small trial tells the time.
    """
    learner = found.learner()
    network, order = learner.network, found.order
    size = min(task.batch, order.count)
    first = found.batch(0, most=min(size, 2))[0]
    weight = weighed(task, network, first, size) or _counted(learner, first, size)
    memory = weight.memory_bytes - round(weight.activations * PEAK * (1 - HALF) * (found.precision.dtype is not None))
    free = free_bytes(found.device)
    total = task.steps or task.epochs * order.steps
    told: dict[str, Any] = {
        "parameters": sum(one.numel() for one in network.parameters()),
        "trainable": sum(one.numel() for one in network.parameters() if one.requires_grad),
        "blocks": list(blocks_of(network)),
        "training_samples": len(found.samples),
        "steps": total,
        "steps_per_epoch": order.steps,
        "gflop_per_step": round(weight.flops * order.per_step / 1e9, 3),
        "memory_mib": memory / 2**20,
        "free_mib": free / 2**20,
        "fits": memory <= FITS * free,
        "device": device.in_words(found.device),
        "precision": found.precision.name,
    }
    if tried and told["fits"]:
        told |= _times(found, _tried(found, learner, weight, size), size, total)
    return told


def _times(found: Material, trial: Trial | None, size: int, total: int) -> dict[str, float]:
    if trial is None:
        return {}
    share = size * found.order.per_step / trial.size
    workers = found.task.workers
    loading_s = trial.loading_s * share
    # loader processes work beside the steps; without them each step waits for its samples
    step_s = max(trial.seconds * share, loading_s / workers) if workers else trial.seconds * share + loading_s
    return {
        "seconds_per_step": step_s,
        "seconds_loading": loading_s,
        "seconds_per_epoch": step_s * found.order.steps,
        "seconds": step_s * total,
    }


def _tried(found: Material, learner: Learner, weight: Weight, size: int) -> Trial | None:
    """Make two small steps on a copy; the second one counts (the first warms caches up)."""
    most = size if weight.flops <= TRIED_FLOPS else max(min(2, size), int(size * TRIED_FLOPS / weight.flops))
    began_s = time.perf_counter()
    batch = found.batch(0, most)[:1]
    loading_s = time.perf_counter() - began_s
    try:
        learner.step(batch, 0, 1.0)
        seconds = timed(found.device, learner, batch, 1)
    except TooLarge:
        return None
    return Trial(size_of(batch[0]), seconds, loading_s)


def timed(where: torch.device, learner: Learner, batches: list[Batch], number: int) -> float:
    """Make a step and return its seconds, the device's own work included."""
    wait_for(where)
    began_s = time.perf_counter()
    learner.step(batches, number, 1.0)
    wait_for(where)
    return time.perf_counter() - began_s


def wait_for(where: torch.device) -> None:
    """Wait until the device has done what it was given."""
    if where.type == "cuda":
        torch.cuda.synchronize(where)


def _counted(learner: Learner, batch: Batch, size: int) -> Weight:
    """Count what a real step of the few samples keeps, and scale it up: for losses that ask for values."""
    kept = Kept(learner.network)
    with torch.autograd.graph.saved_tensors_hooks(kept, lambda one: one):
        learner.step([batch], 0, 0.0)
    return Weight(kept.bytes * size // size_of(batch), weight_bytes(learner.task, learner.network), 0)
