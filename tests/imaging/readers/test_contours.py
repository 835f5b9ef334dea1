"""RTSTRUCT: each contour filled where it lies, holes left, names and colours kept, on whatever grid is open."""

from pathlib import Path

import numpy as np
import pydicom.data
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence
from pydicom.uid import generate_uid

from medviz.imaging.readers import describe, read, read_over, series_of
from medviz.imaging.volume import Volume
from medviz.messages import finished
from medviz.refused import Refused
from tests.imaging.dicom_files import item, phantom, write_series, write_slice
from tests.imaging.making import rotation, volume

RTSTRUCT = "1.2.840.10008.5.1.4.1.1.481.3"
Points = np.ndarray


def over(path: Path, scan: Volume) -> Volume:
    return finished(read_over(path, scan))


def square(z: float, low: float, high: float) -> Points:
    """A square in LPS mm."""
    return np.array([(low, low, z), (high, low, z), (high, high, z), (low, high, z)])


def write_structures(path: Path, *regions: tuple[str, tuple[int, int, int] | None, list[Points]], **more: str) -> Path:
    """Write regions as (name, colour, contours)."""
    data: FileDataset = write_slice(path, np.zeros((2, 2), np.int16), 1, generate_uid(), Modality="RTSTRUCT")
    for name in ("Rows", "Columns", "PixelData", "BitsAllocated", "BitsStored", "HighBit"):
        delattr(data, name)
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = RTSTRUCT
    frame = more.get("frame", "1.2.3")
    data.StructureSetROISequence = Sequence(
        [
            item(ROINumber=n, ROIName=name, ReferencedFrameOfReferenceUID=frame)
            for n, (name, _, _) in enumerate(regions, start=1)
        ]
    )
    data.ROIContourSequence = Sequence([_region(n, *region) for n, region in enumerate(regions, start=1)])
    data.save_as(path)
    return path


def _region(number: int, name: str, colour: tuple[int, int, int] | None, contours: list[Points]) -> Dataset:
    made = item(ReferencedROINumber=number, ContourSequence=Sequence([_contour(points) for points in contours]))
    if colour is not None:
        made.ROIDisplayColor = list(colour)
    return made


def _contour(points: Points, kind: str = "CLOSED_PLANAR") -> Dataset:
    numbers = [f"{number:.6g}" for number in points.ravel()]
    return item(ContourGeometricType=kind, NumberOfContourPoints=len(points), ContourData=numbers)


@pytest.fixture
def scan() -> Volume:
    """24 mm in LPS from -12 to 11 along x and y (1 mm), slices of 2 mm from 0 to 18."""
    affine = np.array([[1.0, 0, 0, -11], [0, 1.0, 0, -11], [0, 0, 2.0, 0], [0, 0, 0, 1]])
    return volume(np.zeros((24, 24, 10), np.int16), affine)


def test_a_square_is_filled_where_it_lies(scan: Volume, tmp_path: Path) -> None:
    path = write_structures(
        tmp_path / "rs.dcm", ("liver", (200, 30, 10), [square(4.0, -5.5, 3.5), square(6.0, -5.5, 3.5)])
    )
    labels = over(path, scan)
    assert labels.same_grid(scan) and labels.voxels.dtype == np.uint8
    assert [(one.value, one.name, one.colour) for one in labels.labels] == [(1, "liver", (200, 30, 10))]
    inside = labels.to_mm(np.argwhere(labels.frame() == 1)) * (-1, -1, 1)
    assert set(inside[:, 2]) == {4.0, 6.0}
    assert inside[:, :2].min() == -5.0 and inside[:, :2].max() == 3.0 and len(inside) == 2 * 81


def test_a_contour_within_another_is_a_hole(scan: Volume, tmp_path: Path) -> None:
    rings = [square(4.0, -8.5, 8.5), square(4.0, -4.5, 4.5), square(4.0, -1.5, 1.5)]
    labels = over(write_structures(tmp_path / "rs.dcm", ("ring", None, rings)), scan)
    at = {mm: labels.value_at((-mm, 0.0, 4.0)) for mm in (0.0, 3.0, 6.0, 9.0)}
    assert at == {0.0: 1.0, 3.0: 0.0, 6.0: 1.0, 9.0: 0.0}


def test_slices_between_two_contours_take_the_nearer_and_a_gap_stays_empty(scan: Volume, tmp_path: Path) -> None:
    """Contours 4 mm apart over slices of 2 mm; from 12 on there is none."""
    planes = [square(z, -3.5, 3.5) for z in (0.0, 4.0, 8.0)]
    labels = over(write_structures(tmp_path / "rs.dcm", ("a", None, planes)), scan)
    filled = [float(z) for z in range(0, 20, 2) if labels.value_at((0, 0, float(z)))]
    assert filled == [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]


