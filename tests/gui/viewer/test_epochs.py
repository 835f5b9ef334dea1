"""A run over its epochs in the viewer: its scan is opened, each epoch lies over it, and the voxel is asked."""

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
from medviz.gui.viewer.epochs import Epochs
from medviz.imaging.story import ProbeCase
from medviz.messages import Progress, Work
from tests.gui.training.stories import case, shares_at, tell
from tests.gui.viewer.hands import quiet


@pytest.fixture
def services(services: Services, tmp_path: Path) -> Services:
    def found(run: Path, place: int) -> Work[ProbeCase]:
        yield Progress(0, 0, "finding")
        return case()

    run = tmp_path / "runs" / "boxes-1"
    tell(run, 3)
    (run / "task.toml").write_text("")
    return replace(services, storied=Storied(case=found), runs=lambda: (run,))


@pytest.fixture
def epochs(page: ViewerPage, desk: Desk, qtbot: QtBot) -> Epochs:
    page.opening.open(Path("first.nii"))
    qtbot.waitUntil(lambda: desk.scene.state.scan is not None)
    page.show_tab("epochs")
    feature = page.feature("epochs")
    assert isinstance(feature, Epochs) and feature.box is not None
    qtbot.waitUntil(lambda: feature.reel.case is not None)
    quiet(qtbot, desk)
    return feature


def opened(epochs: Epochs, desk: Desk, qtbot: QtBot) -> None:
    assert epochs.box is not None
    qtbot.mouseClick(epochs.box.open, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(epochs.reel._kept) == 4)
    quiet(qtbot, desk)


def prediction(desk: Desk) -> Any:
    return next(one for one in desk.scene.state.layers if one.volume.name == "prediction").volume.frame()


def test_the_scan_of_the_run_is_opened_and_each_epoch_lies_over_it(epochs: Epochs, desk: Desk, qtbot: QtBot) -> None:
    assert epochs.box is not None and epochs.box.open.isVisible() and not epochs.box.scrubber.isVisible()
    opened(epochs, desk, qtbot)
    assert not epochs.box.open.isVisible() and epochs.box.scrubber.isVisible()
    for epoch in (3, 1, 0):
        epochs.box.scrubber.go(epoch)
        assert np.array_equal(prediction(desk), shares_at(epoch).argmax(0))
    assert [one.volume.name for one in desk.scene.state.layers] == ["scan", "prediction", "reference"]
    quiet(qtbot, desk)


def test_what_else_lies_over_the_scan_stays(epochs: Epochs, desk: Desk, qtbot: QtBot) -> None:
    opened(epochs, desk, qtbot)
    assert epochs.box is not None
    mine = replace(desk.scene.state.layers[-1], volume=replace(case().reference, name="my own"))  # type: ignore[type-var]
    desk.scene.put(desk.scene.state.adding(mine))
    epochs.box.scrubber.go(0)
    assert sorted(one.volume.name for one in desk.scene.state.layers) == ["my own", "prediction", "reference", "scan"]
    quiet(qtbot, desk)


def test_the_voxel_at_the_cross_hair_is_asked_over_the_epochs(epochs: Epochs, desk: Desk, qtbot: QtBot) -> None:
    opened(epochs, desk, qtbot)
    desk.scene.put(desk.scene.state.at_voxel((9, 11, 5)))
    box = epochs.box
    assert box is not None
    meant = np.array([shares_at(epoch)[:, 9, 11, 5] / 255 for epoch in range(4)])
    qtbot.waitUntil(lambda: np.allclose(box.curves.shares, meant, atol=1e-3))
    assert {name: share for name, share, _ in box.bars.rows}["left box"] == pytest.approx(190 / 255)
    quiet(qtbot, desk)


def test_another_scan_is_not_painted_over(epochs: Epochs, page: ViewerPage, desk: Desk, qtbot: QtBot) -> None:
    opened(epochs, desk, qtbot)
    page.opening.open(Path("other.nii"), "scan")
    qtbot.waitUntil(lambda: desk.scene.state.scan is not None and desk.scene.state.scan.name == "other.nii")
    quiet(qtbot, desk)
    assert epochs.box is not None and epochs.box.open.isVisible() and "Another scan" in epochs.box.says.text()
    epochs.box.scrubber.go(0)
    assert [one.volume.name for one in desk.scene.state.layers] == ["other.nii"]
    quiet(qtbot, desk)


def test_a_run_in_the_model_tab_is_looked_back_at(page: ViewerPage, desk: Desk, qtbot: QtBot) -> None:
    page.opening.open(Path("first.nii"))
    qtbot.waitUntil(lambda: desk.scene.state.scan is not None)
    page.show_tab("model")
    quiet(qtbot, desk)
    models, epochs = page.feature("model").models, page.feature("epochs")  # type: ignore[attr-defined]
    assert not models.back.isVisible()
    models.picker.setCurrentIndex(models.picker.count() - 1)
    assert models.chosen.origin == "run" and models.back.isVisible()
    qtbot.mouseClick(models.back, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: epochs.box is not None and epochs.box.isVisible() and epochs.reel.case is not None)  # type: ignore[attr-defined]
    assert epochs.reel.run == Path(models.chosen.where)  # type: ignore[attr-defined]
    quiet(qtbot, desk)
