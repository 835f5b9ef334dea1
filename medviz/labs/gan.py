"""GAN: a forger and a judge play round by round; who learns may be chosen (decks D2 and D4)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from medviz.data.digits import Sheets
from medviz.data.points import SHAPES, Points
from medviz.figures import Figure, Text
from medviz.imaging.slices import Slice
from medviz.labs import gan_figures as drawn
from medviz.labs.findings import ABDOMEN, grey, shades
from medviz.labs.formulas import factor, number
from medviz.labs.game import TURNS, Game, Rules, Standing, values
from medviz.labs.lab import Erratum, Example, Lab
from medviz.messages import Work
from medviz.parameters import Choice, Group, Input, Range, Step, When
from medviz.refused import Refused
from medviz.training.contest import LOSSES

Array = NDArray[Any]
PIECE, MOST_PIECES, KEPT = 12, 1500, 6
_HALF = float(np.log(0.5))
_LIKELIHOOD = Erratum(
    "GEN-4",
    "the discriminator outputs the likelihood in (0, 1) of a real image",
    "it outputs a probability, that x is real rather than made; a likelihood p(x) need not lie in (0, 1), and a GAN "
    "has none",
)
_LEARN, _GAME, _WHAT = Group("Who learns"), Group("The game"), Group("What is forged")
_INSIDE = Group("Networks", advanced=True)
_GAMES: WeakKeyDictionary[Slice, dict[Any, Game]] = WeakKeyDictionary()


@dataclass(frozen=True)
class Gan(Lab):
    """Two small networks play at once: first both learn, then the discriminator alone, then the generator alone."""

    TITLE: ClassVar[str] = "GAN"
    ARRANGE: ClassVar[str] = "field manifold judgements / film values / value pushes / formula / story"
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example("A ring of eight", "GEN-4", "D4", {}, {"value.shape": (1, 3), "story": "both learnt"},
                text="Play: made points find the ring, and D's hills move with them."),
        Example("Nobody can tell: D = ½", "GEN-4", "D4", {"verdict": "half", "together": 4},
                {"value": [[_HALF, _HALF, 2 * _HALF]], "formula": "−1.386"}, _LIKELIHOOD,
                text="Where made and real are alike the best D says ½ to all: V = ln ½ + ln ½ = −2 ln 2 = −1.3863."),
        Example("Train D alone", "GEN-4", "D2", {"together": 6, "then_judge": 8},
                {"story": "only the discriminator learnt"},
                text="G stands still: D's field turns into a map of where it is caught, and V rises towards 0."),
        Example("Then G alone", "GEN-4", "D2", {"together": 6, "then_judge": 6, "then_forger": 6},
                {"story": "only the generator learnt"},
                text="D stands still: all made points run up its highest hills, and V falls below −2 ln 2."),
        Example("Why not minimax", "GEN-4", "D4", {"loss": "minimax", "together": 4},
                {"pushes": [[0.01, 0.1, 0.5, 0.9], [0.99, 0.9, 0.5, 0.1]], "story": "−ln D(G(z))"},
                text="As the deck writes it G learns nothing where D is sure (slope 0.01); −ln D(G(z)): 0.99."),
        Example("Pieces of a scan", "GEN-4", "D2", {"what": "pieces", "together": 18},
                {"story": "pieces of 12 × 12 px"},
                text="The manifold: neighbours in the noise are neighbours among the pieces."),
        Example("Progress on digits", "GEN-5", "D2", {"what": "digits", "together": 18, "latent": 8},
                {"story": "digits"},
                text="As on Fashion-MNIST in the deck: the same noise, round by round. With convolutions it is a "
                "DCGAN; the Train page teaches one with the recipe dcgan_digits."),
    )  # fmt: skip

    image: Annotated[Slice, Input("slice"), "Pieces of it are forged where pieces are chosen"] = ABDOMEN
    what: Annotated[
        str, Choice(("points", "pieces", "digits"), ("Points", "Pieces of the slice", "Digits")), _WHAT,
        "What is real",
    ] = "points"  # fmt: skip
    shape: Annotated[str, SHAPES, _WHAT, When("what", "points"), "The pattern of the points"] = "ring"
    together: Annotated[int, Range(0, 40, unit="rounds"), _LEARN, "Rounds in which both learn, 20 steps each"] = 18
    then_judge: Annotated[int, Range(0, 20, unit="rounds"), _LEARN, "Then rounds of the discriminator alone"] = 0
    then_forger: Annotated[int, Range(0, 20, unit="rounds"), _LEARN, "Then rounds of the generator alone"] = 0
    loss: Annotated[str, LOSSES, _GAME, "What the two want of each other"] = "non-saturating"
    turns: Annotated[
        int, Range(1, 4, unit="of D"), _GAME, "Steps of the discriminator before each of the generator"
    ] = 1
    verdict: Annotated[
        str, Choice(("taught", "half"), ("as it was taught", "½ to everything")), _GAME,
        "Whose judgement V is written out for",
    ] = "taught"  # fmt: skip
    rate: Annotated[float, Range(1e-4, 2e-2, log=True), _GAME, "Learning rate of both (Adam, β₁ 0.5)"] = 5e-3
    latent: Annotated[int, Range(1, 32), _INSIDE, "Numbers of noise a sample is made of"] = 2
    seed: Annotated[int, Range(0, 999), _INSIDE, "Draws the weights, the noise and batches"] = 0
    at: Annotated[
        int | None,
        Step(),
        Range(0, 80),
        _INSIDE,
        "The round that is shown; automatic: the last",
    ] = None

    def show(self) -> Work[None]:
        """Play up to the round that is shown, and yield field, manifold, judgements, film and V."""
        game, course = self._game(), self._course()
        now = yield from game.at(course)
        yield from self._figures(game, now, course)

    def steps(self) -> int:
        """One step a round, and the beginning."""
        return self.together + self.then_judge + self.then_forger + 1

    def step(self) -> int:
        """Return the round that is shown."""
        return len(self._course())

    def _course(self) -> str:
        whole = "b" * self.together + "d" * self.then_judge + "g" * self.then_forger
        return whole if self.at is None else whole[: self.at]

    def _figures(self, game: Game, now: Standing, course: str) -> Iterator[Figure]:
        half = self.verdict == "half"
        real, fake = (np.full_like(one, 0.5) if half else one for one in (now.real, now.fake))
        if self.what == "points":
            yield drawn.field_of_plane(game, now, half)
            yield drawn.manifold_of_points(game, now)
        else:
            if self.what == "digits":
                yield drawn.field_of_noise(game, now, half)
            else:
                yield drawn.field_of_slice(game, now, self._scaled(), PIECE, half, self.image.mm, self.image.letters)
            yield drawn.manifold_of_pictures(game, now)
        yield drawn.judgements(real, fake)
        yield drawn.film(game, course)
        yield drawn.course_of_value(now.told, half)
        yield drawn.value(real, fake)
        yield drawn.pushes()
        yield Text("formula", _formula(real, fake), "what the two play for", formula=True)
        yield Text("story", self._story(real, fake, course), "")

    def _game(self) -> Game:
        """Return the game, begun anew where something else than who learns was turned; the last few are kept."""
        rules = Rules(self.loss, self.rate, self.turns, self.latent, 64 if self.what == "points" else 128, self.seed)
        key = self.what, self.shape if self.what == "points" else "", rules
        known = _GAMES.setdefault(self.image if self.what == "pieces" else ABDOMEN, {})
        if key not in known:
            pictures = self._pictures()
            for old in list(known)[: -KEPT + 1]:
                del known[old]
            known[key] = Game(pictures, rules)
        return known[key]

    def _pictures(self) -> Array:
        if self.what == "points":
            return Points(shape=self.shape).drawn(1536, 0)[0]
        if self.what == "digits":
            sheets = Sheets()
            values_ = np.stack([sheets.pixels(number)[0].T[::-1] for number in range(len(sheets.kinds))])
            return np.ascontiguousarray(values_[:, None] / 8.0 - 1.0, np.float32)
        windows = np.lib.stride_tricks.sliding_window_view(self._scaled(), (PIECE, PIECE))
        flat = windows.reshape(-1, PIECE, PIECE)
        varied = flat[flat.std(axis=(1, 2)) > 0.05]
        if len(varied) < 50:
            raise Refused(self.image.name or "image", "too few of its pieces show anything", "choose another slice")
        some = np.random.default_rng(0).choice(len(varied), min(MOST_PIECES, len(varied)), replace=False)
        return np.ascontiguousarray(varied[some][:, None], np.float32)

    def _scaled(self) -> Array:
        """Return the slice in −1..1."""
        values_ = grey(self.image, 2 * PIECE)
        low, high = shades(values_)
        made: Array = np.clip((values_ - low) / (high - low), 0, 1) * 2 - 1
        return made

    def _story(self, real: Array, fake: Array, course: str) -> str:
        what = {"points": "points", "pieces": f"pieces of {PIECE} × {PIECE} px", "digits": "digits of 8 × 8 px"}[
            self.what
        ]
        last = TURNS[course[-1]] if course else "nobody learnt yet"
        said = [f"{what}; round {len(course)}, {last}"]
        said.append(f"D says {number(real.mean(), 2)} of real ones and {number(fake.mean(), 2)} of made ones, "
                    "the probability of being real (no likelihood)")  # fmt: skip
        if self.loss == "minimax":
            said.append("as the deck writes it G makes mean ln(1 − D(G(z))) small; in practice −ln D(G(z)) instead")
        elif self.loss == "non-saturating":
            said.append("G makes −ln D(G(z)) small, which pushes where ln(1 − D(G(z))) has no slope")
        else:
            said.append("with this loss D is a score cut off at 0 and 1, and V a way to look at it")
        return "; ".join(said) + "."


def _formula(real: Array, fake: Array) -> str:
    first, second = values(real, fake)
    return (
        f"V(D, G) = mean ln D(x) + mean ln(1 − D(G(z))) = {factor(first)} + {factor(second)} = {number(first + second)}"
        f";   −2 ln 2 = {number(2 * _HALF)}"
    )
