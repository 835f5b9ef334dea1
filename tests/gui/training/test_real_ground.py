"""The page with the real services on a small folder: checked, mended, proposed, leafed through."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from medviz.commands.services import services as real_services
from medviz.gui.desk import Desk
from medviz.gui.pages.training import TrainingPage
from medviz.parameters import Settings
from tests.data.checking.damaged import sound

CLICK = Qt.MouseButton.LeftButton
LONG_MS = 60_000


@pytest.fixture
def page(qtbot: QtBot, preferences: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[TrainingPage]:
    monkeypatch.setenv("MEDVIZ_RUNS", str(tmp_path / "runs"))
    desk = Desk(real_services(), preferences)
    made = TrainingPage(desk)
    qtbot.addWidget(made)
    qtbot.addWidget(made.panel())
    made.resize(1000, 700)
    made.show()
    yield made
    made.close_page()
    desk.stop_all()
    made.hide()
    QApplication.processEvents()
    desk.deleteLater()


def test_a_folder_with_a_fault_is_mended_and_planned_for(page: TrainingPage, qtbot: QtBot, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    sound(folder, 5)
    (folder / "labelsTr" / "case_02.nii.gz").unlink()
    data, network = Settings("decathlon", (("folder", str(folder)),)), Settings("unet", (("width", 2),))
    page.draft.choose("segmentation", {"data": data, "network": network}, then=page.setup.check.click)
    survey, pane = page.ground.survey, page.ground.pane
    qtbot.waitUntil(lambda: survey.report is not None and not page.desk.jobs, timeout=LONG_MS)
    assert [row.where for row in pane.table.problems.rows] == ["case_02"]
    button = pane.table.button(0)
    assert button is not None
    qtbot.mouseClick(button, CLICK, pos=QPoint(8, 8))
    qtbot.waitUntil(lambda: bool(survey.lines) and not page.desk.jobs, timeout=LONG_MS)
    assert survey.report is not None and survey.report.faults == 0
    assert dict(page.draft.task.data.values)["leave_out"] == "case_02"
    assert "because the middle case is 20×18×12 voxels of 1 mm" in survey.lines[0]
    qtbot.mouseClick(page.ground.strip.take, CLICK)
    assert page.draft.task.dimensions == 3 and page.draft.task.sides
    page.ground.open_browser("case_03")
    browser = page.ground.browser
    assert browser is not None
    qtbot.waitUntil(lambda: len(browser.grid.cases.pictures) == 4 and not page.desk.jobs, timeout=LONG_MS)
    assert browser.grid.case is not None and browser.grid.case.name == "case_03"
    browser.tabs.show_word("Augmentation")
    qtbot.waitUntil(lambda: all(one.picture is not None for one in browser.preview.pictures), timeout=LONG_MS)
    qtbot.waitUntil(lambda: not page.desk.jobs, timeout=LONG_MS)
