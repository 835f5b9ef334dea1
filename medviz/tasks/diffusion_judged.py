"""How good the samples of a diffusion network are at the end of its run, beside the pictures that it learnt from."""

import numpy as np
import torch

from medviz.data.pictures import Pictures
from medviz.figures import Text
from medviz.messages import Note, Work
from medviz.refused import Refused
from medviz.training.using.denoiser import Denoiser
from medviz.training.using.diffused import Denoised, Prompted, made_of
from medviz.training.using.features import features
from medviz.training.using.quality import judged

STEPS = 25
_MOST = 256
"""Training pictures that samples are compared with, evenly spread over all."""


def samples_judged(denoiser: Denoiser, known: Pictures, count: int) -> Work[None]:
    """Make samples and tell how far they lie from the pictures; of a network that reads, for nothing in words."""
    wishes = (Prompted if denoiser.vocabulary is not None else Denoised)(count=count, steps=STEPS)
    made = yield from made_of(denoiser, wishes)
    try:
        found = yield from judged(torch.from_numpy(np.stack([one.image for one in made])), known, features(), _MOST)
    except Refused as refusal:
        yield Note(f"The samples cannot be judged: {refusal.thing}: {refusal.fault}", "warning", refusal.remedy)
        return
    yield Text("quality", found.words(), f"{count} samples beside the pictures that were learnt from")
    yield Note(f"Samples (DDIM, {STEPS} steps): {found.words()}")
