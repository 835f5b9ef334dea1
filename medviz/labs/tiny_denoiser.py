"""A network small enough to be taught diffusion while one waits: Algorithm 1 of deck D4, step by step."""

import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from medviz.labs.diffused import PAPER_STEPS, digest, schedule
from medviz.labs.looked_into import Drawn
from medviz.messages import Progress, Work
from medviz.training.device import leaving_one_core
from medviz.training.using.principal import components

Array = NDArray[Any]
WIDTH, WAVES = 128, 8
STEPS, BATCH, COPIES = 240, 32, 256
MOST_WEIGHT = 5.0
"""Of a step in the loss, as in min-SNR (Hang et al., 2023): else the nearly clean pictures are all that is learnt."""
_KEPT = 12


class TinyDenoiser(nn.Module):
    """Tells the noise ε̂ in pictures (N, 1, side, side) of which the share ᾱ (N,) of variance is left.

    Dense layers with a narrow middle guess the clean picture x̂₀; ε̂ = (x_t − √ᾱ x̂₀) / √(1 − ᾱ) follows from it.
    The first layer begins with the principal components of the pictures (n, 1, side, side), and so does the last: from
    chance it would take several times as many steps to get as far.
    """

    waves: Tensor

    def __init__(self, side: int, pictures: Tensor) -> None:
        super().__init__()
        self.first, self.time = nn.Linear(side * side, WIDTH), nn.Linear(2 * WAVES, WIDTH)
        self.second, self.third = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.last = nn.Linear(WIDTH, side * side)
        self.register_buffer("waves", torch.arange(1, WAVES + 1) * 0.25)
        found = components(pictures, WIDTH)
        count, spread = len(found.axes), found.variance.sqrt().float()
        with torch.no_grad():
            self.last.bias.copy_(pictures.mean(dim=0).flatten())
            self.last.weight[:, :count] = found.axes.T.float() * spread
            self.first.weight[:count] = 3 * found.axes.float() / (1 + spread[:, None])

    def forward(self, x: Tensor, left: Tensor) -> Tensor:
        """Return ε̂, as large as x."""
        share = left.reshape(-1, 1)
        angles = torch.log(share / (1 - share)) * self.waves
        told = self.time(torch.cat([torch.sin(angles), torch.cos(angles)], dim=1))
        seen = self.first(x.flatten(1) / torch.sqrt(0.4 * share + 1 - share)) * 0.3 + told
        seen = seen + self.second(F.silu(seen))
        seen = seen + self.third(F.silu(seen))
        clean = self.last(F.silu(seen)).reshape(x.shape)
        share = share.reshape(-1, 1, 1, 1)
        return (x - torch.sqrt(share) * clean) / torch.sqrt(1 - share)  # type: ignore[no-any-return]


@dataclass(frozen=True, eq=False)
class Lesson:
    """A network that was taught, and what it was shown: of each step the loss, t, and one picture of the batch.

    `clean`, `noise` and `told` are (steps, side, side): x₀, ε and ε̂ of that picture before the step was taken.
    """

    network: TinyDenoiser
    losses: Array
    times: Array
    clean: Array
    noise: Array
    told: Array


def copies(pictures: Array, count: int, seed: int = 0, reach: float = 0.12) -> Array:
    """Draw turned, stretched and shifted copies (count, side, side) of pictures (n, side, side) in −1 to 1."""
    chance = np.random.default_rng(seed)
    angle, stretch = chance.normal(size=count) * reach, 1 + chance.normal(size=(count, 2)) * reach * 0.6
    shift = chance.normal(size=(count, 2)) * reach * 0.4
    turned = np.empty((count, 2, 3), np.float32)
    turned[:, 0, 0], turned[:, 0, 1] = np.cos(angle) * stretch[:, 0], -np.sin(angle)
    turned[:, 1, 0], turned[:, 1, 1] = np.sin(angle), np.cos(angle) * stretch[:, 1]
    turned[:, :, 2] = shift
    chosen = torch.from_numpy(np.asarray(pictures, np.float32)[np.arange(count) % len(pictures)])[:, None]
    grid = F.affine_grid(torch.from_numpy(turned), list(chosen.shape), align_corners=False)
    made: Array = F.grid_sample(chosen + 1, grid, align_corners=False)[:, 0].numpy() - 1  # darkest beyond the border
    return made


_TAUGHT: "OrderedDict[tuple[str, int, int], Lesson]" = OrderedDict()
"""Networks that were taught already, by what they were shown: a turned control must not teach anew."""


def taught(pool: Array, seed: int = 0, steps: int = STEPS) -> Work[Lesson]:
    """Teach a network on pictures (n, side, side): Algorithm 1 with T = 1000 and the linear schedule."""
    key = digest(pool), seed, steps
    if key not in _TAUGHT:
        with leaving_one_core():
            lesson = yield from _taught(pool, seed, steps)
        _TAUGHT[key] = lesson
        while len(_TAUGHT) > _KEPT:
            _TAUGHT.popitem(last=False)
    return _TAUGHT[key]


def _taught(pool: Array, seed: int, steps: int) -> Work[Lesson]:
    plan, side = schedule("linear", PAPER_STEPS), pool.shape[-1]
    pictures = torch.from_numpy(np.ascontiguousarray(pool, np.float32))[:, None]
    with Drawn(seed):
        network = TinyDenoiser(side, pictures)
    chance = np.random.default_rng(seed)
    optimiser = torch.optim.Adam(network.parameters(), lr=5e-3, fused=True)
    kept: list[tuple[float, int, Array, Array, Array]] = []
    began_s = time.monotonic()
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = 5e-3 * (1 - step / steps) + 1e-4
        times = chance.integers(1, plan.steps + 1, BATCH)
        clean = pictures[torch.from_numpy(chance.integers(0, len(pictures), BATCH))]
        noise = torch.from_numpy(chance.standard_normal((BATCH, 1, side, side), dtype=np.float32))
        share = torch.from_numpy(plan.alpha_bar[times - 1]).float()
        told = network(plan.noised(clean, times, noise), share)
        weight = torch.clamp((1 - share) / share * MOST_WEIGHT, max=1.0)
        each = ((told - noise) ** 2).mean(dim=(1, 2, 3))
        optimiser.zero_grad()
        (weight * each).mean().backward()
        optimiser.step()
        one = (clean[0, 0].numpy(), noise[0, 0].numpy(), told[0, 0].detach().numpy())
        kept.append((float(each.detach().mean()), int(times[0]), *one))
        left_s = (time.monotonic() - began_s) / (step + 1) * (steps - step - 1)
        yield Progress(step + 1, steps, f"teaching a small network, step {step + 1} of {steps}", left_s)
    losses, shown, *three = zip(*kept, strict=True)
    return Lesson(network.eval(), np.array(losses), np.array(shown), *(np.stack(one) for one in three))
