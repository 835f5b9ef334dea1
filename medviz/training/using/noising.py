"""How a picture is drowned in noise, and the arithmetic of the way back: DDPM and DDIM, in closed form.

Ho, Jain and Abbeel, "Denoising diffusion probabilistic models", 2020; Song, Meng and Ermon, "Denoising diffusion
implicit models", 2021; Nichol and Dhariwal, "Improved denoising diffusion probabilistic models", 2021 (cosine).
Pictures are torch tensors or numpy arrays (N, C, x, y[, z]); `t` is one number, 1 ... T, or one a picture, (N,).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medviz.refused import Refused

Kind = Literal["linear", "scaled-linear", "cosine", "sigmoid"]
Prediction = Literal["noise", "picture", "velocity"]
"""What a network tells of a noisy picture: the noise ε, the clean picture x₀, or v = √ᾱ ε − √(1 − ᾱ) x₀."""
Pixels = TypeVar("Pixels", Tensor, NDArray[Any])
Table = NDArray[np.float64]
_SHIFT = 8e-3
"""Of the cosine, so that the first steps are not too small to be seen (Nichol and Dhariwal, equation 17)."""
_MOST = 0.999
"""Largest β of the cosine, which would otherwise end at 1, where nothing of the picture is left to divide by."""
_REACH = 6.0
"""The sigmoid is taken from −6 to 6."""


@dataclass(frozen=True, eq=False)
class Schedule:
    """How much noise each step adds: β, α = 1 − β and ᾱ = α₁ … α_t, float64 (T,); place 0 is t = 1.

    `large` takes β for σ² where the posterior's own, smaller one is usual; both are in the paper.
    """

    beta: Table
    alpha: Table
    alpha_bar: Table
    large: bool = False

    @classmethod
    def of(
        cls, kind: Kind | str = "linear", steps: int = 1000, low: float = 1e-4, high: float = 0.02, large: bool = False
    ) -> "Schedule":
        """Return a schedule of `steps` steps whose β rises from `low` to `high` (the cosine has its own).

        Refuses an unknown kind, no steps, and β that do not rise within 0 ... 1.
        """
        if kind not in get_args(Kind):
            raise Refused(f"schedule {kind}", "there is no such schedule", f"take one of {', '.join(get_args(Kind))}")
        if steps < 1:
            raise Refused(f"{steps} steps", "noise is added in one step at least", "take 1000")
        if not 0 < low <= high < 1:
            raise Refused(f"β from {low:g} to {high:g}", "it does not rise within 0 to 1", "take 0.0001 to 0.02")
        beta = _betas(kind, steps, low, high)
        return cls(beta, 1 - beta, np.cumprod(1 - beta, dtype=np.float64), large)

    @property
    def steps(self) -> int:
        """T: how many steps lead from the picture to noise."""
        return len(self.beta)

    @property
    def even(self) -> int:
        """The step t after which picture and noise are as strong as each other: ᾱ is nearest to a half."""
        return int(np.argmin(np.abs(self.alpha_bar - 0.5))) + 1

    def left(self, t: int) -> float:
        """ᾱ_t: the share of the picture's variance that is left after t steps; 1 at t = 0."""
        return 1.0 if t == 0 else float(self.alpha_bar[t - 1])

    def noised(self, x0: Pixels, t: Any, noise: Pixels) -> Pixels:
        """x_t = √ᾱ_t x₀ + √(1 − ᾱ_t) ε: t steps at once."""
        made: Pixels = self._root(x0, t) * x0 + self._rest(x0, t) * noise
        return made

    def clean(self, x_t: Pixels, t: Any, noise: Pixels) -> Pixels:
        """x̂₀ = (x_t − √(1 − ᾱ_t) ε) / √ᾱ_t: the picture, if that is the noise in it."""
        found: Pixels = (x_t - self._rest(x_t, t) * noise) / self._root(x_t, t)
        return found

    def noise(self, x_t: Pixels, t: Any, x0: Pixels) -> Pixels:
        """ε̂ = (x_t − √ᾱ_t x₀) / √(1 − ᾱ_t): the noise, if that is the picture in it."""
        found: Pixels = (x_t - self._root(x_t, t) * x0) / self._rest(x_t, t)
        return found

    def velocity(self, x0: Pixels, t: Any, noise: Pixels) -> Pixels:
        """V = √ᾱ_t ε − √(1 − ᾱ_t) x₀ (Salimans and Ho, 2022)."""
        made: Pixels = self._root(x0, t) * noise - self._rest(x0, t) * x0
        return made

    def target(self, what: Prediction | str, x0: Pixels, t: Any, noise: Pixels) -> Pixels:
        """Return what a network that tells `what` ought to tell."""
        if what == "noise":
            return noise
        return x0 if what == "picture" else self.velocity(x0, t, noise)

    def read(self, what: Prediction | str, x_t: Pixels, t: Any, told: Pixels) -> tuple[Pixels, Pixels]:
        """Read what a network told: (ε̂, x̂₀)."""
        if what == "noise":
            return told, self.clean(x_t, t, told)
        x0: Pixels = told if what == "picture" else self._root(x_t, t) * x_t - self._rest(x_t, t) * told
        return self.noise(x_t, t, x0), x0

    def mean(self, x_t: Pixels, t: Any, noise: Pixels) -> Pixels:
        """μ = (x_t − (1 − α_t) / √(1 − ᾱ_t) ε) / √α_t: line 4 of Algorithm 2, without σ z."""
        factor = self._of(self.beta / np.sqrt(1 - self.alpha_bar), x_t, t)
        made: Pixels = (x_t - factor * noise) / self._of(np.sqrt(self.alpha), x_t, t)
        return made

    def sigma(self, t: int) -> float:
        """σ_t: how much fresh noise Algorithm 2 adds; none at t = 1 (of the posterior), √β_t where it is `large`."""
        if self.large:
            return float(np.sqrt(self.beta[t - 1]))
        return self.spread(t, t - 1)

    def step(self, x_t: Pixels, t: int, noise: Pixels, z: Pixels | None = None) -> Pixels:
        """x_{t−1} = μ + σ_t z: line 4 of Algorithm 2; z is left out at t = 1 (line 3)."""
        mean = self.mean(x_t, t, noise)
        return mean if z is None or t == 1 else mean + self.sigma(t) * z

    def spread(self, t: int, before: int, eta: float = 1.0) -> float:
        """σ of a step of DDIM from t to `before`: η √((1 − ᾱ') / (1 − ᾱ)) √(1 − ᾱ / ᾱ'); η = 1 is that of DDPM."""
        now, then = self.left(t), self.left(before)
        return float(eta * np.sqrt((1 - then) / (1 - now)) * np.sqrt(1 - now / then))

    def leap(
        self, x_t: Pixels, t: int, before: int, noise: Pixels, z: Pixels | None = None, eta: float = 0.0
    ) -> Pixels:
        """Go from t to any earlier step at once, as DDIM does: √ᾱ' x̂₀ + √(1 − ᾱ' − σ²) ε + σ z; 0 is the picture."""
        return self.between(self.clean(x_t, t, noise), noise, t, before, z, eta)

    def between(
        self, x0: Pixels, noise: Pixels, t: int, before: int, z: Pixels | None = None, eta: float = 0.0
    ) -> Pixels:
        """Do the same with x̂₀ at hand, which may have been kept within bounds (the noise must then be told anew)."""
        then, sigma = self.left(before), self.spread(t, before, eta)
        there: Pixels = math.sqrt(then) * x0 + math.sqrt(max(1 - then - sigma**2, 0.0)) * noise
        return there if z is None or sigma == 0 else there + sigma * z

    def times(self, count: int | None = None) -> tuple[int, ...]:
        """Return `count` steps (None: all) from T down to 1, evenly spread, for fewer steps on the way back."""
        count = self.steps if count is None else min(max(count, 1), self.steps)
        spread = np.linspace(self.steps, 1, count).round().astype(int)
        return tuple(int(one) for one in spread)

    def _root(self, like: Pixels, t: Any) -> Any:
        return self._of(np.sqrt(self.alpha_bar), like, t)

    def _rest(self, like: Pixels, t: Any) -> Any:
        return self._of(np.sqrt(1 - self.alpha_bar), like, t)

    def _of(self, table: Table, like: Pixels, t: Any) -> Any:
        """Look t up: a plain number, or for one t a picture (N, 1, 1, ...) as the pixels are kept."""
        if isinstance(t, int | np.integer):
            if not 1 <= t <= self.steps:
                raise Refused(f"t = {t}", f"the steps are 1 to {self.steps}", "take one of these")
            return float(table[t - 1])
        if isinstance(like, Tensor):
            kept = torch.as_tensor(table, dtype=like.dtype, device=like.device)
            places = torch.as_tensor(t, device=like.device).long() - 1
            return kept[places].reshape(-1, *[1] * (like.ndim - 1))
        places = np.asarray(t, dtype=np.int64) - 1
        return table.astype(like.dtype)[places].reshape(-1, *[1] * (like.ndim - 1))


def guided(told: Pixels, without: Pixels, scale: float) -> Pixels:
    """Push what is told with the condition away from what is told without: ε̂∅ + s (ε̂ − ε̂∅).

    Ho and Salimans, "Classifier-free diffusion guidance", 2022, in the usual counting: 0 is without the condition, 1
    with it, more goes beyond.
    """
    pushed: Pixels = without + scale * (told - without)
    return pushed


def pairs(times: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Return each step with the one that follows it on the way back; the last one ends at 0."""
    return tuple(zip(times, (*times[1:], 0), strict=True))


def _betas(kind: str, steps: int, low: float, high: float) -> Table:
    if kind == "linear":
        return np.linspace(low, high, steps, dtype=np.float64)
    if kind == "scaled-linear":
        return np.square(np.linspace(low**0.5, high**0.5, steps))
    if kind == "sigmoid":
        bent: Table = low + (high - low) / (1 + np.exp(-np.linspace(-_REACH, _REACH, steps)))
        return bent
    left: Table = np.cos((np.arange(steps + 1) / steps + _SHIFT) / (1 + _SHIFT) * np.pi / 2) ** 2
    beta: Table = np.minimum(1 - left[1:] / left[:-1], _MOST)
    return beta
