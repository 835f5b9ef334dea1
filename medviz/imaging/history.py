"""Changes of a label map as differences: undone and redone (and written to a journal, see `journal`).

A change keeps only the box it touched, compressed: a brush of 12 mm radius costs some hundred bytes where a copy of a
512×512×400 map costs 105 MB.
"""

import zlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medviz.imaging.labels import Label

Array = NDArray[Any]
Box = tuple[slice, slice, slice]
Table = tuple[Label, ...]


@dataclass(frozen=True, eq=False)
class Change:
    """What one stroke did: the box it touched and what stood there before and after (compressed).

    `tables` are the names and colours of the labels before and after, where they changed too.
    """

    name: str
    start: tuple[int, int, int]
    shape: tuple[int, int, int]
    dtype: str
    before: bytes
    after: bytes
    tables: tuple[Table, Table] | None = None

    @property
    def box(self) -> Box:
        """The box as slices of the label map (x, y, z)."""
        x, y, z = (slice(first, first + size) for first, size in zip(self.start, self.shape, strict=True))
        return x, y, z

    @property
    def size_bytes(self) -> int:
        """Memory the change keeps."""
        return len(self.before) + len(self.after)

    @property
    def voxels(self) -> int:
        """Voxels in the box."""
        return int(np.prod(self.shape, dtype=np.int64))

    def cast(self, dtype: np.dtype[Any]) -> "Change":
        """Return the same change of a map of another data type."""
        before, after = (
            zlib.compress(self._array(one).astype(dtype).tobytes(), 1) for one in (self.before, self.after)
        )
        return replace(self, dtype=dtype.str, before=before, after=after)

    @cached_property
    def gains(self) -> dict[int, int]:
        """How many voxels each label above 0 gains, or below 0 loses."""
        after, before = _counts(self._array(self.after)), _counts(self._array(self.before))
        size = max(len(after), len(before))
        delta = np.pad(after, (0, size - len(after))) - np.pad(before, (0, size - len(before)))
        return {int(value): int(delta[value]) for value in np.flatnonzero(delta) if value > 0}

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
    return change_between(name, (box[0].start or 0, box[1].start or 0, box[2].start or 0), labels[box], after)


def change_between(name: str, corner: tuple[int, int, int], before: Array, after: Array) -> Change | None:
    """Describe the change of a box that begins at `corner`, trimmed to what differs; None where nothing does."""
    differs = before != after
    if not differs.any():
        return None
    inner = tight_box(differs)
    start = tuple(int(first) + one.start for first, one in zip(corner, inner, strict=True))
    old, new = np.ascontiguousarray(before[inner]), np.ascontiguousarray(after[inner].astype(before.dtype))
    return Change(
        name=name,
        start=(start[0], start[1], start[2]),
        shape=old.shape,
        dtype=before.dtype.str,
        before=zlib.compress(old.tobytes(), 1),
        after=zlib.compress(new.tobytes(), 1),
    )


def _counts(labels: Array) -> Array:
    """Voxels by value; a million at a time, since numpy takes eight bytes for each that it counts."""
    flat = labels.reshape(-1)
    parts = [np.bincount(flat[start : start + 2**20]) for start in range(0, flat.size, 2**20)] or [np.zeros(1, int)]
    size = max(len(part) for part in parts)
    counts: Array = np.sum([np.pad(part, (0, size - len(part))) for part in parts], axis=0)
    return counts


def renamed(name: str, before: Table, after: Table, dtype: str = "|u1") -> Change:
    """Describe a change of names and colours alone."""
    nothing = zlib.compress(b"", 1)
    return Change(name, (0, 0, 0), (0, 0, 0), dtype, nothing, nothing, (before, after))


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
    def names(self) -> tuple[str, ...]:
        """What was done, the first one first, and after that what was undone."""
        return tuple(change.name for change in (*self._done, *reversed(self._undone)))

    @property
    def place(self) -> int:
        """How many of the names are done."""
        return len(self._done)

    @property
    def size_bytes(self) -> int:
        """Memory all changes keep."""
        return sum(change.size_bytes for change in (*self._done, *self._undone))

    def cast(self, dtype: np.dtype[Any]) -> None:
        """Keep all changes as another data type: the map has become one that holds greater values."""
        self._done = [change.cast(dtype) for change in self._done]
        self._undone = [change.cast(dtype) for change in self._undone]

    def next_undone(self) -> Change | None:
        """The change that undo would take back."""
        return self._done[-1] if self._done else None

    def next_redone(self) -> Change | None:
        """The change that redo would bring back."""
        return self._undone[-1] if self._undone else None

    def do(self, labels: Array, change: Change) -> None:
        """Apply a change and remember it; what was undone is forgotten."""
        change.redo(labels)
        self.remember(change)

    def remember(self, change: Change) -> None:
        """Remember a change that stands in the map already; what was undone is forgotten."""
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
