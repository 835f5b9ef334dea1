"""A recurrent network over slices: a small CNN looks at each slice, and a memory goes through them in order.

Hochreiter and Schmidhuber, "Long short-term memory", 1997; Cho et al., 2014 (GRU); Elman, 1990 (plain). A volume is
read slice by slice along z, a picture column by column along x. A plain one forgets within some ten steps, a gated one
does not.
"""

from typing import Annotated, Literal

from torch import Tensor, nn

from medviz.networks.fitting import Dimensions, Dropout
from medviz.parameters import Choice, Range

_CONVOLUTION = {1: nn.Conv1d, 2: nn.Conv2d}
_MEAN = {1: nn.AdaptiveAvgPool1d, 2: nn.AdaptiveAvgPool2d}
_CELLS = {"lstm": nn.LSTM, "gru": nn.GRU, "plain": nn.RNN}
Cell = Annotated[
    Literal["lstm", "gru", "plain"], Choice(("lstm", "gru", "plain"), ("LSTM", "GRU", "Plain")), "What keeps the memory"
]


class Recurrent(nn.Module):
    """Name a picture or a volume: (N, channels, x, y[, z]) → (N, classes) logits, any size."""

    def __init__(
        self,
        channels: int = 1,
        classes: int = 10,
        dimensions: Dimensions = 2,
        width: Annotated[int, Range(4, 64, 4), "Features of the CNN's first layer"] = 8,
        depth: Annotated[int, Range(1, 4, 1), "Layers of the CNN; each halves the slice"] = 3,
        cell: Cell = "lstm",
        memory: Annotated[int, Range(8, 256, 8), "Numbers that are remembered from slice to slice"] = 32,
        both_ways: Annotated[bool, "Read the slices backwards too"] = True,
        dropout: Dropout = 0.0,
    ) -> None:
        super().__init__()
        self.dimensions = dimensions
        flat = dimensions - 1
        features = [width * 2**level for level in range(depth)]
        layers = [_layer(flat, i, o) for i, o in zip([channels, *features[:-1]], features, strict=True)]
        self.slice = nn.Sequential(*layers, _MEAN[flat](1), nn.Flatten())  # (N·slices, features)
        self.memory = _CELLS[cell](features[-1], memory, batch_first=True, bidirectional=both_ways)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(memory * (2 if both_ways else 1), classes)

    def forward(self, x: Tensor) -> Tensor:
        """Score each class; the scores are logits."""
        along = 2 if self.dimensions == 2 else 4
        slices = x.movedim(along, 1)  # (N, slices, channels, ...)
        seen = self.slice(slices.flatten(0, 1)).unflatten(0, slices.shape[:2])  # (N, slices, features)
        states, _ = self.memory(seen)  # (N, slices, memory[·2])
        return self.head(self.dropout(states.mean(1)))  # type: ignore[no-any-return]


def _layer(flat: int, before: int, after: int) -> nn.Sequential:
    convolution = _CONVOLUTION[flat](before, after, 3, stride=2, padding=1, bias=False)
    return nn.Sequential(convolution, nn.GroupNorm(2, after), nn.ReLU())
