"""A label map leaves as SEG and RTSTRUCT, is judged by highdicom and pydicom, and comes back voxel for voxel."""

from collections.abc import Callable
from pathlib import Path

import highdicom
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import EnhancedCTImageStorage

from medviz.imaging.labels import Label
from medviz.imaging.readers import read, read_over
from medviz.imaging.volume import Volume, like
from medviz.imaging.writers import export
from medviz.imaging.writers.writer import Export
from medviz.messages import finished
from medviz.refused import Refused
from tests.imaging.dicom_files import item, phantom, write_series, write_slice
from tests.imaging.making import opened, rotation

OBLIQUE = rotation((0.3, -0.2, 0.5))
CARD = {"model": {"name": "small net", "sha256": "ab" * 32, "trained_on": "phantoms"}}
NAMES = (Label(5, "liver", (200, 30, 30)), Label(12, "spinal cord", (30, 200, 30)))


def straight(folder: Path, columns: int = 12) -> Path:
    write_series(folder, phantom(columns=columns), tags=patient)
    return folder


def upside_down(folder: Path, columns: int = 12) -> Path:
    """From the feet up in the files, columns to the patient's right: LPS turned about."""
    write_series(
        folder, phantom(columns=columns), across=(-1, 0, 0), down=(0, -1, 0), at=lambda k: (20, 30, -k), tags=patient
    )
    return folder


def oblique(folder: Path, columns: int = 12) -> Path:
    across, down, normal = OBLIQUE.T
    write_series(
        folder,
        phantom(columns=columns),
        across=tuple(across),
        down=tuple(down),
        at=lambda k: tuple(np.array((3.0, -4.0, 5.0)) + 2.5 * k * normal),
        tags=patient,
    )
    return folder


def patient(k: int) -> dict[str, object]:
    return {
        "StudyInstanceUID": "1.2.3.4", "FrameOfReferenceUID": "1.2.3.5", "PatientBirthDate": "19500102",
        "PatientSex": "F", "StudyDate": "20200101", "StudyTime": "120000", "AccessionNumber": "1", "StudyID": "1",
        "RescaleSlope": 1, "RescaleIntercept": -1024, "SeriesNumber": 3,
    }  # fmt: skip


def labelled(scan: Volume) -> Volume:
    """Two labels with holes and corners that touch, the first and the last slice left empty."""
    rng = np.random.default_rng(0)
    voxels = np.zeros(scan.shape, np.uint8)
    voxels[2:9, 2:8, 1:4] = 5
    voxels[4:6, 4:6, 1:4] = 0
    voxels[1:, :, 4][rng.random(scan.shape[:2])[1:] < 0.4] = 12
    return like(scan, voxels, "labels")


MAKERS = [straight, upside_down, oblique]


@pytest.mark.trap("T8")
@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("columns", [12, 13])
def test_a_seg_comes_back_voxel_for_voxel(make: Callable[..., Path], columns: int, tmp_path: Path) -> None:
    scan = opened(make(tmp_path / "scan", columns))
    labels = labelled(scan)
    out = tmp_path / "labels.dcm"
    finished(export(Export(labels, NAMES, scan, tmp_path / "scan", CARD), out, "seg"))
    back = opened(out)
    whole = back if back.same_grid(scan) else None
    if whole is None:  # empty slices at either end are left out of the file
        low = np.rint(scan.to_voxel(back.to_mm((0, 0, 0)))).astype(int)
        part = tuple(slice(low[a], low[a] + back.shape[a]) for a in range(3))
        np.testing.assert_array_equal(back.voxels[0], labels.voxels[0][part])
        assert np.count_nonzero(labels.voxels) == np.count_nonzero(back.voxels)
        np.testing.assert_allclose(back.to_mm((0, 0, 0)), scan.to_mm(low), atol=1e-3)
    else:
        np.testing.assert_array_equal(back.voxels, labels.voxels)
    assert [(one.value, one.name) for one in back.labels] == [(5, "liver"), (12, "spinal cord")]
    assert np.abs(np.subtract(back.labels[0].colour, NAMES[0].colour)).max() <= 2


