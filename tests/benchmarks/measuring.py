"""What a measurement is, and how it is told."""

import json
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import psutil


@dataclass(frozen=True)
class Measured:
    """One number: what was measured, in which unit, and what it should be (`at_most` or `at_least`)."""

    what: str
    value: float
    unit: str = "ms"
    at_most: float | None = None
    at_least: float | None = None
    note: str = ""

    @property
    def ok(self) -> bool | None:
        """Whether the aim is met; None where there is none."""
        if self.at_most is not None:
            return self.value <= self.at_most
        return None if self.at_least is None else self.value >= self.at_least


def percentiles(what: str, values: Sequence[float], aims: dict[int, float] | None = None) -> list[Measured]:
    """Return p50, p95 and p99 of times in ms."""
    aims = aims or {}
    return [Measured(f"{what} p{p}", float(np.percentile(values, p)), at_most=aims.get(p)) for p in (50, 95, 99)]


def timed_ms(call: Callable[[], object]) -> float:
    """How long a call takes."""
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


def worked_ms(call: Callable[[], object]) -> tuple[float, float]:
    """How long a call takes, and how much of that this thread worked (other processes do not count)."""
    began, worked = time.perf_counter(), time.thread_time()
    call()
    took = (time.perf_counter() - began) * 1000
    # the clock of a thread ticks 64 times a second on Windows: too coarse for a step
    return took, took if sys.platform == "win32" else (time.thread_time() - worked) * 1000


def busy_percent() -> float:
    """How much of all cores others use now."""
    return psutil.cpu_percent(interval=2.0)


def table(groups: dict[str, list[Measured]]) -> str:
    """Return the measurements as a table for a terminal."""
    lines = []
    for name, rows in groups.items():
        lines += ["", name, "-" * len(name)]
        for row in rows:
            aim = f"≤ {row.at_most:g}" if row.at_most is not None else ""
            aim = f"≥ {row.at_least:g}" if row.at_least is not None else aim
            verdict = {None: "", True: "met", False: "MISSED"}[row.ok]
            lines.append(f"  {row.what:<72}{row.value:>9.2f} {row.unit:<8}{aim:>8}  {verdict:<7}{row.note}".rstrip())
    return "\n".join(lines)


def kept(groups: dict[str, list[Measured]], path: Path, busy: float) -> None:
    """Write the measurements and the machine they were made on as JSON."""
    machine = {
        "system": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "used_by_others_before_percent": busy,
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "numpy", "PySide6-Essentials", "pyqtgraph")},
    }
    measured = {name: [{**asdict(row), "ok": row.ok} for row in rows] for name, rows in groups.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"machine": machine, "measured": measured}, indent=1), encoding="utf-8")
