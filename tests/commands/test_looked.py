"""Turned planes, slabs and a second scan from a command line."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medviz.__main__ import main
from tests.imaging.making import asymmetric, saved


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    voxels = asymmetric((24, 20, 16)) + np.random.default_rng(0).integers(0, 900, (24, 20, 16), np.int16)
    return saved(tmp_path / "scan.nii", voxels, np.diag([1.0, 1.5, 2.0, 1.0]))


def drawn(path: Path, out: Path, *more: str) -> np.ndarray:
    assert main(["render", str(path), "--out", str(out), "--plane", "coronal", *more]) == 0
    return np.asarray(Image.open(out))


def test_turned_thick_and_mixed_pictures_differ_from_the_plain_one(scan: Path, tmp_path: Path) -> None:
    out = tmp_path / "slice.png"
    plain = drawn(scan, out)
    other = saved(tmp_path / "other.nii", asymmetric((12, 10, 8))[::-1].copy(), np.diag([2.0, 3.0, 4.0, 1.0]))
    for more in (
        ("--turn=20,0,0",),
        ("--slab", "12"),
        ("--slab", "12", "--slab-kind", "mean"),
        ("--second", str(other), "--mix", "tiles"),
        ("--second", str(other), "--mix", "difference"),
    ):
        made = drawn(scan, out, *more)
        assert made.shape != plain.shape or not np.array_equal(made, plain), more
    assert np.array_equal(drawn(scan, out, "--straight"), plain), "it is straight already"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--turn", "1,2"), "three angles"),
        (("--turn", "a,b,c"), "three angles"),
        (("--turn", "nan,0,0"), "three angles"),
        (("--slab", "-3"), "no such slab"),
        (("--slab", "nan"), "no such slab"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    scan: Path, tmp_path: Path, more: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["render", str(scan), "--out", str(tmp_path / "a.png"), *more]) != 0
    assert said in capsys.readouterr().err
