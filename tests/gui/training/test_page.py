"""The Train page as a person uses it: choose, start, pause, stop, look back, compare, use."""

import json
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from medviz.gui.services import Services
from medviz.gui.teaching import Teaching
from medviz.gui.training.attach_dialog import AttachDialog
from medviz.gui.training.lineup import name_of
from medviz.gui.training.run_list import RunList
from medviz.gui.training.runs import RunCard
from medviz.messages import Note, Progress, Scalar, Work
from medviz.parameters import Settings
from medviz.refused import Refused
from tests.gui.conftest import train as trained_at_once
from tests.gui.training.conftest import CLICK, Slow, chosen, ended, started

# Nothing chosen


def test_with_nothing_chosen_it_offers_starts_and_no_button_lies(make: Any) -> None:
    page = make()
    assert page.middle.currentWidget() is page.first
    assert not page.setup.start.isEnabled() and not page.setup.check.isEnabled()
    assert not page.transport.isVisible() and not page.outcome.isVisible()


def test_a_start_that_the_catalogs_cannot_serve_is_not_offered(make: Any) -> None:
    assert list(make().first.buttons) == ["Your own data"]  # the fake catalogs have no U-Net


def test_one_click_starts_a_training_at_once(qtbot: QtBot, make: Any, services: Services, runs: Path) -> None:
    known = replace_names(services)
    page = make(networks=known)
    qtbot.mouseClick(page.first.buttons["Phantoms, small and quick"], CLICK)
    ended(page, qtbot, "done")
    assert page.watch.folder == runs / "phantoms-1"
    assert page.watch.task.network == Settings("unet", (("width", 8), ("depth", 4)))
    assert page.middle.currentWidget() is page.halves


def replace_names(services: Services) -> Any:
    from medviz.catalog import Entry
    from tests.gui.conftest import Given, SmallNet

    return Given("network", {"unet": (Entry("conftest:SmallNet", "U-Net"), SmallNet)})


# Choosing


def test_the_task_is_imported_beside_the_window_which_says_so(qtbot: QtBot, make: Any, services: Services) -> None:
    services.tasks.slow_s = 0.3  # type: ignore[attr-defined]
    page = make()
    page.setup.task.activated.emit(0)
    assert page.plan.text() == "loading PyTorch…"
    assert page.middle.currentWidget() is page.before
    assert not page.setup.start.isEnabled()
    qtbot.waitUntil(lambda: page.draft.task is not None and not page.draft.is_loading)
    assert page.setup.start.isEnabled()
    assert page.plan.text() == "Plan: 3 epochs"


def test_a_task_that_cannot_be_imported_leaves_the_page_as_it_was(qtbot: QtBot, make: Any, services: Services) -> None:
    class Broken(type(services.tasks)):  # type: ignore[misc]
        def __getitem__(self, name: str) -> Any:
            raise Refused(name, "PyTorch is not installed", "install it")

    page = make(tasks=Broken("task", {"segmentation": (next(iter(services.tasks.entries.values())), None)}))
    told: list[Note] = []
    page.desk.noticed.connect(told.append)
    page.setup.task.activated.emit(0)
    qtbot.waitUntil(lambda: not page.draft.is_loading)
    assert [note.text for note in told] == ["segmentation: PyTorch is not installed"]
    assert page.middle.currentWidget() is page.first
    assert page.setup.task.currentIndex() == -1


def test_the_form_and_the_bar_show_the_same_task(qtbot: QtBot, make: Any) -> None:
    page = make()
    chosen(page, qtbot)
    assert page.setup.parts["data"].currentText() == "Phantoms"
    assert page.setup.parts["network"].currentText() == "Small net"
    page.draft.store.update(epochs=7)
    assert page.side.form.value.epochs == 7
    assert page.plan.text() == "Plan: 7 epochs"


