"""The Train page with the engine that ships: phantoms are learnt, stopped, resumed, and looked at again."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from medviz.commands.services import services
from medviz.figures import Picture
from medviz.gui.desk import Desk
from medviz.gui.pages.training import TrainingPage
from medviz.gui.training.first import STARTS, FirstStart
from medviz.parameters import Settings

CLICK, PATIENCE_MS = Qt.MouseButton.LeftButton, 60_000
QUICK = FirstStart(
    "quick", "", "", "segmentation",
    (
        ("data", Settings("phantoms", (("cases", 8), ("size", 32)))),
        ("network", Settings("unet", (("width", 4), ("depth", 3)))),
        ("patch", 32), ("epochs", 40), ("probe_every", 10), ("learning_rate", 0.01),
    ),
)  # fmt: skip


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, preferences: Any) -> Iterator[Desk]:
    monkeypatch.setenv("MEDVIZ_RUNS", str(tmp_path / "runs"))
    made = Desk(services(), preferences)
    yield made
    made.stop_all(30.0)
    made.deleteLater()


def page_of(desk: Desk, qtbot: QtBot) -> TrainingPage:
    page = TrainingPage(desk)
    qtbot.addWidget(page)
    qtbot.addWidget(page.panel())
    page.resize(900, 700)
    page.show()
    return page


def until(page: TrainingPage, qtbot: QtBot, *states: str) -> None:
    qtbot.waitUntil(lambda: page.watch is not None and page.watch.state in states, timeout=PATIENCE_MS)
    if not page.watch.going:  # type: ignore[union-attr]
        qtbot.waitUntil(lambda: not page.desk.jobs, timeout=PATIENCE_MS)


def test_every_first_start_names_what_there_is(desk: Desk) -> None:
    for one in STARTS:
        assert one.possible(desk.services), one.title
        kind = desk.services.tasks[one.task]
        known = {field.name for field in dataclasses.fields(kind)}
        assert {name for name, _ in one.fields} <= known


def test_phantoms_are_learnt_stopped_and_resumed_in_the_window(desk: Desk, qtbot: QtBot, tmp_path: Path) -> None:
    page = page_of(desk, qtbot)
    page.first.chosen.emit(QUICK)
    until(page, qtbot, "running")
    qtbot.waitUntil(lambda: len(page.views["Probes"].rounds) >= 2, timeout=PATIENCE_MS)
    qtbot.mouseClick(page.transport.pause, CLICK)
    qtbot.wait(700)  # the step it is in, and what was said but not yet heard
    stood = page.watch.history.step  # type: ignore[union-attr]
    qtbot.wait(500)
    assert page.watch.history.step == stood  # type: ignore[union-attr]
    qtbot.mouseClick(page.transport.pause, CLICK)
    qtbot.waitUntil(lambda: page.watch.history.step > stood + 2, timeout=PATIENCE_MS)  # type: ignore[union-attr]
    qtbot.mouseClick(page.transport.stop, CLICK)
    until(page, qtbot, "stopped")
    folder = tmp_path / "runs" / "phantoms-1"
    assert (folder / "checkpoints" / "last.safetensors").exists()

    qtbot.waitUntil(lambda: page.outcome.resume.isVisible(), timeout=PATIENCE_MS)
    qtbot.mouseClick(page.outcome.resume, CLICK)
    until(page, qtbot, "done", "failed")
    assert page.watch.state == "done", page.watch.failure  # type: ignore[union-attr]
    assert {"loss", "measures", "rate"} <= set(page.charts.plots)
    loss = page.watch.history.tracks["train/loss"].values  # type: ignore[union-attr]
    assert loss[-5:].mean() < 0.8 * loss[:5].mean()
    prediction = page.views["Probes"].panes.views["probe 1 prediction"].figure
    assert isinstance(prediction, Picture) and prediction.labels is not None and prediction.labels.any()

    again = page_of(desk, qtbot)  # as after the window was closed: only the disk knows the run
    again.entered()
    again.lineup.look_at(folder)
    until(again, qtbot, "done")
    there = again.watch.history.tracks["train/loss"]  # type: ignore[union-attr]
    assert there.length == len(loss)


def test_a_plan_is_made_of_the_real_task(desk: Desk, qtbot: QtBot) -> None:
    page = page_of(desk, qtbot)
    page.draft.choose(QUICK.task, dict(QUICK.fields))
    qtbot.waitUntil(lambda: "weights" in page.plan.text(), timeout=PATIENCE_MS)
    assert "patches 32×32" in page.plan.text() and "of memory" in page.plan.text()
    page.draft.store.update(dimensions=3, data=Settings("phantoms", (("cases", 2),)))  # type: ignore[union-attr]
    page.draft.check()
    qtbot.waitUntil(lambda: not page.draft.is_checking and not desk.jobs, timeout=PATIENCE_MS)
    assert "patches 32×32×32" in page.plan.text() and "weights" in page.plan.text()
