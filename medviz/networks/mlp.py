"""MLP: dense layers on bare pixels, which know nothing of neighbours; what a convolution has to beat.

Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors", 1986.
"""

from typing import Annotated

from torch import Tensor, nn

from medviz.networks.fitting import Dimensions, Dropout
from medviz.parameters import Range


class MLP(nn.Module):
    """Name a picture or a volume: (N, channels, size, size[, size]) → (N, classes) logits."""

    def __init__(
        self,
        channels: int = 1,
        classes: int = 10,
        dimensions: Dimensions = 2,
        size: Annotated[int, Range(8, 128, 1, unit="px"), "Side of the picture"] = 28,
        width: Annotated[int, Range(8, 1024, 8), "Features of each hidden layer"] = 128,
        depth: Annotated[int, Range(0, 6, 1), "Hidden layers; none makes it a linear classifier"] = 2,
        norm: Annotated[bool, "Normalise each hidden layer over its features"] = False,
        dropout: Dropout = 0.0,
    ) -> None:
        super().__init__()
        before = channels * size**dimensions
        layers: list[nn.Module] = [nn.Flatten()]
        for _ in range(depth):
            layers += [nn.Linear(before, width), *([nn.LayerNorm(width)] if norm else []), nn.ReLU()]
            layers += [nn.Dropout(dropout)] if dropout else []
            before = width
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(before, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Score each class; the scores are logits."""
        return self.head(self.layers(x))  # type: ignore[no-any-return]
