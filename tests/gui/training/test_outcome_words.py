"""What is said at a run's end: each measure as it was when the best weights were kept."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from pytestqt.qtbot import QtBot

from medviz.gui.training.history import History
from medviz.gui.training.outcome import Outcome, reached
from medviz.gui.training.watch import Watch
from medviz.messages import Scalar


def heard(higher: bool, **curves: list[float]) -> History:
    history = History()
    history.judged = (f"validation/{next(iter(curves))}", higher)
    for name, values in curves.items():
        for number, value in enumerate(values, start=1):
            history.hear([Scalar(f"validation/{name}", 10 * number, value)], 0.0)
    return history


def test_where_less_is_better_the_least_is_told_and_the_others_of_the_same_moment() -> None:
    said = reached(heard(False, distance=[0.9, 0.1, 0.4], diversity=[0.2, 0.8, 0.95]))
    assert "distance 0.100" in said and "diversity 0.800" in said


def test_where_more_is_better_the_most_is_told() -> None:
    said = reached(heard(True, dice=[0.5, 0.9, 0.7], recall=[0.99, 0.6, 0.7]))
    assert "dice 0.900" in said and "recall 0.600" in said


def test_nothing_is_told_of_a_run_without_a_validation() -> None:
    assert reached(History()) == ""


@pytest.mark.parametrize(
    ("purpose", "shown"), [("viewer", [True, False]), ("samples", [False, True]), ("", [False, False])]
)
def test_a_run_offers_what_it_is_for(qtbot: QtBot, tmp_path: Path, purpose: str, shown: list[bool]) -> None:
    outcome, watch = Outcome(), Watch(tmp_path, SimpleNamespace(USED=purpose, BEST=""), own=False)
    qtbot.addWidget(outcome)
    watch.state = "done"
    outcome.show_run(watch, resumable=False)
    assert [outcome.viewer.isVisibleTo(outcome), outcome.samples.isVisibleTo(outcome)] == shown
    with qtbot.waitSignal(outcome.samples_wanted):
        outcome.samples.click()
