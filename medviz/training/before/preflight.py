"""A real step before a run, on a copy: whether it fits, how long it takes, and whether the loss begins where it may."""

import math
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psutil
import torch
from torch import Tensor, nn

from medviz.messages import Note, Progress, Work, finished
from medviz.refused import Refused
from medviz.training.before.plan import planned, timed
from medviz.training.before.trial import Material, material, untouched
from medviz.training.device import in_words
from medviz.training.learner import Learner, TooLarge, summed
from medviz.training.sampling import Whole, size_of
from medviz.training.task import Batch, Task

FAR = 1.5
"""A loss that begins at more than so many times that of a network that knows nothing is worth a word."""
NEAR = 0.5
LONG_S = 2.0
_WATCH_S = 0.004


def preflight(task: Task) -> Work[dict[str, Any]]:
    """Make real steps on a copy of the run: what `plan` tells, measured; yields Progress and what to mind as Notes.

    Adds "memory_peak_mib" (measured), "first_loss", "chance_loss" (the loss of answering nothing, on the same samples;
    ln C for C classes and cross-entropy), "seconds_validating" (one validation). Refuses what training would refuse.
    """
    made = yield from untouched(task, _flown(task))
    return made


def _flown(task: Task) -> Work[dict[str, Any]]:
    yield Progress(0, 4, "reading the data")
    found = material(task)
    yield Progress(1, 4, "working out what it takes")
    told = planned(task, found, tried=False)
    if not told["fits"]:
        words = f"{told['memory_mib']:,.0f} MiB are needed and {told['free_mib']:,.0f} MiB are free"
        yield Note(f"It will not fit: {words}", "warning", "Take a smaller batch with accumulation, or smaller patches")
        return told
    yield Progress(2, 4, "making two real steps")
    learner = found.learner()
    told |= _measured(found, learner)
    yield Progress(3, 4, "measuring one validation sample")
    told |= _validated(found, learner)
    _reckon(task, told)
    yield from _words(found, told)
    yield Progress(4, 4, "done")
    return told


def _measured(found: Material, learner: Learner) -> dict[str, Any]:
    """Make two steps: the first shows the loss at the start and the memory, the second the time."""
    began_s = time.perf_counter()
    batches = found.batch(0)
    loading_s = time.perf_counter() - began_s
    told: dict[str, Any] = {"seconds_loading": loading_s, **_losses(found.task, learner, batches)}
    try:
        with _peak(found.device, learner) as peak:
            learner.step(batches, 0, 1.0)
        told["seconds_computing"] = timed(found.device, learner, batches, 1)
    except TooLarge as problem:
        fault = "not even one sample at a time fits into the memory"
        raise Refused(in_words(found.device), fault, "take smaller patches or a smaller network") from problem
    return {**told, "memory_peak_mib": peak[0] / 2**20, "pieces": learner.pieces}


def _losses(task: Task, learner: Learner, batches: Sequence[Batch]) -> dict[str, float]:
    """Loss at the start, and of a network that answers nothing, on the first batch; nothing where it has parts."""
    batch = batches[0]
    bad = next((name for name, one in batch.items() if isinstance(one, Tensor) and _no_number(one)), None)
    if bad is not None:
        fault = f"its “{bad}” holds values that are no numbers"
        raise Refused(task.data.name, fault, "run the check of the data set and leave these cases out")
    if task.PARTS != ("",):
        return {}
    few = {name: value[:8] if hasattr(value, "__getitem__") else value for name, value in batch.items()}
    first, plain = _loss(task, learner, few)
    told = {"first_loss": first}
    if not plain:  # of terms (borders of boxes) zeros are no answer that a network gives by chance
        return {name: value for name, value in told.items() if math.isfinite(value)}
    hook = learner.network.register_forward_hook(lambda module, given, answer: _nothing(answer))
    try:
        told["chance_loss"], _ = _loss(task, learner, few)
    finally:
        hook.remove()
    return {name: value for name, value in told.items() if math.isfinite(value)}


def _loss(task: Task, learner: Learner, batch: Batch) -> tuple[float, bool]:
    """Return the loss of a batch, and whether it is a plain number and not made of named terms."""
    state = {name: value.clone() for name, value in learner.network.state_dict().items()}
    with torch.no_grad(), learner.precision.autocast(learner.device):
        losses = [loss for _, loss in task.losses(learner.network, batch)]
    learner.network.load_state_dict(state)  # batch statistics moved
    return sum(float(summed(loss)[0]) for loss in losses), all(isinstance(loss, Tensor) for loss in losses)


