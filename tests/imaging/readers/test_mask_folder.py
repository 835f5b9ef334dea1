"""A folder of one mask a structure is one label map with names; other folders stay what they are."""

from pathlib import Path

import numpy as np
import pytest

from medviz.imaging.readers import describe, read, read_over, read_series, series_of
from medviz.imaging.readers.mask_folder import labels_of, masks_in, name_of
from medviz.messages import finished
from medviz.refused import Refused
from tests.imaging.making import saved
from tests.standard import a_sentence

AFFINE = np.diag([1.0, 2.0, 3.0, 1.0])


def mask(corner: int, value: int = 1) -> np.ndarray:
    voxels = np.zeros((8, 9, 10), np.uint8)
    voxels[corner : corner + 3, 2:5, 2:6] = value
    return voxels


@pytest.fixture
def case(tmp_path: Path) -> Path:
    """A scan with segmentations/ beside it."""
    (tmp_path / "segmentations").mkdir()
    saved(tmp_path / "ct.nii.gz", np.zeros((8, 9, 10), np.int16), AFFINE)
    saved(tmp_path / "segmentations" / "liver.nii.gz", mask(0), AFFINE)
    saved(tmp_path / "segmentations" / "kidney_left.nii.gz", mask(4, 255), AFFINE)
    return tmp_path


def test_masks_become_one_map_with_names_and_the_values_of_the_known_table(case: Path) -> None:
    found = finished(read(case / "segmentations"))
    assert {one.name: one.value for one in found.labels} == {"kidney left": 3, "liver": 5}
    assert np.array_equal(found.frame(), 5 * mask(0) + 3 * mask(4))
    assert np.array_equal(found.affine, AFFINE) and not found.warnings
    assert np.array_equal(finished(read_over(case / "segmentations", found)).frame(), found.frame())


def test_names_that_no_table_has_are_numbered_by_the_alphabet(case: Path) -> None:
    saved(case / "segmentations" / "big_tumour.nii.gz", mask(2), AFFINE)
    found = finished(read(case / "segmentations"))
    assert [(one.value, one.name) for one in found.labels] == [(1, "big tumour"), (2, "kidney left"), (3, "liver")]
    assert any("overlap" in warning for warning in found.warnings)


def test_the_files_of_totalsegmentator_have_the_names_of_its_table() -> None:
    said = {"esophagus.nii.gz": "oesophagus", "vertebrae_L1.nii.gz": "vertebra L1", "heart.nrrd": "heart",
            "autochthon_left.nii": "autochthonous muscle left"}  # fmt: skip
    assert {file: name_of(Path(file)) for file in said} == said
    assert [one.value for one in labels_of(["oesophagus", "vertebra L1"])] == [15, 31]


def test_info_names_the_labels_and_decodes_nothing(case: Path) -> None:
    told = describe(case / "segmentations")
    assert [one["name"] for one in told["segments"]] == ["kidney left", "liver"]
    assert told["shape"] == [8, 9, 10] and told["content"] == "labels"
    assert [one["description"] for one in describe(case)["series"]] == ["ct.nii.gz", "segmentations"]


def test_the_folder_of_a_case_offers_its_masks_over_its_scan(case: Path) -> None:
    cards = finished(series_of(case))
    assert [(one.key, one.content, one.over) for one in cards] == [
        ("ct.nii.gz", "scan", ""), ("segmentations", "labels", "ct.nii.gz"),
    ]  # fmt: skip
    assert finished(read_series(cards[1])).labels
    assert finished(series_of(case / "segmentations")) == ()


def test_masks_on_different_grids_are_refused(case: Path) -> None:
    saved(case / "segmentations" / "spleen.nii.gz", mask(0), np.eye(4))
    with pytest.raises(Refused, match=r"spleen\.nii\.gz.*another grid") as refusal:
        finished(read(case / "segmentations"))
    a_sentence(refusal.value)


def test_a_folder_of_label_maps_of_many_cases_is_no_such_folder(tmp_path: Path) -> None:
    for number in range(3):
        saved(tmp_path / f"case_{number}.nii.gz", mask(0), AFFINE)
    assert masks_in(tmp_path) == ()
    assert len(finished(series_of(tmp_path))) == 3


@pytest.mark.data
def test_the_masks_of_totalsegmentator_agree_with_its_own_map(data: Path) -> None:
    folder = data / "seg3d" / "totalsegmentator_ct"
    if not folder.is_dir():
        pytest.skip("no TotalSegmentator here")
    masks, whole = finished(read(folder / "segmentations")), finished(read(folder / "segmentation_multilabel.nii.gz"))
    assert len(masks.labels) == 20
    there = masks.frame() > 0
    assert (masks.frame()[there] == whole.frame()[there]).mean() > 0.95
