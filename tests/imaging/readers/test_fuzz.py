"""Files of every format, damaged anywhere: read, or refused in a sentence; nothing else, not long, not large."""

import gzip
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom.data
import pytest
import SimpleITK
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from medviz.imaging.labels import load
from medviz.imaging.readers import describe, pictures_of, read, read_over, series_of
from medviz.imaging.volume import Volume
from medviz.messages import finished
from medviz.refused import Refused
from tests.imaging.dicom_files import phantom, write_series
from tests.imaging.making import asymmetric, volume
from tests.imaging.readers.peak import peak_kb
from tests.imaging.readers.test_contours import square, write_structures
from tests.imaging.readers.test_instants import write_enhanced
from tests.standard import a_sentence

pytestmark = pytest.mark.trap("T25")
PYDICOM = Path(pydicom.data.__file__).parent / "test_files"
SMALL = np.asfortranarray(asymmetric((5, 6, 7)))
LONGEST_S, MOST_KB = 20.0, 400_000
"""A busy machine is slow; a file of some kB that takes 20 s hangs."""


def nifti(path: Path) -> None:
    nib.save(nib.Nifti1Image(SMALL, np.diag([1.0, 2.0, 3.0, 1.0])), path)


def pair(path: Path) -> None:
    nib.save(nib.Nifti1Pair(SMALL, np.eye(4)), path)


def series(path: Path) -> None:
    nib.save(nib.Nifti2Image(np.stack([SMALL] * 3, axis=3).astype(np.complex64), np.eye(4)), path)


def itk(path: Path) -> None:
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(SMALL), str(path), "gz" in path.name)


def picture(path: Path) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (20, 30, 3), np.uint8)).save(path)


def slice_file(path: Path) -> None:
    write_series(path.parent / "ct", phantom(slices=1))
    next((path.parent / "ct").iterdir()).replace(path)


def shipped(name: str) -> Callable[[Path], None]:
    return lambda path: path.write_bytes((PYDICOM / name).read_bytes()) and None


KINDS: dict[str, Callable[[Path], object]] = {
    "a.nii": nifti,
    "b.nii.gz": nifti,
    "c.nii.gz": series,
    "d.hdr": pair,
    "e.mgh": lambda path: nib.save(nib.MGHImage(SMALL.astype(np.float32), np.eye(4)), path),
    "f.mgz": lambda path: nib.save(nib.MGHImage(SMALL.astype(np.float32), np.eye(4)), path),
    "g.nrrd": itk,
    "h.mha": itk,
    "i.npy": lambda path: np.save(path, SMALL),
    "j.png": picture,
    "k.tif": picture,
    "l.jpg": picture,
    "m.bmp": picture,
    "n.dcm": slice_file,
    "o.dcm": lambda path: write_enhanced(path, lambda t, k: {}),
    "p.dcm": lambda path: write_structures(path, ("a", None, [square(z, -5, 5) for z in (0.0, 2.0)])),
    "q.dcm": shipped("liver_1frame.dcm"),
    "r.dcm": shipped("MR_small_RLE.dcm"),
    "s.dcm": shipped("MR_small_jpeg_ls_lossless.dcm"),
    "t.dcm": shipped("examples_palette.dcm"),
    "u.dcm": shipped("image_dfl.dcm"),
    "v.dcm": shipped("rtdose.dcm"),
}
SCAN = volume(np.zeros((8, 9, 10), np.int16))


class Whole(dict[str, bytes]):
    """Sound files by name."""

    def __repr__(self) -> str:
        return f"{len(self)} files"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """A sound file of each kind, and for pairs the other half."""
    folder = tmp_path_factory.mktemp("whole")
    made = Whole()
    for name, make in KINDS.items():
        make(folder / name)
        made[name] = (folder / name).read_bytes()
    made["d.img"] = (folder / "d.img").read_bytes()
    return made


@pytest.fixture(scope="module", autouse=True)
def memory() -> Iterator[None]:
    """Whatever a header declares, it takes no memory that the file cannot fill."""
    before = peak_kb()
    yield
    assert peak_kb() - before < MOST_KB


def survives(path: Path) -> None:
    began = time.monotonic()
    for call in (
        lambda: finished(read(path)),
        lambda: describe(path),
        lambda: finished(read_over(path, SCAN)),
        lambda: finished(read(path, lazily=True)),
        lambda: finished(pictures_of(finished(series_of(path)))),
        lambda: finished(read(path, regular=True)),
    ):
        try:
            made = call()
        except Refused as refusal:
            a_sentence(refusal)
        else:
            if isinstance(made, Volume):
                assert np.isfinite(made.affine).all() and np.isfinite(made.inverse).all() and min(made.shape) > 0
    assert time.monotonic() - began < LONGEST_S


def put(folder: Path, name: str, content: bytes, whole: Whole) -> Path:
    path = folder / name
    path.write_bytes(content)
    if name == "d.hdr":
        (folder / "d.img").write_bytes(whole["d.img"])
    return path


@pytest.mark.parametrize("name", KINDS)
def test_a_sound_file_is_read(name: str, whole: Whole, tmp_path: Path) -> None:
    """So that the tests below damage what works."""
    assert isinstance(finished(read(put(tmp_path, name, whole[name], whole))), Volume)


