"""What the check says of the real sets: nothing of the sound ones, and what is truly wrong with the others."""

from functools import lru_cache
from pathlib import Path

import pytest

from medviz.data.checking.checked import checked
from medviz.data.checking.report import CheckReport
from medviz.data.layouts import recognised
from medviz.messages import finished

pytestmark = pytest.mark.data


@lru_cache
def check(folder: Path) -> CheckReport:
    return finished(checked(recognised(folder)))


@pytest.mark.parametrize(
    ("folder", "cases", "held"),
    [
        ("seg3d/Task04_Hippocampus", 120, 24),
        ("classification/brain_tumor_mri", 540, 90),
        ("seg2d/nuclei_dsb2018", 80, None),
        ("seg2d/nuclei_dsb2018_original_layout", 4, None),
        ("detection/cxr_lungs_coco", 29, None),
    ],
)
def test_a_sound_set_has_no_problems(data: Path, folder: str, cases: int, held: int | None) -> None:
    report = check(data / folder)
    assert report.faults == 0, report.problems
    assert len(report.cases) == cases
    assert 0 < report.fingerprint.held_out < cases
    assert held is None or report.fingerprint.held_out == held


def test_the_fingerprint_of_the_hippocampus_is_right(data: Path) -> None:
    found = check(data / "seg3d" / "Task04_Hippocampus").fingerprint
    assert found.dimensions == 3 and found.channels == 1
    assert found.shape.middle == (35, 50, 36)
    assert found.spacing_mm is not None and found.spacing_mm.middle == (1, 1, 1)
    assert [one.name for one in found.classes] == ["Anterior", "Posterior"]
    assert sum(one.count for one in found.classes) == 388_084
    assert found.plain["classes"][0]["share"] == pytest.approx(0.52, abs=0.005)


def test_pictures_that_pneumoniamnist_has_on_both_sides_are_found(data: Path) -> None:
    report = check(data / "classification" / "pneumoniamnist")
    both = [one for one in report.problems if one.kind == "duplicate" and one.severity == "error"]
    assert len(both) == 8
    assert all(one.case.startswith("train") and "val" in one.sentence for one in both)
    assert [one.severity for one in report.problems if one.kind == "imbalance"] == ["note"]


def test_one_scan_alone_cannot_be_learnt_from_and_that_is_said(data: Path) -> None:
    report = check(data / "seg3d" / "totalsegmentator_ct")
    assert [one.kind for one in report.problems if one.severity == "error"] == ["few"]
    assert len(report.classes) == 20
