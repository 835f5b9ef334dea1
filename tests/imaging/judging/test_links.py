import numpy as np
import pytest

from medviz.imaging.judging.agreement import agreement
from medviz.imaging.judging.links import confused, place_of, place_of_error, volume_words
from medviz.imaging.judging.results import Comparison
from medviz.imaging.judging.summary import as_csv, sentence
from medviz.messages import finished
from tests.imaging.judging.maps import blobs, volume

AFFINE = np.array([[2.0, 0, 0, -30], [0, 1, 0, 5], [0, 0, 3, 100], [0, 0, 0, 1]])


@pytest.fixture(scope="module")
def found() -> Comparison:
    """A block with a bite out of it and a bump on it, a block that is missed, one that is invented, two confused."""
    meant, seen = np.zeros((40, 24, 20), np.uint8), np.zeros((40, 24, 20), np.uint8)
    meant[4:14, 4:14, 4:14] = seen[4:14, 4:14, 4:14] = 1
    seen[10:14, 4:9, 4:14] = 0  # a bite of 200 voxels
    seen[14:16, 6:12, 6:12] = 1  # a bump of 72
    meant[30:34, 2:6, 2:6] = 1  # 64, missed
    seen[30:33, 15:18, 12:15] = 1  # 27, invented
    meant[20:26, 4:10, 4:10], seen[20:26, 4:10, 4:10] = 2, 2
    seen[23:26, 4:10, 4:10] = 3  # 108 of label 2 are called 3
    return finished(agreement(volume(seen, AFFINE), volume(meant, AFFINE), {1: "liver", 2: "spleen"}))


def voxel(found: Comparison, key: str, value: int = 1) -> tuple[int, int, int]:
    place = place_of(found, value, key)
    assert place is not None
    index = found.grid.nearest(place.at_mm)
    assert index is not None
    return index


def test_overlaps_lead_to_the_largest_error_and_each_number_to_its_own_kind(found: Comparison) -> None:
    for key in ("dice", "iou", "sensitivity"):
        x, y, z = voxel(found, key)
        assert 10 <= x < 14 and 4 <= y < 9 and 4 <= z < 14, key
    x, y, z = voxel(found, "precision")
    assert 14 <= x < 16 and 6 <= y < 12 and 6 <= z < 12
    assert voxel(found, "missed")[0] in range(30, 34) and voxel(found, "missed")[1] in range(2, 6)
    assert voxel(found, "invented") == (31, 16, 13), "its middle"
    assert voxel(found, "volume_difference_ml")[0] in range(10, 14), "too small: to what is missing"


def test_distances_lead_to_the_pair_of_points_they_come_from(found: Comparison) -> None:
    row, place = found.of(1), place_of(found, 1, "hd95_mm")
    assert row is not None and place is not None and place.gap is not None
    assert place.gap is row.worst and place.at_mm == row.worst.predicted_mm
    assert f"{row.hd_mm:.1f} mm apart" in place.words and "liver" in place.words


def test_a_volume_leads_into_the_label(found: Comparison) -> None:
    x, y, z = voxel(found, "volume_ml_reference")
    assert found.meant[x, y, z] == 1
    assert found.meant[voxel(found, "name", 2)] == 2


def test_what_was_taken_for_something_else_is_named_and_found_by_its_cell(found: Comparison) -> None:
    place = confused(found, 3, 2)
    assert place is not None and place.error is not None
    assert found.grid.nearest(place.at_mm)[0] in range(23, 26)  # type: ignore[index]
    assert "spleen: border too far in" in place.words and "prediction: label 3" in place.words
    assert confused(found, 1, 2) is None
    agreed = confused(found, 2, 2)
    assert agreed is not None and agreed.error is None


def test_words_of_an_error_have_units(found: Comparison) -> None:
    words = place_of_error(found, found.errors[0]).words
    assert words == "liver: border too far in, 1.2 ml, 5.0 mm deep"
    assert volume_words(0.0123, 3) == "12.3 mm³" and volume_words(None, 12345) == "12\u202f345 voxels"
    assert volume_words(1234.5, 1) == "1234 ml"


def test_nothing_wrong_leads_nowhere() -> None:
    same = finished(agreement(volume(blobs(1)), volume(blobs(1))))
    assert [place_of(same, *of) for of in ((1, "dice"), (1, "hd95_mm"), (9, "dice"))] == [None, None, None]
    assert place_of(same, 1, "volume_ml_reference") is not None


def test_the_summary_names_the_worst_and_what_is_missing(found: Comparison) -> None:
    said = sentence(found)
    assert "3 labels" in said and "worst spleen" in said and "not in the reference: label 3" in said
    lines = as_csv(found.rows).splitlines()
    assert lines[0].startswith("value,name,dice") and len(lines) == 4
    assert lines[3].startswith("3,label 3,,") and lines[3].endswith('neither overlap nor distance has a meaning"')
