"""Training beside a window: how late the window is, and what the window costs the training; one torch thread."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.benchmarks.measuring import Measured, percentiles


def measure(steps: int = 160, rounds: int = 3) -> dict[str, list[Measured]]:
    """Train the same 2-D U-Net three ways, in turns, so that a busy moment hits all alike."""
    found: dict[str, list[dict[str, Any]]] = {"plain": [], "headless": [], "window": []}
    for _ in range(rounds):
        for way, runs in found.items():
            runs.append(taught(way, steps))

    def steps_per_s(way: str, key: str = "steps_per_s") -> float:
        return statistics.median(run[key] for run in found[way])

    alone = steps_per_s("headless")
    throughput = [
        Measured("a plain loop", steps_per_s("plain"), "steps/s"),
        Measured("medviz without a window", alone, "steps/s"),
        Measured("medviz in the window, Train in front", steps_per_s("window"), "steps/s"),
        Measured("medviz in the window, scan scrolled", steps_per_s("window", "steps_per_s_scrolled"), "steps/s"),
        Measured("engine / plain loop", alone / steps_per_s("plain"), "×", at_least=0.95),
        Measured("window / no window, Train in front", steps_per_s("window") / alone, "×", at_least=0.9),
        Measured("window / no window, scan scrolled", steps_per_s("window", "steps_per_s_scrolled") / alone, "×"),
    ]
    late = [value for run in found["window"] for value in run["late_ms"]]
    scrolled = [value for run in found["window"] for value in run["late_scrolled_ms"]]
    lateness = [
        *percentiles("Train in front", late, {99: 33.0}),
        Measured("Train in front, latest", max(late)),
        *percentiles("scan scrolled 25 times a second", scrolled, {99: 33.0}),
        Measured("scan scrolled, latest", max(scrolled)),
    ]
    return {
        f"Training a 2-D U-Net, one torch thread, median of {rounds}": throughput,
        "Lateness of the window's event loop while it trains": lateness,
    }


def taught(way: str, steps: int) -> dict[str, Any]:
    """Train once in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        own = {"MEDVIZ_CONFIG": str(Path(folder) / "medviz.ini"), "MEDVIZ_RUNS": str(Path(folder) / "runs")}
        threads = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
        call = [sys.executable, "-m", "tests.benchmarks.taught", way, str(steps)]
        done = subprocess.run(call, capture_output=True, text=True, env={**os.environ, **threads, **own}, timeout=900)
    if done.returncode:
        raise RuntimeError(f"training ({way}) broke: {done.stderr[-1200:]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found
