"""What a training will cost, before it begins: one real step, measured."""

import time
from typing import Any

import torch
from torch import Tensor

from medviz.training.chance import apart
from medviz.training.device import chosen, considerate, in_words, precision_of
from medviz.training.learner import Learner
from medviz.training.sampling import Lessons, Order
from medviz.training.task import Task


def plan(task: Task) -> dict[str, Any]:
    """Count weights and steps, make two real steps on a copy, and tell memory and time; nothing is kept.

    `memory_mib` is what activations, weights, gradients and optimiser take at their height.
    """
    device = chosen(task.device)
    precision = precision_of(task.precision, device)
    with considerate(task.deterministic), apart(task.seed):
        data = task.data_set()
        samples = task.training(data)
        order = Order(len(samples), task.batch, task.accumulation, task.seed)
        learner = Learner(task, task.build(data), device, precision)
        batches = next(Lessons(samples, order, 0, device).of(0, 0))
        saved = _saved_bytes(learner, batches)
        start_s = time.perf_counter()
        learner.step(batches, 1, 1.0)
        if device.type == "cuda":
            torch.cuda.synchronize()
        step_s = time.perf_counter() - start_s
    weights = sum(one.numel() for one in learner.network.parameters())
    total = task.steps or task.epochs * order.steps
    return {
        "parameters": weights,
        "training_samples": len(samples),
        "steps": total,
        "steps_per_epoch": order.steps,
        "seconds_per_step": step_s,
        "seconds": step_s * total,
        "memory_mib": (saved + 16 * weights) / 2**20,
        "device": in_words(device),
        "precision": precision.name,
    }


def _saved_bytes(learner: Learner, batches: list[dict[str, Any]]) -> int:
    """Make a step and count the bytes that it keeps for the backward pass, each storage once."""
    seen: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        seen[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        learner.step(batches, 0, 1.0)
    return sum(seen.values())
