"""Algorithms 1 and 2 of deck D4 as they are printed, and one step of them written out with its numbers."""

from medviz.labs.denoising_course import Moment
from medviz.labs.diffused import lowered, said
from medviz.labs.formulas import factor, number
from medviz.labs.lab import Erratum
from medviz.training.using.noising import Schedule

TRAINING = (
    "repeat",
    "   x₀ ~ q(x₀)",
    "   t ~ Uniform({1, …, T})",
    "   ε ~ N(0, I)",
    "   gradient descent step on ∇θ ‖ε − ε_θ(√ᾱ_t·x₀ + √(1−ᾱ_t)·ε, t)‖²",
    "until converged",
)
SAMPLING = (
    "x_T ~ N(0, I)",
    "for t = T, …, 1 do",
    "   z ~ N(0, I) if t > 1, else z = 0",
    "   x_t₋₁ = 1/√α_t · (x_t − (1−α_t)/√(1−ᾱ_t) · ε_θ(x_t, t)) + σ_t·z",
    "end for",
    "return x₀",
)
E21 = Erratum(
    "E21",
    "new latent image = latent image − predicted noise, and the network predicts the amount of noise",
    "a step of DDPM (D4) takes (1−α)/√(1−ᾱ) of the noise away, multiplies by 1/√α and adds σz; and the network "
    "predicts the noise itself, a tensor as large as the picture: the amount is known from t",
)


def program(lines: tuple[str, ...], now: int) -> str:
    """Write a program with its numbers; the line that runs, counted from 1, is marked."""
    return "\n".join(f"{'▶' if k == now else ' '} {k}: {text}" for k, text in enumerate(lines, start=1))


def the_step(plan: Schedule, now: Moment, at: tuple[int, int]) -> str:
    """Write line 4 of Algorithm 2 with the numbers of one pixel."""
    t = now.t
    alpha, left, sigma = float(plan.alpha[t - 1]), plan.left(t), plan.sigma(t)
    x, told, fresh = (float(one[at]) for one in (now.noisy, now.told, now.fresh))
    share = (1 - alpha) / (1 - left) ** 0.5
    mean = (x - share * told) / alpha**0.5
    return (
        f"α{lowered(t)} = {said(alpha)}, ᾱ{lowered(t)} = {said(left)}, σ = {said(sigma)}\n"
        f"x{lowered(t - 1)} = 1/√{said(alpha)} · ({number(x)} − {said(1 - alpha)}/√{said(1 - left)}·{factor(told)}) + "
        f"{factor(fresh)}\n    = {number(mean)} + {factor(fresh)} = {number(mean + fresh)}"
    )


def the_decks_way(now: Moment, at: tuple[int, int]) -> str:
    """Write what deck D2 says of the same pixel."""
    x, told = float(now.noisy[at]), float(now.told[at])
    return f"latent − predicted noise = {number(x)} − {factor(told)} = {number(x - told)}"
