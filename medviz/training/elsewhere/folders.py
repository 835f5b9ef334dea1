"""The folders of runs: a copy of the recipe in a new one, into the trash, and back. Nothing here imports torch."""

import json
import shutil
import time
from pathlib import Path

from filelock import FileLock, Timeout

from medviz.imaging.storage import opening, reason, replacing
from medviz.refused import Refused

TRASH = ".trash"


def clone(folder: Path, new: Path) -> Path:
    """Make a run with the recipe of another that has learnt nothing yet; ``medviz train --resume`` begins it."""
    if not (folder / "task.toml").is_file():
        raise Refused(folder, "there is no task.toml in it", "give the folder of a run")
    if new.exists() and any(new.iterdir()):
        raise Refused(new, "there is something in it", "choose a new folder")
    with opening(new):
        new.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / "task.toml", new / "task.toml")
    with replacing(new / "status.json") as file:
        file.write(json.dumps({"state": "new", "time": round(time.time(), 3)}).encode())
    return new


def trash(folder: Path) -> Path:
    """Put a run into the trash beside it and return where it lies now; refuses one that goes."""
    if not (folder / "task.toml").is_file():
        raise Refused(folder, "it is no folder of a run", "choose one of the runs")
    _free(folder)
    place = _fresh(folder.parent / TRASH, folder.name)
    _move(folder, place)
    return place


def restore(place: Path) -> Path:
    """Bring a run back out of the trash and return where it lies; another name is taken if its own is taken."""
    if place.parent.name != TRASH or not place.is_dir():
        raise Refused(place, "it is not in the trash", "choose a run that is")
    back = _fresh(place.parent.parent, place.name)
    _move(place, back)
    return back


def trashed(runs: Path) -> tuple[Path, ...]:
    """List what lies in the trash of a folder of runs, the last first."""
    found = [path.parent for path in (runs / TRASH).glob("*/task.toml")]
    return tuple(sorted(found, key=lambda path: path.stat().st_mtime, reverse=True))


def _free(folder: Path) -> None:
    """Refuse a run that a process holds."""
    lock = FileLock(folder / ".lock", thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout as problem:
        raise Refused(folder, "the run goes", "stop it first") from problem
    except OSError:
        return  # nobody can hold what cannot be written to
    lock.release()


def _fresh(parent: Path, name: str) -> Path:
    with opening(parent):
        parent.mkdir(exist_ok=True)
    names = (name, *(f"{name}-{number}" for number in range(2, 10_000)))
    return next(parent / one for one in names if not (parent / one).exists())


def _move(folder: Path, place: Path) -> None:
    try:
        folder.rename(place)
    except OSError as problem:
        raise Refused(folder, f"it cannot be moved: {reason(problem)[0]}", "close what has it open") from problem
