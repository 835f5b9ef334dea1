"""MeshNet: dilated convolutions in a row, as large at the end as at the beginning (Fedorov et al., 2017).

A chain without skips can be run as a stream: each layer keeps only the planes that it still needs, so that a whole head
goes through in a few hundred megabytes, exactly as if it had been computed at once.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeGuard

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Activation = Literal["linear", "relu", "elu", "sigmoid", "tanh", "leaky_relu"]
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "linear": nn.Identity,
    "relu": nn.ReLU,
    "elu": nn.ELU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "leaky_relu": nn.LeakyReLU,
}
PLANES = 16
"""Planes that go through the chain at once: with 8 it takes half as long again, with 32 as long and more memory."""


@dataclass(frozen=True)
class Link:
    """One convolution: its weight (out, in, k, k, k) with k odd, bias (out), dilation and what follows it."""

    weight: Tensor
    bias: Tensor
    dilation: int = 1
    activation: str = "relu"


class MeshNet(nn.Module):
    """(N, C, x, y, z) → (N, classes, x, y, z); zeros stand beyond the borders at each layer."""

    dimensions = 3

    def __init__(self, links: Sequence[Link]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(_layer(link) for link in links)

    def forward(self, x: Tensor) -> Tensor:
        """Compute everything at once."""
        for layer in self.layers:
            reach = _reach(layer)
            x = layer(F.pad(x, (0, 0, 0, 0, reach, reach)))
        return x

    def stream(self, image: Tensor, where: torch.device) -> Generator[tuple[slice, Tensor] | None, None, None]:
        """Compute (C, x, y, z) slab by slab along x: yields (slice of x, (classes, slab, y, z)), None while it fills.

        Each step is one slab through all layers that have something to do.
        """
        stages = [_Stage(layer) for layer in self.layers]
        done, length = 0, image.shape[1]
        for start in range(0, length, PLANES):
            slab: Tensor | None = image[None, :, start : start + PLANES].to(where)
            last = start + PLANES >= length
            for stage in stages:
                slab = stage.push(slab, last)
            if slab is None:
                yield None
            else:
                yield slice(done, done + slab.shape[2]), slab[0]
                done += slab.shape[2]

    def stream_bytes(self, shape: Sequence[int]) -> int:
        """Memory that a stream over (x, y, z) takes: the planes that the layers hold, and one convolution at work."""
        reaches = [_reach(layer) for layer in self.layers]
        first = [layer[0] for layer in self.layers]  # type: ignore[index]
        held = sum(2 * reach * one.in_channels for reach, one in zip(reaches, first, strict=True))
        widest = max(one.out_channels for one in first)
        return int(shape[1] * shape[2] * 4 * (held + 4 * (max(reaches) + PLANES) * widest))


def streams(network: nn.Module) -> TypeGuard[MeshNet]:
    """Tell whether a network is a chain that can be run as a stream; slices go whole anyway."""
    return isinstance(network, MeshNet) and network.dimensions == 3


class _Stage:
    """One layer of a stream: holds the planes that its next ones need."""

    def __init__(self, layer: nn.Module) -> None:
        self.layer, self.reach = layer, _reach(layer)
        self.held: Tensor | None = None

    def push(self, slab: Tensor | None, last: bool) -> Tensor | None:
        """Take a slab (None: nothing came) and give what can be told now; after the `last` one all is told."""
        if slab is not None:
            before = self.held if self.held is not None else _nothing(slab, self.reach)
            self.held = torch.cat((before, slab), 2)
        if self.held is None:
            return None
        if last:
            self.held = torch.cat((self.held, _nothing(self.held, self.reach)), 2)
        if self.held.shape[2] <= 2 * self.reach:
            return None
        made: Tensor = self.layer(self.held)
        self.held = self.held[:, :, self.held.shape[2] - 2 * self.reach :].clone() if self.reach else None
        return made


def _layer(link: Link) -> nn.Sequential:
    outs, ins, *sides = link.weight.shape
    reach = [side // 2 * link.dilation for side in sides]
    convolution = nn.Conv3d(ins, outs, (sides[0], sides[1], sides[2]), dilation=link.dilation,
                            padding=(0, reach[1], reach[2]))  # fmt: skip
    convolution.weight.data, convolution.bias = link.weight.clone(), nn.Parameter(link.bias.clone())
    return nn.Sequential(convolution, ACTIVATIONS[link.activation]())


def _reach(layer: nn.Module) -> int:
    convolution = layer[0]  # type: ignore[index]
    return int(convolution.kernel_size[0] // 2 * convolution.dilation[0])


def _nothing(like: Tensor, planes: int) -> Tensor:
    return like.new_zeros((like.shape[0], like.shape[1], planes, *like.shape[3:]))
