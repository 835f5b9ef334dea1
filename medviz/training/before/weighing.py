"""What a step takes, told without taking it: a pass on torch's meta device, where tensors have a shape and no memory.

Hooks on what autograd keeps for the backward pass give the bytes of the activations exactly, the FLOP counter the
arithmetic; on real machines the height of the memory was 1.1 to 1.4 times the activations.
"""

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode

from medviz.training.device import out_of_memory
from medviz.training.learner import summed
from medviz.training.task import Batch, Task

PEAK = 1.25
"""Height of the memory over the bytes that are kept, in the middle of what was measured."""
_STATES = {"sgd": 0, "momentum": 1, "nesterov": 1, "adagrad": 1, "rmsprop": 2, "adam": 2, "adamw": 2}
"""Numbers that an optimiser keeps for each weight."""


@dataclass(frozen=True)
class Weight:
    """What one step takes: bytes kept for the backward pass, of the weights and all that belongs to them; FLOPs."""

    activations: int
    weights: int
    flops: int

    @property
    def memory_bytes(self) -> int:
        """Memory at its height."""
        return round(self.activations * PEAK) + self.weights


class Kept:
    """Counts the bytes that autograd keeps, each storage once, but for those of the weights."""

    def __init__(self, network: nn.Module) -> None:
        self._own = {one.untyped_storage()._cdata for one in network.parameters()}
        self._seen: dict[int, torch.UntypedStorage] = {}

    def __call__(self, tensor: Tensor) -> Tensor:
        """Take note of a tensor that is kept."""
        storage = tensor.untyped_storage()
        if storage._cdata not in self._own:
            self._seen[storage._cdata] = storage  # held, so that its number is not given to another one
        return tensor

    @property
    def bytes(self) -> int:
        """Bytes kept so far."""
        return sum(storage.nbytes() for storage in self._seen.values())


def weighed(task: Task, network: nn.Module, batch: Batch, size: int) -> Weight | None:
    """Weigh a step of `size` samples like those of `batch`; None where a loss asks for values, which meta has not.

    The network itself is left alone: a copy of it goes to the meta device.
    """
    ghost = copy.deepcopy(network).to("meta").train()
    kept = Kept(ghost)
    try:
        with (
            FlopCounterMode(display=False) as counting,
            saved_tensors_hooks(kept, lambda one: one),
        ):
            for part, found in task.losses(ghost, _ghostly(batch, size)):
                loss, _ = summed(found)
                own = [one for one in ghost.get_submodule(part).parameters() if one.requires_grad]
                torch.autograd.backward(loss, inputs=own)
    except RuntimeError as problem:  # NotImplementedError is one; a mistake of a task is none, and is seen
        if out_of_memory(problem):
            raise
        return None
    return Weight(kept.bytes, weight_bytes(task, network), counting.get_total_flops())


def weight_bytes(task: Task, network: nn.Module) -> int:
    """Bytes of the weights, their gradients, what the optimiser keeps, and the running mean."""
    copies = 2 + _STATES.get(task.optimiser, 2)
    learning = sum(one.numel() * one.element_size() for one in network.parameters() if one.requires_grad)
    everything = sum(one.numel() * one.element_size() for one in (*network.parameters(), *network.buffers()))
    return everything + learning * (copies - 1) + (everything if task.ema else 0)


def _ghostly(batch: Batch, size: int) -> Batch:
    """Make a batch of `size` samples without memory, of the shapes and types of `batch`."""

    def ghost(value: Any) -> Any:
        if isinstance(value, Tensor):
            return torch.empty((size, *value.shape[1:]), dtype=value.dtype, device="meta")
        return (list(value) * size)[:size] if isinstance(value, list | tuple) else value

    return {name: ghost(value) for name, value in batch.items()}
