"""Bytes of a file, gzipped or not, as they are wanted: the first few, or all into memory with progress."""

import gzip
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from medviz.imaging.readers.reader import BLOCK
from medviz.imaging.storage import in_words, need_room, opening
from medviz.messages import Progress, Work
from medviz.refused import Refused

_GZIP: Any = gzip.GzipFile
_LEVEL = 4
_DAMAGE: tuple[Any, ...] = (EOFError, gzip.BadGzipFile, zlib.error)
try:  # decodes two to three times faster than zlib; there is no wheel for some rare machines
    from isal import igzip, isal_zlib
except ImportError:
    pass
else:
    _GZIP = igzip.IGzipFile
    _LEVEL = 2
    _DAMAGE = (*_DAMAGE, isal_zlib.error)

MAGIC = b"\x1f\x8b"
MOST_PACKED = 1032
"""Deflate packs at most 1032 bytes into one."""


def is_gzipped(path: Path) -> bool:
    """Tell by the first two bytes, not by the name."""
    with opening(path), path.open("rb") as file:
        return file.read(2) == MAGIC


def first_bytes(path: Path, count: int) -> bytes:
    """Return the first bytes of the content, fewer where there are not so many or the rest is damaged."""
    found = b""
    with opening(path):
        try:
            with _open(path) as file:
                while len(found) < count and (more := file.read(min(count - len(found), BLOCK))):
                    found += more
        except _DAMAGE:
            pass
    return found


def most_bytes(path: Path) -> int:
    """Return the most bytes that the content can have, from the size of the file alone."""
    with opening(path):
        size = path.stat().st_size
    return size * MOST_PACKED if is_gzipped(path) else size


def need_bytes(path: Path, offset: int, size: int, declared: str) -> None:
    """Refuse a header that declares more than the file can hold or the memory take, before anything is allocated."""
    if offset + size > most_bytes(path):
        with opening(path):
            held = path.stat().st_size
        raise Refused(
            path,
            f"its header declares {declared} ({in_words(size)}) and the file has only {in_words(held)}",
            "it is cut short or damaged, copy it again",
        )
    need_room(path, size)


def filled(buffer: NDArray[np.uint8], path: Path, offset: int) -> Work[None]:
    """Fill `buffer` with what follows `offset` bytes of content; Progress in bytes. Refuses a file cut short."""
    view = memoryview(buffer.data)
    began, done, total = time.monotonic(), 0, len(view)
    with opening(path):
        try:
            with _open(path) as file:
                _skip(file, offset)
                while done < total:
                    got = file.readinto(view[done : done + BLOCK])
                    if not got:
                        raise EOFError
                    done += got
                    left_s = (time.monotonic() - began) * (total - done) / done
                    yield Progress(done, total, f"reading {in_words(done)} of {in_words(total)}", left_s)
                if isinstance(file, gzip.GzipFile):
                    _check_sum(file)
        except EOFError as problem:
            fault = f"the file is cut short: {in_words(done)} of {in_words(total)} of voxels could be read"
            raise Refused(path, fault, "copy it again") from problem
        except _DAMAGE as problem:
            raise Refused(path, f"its compressed data are damaged ({problem})", "copy it again") from problem


@contextmanager
def packing(file: BinaryIO, packed: bool) -> Iterator[BinaryIO]:
    """Give something to write to that compresses into `file` if `packed`; no name or time goes into it."""
    if not packed:
        yield file
        return
    with _GZIP(filename="", mode="wb", compresslevel=_LEVEL, fileobj=file, mtime=0) as out:
        yield out


@contextmanager
def _open(path: Path) -> Iterator[Any]:
    with path.open("rb") as file:
        if file.read(2) == MAGIC:
            file.seek(0)
            with _GZIP(fileobj=file, mode="rb") as content:
                yield content
        else:
            file.seek(0)
            yield file


def _skip(file: Any, count: int) -> None:
    if not isinstance(file, gzip.GzipFile):
        file.seek(count)
        return
    while count > 0:
        passed = len(file.read(min(count, BLOCK)))
        if not passed:
            raise EOFError
        count -= passed


def _check_sum(file: gzip.GzipFile) -> None:
    """Read on to the end of the member, where the check sum stands; rubbish behind it is not ours to judge."""
    try:
        file.read(1)
    except gzip.BadGzipFile as problem:
        if "Not a gzipped file" not in str(problem):
            raise
