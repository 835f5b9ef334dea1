"""Every task is taught for a moment, stopped, and taught again."""

import dataclasses
import math
from pathlib import Path
from typing import Any

import pytest

from medviz.catalog import Catalog
from medviz.messages import Message, Note, Progress, Scalar, finished
from medviz.parameters import Parameter, Part, Settings, built, changed, parameter, parameters, plain
from medviz.refused import Refused
from medviz.tasks import TASKS
from medviz.training.trainer import train
from tests.standard import CATALOGS

SMALL = {"cases": 4, "size": 32, "width": 4, "depth": 2}
SHORT = {"epochs": 1, "steps": 3, "batch": 2, "patch": 16, "device": "cpu", "workers": 0, "probe_every": 2, "judged": 0}


DRAWN = ("captioned", "report_sentences")
"""Data sets that the program draws itself and a task begins with: its network may take no others."""


def small(settings: Settings, catalog: Catalog[Any]) -> Settings:
    known = {one.name: one for one in parameters(catalog[settings.name])}
    return settings.turned(**{key: value for key, value in SMALL.items() if key in known and serves(known[key], value)})


def serves(one: Parameter, value: int) -> bool:
    """Tell whether a parameter takes a value: a ResNet's depth is one of five."""
    try:
        one.checked(value)
    except Refused:
        return False
    return True


def tiny(name: str) -> Any:
    """Return the task as small as its parameters allow, on pictures that the program draws where it takes them."""
    task = TASKS[name]()
    known = {one.name: one for one in parameters(task)}
    task = changed(task, **{key: value for key, value in SHORT.items() if key in known})
    parts = [(one, one.mark(Part)) for one in known.values() if one.kind == "part"]
    for one, part in parts:
        if part is None or part.catalog not in CATALOGS:
            continue
        now = getattr(task, one.name)
        drawn = [name for name in ("phantoms", "shapes") if name in (part.only or ("phantoms",))]
        keeps = part.catalog != "datasets" or not drawn or now.name in DRAWN
        ours = now if keeps else Settings(drawn[0])
        task = dataclasses.replace(task, **{one.name: small(ours, CATALOGS[part.catalog])})
    return task


@pytest.mark.parametrize("name", list(TASKS))
class TestEachTask:
    def test_one_epoch_yields_finite_numbers_and_keeps_a_run(self, name: str, tmp_path: Path) -> None:
        said: list[Message] = []
        folder = finished(train(tiny(name), tmp_path / "run"), said.append)
        scalars = [one for one in said if isinstance(one, Scalar)]
        assert any(one.name.startswith("train/") for one in scalars)
        assert any(one.name.startswith("validation/") for one in scalars), "it was measured"
        assert all(math.isfinite(one.value) and type(one.value) is float for one in scalars)
        assert any(isinstance(one, Progress) and one.total for one in said)
        assert any(not isinstance(one, Scalar | Progress | Note) for one in said), "it drew something"
        assert not [one.text for one in said if isinstance(one, Note) and one.level == "error"]
        assert Path(folder).is_dir()
        assert list(Path(folder).rglob("*.safetensors")), "the weights are kept"

    def test_stopped_after_any_of_the_first_messages_it_ends_in_order(self, name: str, tmp_path: Path) -> None:
        for count in (1, 2, 5):
            work = train(tiny(name), tmp_path / f"run{count}")
            for _ in range(count):
                next(work)
            work.close()

    def test_the_same_seed_learns_the_same(self, name: str, tmp_path: Path) -> None:
        curves = []
        for run in ("one", "two"):
            said: list[Message] = []
            finished(train(tiny(name), tmp_path / run), said.append)
            curves.append([(one.name, one.value) for one in said if isinstance(one, Scalar) and "loss" in one.name])
        assert curves[0] == curves[1]

    def test_it_is_the_same_after_a_recipe(self, name: str) -> None:
        task = tiny(name)
        assert built(TASKS[name], plain(task)) == task

    def test_every_loss_reaches_the_parts_it_names(self, name: str) -> None:
        task = tiny(name)
        assert parameter(task, "epochs").checked(1) == 1
        made = task.build(task.data_set())
        for part in task.PARTS:
            assert list(made.get_submodule(part).parameters()), f"{part!r} has nothing to learn"
