"""One thing a network can be taught: its parameters, its losses, what is measured and what is drawn.

A task is a frozen dataclass. It says what is to be learnt and never how: losses are *yielded* as (part, loss), so that
a GAN has the shape of every other task; optimisers, devices, precision and files belong to the trainer.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from medviz.data import DATASETS
from medviz.data.checking.report import Fingerprint
from medviz.data.patches import Sides
from medviz.data.preparation import Preparation
from medviz.figures import Figure
from medviz.imaging.story import ProbeCase, Snapshot
from medviz.imaging.volume import Volume
from medviz.messages import Progress, Work
from medviz.refused import Refused
from medviz.training.fields import OPTIMISERS as OPTIMISERS
from medviz.training.fields import SCHEDULES as SCHEDULES
from medviz.training.fields import BatchSize as BatchSize
from medviz.training.fields import Changes as Changes
from medviz.training.fields import Epochs as Epochs
from medviz.training.fields import Fields
from medviz.training.fields import Mixup as Mixup
from medviz.training.fields import Rate as Rate
from medviz.training.fields import ScheduleName as ScheduleName
from medviz.training.fields import Smoothing as Smoothing
from medviz.training.making import Added, Made, Wishes

Sample = dict[str, Any]
"""One thing to learn from: "image" (channel, x, y[, z]) float32, "label" (x, y[, z]) int64, "name" text ..."""

Batch = dict[str, Any]
"""Samples stacked: tensors get a first axis and lie on the network's device, texts become lists."""


Loss = Tensor | Mapping[str, Tensor]
"""What is made small: a number, or its terms by name ("class", "box"), whose sum is made small and which are a curve
each ("loss/box")."""


class Samples(Protocol):
    """What the trainer asks of a torch Dataset: a length, and the sample as it is, without chance."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...


@runtime_checkable
class DrawnSamples(Protocol):
    """Samples with chance in them (a random patch, augmentation).

    All chance must come from `chance`: the trainer makes it from (seed, epoch, index), so that a run is the same with
    any number of loader processes and after any interruption. Training sets have this beside ``__getitem__``.
    """

    def __len__(self) -> int: ...

    def drawn(self, index: int, chance: np.random.Generator) -> Sample:
        """Return sample `index` with what chance does to it."""
        ...


class SegmentationData(Protocol):
    """What the segmentation task asks of a data set (a frozen dataclass whose fields are parameters).

    `classes` are the names of the labels 1, 2, ...; `channels` those of the image; `dimensions` what it can serve
    (2, 3). Validation samples and probes are whole slices or volumes, not patches.
    """

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the labels 1, 2, ...; 0 is background."""
        ...

    @property
    def channels(self) -> int:
        """Channels of the image."""
        ...

    @property
    def dimensions(self) -> tuple[int, ...]:
        """What it can serve: 2, 3 or both."""
        ...

    def training(self, dimensions: int, patch: Sides, augment: float = 1.0) -> Samples:
        """Patches of `patch` pixels or voxels a side each; `augment` 0 is none, 1 usual, 2 strong."""
        ...

    def validation(self, dimensions: int) -> Samples:
        """Whole slices or volumes that training never sees."""
        ...

    def probes(self, dimensions: int) -> Sequence[Sample]:
        """Return a few validation samples, always the same, for pictures while training."""
        ...

    def preparation(self, dimensions: int, patch: Sides = 0) -> Preparation:
        """How a scan is made ready for a network that was trained on this."""
        ...


class Teller(Protocol):
    """Follows a few whole cases through a training; the story keeps what it says (see `training.story`).

    `kind` is "labels", "classes" or "boxes"; `cases` are plain values for JSON: the "number" of each in the data set,
    never its name, and what else must be known to draw on it.
    """

    @property
    def kind(self) -> str:
        """What is kept of a case."""
        ...

    @property
    def classes(self) -> Sequence[str]:
        """Names of the labels 1, 2, ... or of the classes 0, 1, ..."""
        ...

    @property
    def cases(self) -> Sequence[Mapping[str, Any]]:
        """What is known of each case."""
        ...

    def case(self, place: int) -> ProbeCase:
        """Return the case in a place as a person sees it."""
        ...

    def snapshot(self, network: nn.Module, place: int, device: torch.device) -> Work[Snapshot]:
        """Say what the network (in eval mode) makes of the case in a place."""
        ...


