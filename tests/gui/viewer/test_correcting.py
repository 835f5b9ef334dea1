"""Correct, learn, prove, in the Model tab: labels are kept for a run, a copy learns, and what came of it is told."""

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from medviz.gui.desk import Desk
from medviz.gui.pages.viewer import ViewerPage
from medviz.gui.services import Services
from medviz.gui.storied import Storied
from medviz.gui.viewer.correcting import Correcting
from medviz.imaging.labels import named
from medviz.imaging.proof import Proof, Scores
from medviz.imaging.scene import Layer
from medviz.imaging.volume import like
from medviz.messages import Progress, Scalar, Work
from tests.gui.viewer.hands import Told, quiet

CLICK = Qt.MouseButton.LeftButton


class Kept:
    """What the engine was handed; learning waits for a word."""

    def __init__(self) -> None:
        self.labels: list[np.ndarray] = []
        self.names: dict[int, str] = {}
        self.asked: tuple[Any, ...] = ()
        self.go = threading.Event()
        self.after = (0.7, 0.72)

    def correct(self, run: Path, scan: Any, labels: Any, names: Any) -> Work[int]:
        yield Progress(0, 0, "keeping")
        self.labels.append(labels)
        self.names = dict(names)
        return len(self.labels)

    def learn(self, run: Path, out: Path, steps: int) -> Work[Proof]:
        self.asked = (run, out, steps)
        for step in range(200):
            yield Scalar("train/loss", step, 1.0)
            if self.go.wait(0.02):
                return Proof(out, (Scores("old", (0.7, 0.72), self.after), Scores("learnt", (0.4,), (0.8,))), steps)
        return Proof(out, ())


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def services(services: Services, kept: Kept, tmp_path: Path) -> Services:
    lent = Storied(corrections=lambda run: len(kept.labels), correct=kept.correct, learn=kept.learn)
    run = tmp_path / "runs" / "heads-1"
    run.mkdir(parents=True)
    return replace(services, storied=lent, runs=lambda: (run,), new_run=lambda name: tmp_path / f"{name}-2")


@pytest.fixture
def correcting(page: ViewerPage, desk: Desk, qtbot: QtBot) -> Correcting:
    page.opening.open(Path("first.nii"))
    qtbot.waitUntil(lambda: desk.scene.state.scan is not None)
    page.show_tab("model")
    quiet(qtbot, desk)
    model: Any = page.feature("model")
    model.models.picker.setCurrentIndex(model.models.picker.count() - 1)
    quiet(qtbot, desk)
    made: Correcting = model.correcting
    return made


def labelled(desk: Desk, value: int = 1) -> None:
    scan = desk.scene.state.scan
    assert scan is not None
    labels = np.zeros(scan.shape, np.uint8)
    labels[2:5, 2:5, 2:5] = value
    layer = Layer(like(scan, labels, "mended"), "labels", labels=named(("brain", "skull")))
    desk.scene.put(desk.scene.state.adding(layer))


def test_only_a_run_of_this_program_can_learn_on(correcting: Correcting, page: ViewerPage) -> None:
    assert correcting.box is not None and correcting.box.isVisible()
    page.feature("model").models.picker.setCurrentIndex(0)  # type: ignore[attr-defined]
    assert not correcting.box.isVisible() and correcting.run is None


def test_labels_on_the_scan_are_kept_with_their_names(
    correcting: Correcting, desk: Desk, qtbot: QtBot, kept: Kept
) -> None:
    box = correcting.box
    assert box is not None and not box.keep.isEnabled() and not box.learn.isEnabled()
    labelled(desk)
    assert box.keep.isEnabled() and "mended" in box.keep.toolTip()
    qtbot.mouseClick(box.keep, CLICK)
    qtbot.waitUntil(lambda: box.learn.isEnabled())
    quiet(qtbot, desk)
    assert "1 correction kept" in box.says.text().replace("\xa0", " ")
    assert kept.labels[0].sum() == 27 and kept.names == {1: "brain", 2: "skull"}
    assert kept.labels[0].base is None, "a copy: the brush may go on"


def test_a_proposal_is_no_correction_until_it_is_accepted(correcting: Correcting, desk: Desk, qtbot: QtBot) -> None:
    labelled(desk)
    desk.scene.put(desk.scene.state.with_layer(1, proposal=True))
    assert correcting.layer is None and correcting.box is not None and not correcting.box.keep.isEnabled()
    quiet(qtbot, desk)


def test_a_copy_learns_and_what_came_of_it_is_told(
    correcting: Correcting, desk: Desk, qtbot: QtBot, kept: Kept, tmp_path: Path
) -> None:
    box = correcting.box
    assert box is not None
    labelled(desk)
    qtbot.mouseClick(box.keep, CLICK)
    qtbot.waitUntil(lambda: box.learn.isEnabled())
    box.steps.setValue(30)
    qtbot.mouseClick(box.learn, CLICK)
    qtbot.waitUntil(lambda: box.waiting.isVisible())
    assert not box.learn.isEnabled() and not box.keep.isEnabled()
    kept.go.set()
    qtbot.waitUntil(lambda: correcting.proof is not None and correcting.job is None)
    quiet(qtbot, desk)
    assert kept.asked == (correcting.run, tmp_path / "heads-1-2", 30)
    assert "Old cases, held out (2): Dice 0.710 before, 0.710 after" in box.told.text()
    assert "not shown" in box.told.text() and "heads-1-2" in box.told.text() and not box.waiting.isVisible()


def test_forgetting_is_a_warning(correcting: Correcting, desk: Desk, qtbot: QtBot, kept: Kept, told: Told) -> None:
    kept.after = (0.5, 0.55)
    kept.go.set()
    labelled(desk)
    assert correcting.box is not None
    qtbot.mouseClick(correcting.box.keep, CLICK)
    qtbot.waitUntil(lambda: correcting.box is not None and correcting.box.learn.isEnabled())
    qtbot.mouseClick(correcting.box.learn, CLICK)
    qtbot.waitUntil(lambda: correcting.proof is not None and correcting.job is None)
    quiet(qtbot, desk)
    assert "It forgot" in correcting.box.told.text()
    assert any(note.level == "warning" and "It forgot" in note.text for note in told.notes)


def test_learning_can_be_stopped(correcting: Correcting, desk: Desk, qtbot: QtBot, kept: Kept) -> None:
    labelled(desk)
    box = correcting.box
    assert box is not None
    qtbot.mouseClick(box.keep, CLICK)
    qtbot.waitUntil(lambda: box.learn.isEnabled())
    qtbot.mouseClick(box.learn, CLICK)
    qtbot.waitUntil(lambda: box.waiting.isVisible())
    qtbot.mouseClick(box.waiting.cancel, CLICK)
    qtbot.waitUntil(lambda: correcting.job is None)
    quiet(qtbot, desk)
    assert correcting.proof is None and box.learn.isEnabled() and not box.waiting.isVisible()
