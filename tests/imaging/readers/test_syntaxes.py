"""Every DICOM file that ships with pydicom is opened right, or refused in one sentence that says what it is."""

import warnings
from pathlib import Path

import numpy as np
import pydicom.data
import pytest
from pydicom import Dataset, dcmread
from pydicom.pixels import pixel_array
from pydicom.pixels.processing import apply_color_lut
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless, generate_uid

from medviz.imaging.readers import describe, read
from medviz.imaging.volume import Volume
from medviz.messages import finished
from medviz.refused import Refused
from tests.imaging.dicom_files import write_slice
from tests.standard import a_sentence

FILES = Path(pydicom.data.__file__).parent
SHIPPED = sorted(
    path.relative_to(FILES)
    for folder in ("test_files", "charset_files")
    for path in (FILES / folder).rglob("*")
    if path.is_file() and path.suffix not in (".txt", ".dump", ".json", ".icc", ".md", ".py") and path.name != "README"
)
REFUSED = {
    "reportsi.dcm": "a report",
    "reportsi_with_empty_number_tags.dcm": "a report",
    "test-SR.dcm": "a report",
    "rtplan.dcm": "a plan of radiotherapy",
    "rtplan_truncated.dcm": "a plan of radiotherapy",
    "ExplVR_LitEndNoMeta.dcm": "a plan of radiotherapy",
    "ExplVR_BigEndNoMeta.dcm": "a plan of radiotherapy",
    "waveform_ecg.dcm": "a waveform",
    "MR_truncated.dcm": "cut off",
    "liver_expb_1frame.dcm": "big-endian",
    "JPEG2000-embedded-sequence-delimiter.dcm": "JPEG 2000",
    "chrJapMulti.dcm": "no pixels",
    "zipMR.gz": "packed",
}
OTHERS = ("rtstruct", "liver_1frame", "DICOMDIR")  # judged by tests of their own


def opened(path: Path) -> Volume:
    return finished(read(path))


def as_stored(volume: Volume) -> np.ndarray:
    """(slice, row, column) or (slice, row, column, colour) in the values that the file stores."""
    from medviz.imaging.readers.order import to_order

    channels = [to_order(channel, volume.affine, volume.stored.affine) for channel in volume.voxels]
    stacked = np.stack(channels, axis=-1).transpose(2, 1, 0, 3)
    return stacked if volume.kind == "colour" else stacked[..., 0]


def as_pydicom(path: Path) -> np.ndarray | None:
    """The same by pydicom alone; None where its plugins cannot."""
    data: Dataset = dcmread(path)
    try:
        pixels = pixel_array(data)
    except (RuntimeError, ValueError, AttributeError):
        return None
    if str(data.PhotometricInterpretation).startswith("PALETTE"):
        pixels = apply_color_lut(pixels, data)
        return (pixels >> (8 * pixels.dtype.itemsize - 8)).astype(np.uint8)
    if data.SamplesPerPixel == 3 and data.BitsStored > 8:
        return (pixels >> (data.BitsStored - 8)).astype(np.uint8)
    return pixels


@pytest.mark.trap("T25")
@pytest.mark.parametrize("name", SHIPPED, ids=str)
def test_each_file_is_opened_as_pydicom_reads_it_or_refused_in_one_sentence(name: Path) -> None:
    path = FILES / name
    try:
        volume = opened(path)
    except Refused as refusal:
        a_sentence(refusal)
        assert path.name in str(refusal)
        assert REFUSED.get(path.name, "") in str(refusal)
        return
    assert path.name not in REFUSED
    assert min(volume.shape) > 0 and np.isfinite(volume.affine).all()
    told = describe(path)["shape"][:2]
    assert not told or told == list(volume.stored.shape[:2])
    if any(other in path.name for other in OTHERS):
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = as_pydicom(path)
    if expected is not None:
        found = as_stored(volume)
        np.testing.assert_array_equal(found.reshape(expected.shape), expected)


def test_most_of_them_open() -> None:
    """So that the test above cannot pass by refusing."""
    opens = 0
    for name in SHIPPED:
        if "dicomdirtests" not in str(name) and "charset" not in str(name):
            try:
                opened(FILES / name)
                opens += 1
            except Refused:
                pass
    assert opens >= 60