def test_where_structures_overlap_the_later_one_is_shown_and_it_is_said(scan: Volume, tmp_path: Path) -> None:
    regions = (("a", None, [square(4.0, -5.5, 3.5)]), ("b", None, [square(4.0, 0.5, 8.5)]))
    labels = over(write_structures(tmp_path / "rs.dcm", *regions), scan)
    assert labels.value_at((-2.0, -2.0, 4.0)) == 2 and labels.value_at((2.0, 2.0, 4.0)) == 1
    assert any("overlap in 9 voxels" in warning for warning in labels.warnings)


def test_it_lies_right_on_a_scan_stored_in_any_order_or_aslant(scan: Volume, tmp_path: Path) -> None:
    path = write_structures(tmp_path / "rs.dcm", ("a", None, [square(float(z), -5.5, 3.5) for z in range(2, 10)]))
    turned = volume(np.zeros((10, 24, 24), np.int16), scan.affine[:, [2, 1, 0, 3]])
    assert np.array_equal(over(path, turned).frame(), over(path, scan).frame().transpose(2, 1, 0))
    affine = np.eye(4)
    affine[:3, :3] = rotation((0.2, 0.3, -0.1))
    affine[:3, 3] = -affine[:3, :3] @ (15.0, 15.0, 10.0)
    aslant = over(path, volume(np.zeros((31, 31, 31), np.int16), affine))
    inside = aslant.to_mm(np.argwhere(aslant.frame() == 1)) * (-1, -1, 1)
    assert len(inside) * abs(np.linalg.det(affine)) == pytest.approx(81 * 8, rel=0.08)
    assert inside[:, :2].min() > -6.1 and inside[:, :2].max() < 4.1 and 1.4 < inside[:, 2].min() < 2.6
    assert any("aslant" in warning for warning in aslant.warnings)


def test_alone_it_makes_a_grid_of_its_own(tmp_path: Path) -> None:
    path = write_structures(tmp_path / "rs.dcm", ("a", None, [square(z, -20.5, 3.5) for z in (0.0, 3.0, 6.0)]))
    labels = finished(read(path))
    assert labels.spacing_mm == pytest.approx((1.0, 1.0, 3.0)) and labels.shape[2] == 3
    assert labels.value_at((0.0, 0.0, 3.0)) == 1 and labels.value_at((-4.5, 0.0, 3.0)) == 0
    assert int((labels.frame() == 1).sum()) == pytest.approx(24 * 24 * 3, rel=0.1)
    assert describe(path)["content"] == "contours"


def test_contours_outside_and_another_frame_of_reference_are_said(tmp_path: Path) -> None:
    write_series(tmp_path / "ct", phantom(), tags=lambda k: {"FrameOfReferenceUID": "9.9.9"})
    scan = finished(read(tmp_path / "ct"))
    path = write_structures(tmp_path / "rs.dcm", ("a", None, [square(42.5, -18, -14), square(400.0, -18, -14)]))
    labels = over(path, scan)
    assert any("1 of 2 contours lie outside" in warning for warning in labels.warnings)
    assert any("another frame of reference" in warning for warning in labels.warnings)
    same = write_structures(tmp_path / "same.dcm", ("a", None, [square(42.5, -18, -14)]), frame="9.9.9")
    assert not any("frame of reference" in warning for warning in over(same, scan).warnings)


def test_a_set_without_a_closed_contour_is_refused(scan: Volume, tmp_path: Path) -> None:
    path = write_structures(tmp_path / "rs.dcm", ("empty", None, []))
    with pytest.raises(Refused, match="no closed contour"):
        over(path, scan)


def test_points_and_open_lines_are_left_and_counted() -> None:
    path = Path(pydicom.data.__file__).parent / "test_files" / "rtstruct.dcm"
    labels = finished(read(path))
    assert any("2 points and open lines are not drawn" in warning for warning in labels.warnings)
    assert set(np.unique(labels.frame())) - {0} <= {one.value for one in labels.labels}


def test_a_folder_lists_it_behind_its_scan_and_names_the_structures(tmp_path: Path) -> None:
    uid = write_series(tmp_path / "ct", phantom())
    path = write_structures(tmp_path / "rs.dcm", ("liver", None, [square(42.5, -18, -14)]), ("spleen", None, []))
    data = dcmread(path)
    study = item(RTReferencedSeriesSequence=Sequence([item(SeriesInstanceUID=uid)]))
    data.ReferencedFrameOfReferenceSequence = Sequence([item(RTReferencedStudySequence=Sequence([study]))])
    data.save_as(path)
    scan, drawn = finished(series_of(tmp_path))
    assert (scan.content, drawn.content) == ("scan", "contours")
    assert drawn.names == ("liver", "spleen") and drawn.over == scan.key
