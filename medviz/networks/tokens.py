"""What all transformers are made of: tokens that ask each other, and then think for themselves.

Vaswani et al., "Attention is all you need", 2017; normalised first, as in Dosovitskiy et al., 2021.
"""

from torch import Tensor, nn


class Block(nn.Module):
    """Tokens ask each other, then each thinks for itself; both are added to what was there: (N, L, width)."""

    def __init__(self, width: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width, eps=1e-6) for _ in range(2))
        self.attention = Attention(width, heads)
        self.dense = nn.Sequential(
            nn.Linear(width, 4 * width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(4 * width, width),
            nn.Dropout(dropout),
        )

    def forward(self, x: Tensor, seen: Tensor | None = None) -> Tensor:
        """Turn tokens into tokens; `seen` says who may be looked at, see `Attention`."""
        x = x + self.attention(self.norms[0](x), seen)
        return x + self.dense(self.norms[1](x))  # type: ignore[no-any-return]


class Attention(nn.Module):
    """softmax(QKᵀ/√d)V, `heads` times side by side: (N, L, width) → (N, L, width).

    The softmax is a layer of its own, so that its output, who looks at whom, can be recorded.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.asked = nn.Linear(width, 3 * width)  # Q, K and V in one
        self.softmax = nn.Softmax(dim=-1)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, seen: Tensor | None = None) -> Tensor:
        """Let each token take of the others what they are worth to it.

        `seen` (N or 1, L or 1, L) bool: which tokens (last axis) each (second) may look at; without it all may.
        """
        count, length, width = x.shape
        parts = self.asked(x).reshape(count, length, 3, self.heads, width // self.heads)
        queries, keys, values = parts.permute(2, 0, 3, 1, 4)  # (N, heads, L, d) each
        scores = queries @ keys.transpose(-2, -1) / (width // self.heads) ** 0.5  # (N, heads, L, L)
        if seen is not None:
            scores = scores.masked_fill(~seen[:, None], float("-inf"))  # exactly 0 after the softmax
        mixed = self.softmax(scores) @ values  # (N, heads, L, d)
        return self.out(mixed.transpose(1, 2).reshape(count, length, width))  # type: ignore[no-any-return]
