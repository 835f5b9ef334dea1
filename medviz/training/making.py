"""What a trained network makes when it is asked for something new: wishes in, samples out.

A task that generates gives `wishes(data)`, what may be wished for as annotated parameters, and `made(...)`. The window,
the command line and training on synthetic samples all go through these two.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import torch

from medviz.imaging.volume import Array
from medviz.parameters import Group, Range

_WISHES = Group("Samples")


@dataclass(frozen=True)
class Wishes:
    """What every generating task lets a person ask for; a task adds its own (class, prompt, guidance, steps ...)."""

    count: Annotated[int, Range(1, 4096, unit="samples", log=True), _WISHES, "How many are made."] = 8
    seed: Annotated[
        int, Range(0, 2**31 - 1), _WISHES, "Start of all chance; the same seed and wishes make the same samples."
    ] = 0

    def chance(self, device: torch.device | str = "cpu") -> torch.Generator:
        """Return the one source of chance for these samples; nothing else may be drawn from."""
        return torch.Generator(device).manual_seed(self.seed)


@dataclass(frozen=True, eq=False)
class Made:
    """One new sample: image (C, x, y[, z]) float32 in −1..1, and what it was made from where there is such.

    `label` (x, y[, z]) is the mask it was made to fit, `kind` the number of the class, `text` the prompt or caption.
    `said` are plain values for its sidecar (the guidance, the number of the mask ...).
    """

    image: Array
    label: Array | None = None
    kind: int | None = None
    text: str = ""
    said: Mapping[str, Any] = field(default_factory=dict)
