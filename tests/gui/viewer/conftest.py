"""The viewer page in a window, with a reader that makes its scans up."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtWidgets import QMainWindow
from pytestqt.qtbot import QtBot

from medviz.gui.desk import Desk
from medviz.gui.pages.viewer import ViewerPage
from medviz.gui.services import Services
from medviz.imaging.volume import Volume
from medviz.messages import Progress, Work
from medviz.refused import Refused
from tests.gui.conftest import head, settle
from tests.gui.viewer.hands import Told, quiet


@pytest.fixture
def files() -> dict[str, Volume]:
    """What the fake reader finds under a name; anything else is the conftest's head."""
    return {}


@pytest.fixture
def services(services: Services, files: dict[str, Volume], tmp_path: Path) -> Services:
    def read(path: Path) -> Work[Volume]:
        yield Progress(0, 2, f"reading {path.name}")
        if "bad" in path.name:
            raise Refused(path.name, "it is not an image", "open a NIfTI file")
        yield Progress(1, 2, f"reading {path.name}")
        return files.get(path.name) or head(name=path.name)

    return replace(services, read=read)


@pytest.fixture
def page(desk: Desk, qtbot: QtBot) -> Iterator[ViewerPage]:
    """The page in a window, with its panel beside it."""
    window = QMainWindow()
    made = ViewerPage(desk)
    window.setCentralWidget(made)
    window.resize(900, 640)
    panel = made.panel()
    panel.setParent(window)
    panel.setGeometry(560, 0, 340, 640)
    window.show()
    panel.show()
    made.entered()
    qtbot.waitExposed(window)
    quiet(qtbot, desk)
    yield made
    made.close_page()
    desk.stop_all()
    settle()
    window.close()
    window.deleteLater()
    settle()


@pytest.fixture
def told(desk: Desk) -> Told:
    return Told(desk)
