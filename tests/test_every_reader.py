"""Every file format is handed garbage, and refuses it in one sentence."""

import gzip
import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medviz.imaging.readers import READERS, read
from medviz.messages import finished
from medviz.refused import Refused
from tests.standard import a_sentence


def header_352() -> bytes:
    """Return the header of a NIfTI-1 file of 2000³ float32, and nothing after it."""
    head = bytearray(352)
    struct.pack_into("<i", head, 0, 348)
    struct.pack_into("<8h", head, 40, 3, 2000, 2000, 2000, 1, 1, 1, 1)
    struct.pack_into("<2h", head, 70, 16, 32)
    struct.pack_into("<8f", head, 76, 1, 1, 1, 1, 1, 1, 1, 1)
    struct.pack_into("<f", head, 108, 352.0)
    head[344:348] = b"n+1\0"
    return bytes(head)


def png_head() -> bytes:
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBB", 13, b"IHDR", 4000, 4000, 8, 2, 0, 0, 0)


def npy(array: Any, **how: Any) -> bytes:
    into = io.BytesIO()
    np.save(into, array, **how)
    return into.getvalue()


GARBAGE = {
    "nothing": b"",
    "one byte": b"\0",
    "text": b"this is a letter and no scan\n" * 40,
    "noise": np.random.default_rng(0).bytes(5000),
    "zeros": bytes(5000),
    "a header that declares 2000 cubed floats": header_352(),
    "half a header": header_352()[:200],
    "gzip of text": gzip.compress(b"a letter" * 100),
    "gzip cut short": gzip.compress(header_352() + bytes(100_000), mtime=0)[:60],
    "gzip of a header alone": gzip.compress(header_352()),
    "head of a PNG": png_head(),
    "head of a NumPy file": npy(np.zeros((4, 4)))[:40],
    "NumPy data cut short": npy(np.zeros((40, 40)))[:-100],
    "NumPy of objects": npy(np.array([{"a": 1}], dtype=object), allow_pickle=True),
    "NumPy of five axes": npy(np.zeros((2, 2, 2, 2, 2))),
    "zip": b"PK\x03\x04" + bytes(200),
    "a web page": b"<!doctype html><title>404</title>",
}
SUFFIXES = sorted({suffix for entry in READERS.entries.values() for suffix in getattr(entry, "suffixes", ())})


@pytest.mark.parametrize("suffix", ["", ".dat", *SUFFIXES])
@pytest.mark.parametrize("what", GARBAGE)
@pytest.mark.trap("T16", "T25")
def test_garbage_is_refused_in_one_sentence_that_names_the_file(what: str, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"scan{suffix}"
    path.write_bytes(GARBAGE[what])
    before = path.read_bytes()
    with pytest.raises(Refused) as refusal:
        finished(read(path))
    a_sentence(refusal.value)
    assert path.name in str(refusal.value)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("reader", list(READERS))
@pytest.mark.parametrize("what", GARBAGE)
def test_each_reader_refuses_garbage_that_it_is_handed_all_the_same(what: str, reader: str, tmp_path: Path) -> None:
    suffix = next(iter(getattr(READERS.entries[reader], "suffixes", ("",))))
    path = tmp_path / f"scan{suffix}"
    path.write_bytes(GARBAGE[what])
    for call in (lambda: finished(READERS[reader].read(path)), lambda: READERS[reader].describe(path)):
        try:
            call()
        except Refused as refusal:
            a_sentence(refusal)
        else:
            assert "header" in what, "only a header can be described"


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "gone.nii.gz", tmp_path / "empty", tmp_path / "gone" / "deep.png"):
        with pytest.raises(Refused) as refusal:
            finished(read(path))
        a_sentence(refusal.value)
