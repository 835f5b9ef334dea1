"""Autoencoding: squeeze a picture into few numbers and tell it again from these; beside it, PCA of as many numbers."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar

import numpy as np
from torch import Tensor, nn

from medviz.data.augment import switched
from medviz.data.checking.report import Fingerprint
from medviz.data.noisy import Noisy
from medviz.data.pictures import PICTURES, Pictures, pictures, spacing_of
from medviz.data.whole import volume_of
from medviz.figures import Figure
from medviz.imaging.volume import Volume
from medviz.messages import Progress, Work
from medviz.networks import NETWORKS
from medviz.networks.coding import Coded
from medviz.parameters import Choice, Group, Live, Part, Range, Settings, When, parameters
from medviz.refused import Refused
from medviz.tasks.coding_drawn import crowd, drawn
from medviz.tasks.coding_made import CodeWishes, made_of
from medviz.tasks.coding_measured import Sums, chunked, meant_by, numbers_of, per_picture, rarity
from medviz.tasks.proposing import for_pictures
from medviz.training.contest import forger_loss, judge_loss
from medviz.training.making import Made, Wishes
from medviz.training.task import Batch, BatchSize, Changes, Epochs, Loss, Rate, Sample, Samples, Task
from medviz.training.using.likeness import LOSSES, loss_of
from medviz.training.using.principal import Components, learnt

CODERS = ("autoencoder", "conv_autoencoder", "vae", "kl_autoencoder", "vq_vae", "vq_gan")
GAUSSIAN = ("vae", "kl_autoencoder")
"""Networks whose code has a prior N(0, 1)."""
PROBES = 6
SPREAD = 0.25
"""Standard deviation of a pixel about what the decoder tells, of −1..1: what turns square errors into nats."""
_MNI152, _VAE = Settings("mni152"), Settings("vae", (("code", 16), ("depth", 4)))
_DATA, _LOSS, _CODE = Group("Data"), Group("Loss"), Group("Code")
_JUDGE = Group("Judge (VQ-GAN)", advanced=True)


@dataclass(frozen=True)
class Autoencoding(Task):
    """Tell pictures again out of a small code; measured on pictures that training never sees, with PCA beside it.

    What kind of autoencoder it is, is said by the network (dense, deep, linear, convolutional, variational, with a book
    of codes, before a judge), by `noise` (denoising) and by `sparsity` (sparse).
    """

    NAME: ClassVar[str] = "autoencoding"
    USED: ClassVar[str] = "samples"

    data: Annotated[
        Settings, Part("datasets", only=PICTURES), _DATA, "Whose pictures; masks and classes are not looked at."
    ] = _MNI152
    network: Annotated[Settings, Part("networks", only=CODERS), Group("Network"), "What learns."] = _VAE
    dimensions: Annotated[int, Choice((2, 3), ("2-D, slices", "3-D, volumes")), _DATA, "Slices or volumes."] = 2
    side: Annotated[
        int, Range(8, 128, 8, unit="px"), _DATA, "Side of the square (or cube); twice the side takes 4 or 8 times long."
    ] = 64
    whole: Annotated[
        bool, _DATA, "Whole pictures are fitted into the square; otherwise pieces of its size are cut out of them."
    ] = True
    augment: Annotated[
        float, Range(0.0, 2.0), _DATA, Live(samples=True), "Strength of random changes of the pictures; 0 is none."
    ] = 0.25
    changes: Changes = ("mirror", "rotation", "scale", "shift")
    noise: Annotated[
        float,
        Range(0.0, 2.0),
        _DATA,
        "Denoising: standard deviation of noise laid over what is given (black −1, white 1), not over what is meant.",
    ] = 0.0

    loss: Annotated[str, LOSSES, _LOSS, "How far a picture told again is from the picture."] = "l2"
    beta: Annotated[
        float,
        Range(0.0, 1000.0),
        _LOSS,
        Live(),
        "VAE: weight β of the divergence of codes from N(0, 1); 1 is the evidence bound of pixels known to ±0.25.",
    ] = 1.0
    beta_rise: Annotated[
        int,
        Range(0, 10_000_000, unit="pictures"),
        _LOSS,
        Live(),
        "Pictures over which β rises from 0 to its value, against a code that says nothing; 0: β is there at once.",
    ] = 0
    sparsity: Annotated[
        str,
        Choice(("none", "l1", "kl"), ("None", "L1: pull of each number to 0", "KL: each unit is on so rarely")),
        _CODE,
        "Sparse autoencoder: keeps most numbers of a code near 0.",
    ] = "none"
    sparsity_weight: Annotated[
        float, Range(0.0, 10.0), When("sparsity", "l1", "kl"), _CODE, Live(), "How much sparsity counts."
    ] = 0.01
    sparsity_target: Annotated[
        float,
        Range(0.01, 0.5),
        When("sparsity", "kl"),
        _CODE,
        Live(),
        "Mean that each unit is drawn to over the pictures of a batch (ρ).",
    ] = 0.05
    judge_weight: Annotated[
        float, Range(0.0, 10.0), _JUDGE, Live(), "How much it counts that the judge takes pictures for real."
    ] = 0.02
    judge_from: Annotated[
        int, Range(0, 10_000_000, unit="pictures"), _JUDGE, Live(), "Pictures learnt from before the judge is heard."
    ] = 2000
    judge_rate: Annotated[float, Range(1e-6, 1.0, log=True), _JUDGE, "Learning rate of the judge."] = 2e-4

    epochs: Epochs = 40
    batch: BatchSize = 16
    learning_rate: Rate = 1e-3

    @property
    def PARTS(self) -> tuple[str, ...]:  # type: ignore[override]
        """A VQ-GAN has two parts that learn in turn, all others one."""
        return ("generator", "discriminator") if self.network.name == "vq_gan" else ("",)

    def rate(self, part: str) -> float:
        """The judge has a rate of its own."""
        return self.judge_rate if part == "discriminator" else self.learning_rate

    def data_set(self) -> Any:
        """Build the data set; refuses one that does not serve these dimensions."""
        return self.serving(self.dimensions)

    def build(self, data: Any) -> nn.Module:
        """Build the autoencoder for pictures of this side."""
        self._refuse_sparsity()
        network: nn.Module = self._settings().build(NETWORKS, channels=data.channels)
        return network

    def training(self, data: Any) -> Samples:
        """Pictures changed at random, with noise where it is to be taken away."""
        found = pictures(data, self.dimensions, self.side, augment=self.augment, whole=self.whole)
        source = switched(found.source, self.changes, self.augment)
        changed = switched(replace(found, source=source), self.changes, self.augment)
        return Noisy(changed, self.noise) if self.noise else changed

    def validation(self, data: Any) -> Samples:
        """Held-out pictures as they are."""
        found = self._held(data)
        return Noisy(found, self.noise) if self.noise else found

    def probes(self, data: Any) -> Sequence[Sample]:
        """Return a few held-out pictures, of each class if there are not too many."""
        held = self.validation(data)
        count = min(PROBES, len(held))
        return [held[round(at)] for at in np.linspace(0, len(held) - 1, count)]

    def losses(self, network: Any, batch: Batch) -> Iterator[tuple[str, Loss]]:
        """Yield one loss; of a VQ-GAN that of the generator and then that of the judge."""
        meant = meant_by(batch)
        if self._bare(network):
            yield "", loss_of(self.loss)(network(batch["image"]), meant)
            return
        coded = network.coded(batch["image"])
        terms = self._terms(coded, meant, self._risen(network))
        if self.network.name != "vq_gan":
            yield "", terms
            return
        heard = (network.seen >= self.judge_from).to(meant)
        yield (
            "generator",
            {**terms, "judge": self.judge_weight * heard * forger_loss("hinge", network.judged(coded.image))},
        )
        yield "discriminator", judge_loss("hinge", network.judged(meant), network.judged(coded.image.detach()))

    def measures(self, network: Any, batches: Sequence[Batch], data: Any) -> Work[Mapping[str, float]]:
        """Measure error, signal to noise and similarity, those of PCA of as many numbers, and what the code carries."""
        known, numbers = self._linear(network, data), numbers_of(network)
        sums = Sums(int(getattr(network, "entries", 0)), bool(network.gaussian))
        for done, batch in chunked(batches):
            coded = network.coded(batch["image"])
            terms = {name: float(one) for name, one in self._terms(coded, meant_by(batch)).items()}
            sums.add(per_picture(coded, batch, known, numbers), coded, {"loss": sum(terms.values())})
            yield Progress(done, len(batches), "validation")
        return sums.told()

    def evaluated(self, network: Any, batches: Sequence[Batch], data: Any, group: str) -> Work[list[dict[str, Any]]]:
        """Measure each picture alone."""
        known, numbers, rows = self._linear(network, data), numbers_of(network), []
        for done, batch in chunked(batches):
            found = per_picture(network.coded(batch["image"]), batch, known, numbers)
            rows += [{name: float(each[k]) for name, each in found.items()} for k in range(len(batch["image"]))]
            yield Progress(done, len(batches), "cases measured")
        return rows

    def opened(self, network: Any, data: Any, group: str, number: int) -> Work[Mapping[str, Volume]]:
        """Return a held-out picture as it was given."""
        yield Progress(0, 0, "reading the picture")
        sample = self._held(data)[number]
        image = np.asarray(sample["image"], np.float32)
        spacing = spacing_of(data, self.dimensions, self.side, self.whole)
        return {"scan": volume_of(image[..., np.newaxis] if image.ndim == 3 else image, spacing, str(sample["name"]))}

    def figures(self, network: Any, probes: Sequence[Batch], data: Any) -> Iterator[Figure]:
        """Draw pictures told again with their errors and PCA's, samples of the prior, and the codes."""
        group = crowd(data, self.dimensions, self.side, self.whole)
        scan = hasattr(data, "preparation")
        yield from drawn(network, probes, group, self._linear(network, data), numbers_of(network), scan)

    def wishes(self, data: Any) -> Wishes | None:
        """Return what may be asked for where the code has a prior to draw from."""
        return CodeWishes() if self.network.name in GAUSSIAN else None

    def made(self, network: nn.Module, data: Any, wishes: Wishes) -> Work[tuple[Made, ...]]:
        """Decode draws of the prior, a walk between two, or the way from one held-out picture to another."""
        if not isinstance(wishes, CodeWishes) or self.network.name not in GAUSSIAN:
            raise Refused(self.network.name, "its code has no prior to draw from", "train a VAE for that")
        made = yield from made_of(network, self._held(data), wishes)
        return made

    def proposed(self, found: Fingerprint) -> "tuple[Autoencoding, tuple[str, ...]]":
        """Choose what suits the data, and say why."""
        return for_pictures(self, found)

    def description(self, data: Any) -> dict[str, Any]:
        """Say how to run the network on a picture, and what its code is."""
        settings = self._settings().whole(NETWORKS, "channels")
        network = self._settings().build(NETWORKS, channels=data.channels)
        return {
            "task": self.NAME,
            "network": {"name": settings.name, **dict(settings.values)},
            "classes": [],
            "pictures": {
                "dimensions": self.dimensions,
                "side": self.side,
                "channels": data.channels,
                "whole": self.whole,
            },
            "code": {"shape": list(network.latent_shape), "factor": network.factor, "gaussian": network.gaussian},
        }

    def _held(self, data: Any) -> Pictures:
        return pictures(data, self.dimensions, self.side, held_out=True, whole=self.whole)

    def _settings(self) -> Settings:
        return self.network.turned(dimensions=self.dimensions, size=self.side)

    def _linear(self, network: Any, data: Any) -> Components:
        return learnt(data, self.dimensions, self.side, self.whole, numbers_of(network))

    def _bare(self, network: Any) -> bool:
        """Tell whether nothing but the picture counts."""
        return self.sparsity == "none" and self.network.name in ("autoencoder", "conv_autoencoder")

    def _risen(self, network: Any) -> Tensor | float:
        """Share of β that counts by now."""
        return (network.seen / self.beta_rise).clamp(max=1.0) if self.beta_rise else 1.0

    def _terms(self, coded: Coded, meant: Tensor, risen: Tensor | float = 1.0) -> dict[str, Tensor]:
        terms = {"reconstruction": loss_of(self.loss)(coded.image, meant)}
        if coded.kl is not None:  # both in nats a picture: −ln p(x|z) of a Gaussian (a Laplace) but for a constant
            scale = math.sqrt(2) / SPREAD if self.loss == "l1" else 0.5 / SPREAD**2
            terms["reconstruction"] = terms["reconstruction"] * scale * meant[0].numel()
            terms["KL"] = self.beta * risen * coded.kl.mean()
        if coded.pull is not None:
            terms["commitment"] = coded.pull
        if self.sparsity != "none":
            terms["sparsity"] = self.sparsity_weight * self._dense(coded.mean)
        return terms

    def _dense(self, code: Tensor) -> Tensor:
        """What makes a code sparse when it is made small."""
        if self.sparsity == "l1":
            return code.float().abs().mean()
        return rarity(code, self.sparsity_target)

    def _refuse_sparsity(self) -> None:
        known = {one.name for one in parameters(NETWORKS[self.network.name])}
        if self.sparsity != "none" and "bound" not in known:
            remedy = "choose the dense or the convolutional autoencoder, or sparsity=none"
            raise Refused(f"sparsity={self.sparsity}", f"{self.network.name} has a code of another kind", remedy)
        if self.sparsity == "kl" and dict(self.network.values).get("bound") != "sigmoid":
            fault = "it needs units between 0 and 1"
            raise Refused("sparsity=kl", fault, "set network.bound=sigmoid, or take sparsity=l1")
