"""DICOM: slices in their place whatever they are called, faults of a series said, nothing of the patient kept."""

import math
import os
import struct
from pathlib import Path

import numpy as np
import pydicom.data
import pytest
from highdicom.seg import SegmentAlgorithmTypeValues, Segmentation, SegmentationTypeValues, SegmentDescription
from pydicom import dcmread
from pydicom.sequence import Sequence
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

from medviz.imaging.readers import describe, dicom, read
from medviz.imaging.volume import Volume
from medviz.messages import Progress, finished
from medviz.refused import Refused
from tests.imaging.dicom_files import item, phantom, write_series, write_slice

SHARED = Path(os.environ.get("MEDVIZ_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")
PYDICOM = Path(pydicom.data.__file__).parent / "test_files"
needs_data = pytest.mark.skipif(not (SHARED / "dicom").is_dir(), reason="the real images are not here")


def opened(path: Path) -> Volume:
    return finished(read(path))


@pytest.mark.trap("T9")
def test_slices_lie_by_position_not_by_number_or_name(tmp_path: Path) -> None:
    voxels = phantom()
    write_series(tmp_path, voxels)
    scan = opened(tmp_path)
    assert scan.shape == (12, 10, 6) and scan.voxels.dtype == np.int16 and scan.unit == "HU"
    assert scan.spacing_mm == pytest.approx((0.75, 0.5, 2.5))
    for column, row, k in ((0, 0, 0), (11, 3, 5), (4, 9, 2)):
        lps = np.array([-20 + 0.75 * column, -30 + 0.5 * row, 40 + 2.5 * k])
        assert scan.value_at(lps * (-1, -1, 1)) == voxels[column, row, k]
    assert scan.stored.axes == "LPS" and not scan.warnings


@pytest.mark.trap("T1")
@pytest.mark.parametrize("turn", range(4))
def test_a_coronal_or_oblique_series_lies_where_its_tags_say(tmp_path: Path, turn: int) -> None:
    angle = 0.3 * turn
    across = np.array([math.cos(angle), math.sin(angle), 0.0])
    down = np.array([0.0, 0.0, -1.0])
    normal = np.cross(across, down)
    voxels, start = phantom(), np.array([-5.0, 7.0, 30.0])
    write_series(tmp_path, voxels, lambda k: start + 3.0 * k * normal, across=across, down=down)
    scan = opened(tmp_path)
    for column, row, k in ((0, 0, 0), (11, 3, 5), (4, 9, 2)):
        lps = start + across * 0.75 * column + down * 0.5 * row + normal * 3.0 * k
        assert scan.value_at(lps * (-1, -1, 1)) == voxels[column, row, k]


@pytest.mark.trap("T10")
def test_missing_slices_are_said_and_left_blank(tmp_path: Path) -> None:
    voxels = phantom(slices=10) + np.int16(1)
    write_series(tmp_path, voxels, keep=[0, 1, 2, 3, 6, 7, 8, 9])
    scan = opened(tmp_path)
    assert scan.shape == (12, 10, 10)
    assert any("missing at 47.5 to 55.0 mm" in warning for warning in scan.warnings)
    at = [(20, 30, 40 + 2.5 * k) for k in range(10)]
    values = [scan.value_at(place) for place in at]
    assert [values[k] for k in (0, 3, 6, 9)] == [voxels[0, 0, k] for k in (0, 3, 6, 9)]
    assert values[4] == values[5] == voxels.min()


@pytest.mark.trap("T10")
def test_uneven_slices_are_interpolated_to_a_regular_grid_and_said(tmp_path: Path) -> None:
    places = [0.0, 2.0, 4.0, 6.5, 8.0, 10.0]
    voxels = np.zeros((12, 10, 6), np.int16) + (np.array(places) * 100).astype(np.int16)
    write_series(tmp_path, voxels, lambda k: (0.0, 0.0, places[k]))
    scan = opened(tmp_path)
    assert any("regular grid of 2.00 mm" in warning for warning in scan.warnings)
    for z in (0.0, 4.0, 6.0, 8.0, 10.0):
        assert scan.value_at((0.0, 0.0, z)) == pytest.approx(100 * z, abs=1)


@pytest.mark.trap("T4", "T10")
def test_a_tilted_gantry_shears_the_grid_and_is_said(tmp_path: Path) -> None:
    lean = math.tan(math.radians(15.0))
    voxels = phantom()
    write_series(tmp_path, voxels, lambda k: (0.0, 2.5 * k * lean, 2.5 * k))
    scan = opened(tmp_path)
    assert any("tilted by 15.0°" in warning for warning in scan.warnings)
    assert scan.value_at((0.0, -2.5 * 4 * lean, 10.0)) == voxels[0, 0, 4]
    assert scan.voxel_ml == pytest.approx(0.75 * 0.5 * 2.5 / 1000)


@pytest.mark.trap("T11")
def test_without_pixel_spacing_nothing_is_calibrated(tmp_path: Path) -> None:
    write_series(tmp_path, phantom(), spacing=None)
    scan = opened(tmp_path)
    assert not scan.calibrated and any("no pixel spacing" in warning for warning in scan.warnings)
    assert describe(tmp_path)["spacing_mm"] is None


@pytest.mark.trap("T12")
def test_a_slope_of_each_slice_is_applied_to_that_slice(tmp_path: Path) -> None:
    voxels = phantom()
    write_series(tmp_path, voxels, tags=lambda k: {"RescaleSlope": 1.0 + k, "RescaleIntercept": -10.0 * k})
    scan = opened(tmp_path)
    assert scan.voxels.dtype == np.float32 and scan.slope == 1.0
    for k in range(6):
        assert scan.value_at((20 - 0.75 * 3, 30 - 0.5 * 2, 40 + 2.5 * k)) == voxels[3, 2, k] * (1.0 + k) - 10.0 * k


@pytest.mark.trap("T12")
def test_one_slope_stays_beside_the_stored_values(tmp_path: Path) -> None:
    tags = {"RescaleSlope": 2.0, "RescaleIntercept": -1024.0, "WindowWidth": [400, 80], "WindowCenter": [40, 50]}
    write_series(tmp_path, phantom(), tags=lambda k: {**tags, "PhotometricInterpretation": "MONOCHROME1"})
    scan = opened(tmp_path)
    assert scan.voxels.dtype == np.int16 and (scan.slope, scan.intercept) == (2.0, -1024.0)
    assert scan.window == (400.0, 40.0) and scan.inverted


@pytest.mark.trap("T17")
def test_frames_at_one_place_become_a_series_in_time(tmp_path: Path) -> None:
    series = generate_uid()
    for time in range(3):
        for k in range(4):
            pixels = np.full((5, 6), 10 * time + k, np.int16)
            place = {"ImagePositionPatient": [0, 0, 2.0 * k], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}
            name = tmp_path / f"{(k * 3 + time) * 37 % 100}.dcm"
            write_slice(name, pixels, 1 + k, series, **place, PixelSpacing=[1, 1], TemporalPositionIdentifier=1 + time)
    scan = opened(tmp_path)
    assert scan.kind == "frames" and scan.frames == 3 and scan.shape == (6, 5, 4)
    assert [[scan.value_at((0, 0, 2.0 * k), time) for k in range(4)] for time in range(3)] == [
        [10.0 * time + k for k in range(4)] for time in range(3)
    ]


def test_an_enhanced_object_takes_each_frames_own_place(tmp_path: Path) -> None:
    voxels = phantom(slices=5)
    order = [3, 0, 4, 1, 2]
    stack = np.stack([voxels[:, :, k].T for k in order])
    frames = Sequence(
        [
            item(
                PlanePositionSequence=Sequence([item(ImagePositionPatient=[0.0, 0.0, 3.0 * k])]),
                PixelValueTransformationSequence=Sequence([item(RescaleSlope=1.0, RescaleIntercept=-5.0)]),
            )
            for k in order
        ]
    )
    shared = item(
        PlaneOrientationSequence=Sequence([item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])]),
        PixelMeasuresSequence=Sequence([item(PixelSpacing=[0.5, 0.75], SliceThickness=3.0)]),
    )
    more = {"PerFrameFunctionalGroupsSequence": frames, "SharedFunctionalGroupsSequence": Sequence([shared])}
    data = write_slice(tmp_path / "enhanced.dcm", stack[0], 1, generate_uid())
    for name, value in {**more, "NumberOfFrames": 5, "PixelData": stack.tobytes()}.items():
        setattr(data, name, value)
    data.save_as(tmp_path / "enhanced.dcm")
    scan = opened(tmp_path / "enhanced.dcm")
    assert scan.shape == (12, 10, 5)
    for k in range(5):
        assert scan.value_at((-0.75 * 2, -0.5 * 7, 3.0 * k)) == voxels[2, 7, k] - 5.0


