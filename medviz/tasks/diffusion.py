"""Diffusion: drown pictures in noise, learn to tell the noise, and make new pictures out of nothing but noise."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Annotated, Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medviz.data.checking.report import Fingerprint
from medviz.data.pictures import MASKED, PICTURES, Pictures, pictures, some
from medviz.figures import Figure
from medviz.messages import Progress, Work
from medviz.networks import NETWORKS
from medviz.parameters import Choice, File, Group, Live, Part, Range, Settings, When
from medviz.tasks.diffusion_asked import Asked, Condition, condition, spread
from medviz.tasks.diffusion_drawn import drawn
from medviz.tasks.diffusion_judged import samples_judged
from medviz.tasks.diffusion_measured import Errors, asked_of, errors_of, joined, named, together
from medviz.tasks.diffusion_measured import drawn as by_time
from medviz.tasks.proposing import for_pictures
from medviz.training.making import Made, Wishes
from medviz.training.sampling import Whole
from medviz.training.task import Batch, BatchSize, Epochs, Rate, Sample, Samples, ScheduleName, Task
from medviz.training.using.denoiser import TOGETHER, Denoiser
from medviz.training.using.diffused import made_of, wishes_for
from medviz.training.using.latent import Latent, autoencoder_in, encoded
from medviz.training.using.noising import Schedule

_MNI152, _UNET = Settings("mni152"), Settings("diffusion_unet")
_DATA, _NOISE, _ASKED = Group("Data"), Group("Noise"), Group("Asked for")
_LOW, _HIGH, _USUAL = 1e-4, 0.02, 1000
"""β of the first and the last of a thousand steps (Ho et al., 2020); of fewer steps each adds more."""
_SCALED = 64
"""Pictures by which the code of an autoencoder is scaled."""


@dataclass(frozen=True)
class Diffusion(Task):
    """Tell the noise in pictures (Algorithm 1 of Ho et al., 2020), so that pictures can be made from noise.

    With an autoencoder it works on that one's code (latent diffusion). What is asked for, class or text, is left out
    now and then, so that the network knows both answers and samples may follow it more or less (guidance).
    """

    NAME: ClassVar[str] = "diffusion"
    USED: ClassVar[str] = "samples"
    BEST: ClassVar[str] = "validation/loss"

    data: Annotated[Settings, Part("datasets", only=PICTURES), _DATA, "Pictures to make more of."] = _MNI152
    network: Annotated[Settings, Part("networks", only=("diffusion_unet",)), Group("Network"), "What learns."] = _UNET
    dimensions: Annotated[int, Choice((2, 3), ("2-D", "3-D")), _DATA, "Slices and pictures, or volumes."] = 2
    side: Annotated[
        int,
        Range(8, 256, 4, unit="px"),
        _DATA,
        "Side of the pictures or cubes; twice the side takes four times as long.",
    ] = 32
    whole: Annotated[
        bool, _DATA, "Whole pictures, made small; otherwise patches are cut out of them, as fine as they are."
    ] = True
    augment: Annotated[
        float,
        Range(0.0, 2.0),
        _DATA,
        Live(samples=True),
        "Strength of random turns and shifts; what is made will show them, too.",
    ] = 0.0
    held_out: Annotated[
        int, Range(4, 10000, unit="pictures", log=True), _DATA, "Held-out pictures that are measured, at most."
    ] = 64
    judged: Annotated[
        int,
        Range(0, 4096, unit="samples"),
        _DATA,
        "Samples that are made at the end and compared with training pictures (MMD; FID from 64 on); 0: none.",
    ] = 64
    autoencoder: Annotated[
        str,
        File(folder=True),
        Group("Latent diffusion"),
        "Run of an autoencoder whose code is learnt on, which is smaller than the pictures; empty: the pictures.",
    ] = ""
    noising: Annotated[
        str,
        Choice(("linear", "scaled-linear", "cosine", "sigmoid"), ("Linear", "Scaled linear", "Cosine", "Sigmoid")),
        _NOISE,
        "How the noise of a step grows with t; the cosine leaves small pictures longer what they are.",
    ] = "linear"
    noise_steps: Annotated[
        int, Range(10, 4000, unit="steps", log=True), _NOISE, "Steps from the picture to noise (T)."
    ] = 1000
    prediction: Annotated[
        str,
        Choice(("noise", "picture", "velocity"), ("The noise ε", "The picture x₀", "The velocity v")),
        _NOISE,
        "What the network tells; one gives the others, but errors weigh differently.",
    ] = "noise"
    condition: Annotated[
        str,
        Choice(("none", "class", "text"), ("Nothing", "Class", "Text")),
        _ASKED,
        "What pictures are asked for; the data must have it.",
    ] = "none"
    drop: Annotated[
        float,
        Range(0.0, 0.9),
        _ASKED,
        Live(),
        When("condition", "class", "text"),
        "Share of pictures whose class or text is kept back, so that the network learns to do without (guidance).",
    ] = 0.1

    epochs: Epochs = 40
    batch: BatchSize = 16
    learning_rate: Rate = 1e-3
    schedule: ScheduleName = "one-cycle"
    ema: Annotated[
        float,
        Range(0.0, 0.9999),
        Group("Regularisation", advanced=True),
        "Decay of the running mean of the weights that is validated and kept; samples of the bare weights flicker.",
    ] = 0.995

    def data_set(self) -> Any:
        """Build the data set; refuses one that does not serve these dimensions."""
        return self.serving(self.dimensions)

    def build(self, data: Any) -> nn.Module:
        """Build the denoiser, round it the autoencoder where there is one."""
        if not self.autoencoder:
            return self._denoiser(data, data.channels)
        coder, _ = autoencoder_in(self.autoencoder, self.dimensions, self.side, data.channels)
        made = Latent(self._denoiser(data, coder.latent_channels), coder)
        source = self._pictures(data)
        made.measure(source[place]["image"] for place in spread(source, _SCALED))
        return made

    def training(self, data: Any) -> Samples:
        """Pictures in −1..1, with what is asked for."""
        return Asked(self._pictures(data, augment=self.augment), self._condition(data))

    def validation(self, data: Any) -> Samples:
        """Return some pictures that training never sees."""
        source = self._pictures(data, held_out=True)
        return Asked(source, self._condition(data), spread(source, self.held_out))

    def probes(self, data: Any) -> Sequence[Sample]:
        """Return a few held-out pictures; samples need none, but texts come from them."""
        known = self._condition(data)
        return [known.ready(one) for one in some(self._pictures(data, held_out=True), 4)]

    def losses(self, network: nn.Module, batch: Batch) -> Iterator[tuple[str, Tensor]]:
        """Yield the loss of Algorithm 1: one t and one noise a picture, and the square error of what is told."""
        x0 = encoded(network, batch["image"])
        t = torch.randint(1, self.noise_steps + 1, (len(x0),), device=x0.device)
        noise = torch.randn_like(x0)
        schedule = self._schedule
        told = network(schedule.noised(x0, t, noise), t, **self._kept_back(network, batch))
        yield "", F.mse_loss(told.float(), schedule.target(self.prediction, x0, t, noise).float())

    def measures(self, network: nn.Module, batches: Sequence[Batch], data: Any) -> Work[Mapping[str, float]]:
        """Measure the loss on held-out pictures with always the same noise: its mean, and in four bins of t."""
        found = yield from self._errors(network, batches)
        yield by_time(found, self.noise_steps, self.prediction)
        return named(found, self.noise_steps)

    def evaluated(
        self, network: nn.Module, batches: Sequence[Batch], data: Any, group: str
    ) -> Work[list[dict[str, Any]]]:
        """Measure each picture alone; and judge some samples beside the pictures that were learnt from."""
        rows = yield from super().evaluated(network, batches, data, group)
        if group == "validation":
            probes = Whole(self.probes(data), next(network.parameters()).device)
            yield from self.figures(network, probes, data)  # the best weights end the film
            if self.judged:
                yield from samples_judged(self.denoiser(network, data), self._pictures(data), self.judged)
        return rows

    def figures(self, network: nn.Module, probes: Sequence[Batch], data: Any) -> Iterator[Figure]:
        """Draw samples from always the same noise, one on its way, and a probe told in one step."""
        yield from drawn(self.denoiser(network, data), probes, self.data.name in MASKED)

    def chance(self, data: Any) -> float | None:
        """Square error of who tells no noise at all: the variance of noise, 1; of other targets nothing is known."""
        return 1.0 if self.prediction == "noise" else None

    def wishes(self, data: Any) -> Wishes | None:
        """What samples may be wished for."""
        known = self._condition(data)
        return wishes_for(known.kinds, known.vocabulary is not None)

    def made(self, network: nn.Module, data: Any, wishes: Wishes) -> Work[tuple[Made, ...]]:
        """Make new pictures."""
        return (yield from made_of(self.denoiser(network, data), wishes))

    def denoiser(self, network: nn.Module, data: Any) -> Denoiser:
        """Put a network together with what it was taught with."""
        known = self._condition(data)
        return Denoiser(
            network, self._schedule, self.prediction, self.dimensions, self.side, data.channels, known.kinds,
            known.vocabulary, known.length, self.whole,
        )  # fmt: skip

    def proposed(self, found: Fingerprint) -> "tuple[Diffusion, tuple[str, ...]]":
        """Choose what suits the data, and say why; velocities and the cosine get further in a short training."""
        turned, lines = for_pictures(self, found)
        if not lines:
            return turned, lines
        said = "the velocity is told, of noise that grows as a cosine: that gets further in a short run"
        return replace(turned, prediction="velocity", noising="cosine"), (*lines[:-1], f"{lines[-1]}; {said}")

    def description(self, data: Any) -> dict[str, Any]:
        """Say all that making pictures needs: the network, its noise, the classes or words, and the autoencoder."""
        known = self._condition(data)
        channels, coder = data.channels, None
        if self.autoencoder:
            found, taught = autoencoder_in(self.autoencoder, self.dimensions, self.side, data.channels)
            channels, coder = found.latent_channels, dict(taught.about["network"])
        settings = self._settings(known, channels).whole(NETWORKS)
        return {
            "task": self.NAME,
            "network": {"name": settings.name, **dict(settings.values)},
            "classes": list(known.kinds),
            "pictures": {
                "dimensions": self.dimensions,
                "side": self.side,
                "channels": data.channels,
                "whole": self.whole,
            },
            "diffusion": {
                "schedule": self._said_schedule,
                "prediction": self.prediction,
                "words": [] if known.vocabulary is None else list(known.vocabulary.words),
                "length": known.length,
            },
            **({} if coder is None else {"autoencoder": coder}),
        }

    @property
    def _said_schedule(self) -> dict[str, Any]:
        more = _USUAL / self.noise_steps
        ends = {"low": min(_LOW * more, 0.5), "high": min(_HIGH * more, 0.999)}
        return {"kind": self.noising, "steps": self.noise_steps, **ends}

    @property
    def _schedule(self) -> Schedule:
        return _schedule(*self._said_schedule.values())

    def _condition(self, data: Any) -> Condition:
        return condition(self.condition, data, self.data.name)

    def _pictures(self, data: Any, held_out: bool = False, augment: float = 0.0) -> Pictures:
        return pictures(data, self.dimensions, self.side, held_out, augment, self.whole)

    def _settings(self, known: Condition, channels: int) -> Settings:
        return self.network.turned(channels=channels, dimensions=self.dimensions, **known.given)

    def _denoiser(self, data: Any, channels: int) -> nn.Module:
        network: nn.Module = self._settings(self._condition(data), channels).build(NETWORKS)
        return network

    def _kept_back(self, network: Any, batch: Batch) -> dict[str, Tensor]:
        """Return what is asked for, of a few pictures nothing."""
        asked = asked_of(batch)
        for name, value in asked.items():
            left_out = torch.rand(len(value), device=value.device) < self.drop
            if name == "kind":
                asked[name] = torch.where(left_out, torch.full_like(value, network.kinds), value)
            else:
                asked[name] = torch.where(left_out[:, None], torch.zeros_like(value), value)
        return asked

    def _errors(self, network: nn.Module, batches: Sequence[Batch]) -> Work[Errors]:
        most = together(self.side, self.dimensions, TOGETHER)
        waiting: list[Batch] = []
        parts: list[Errors] = []
        done, total = 0, max(1, len(batches))
        for batch in batches:
            waiting.append(batch)
            if len(waiting) == most:
                parts.append(errors_of(network, self._schedule, self.prediction, waiting, done))
                done += len(waiting)
                waiting = []
                yield Progress(done, total, "validation")
        if waiting:
            parts.append(errors_of(network, self._schedule, self.prediction, waiting, done))
            yield Progress(done + len(waiting), total, "validation")
        return joined(parts)


@lru_cache(maxsize=16)
def _schedule(kind: str, steps: int, low: float, high: float) -> Schedule:
    """Make a schedule once, not at each step."""
    return Schedule.of(kind, steps, low, high)
