"""Small things to be learnt, with all that a run must keep: dropout, batch statistics, chance in the data."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medviz.figures import Figure, Picture
from medviz.messages import Message, Progress, Scalar, Work, finished
from medviz.training import checkpoints
from medviz.training.run import weights
from medviz.training.task import Batch, Sample, Samples, Task
from medviz.training.trainer import train


@dataclass(frozen=True)
class Clouds:
    """Points round two centres; `drawn` shakes them."""

    count: int = 24
    first: int = 0
    shake: float = 1.0

    classes: ClassVar[tuple[str, ...]] = ("one",)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Sample:
        chance = np.random.default_rng((7, self.first + index))
        kind = index % 2
        at = chance.normal(size=4) + (1.5 if kind else -1.5)
        return {"image": torch.tensor(at, dtype=torch.float32), "label": kind, "name": f"Jane Roe {index}"}

    def drawn(self, index: int, chance: np.random.Generator) -> Sample:
        sample = self[index]
        shaken = torch.tensor(chance.normal(size=4) * 0.3 * self.shake, dtype=torch.float32)
        return {**sample, "image": sample["image"] + shaken}


@dataclass(frozen=True)
class Toy(Task):
    """Tell two clouds apart."""

    NAME: ClassVar[str] = "toy"

    epochs: int = 4
    batch: int = 4
    learning_rate: float = 1e-2
    device: str = "cpu"

    def data_set(self) -> Clouds:
        return Clouds()

    def build(self, data: Any) -> nn.Module:
        return nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 2))

    def training(self, data: Clouds) -> Samples:
        return data

    def validation(self, data: Clouds) -> Samples:
        return Clouds(6, 1000)

    def probes(self, data: Clouds) -> Sequence[Sample]:
        return [self.validation(data)[0]]

    def losses(self, network: nn.Module, batch: Batch) -> Iterator[tuple[str, Tensor]]:
        yield "", F.cross_entropy(network(batch["image"]), batch["label"])

    def measures(self, network: nn.Module, batches: Sequence[Batch], data: Any) -> Work[Mapping[str, float]]:
        total = 0.0
        for number, batch in enumerate(batches, start=1):
            total += float(F.cross_entropy(network(batch["image"]), batch["label"]))
            yield Progress(number, len(batches), "validation")
        return {"validation/loss": total / len(batches)}

    def figures(self, network: nn.Module, probes: Sequence[Batch], data: Any) -> Iterator[Figure]:
        shares = network(probes[0]["image"]).float().softmax(1).numpy()
        yield Picture("shares", shares, "Shares", levels=(0.0, 1.0), labels=(shares > 0.5).astype(np.uint8))


class Pair(nn.Module):
    """A generator of points and a judge of them."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = nn.Linear(2, 4)
        self.discriminator = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))


@dataclass(frozen=True)
class Forger(Toy):
    """A GAN: two parts, each with its own loss."""

    NAME: ClassVar[str] = "forger"
    PARTS: ClassVar[tuple[str, ...]] = ("discriminator", "generator")

    def build(self, data: Any) -> nn.Module:
        return Pair()

    def losses(self, network: Any, batch: Batch) -> Iterator[tuple[str, Tensor]]:
        real = batch["image"]
        fake = network.generator(torch.randn(len(real), 2))
        judge = network.discriminator
        yield "discriminator", (F.softplus(-judge(real)) + F.softplus(judge(fake.detach()))).mean()
        yield "generator", F.softplus(-judge(fake)).mean()

    def measures(self, network: Any, batches: Sequence[Batch], data: Any) -> Work[Mapping[str, float]]:
        yield Progress(1, 1, "validation")
        return {"validation/loss": float(network.discriminator(batches[0]["image"]).mean())}

    def figures(self, network: nn.Module, probes: Sequence[Batch], data: Any) -> Iterator[Figure]:
        yield from ()


def taught(task: Task, folder: Path, resume: bool = False) -> list[Message]:
    """Train to the end and return all that was said."""
    said: list[Message] = []
    finished(train(task, folder, resume), said.append)
    return said


def digest(folder: Path) -> str:
    """What the last checkpoint holds of the learner, as one SHA-256."""
    state = checkpoints.read(folder / "checkpoints" / "last.safetensors")
    return checkpoints.weights_digest(dict(_flat("", state["learner"])))


def best_digest(folder: Path) -> str:
    return checkpoints.weights_digest(weights(folder)[0])


def step_of(folder: Path) -> int:
    return int(checkpoints.read(folder / "checkpoints" / "last.safetensors")["standing"]["step"])


def curve(said: Sequence[Message], name: str) -> dict[int, float]:
    return {one.step: one.value for one in said if isinstance(one, Scalar) and one.name == name}


def _flat(path: str, value: Any) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield path, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _flat(f"{path}/{name}", inner)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _flat(f"{path}/{number}", inner)
