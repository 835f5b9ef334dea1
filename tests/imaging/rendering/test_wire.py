"""Notes and arrays come out of the pipe as they went in, and nothing else does."""

import io
import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medviz.imaging.rendering.wire import receive, send


class Pipe(io.BytesIO):
    """Takes and gives a few bytes at a time, as a pipe may."""

    def write(self, data: object) -> int:
        return super().write(bytes(data)[:1000])  # type: ignore[call-overload]

    def readinto(self, view: object) -> int:
        return super().readinto(memoryview(view)[:777])  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["u1", "<i2", "<u2", "<f4", "<f8", "?"])
@pytest.mark.parametrize("shape", [(3, 4, 5), (0, 3), (2000,), ()])
def test_arrays_come_out_as_they_went_in(kind: str, shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).integers(0, 2, shape).astype(kind)
    turned = np.asfortranarray(array)[..., ::-1] if len(shape) > 1 else array
    pipe = Pipe()
    send(pipe, {"do": "draw", "number": 3}, [array, turned])
    pipe.seek(0)
    note, (one, other) = receive(pipe)
    assert note == {"do": "draw", "number": 3}
    assert one.dtype == array.dtype and np.array_equal(one, array) and np.array_equal(other, turned)


@given(st.dictionaries(st.text(max_size=8), st.one_of(st.integers(), st.text(max_size=20), st.booleans(), st.none())))
def test_notes_come_out_as_they_went_in(note: dict[str, object]) -> None:
    note.pop("arrays", None)
    pipe = Pipe()
    send(pipe, note)
    pipe.seek(0)
    assert receive(pipe) == (note, [])


def framed(note: object) -> bytes:
    head = json.dumps(note).encode()
    return struct.pack("<I", len(head)) + head


@pytest.mark.parametrize(
    "rubbish",
    [
        b"",
        b"\x01",
        struct.pack("<I", 2**31),
        struct.pack("<I", 10) + b"{",
        framed({"arrays": [{"dtype": "O", "shape": [2]}]}) + bytes(64),
        framed({"arrays": [{"dtype": "<f8", "shape": [1 << 20, 1 << 20]}]}),
        framed({"arrays": [{"dtype": "<f8", "shape": [4]}]}) + bytes(8),
    ],
    ids=["nothing", "a byte", "too long", "half", "objects", "too large", "cut off"],
)
def test_what_is_broken_is_an_end_and_takes_no_memory(rubbish: bytes) -> None:
    with pytest.raises((EOFError, ValueError)):
        receive(Pipe(rubbish))
