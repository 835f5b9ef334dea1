"""``medviz check`` and ``medviz train --auto``: what they promise, in words and as JSON, and the exit codes."""

import json
from pathlib import Path
from typing import Any

import pytest

from medviz.__main__ import main
from tests.data.checking.damaged import damaged, sound

PROMISED = {"layout", "task", "cases", "classes", "problems", "fingerprint"}


def said(capsys: pytest.CaptureFixture[str], *words: object) -> Any:
    assert main([str(word) for word in (*words, "--json")]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_check_prints_what_is_promised(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damaged(tmp_path)
    found = said(capsys, "check", tmp_path)
    assert set(found) >= PROMISED
    assert found["layout"] == "decathlon" and found["task"] == "segmentation"
    assert found["classes"] == ["box", "lid", "handle"]
    for one in found["problems"]:
        assert {"case", "kind", "sentence", "remedy", "severity", "fixable"} <= set(one)
    assert {"grid", "labels", "empty", "unreadable", "missing", "duplicate"} <= {
        one["kind"] for one in found["problems"]
    }
    assert {"spacing", "shapes", "intensities", "classes"} <= set(found["fingerprint"])
    assert found["fingerprint"]["shapes"]["median"] == [20, 18, 12]


def test_problems_are_no_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damaged(tmp_path)
    assert main(["check", str(tmp_path), "--quiet"]) == 0
    text = capsys.readouterr().out
    assert "14 problems, and notes" in text
    assert "→ restore it or take it off the list" in text
    assert text.index("error") < text.index("warning") < text.index("note ")


def test_a_sound_set_has_0_problems(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sound(tmp_path, 5)
    assert main(["check", str(tmp_path), "--task", "segmentation", "--quiet"]) == 0
    text = capsys.readouterr().out
    assert text.splitlines()[0] == "MSD folder: 5 cases for segmentation, 2 classes"
    assert "size 20×18×12 voxels" in text and "spacing 1×1×1 mm" in text
    assert text.rstrip().endswith("0 problems")


def test_a_parameter_of_the_data_set_may_be_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sound(tmp_path, 5)
    assert said(capsys, "check", tmp_path, "--set", "leave_out=case_00, case_03")["cases"] == 3


def test_a_data_set_of_the_catalog_is_checked_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    found = said(capsys, "check", "phantoms", "--set", "cases=8")
    assert (found["layout"], found["cases"], found["problems"]) == ("phantoms", 10, [])


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["check", "nowhere"], "neither a file or folder nor the name of a data set"),
        (["check", "phantoms", "--task", "nothing"], "there is no such task"),
        (["check", "phantoms", "--set", "cases=0"], "out of range"),
        (["check"], "required: dataset"),
    ],
)
def test_what_cannot_be_checked_is_refused_with_2(
    words: list[str], part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(words)
    except SystemExit as end:
        code = end.code  # type: ignore[assignment]
    assert code == 2
    assert part in capsys.readouterr().err


def test_a_folder_that_is_no_data_set_is_refused_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "letter.txt").write_text("Dear all")
    assert main(["check", str(tmp_path)]) == 2
    assert "in no layout that is known" in capsys.readouterr().err


def test_auto_chooses_for_the_data_and_set_comes_last(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sound(tmp_path, 4)
    words = ["train", "segmentation", "--data", str(tmp_path), "--auto", "--set", "epochs=2", "--dry-run", "--json"]
    words += ["--set", "network.width=2"]
    assert main(words) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["steps"] == 2 * found["steps_per_epoch"]
    assert found["training_samples"] == 3


def test_auto_does_not_train_on_what_would_be_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damaged(tmp_path)
    words = ["train", "segmentation", "--data", str(tmp_path), "--auto", "--out", str(tmp_path / "run"), "--quiet"]
    assert main(words) == 2
    assert "other errors" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
