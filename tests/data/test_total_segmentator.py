"""TotalSegmentator's own folder: its table gives the split, its masks the classes, its faults are named."""

from pathlib import Path

import numpy as np
import pytest

from medviz.data.total_segmentator import TotalSegmentator
from medviz.refused import Refused
from tests.data.laid import nifti, scan, totalsegmentator
from tests.standard import a_sentence


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return totalsegmentator(tmp_path)


def test_its_own_table_gives_the_split_and_the_test_is_left_alone(folder: Path) -> None:
    sides = ("train", "train", "val", "train", "test", "val")
    rows = [f"s{number:04d};0{number};f;{side}" for number, side in enumerate(sides)]
    (folder / "meta.csv").write_text("image_id;age;gender;split\n" + "\n".join(rows))
    training, held = TotalSegmentator(str(folder)).sides
    assert [one.name for one in training] == ["s0000", "s0001", "s0003"]
    assert [one.name for one in held] == ["s0002", "s0005"]


def test_a_case_may_lack_a_structure_that_others_have(folder: Path) -> None:
    (folder / "s0002" / "segmentations" / "liver.nii.gz").unlink()
    data = TotalSegmentator(str(folder))
    pair = next(one for one in data.contents.pairs if one.name == "s0002")
    assert data.classes == ("kidney left", "liver")
    assert set(np.unique(data.label_of(pair, data.scans_of(pair)[0])).tolist()) == {0, 1}


def test_a_case_without_its_scan_is_named_and_can_be_left_out(folder: Path) -> None:
    (folder / "s0001" / "ct.nii.gz").unlink()
    with pytest.raises(Refused, match="s0001: it has segmentations/ and no scan") as refusal:
        _ = TotalSegmentator(str(folder)).classes
    a_sentence(refusal.value)
    assert len(TotalSegmentator(str(folder), leave_out="s0001").contents.pairs) == 5


@pytest.mark.trap("T6")
def test_a_mask_on_another_grid_is_refused_unless_it_is_to_be_resampled(folder: Path) -> None:
    for number in range(6):
        _, label = scan(number, (28, 32, 16))
        nifti(folder / f"s{number:04d}" / "segmentations" / "liver.nii.gz", (label > 0).astype(np.uint8), (0.5, 0.5, 1))
    with pytest.raises(Refused, match="another grid"):
        TotalSegmentator(str(folder)).validation(3)[0]
    found = TotalSegmentator(str(folder), grids="resample").validation(3)[0]["label"]
    assert 2 in found.unique().tolist()
