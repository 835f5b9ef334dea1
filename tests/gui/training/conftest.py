"""What the tests of the Train page share: a page over fake services, and a training that waits for a word."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from medviz.gui.desk import Desk
from medviz.gui.pages.training import TrainingPage
from medviz.gui.services import Services
from medviz.messages import Progress, Scalar, Work

CLICK = Qt.MouseButton.LeftButton


class Slow:
    """A training whose steps wait for a word, so that a test sees each state."""

    def __init__(self, steps: int = 1000) -> None:
        self.steps, self.asked, self.kept = steps, 0, False
        self.word = threading.Semaphore(0)

    def go(self, steps: int = 1) -> None:
        for _ in range(steps):
            self.word.release()

    def __call__(self, task: Any, folder: Path) -> Work[Path]:
        folder.mkdir(parents=True)
        try:
            for step in range(1, self.steps + 1):
                self.asked = step
                assert self.word.acquire(timeout=10)
                yield Scalar("train/loss", step, 1 / step)
                yield Progress(step, self.steps, "epoch 1 of 1", float(self.steps - step))
        finally:
            self.kept = True
        return folder


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def make(qtbot: QtBot, services: Services, preferences: Any, runs: Path) -> Iterator[Callable[..., TrainingPage]]:
    made: list[tuple[Desk, QWidget]] = []

    def new_run(name: str) -> Path:
        number = next(n for n in range(1, 99) if not (runs / f"{name}-{n}").exists())
        return runs / f"{name}-{number}"

    def build(**changed: Any) -> TrainingPage:
        desk = Desk(replace(services, **{"new_run": new_run, **changed}), preferences)
        page = TrainingPage(desk)
        qtbot.addWidget(page)
        qtbot.addWidget(page.panel())
        page.resize(900, 700)
        page.show()
        page.panel().show()
        made.append((desk, page))
        return page

    yield build
    while made:  # the fixture itself lives on in the test's arguments: it must hold no widget
        desk, page = made.pop()
        desk.stop_all()
        page.hide()
        QApplication.processEvents()
        desk.deleteLater()
        del desk, page


def chosen(page: TrainingPage, qtbot: QtBot) -> None:
    page.setup.task.setCurrentIndex(0)
    page.setup.task.activated.emit(0)
    qtbot.waitUntil(lambda: page.draft.task is not None and not page.draft.is_loading)


def started(page: TrainingPage, qtbot: QtBot) -> None:
    chosen(page, qtbot)
    qtbot.mouseClick(page.setup.start, CLICK)
    qtbot.waitUntil(lambda: page.watch is not None)


def ended(page: TrainingPage, qtbot: QtBot, state: str) -> None:
    qtbot.waitUntil(lambda: page.watch is not None and page.watch.state == state)
    qtbot.waitUntil(lambda: not page.desk.jobs)
