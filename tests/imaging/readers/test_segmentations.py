"""DICOM SEG: each frame in its own place whatever is missing between; overlaps, fractions and names."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from highdicom.seg import (
    SegmentAlgorithmTypeValues,
    Segmentation,
    SegmentationFractionalTypeValues,
    SegmentationTypeValues,
    SegmentDescription,
)
from pydicom import dcmread
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

from medviz.imaging.intensity import guess_role
from medviz.imaging.readers import describe, read, series_of
from medviz.imaging.volume import Volume
from medviz.messages import finished
from tests.imaging.dicom_files import phantom, write_series

pytestmark = pytest.mark.trap("T8")
Kind = SegmentationTypeValues


def opened(path: Path) -> Volume:
    return finished(read(path))


def sources(folder: Path, places: Sequence[tuple[float, float, float]], columns: int = 13, rows: int = 9) -> list:
    write_series(folder, phantom(columns, rows, len(places)), lambda k: places[k], spacing=(0.5, 0.75))
    found = sorted((dcmread(path) for path in folder.iterdir()), key=lambda one: float(one.ImagePositionPatient[2]))
    for one in found:
        one.StudyInstanceUID, one.FrameOfReferenceUID = "1.2.3", "1.2.4"
        one.PatientBirthDate = one.PatientSex = one.StudyDate = one.StudyTime = one.StudyID = ""
        one.AccessionNumber = one.ReferringPhysicianName = ""
    return found


def write_seg(path: Path, of: list, mask: np.ndarray, names: Sequence[str], kind: Kind = Kind.BINARY) -> Path:
    segments = [
        SegmentDescription(n, name, codes.SCT.Organ, codes.SCT.Liver, SegmentAlgorithmTypeValues.MANUAL)
        for n, name in enumerate(names, start=1)
    ]
    more = {"fractional_type": SegmentationFractionalTypeValues.PROBABILITY} if kind == Kind.FRACTIONAL else {}
    Segmentation(
        of, mask, kind, segments, generate_uid(), 5, generate_uid(), 1, "medviz", "tests", "1", "0",
        omit_empty_frames=True, **more,
    ).save_as(path)  # fmt: skip
    return path


def at(place: tuple[float, float, float], row: int, column: int) -> np.ndarray:
    """RAS mm of a pixel of a slice."""
    x, y, z = place
    return np.array([-(x + 0.75 * column), -(y + 0.5 * row), z])


UPRIGHT = [(-20.0, -30.0, 40 + 2.5 * k) for k in range(7)]
LEANING = [(-20.0, -30.0 + 0.6 * k, 40 + 2.5 * k) for k in range(7)]
GAPPED = [(-20.0, -30.0, 40 + 2.5 * k) for k in (0, 1, 2, 5, 6, 7, 8)]
UNEVEN = [(-20.0, -30.0, 40 + z) for z in (0.0, 2.5, 5.0, 8.1, 10.0, 12.5, 15.0)]


@pytest.mark.parametrize("places", [UPRIGHT, LEANING, GAPPED], ids=["upright", "leaning", "gapped"])
@pytest.mark.parametrize("columns", [13, 16])
def test_each_frame_lies_where_it_was_drawn(places: list, columns: int, tmp_path: Path) -> None:
    """13 columns of one bit leave no frame on a whole byte; slices 0, 2 and 5 have no frame at all."""
    mask = np.zeros((7, 9, columns), np.uint8)
    rng = np.random.default_rng(0)
    for k in (1, 3, 4, 6):
        mask[k] = rng.integers(0, 3, (9, columns))
    path = write_seg(tmp_path / "seg.dcm", sources(tmp_path / "ct", places, columns), mask, ("liver", "cyst"))
    labels = opened(path)
    assert [(one.value, one.name) for one in labels.labels] == [(1, "liver"), (2, "cyst")]
    for k, place in enumerate(places):
        for row, column in ((0, 0), (8, columns - 1), (3, 7), (5, 2)):
            assert (labels.value_at(at(place, row, column)) or 0.0) == mask[k, row, column]
    assert int((labels.frame() > 0).sum()) == int((mask > 0).sum())
    assert describe(path)["shape"] == list(labels.stored.shape)


def test_on_uneven_slices_each_frame_takes_the_nearest_place(tmp_path: Path) -> None:
    mask = np.ones((7, 9, 13), np.uint8)
    labels = opened(write_seg(tmp_path / "seg.dcm", sources(tmp_path / "ct", UNEVEN), mask, ("liver",)))
    for place in UNEVEN:
        assert labels.value_at(at(place, 4, 5)) == 1


def test_one_fractional_segment_is_a_probability(tmp_path: Path) -> None:
    share = np.zeros((7, 9, 13), np.float32)
    share[3] = np.linspace(0, 1, 9 * 13).reshape(9, 13)
    path = write_seg(tmp_path / "seg.dcm", sources(tmp_path / "ct", UPRIGHT), share, ("tumour",), Kind.FRACTIONAL)
    map_of = opened(path)
    assert map_of.voxels.dtype == np.float32 and map_of.labels[0].name == "tumour"
    assert guess_role(map_of) == "probability"
    for row, column in ((0, 0), (4, 6), (8, 12)):
        assert map_of.value_at(at(UPRIGHT[3], row, column)) == pytest.approx(share[3, row, column], abs=1 / 255)


def test_of_several_fractional_segments_the_most_probable_is_shown(tmp_path: Path) -> None:
    share = np.zeros((7, 9, 13, 2), np.float32)
    share[2, :, :6, 0], share[2, :, :6, 1] = 0.9, 0.6
    share[2, :, 6:, 0], share[2, :, 6:, 1] = 0.3, 0.4
    path = write_seg(tmp_path / "seg.dcm", sources(tmp_path / "ct", UPRIGHT), share, ("a", "b"), Kind.FRACTIONAL)
    labels = opened(path)
    assert labels.value_at(at(UPRIGHT[2], 3, 2)) == 1 and not labels.value_at(at(UPRIGHT[2], 3, 9))
    assert any("probabilities" in warning for warning in labels.warnings)


def test_overlapping_segments_are_counted(tmp_path: Path) -> None:
    mask = np.zeros((7, 9, 13, 2), np.uint8)
    mask[2, 2:6, 2:8, 0] = mask[2, 4:8, 5:10, 1] = 1
    labels = opened(write_seg(tmp_path / "seg.dcm", sources(tmp_path / "ct", UPRIGHT), mask, ("a", "b")))
    assert labels.value_at(at(UPRIGHT[2], 5, 6)) == 2
    assert any("overlap in 6 voxels" in warning for warning in labels.warnings)


def test_a_label_map_object_keeps_its_numbers(tmp_path: Path) -> None:
    mask = np.zeros((7, 9, 13), np.uint8)
    mask[1, 2:5, 3:9], mask[4, 5:7, 0:13] = 1, 2
    path = write_seg(tmp_path / "seg.dcm", sources(tmp_path / "ct", UPRIGHT), mask, ("a", "b"), Kind.LABELMAP)
    labels = opened(path)
    for k, row, column in ((1, 3, 4), (4, 6, 12), (4, 4, 4)):
        assert (labels.value_at(at(UPRIGHT[k], row, column)) or 0) == mask[k, row, column]


def test_a_folder_lists_it_behind_the_scan_it_was_drawn_on(tmp_path: Path) -> None:
    of = sources(tmp_path / "ct", UPRIGHT)
    write_seg(tmp_path / "seg.dcm", of, np.ones((7, 9, 13), np.uint8), ("liver",))
    scan, drawn = finished(series_of(tmp_path))
    assert (drawn.content, drawn.names, drawn.over) == ("labels", ("liver",), scan.key)
