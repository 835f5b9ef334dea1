"""The window as a person uses it: pages, panel, menus, status line, files, closing, coming back."""

import os
import signal
import subprocess
import sys
import threading
import time
import types
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, QSettings, Qt, QUrl
from PySide6.QtGui import QAction, QDragEnterEvent, QDropEvent, QImage, QKeySequence
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QVBoxLayout

import medviz
from medviz.gui import app as app_module
from medviz.gui.desk import Desk
from medviz.gui.pages.page import Page
from medviz.gui.preferences import Preferences, loaded, recent, remember
from medviz.gui.status import PURPOSE, cursor_in_words, scan_in_words
from medviz.gui.window import PAGES, Window
from medviz.imaging.scene import Layer, Scene
from medviz.imaging.volume import Stored, Volume
from medviz.messages import Progress
from medviz.refused import Refused


class ViewerStand(Page):
    """Stands for the viewer: opens and predicts by the fake services."""

    KEYS = (("Wheel", "slices"),)
    built = 0

    def __init__(self, desk):
        super().__init__(desk)
        type(self).built += 1
        self.opened, self.predicted, self.entries, self.closed = [], [], 0, False
        self.line = QLineEdit()
        QVBoxLayout(self).addWidget(self.line)
        desk.open_wanted.connect(self.open)
        desk.predict_wanted.connect(self.predicted.append)
        save = QAction("Save labels…", self)
        save.setProperty("menu", "file")
        turn = QAction("Turn", self)
        turn.setShortcut("Alt+T")
        self.addActions([save, turn])

    def open(self, path):
        self.opened.append(path)
        self.desk.start(f"open {path.name}", lambda: self.desk.services.read(path), then=self._got)

    def open_sample(self):
        self.open(self.desk.services.sample())

    def _got(self, volume):
        self.desk.scene.update(layers=(Layer(volume),))
        self.desk.scene.put(self.desk.scene.state.at((0, 0, 0)))

    def panel(self):
        return QLabel("layers")

    def entered(self):
        self.entries += 1

    def close_page(self):
        self.closed = True


class TrainStand(Page):
    def panel(self):
        return QLabel("parameters")


class LabStand(Page):
    """Has no panel."""


@pytest.fixture
def stops(monkeypatch):
    """The rail's pages, the three great ones by stand-ins."""
    module = types.ModuleType("medviz_stand_ins")
    module.__dict__.update(ViewerStand=ViewerStand, TrainStand=TrainStand, LabStand=LabStand)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    ViewerStand.built = 0
    names = {"viewer": "ViewerStand", "training": "TrainStand", "lab": "LabStand"}
    return {
        name: replace(stop, where=f"medviz_stand_ins:{names[name]}") if name in names else stop
        for name, stop in PAGES.items()
    }


@pytest.fixture
def make(qtbot, desk, stops, dressed):
    """Make windows over the desk; they are closed without asking."""
    made = []

    def _make(desk=desk, **options):
        window = Window(desk, stops, **options)
        made.append(window)
        window.show()
        return window

    yield _make
    for window in made:
        window.quit()
        window.deleteLater()


@pytest.fixture
def window(make, qtbot):
    made = make()
    made.show_page("viewer")
    made.activateWindow()
    return made


def press(qtbot, window, keys):
    sequence = QKeySequence(keys)[0]
    qtbot.keyClick(window, sequence.key(), sequence.keyboardModifiers())


def counting(to=10**6, step_s=0.005, kept=None):
    try:
        for number in range(to):
            time.sleep(step_s)
            yield Progress(number, to, "counting")
        return to
    finally:
        if kept is not None:
            kept.append("kept")


