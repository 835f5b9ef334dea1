"""A captioner for a lab: one that a run has taught, or a tiny one that is taught at once on drawn pictures."""

import time
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from medviz.data.captioned import Captioned
from medviz.data.words import PAD, Vocabulary
from medviz.labs.looked_into import Drawn
from medviz.messages import Progress, Work
from medviz.networks.captioner import Captioner
from medviz.training.using.captioning import caption_model

SIDE, LENGTH, STEPS, BATCH, POOL, MORE = 32, 12, 200, 24, 480, 100
_DATA = Captioned(cases=POOL + MORE, size=SIDE, objects=1, noise=0.05, forms=1)


@dataclass(frozen=True, eq=False)
class Speaker:
    """A captioner with its words, who taught it, and the drawn pictures that it never saw."""

    network: Captioner
    vocabulary: Vocabulary
    side: int
    channels: int
    who: str
    data: Captioned
    unseen: str

    def picture(self, number: int) -> tuple[Tensor, str]:
        """Return a picture that it never saw (channels, side, side) and what should be said of it."""
        if self.data is _DATA:  # in two seconds things are learnt that are shown, not those that are not
            sample = self.data.training(2, self.side, 0.0)[POOL + number % MORE]
        else:
            held = self.data.validation(2, self.side)
            sample = held[number % len(held)]
        image: Tensor = sample["image"]
        return image.expand(self.channels, -1, -1).contiguous(), str(sample["text"])


_TAUGHT: dict[int, Speaker] = {}
"""Networks that were taught already: a turned control must not teach anew."""


def speaker(run: str, seed: int) -> Work[Speaker]:
    """Load the captioner of a run, or teach a tiny one; refuses a run that captions nothing."""
    if run:
        yield Progress(0, 0, "reading the run")
        return _of_run(run)
    if seed not in _TAUGHT:
        _TAUGHT[seed] = yield from _taught(seed)
    return _TAUGHT[seed]


@lru_cache(maxsize=2)
def _of_run(run: str) -> Speaker:
    made = caption_model(run)
    data = Captioned(size=min(256, max(32, made.side)), noise=0.1, forms=1)
    return Speaker(
        made.network,
        made.vocabulary,
        made.side,
        made.channels,
        f"the run {made.name}",
        data,
        "shows a thing that was in none it learnt from",
    )


def _taught(seed: int) -> Work[Speaker]:
    vocabulary = Vocabulary.of(_DATA.texts)
    with Drawn(seed):
        made = Captioner(
            1, len(vocabulary), SIDE, LENGTH, decoder="transformer", width=32, depth=1, heads=2, dropout=0.0
        )
    learnt = _DATA.training(2, SIDE, 0.0)
    images = torch.stack([learnt[k]["image"] for k in range(POOL)])
    words = torch.stack([vocabulary.ids(learnt[k]["text"], LENGTH, ends=True) for k in range(POOL)])
    order = np.random.default_rng(seed)
    optimiser = torch.optim.Adam(made.parameters(), lr=6e-3)
    began_s = time.monotonic()
    for step in range(STEPS):
        some = torch.from_numpy(order.integers(0, len(images), BATCH))
        scores = made(images[some], words[some, :-1])
        optimiser.zero_grad()
        loss = F.cross_entropy(scores.flatten(0, 1), words[some, 1:].flatten(), ignore_index=PAD)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        left_s = (time.monotonic() - began_s) / (step + 1) * (STEPS - step - 1)
        yield Progress(step + 1, STEPS, f"teaching a small captioner, step {step + 1} of {STEPS}", left_s)
    who = f"a small transformer that was taught here, {STEPS} steps on {POOL} drawn pictures"
    return Speaker(made.eval(), vocabulary, SIDE, 1, who, _DATA, "is new, the thing in it is not")
