"""What a trained network makes when it is asked for something new: wishes in, samples out.

A task that generates gives `wishes(data)`, what may be wished for as annotated parameters, and `made(...)`. The window,
the command line and training on synthetic samples all go through these two.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import torch

from medviz.imaging.volume import Array
from medviz.messages import Work
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


@dataclass(frozen=True)
class Added:
    """What is to be made for a run: how many samples, of which `seed`, by which run, and how.

    `check` refuses what cannot be made, before anything is written; `make` makes them, and says with what weights;
    `samples` turns them into samples to learn from.
    """

    count: int
    seed: int
    source: Path
    check: Callable[[], None]
    make: Callable[[], Work[tuple[tuple[Made, ...], str]]]
    samples: Callable[[Sequence[Made]], Any]

    @property
    def wanted(self) -> Mapping[str, Any]:
        """What kept samples must have been made for; of the run that makes them the name alone."""
        return {"count": self.count, "seed": self.seed, "source": self.source.resolve().name}
