"""Which learning rate? On a copy the rate rises from step to step until the loss does (Smith, arXiv:1506.01186)."""

import math

import numpy as np
from numpy.typing import NDArray

from medviz.figures import Curves, Line
from medviz.messages import Note, Progress, Work
from medviz.parameters import Range, parameter
from medviz.training.before.trial import Material, material, untouched
from medviz.training.learner import Learner, TooLarge
from medviz.training.task import Task

LOWEST, HIGHEST, STEPS = 1e-6, 1.0, 100
SMOOTH = 0.9
"""Share of the curve so far in its next point: single batches jump."""
DIVERGED = 4.0
"""So many times the best loss ends the search."""
DRAW_EVERY = 5


def find_rate(task: Task, steps: int = STEPS) -> Work[float]:
    """Propose a learning rate; yields the loss over the rate as Curves "rates" while it grows.

    Works on a copy of the network with random numbers of its own: neither a run nor the process's generators notice.
    """
    rate = yield from untouched(task, _found(task, steps))
    return rate


def _found(task: Task, steps: int) -> Work[float]:
    if len(task.PARTS) > 1:
        text = f"Its {len(task.PARTS)} parts learn against each other: their losses say nothing about the rate"
        yield Note(text, "warning", "Take a rate that is known to work, 0.0002 to 0.002, and watch the samples")
        return task.learning_rate
    yield Progress(0, steps, "reading the data")
    found = material(task)
    learner, rates = found.learner(), np.geomspace(LOWEST, HIGHEST, steps)
    losses: list[float] = []
    for number, rate in enumerate(rates.tolist()):
        loss = _stepped(found, learner, number, rate)
        if loss is None:
            break
        losses.append(loss)
        yield Progress(number + 1, steps, "learning rate finder")
        if number % DRAW_EVERY == 0:
            yield drawn(rates, losses, None)
        if number > steps // 10 and smoothed(losses)[-1] > DIVERGED * smoothed(losses).min():
            break
    proposed = _within(proposal(rates, losses), task)
    yield drawn(rates, losses, proposed)
    yield _words(proposed, task)
    return proposed or task.learning_rate


def _stepped(found: Material, learner: Learner, number: int, rate: float) -> float | None:
    """Make a step with this rate and return its loss (of several parts the sum), None where it is no number."""
    try:
        readings = learner.step(found.batch(number), number, rate / found.task.learning_rate)
    except TooLarge:
        return None
    loss = sum(float(value) for name, value in readings.items() if name.startswith("loss"))
    return loss if math.isfinite(loss) else None


def smoothed(losses: list[float]) -> NDArray[np.float64]:
    """Running mean of the losses, without a bias towards the first."""
    mean, curve = 0.0, []
    for number, loss in enumerate(losses, start=1):
        mean = SMOOTH * mean + (1 - SMOOTH) * loss
        curve.append(mean / (1 - SMOOTH**number))
    return np.array(curve)


def proposal(rates: NDArray[np.float64], losses: list[float]) -> float | None:
    """Rate in the middle of the longest way down, two thirds on (fastai's valley); None where nothing goes down."""
    curve = smoothed(losses)
    lengths = [1] * len(curve)
    for at in range(1, len(curve)):
        shorter = [lengths[before] for before in range(at) if curve[before] > curve[at]]
        lengths[at] = max(shorter, default=0) + 1
    if len(curve) < 10 or max(lengths) < 8:
        return None
    end = int(np.argmax(lengths))
    start = end - max(lengths) + 1
    if curve[end] > 0.98 * curve[: max(1, start + 1)].max():
        return None
    return float(rates[start + (end - start) * 2 // 3])


def _within(rate: float | None, task: Task) -> float | None:
    """Round to two digits, within what the parameter takes."""
    bounds = parameter(task, "learning_rate").mark(Range)
    if rate is None:
        return None
    low, high = (bounds.low, bounds.high) if bounds else (0.0, 1.0)
    return min(max(float(f"{rate:.1e}"), low), high)


def drawn(rates: NDArray[np.float64], losses: list[float], proposed: float | None) -> Curves:
    """Draw loss over rate; the axis counts in powers of ten, with the proposal as the mark."""
    x = np.log10(rates[: len(losses)])
    curve = smoothed(losses)
    top = DIVERGED * float(curve.min()) if len(curve) else 1.0
    lines = (Line("loss", x, np.minimum(np.array(losses), top)), Line("smoothed", x, np.minimum(curve, top)))
    said = f"; proposed {proposed:.2g}" if proposed else ""
    at = math.log10(proposed) if proposed else None
    return Curves("rates", lines, f"loss over learning rate{said}", "learning rate, 10 to the power of", "loss", at=at)


def _words(proposed: float | None, task: Task) -> Note:
    if proposed is None:
        return Note(
            "No rate lowered the loss", "warning", "Try to learn one batch by heart: data and labels may not fit"
        )
    ratio = task.learning_rate / proposed
    said = f"The loss falls well at a rate of {proposed:.2g}; the task has {task.learning_rate:.2g}"
    return Note(said, "warning" if ratio > 10 else "info", "Take a lower rate" if ratio > 10 else "")
