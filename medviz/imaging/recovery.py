"""What survives a crash: each edited label map has a journal on the disk, found again by the scan it belongs to.

Nothing in the folder names a patient: a journal is called by a hash of the scan's voxels. Beside it stands a small file
with what the journal cannot hold: the names of the labels, which program writes it, what was saved already.
"""

import hashlib
import json
import os
import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray
from platformdirs import user_data_path

from medviz.imaging.corrections import Corrections
from medviz.imaging.history import Change, History, Table
from medviz.imaging.journal import Journal, changes_in
from medviz.imaging.labels import Label
from medviz.imaging.storage import need_room, replacing
from medviz.imaging.volume import Volume
from medviz.refused import Refused

Array = NDArray[Any]
SAMPLES = 100_000
VERSION, NOBODY = 1, -1
"""The version of what stands beside a journal, and the number of a program that lets go of it."""


def journals_folder() -> Path:
    """Return where journals are kept: beside $MEDVIZ_CONFIG, else in the user's data folder."""
    config = os.environ.get("MEDVIZ_CONFIG")
    return Path(config).parent / "journals" if config else user_data_path("medviz") / "journals"


def fingerprint(scan: Volume) -> str:
    """Return a hash by which a scan is known again: its grid, its data type, and one voxel in so many."""
    voxels = scan.frame()
    step = max(1, round((voxels.size / SAMPLES) ** (1 / 3)))
    few = np.ascontiguousarray(voxels[::step, ::step, ::step])
    grid = f"{voxels.shape} {voxels.dtype.str} {np.round(scan.affine, 4).tolist()}"
    return hashlib.sha256(grid.encode() + few.tobytes()).hexdigest()


@dataclass(frozen=True)
class About:
    """What stands beside a journal. `unsaved_from` counts its records, with the base where it has one."""

    scan: str
    begun: str
    pid: int
    started_s: float
    has_base: bool
    unsaved_from: int
    labels: tuple[tuple[int, str, tuple[int, int, int]], ...]
    version: int = VERSION


class Keeper:
    """Writes one map's journal, from a thread of its own: whatever is new in the log, and the names beside it.

    A journal is only made when there is a change. After a full disk what is missing is written at the next time.
    """

    def __init__(self, folder: Path, scan: str, path: Path | None = None, written: int = 0) -> None:
        self.folder, self.scan = folder, scan
        self.path = path
        self.written = written
        self._journal: Journal | None = None
        self._about: About | None = None
        self._alone = Lock()

    def keep(self, made: Corrections, labels: Table) -> None:
        """Bring the journal up to date. Raises OSError where the disk is full or gone."""
        with self._alone:
            log = tuple(made.log)
            journal = self._open(made)
            self._tell(made, labels, min(made.saved_at, len(log)))
            for undone, change in log[self.written :]:
                journal.write(change, undone)
                self.written += 1

    def release(self, made: Corrections, labels: Table) -> None:
        """Bring it up to date a last time and leave it to whoever finds it: the map is shown no more."""
        self.keep(made, labels)
        with self._alone:
            assert self._about is not None
            self._say(replace(self._about, pid=NOBODY))
        self.close()

    def drop(self) -> None:
        """Take the journal away: a file has what it held."""
        self.close()
        with self._alone:
            self._about = None
            if self.path is not None:
                _remove(self.path)
            self.path, self.written = None, 0

    def close(self) -> None:
        """Close the file and leave it where it is."""
        with self._alone:
            if self._journal is not None:
                self._journal.close()
                self._journal = None

    def _open(self, made: Corrections) -> Journal:
        if self._journal is not None:
            return self._journal
        self.folder.mkdir(parents=True, exist_ok=True)
        fresh = self.path is None
        if self.path is None:
            self.path = self.folder / f"{self.scan[:16]}-{secrets.token_hex(4)}.journal"
        nothing = np.zeros(made.map.shape, made.map.dtype)  # no memory is taken: it is only read
        try:
            journal = Journal(self.path, nothing)
            if fresh and made.base is not None:
                journal.write(made.base)
        except OSError:
            if fresh:
                _remove(self.path)
                self.path = None
            raise
        self._journal = journal
        return journal

    def _tell(self, made: Corrections, labels: Table, saved_at: int) -> None:
        assert self.path is not None
        own = psutil.Process()
        names = tuple((one.value, one.name, one.colour) for one in labels)
        base = made.base is not None
        about = About(
            self.scan, made.begun.isoformat(), own.pid, own.create_time(), base, max(saved_at, 0) + base, names
        )
        if about != self._about:
            self._say(about)

    def _say(self, about: About) -> None:
        assert self.path is not None
        with replacing(_beside(self.path)) as file:
            file.write(json.dumps(asdict(about)).encode())
        self._about = about


