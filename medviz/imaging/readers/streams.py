"""Bytes of a file, gzipped or not, as they are wanted: the first few, or all into memory with progress."""

import gzip
import re
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

_ZLIB: Any = zlib
_GZIP: Any = gzip.GzipFile
_LEVEL = 4
_DAMAGE: tuple[Any, ...] = (zlib.error,)
try:  # two to three times faster than zlib; there is no wheel for some rare machines
    from isal import igzip, isal_zlib
except ImportError:
    pass
else:
    _ZLIB, _GZIP, _LEVEL, _DAMAGE = isal_zlib, igzip.IGzipFile, 2, (zlib.error, isal_zlib.error)

MAGIC = b"\x1f\x8b"
MOST_PACKED = 1032
"""Deflate packs at most 1032 bytes into one."""
_WITH_HEADER = 31
_PACKED_BLOCK = 1 << 17


def is_gzipped(path: Path) -> bool:
    """Tell by the first two bytes, not by the name."""
    with opening(path), path.open("rb") as file:
        return file.read(2) == MAGIC


def first_bytes(path: Path, count: int) -> bytes:
    """Return the first bytes of the content, fewer where there are not so many or the rest is damaged."""
    found = b""
    with opening(path), path.open("rb") as file:
        try:
            for block in _content(file, count):
                found += block
                if len(found) >= count:
                    break
        except _DAMAGE:
            pass
    return found[:count]


def most_bytes(path: Path) -> int:
    """Return the most bytes that the content can have, from the size of the file alone."""
    with opening(path):
        size = path.stat().st_size
    return size * MOST_PACKED if is_gzipped(path) else size


def need_bytes(path: Path, offset: int, size: int, declared: str, room: bool = True) -> None:
    """Refuse a header that declares more than the file can hold or the memory take, before anything is allocated."""
    if offset + size > most_bytes(path):
        with opening(path):
            held = path.stat().st_size
        raise Refused(
            path,
            f"its header declares {declared} ({in_words(size)}) and the file has only {in_words(held)}",
            "it is cut short or damaged, copy it again",
        )
    if room:
        need_room(path, size)


def filled(buffer: NDArray[np.uint8], path: Path, offset: int) -> Work[None]:
    """Fill `buffer` with what follows `offset` bytes of content; Progress in bytes.

    Refuses a file that is cut short and one whose check sum shows that it is damaged. Closing the work closes the file.
    """
    began, done, total, skip = time.monotonic(), 0, len(buffer), offset
    with opening(path), path.open("rb") as file:
        try:
            for block in _content(file, BLOCK):
                kept = block[skip : skip + total - done]
                skip -= min(skip, len(block))
                buffer[done : done + len(kept)] = np.frombuffer(kept, np.uint8)
                done += len(kept)
                if kept:
                    left_s = (time.monotonic() - began) * (total - done) / done
                    yield Progress(done, total, f"reading {in_words(done)} of {in_words(total)}", left_s)
        except _DAMAGE as problem:
            raise Refused(path, f"its compressed data are damaged ({in_plain(problem)})", "copy it again") from problem
    if done < total:
        fault = f"the file is cut short: {in_words(done)} of {in_words(total)} of voxels could be read"
        raise Refused(path, fault, "copy it again")


def in_plain(problem: Exception) -> str:
    """Say what a decoder found without its numbers: "incorrect data check"."""
    words = re.sub(r"^Error -?\d+\s*|while decompressing data:\s*", "", str(problem)).strip()
    return words[:80].lower() or "they cannot be unpacked"


@contextmanager
def packing(file: BinaryIO, packed: bool) -> Iterator[BinaryIO]:
    """Give something to write to that compresses into `file` if `packed`; no name or time goes into it."""
    if not packed:
        yield file
        return
    with _GZIP(filename="", mode="wb", compresslevel=_LEVEL, fileobj=file, mtime=0) as out:
        yield out


def _content(file: BinaryIO, most: int) -> Iterator[bytes]:
    """Yield the content in blocks of at most `most` bytes, to where it ends or was cut off.

    Not by GzipFile: it fails on a good file with rubbish behind it, and reads further ahead than is asked for.
    """
    gzipped = file.read(2) == MAGIC
    file.seek(0)
    if not gzipped:
        while block := file.read(most):
            yield block
        return
    waiting, member = b"", _ZLIB.decompressobj(wbits=_WITH_HEADER)
    while True:
        waiting = waiting or file.read(_PACKED_BLOCK)
        block = member.decompress(waiting, most)
        if block:
            yield block
        if member.eof:
            waiting = member.unused_data
            if len(waiting) < len(MAGIC):
                waiting += file.read(_PACKED_BLOCK)
            if not waiting.startswith(MAGIC):
                return
            member = _ZLIB.decompressobj(wbits=_WITH_HEADER)
        elif not waiting and not block:
            return
        else:
            waiting = member.unconsumed_tail
