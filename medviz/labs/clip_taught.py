"""A small CLIP taught at once on drawn pictures with captions, or one of a run."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medviz.data.captioned import Captioned, Captions, Thing, caption
from medviz.data.words import UNKNOWN, Vocabulary, tokens
from medviz.labs.looked_into import Drawn
from medviz.messages import Progress, Work
from medviz.networks.clip import Clip
from medviz.refused import Refused
from medviz.training.contrasting import clip_loss, same_texts
from medviz.training.using.prompting import comparer

Array = NDArray[Any]
SIDE, LONGEST, STEPS, BATCH = 32, 16, 120, 64
DATA = Captioned(cases=768, size=SIDE, objects=1, noise=0.1, forms=1)


@dataclass(frozen=True, eq=False)
class Known:
    """A CLIP that can be asked, with its words; `right` is how many held-out captions it picks out of all, of how many.

    `words_of` says where it comes from; `rightward` that x runs to the right in the pictures that it has learnt from.
    """

    network: Clip
    vocabulary: Vocabulary
    longest: int
    side: int
    channels: int
    losses: Array
    right: tuple[int, int]
    words_of: str
    rightward: bool = True

    def pictures(self, images: Tensor) -> Tensor:
        """Place pictures (N, C, side, side)."""
        with torch.no_grad():
            return self.network.pictures(images)

    def texts(self, texts: Sequence[str]) -> Tensor:
        """Place texts."""
        ids = torch.stack([self.vocabulary.ids(text, self.longest) for text in texts])
        with torch.no_grad():
            return self.network.texts(ids)

    def strange(self, text: str) -> tuple[str, ...]:
        """Return the words of a text that were never learnt."""
        return tuple(one for one in tokens(text) if self.vocabulary.id(one) == UNKNOWN)

    @property
    def temperature(self) -> float:
        """What it learnt to divide cosines by."""
        return float(1 / self.network.scale.detach())


@lru_cache(maxsize=4)
def held_out(side: int = SIDE) -> Captions:
    """Return pictures of compositions that were never learnt from, one object each; there are 16 compositions."""
    found = replace(DATA, size=max(32, side - side % 8)).validation(2, side)
    assert isinstance(found, Captions)
    return found


_KNOWN: dict[int, Known] = {}
"""Networks that were taught already: a turned control must not teach anew."""


def taught(seed: int) -> Work[Known]:
    """Teach a small one for some seconds; it learns light, size and place, and hardly shapes."""
    if seed not in _KNOWN:
        while len(_KNOWN) >= 4:
            _KNOWN.pop(next(iter(_KNOWN)))
        _KNOWN[seed] = yield from _learnt(seed)
    return _KNOWN[seed]


def _learnt(seed: int) -> Work[Known]:
    words = Vocabulary.of(DATA.texts)
    with Drawn(seed):
        network = Clip(1, len(words), 2, SIDE, LONGEST, "cnn", 8, 32, 32, 0, 2)
    samples = DATA.training(2, SIDE, 0.0)
    yield Progress(0, STEPS, "drawing pictures")
    images = torch.stack([samples[at]["image"] for at in range(len(samples))])
    ids = torch.stack([words.ids(text, LONGEST) for text in samples.texts])
    optimiser = torch.optim.Adam(network.parameters(), lr=0.004)
    order = np.random.default_rng(seed).integers(0, len(samples), (STEPS, BATCH))
    losses = []
    began_s = time.monotonic()
    for step, chosen in enumerate(torch.from_numpy(order)):
        loss = clip_loss(network(images[chosen], ids[chosen]), same_texts(ids[chosen]))
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        losses.append(loss.item())
        left_s = (time.monotonic() - began_s) / (step + 1) * (STEPS - step - 1)
        yield Progress(step + 1, STEPS, "teaching a small CLIP", left_s)
    known = Known(network.eval(), words, LONGEST, SIDE, 1, np.array(losses), (0, 0), "")
    right = _found(known)
    said = f"a small CLIP that was taught {STEPS} steps of {BATCH} drawn pictures just now"
    return Known(network, words, LONGEST, SIDE, 1, np.array(losses), right, said)


def _found(known: Known) -> tuple[int, int]:
    """Count the held-out pictures whose caption is nearest of all that there are."""
    held, every = held_out(), Thing.all()
    images = torch.stack([held[at]["image"] for at in range(len(held))])
    nearest = (known.pictures(images) @ known.texts([caption([one]) for one in every]).T).argmax(1).tolist()
    return sum(every[k] == one[0] for k, one in zip(nearest, held.things, strict=True)), len(held)


@lru_cache(maxsize=2)
def of_run(where: str) -> Known:
    """Load the CLIP of a run; refuses anything else."""
    made = comparer(where)
    if made.channels not in (1, 3):
        raise Refused(where, f"it looks at {made.channels} channels", "choose a run on grey or colour pictures")
    said = f"the CLIP of the run {Path(where).name}"
    return Known(
        made.network, made.vocabulary, made.longest, made.side, made.channels, np.zeros(0), (0, 0), said, made.rightward
    )