@pytest.mark.trap("T8")
@pytest.mark.parametrize("make", MAKERS)
def test_each_frame_of_a_seg_lies_where_its_image_lies(make: Callable[..., Path], tmp_path: Path) -> None:
    folder = make(tmp_path / "scan", 13)
    scan = opened(folder)
    finished(export(Export(labelled(scan), NAMES, scan, folder, CARD), tmp_path / "seg.dcm", "seg"))
    found = highdicom.seg.segread(tmp_path / "seg.dcm")
    images = {str(one.SOPInstanceUID): one for one in map(dcmread, folder.iterdir())}
    frames = found.PerFrameFunctionalGroupsSequence
    assert 0 < len(frames) < 2 * len(images)  # empty frames are left out
    for number, frame in enumerate(frames):
        source = frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        place = frame.PlanePositionSequence[0].ImagePositionPatient
        np.testing.assert_allclose(place, images[str(source)].ImagePositionPatient, atol=1e-4)
        assert found.pixel_array[number].any()
    assert found.SegmentSequence[0].SegmentAlgorithmName == "small net"
    assert found.SegmentSequence[0].SegmentationAlgorithmIdentificationSequence[0].AlgorithmVersion == "ab" * 32
    assert found.PatientName == "Doe^Jane" and found.FrameOfReferenceUID == "1.2.3.5"


@pytest.mark.parametrize("make", MAKERS)
def test_contours_come_back_and_lie_in_the_planes_of_their_images(make: Callable[..., Path], tmp_path: Path) -> None:
    folder = make(tmp_path / "scan")
    scan = opened(folder)
    labels = labelled(scan)
    out = tmp_path / "contours.dcm"
    finished(export(Export(labels, NAMES, scan, folder, CARD), out, "rtstruct"))
    data = dcmread(out)
    images = {str(one.SOPInstanceUID): one for one in map(dcmread, folder.iterdir())}
    assert [one.ROIName for one in data.StructureSetROISequence] == ["liver", "spinal cord"]
    area = 0.0
    for contour in data.ROIContourSequence[0].ContourSequence:
        image = images[str(contour.ContourImageSequence[0].ReferencedSOPInstanceUID)]
        across, down = np.reshape(np.array(image.ImageOrientationPatient, float), (2, 3))
        points = np.reshape(np.array(contour.ContourData, float), (-1, 3)) - np.array(image.ImagePositionPatient, float)
        np.testing.assert_allclose(points @ np.cross(across, down), 0, atol=1e-4)
        x, y = points @ across, points @ down
        area += abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2
        assert contour.NumberOfContourPoints * 3 == len(contour.ContourData)
    assert area == pytest.approx(np.count_nonzero(labels.voxels == 5) * 0.5 * 0.75, rel=1e-6)  # to the pixels' borders
    assert dice(drawn_by_pydicom(data, images, scan), labels.voxels[0]) == 1.0


def test_the_reader_fills_contours_to_the_same_labels(tmp_path: Path) -> None:
    folder = oblique(tmp_path / "scan")
    scan = opened(folder)
    labels = labelled(scan)
    finished(export(Export(labels, NAMES, scan, folder), tmp_path / "contours.dcm", "rtstruct"))
    back = finished(read_over(tmp_path / "contours.dcm", scan))
    assert dice(back.voxels[0], labels.voxels[0]) >= 0.99
    assert [(one.value, one.name) for one in back.labels] == [(5, "liver"), (12, "spinal cord")]


