"""A small task that makes something new: digits out of noise, and (on wish) what it remembers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from medviz.data.pictures import pictures
from medviz.figures import Figure, Gallery
from medviz.messages import Progress, Work
from medviz.parameters import Choice, File, Part, Range, Settings
from medviz.training.making import Made, Wishes
from medviz.training.task import Batch, Sample, Samples, Task
from tests.training.toys import taught

SIDE = 16
_DIGITS, _LENET = Settings("digits"), Settings("lenet")


@dataclass(frozen=True)
class DreamWishes(Wishes):
    """What may be asked of it."""

    count: Annotated[int, Range(1, 4096, unit="samples", log=True), "How many are made."] = 6
    spread: Annotated[float, Range(0.0, 2.0), "How different they are."] = 0.3
    how: Annotated[str, Choice(("new", "remembered", "broken")), "New ones, or training pictures."] = "new"
    known: Annotated[str, File(), "A scan to go on from."] = ""


@dataclass(frozen=True, eq=False)
class _First:
    """The first of many, so that tests are quick."""

    source: Any
    count: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Sample:
        found: Sample = self.source[index]
        return found


class Mean(nn.Module):
    """Knows the mean picture and the spread of each pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(1, SIDE, SIDE))
        self.spread = nn.Parameter(torch.ones(1, SIDE, SIDE))


@dataclass(frozen=True)
class Dreamer(Task):
    """Learn the mean digit."""

    NAME: ClassVar[str] = "dreamer"

    data: Annotated[Settings, Part("datasets")] = _DIGITS
    network: Annotated[Settings, Part("networks")] = _LENET
    epochs: int = 3
    batch: int = 64
    steps: int | None = 6
    learning_rate: float = 0.3
    device: str = "cpu"

    def build(self, data: Any) -> nn.Module:
        return Mean()

    def training(self, data: Any) -> Samples:
        return _First(pictures(data, 2, SIDE), 200)

    def validation(self, data: Any) -> Samples:
        return _First(pictures(data, 2, SIDE, held_out=True), 8)

    def probes(self, data: Any) -> Sequence[Sample]:
        return [self.validation(data)[number] for number in range(2)]

    def losses(self, network: Any, batch: Batch) -> Iterator[tuple[str, Tensor]]:
        off = batch["image"] - network.mean
        yield "", off.square().mean() + (off.detach().abs() - network.spread).square().mean()

    def measures(self, network: Any, batches: Sequence[Batch], data: Any) -> Work[Mapping[str, float]]:
        yield Progress(1, 1, "validation")
        return {"validation/loss": float((batches[0]["image"] - network.mean).square().mean())}

    def figures(self, network: Any, probes: Sequence[Batch], data: Any) -> Iterator[Figure]:
        noise = torch.randn(4, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
        tiles = (network.mean + 0.3 * noise)[:, 0].cpu().numpy()
        yield Gallery("samples", tiles, "samples", levels=(-1.0, 1.0), shared_scale=True)
        both = np.concatenate([torch.cat([one["image"][0] for one in probes]).cpu().numpy(), tiles[:2]])
        yield Gallery("reconstructions", both, "reconstructions", levels=(-1.0, 1.0), shared_scale=True)

    def wishes(self, data: Any) -> Wishes | None:
        return DreamWishes()

    def made(self, network: Any, data: Any, wishes: Wishes) -> Work[tuple[Made, ...]]:
        assert isinstance(wishes, DreamWishes)
        chance, found = wishes.chance(), list[Made]()
        source = self.training(data)
        for number in range(wishes.count):
            noise = torch.randn(1, SIDE, SIDE, generator=chance)
            image = (network.mean + wishes.spread * network.spread * noise).clamp(-1, 1)
            if wishes.how == "remembered":
                image = (source[number]["image"] + 0.01 * noise).clamp(-1, 1)
            if wishes.how == "broken":
                image = image * torch.nan
            label = (image[0] > 0).numpy().astype(np.int64) if number % 2 else None
            found.append(Made(image.cpu().numpy(), label, number % 10, f"a {number % 10}", {"noise": number}))
            yield Progress(number + 1, wishes.count, "samples made")
        return tuple(found)


TASKS: dict[str, type[Task]] = {"dreamer": Dreamer}


def dreamt(folder: Path) -> Path:
    """Train one; returns its folder."""
    taught(Dreamer(), folder)
    return folder
