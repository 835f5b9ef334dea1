"""A run against another on the same cases: what the difference is, and whether it can be told."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medviz.figures import Table
from medviz.messages import Message, Note, finished
from medviz.training.against import FILE, Difference, against, differences
from medviz.training.results import Results, judged_rows
from medviz.training.run import Run
from tests.training.toys import Toy, taught


def results(values: list[float], **more: list[float]) -> Results:
    names = {"loss": values, **more}
    rows = [{name: column[at] for name, column in names.items()} for at in range(len(values))]
    return judged_rows("validation", rows, lambda _: {})


def test_the_difference_is_that_of_pairs_and_its_interval_that_of_pairs_drawn() -> None:
    chance = np.random.default_rng(3)
    hard = chance.normal(5, 3, 40)  # cases differ far more than the two runs do
    gain = chance.normal(0.2, 0.1, 40)
    mine, other = results((hard - gain).tolist()), results(hard.tolist())
    (found,) = differences(mine, other, Toy())
    assert found.value == pytest.approx(-gain.mean()) and (found.better, found.worse) == (
        int((gain > 0).sum()),
        int((gain < 0).sum()),
    )
    error = gain.std() / np.sqrt(40)
    assert found.low == pytest.approx(-gain.mean() - 1.96 * error, abs=0.4 * error)
    assert found.high == pytest.approx(-gain.mean() + 1.96 * error, abs=0.4 * error)
    assert found.verdict == "better", "less loss is better"
    assert differences(other, mine, Toy())[0].verdict == "worse"


def test_what_may_be_chance_is_no_difference_and_so_is_what_few_cases_say() -> None:
    noise = np.random.default_rng(1).normal(0, 1, 30)
    (found,) = differences(results(noise.tolist()), results(np.zeros(30).tolist()), Toy())
    assert found.verdict == "no difference can be told" and found.low < 0 < found.high
    (few,) = differences(results([0.0, 0.1, 0.2]), results([1.0, 1.1, 1.2]), Toy())
    assert few.low < 0 and few.high < 0 and few.verdict == "no difference can be told"
    (same,) = differences(results([1.0] * 9), results([1.0] * 9), Toy())
    assert same.value == same.low == same.high == 0 and not same.told


def test_cases_are_paired_by_their_number_and_those_without_a_value_left_out() -> None:
    nan = float("nan")
    mine = Results("validation", ({"_at": 4, "loss": 1.0}, {"_at": 7, "loss": nan}, {"_at": 9, "loss": 3.0}))
    other = Results("validation", ({"_at": 9, "loss": 4.0}, {"_at": 4, "loss": 3.0}, {"_at": 7, "loss": 1.0}))
    (found,) = differences(mine, other, Toy())
    assert found.cases == 2 and found.value == pytest.approx(-1.5)


def test_it_is_written_in_words() -> None:
    said = Difference("dice/mean", 0.873, 0.861, -0.003, 0.027, 20, True, 12, 8).words()
    assert said == (
        "dice/mean 0.873 instead of 0.861: +0.012 (−0.003 to +0.027); better in 12 of 20 cases, worse in 8: "
        "no difference can be told"
    )


def test_a_run_tells_at_its_end_how_it_did_against_another(tmp_path: Path) -> None:
    taught(Toy(epochs=1), tmp_path / "one")
    said = taught(Toy(epochs=4, against=str(tmp_path / "one")), tmp_path / "two")
    table = next(one for one in said if isinstance(one, Table) and one.name == "results/against one")
    assert table.columns[1] == "difference in loss" and len(table.rows) == 6
    assert [row[0] for row in table.rows] == sorted((row[0] for row in table.rows), key=lambda name: -gap(table, name))
    document = json.loads((tmp_path / "two" / FILE).read_text())
    assert document["run"] == "one" and document["measures"]["loss"]["cases"] == 6
    assert any(isinstance(one, Note) and one.text.startswith("Against one: loss ") for one in said)


def gap(table: Table, name: Any) -> float:
    return next(float(row[1] or 0) for row in table.rows if row[0] == name)


@pytest.mark.parametrize("where", ["nowhere", "other"])
def test_what_cannot_be_compared_costs_a_note(where: str, tmp_path: Path) -> None:
    taught(Toy(epochs=1), tmp_path / "one")
    taught(Toy(epochs=1), tmp_path / "other")
    about = json.loads((tmp_path / "other" / "data.json").read_text())
    (tmp_path / "other" / "data.json").write_text(json.dumps({**about, "digest": "of other cases"}))
    said: list[Message] = []
    finished(against(replace(Toy(), against=str(tmp_path / where)), Run(tmp_path / "one")), said.append)
    (note,) = said
    assert isinstance(note, Note) and note.level == "warning" and "no comparison" in note.text