class TestPages:
    def test_a_page_is_imported_and_built_when_it_is_first_shown(self, make):
        window = make()
        assert window.pages == {}
        window.show_page("lab")
        assert list(window.pages) == ["lab"]
        assert ViewerStand.built == 0

    def test_keys_bring_pages_and_each_keeps_its_state(self, qtbot, window):
        window.pages["viewer"].line.setText("half typed")
        for keys, name in (("Ctrl+2", "training"), ("Ctrl+3", "lab"), ("Ctrl+1", "viewer")):
            press(qtbot, window, keys)
            assert window.page == name
            assert window.stack.currentWidget() is window.pages[name]
            assert window.rail.buttons[name].isChecked()
        assert window.pages["viewer"].line.text() == "half typed"
        assert ViewerStand.built == 1
        assert window.pages["viewer"].entries == 2

    def test_the_rail_brings_pages(self, qtbot, window):
        for name, button in window.rail.buttons.items():
            qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
            assert window.page == name

    def test_each_stop_of_the_rail_has_an_icon_and_a_word(self, window):
        window.dress()
        for button in window.rail.buttons.values():
            assert button.text() and button.accessibleName()
            assert not button.icon().isNull()

    def test_a_page_wanted_comes_by_any_of_its_names(self, window, desk):
        desk.page_wanted.emit("train")
        assert window.page == "training"
        desk.page_wanted.emit("labs")
        assert window.page == "lab"

    def test_a_page_that_is_not_there_is_an_error_that_says_so(self, window):
        with pytest.raises(KeyError, match="there are viewer, training, lab"):
            window.show_page("report")

    def test_the_real_pages_are_where_the_rail_says(self):
        from importlib import import_module

        for stop in PAGES.values():
            module, _, name = stop.where.partition(":")
            assert issubclass(getattr(import_module(module), name), Page)

    def test_the_real_pages_live_together_and_leave_nothing_behind(self, qtbot, desk, dressed):
        desk.asks = False
        window = Window(desk)
        window.show()
        app_module.begin(window, [])
        qtbot.waitUntil(lambda: desk.scene.state.scan is not None, timeout=10_000)
        qtbot.waitUntil(lambda: len(desk.scene.state.layers) == 2, timeout=10_000)  # the model's prediction
        for name in (*window.stops, *reversed(window.stops)):
            window.show_page(name)
            qtbot.wait(20)
        qtbot.waitUntil(lambda: not desk.jobs, timeout=10_000)
        assert [one.note for one in window.notices.shown if one.level == "error"] == []
        window.quit()
        window.deleteLater()


class TestPanel:
    def test_it_shows_what_the_page_in_front_gives(self, window):
        assert window.dock.isVisible()
        assert window.dock.panels.currentWidget().text() == "layers"
        window.show_page("training")
        assert window.dock.panels.currentWidget().text() == "parameters"

    def test_a_page_without_one_hides_it_and_the_next_brings_it_back(self, window):
        window.show_page("lab")
        assert not window.dock.isVisible()
        window.show_page("viewer")
        assert window.dock.isVisible()

    def test_closed_by_hand_it_stays_closed_on_every_page_until_f9(self, qtbot, window):
        window.dock.close()
        window.show_page("training")
        assert not window.dock.isVisible()
        press(qtbot, window, "F9")
        assert window.dock.isVisible()
        press(qtbot, window, "F9")
        assert not window.dock.isVisible()

    def test_reset_layout_repairs_whatever_was_done_to_it(self, qtbot, window):
        window.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, window.dock)
        window.dock.setFloating(True)
        window.dock.close()
        window.reset_layout()
        assert window.dock.isVisible()
        assert not window.dock.isFloating()
        assert window.dockWidgetArea(window.dock) == Qt.DockWidgetArea.RightDockWidgetArea
        qtbot.waitUntil(lambda: window.dock.x() > window.stack.x())

    def test_it_floats_and_comes_back(self, qtbot, window):
        qtbot.mouseClick(window.dock._float, Qt.MouseButton.LeftButton)
        assert window.dock.isFloating()
        qtbot.mouseClick(window.dock._float, Qt.MouseButton.LeftButton)
        assert not window.dock.isFloating()


