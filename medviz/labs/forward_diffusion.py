"""Forward diffusion: a slice is drowned in noise, t steps at once (decks D2 and D4)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from medviz.figures import Curves, Figure, Gallery, Line, Mark, Picture, Text
from medviz.imaging.slices import Slice
from medviz.labs.diffused import (
    KIND_WORDS,
    KINDS,
    PAPER_HIGH,
    PAPER_LOW,
    PAPER_STEPS,
    SHOWN,
    drawn_noise,
    lowered,
    said,
    schedule,
    whole,
)
from medviz.labs.findings import ABDOMEN
from medviz.labs.formulas import factor, number
from medviz.labs.lab import Example, Lab
from medviz.messages import Work
from medviz.parameters import Choice, Group, Input, Pick, Range, Step
from medviz.training.using.noising import Schedule

Array = NDArray[Any]
MOST_STEPS = 4000
TILES, TILE_PX = 6, 96
EDGES = np.linspace(-4.0, 4.0, 81)


@dataclass(frozen=True)
class ForwardDiffusion(Lab):
    """The slice, the noise, and their mixture after t steps; how the two amounts change, and what the pixels become."""

    TITLE: ClassVar[str] = "Forward diffusion"
    ARRANGE: ClassVar[str] = "clean + noise = noised / formula / amounts ratio histogram / strip / chain / story"
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example("t = 1: hardly any noise", "GEN-6", "D4", {"t": 1},
                {"formula": "ᾱ₁ = 0.9999"}, text="One step of a thousand keeps 99.99 % of the variance of the slice."),
        Example("t = 259: as much noise as slice", "GEN-6", "D4", {"t": 259},
                {"story": "as strong as each other at t = 259"},
                text="Here the two curves cross: √ᾱ = √(1 − ᾱ) = 0.71."),
        Example("t = 500: half-way, and nearly gone", "GEN-6", "D4", {"t": 500},
                {"formula": "ᾱ₅₀₀ = 0.07859"}, text="Closed form: no need to take the 499 steps before."),
        Example("t = 1000: noise", "GEN-6", "D4", {"t": 1000},
                {"formula": "ᾱ₁₀₀₀ = 4.036·10⁻⁵", "story": "mean and spread of a normal distribution"},
                text="The histogram lies on that of N(0, 1): from here sampling begins."),
        Example("Adding noise until we can't tell what it was", "GEN-6", "D2", {"t": 300},
                {"strip.shape": (TILES, 48, 64)}, text="Play: the slice drowns. The strip shows the whole way."),
        Example("Another schedule: cosine", "GEN-6", "D4", {"schedule": "cosine", "t": 500},
                {"formula": "ᾱ₅₀₀ = 0.4938"}, text="It spends its steps where something can still be seen."),
    )  # fmt: skip

    image: Annotated[Slice, Input("slice"), "What is drowned in noise"] = ABDOMEN
    t: Annotated[int, Step(), Range(0, MOST_STEPS), Group("Diffusion"), "Steps of noise taken; 0 is the slice"] = 200
    schedule: Annotated[
        str, Choice(KINDS, KIND_WORDS), Group("Schedule"), "How β rises from step to step; the others are drawn dashed"
    ] = "linear"  # fmt: skip
    length: Annotated[
        int, Range(10, MOST_STEPS, unit="steps"), Group("Schedule"), "T: steps from the slice to noise"
    ] = PAPER_STEPS  # fmt: skip
    low: Annotated[float, Range(1e-5, 0.1, log=True), Group("Schedule"), "β of the first step (not of cosine)"] = (
        PAPER_LOW
    )
    high: Annotated[float, Range(1e-3, 0.999, log=True), Group("Schedule"), "β of the last step (not of cosine)"] = (
        PAPER_HIGH
    )
    seed: Annotated[int, Range(0, 999), Group("Diffusion"), "Draws the noise"] = 0
    place: Annotated[
        tuple[int, int] | None, Pick("clean", "noise", "noised"), Group("Diffusion", advanced=True),
        "The pixel that is written out: row and column",
    ] = None  # fmt: skip

    def show(self) -> Work[None]:
        """Yield slice, noise and mixture, the amounts and their ratio by t, the histogram, a strip and the formulas."""
        yield from self._figures()

    def steps(self) -> int:
        """One step of the player is one step of noise; the first shows the slice."""
        return self.length + 1

    def at_step(self, number: int) -> Self:
        """Take so many steps of noise."""
        return replace(self, t=number)

    def _figures(self) -> Iterator[Figure]:
        plan, t = schedule(self.schedule, self.length, self.low, self.high), min(self.t, self.length)
        clean = whole(self.image)
        noise = drawn_noise(clean.shape, self.seed)
        noised = clean if t == 0 else plan.noised(clean, t, noise).astype(np.float32)
        signal, amount = np.sqrt(plan.left(t)), np.sqrt(1 - plan.left(t))
        row, col = self._place(clean.shape)
        focus = (Mark(row, col),) if self.place else ()
        wide = max(1.0, float(np.percentile(np.abs(noised), 99)))
        yield self._picture("clean", clean, f"{said(float(signal))} × slice x₀", SHOWN, focus)
        yield self._picture("noise", noise, f"{said(float(amount))} × noise ε", (-3.0, 3.0), focus)
        yield self._picture("noised", noised, f"x_t at t = {t}", (-wide, wide), focus)
        yield self._amounts(plan, t)
        yield self._ratio(t)
        yield _histogram(clean, noised)
        yield self._strip(clean, noise, plan)
        yield Text("formula", _formula(plan, t, (clean, noise, noised), (row, col)),
                   f"closed form, at pixel ({row}, {col})", formula=True)  # fmt: skip
        yield Text("chain", _chain(plan, t), "one step of the chain", formula=True)
        yield Text("story", self._story(plan, t, noised), "")

    def _picture(self, name: str, pixels: Array, title: str, levels: tuple[float, float],
                 marks: tuple[Mark, ...]) -> Picture:  # fmt: skip
        return Picture(name, pixels, title, self.image.mm, levels, letters=self.image.letters, marks=marks, weight=1.4)

    def _place(self, shape: tuple[int, ...]) -> tuple[int, int]:
        row, col = self.place or (shape[0] // 2, shape[1] // 2)
        return min(row, shape[0] - 1), min(col, shape[1] - 1)

    def _amounts(self, plan: Schedule, t: int) -> Curves:
        steps = np.arange(plan.steps + 1)
        left = np.concatenate([[1.0], plan.alpha_bar])
        lines = (Line("√ᾱ: of the slice", steps, np.sqrt(left)), Line("√(1−ᾱ): of the noise", steps, np.sqrt(1 - left)))
        return Curves("amounts", lines, "how much of each", "t (steps)", "factor", at=float(t))

    def _ratio(self, t: int) -> Curves:
        """Draw signal to noise of all schedules; the one chosen is whole."""
        lines = []
        for kind in KINDS:
            left = schedule(kind, self.length, self.low, self.high).alpha_bar
            ratio = np.maximum(left / (1 - left), 1e-12)
            lines.append(Line(kind, np.arange(1, self.length + 1), ratio, dashed=kind != self.schedule))
        return Curves("ratio", tuple(lines), "signal to noise, ᾱ / (1 − ᾱ)", "t (steps)", "ratio of variances",
                      log_y=True, at=float(max(t, 1)))  # fmt: skip

    def _strip(self, clean: Array, noise: Array, plan: Schedule) -> Gallery:
        """Draw the way at a few t, each tile made smaller by leaving pixels out: a mean would hide the noise."""
        every = max(1, -(-max(clean.shape) // TILE_PX))
        small, rough = clean[::every, ::every], noise[::every, ::every]
        times = [0, *(round(self.length * share) for share in (0.1, 0.25, 0.5, 0.75, 1.0))]
        tiles = [small if t == 0 else plan.noised(small, t, rough) for t in times]
        return Gallery("strip", np.stack(tiles).astype(np.float32), "the whole way", tuple(f"t = {t}" for t in times),
                       columns=TILES)  # fmt: skip

    def _story(self, plan: Schedule, t: int, noised: Array) -> str:
        mean, spread = number(float(noised.mean()), 2), number(float(noised.std()), 3)
        told = [f"x_t has mean {mean} and spread {spread}"]
        if plan.left(t) < 1e-3:
            told[0] += ", the mean and spread of a normal distribution: what it was cannot be told any more"
        ratio = plan.left(t) / max(1 - plan.left(t), 1e-12)
        if t:
            decibel = number(10 * float(np.log10(max(ratio, 1e-12))), 3)
            told.append(f"signal to noise {said(ratio, 3)} ({decibel} dB)")
        told.append(f"slice and noise are as strong as each other at t = {plan.even}")
        told.append("values are those of the slice brought to −1 to 1, which have no unit")
        return "; ".join(told) + "."


def _formula(plan: Schedule, t: int, pictures: tuple[Array, Array, Array], at: tuple[int, int]) -> str:
    clean, noise, noised = (float(one[at]) for one in pictures)
    left = plan.left(t)
    name = f"ᾱ{lowered(t)}"
    parts = (
        f"√{name}·x₀ + √(1−{name})·ε = {said(left**0.5)}·{factor(clean)} + {said((1 - left) ** 0.5)}·{factor(noise)}"
    )
    return f"{name} = {said(left)};   x_t = {parts} = {number(noised)}"


def _chain(plan: Schedule, t: int) -> str:
    if t == 0:
        return "x₀ is the slice; each step keeps √(1−β) of it and adds √β of fresh noise"
    beta = float(plan.beta[t - 1])
    return (
        f"q(x_t | x_t₋₁) = N(√(1−β)·x_t₋₁, β·I),  β{lowered(t)} = {said(beta)}:  x_t = {number((1 - beta) ** 0.5, 6)}"
        f"·x_t₋₁ + {number(beta**0.5)}·ε_t"
    )


def _histogram(clean: Array, noised: Array) -> Curves:
    """Draw how often each value is, in x_t, in the slice and in N(0, 1)."""
    middles = (EDGES[1:] + EDGES[:-1]) / 2
    normal = 100 * (EDGES[1] - EDGES[0]) * np.exp(-(middles**2) / 2) / np.sqrt(2 * np.pi)
    now, before = (_often(one) for one in (noised, clean))
    most = 1.1 * max(float(now.max()), float(normal.max()))
    lines = (
        Line("x_t", middles, now),
        Line("N(0, 1)", middles, normal, dashed=True),
        Line("slice", middles, np.minimum(before, most), dashed=True),
    )
    return Curves("histogram", lines, "what the pixels become", "value", "pixels (% in 0.1)")


def _often(values: Array) -> Array:
    counts, _ = np.histogram(values, EDGES)
    made: Array = 100 * counts / values.size
    return made
