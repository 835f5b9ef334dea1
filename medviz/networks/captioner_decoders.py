"""What says the words of a caption: a memory that looks at the picture, or a transformer that asks it.

Both take places (N, P, width) and ids (N, L) and give scores (N, L, classes) of the word after each, and where they
looked for it, (N, L, P). Each softmax is a layer of its own, so that what it gives can be recorded too.
"""

import torch
from torch import Tensor, nn


class LstmDecoder(nn.Module):
    """Before each word it looks: softmax over places of vᵀtanh(W a + U h); what it saw goes into its memory.

    As Xu et al. have it, a gate weighs what was seen, and a word is told from memory, sight and the word before.
    """

    def __init__(self, classes: int, width: int, dropout: float) -> None:
        super().__init__()
        self.words = nn.Embedding(classes, width)
        self.begin = nn.Linear(width, 2 * width)  # the first memory, from the mean of all places
        self.of_places = nn.Linear(width, width)  # W
        self.of_memory = nn.Linear(width, width, bias=False)  # U
        self.worth = nn.Linear(width, 1, bias=False)  # v
        self.softmax = nn.Softmax(dim=-1)
        self.gate = nn.Linear(width, width)
        self.cell = nn.LSTMCell(2 * width, width)
        self.dropout = nn.Dropout(dropout)
        self.told = nn.Linear(3 * width, width)
        self.out = nn.Linear(width, classes)

    def forward(self, places: Tensor, words: Tensor) -> tuple[Tensor, Tensor]:
        """Read the words one after the other."""
        memory, cell = self.begin(places.mean(1)).tanh().chunk(2, -1)  # (N, width) each
        known, spoken = self.of_places(places), self.words(words)  # (N, P, width), (N, L, width)
        told, looks = [], []
        for word in spoken.unbind(1):
            look = self.softmax(self.worth((known + self.of_memory(memory)[:, None]).tanh())[..., 0])  # (N, P)
            seen = self.gate(memory).sigmoid() * (look[:, None] @ places)[:, 0]  # (N, width)
            memory, cell = self.cell(torch.cat([word, seen], -1), (memory, cell))
            told.append(torch.cat([word, memory, seen], -1))
            looks.append(look)
        answer = self.told(self.dropout(torch.stack(told, 1))).tanh()  # (N, L, width)
        return self.out(answer), torch.stack(looks, 1)


class TransformerDecoder(nn.Module):
    """Words ask the words before them, then the places of the picture; several blocks of that."""

    def __init__(self, classes: int, width: int, longest: int, depth: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.words = nn.Embedding(classes, width)
        self.order = nn.Parameter(torch.randn(1, longest, width) * 0.02)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(DecoderBlock(width, heads, dropout) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, classes)

    def forward(self, places: Tensor, words: Tensor) -> tuple[Tensor, Tensor]:
        """Read all words at once; none sees those after it. The looks are those of the last block, over its heads."""
        length = words.shape[1]
        later = torch.ones(length, length, dtype=torch.bool, device=words.device).triu(1)
        x = self.dropout(self.words(words) + self.order[:, :length])  # (N, L, width)
        look = places.new_zeros(())
        for block in self.blocks:
            x, look = block(x, places, later)
        return self.out(self.norm(x)), look.mean(1)


class DecoderBlock(nn.Module):
    """Words ask words, words ask places, then each thinks for itself; all is added to what was there."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.among, self.into = Asking(width, heads), Asking(width, heads)
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor, places: Tensor, later: Tensor) -> tuple[Tensor, Tensor]:
        """Return the words (N, L, width) and where they looked (N, heads, L, P)."""
        own = self.norms[0](x)
        x = x + self.dropout(self.among(own, own, later)[0])
        seen, look = self.into(self.norms[1](x), places)
        x = x + self.dropout(seen)
        return x + self.dropout(self.dense(self.norms[2](x))), look


class Asking(nn.Module):
    """softmax(QKᵀ/√d)V with queries from one row of tokens and keys and values from another."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.asks, self.offers = nn.Linear(width, width), nn.Linear(width, 2 * width)
        self.softmax = nn.Softmax(dim=-1)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, others: Tensor, hidden: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return (N, L, width) and the weights (N, heads, L, M); what is `hidden` (L, M) is not looked at."""
        queries = self._apart(self.asks(x))  # (N, heads, L, d)
        keys, values = (self._apart(one) for one in self.offers(others).chunk(2, -1))
        scores = queries @ keys.transpose(-2, -1) / queries.shape[-1] ** 0.5
        if hidden is not None:
            scores = scores.masked_fill(hidden, float("-inf"))
        weights = self.softmax(scores)
        return self.out((weights @ values).transpose(1, 2).flatten(2)), weights

    def _apart(self, x: Tensor) -> Tensor:
        return x.reshape(*x.shape[:2], self.heads, -1).transpose(1, 2)
