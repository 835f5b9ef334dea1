"""Objects that say their place in their own way: mosaics over time, ultrasound, emission scans, doses, films."""

from pathlib import Path

import numpy as np
import pytest
from pydicom.sequence import Sequence
from pydicom.uid import generate_uid

from medviz.imaging.readers import describe, read, series_of
from medviz.imaging.volume import Volume
from medviz.messages import finished
from medviz.refused import Refused
from tests.imaging.dicom_files import item, write_slice
from tests.imaging.readers.peak import peak_kb


def opened(path: Path) -> Volume:
    return finished(read(path))


@pytest.mark.trap("T17")
def test_mosaics_of_a_series_become_its_instants(tmp_path: Path) -> None:
    rows, columns, count, times = 5, 6, 7, 4
    uid = generate_uid()
    for time in range(times):
        whole = np.zeros((3 * rows, 3 * columns), np.int16)
        for number in range(count):
            top, left = divmod(number, 3)
            whole[top * rows : (top + 1) * rows, left * columns : (left + 1) * columns] = 100 * time + number
        data = write_slice(
            tmp_path / f"{(time * 3) % 4}.dcm",
            whole,
            1 + time,
            uid,
            ImagePositionPatient=[-18.0, -15.0, 0.0],
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
            PixelSpacing=[2.0, 2.0],
            SpacingBetweenSlices=4.0,
            ImageType=["ORIGINAL", "PRIMARY", "M", "MOSAIC"],
            AcquisitionTime=f"1200{2.5 * time:09.6f}",
            Modality="MR",
        )
        data.add_new((0x0019, 0x0010), "LO", "SIEMENS MR HEADER")
        data.add_new((0x0019, 0x100A), "US", count)
        data.save_as(tmp_path / f"{(time * 3) % 4}.dcm")
    scan = opened(tmp_path)
    assert scan.frames == times and scan.shape == (6, 5, 7) and scan.frame_s == pytest.approx(2.5)
    corner = np.array([-18 + 6 * 2.0, -15 + 5 * 2.0, 0.0])
    for time in range(times):
        for number in (0, 3, 6):
            assert scan.value_at((corner + np.array([0, 0, 4.0 * number])) * (-1, -1, 1), time) == 100 * time + number


@pytest.mark.trap("T11")
@pytest.mark.parametrize(("regions", "calibrated"), [(1, True), (2, False)])
def test_an_ultrasound_picture_takes_its_size_from_its_only_region(
    regions: int, calibrated: bool, tmp_path: Path
) -> None:
    region = item(
        PhysicalUnitsXDirection=3, PhysicalUnitsYDirection=3, PhysicalDeltaX=0.02, PhysicalDeltaY=0.03,
        RegionLocationMinX0=0, RegionLocationMinY0=0, RegionLocationMaxX1=5, RegionLocationMaxY1=4,
    )  # fmt: skip
    write_slice(
        tmp_path / "us.dcm", np.zeros((5, 6), np.int16), 1, generate_uid(), Modality="US",
        SequenceOfUltrasoundRegions=Sequence([region] * regions),
    )  # fmt: skip
    told = describe(tmp_path / "us.dcm")
    assert (told["spacing_mm"] is not None) is calibrated
    if calibrated:
        assert told["spacing_mm"][:2] == pytest.approx([0.2, 0.3])


