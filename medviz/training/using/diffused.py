"""What may be wished of a diffusion network, and the samples that it makes of that."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from medviz.messages import Work
from medviz.parameters import Choice, Group, Range, When
from medviz.training.making import Made, Wishes
from medviz.training.using.denoiser import Denoiser, in_parts
from medviz.training.using.denoising import Way, sources

_WAY, _ASKED = Group("Way back"), Group("Asked for")
EVERY = "each in turn"
"""Classes by turns."""
Guidance = Annotated[
    float,
    Range(0.0, 15.0),
    _ASKED,
    "How strongly samples follow what is asked for: 0 not at all, 1 as it was learnt, more beyond that, with less "
    "variety.",
]


@dataclass(frozen=True)
class Denoised(Wishes):
    """How to go back from noise."""

    sampler: Annotated[
        str,
        Choice(("ddim", "ddpm"), ("DDIM", "DDPM (Algorithm 2)")),
        _WAY,
        "DDIM leaps with few steps; DDPM adds fresh noise in each, and is Algorithm 2 with as many as were learnt.",
    ] = "ddim"
    steps: Annotated[
        int | None,
        Range(1, 4000, unit="steps", log=True),
        _WAY,
        "Steps back; each costs a look of the network. Automatic: as many as were learnt.",
    ] = 50
    eta: Annotated[
        float,
        Range(0.0, 1.0),
        _WAY,
        When("sampler", "ddim"),
        "Fresh noise in each step (η): 0 is none, the noise at the start decides all; 1 is as much as DDPM adds.",
    ] = 0.0
    bounds: Annotated[
        bool,
        _WAY,
        "Keep the picture that is told at each step within −1..1; Algorithm 2 does not, a young network needs it. "
        "Without effect in the code of an autoencoder.",
    ] = True

    def way(self, denoiser: Denoiser) -> Way:
        """Return the way back that is wished for."""
        return denoiser.way(sampler=self.sampler, steps=self.steps, eta=self.eta, bounds=self.bounds)


@dataclass(frozen=True)
class Prompted(Denoised):
    """Samples that follow a text."""

    prompt: Annotated[str, _ASKED, "What is to be seen, in words as in the data; empty asks for nothing."] = ""
    guidance: Guidance = 2.0


def wishes_for(kinds: Sequence[str], reads: bool, prompt: str = "") -> Denoised:
    """Return what may be wished of a network that knows these classes, or reads."""
    if reads:
        return Prompted(prompt=prompt)
    if not kinds:
        return Denoised()
    choice = Annotated[str, Choice((EVERY, *kinds)), _ASKED, "The class of the samples."]
    kind = dataclasses.make_dataclass(
        "Classed", [("kind", choice, EVERY), ("guidance", Guidance, 2.0)], bases=(Denoised,), frozen=True
    )
    made: Denoised = kind()
    return made


def made_of(denoiser: Denoiser, wishes: Any) -> Work[tuple[Made, ...]]:
    """Make the samples that are wished for; each is the same whatever number is made."""
    chance, way = sources(wishes.chance(), wishes.count), wishes.way(denoiser)
    kinds = kinds_of(denoiser, wishes)
    prompt = str(getattr(wishes, "prompt", ""))
    guidance = float(getattr(wishes, "guidance", 1.0))
    said = {"sampler": way.sampler, "steps": len(way.times)} | ({"eta": way.eta} if way.sampler == "ddim" else {})
    said |= {"guidance": guidance} if kinds or prompt else {}
    found: list[Made] = []
    for start in range(0, wishes.count, denoiser.together):
        now = chance[start : start + denoiser.together]
        asked = kinds[start : start + len(now)] if kinds else None
        tell = denoiser.telling(asked, [prompt] * len(now) if prompt else None, guidance)
        work = denoiser.made(tell, way, now)
        images = yield from in_parts(work, start, len(now), wishes.count, "making samples")
        pictures = images.float().cpu().numpy()
        found += [
            Made(one, kind=asked[place] if asked else None, text=prompt, said=said)
            for place, one in enumerate(pictures)
        ]
    return tuple(found)


def kinds_of(denoiser: Denoiser, wishes: Any) -> list[int]:
    """Return the class of each sample; empty where the network knows none."""
    kind = getattr(wishes, "kind", EVERY)
    if not denoiser.kinds:
        return []
    if kind == EVERY:
        return [place % len(denoiser.kinds) for place in range(wishes.count)]
    return [denoiser.kinds.index(kind)] * int(wishes.count)
