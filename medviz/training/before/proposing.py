"""A task's own proposal, tried: what it takes is told from a trial, and it is cut down where that is too much."""

from dataclasses import dataclass, field, replace
from typing import Any

from medviz.data.checking.report import Fingerprint
from medviz.messages import Progress, Work
from medviz.training.before.plan import plan
from medviz.training.task import Task
from medviz.training.using.estimating import duration

BUDGET_S = {"cpu": 30 * 60, "cuda": 2 * 3600, "mps": 3600}
"""A first run should not take longer than this on a device; it may be resumed or lengthened."""
_LEAST_EPOCHS = 5


@dataclass(frozen=True)
class Proposal:
    """The task as it proposes itself, two lines that say why, and what `plan` tells of it."""

    task: Task
    lines: tuple[str, ...]
    plan: dict[str, Any] = field(default_factory=dict)


def proposal(task: Task, found: Fingerprint) -> Work[Proposal]:
    """Let a task choose its parameters for data with this fingerprint, and try what they take.

    A batch that does not fit is halved; epochs that take longer than `BUDGET_S` are cut.
    """
    yield Progress(0, 0, "choosing parameters")
    turned, lines = task.proposed(found)
    if not lines:
        return Proposal(task, ())
    yield Progress(0, 0, "trying them on a copy")
    told = plan(turned)
    while not told.get("fits", True) and turned.batch > 1:
        turned = replace(turned, batch=turned.batch // 2)
        yield Progress(0, 0, f"trying batches of {turned.batch}")
        told = plan(turned)
    turned, told = _in_time(turned, told, BUDGET_S[found.hardware.device])
    return Proposal(turned, (*lines[:-1], _finished(lines[-1], turned, told)), told)


def _in_time(task: Task, told: dict[str, Any], budget_s: float) -> tuple[Task, dict[str, Any]]:
    """Cut the epochs so that a run ends in time."""
    seconds, steps = told.get("seconds"), told.get("steps")
    if not seconds or not steps or seconds <= budget_s:
        return task, told
    epochs = max(_LEAST_EPOCHS, int(task.epochs * budget_s / seconds))
    share = epochs / task.epochs
    every = max(1, min(task.validate_every, epochs // _LEAST_EPOCHS))
    turned = replace(task, epochs=epochs, validate_every=every)
    return turned, {**told, "seconds": seconds * share, "steps": round(steps * share)}


def _finished(line: str, task: Task, told: dict[str, Any]) -> str:
    """Write behind the reasons what the trial told: epochs, memory, time."""
    batch, _, rest = line.partition(";")
    if "memory_mib" in told:
        free = f" of {told['free_mib'] / 1024:.1f}" if "free_mib" in told else ""
        batch += f" takes {max(0.1, told['memory_mib'] / 1024):.1f}{free} GB"
    steps = f" ({told['steps']:,} steps)" if "steps" in told else ""
    time = f", {_about(told['seconds'])}" if told.get("seconds") else ""
    return f"{batch};{rest}; {task.epochs} epochs{steps}{time}"


def _about(seconds: float) -> str:
    """Say a time as roughly as it is known."""
    return f"about {round(seconds / 60)} min" if 120 <= seconds < 5400 else f"about {duration(seconds)}"
