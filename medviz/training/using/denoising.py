"""The way back from noise to pictures: Algorithm 2, DDIM, guidance, and pictures that go on from what is known.

All chance comes from generators that are handed in, one a sample: a sample is the same whatever is made beside it.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from medviz.messages import Progress, Work
from medviz.training.using.noising import Schedule, guided, pairs

Tell = Callable[[Tensor, Tensor], Tensor]
"""Pictures x_t (N, C, ...) and t (N,) → what the network tells of them (see `noising.Prediction`)."""
Seen = Callable[[int, Tensor, Tensor], object]
"""Is told of each step: t, x_t before it, and x̂₀."""
SAMPLERS = ("ddim", "ddpm")


@dataclass(frozen=True, eq=False)
class Way:
    """How to go back. `steps` None are all of the schedule; "ddpm" with all of them is Algorithm 2 to the letter.

    With fewer steps "ddpm" leaps with as much fresh noise (DDIM with η = 1). `bounds` keep each x̂₀ within −1..1, which
    Algorithm 2 does not; it helps a network that has learnt little. `rounds`: where something is known, each step is
    made so often, with noise added again in between, so that the new agrees with the known (Lugmayr et al.,
    "RePaint", 2022).
    """

    schedule: Schedule
    prediction: str = "noise"
    sampler: str = "ddim"
    steps: int | None = 50
    eta: float = 0.0
    bounds: bool = False
    rounds: int = 1

    @property
    def times(self) -> tuple[tuple[int, int], ...]:
        """Each step: from t to an earlier one, the last to 0."""
        return pairs(self.schedule.times(self.steps))


@dataclass(frozen=True, eq=False)
class Known:
    """What of the pictures is known: `image` (N or 1, C, ...), and `mask` (the same or 1 each) True where it is."""

    image: Tensor
    mask: Tensor


def sources(chance: Generator, count: int) -> list[Generator]:
    """Make a source of chance for each sample; the first ones are the same for any count."""
    seeds = [int(torch.randint(0, 2**62, (), generator=chance)) for _ in range(count)]
    return [Generator().manual_seed(seed) for seed in seeds]


def noise_of(chance: Sequence[Generator], shape: Sequence[int], device: torch.device | str = "cpu") -> Tensor:
    """Draw noise (N, *shape), each sample's from its own source, on the processor: the same for every device."""
    return torch.stack([torch.randn(tuple(shape), generator=one) for one in chance]).to(device)


def denoised(
    tell: Tell,
    way: Way,
    shape: Sequence[int],
    chance: Sequence[Generator],
    device: torch.device | str = "cpu",
    known: Known | None = None,
    seen: Seen | None = None,
) -> Work[Tensor]:
    """Make a picture of `shape` (C, x, y[, z]) from noise for each source of chance; return (N, *shape).

    Yields Progress at each step. What is `known` is put back at each step with as much noise as belongs there, and at
    the end as it is: bit for bit.
    """
    x = noise_of(chance, shape, device)
    steps = way.times
    for number, (t, before) in enumerate(steps, start=1):
        rounds = way.rounds if known is not None and before else 1  # what is known comes last, and without noise
        for left in reversed(range(rounds)):
            x = _step(tell, way, x, t, before, chance, known, seen)
            if left:
                x = _back_again(way.schedule, x, before, t, chance)
        yield Progress(number, len(steps), "denoising")
    return x


@torch.no_grad()
def _step(
    tell: Tell,
    way: Way,
    x: Tensor,
    t: int,
    before: int,
    chance: Sequence[Generator],
    known: Known | None,
    seen: Seen | None,
) -> Tensor:
    """Go from t to `before`, without learning."""
    schedule, shape = way.schedule, x.shape[1:]
    told = tell(x, torch.full((len(x),), t, dtype=torch.long, device=x.device)).float()
    noise, clean = schedule.read(way.prediction, x, t, told)
    if way.bounds:
        clean = clean.clamp(-1, 1)
        noise = schedule.noise(x, t, clean)
    if seen is not None:
        seen(t, x, clean)
    eta = 1.0 if way.sampler == "ddpm" else way.eta
    z = noise_of(chance, shape, x.device) if eta and t > 1 else None
    if way.sampler == "ddpm" and before == t - 1:
        x = schedule.step(x, t, noise, z)
    else:
        x = schedule.between(clean, noise, t, before, z, eta)
    if known is None:
        return x
    there = schedule.noised(known.image, before, noise_of(chance, shape, x.device)) if before else known.image
    return torch.where(known.mask, there, x)


def _back_again(schedule: Schedule, x: Tensor, before: int, t: int, chance: Sequence[Generator]) -> Tensor:
    """Add the noise that lies between two steps: q(x_t | x_before)."""
    share = schedule.left(t) / schedule.left(before)
    return math.sqrt(share) * x + math.sqrt(1 - share) * noise_of(chance, x.shape[1:], x.device)


def guiding(told: Callable[[Tensor, Tensor, bool], Tensor], scale: float) -> Tell:
    """Ask with and without the condition and go beyond (see `noising.guided`); at 1 and 0 only one of them is asked.

    `told(x, t, True)` is what a network tells with the condition, False without.
    """
    if scale in (0.0, 1.0):
        return lambda x, t: told(x, t, scale == 1.0)
    return lambda x, t: guided(told(x, t, True), told(x, t, False), scale)
