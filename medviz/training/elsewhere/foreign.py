"""Watching a training that another program does: its TensorBoard files, as Work.

Files are read the newest first, as far as they go and then as they grow; many or large ones are bounded, and said so.
"""

import os
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from medviz.figures import Figure
from medviz.imaging.storage import in_words
from medviz.messages import Note, Progress, Scalar, Work
from medviz.refused import Refused
from medviz.training.elsewhere.boards import Board, Point, figure_of

MARK = "tfevents"
MOST_FILES, MOST_BYTES, MOST_POINTS = 64, 2_000_000_000, 20_000
"""Of the files the newest so many, and so many bytes; of a curve so many points (every so manyth beyond)."""
MOST_LOOKED_AT, DEEPEST = 50_000, 6
POLL_S, LOOK_S, DRAW_S = 0.5, 5.0, 2.0
OVER_S = 3600.0
"""A file that has not grown for an hour belongs to a training that is over: there is no other sign of it."""
_PARTS = ((r"train(?:ing)?[_/ ](.+)", "train/"), (r"(?:val|valid|validation|eval)[_/ ](.+)", "validation/"))


def watch_tensorboard(folder: Path, over_s: float = OVER_S, poll_s: float = POLL_S) -> Work[Path]:
    """Follow a file or folder of TensorBoard's: numbers as Scalars, the last of pictures and histograms as figures.

    Ends when nothing was written for `over_s`. Refuses where there is no such file.
    """
    yield Progress(0, 0, "looking for event files")
    watching = Watching(folder)
    if not watching.boards:
        raise Refused(folder, "there are no TensorBoard files in it", "give the folder of a run or of its logs")
    yield from watching.first()
    looked_s = time.monotonic()
    while not watching.is_over(over_s):
        if time.monotonic() - looked_s > LOOK_S:
            watching.look()
            looked_s = time.monotonic()
        yield from watching.fresh()
        yield watching.still
        time.sleep(poll_s)
    return folder


