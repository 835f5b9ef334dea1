"""A small network that denoises towards what a sentence says, by cross-attention to its words; taught at once."""

import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from medviz.data.captioned import Captioned
from medviz.data.pictures import pictures
from medviz.data.words import PAD, Vocabulary
from medviz.labs.diffused import PAPER_STEPS, schedule
from medviz.labs.looked_into import Drawn
from medviz.messages import Progress, Work
from medviz.training.device import leaving_one_core

Array = NDArray[Any]
SIDE, CELL, LENGTH = 16, 4, 8
"""Side of the pictures and of the cells that ask the words, in pixels; the most words of a prompt."""
GRID = SIDE // CELL
WIDTH, EMBEDDED, HEADS, WAVES = 128, 32, 2, 8
STEPS, BATCH, DROPPED = 300, 64, 0.15
"""Steps of teaching, pictures in each, and the share of these that are shown without their caption."""
MOST_WEIGHT = 5.0
DATA = Captioned(cases=640, size=40, objects=1, noise=0.0, forms=1, held_out=0.05)


class Worded(nn.Module):
    """Tells the noise in pictures (N, 1, 16, 16) of which ᾱ (N,) is left, given words (N, 8) as ids.

    Each cell of 4 × 4 px asks the words (query) and takes of each (value) what its answer (key) is worth; dense layers
    guess the clean picture from what all cells took and from the noisy one. Where there are no words, only padding, one
    key is left that stands for nothing. `maps` (N, heads, cells, 1 + words) are those of the last call, the share of
    nothing first.
    """

    waves: Tensor

    def __init__(self, words: int, middle: Tensor) -> None:
        super().__init__()
        self.words = nn.Embedding(words, EMBEDDED, padding_idx=PAD)
        self.nothing = nn.Parameter(torch.zeros(1, EMBEDDED))
        self.part, self.place = nn.Linear(CELL * CELL, EMBEDDED), nn.Parameter(torch.randn(GRID * GRID, EMBEDDED))
        self.asks, self.answers = nn.Linear(EMBEDDED, EMBEDDED), nn.Linear(EMBEDDED, 2 * EMBEDDED, bias=False)
        self.taken = nn.Linear(GRID * GRID * EMBEDDED, WIDTH)
        self.first, self.time = nn.Linear(SIDE * SIDE, WIDTH), nn.Linear(2 * WAVES, WIDTH)
        self.second, self.third = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.last = nn.Linear(WIDTH, SIDE * SIDE)
        self.register_buffer("waves", torch.arange(1, WAVES + 1) * 0.25)
        self.maps = torch.zeros(0)
        with torch.no_grad():
            self.last.bias.copy_(middle.flatten())

    def forward(self, x: Tensor, left: Tensor, ids: Tensor) -> Tensor:
        """Return the noise told, as large as x."""
        share = left.reshape(-1, 1)
        angles = torch.log(share / (1 - share)) * self.waves
        told = self.time(torch.cat([torch.sin(angles), torch.cos(angles)], dim=1))
        seen = x / torch.sqrt(0.4 * share + 1 - share)[..., None, None]
        state = self.first(seen.flatten(1)) * 0.3 + told + self.taken(self.attended(seen, ids).flatten(1))
        state = state + self.second(F.silu(state))
        state = state + self.third(F.silu(state))
        clean = self.last(F.silu(state)).reshape(x.shape)
        share = share[..., None, None]
        return (x - torch.sqrt(share) * clean) / torch.sqrt(1 - share)  # type: ignore[no-any-return]

    def attended(self, seen: Tensor, ids: Tensor) -> Tensor:
        """Let each cell ask the words; return what it took, (N, cells, EMBEDDED)."""
        count = len(seen)
        cells = F.unfold(seen, CELL, stride=CELL).transpose(1, 2)  # (N, cells, 16)
        words = torch.cat([self.nothing.expand(count, 1, -1), self.words(ids)], dim=1)
        absent = F.pad(ids == PAD, (1, 0))
        parts = self.answers(words).reshape(count, -1, 2, HEADS, EMBEDDED // HEADS)
        keys, values = parts.permute(2, 0, 3, 1, 4)
        queries = self.asks(self.part(cells) + self.place).reshape(count, -1, HEADS, EMBEDDED // HEADS).transpose(1, 2)
        scores = queries @ keys.transpose(2, 3) / (EMBEDDED // HEADS) ** 0.5
        self.maps = scores.masked_fill(absent[:, None, None], -torch.inf).softmax(dim=3)
        taken: Tensor = (self.maps @ values).transpose(1, 2).reshape(count, -1, EMBEDDED)
        return taken


@dataclass(frozen=True, eq=False)
class Reader:
    """A network that was taught, the words it knows, and the loss of each step."""

    network: Worded
    vocabulary: Vocabulary
    losses: Array


@lru_cache(maxsize=1)
def shown() -> tuple[Tensor, Tensor, Vocabulary]:
    """Return the pictures that it learns from (n, 1, 16, 16), ids of their captions (n, 8), and the vocabulary."""
    source = pictures(DATA, 2, SIDE)
    samples = [source[index] for index in range(len(source))]
    vocabulary = Vocabulary.of(str(one["text"]) for one in samples)
    ids = torch.stack([vocabulary.ids(str(one["text"]), LENGTH) for one in samples])
    return torch.stack([one["image"] for one in samples]), ids, vocabulary


_TAUGHT: dict[int, Reader] = {}


def taught(seed: int = 0, steps: int = STEPS) -> Work[Reader]:
    """Teach the network on captioned pictures, once; captions are left out now and then, for guidance."""
    if seed not in _TAUGHT:
        with leaving_one_core():
            _TAUGHT[seed] = yield from _taught(seed, steps)
    return _TAUGHT[seed]


def _taught(seed: int, steps: int) -> Work[Reader]:
    images, captions, vocabulary = shown()
    plan, chance = schedule("linear", PAPER_STEPS), np.random.default_rng(seed)
    with Drawn(seed):
        network = Worded(len(vocabulary), images.mean(dim=0))
    optimiser = torch.optim.Adam(network.parameters(), lr=5e-3, fused=True)
    losses = []
    began_s = time.monotonic()
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = 5e-3 * (1 - step / steps) + 1e-4
        chosen = torch.from_numpy(chance.integers(0, len(images), BATCH))
        times = chance.integers(1, plan.steps + 1, BATCH)
        clean, ids = images[chosen], captions[chosen]
        ids = ids.masked_fill(torch.from_numpy(chance.random(BATCH) < DROPPED)[:, None], PAD)
        noise = torch.from_numpy(chance.standard_normal(clean.shape, dtype=np.float32))
        share = torch.from_numpy(plan.alpha_bar[times - 1]).float()
        told = network(plan.noised(clean, times, noise), share, ids)
        weight = torch.clamp((1 - share) / share * MOST_WEIGHT, max=1.0)
        each = ((told - noise) ** 2).mean(dim=(1, 2, 3))
        optimiser.zero_grad()
        (weight * each).mean().backward()
        optimiser.step()
        losses.append(float(each.detach().mean()))
        left_s = (time.monotonic() - began_s) / (step + 1) * (steps - step - 1)
        yield Progress(step + 1, steps, f"teaching a small network to read, step {step + 1} of {steps}", left_s)
    return Reader(network.eval(), vocabulary, np.array(losses))
