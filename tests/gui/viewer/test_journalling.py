"""No change of labels is lost: killed in the middle of a stroke, with a full disk, closed without saving."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from medviz.gui.desk import Desk, Offer
from medviz.gui.pages.viewer import ViewerPage
from medviz.gui.window import PAGES, Window
from medviz.imaging import recovery
from medviz.imaging.recovery import journals_folder
from tests.conftest import ROOT
from tests.gui.conftest import head, settle
from tests.gui.viewer.hands import Told, opened, quiet
from tests.gui.viewer.test_editing import drag, editing, labels, made, middle, pane

Button = Qt.MouseButton


def journals() -> list[Path]:
    return sorted(journals_folder().glob("*.journal")) if journals_folder().is_dir() else []


def stroke(page: ViewerPage, qtbot: QtBot, dx: float = 0) -> None:
    page.desk.scene.update(tool="brush")
    drag(qtbot, pane(page), middle(pane(page), dx), middle(pane(page), dx + 6))


KILLED = """
import os, signal, sys
sys.path.insert(0, {root!r})
from pathlib import Path
from PySide6.QtCore import QPoint, QSettings, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from dataclasses import replace
from medviz.gui.desk import Desk
from medviz.gui.pages.viewer import ViewerPage
from medviz.gui.viewer.opening import new_scene
from medviz.imaging.layers import layer_of
from medviz.imaging.scene import Scene
from tests.gui.conftest import head, read, write, models, predict, Given
from medviz.gui.services import Services

app = QApplication([])
nothing = Given("nothing", {{}})
services = Services(
    labs=nothing, tasks=nothing, networks=nothing, datasets=nothing, read=read, write=write, models=models,
    predict=predict, train=None, attach=None, runs=lambda: (), sample=lambda: None,
)
desk = Desk(services, QSettings(os.environ["MEDVIZ_CONFIG"], QSettings.Format.IniFormat))
page = ViewerPage(desk)
page.resize(600, 600)
page.show()
desk.scene.put(new_scene(desk.scene.state, layer_of(head(name="t1.nii.gz"))))
while desk.jobs:
    QTest.qWait(5)
view = page.panes.slices["axial"]
desk.scene.update(tool="brush")
x, y = view.screen_of(desk.scene.state.cursor)
for number in range(3):
    start = QPoint(round(x) + 20 * number - 20, round(y))
    QTest.mousePress(view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, start)
    QTest.mouseMove(view, start + QPoint(8, 8))
    QTest.qWait(30)
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, start + QPoint(8, 8))
while desk.jobs:
    QTest.qWait(5)
print(int(page.feature("edit").layer.volume.frame().sum()), flush=True)
QTest.mousePress(view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(round(x), round(y) + 60))
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.trap("T22")
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no kill -9 on this system")
def test_killed_in_the_middle_of_a_stroke_all_strokes_before_come_back(
    page: ViewerPage, desk: Desk, qtbot: QtBot, own_preferences: Path
) -> None:
    environment = {**os.environ, "MEDVIZ_CONFIG": str(own_preferences), "QT_QPA_PLATFORM": "offscreen"}
    code = KILLED.format(root=str(ROOT))
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr[-2000:]
    painted = int(ended.stdout.split()[-1])
    assert painted > 20 and len(journals()) == 1
    offers: list[Offer] = []
    desk.noticed.connect(lambda what: offers.append(what) if isinstance(what, Offer) else None)
    opened(page, qtbot, "t1.nii.gz")
    qtbot.waitUntil(lambda: bool(offers))
    assert "3 changes of labels" in offers[0].note.text and offers[0].button == "Recover 3 changes"
    box = editing(page).box
    assert not box.offer.isHidden() and "3 changes" in box.offered.text()
    offers[0].act()
    qtbot.waitUntil(lambda: len(desk.scene.state.layers) == 2)
    quiet(qtbot, desk)
    assert int(labels(page).sum()) == painted and made(page).history.names == ("paint label 1",) * 3
    assert box.offer.isHidden() and [one.name for one in editing(page).layer.labels] == ["label 1"]
    for _ in range(3):
        editing(page).undo()
    assert not labels(page).any()
    quiet(qtbot, desk)


def test_another_scan_is_offered_nothing(
    page: ViewerPage, desk: Desk, qtbot: QtBot, files: dict[str, Any], told: Told
) -> None:
    opened(page, qtbot, "t1.nii.gz")
    stroke(page, qtbot)
    quiet(qtbot, desk)
    assert len(journals()) == 1
    files["bigger.nii.gz"] = head(30, "bigger.nii.gz")
    page.open(Path("bigger.nii.gz"), "scan")
    quiet(qtbot, desk)
    assert "never saved" not in str(told)


def test_saving_drops_the_journal_and_the_next_change_makes_another(
    page: ViewerPage, desk: Desk, qtbot: QtBot, tmp_path: Path
) -> None:
    opened(page, qtbot)
    stroke(page, qtbot)
    quiet(qtbot, desk)
    assert len(journals()) == 1 and made(page).unsaved == 1
    assert "1 change of labels is in no file" in page.unsaved() and editing(page).box.kept.text() == "1 unsaved"
    page.saving.write_layer(1, tmp_path / "labels.nii.gz")
    quiet(qtbot, desk)
    assert not journals() and made(page).unsaved == 0 and not page.unsaved() and not editing(page).box.kept.text()
    np.testing.assert_array_equal(np.load(tmp_path / "labels.nii.npy")[0], labels(page))
    stroke(page, qtbot, 30)
    quiet(qtbot, desk)
    assert len(journals()) == 1 and made(page).unsaved == 1


