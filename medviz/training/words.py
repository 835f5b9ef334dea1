"""The sentences a training says of itself."""

import math
from dataclasses import replace

from medviz.messages import Note, Progress
from medviz.training.device import in_words
from medviz.training.learner import Learner
from medviz.training.sampling import Order
from medviz.training.standing import Clock, Standing
from medviz.training.task import Task


def first_words(learner: Learner, order: Order, total: int) -> Note:
    """Say what learns from what, and where."""
    weights = sum(one.numel() for one in learner.network.parameters())
    return Note(
        f"{weights:,} weights learn from {order.count:,} samples in {total:,} steps, "
        f"on {in_words(learner.device)}, {learner.precision.name}"
    )


def last_words(task: Task, now: Standing, total: int, clock: Clock) -> Note:
    """Say how long it took and what came of it."""
    watch = now.watch
    early = "" if now.step >= total else f", ended early after {watch.waited} validations without progress"
    best = "" if watch.best is None else f"; best {task.BEST} {watch.best:.4f} at step {watch.best_step}"
    return Note(f"Trained {now.step} steps in {clock.spent_s():.0f} s{early}{best}")


def progress(now: Standing, total: int, per_epoch: int, clock: Clock) -> Progress:
    """Say how far the run is."""
    epochs = math.ceil(total / per_epoch)
    what = f"epoch {min(now.epoch + 1, epochs)} of {epochs}"
    return Progress(now.step, total, what, clock.left_s(now.step, total))


def within(whole: Progress, part: Progress) -> Progress:
    """Put the progress of a part (a validation) into that of the run: one bar, one time left."""
    return replace(whole, what=f"{whole.what}, {part.what} {part.done:.0f} of {part.total:.0f}")


def in_pieces(task: Task, pieces: int) -> Note:
    """Say that the batch was too large for the memory."""
    whole, part = task.batch, max(1, task.batch // pieces)
    text = f"Out of memory with a batch of {whole}: from now on in pieces of {part}, their gradients added"
    return Note(text, "warning", f"Set batch={part} and accumulation={math.ceil(whole / part)}, or smaller patches")


def gone_back(step: int, culprit: str) -> Note:
    """Say that a loss was no number and what was done about it."""
    why = f"its “{culprit}” holds values that are no numbers" if culprit else "the rate was too high"
    text = f"The loss of step {step} was not a number ({why}): back to the last good weights, rate halved"
    return Note(text, "warning", "Lower the learning rate or clip the gradient if this comes again")
