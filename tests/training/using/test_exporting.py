"""What is written for others answers as the network did, by the door through which strangers' models come."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from medviz.data.preparation import Preparation
from medviz.messages import finished
from medviz.networks.unet import UNet
from medviz.refused import Refused
from medviz.training import checkpoints
from medviz.training.using import exporting
from medviz.training.using.exporting import TARGETS, export
from medviz.training.using.formats import load
from medviz.training.using.inference import label_map
from medviz.training.using.models import WEIGHTS, write_card
from tests.training.using.test_inference import CPU, picture, volume


@pytest.fixture(autouse=True)
def no_cards(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MEDVIZ_MODELS", str(tmp_path / "cards"))


def model_in(folder: Path, dimensions: int, normal: int = 2) -> Path:
    """A small model of ours with a card."""
    folder.mkdir()
    torch.manual_seed(0)
    network = UNet(1, 3, dimensions, 4, 2, "group")
    preparation = Preparation(dimensions, spacing_mm=(1.0, 1.0, 1.0), normal=normal, patch=(32,) * dimensions)
    about = {
        "task": "segmentation",
        "network": {"name": "unet", "dimensions": dimensions, "width": 4, "depth": 2, "norm": "group"},
        "classes": ["one", "two"],
        "preparation": preparation.plain(),
    }
    checkpoints.write_weights(folder / WEIGHTS, network.state_dict(), about)
    said = {"title": "Small", "summary": "Nothing", "labels": ["one", "two"], "trained_on": "noise", "licence": "MIT"}
    write_card(folder, {**said, "metrics": {"Dice": 0.5}, "about": about}, "")
    return folder


@pytest.mark.parametrize(
    ("target", "dimensions", "normal"),
    [("torchscript", 3, 2), ("torchscript", 2, 0), ("pt2", 2, 2), ("pt2", 2, 1), ("monai", 2, 2)],
)
def test_a_stranger_who_loads_it_gets_the_same_labels(
    tmp_path: Path, target: str, dimensions: int, normal: int
) -> None:
    ours = model_in(tmp_path / "small", dimensions, normal)
    out = tmp_path / f"small-elsewhere{TARGETS[target][0]}"  # type: ignore[index]
    done = finished(export(str(ours), target, out))  # type: ignore[arg-type]
    assert done.max_abs_difference < 1e-4
    theirs = load(str(out))
    assert (
        theirs.labels == ("one", "two")
        and theirs.trust.licence == "MIT"
        and dict(theirs.trust.metrics) == {"Dice": 0.5}
    )
    scan = volume(picture(32, 32, 32), np.diag([1.0, 1, 1, 1]))
    here, there = (finished(label_map(one, scan, CPU)).frame() for one in (load(str(ours)), theirs))
    assert (here == there).mean() > 0.995


def test_what_was_made_elsewhere_is_not_exported_again(tmp_path: Path) -> None:
    ours = model_in(tmp_path / "small", 2)
    finished(export(str(ours), "torchscript", tmp_path / "a.pt"))
    with pytest.raises(Refused, match="made elsewhere"):
        finished(export(str(tmp_path / "a.pt"), "torchscript", tmp_path / "b.pt"))


def test_names_and_places_that_will_not_do_are_refused(tmp_path: Path) -> None:
    ours = str(model_in(tmp_path / "small", 2))
    for target, out in (("pt2", "a.pt"), ("torchscript", "no/a.pt"), ("monai", "small")):
        with pytest.raises(Refused):
            finished(export(ours, target, tmp_path / out))  # type: ignore[arg-type]
    assert {path.name for path in tmp_path.iterdir()} == {"small"}


def test_what_does_not_answer_the_same_does_not_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = str(model_in(tmp_path / "small", 2))
    real = exporting.load

    def other(where: str) -> object:
        made = real(where)
        if where == ours:
            return made
        return replace(made, network=torch.nn.Sequential(made.network, torch.nn.Softplus()))

    monkeypatch.setattr(exporting, "load", other)
    for target, name in (("torchscript", "a.pt"), ("monai", "bundle")):
        with pytest.raises(Refused, match="differs by"):
            finished(export(ours, target, tmp_path / name))  # type: ignore[arg-type]
    assert {path.name for path in tmp_path.iterdir()} == {"small"}


def test_without_onnx_it_is_refused_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(Refused, match="not installed"):
        finished(export(str(model_in(tmp_path / "small", 2)), "onnx", tmp_path / "a.onnx"))
    assert not (tmp_path / "a.onnx").exists()


def test_onnx_answers_the_same(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", exc_type=ImportError)
    pytest.importorskip("onnx", exc_type=ImportError)
    done = finished(export(str(model_in(tmp_path / "small", 2)), "onnx", tmp_path / "a.onnx"))
    assert done.max_abs_difference < 1e-4
    assert json.loads((tmp_path / "a.onnx.card.json").read_text())["needs"]["spacing"] == "1,1,1"
    assert isinstance(sys.modules["onnxruntime"], ModuleType)
