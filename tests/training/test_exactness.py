"""A resumed run says how exactly it is the one that was interrupted."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from medviz.data.splitting import Split
from medviz.messages import Note
from medviz.training import keeper
from medviz.training.exactness import LEVELS, exactness, of_data
from tests.training.toys import Clouds, Toy, taught

HERE = {"torch": "2.13", "device": "processor (1 thread of 2 cores)"}


@pytest.mark.parametrize(
    ("before", "data", "device", "level", "words"),
    [
        (HERE, "a", "cpu", "exact", "bit for bit"),
        (HERE, "", "cpu", "exact", "bit for bit"),
        (HERE, "a", "cuda", "same machine", "a GPU may add in another order"),
        ({**HERE, "torch": "2.12"}, "a", "cpu", "statistical", "torch 2.12 → 2.13"),
        ({**HERE, "device": "processor (2 threads of 2 cores)"}, "a", "cpu", "statistical", "2 threads"),
        (HERE, "b", "cpu", "statistical", "the data have changed"),
        (HERE, "b", "cuda", "statistical", "the data have changed"),
    ],
)
def test_the_level_is_what_the_differences_allow(before: Any, data: str, device: str, level: str, words: str) -> None:
    found = exactness(before, HERE, data, "a", torch.device(device))
    assert found.level == level in LEVELS
    assert words in found.words


def test_the_data_are_told_apart_by_number_contents_and_split() -> None:
    one = {"training samples": 3, "digest": "d"}
    known = {of_data(one, {}), of_data({**one, "training samples": 4}, {}), of_data({**one, "digest": "e"}, {}),
             of_data(one, {"training": ("f",)})}  # fmt: skip
    assert len(known) == 4
    assert of_data(one, {}) == of_data(dict(one), {})


@dataclass(frozen=True)
class Named(Clouds):
    def split(self) -> Split:
        return Split(("aa11",) if self.count == 24 else ("bb22",), ("cc33",), "a hash")


@dataclass(frozen=True)
class Growing(Toy):
    count: int = 24

    def data_set(self) -> Any:
        return Named(self.count)


def notes(said: list[Any]) -> str:
    return next(one.text for one in said if isinstance(one, Note) and one.text.startswith("Goes on"))


def test_a_run_states_the_level_it_reaches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "run"
    taught(Growing(epochs=1), folder)
    assert json.loads((folder / "split.json").read_text())["training"] == ["aa11"]
    assert notes(taught(Growing(epochs=2), folder, resume=True)) == "Goes on at step 6 of 12, exact: bit for bit"
    monkeypatch.setattr(keeper, "MAY_CHANGE", keeper.MAY_CHANGE | {"count"})
    assert "the data have changed" in notes(taught(Growing(epochs=3, count=25), folder, resume=True))
    begins = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines() if '"begin"' in line]
    assert [line.get("level") for line in begins if line["message"] == "begin"] == [None, "exact", "statistical"]


def test_an_old_recipe_without_a_new_field_is_taken_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "run"
    plain = keeper.plain
    monkeypatch.setattr(keeper, "plain", lambda task: {k: v for k, v in plain(task).items() if k != "accumulation"})
    taught(Toy(epochs=1), folder)
    monkeypatch.undo()
    assert "exact" in notes(taught(Toy(epochs=2), folder, resume=True))
