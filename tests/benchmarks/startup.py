"""From the start of the process to the first pixels, and to the scan on the screen; on a warm disk."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.measuring import Measured


def measure(times: int = 5) -> dict[str, list[Measured]]:
    """Open the program several times; the first does not count (it warms the disk)."""
    runs = [opened() for _ in range(times + 1)][1:]
    heavy = sorted({name for run in runs for name in run["heavy"]})
    aims = {"imports done": None, "first pixels": 1000.0, "scan on the screen": 2000.0}
    rows = []
    for name, aim in aims.items():
        values = [run[name] for run in runs]
        rows.append(Measured(f"{name}, median of {times}", statistics.median(values), at_most=aim))
        rows.append(Measured(f"{name}, slowest of {times}", max(values)))
    note = ", ".join(heavy)
    rows.append(Measured("heavy packages before the first pixels", len(heavy), "", at_most=0, note=note))
    return {"Start-up": rows}


def opened() -> dict[str, float]:
    """Open the program once, with preferences of its own."""
    with tempfile.TemporaryDirectory() as folder:
        own = {"MEDVIZ_CONFIG": str(Path(folder) / "medviz.ini"), "MEDVIZ_RUNS": str(Path(folder) / "runs")}
        call = [sys.executable, "-m", "tests.benchmarks.opened", repr(time.monotonic())]
        done = subprocess.run(call, capture_output=True, text=True, env={**os.environ, **own}, timeout=120)
    if done.returncode:
        raise RuntimeError(f"the window did not open ({done.returncode}): {done.stderr[-800:]}")
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found
