"""New pictures out of an autoencoder whose code has a prior: drawn from it, or on the way between two pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import torch
from torch import Tensor, nn

from medviz.data.pictures import Pictures
from medviz.messages import Progress, Work
from medviz.parameters import Choice, Group, Range, When
from medviz.training.making import Made, Wishes

_SAMPLES = Group("Samples")
AT_ONCE = 8
"""Pictures that are decoded together."""


@dataclass(frozen=True)
class CodeWishes(Wishes):
    """What may be asked of an autoencoder with a prior."""

    how: Annotated[
        str,
        Choice(("prior", "walk", "between"), ("From the prior", "A walk between two draws", "Between two pictures")),
        _SAMPLES,
        "Draw codes from N(0, 1); go in even steps from one draw to another; or from one held-out picture to another.",
    ] = "prior"
    spread: Annotated[
        float,
        Range(0.0, 3.0),
        When("how", "prior", "walk"),
        _SAMPLES,
        "Standard deviation of what is drawn: 1 is the prior, less is more usual pictures.",
    ] = 1.0
    first: Annotated[
        int, Range(1, 1_000_000), When("how", "between"), _SAMPLES, "Number of the held-out picture to begin with."
    ] = 1
    last: Annotated[
        int, Range(1, 1_000_000), When("how", "between"), _SAMPLES, "Number of the held-out picture to end with."
    ] = 2


def made_of(network: nn.Module, held: Pictures, wishes: CodeWishes) -> Work[tuple[Made, ...]]:
    """Decode what is wished for; the same wishes make the same pictures."""
    device = next(network.parameters()).device
    shape: Sequence[int] = network.latent_shape  # type: ignore[assignment]
    said: dict[str, Any] = {"how": wishes.how}
    if wishes.how == "between":
        ends = [min(one, len(held)) - 1 for one in (wishes.first, wishes.last)]
        both = torch.stack([held[one]["image"] for one in ends]).to(device)
        ends_coded: Tensor = network.encode(both)  # type: ignore[operator]
        codes = line(ends_coded[0], ends_coded[1], wishes.count)
        said |= {"held-out pictures": [one + 1 for one in ends]}
    else:
        draws = wishes.count if wishes.how == "prior" else 2
        drawn = wishes.spread * torch.randn((draws, *shape), generator=wishes.chance())
        codes = drawn if wishes.how == "prior" else line(drawn[0], drawn[1], wishes.count)
        said["spread"] = wishes.spread
    images: list[Made] = []
    for start in range(0, len(codes), AT_ONCE):
        told: Tensor = network.decode(codes[start : start + AT_ONCE].to(device))  # type: ignore[operator]
        images += [Made(one, said=said) for one in told.float().clamp(-1, 1).cpu().numpy()]
        yield Progress(len(images), len(codes), "samples made")
    return tuple(images)


def line(first: Tensor, last: Tensor, count: int) -> Tensor:
    """Return `count` codes in even steps from one to the other, both included."""
    shares = torch.linspace(0, 1, count, device=first.device).view(-1, *[1] * first.ndim)
    return first * (1 - shares) + last * shares