class Watching:
    """The event files below a folder, the newest first; those of one folder are one run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.boards: dict[Path, Board] = {}
        self.left_out = 0
        self.still = Progress(0, 0, "following")
        self._undrawn: dict[str, tuple[int, Any]] = {}
        self._damaged: set[Path] = set()
        self._drawn_s = 0.0
        self.look()
        folders = {path.parent for path in self.boards}
        self._plain = next(iter(folders)) if len(folders) == 1 else folder  # whose curves have no name before them

    def look(self) -> None:
        """Look for files that came."""
        found = sorted(_event_files(self.folder), key=lambda entry: (entry[1], str(entry[0])), reverse=True)
        room = MOST_BYTES
        kept: list[Path] = []
        for path, _, size in found[:MOST_FILES]:
            if size <= room or not kept:
                kept.append(path)
                room -= size
        self.left_out = len(found) - len(kept)
        self.boards |= {path: Board(path) for path in kept if path not in self.boards}

    def first(self) -> Work[None]:
        """Tell what is there, the newest run first."""
        sizes = {path: _size(path) for path in self.boards}
        runs: dict[Path, list[Path]] = {}
        for path in self.boards:  # the newest first
            runs.setdefault(path.parent, []).insert(0, path)
        total, done = sum(sizes.values()), 0
        if self.left_out:
            text = f"{self.left_out} older or larger event files are left out"
            yield Note(text, "warning", "Give the folder of one run to see it whole")
        for paths in runs.values():
            points: dict[str, list[Point]] = {}
            for path in paths:
                begun: set[str] = set()
                while self.boards[path].grown():
                    before = self.boards[path].at
                    _joined(points, self._read(path), begun)
                    if self.boards[path].at == before:
                        break
                    words = f"reading {len(self.boards)} event files, {in_words(total)}"
                    yield Progress(done + self.boards[path].at, total, words)
                done += sizes[path]
                yield from self._damage(path)
            yield from self._told(_thinned(points))
            yield from self._drawn()

    def fresh(self) -> Work[None]:
        """Tell what came since."""
        for path, board in self.boards.items():
            if board.grown():
                yield from self._told(self._read(path))
                yield from self._damage(path)
        if self._undrawn and time.monotonic() - self._drawn_s > DRAW_S:
            yield from self._drawn()

    def is_over(self, after_s: float) -> bool:
        """Tell whether nothing was written for so long."""
        newest = max((_modified(path) for path in self.boards), default=0.0)
        return time.time() - newest > after_s

    def _read(self, path: Path) -> list[Point]:
        try:
            read = self.boards[path].read()
        except OSError:
            return []
        prefix = self._prefix(path)
        points = [Point(f"{prefix}{named(one.tag)}", one.step, one.value, one.at_s) for one in read.points]
        self._undrawn |= {f"{prefix}{tag}": found for tag, found in read.figures.items()}
        return points

    def _drawn(self) -> Iterator[Figure]:
        """Draw the last of each picture and histogram."""
        undrawn, self._undrawn = self._undrawn, {}
        self._drawn_s = time.monotonic()
        for tag, (_, value) in undrawn.items():
            figure = figure_of(tag, value)
            if figure is not None:
                yield figure

    def _prefix(self, path: Path) -> str:
        if path.parent == self._plain or not self.folder.is_dir():
            return ""
        return f"{path.parent.relative_to(self.folder).as_posix()}/"

    def _told(self, points: Sequence[Point]) -> Iterator[Scalar]:
        for one in sorted(points, key=lambda one: one.at_s):
            yield Scalar(one.tag, one.step, one.value, one.at_s)
            if one.step >= self.still.done:
                self.still = Progress(one.step, 0, f"following, step {one.step}")

    def _damage(self, path: Path) -> Iterator[Note]:
        if self.boards[path].damaged and path not in self._damaged:
            self._damaged.add(path)
            yield Note(f"{path.name} is damaged after {in_words(self.boards[path].at)}; it is read as far", "warning")


def _joined(points: dict[str, list[Point]], fresh: Sequence[Point], begun: set[str]) -> None:
    """Add what a file says; a later file of a run that begins anew at an earlier step takes the place of the rest."""
    for one in fresh:
        before = points.setdefault(one.tag, [])
        if one.tag not in begun:
            begun.add(one.tag)
            before[:] = [old for old in before if old.step < one.step]
        before.append(one)


def _thinned(points: dict[str, list[Point]]) -> list[Point]:
    """Take every so manyth point of a long curve, and its last."""
    kept: list[Point] = []
    for curve in points.values():
        every = -(-len(curve) // MOST_POINTS)
        kept += curve[::every] if every > 1 else curve
        if every > 1 and (len(curve) - 1) % every:
            kept.append(curve[-1])
    return kept


def named(tag: str) -> str:
    """Name a curve as runs of this program do: "train_loss" is "train/loss", "val/dice" is "validation/dice"."""
    for pattern, part in _PARTS:
        found = re.fullmatch(pattern, tag, re.IGNORECASE)
        if found:
            return part + found[1]
    return tag


def holds_boards(place: Path) -> bool:
    """Tell whether a file or folder is or holds event files."""
    return next(_event_files(place), None) is not None


def _event_files(place: Path) -> Iterator[tuple[Path, float, int]]:
    """Find event files below a folder: path, time of the last change, size; bounded in depth and number."""
    if place.is_file():
        if MARK in place.name:
            yield place, _modified(place), _size(place)
        return
    looked_at, folders = 0, [(place, 0)]
    while folders and looked_at < MOST_LOOKED_AT:
        folder, depth = folders.pop(0)
        try:
            entries = list(os.scandir(folder))
        except OSError:
            continue
        for entry in entries:
            looked_at += 1
            if entry.is_dir(follow_symlinks=False) and depth < DEEPEST:
                folders.append((Path(entry.path), depth + 1))
            elif MARK in entry.name and entry.is_file():
                about = entry.stat()
                yield Path(entry.path), about.st_mtime, about.st_size


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
