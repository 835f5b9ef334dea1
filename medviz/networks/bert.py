"""A small transformer encoder over words: each word is read with all the others, and masked ones are guessed.

Devlin, Chang, Lee and Toutanova, "BERT: pre-training of deep bidirectional transformers for language understanding",
2019 (BERT-base: width 768, 12 blocks, 12 heads); normalised first, as our other transformers.
"""

from typing import Annotated

import torch
from torch import Tensor, nn

from medviz.networks.fitting import divided
from medviz.networks.tokens import Block
from medviz.parameters import Range
from medviz.refused import Refused

PAD = 0
"""Id of what fills a sentence up; nobody looks at it."""


class Bert(nn.Module):
    """Guess each word of sentences: ids (N, L) int64, L at most `length` → logits (N, L, words)."""

    def __init__(
        self,
        words: int = 100,
        length: Annotated[int, Range(4, 256, 1, unit="words"), "Longest sentence (BERT: 512)"] = 32,
        width: Annotated[int, Range(16, 768, 16), "Numbers that stand for a word (BERT-base: 768)"] = 64,
        depth: Annotated[int, Range(1, 12, 1), "Blocks, one after the other (BERT-base: 12)"] = 2,
        heads: Annotated[int, Range(1, 12, 1), "Questions that a block asks side by side (BERT-base: 12)"] = 4,
        dropout: Annotated[float, Range(0, 0.9), "Share of features left out while training"] = 0.1,
    ) -> None:
        super().__init__()
        divided("width", width, heads, "heads")
        self.embedding = nn.Embedding(words, width)
        self.positions = nn.Parameter(torch.randn(1, length, width) * 0.02)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(Block(width, heads, dropout) for _ in range(depth))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.LayerNorm(width, eps=1e-6))
        self.bias = nn.Parameter(torch.zeros(words))  # how common a word is anyway
        nn.init.normal_(self.embedding.weight, std=width**-0.5)

    def forward(self, ids: Tensor) -> Tensor:
        """Score each word of the vocabulary at each place; the scores are logits."""
        return self.head(self.read(ids)) @ self.embedding.weight.T + self.bias  # type: ignore[no-any-return]

    def read(self, ids: Tensor) -> Tensor:
        """Return what stands for each word among the others: (N, L, width). Refuses pictures."""
        if ids.is_floating_point() or ids.ndim != 2:
            raise Refused("bert", "it reads numbers of words, not pictures", "choose a network for pictures")
        if ids.shape[1] > self.positions.shape[1]:
            fault = f"it has {ids.shape[1]} words, and the network has {self.positions.shape[1]} places"
            raise Refused("a sentence", fault, "cut it, or take a network for longer ones")
        there = (ids != PAD)[:, None]  # (N, 1, L)
        there = there | ~there.any(-1, keepdim=True)  # of nothing but padding something must be seen
        x = self.dropout(self.embedding(ids) + self.positions[:, : ids.shape[1]])
        for block in self.blocks:
            x = block(x, there)
        return self.norm(x)  # type: ignore[no-any-return]