def drawn_by_pydicom(data, images, scan: Volume) -> np.ndarray:  # type: ignore[no-untyped-def]
    """Fill the contours with nothing but their points and a test of each pixel centre, even-odd."""
    made = np.zeros(scan.shape, np.uint8)
    for value, region in zip((5, 12), data.ROIContourSequence, strict=True):
        for contour in region.ContourSequence:
            image = images[str(contour.ContourImageSequence[0].ReferencedSOPInstanceUID)]
            across, down = np.reshape(np.array(image.ImageOrientationPatient, float), (2, 3))
            origin = np.array(image.ImagePositionPatient, float)
            points = np.reshape(np.array(contour.ContourData, float), (-1, 3)) - origin
            u, v = points @ across / image.PixelSpacing[1], points @ down / image.PixelSpacing[0]
            for row in range(image.Rows):
                for col in range(image.Columns):
                    if inside(u, v, col, row):
                        lps = origin + across * col * image.PixelSpacing[1] + down * row * image.PixelSpacing[0]
                        made[scan.nearest(lps * (-1, -1, 1))] = value
    return made


def inside(u: np.ndarray, v: np.ndarray, x: float, y: float) -> bool:
    crossings = 0
    for (u1, v1), (u2, v2) in zip(
        zip(u, v, strict=True), zip(np.roll(u, -1), np.roll(v, -1), strict=True), strict=True
    ):
        if (v1 > y) != (v2 > y) and x < u1 + (y - v1) / (v2 - v1) * (u2 - u1):
            crossings += 1
    return crossings % 2 == 1


def dice(one: np.ndarray, other: np.ndarray) -> float:
    both = np.count_nonzero((one == other) & (one > 0))
    return 2 * both / (np.count_nonzero(one) + np.count_nonzero(other))


@pytest.mark.trap("T7")
@pytest.mark.parametrize("kind", ["seg", "rtstruct", "nifti", "stl"])
def test_a_mask_that_does_not_lie_on_its_scan_is_not_exported(kind: str, tmp_path: Path) -> None:
    folder = straight(tmp_path / "scan")
    scan = opened(folder)
    labels = labelled(scan)
    moved = labels.affine.copy()
    moved[0, 3] += 1.0
    astray = Volume(labels.voxels, moved, labels.stored, name="astray")
    ending = {"nifti": "nii.gz", "stl": "stl"}.get(kind, "dcm")
    with pytest.raises(Refused, match="does not lie on the grid"):
        finished(export(Export(astray, (), scan, folder), tmp_path / f"out.{ending}", kind))
    with pytest.raises(Refused, match="does not lie on the grid"):
        finished(export(Export(astray, (), None, folder), tmp_path / "out.dcm", "seg"))
    assert [one.name for one in tmp_path.iterdir()] == ["scan"]


def test_a_mask_of_another_series_is_told_apart(tmp_path: Path) -> None:
    scan = opened(straight(tmp_path / "scan"))
    upside_down(tmp_path / "other")
    with pytest.raises(Refused, match="series it was made on"):
        finished(export(Export(labelled(scan), (), None, tmp_path / "other"), tmp_path / "out.dcm", "seg"))
    with pytest.raises(Refused, match="--reference"):
        finished(export(Export(like(scan, labelled(scan).voxels)), tmp_path / "out.dcm", "seg"))


def test_the_series_a_scan_was_read_from_need_not_be_named(tmp_path: Path) -> None:
    scan = opened(straight(tmp_path / "scan"))
    finished(export(Export(labelled(scan), NAMES, scan), tmp_path / "out.dcm", "seg"))
    assert dcmread(tmp_path / "out.dcm").PatientID == "4711"


