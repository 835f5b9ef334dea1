"""Vision transformer: a picture is cut into patches, and these are read as words are.

Dosovitskiy et al., "An image is worth 16×16 words", 2021. A picture of 224 pixels in patches of 16 gives 196 tokens and
one for the answer; ViT-B/16 (width 768, depth 12, 12 heads) has 86,567,656 parameters for colour pictures and 1000
classes. A volume of 32³ voxels in patches of 8³ gives 64 tokens and one.
"""

from typing import Annotated, Literal

import torch
from torch import Tensor, nn

from medviz.networks.tokens import Attention as Attention
from medviz.networks.tokens import Block
from medviz.parameters import Choice, Range
from medviz.refused import Refused

_CONVOLUTION = {2: nn.Conv2d, 3: nn.Conv3d}


class ViT(nn.Module):
    """Name a picture or a volume: (N, channels, size, size[, size]) → (N, classes) logits."""

    def __init__(
        self,
        channels: int = 1,
        classes: int = 10,
        dimensions: Annotated[Literal[2, 3], Choice((2, 3), ("2-D", "3-D")), "Slices or volumes"] = 2,
        size: Annotated[int, Range(16, 256, 1, unit="px"), "Side of the picture (classic: 224)"] = 32,
        patch: Annotated[int, Range(4, 32, 1, unit="px"), "Side of a patch (classic: 16)"] = 8,
        width: Annotated[int, Range(16, 768, 16), "Numbers that stand for a patch (ViT-B: 768)"] = 64,
        depth: Annotated[int, Range(1, 12, 1), "Blocks, one after the other (ViT-B: 12)"] = 4,
        heads: Annotated[int, Range(1, 12, 1), "Questions that a block asks side by side (ViT-B: 12)"] = 4,
        dropout: Annotated[float, Range(0, 0.9), "Share of features left out while training"] = 0.0,
    ) -> None:
        super().__init__()
        if size % patch:
            raise Refused(f"patch={patch}", f"it does not divide {size} pixels evenly", "take another size or patch")
        if width % heads:
            raise Refused(f"heads={heads}", f"they do not share {width} numbers evenly", "take another width or heads")
        self.patches = (size // patch) ** dimensions  # 14² = 196
        self.embedding = _CONVOLUTION[dimensions](channels, width, patch, stride=patch)  # one step a patch
        self.answer = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.randn(1, self.patches + 1, width) * 0.02)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.Sequential(*(Block(width, heads, dropout) for _ in range(depth)))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Score each class; the scores are logits."""
        x = self.embedding(x).flatten(2).transpose(1, 2)  # (N, 196, width)
        x = torch.cat([self.answer.expand(len(x), -1, -1), x], 1)  # (N, 197, width)
        x = self.blocks(self.dropout(x + self.positions))  # (N, 197, width)
        return self.head(self.norm(x)[:, 0])  # type: ignore[no-any-return]  # (N, classes)