@pytest.mark.parametrize("name", KINDS)
def test_cut_off_anywhere(name: str, whole: Whole, tmp_path: Path) -> None:
    content = whole[name]
    places = {0, 1, 4, 100, 131, 132, 140, 200, 340, 348, 352, 400, 512}
    places |= {len(content) * n // 5 for n in range(5)} | {len(content) - 1, len(content) - 20}
    for place in sorted(place for place in places if 0 <= place < len(content)):
        survives(put(tmp_path, name, content[:place], whole))


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=5), early=st.booleans()
)
def test_bytes_wrong_anywhere(
    name: str, changes: list, early: bool, whole: Whole, tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = bytearray(whole[name])
    reach = min(len(content), 1500) if early else len(content)
    for share, value in changes:
        content[int(share * reach)] = value
    survives(put(tmp_path_factory.getbasetemp(), name, bytes(content), whole))


@pytest.mark.parametrize("name", KINDS)
def test_under_the_ending_of_another(name: str, whole: Whole, tmp_path: Path) -> None:
    """The content wins over the name, or the sentence says what does not fit."""
    for suffix in (".nii.gz", ".nii", ".dcm", ".nrrd", ".mha", ".mgz", ".png", ".npy", ".txt", ""):
        survives(put(tmp_path, f"x{suffix}", whole[name], whole))


@pytest.mark.parametrize("name", ["n.dcm", "o.dcm", "p.dcm", "r.dcm", "a.nii", "h.mha", "g.nrrd"])
def test_rubbish_behind_a_sound_file_does_no_harm(name: str, whole: Whole, tmp_path: Path) -> None:
    survives(put(tmp_path, name, whole[name] + bytes(100) + b"rubbish" * 50, whole))


def test_a_folder_of_damaged_slices(whole: Whole, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(30):
        content = bytearray(whole["n.dcm"])
        for place in rng.integers(0, len(content), 4):
            content[place] = int(rng.integers(0, 256))
        (tmp_path / f"{number}.dcm").write_bytes(bytes(content[: int(rng.integers(200, len(content)))]))
    survives(tmp_path)


# -- tables of labels ---------------------------------------------------------------------------------------------

TABLES = {
    "snap.txt": '# ITK-SnAP Label Description File\n  0  0 0 0  0 0 0  "Clear"\n  1  255 0 0  1 1 1  "liver"\n',
    "free.txt": "# FreeSurfer\n0 Unknown 0 0 0 0\n17 Left-Hippocampus 220 216 20 0\n",
    "dataset.json": '{"labels": {"background": 0, "liver": 1}}',
    "dataset2.json": '{"labels": {"0": "background", "1": "liver"}}',
}


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_read_whatever_ends_its_lines(name: str, mark: str, ending: str, tmp_path: Path) -> None:
    plain, other = tmp_path / f"plain_{name}", tmp_path / name
    plain.write_text(TABLES[name], encoding="utf-8", newline="")
    other.write_bytes((mark + TABLES[name].replace("\n", ending)).encode())
    assert load(other) == load(plain) and len(load(plain)) >= 1


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(TABLES)), st.integers(0, 300), st.binary(min_size=1, max_size=6), st.booleans())
def test_a_table_with_bytes_wrong(name: str, at: int, wrong: bytes, cut: bool) -> None:
    content = TABLES[name].encode()
    at %= len(content)
    path = Path(__file__).with_name(f".{name}")
    path.write_bytes(content[:at] + wrong + (b"" if cut else content[at + len(wrong) :]))
    try:
        load(path)
    except Refused as refusal:
        a_sentence(refusal)
    finally:
        path.unlink()


def test_a_bomb_takes_no_memory(tmp_path: Path) -> None:
    """200 MB of zeros in 200 kB behind the header of a small scan."""
    nifti(tmp_path / "a.nii")
    (tmp_path / "bomb.nii.gz").write_bytes(gzip.compress((tmp_path / "a.nii").read_bytes() + bytes(200 << 20), 1))
    before = peak_kb()
    assert finished(read(tmp_path / "bomb.nii.gz")).shape == (5, 6, 7)
    assert peak_kb() - before < 50_000


@pytest.mark.trap("T16")
@pytest.mark.parametrize("name", ["g.nrrd", "h.mha"])
def test_a_header_that_declares_more_than_the_file_can_hold_takes_no_memory(
    name: str, whole: Whole, tmp_path: Path
) -> None:
    content = whole[name]
    for line in (b"sizes: 7 6 5", b"sizes: 5 6 7", b"DimSize = 7 6 5", b"DimSize = 5 6 7"):
        content = content.replace(line, line.split(b" ")[0] + (b" = " if b"=" in line else b" ") + b"1200 1200 1200")
    assert content != whole[name]
    (tmp_path / name).write_bytes(content)
    before = peak_kb()
    with pytest.raises(Refused) as refusal:
        finished(read(tmp_path / name))
    a_sentence(refusal.value)
    assert "declares" in str(refusal.value)
    assert peak_kb() - before < 50_000