class TestFiles:
    def test_a_file_wanted_is_heard_once_even_by_a_viewer_built_for_it(self, qtbot, make, desk, tmp_path):
        window = make()
        window.show_page("lab")
        path = tmp_path / "a.nii.gz"
        path.touch()
        desk.open_wanted.emit(path)
        assert window.page == "viewer"
        assert window.pages["viewer"].opened == [path]
        desk.open_wanted.emit(path)
        assert window.pages["viewer"].opened == [path, path]
        qtbot.waitUntil(lambda: not desk.jobs)

    def test_a_prediction_wanted_is_heard_once_and_leaves_the_page_in_front(self, make, desk):
        window = make()
        window.show_page("training")
        desk.predict_wanted.emit("runs/1")
        assert window.pages["viewer"].predicted == ["runs/1"]
        assert window.page == "training"
        desk.predict_wanted.emit("runs/2")
        assert window.pages["viewer"].predicted == ["runs/1", "runs/2"]

    def test_files_dropped_are_opened(self, qtbot, window, desk, tmp_path):
        paths = [tmp_path / name for name in ("scan.nii.gz", "mask.nii.gz")]
        for path in paths:
            path.touch()
        drop(window, [QUrl.fromLocalFile(str(path)) for path in paths])
        assert window.pages["viewer"].opened == paths
        qtbot.waitUntil(lambda: not desk.jobs)

    def test_what_is_no_file_is_not_taken(self, window):
        assert not drag(window, [QUrl("https://example.org/scan.nii")]).isAccepted()

    def test_where_files_may_be_dropped_the_window_says_so(self, window, tmp_path):
        drag(window, [QUrl.fromLocalFile(str(tmp_path))])
        assert window._dropping.isVisible()
        drop(window, [])
        assert not window._dropping.isVisible()

    def test_recent_files_are_listed_at_once_and_those_gone_are_marked(self, qtbot, window, desk, tmp_path):
        there, gone = tmp_path / "there.nii", tmp_path / "gone.nii"
        there.touch()
        desk.remember(gone)
        desk.remember(there)
        window.menus.recent.aboutToShow.emit()
        texts = [act.text() for act in window.menus.recent.actions()]
        assert texts == [f"there.nii   {tmp_path}", f"gone.nii   {tmp_path}"]
        qtbot.waitUntil(lambda: window.menus.recent.actions()[1].text() == "gone.nii   (not there)")
        first, second = window.menus.recent.actions()
        assert first.isEnabled() and not second.isEnabled()
        first.trigger()
        assert window.pages["viewer"].opened == [there]
        qtbot.waitUntil(lambda: not desk.jobs)

    def test_a_drive_that_does_not_answer_holds_nothing_up(self, qtbot, window, desk, monkeypatch):
        gate = threading.Event()
        monkeypatch.setattr(Path, "exists", lambda self: gate.wait(5))
        desk.remember(Path("/net/away/scan.nii"))
        before = time.monotonic()
        window.menus.recent.aboutToShow.emit()
        assert time.monotonic() - before < 0.3
        qtbot.waitUntil(lambda: "not there" in window.menus.recent.actions()[0].text(), timeout=3000)
        gate.set()

    def test_without_recent_files_the_menu_says_so(self, window):
        window.menus.recent.aboutToShow.emit()
        assert [act.text() for act in window.menus.recent.actions()] == ["Nothing yet"]

    def test_twelve_are_remembered_the_last_first_and_none_twice(self, preferences, tmp_path):
        for number in [*range(15), 14, 3]:
            remember(preferences, tmp_path / f"{number}.nii")
        names = [path.stem for path in recent(preferences)]
        assert names[:3] == ["3", "14", "13"]
        assert len(names) == len(set(names)) == 12


class TestMenus:
    def test_a_page_brings_its_own_actions(self, window):
        assert "Save labels…" in [act.text() for act in window.menus.file.actions()]
        assert [act.text() for act in window.menus.page.actions()] == ["Turn"]
        assert window.menus.page.title() == "&Viewer"
        window.show_page("lab")
        assert "Save labels…" not in [act.text() for act in window.menus.file.actions()]
        assert not window.menus.page.menuAction().isVisible()

    def test_no_two_keys_of_the_window_are_the_same(self, window):
        keys = [act.shortcut().toString() for act in window.menus._mine if not act.shortcut().isEmpty()]
        assert len(keys) == len(set(keys))

    def test_the_question_mark_lists_every_key_of_window_and_pages(self, qtbot, window):
        press(qtbot, window, "?")
        assert window.page == "help"
        shown = [label.text() for label in window.pages["help"].findChildren(QLabel)]
        for text in ("Ctrl+O", "Ctrl+2", "F9", "?", "Wheel", "Slices", "Alt+T", "Turn"):
            assert text in shown

    def test_the_question_mark_in_a_text_is_a_question_mark(self, qtbot, window):
        line = window.pages["viewer"].line
        line.setFocus()
        qtbot.keyClicks(line, "?")
        assert line.text() == "?"
        assert window.page == "viewer"

    def test_colours_are_chosen_in_the_menu_and_last(self, window, desk, dressed, preferences):
        menu = next(act.menu() for act in window.menus.view.actions() if act.text() == "&Colours")
        menu.aboutToShow.emit()
        light = next(act for act in menu.actions() if act.text() == "Light")
        light.trigger()
        assert dressed.colours.name == "light"
        assert loaded(preferences).look == "light"

    def test_a_picture_of_the_window_is_saved(self, window, tmp_path, monkeypatch):
        out = tmp_path / "window.png"
        monkeypatch.setattr("medviz.gui.menus.QFileDialog.getSaveFileName", lambda *a: (str(out), ""))
        window.menus._save_picture()
        assert QImage(str(out)).size() == window.size()

    def test_a_picture_that_cannot_be_written_is_told(self, window, tmp_path, monkeypatch):
        away = str(tmp_path / "no folder" / "window.png")
        monkeypatch.setattr("medviz.gui.menus.QFileDialog.getSaveFileName", lambda *a: (away, ""))
        window.menus._save_picture()
        assert "could not be written" in window.notices.shown[0].note.text


