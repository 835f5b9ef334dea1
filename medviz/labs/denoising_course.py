"""The way back from noise to a picture, step by step as Algorithm 2 of deck D4 says it, or as deck D2 does."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medviz.labs.diffused import drawn_noise
from medviz.messages import Progress, Work
from medviz.training.device import leaving_one_core
from medviz.training.using.noising import Schedule

Array = NDArray[Any]
Teller = Callable[[Tensor, int], Tensor]
"""What tells the noise ε̂ in pictures (N, C, side, side) at step t."""
_KEPT = 6


@dataclass(frozen=True, eq=False)
class Moment:
    """All there is at one step t of one picture (side, side): x_t, ε̂, x̂₀, μ, σ_t z and what follows, x_{t−1}."""

    t: int
    noisy: Array
    told: Array
    clean: Array
    mean: Array
    fresh: Array
    after: Array


@dataclass(frozen=True, eq=False)
class Course:
    """Pictures from x_T to x_0 (T + 1, n, side, side), the noise ε̂ told at each step (T, n, side, side), and z."""

    plan: Schedule
    pictures: Array
    told: Array
    fresh: Array
    clip: bool
    rule: str

    def at(self, done: int, which: int = 0) -> Moment:
        """Return what there is at the step after `done` steps were taken."""
        t = self.plan.steps - done
        noisy, told = self.pictures[done, which], self.told[done, which]
        clean, mean = estimated(self.plan, noisy, t, told, self.clip)
        fresh = self.plan.sigma(t) * self.fresh[done, which]
        if self.rule == "subtract":
            mean, fresh = noisy - told, np.zeros_like(fresh)
        return Moment(t, noisy, told, clean, mean, fresh, self.pictures[done + 1, which])


def estimated(plan: Schedule, noisy: Any, t: int, told: Any, clip: bool) -> tuple[Any, Any]:
    """Return x̂₀ and μ; `clip` keeps x̂₀ within −1 to 1, as MONAI's scheduler does unless told otherwise."""
    clean = plan.clean(noisy, t, told)
    if clip:
        clean = clean.clip(-1, 1)
        told = plan.noise(noisy, t, clean)
    return clean, plan.mean(noisy, t, told)


def start_and_fresh(seed: int, steps: int, shape: tuple[int, ...]) -> Array:
    """Draw x_T (the first) and z of all steps out of a seed, (steps + 1, *shape)."""
    return drawn_noise((steps + 1, *shape), seed)


_WALKED: "OrderedDict[object, Course]" = OrderedDict()


def walked(tell: Teller, plan: Schedule, shape: tuple[int, ...], seeds: tuple[int, ...], clip: bool, rule: str,
           key: object) -> Work[Course]:  # fmt: skip
    """Walk from T to 0, a picture of `shape` (side, side) a seed; `key` names the way, which is then kept.

    `rule` "ancestral" is Algorithm 2; "subtract" takes ε̂ away and no more, as deck D2 writes it.
    """
    if key not in _WALKED:
        with leaving_one_core():
            made = yield from _walk(tell, plan, shape, seeds, clip, rule)
        _WALKED[key] = made
        while len(_WALKED) > _KEPT:
            _WALKED.popitem(last=False)
    return _WALKED[key]


def _walk(
    tell: Teller, plan: Schedule, shape: tuple[int, ...], seeds: tuple[int, ...], clip: bool, rule: str
) -> Work[Course]:
    drawn = np.stack([start_and_fresh(seed, plan.steps, shape) for seed in seeds], axis=1)  # (T + 1, n, side, side)
    x, z = torch.tensor(drawn[0])[:, None], torch.from_numpy(drawn)
    pictures, all_told = [drawn[0]], []
    for done in range(plan.steps):
        t = plan.steps - done
        told = tell(x, t)
        if rule == "subtract":
            x = (x - told).clamp(-1e6, 1e6)
        else:
            x = estimated(plan, x, t, told, clip)[1]
            if t > 1:  # line 3: z = 0 at the last step
                x = x + plan.sigma(t) * z[done + 1][:, None]
        pictures.append(x[:, 0].numpy())
        all_told.append(told[:, 0].numpy())
        if done % 10 == 0:
            yield Progress(done, plan.steps, f"sampling, step {done} of {plan.steps}")
    fresh = drawn[1:].copy()
    fresh[-1] = 0.0
    return Course(plan, np.stack(pictures), np.stack(all_told), fresh, clip, rule)


def oracle(plan: Schedule, clean: Array) -> Teller:
    """Tell the noise that truly lies between x_t and this picture (side, side)."""
    known = torch.from_numpy(np.array(clean, np.float32))[None, None]
    return lambda x, t: plan.noise(x, t, known.expand_as(x))
