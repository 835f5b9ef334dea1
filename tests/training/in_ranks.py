"""A child of test_ranks under torchrun: what each of the processes does. `python in_ranks.py FOLDER`."""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medviz.messages import Scalar, finished
from medviz.refused import Refused
from medviz.training.asked import RATE
from medviz.training.helping import help_along
from medviz.training.orders import Orders
from medviz.training.ranks import Helper, Leader, joined
from medviz.training.task import Batch
from medviz.training.trainer import train
from tests.training.toys import Forger, Toy


@dataclass(frozen=True)
class Plain(Toy):
    """The toy without what differs between a batch and its shares: dropout and batch norm."""

    def build(self, data: Any) -> nn.Module:
        return nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))


@dataclass(frozen=True)
class PlainForger(Forger):
    """The two parts of a GAN, with the same noise whoever has the sample."""

    def losses(self, network: Any, batch: Batch) -> Iterator[tuple[str, Tensor]]:
        real = batch["image"]
        fake = network.generator(real[:, :2])
        judge = network.discriminator
        yield "discriminator", (F.softplus(-judge(real)) + F.softplus(judge(fake.detach()))).mean()
        yield "generator", F.softplus(-judge(fake)).mean()


TASKS = {
    "plain": Plain(epochs=3, batch=5, clip=1.0),
    "accumulated": Plain(epochs=2, batch=4, accumulation=2, ema=0.9, optimiser="momentum"),
    "forger": PlainForger(epochs=2, batch=4),
    "batch norm": Toy(epochs=2),
}


def shared(folder: Path) -> None:
    """Teach each task with the others' help; "plain" is stopped and taken up again. One dies at last."""
    with joined(torch.device("cpu")) as first:
        for name, task in TASKS.items():
            ranks = type(first)()
            if isinstance(ranks, Helper):
                finished(help_along(task, ranks))
                if name == "plain":
                    finished(help_along(task, Helper()))
                continue
            work = train(task, folder / name, ranks=ranks)
            if name == "plain":
                while getattr(next(work), "step", 0) < 7:
                    pass
                work.close()
                work = train(task, folder / name, resume=True, ranks=Leader())
            finished(work)
        ordered = type(first)()
        if isinstance(ordered, Helper):
            finished(help_along(TASKS["plain"], ordered))
        else:
            told(folder / "ordered", ordered)
        dying(folder / "dying", type(first)())


def told(folder: Path, ranks: Any = None) -> None:
    """Half of the rate is ordered after the fifth step, by who is in the leader's process."""
    orders = Orders(folder)
    for message in train(TASKS["plain"], folder, orders=orders, ranks=ranks):
        if isinstance(message, Scalar) and message.name == "train/loss" and message.step == 5:
            orders.put(RATE, 0.5)


def dying(folder: Path, ranks: Any) -> None:
    """The second process dies without a word in its fourth step."""
    if isinstance(ranks, Helper):
        for message in help_along(TASKS["plain"], ranks):
            if getattr(message, "done", 0) == 3:
                os._exit(9)
    try:
        finished(train(TASKS["plain"], folder, ranks=ranks))
    except Refused as refusal:
        print(f"refused: {refusal}", flush=True)
        sys.exit(2)


if __name__ == "__main__":
    shared(Path(sys.argv[1]))