def _nothing(answer: Any) -> Any:
    """Zeros in place of whatever the network answered: all classes alike."""
    if isinstance(answer, Tensor):
        return torch.zeros_like(answer)
    if isinstance(answer, dict):
        return {name: _nothing(one) for name, one in answer.items()}
    return type(answer)(_nothing(one) for one in answer) if isinstance(answer, list | tuple) else answer


def _validated(found: Material, learner: Learner) -> dict[str, float]:
    """Time one sample of the validation, as the trainer would measure it."""
    samples = found.task.validation(found.data)
    if not len(samples):
        return {}
    network: nn.Module = learner.judged.eval()
    seconds = math.inf
    for _ in range(2):  # the first time caches are cold; of a long one once is enough
        began_s = time.perf_counter()
        with torch.no_grad(), learner.precision.autocast(found.device):
            finished(found.task.measures(network, Whole([samples[0]], found.device), found.data))
        seconds = min(seconds, time.perf_counter() - began_s)
        if seconds > LONG_S:
            break
    learner.network.train()
    return {"validation_samples": len(samples), "seconds_validating": seconds * len(samples)}


def _reckon(task: Task, told: dict[str, Any]) -> None:
    """Put the measured times in the place of the estimated ones; validation counts."""
    loading_s, computing_s = told["seconds_loading"], told["seconds_computing"]
    told["seconds_per_step"] = max(computing_s, loading_s / task.workers) if task.workers else computing_s + loading_s
    validating_s = told.get("seconds_validating", 0.0)
    told["seconds_per_epoch"] = told["seconds_per_step"] * told["steps_per_epoch"] + validating_s / task.validate_every
    told["seconds"] = told["seconds_per_epoch"] * told["steps"] / told["steps_per_epoch"]


def _words(found: Material, told: dict[str, Any]) -> Iterator[Note]:
    """Say what a person should mind before the run begins."""
    first, chance = told.get("first_loss"), told.get("chance_loss")
    if first is not None and chance:
        yield from _beginning(first, chance, size_of(found.batch(0)[0]))
    if told["pieces"] > 1:
        words = f"Memory ran out: batches will be cut into {told['pieces']} pieces, their gradients added"
        yield Note(words, "warning", f"Set batch={max(1, found.task.batch // told['pieces'])} with accumulation")
    if not found.task.workers and told["seconds_loading"] > max(0.02, told["seconds_computing"]):
        words = f"Loading takes {told['seconds_loading']:.2f} s a step, learning {told['seconds_computing']:.2f} s"
        yield Note(words, "warning", "Set workers to 2 or more, so that samples are prepared beside the steps")
    validating_s = told.get("seconds_validating", 0.0)
    learning_s = told["seconds_per_epoch"] * found.task.validate_every
    if validating_s > 0.5 * learning_s and validating_s > 30:
        words = f"A validation takes about {validating_s:.0f} s, most of the time of an epoch"
        yield Note(words, "warning", "Validate less often (validate_every)")


def _beginning(first: float, chance: float, size: int) -> Iterator[Note]:
    classes = round(math.exp(chance)) if chance < 12 else 0
    is_log = classes > 1 and abs(chance - math.log(classes)) < 1e-3
    known = f"{chance:.3f} = ln {classes}" if is_log else f"{chance:.3f}"
    said = f"The loss begins at {first:.3f}; a network that knows nothing has {known}"
    if chance > 0 and first > FAR * chance:
        yield Note(said, "warning", "Check the normalisation of the input and the weights it begins with")
    elif 0 < first < NEAR * chance and size > 1:
        yield Note(said, "warning", "Is the answer part of the input, or has nearly every sample the same one?")
    else:
        yield Note(said)


def _no_number(tensor: Tensor) -> bool:
    return tensor.is_floating_point() and not bool(tensor.isfinite().all())


@contextmanager
def _peak(where: torch.device, learner: Learner) -> Iterator[list[float]]:
    """Measure the height of the memory with the weights (bytes), on a GPU exactly, else looked at every 4 ms."""
    held = [0.0]
    if where.type == "cuda":
        torch.cuda.reset_peak_memory_stats(where)
        yield held
        torch.cuda.synchronize(where)
        held[0] = float(torch.cuda.max_memory_allocated(where))
        return
    process, done = psutil.Process(), threading.Event()
    weights = sum(one.numel() * one.element_size() for one in learner.network.parameters())
    before = process.memory_info().rss - weights

    def look() -> None:
        while not done.wait(_WATCH_S):
            held[0] = max(held[0], float(process.memory_info().rss - before))

    watching = threading.Thread(target=look, name="memory", daemon=True)
    watching.start()
    try:
        yield held
    finally:
        done.set()
        watching.join()
        held[0] = max(held[0], float(process.memory_info().rss - before))
