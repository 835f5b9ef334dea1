"""What the layers of a network put out, while it looks at something."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from medviz.refused import Refused

Array = NDArray[Any]
Trace = dict[str, Array]
"""Layer name → what it put out last, (N, features, ...) float32."""


@contextmanager
def recording(network: nn.Module, layers: Sequence[str] | None = None) -> Iterator[Trace]:
    """Record what layers put out: ``with recording(network, ["stem.0"]) as trace: network(x)``.

    `layers` are names as `named_modules` has them; None takes every layer that has none inside. Only what is asked for
    is kept: the layers of a 3-D U-Net at 96³ put out 200 MB. At the end of the block, whatever ends it, nothing of it
    is left on the network. Refuses (Refused) a layer that is not there.
    """
    wanted = leaves(network) if layers is None else tuple(layers)
    found = dict(network.named_modules())
    for name in wanted:
        if name not in found:
            raise Refused(name, "the network has no such layer", f"take one of its {len(found)} layers")
    trace: Trace = {}
    handles = [found[name].register_forward_hook(_keep(trace, name)) for name in wanted]
    try:
        yield trace
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def sides_seen(network: nn.Module, sides: Sequence[int]) -> Iterator[list[int]]:
    """Tell what size a picture of `sides` has when it reaches the first layer: a network may fill up its far edges.

    ``with sides_seen(network, (197, 233)) as seen: network(x)``; then `seen` is [208, 240]. Maps of its layers lie over
    that, not over the picture. What is no larger along each axis is taken for the picture itself.
    """
    seen = list(sides)
    told: list[bool] = []

    def look(module: nn.Module, inputs: Any) -> None:
        tensor = first_tensor(inputs)
        if told or tensor is None:
            return
        told.append(True)
        found = list(tensor.shape[2:])
        if len(found) == len(sides) and all(new >= old for new, old in zip(found, sides, strict=True)):
            seen[:] = found

    found = dict(network.named_modules())
    handles = [found[name].register_forward_pre_hook(look) for name in leaves(network)]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def leaves(network: nn.Module) -> tuple[str, ...]:
    """Name the layers that have none inside, in the order in which they are listed."""
    return tuple(name for name, module in network.named_modules() if not any(True for _ in module.children()))


def first_tensor(out: Any) -> Tensor | None:
    """Return the tensor a layer put out; the first where it put out several."""
    if isinstance(out, Tensor):
        return out
    if isinstance(out, dict):
        out = tuple(out.values())
    if isinstance(out, list | tuple):
        return next((one for one in map(first_tensor, out) if one is not None), None)
    return None


def as_array(tensor: Tensor) -> Array:
    """Copy a tensor to numpy, float32: what holds its memory may be overwritten by an in-place ReLU."""
    array: Array = tensor.detach().to("cpu", torch.float32, copy=True).numpy()
    return array


def _keep(trace: Trace, name: str) -> Any:
    def hook(module: nn.Module, inputs: Any, out: Any) -> None:
        tensor = first_tensor(out)
        if tensor is not None:
            trace[name] = as_array(tensor)

    return hook
