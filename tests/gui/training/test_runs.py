"""What is done with the runs of the list: set up again, renamed, queued, exported, put away and brought back."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from medviz.gui.desk import Offer
from medviz.gui.pages.page import Page
from medviz.gui.teaching import Teaching, Written
from medviz.gui.training.card_dialog import CardDialog
from medviz.gui.training.export_dialog import ExportDialog
from medviz.gui.training.runs import RunCard
from medviz.messages import Note, Progress, Scalar, Work
from medviz.refused import Refused
from tests.gui.conftest import FakeTask
from tests.gui.training.conftest import CLICK, Slow, chosen, ended, started


def on_disk(runs: Path, name: str, **status: Any) -> Path:
    folder = runs / name
    folder.mkdir(parents=True)
    (folder / "status.json").write_text(json.dumps({"time": time.time(), **status}))
    return folder


def listed(page: Any, qtbot: QtBot, *names: str) -> None:
    page.look_for_runs()

    def there() -> bool:
        page.look_for_runs()
        return sorted(card.folder.name for card in page.runs.model.cards) == sorted(names)

    qtbot.waitUntil(there)
    qtbot.waitUntil(lambda: not page.desk.jobs)


def entry(page: Any, name: str, what: str) -> Any:
    row = next(at for at, card in enumerate(page.runs.model.cards) if card.folder.name == name)
    menu = page.runs.menu_of(page.runs.model.index(row))
    return next(action for action in menu.actions() if action.data() == what)


def test_the_menu_offers_only_what_can_be_done(make: Any, qtbot: QtBot, runs: Path) -> None:
    for name, state in (("done", "ended"), ("goes", "training"), ("stood", "stopped"), ("waits", "queued")):
        on_disk(runs, name, state=state)
    page = make()
    listed(page, qtbot, "done", "goes", "stood", "waits")
    can = {
        name: [what for what in ("rename", "leave", "resume", "viewer", "trash") if entry(page, name, what).isEnabled()]
        for name in ("done", "goes", "stood", "waits")
    }
    assert can == {
        "done": ["rename", "viewer", "trash"],
        "goes": ["viewer"],
        "stood": ["rename", "resume", "viewer", "trash"],
        "waits": ["rename", "leave", "trash"],
    }


def test_a_run_is_set_up_again_with_its_recipe(make: Any, qtbot: QtBot, runs: Path) -> None:
    on_disk(runs, "before", state="ended")
    page = make(teaching=Teaching(recipe=lambda folder: FakeTask(epochs=17)))
    listed(page, qtbot, "before")
    entry(page, "before", "clone").trigger()
    qtbot.waitUntil(lambda: page.draft.task is not None and page.draft.task.epochs == 17)
    assert page.watch is None and page.side.front() == "Set-up"
    assert page.setup.start.isEnabled()
    qtbot.waitUntil(lambda: not page.desk.jobs)


def test_a_run_is_put_away_and_brought_back(make: Any, qtbot: QtBot, runs: Path, tmp_path: Path) -> None:
    on_disk(runs, "old", state="ended")

    def trash(folder: Path) -> Path:
        return folder.rename(tmp_path / "trash-old")

    def restore(where: Path) -> Path:
        return where.rename(runs / "old")

    page = make(teaching=Teaching(trash=trash, restore=restore))
    listed(page, qtbot, "old")
    page.lineup.look_at(runs / "old")
    ended(page, qtbot, "done")
    offers: list[Any] = []
    page.desk.noticed.connect(offers.append)
    QTest.keyClick(page.runs.list, Qt.Key.Key_Delete)
    listed(page, qtbot)
    assert page.watch is None
    assert isinstance(offers[-1], Offer) and offers[-1].button == "Undo"
    offers[-1].act()
    listed(page, qtbot, "old")


def test_a_run_that_goes_is_not_put_away(make: Any, qtbot: QtBot, runs: Path) -> None:
    on_disk(runs, "goes", state="training")
    page = make(teaching=Teaching(trash=lambda folder: pytest.fail("it goes")))
    page.acts.runs.act("trash", RunCard(runs / "goes", "training"))
    assert not [job for job in page.desk.jobs if "away" in job.title]


def test_a_name_is_typed_over_the_row(make: Any, qtbot: QtBot, runs: Path) -> None:
    on_disk(runs, "first", state="ended")
    on_disk(runs, "second", state="ended")
    page = make()
    listed(page, qtbot, "first", "second")
    row = next(at for at, card in enumerate(page.runs.model.cards) if card.folder.name == "first")
    page.runs.list.edit(page.runs.model.index(row))
    editor = page.runs.list.findChild(QLineEdit)
    assert editor.text() == "first"
    editor.setText("hippocampus, wide")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    listed(page, qtbot, "hippocampus, wide", "second")
    said: list[Note] = []
    page.desk.noticed.connect(said.append)
    page.acts.runs.rename(runs / "second", "hippocampus, wide")
    page.acts.runs.rename(runs / "second", "../out")
    qtbot.waitUntil(lambda: len(said) == 2)
    assert [note.text for note in said] == [
        "hippocampus, wide: there is a run of this name", "../out: it is no name of a folder",
    ]  # fmt: skip
    assert (runs / "second").is_dir()


def test_a_run_is_started_elsewhere_while_one_trains_here(make: Any, qtbot: QtBot, runs: Path) -> None:
    begun: list[tuple[str, bool]] = []
    word = threading.Event()

    def begin(task: Any, folder: Path, place: str, resume: bool) -> Work[Path]:
        begun.append((place, resume))
        on_disk(folder.parent, folder.name, state="training")
        yield Scalar("train/loss", 1, 1.0)
        while not word.is_set():
            yield Progress(1, 2, "epoch 1 of 1", 1.0)
            time.sleep(0.002)
        return folder

    places = (("process", "In a process of its own"), ("queue", "In the queue"))
    slow, orders = Slow(), []
    order: Callable[..., None] = lambda folder, name, value: orders.append((folder.name, name))  # noqa: E731
    page = make(train=slow, teaching=Teaching(places=lambda: places, begin=begin, order=order))
    started(page, qtbot)
    slow.go(1)
    qtbot.waitUntil(lambda: page.watch.state == "running")
    assert not page.setup.start.isEnabled() and page.setup.where.isEnabled()
    page.setup.places.actions()[0].trigger()
    qtbot.waitUntil(lambda: begun == [("process", False)] and page.watch.title == "phantoms-2")
    qtbot.waitUntil(lambda: page.watch.state == "running")
    qtbot.mouseClick(page.transport.pause, CLICK)
    qtbot.waitUntil(lambda: orders == [("phantoms-2", "pause")])
    assert page.watch.state == "paused"
    word.set()
    own = page.lineup.own_run()
    own.stop()
    slow.go(2)
    qtbot.waitUntil(lambda: not page.desk.jobs)


def test_a_run_that_waits_can_be_taken_out_of_the_queue(make: Any, qtbot: QtBot, runs: Path) -> None:
    left: list[Path] = []

    def begin(task: Any, folder: Path, place: str, resume: bool) -> Work[Path]:
        on_disk(folder.parent, folder.name, state="queued")
        while not left:
            yield Progress(0, 0, "waits, 1 before it")
            time.sleep(0.002)
        return folder

    page = make(teaching=Teaching(places=lambda: (("queue", "q"),), begin=begin, leave=left.append))
    chosen(page, qtbot)
    page.setup.places.actions()[0].trigger()
    qtbot.waitUntil(lambda: page.watch is not None and page.watch.history.progress is not None)
    page.watch.look_round()
    page._say()
    assert page.watch.state == "queued"
    assert page.transport.leave.isVisible() and not page.transport.pause.isVisible()
    assert page.transport.stand.full() == "waits, 1 before it"
    qtbot.mouseClick(page.transport.leave, CLICK)
    qtbot.waitUntil(lambda: left == [runs / "phantoms-1"] and not page.desk.jobs)


def test_a_run_stopped_elsewhere_ends_as_stopped_and_says_so(make: Any, qtbot: QtBot, runs: Path) -> None:
    folder = on_disk(runs, "far", state="stopped")
    page = make()
    page.lineup.look_at(folder)
    ended(page, qtbot, "stopped")
    assert "was stopped; all is kept" in page.outcome.title.text()
    qtbot.waitUntil(page.outcome.resume.isVisible)


def test_a_run_that_failed_elsewhere_says_why_and_what_to_do(make: Any, qtbot: QtBot, runs: Path) -> None:
    folder = on_disk(runs, "far", state="failed")

    def attach(where: Path) -> Work[Path]:
        yield Note("the disk is full", "error", "Make room")
        return where

    page = make(attach=attach)
    page.lineup.look_at(folder)
    ended(page, qtbot, "failed")
    assert page.outcome.title.text() == "far broke off: the disk is full"
    assert page.outcome.text.text() == "What to do: Make room."


def test_a_pause_in_the_status_line_is_seen_on_the_page(make: Any, qtbot: QtBot) -> None:
    slow = Slow()
    page = make(train=slow)
    started(page, qtbot)
    slow.go(1)
    qtbot.waitUntil(lambda: page.watch.state == "running")
    page.watch.job.pause()
    qtbot.waitUntil(lambda: page.watch.state == "paused", timeout=3000)
    assert page.transport.pause.text() == "Resume"
    page.watch.stop()
    slow.go(2)
    ended(page, qtbot, "stopped")


def test_what_lies_elsewhere_is_followed_but_not_told_anything(make: Any, qtbot: QtBot) -> None:
    word = threading.Event()

    def follow(where: str) -> Work[Path]:
        yield Scalar("train/loss", 1, 1.0)
        while not word.is_set():
            yield Progress(0, 0, "following")
            time.sleep(0.002)
        return Path(where)

    page = make(teaching=Teaching(follow=follow))
    page.acts.runs.follow("ssh://host/data/run-7")
    qtbot.waitUntil(lambda: page.watch is not None and page.watch.state == "running")
    assert page.watch.title == "data/run-7"
    assert not page.transport.pause.isVisible()
    word.set()
    ended(page, qtbot, "done")


def test_an_export_says_how_far_what_was_written_differs(make: Any, qtbot: QtBot, runs: Path, tmp_path: Path) -> None:
    folder = on_disk(runs, "net", state="ended")

    def export(run: Path, target: str, out: Path) -> Work[Written]:
        yield Progress(0, 1, "writing")
        if target == "onnx":
            raise Refused(out, "onnx is not installed", "install it")
        return Written(out, 3.2e-6)

    targets = (("pt2", ".pt2", "torch.export"), ("onnx", ".onnx", "ONNX"))
    page = make(teaching=Teaching(export=export, targets=lambda: targets))
    listed(page, qtbot, "net")
    entry(page, "net", "export").trigger()
    dialog = page.findChild(ExportDialog)
    dialog.out.setText(str(tmp_path / "net.pt2"))
    qtbot.mouseClick(dialog.go, CLICK)
    qtbot.waitUntil(lambda: "at most 3.2e-06" in dialog.said.text() and dialog.go.isEnabled())
    dialog.kinds.button(1).setChecked(True)
    assert dialog.out.text() == str(tmp_path / "net.onnx")
    qtbot.mouseClick(dialog.go, CLICK)
    qtbot.waitUntil(lambda: "onnx is not installed. Install it." in dialog.said.text() and dialog.go.isEnabled())
    dialog.close()
    assert folder.exists()


def test_the_model_card_is_shown(make: Any, qtbot: QtBot, runs: Path) -> None:
    on_disk(runs, "net", state="ended")
    page = make(teaching=Teaching(card=lambda folder: "# A card\n\nnot for diagnosis"))
    listed(page, qtbot, "net")
    entry(page, "net", "card").trigger()
    qtbot.waitUntil(lambda: page.findChild(CardDialog) is not None)
    dialog = page.findChild(CardDialog)
    assert "not for diagnosis" in dialog.text.toPlainText()
    dialog.close()


def test_curves_are_saved_point_by_point_and_as_they_are_seen(make: Any, qtbot: QtBot, tmp_path: Path) -> None:
    page = make()
    started(page, qtbot)
    ended(page, qtbot, "done")
    for kind in ("csv", "png"):
        page.acts.write_curves(tmp_path / f"curves.{kind}", kind)
    qtbot.waitUntil(lambda: not page.desk.jobs)
    lines = (tmp_path / "curves.csv").read_text().splitlines()
    assert lines[0] == "run,curve,step,seconds,value"
    assert sum("train/loss" in line for line in lines) == 12
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_closing_the_window_may_let_the_run_go_on_in_a_process_of_its_own(make: Any, qtbot: QtBot, runs: Path) -> None:
    begun: list[tuple[Path, bool]] = []

    def begin(task: Any, folder: Path, place: str, resume: bool) -> Work[Path]:
        yield Progress(0, 0, "starting a process")
        begun.append((folder, resume))
        yield Progress(0, 0, "starting a process")
        pytest.fail("nobody follows it any more")

    slow = Slow()
    page = make(train=slow, teaching=Teaching(places=lambda: (("process", "apart"),), begin=begin))
    assert isinstance(page, Page) and page.goes_on() == ""
    started(page, qtbot)
    slow.go(1)
    qtbot.waitUntil(lambda: page.watch.state == "running")
    assert page.goes_on() == "Train on without the window"
    slow.go(5)
    page.desk.stop_all()
    assert slow.kept
    page.let_go_on()
    assert begun == [(runs / "phantoms-1", True)]