def test_a_siemens_mosaic_is_cut_into_its_tiles(tmp_path: Path) -> None:
    rows, columns, count = 5, 6, 7
    tiles = np.arange(count * rows * columns, dtype=np.int16).reshape(count, rows, columns)
    whole = np.zeros((3 * rows, 3 * columns), np.int16)
    for number, tile in enumerate(tiles):
        top, left = divmod(number, 3)
        whole[top * rows : (top + 1) * rows, left * columns : (left + 1) * columns] = tile
    corner = np.array([-6.0, -5.0, 0.0])  # of the first tile; the header gives that of the mosaic as one slice
    said = corner - np.array([columns * 2.0, rows * 2.0, 0.0])
    data = write_slice(
        tmp_path / "mosaic.dcm",
        whole,
        1,
        generate_uid(),
        ImagePositionPatient=said.tolist(),
        ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
        PixelSpacing=[2.0, 2.0],
        SpacingBetweenSlices=4.0,
        ImageType=["ORIGINAL", "PRIMARY", "M", "MOSAIC"],
    )
    data.add_new((0x0019, 0x0010), "LO", "SIEMENS MR HEADER")
    data.add_new((0x0019, 0x100A), "US", count)
    data.save_as(tmp_path / "mosaic.dcm")
    scan = opened(tmp_path / "mosaic.dcm")
    assert scan.shape == (6, 5, 7)
    for number, row, column in ((0, 0, 0), (6, 4, 5), (3, 2, 1)):
        lps = corner + np.array([2.0 * column, 2.0 * row, 4.0 * number])
        assert scan.value_at(lps * (-1, -1, 1)) == tiles[number, row, column]


