"""A network that was taught to denoise, with all that making pictures with it needs; out of a run, or of a task."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Generator, Tensor, nn

from medviz.data.words import Vocabulary
from medviz.messages import Progress, Work
from medviz.networks import NETWORKS
from medviz.parameters import Settings
from medviz.refused import Refused
from medviz.training import run
from medviz.training.using.denoising import Known, Seen, Tell, Way, denoised, guiding
from medviz.training.using.latent import Latent, covered, decoded, encoded, shape_of
from medviz.training.using.noising import Schedule

TOGETHER = 1 << 16
"""Pixels or voxels that are denoised at once: sixteen slices of 64, two cubes of 32."""
_OTHER = "take a run of the task diffusion"


@dataclass(frozen=True, eq=False)
class Denoiser:
    """The network of a diffusion run and what it was taught with.

    Pictures are (channels, side ... side) in −1..1. `kinds` are the names of the classes it can be asked for,
    `vocabulary` the words it reads. `whole`: it was taught on whole pictures, made small, and not on patches.
    """

    network: nn.Module
    schedule: Schedule
    prediction: str
    dimensions: int
    side: int
    channels: int = 1
    kinds: tuple[str, ...] = ()
    vocabulary: Vocabulary | None = None
    length: int = 0
    whole: bool = True

    @property
    def device(self) -> torch.device:
        """Where the network lies."""
        return next(self.network.parameters()).device

    @property
    def latent(self) -> bool:
        """Whether it works on the code of an autoencoder; its x̂₀ then have no bounds."""
        return hasattr(self.network, "encode")

    @property
    def together(self) -> int:
        """How many pictures are made at once."""
        return max(1, TOGETHER // int(self.side**self.dimensions))

    def way(self, **values: Any) -> Way:
        """Return a way back for this network; bounds are left out where it works on a code."""
        bounds = bool(values.pop("bounds", False)) and not self.latent
        return Way(self.schedule, self.prediction, bounds=bounds, **values)

    def telling(
        self, kinds: Sequence[int] | None = None, texts: Sequence[str] | None = None, scale: float = 1.0
    ) -> Tell:
        """Ask the network for these classes or texts, one a picture, with guidance; without either, for anything."""
        kind = None if kinds is None else torch.tensor(list(kinds), device=self.device)
        ids = None if texts is None else torch.stack([self.ids(one) for one in texts]).to(self.device)
        if kind is None and ids is None:
            return lambda x, t: self.network(x, t)

        def told(x: Tensor, t: Tensor, asked: bool) -> Tensor:
            return self.network(x, t, kind if asked else None, ids if asked else None)  # type: ignore[no-any-return]

        return guiding(told, scale)

    def ids(self, text: str) -> Tensor:
        """Return the ids of a text, (length,)."""
        if self.vocabulary is None:
            raise Refused("the prompt", "this network was not taught to read", "leave it out")
        return self.vocabulary.ids(text, self.length)

    def made(
        self, tell: Tell, way: Way, chance: Sequence[Generator], known: Known | None = None, seen: Seen | None = None
    ) -> Work[Tensor]:
        """Make a picture (N, C, ...) in −1..1 for each source of chance; what is `known` comes back bit for bit.

        `known` are whole pictures, where the network works on codes as well.
        """
        shape = shape_of(self.network, self.channels, self.side, self.dimensions)
        inside = None if known is None else self._inside(known)
        found = yield from denoised(tell, way, shape, chance, self.device, inside, seen)
        images = decoded(self.network, found)
        if known is None:
            return images
        return torch.where(known.mask.to(images.device), known.image.to(images), images)

    def _inside(self, known: Known) -> Known:
        """What of that the network sees."""
        with torch.no_grad():
            image = encoded(self.network, known.image.to(self.device))
        mask = known.mask.to(self.device).expand(-1, 1, *known.image.shape[2:])
        return Known(image, covered(self.network, mask))


def in_parts(work: Work[Tensor], done: int, now: int, total: int, what: str) -> Work[Tensor]:
    """Let the progress of `now` pictures be seen as part of that of all `total`."""
    while True:
        try:
            message = next(work)
        except StopIteration as end:
            found: Tensor = end.value
            return found
        if isinstance(message, Progress):
            message = Progress(done + now * message.done / max(message.total, 1), total, what)
        yield message


def denoiser_in(where: str | Path) -> Denoiser:
    """Load the best weights of a diffusion run with what its model.json says; refuses any other run."""
    weights, about = run.weights(Path(where))
    if about.get("task") != "diffusion":
        raise Refused(where, "it was not taught to denoise", _OTHER)
    try:
        made = _built(about, weights)
    except (KeyError, TypeError, ValueError, RuntimeError) as problem:
        raise Refused(where, "it does not say how its network is built", "take a run of this version") from problem
    made.network.eval().requires_grad_(False)
    return made


def _built(about: dict[str, Any], weights: dict[str, Tensor]) -> Denoiser:
    said, shown = about["diffusion"], about["pictures"]
    dimensions, side, channels = (int(shown[name]) for name in ("dimensions", "side", "channels"))
    settings = dict(about["network"])
    network: nn.Module = Settings(settings.pop("name"), tuple(settings.items())).build(NETWORKS)
    if about.get("autoencoder"):
        inner = dict(about["autoencoder"])
        coder = Settings(inner.pop("name"), tuple(inner.items())).build(NETWORKS, channels=channels)
        network = Latent(network, coder)
    network.load_state_dict(weights)
    words = Vocabulary.out_of(said["words"]) if said["words"] else None
    schedule = Schedule.of(**said["schedule"])
    return Denoiser(
        network, schedule, str(said["prediction"]), dimensions, side, channels, tuple(about["classes"]), words,
        int(said["length"]), bool(shown.get("whole", True)),
    )  # fmt: skip
