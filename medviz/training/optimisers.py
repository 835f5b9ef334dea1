"""How a gradient becomes a change of the weights: torch's optimisers by the names a person knows."""

from collections.abc import Callable, Sequence

import torch
from torch import nn
from torch.optim import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop

from medviz.training.task import Task


def optimiser(task: Task, parameters: Sequence[nn.Parameter], rate: float, device: torch.device) -> Optimizer:
    """Make the optimiser that the task names; fused (one kernel for all weights) where torch has it."""
    decay = task.weight_decay
    fused = device.type in ("cpu", "cuda")
    betas = (task.momentum, 0.999)
    kinds: dict[str, Callable[[], Optimizer]] = {
        "sgd": lambda: SGD(parameters, rate, weight_decay=decay, fused=fused),
        "momentum": lambda: SGD(parameters, rate, momentum=task.momentum, weight_decay=decay, fused=fused),
        "nesterov": lambda: SGD(
            parameters, rate, momentum=task.momentum, weight_decay=decay, nesterov=task.momentum > 0, fused=fused
        ),
        "adagrad": lambda: Adagrad(parameters, rate, weight_decay=decay),
        "rmsprop": lambda: RMSprop(parameters, rate, weight_decay=decay, momentum=task.momentum),
        "adam": lambda: Adam(parameters, rate, betas, weight_decay=decay, fused=fused),
        "adamw": lambda: AdamW(parameters, rate, betas, weight_decay=decay, fused=fused),
    }
    return kinds[task.optimiser]()