def test_a_csa_header_gives_count_and_normal(tmp_path: Path) -> None:
    def element(name: str, *texts: str) -> bytes:
        head = struct.pack("<64si4siii", name.encode(), 1, b"FD\0\0", 0, len(texts), 77)
        items = b""
        for text in texts:
            raw = text.encode().ljust((len(text) + 3) // 4 * 4, b"\0")
            items += struct.pack("<4i", len(text), len(text), 77, len(text)) + raw
        return head + items

    body = element("NumberOfImagesInMosaic", "4") + element("SliceNormalVector", "0.0", "0.0", "-1.0")
    data = write_slice(
        tmp_path / "m.dcm",
        np.arange(64, dtype=np.int16).reshape(8, 8),
        1,
        generate_uid(),
        ImagePositionPatient=[0, 0, 0],
        ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
        PixelSpacing=[1, 1],
        SpacingBetweenSlices=2.0,
        ImageType=["ORIGINAL", "PRIMARY", "MOSAIC"],
    )
    data.add_new((0x0029, 0x0010), "LO", "SIEMENS CSA HEADER")
    data.add_new((0x0029, 0x1010), "OB", b"SV10\4\3\2\1" + struct.pack("<II", 2, 77) + body)
    data.save_as(tmp_path / "m.dcm")
    scan = opened(tmp_path / "m.dcm")
    assert scan.shape == (4, 4, 4)
    first, last = scan.value_at((-2, -2, 0)), scan.value_at((-2, -2, -6))
    assert (first, last) == (0.0, 36.0)


def test_several_series_are_listed_the_largest_is_shown(tmp_path: Path) -> None:
    write_series(tmp_path / "a", phantom(), tags=lambda k: {"SeriesNumber": 2, "SeriesDescription": "thin"})
    write_series(tmp_path / "b", phantom(slices=3), tags=lambda k: {"SeriesNumber": 1, "SeriesDescription": "scout"})
    (tmp_path / "notes.txt").write_text("not an image")
    told = describe(tmp_path)
    assert [one["slices"] for one in told["series"]] == [6, 3] and told["description"] == "thin"
    scan = opened(tmp_path)
    assert scan.shape == (12, 10, 6) and any("series 1 scout" in warning for warning in scan.warnings)


@pytest.mark.trap("T24")
def test_nothing_of_the_patient_is_kept(tmp_path: Path) -> None:
    write_series(tmp_path, phantom())
    scan = opened(tmp_path)
    said = repr(describe(tmp_path)) + repr(scan) + repr(scan.stored) + repr(scan.warnings)
    assert "Doe" not in said and "4711" not in said


def test_a_file_without_pixels_is_refused_in_one_sentence() -> None:
    with pytest.raises(Refused, match=r"holds no picture: it is a report .*Basic Text SR"):
        opened(PYDICOM / "reportsi.dcm")


def test_a_file_that_is_cut_off_is_refused() -> None:
    with pytest.raises(Refused, match="cut off"):
        opened(PYDICOM / "MR_truncated.dcm")


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello")
    with pytest.raises(Refused):
        opened(tmp_path)


def test_an_unknown_compression_is_named(tmp_path: Path) -> None:
    data = write_slice(tmp_path / "a.dcm", np.zeros((4, 4), np.int16), 1, generate_uid())
    data.file_meta.TransferSyntaxUID = pydicom.uid.UID("1.2.840.10008.1.2.4.102")  # a video
    data.PixelData = pydicom.encaps.encapsulate([b"\0\0\0\1"])
    data["PixelData"].VR = "OB"
    data["PixelData"].is_undefined_length = True
    data.save_as(tmp_path / "a.dcm")
    with pytest.raises(Refused, match=r"cannot be decoded .*MPEG-4"):
        opened(tmp_path / "a.dcm")


@pytest.mark.parametrize(
    "name",
    ["MR_small_RLE", "MR_small_bigendian", "MR_small_implicit", "MR_small_jp2klossless", "MR_small_jpeg_ls_lossless"],
)
def test_every_compression_gives_the_same_voxels(name: str) -> None:
    plain, packed = opened(PYDICOM / "MR_small.dcm"), opened(PYDICOM / f"{name}.dcm")
    np.testing.assert_array_equal(packed.voxels, plain.voxels)
    np.testing.assert_allclose(packed.affine, plain.affine)


def test_a_dose_grid_takes_its_own_offsets() -> None:
    dose = opened(PYDICOM / "rtdose.dcm")
    data = dcmread(PYDICOM / "rtdose.dcm")
    assert dose.shape == (10, 10, 15) and dose.spacing_mm[2] == pytest.approx(5.0)
    assert dose.slope == pytest.approx(float(data.DoseGridScaling))


def test_progress_is_said_and_a_stop_leaves_nothing(tmp_path: Path) -> None:
    write_series(tmp_path, phantom())
    work = dicom.read(tmp_path)
    first = next(work)
    assert isinstance(first, Progress)
    work.close()


@needs_data
@pytest.mark.data
def test_the_real_jpeg_2000_series_lies_under_its_segmentation() -> None:
    scan = opened(SHARED / "dicom" / "ct_abdomen_jpeg2000")
    labels = opened(SHARED / "dicom" / "ct_abdomen_jpeg2000_seg.nii.gz")
    assert scan.spacing_mm == pytest.approx((0.9765625, 0.9765625, 2.0)) and scan.shape == (512, 512, 20)
    assert scan.same_grid(labels)
    inside = scan.frame()[labels.frame() > 0].astype(float) + scan.intercept
    mirrored = scan.frame()[::-1][labels.frame() > 0].astype(float) + scan.intercept
    assert inside.mean() > mirrored.mean() and scan.window == (300.0, 40.0)


@needs_data
@pytest.mark.data
def test_the_real_chest_is_sorted_by_place() -> None:
    scan = opened(SHARED / "dicom" / "ct_chest_lidc0314")
    assert scan.shape == (512, 512, 20) and scan.spacing_mm == pytest.approx((0.78125, 0.78125, 1.0), abs=1e-4)
    apart = np.abs(np.diff(scan.frame().astype(float), axis=2)).mean(axis=(0, 1))
    assert apart.max() < 2.5 * np.median(apart)


@needs_data
@pytest.mark.data
@pytest.mark.trap("T8")
def test_each_frame_of_a_real_segmentation_lies_in_its_own_place() -> None:
    labels = opened(SHARED / "dicom" / "seg_highdicom" / "seg_image_ct_binary.dcm")
    scan = opened(SHARED / "dicom" / "seg_highdicom" / "ct_source")
    assert labels.labels[0].name == "first segment" and set(np.unique(labels.frame())) == {0, 1}
    at = labels.to_mm(np.argwhere(labels.frame() > 0))
    voxels = scan.to_voxel(at)
    assert np.abs(voxels - np.rint(voxels)).max() < 0.05
    raw = dcmread(SHARED / "dicom" / "seg_highdicom" / "seg_image_ct_binary.dcm")
    assert int((labels.frame() > 0).sum()) == int(raw.pixel_array.sum())


@needs_data
@pytest.mark.data
def test_overlapping_segments_are_said() -> None:
    labels = opened(SHARED / "dicom" / "seg_highdicom" / "seg_image_ct_binary_overlap.dcm")
    assert len(labels.labels) == 2 and any("overlap" in warning for warning in labels.warnings)


@pytest.mark.trap("T8")
def test_a_segmentation_of_13_columns_with_empty_slices_goes_round(tmp_path: Path) -> None:
    """One bit a pixel and 13 columns leave no frame on a whole byte; empty slices have no frame at all."""
    write_series(tmp_path / "ct", phantom(columns=13, rows=9, slices=7))
    sources = [dcmread(path) for path in sorted((tmp_path / "ct").iterdir())]
    sources.sort(key=lambda one: one.ImagePositionPatient[2])
    mask = np.zeros((7, 9, 13), np.uint8)
    mask[1, 2:5, 3:12] = mask[4, 1:8, 0:13:2] = 1
    mask[5, 0:2, 5:7] = 2
    for one in sources:
        one.StudyInstanceUID, one.FrameOfReferenceUID = "1.2.3", "1.2.4"
        one.PatientBirthDate = one.PatientSex = one.StudyDate = one.StudyTime = one.StudyID = ""
        one.AccessionNumber = one.ReferringPhysicianName = ""
    segments = [
        SegmentDescription(number, name, codes.SCT.Organ, codes.SCT.Liver, SegmentAlgorithmTypeValues.MANUAL)
        for number, name in ((1, "liver"), (2, "cyst"))
    ]
    made = Segmentation(
        sources, mask, SegmentationTypeValues.BINARY, segments, generate_uid(), 5, generate_uid(), 1,
        "medviz", "tests", "1", "0", omit_empty_frames=True,
    )  # fmt: skip
    made.save_as(tmp_path / "seg.dcm")
    labels, scan = opened(tmp_path / "seg.dcm"), opened(tmp_path / "ct")
    assert [one.name for one in labels.labels] == ["liver", "cyst"]
    for z, row, column in ((1, 3, 7), (4, 6, 12), (5, 1, 6), (4, 6, 11), (2, 3, 7)):
        lps = np.array([-20 + 0.75 * column, -30 + 0.5 * row, 40 + 2.5 * z])
        found = labels.value_at(lps * (-1, -1, 1))
        assert (found or 0.0) == mask[z, row, column]
        assert scan.value_at(lps * (-1, -1, 1)) is not None
