"""What the ways of learning by comparison share: pictures with texts, views of a picture, words with neighbours."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from medviz.figures import Figure
from medviz.messages import Work
from medviz.parameters import Settings
from medviz.refused import Refused
from medviz.training.task import Batch, Sample, Samples

Row = dict[str, Any]
AT_ONCE = 64
"""Pictures or texts that are seen at once where no gradients are taken."""


@dataclass(frozen=True)
class Comparing:
    """One way of learning by comparison; the task hands it what a person set."""

    settings: Settings
    dimensions: int
    side: int
    augment: float
    changes: tuple[str, ...]
    batch: int
    longest: int
    at_least: int
    words_left_out: float
    temperature: float
    window: int
    common: float

    def checked(self, data: Any) -> None:
        """Refuse a data set that this cannot be learnt from."""

    def built(self, data: Any) -> nn.Module:
        """Build the network."""
        raise TypeError(f"{type(self).__name__} builds nothing")

    def training(self, data: Any) -> Samples:
        """Return what is learnt from."""
        raise TypeError(f"{type(self).__name__} learns from nothing")

    def validation(self, data: Any) -> Samples:
        """Return what is only measured."""
        raise TypeError(f"{type(self).__name__} measures nothing")

    def loss(self, network: Any, batch: Batch) -> Tensor:
        """Return the loss of a batch."""
        raise TypeError(f"{type(self).__name__} has no loss")

    def chance(self, data: Any) -> float | None:
        """Loss of a network that knows nothing."""
        return None

    def measured(self, network: Any, batches: Sequence[Batch], data: Any) -> Work[Mapping[str, float]]:
        """Measure on what training never sees."""
        raise TypeError(f"{type(self).__name__} measures nothing")

    def rows(self, network: Any, batches: Sequence[Batch], data: Any) -> Work[list[Row]]:
        """Measure each case."""
        raise TypeError(f"{type(self).__name__} measures nothing")

    def figures(self, network: Any, probes: Sequence[Batch], data: Any) -> Iterator[Figure]:
        """Draw the space."""
        yield from ()

    def description(self, data: Any) -> dict[str, Any]:
        """Say what must be known to use the network."""
        return {}


def stacked(samples: Sequence[Sample], name: str, device: torch.device) -> Iterator[Tensor]:
    """Yield one part of the samples in stacks."""
    for first in range(0, len(samples), AT_ONCE):
        some = [samples[at][name] for at in range(first, min(first + AT_ONCE, len(samples)))]
        yield torch.stack(some).to(device)


def device_of(network: nn.Module) -> torch.device:
    """Return where a network lies."""
    return next(network.parameters()).device


def texts_of(data: Any, network: str) -> tuple[str, ...]:
    """Return the texts to learn from; refuses a data set without any."""
    texts: tuple[str, ...] | None = getattr(data, "texts", None)
    if not texts:
        raise Refused(network, "it learns from texts, and the data set has none",
                      "choose captioned, image_text or (word2vec) report_sentences")  # fmt: skip
    return texts


def short(text: str, most: int = 34) -> str:
    """Cut a text where a figure has no room for all of it."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
