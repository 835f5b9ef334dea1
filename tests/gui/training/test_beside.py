"""What stands beside the curves: hints, the recipe and its live controls, the inside, the cases, the log, trials."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from medviz.figures import Curves, Gallery, Heatmap, Line, Table
from medviz.gui.pages.training import TrainingPage
from medviz.gui.teaching import Teaching
from medviz.gui.training.hints import settings_in
from medviz.messages import Message, Note, Progress, Scalar, Work
from medviz.refused import Refused
from tests.gui.conftest import FakeTask
from tests.gui.training.conftest import CLICK, chosen, ended, started


class Told:
    """A training that says what a test puts in, and hears what it is told."""

    def __init__(self) -> None:
        self.says: list[Message] = []
        self.orders: list[tuple[str, Any]] = []
        self.over = threading.Event()

    def train(self, task: Any, folder: Path) -> Work[Path]:
        folder.mkdir(parents=True)
        yield Scalar("train/loss", 1, 1.0)
        while not self.over.is_set():
            yield self.says.pop(0) if self.says else Progress(1, 10, "epoch 1 of 1", 9.0)
            time.sleep(0.002)
        return folder

    def order(self, folder: Path, name: str, value: Any) -> None:
        if name == "clip":
            raise Refused(name, "it cannot be changed while the run goes", "stop it first")
        self.orders.append((name, value))
        self.says.append(Note(f"{name}: {value} from the next step on, as asked"))


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def page(make: Callable[..., TrainingPage], qtbot: QtBot, told: Told) -> TrainingPage:
    made = make(train=told.train, teaching=Teaching(order=told.order))
    started(made, qtbot)
    qtbot.waitUntil(lambda: made.watch is not None and made.watch.state == "running")
    return made


def over(page: TrainingPage, qtbot: QtBot, told: Told) -> None:
    told.over.set()
    ended(page, qtbot, "done")


def view(page: TrainingPage, word: str) -> Any:
    page.show_side(word)
    page.show_view(word)
    return {**page.views, **{one.WORD: one for one in page.side.views}}[word]


# Hints


def test_a_remedy_that_sets_fields_is_read_off_its_words() -> None:
    task = FakeTask()
    assert settings_in("Set epochs=12 and rate = 0.01, or take smaller patches", task) == (
        ("epochs", 12), ("rate", 0.01),
    )  # fmt: skip
    assert settings_in("Set epochs=lots, nonsense=3", task) == ()


def test_hints_are_counted_applied_to_the_next_run_and_dismissed(page: Any, qtbot: QtBot, told: Told) -> None:
    hints = view(page, "Hints")
    told.says += [
        Note("It is flat", "hint", "Train longer: epochs=9"),
        Note("A dry fact"),
        Note("Slow", "hint", "Wait"),
    ]
    qtbot.waitUntil(lambda: len(hints.cards) == 2)
    assert page.side.tabs.buttons[page.side.tabs.names.index("Hints")].text() == "Hints 2"
    qtbot.mouseClick(hints.cards["It is flat"].apply, CLICK)
    assert page.draft.task.epochs == 9
    assert list(hints.cards) == ["Slow"]
    qtbot.mouseClick(hints.cards["Slow"].gone, CLICK)
    assert not hints.cards and hints.none.isVisibleTo(hints)
    over(page, qtbot, told)


def test_a_warning_said_twice_is_one_hint(page: Any, qtbot: QtBot, told: Told) -> None:
    hints = view(page, "Hints")
    told.says += [Note("Out of memory", "warning", "Set epochs=1")] * 2
    qtbot.waitUntil(lambda: len(page.watch.history.notes) == 2)
    page.side.refresh()
    assert list(hints.cards) == ["Out of memory"]
    over(page, qtbot, told)


# The run that goes


def test_the_rate_is_turned_on_the_fly_acknowledged_and_marked(page: Any, qtbot: QtBot, told: Told) -> None:
    recipe = view(page, "Run")
    recipe.rate.edited.emit(0.7)
    recipe.rate.edited.emit(0.5)  # only where the hand rests is it told
    assert told.orders == []
    qtbot.waitUntil(lambda: told.orders == [("rate factor", 0.5)])
    qtbot.waitUntil(lambda: "from the next step on" in recipe.said.text())
    assert [turn.words for turn in page.watch.history.turns] == ["rate factor: 0.5 from the next step on, as asked"]
    over(page, qtbot, told)
    assert not recipe.tuning.isVisibleTo(recipe)


def test_save_and_preview_are_asked_for_once_until_the_run_answers(page: Any, qtbot: QtBot, told: Told) -> None:
    button = page.transport.save
    qtbot.mouseClick(button, CLICK)
    assert not button.isEnabled()
    qtbot.waitUntil(lambda: told.orders == [("save", None)])
    qtbot.waitUntil(button.isEnabled)
    qtbot.mouseClick(page.transport.preview, CLICK)
    qtbot.waitUntil(lambda: told.orders[-1] == ("preview", None))
    over(page, qtbot, told)


def test_what_the_run_refuses_becomes_a_notice(page: Any, qtbot: QtBot, told: Told) -> None:
    said: list[Note] = []
    page.desk.noticed.connect(said.append)
    page.watch.order("clip", 1.0)
    qtbot.waitUntil(lambda: bool(said))
    assert said[0].text == "clip: it cannot be changed while the run goes"
    over(page, qtbot, told)


def test_the_recipe_of_the_run_is_read_not_changed(page: Any, qtbot: QtBot, told: Told) -> None:
    recipe = view(page, "Run")
    words = [recipe.rows.itemAt(place).widget().text() for place in range(recipe.rows.count())]
    assert words[:6] == ["Data", "phantoms", "Network", "small", "Epochs", "3"]
    over(page, qtbot, told)


def test_the_log_keeps_all_that_was_said(page: Any, qtbot: QtBot, told: Told) -> None:
    log = view(page, "Log")
    told.says += [Note("one"), Note("two", "warning", "mend it")]
    qtbot.waitUntil(lambda: "two" in log.text.toPlainText())
    assert log.text.toPlainText() == "one\ntwo  → mend it"
    over(page, qtbot, told)


def test_the_machine_is_drawn_while_it_is_looked_at(page: Any, qtbot: QtBot, told: Told) -> None:
    machine = view(page, "Machine")
    told.says += [Scalar("machine/processor (%)", 1, 50.0), Scalar("machine/memory (MiB)", 1, 700.0)]
    qtbot.waitUntil(lambda: len(machine.plots) == 2, timeout=3000)
    over(page, qtbot, told)


# The inside


def spread(kind: str, value: float = 1.0) -> Heatmap:
    names = ("first", "head")
    return Heatmap(f"histogram/{kind}", np.full((2, 3), value), row_names=names, column_names=("-1", "0", "1"))


def test_spreads_are_shown_of_all_layers_now_or_of_one_over_the_steps(page: Any, qtbot: QtBot, told: Told) -> None:
    inside = view(page, "Inside")
    told.says += [spread("weights"), Scalar("train/loss", 2, 0.9), spread("weights", 2.0), spread("activations")]
    qtbot.waitUntil(lambda: inside.kind.count() == 2)
    assert inside.spread.values.shape == (2, 3) and inside.layer.count() == 3
    inside.layer.setCurrentIndex(2)
    inside.layer.activated.emit(2)
    assert inside.spread.values.shape == (3, 2)
    assert inside.spread.column_names == ("1", "2")
    over(page, qtbot, told)


def test_layers_are_chosen_asked_for_and_drawn(page: Any, qtbot: QtBot, told: Told) -> None:
    inside = view(page, "Inside")
    told.says += [spread("activations")]
    qtbot.waitUntil(lambda: len(inside.menu.actions()) == 2)
    assert inside.choice.isEnabled()
    inside.menu.actions()[1].trigger()
    qtbot.waitUntil(lambda: told.orders == [("layers", ["head"])])
    told.says += [Gallery("layer head", np.zeros((2, 4, 4)), "head: 2 feature maps")]
    qtbot.waitUntil(lambda: "layer head" in inside.panes.views)
    over(page, qtbot, told)
    assert not inside.choice.isEnabled()


# Cases

CASES = Table(
    "results/validation", ("case", "dice/mean", "HD95"),
    (("validation 10", 0.5, None), ("validation 2", 0.7, 3.0), ("validation 1", 0.9, 1.0)),
    "3 cases of validation, the worst first: dice/mean 0.700 (0.500 to 0.900)", ("", "", "mm"),
)  # fmt: skip


def cells(cases: Any, column: int) -> list[str]:
    return [cases.sorted.index(row, column).data() for row in range(cases.sorted.rowCount())]


def test_cases_come_worst_first_and_are_sorted_by_a_click(page: Any, qtbot: QtBot, told: Told) -> None:
    cases = view(page, "Cases")
    told.says += [CASES]
    qtbot.waitUntil(lambda: cases.rows.count() == 3)
    assert cells(cases, 0) == ["validation 10", "validation 2", "validation 1"]
    assert "0.700 (0.500 to 0.900)" in cases.words.text()
    assert cases.rows.heads() == ("case", "dice/mean", "HD95 (mm)")
    cases.grid.sortByColumn(0, Qt.SortOrder.AscendingOrder)
    assert cells(cases, 0) == ["validation 1", "validation 2", "validation 10"]
    cases.grid.sortByColumn(2, Qt.SortOrder.DescendingOrder)
    assert cells(cases, 2) == ["3", "1", "–"]
    over(page, qtbot, told)


def test_a_case_opens_with_prediction_and_reference(make: Any, qtbot: QtBot, told: Told, tmp_path: Path) -> None:
    asked: list[str] = []

    def case(folder: Path, name: str) -> Work[tuple[Path, ...]]:
        asked.append(name)
        yield Progress(0, 0, "looking")
        return tmp_path / "scan.nii.gz", tmp_path / "prediction.nii.gz"

    page = make(train=told.train, teaching=Teaching(case=case))
    started(page, qtbot)
    cases = view(page, "Cases")
    told.says += [CASES]
    qtbot.waitUntil(lambda: cases.rows.count() == 3)
    wanted: list[Any] = []
    page.desk.case_wanted.connect(wanted.append)
    cases.grid.selectRow(1)
    QTest.keyClick(cases.grid, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(wanted))
    assert asked == ["validation 2"]
    assert [path.name for path in wanted[0]] == ["scan.nii.gz", "prediction.nii.gz"]
    over(page, qtbot, told)


def test_the_table_is_saved_in_the_order_it_is_shown(page: Any, qtbot: QtBot, told: Told, tmp_path: Path) -> None:
    cases = view(page, "Cases")
    told.says += [CASES]
    qtbot.waitUntil(lambda: cases.rows.count() == 3)
    cases.grid.sortByColumn(1, Qt.SortOrder.DescendingOrder)
    cases.save(tmp_path / "table.csv")
    over(page, qtbot, told)
    assert (tmp_path / "table.csv").read_text().splitlines() == [
        "case,dice/mean,HD95 (mm)", "validation 1,0.9,1.0", "validation 2,0.7,3.0", "validation 10,0.5,",
    ]  # fmt: skip


def test_a_run_without_a_table_can_be_measured(make: Any, qtbot: QtBot, told: Told) -> None:
    def results(folder: Path) -> Work[Table]:
        yield Progress(1, 2, "case 1")
        return CASES

    page = make(train=told.train, teaching=Teaching(results=results))
    started(page, qtbot)
    over(page, qtbot, told)
    cases = view(page, "Cases")
    qtbot.mouseClick(cases.measure, CLICK)
    qtbot.waitUntil(lambda: cases.rows.count() == 3 and not page.desk.jobs)
    assert not cases.measure.isVisible()


# Before a run


def rates(task: Any) -> Work[float]:
    x = np.linspace(-6, 0, 20)
    yield Curves("rates", (Line("loss", x, x**2),), "loss over learning rate")
    yield Note("The loss falls well at a rate of 0.02")
    return 0.02


def overfitted(task: Any) -> Work[str]:
    yield from (Scalar("train/loss", step, 1 / step) for step in range(1, 5))
    return "It learns one batch by heart."


def flown(task: Any) -> Work[dict[str, Any]]:
    yield Progress(0, 1, "a step")
    yield Note("The loss begins at 2.4; a network that knows nothing has 2.2")
    return {"parameters": 5, "first_loss": 2.4, "chance_loss": 2.2}


@pytest.fixture
def before(make: Any, qtbot: QtBot) -> Any:
    made = make(teaching=Teaching(preflight=flown, find_rate=rates, overfit=overfitted))
    chosen(made, qtbot)
    qtbot.waitUntil(lambda: not made.desk.jobs)
    return made


def test_trials_say_what_they_found(before: Any, qtbot: QtBot) -> None:
    place = before.before
    for name, words in (("preflight", "begins at 2.4"), ("heart", "by heart")):
        qtbot.mouseClick(place.buttons[name], CLICK)
        qtbot.waitUntil(lambda words=words: words in place.verdict.text() and not before.desk.jobs)
    assert place.plot.views["heart"].figure.lines[0].y.tolist() == [1, 0.5, 1 / 3, 0.25]
    facts = [place.facts.itemAt(at).widget().text() for at in range(place.facts.count())]
    assert "2.400" in facts and "a network that knows nothing has 2.200" in facts


def test_a_trial_is_refused_beside_a_training(before: Any, qtbot: QtBot) -> None:
    told = Told()
    before.lineup.desk = before.desk
    object.__setattr__(before.desk.services, "train", told.train)
    before.start()
    qtbot.waitUntil(lambda: before.watch is not None and before.watch.state == "running")
    before.lineup.show(None)
    assert not before.before.buttons["rate"].isEnabled()
    assert "phantoms-1 is training" in before.before.buttons["rate"].toolTip()
    before.before.run("rate")
    assert before.before.job is None
    told.over.set()
    qtbot.waitUntil(lambda: before.lineup.own_run() is None and not before.desk.jobs)
    assert before.before.buttons["rate"].isEnabled()
