"""HIPT: a transformer of transformers; patches make regions, regions make larger ones, and these make the answer.

Chen et al., "Scaling vision transformers to gigapixel images via hierarchical self-supervised learning", 2022: 16
pixels to 256 to 4096. Attention within a region costs far less than among all patches: it grows with the square of
their number.
"""

from typing import Annotated, Literal

import torch
from torch import Tensor, nn

from medviz.networks.fitting import CONVOLUTION, Dimensions, Dropout, divided
from medviz.networks.tokens import Block
from medviz.parameters import Choice, Range
from medviz.refused import Refused


class HIPT(nn.Module):
    """Name a picture or a volume: (N, channels, size, size[, size]) → (N, classes) logits."""

    def __init__(
        self,
        channels: int = 1,
        classes: int = 10,
        dimensions: Dimensions = 2,
        size: Annotated[int, Range(16, 256, 1, unit="px"), "Side of the picture (paper: 4096)"] = 32,
        patch: Annotated[int, Range(2, 32, 1, unit="px"), "Side of a patch (paper: 16)"] = 4,
        group: Annotated[int, Range(2, 16, 1), "Tokens a side that make one of the next level (paper: 16)"] = 2,
        levels: Annotated[Literal[2, 3], Choice((2, 3)), "Transformers, one above the other (paper: 3)"] = 3,
        width: Annotated[int, Range(16, 384, 16), "Numbers that stand for a token (paper: 384, 192)"] = 48,
        depth: Annotated[int, Range(1, 12, 1), "Blocks of each transformer"] = 2,
        heads: Annotated[int, Range(1, 12, 1), "Questions that a block asks side by side"] = 4,
        dropout: Dropout = 0.0,
    ) -> None:
        super().__init__()
        divided("width", width, heads, "heads")
        self.dimensions, self.group = dimensions, group
        side = divided("size", size, patch, "pixels of a patch")
        self.sides = []  # tokens a side of what one transformer of each level looks at
        for _ in range(levels - 1):
            if side % group or side // group < 1:
                fault = f"{side} tokens a side cannot be put into groups of {group}"
                raise Refused(f"group={group}", fault, "take another size, patch, group or fewer levels")
            self.sides.append(group)
            side //= group
        self.sides.append(side)
        self.embedding = CONVOLUTION[dimensions](channels, width, patch, stride=patch)
        self.levels = nn.ModuleList(_Level(one**dimensions, width, depth, heads, dropout) for one in self.sides)
        self.head = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Score each class; the scores are logits."""
        x = self.embedding(x)  # (N, width, 8, 8)
        for level in self.levels[:-1]:
            x = self._grouped(level, x)  # (N, width, 4, 4), (N, width, 2, 2)
        return self.head(self.levels[-1](x.flatten(2).transpose(1, 2)))  # type: ignore[no-any-return]  # (N, classes)

    def _grouped(self, level: nn.Module, x: Tensor) -> Tensor:
        """Let each group of tokens make one: (N, width, side, ...) → (N, width, side/group, ...)."""
        count, width, *sides = x.shape
        few = [side // self.group for side in sides]
        cut = [part for side in few for part in (side, self.group)]
        x = x.reshape(count, width, *cut)  # (N, width, 4, 2, 4, 2)
        outer, inner = range(2, x.ndim, 2), range(3, x.ndim, 2)
        x = x.permute(0, *outer, *inner, 1).reshape(-1, self.group**self.dimensions, width)  # (N·16, 4, width)
        made = level(x).reshape(count, *few, width)
        return made.movedim(-1, 1)  # type: ignore[no-any-return]


class _Level(nn.Module):
    """One transformer: (N, tokens, width) → (N, width), what its answer token has gathered."""

    def __init__(self, tokens: int, width: int, depth: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.answer = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.randn(1, tokens + 1, width) * 0.02)
        self.blocks = nn.Sequential(*(Block(width, heads, dropout) for _ in range(depth)))
        self.norm = nn.LayerNorm(width, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        """Read the tokens."""
        x = torch.cat([self.answer.expand(len(x), -1, -1), x], 1) + self.positions
        return self.norm(self.blocks(x)[:, 0])  # type: ignore[no-any-return]