class TestPurpose:
    def test_what_it_is_for_always_stands_in_the_frame(self, window, desk):
        def seen():
            return [one for one in window.findChildren(QLabel) if one.text() == PURPOSE and one.isVisible()]

        for name in window.stops:
            window.show_page(name)
            assert len(seen()) == 1
        desk.presenting.put(True)
        assert len(seen()) == 1
        desk.presenting.put(False)
        assert len(seen()) == 1


class TestPresenting:
    def test_before_an_audience_text_is_larger_and_only_the_page_is_there(self, qtbot, window, desk, dressed):
        press(qtbot, window, "F5")
        assert dressed.scale == 1.5
        assert window.isFullScreen()
        assert not window.rail_bar.isVisible()
        assert not window.menuBar().isVisible()
        assert not window.dock.isVisible()
        press(qtbot, window, "Esc")
        assert not desk.presenting.state
        assert dressed.scale == 1.0
        assert not window.isFullScreen()
        assert window.rail_bar.isVisible() and window.dock.isVisible() and window.menuBar().isVisible()

    def test_a_page_may_ask_for_it(self, window, desk):
        desk.presenting.put(True)
        assert window.isFullScreen()

    def test_full_screen_alone_keeps_the_frame(self, qtbot, window):
        press(qtbot, window, "F11")
        assert window.isFullScreen() and window.rail_bar.isVisible()
        press(qtbot, window, "F11")
        assert not window.isFullScreen()

    def test_a_window_closed_on_stage_comes_back_as_it_was_before(self, window, desk, make):
        window.desk.presenting.put(True)
        window.quit()
        again = make()
        again.show_page("viewer")
        assert not again.isFullScreen()
        assert again.rail_bar.isVisible() and again.dock.isVisible()


