"""Changes of a label map as differences: undone, redone, and written to a journal that survives a crash.

A change keeps only the box it touched, compressed: a brush of 12 mm radius costs some hundred bytes where a copy of a
512×512×400 map costs 105 MB.
"""

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medviz.refused import Refused

Array = NDArray[Any]
Box = tuple[slice, slice, slice]
_MAGIC = b"medviz-journal-1\n"
_HEAD = struct.Struct("<I3IcH")
_RECORD = struct.Struct("<II")


@dataclass(frozen=True, eq=False)
class Change:
    """What one stroke did: the box it touched and what stood there before and after (compressed)."""

    name: str
    start: tuple[int, int, int]
    shape: tuple[int, int, int]
    dtype: str
    before: bytes
    after: bytes

    @property
    def box(self) -> Box:
        """The box as slices of the label map (x, y, z)."""
        x, y, z = (slice(first, first + size) for first, size in zip(self.start, self.shape, strict=True))
        return x, y, z

    @property
    def size_bytes(self) -> int:
        """Memory the change keeps."""
        return len(self.before) + len(self.after)

    def redo(self, labels: Array) -> None:
        """Put what came after into the map."""
        labels[self.box] = self._array(self.after)

    def undo(self, labels: Array) -> None:
        """Put what was before into the map."""
        labels[self.box] = self._array(self.before)

    def _array(self, packed: bytes) -> Array:
        return np.frombuffer(zlib.decompress(packed), np.dtype(self.dtype)).reshape(self.shape)


def change_of(name: str, labels: Array, box: Box, after: Array) -> Change | None:
    """Describe the change of `labels[box]` to `after`, trimmed to what differs; None where nothing does.

    `labels` is (x, y, z) and is not touched.
    """
    before = labels[box]
    differs = before != after
    if not differs.any():
        return None
    inner = tight_box(differs)
    start = tuple(int(part.start or 0) + one.start for part, one in zip(box, inner, strict=True))
    old, new = np.ascontiguousarray(before[inner]), np.ascontiguousarray(after[inner].astype(labels.dtype))
    return Change(
        name=name,
        start=(start[0], start[1], start[2]),
        shape=old.shape,
        dtype=labels.dtype.str,
        before=zlib.compress(old.tobytes(), 1),
        after=zlib.compress(new.tobytes(), 1),
    )


def tight_box(mask: Array) -> Box:
    """Return the smallest box around the true voxels of a mask that has some."""
    sides = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        found = np.flatnonzero(mask.any(axis=others))
        sides.append(slice(int(found[0]), int(found[-1]) + 1))
    return sides[0], sides[1], sides[2]


class History:
    """One undo stack for all that changes a label map: brush, fill and accepted proposals alike.

    At most `limit_bytes` are kept; the oldest changes are forgotten first.
    """

    def __init__(self, limit_bytes: int = 256 * 2**20) -> None:
        self.limit_bytes = limit_bytes
        self._done: list[Change] = []
        self._undone: list[Change] = []

    @property
    def undo_name(self) -> str | None:
        """What undo would take back, None where there is nothing."""
        return self._done[-1].name if self._done else None

    @property
    def redo_name(self) -> str | None:
        """What redo would bring back, None where there is nothing."""
        return self._undone[-1].name if self._undone else None

    @property
    def size_bytes(self) -> int:
        """Memory all changes keep."""
        return sum(change.size_bytes for change in (*self._done, *self._undone))

    def do(self, labels: Array, change: Change) -> None:
        """Apply a change and remember it; what was undone is forgotten."""
        change.redo(labels)
        self._undone.clear()
        self._done.append(change)
        while self.size_bytes > self.limit_bytes and len(self._done) > 1:
            self._done.pop(0)

    def undo(self, labels: Array) -> Change | None:
        """Take the last change back and return it."""
        if not self._done:
            return None
        change = self._done.pop()
        change.undo(labels)
        self._undone.append(change)
        return change

    def redo(self, labels: Array) -> Change | None:
        """Bring the last undone change back and return it."""
        if not self._undone:
            return None
        change = self._undone.pop()
        change.redo(labels)
        self._done.append(change)
        return change


class Journal:
    """Changes on disk as they happen: each record has a length and a checksum, and is flushed to the disk.

    After ``kill -9`` or a full disk `replay` brings back all whole records. A record says "do" or "undo".
    """

    def __init__(self, path: Path, labels: Array) -> None:
        self.path = path
        fresh = not path.exists() or path.stat().st_size == 0
        self._file = path.open("ab")
        if fresh:
            self._file.write(_MAGIC + _head(labels))
            self._sync()

    def write(self, change: Change, undone: bool = False) -> None:
        """Append a change; `undone` where it was taken back. Raises OSError where the disk is full or gone."""
        name = change.name.encode()
        body = b"".join(
            [
                struct.pack("<?H3I3I", undone, len(name), *change.start, *change.shape),
                name,
                struct.pack("<II", len(change.before), len(change.after)),
                change.before,
                change.after,
            ]
        )
        self._file.write(_RECORD.pack(len(body), zlib.crc32(body)) + body)
        self._sync()

    def close(self, keep: bool = True) -> None:
        """Close the file; it is deleted unless `keep` (after the map was saved)."""
        self._file.close()
        if not keep:
            self.path.unlink(missing_ok=True)

    def _sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())


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
    for undone, change in _records(content, len(head), labels.dtype.str):
        (change.undo if undone else change.redo)(labels)
        count += 1
    return count


def _head(labels: Array) -> bytes:
    checksum = zlib.crc32(np.ascontiguousarray(labels).view(np.uint8).data)
    return _HEAD.pack(checksum, *labels.shape, labels.dtype.kind.encode(), labels.dtype.itemsize)


def _records(content: bytes, place: int, dtype: str) -> Iterator[tuple[bool, Change]]:
    first = struct.Struct("<?H3I3I")
    while place + _RECORD.size <= len(content):
        length, checksum = _RECORD.unpack_from(content, place)
        body = content[place + _RECORD.size : place + _RECORD.size + length]
        if len(body) < length or zlib.crc32(body) != checksum:
            return
        undone, name_length, *numbers = first.unpack_from(body)
        after_name = first.size + name_length
        old, new = struct.unpack_from("<II", body, after_name)
        data = after_name + 8
        yield (
            undone,
            Change(
                name=body[first.size : after_name].decode(),
                start=(numbers[0], numbers[1], numbers[2]),
                shape=(numbers[3], numbers[4], numbers[5]),
                dtype=dtype,
                before=body[data : data + old],
                after=body[data + old : data + old + new],
            ),
        )
        place += _RECORD.size + length
