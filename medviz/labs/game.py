"""A generator and a discriminator that play round by round, small enough to be played at once and taken back."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from medviz.labs.looked_into import Drawn
from medviz.messages import Progress, Work
from medviz.networks.gan import GAN
from medviz.training.contest import forger_loss, judge_loss, sureness

Array = NDArray[Any]
UPDATES = 20
"""Steps of each side in a round."""
BATCH, WATCHED = 96, 256
TURNS = {"b": "both learnt", "d": "only the discriminator learnt", "g": "only the generator learnt"}
"""Letters of a course: who learns in a round."""


@dataclass(frozen=True)
class Rules:
    """What the two want, how fast they learn, and how large they are."""

    loss: str = "non-saturating"
    rate: float = 2e-3
    judge_steps: int = 1
    latent: int = 2
    width: int = 64
    seed: int = 0


@dataclass
class Adam:
    """Adam (Kingma and Ba, 2015; β 0.5 and 0.999) on all weights at once: torch's takes longer than these networks."""

    first: list[Tensor]
    second: list[Tensor]
    count: int = 0

    @classmethod
    def of(cls, part: nn.Module) -> "Adam":
        """Begin with means of 0."""
        return cls(
            [torch.zeros_like(one) for one in part.parameters()], [torch.zeros_like(one) for one in part.parameters()]
        )

    def copied(self) -> "Adam":
        """Return a copy that may go another way."""
        return Adam([one.clone() for one in self.first], [one.clone() for one in self.second], self.count)

    @torch.no_grad()
    def step(self, weights: list[Tensor], slopes: Sequence[Tensor], rate: float) -> None:
        """Move the weights against their slopes."""
        self.count += 1
        torch._foreach_lerp_(self.first, list(slopes), 0.5)
        torch._foreach_mul_(self.second, 0.999)
        torch._foreach_addcmul_(self.second, list(slopes), list(slopes), 0.001)
        spread = torch._foreach_sqrt(self.second)
        torch._foreach_div_(spread, (1 - 0.999**self.count) ** 0.5)
        torch._foreach_add_(spread, 1e-8)
        torch._foreach_addcdiv_(weights, self.first, spread, -rate / (1 - 0.5**self.count))


Makers = tuple[Adam, Adam]


@dataclass(frozen=True, eq=False)
class Standing:
    """How a game stands after a course ("bbbdd"): the two networks, what moves their weights, and what is thought.

    `real` and `fake` (n,) are D(x) and D(G(z)) of what is watched, `told` a row a round: mean ln D(x),
    mean ln(1 − D(G(z))), mean D(x), mean D(G(z)).
    """

    network: GAN
    makers: Makers
    real: Array
    fake: Array
    told: tuple[tuple[float, float, float, float], ...]


@dataclass(eq=False)
class Game:
    """Pictures (n, C, x, y) or points (n, 2) as float32, and every standing that was reached so far, by its course."""

    pictures: Array
    rules: Rules
    reached: dict[str, Standing] = field(default_factory=dict)

    def at(self, course: str) -> Work[Standing]:
        """Play a course; what was played before is not played again, and going back costs nothing."""
        if "" not in self.reached:
            self.reached[""] = self._begun()
        known = max((one for one in self.reached if course.startswith(one)), key=len)
        for length in range(len(known), len(course)):
            yield Progress(length, len(course), f"round {length + 1} of {len(course)}")
            self.reached[course[: length + 1]] = self._round(self.reached[course[:length]], course[length], length)
        return self.reached[course]

    def noise(self, count: int, seed: int = 1) -> Tensor:
        """Draw noise (count, latent), always the same."""
        return torch.randn(count, self.rules.latent, generator=torch.Generator().manual_seed(seed))

    def _begun(self) -> Standing:
        rules, shape = self.rules, self.pictures.shape[1:]
        with Drawn(rules.seed):
            network = GAN(shape[0], 2 if len(shape) == 3 else 0, shape[-1] if len(shape) == 3 else 16,
                          rules.latent, rules.width, 2)  # fmt: skip
        makers = Adam.of(network.generator), Adam.of(network.discriminator)
        return self._watched(network.eval(), makers, ())

    def _round(self, before: Standing, turn: str, number: int) -> Standing:
        network = copy.deepcopy(before.network).train()
        makers = [one.copied() for one in before.makers]
        chance = torch.Generator().manual_seed(1000 * self.rules.seed + number + 1)
        for _ in range(UPDATES):
            for _ in range(self.rules.judge_steps if turn in "bd" else 0):
                self._judge(network, makers[1], chance)
            if turn in "bg":
                self._forger(network, makers[0], chance)
        return self._watched(network.eval(), (makers[0], makers[1]), before.told)

    def _judge(self, network: GAN, maker: Adam, chance: torch.Generator) -> None:
        real = self._batch(chance)
        with torch.no_grad():
            fake = network.made(self._drawn(len(real), chance))
        loss = judge_loss(self.rules.loss, network.judged(real), network.judged(fake))
        self._learnt(loss, network.discriminator, maker)

    def _forger(self, network: GAN, maker: Adam, chance: torch.Generator) -> None:
        fake = network.made(self._drawn(BATCH, chance))
        self._learnt(forger_loss(self.rules.loss, network.judged(fake)), network.generator, maker)

    def _learnt(self, loss: Tensor, part: nn.Module, maker: Adam) -> None:
        weights: list[Tensor] = list(part.parameters())
        maker.step(weights, torch.autograd.grad(loss, weights), self.rules.rate)

    def _batch(self, chance: torch.Generator) -> Tensor:
        chosen = torch.randint(len(self.pictures), (BATCH,), generator=chance)
        return torch.from_numpy(self.pictures[chosen.numpy()])

    def _drawn(self, count: int, chance: torch.Generator) -> Tensor:
        return torch.randn(count, self.rules.latent, generator=chance)

    @torch.no_grad()
    def _watched(self, network: GAN, makers: Makers, told: tuple[Any, ...]) -> Standing:
        some = np.linspace(0, len(self.pictures) - 1, min(WATCHED, len(self.pictures))).astype(int)
        seen = torch.from_numpy(self.pictures[some]), network.made(self.noise(WATCHED))
        real, fake = (sureness(self.rules.loss, network.judged(one)).flatten().double().numpy() for one in seen)
        row = *values(real, fake), float(real.mean()), float(fake.mean())
        return Standing(network, makers, real, fake, (*told, row))


def values(real: Array, fake: Array) -> tuple[float, float]:
    """Mean ln D(x) and mean ln(1 − D(G(z))) in nats; their sum is V(D, G)."""
    least = 1e-7
    return float(np.log(np.maximum(real, least)).mean()), float(np.log(np.maximum(1 - fake, least)).mean())


def slopes(sure: Array) -> Array:
    """How hard the generator is pushed where D says `sure` (n,), by the slope of its loss on the score a = σ⁻¹(D).

    Rows: minimax, |d ln(1 − σ(a))/da| = D; non-saturating, |d(−ln σ(a))/da| = 1 − D.
    """
    made: Array = np.stack([sure, 1.0 - sure])
    return made