def test_check_tells_what_a_run_takes(qtbot: QtBot, make: Any) -> None:
    plans: list[Any] = []

    def plan(task: Any) -> dict[str, Any]:
        plans.append(task)
        return {"parameters": 61_706, "steps": 12, "seconds": 40.0}

    page = make(plan=plan)
    chosen(page, qtbot)
    qtbot.mouseClick(page.setup.check, CLICK)
    qtbot.waitUntil(lambda: "61.7 k weights" in page.plan.text() and not page.draft.is_checking)
    assert "12 steps in 3 epochs" in page.plan.text() and "about 40 s" in page.plan.text()
    page.draft.store.update(epochs=4)
    assert "weights" not in page.plan.text()  # it was said of another task
    qtbot.waitUntil(lambda: "61.7 k weights" in page.plan.text() and not page.draft.is_checking)
    assert [task.epochs for task in plans][-1] == 4


def test_a_plan_that_is_refused_says_why(qtbot: QtBot, make: Any) -> None:
    def plan(task: Any) -> dict[str, Any]:
        raise Refused("phantoms", "they cannot be learnt from in 3-D", "choose 2-D")

    page = make(plan=plan)
    chosen(page, qtbot)
    qtbot.mouseClick(page.setup.check, CLICK)
    qtbot.waitUntil(lambda: "cannot be learnt from in 3-D; choose 2-D" in page.plan.text())
    assert page.plan.property("look") == "bad"
    qtbot.waitUntil(lambda: not page.desk.jobs)


def test_start_waits_for_a_check_that_is_being_made(qtbot: QtBot, make: Any) -> None:
    word = threading.Event()

    def plan(task: Any) -> dict[str, Any]:
        assert word.wait(10)
        return {"parameters": 5}

    page = make(plan=plan)
    chosen(page, qtbot)
    qtbot.mouseClick(page.setup.check, CLICK)
    qtbot.mouseClick(page.setup.start, CLICK)
    assert page.watch is None and "Starts as soon as" in page.plan.text()
    word.set()
    ended(page, qtbot, "done")