@dataclass(frozen=True)
class Task(Fields):
    """What all tasks share. A subclass gives `data` and `network` its own choice, adds fields, and says what to learn.

    `NAME` is its name in the catalog. `PARTS` are the submodules that have an optimiser each ("" is the whole
    network). `BEST` is the measure by which the best weights are chosen, `HIGHER` whether more of it is better.
    """

    NAME: ClassVar[str] = ""
    PARTS: ClassVar[tuple[str, ...]] = ("",)
    BEST: ClassVar[str] = "validation/loss"
    HIGHER: ClassVar[bool] = False
    USED: ClassVar[str] = "viewer"
    """What its runs are for: "viewer" (they say something of a scan), "samples" (they make new ones), "" (neither)."""
    BACKGROUND: ClassVar[bool] = False
    """Whether label 0 is no class of its own (segmentation)."""

    def data_set(self) -> Any:
        """Build the data set with its parameters."""
        return self.data.build(DATASETS)

    def serving(self, dimensions: int) -> Any:
        """Build the data set; refuses one that does not serve these dimensions (2 or 3)."""
        data = self.data.build(DATASETS)
        if dimensions not in data.dimensions:
            served = " or ".join(f"{count}-D" for count in data.dimensions)
            raise Refused(self.data.name, f"it cannot be learnt from in {dimensions}-D", f"choose {served}")
        return data

    def build(self, data: Any) -> nn.Module:
        """Build the network that suits the data set, with weights from torch's own generator, on the processor."""
        raise TypeError(f"{type(self).__name__} has no build()")

    def training(self, data: Any) -> Samples:
        """Return the samples to learn from."""
        raise TypeError(f"{type(self).__name__} has no training()")

    def validation(self, data: Any) -> Samples:
        """Return the samples that are only measured."""
        raise TypeError(f"{type(self).__name__} has no validation()")

    def probes(self, data: Any) -> Sequence[Sample]:
        """Return a few samples, always the same, for pictures while training."""
        return ()

    def losses(self, network: nn.Module, batch: Batch) -> Iterator[tuple[str, Loss]]:
        """Yield (part, loss); the trainer changes the weights of that part before it asks for the next one."""
        raise TypeError(f"{type(self).__name__} has no losses()")

    def measures(self, network: nn.Module, batches: Sequence[Batch], data: Any) -> Work[Mapping[str, float]]:
        """Measure the network (in eval mode, no gradients) on batches of one; return curve name → value."""
        raise TypeError(f"{type(self).__name__} has no measures()")

    def figures(self, network: nn.Module, probes: Sequence[Batch], data: Any) -> Iterator[Figure]:
        """Draw what the network makes of the probes (eval mode, no gradients, batches of one)."""
        yield from ()

    def told(self, data: Any) -> Teller | None:
        """Return what follows a few whole cases through the training (the epoch scrubber), None for nothing."""
        return None

    def chance(self, data: Any) -> float | None:
        """Loss of a network that knows nothing (ln C for cross-entropy over C classes); None where it is not known."""
        return None

    def smaller(self, data: Any) -> Mapping[str, Any]:
        """Return the fields with which one sample takes less memory; empty where it cannot take less."""
        return {}

    def testing(self, data: Any) -> Samples | None:
        """Return the samples that are measured once, at the end of a run; None where the data set has none apart."""
        return None

    def evaluated(
        self, network: nn.Module, batches: Sequence[Batch], data: Any, group: str
    ) -> Work[list[dict[str, Any]]]:
        """Measure each case alone (eval mode, no gradients); return a row a case: column → number or words.

        `group` is "validation" or "test". A column may have its unit in brackets ("HD95 (mm)"). What begins with "_" is
        for `summarised` and not shown; "_at" is the number that `opened` takes where it is not that of the row.
        """
        rows = []
        for number, batch in enumerate(batches, start=1):
            measured = yield from _as_part(self.measures(network, [batch], data), number - 1, len(batches))
            rows.append({name.removeprefix("validation/"): value for name, value in measured.items()})
            yield Progress(number, len(batches), "cases measured")
        return rows

    def opened(self, network: nn.Module, data: Any, group: str, number: int) -> Work[Mapping[str, Volume]]:
        """Return a case for the viewer: "scan", and "prediction" and "reference" where there are such (eval mode)."""
        yield from ()
        raise Refused(self.NAME, "its cases cannot be opened in the viewer", "look at the probe pictures")

    def summarised(self, rows: Sequence[Mapping[str, Any]]) -> Mapping[str, float]:
        """Measure what is no mean over samples (the area under a ROC curve); the means are taken of all columns."""
        return {}

    def wishes(self, data: Any) -> Wishes | None:
        """Return what may be asked for when its network makes something new; None for a task that makes nothing."""
        return None

    def made(self, network: nn.Module, data: Any, wishes: Wishes) -> Work[tuple[Made, ...]]:
        """Make new samples (eval mode, no gradients, all chance from `wishes.seed`); what it yields is Progress."""
        yield from ()
        raise Refused(self.NAME, "it makes no samples", "choose a run of a task that generates")

    def added(self, data: Any) -> Added | None:
        """Return what makes synthetic samples to be learnt from beside the real ones; None for none."""
        return None

    def proposed(self, found: Fingerprint) -> "tuple[Task, tuple[str, ...]]":
        """Return this task with the parameters that suit the data, and up to two lines that say why."""
        return self, ()

    def rate(self, part: str) -> float:
        """Learning rate of a part before the schedule."""
        return self.learning_rate

    def description(self, data: Any) -> dict[str, Any]:
        """What must be known to run the network on a new scan, as plain values for JSON (no names of cases)."""
        return {"task": self.NAME, "network": {"name": self.network.name, **dict(self.network.values)}}


def _as_part(work: Work[Mapping[str, float]], done: int, total: int) -> Work[Mapping[str, float]]:
    """Let the progress of one case be seen as part of that of all; what is drawn of it alone is left out."""
    while True:
        try:
            message = next(work)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        if isinstance(message, Progress):
            share = message.done / message.total if message.total else 0.0
            yield Progress(done + min(share, 0.99), total, "cases measured")
