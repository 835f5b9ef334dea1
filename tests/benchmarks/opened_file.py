"""A child of `opening`: reads one file in one way, and tells how long it took and what memory."""

import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil


def watched(read: Callable[[], None]) -> float:
    """Run it; return how many MB the process took at the most beyond what it had before."""
    process, done = psutil.Process(), threading.Event()
    before = most = process.memory_info().rss

    def watch() -> None:
        nonlocal most
        while not done.wait(0.002):
            most = max(most, process.memory_info().rss)

    thread = threading.Thread(target=watch)
    thread.start()
    read()
    most = max(most, process.memory_info().rss)
    done.set()
    thread.join()
    return (most - before) / 1e6


def by_medviz(path: Path) -> dict[str, float]:
    from medviz.figures import Picture
    from medviz.imaging.readers import READERS, read

    READERS["nifti"]
    seen: dict[str, float] = {}
    kept = []

    def run() -> None:
        began = time.perf_counter()
        work = read(path)
        while True:
            try:
                message = next(work)
            except StopIteration as end:
                kept.append(end.value)
                break
            if isinstance(message, Picture) and "first_ms" not in seen:
                seen["first_ms"] = (time.perf_counter() - began) * 1000
        seen["all_ms"] = (time.perf_counter() - began) * 1000
        seen.setdefault("first_ms", seen["all_ms"])

    return {"peak_mb": watched(run), **seen}


def by_nibabel(path: Path, how: str) -> dict[str, float]:
    import nibabel as nib
    import numpy as np

    kept = []
    began = time.perf_counter()
    image = nib.load(path)
    peak = watched(lambda: kept.append(image.get_fdata() if how == "get_fdata" else np.asanyarray(image.dataobj)))
    return {"all_ms": (time.perf_counter() - began) * 1000, "peak_mb": peak}


def frames(path: Path) -> dict[str, float]:
    from medviz.imaging.readers import nifti, read
    from medviz.messages import finished

    nifti.LONG_BYTES = 1 << 20
    seen: dict[str, float] = {}

    def timed(name: str, call: Callable[[], object]) -> object:
        began = time.perf_counter()
        made = call()
        seen[name] = (time.perf_counter() - began) * 1000
        return made

    def run() -> None:
        scan = timed("first_ms", lambda: finished(read(path, lazily=True)))
        middle = scan.frames // 2  # type: ignore[attr-defined]
        timed("middle_ms", lambda: finished(scan.pending.load(middle)))  # type: ignore[attr-defined]
        timed("again_ms", lambda: finished(scan.pending.load(middle - 1)))  # type: ignore[attr-defined]

    return {"peak_mb": watched(run), **seen}


if __name__ == "__main__":
    way, place = sys.argv[1], Path(sys.argv[2])
    made = by_medviz(place) if way == "medviz" else frames(place) if way == "frame" else by_nibabel(place, way)
    print(json.dumps(made))
