"""Numbers of a training in words a person reads."""

from collections.abc import Mapping
from typing import Any


def duration(seconds: float) -> str:
    """Write seconds as "0:41" or "1:02:05"."""
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, last = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{last:02}" if hours else f"{minutes}:{last:02}"


def about(seconds: float) -> str:
    """Write an estimate: "about 40 s", "about 9 min", "about 3.5 h"."""
    if seconds < 90:
        return f"about {max(1, round(seconds))} s"
    return f"about {round(seconds / 60)} min" if seconds < 5400 else f"about {seconds / 3600:.1f} h"


def memory(size_bytes: float) -> str:
    """Write an amount of memory in MB or GB."""
    return f"{size_bytes / 1e9:.1f} GB" if size_bytes >= 1e9 else f"{max(1, round(size_bytes / 1e6))} MB"


def count(number: float) -> str:
    """Write a large count short: "482,000" as "482 k", "31,030,658" as "31.0 M"."""
    for limit, unit in ((1e6, "M"), (1e3, "k")):
        if number >= limit:
            value = number / limit
            return f"{value:.1f} {unit}" if value < 100 else f"{value:.0f} {unit}"
    return f"{number:.0f}"


def ago(seconds: float) -> str:
    """Write how long ago something was."""
    for limit, unit, name in ((90, 1, "s"), (5400, 60, "min"), (129600, 3600, "h")):
        if seconds < limit:
            return "just now" if seconds < 5 else f"{round(seconds / unit)} {name} ago"
    return f"{round(seconds / 86400)} days ago"


def plan_in_words(plan: Mapping[str, Any], task: Any) -> str:
    """Write what a run will take: weights, samples, steps, patch, memory, time.

    `plan` holds "parameters", "training_samples", "steps", "seconds", "memory_mib", "device"; what it does not hold is
    left out, so that a task alone gives a line too.
    """
    parts = []
    if "parameters" in plan:
        parts.append(f"{count(plan['parameters'])} weights")
    if "training_samples" in plan:
        parts.append(f"{plan['training_samples']:,} samples to learn from")
    batch, patch = getattr(task, "batch", None), getattr(task, "patch", None)
    if batch:
        size = "×".join([str(patch)] * getattr(task, "dimensions", 2)) if patch else ""
        parts.append(f"batches of {batch}" + (f" patches {size}" if size else ""))
    if "steps" in plan:
        parts.append(f"{plan['steps']:,} steps in {task.epochs} epochs")
    elif getattr(task, "epochs", None):
        parts.append(f"{task.epochs} epochs")
    if "memory_mib" in plan:
        parts.append(f"{memory(plan['memory_mib'] * 2**20)} of memory")
    if "seconds" in plan:
        where = f" on {plan['device']}" if "device" in plan else ""
        parts.append(f"{about(plan['seconds'])}{where}")
    return " · ".join(parts)
