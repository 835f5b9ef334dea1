"""What a person does with the viewer page, for its tests."""

from pathlib import Path
from typing import Any

from pytestqt.qtbot import QtBot

from medviz.gui.desk import Desk, Offer
from medviz.gui.pages.viewer import ViewerPage
from medviz.gui.viewer.panel import Panel
from medviz.imaging.scene import Scene
from medviz.messages import Note
from tests.gui.conftest import MODEL


class Told:
    """What notices were asked for."""

    def __init__(self, desk: Desk) -> None:
        self.notes: list[Note] = []
        desk.noticed.connect(lambda what: self.notes.append(what.note if isinstance(what, Offer) else what))

    def __str__(self) -> str:
        return " | ".join(f"{note.level}: {note.text}" for note in self.notes)


def panel_of(page: ViewerPage) -> Panel:
    panel = page.panel()
    assert isinstance(panel, Panel)
    return panel


def modelling(page: ViewerPage) -> Any:
    return page.feature("model")


def quiet(qtbot: QtBot, desk: Desk, seconds: float = 20) -> None:
    """Wait until no job runs and none begins within a moment."""

    def still() -> bool:
        return not desk.jobs

    qtbot.waitUntil(still, timeout=round(seconds * 1000))
    qtbot.wait(10)
    qtbot.waitUntil(still, timeout=round(seconds * 1000))


def opened(page: ViewerPage, qtbot: QtBot, name: str = "t1.nii.gz") -> Scene:
    page.desk.open_wanted.emit(Path(name))
    qtbot.waitUntil(lambda: page.desk.scene.state.scan is not None and not page.opening.busy)
    return page.desk.scene.state


def with_prediction(page: ViewerPage, qtbot: QtBot) -> Scene:
    opened(page, qtbot)
    modelling(page).run_model(MODEL.where)
    qtbot.waitUntil(lambda: len(page.desk.scene.state.layers) == 2 and modelling(page).predicting.job is None)
    quiet(qtbot, page.desk)
    return page.desk.scene.state
