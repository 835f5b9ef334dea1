"""The check finds each fault once and none where there is none."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medviz.data import DATASETS
from medviz.data.checking.album import album
from medviz.data.checking.checked import checked
from medviz.data.checking.report import KINDS, CheckReport, Problem, rows_of
from medviz.data.layouts import recognised
from medviz.data.mending import mended
from medviz.figures import Picture
from medviz.messages import Progress, finished
from medviz.parameters import Settings
from medviz.refused import Refused
from tests.data import laid
from tests.data.checking.damaged import damaged, declare, pictures, save, scan, sound


def check(folder: Path, **values: object) -> CheckReport:
    return finished(checked(recognised(folder).turned(**values)))


def of_kind(report: CheckReport, kind: str) -> list[Problem]:
    return [one for one in report.problems if one.kind == kind]


def repaired(report: CheckReport, kind: str, words: str) -> Settings:
    """Press the button of this name."""
    repair = next(one for problem in of_kind(report, kind) for one in problem.repairs if words in one.words)
    return Settings(
        report.settings.name, tuple(mended(dict(report.settings.values), repair.field, repair.value).items())
    )


def test_nothing_is_found_in_a_sound_set(tmp_path: Path) -> None:
    sound(tmp_path, 6)
    report = check(tmp_path)
    assert report.problems == ()
    assert report.task == "segmentation"
    assert report.classes == ("box", "lid")
    assert [case.part for case in report.cases].count("held out") == 1


def test_each_kind_of_fault_is_found_exactly_once(tmp_path: Path) -> None:
    expected = damaged(tmp_path)
    report = check(tmp_path)
    found = Counter((one.kind, one.case) for one in report.problems)
    assert max(found.values()) == 1, found
    for kind, (case, word) in expected.items():
        said = [one for one in of_kind(report, kind) if one.case == case]
        assert len(said) == 1, (kind, case, report.problems)
        assert word in said[0].sentence, said[0]
    more = {("grid", "case_03"), ("labels", "case_12"), ("missing", "extra")}
    allowed = {(kind, case) for kind, (case, _) in expected.items()} | more
    assert set(found) == allowed, set(found) ^ allowed


def test_the_worst_stand_first_and_each_has_a_remedy(tmp_path: Path) -> None:
    damaged(tmp_path)
    problems = check(tmp_path).problems
    order = [("error", "warning", "note").index(one.severity) for one in problems]
    assert order == sorted(order)
    for one in problems:
        assert one.kind in KINDS
        assert one.sentence and one.remedy and not one.sentence.endswith("."), one


def test_a_broken_file_does_not_stop_the_check(tmp_path: Path) -> None:
    names = sound(tmp_path, 5)
    for name in names[:3]:
        (tmp_path / "imagesTr" / f"{name}.nii.gz").write_bytes(b"nothing of the kind")
    report = check(tmp_path)
    assert [one.case for one in of_kind(report, "unreadable")] == names[:3]
    assert [case.broken for case in report.cases] == [True] * 3 + [False] * 2
    assert report.fingerprint.cases == 2


def test_it_can_be_stopped_between_two_cases(tmp_path: Path) -> None:
    sound(tmp_path, 5)
    work = checked(recognised(tmp_path))
    said = [next(work) for _ in range(3)]
    assert all(isinstance(one, Progress) for one in said)
    work.close()


def test_a_missing_file_is_left_out_by_the_button_and_training_takes_the_rest(tmp_path: Path) -> None:
    sound(tmp_path, 6)
    (tmp_path / "imagesTr" / "case_02.nii.gz").unlink()
    before = check(tmp_path)
    assert [one.case for one in of_kind(before, "missing")] == ["case_02"]
    with pytest.raises(Refused):
        recognised(tmp_path).build(DATASETS).training(3, 16)
    settings = repaired(before, "missing", "leave")
    after = finished(checked(settings))
    assert after.problems == ()
    data = settings.build(DATASETS)
    assert len(data.training(3, 16)) + len(data.validation(3)) == 5


def test_a_mask_of_0_and_255_is_read_as_1_by_the_button(tmp_path: Path) -> None:
    names = sound(tmp_path, 4)
    for number, name in enumerate(names):
        save(tmp_path / "labelsTr" / f"{name}.nii.gz", np.where(scan(number)[1] > 0, 255, 0).astype(np.uint8))
    declare(tmp_path, names, ("box",))
    before = check(tmp_path)
    assert len(of_kind(before, "labels")) == 4
    assert len([row for row in rows_of(before.problems) if row.problem.kind == "labels"]) == 1
    settings = repaired(before, "labels", "use 255 as 1")
    assert dict(settings.values)["relabel"] == "255=1"
    assert finished(checked(settings)).problems == ()
    sample = settings.build(DATASETS).validation(3)[0]
    assert set(sample["label"].unique().tolist()) == {0, 1}


def test_labels_with_a_gap_are_read_in_their_order_by_the_button(tmp_path: Path) -> None:
    names = sound(tmp_path, 4)
    turned = {1: 2, 2: 5}
    for number, name in enumerate(names):
        label = scan(number)[1]
        save(tmp_path / "labelsTr" / f"{name}.nii.gz", np.select([label == 1, label == 2], [2, 5], 0).astype(np.uint8))
    before = check(tmp_path)
    assert all("5" in one.sentence for one in of_kind(before, "labels"))
    settings = repaired(before, "labels", "use")
    assert dict(settings.values)["relabel"] == ", ".join(f"{stands}={meant}" for meant, stands in turned.items())
    assert finished(checked(settings)).problems == ()


def test_a_mask_on_another_grid_is_resampled_by_the_button(tmp_path: Path) -> None:
    names = sound(tmp_path, 4)
    save(tmp_path / "labelsTr" / f"{names[1]}.nii.gz", scan(1)[1][::2, ::2, ::2], (2, 2, 2))
    before = check(tmp_path)
    settings = repaired(before, "grid", "resample")
    assert dict(settings.values)["grids"] == "resample"
    after = finished(checked(settings))
    assert after.faults == 0
    assert {case.name: dict(case.counts) for case in after.cases}[names[1]]["box"] > 100


def test_a_header_that_lies_is_taken_from_the_scan_by_the_button(tmp_path: Path) -> None:
    names = sound(tmp_path, 4)
    save(tmp_path / "labelsTr" / f"{names[0]}.nii.gz", scan(0)[1], (3, 3, 3))
    settings = repaired(check(tmp_path), "grid", "scan's grid")
    assert finished(checked(settings)).faults == 0


def test_no_repair_changes_a_file(tmp_path: Path) -> None:
    damaged(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    report = check(tmp_path)
    for one in report.problems:
        for repair in one.repairs:
            values = mended(dict(report.settings.values), repair.field, repair.value)
            assert values != dict(report.settings.values)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_repairs_add_up(tmp_path: Path) -> None:
    values = mended(mended({"folder": "x"}, "leave_out", "a"), "leave_out", "b, a")
    assert values == {"folder": "x", "leave_out": "a, b"}
    assert mended(mended({}, "relabel", "255=1"), "relabel", "7=0")["relabel"] == "255=1, 7=0"


def test_a_picture_on_both_sides_is_an_error_and_its_copy_to_learn_from_is_left_out(tmp_path: Path) -> None:
    pictures(tmp_path / "train", {"cat": 6, "dog": 6})
    pictures(tmp_path / "val", {"cat": 2, "dog": 2})
    (tmp_path / "val" / "cat" / "copy.png").write_bytes((tmp_path / "train" / "cat" / "cat_3.png").read_bytes())
    chance = np.random.default_rng(5)
    for path in (tmp_path / "val").rglob("*_*.png"):
        Image.fromarray(chance.integers(0, 255, (24, 32), np.uint8)).save(path)
    report = check(tmp_path)
    found = of_kind(report, "duplicate")
    assert [one.case for one in found] == ["cat/cat_3.png"]
    assert found[0].severity == "error"
    assert "held out" in found[0].sentence
    after = finished(checked(repaired(report, "duplicate", "leave")))
    assert not of_kind(after, "duplicate")
    assert len(after.cases) == len(report.cases) - 1


def test_one_picture_with_two_classes_is_an_error(tmp_path: Path) -> None:
    pictures(tmp_path, {"cat": 8, "dog": 8})
    (tmp_path / "dog" / "copy.png").write_bytes((tmp_path / "cat" / "cat_0.png").read_bytes())
    found = of_kind(check(tmp_path), "duplicate")
    assert len(found) == 1
    assert found[0].severity == "error"
    assert "cat and once as dog" in found[0].sentence


def test_patients_that_file_names_tell_are_split_by_the_button(tmp_path: Path) -> None:
    pictures(tmp_path, {"cat": 20, "dog": 20}, patients=10)
    report = check(tmp_path)
    found = of_kind(report, "leakage")
    assert len(found) == 1 and "patient" in found[0].sentence
    settings = repaired(report, "leakage", "split by patient")
    after = finished(checked(settings))
    assert not of_kind(after, "leakage")
    sides = {side: {case.patient for case in after.cases if case.part == side} for side in ("training", "held out")}
    assert not sides["training"] & sides["held out"]
    assert after.fingerprint.patients == 10


def test_plain_numbers_in_file_names_are_no_patients(tmp_path: Path) -> None:
    pictures(tmp_path, {"cat": 9, "dog": 9})
    for kind in ("cat", "dog"):
        for number, path in enumerate(sorted((tmp_path / kind).iterdir())):
            path.rename(path.with_name(f"p{number}.png"))
    found = check(tmp_path).problems
    assert not [one for one in found if one.kind == "leakage"]


def test_pairs_of_pictures_are_checked_for_their_grids_and_not_for_labels(tmp_path: Path) -> None:
    for number in range(5):
        for side in ("input", "target"):
            image = scan(number)[0]
            save(tmp_path / side / f"p{number}.nii.gz", image[:, :, :-1] if (side, number) == ("target", 3) else image)
    report = check(tmp_path)
    assert report.task == "translation"
    assert {(one.kind, one.case) for one in report.problems} == {("grid", "p3")}


def test_a_patient_on_both_sides_of_a_given_split_is_one_row(tmp_path: Path) -> None:
    pictures(tmp_path / "train", {"cat": 12, "dog": 12}, patients=4)
    pictures(tmp_path / "val", {"cat": 2, "dog": 2}, patients=2)
    chance = np.random.default_rng(6)
    for path in (tmp_path / "val").rglob("*.png"):
        Image.fromarray(chance.integers(0, 255, (24, 32), np.uint8)).save(path)
    report = check(tmp_path, patient=r"^(patient\d+)")
    found = of_kind(report, "leakage")
    assert sorted(one.sentence.split()[1] for one in found) == ["patient000", "patient001"]
    assert all(one.severity == "error" for one in found)


def test_classes_out_of_balance_are_said_with_their_numbers(tmp_path: Path) -> None:
    pictures(tmp_path, {"cat": 62, "dog": 3})
    found = of_kind(check(tmp_path), "imbalance")
    assert len(found) == 1
    assert found[0].severity == "warning"
    assert "62" in found[0].sentence and "3" in found[0].sentence
    pictures(tmp_path / "two", {"cat": 8, "dog": 7})
    assert not of_kind(check(tmp_path / "two"), "imbalance")


def test_a_folder_that_is_no_data_set_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(Refused) as refusal:
        check(tmp_path)
    assert "no layout that is known" in str(refusal.value)


@pytest.mark.parametrize("name", ["digits", "phantoms", "shapes", "mni152"])
def test_what_is_drawn_or_shipped_is_sound(name: str) -> None:
    report = finished(checked(Settings(name)))
    assert report.faults == 0, report.problems
    assert report.fingerprint.held_out > 0
    assert all(one.count for one in report.fingerprint.classes)


LAYOUTS = (
    "paired", "beside", "totalsegmentator", "bids", "kaggle", "mask_table", "image_text", "arrays", "dicom_seg",
    "class_folders", "image_pairs",
)  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_checked_and_drawn_without_a_false_alarm(layout: str, tmp_path: Path) -> None:
    settings = recognised(getattr(laid, layout)(tmp_path / "data"))
    report = finished(checked(settings))
    assert report.problems == ()
    assert 0 < report.fingerprint.held_out < len(report.cases)
    found = finished(album(settings))
    assert [one.name for one in found.cases] == [one.name for one in report.cases]
    said: list[object] = []
    finished(found.pictures([found.cases[0].name], 64), said.append)
    assert [type(one) for one in said] == [Picture]


@pytest.mark.parametrize("name", ["points", "report_sentences"])
def test_what_has_no_pictures_is_not_checked_and_the_refusal_says_so(name: str) -> None:
    with pytest.raises(Refused, match="no pictures"):
        finished(checked(Settings(name)))