def test_a_mask_on_a_series_with_a_gap_keeps_its_places(tmp_path: Path) -> None:
    folder = tmp_path / "scan"
    write_series(folder, phantom(slices=8), keep=[0, 1, 2, 5, 6, 7], tags=patient)
    scan = finished(read(folder, regular=True))
    voxels = np.zeros(scan.shape, np.uint8)
    voxels[3:6, 3:6, 1:7] = 1
    finished(export(Export(like(scan, voxels), (), scan, folder), tmp_path / "seg.dcm", "seg"))
    back = opened(tmp_path / "seg.dcm")
    assert np.count_nonzero(back.voxels) == np.count_nonzero(voxels)
    ours, theirs = (volume.to_mm(np.argwhere(volume.voxels[0]).mean(axis=0)) for volume in (like(scan, voxels), back))
    np.testing.assert_allclose(ours, theirs, atol=1e-3)


@pytest.mark.data
@pytest.mark.trap("T8")
def test_a_real_map_of_31_labels_comes_back_from_a_seg(data: Path, tmp_path: Path) -> None:
    labels = opened(data / "dicom" / "ct_abdomen_jpeg2000_seg.nii.gz")
    series = data / "dicom" / "ct_abdomen_jpeg2000"
    finished(export(Export(labels, reference=series), tmp_path / "seg.dcm", "seg"))
    back = opened(tmp_path / "seg.dcm")
    np.testing.assert_array_equal(back.voxels, labels.voxels)
    np.testing.assert_allclose(back.affine, labels.affine, atol=1e-6)


@pytest.mark.data
def test_a_real_map_comes_back_from_contours(data: Path, tmp_path: Path) -> None:
    labels = opened(data / "dicom" / "ct_abdomen_jpeg2000_seg.nii.gz")
    series = data / "dicom" / "ct_abdomen_jpeg2000"
    scan = opened(series)
    finished(export(Export(labels, scan=scan, reference=series), tmp_path / "rt.dcm", "rtstruct"))
    back = finished(read_over(tmp_path / "rt.dcm", scan))
    for value in np.unique(labels.voxels)[1:]:
        assert dice(np.uint8(back.voxels[0] == value), np.uint8(labels.voxels[0] == value)) >= 0.99


@pytest.mark.trap("T8")
@pytest.mark.parametrize("kind", ["seg", "rtstruct"])
def test_a_mask_refers_to_the_frames_of_a_multi_frame_object(kind: str, tmp_path: Path) -> None:
    voxels = phantom(slices=5)
    order = [3, 0, 4, 1, 2]
    stack = np.stack([voxels[:, :, k].T for k in order])
    frames = [item(PlanePositionSequence=[item(ImagePositionPatient=[0.0, 0.0, 3.0 * k])]) for k in order]
    shared = item(
        PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
        PixelMeasuresSequence=[item(PixelSpacing=[0.5, 0.75], SliceThickness=3.0)],
    )
    data = write_slice(tmp_path / "scan.dcm", stack[0], 1, "1.2.3.9", **patient(0))
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = EnhancedCTImageStorage
    data.PerFrameFunctionalGroupsSequence, data.SharedFunctionalGroupsSequence = frames, [shared]
    data.NumberOfFrames, data.PixelData = 5, stack.tobytes()
    data.save_as(tmp_path / "scan.dcm")
    scan = opened(tmp_path / "scan.dcm")
    labels = labelled(scan)
    finished(export(Export(labels, NAMES, scan), tmp_path / "out.dcm", kind))
    back = finished(read_over(tmp_path / "out.dcm", scan))
    if kind == "rtstruct":
        np.testing.assert_array_equal(back.voxels, labels.voxels)
        numbers = {
            int(contour.ContourImageSequence[0].ReferencedFrameNumber)
            for region in dcmread(tmp_path / "out.dcm").ROIContourSequence
            for contour in region.ContourSequence
        }
        used = {order.index(k) + 1 for k in range(5) if labels.voxels[0, :, :, k].any()}
        assert numbers == used
    else:
        low = round(scan.to_voxel(back.to_mm((0, 0, 0)))[2])
        np.testing.assert_array_equal(back.voxels[0], labels.voxels[0, :, :, low : low + back.shape[2]])
        assert np.count_nonzero(back.voxels) == np.count_nonzero(labels.voxels)
