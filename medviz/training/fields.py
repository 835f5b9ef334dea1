"""What all tasks let a person turn: how long and how fast, with which optimiser, against overfitting, on which machine.

A field is the one place where a parameter is described, see `medviz.parameters`; `Task` adds what a task does.
"""

from dataclasses import dataclass
from typing import Annotated

from medviz.data.augment import CHANGES
from medviz.parameters import Choice, File, Group, Live, Part, Range, Settings, Ticks, When

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
LAYOUTS = Choice(("auto", "on", "off"), ("Where it helps", "On", "Off"))
ATTACKS = Choice(("none", "fgsm", "pgd"), ("None", "FGSM (one step)", "PGD (several steps)"))
DEVICES = Choice(("auto", "cpu", "cuda", "mps"), ("Automatic", "Processor", "NVIDIA GPU", "Apple GPU"))

_PHANTOMS, _UNET = Settings("phantoms"), Settings("unet")
_TRAINING, _TRANSFER = Group("Training"), Group("Transfer learning", advanced=True)
_OPTIMISER = Group("Optimiser", advanced=True)
_SCHEDULE, _WATCH = Group("Schedule", advanced=True), Group("Validation and pictures", advanced=True)
_MACHINE, _REGULAR = Group("Machine", advanced=True), Group("Regularisation", advanced=True)

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
Mixup = Annotated[
    float,
    Range(0.0, 2.0),
    _REGULAR,
    Live(),
    "Lays pictures, and their answers, over each other in random shares; 0 never, 0.2 mostly one of them shows, 1 any "
    "share is as likely.",
]
Smoothing = Annotated[
    float, Range(0.0, 0.5), _REGULAR, Live(), "Share of certainty given to the other classes, against over-confidence."
]
Changes = Annotated[
    tuple[str, ...],
    CHANGES,
    Group("Augmentation", advanced=True),
    Live(samples=True),
    "Which random changes are made, as strong as augment says.",
]
OptimiserName = Annotated[str, OPTIMISERS, _OPTIMISER, "How a gradient becomes a change of the weights."]
ScheduleName = Annotated[str, SCHEDULES, _SCHEDULE, "How the learning rate changes during the run."]


@dataclass(frozen=True)
class Fields:
    """The parameters that all tasks share, in the order in which a form shows them."""

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
        str,
        File(folder=True, either=True),
        _TRANSFER,
        "Weights that training begins with: a run, a safetensors or .pt file, a MONAI bundle; empty: from chance.",
    ] = ""
    freeze: Annotated[
        tuple[str, ...], Ticks(), _TRANSFER, "Blocks of the network that keep their weights; the others learn."
    ] = ()
    unfreeze: Annotated[
        int | None,
        Range(1, 10000, unit="epochs", log=True),
        _TRANSFER,
        "Epochs after which the frozen blocks learn too; automatic: they never do.",
    ] = None
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

    l1: Annotated[
        float, Range(0.0, 1.0), _REGULAR, "Pull of all weights to exactly zero, so that few are left (the lasso)."
    ] = 0.0
    ema: Annotated[
        float,
        Range(0.0, 0.9999),
        _REGULAR,
        "Decay of the running mean of the weights that is validated and kept; 0 keeps the weights themselves.",
    ] = 0.0
    adversarial: Annotated[
        str, ATTACKS, _REGULAR, "Learn also from pictures that were changed so as to deceive the network."
    ] = "none"
    attack_strength: Annotated[
        float,
        Range(0.001, 1.0, unit="SD", log=True),
        _REGULAR,
        When("adversarial", "fgsm", "pgd"),
        "How far each pixel may be changed, in standard deviations of the picture.",
    ] = 0.05
    attack_steps: Annotated[
        int, Range(2, 20), _REGULAR, When("adversarial", "pgd"), "Steps of the attack; each costs a pass."
    ] = 3
    attack_share: Annotated[
        float,
        Range(0.05, 1.0),
        _REGULAR,
        When("adversarial", "fgsm", "pgd"),
        "Share of the loss that comes from the changed pictures.",
    ] = 0.5

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
        "Steps between two rounds of probe pictures; automatic: a hundred rounds a run, at most one in 25 steps, "
        "and no more than a 25th of the time.",
    ] = None

    against: Annotated[
        str,
        File(folder=True),
        _WATCH,
        "Another run on the same data: at the end the held-out cases of both are compared one by one, with a 95 % "
        "interval.",
    ] = ""

    device: Annotated[str, DEVICES, _MACHINE, "Where the network runs; automatic takes a GPU where there is one."] = (
        "auto"
    )
    precision: Annotated[
        str, PRECISIONS, _MACHINE, "Mixed precision is faster on a GPU; automatic uses it there and only there."
    ] = "auto"
    workers: Annotated[
        int, Range(0, 32, unit="processes"), _MACHINE, "Processes that prepare samples beside training; 0 is none."
    ] = 0
    channels_last: Annotated[
        str, LAYOUTS, _MACHINE, "Keep the channels of a pixel side by side in memory; quicker on newer GPUs."
    ] = "auto"
    compile: Annotated[
        str,
        LAYOUTS,
        _MACHINE,
        "Translate the network for this machine first (torch.compile): a wait at the start, then quicker steps. "
        "It needs a compiler.",
    ] = "auto"
    deterministic: Annotated[bool, _MACHINE, "Only operations that give the same bits each time; slower on a GPU."] = (
        False
    )
