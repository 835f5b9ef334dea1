"""How well the noise is told in pictures that training never sees: by t, always with the same noise."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medviz.figures import Curves, Line
from medviz.imaging.volume import Array
from medviz.training.task import Batch
from medviz.training.using.latent import encoded
from medviz.training.using.noising import Schedule

BINS, FINE = 4, 20
"""Bins of t that have a curve over the run each, and those of the drawing."""
_GOLDEN = 0.6180339887498949


def asked_of(batch: Batch) -> dict[str, Tensor]:
    """Return what of a batch a network is asked for."""
    names = {"kind": "kind", "ids": "text"}
    return {name: batch[key] for key, name in names.items() if key in batch}


@dataclass(frozen=True)
class Errors:
    """Mean square errors (n,) at times t (n,)."""

    t: Array
    error: Array

    def mean(self) -> float:
        """The mean over all t alike: over the bins, each its own mean."""
        return float(self.error.mean())

    def binned(self, count: int, steps: int) -> list[tuple[int, int, float]]:
        """Mean error of each bin that has one: (first t, last t, error)."""
        found = []
        edges = np.linspace(0, steps, count + 1).round().astype(int)
        for low, high in pairwise(edges):
            inside = (self.t > low) & (self.t <= high)
            if inside.any():
                found.append((int(low) + 1, int(high), float(self.error[inside].mean())))
        return found


def times_of(number: int, steps: int) -> list[int]:
    """Return the times at which picture `number` is measured, one in each bin, elsewhere for the next picture."""
    share = (0.5 + number * _GOLDEN) % 1.0
    edges = np.linspace(0, steps, BINS + 1)
    return [min(steps, int(low + share * (high - low)) + 1) for low, high in pairwise(edges)]


def errors_of(network: nn.Module, schedule: Schedule, prediction: str, batches: Sequence[Batch], first: int) -> Errors:
    """Measure pictures (batches of one), each at one time in each bin; `first` is the number of the first one.

    The noise of a picture comes from its number: the same in every validation, on every machine.
    """
    times = [times_of(first + place, schedule.steps) for place in range(len(batches))]
    x0 = encoded(network, torch.cat([batch["image"] for batch in batches]))
    asked = [asked_of(batch) for batch in batches]
    every = {name: torch.cat([one[name] for one in asked]).repeat_interleave(BINS, 0) for name in asked[0]}
    x0 = x0.repeat_interleave(BINS, 0)
    t = torch.tensor([one for own in times for one in own], device=x0.device)
    noise = torch.cat([_noise(first + place, (BINS, *x0.shape[1:])) for place in range(len(batches))]).to(x0)
    told = network(schedule.noised(x0, t, noise), t, **every).float()
    target = schedule.target(prediction, x0, t, noise).float()
    each = F.mse_loss(told, target, reduction="none").flatten(1).mean(1)
    return Errors(t.cpu().numpy(), each.double().cpu().numpy())


def joined(parts: Sequence[Errors]) -> Errors:
    """Put measurements together."""
    return Errors(np.concatenate([one.t for one in parts]), np.concatenate([one.error for one in parts]))


def named(found: Errors, steps: int) -> dict[str, float]:
    """Name the loss and that of each bin as curves."""
    bins = {f"validation/loss/t {low}–{high}": error for low, high, error in found.binned(BINS, steps)}
    return {"validation/loss": found.mean(), **bins}


def drawn(found: Errors, steps: int, what: str) -> Curves:
    """Draw the loss by t."""
    bins = found.binned(FINE, steps)
    x = np.array([(low + high) / 2 for low, high, _ in bins])
    y = np.array([error for _, _, error in bins])
    title = f"loss by t ({what})"
    return Curves("loss by t", (Line("held out", x, y),), title, "t (steps of noise)", "mean square error", log_y=True)


def _noise(number: int, shape: tuple[int, ...]) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(number))


def together(side: int, dimensions: int, most: int) -> int:
    """How many pictures are measured at once."""
    return max(1, most // (BINS * int(side**dimensions)))
