"""The recipes that ship: each can be read, names what there is, and says how it is trained."""

import json
from pathlib import Path

import pytest

from medviz.__main__ import main
from medviz.commands.recipes import recipe_at, recipes, told
from medviz.data import DATASETS
from medviz.networks import NETWORKS
from medviz.refused import Refused
from medviz.tasks import TASKS
from medviz.training.run import load_task

NAMES = [path.stem for path in recipes()]


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_makes_a_task_of_what_there_is_and_says_how(name: str) -> None:
    path = recipe_at(name)
    task = load_task(path, TASKS)
    assert task.data.name in DATASETS and task.network.name in NETWORKS
    words, how = told(path)
    assert words.endswith(".") and how.startswith("medviz train") and f"--recipe {name}" in how


def test_a_file_of_ones_own_goes_before_a_name(tmp_path: Path) -> None:
    own = tmp_path / "digits.toml"
    own.write_text('task = "classification"\n', encoding="utf-8")
    assert recipe_at(str(own)) == own and recipe_at("digits") != own
    with pytest.raises(Refused, match="hippocampus"):
        recipe_at("no such recipe")


def test_recipes_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "recipes", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["recipes"]
    assert [one["name"] for one in listed] == NAMES


def test_a_recipe_is_tried_by_its_name_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--recipe", "digits", "--dry-run", "--json", "--device", "cpu"]) == 0
    assert json.loads(capsys.readouterr().out)["parameters"] > 100_000
