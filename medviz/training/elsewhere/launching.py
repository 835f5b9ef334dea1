"""Starting this program anew, in a process that outlives the one that started it. Nothing here imports torch."""

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from medviz.imaging.storage import opening

LOG = "log.txt"
NICER = 10
_PROGRAM = Path(__file__).parents[2]


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


def last_line(path: Path) -> str:
    """Return the last line of a log that says something, empty where there is none."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 8192))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