@pytest.mark.trap("T22")
def test_a_full_disk_is_said_once_and_editing_goes_on(
    page: ViewerPage, desk: Desk, qtbot: QtBot, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(page, qtbot)
    with monkeypatch.context() as patch:
        patch.setattr("medviz.imaging.journal.os.fsync", _full)
        for number in range(3):
            stroke(page, qtbot, 12 * number)
            quiet(qtbot, desk)
    assert str(told).count("not kept on the disk: the disk is full") == 1
    assert len(made(page).history.names) == 3
    stroke(page, qtbot, 40)
    quiet(qtbot, desk)
    monkeypatch.setattr(recovery, "_is_alive", lambda about: False)
    (kept,) = recovery.left_behind(journals_folder(), editing(page).journalling._key)
    assert kept.changes == 4, "what the disk had no room for is written when it has"


def _full(handle: int) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.trap("T22")
def test_a_slow_disk_never_holds_up_the_brush(
    page: ViewerPage, desk: Desk, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(page, qtbot)
    stroke(page, qtbot)
    quiet(qtbot, desk)
    wait = os.fsync

    def slow(handle: int) -> None:
        time.sleep(0.4)
        wait(handle)

    monkeypatch.setattr("medviz.imaging.journal.os.fsync", slow)
    began = time.perf_counter()
    view = pane(page)
    for number in range(4):
        at = middle(view, 10 * number, 10)
        qtbot.mousePress(view, Button.LeftButton, Qt.KeyboardModifier.NoModifier, at)
        qtbot.mouseRelease(view, Button.LeftButton, Qt.KeyboardModifier.NoModifier, at)
    assert time.perf_counter() - began < 0.4, "four strokes, and four times 0.4 s of disk"
    quiet(qtbot, desk)
    assert len(made(page).history.names) == 5
    assert editing(page).journalling._keepers[made(page)].written == 5


def test_forgotten_changes_are_gone(
    page: ViewerPage, desk: Desk, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(page, qtbot)
    stroke(page, qtbot)
    quiet(qtbot, desk)
    monkeypatch.setattr(recovery, "_is_alive", lambda about: False)
    page.open(Path("t1.nii.gz"), "scan")
    quiet(qtbot, desk)
    box = editing(page).box
    qtbot.waitUntil(lambda: not box.offer.isHidden())
    qtbot.mouseClick(box.forget, Button.LeftButton)
    assert box.offer.isHidden() and not journals()


def test_closing_with_unsaved_changes_asks_once_and_keeps_the_journal(
    desk: Desk, qtbot: QtBot, dressed: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    answers = [False, True]
    window = Window(
        desk, {"viewer": PAGES["viewer"]}, confirm=lambda question: asked.append(question) or answers.pop(0)
    )
    window.show_page("viewer")
    window.resize(900, 700)
    window.show()
    page: Any = window.pages["viewer"]
    opened(page, qtbot)
    stroke(page, qtbot)
    window.close()
    assert len(asked) == 1 and "1 change of labels" in asked[0] and window.isVisible()
    window.close()
    assert len(asked) == 2 and not window.isVisible()
    monkeypatch.setattr(recovery, "_is_alive", lambda about: False)
    (kept,) = recovery.left_behind(journals_folder(), page.feature("edit").journalling._key)
    assert kept.changes == 1
    window.deleteLater()
    settle()


def test_an_edited_layer_of_many_labels_is_kept_too(
    page: ViewerPage, desk: Desk, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A 256th label makes the map one of two bytes; history and journal go on."""
    opened(page, qtbot)
    stroke(page, qtbot)
    naming = editing(page).naming
    table = editing(page).layer.labels
    many = tuple(replace(table[0], value=value, name=f"label {value}") for value in range(1, 256))
    desk.scene.put(desk.scene.state.with_layer(1, labels=many))
    naming.add("the last")
    assert labels(page).dtype == np.uint16 and editing(page).kit.state.value == 256
    stroke(page, qtbot, 40)
    assert (labels(page) == 256).any()
    quiet(qtbot, desk)
    monkeypatch.setattr(recovery, "_is_alive", lambda about: False)
    (kept,) = recovery.left_behind(journals_folder(), editing(page).journalling._key)
    np.testing.assert_array_equal(recovery.recovered(kept).map, labels(page))
    whole = labels(page).copy()
    for _ in range(3):
        editing(page).undo()
    assert not labels(page).any() and whole.any()
    quiet(qtbot, desk)


def test_another_scan_and_back_again_nothing_is_lost(page: ViewerPage, desk: Desk, qtbot: QtBot, told: Told) -> None:
    opened(page, qtbot, "t1.nii.gz")
    stroke(page, qtbot)
    painted = int(labels(page).sum())
    page.open(Path("t1.nii.gz"), "scan")
    qtbot.waitUntil(lambda: len(desk.scene.state.layers) == 1)
    quiet(qtbot, desk)
    assert "1 change of labels" in str(told) and "never saved" in str(told)
    qtbot.mouseClick(editing(page).box.recover, Button.LeftButton)
    qtbot.waitUntil(lambda: len(desk.scene.state.layers) == 2)
    quiet(qtbot, desk)
    assert int(labels(page).sum()) == painted and len(journals()) == 1


def test_a_layer_removed_with_unsaved_changes_can_be_put_back(page: ViewerPage, desk: Desk, qtbot: QtBot) -> None:
    offers: list[Offer] = []
    desk.noticed.connect(lambda what: offers.append(what) if isinstance(what, Offer) else None)
    opened(page, qtbot)
    stroke(page, qtbot)
    painted = int(labels(page).sum())
    desk.scene.put(desk.scene.state.without(1))
    qtbot.waitUntil(lambda: bool(offers))
    assert "1 change" in offers[0].note.text and not page.unsaved()
    offers[0].act()
    assert int(labels(page).sum()) == painted and made(page).history.names
    quiet(qtbot, desk)
