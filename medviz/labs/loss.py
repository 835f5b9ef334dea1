"""Loss: what a wrong answer costs, for each of the losses of decks D0, D1, D2 and D4."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_softmax, softmax

from medviz.figures import Bars, Curves, Figure, Line, Picture, Table, Text
from medviz.imaging.slices import Slice
from medviz.labs.formulas import number
from medviz.labs.lab import Erratum, Example, Lab
from medviz.messages import Work
from medviz.parameters import Choice, Group, Input, Matrix, Range, Size
from medviz.refused import Refused

Array = NDArray[Any]


def bce(z: Array, t: float, gamma: float = 0.0) -> Array:
    """Binary cross-entropy of the logit z for the answer t in 0..1, in nats; stable for large logits."""
    cost: Array = np.logaddexp(0.0, z) - t * z
    return cost


def focal(z: Array, t: float, gamma: float) -> Array:
    """Focal loss (Lin et al., 2017): (1 − p_t)^γ · −ln p_t, without the weight α."""
    signed = np.asarray(z, float) * (2 * t - 1)
    cost: Array = expit(-signed) ** gamma * np.logaddexp(0.0, -signed)
    return cost


def hinge(z: Array, t: float, gamma: float = 0.0) -> Array:
    """max(0, 1 − y·z) with y = −1 or +1."""
    cost: Array = np.maximum(0.0, 1 - np.asarray(z, float) * (2 * t - 1))
    return cost


def squared(z: Array, t: float, gamma: float = 0.0) -> Array:
    """(σ(z) − t)²."""
    cost: Array = (expit(z) - t) ** 2
    return cost


LOSSES: dict[str, tuple[str, Callable[[Array, float, float], Array]]] = {
    "bce": ("binary cross-entropy", bce),
    "focal": ("focal", focal),
    "hinge": ("hinge", hinge),
    "l2": ("squared error", squared),
}
E12 = Erratum(
    "E12",
    "for K classes the slide prints −t ln y − (1 − t) ln(1 − y)",
    "that is the loss of two classes; for K it is −Σ t_k ln y_k with y = softmax(z)",
)
_LOGITS = ((2.0, 0.5, -1.0, 0.1),)
_FLAT = Slice(np.add.outer(np.linspace(-1, 1, 24), np.linspace(-1, 1, 24)), name="a ramp")


def _logit(p: float) -> float:
    return float(np.log(p / (1 - p)))


@dataclass(frozen=True)
class Loss(Lab):
    """Move the logit and see what each loss charges; then the loss of each pixel of the slice."""

    TITLE: ClassVar[str] = "Loss"
    ARRANGE: ClassVar[str] = "curves map / table classes / formula / story erratum"
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example("Right, but barely: z = 0.06, answer 1", "TRAIN-6", "D1", {"z": 0.06, "answer": 1, "loss": "bce"},
                {"formula": "= 0.6636"}, text="The neuron of deck D1 says 0.515; the answer is 1."),
        Example("Wrong, but barely: z = 0.06, answer 0", "TRAIN-6", "D1", {"z": 0.06, "answer": 0, "loss": "bce"},
                {"formula": "= 0.7236"}, text="The same sum, the other answer: a little dearer."),
        Example("Focal loss at p = 0.9: a hundredth", "TRAIN-6", "D2",
                {"z": _logit(0.9), "answer": 1, "loss": "focal", "gamma": 2.0},
                {"formula": "= 0.0010536", "story": "1/100 of the cross-entropy 0.10536"},
                text="What is right already hardly counts."),
        Example("Focal loss at p = 0.5: a quarter", "TRAIN-6", "D2",
                {"z": 0.0, "answer": 1, "loss": "focal", "gamma": 2.0},
                {"formula": "= 0.17329", "story": "1/4 of the cross-entropy 0.69315"},
                text="What is undecided still counts."),
        Example("K classes", "TRAIN-6", "D0", {"logits": ((2.0, 0.5, -1.0, 0.1),), "target": 0},
                {"classes": [float(x) for x in softmax([2.0, 0.5, -1.0, 0.1])]}, E12,
                text="One bar a class; the loss is −ln of the bar of the right one."),
    )  # fmt: skip

    image: Annotated[Slice, Input("slice"), "Its values are taken as logits, scaled to the reach below"] = _FLAT
    loss: Annotated[
        str, Choice(tuple(LOSSES), tuple(word for word, _ in LOSSES.values())), Group("Loss"), "What is charged"
    ] = "bce"
    z: Annotated[float, Range(-10.0, 10.0, 0.01), Group("Loss"), "The logit: the sum before the sigmoid"] = 0.06
    answer: Annotated[int, Range(0, 1), Group("Loss"), "The right answer"] = 1
    gamma: Annotated[float, Range(0.0, 5.0, 0.1), Group("Loss"), "How little counts what is right already (focal)"] = (
        2.0
    )
    reach: Annotated[
        float, Range(0.1, 10.0, 0.1), Group("Slice"), "Logit of the slice's brightest pixel; the darkest has minus that"
    ] = 4.0  # fmt: skip
    logits: Annotated[Matrix, Size(1, 8), Group("K classes"), "One logit a class"] = _LOGITS
    target: Annotated[int, Range(0, 7), Group("K classes"), "The right class, counted from 0"] = 0

    def show(self) -> Work[None]:
        """Yield all losses over the logit, the loss of each pixel, the numbers at z and the loss of K classes."""
        yield from self._figures()

    def _figures(self) -> Iterator[Figure]:
        if self.target >= len(self.logits[0]):
            raise Refused(
                f"target={self.target}", f"there are classes 0 to {len(self.logits[0]) - 1}", "take one of these"
            )
        pixels = self._logits_of_slice()
        t, word, cost = float(self.answer), *LOSSES[self.loss]
        z = np.linspace(-6, 6, 241)
        lines = tuple(
            Line(name, z, one(z, t, self.gamma), dashed=key != self.loss) for key, (name, one) in LOSSES.items()
        )
        yield Curves("curves", lines, f"cost where the answer is {self.answer}", "logit z", "loss (nats)", at=self.z)
        yield Picture("map", cost(pixels, t, self.gamma), f"{word} of each pixel", self.image.mm, colours="magma",
                      unit="nats", letters=self.image.letters)  # fmt: skip
        rows = tuple((name, float(one(np.array(self.z), t, self.gamma))) for name, one in LOSSES.values())
        yield Table("table", ("loss", "at z"), rows, f"z = {number(self.z)}, answer {self.answer}", units=("", "nats"))
        shares = softmax(np.asarray(self.logits[0]))
        yield Bars("classes", tuple(f"class {k}" for k in range(len(shares))), shares, "softmax of the K logits")
        yield Text("formula", self._formula(), word, formula=True)
        yield Text("story", self._story(), "")

    def _logits_of_slice(self) -> Array:
        values = np.asarray(self.image.values, float)
        if values.ndim != 2 or not np.isfinite(values).all():
            raise Refused(
                self.image.name or "image", "a loss needs a grey slice of finite numbers", "choose another one"
            )
        low, high = float(values.min()), float(values.max())
        return (values - low) / (high - low or 1.0) * 2 * self.reach - self.reach

    def _formula(self) -> str:
        p = float(expit(self.z))
        right = p if self.answer else 1 - p
        value = float(LOSSES[self.loss][1](np.array(self.z), float(self.answer), self.gamma))
        k = f"−ln softmax_{self.target} = {number(-log_softmax(np.asarray(self.logits[0]))[self.target], 5)}"
        texts = {
            "bce": f"−ln {number(right, 5)} = {number(value)}",
            "focal": f"(1 − {number(right, 5)})^{number(self.gamma)} · (−ln {number(right, 5)}) = {number(value, 5)}",
            "hinge": f"max(0, 1 − ({'+1' if self.answer else '−1'})·{number(self.z)}) = {number(value)}",
            "l2": f"({number(p, 5)} − {self.answer})² = {number(value)}",
        }
        return f"σ({number(self.z)}) = {number(p, 5)};   {texts[self.loss]};   K classes: {k}"

    def _story(self) -> str:
        t = float(self.answer)
        plain, weighted = float(bce(np.array(self.z), t)), float(focal(np.array(self.z), t, self.gamma))
        ratio = plain / weighted if weighted else np.inf
        return (
            f"With γ = {number(self.gamma)} the focal loss {number(weighted, 5)} is 1/{number(ratio)} of the "
            f"cross-entropy {number(plain, 5)}. It was made for background against foreground among anchors; deck D2 "
            "speaks of malignant and benign."
        )
