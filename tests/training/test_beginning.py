"""Weights to begin with: what fits is taken, what does not is told."""

import dataclasses
import json
import shutil
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from medviz.messages import Note
from medviz.refused import Refused
from medviz.training.beginning import begin_with, read_weights
from medviz.training.run import weights
from tests.training.toys import Toy, step_of, taught


def network(classes: int = 3, channels: int = 1, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(channels, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(16, classes))


def test_all_of_it_fits_from_any_kind_of_file(tmp_path: Path) -> None:
    taught = network(seed=1)
    state = {name: one.clone() for name, one in taught.state_dict().items()}
    save_file(state, tmp_path / "a.safetensors")
    torch.save(state, tmp_path / "b.pt")
    torch.save({"epoch": 3, "state_dict": {f"module.{name}": one for name, one in state.items()}}, tmp_path / "c.pth")
    bundle = tmp_path / "bundle"
    (bundle / "models").mkdir(parents=True)
    torch.save({"model": state}, bundle / "models" / "model.pt")
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as zipped:
        zipped.write(bundle / "models" / "model.pt", "segmenter/models/model.pt")
        zipped.writestr("segmenter/configs/metadata.json", json.dumps({}))
    for start in ("a.safetensors", "b.pt", "c.pth", "bundle", "d.zip"):
        begun = network(seed=2)
        told = begin_with(begun, tmp_path / start)
        assert told.taken == told.wanted == len(state)
        assert told.note().level == "info"
        assert all(torch.equal(one, state[name]) for name, one in begun.state_dict().items()), start


def test_a_head_of_another_size_is_left_to_chance_and_told(tmp_path: Path) -> None:
    torch.save(network(classes=1000, seed=1).state_dict(), tmp_path / "big.pt")
    begun, fresh = network(seed=2), network(seed=2)
    told = begin_with(begun, tmp_path / "big.pt")
    assert told.left_out == ("4.weight (1000×16 → 3×16)", "4.bias (1000 → 3)")
    assert told.note().level == "warning"
    assert "left to chance: 4.weight (1000×16 → 3×16)" in told.note().text
    assert torch.equal(begun[4].weight, fresh[4].weight)  # type: ignore[index]
    assert torch.equal(begun[0].weight, network(seed=1, classes=1000)[0].weight)  # type: ignore[index]


def test_colour_weights_answer_grey_pictures_as_all_channels_together(tmp_path: Path) -> None:
    colour, grey = network(channels=3, seed=1).eval(), network(seed=2).eval()
    torch.save(colour.state_dict(), tmp_path / "colour.pt")
    assert begin_with(grey, tmp_path / "colour.pt").fitted == ("0.weight",)
    picture = torch.randn(2, 1, 4, 4)
    with torch.no_grad():
        torch.testing.assert_close(grey(picture), colour(picture.expand(-1, 3, -1, -1)))


class Evil:
    """What unpickling would run."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("run",)


def test_what_is_none_is_refused_in_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(nn.Linear(99, 99).state_dict(), tmp_path / "other.pt")
    torch.save({"a": Evil()}, tmp_path / "evil.pt")
    torch.save({"epoch": 3}, tmp_path / "empty.pt")
    (tmp_path / "broken.safetensors").write_bytes(b"no")
    (tmp_path / "broken.pt").write_bytes(b"no")
    (tmp_path / "broken.zip").write_bytes(b"no")
    (tmp_path / "folder").mkdir()
    for name, words in {
        "other.pt": "its weights do not fit this network",
        "evil.pt": "more than weights",
        "empty.pt": "no weights by name",
        "broken.safetensors": "cannot be read",
        "broken.pt": "or is damaged",
        "broken.zip": "no archive",
        "folder": "no run to begin with",
        "gone": "no run to begin with",
    }.items():
        with pytest.raises(Refused, match=words):
            begin_with(network(), tmp_path / name)
    assert capsys.readouterr().out == "", "nothing in a file was run"


def test_weights_alone_are_read_by_name(tmp_path: Path) -> None:
    torch.save(network().state_dict(), tmp_path / "a.pt")
    assert list(read_weights(tmp_path / "a.pt"))[:2] == ["0.weight", "0.bias"]


def test_a_run_begins_with_them_says_so_and_keeps_what_is_frozen(tmp_path: Path) -> None:
    taught(Toy(), tmp_path / "first")
    begun, _ = weights(tmp_path / "first")
    task = Toy(epochs=2, start=str(tmp_path / "first"), freeze=("0", "1"), unfreeze=None)
    said = taught(task, tmp_path / "second")
    assert any(isinstance(one, Note) and one.text == "Begins with 9 of 9 weights of first" for one in said)
    after, _ = weights(tmp_path / "second")
    same = {name for name, one in after.items() if torch.equal(one, begun[name])}
    assert same == {name for name in after if name.startswith(("0.", "1."))}


def test_a_run_goes_on_after_the_weights_it_began_with_are_gone(tmp_path: Path) -> None:
    taught(Toy(epochs=1), tmp_path / "first")
    task = Toy(epochs=1, start=str(tmp_path / "first"))
    taught(task, tmp_path / "second")
    shutil.rmtree(tmp_path / "first")
    taught(dataclasses.replace(task, epochs=2), tmp_path / "second", resume=True)
    assert step_of(tmp_path / "second") == 12