def test_a_reconstructed_emission_scan_takes_place_from_its_detector(tmp_path: Path) -> None:
    stack = np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6)
    detector = item(ImagePositionPatient=[-10.0, -20.0, 30.0], ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    write_slice(
        tmp_path / "nm.dcm", stack[0], 1, generate_uid(), Modality="NM", NumberOfFrames=4, PixelData=stack.tobytes(),
        ImageType=["ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION"], PixelSpacing=[2.0, 2.0],
        SpacingBetweenSlices=3.0, DetectorInformationSequence=Sequence([detector]),
    )  # fmt: skip
    scan = opened(tmp_path / "nm.dcm")
    assert scan.oriented and scan.shape == (6, 5, 4)
    for k, row, column in ((0, 0, 0), (3, 4, 5), (2, 1, 3)):
        lps = np.array([-10 + 2.0 * column, -20 + 2.0 * row, 30 + 3.0 * k])
        assert scan.value_at(lps * (-1, -1, 1)) == stack[k, row, column]


@pytest.mark.trap("T10")
def test_a_dose_on_uneven_planes_lies_on_its_planes(tmp_path: Path) -> None:
    offsets = [0.0, 2.0, 4.0, 7.0, 10.0]
    stack = np.stack([np.full((4, 5), round(100 * offset), np.uint16) for offset in offsets])
    write_slice(
        tmp_path / "dose.dcm", stack[0], 1, generate_uid(), Modality="RTDOSE", NumberOfFrames=5,
        PixelData=stack.tobytes(), GridFrameOffsetVector=offsets, DoseGridScaling=0.01, DoseUnits="GY",
        ImagePositionPatient=[0, 0, 50], ImageOrientationPatient=[1, 0, 0, 0, 1, 0], PixelSpacing=[1, 1],
    )  # fmt: skip
    dose = opened(tmp_path / "dose.dcm")
    assert dose.unit == "Gy" and any("apart" in warning for warning in dose.warnings)
    for z in np.linspace(50, 60, dose.shape[2]):
        assert dose.value_at((0.0, 0.0, z)) == pytest.approx(z - 50, abs=0.02)


@pytest.mark.trap("T12")
def test_an_inverted_radiograph_says_so_and_its_spacing_is_the_detectors(tmp_path: Path) -> None:
    write_slice(
        tmp_path / "cr.dcm", np.arange(30, dtype=np.uint16).reshape(5, 6), 1, generate_uid(), Modality="CR",
        PhotometricInterpretation="MONOCHROME1", ImagerPixelSpacing=[0.2, 0.2],
    )  # fmt: skip
    film = opened(tmp_path / "cr.dcm")
    assert film.inverted and film.calibrated and not film.oriented
    assert any("holds at the detector" in warning for warning in film.warnings)


def test_views_of_one_study_that_differ_in_size_are_told_apart(tmp_path: Path) -> None:
    uid = generate_uid()
    for number, size in enumerate(((5, 6), (7, 8))):
        write_slice(tmp_path / f"{number}.dcm", np.zeros(size, np.int16), number, uid, Modality="CR")
    cards = finished(series_of(tmp_path))
    assert sorted(card.shape[:2] for card in cards) == [(6, 5), (8, 7)]


@pytest.mark.trap("T12")
def test_slices_of_which_some_are_signed_keep_all_their_numbers(tmp_path: Path) -> None:
    uid = generate_uid()
    for k, (value, dtype) in enumerate(((-1000, np.int16), (50_000, np.uint16), (7, np.int16))):
        write_slice(
            tmp_path / f"{k}.dcm", np.full((4, 4), value, dtype), k, uid, ImagePositionPatient=[0, 0, 2.0 * k],
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0], PixelSpacing=[1, 1],
        )  # fmt: skip
    scan = opened(tmp_path)
    assert [scan.value_at((0, 0, 2.0 * k)) for k in range(3)] == [-1000, 50_000, 7]


@pytest.mark.trap("T12")
def test_a_table_that_is_not_applied_is_said(tmp_path: Path) -> None:
    table = item(LUTDescriptor=[2, 0, 16], ModalityLUTType="US", LUTData=b"\0\0\1\0")
    write_slice(
        tmp_path / "a.dcm", np.zeros((4, 4), np.int16), 1, generate_uid(), ModalityLUTSequence=Sequence([table])
    )
    assert any("modality LUT" in warning for warning in opened(tmp_path / "a.dcm").warnings)


@pytest.mark.trap("T16")
@pytest.mark.parametrize(
    "tags", [{"NumberOfFrames": 2_000_000_000}, {"Rows": 65535, "Columns": 65535, "NumberOfFrames": 90}]
)
def test_a_header_that_declares_absurd_sizes_is_refused_at_once(tags: dict, tmp_path: Path) -> None:
    write_slice(tmp_path / "a.dcm", np.zeros((4, 4), np.int16), 1, generate_uid(), **tags)
    before = peak_kb()
    with pytest.raises(Refused, match=r"declares|need|fewer pixels"):
        opened(tmp_path / "a.dcm")
    assert peak_kb() - before < 60_000
