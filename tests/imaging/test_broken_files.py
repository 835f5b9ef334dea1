"""Any file at all is either read or refused in a sentence; nothing else may happen."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medviz.imaging.readers import describe
from medviz.imaging.volume import Volume
from medviz.refused import Refused
from tests.imaging.making import asymmetric, opened, saved

pytestmark = pytest.mark.trap("T25")
SUFFIXES = (".nii", ".nii.gz", ".hdr", ".img", ".png", ".jpg", ".tif", ".bmp", ".npy", "")


def survives(path: Path) -> None:
    for call in (opened, describe):
        try:
            made = call(path)
        except Refused as refusal:
            assert path.name in str(refusal)
        else:
            assert isinstance(made, Volume | dict)
            if isinstance(made, Volume):
                assert np.isfinite(made.affine).all() and np.isfinite(made.inverse).all()
                assert min(made.shape) > 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("broken")


@given(st.binary(max_size=800), st.sampled_from(SUFFIXES))
def test_any_bytes_under_any_name(folder: Path, content: bytes, suffix: str) -> None:
    path = folder / f"file{suffix}"
    path.write_bytes(content)
    survives(path)


@settings(max_examples=300)
@given(st.lists(st.tuples(st.integers(0, 351), st.integers(0, 255)), min_size=1, max_size=6), st.booleans())
def test_a_nifti_header_with_some_bytes_wrong(folder: Path, changes: list, packed: bool) -> None:
    path = saved(folder / "scan.nii", asymmetric((3, 4, 5)), np.diag([1.0, 2.0, 3.0, 1.0]))
    whole = bytearray(path.read_bytes())
    for at, value in changes:
        whole[at] = value
    if packed:
        path = folder / "scan.nii.gz"
    path.write_bytes(gzip.compress(whole) if packed else whole)
    survives(path)


@settings(max_examples=100)
@given(st.integers(0, 3000), st.binary(min_size=1, max_size=4))
def test_a_gzipped_scan_with_some_bytes_wrong(folder: Path, at: int, wrong: bytes) -> None:
    path = saved(folder / "scan.nii", asymmetric(), np.eye(4))
    whole = bytearray(gzip.compress(path.read_bytes()))
    at %= len(whole)
    whole[at : at + len(wrong)] = wrong
    (folder / "scan.nii.gz").write_bytes(whole)
    survives(folder / "scan.nii.gz")


@settings(max_examples=60)
@given(st.sampled_from(("png", "jpeg", "tiff", "bmp")), st.integers(0, 4000), st.binary(min_size=1, max_size=4))
def test_a_picture_with_some_bytes_wrong(folder: Path, kind: str, at: int, wrong: bytes) -> None:
    from PIL import Image

    path = folder / f"picture.{kind}"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 50, 3), np.uint8)).save(path, kind)
    whole = bytearray(path.read_bytes())
    at %= len(whole)
    whole[at : at + len(wrong)] = wrong
    path.write_bytes(whole)
    survives(path)


@settings(max_examples=60)
@given(st.integers(0, 150), st.binary(min_size=1, max_size=4))
def test_an_array_with_some_bytes_wrong(folder: Path, at: int, wrong: bytes) -> None:
    path = folder / "array.npy"
    np.save(path, np.arange(60.0).reshape(3, 4, 5))
    whole = bytearray(path.read_bytes())
    whole[at : at + len(wrong)] = wrong
    path.write_bytes(whole)
    survives(path)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("letter.nii.gz", b"Dear colleague, enclosed please find ...", "text"),
        ("letter.png", b"Dear colleague, enclosed please find ...", "text"),
        ("letter.txt", b"Dear colleague, enclosed please find ...", "text"),
        ("nothing.nii.gz", b"", "empty"),
        ("torn.nii.gz", b"\x1f\x8b\x08\x00", "damaged"),
        ("packed.nii.gz", gzip.compress(b"Dear colleague", mtime=0), "text"),
    ],
)
def test_the_sentence_says_what_the_file_is(name: str, content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(Refused, match=words):
        opened(tmp_path / name)


def test_a_folder_and_a_missing_file_are_said(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="folder is empty"):
        opened(tmp_path)
    with pytest.raises(Refused, match="no such file"):
        opened(tmp_path / "gone.nii.gz")
    saved(tmp_path / "t1.nii", asymmetric(), np.eye(4))
    with pytest.raises(Refused, match=r"no known kind of image; open a file of it, for example t1\.nii"):
        opened(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
@pytest.mark.timeout(10)
def test_a_pipe_does_not_keep_anyone_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "scan.nii.gz")
    with pytest.raises(Refused, match="no ordinary file"):
        opened(tmp_path / "scan.nii.gz")
