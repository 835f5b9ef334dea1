"""A long series: only the frames that are wanted are decoded, from anywhere in the file, by a mark left on the way."""

import gzip
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medviz.imaging.readers import read, seeking, write
from medviz.imaging.readers.seeking import Seeking
from medviz.imaging.volume import Volume
from medviz.messages import finished
from medviz.refused import Refused
from tests.imaging.making import saved

pytestmark = pytest.mark.trap("T17")


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medviz.imaging.readers.nifti.LONG_BYTES", 1000)
    monkeypatch.setattr(seeking, "_LEAST_APART", 700)


def series(frames: int = 6, dtype: str = "int16") -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(0, 3000, (7, 8, 9, frames)).astype(dtype)


def lazily(path: Path) -> Volume:
    return finished(read(path, lazily=True))


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("dtype", ["int16", ">f4", "uint8"])
def test_a_frame_is_there_when_it_was_asked_for(name: str, dtype: str, tmp_path: Path) -> None:
    voxels, path = series(dtype=dtype), tmp_path / "a.nii"
    header = nib.Nifti1Header(endianness=">" if dtype.startswith(">") else "<")
    header.set_data_dtype(dtype)
    nib.save(nib.Nifti1Image(voxels, np.diag([1.0, 2.0, 3.0, 1.0]), header), path)
    if name.endswith(".gz"):
        (tmp_path / name).write_bytes(gzip.compress(path.read_bytes()))
    scan = lazily(tmp_path / name)
    assert scan.pending is not None and scan.pending.missing == (1, 2, 3, 4, 5)
    assert np.array_equal(scan.frame(0), voxels[..., 0]) and scan.voxels.dtype.isnative
    for frame in (4, 2, 5, 1):
        finished(scan.pending.load(frame))
        assert np.array_equal(scan.frame(frame), voxels[..., frame])
    assert scan.pending.missing == (3,) and not scan.frame(3).any()
    finished(scan.pending.rest())
    assert np.array_equal(scan.voxels, np.moveaxis(voxels, 3, 0)) and scan.pending.missing == ()


@pytest.mark.usefixtures("short")
def test_what_is_written_has_all_frames(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.nii", series(), np.eye(4))
    write(lazily(path), tmp_path / "b.nii.gz")
    assert np.array_equal(finished(read(tmp_path / "b.nii.gz")).voxels, np.moveaxis(series(), 3, 0))


def test_a_short_series_and_a_whole_reading_have_all_frames(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.nii", series(), np.eye(4))
    assert lazily(path).pending is None and finished(read(path)).pending is None


@pytest.mark.usefixtures("short")
def test_a_frame_behind_the_cut_is_refused_and_the_first_can_be_seen(tmp_path: Path) -> None:
    whole = gzip.compress(saved(tmp_path / "a.nii", series(), np.eye(4)).read_bytes())
    (tmp_path / "a.nii.gz").write_bytes(whole[: len(whole) // 2])
    scan = lazily(tmp_path / "a.nii.gz")
    assert scan.pending is not None and scan.frame(0).any()
    with pytest.raises(Refused, match="cut short"):
        finished(scan.pending.load(5))
    assert not scan.pending.has(5)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9000), st.integers(1, 1500)), min_size=1, max_size=8), st.integers(1, 3))
def test_any_part_of_any_gzip_is_read_as_python_reads_it(parts: list[tuple[int, int]], members: int) -> None:
    content = np.random.default_rng(3).integers(0, 40, 10_500).astype(np.uint8).tobytes()
    cuts = [len(content) * n // members for n in range(members + 1)]
    packed = b"".join(gzip.compress(content[a:b]) for a, b in pairwise(cuts))
    path = Path(__file__).with_name(f".{members}.gz")
    path.write_bytes(packed)
    before, seeking._LEAST_APART = seeking._LEAST_APART, 500
    try:
        reading = Seeking(path)
        for start, size in parts:
            found = np.zeros(size, np.uint8)
            finished(reading.filled(found, start))
            assert found.tobytes() == content[start : start + size]
    finally:
        seeking._LEAST_APART = before
        path.unlink()


MEASURE = """
import resource, sys
from pathlib import Path
from medviz.imaging.readers import read
from medviz.messages import finished
import numpy as np
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
scan = finished(read(Path(sys.argv[1]), lazily=True))
assert scan.frames == 40 and scan.frame(0).any()
finished(scan.pending.load(20))
assert scan.frame(20).any()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss has another unit elsewhere")
def test_two_frames_of_a_series_take_the_memory_of_two_frames(tmp_path: Path) -> None:
    """40 frames of 8 MB: 320 MB in all."""
    frame = np.arange(128 * 128 * 256, dtype=np.int16).reshape(128, 128, 256)
    path = saved(tmp_path / "one.nii", frame[..., None], np.eye(4))
    whole = bytearray(path.read_bytes())
    whole[40:42], whole[48:50] = (4).to_bytes(2, "little"), (40).to_bytes(2, "little")
    with gzip.open(tmp_path / "long.nii.gz", "wb", compresslevel=1) as file:
        file.write(whole)
        for _ in range(39):
            file.write(frame.tobytes(order="F"))
    said = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path / "long.nii.gz")], check=True, capture_output=True, text=True
    )
    assert int(said.stdout) < 60_000, f"{said.stdout.strip()} kB for 16 MB"
