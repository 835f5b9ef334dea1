"""Whole patients on one side, always the same ones; a file of folds is held to, and refused where it cannot be."""

import json
from pathlib import Path
from typing import Any

import pytest

from medviz.data.splitting import apart, file_of, fixed, hashed, held_out
from medviz.data.voc import Voc
from medviz.refused import Refused
from tests.standard import a_sentence

NAMES = [f"case {number}" for number in range(53)]


def test_every_case_is_held_out_in_one_fold_and_a_fold_is_a_fifth() -> None:
    folds = [held_out(NAMES, [0] * 53, 0.2, fold) for fold in range(5)]
    assert frozenset().union(*folds) == frozenset(range(53)) and sum(map(len, folds)) == 53
    assert {len(fold) for fold in folds} <= {10, 11}


def test_the_order_of_the_files_makes_no_difference() -> None:
    there = {NAMES[index] for index in held_out(NAMES, [0] * 53, 0.2)}
    back = NAMES[::-1]
    assert there == {back[index] for index in held_out(back, [0] * 53, 0.2)}


@pytest.mark.parametrize("added", range(12))
def test_a_case_that_is_added_moves_at_most_one_other_at_either_end_of_a_fold(added: int) -> None:
    before = {NAMES[index] for index in held_out(NAMES, [0] * 53, 0.2, 2)}
    more = [*NAMES, f"new {added}"]
    after = {more[index] for index in held_out(more, [0] * 54, 0.2, 2)} - {f"new {added}"}
    assert len(before - after) + len(after - before) <= 2


def test_with_very_few_patients_each_fold_still_has_one() -> None:
    for fold in range(5):
        assert len(held_out(["a", "a", "b", "c"], [0] * 4, 0.2, fold)) in (1, 2)


def test_a_hash_names_nobody() -> None:
    assert hashed("Miller, Ann") != hashed("Miller, Anne") and len(hashed("x")) == 16
    assert "Miller" not in hashed("Miller, Ann")


def written(folder: Path, name: str, said: Any) -> Path:
    (folder / name).write_text(json.dumps(said))
    return folder / name


def test_the_folds_of_nnunet_are_held_to(tmp_path: Path) -> None:
    folds = [{"train": ["a", "b"], "val": ["c"]}, {"train": ["b", "c"], "val": ["a"]}]
    path = written(tmp_path, "splits_final.json", folds)
    assert file_of(tmp_path) == path
    assert fixed(path, ["a", "b", "c", "d"], 0) == ({0, 1}, {2}), "a case that is not named is left out"
    assert fixed(path, ["a", "b", "c", "d"], 1) == ({1, 2}, {0})


def test_the_folds_are_found_where_nnunet_writes_them(tmp_path: Path) -> None:
    raw, preprocessed = (tmp_path / name / "Dataset004_X" for name in ("nnUNet_raw", "nnUNet_preprocessed"))
    for folder in (raw, preprocessed):
        folder.mkdir(parents=True)
    assert file_of(raw) is None
    path = written(preprocessed, "splits_final.json", [])
    assert file_of(raw) == path and file_of(tmp_path) is None


def test_a_number_a_case_is_a_file_of_folds_too(tmp_path: Path) -> None:
    path = written(tmp_path, "folds.json", {"a": 0, "b": 1, "c": 1})
    assert fixed(path, ["a", "b", "c"], 1) == ({0}, {1, 2})


@pytest.mark.parametrize(
    ("said", "fold", "fault"),
    [
        ([{"train": ["a"], "val": ["b"]}], 1, "has 1 folds"),
        ([{"train": ["a"], "val": ["z"]}], 0, "names z, which is no case"),
        ([{"train": ["a", "b"], "val": ["b"]}], 0, "on both sides"),
        ([{"train": ["a", "b"], "val": []}], 0, "is empty"),
        ({"a": 0, "b": 2}, 1, "no such fold"),
        ({"a": "first"}, 0, "no file of folds"),
        ("folds", 0, "no file of folds"),
    ],
)
def test_folds_that_cannot_be_held_to_are_refused(tmp_path: Path, said: Any, fold: int, fault: str) -> None:
    with pytest.raises(Refused, match=fault) as refusal:
        fixed(written(tmp_path, "folds.json", said), ["a", "b"], fold)
    a_sentence(refusal.value)


def test_a_split_with_one_patient_on_both_sides_is_refused() -> None:
    apart(["p1", "p1"], ["p2"], "set")
    with pytest.raises(Refused, match="both sides"):
        apart(["p1", "p2"], ["p2"], "set")


@pytest.mark.data
def test_pictures_with_boxes_keep_their_lists_and_obey_a_file_of_folds(data: Path, tmp_path: Path) -> None:
    blood = Voc(str(data / "detection" / "BCCD_voc"))
    split = blood.split()
    assert (len(split.training), len(split.validation)) == (205, 87) and "own lists" in split.by
    for name in ("Annotations", "JPEGImages"):
        (tmp_path / name).mkdir()
    names = sorted(one.stem for one in (data / "detection" / "BCCD_voc" / "Annotations").glob("*.xml"))[:6]
    for name in names:
        for folder, ending in (("Annotations", "xml"), ("JPEGImages", "jpg")):
            source = data / "detection" / "BCCD_voc" / folder / f"{name}.{ending}"
            (tmp_path / folder / source.name).write_bytes(source.read_bytes())
    written(tmp_path, "folds.json", {name: number % 2 for number, name in enumerate(names)})
    assert len(Voc(str(tmp_path), fold=1).split().validation) == 3
    written(tmp_path, "folds.json", {name: number % 2 for number, name in enumerate(names[:5])})
    with pytest.raises(Refused, match="does not name all pictures"):
        Voc(str(tmp_path)).split()
