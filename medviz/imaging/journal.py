"""Changes of a label map on disk as they happen, so that a crash loses none of them."""

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from medviz.imaging.history import Array, Change
from medviz.refused import Refused

_MAGIC = b"medviz-journal-1\n"
_HEAD = struct.Struct("<I3IcH")
_RECORD = struct.Struct("<II")
_FIRST = struct.Struct("<?H3I3I")
_BODY = len(_MAGIC) + _HEAD.size
"""Where the records begin."""


class Journal:
    """Changes on disk as they happen: each record has a length and a checksum, and is flushed to the disk.

    After ``kill -9`` or a full disk `replay` brings back all whole records. A record says "do" or "undo".
    """

    def __init__(self, path: Path, labels: Array) -> None:
        self.path = path
        fresh = not path.exists() or path.stat().st_size == 0
        self._file = path.open("xb" if not path.exists() else "r+b", buffering=0)
        self._end = 0
        try:
            if fresh:
                self._append(_MAGIC + _head(labels))
            else:
                self._end = _whole(path.read_bytes())
        except BaseException:
            self._file.close()
            raise

    def write(self, change: Change, undone: bool = False) -> None:
        """Append a change; `undone` where it was taken back. Raises OSError where the disk is full or gone."""
        name = change.name.encode()
        body = b"".join(
            [
                _FIRST.pack(undone, len(name), *change.start, *change.shape),
                name,
                struct.pack("<II", len(change.before), len(change.after)),
                change.before,
                change.after,
            ]
        )
        self._append(_RECORD.pack(len(body), zlib.crc32(body)) + body)

    def _append(self, content: bytes) -> None:
        """Write behind the last whole record: what a full disk left of another is written over."""
        self._file.seek(self._end)
        self._file.truncate()
        left = memoryview(content)
        while left:
            left = left[self._file.write(left) :]
        os.fsync(self._file.fileno())
        self._end += len(content)

    def close(self, keep: bool = True) -> None:
        """Close the file; it is deleted unless `keep` (after the map was saved)."""
        self._file.close()
        if not keep:
            self.path.unlink(missing_ok=True)


def replay(path: Path, labels: Array) -> int:
    """Apply the journal's whole records to the map it was begun on; return how many.

    Refuses a file that is no journal or belongs to another map; a torn record at the end is passed over.
    """
    content = path.read_bytes()
    head = _MAGIC + _head(labels)
    if content[: len(_MAGIC)] != _MAGIC:
        raise Refused(path, "it is not a journal of changes", "choose another file")
    if content[: len(head)] != head:
        raise Refused(path, "it belongs to another label map", "open the map it was begun on")
    count = 0
    for undone, change, _ in _records(content, len(head), labels.dtype.str):
        (change.undo if undone else change.redo)(labels)
        count += 1
    return count


def _head(labels: Array) -> bytes:
    checksum = zlib.crc32(np.ascontiguousarray(labels).view(np.uint8).data)
    return _HEAD.pack(checksum, *labels.shape, labels.dtype.kind.encode(), labels.dtype.itemsize)


def changes_in(path: Path) -> tuple[tuple[int, int, int], str, list[tuple[bool, Change]]]:
    """Read shape and data type of the map a journal was begun on, and its whole records as (undone, change)."""
    content = path.read_bytes()
    if content[: len(_MAGIC)] != _MAGIC or len(content) < _BODY:
        raise Refused(path, "it is not a journal of changes", "choose another file")
    _, x, y, z, kind, size = _HEAD.unpack_from(content, len(_MAGIC))
    dtype = np.dtype(f"{kind.decode()}{size}").str
    return (x, y, z), dtype, [(undone, change) for undone, change, _ in _records(content, _BODY, dtype)]


def _whole(content: bytes) -> int:
    """Where the last whole record of a journal ends."""
    ends = [end for _, _, end in _records(content, _BODY, "|u1")]
    return ends[-1] if ends else min(len(content), _BODY)


def _records(content: bytes, place: int, dtype: str) -> Iterator[tuple[bool, Change, int]]:
    """Whole records as (undone, change, where it ends)."""
    while place + _RECORD.size <= len(content):
        length, checksum = _RECORD.unpack_from(content, place)
        body = content[place + _RECORD.size : place + _RECORD.size + length]
        if len(body) < length or zlib.crc32(body) != checksum:
            return
        place += _RECORD.size + length
        yield *_unpacked(body, dtype), place


def _unpacked(body: bytes, dtype: str) -> tuple[bool, Change]:
    undone, name_length, x, y, z, wide, deep, high = _FIRST.unpack_from(body)
    after_name = _FIRST.size + name_length
    old, new = struct.unpack_from("<II", body, after_name)
    data = after_name + 8
    name = body[_FIRST.size : after_name].decode()
    before, after = body[data : data + old], body[data + old : data + old + new]
    return undone, Change(name, (x, y, z), (wide, deep, high), dtype, before, after)
