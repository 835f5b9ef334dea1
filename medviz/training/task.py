"""One thing a network can be taught: its parameters, its losses, what is measured and what is drawn.

A task is a frozen dataclass. It says what is to be learnt and never how: losses are *yielded* as (part, loss), so that
a GAN has the shape of every other task; optimisers, devices, precision and files belong to the trainer.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Protocol, runtime_checkable

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
from medviz.parameters import Choice, File, Group, Live, Part, Range, Settings, When
from medviz.refused import Refused

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


OPTIMISERS = Choice(
    ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw"),
    ("SGD", "SGD with momentum", "Nesterov", "Adagrad", "RMSprop", "Adam", "AdamW"),
)
SCHEDULES = Choice(
    ("constant", "step", "cosine", "one-cycle", "plateau", "warm-up", "poly"),
    ("Constant", "Steps down", "Cosine", "One cycle", "Down on a plateau", "Warm-up, then cosine", "Polynomial"),
)
PRECISIONS = Choice(
    ("auto", "32", "bf16", "fp16"), ("Automatic", "32 bit", "Mixed, bfloat16", "Mixed, float16 with loss scaling")
)
DEVICES = Choice(("auto", "cpu", "cuda", "mps"), ("Automatic", "Processor", "NVIDIA GPU", "Apple GPU"))

_PHANTOMS, _UNET = Settings("phantoms"), Settings("unet")
_TRAINING, _OPTIMISER = Group("Training"), Group("Optimiser", advanced=True)
_SCHEDULE, _WATCH = Group("Schedule", advanced=True), Group("Validation and pictures", advanced=True)
_MACHINE = Group("Machine", advanced=True)

# A task that begins with another value says `epochs: Epochs = 8`; range, unit and help stand here.
Epochs = Annotated[
    int, Range(1, 10000, unit="epochs", log=True), _TRAINING, "How often training goes through all samples."
]
BatchSize = Annotated[
    int, Range(1, 512, unit="samples", log=True), _TRAINING, "Samples seen at once; more needs more memory."
]
Rate = Annotated[
    float,
    Range(1e-6, 1.0, log=True),
    _TRAINING,
    "How far the weights move along the gradient; too high diverges, too low crawls.",
]
OptimiserName = Annotated[str, OPTIMISERS, _OPTIMISER, "How a gradient becomes a change of the weights."]
ScheduleName = Annotated[str, SCHEDULES, _SCHEDULE, "How the learning rate changes during the run."]


@dataclass(frozen=True)
class Task:
    """What all tasks share. A subclass gives `data` and `network` its own choice, adds fields, and says what to learn.

    `NAME` is its name in the catalog. `PARTS` are the submodules that have an optimiser each ("" is the whole
    network). `BEST` is the measure by which the best weights are chosen, `HIGHER` whether more of it is better.
    """

    NAME: ClassVar[str] = ""
    PARTS: ClassVar[tuple[str, ...]] = ("",)
    BEST: ClassVar[str] = "validation/loss"
    HIGHER: ClassVar[bool] = False
    BACKGROUND: ClassVar[bool] = False
    """Whether label 0 is no class of its own (segmentation)."""

    data: Annotated[Settings, Part("datasets"), Group("Data"), "What to learn from."] = _PHANTOMS
    network: Annotated[Settings, Part("networks"), Group("Network"), "What learns."] = _UNET

    epochs: Epochs = 20
    steps: Annotated[
        int | None,
        Range(1, 10_000_000, unit="steps", log=True),
        _TRAINING,
        "Ends after so many changes of the weights, whatever the epochs; automatic: the epochs decide.",
    ] = None
    batch: BatchSize = 8
    learning_rate: Rate = 1e-3
    start: Annotated[
        str, File(folder=True), _TRAINING, "A run whose weights training begins with; empty: from chance."
    ] = ""
    seed: Annotated[
        int, Range(0, 2**31 - 1), _TRAINING, "Start of all chance; the same seed gives the same run on one machine."
    ] = 0

    optimiser: OptimiserName = "adamw"
    momentum: Annotated[
        float,
        Range(0.0, 0.999),
        _OPTIMISER,
        When("optimiser", "momentum", "nesterov", "rmsprop", "adam", "adamw"),
        "Share of the last change that is kept (beta 1 of Adam).",
    ] = 0.9
    weight_decay: Annotated[
        float, Range(0.0, 1.0), _OPTIMISER, "Pull of all weights towards zero, against overfitting."
    ] = 1e-4
    clip: Annotated[
        float, Range(0.0, 1000.0), _OPTIMISER, Live(), "Longest gradient that is let through; 0 lets all through."
    ] = 0.0
    accumulation: Annotated[
        int,
        Range(1, 64, unit="batches"),
        _OPTIMISER,
        "Batches whose gradients are added before the weights change: a large batch in little memory.",
    ] = 1
    ema: Annotated[
        float,
        Range(0.0, 0.9999),
        _OPTIMISER,
        "Decay of the running mean of the weights that is validated and kept; 0 keeps the weights themselves.",
    ] = 0.0

    schedule: ScheduleName = "cosine"
    warm_up: Annotated[
        float,
        Range(0.0, 0.5),
        _SCHEDULE,
        When("schedule", "warm-up", "one-cycle"),
        "Share of the run during which the rate rises.",
    ] = 0.1
    drop: Annotated[
        float,
        Range(0.01, 0.9),
        _SCHEDULE,
        When("schedule", "step", "plateau"),
        "What the rate is multiplied with when it goes down.",
    ] = 0.3
    drops: Annotated[
        int, Range(1, 10, unit="times"), _SCHEDULE, When("schedule", "step"), "How often the rate goes down in a run."
    ] = 3
    wait: Annotated[
        int,
        Range(1, 100, unit="validations"),
        _SCHEDULE,
        When("schedule", "plateau"),
        "Validations without progress before the rate goes down.",
    ] = 3

    validate_every: Annotated[int, Range(1, 100, unit="epochs"), _WATCH, Live(), "Epochs between two validations."] = 1
    patience: Annotated[
        int | None,
        Range(1, 1000, unit="validations"),
        _WATCH,
        Live(),
        "Validations without progress before the run ends early; automatic: it never does.",
    ] = None
    probe_every: Annotated[
        int | None,
        Range(1, 10000, unit="steps", log=True),
        _WATCH,
        Live(),
        "Steps between two rounds of probe pictures; automatic: a hundred rounds a run, at most one in 25 steps.",
    ] = None

    device: Annotated[str, DEVICES, _MACHINE, "Where the network runs; automatic takes a GPU where there is one."] = (
        "auto"
    )
    precision: Annotated[
        str, PRECISIONS, _MACHINE, "Mixed precision is faster on a GPU; automatic uses it there and only there."
    ] = "auto"
    workers: Annotated[
        int, Range(0, 32, unit="processes"), _MACHINE, "Processes that prepare samples beside training; 0 is none."
    ] = 0
    deterministic: Annotated[bool, _MACHINE, "Only operations that give the same bits each time; slower on a GPU."] = (
        False
    )

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
            measured = yield from self.measures(network, [batch], data)
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

    def proposed(self, found: Fingerprint) -> "tuple[Task, tuple[str, ...]]":
        """Return this task with the parameters that suit the data, and up to two lines that say why."""
        return self, ()

    def rate(self, part: str) -> float:
        """Learning rate of a part before the schedule."""
        return self.learning_rate

    def description(self, data: Any) -> dict[str, Any]:
        """What must be known to run the network on a new scan, as plain values for JSON (no names of cases)."""
        return {"task": self.NAME, "network": {"name": self.network.name, **dict(self.network.values)}}