class TestStatus:
    def test_the_scan_and_what_is_under_the_cursor_come_from_the_scene(self, window, desk, qtbot):
        assert window.status.name.full() == "No scan open"
        desk.open_wanted.emit(desk.services.sample())
        qtbot.waitUntil(lambda: desk.scene.state.scan is not None)
        assert window.status.name.full() == "sample_t1.nii.gz"
        assert window.status.facts.text() == "24×28×22   2 mm   RAS"
        desk.scene.put(desk.scene.state.at((-4.0, 1.0, 3.0)))
        x, y, z = desk.scene.state.voxel
        value = int(desk.scene.state.scan.voxels[0, x, y, z])
        assert window.status.place.full() == f"x −4.0  y 1.0  z 3.0 mm   voxel {x}, {y}, {z}   value {value}"
        assert window.windowTitle().startswith("sample_t1.nii.gz")

    def test_a_value_has_its_unit_and_its_scale(self):
        volume = made(np.full((1, 2, 2, 2), 24, np.int16), slope=2.0, intercept=-1024.0, unit="HU")
        assert cursor_in_words(Scene((Layer(volume),))).endswith("value −976 HU")

    def test_without_spacing_no_mm_is_printed(self):
        volume = made(np.zeros((1, 4, 4, 1), np.uint8), calibrated=False)
        assert scan_in_words(volume) == "4×4×1   uncalibrated   RAS"
        assert "mm" not in cursor_in_words(Scene((Layer(volume),)))

    def test_uneven_voxels_frames_and_colours_are_said(self):
        uneven = made(np.zeros((3, 4, 4, 2), np.uint8), spacing=(0.5, 0.5, 3.0), kind="frames")
        assert scan_in_words(uneven) == "4×4×2   3 frames   0.5×0.5×3 mm   RAS"
        colour = made(np.tile(np.array([255, 0, 7], np.uint8).reshape(3, 1, 1, 1), (1, 2, 2, 2)), kind="colour")
        assert cursor_in_words(Scene((Layer(colour),))).endswith("value 255  0  7")

    def test_outside_the_scan_is_said(self):
        scene = replace(Scene((Layer(made(np.zeros((1, 2, 2, 2)))),)), cursor=(99.0, 0.0, 0.0))
        assert cursor_in_words(scene).endswith("value outside")

    def test_a_job_shows_how_far_it_is_and_how_long_it_takes(self, qtbot, window, desk):
        job = desk.start("Training", lambda: counting(100, 0.02), "training")
        chip = window.status.chips[job]
        qtbot.waitUntil(lambda: "left" in chip.time.text(), timeout=4000)
        assert chip.bar.value() > 0
        assert chip.title.full() == "Training"
        qtbot.mouseClick(chip.title, Qt.MouseButton.LeftButton)
        assert window.page == "training"
        qtbot.mouseClick(chip.cancel, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: job not in window.status.chips)

    def test_a_job_is_paused_and_resumed(self, qtbot, window, desk):
        job = desk.start("Training", lambda: counting(10**6, 0.005))
        chip = window.status.chips[job]
        qtbot.waitUntil(chip.pause.isVisible)
        qtbot.mouseClick(chip.pause, Qt.MouseButton.LeftButton)
        assert job.paused
        assert chip.time.text() == "paused"
        qtbot.mouseClick(chip.pause, Qt.MouseButton.LeftButton)
        assert not job.paused

    def test_work_without_steps_cannot_be_paused_but_cancelled(self, qtbot, window, desk):
        def endless():
            while True:
                time.sleep(0.005)
                yield Progress(0, 0, "reading")

        job = desk.start("Reading", endless)
        chip = window.status.chips[job]
        qtbot.wait(100)
        assert not chip.pause.isVisible()
        assert chip.time.text() == "running"
        qtbot.mouseClick(chip.cancel, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: not desk.jobs)

    def test_the_keys_reach_a_job(self, qtbot, window, desk):
        job = desk.start("Training", lambda: counting(), "training")
        chip = window.status.chips[job]
        chip.setFocus()
        qtbot.keyClick(chip, Qt.Key.Key_Return)
        assert window.page == "training"

    def test_of_many_jobs_three_are_shown_and_the_rest_is_counted(self, qtbot, window, desk):
        for number in range(5):
            desk.start(f"job {number}", counting)
        shown = [chip for chip in window.status.chips.values() if chip.isVisible()]
        assert len(shown) == 3
        assert window.status.more.text() == "+ 2 more"
        desk.stop_all()
        qtbot.waitUntil(lambda: not window.status.chips)
        assert not window.status.more.isVisible()

    def test_the_page_does_not_jump_when_a_job_starts(self, qtbot, window, desk):
        qtbot.wait(50)
        before = window.stack.height()
        desk.start("Training", counting)
        qtbot.wait(100)
        assert window.stack.height() == before

    def test_a_name_too_long_is_cut_and_said_in_full_under_the_mouse(self, qtbot, window, desk):
        name = "a_very_long_name_" * 20 + ".nii.gz"
        desk.scene.put(Scene((Layer(made(np.zeros((1, 2, 2, 2)), name=name)),)))
        assert "…" in window.status.name.text()
        assert window.status.name.toolTip() == name
        assert window.status.facts.text() == "2×2×2   1 mm   RAS"
        facts = window.status.facts
        qtbot.waitUntil(lambda: facts.width() >= facts.sizeHint().width())  # they are never cut


