"""How the window and the process that renders speak: a line of JSON, then the arrays it names, byte for byte.

Nothing is pickled: what a broken or replaced program at the other end sends is numbers and text, never code.
"""

import json
import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Note = dict[str, Any]
_LENGTH = struct.Struct("<I")
_LONGEST, _LARGEST, _PIECE = 16 << 20, 8 << 30, 16 << 20


def send(stream: BinaryIO, note: Mapping[str, Any], arrays: Sequence[Array] = ()) -> None:
    """Write a note and its arrays; raises OSError where the other end has gone."""
    told = [{"dtype": array.dtype.str, "shape": array.shape} for array in arrays]
    head = json.dumps({**note, "arrays": told}).encode()
    _write(stream, memoryview(_LENGTH.pack(len(head)) + head))
    for array in arrays:
        if array.size:
            _write(stream, np.ascontiguousarray(array).data.cast("B"))
    stream.flush()


def receive(stream: BinaryIO) -> tuple[Note, list[Array]]:
    """Read a note and its arrays; raises EOFError where the other end has gone."""
    (length,) = _LENGTH.unpack(_read(stream, _LENGTH.size))
    if length > _LONGEST:
        raise EOFError(f"a note of {length} bytes")
    note: Note = json.loads(_read(stream, length))
    return note, [_array(stream, one) for one in note.pop("arrays", [])]


def _write(stream: BinaryIO, view: memoryview) -> None:
    """Write all of it: a pipe without a buffer may take a part."""
    done = 0
    while done < len(view):
        done += stream.write(view[done : done + _PIECE])


def _array(stream: BinaryIO, told: Mapping[str, Any]) -> Array:
    kind, size = np.dtype(told["dtype"]), math.prod(told["shape"])
    if kind.hasobject or size * kind.itemsize > _LARGEST:
        raise EOFError(f"an array of {size} times {kind}")
    made = np.empty(told["shape"], kind)
    if made.size:
        _fill(stream, made.data.cast("B"))
    return made


def _read(stream: BinaryIO, count: int) -> bytes:
    buffer = bytearray(count)
    _fill(stream, memoryview(buffer))
    return bytes(buffer)


def _fill(stream: BinaryIO, view: memoryview) -> None:
    done = 0
    while done < len(view):
        read = stream.readinto(view[done:])  # type: ignore[attr-defined]
        if not read:
            raise EOFError("the other end has gone")
        done += read
