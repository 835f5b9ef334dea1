"""Where a network looks: which places of an input move its score, asked in four ways.

Images are (channel, x, y[, z]) arrays. A network that names the picture gives (N, classes); one that answers for each
place gives (N, classes, x, y[, z]), and the score is then the mean of the class over `mask` (all places without one).
A map says what the network uses, not why it is right.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from medviz.probe.trace import as_array, first_tensor, sides_seen
from medviz.refused import Refused

Array = NDArray[Any]
_SMOOTH = {1: "linear", 2: "bilinear", 3: "trilinear"}


def saliency(network: nn.Module, image: Array, target: int, mask: Array | None = None) -> Array:
    """How much the score changes with each value: |∂score/∂image|, the shape of `image` (Simonyan et al., 2014)."""
    with _still(network):
        return np.abs(_gradient(network, _batch(network, image), target, mask))


def integrated_gradients(
    network: nn.Module, image: Array, target: int, baseline: Array | float = 0.0, steps: int = 32,
    mask: Array | None = None,
) -> Array:  # fmt: skip
    """What each value adds to the score, the shape of `image` (Sundararajan et al., 2017).

    Gradients are averaged over `steps` pictures on the way from `baseline` to the image; with enough of them the map
    sums to score(image) − score(baseline).
    """
    start = np.broadcast_to(np.asarray(baseline, np.float32), image.shape)
    with _still(network):
        total = np.zeros(image.shape, np.float64)
        for step in range(steps):
            part = (step + 0.5) / steps  # the middle of each piece of the way
            total += _gradient(network, _batch(network, start + part * (image - start)), target, mask)
    mapped: Array = total / steps * (image - start)
    return mapped


def grad_cam(network: nn.Module, image: Array, layer: str, target: int, mask: Array | None = None) -> Array:
    """Where the features of a layer speak for a class: (x, y[, z]) as the image, never negative.

    Selvaraju et al., 2017: each feature map times the mean of its gradient, summed, negative ones set to 0, enlarged
    to the image. Refuses (Refused) a layer that is not there or has no places.
    """
    found = dict(network.named_modules())
    if layer not in found:
        raise Refused(layer, "the network has no such layer", "take one of its convolutions")
    kept: list[Tensor] = []

    def keep(module: nn.Module, inputs: Any, out: Any) -> Any:
        tensor = first_tensor(out)
        if tensor is None:
            return out
        kept.append(tensor.clone())
        return kept[-1].clone()  # an in-place ReLU that follows changes this one, not the one that is looked at

    with _still(network), sides_seen(network, image.shape[1:]) as seen:
        handle = found[layer].register_forward_hook(keep)
        try:
            score = _score(network(_batch(network, image).requires_grad_()), target, mask).sum()
        finally:
            handle.remove()
        if not kept or kept[-1].ndim != image.ndim + 1:
            raise Refused(layer, "it puts out no maps", "take a convolution")
        gradient = torch.autograd.grad(score, kept[-1])[0]
        axes = tuple(range(2, gradient.ndim))
        small = (gradient.mean(axes, keepdim=True) * kept[-1]).sum(1, keepdim=True).relu()
        large = F.interpolate(small, tuple(seen), mode=_SMOOTH[image.ndim - 1], align_corners=False)
        inside = tuple(slice(side) for side in image.shape[1:])  # without what the network filled up at the far edges
        return as_array(large[0, 0][inside])


def occlusion(
    network: nn.Module, image: Array, target: int, side: int = 8, step: int | None = None,
    fill: Array | float | None = None, mask: Array | None = None, batch: int = 16,
) -> Array:  # fmt: skip
    """How much the score falls where a window is covered: (x, y[, z]) as the image (Zeiler and Fergus, 2014).

    A window of `side` moves by `step` (half its side); each place gets the mean of all windows over it. `fill` is what
    is put there: a number, an image of its own, or None for the mean of each channel.
    """
    if side < 1 or (step is not None and step < 1):
        raise Refused(f"side={side}, step={step}", "a window needs a side and a step", "take 1 or more")
    mean = image.mean(tuple(range(1, image.ndim)), keepdims=True)
    cover = np.broadcast_to(np.asarray(mean if fill is None else fill, np.float32), image.shape)
    changes = (cover != image).any(0)
    windows = list(_windows(image.shape[1:], side, step or max(1, side // 2)))
    falls, counts = np.zeros(image.shape[1:]), np.zeros(image.shape[1:])
    with _still(network), torch.no_grad():
        whole = float(_score(network(_batch(network, image)), target, mask)[0])
        for start in range(0, len(windows), batch):
            some = windows[start : start + batch]
            pictures = np.repeat(np.asarray(image, np.float32)[None], len(some), 0)
            for picture, window in zip(pictures, some, strict=True):
                picture[(slice(None), *window)] = cover[(slice(None), *window)]
            scores = _score(network(_batch(network, pictures, True)), target, mask)
            for window, score in zip(some, scores.tolist(), strict=True):
                # the same picture in another batch may differ in its last bit: what covers nothing counts as nothing
                falls[window] += whole - score if changes[window].any() else 0.0
                counts[window] += 1
    mapped: Array = falls / np.maximum(counts, 1)
    return mapped


def _windows(shape: Sequence[int], side: int, step: int) -> Iterator[tuple[slice, ...]]:
    """Windows that cover every place; the last of each axis ends with it."""
    starts = [sorted({*range(0, max(1, one - side + 1), step), max(0, one - side)}) for one in shape]
    for corner in product(*starts):
        yield tuple(slice(at, at + side) for at in corner)


@contextmanager
def _still(network: nn.Module) -> Iterator[None]:
    """Run as at prediction, leave no gradient on the weights, and go back to how each layer was."""
    modes = {module: module.training for module in network.modules()}
    asked = {one: one.requires_grad for one in network.parameters()}
    network.eval()
    network.requires_grad_(False)
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode
        for one, wanted in asked.items():
            one.requires_grad_(wanted)


def _batch(network: nn.Module, image: Array, is_batch: bool = False) -> Tensor:
    one = next(network.parameters(), None)
    device = one.device if one is not None else torch.device("cpu")
    made = torch.from_numpy(np.array(image, np.float32)).to(device)
    return made if is_batch else made[None]


def _gradient(network: nn.Module, x: Tensor, target: int, mask: Array | None) -> Array:
    x.requires_grad_()
    return as_array(torch.autograd.grad(_score(network(x), target, mask).sum(), x)[0][0])


def _score(out: Any, target: int, mask: Array | None) -> Tensor:
    """Score of a class, one a sample."""
    tensor = first_tensor(out)
    if tensor is None or tensor.ndim < 2 or not 0 <= target < tensor.shape[1]:
        classes = tensor.shape[1] if tensor is not None and tensor.ndim > 1 else 0
        raise Refused(f"class {target}", f"the network tells {classes} apart", "count from 0")
    one = tensor[:, target].flatten(1) if tensor.ndim > 2 else tensor[:, target : target + 1]
    if mask is None:
        return one.mean(1)
    chosen = torch.from_numpy(np.asarray(mask, bool).ravel()).to(one.device)
    if chosen.numel() != one.shape[1] or not bool(chosen.any()):
        raise Refused("mask", "it chooses no place of the output", "give one of the output's size")
    return one[:, chosen].mean(1)