class TestClosing:
    def test_it_asks_once_while_work_runs_and_goes_on_if_told_so(self, make, desk):
        asked, kept = [], []
        window = make(confirm=lambda question: asked.append(question) or False)
        job = desk.start("Training hippocampus", lambda: counting(kept=kept))
        assert not window.close()
        assert asked == ["Training hippocampus still runs. Stop it and close? What has been learnt so far is kept."]
        assert window.isVisible()
        assert job.running and not job.stopping
        assert kept == []

    def test_told_to_close_it_stops_the_work_cleanly(self, make, desk):
        kept = []
        window = make(confirm=lambda question: True)
        window.show_page("viewer")
        desk.start("Training", lambda: counting(kept=kept))
        desk.start("Predicting", lambda: counting(kept=kept))
        time.sleep(0.05)
        assert window.close()
        assert kept == ["kept", "kept"]
        assert desk.jobs == []
        assert window.pages["viewer"].closed

    @pytest.mark.parametrize("why", ["nothing runs", "only quiet work runs", "a person does not want to be asked"])
    def test_it_does_not_ask_where(self, make, desk, why):
        window = make(confirm=lambda question: pytest.fail("asked"))
        if why == "only quiet work runs":
            desk.start("drawing", counting, quiet=True)
        if why == "a person does not want to be asked":
            desk.preferred.update(ask_first=False)
            desk.start("Training", counting)
        assert window.close()
        assert desk.jobs == []

    def test_the_dialog_itself_says_what_runs_and_defaults_to_going_on(self, qtbot, make, desk):
        from PySide6.QtCore import QTimer
        from PySide6.QtWidgets import QMessageBox

        window = make()
        desk.start("Training", counting)
        seen = {}

        def answer():
            box = QApplication.activeModalWidget()
            assert isinstance(box, QMessageBox)
            seen.update(text=box.text(), default=box.defaultButton().text())
            box.defaultButton().click()

        QTimer.singleShot(150, answer)
        assert not window.close()
        assert seen == {
            "text": "Training still runs. Stop it and close? What has been learnt so far is kept.",
            "default": "Go on",
        }


class TestComingBack:
    def test_size_panel_and_page_are_as_they_were(self, make, window, services, preferences, desk, qtbot):
        window.resize(880, 640)  # a screen in memory is 800 high
        window.show_page("training")
        window.dock.close()
        window.quit()
        again = make(Desk(services, QSettings(preferences.fileName(), QSettings.Format.IniFormat), desk))
        assert (again.width(), again.height()) == (880, 640)
        assert again.desk.preferences.value("window/page") == "training"
        again.show_page("training")
        assert not again.dock.isVisible()

    def test_preferences_of_nonsense_count_as_never_written(self, make, preferences):
        preferences.setValue("preferences/look", "pink")
        preferences.setValue("preferences/text_size", "huge")
        preferences.setValue("preferences/motion", "maybe")
        preferences.setValue("window/geometry", "nonsense")
        preferences.setValue("window/state", b"nonsense")
        assert loaded(preferences) == Preferences()
        window = make()
        window.show_page("viewer")
        assert window.dock.isVisible() and window.rail_bar.isVisible()

    def test_the_settings_page_changes_the_window_at_once_and_for_good(self, qtbot, window, desk, dressed, preferences):
        window.show_page("settings")
        form = window.pages["settings"].form
        slider = form.fields.rows["text_size"].control.slider
        for _ in range(3):
            qtbot.keyClick(slider, Qt.Key.Key_Right)
        assert dressed.scale == 1.3
        assert loaded(preferences).text_size == 130
        qtbot.mouseClick(window.pages["settings"].default, Qt.MouseButton.LeftButton)
        assert dressed.scale == 1.0
        assert form.value == Preferences()

    @pytest.mark.parametrize("size", [100, 150, 200])
    def test_at_each_size_of_text_the_frame_fits(self, window, desk, size, qtbot):
        desk.preferred.update(text_size=size)
        window.resize(1100, 700)
        for name in window.stops:
            window.show_page(name)
        qtbot.wait(30)
        assert window.width() == 1100
        for button in window.rail.buttons.values():
            assert button.fontMetrics().horizontalAdvance(button.text()) <= button.width()


