"""Runs that wait for their turn, as plain files: they survive whatever is restarted, and any program can read them.

A run that waits is a folder with a recipe (``task.toml``) and a heartbeat that says "queued". One process at a time
holds the lock of the queue and starts one run after the other, each in a process of its own; when it is killed the run
goes on, and whoever serves the queue next waits for it. Nothing here imports torch.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from medviz.imaging.storage import opening, replacing
from medviz.messages import Note, Progress, Work
from medviz.refused import Refused
from medviz.training.elsewhere.launching import LOG, last_line, launched

QUEUED = "queued"
GOING = ("training", "paused")
QUIET_S, POLL_S = 30.0, 1.0
_LOCK, _LOG, _WOKEN = ".queue.lock", ".queue.log", ".queue.woken"


def queued(runs: Path) -> tuple[Path, ...]:
    """List the runs that wait, the first to come first."""
    waiting = [(float(said.get("queued_at", 0.0)), folder) for folder, said in _states(runs) if _waits(said)]
    return tuple(folder for _, folder in sorted(waiting))


def wait(folder: Path, recipe: str | None = None) -> None:
    """Put a run behind those that wait: a new one with this recipe, or one that was stopped, to go on.

    Refuses a folder that holds another run, and one that goes.
    """
    said = state_of(folder)
    if recipe is not None and (folder / "task.toml").exists():
        raise Refused(folder, "there is a run in it already", "resume it or choose a new folder")
    if recipe is None and not (folder / "task.toml").exists():
        raise Refused(folder, "there is no run in it to go on with", "start a new run")
    if goes(said):
        raise Refused(folder, "the run goes already", "stop it first")
    with opening(folder):
        folder.mkdir(parents=True, exist_ok=True)
    if recipe is not None:
        with replacing(folder / "task.toml") as file:
            file.write(recipe.encode())
    before = said.get("before", said.get("state", ""))
    _say(folder, {**said, "state": QUEUED, "queued_at": time.time(), "before": before})


def leave(folder: Path) -> None:
    """Take a run out of the queue: one that never began keeps its recipe, one that was stopped is stopped again."""
    said = state_of(folder)
    if not _waits(said):
        raise Refused(folder, "it does not wait", "stop it if it goes")
    rest = {name: value for name, value in said.items() if name not in ("queued_at", "before")}
    _say(folder, {**rest, "state": said.get("before") or "new"})


def serve(runs: Path, poll_s: float = POLL_S) -> Work[int]:
    """Start the runs that wait one after the other, until none waits; returns how many were started.

    A run that goes in the same folder of runs is waited for, whoever started it. Refuses where another process serves.
    """
    with _lock(runs):
        started = 0
        while waiting := queued(runs):
            busy = going(runs)
            if busy:
                yield Progress(0, 0, f"{len(waiting)} wait; {busy[0].name} goes")
                time.sleep(poll_s)
                continue
            yield Note(f"{waiting[0].name} begins; {len(waiting) - 1} more wait")
            yield from _one(waiting[0], poll_s)
            started += 1
    return started


def wake(runs: Path, pause_s: float = 0.0) -> bool:
    """Start a process that serves the queue, if any run waits and none serves; tell whether one was started.

    Not within `pause_s` of the last one: it may not hold the lock yet, or have ended at once.
    """
    woken = runs / _WOKEN
    if not queued(runs) or time.time() - _modified(woken) < pause_s:
        return False
    try:
        with _lock(runs):
            pass
    except Refused:
        return False
    woken.touch()
    launched(["train", "--queue", str(runs), "--quiet"], runs / _LOG)
    return True


def going(runs: Path) -> list[Path]:
    """List the runs that go now."""
    return [folder for folder, said in _states(runs) if goes(said)]


def goes(said: dict[str, Any]) -> bool:
    """Tell of a heartbeat whether its run goes: it says so, and said it lately."""
    return said.get("state") in GOING and time.time() - float(said.get("time", 0.0)) < QUIET_S


def state_of(folder: Path) -> dict[str, Any]:
    """Read the heartbeat of a run; empty where there is none."""
    with suppress(OSError, ValueError):
        said = json.loads((folder / "status.json").read_text(encoding="utf-8"))
        return said if isinstance(said, dict) else {}
    return {}


def _one(folder: Path, poll_s: float) -> Work[None]:
    """Start one run and wait for its end; one that never began is marked as failed, with its reason."""
    _say(folder, {**state_of(folder), "state": "training"})
    process = launched(["train", "--resume", str(folder), "--quiet"], folder / LOG)
    while process.poll() is None:
        yield Progress(0, 0, f"{folder.name} goes")
        time.sleep(poll_s)
    said = state_of(folder)
    if process.returncode and said.get("state") in (*GOING, QUEUED):
        why = last_line(folder / LOG).removeprefix("medviz: ")
        _say(folder, {**said, "state": "failed", "why": why})
        yield Note(f"{folder.name} failed: {why}", "warning")


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _waits(said: dict[str, Any]) -> bool:
    return said.get("state") == QUEUED


def _states(runs: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in sorted(runs.glob("*/task.toml")) if runs.is_dir() else ():
        yield path.parent, state_of(path.parent)


def _say(folder: Path, said: dict[str, Any]) -> None:
    with replacing(folder / "status.json") as file:
        file.write(json.dumps({**said, "time": round(time.time(), 3)}).encode())


@contextmanager
def _lock(runs: Path) -> Iterator[None]:
    with opening(runs):
        runs.mkdir(parents=True, exist_ok=True)
    lock = FileLock(runs / _LOCK, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout as problem:
        raise Refused(runs, "another process serves its queue", "let it do its work") from problem
    try:
        yield
    finally:
        lock.release()
