"""Two small networks that are taught on the spot to fill in: words of report sentences, and patches of one slice."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from medviz.data.masking import AS_MASK, AS_OTHER, shown_of
from medviz.data.sentences import drawn
from medviz.data.words import MASK, SPECIAL, Vocabulary
from medviz.imaging.slices import Slice
from medviz.labs.looked_into import Drawn, fitted
from medviz.messages import Progress, Work
from medviz.networks.bert import Bert
from medviz.networks.mae import MAE
from medviz.networks.patching import waves
from medviz.training.using.filling import Asked, loss

Array = NDArray[Any]
LENGTH, WORD_STEPS, AT_ONCE = 24, 160, 96
SIZE, PATCH, PICTURE_STEPS, PICTURES = 64, 8, 110, 10
_TURN, _SCALE, _MOVE = 0.08, 0.06, 0.06
"""How far views are turned (rad), scaled (share) and moved (share of half a side)."""
_SHARE = 0.15
_DRAWN, _BEGINNINGS = 4000, ("there is", "again seen", "the radiograph", "no ")
"""Sentences about the chest alone: few words in few forms, so that seconds of teaching are enough."""


@dataclass(frozen=True, eq=False)
class Reader:
    """A network that guesses words: what it knows, how long sentences may be, and the sentences it was taught.

    `rule` are the shares of all words taught that were asked for, and of these as <mask>, as another word, as itself.
    """

    network: nn.Module
    vocabulary: Vocabulary
    length: int
    taught: str
    rule: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, eq=False)
class Filler:
    """A network that fills patches in: the side of its pictures and of a patch in pixels, and how it was taught."""

    network: nn.Module
    size: int
    patch: int
    taught: str
    normalise: bool = False


_READERS: dict[int, Reader] = {}
"""Those that were taught already, by seed: a turned control must not teach anew."""
_FILLERS: "WeakKeyDictionary[Slice, dict[int, Filler]]" = WeakKeyDictionary()


@lru_cache(maxsize=1)
def _sentences() -> tuple[Vocabulary, Tensor]:
    texts = tuple(text for text in drawn(_DRAWN) if text.startswith(_BEGINNINGS))
    vocabulary = Vocabulary.of(texts)
    return vocabulary, torch.stack([vocabulary.ids(text, LENGTH) for text in texts])


def reader(seed: int = 0) -> Work[Reader]:
    """Teach a transformer of one block to guess masked words; a second or two."""
    if seed not in _READERS:
        vocabulary, ids = _sentences()
        with Drawn(seed):
            network = Bert(len(vocabulary), LENGTH, 48, 1, 4, 0.0)
        with torch.no_grad():
            network.positions.copy_(0.3 * waves((LENGTH,), 48))  # neighbours are alike from the start
        counts = np.zeros(5)
        for step, lost in enumerate(_lessons_of_words(network, ids, len(vocabulary), seed, counts), start=1):
            del lost
            yield Progress(step, WORD_STEPS, "teaching the transformer to guess words")
        words, chosen, masks, others, same = counts
        rule = (chosen / words, masks / chosen, others / chosen, same / chosen)
        told = f"taught here on {len(ids):,} sentences about the chest, {WORD_STEPS} steps"
        _READERS[seed] = Reader(network.eval(), vocabulary, LENGTH, told, rule)
    return _READERS[seed]


def _lessons_of_words(network: Bert, ids: Tensor, words: int, seed: int, counts: Array) -> Iterator[float]:
    chance = np.random.default_rng((seed, 5))
    optimiser = torch.optim.Adam(network.parameters(), lr=0.02, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.02, WORD_STEPS, pct_start=0.2)
    for _ in range(WORD_STEPS):
        meant = ids[chance.choice(len(ids), AT_ONCE, replace=False)]
        meant = meant[:, : int((meant > 0).sum(1).max())]
        given, chosen = masked_words(meant, words, chance)
        there = meant >= len(SPECIAL)
        counts += [int(there.sum()), int(chosen.sum()), *_kinds(given[chosen], meant[chosen])]
        seen = network.head(network.read(given)[chosen])
        lost = F.cross_entropy(seen @ network.embedding.weight.T + network.bias, meant[chosen])
        optimiser.zero_grad()
        lost.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        yield lost.item()


def masked_words(meant: Tensor, words: int, chance: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Choose each word with 15 %; of those 80 % become <mask>, 10 % another word, 10 % stay: what is given, chosen."""
    chosen = torch.from_numpy(chance.random(meant.shape) < _SHARE) & (meant >= len(SPECIAL))
    turn = torch.from_numpy(chance.random(meant.shape))
    other = torch.from_numpy(chance.integers(len(SPECIAL), words, meant.shape))
    put = torch.where(turn < AS_MASK, MASK, torch.where(turn < AS_MASK + AS_OTHER, other, meant))
    return torch.where(chosen, put, meant), chosen


def _kinds(given: Tensor, meant: Tensor) -> tuple[int, int, int]:
    """Count what stands in the place of chosen words: <mask>, another word, the word itself."""
    masks, same = int((given == MASK).sum()), int((given == meant).sum())
    return masks, len(given) - masks - same, same


def filler(image: Slice, seed: int = 0) -> Work[Filler]:
    """Teach a masked autoencoder on turned, moved and scaled views of one slice; two seconds."""
    known = _FILLERS.setdefault(image, {})
    if seed not in known:
        x = torch.from_numpy(fitted(image, (1, SIZE, SIZE))[0])[None]
        with Drawn(seed):
            network = MAE(1, 2, SIZE, "vit", PATCH, 64, 1, 4, 64, 1)
        for step, lost in enumerate(_lessons_of_pictures(network, x, seed), start=1):
            del lost
            yield Progress(step, PICTURE_STEPS, "teaching the autoencoder to fill in patches of this slice")
        told = f"taught here on {PICTURE_STEPS * PICTURES:,} turned and moved views of this very slice"
        known[seed] = Filler(network.eval(), SIZE, PATCH, told)
    return known[seed]


def _lessons_of_pictures(network: MAE, x: Tensor, seed: int) -> Iterator[float]:
    chance = np.random.default_rng((seed, 6))
    optimiser = torch.optim.Adam(network.parameters(), lr=0.02, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.02, PICTURE_STEPS, pct_start=0.2)
    for _ in range(PICTURE_STEPS):
        image = _views(x, chance)
        share = float(chance.uniform(0.5, 0.85))
        shown = torch.stack([shown_of((SIZE // PATCH) ** 2, share, chance) for _ in range(PICTURES)])
        lost = loss(network(image, shown), {"image": image, "shown": shown}, Asked(PATCH))
        optimiser.zero_grad()
        lost.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        yield lost.item()


def _views(x: Tensor, chance: np.random.Generator) -> Tensor:
    """Turn, move and scale one slice (1, 1, side, side) at random: (n, 1, side, side)."""
    scale, angle = 1 + chance.uniform(-_SCALE, _SCALE, PICTURES), chance.uniform(-_TURN, _TURN, PICTURES)
    row = np.stack([scale * np.cos(angle), -scale * np.sin(angle), chance.uniform(-_MOVE, _MOVE, PICTURES)], 1)
    col = np.stack([scale * np.sin(angle), scale * np.cos(angle), chance.uniform(-_MOVE, _MOVE, PICTURES)], 1)
    turned = torch.from_numpy(np.stack([row, col], 1)).float()
    grid = F.affine_grid(turned, [PICTURES, 1, *x.shape[2:]], align_corners=False)
    return F.grid_sample(x.expand(PICTURES, -1, -1, -1), grid, padding_mode="border", align_corners=False)
