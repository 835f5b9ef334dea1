"""``medviz get`` and what ``medviz list datasets`` says of it."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medviz.__main__ import main
from medviz.commands import get
from medviz.commands.services import services
from medviz.data import DATASETS, fetching
from medviz.data.layouts import recognised
from medviz.data.obtainable import named
from medviz.messages import finished


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that holds a small set of blood cells, which is said to be the right one."""
    chance = np.random.default_rng(0)
    arrays = {f"{part}_images": chance.integers(0, 256, (16, 28, 28, 3), np.uint8) for part in ("train", "val", "test")}
    arrays |= {f"{part}_labels": np.arange(16)[:, None] % 8 for part in ("train", "val", "test")}
    (tmp_path / "copy").mkdir()
    path = tmp_path / "copy" / "bloodmnist.npz"
    np.savez(path, **arrays)
    one = replace(named("bloodmnist"), md5=hashlib.md5(path.read_bytes()).hexdigest())
    for module in (fetching, get):
        monkeypatch.setattr(module, "named", lambda name: one)
    return path.parent


def test_a_set_that_was_fetched_can_be_learnt_from(
    copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["get", "bloodmnist", "--to", str(tmp_path / "data"), "--from", str(copy), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["name"] == "bloodmnist" and told["task"] == "classification" and told["licence"] == "CC BY 4.0"
    data = recognised(Path(told["path"])).build(DATASETS)
    assert data.classes[0] == "basophil" and len(data.training(2, 28)) == 16 and data.channels == 3


def test_the_window_fetches_by_the_same_road(copy: Path, tmp_path: Path) -> None:
    handed = services()
    assert "Task04_Hippocampus" in {one.name for one in handed.obtainable()}
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "bloodmnist.npz").write_bytes((copy / "bloodmnist.npz").read_bytes())
    assert finished(handed.get_data("bloodmnist", tmp_path / "data")) == tmp_path / "data" / "bloodmnist.npz"


def test_the_list_tells_what_can_be_fetched(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "datasets", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    spleen = next(one for one in told["obtainable"] if one["name"] == "Task09_Spleen")
    assert spleen["serves"] == "segmentation" and spleen["licence"] == "CC BY-SA 4.0" and spleen["md5"]
    assert {"total_segmentator", "bids", "dicom_seg"} <= {one["name"] for one in told["datasets"]}
    assert main(["get", "nothing", "--to", "nowhere"]) == 2
    assert "medviz list datasets" in capsys.readouterr().err