class TestStart:
    def test_the_sample_is_opened_where_no_file_is_named(self, qtbot, make, desk):
        window = make()
        app_module.begin(window, [])
        assert window.pages["viewer"].opened == [desk.services.sample()]
        assert window.page == "viewer"
        qtbot.waitUntil(lambda: not desk.jobs)

    def test_files_named_are_opened_instead(self, qtbot, make, desk, tmp_path):
        paths = [tmp_path / "a.nii", tmp_path / "b.nii"]
        for path in paths:
            path.touch()
        window = make()
        app_module.begin(window, paths)
        assert window.pages["viewer"].opened == paths
        qtbot.waitUntil(lambda: not desk.jobs)

    def test_the_page_asked_for_is_in_front_and_the_scan_is_there_too(self, qtbot, make, desk):
        window = make()
        app_module.begin(window, [], "train")
        assert window.page == "training"
        qtbot.waitUntil(lambda: desk.scene.state.scan is not None)

    def test_the_page_that_was_in_front_last_comes_back(self, qtbot, make, desk):
        desk.preferences.setValue("window/page", "lab")
        window = make()
        app_module.begin(window, [])
        assert window.page == "lab"
        qtbot.waitUntil(lambda: not desk.jobs)

    def test_the_first_pixels_are_told_once(self, qtbot, make):
        window = make()
        with qtbot.waitSignal(window.drawn, timeout=3000):
            pass
        with qtbot.assertNotEmitted(window.drawn, wait=60):
            window.update()

    def test_before_the_first_pixels_nothing_heavy_is_imported(self):
        heavy = "torch monai nibabel nilearn scipy skimage pyqtgraph qtawesome PIL pandas matplotlib vtkmodules"
        code = f"""
import sys
from PySide6.QtWidgets import QApplication
from medviz.gui import app
class Desk:
    pass
application = app.application()
from medviz.gui.window import Window
assert not [name for name in {heavy.split()} if name in sys.modules], sorted(sys.modules)
"""
        done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    @pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to a child")
    def test_ctrl_c_closes_cleanly_while_work_runs(self, tmp_path):
        script = tmp_path / "run.py"
        script.write_text(CTRL_C.format(tests=str(Path(__file__).parent), kept=str(tmp_path / "kept")))
        running = subprocess.Popen([sys.executable, script], env=environment(tmp_path), stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)  # fmt: skip
        assert running.stdout.readline() == "working\n"
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=20)
        assert running.returncode == 0, said
        assert "Traceback" not in said
        assert (tmp_path / "kept").read_text() == "kept"


class TestBroken:
    def test_what_breaks_in_the_window_is_a_notice_and_it_goes_on(self, window, desk, monkeypatch):
        heard = []
        monkeypatch.setattr(sys, "excepthook", lambda *what: heard.append(what[0]))
        with app_module._speaking(desk):
            try:
                raise ZeroDivisionError("of a view")
            except ZeroDivisionError as problem:
                sys.excepthook(type(problem), problem, problem.__traceback__)
        assert heard == [ZeroDivisionError], "and in the terminal"
        (notice,) = window.notices.shown
        assert notice.note.text == "Something broke: ZeroDivisionError: of a view"
        assert "Traceback" in notice.note.remedy

    def test_cycles_are_collected_in_the_windows_thread_only(self, qapp):
        import gc

        with app_module._swept(qapp):
            assert not gc.isenabled()
            gc.callbacks.append(note := (lambda phase, info: threads.append(threading.current_thread())))
            threads = []
            worker = threading.Thread(target=lambda: [[] for _ in range(100_000)])
            worker.start()
            worker.join()
            assert threads == []
            qapp.findChild(app_module._Sweeper).sweep()
            gc.callbacks.remove(note)
            assert set(threads) == {threading.main_thread()}
        assert gc.isenabled()

    def test_all_is_collected_while_the_hand_rests_and_at_the_latest_sometime(self, qapp, monkeypatch):
        swept, clock = [], {"now": 0.0}
        monkeypatch.setattr(app_module.gc, "collect", lambda generation=2: swept.append(generation))
        monkeypatch.setattr(app_module.time, "monotonic", lambda: clock["now"])
        places = iter(range(10**6))
        sweeper = app_module._Sweeper(qapp)
        clock["now"] = 61.0
        sweeper.sweep()
        assert swept == [2], "nobody moved"
        monkeypatch.setattr(app_module, "QCursor", types.SimpleNamespace(pos=lambda: next(places)))
        for _ in range(500):
            clock["now"] += 1.0
            sweeper.sweep()
        assert set(swept[1:]) == {1}, "the hand moves"
        clock["now"] += 101.0
        sweeper.sweep()
        assert swept[-1] == 2
        sweeper.deleteLater()


