"""Files as the imaging room handles them: room checked before memory is taken, writing that is whole or not at all."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import psutil

from medviz.refused import Refused


def in_words(count: float) -> str:
    """Say a number of bytes as a person reads it: "352 bytes", "29.8 GB" (1 GB = 10⁹ bytes)."""
    if count < 1000:
        return f"{count:.0f} bytes"
    for unit in ("kB", "MB", "GB"):
        count /= 1000
        if count < 999.5:
            return f"{count:.3g} {unit}"
    return f"{count / 1000:,.3g} TB"


def need_room(thing: object, size: int) -> None:
    """Refuse what does not fit into the memory that is free; ask before anything is allocated."""
    free = psutil.virtual_memory().available
    if size > free:
        raise Refused(
            thing, f"its voxels need {in_words(size)} of memory and {in_words(free)} is free", "close other programs"
        )


def reason(problem: OSError) -> tuple[str, str]:
    """Say what the system's error means and what a person can do about it."""
    words = {
        errno.ENOENT: ("there is no such file or folder", "check the name"),
        errno.EACCES: ("you may not open it", "check its permissions"),
        errno.EPERM: ("you may not open it", "check its permissions"),
        errno.EISDIR: ("it is a folder", "give a file"),
        errno.ENOTDIR: ("a part of its path is no folder", "check the name"),
        errno.EROFS: ("the disk cannot be written to", "choose another folder"),
        errno.ENOSPC: ("the disk is full", "free some space or choose another folder"),
        errno.EDQUOT: ("your quota of disk space is used up", "free some space or choose another folder"),
        errno.EFBIG: ("the file would be larger than this disk takes", "choose another folder"),
        errno.ENAMETOOLONG: ("its name is too long", "choose a shorter one"),
    }
    if problem.errno in words:
        return words[problem.errno]
    return (problem.strerror or str(problem) or "it cannot be used").lower(), "choose another place"


@contextmanager
def opening(path: Path) -> Iterator[None]:
    """Turn what the system says when a file cannot be read into a sentence."""
    try:
        yield
    except OSError as problem:
        raise Refused(path, *reason(problem)) from problem


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Write a file whole or not at all: under a temporary name in the same folder, then put in place of `path`.

    The file stands on the disk (fsync) before it replaces the old one; on any error nothing is left behind and what
    stood there before still does. Refuses a missing folder, missing permission, a full disk.
    """
    with putting(path) as waiting, waiting.open("xb") as file:
        yield file


@contextmanager
def putting(path: Path) -> Iterator[Path]:
    """Like `replacing`, for libraries that want a name to write to: yields a temporary one with the same ending."""
    waiting = path.with_name(f".{os.getpid()}.part.{path.name[-200:]}")
    try:
        try:
            yield waiting
            with waiting.open("rb+") as file:
                os.fsync(file.fileno())
            waiting.replace(path)
        except BaseException:
            with suppress(OSError):
                waiting.unlink()
            raise
        _settle(path.parent)
    except OSError as problem:
        fault, remedy = reason(problem)
        raise Refused(path, f"nothing was written: {fault}", remedy) from problem


def _settle(folder: Path) -> None:
    """Make the new name itself stand on the disk; Windows and some network disks cannot, and need not."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