@dataclass(frozen=True)
class Kept:
    """A journal that a program left behind: how many changes no file has, and when the last was made."""

    path: Path
    about: About
    changes: int
    when: datetime

    @property
    def table(self) -> Table:
        """Names and colours of its labels."""
        return tuple(
            Label(int(value), str(name), (int(colour[0]), int(colour[1]), int(colour[2])))
            for value, name, colour in self.about.labels
        )


def left_behind(folder: Path, scan: str) -> tuple[Kept, ...]:
    """Find the journals of a scan that no running program writes, the latest first; empty ones are taken away."""
    found = []
    for beside in folder.glob(f"{scan[:16]}-*.json"):
        kept = _read(beside)
        if kept is None or kept.about.scan != scan or _is_alive(kept.about):
            continue
        if kept.changes > 0:
            found.append(kept)
        else:
            _remove(kept.path)
    return tuple(sorted(found, key=lambda one: one.when, reverse=True))


def recovered(kept: Kept) -> Corrections:
    """Bring a map back with its undo stack; its journal goes on where it broke off."""
    shape, dtype, steps = changes_in(kept.path)
    need_room("labels of a journal", int(np.prod(shape)) * np.dtype(dtype).itemsize)
    labels, history = np.zeros(shape, np.dtype(dtype), order="F"), History()
    base = steps[0][1] if kept.about.has_base and steps else None
    if base is not None:
        base.redo(labels)
    log = steps[1:] if base is not None else steps
    for undone, change in log:
        if undone:
            history.undo(labels)
        elif (waiting := history.next_redone()) is not None and _same(waiting, change):
            history.redo(labels)
        else:
            history.do(labels, change)
    saved_at = kept.about.unsaved_from - (base is not None)
    begun = datetime.fromisoformat(kept.about.begun)
    return Corrections(labels[np.newaxis], base, history, list(log), saved_at, begun)


def forget(kept: Kept) -> None:
    """Take a journal away that nobody wants."""
    _remove(kept.path)


def _same(one: Change, other: Change) -> bool:
    return (one.start, one.shape, one.before, one.after) == (other.start, other.shape, other.before, other.after)


def _read(beside: Path) -> Kept | None:
    path = beside.with_suffix(".journal")
    try:
        fields = json.loads(beside.read_bytes())
        about = About(**{**fields, "labels": tuple((v, n, tuple(c)) for v, n, c in fields["labels"])})
        _, _, steps = changes_in(path)
        when = datetime.fromtimestamp(path.stat().st_mtime).astimezone()
    except (OSError, ValueError, TypeError, KeyError, Refused):
        return None  # another version's, or torn in the middle of its first line
    return Kept(path, about, len(steps) - about.unsaved_from, when)


def _is_alive(about: About) -> bool:
    """Whether the program that writes it still runs; another one may have its number by now."""
    if about.pid == NOBODY:
        return False
    try:
        return about.pid == os.getpid() or abs(psutil.Process(about.pid).create_time() - about.started_s) < 1.0
    except psutil.Error:
        return False


def _beside(path: Path) -> Path:
    return path.with_suffix(".json")


def _remove(path: Path) -> None:
    for one in (path, _beside(path)):
        with suppress(OSError):
            one.unlink()