class TestScreenshot:
    @pytest.fixture
    def stand_ins(self, monkeypatch, stops, dressed):
        monkeypatch.setattr(app_module, "Window", lambda desk: Window(desk, stops))

    @pytest.mark.parametrize(("page", "look"), [("viewer", "dark"), ("train", "light"), ("labs", "contrast")])
    def test_it_is_of_the_size_and_look_asked_for(self, services, stand_ins, tmp_path, page, look):
        out = tmp_path / "window.png"
        assert app_module.screenshot(services, page, [], (1100, 700), out, look=look) == out
        picture = QImage(str(out))
        assert (picture.width(), picture.height()) == (1100, 700)
        corner = picture.pixelColor(40, 400)
        assert (corner.lightness() > 128) == (look == "light")

    def test_it_waits_until_the_work_is_done(self, services, stand_ins, tmp_path, monkeypatch):
        shown = []

        def slow(path):
            for number in range(30):
                time.sleep(0.02)
                yield Progress(number, 30)
            made = yield from services.read(path)
            shown.append(made)
            return made

        app_module.screenshot(replace(services, read=slow), "viewer", [], (900, 600), tmp_path / "a.png")
        assert len(shown) == 1

    def test_work_that_does_not_end_is_refused_in_a_sentence(self, services, stand_ins, tmp_path):
        def endless(path):
            while True:
                time.sleep(0.01)
                yield Progress(0, 0)

        slow = replace(services, read=endless)
        with pytest.raises(Refused, match=r"a.png: open sample_t1.nii.gz was not done after 0.5 s; give it longer"):
            app_module.screenshot(slow, "viewer", [], (900, 600), tmp_path / "a.png", wait_s=0.5)

    def test_a_place_that_cannot_be_written_is_refused(self, services, stand_ins, tmp_path):
        with pytest.raises(Refused, match="could not be written"):
            app_module.screenshot(services, "viewer", [], (900, 600), tmp_path / "no" / "a.png")

    def test_a_persons_preferences_are_neither_read_nor_changed(self, services, stand_ins, tmp_path, own_preferences):
        app_module.screenshot(services, "viewer", [], (900, 600), tmp_path / "a.png")
        assert not own_preferences.exists()


CTRL_C = """
import sys, time
sys.path.insert(0, {tests!r}.__str__())
import pathlib, types
from medviz.gui import app, window
from medviz.gui.pages.page import Page
from medviz.messages import Progress

class Viewer(Page):
    def open_sample(self):
        def work():
            try:
                while True:
                    print("working", flush=True) if not self.said else None
                    self.said = True
                    time.sleep(0.01)
                    yield Progress(0, 0)
            finally:
                pathlib.Path({kept!r}.__str__()).write_text("kept")
        self.said = False
        self.desk.start("work", work)

module = types.ModuleType("stand_in")
module.Viewer = Viewer
sys.modules["stand_in"] = module
window.PAGES["viewer"] = window.Stop("stand_in:Viewer", "Viewer", "ph.brain")
import conftest
from medviz.gui.services import Services
empty = conftest.Given("nothing", {{}})
services = Services(empty, empty, empty, empty, *[None] * 8)
sys.exit(app.run(services, [], "viewer"))
""".replace("{tests!r}.__str__()", "{tests!r}").replace("{kept!r}.__str__()", "{kept!r}")


def environment(tmp_path=None):
    place = {} if tmp_path is None else {"MEDVIZ_CONFIG": str(tmp_path / "medviz.ini")}
    return {**os.environ, "PYTHONPATH": str(Path(medviz.__file__).parents[1]), "QT_QPA_PLATFORM": "offscreen", **place}


def made(voxels, spacing=(1.0, 1.0, 1.0), name="scan", **fields):
    affine = np.diag([*spacing, 1.0])
    stored = Stored("NIfTI-1", voxels.shape[1:], "RAS", affine, voxels.dtype)
    return Volume(voxels, affine, stored, name=name, **fields)


def drag(window, urls):
    data = QMimeData()
    data.setUrls(urls)
    event = QDragEnterEvent(
        QPoint(50, 50), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    event.ignore()
    QApplication.sendEvent(window, event)
    return event


def drop(window, urls):
    drag(window, urls)
    data = QMimeData()
    data.setUrls(urls)
    event = QDropEvent(
        QPointF(50, 50), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    QApplication.sendEvent(window, event)
