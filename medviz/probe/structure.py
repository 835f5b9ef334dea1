"""What a network is made of: each layer's shape, parameters, multiply-adds, and how far it sees.

Nothing is computed: shapes run through torch's meta device, so that 138 million parameters cost no memory.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode

from medviz.probe.trace import first_tensor
from medviz.refused import Refused


@dataclass(frozen=True)
class Layer:
    """One layer as it was called.

    `shape` is what it puts out, without the batch; `parameters` are its own, those of layers inside that are never
    called by themselves included; `sees` is the side of the input that one value depends on, one number an axis, None
    where it is all of the input. `step` is how far apart in the input two neighbours are.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    multiply_adds: int
    sees: tuple[int, ...] | None
    step: tuple[float, ...] | None
    start: tuple[float, ...] | None = None


@dataclass(frozen=True)
class _Field:
    """How far a value sees: its window's side (None is everything), the step to the next, the start of the first."""

    sides: tuple[int, ...] | None
    steps: tuple[float, ...]
    starts: tuple[float, ...] | None = None


def structure(network: nn.Module, shape: Sequence[int]) -> tuple[Layer, ...]:
    """List the layers in the order in which they are called, for one input of `shape` (channels, x, y[, z]).

    Parameters sum to all that the network has, multiply-adds to all that torch counts for one input. Refuses (Refused)
    an input that does not fit. The network is left as it was.
    """
    metas = {
        name: torch.empty_like(one, device="meta")
        for name, one in [*network.named_parameters(), *network.named_buffers()]
    }
    x = torch.empty((1, *shape), device="meta")
    calls: dict[str, Tensor] = {}
    fields = _Fields(x, len(shape) - 1)
    counter = FlopCounterMode(display=False)
    with _at_rest(network), _calls(network, calls), torch.no_grad():
        try:
            with counter, fields:
                functional_call(network, metas, (x,))
        except (RuntimeError, ValueError, IndexError) as problem:
            sides = " × ".join(map(str, shape))
            raise Refused(f"an input of {sides}", "it does not fit the network", "take a larger one") from problem
    owners = _owners(network, calls)
    flops = _flops(network, counter, calls)
    kinds = dict(network.named_modules())
    return tuple(
        _layer(name, kinds[name], out, owners.get(name, 0), flops.get(name, 0) // 2, fields.of(out))
        for name, out in calls.items()
        if name in owners or name in flops or not any(True for _ in kinds[name].children())
    )


def _layer(name: str, module: nn.Module, out: Tensor, count: int, adds: int, field: _Field | None) -> Layer:
    all_of_it = field is None or field.sides is None
    sees = None if all_of_it or field is None else field.sides
    step = None if all_of_it or field is None else field.steps
    start = None if all_of_it or field is None else field.starts
    return Layer(name, type(module).__name__, tuple(out.shape[1:]), count, adds, sees, step, start)


@contextmanager
def _at_rest(network: nn.Module) -> Iterator[None]:
    """Run as at prediction (one input has no spread to normalise by), and go back to how each layer was."""
    modes = {module: module.training for module in network.modules()}
    network.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


@contextmanager
def _calls(network: nn.Module, calls: dict[str, Tensor]) -> Iterator[None]:
    """Note what each layer put out last, in the order of the first calls."""

    def noting(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: Any, out: Any) -> None:
            tensor = first_tensor(out)
            if tensor is not None:
                calls[name] = tensor

        return hook

    handles = [module.register_forward_hook(noting(name)) for name, module in network.named_modules()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _owners(network: nn.Module, calls: dict[str, Tensor]) -> dict[str, int]:
    """Give each parameter to the nearest layer around it that was called."""
    counts: dict[str, int] = {}
    for path, one in network.named_parameters():
        owner = path.rpartition(".")[0]
        while owner and owner not in calls:
            owner = owner.rpartition(".")[0]
        counts[owner] = counts.get(owner, 0) + one.numel()
    return counts


def _flops(network: nn.Module, counter: FlopCounterMode, calls: dict[str, Tensor]) -> dict[str, int]:
    """Floating-point operations that happen in a layer itself and not in one inside it."""
    top = type(network).__name__
    totals = {
        name.removeprefix(top).removeprefix("."): sum(kinds.values())
        for name, kinds in counter.get_flop_counts().items()
        if name == top or name.startswith(f"{top}.")
    }
    own = {name: total for name, total in totals.items() if name in calls}
    for name in own:
        around = name.rpartition(".")[0] if name else None
        while around and around not in own:
            around = around.rpartition(".")[0]
        if around is not None:
            own[around] -= totals[name]
    return {name: count for name, count in own.items() if count}


class _Fields(TorchFunctionMode):
    """Follows how far each tensor sees, through every function of torch that makes one of others.

    A value sees all that any of its sources sees. Convolution and pooling see further; what mixes places (a matrix
    product, a mean over places, a dense layer over a flattened picture) sees all.
    """

    def __init__(self, x: Tensor, axes: int) -> None:
        super().__init__()
        self.axes = axes
        self._known: dict[int, tuple[Tensor, _Field]] = {id(x): (x, _Field((1,) * axes, (1.0,) * axes, (0.0,) * axes))}

    def of(self, tensor: Tensor) -> _Field | None:
        """Return how far a tensor sees, None where it has not seen the input."""
        known = self._known.get(id(tensor))
        return known[1] if known and known[0] is tensor else None

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        sources = [one for one in map(self.of, _tensors((args, kwargs))) if one is not None]
        if sources:
            field = self._seen(getattr(func, "__name__", ""), args, kwargs, _widest(sources, self.axes))
            for made in _tensors(out):
                self._known[id(made)] = made, field
        return out

    def _seen(self, name: str, args: Any, kwargs: Any, field: _Field) -> _Field:
        if field.sides is None:
            return field
        if name.startswith("conv_transpose"):
            return _upwards(field, args[1].shape[2:], _steps(args, kwargs, 3, "stride", self.axes, 1))
        if name in ("conv1d", "conv2d", "conv3d"):
            steps, pads = _steps(args, kwargs, 3, "stride", self.axes, 1), _pads(args, kwargs, 4, self.axes)
            return _downwards(field, args[1].shape[2:], steps, pads, _steps(args, kwargs, 5, "dilation", self.axes, 1))
        if name.startswith(("max_pool", "avg_pool")):
            kernel = _steps(args, kwargs, 1, "kernel_size", self.axes, 1)
            steps, pads = _steps(args, kwargs, 2, "stride", self.axes, kernel), _pads(args, kwargs, 3, self.axes)
            return _downwards(field, kernel, steps, pads, (1,) * self.axes)
        if name in ("interpolate", "upsample"):
            return _Field(None, field.steps) if "scale_factor" not in kwargs else _enlarged(field, kwargs)
        if self._mixes(name, args):
            return _Field(None, field.steps)
        if name in ("pad", "__getitem__", "narrow", "index_select"):
            return _moved(field, name, args)
        return field

    def _mixes(self, name: str, args: Any) -> bool:
        """Tell whether a function lets each place see all others."""
        if name == "linear":
            return bool(args[0].ndim == 2)  # tokens (N, L, width) stay apart, a flattened picture does not
        if name in ("mean", "sum", "amax", "max"):
            return True
        return name in _MIXING or name.startswith("adaptive_")


_MIXING = {"matmul", "__matmul__", "bmm", "baddbmm", "einsum", "scaled_dot_product_attention", "softmax",
           "multi_head_attention_forward", "lstm", "gru", "rnn_tanh"}  # fmt: skip


def _downwards(
    field: _Field, kernel: Sequence[int], stride: Sequence[int], pads: Sequence[int] | None, dilation: Sequence[int]
) -> _Field:
    if field.sides is None:
        return field
    if len(kernel) != len(field.sides):  # slices that are looked at one by one
        return _Field(None, field.steps)
    rows = zip(field.sides, field.steps, kernel, dilation, strict=True)
    sides = tuple(int(side + (k - 1) * d * step) for side, step, k, d in rows)
    starts = None
    if field.starts is not None and pads is not None:
        starts = tuple(at - p * step for at, p, step in zip(field.starts, pads, field.steps, strict=True))
    return _Field(sides, tuple(step * s for step, s in zip(field.steps, stride, strict=True)), starts)


def _moved(field: _Field, name: str, args: Any) -> _Field:
    """Follow where the first value lies when a border is added or cut off."""
    count = len(field.steps)
    shifts: list[float] | None = None
    if name == "pad" and isinstance(args[1], list | tuple):
        before = list(args[1][::2])[:count] + [0] * count
        shifts = [-float(one) for one in reversed(before[:count])]
    elif name == "narrow" and args[1] >= 2 and isinstance(args[2], int):
        shifts = [float(args[2]) if axis == args[1] - 2 else 0.0 for axis in range(count)]
    elif name == "__getitem__" and isinstance(args[1], tuple) and all(isinstance(one, slice) for one in args[1]):
        chosen = [*args[1], *[slice(None)] * (count + 2)][2 : count + 2]
        if all(one.step in (None, 1) and (one.start or 0) >= 0 for one in chosen):
            shifts = [float(one.start or 0) for one in chosen]
    if shifts is None or field.starts is None:
        return _Field(field.sides, field.steps)
    starts = tuple(at + shift * step for at, shift, step in zip(field.starts, shifts, field.steps, strict=True))
    return _Field(field.sides, field.steps, starts)


def _upwards(field: _Field, kernel: Sequence[int], stride: Sequence[int]) -> _Field:
    """Follow a transposed convolution: each output is made of ⌈kernel / stride⌉ inputs."""
    if field.sides is None:
        return field
    reach = [math.ceil(k / s) - 1 for k, s in zip(kernel, stride, strict=True)]
    sides = tuple(int(side + r * step) for side, r, step in zip(field.sides, reach, field.steps, strict=True))
    starts = None
    if field.starts is not None:
        starts = tuple(at - r * step for at, r, step in zip(field.starts, reach, field.steps, strict=True))
    return _Field(sides, tuple(step / s for step, s in zip(field.steps, stride, strict=True)), starts)


def _enlarged(field: _Field, kwargs: Any) -> _Field:
    scale, linear = kwargs.get("scale_factor"), kwargs.get("mode", "nearest") != "nearest"
    if scale is None:  # to a size of its own
        return _Field(None, field.steps)
    scales = tuple(scale) if isinstance(scale, list | tuple) else (scale,) * len(field.steps)
    return _upwards(field, [2 * int(s) if linear else int(s) for s in scales], [int(s) for s in scales])


def _widest(fields: Sequence[_Field], axes: int) -> _Field:
    """Join what several sources see; of their steps the finest is that of the result."""
    steps = tuple(min(one.steps[axis] for one in fields) for axis in range(axes))
    if any(one.sides is None for one in fields):
        return _Field(None, steps)
    known = [(one.starts, one.sides) for one in fields if one.starts is not None and one.sides is not None]
    if len(known) < len(fields):
        return _Field(tuple(max(one.sides[axis] for one in fields if one.sides) for axis in range(axes)), steps)
    starts = tuple(min(start[axis] for start, _ in known) for axis in range(axes))
    ends = (max(start[axis] + side[axis] for start, side in known) for axis in range(axes))
    return _Field(tuple(math.ceil(end - at) for end, at in zip(ends, starts, strict=True)), steps, starts)


def _pads(args: Any, kwargs: Any, place: int, axes: int) -> tuple[int, ...] | None:
    """Return the padding of a convolution or pooling; None where it is a word ("same")."""
    value = args[place] if len(args) > place else kwargs.get("padding")
    return None if isinstance(value, str) else _steps(args, kwargs, place, "padding", axes, 0)


def _steps(args: Any, kwargs: Any, place: int, name: str, axes: int, otherwise: Any) -> tuple[int, ...]:
    value = args[place] if len(args) > place else kwargs.get(name)
    value = otherwise if value is None or value == [] else value
    return (value,) * axes if isinstance(value, int) else tuple(value) * (axes if len(value) == 1 else 1)


def _tensors(thing: Any) -> Iterator[Tensor]:
    if isinstance(thing, Tensor):
        yield thing
    elif isinstance(thing, list | tuple):
        for one in thing:
            yield from _tensors(one)
    elif isinstance(thing, dict):
        yield from _tensors(tuple(thing.values()))
