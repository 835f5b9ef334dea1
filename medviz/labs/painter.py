"""A small pix2pix that is taught at once: pictures with their label maps in, a painter of label maps out."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import skeletonize
from torch import Tensor, nn

from medviz.labs.game import Adam, Makers
from medviz.labs.looked_into import Drawn
from medviz.messages import Progress, Work
from medviz.networks.adversaries import Adversaries, Painter
from medviz.networks.unet import UNet
from medviz.training.contest import forger_loss, judge_loss

Array = NDArray[Any]
KINDS = 4
"""Labels, 0 included."""
CROP, BATCH, UPDATES = 48, 4, 10
_SLOPE = 0.2


class Small(Adversaries):
    """A U-Net that paints maps (N, 4, x, y), and a judge that scores patches of 22 pixels of map and picture."""

    def __init__(self) -> None:
        super().__init__((1, CROP, CROP), 0, KINDS)
        self.generator = Painter(UNet(KINDS, 1, 2, 8, 3, "group"))
        self.discriminator = nn.Sequential(
            nn.Conv2d(KINDS + 1, 16, 4, 2, 1), nn.LeakyReLU(_SLOPE), nn.Conv2d(16, 32, 4, 2, 1),
            nn.InstanceNorm2d(32), nn.LeakyReLU(_SLOPE), nn.Conv2d(32, 1, 3, 1, 1),
        )  # fmt: skip


@dataclass(frozen=True)
class Teaching:
    """How it is taught: what is given of a map, how much the true picture counts, whether there is a game at all."""

    given: str = "regions"
    closeness: float = 100.0
    game: bool = True
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Taught:
    """The two networks after a round, and of each round so far (mean difference, generator's loss, judge's loss)."""

    network: Small
    makers: Makers
    told: tuple[tuple[float, float, float], ...]

    @torch.no_grad()
    def painted(self, label: Array, given: str) -> tuple[Array, Array]:
        """Paint a label map (rows, cols): the picture in −1..1, and what the judge says of its patches, 0..1."""
        maps = maps_of(label[None], given)
        made = self.network.made(torch.zeros(1, 0), maps)
        return made[0, 0].numpy(), self.network.judged(made, maps).sigmoid()[0, 0].numpy()


@dataclass(eq=False)
class Lesson:
    """Label maps (n, rows, cols) and pictures in −1..1, how it is taught, and all rounds that were reached so far."""

    labels: Array
    pictures: Array
    how: Teaching
    reached: list[Taught] = field(default_factory=list)

    def after(self, rounds: int) -> Work[Taught]:
        """Teach so many rounds; what was taught before is not taught again."""
        if not self.reached:
            with Drawn(self.how.seed):
                network = Small().eval()
            makers = Adam.of(network.generator), Adam.of(network.discriminator)
            self.reached.append(Taught(network, makers, ()))
        while len(self.reached) <= rounds:
            yield Progress(len(self.reached), rounds, f"teaching, round {len(self.reached)} of {rounds}")
            self.reached.append(self._round(self.reached[-1]))
        return self.reached[rounds]

    def _round(self, before: Taught) -> Taught:
        network = copy.deepcopy(before.network).train()
        forger, judge = (one.copied() for one in before.makers)
        chance = np.random.default_rng([self.how.seed, len(before.told)])
        told = [self._update(network, forger, judge, chance) for _ in range(UPDATES)]
        means = np.mean(told, axis=0)
        row = float(means[0]), float(means[1]), float(means[2])
        return Taught(network.eval(), (forger, judge), (*before.told, row))

    def _update(
        self, network: Small, forger: Adam, judge: Adam, chance: np.random.Generator
    ) -> tuple[float, float, float]:
        label, real = self._batch(chance)
        maps, empty = maps_of(label, self.how.given), torch.zeros(len(label), 0)
        fake, against = network.made(empty, maps), torch.zeros(())
        if self.how.game:
            scores = [network.judged(one, maps) for one in (real, fake.detach())]
            against = judge_loss("non-saturating", scores[0], scores[1])
            _learnt(against, network.discriminator, judge, 2e-3)
        off = F.l1_loss(fake, real)
        won = forger_loss("non-saturating", network.judged(fake, maps)) if self.how.game else torch.zeros(())
        _learnt(won + self.how.closeness * off, network.generator, forger, 4e-3)
        return float(off.detach()), float(won.detach()), float(against.detach())

    def _batch(self, chance: np.random.Generator) -> tuple[Array, Tensor]:
        """Cut pieces out, mirrored every other time: (n, 48, 48) and (n, 1, 48, 48)."""
        labels, pictures = [], []
        for _ in range(BATCH):
            number = int(chance.integers(len(self.labels)))
            row, col = (int(chance.integers(max(1, side - CROP + 1))) for side in self.labels.shape[1:])
            part = np.s_[row : row + CROP, col : col + CROP]
            step = -1 if chance.random() < 0.5 else 1
            labels.append(self.labels[number][part][:, ::step])
            pictures.append(self.pictures[number][part][:, ::step])
        return np.stack(labels), torch.from_numpy(np.ascontiguousarray(np.stack(pictures)[:, None], np.float32))


def maps_of(labels: Array, given: str) -> Tensor:
    """What the painter is given of label maps (n, rows, cols): (n, 4, rows, cols), a channel a label.

    "regions" are all pixels, "outlines" those at a border, "lines" the middle lines of regions (a stick figure).
    """
    kept = labels if given == "regions" else np.stack([_thinned(one, given) for one in labels])
    return F.one_hot(torch.from_numpy(np.ascontiguousarray(kept, np.int64)), KINDS).movedim(-1, 1).float()


def _thinned(label: Array, given: str) -> Array:
    made = np.zeros_like(label)
    if given == "outlines":
        edge = np.zeros(label.shape, bool)
        edge[:-1] |= label[:-1] != label[1:]
        edge[:, :-1] |= label[:, :-1] != label[:, 1:]
        made[edge] = np.maximum(label, 1)[edge]
        return made
    for kind in range(1, KINDS):
        if (label == kind).any():
            made[ndimage.binary_dilation(skeletonize(label == kind))] = kind
    return made


def stroke(way: Sequence[tuple[float, float]], brush: int, radius_px: float) -> str:
    """Write a stroke as text: label, radius and places; a place in halves of a pixel is near enough."""
    places = dict.fromkeys((round(2 * row) / 2, round(2 * col) / 2) for row, col in way)
    return f"{brush}/{radius_px:g}/" + " ".join(f"{row:g},{col:g}" for row, col in places)


def with_strokes(label: Array, strokes: str) -> Array:
    """Paint strokes over a label map; raises ValueError where the text is no strokes."""
    made = label.copy()
    rows, cols = np.indices(label.shape) + 0.5
    for text in filter(None, strokes.split(";")):
        kind, radius, places = text.split("/")
        at = np.array([[float(one) for one in place.split(",")] for place in places.split()])
        if at.ndim != 2 or at.shape[1] != 2 or not 0 <= int(kind) < KINDS or not np.isfinite(at).all():
            raise ValueError(text)
        for row, col in _between(at):
            made[np.hypot(rows - row, cols - col) <= float(radius)] = int(kind)
    return made


def _between(at: Array) -> Array:
    """Add places between far ones, so that a quick stroke has no gaps."""
    parts = [at[:1]]
    for one, other in pairwise(at):
        count = int(np.ceil(np.abs(other - one).max()))
        parts.append(one + (other - one) * np.linspace(0, 1, count + 1)[1:, None])
    return np.concatenate(parts)


def _learnt(loss: Tensor, part: nn.Module, maker: Adam, rate: float) -> None:
    weights: list[Tensor] = list(part.parameters())
    maker.step(weights, torch.autograd.grad(loss, weights), rate)
