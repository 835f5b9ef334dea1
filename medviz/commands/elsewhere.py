"""Runs that do not go in this window: in a process of their own, in the queue, on another machine, in the trash."""

import os
import threading
from pathlib import Path
from typing import Any

from platformdirs import user_data_path

from medviz.commands.engine import ENGINE
from medviz.messages import Progress, Work

PLACES = (
    ("process", "In a process of its own: goes on when the window is closed or crashes"),
    ("queue", "After the runs that wait: one at a time, each in a process of its own"),
)

WAKE_EVERY_S = 30.0


def runs_folder() -> Path:
    """Return where the window keeps its runs: $MEDVIZ_RUNS, or the user's data folder."""
    return Path(os.environ.get("MEDVIZ_RUNS") or user_data_path("medviz") / "runs")


def begin(task: Any, folder: Path, place: str, resume: bool) -> Work[Path]:
    """Start a run at a place and follow it; closing this leaves the run alone."""
    if place == "queue":
        yield Progress(0, 0, "into the queue")
        wait(None if resume else task, folder)
        work: Work[Path] = ENGINE["attach_in_turn"](folder)
    else:
        work = ENGINE["train_apart"](task, folder, resume)
    return (yield from work)


def wait(task: Any, folder: Path) -> None:
    """Put a run behind those that wait (`task` None: one that was stopped), and see to it that somebody starts them."""
    ENGINE["wait"](folder, None if task is None else ENGINE["recipe"](task))
    # a process is started in a thread of its own: the window must not wait for it
    threading.Thread(target=ENGINE["wake"], args=(folder.parent,), name="queue").start()


def queue() -> tuple[Path, ...]:
    """List the runs that wait; where nobody serves them (the machine was started anew) somebody is made to."""
    waiting: tuple[Path, ...] = ENGINE["queued"](runs_folder())
    if waiting:
        ENGINE["wake"](runs_folder(), WAKE_EVERY_S)
    return waiting


def follow(where: str) -> Work[Path]:
    """Follow a run wherever it is."""
    work: Work[Path] = ENGINE["attach_to"](where, runs_folder())
    return work


def folder_of(where: Path) -> Path:
    """Return the folder here of a run that is followed: its own, or its mirror."""
    found: Path = ENGINE["place_of"](str(where), runs_folder())
    return found
