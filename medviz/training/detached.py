"""A run in a process of its own: it survives a window that crashes or is closed; who started it only follows it.

The process is the command line itself (``medviz train``), so that what a person can start by hand and what the window
starts are one thing. What it says goes into ``log.txt`` of the run.
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from medviz.imaging.storage import opening, replacing
from medviz.messages import Message, Note, Progress, Work
from medviz.refused import Refused
from medviz.training.run import attach, recipe, status
from medviz.training.task import Task

LOG, RECIPE = "log.txt", "recipe.toml"
NICER = 10
WAIT_S, POLL_S = 300.0, 0.2
"""A process that has not begun after so long is given up: reading the data comes before its first word."""
_PROGRAM = Path(__file__).parents[2]


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


def launched(words: Sequence[str], log: Path) -> "subprocess.Popen[bytes]":
    """Start a command of this program that outlives its parent; what it says is appended to `log`."""
    frozen = getattr(sys, "frozen", False)
    command = [sys.executable, *([] if frozen else ["-m", "medviz"]), *words]
    path = os.pathsep.join(part for part in (str(_PROGRAM), os.environ.get("PYTHONPATH", "")) if part)
    environment = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
    with opening(log), open(log, "ab") as said:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, env=environment,
            start_new_session=os.name == "posix", creationflags=flags,
        )  # fmt: skip
    _step_back(process.pid)
    # somebody must hear that it ended, or it stays in the table of processes until this one ends
    threading.Thread(target=process.wait, name=f"process {process.pid}", daemon=True).start()
    return process


def _step_back(pid: int) -> None:
    """Let the window and others go first."""
    with suppress(psutil.Error, OSError):
        low = psutil.BELOW_NORMAL_PRIORITY_CLASS if sys.platform == "win32" else NICER
        psutil.Process(pid).nice(low)


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


def last_line(path: Path) -> str:
    """Return the last line of a log that says something, empty where there is none."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 8192))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
