"""Which words a captioner says of a picture: the likeliest next one each time, or the likeliest of several ways.

A beam search keeps the `beams` likeliest beginnings. It may lose the greedy caption on its way, so that one is always
among those it chooses from: what it returns is never less likely.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from medviz.networks.captioner import Captioner


@dataclass(frozen=True)
class Tokens:
    """Ids that mean something to a search: a caption's first and last token, and what is never said (<pad> ...)."""

    start: int
    end: int
    never: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Saying:
    """A caption: its ids (the end last, where it was reached), the logarithm of the probability of each, and looks.

    `attention` (words, grid, grid) has its axes along x and y of the picture. `scores` (words, classes) are logarithms
    of the probabilities of all words in each place.
    """

    ids: tuple[int, ...]
    logs: Tensor
    attention: Tensor
    scores: Tensor

    @property
    def likelihood(self) -> float:
        """Logarithm of the probability of the whole caption."""
        return float(self.logs.double().sum())


def greedy(network: Captioner, image: Tensor, tokens: Tokens) -> list[Saying]:
    """Say the likeliest next word of each picture (N, channels, size, size) until all have ended."""
    places = network.places(image)
    words = torch.full((len(image), 1), tokens.start, dtype=torch.long, device=image.device)
    ended = torch.zeros(len(image), dtype=torch.bool, device=image.device)
    while words.shape[1] < network.longest and not bool(ended.all()):
        following = _last(network, places, words, tokens).argmax(-1)
        words = torch.cat([words, following.where(~ended, tokens.end)[:, None]], 1)
        ended |= following == tokens.end
    return [said(network, places[k : k + 1], row.tolist()[1:], tokens) for k, row in enumerate(words)]


def beamed(network: Captioner, image: Tensor, tokens: Tokens, beams: int) -> Saying:
    """Say the likeliest caption of one picture (1, channels, size, size) that a search of so many beams finds."""
    plain = greedy(network, image, tokens)[0]
    if beams < 2:
        return plain
    places = network.places(image)
    found = [list(plain.ids)]
    alive: list[tuple[float, list[int]]] = [(0.0, [])]
    best = plain.likelihood
    for _ in range(network.longest - 1):
        alive = _longer(network, places, alive, tokens, beams)
        done = [one for one in alive if one[1][-1] == tokens.end]
        found += [ids for _, ids in done]
        best = max([best, *(log for log, _ in done)])
        alive = [one for one in alive if one[1][-1] != tokens.end and one[0] > best]  # words only make it less likely
        if not alive:
            break
    sayings = [plain, *(said(network, places, ids, tokens) for ids in found[1:])]
    return max(sayings, key=lambda one: one.likelihood)


def said(network: Captioner, places: Tensor, ids: Sequence[int], tokens: Tokens) -> Saying:
    """Weigh a caption that is given: ids up to and with the first end, of the places (1, P, width) of a picture."""
    ids = list(ids)
    ids = ids[: ids.index(tokens.end) + 1] if tokens.end in ids else ids
    before = torch.tensor([[tokens.start, *ids[:-1]]], device=places.device)
    read = network.read(places, before)
    scores = _permitted(read.scores[0].float(), tokens).log_softmax(-1)  # (words, classes)
    logs = scores.gather(1, torch.tensor(ids, device=places.device)[:, None])[:, 0]
    attention = read.attention[0].float().reshape(-1, network.grid, network.grid)
    return Saying(tuple(ids), logs.cpu(), attention.cpu(), scores.cpu())


def _longer(
    network: Captioner, places: Tensor, alive: list[tuple[float, list[int]]], tokens: Tokens, beams: int
) -> list[tuple[float, list[int]]]:
    """Return the likeliest beginnings that are one word longer."""
    words = torch.tensor([[tokens.start, *ids] for _, ids in alive], device=places.device)
    logs = _last(network, places.expand(len(alive), -1, -1), words, tokens).double()
    total = logs + torch.tensor([log for log, _ in alive], device=places.device, dtype=torch.double)[:, None]
    top = total.flatten().topk(min(beams, total.numel()))
    rows = [divmod(int(place), logs.shape[1]) for place in top.indices]
    pairs = zip(top.values.tolist(), rows, strict=True)
    return [(value, [*alive[row][1], word]) for value, (row, word) in pairs if value > float("-inf")]


def _last(network: Captioner, places: Tensor, words: Tensor, tokens: Tokens) -> Tensor:
    """Logarithm of the probability of each word after the last, (N, classes)."""
    return _permitted(network.read(places, words).scores[:, -1].float(), tokens).log_softmax(-1)


def _permitted(scores: Tensor, tokens: Tokens) -> Tensor:
    """Take out what is never said."""
    never = torch.tensor([tokens.start, *tokens.never], device=scores.device)
    return scores.index_fill(-1, never, float("-inf"))
