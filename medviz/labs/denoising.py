"""Denoising: how a network of diffusion is taught, and how pictures come out of it (Algorithms 1 and 2 of deck D4)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray

from medviz.figures import Curves, Figure, Gallery, Line, Mark, Picture, Text
from medviz.imaging.slices import Slice
from medviz.labs.denoising_course import Course, Moment, estimated, walked
from medviz.labs.denoising_sources import LEAST, SIDE, Source, from_run, from_small_network, from_truth
from medviz.labs.denoising_words import (
    E21,
    SAMPLING,
    TRAINING,
    program,
    the_decks_way,
    the_step,
)
from medviz.labs.diffused import KIND_WORDS, KINDS, PAPER_STEPS, SHOWN, drawn_noise, lowered, schedule, squared
from medviz.labs.findings import ABDOMEN
from medviz.labs.formulas import number
from medviz.labs.lab import Example, Lab
from medviz.messages import Work
from medviz.parameters import Choice, File, Group, Input, Pick, Range, Step, When

Array = NDArray[Any]
MOST_STEPS, ROUNDS = 1000, 60
"""Most steps of sampling, and how many rounds of training may be played."""
PICTURES = ("noisy", "told", "clean", "mean", "fresh", "next", "picture", "truth", "mixture", "guess", "squared")
LINES = 3
"""Lines of Algorithm 2 within its loop."""


@dataclass(frozen=True)
class Denoising(Lab):
    """Out of noise a picture, step by step: what is told, what it means for the picture, and what is drawn afresh."""

    TITLE: ClassVar[str] = "Denoising"
    ARRANGE: ClassVar[str] = (
        "code / noisy told clean / mean + fresh = next / picture truth mixture guess squared / formula / other / "
        "ends course change / losses / story erratum"
    )
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example("Algorithm 2: sampling, with true noise", "GEN-7", "D4", {"source": "oracle", "at": 77},
                {"story": "x̂₀ is the slice to less than 1e-4", "code": "▶ 3:"},
                text="Told the noise that is really there, each step knows the slice: x̂₀ does not change."),
        Example("Algorithm 2: sampling, with a network", "GEN-7", "D4", {"at": 111},
                {"code": "▶ 4:", "story": "it can make such copies and nothing else"},
                text="A small network learns the slice at once. Play: out of noise comes a picture it has not seen."),
        Example("The last step adds no noise", "GEN-7", "D4", {"source": "oracle", "at": 150},
                {"formula": "σ = 0", "code": "▶ 4:"}, text="z = 0 if t = 1: line 3."),
        Example("Algorithm 1: training", "GEN-7", "D4", {"algorithm": "training", "at": 203},
                {"code": "▶ 5:", "formula": "‖ε − ε_θ‖²"},
                text="A picture, a t, noise: told from their mixture, the noise is compared with the true one."),
        Example("A thousand steps", "GEN-7", "D4", {"length": 1000, "at": 2000, "source": "oracle"},
                {"formula": "α₃₃₄ = 0.9933"}, text="T = 1000 and β from 0.0001 to 0.02, as in the paper."),
        Example("MONAI's default clips x̂₀", "GEN-7", "D4", {"clip": True, "at": 20},
                {"story": "kept within −1 to 1"},
                text="clip_sample is on unless told otherwise; Algorithm 2 has no such line."),
        Example("New latent = latent − predicted noise?", "GEN-8", "D2",
                {"rule": "subtract", "at": 3},
                {"other": "latent − predicted noise", "story": "this is no step of DDPM"}, E21,
                text="At its word: all noise goes in one step, none comes afresh; all seeds end alike, and far off."),
        Example("Predict the noise, not its amount", "GEN-8", "D2", {"at": 75},
                {"story": "32 × 32 = 1,024 numbers, one a pixel"}, E21,
                text="The amount, √(1 − ᾱ), is known from t; what is told is which noise lies on which pixel."),
    )  # fmt: skip

    image: Annotated[Slice, Input("slice"), "What is learnt, and what the result is compared with"] = ABDOMEN
    algorithm: Annotated[
        str, Choice(("sampling", "training"), ("Algorithm 2: sampling", "Algorithm 1: training")), Group("Algorithm"),
        "What is played",
    ] = "sampling"  # fmt: skip
    source: Annotated[
        str, Choice(("small", "oracle", "run"), ("a small network", "the true noise", "a diffusion run")),
        Group("Algorithm"), "Who tells the noise ε_θ; the small network is taught here, on copies of the slice",
    ] = "small"  # fmt: skip
    run: Annotated[
        str, File(folder=True), When("source", "run"), Group("Algorithm"), "Folder of a run of the task diffusion"
    ] = ""
    kind: Annotated[
        int, Range(0, 999), When("source", "run"), Group("Algorithm"), "Class it is asked for, where it knows classes"
    ] = 0
    guidance: Annotated[
        float, Range(0.0, 10.0, 0.5), When("source", "run"), Group("Algorithm"), "Guidance; 1 is none, more goes beyond"
    ] = 1.0
    length: Annotated[
        int, Range(10, MOST_STEPS, unit="steps"), When("algorithm", "sampling"), Group("Algorithm"),
        "T: steps of sampling; β grow so that as much noise is added in fewer",
    ] = 50  # fmt: skip
    schedule: Annotated[
        str, Choice(KINDS, KIND_WORDS), When("source", "small", "oracle"), Group("Algorithm"), "How β rises"
    ] = "linear"
    rule: Annotated[
        str, Choice(("ancestral", "subtract"), ("Algorithm 2 (D4)", "latent − noise (D2)")),
        When("algorithm", "sampling"), Group("Algorithm"), "How a step is taken",
    ] = "ancestral"  # fmt: skip
    clip: Annotated[
        bool, When("rule", "ancestral"), Group("Algorithm"), "Keep x̂₀ within −1 to 1 at each step (clip_sample)"
    ] = False
    seed: Annotated[int, Range(0, 999), Group("Chance"), "Draws the noise that is shown"] = 0
    other: Annotated[int, Range(0, 999), Group("Chance"), "A second seed, whose result stands beside it"] = 1
    place: Annotated[
        tuple[int, int] | None, Pick(*PICTURES),
        Group("Chance", advanced=True), "The pixel that is written out: row and column",
    ] = None  # fmt: skip
    at: Annotated[int, Step(), Range(0, LINES * MOST_STEPS + 1), Group("Chance", advanced=True), "Lines run"] = 100

    def show(self) -> Work[None]:
        """Yield the program with its line, the pictures of the step, its arithmetic, and what comes out in the end."""
        quick = self._quick()
        yield self._program(quick.plan.steps if quick else self.length)
        found = quick or (yield from from_small_network(self.image, self.schedule, self.length))
        if self.algorithm == "training":
            yield from self._training(found)
            return
        seeds = self.seed, self.other
        key = (*found.key, seeds, self.clip, self.rule)
        course = yield from walked(found.tell, found.plan, found.clean.shape, seeds, self.clip, self.rule, key)
        yield from self._sampling(found, course)

    def steps(self) -> int:
        """One step a line: of sampling all, of training the first sixty rounds."""
        return LINES * self.length + 2 if self.algorithm == "sampling" else 4 * ROUNDS

    def at_step(self, number: int) -> Self:
        """Let so many lines run."""
        return replace(self, at=number)

    def _quick(self) -> Source | None:
        """Return who tells the noise where nobody must be taught; refuses what cannot be shown before any figure."""
        if self.source == "oracle":
            return from_truth(self.image, self.schedule, self.length)
        if self.source == "run":
            return from_run(self.image, self.run, self.length, self.kind, self.guidance)
        squared(self.image, SIDE, LEAST)
        return None

    def _program(self, total: int) -> Text:
        if self.algorithm == "training":
            rounds, line = divmod(min(self.at, 4 * ROUNDS - 1), 4)
            return Text("code", program(TRAINING, line + 2), f"Algorithm 1, round {rounds + 1}", formula=True)
        done, line = self._line(total)
        return Text("code", program(SAMPLING, line), f"Algorithm 2, t = {total - done} of {total}", formula=True)

    def _line(self, total: int) -> tuple[int, int]:
        """Return how many of the steps of sampling are done, and the line that has just run."""
        at = min(self.at, LINES * total + 1)
        done = min(max(at - 1, 0) // LINES, total - 1)
        return done, 1 if at == 0 else 6 if at > LINES * total else 2 + (at - 1) % LINES

    def _sampling(self, found: Source, course: Course) -> Iterator[Figure]:
        done, _ = self._line(course.plan.steps)
        now = course.at(done)
        row, col = self._place(found.clean.shape)
        yield Text("formula", the_step(course.plan, now, (row, col)), f"line 4 at pixel ({row}, {col})", formula=True)
        yield Text("other", the_decks_way(now, (row, col)), "as deck D2 writes it", formula=True)
        yield from self._pictures(found, now, (row, col))
        yield self._ends(found, course)
        yield _distances(found, course, done)
        yield from self._change(course, now)
        yield Text("story", self._story(found, course, now), "")

    def _pictures(self, found: Source, now: Moment, at: tuple[int, int]) -> Iterator[Figure]:
        wide = max(1.0, float(np.percentile(np.abs(now.noisy), 99)))
        later = max(1.0, float(np.percentile(np.abs(now.after), 99)))
        yield self._picture(found, "noisy", now.noisy, f"x{lowered(now.t)}", (-wide, wide), at)
        yield self._picture(found, "told", now.told, "ε_θ: noise told", (-3.0, 3.0), at)
        yield self._picture(found, "clean", now.clean, "x̂₀: what it means", SHOWN, at)
        mean = "μ: mean" if self.rule == "ancestral" else "x − ε_θ"
        yield self._picture(found, "mean", now.mean, mean, (-later, later), at)
        yield self._picture(found, "fresh", now.fresh, "σz: fresh noise", (-1.0, 1.0), at)
        yield self._picture(found, "next", now.after, f"x{lowered(now.t - 1)}", (-later, later), at)

    def _picture(self, found: Source, name: str, pixels: Array, title: str, levels: tuple[float, float],
                 at: tuple[int, int]) -> Picture:  # fmt: skip
        marks = (Mark(*at),) if self.place else ()
        return Picture(name, pixels, title, found.mm, levels, letters=self.image.letters, marks=marks)

    def _ends(self, found: Source, course: Course) -> Gallery:
        tiles = np.stack([found.clean, *course.pictures[-1]]).clip(-1e3, 1e3)
        titles = ("the slice", f"seed {self.seed}", f"seed {self.other}")
        return Gallery("ends", tiles, "what comes out", titles, levels=SHOWN, columns=3)

    def _change(self, course: Course, now: Moment) -> Iterator[Figure]:
        """Draw what clipping changes of this step, where it is on."""
        if self.clip and self.rule == "ancestral":
            plain = estimated(course.plan, now.noisy, now.t, now.told, False)[1]
            apart = now.mean - plain
            most = max(float(np.abs(apart).max()), 1e-6)
            yield Picture("change", apart, f"what clipping changes of μ: up to {number(most, 2)}",
                          levels=(-most, most), colours="diverging")  # fmt: skip

    def _place(self, shape: tuple[int, ...]) -> tuple[int, int]:
        row, col = self.place or (shape[0] // 2, shape[1] // 2)
        return min(row, shape[0] - 1), min(col, shape[1] - 1)

    def _story(self, found: Source, course: Course, now: Moment) -> str:
        rows, cols = found.clean.shape
        told = [found.words]
        if self.source == "oracle" and self.rule == "ancestral":
            apart = float(np.abs(now.clean - found.clean).max())
            told.append(f"here x̂₀ is the slice to less than {'1e-4' if apart < 1e-4 else f'{apart:.1g}'}")
        told.append(f"ε_θ is {rows} × {cols} = {rows * cols:,} numbers, one a pixel, not an amount of noise")
        if self.rule == "subtract":
            told.append("without 1/√α, without the factor (1 − α)/√(1 − ᾱ) and without σz this is no step of DDPM")
            should = float(np.sqrt(course.plan.left(now.t - 1) * found.clean.var() + 1 - course.plan.left(now.t - 1)))
            told.append(
                f"x{lowered(now.t - 1)} has spread {number(float(now.after.std()), 2)} where the network was taught on "
                f"{number(should, 2)}"
            )
            ends = course.pictures[-1]
            told.append(f"the two seeds end {number(float(np.sqrt(((ends[0] - ends[1]) ** 2).mean())), 2)} apart")
        elif self.clip:
            told.append("x̂₀ is kept within −1 to 1, as MONAI's DDPMScheduler does unless clip_sample=False")
        else:
            mean = estimated(course.plan, now.noisy, now.t, now.told, True)[1]
            change = float(np.abs(mean - now.mean).max())
            told.append(f"clip_sample=True, the default of MONAI, would change μ here by up to {number(change, 2)}")
        return "; ".join(told) + "."

    def _training(self, found: Source) -> Iterator[Figure]:
        rounds = min(self.at, 4 * ROUNDS - 1) // 4
        plan = schedule("linear", PAPER_STEPS) if self.source != "run" else found.plan
        lesson = found.lesson
        if lesson is not None:
            rounds = min(rounds, len(lesson.losses) - 1)
            t, clean, noise, told = (one[rounds] for one in (lesson.times, lesson.clean, lesson.noise, lesson.told))
        else:
            t = int(np.random.default_rng(self.seed + rounds).integers(1, plan.steps + 1))
            clean, noise = found.clean, drawn_noise(found.clean.shape, self.seed + rounds)
            told = noise if self.source == "oracle" else self._asked(found, plan.noised(clean, t, noise), t)
        noisy = plan.noised(clean, int(t), noise).astype(np.float32)
        row, col = self._place(clean.shape)
        apart = (noise - told) ** 2
        left = plan.left(int(t))
        yield Text("formula", f"t = {t}, ᾱ = {number(left)}: ‖ε − ε_θ‖² = mean of {apart.size:,} squares = "
                   f"{number(float(apart.mean()))};  at pixel ({row}, {col}): ({number(float(noise[row, col]))} − "
                   f"({number(float(told[row, col]))}))² = {number(float(apart[row, col]))}", "line 5",
                   formula=True)  # fmt: skip
        at = row, col
        yield self._picture(found, "picture", clean, "x₀ (line 2)", SHOWN, at)
        yield self._picture(found, "truth", noise, "ε: noise (line 4)", (-3.0, 3.0), at)
        yield self._picture(found, "mixture", noisy, f"x_t, t = {t} (line 3)", (-2.0, 2.0), at)
        yield self._picture(found, "guess", told, "ε_θ: noise told", (-3.0, 3.0), at)
        most = max(1.0, float(np.percentile(apart, 99)))
        yield Picture("squared", apart, "(ε − ε_θ)²", found.mm, (0.0, most), "viridis", letters=self.image.letters)
        if lesson is not None:
            steps = np.arange(1, len(lesson.losses) + 1)
            yield Curves("losses", (Line("loss", steps, lesson.losses),), "mean of a batch of 32", "round",
                         "‖ε − ε_θ‖²", log_y=True, at=float(rounds + 1))  # fmt: skip
        yield Text("story", self._taught(found), "")

    def _asked(self, found: Source, noisy: Array, t: int) -> Array:
        made: Array = found.tell(torch.from_numpy(np.array(noisy, np.float32))[None, None], t)[0, 0].numpy()
        return made

    def _taught(self, found: Source) -> str:
        if found.lesson is None:
            word = "it has nothing to learn, its loss is 0" if self.source == "oracle" else "it is only asked here"
            return f"{found.words}; {word}: no gradient step is taken."
        return (
            f"{found.words}; the loss of a batch depends much on its t: noise that is nearly all there is is easily "
            "told, a little noise is not; so that the small t do not drown the others each is weighed, by at most 5 in "
            "terms of x̂₀ (min-SNR), which Algorithm 1 does not do."
        )


def _distances(found: Source, course: Course, done: int) -> Curves:
    """Draw how far x_t and x̂₀ lie from the slice, by steps done."""
    plan, steps = course.plan, range(course.plan.steps)
    noisy = course.pictures[:-1, 0]
    clean = np.stack([estimated(plan, noisy[k], plan.steps - k, course.told[k, 0], course.clip)[0] for k in steps])
    lines = tuple(
        Line(name, np.arange(plan.steps), np.minimum(np.sqrt(((one - found.clean) ** 2).mean(axis=(1, 2))), 1e6) + 1e-7)
        for name, one in (("x_t", noisy), ("x̂₀", clean))
    )
    return Curves("course", lines, "how far from the slice", "steps done", "root mean square", log_y=True,
                  at=float(done))  # fmt: skip
