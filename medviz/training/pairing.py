"""Words and their neighbours: what a window sees as it slides over a sentence."""

from collections.abc import Sequence

import torch
from torch import Tensor

from medviz.data.words import PAD


def word_pairs(words: Sequence[str], window: int) -> tuple[tuple[str, str], ...]:
    """List (centre, context) as the window slides: for each word its neighbours within `window`, left to right."""
    return tuple(
        (words[at], words[near])
        for at in range(len(words))
        for near in range(max(0, at - window), min(len(words), at + window + 1))
        if near != at
    )


def surroundings(ids: Tensor, window: int) -> tuple[Tensor, Tensor, Tensor]:
    """Centres (P,), what stands round them (P, 2·window) and whether it is there, of sentences (N, L) of ids.

    P are all places that hold a word; padding is neither a centre nor a neighbour.
    """
    length = ids.shape[1]
    wide = torch.nn.functional.pad(ids, (window, window), value=PAD)
    around = torch.stack([wide[:, at : at + length] for at in range(2 * window + 1) if at != window], -1)
    here = ids != PAD
    near = around[here]  # (P, 2·window)
    return ids[here], near, near != PAD
