"""Who looks at whom: the attention of each block of a transformer, without changing the network.

Attention says what was mixed, not why the answer came out: it is not an explanation.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from medviz.probe.trace import Trace, as_array

Array = NDArray[Any]


@contextmanager
def attending(network: nn.Module) -> Iterator[Trace]:
    """Record attention: ``with attending(network) as maps: network(x)``; layer name → (N, heads, L, L), rows sum to 1.

    Three kinds are known: `nn.MultiheadAttention`, which gives its weights only if asked (it is, and the caller is
    handed what it would have got); MONAI's blocks with `save_attn` and `att_mat`; and any `nn.Softmax` layer over
    (N, heads, L, L), as our ViT and the window attention of SwinUNETR have it. At the end of the block the network is
    as it was.
    """
    maps: Trace = {}
    handles: list[Any] = []
    saving: dict[Any, bool] = {}  # MONAI's blocks
    for name, module in network.named_modules():
        if isinstance(module, nn.MultiheadAttention):
            asked: list[bool] = []
            handles.append(module.register_forward_pre_hook(_ask(asked), with_kwargs=True))
            handles.append(module.register_forward_hook(_take(maps, name, asked)))
        elif hasattr(module, "save_attn") and hasattr(module, "att_mat"):
            block: Any = module
            saving[block] = bool(block.save_attn)
            block.save_attn = True
            handles.append(module.register_forward_hook(_saved(maps, name)))
        elif isinstance(module, nn.Softmax):
            handles.append(module.register_forward_hook(_softened(maps, name)))
    try:
        yield maps
    finally:
        for handle in handles:
            handle.remove()
        for block, before in saving.items():
            block.save_attn = before
            if not before:
                block.att_mat = torch.Tensor()


def rollout(maps: Mapping[str, Array]) -> Array:
    """Follow attention through all blocks (Abnar and Zuidema, 2020): (N, L, L), rows sum to 1.

    Heads are averaged, and as each block adds to its input, half of each token is itself.
    """
    joined: Array | None = None
    for one in maps.values():
        mixed = 0.5 * one.mean(1, dtype=np.float64) + 0.5 * np.eye(one.shape[-1])
        joined = mixed if joined is None else mixed @ joined
    if joined is None:
        raise ValueError("no attention was recorded")
    return joined


def _ask(asked: list[bool]) -> Any:
    """Ask for the weights of each head; a forward in eval mode leaves them out otherwise."""

    def hook(module: nn.Module, args: Any, kwargs: dict[str, Any]) -> Any:
        # need_weights is the fifth argument, average_attn_weights the seventh
        asked.append(bool(args[4] if len(args) > 4 else kwargs.get("need_weights", True)))
        asked.append(bool(args[6] if len(args) > 6 else kwargs.get("average_attn_weights", True)))
        names = ("query", "key", "value", "key_padding_mask", "need_weights", "attn_mask", "average_attn_weights")
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        return (), {**given, "need_weights": True, "average_attn_weights": False}

    return hook


def _take(maps: Trace, name: str, asked: list[bool]) -> Any:
    def hook(module: nn.Module, inputs: Any, out: Any) -> Any:
        needed, averaged = asked[-2:]
        asked.clear()
        result, weights = out
        batched = weights if weights.ndim == 4 else weights[None]
        maps[name] = as_array(batched)
        if not needed:
            return result, None
        return result, weights.mean(-3) if averaged else weights

    return hook


def _saved(maps: Trace, name: str) -> Any:
    def hook(module: nn.Module, inputs: Any, out: Any) -> None:
        kept = module.att_mat
        if isinstance(kept, Tensor) and kept.ndim == 4:
            maps[name] = as_array(kept)

    return hook


def _softened(maps: Trace, name: str) -> Any:
    def hook(module: nn.Module, inputs: Any, out: Any) -> None:
        if isinstance(out, Tensor) and out.ndim == 4 and out.shape[-1] == out.shape[-2]:
            maps[name] = as_array(out)

    return hook
