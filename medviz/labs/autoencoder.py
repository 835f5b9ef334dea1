"""Autoencoder: a picture squeezed through a bottleneck and told again, beside PCA of as many numbers (decks D2, D4)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from medviz.figures import Curves, Figure, Line, Picture, Text
from medviz.imaging.slices import Slice
from medviz.labs.coded import PIXELS, How, Lesson, Taught, loss_of, noisy, of_digits, of_slice, principal, taught
from medviz.labs.findings import ABDOMEN
from medviz.labs.formulas import number
from medviz.labs.lab import Example, Lab
from medviz.messages import Progress, Work
from medviz.parameters import Choice, Group, Input, Range
from medviz.training.using.principal import Components

Array = NDArray[Any]
ACTIVE = 0.1
"""A number of a code is active beyond this share of the root mean square of all."""
_BELOW = 1e-5
"""What rounding of 32-bit numbers may hide, as a share of the error."""
_REACHED = 1.005
_KINDS = {"linear": "linear, no activation", "hidden": "one hidden layer each side", "deep": "deep: two each side"}


@dataclass(frozen=True, eq=False)
class Seen:
    """A lesson, its components, the network asked for, and (of a sparse one) the same without the penalty."""

    lesson: Lesson
    known: Components
    made: Taught
    plain: Taught


_LAST: "WeakKeyDictionary[Slice, dict[object, Taught]]" = WeakKeyDictionary()
_DIGITS = Slice(np.zeros((1, 1), np.uint8), name="digits")
"""Stands for the digits where what was taught is kept by the slice it was taught on."""


@dataclass(frozen=True)
class AutoencoderLab(Lab):
    """An autoencoder learns digits, or pieces of the slice; how much of them comes through its bottleneck."""

    TITLE: ClassVar[str] = "Autoencoder"
    ARRANGE: ClassVar[str] = (
        "(original / given) (told / told_error) (pca / pca_error) / spectrum course code / formula / story"
    )
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example("A linear autoencoder can do what PCA does", "GEN-1", "D2", {"source": "digits"},
                {"story": "reaches PCA's error and is not below it"},
                text="Without activations no network of 8 numbers does better than the 8 first components (D2)."),
        Example("As many numbers as pixels", "GEN-1", "D4", {"source": "digits", "code": PIXELS},
                {"story": "PCA's error is 0", "formula": "PCA 0"}, text="Nothing is squeezed: all comes through."),
        Example("Hidden layers do what lines cannot", "GEN-1", "D2", {"source": "digits", "kind": "deep", "code": 2},
                {"story": "below PCA's error, as only curves can be"},
                text="Two numbers a digit: a curved sheet through the digits fits better than any plane."),
        Example("Pieces of a slice", "GEN-1", "D4", {"code": 6}, {"story": "is not below it"},
                text="Each 8×8 piece of the slice is told by six numbers; edges suffer first."),
        Example("Denoising: what is given is not what is meant", "GEN-2", "D2",
                {"source": "digits", "kind": "hidden", "code": 16, "noise": 0.4},
                {"story": "is given noise and meant to tell the picture without it", "formula": "d(e(x + n))"},
                text="Artificially noisy image in, original image out."),
        Example("Sparse: few numbers at a time", "GEN-2", "D2",
                {"source": "digits", "kind": "hidden", "code": 32, "sparsity": 0.1},
                {"story": "the penalty lowers the active fraction"},
                text="Each digit is told by few of the 32 numbers, others by other ones."),
        Example("Deep autoencoder", "GEN-2", "D2", {"source": "digits", "kind": "deep", "code": 8},
                {"story": "below PCA's error"}, text="Two hidden layers on each side of the code."),
    )  # fmt: skip

    image: Annotated[Slice, Input("slice"), "What is cut into pieces to learn from"] = ABDOMEN
    source: Annotated[
        str, Choice(("slice", "digits"), ("pieces of the slice, 8×8", "handwritten digits, 8×8")), Group("Pictures"),
        "What is learnt from",
    ] = "slice"  # fmt: skip
    code: Annotated[
        int, Range(1, PIXELS, unit="numbers"), Group("Autoencoder"), "Bottleneck k: numbers that stand for a picture"
    ] = 8
    kind: Annotated[
        str, Choice(tuple(_KINDS), tuple(_KINDS.values())), Group("Autoencoder"), "Layers on either side of the code"
    ] = "linear"
    noise: Annotated[
        float, Range(0.0, 1.0, 0.05), Group("Autoencoder"),
        "Denoising: spread of noise on what is given, black is 0 and white 1",
    ] = 0.0  # fmt: skip
    sparsity: Annotated[
        float, Range(0.0, 0.5, 0.01), Group("Autoencoder"),
        "Sparse: λ of the penalty λ·Σ|z| on the code, whose numbers are then cut off at 0 (ReLU)",
    ] = 0.0  # fmt: skip
    seed: Annotated[int, Range(0, 99), Group("Autoencoder", advanced=True), "Draws weights, order and noise"] = 0

    def show(self) -> Work[None]:
        """Yield the pictures told again by both, their errors, the spectrum, the course, and the code."""
        lesson = of_digits() if self.source == "digits" else of_slice(self.image)
        yield Progress(0, 0, "teaching")
        how = How(self.kind, self.code, self.noise, self.sparsity, self.seed)
        made = yield from self._taught(lesson, how)
        plain = made
        if self.sparsity:
            plain = yield from self._taught(lesson, How(self.kind, self.code, self.noise, 0.0, self.seed))
        yield from self._figures(Seen(lesson, principal(lesson.learnt), made, plain))

    def _taught(self, lesson: Lesson, how: How) -> Work[Taught]:
        kept = _LAST.setdefault(_DIGITS if lesson.image is None else lesson.image, {})
        if how not in kept:
            if len(kept) > 24:
                kept.clear()
            kept[how] = yield from taught(lesson.learnt, how)
        return kept[how]

    def _figures(self, seen: Seen) -> Iterator[Figure]:
        lesson, numbers = seen.lesson, min(self.code, len(seen.known.axes))
        given = noisy(lesson.shown, self.noise, self.seed)
        told, linear = seen.made.told(given), seen.known.told(given, numbers)
        what = "digits, held out" if lesson.image is None else "slice"
        yield _picture("original", lesson, lesson.shown, f"x: {what}")
        yield _picture("told", lesson, told, f"AE, {self.code} numbers")
        yield _picture("pca", lesson, linear, f"PCA, {numbers} numbers")
        if self.noise:
            yield _picture("given", lesson, given, "given: x + n")
        both = np.abs(np.concatenate([(one - lesson.shown).numpy() for one in (told, linear)]))
        reach = float(np.clip(np.ceil(20 * np.percentile(both, 99.5)) / 20, 0.05, 0.5))
        yield _error("told_error", lesson, told, "AE − x", reach)
        yield _error("pca_error", lesson, linear, "PCA − x", reach)
        yield self._spectrum(seen)
        yield self._course(seen)
        yield _code(seen.made.code(noisy(lesson.learnt, self.noise, self.seed)))
        yield Text("formula", self._formula(seen), "loss on what was learnt", formula=True)
        yield Text("story", self._story(seen), "")

    def _losses(self, seen: Seen, pictures: Tensor) -> tuple[float, float]:
        """Return the loss of the network and of PCA on pictures."""
        given = noisy(pictures, self.noise, self.seed)
        return loss_of(seen.made.told(given), pictures), loss_of(seen.known.told(given, self.code), pictures)

    def _spectrum(self, seen: Seen) -> Curves:
        left = seen.known.total - np.cumsum(seen.known.variance.double().numpy())
        at = np.arange(1, len(left) + 1)
        mine, _ = self._losses(seen, seen.lesson.learnt)
        lines = (
            Line("PCA", at, np.maximum(left, 1e-3)),
            Line("this one", at, np.full(len(at), mine), dashed=True),
        )
        return Curves("spectrum", lines, "loss for k numbers", "k", "loss (squares of 0..1)", log_y=True,
                      at=float(self.code), weight=0.6)  # fmt: skip

    def _course(self, seen: Seen) -> Curves:
        _, linear = self._losses(seen, seen.lesson.learnt)
        steps = np.arange(len(seen.made.course))
        lines = (
            Line("autoencoder", steps, np.maximum(seen.made.course, 1e-3)),
            Line("PCA", steps, np.full(len(steps), max(linear, 1e-3)), dashed=True),
        )
        return Curves(
            "course", lines, "loss while it is taught", "step", "loss (squares of 0..1)", log_y=True, weight=0.6
        )

    def _formula(self, seen: Seen) -> str:
        mine, linear = self._losses(seen, seen.lesson.learnt)
        inner = "x + n" if self.noise else "x"
        penalty = f" + {number(self.sparsity)}·Σ|z|" if self.sparsity else ""
        return (
            f"mean ‖x − d(e({inner}))‖²{penalty}: autoencoder {_short(mine)}, "
            f"PCA {_short(linear)}{'' if self.noise else f' = Σ λ_i, i > {self.code}'}"
        )

    def _story(self, seen: Seen) -> str:
        mine, linear = self._losses(seen, seen.lesson.learnt)
        said = [self._compared(mine, linear)]
        if linear < 1e-4:
            said.append("PCA's error is 0: there are as many numbers as the pictures need")
        if self.noise:
            said.append("it is given noise and meant to tell the picture without it")
        if self.sparsity:
            said.append(self._rarer(seen))
        other, theirs = self._losses(seen, seen.lesson.others)
        said.append(f"on held-out ones: autoencoder {_short(other)}, PCA {_short(theirs)}")
        return "; ".join(said) + "."

    def _compared(self, mine: float, linear: float) -> str:
        who = "The linear autoencoder" if self.kind == "linear" else "The autoencoder"
        if mine < linear * (1 - _BELOW) - _BELOW:
            if self.kind == "linear" and not self.noise:
                return f"{who} is below PCA's error: that cannot be, something is wrong"
            return (
                f"{who} is below PCA's error, as only curves can be"
                if not self.noise
                else f"{who} is below PCA's error"
            )
        reached = mine <= linear * _REACHED + 1e-4
        return (
            f"{who} reaches PCA's error and is not below it"
            if reached
            else (f"{who} is above PCA's error ({_short(mine)} against {_short(linear)}) and is not below it")
        )

    def _rarer(self, seen: Seen) -> str:
        given = noisy(seen.lesson.learnt, self.noise, self.seed)
        now, before = (active(one.code(given)) for one in (seen.made, seen.plain))
        word = (
            "the penalty lowers the active fraction" if now < before else "the penalty does not lower the active part"
        )
        return f"{word}: {100 * now:.0f} % of the numbers of a code are active, {100 * before:.0f} % without it"


def active(code: Tensor) -> float:
    """Share of numbers beyond a tenth of the root mean square of all: no scale is given to a code."""
    scale = float(code.square().mean().sqrt())
    return float((code.abs() > ACTIVE * scale).float().mean()) if scale > 0 else 0.0


def _short(value: float) -> str:
    return "0" if value < 1e-4 else number(value, 4)


def _picture(name: str, lesson: Lesson, pictures: Tensor, title: str) -> Picture:
    image = lesson.image
    return Picture(name, lesson.laid(pictures), title, None if image is None else image.mm, (0.0, 1.0), weight=2.0,
                   letters=None if image is None else image.letters)  # fmt: skip


def _error(name: str, lesson: Lesson, told: Tensor, title: str, reach: float) -> Picture:
    image = lesson.image
    each = float((told - lesson.shown).square().mean().sqrt())
    return Picture(name, lesson.laid(told - lesson.shown), f"{title}, {100 * each:.1f} % RMS",
                   None if image is None else image.mm, (-reach, reach), "diverging", weight=2.0,
                   letters=None if image is None else image.letters)  # fmt: skip


def _code(code: Tensor) -> Curves:
    values = code.flatten().numpy()
    reach = max(float(np.abs(values).max(initial=0.0)), 1e-3)
    edges = np.linspace(-reach, reach, 42)
    share, _ = np.histogram(values, edges)
    middles = (edges[1:] + edges[:-1]) / 2
    line = Line("numbers", middles, 100 * share / max(1, len(values)))
    title = f"numbers of the codes: {100 * active(code):.0f} % active"
    return Curves("code", (line,), title, "value of a number of the code z", "share (%)", weight=0.6)
