"""A run in a process of its own: it survives a window that crashes or is closed; who started it only follows it.

The process is the command line itself (``medviz train``), so that what a person can start by hand and what the window
starts are one thing. What it says goes into ``log.txt`` of the run.
"""

import subprocess
import time
from pathlib import Path

from medviz.imaging.storage import replacing
from medviz.messages import Message, Note, Progress, Work
from medviz.refused import Refused
from medviz.training.elsewhere.launching import LOG, last_line, launched
from medviz.training.elsewhere.queue import QUEUED, queued, state_of
from medviz.training.run import attach, recipe, status
from medviz.training.task import Task

RECIPE = "recipe.toml"
WAIT_S, POLL_S = 300.0, 0.2
"""A process that has not begun after so long is given up: reading the data comes before its first word."""


def train_apart(task: Task | None, folder: Path, resume: bool = False) -> Work[Path]:
    """Start a run in a process of its own and follow it; closing this leaves the run alone.

    `task` is None where a run is taken up again. Refuses what the process refuses, in its own sentence.
    """
    there = (folder / "task.toml").exists()
    if there != resume:
        fault = "there is no run in it to go on with" if resume else "there is a run in it already"
        raise Refused(folder, fault, "start a new run" if resume else "resume it or choose a new folder")
    yield Progress(0, 0, "starting a process")
    said = _size(folder / "events.jsonl")
    process = start(task, folder, resume)
    began_s = time.monotonic()
    while _size(folder / "events.jsonl") <= said:
        if process.poll() is not None:
            raise _died(process, folder)
        if time.monotonic() - began_s > WAIT_S:
            raise Refused(folder, "the process has said nothing for five minutes", f"look into {LOG}")
        yield Progress(0, 0, "starting a process")
        time.sleep(POLL_S)
    yield Note(f"Trains in a process of its own ({process.pid}); it goes on when the window is closed")
    yield from _followed(folder, process)
    return folder


def attach_in_turn(folder: Path) -> Work[Path]:
    """Follow a run that waits in the queue: from its turn on, or until it is taken out of the queue or fails."""
    said = _size(folder / "events.jsonl")
    while _size(folder / "events.jsonl") <= said:
        state = state_of(folder)
        if state.get("state") == "failed":
            raise Refused(folder.name, str(state.get("why", "it did not begin")).rstrip("."), f"look into {LOG}")
        if state.get("state") not in (QUEUED, "training"):
            return folder
        place = [one.name for one in queued(folder.parent)]
        words = f"waits, {place.index(folder.name)} before it" if folder.name in place else "begins"
        yield Progress(0, 0, words)
        time.sleep(POLL_S)
    return (yield from attach(folder))


def start(task: Task | None, folder: Path, resume: bool = False) -> "subprocess.Popen[bytes]":
    """Start the process of a run and return at once; its folder gets the recipe and a log."""
    folder.mkdir(parents=True, exist_ok=True)
    if task is not None and not resume:
        with replacing(folder / RECIPE) as file:
            file.write(recipe(task).encode())
        words = ["train", "--recipe", str(folder / RECIPE), "--out", str(folder)]
    else:
        words = ["train", "--resume", str(folder)]
    return launched([*words, "--quiet"], folder / LOG)


def _followed(folder: Path, process: "subprocess.Popen[bytes]") -> Work[None]:
    """Follow the run; refuses when its process is gone without having said that it ended."""
    work = attach(folder)
    gone = 0
    try:
        for message in work:
            gone = gone + 1 if process.poll() is not None and _is_still(message) else 0
            if gone > 10 and status(folder)["state"] in ("training", "paused", "lost"):
                raise _died(process, folder)
            yield message
    finally:
        work.close()


def _is_still(message: Message) -> bool:
    return isinstance(message, Progress)


def _died(process: "subprocess.Popen[bytes]", folder: Path) -> Refused:
    """Say what a process died of: its own last sentence, else the signal."""
    said = last_line(folder / LOG)
    code = process.returncode or 0
    if code == 2 and said:
        return Refused(folder.name, said.removeprefix("medviz: ").rstrip("."), "")
    how = f"by signal {-code}" if code < 0 else f"with code {code}"
    why = f" ({said})" if said else ""
    return Refused(folder.name, f"its process ended {how}{why}", f"what was saved is kept; resume it, or read {LOG}")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
