"""Who tells the noise: the truth itself, a small network that is taught at once, or the network of a diffusion run."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medviz.imaging.slices import Slice
from medviz.labs.denoising_course import Teller, oracle
from medviz.labs.diffused import as_strong, digest, squared
from medviz.labs.tiny_denoiser import COPIES, STEPS, Lesson, copies, taught
from medviz.messages import Work
from medviz.refused import Refused
from medviz.training.using.denoiser import Denoiser, denoiser_in
from medviz.training.using.noising import Schedule

Array = NDArray[Any]
SIDE, LEAST = 32, 2
"""Side of the pictures that the small network sees, and the fewest pixels a slice must have."""


@dataclass(frozen=True, eq=False)
class Source:
    """What tells the noise, over which schedule, and the slice (side, side) in −1 to 1 beside it.

    `key` names it, so that a way back is walked once; `mm` is the size of a pixel; `words` say what it is.
    """

    tell: Teller
    plan: Schedule
    clean: Array
    mm: tuple[float, float] | None
    key: tuple[object, ...]
    words: str
    lesson: Lesson | None = None


def from_truth(image: Slice, kind: str, steps: int) -> Source:
    """Return the oracle: it knows the slice, and so the noise that was added to it."""
    clean, mm = squared(image, SIDE, LEAST)
    plan = as_strong(kind, steps)
    words = "the oracle knows the slice: x̂₀ is the slice at every t, and so is what comes out"
    return Source(oracle(plan, clean), plan, clean, mm, ("oracle", digest(clean), kind, steps), words)


def from_small_network(image: Slice, kind: str, steps: int) -> Work[Source]:
    """Teach a small network on turned and stretched copies of the slice; it is kept as long as the slice stays."""
    clean, mm = squared(image, SIDE, LEAST)
    plan = as_strong(kind, steps)
    lesson = yield from taught(copies(clean[None], COPIES))

    @torch.no_grad()
    def tell(x: Tensor, t: int) -> Tensor:
        return lesson.network(x, torch.full((len(x),), plan.left(t)))  # type: ignore[no-any-return]

    words = (
        f"the network was taught just now, from their principal components on in {STEPS} steps, on {COPIES} turned and "
        f"stretched copies of this slice in {SIDE} × {SIDE} px: it can make such copies and nothing else"
    )
    return Source(tell, plan, clean, mm, ("small", digest(clean), kind, steps), words, lesson)


def from_run(image: Slice, where: str, steps: int, kind: int, guidance: float) -> Source:
    """Return the network of a run, on fewer steps of its own schedule; refuses what this lab cannot show."""
    if not where.strip():
        raise Refused("run", "no run is chosen", "choose the folder of a run of the task diffusion, or another source")
    found = _loaded(where, _changed_at(where))
    if found.dimensions != 2 or found.channels != 1 or found.latent:
        raise Refused(where, "it does not work on the pixels of grey slices", "choose a run of diffusion on slices")
    if found.kinds and kind >= len(found.kinds):
        raise Refused(f"kind={kind}", f"the run knows {len(found.kinds)} classes", "count from 0")
    plan, times = respaced(found.schedule, steps)
    clean, mm = squared(image, found.side, LEAST)
    tell = found.telling([kind] if found.kinds else None, None, guidance)
    mirrored = image.letters[0][:1] == "R"

    @torch.no_grad()
    def noise(x: Tensor, t: int) -> Tensor:
        seen, asked = turned(x, mirrored), torch.full((len(x),), times[t - 1])
        told = torch.cat([tell(one[None], at[None]) for one, at in zip(seen, asked, strict=True)])
        return turned_back(found.schedule.read(found.prediction, seen, times[t - 1], told)[0], mirrored)

    words = f"the network of {Path(where).name}, asked at {plan.steps} of its {found.schedule.steps} steps"
    if found.kinds:
        words += f" for {found.kinds[kind]} with guidance {guidance:g}"
    key = ("run", where, _changed_at(where), digest(clean), steps, kind, guidance)
    return Source(noise, plan, clean, mm, key, words)


def respaced(plan: Schedule, count: int) -> tuple[Schedule, tuple[int, ...]]:
    """Return a schedule of some of the steps, and which these were: Algorithm 2 holds on it as it stands.

    α is then the quotient of the ᾱ that are left (Nichol and Dhariwal, 2021).
    """
    times = tuple(sorted(set(plan.times(count))))
    left = plan.alpha_bar[np.array(times) - 1]
    alpha = left / np.concatenate([[1.0], left[:-1]])
    return Schedule(1 - alpha, alpha, left, plan.large), times


def turned(x: Tensor, mirrored: bool) -> Tensor:
    """Turn pictures (N, C, rows, cols) as they face the screen to (N, C, x, y), as networks see them."""
    upright = x.flip(2, 3) if mirrored else x.flip(2)
    return upright.transpose(2, 3)


def turned_back(x: Tensor, mirrored: bool) -> Tensor:
    """Turn pictures (N, C, x, y) to face the screen."""
    upright = x.transpose(2, 3)
    return upright.flip(2, 3) if mirrored else upright.flip(2)


def _changed_at(where: str) -> int:
    try:
        return (Path(where) / "model.json").stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=2)
def _loaded(where: str, _: int) -> Denoiser:
    return denoiser_in(where)
