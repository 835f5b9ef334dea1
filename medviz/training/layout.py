"""How a network lies in memory, and whether it is translated for the machine first; where that helps and can be."""

import importlib.util
import os
import shutil
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from medviz.refused import Refused
from medviz.training.device import Precision
from medviz.training.task import Batch, Task

_FORMATS = {4: torch.channels_last, 5: torch.channels_last_3d}
WORTH_STEPS = 3000
"""Translating takes a minute or more (a small U-Net on one busy core: 160 s); fewer steps do not win that back."""


def last(task: Task, device: torch.device, precision: Precision) -> bool:
    """Tell whether the channels of a pixel lie side by side; automatic: on an NVIDIA GPU in mixed precision.

    On a processor it is a matter of the network: steps of a U-Net took 0.94 (2-D) and 0.97 (3-D) of the time, of
    EfficientNet-Lite 0.79, of ResNet 1.18 (one core, torch 2.13).
    """
    if task.channels_last == "auto":
        return device.type == "cuda" and precision.dtype is not None
    return task.channels_last == "on"


def laid(network: nn.Module) -> nn.Module:
    """Lay out the weights of convolutions so."""
    for one in network.parameters():
        if one.ndim in _FORMATS:
            one.data = one.data.contiguous(memory_format=_FORMATS[one.ndim])
    return network


def laid_batch(batch: Batch) -> Batch:
    """Lay out the pictures of a batch so."""
    return {name: _laid(value) if isinstance(value, Tensor) else value for name, value in batch.items()}


def as_weights(optimiser: Optimizer) -> None:
    """Lay out what an optimiser keeps as its weights: its fused step goes through the memory of both side by side."""
    for weight, kept in optimiser.state.items():
        for name, value in kept.items():
            if isinstance(value, Tensor) and value.shape == weight.shape and value.stride() != weight.stride():
                kept[name] = torch.empty_like(weight, dtype=value.dtype).copy_(value)


def gradients_as_weights(weights: Iterable[nn.Parameter]) -> None:
    """Lay out gradients as their weights, for the same reason: those that came from other processes lie otherwise."""
    for one in weights:
        if one.grad is not None and one.grad.stride() != one.stride():
            one.grad = torch.empty_like(one).copy_(one.grad)


def compiling(task: Task, device: torch.device, steps: int) -> bool:
    """Tell whether the network is translated for the machine; refuses to where there is no compiler.

    Automatic: for long runs on an NVIDIA GPU, where it can be.
    """
    if task.compile == "off" or (task.compile == "auto" and (device.type != "cuda" or steps < WORTH_STEPS)):
        return False
    fault = lacking(device)
    if fault and task.compile == "on":
        raise Refused("compile=on", fault, "install one, or take compile=off")
    return not fault


def lacking(device: torch.device) -> str:
    """Say what is missing to translate a network for a device; empty where nothing is."""
    if device.type == "cuda":
        return (
            "" if importlib.util.find_spec("triton") else "torch has no Triton here, which writes its programs for GPUs"
        )
    if device.type != "cpu":
        return "torch translates for NVIDIA GPUs and processors only"
    names = ("cl",) if os.name == "nt" else (os.environ.get("CXX", "g++"), "g++", "clang++")
    return "" if any(map(shutil.which, names)) else f"there is no C++ compiler here ({', '.join(dict.fromkeys(names))})"


def of_compiler(problem: BaseException) -> bool:
    """Tell whether an error came from the translation and not from the network."""
    return any(kind.__module__.startswith(("torch._dynamo", "torch._inductor")) for kind in type(problem).__mro__)


def translated(network: nn.Module) -> Any:
    """Return the network as it is called once it is translated; the weights are the same."""
    return torch.compile(network, dynamic=None)


def _laid(value: Tensor) -> Tensor:
    if value.ndim not in _FORMATS or not value.is_floating_point():
        return value
    return value.contiguous(memory_format=_FORMATS[value.ndim])
