"""word2vec: a word is known by the company it keeps.

Mikolov et al., "Efficient estimation of word representations in vector space" and "Distributed representations of words
and phrases and their compositionality", 2013. Skip-gram tells the neighbours from the word, CBOW the word from the mean
of its neighbours; either over the whole vocabulary (softmax) or against a few words drawn by chance (negatives).
"""

from typing import Annotated, Literal

import torch
from torch import Tensor, nn

from medviz.parameters import Choice, Range


class Word2Vec(nn.Module):
    """Two tables of vectors: of a word as what is said (`words`), and as a neighbour (`contexts`), (classes, width).

    `classes` are the tokens of the vocabulary. `seen` (classes,) is how often each occurs in the sentences learnt from;
    negatives are drawn from seen^0.75.
    """

    seen: Tensor

    def __init__(
        self,
        classes: int = 32,
        width: Annotated[int, Range(2, 512), "Numbers that stand for a word"] = 32,
        kind: Annotated[
            Literal["skip-gram", "cbow"],
            Choice(("skip-gram", "cbow"), ("Skip-gram: neighbours from the word", "CBOW: the word from neighbours")),
            "What is told from what",
        ] = "skip-gram",
        negatives: Annotated[
            int, Range(0, 50), "Words drawn by chance that a pair is told from; 0: from all words (softmax)"
        ] = 5,
    ) -> None:
        super().__init__()
        self.kind, self.negatives = kind, negatives
        self.words = nn.Embedding(classes, width)
        self.contexts = nn.Embedding(classes, width)
        nn.init.uniform_(self.words.weight, -0.5 / width, 0.5 / width)  # as in the authors' program
        nn.init.zeros_(self.contexts.weight)
        self.register_buffer("seen", torch.ones(classes))

    @property
    def noise(self) -> Tensor:
        """How probable each word is as a negative, (classes,)."""
        weights = self.seen**0.75
        return weights / weights.sum()

    def forward(self, given: Tensor, there: Tensor | None = None) -> Tensor:
        """Vector of what is given: a word (N,) ids → (N, width), or the mean of some (N, K) ids that are `there`."""
        if there is None:
            return self.words(given)  # type: ignore[no-any-return]
        weight = there[..., None].to(self.words.weight.dtype)
        mean: Tensor = (self.words(given) * weight).sum(1) / weight.sum(1).clamp_min(1)
        return mean
