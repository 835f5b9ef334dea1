"""``medviz sample``: samples of a run as files that say what they are, in one JSON document; refusals in a sentence."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from medviz.__main__ import main
from medviz.commands import sample as command
from tests.training.dreams import TASKS, dreamt
from tests.training.toys import Toy, taught

PIXELS = ("--features", "pixels")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dreamt(tmp_path_factory.mktemp("runs") / "dreams")


@pytest.fixture(autouse=True)
def known_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "TASKS", {**TASKS, "toy": Toy})


def said(capsys: pytest.CaptureFixture[str], *words: object, code: int = 0) -> Any:
    assert main(["sample", *map(str, words), "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_samples_are_written_with_their_sidecars_and_told_in_one_document(
    capsys: pytest.CaptureFixture[str], run: Path, tmp_path: Path
) -> None:
    words = (run, "--count", 3, "--seed", 5, "--set", "spread=0.2", "--out", tmp_path / "new", *PIXELS)
    told = said(capsys, *words)
    assert told["synthetic"] is True
    assert told["samples"] == 3
    assert told["seed"] == 5
    assert told["spacing_mm"] is None
    assert told["suspected_copies"] == 0
    assert len(told["nearest"]) == 3
    assert told["quality"]["features"] == "8×8 mean brightnesses"
    assert sorted(told["files"]) == sorted(one.name for one in (tmp_path / "new").iterdir())
    beside = json.loads((tmp_path / "new" / "sample-003.synthetic.json").read_text())
    assert beside["wishes"] == {"count": 3, "seed": 5, "spread": 0.2, "how": "new", "known": ""}


def test_pictures_and_people_are_served_too(capsys: pytest.CaptureFixture[str], run: Path, tmp_path: Path) -> None:
    words = ["sample", str(run), "--count", "2", "--set", "how=remembered", "--format", "png", "--quiet", *PIXELS]
    assert main([*words, "--out", str(tmp_path / "a")]) == 0
    text = capsys.readouterr().out
    assert "2 synthetic samples of dreams" in text
    assert "uncalibrated" in text
    assert "2 suspected copies, compared with all 200 training pictures" in text
    with Image.open(tmp_path / "a" / "sample-001.png") as picture:
        assert picture.size == (16, 16)
        assert "synthetic" in picture.info["Description"]
    assert main([*words, "--out", str(tmp_path / "b")]) == 0
    one, two = (np.asarray(Image.open(tmp_path / name / "sample-002.png")) for name in "ab")
    assert np.array_equal(one, two)


def test_what_may_be_wished_is_listed_with_its_range(capsys: pytest.CaptureFixture[str], run: Path) -> None:
    told = {one["name"]: one for one in said(capsys, run, "--wishes")["wishes"]}
    assert told["count"]["default"] == 6
    assert told["spread"]["high"] == 2.0
    assert told["how"]["options"] == ["new", "remembered", "broken"]


def test_what_cannot_be_is_refused_in_one_sentence(
    capsys: pytest.CaptureFixture[str], run: Path, tmp_path: Path
) -> None:
    taught(Toy(epochs=1), tmp_path / "toy")
    out = str(tmp_path / "out")
    for words, fault in (
        ((str(tmp_path / "toy"), "--out", out), "makes nothing new"),
        ((str(run), "--out", out, "--count", "0"), "count"),
        ((str(run), "--out", out, "--set", "colour=red"), "colour"),
        ((str(run),), "give --out"),
        ((str(tmp_path / "none"), "--out", out), "no such file"),
        ((str(run), "--out", out, "--features", "no such"), "no such features"),
        ((str(run), "--out", out, "--format", "png", "--visible-mark", *PIXELS), "no room"),
        ((str(run), "--out", out, "--visible-mark"), "only pictures"),
    ):
        assert main(["sample", *words, "--quiet"]) == 2, fault
        error = capsys.readouterr().err
        assert fault in error
        assert error.count("\n") == 1
    assert not list(Path(out).glob("*")) if Path(out).exists() else True