@pytest.mark.parametrize(("name", "mean"), [("JPGExtended.dcm", 60.0), ("JPEG-lossy.dcm", 60.0)])
def test_jpeg_of_12_bits_is_decoded_where_pydicom_cannot(name: str, mean: float) -> None:
    volume = opened(FILES / "test_files" / name)
    lossless = opened(FILES / "test_files" / "JPEG2000.dcm")
    assert np.abs(as_stored(volume).astype(float) - as_stored(lossless)).mean() < mean


@pytest.mark.parametrize("bits", [8, 16, 32])
def test_colours_of_more_than_8_bits_keep_their_upper_ones(bits: int) -> None:
    name = {8: "SC_rgb_rle.dcm", 16: "SC_rgb_rle_16bit.dcm", 32: "SC_rgb_rle_32bit.dcm"}[bits]
    volume, plain = opened(FILES / "test_files" / name), opened(FILES / "test_files" / "SC_rgb_rle.dcm")
    np.testing.assert_array_equal(volume.voxels, plain.voxels)


@pytest.mark.parametrize("syntax", [DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless])
@pytest.mark.parametrize("dtype", ["int16", "uint16", "uint8"])
def test_each_way_of_packing_gives_the_same_numbers(syntax: str, dtype: str, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 250, (9, 13)).astype(dtype) - np.array(0, dtype)
    bits = {"BitsAllocated": 8 * pixels.itemsize, "BitsStored": 8 * pixels.itemsize, "HighBit": 8 * pixels.itemsize - 1}
    data = write_slice(tmp_path / "plain.dcm", pixels, 1, generate_uid(), **bits)
    if syntax == RLELossless:
        data.compress(syntax)
    elif syntax == ExplicitVRBigEndian:
        big = pixels.byteswap() if pixels.itemsize > 1 else pixels
        data["PixelData"].VR = "OW" if pixels.itemsize > 1 else "OB"
        data.PixelData = big.tobytes()
        data.file_meta.TransferSyntaxUID = syntax
    else:
        data.file_meta.TransferSyntaxUID = syntax
    if syntax == ExplicitVRBigEndian:
        fresh = Dataset()
        fresh.update(data)
        fresh.file_meta = data.file_meta
        fresh.save_as(tmp_path / "packed.dcm", little_endian=False, implicit_vr=False, enforce_file_format=True)
    else:
        data.save_as(tmp_path / "packed.dcm")
    np.testing.assert_array_equal(as_stored(opened(tmp_path / "packed.dcm"))[0], pixels)


def test_one_bit_a_pixel_and_13_columns(tmp_path: Path) -> None:
    mask = np.random.default_rng(1).integers(0, 2, (2, 5, 13)).astype(np.uint8)
    write_slice(
        tmp_path / "a.dcm", mask[0], 1, generate_uid(), NumberOfFrames=2, BitsAllocated=1, BitsStored=1, HighBit=0,
        PixelData=np.packbits(mask.ravel(), bitorder="little").tobytes(),
    )  # fmt: skip
    np.testing.assert_array_equal(as_stored(opened(tmp_path / "a.dcm")), mask)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("1.2.840.10008.5.1.4.1.1.88.11", "a report"),
        ("1.2.840.10008.5.1.4.1.1.88.59", "a report"),
        ("1.2.840.10008.5.1.4.1.1.11.1", "a presentation state"),
        ("1.2.840.10008.5.1.4.1.1.481.5", "a plan of radiotherapy"),
        ("1.2.840.10008.5.1.4.1.1.104.1", "a document"),
        ("1.2.840.10008.5.1.4.1.1.66", "raw data"),
        ("1.2.840.10008.5.1.4.1.1.9.1.1", "a waveform"),
    ],
)
def test_what_has_no_pixels_is_named(kind: str, words: str, tmp_path: Path) -> None:
    write_slice(
        tmp_path / "a.dcm", np.zeros((2, 2), np.int16), 1, generate_uid(), SOPClassUID=kind, Rows=None, Columns=None,
        PixelData=None,
    )  # fmt: skip
    with pytest.raises(Refused, match=words) as refusal:
        opened(tmp_path / "a.dcm")
    a_sentence(refusal.value)


def test_a_file_without_preamble_is_known_by_its_first_element(tmp_path: Path) -> None:
    data = write_slice(tmp_path / "whole.dcm", np.arange(20, dtype=np.int16).reshape(4, 5), 1, generate_uid())
    whole = (tmp_path / "whole.dcm").read_bytes()
    begins = whole.index(b"\x08\x00\x16\x00")
    (tmp_path / "bare").write_bytes(whole[begins:])
    np.testing.assert_array_equal(as_stored(opened(tmp_path / "bare"))[0], data.pixel_array)
