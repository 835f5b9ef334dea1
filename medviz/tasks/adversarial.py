"""Adversarial: a generator learns to forge what a discriminator learns to tell from what is real."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medviz.data.checking.report import Fingerprint
from medviz.data.held_tiles import HeldTiles
from medviz.data.paired_pictures import paired_pictures
from medviz.data.pictures import PICTURES, RIGHTWARD, Pictures, pictures, some
from medviz.figures import Figure
from medviz.messages import Progress, Work
from medviz.networks import NETWORKS
from medviz.networks.adversaries import ADVERSARIES, Adversaries
from medviz.parameters import Choice, Group, Live, Part, Range, Settings, When, parameters
from medviz.refused import Refused
from medviz.tasks import forged, forged_drawn
from medviz.training.contest import LOSSES, forger_loss, judge_loss
from medviz.training.fields import OptimiserName
from medviz.training.making import Made, Wishes
from medviz.training.task import Batch, BatchSize, Epochs, Loss, Rate, Sample, Samples, ScheduleName, Task

_POINTS, _GAN = Settings("points"), Settings("gan")
_DATA, _GAME = Group("Data"), Group("The game")
_FITTED = ("pix2pix", "spade")
"""Networks that make a picture fit a map."""
_PROBES = {"points": 512, "alone": 64, "fitted": 4}
_SHOWN = 40
_TOGETHER = 16
LEARNS = Choice(
    ("both", "generator", "discriminator"), ("Both, in turn", "The generator only", "The discriminator only")
)


@dataclass(frozen=True)
class FittedWishes(Wishes):
    """Which masks samples are made to fit."""

    mask: Annotated[
        int,
        Range(0, 1_000_000),
        Group("Samples"),
        "Number of the first mask, from 0; the following ones come after it.",
    ] = 0
    of: Annotated[
        str,
        Choice(("validation", "training"), ("Held-out pictures", "Pictures it learnt from")),
        Group("Samples"),
        "Whose masks they are.",
    ] = "validation"


@dataclass(frozen=True)
class Adversarial(Task):
    """Two networks play: the discriminator learns to tell real from made, the generator to be taken for real.

    Points and bare pictures are made of noise (GAN, DCGAN); of a mask or another picture a scan is made that fits it
    (pix2pix, SPADE). "distance" is what the best weights are chosen by: the energy distance of points or of mean
    brightnesses of pictures, and the mean absolute difference of pictures that have a true one.
    """

    NAME: ClassVar[str] = "adversarial"
    USED: ClassVar[str] = "samples"
    PARTS: ClassVar[tuple[str, ...]] = ("generator", "discriminator")
    BEST: ClassVar[str] = "validation/distance"

    data: Annotated[
        Settings,
        Part("datasets", only=("points", *PICTURES, "image_pairs")),
        _DATA,
        "Points, pictures; masks or pairs for a network that fits a map.",
    ] = _POINTS
    network: Annotated[
        Settings, Part("networks", only=ADVERSARIES), Group("Network"), "The generator and its discriminator."
    ] = _GAN
    dimensions: Annotated[int, Choice((2, 3), ("2-D", "3-D")), _DATA, "Pictures or volumes; of no use for points."] = 2
    side: Annotated[
        int,
        Range(8, 256, 4, unit="px"),
        _DATA,
        "Side of the square (or cube) of a picture: 4 to 7 times a power of two for DCGAN and SPADE.",
    ] = 32
    whole: Annotated[
        bool, _DATA, "Whole pictures are fitted into the square; otherwise patches are cut out in their own size."
    ] = True
    augment: Annotated[
        float, Range(0.0, 2.0), _DATA, Live(samples=True), "Strength of random changes; what they do is forged too."
    ] = 0.0

    loss: Annotated[str, LOSSES, _GAME, "What the two want of each other."] = "non-saturating"
    learns: Annotated[str, LEARNS, _GAME, Live(), "Who learns; may be switched while the run goes."] = "both"
    judge_steps: Annotated[
        int, Range(1, 10, unit="times"), _GAME, Live(), "Steps of the discriminator before each of the generator."
    ] = 1
    judge_rate: Annotated[
        float, Range(0.05, 20.0, log=True), _GAME, "Learning rate of the discriminator over that of the generator."
    ] = 1.0
    smoothing: Annotated[
        float, Range(0.0, 0.5), _GAME, Live(), "Certainty taken from what is real, against a discriminator that wins."
    ] = 0.0
    noise: Annotated[
        float,
        Range(0.0, 2.0),
        _GAME,
        Live(),
        "Spread of the noise over all that the discriminator sees, against a discriminator that wins; pictures span 2.",
    ] = 0.0
    closeness: Annotated[
        float,
        Range(0.0, 1000.0),
        _GAME,
        Live(),
        "Weight of the mean difference from the true picture, where there is one (paper: 100); 0 is the game alone.",
    ] = 100.0

    epochs: Epochs = 60
    batch: BatchSize = 64
    learning_rate: Rate = 2e-3
    schedule: ScheduleName = "cosine"
    optimiser: OptimiserName = "adam"
    momentum: Annotated[
        float,
        Range(0.0, 0.999),
        Group("Optimiser", advanced=True),
        When("optimiser", "momentum", "nesterov", "rmsprop", "adam", "adamw"),
        "Share of the last change that is kept (beta 1 of Adam): 0.5 in a game, since the other side moves.",
    ] = 0.5
    weight_decay: Annotated[
        float, Range(0.0, 1.0), Group("Optimiser", advanced=True), "Pull of all weights towards zero."
    ] = 0.0
    ema: Annotated[
        float,
        Range(0.0, 0.9999),
        Group("Regularisation", advanced=True),
        "Decay of the running mean of the weights that is validated, drawn and kept: samples of it are calmer.",
    ] = 0.99

    def data_set(self) -> Any:
        """Build the data set; refuses one that does not serve these dimensions, or a network that does not suit it."""
        self._refuse_unfit()
        return self.serving(0 if self._of_points else self.dimensions)

    def build(self, data: Any) -> nn.Module:
        """Build generator and discriminator for points or pictures of this size."""
        if self._fitted and not self._given(data):
            fault = "it has no masks, and no pictures to make others of"
            raise Refused(self.data.name, fault, "choose masks or image pairs, or the network gan or dcgan")
        made: nn.Module = self._settings(data).build(NETWORKS)
        return made

    def training(self, data: Any) -> Samples:
        """Points, or pictures that are moved about as much as is asked."""
        if self._of_points:
            points: Samples = data.training()
            return points
        return self._pictures(data, held_out=False)

    def validation(self, data: Any) -> Samples:
        """Return held-out points or pictures as they are."""
        found: Samples = data.validation() if self._of_points else self._pictures(data, held_out=True)
        return found

    def probes(self, data: Any) -> Sequence[Sample]:
        """Return some held-out points or pictures, always the same."""
        held = self.validation(data)
        kind = "points" if self._of_points else "fitted" if self._fitted else "alone"
        if isinstance(held, Pictures):
            return some(held, _PROBES[kind])
        return [held[number] for number in range(min(_PROBES[kind], len(held)))]

    def rate(self, part: str) -> float:
        """Learning rate of a part before the schedule."""
        return self.learning_rate * (self.judge_rate if part == "discriminator" else 1.0)

    def losses(self, network: nn.Module, batch: Batch) -> Iterator[tuple[str, Loss]]:
        """Yield the discriminator's loss as often as it steps, then the generator's; only those of who learns."""
        both = cast("Adversaries", network)
        real, given = batch["image"], self._map(both, batch)
        if self.learns != "generator":
            for _ in range(self.judge_steps):
                with torch.no_grad():
                    fake = both.made(both.noise(len(real), real), given)
                seen = [both.judged(self._noisy(one), given) for one in (real, fake)]
                yield "discriminator", judge_loss(self.loss, seen[0], seen[1], self.smoothing)
        if self.learns != "discriminator":
            fake = both.made(both.noise(len(real), real), given)
            game = forger_loss(self.loss, both.judged(self._noisy(fake), given))
            if given is None or not self.closeness:
                yield "generator", game
            else:
                yield "generator", {"game": game, "L1": self.closeness * F.l1_loss(fake.float(), real)}

    def measures(self, network: nn.Module, batches: Sequence[Batch], data: Any) -> Work[Mapping[str, float]]:
        """Measure samples beside held-out pictures: distance, diversity, D(x) and D(G(z)); modes of points."""
        found = yield from self._forged(network, batches)
        told = {**found.told(), "diversity": forged.diversity(found.fake, found.real)}
        if self._of_points:
            told |= forged.measured_points(found, data)
        elif self._fitted:
            rows = forged.likeness(found)
            told |= {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
        else:
            told |= forged.measured_pictures(found)
        return {f"validation/{name}": value for name, value in told.items()}

    def evaluated(
        self, network: nn.Module, batches: Sequence[Batch], data: Any, group: str
    ) -> Work[list[dict[str, Any]]]:
        """Tell of each held-out picture how near the samples come to it, and what the discriminator thinks of it."""
        found = yield from self._forged(network, batches)
        sure = [{"D(x)": float(one)} for one in found.real_sure]
        if self._fitted:
            made = [{"D(G(z))": float(one)} for one in found.fake_sure]
            return [{**a, **b, **c} for a, b, c in zip(forged.likeness(found), sure, made, strict=True)]
        near = [{"nearest sample (RMS)": float(one)} for one in forged.nearest(found)]
        return [{**a, **b} for a, b in zip(near, sure, strict=True)]

    def figures(self, network: nn.Module, probes: Sequence[Batch], data: Any) -> Iterator[Figure]:
        """Draw samples of the same noise, what is thought of them, and of points the discriminator's field."""
        found = _last_of(self._forged(network, probes))
        normal, mirrored = _view(self.data.name, data, self.dimensions, self.side)
        if self._of_points:
            yield from forged_drawn.plane(cast("Adversaries", network), found, self.loss)
        elif self._fitted:
            labels = [one["label"] for one in probes if "label" in one and one["label"].ndim > 1]
            yield forged_drawn.beside(found, torch.cat(labels).cpu() if labels else None, normal, mirrored)
        else:
            made = found.fake if len(found.fake) >= _SHOWN else self._more(network, found)
            yield forged_drawn.samples(made[:_SHOWN], "samples, always of the same noise", normal, mirrored)
        yield forged_drawn.thought(found)

    def wishes(self, data: Any) -> Wishes | None:
        """Return what may be asked for: masks by number where it fits them; nothing of points."""
        if self._of_points:
            return None
        return FittedWishes() if self._fitted else Wishes()

    def made(self, network: nn.Module, data: Any, wishes: Wishes) -> Work[tuple[Made, ...]]:
        """Make pictures of noise, or to fit masks of the data set; the same wishes make the same."""
        both, made = cast("Adversaries", network), list[Made]()
        device, chance = next(network.parameters()).device, wishes.chance()
        source = self._masks(data, wishes) if isinstance(wishes, FittedWishes) else None
        for first in range(0, wishes.count, _TOGETHER):
            numbers = range(first, min(first + _TOGETHER, wishes.count))
            given: Tensor | None = None
            said: list[dict[str, Any]] = [{} for _ in numbers]
            labels: list[Any] = [None for _ in numbers]
            if source is not None and isinstance(wishes, FittedWishes):
                places = [(wishes.mask + number) % len(source) for number in numbers]
                batch = _batched([source[place] for place in places], device)
                given, said = self._map(both, batch), [{"mask": place, "of": wishes.of} for place in places]
                if "label" in batch:
                    labels = list(batch["label"].cpu().numpy())
            noise = both.noise(len(numbers), torch.zeros((), device=device), chance)
            with torch.no_grad():
                images = both.made(noise, given).float().cpu().numpy()
            made += [Made(image, label, said=one) for image, label, one in zip(images, labels, said, strict=True)]
            yield Progress(len(made), wishes.count, "samples made")
        return tuple(made)

    def proposed(self, found: Fingerprint) -> "tuple[Adversarial, tuple[str, ...]]":
        """Choose the network, the side and the batch that suit the data, and say why."""
        if self._of_points or not found.shape.middle:
            return self, ()
        longest = max(found.shape.middle)
        limit = 96 if found.dimensions == 2 else 32
        side = next((one for one in (16, 24, 32, 48, 64, 96) if longest <= one <= limit), limit)
        masked = found.counted == "voxels" and bool(found.classes)
        name = self.network.name if self._fitted and masked else "dcgan" if side > 16 or not masked else "gan"
        network = self.network if name == self.network.name else Settings(name)
        batch = max(4, min(64, 2 ** int(np.log2(max(4, found.learnt / 8)))))
        task = replace(
            self, dimensions=min(found.dimensions, 3), side=side, network=network, batch=batch, learning_rate=5e-4
        )
        shape = "×".join(f"{round(one)}" for one in found.shape.middle)
        return task, (f"Pictures of {side} px because the middle one is {shape}", f"Batch {batch} of {found.learnt}")

    def description(self, data: Any) -> dict[str, Any]:
        """Say what the network is and what it makes."""
        settings = self._settings(data)
        told = {"task": self.NAME, "network": {"name": settings.name, **dict(settings.values)}, "classes": []}
        if self._of_points:
            return {**told, "makes": "points"}
        pictures_ = {"dimensions": self.dimensions, "side": self.side, "channels": self._channels(data)}
        classes = list(data.classes) if self._fitted and self.data.name != "image_pairs" else []
        return {**told, "classes": classes, "makes": "pictures", "pictures": pictures_, "given": self._given(data)}

    def _settings(self, data: Any) -> Settings:
        """Write out all that the network is built with."""
        known = {one.name for one in parameters(NETWORKS[self.network.name])}
        wanted: dict[str, Any] = {"channels": self._channels(data), "given": self._given(data)}
        wanted |= {"dimensions": 0} if self._of_points else {"dimensions": self.dimensions, "size": self.side}
        settings = self.network.turned(**{name: value for name, value in wanted.items() if name in known})
        return settings.whole(NETWORKS)

    def _channels(self, data: Any) -> int:
        """Channels of what is made: of pairs the one that is told."""
        return 1 if self.data.name == "image_pairs" else int(data.channels)

    @property
    def _of_points(self) -> bool:
        return self.data.name == "points"

    @property
    def _fitted(self) -> bool:
        return self.network.name in _FITTED

    def _refuse_unfit(self) -> None:
        if self._of_points and self.network.name != "gan":
            raise Refused(self.network.name, "it makes pictures, and these are points", "take the network gan")
        if self.data.name == "image_pairs" and not self._fitted:
            raise Refused(self.network.name, "it makes pictures of noise alone", "take the network pix2pix")

    def _pictures(self, data: Any, held_out: bool) -> Pictures:
        make = paired_pictures if self.data.name == "image_pairs" else pictures
        found = make(data, self.dimensions, self.side, held_out, 0.0 if held_out else self.augment, self.whole)
        if not held_out or found.whole:  # data sets of bare pictures know no patches: theirs are whole in any case
            return found
        return replace(found, source=HeldTiles(found.source, self.side))

    def _given(self, data: Any) -> int:
        """Channels of the map a picture is made to fit: of another picture, or a class each and the background."""
        if not self._fitted:
            return 0
        if self.data.name == "image_pairs":
            return int(data.channels)
        return len(data.classes) + 1 if hasattr(data, "preparation") else 0

    def _map(self, network: Adversaries, batch: Batch) -> Tensor | None:
        """Return the maps (N, given, x, y[, z]) of a batch, None where pictures are made of noise alone."""
        if not network.given:
            return None
        if "given" in batch:
            return cast("Tensor", batch["given"])
        return F.one_hot(batch["label"], network.given).movedim(-1, 1).to(batch["image"].dtype)

    def _noisy(self, seen: Tensor) -> Tensor:
        return seen + self.noise * torch.randn_like(seen) if self.noise else seen

    def _forged(self, network: nn.Module, batches: Sequence[Batch]) -> Work[forged.Forged]:
        both = cast("Adversaries", network)
        return forged.forged(both, batches, self.loss, self.seed, lambda batch: self._map(both, batch))

    def _more(self, network: nn.Module, found: forged.Forged) -> Tensor:
        """Make as many samples as are shown where fewer pictures are held out."""
        both, chance = cast("Adversaries", network), torch.Generator().manual_seed(self.seed)
        like = next(network.parameters())
        return both.made(both.noise(_SHOWN, like, chance)).float().cpu()

    def _masks(self, data: Any, wishes: FittedWishes) -> Pictures:
        found = self._pictures(data, held_out=wishes.of == "validation")
        if not len(found):
            raise Refused("masks", "the data set has none to make samples of", "take those of the other pictures")
        return found


def _batched(samples: Sequence[Sample], device: torch.device) -> Batch:
    names = [name for name, value in samples[0].items() if isinstance(value, Tensor)]
    return {name: torch.stack([one[name] for one in samples]).to(device) for name in names}


def _last_of(work: Work[forged.Forged]) -> forged.Forged:
    while True:
        try:
            next(work)
        except StopIteration as end:
            found: forged.Forged = end.value
            return found


def _view(name: str, data: Any, dimensions: int, side: int) -> tuple[int, bool]:
    """Axis across the slices, and whether x runs to the left as a person looks at them."""
    normal = data.preparation(dimensions, side).normal if hasattr(data, "preparation") else 2
    return normal, name not in RIGHTWARD