def test_your_own_folder_is_recognised_and_set_up_but_not_trained_unasked(
    qtbot: QtBot, make: Any, services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from medviz.catalog import Entry
    from tests.gui.conftest import Given, Phantoms

    def recognised(folder: Path) -> Work[tuple[str, Settings]]:
        yield Progress(0, 0, "looking")
        return "segmentation", Settings("decathlon", (("folder", str(folder)),))

    sets = Given("data set", {"decathlon": (Entry("conftest:Phantoms", "MSD folder"), Phantoms)})
    page = make(datasets=sets, teaching=Teaching(recognised=recognised))
    monkeypatch.setattr(page, "choose_folder", lambda title: "")
    qtbot.mouseClick(page.first.buttons["Your own data"], CLICK)
    assert page.watch is None and not page.draft.is_loading
    monkeypatch.setattr(page, "choose_folder", lambda title: str(tmp_path / "Task04_Hippocampus"))
    qtbot.mouseClick(page.first.buttons["Your own data"], CLICK)
    qtbot.waitUntil(lambda: page.draft.task is not None)
    assert page.draft.task.data == Settings("decathlon", (("folder", str(tmp_path / "Task04_Hippocampus")),))
    qtbot.waitUntil(lambda: not page.desk.jobs)
    assert page.watch is None


def test_runs_are_named_after_their_data() -> None:
    assert name_of(Settings("mni152")) == "mni152"
    assert name_of(Settings("decathlon", (("folder", "/data/Task04_Hippocampus/"),))) == "Task04_Hippocampus"


# A run


def test_curves_and_pictures_grow(qtbot: QtBot, make: Any) -> None:
    page = make()
    started(page, qtbot)
    ended(page, qtbot, "done")
    assert set(page.charts.plots) == {"loss", "measures", "rate"}
    loss = page.charts.plots["loss"].plot
    assert loss.strokes[0].track.length == 12
    assert "probe 1" in page.views["Probes"].panes.views
    assert page.views["Probes"].slider.maximum() == 2


def test_pause_resume_and_stop_answer_within_one_step(qtbot: QtBot, make: Any) -> None:
    slow = Slow()
    page = make(train=slow)
    started(page, qtbot)
    assert page.transport.stand.full() == "loading PyTorch and the data…"
    slow.go(3)
    qtbot.waitUntil(lambda: "step 3 of 1,000" in page.transport.stand.full())
    assert "left" in page.transport.left.text()

    qtbot.mouseClick(page.transport.pause, CLICK)
    assert page.transport.pause.text() == "Resume"
    assert page.transport.stand.full().startswith("paused")
    slow.go(50)
    time.sleep(0.3)
    assert slow.asked <= 5  # the step it was in, and none after it

    qtbot.mouseClick(page.transport.pause, CLICK)
    assert page.transport.pause.text() == "Pause"
    qtbot.waitUntil(lambda: slow.asked > 20)

    qtbot.mouseClick(page.transport.stop, CLICK)
    assert "finishing this step" in page.transport.stand.full()
    assert not page.transport.stop.isEnabled() and not page.transport.pause.isEnabled()
    slow.go(1)
    ended(page, qtbot, "stopped")
    assert slow.kept and slow.asked < 60
    assert not page.transport.stop.isVisible() and not page.transport.pause.isVisible()
    assert "was stopped; all is kept" in page.outcome.title.text()


def test_stop_works_while_paused(qtbot: QtBot, make: Any) -> None:
    slow = Slow()
    page = make(train=slow)
    started(page, qtbot)
    slow.go(2)
    qtbot.waitUntil(lambda: page.watch.state == "running")
    qtbot.mouseClick(page.transport.pause, CLICK)
    slow.go(2)
    qtbot.mouseClick(page.transport.stop, CLICK)
    ended(page, qtbot, "stopped")
    assert slow.kept


def test_only_one_run_trains_in_the_window_and_start_says_why(qtbot: QtBot, make: Any) -> None:
    slow = Slow()
    page = make(train=slow)
    started(page, qtbot)
    slow.go(1)
    qtbot.waitUntil(lambda: page.watch.state == "running")
    assert not page.setup.start.isEnabled()
    assert "phantoms-1 is training" in page.setup.start.toolTip()
    page.start()
    assert len(page.lineup.watches) == 1
    page.watch.stop()
    slow.go(2)
    ended(page, qtbot, "stopped")
    assert page.setup.start.isEnabled()


def test_done_offers_the_viewer(qtbot: QtBot, make: Any, runs: Path) -> None:
    page = make()
    started(page, qtbot)
    ended(page, qtbot, "done")
    assert "phantoms-1 is trained" in page.outcome.title.text()
    assert "grey matter 0.875" in page.outcome.text.text()
    wanted: list[str] = []
    page.desk.predict_wanted.connect(wanted.append)
    page.desk.page_wanted.connect(wanted.append)
    qtbot.mouseClick(page.outcome.viewer, CLICK)
    assert wanted == [str(runs / "phantoms-1"), "viewer"]


def test_make_samples_leads_to_the_wishes(qtbot: QtBot, make: Any) -> None:
    page = make()
    started(page, qtbot)
    ended(page, qtbot, "done")
    page.outcome.samples_wanted.emit()
    samples = page.views["Samples"]
    assert samples.rooms.currentWidget() is samples.making
    assert samples.isVisible()


def test_a_refusal_is_shown_with_what_to_do(qtbot: QtBot, make: Any) -> None:
    def train(task: Any, folder: Path) -> Work[Path]:
        yield Progress(0, 0, "reading the data")
        raise Refused("dataset.json", "it names no labels", "add them")

    page = make(train=train)
    started(page, qtbot)
    ended(page, qtbot, "failed")
    assert "dataset.json: it names no labels" in page.outcome.title.text()
    assert page.outcome.text.text() == "What to do: add them."
    assert not page.outcome.viewer.isVisible()
    assert page.setup.start.isEnabled()


def test_a_fault_of_the_program_can_be_copied(qtbot: QtBot, make: Any) -> None:
    def train(task: Any, folder: Path) -> Work[Path]:
        yield Scalar("train/loss", 1, 1.0)
        raise ZeroDivisionError("a bug")

    page = make(train=train)
    started(page, qtbot)
    ended(page, qtbot, "failed")
    qtbot.mouseClick(page.outcome.details, CLICK)
    assert "ZeroDivisionError" in QApplication.clipboard().text()


def test_the_first_measures_are_seen_while_it_runs_not_only_at_the_end(qtbot: QtBot, make: Any) -> None:
    slow = Slow()
    page = make(train=slow)
    started(page, qtbot)
    slow.go(5)
    qtbot.waitUntil(lambda: "loss" in page.charts.plots)
    qtbot.waitUntil(lambda: [len(one.x) for one in page.charts.plots["loss"].drawn] == [5])
    page.watch.stop()
    slow.go(2)
    ended(page, qtbot, "stopped")


def test_many_messages_a_second_do_not_draw_many_times(qtbot: QtBot, make: Any) -> None:
    def train(task: Any, folder: Path) -> Work[Path]:
        until_s = time.monotonic() + 1.0
        step = 0
        while time.monotonic() < until_s:
            step += 1
            yield Scalar("train/loss", step, 1.0)
            if step % 50 == 0:
                time.sleep(0.001)
        return folder

    page = make(train=train)
    drawn = []
    redraw = page.charts.redraw
    page.charts.redraw = lambda: (drawn.append(time.monotonic()), redraw())
    started(page, qtbot)
    ended(page, qtbot, "done")
    assert page.watch.history.scalars_heard > 2000
    assert len(drawn) < 30


def test_a_hidden_page_draws_nothing_and_the_run_goes_on(qtbot: QtBot, make: Any) -> None:
    slow = Slow()
    page = make(train=slow)
    started(page, qtbot)
    slow.go(1)
    qtbot.waitUntil(lambda: page.watch.state == "running")
    page.hide()
    assert (
        not page.charts._timer.isActive() and not page.views["Probes"]._timer.isActive() and not page._tick.isActive()
    )
    slow.go(10)
    qtbot.waitUntil(lambda: page.watch.history.step >= 10)
    page.show()
    qtbot.waitUntil(lambda: len(page.charts.plots["loss"].drawn[0].x) >= 10)
    page.watch.stop()
    slow.go(5)
    ended(page, qtbot, "stopped")


def test_what_a_run_says_is_read_above_it_and_warnings_become_notices(qtbot: QtBot, make: Any) -> None:
    word = threading.Event()

    def train(task: Any, folder: Path) -> Work[Path]:
        yield Note("482,000 weights learn from 128 samples")
        yield Note("Out of memory with a batch of 8", "warning", "Set batch=4")
        assert word.wait(10)
        return folder

    page = make(train=train)
    told: list[Note] = []
    page.desk.noticed.connect(told.append)
    started(page, qtbot)
    qtbot.waitUntil(lambda: "Out of memory" in page.plan.text())
    assert "482,000 weights" in page.plan.toolTip()
    assert [(note.text, note.remedy) for note in told] == [("Out of memory with a batch of 8", "Set batch=4")]
    word.set()
    ended(page, qtbot, "done")
    assert page.plan.text().startswith("Plan:")


def test_keys_start_pause_and_stop(qtbot: QtBot, make: Any) -> None:
    slow = Slow()
    page = make(train=slow)
    chosen(page, qtbot)
    keys = {action.text(): action for action in page.actions()}
    assert {"Ctrl+Return", "Ctrl+P", "Ctrl+."} <= {action.shortcut().toString() for action in keys.values()}
    keys["start"].trigger()
    slow.go(1)
    qtbot.waitUntil(lambda: page.watch is not None and page.watch.state == "running")
    keys["pause or resume"].trigger()
    assert page.watch.state == "paused"
    keys["stop and keep"].trigger()
    slow.go(3)
    ended(page, qtbot, "stopped")
    keys["pause or resume"].trigger()  # nothing to pause: nothing happens
    assert page.watch.state == "stopped"


# Pictures


def test_the_slider_looks_back_and_the_newest_is_followed_at_its_end(qtbot: QtBot, make: Any) -> None:
    page = make()
    started(page, qtbot)
    ended(page, qtbot, "done")
    probes = page.views["Probes"]
    assert probes.slider.value() == 2 and "newest" in probes.said.text()
    probes.slider.setValue(0)
    assert probes.said.text() == "step 3 of 11"
    probes.redraw()
    assert probes.slider.value() == 0  # what is looked at stays


def test_a_double_click_shows_one_picture_alone_and_back(qtbot: QtBot, make: Any) -> None:
    page = make()
    started(page, qtbot)
    ended(page, qtbot, "done")
    plots = page.charts.plots
    qtbot.waitUntil(lambda: plots["loss"].isVisible() and bool(plots["loss"].drawn))
    qtbot.mouseDClick(plots["loss"], CLICK)
    assert plots["loss"].isVisible() and not plots["measures"].isVisible()
    qtbot.keyClick(plots["loss"], Qt.Key.Key_Return)
    assert plots["measures"].isVisible()


# Runs on the disk


def on_disk(runs: Path, name: str, **status: Any) -> Path:
    folder = runs / name
    folder.mkdir(parents=True)
    (folder / "status.json").write_text(json.dumps({"time": time.time(), **status}))
    return folder


def test_runs_on_the_disk_are_listed_with_their_state(qtbot: QtBot, make: Any, runs: Path) -> None:
    on_disk(runs, "a", state="ended", best=0.861)
    on_disk(runs, "b", state="training", time=time.time() - 100)
    on_disk(runs, "c", state="training", left_s=372.0)
    (runs / "d").mkdir()
    (runs / "e").mkdir()
    (runs / "e" / "status.json").write_text("{broken")
    page = make()
    page.entered()
    qtbot.waitUntil(lambda: len(page.runs.model.cards) == 5)
    found = {card.folder.name: card for card in page.runs.model.cards}
    now_s = time.time()
    assert found["a"].words(now_s) == "done · just now" and found["a"].best == 0.861
    assert found["b"].words(now_s).startswith("lost") and found["b"].resumable
    assert found["c"].words(now_s) == "running elsewhere · 6:12 left"
    assert found["d"].state == found["e"].state == "unknown"


def test_a_run_that_is_elsewhere_is_followed(qtbot: QtBot, make: Any, runs: Path) -> None:
    folder = on_disk(runs, "elsewhere", state="training")
    word = threading.Event()

    def attach(where: Path) -> Work[Path]:
        yield Scalar("train/loss", 5, 0.5)
        while not word.is_set():
            yield Progress(5, 10, "epoch 1 of 2", 3.0)
            time.sleep(0.01)
        return where

    page = make(attach=attach)
    page.entered()
    page.lineup.look_at(folder)
    qtbot.waitUntil(lambda: page.watch is not None and page.watch.state == "running")
    qtbot.waitUntil(lambda: "step 5 of 10" in page.transport.stand.full())
    word.set()
    ended(page, qtbot, "done")


def test_a_run_in_any_folder_can_be_opened(qtbot: QtBot, make: Any, tmp_path: Path) -> None:
    far = on_disk(tmp_path / "far", "away", state="ended", best=0.5)
    (far / "events.jsonl").touch()
    page = make()
    qtbot.mouseClick(page.runs.open, CLICK)
    dialog = page.findChild(AttachDialog)
    assert not dialog.follow.isEnabled()
    dialog.where.setText(str(far))
    qtbot.mouseClick(dialog.follow, CLICK)
    ended(page, qtbot, "done")
    page.look_for_runs()
    qtbot.waitUntil(lambda: [card.folder for card in page.runs.model.cards] == [far])
    assert page.runs.list.currentIndex().row() == 0


def test_a_stopped_run_can_be_resumed_with_its_curves(qtbot: QtBot, make: Any, runs: Path) -> None:
    resumed: list[Path] = []

    def train(task: Any, folder: Path) -> Work[Path]:
        on_disk(folder.parent, folder.name, state="stopped")
        try:
            for step in range(1, 10_000):
                yield Scalar("train/loss", step, 1.0)
                time.sleep(0.01)
        finally:
            (folder / "status.json").write_text(json.dumps({"state": "stopped", "time": time.time()}))
        return folder

    def resume(folder: Path) -> Work[Path]:
        resumed.append(folder)
        yield Scalar("train/loss", 20_000, 0.1)
        return folder

    page = make(train=train, resume=resume)
    started(page, qtbot)
    qtbot.waitUntil(lambda: page.watch.state == "running")
    page.watch.stop()
    ended(page, qtbot, "stopped")
    qtbot.waitUntil(lambda: page.outcome.resume.isVisible())
    qtbot.mouseClick(page.outcome.resume, CLICK)
    ended(page, qtbot, "done")
    assert resumed == [runs / "phantoms-1"]
    x, _ = page.watch.history.tracks["train/loss"].along("step")
    assert x[0] == 1 and x[-1] == 20_000


def test_a_run_is_compared_by_a_click_on_the_word(qtbot: QtBot, make: Any, runs: Path) -> None:
    other = on_disk(runs, "before", state="ended")
    page = make()
    started(page, qtbot)
    ended(page, qtbot, "done")
    page.look_for_runs()
    qtbot.waitUntil(lambda: len(page.runs.model.cards) == 2)
    listed = page.runs.list
    row = next(n for n, card in enumerate(page.runs.model.cards) if card.folder == other)
    area = listed.visualRect(page.runs.model.index(row))
    qtbot.mouseClick(listed.viewport(), CLICK, pos=QPoint(area.right() - 10, area.bottom() - 6))
    qtbot.waitUntil(lambda: not page.desk.jobs)
    page.charts.redraw()
    assert page.watch.title == "phantoms-1"  # compared, not chosen
    strokes = page.charts.plots["loss"].plot.strokes
    assert [one.words for one in strokes] == ["phantoms-1 train", "before train"]
    assert strokes[0].place != strokes[1].place  # each run has a colour of its own


def test_choosing_in_the_list_shows_that_run(qtbot: QtBot, make: Any, runs: Path) -> None:
    on_disk(runs, "before", state="ended")
    page = make()
    page.entered()
    qtbot.waitUntil(lambda: len(page.runs.model.cards) == 1)
    listed = page.runs.list
    qtbot.mouseClick(
        listed.viewport(), CLICK, pos=listed.visualRect(page.runs.model.index(0)).topLeft() + QPoint(30, 8)
    )
    qtbot.waitUntil(lambda: page.watch is not None and page.watch.state == "done")
    qtbot.waitUntil(lambda: not page.desk.jobs)
    assert page.watch.title == "before"


def test_the_list_keeps_its_ticks_when_states_change(qtbot: QtBot) -> None:
    listed = RunList()
    qtbot.addWidget(listed)
    first, second = RunCard(Path("a"), "running"), RunCard(Path("b"), "ended")
    listed.put((first, second), Path("a"))
    listed.model.setData(listed.model.index(1), Qt.CheckState.Checked, Qt.ItemDataRole.CheckStateRole)
    listed.put((replace(first, state="ended"), second), Path("a"))
    assert listed.model.compared == {Path("b")}
    assert listed.list.currentIndex().row() == 0


def test_the_fake_training_of_the_tests_is_the_one_that_ran(qtbot: QtBot, make: Any, runs: Path) -> None:
    page = make(train=trained_at_once)
    started(page, qtbot)
    ended(page, qtbot, "done")
    assert (runs / "phantoms-1" / "weights").read_text() == "kept"
