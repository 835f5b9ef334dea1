"""Blocks of a network that keep their weights while the others learn."""

from collections.abc import Sequence

from torch import nn

from medviz.refused import Refused


def blocks_of(network: nn.Module) -> tuple[str, ...]:
    """Names of the blocks that may be frozen: the outermost submodules with weights, below what only wraps them."""
    prefix = ""
    while True:
        inside = [(name, one) for name, one in network.named_children() if any(True for _ in one.parameters())]
        if len(inside) != 1:
            return tuple(prefix + name for name, _ in inside)
        prefix += f"{inside[0][0]}."
        network = inside[0][1]
        if not any(True for _ in network.children()):
            return (prefix.removesuffix("."),)


class Frozen:
    """The blocks of these names, until they are to learn too (`epochs`, None for never).

    What a frozen block measures of its batches (running means) stays as it was learnt, too: it is kept in eval mode.
    """

    def __init__(self, network: nn.Module, names: Sequence[str], epochs: int | None) -> None:
        self.network, self.names, self.epochs = network, tuple(names), epochs
        known = dict(network.named_modules())
        strangers = [name for name in self.names if not name or name not in known]
        if strangers:
            there = ", ".join(blocks_of(network))
            raise Refused(f"freeze={strangers[0]}", "the network has no such block", f"take some of {there}")
        self._blocks = [known[name] for name in self.names]
        self._weights = [one for block in self._blocks for one in block.parameters()]
        held = {id(one) for one in self._weights}
        if epochs is None and self.names and all(id(one) in held for one in network.parameters()):
            raise Refused("freeze", "nothing is left that learns", "leave out a block, the last one for instance")
        self._was: bool | None = None

    def hold(self, epoch: int) -> None:
        """Put the network into the state for a step of this epoch: all of it trains, but what is frozen."""
        self.network.train()
        frozen = self.epochs is None or epoch < self.epochs
        if frozen != self._was:
            for one in self._weights:
                one.requires_grad_(not frozen)
            self._was = frozen
        if frozen:
            for block in self._blocks:
                block.eval()

    def holds(self, epoch: int) -> bool:
        """Tell whether anything is frozen in an epoch."""
        return bool(self.names) and (self.epochs is None or epoch < self.epochs)
