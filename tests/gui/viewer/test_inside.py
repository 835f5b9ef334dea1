"""Looking inside a network from the viewer: maps laid where they lie, and what if a part were different."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from medviz.gui.desk import Desk
from medviz.gui.pages.viewer import ViewerPage
from medviz.gui.services import Asked
from medviz.imaging.labels import named
from medviz.imaging.prediction import Prediction
from medviz.imaging.volume import Stored, Volume, like
from medviz.messages import Progress, Work
from tests.gui.viewer.hands import opened, panel_of, quiet

ASKED: list[tuple[str, Asked, tuple[float, ...]]] = []


def layers(where: str) -> Work[tuple[tuple[str, str], ...]]:
    yield Progress(0, 0, "looking")
    return (("stem", "Conv2d"), ("up.0", "ConvTranspose2d"), ("head", "Conv2d"))


def inside(where: str, scan: Volume, asked: Asked, mm: tuple[float, float, float]) -> Work[Volume]:
    """Half as fine as the scan: map k is k everywhere but for a spot at the cross-hair."""
    yield Progress(0, 1, "looking inside")
    ASKED.append((where, asked, mm))
    count = 3 if asked.what == "features" else 1
    shape = tuple(-(-side // 2) for side in scan.shape)
    voxels = np.zeros((count, *shape), np.float32)
    place = tuple(int(k) // 2 for k in (scan.nearest(mm) or (0, 0, 0)))
    for number in range(count):
        voxels[(number, *place)] = 10 + number
    affine = scan.affine @ np.diag([2.0, 2.0, 2.0, 1.0])
    stored = Stored("explained", shape, "RAS", affine, voxels.dtype)
    return Volume(voxels, affine, stored, "maps", "frames" if count > 1 else "scalar")


def run(where: str, scan: Volume, mirror: bool, frame: int) -> Work[Prediction]:
    """Label by brightness, with a probability that follows it."""
    yield Progress(0, 1, "tile")
    bright = scan.voxels[0] > 450
    labels = replace(like(scan, bright[None].astype(np.uint8), where, kind="scalar"), labels=named(("grey matter",)))
    shares = np.stack([~bright, bright]).astype(np.float16)
    return Prediction(labels, like(scan, shares, where, kind="frames"))


@pytest.fixture
def inner(page: ViewerPage, qtbot: QtBot, desk: Desk) -> Iterator[Any]:
    ASKED.clear()
    modelled = replace(desk.services.modelled, layers=layers, inside=inside, run=run)
    desk.services = replace(desk.services, modelled=modelled)
    opened(page, qtbot)
    panel_of(page)
    page.entered()
    quiet(qtbot, desk)
    panel_of(page).show_tab("Inside")
    feature: Any = page.feature("inside")
    feature._entered()
    quiet(qtbot, desk)
    yield feature
    desk.stop_all()


def test_the_layers_of_the_chosen_model_are_listed_and_a_late_convolution_is_chosen(inner: Any) -> None:
    assert [inner.box.layer.itemData(k) for k in range(inner.box.layer.count())] == ["stem", "up.0", "head"]
    assert inner.box.asked == Asked("features", "head", 1)
    assert inner.box.model.full() == "of tissue"


def test_a_map_is_laid_over_the_scan_where_it_lies_and_another_takes_its_place(
    inner: Any, qtbot: QtBot, desk: Desk
) -> None:
    inner.box.show_button.click()
    quiet(qtbot, desk)
    scene = desk.scene.state
    assert len(scene.layers) == 2 and scene.layers[1].volume.same_grid(scene.scan)
    found = scene.layers[1].volume
    peak = np.unravel_index(int(found.voxels[0].argmax()), found.shape)
    assert np.abs(np.array(peak) - np.array(scene.voxel)).max() <= 1
    assert inner.box.number.maximum() == 2 and "each cell" in inner.box.note.text()
    inner.box.number.setValue(2)
    quiet(qtbot, desk)
    again = desk.scene.state
    assert len(again.layers) == 2 and again.layers[1].volume.voxels.max() == pytest.approx(12)
    assert again.layers[1].volume.name == "head 2"


def test_another_question_is_asked_again_and_about_a_class(inner: Any, qtbot: QtBot, desk: Desk) -> None:
    inner.box.show_button.click()
    quiet(qtbot, desk)
    inner.box.what.setCurrentIndex(inner.box.what.findData("saliency"))
    inner.box.what.activated.emit(inner.box.what.currentIndex())
    qtbot.waitUntil(lambda: len(ASKED) == 2)
    quiet(qtbot, desk)
    assert ASKED[-1][1].what == "saliency" and desk.scene.state.layers[1].volume.name == "saliency head"
    assert inner.box.label.isVisibleTo(inner.box) and not inner.box.layer.isVisibleTo(inner.box)


def test_it_follows_the_cross_hair_only_where_that_is_asked_for(inner: Any, qtbot: QtBot, desk: Desk) -> None:
    inner.box.show_button.click()
    quiet(qtbot, desk)
    desk.scene.put(desk.scene.state.at_voxel((3, 4, 5)))
    assert not inner._rest.isActive()
    inner.box.follow.setChecked(True)
    qtbot.waitUntil(lambda: len(ASKED) == 2)
    quiet(qtbot, desk)
    assert ASKED[-1][2] == pytest.approx(desk.scene.state.cursor)


def test_what_if_changes_a_copy_and_says_what_became_of_each_class(inner: Any, qtbot: QtBot, desk: Desk) -> None:
    scan = desk.scene.state.scan
    before = scan.voxels.copy()
    brightest = np.unravel_index(int(scan.voxels[0].argmax()), scan.shape)
    inner.what_if.path.append(tuple(scan.affine[:3] @ [*brightest, 1.0]))
    inner.box.how.setCurrentIndex(inner.box.how.findData("darker"))
    inner.what_if.ask()
    quiet(qtbot, desk)
    assert np.array_equal(scan.voxels, before) and desk.scene.state.scan is scan
    names = [layer.volume.name for layer in desk.scene.state.layers]
    assert "changed part" in names and any(name.startswith("change of") for name in names)
    assert inner.box.answer.itemAtPosition(1, 0).widget().text() == "grey matter"
    assert "painted voxels are named otherwise" in inner.box.said.text()
    inner.box.undo.click()
    assert "changed part" not in [layer.volume.name for layer in desk.scene.state.layers]
    assert inner.box.answer.count() == 0 and not inner.box.undo.isEnabled()


def test_the_tip_is_taken_up_and_put_down(inner: Any, desk: Desk) -> None:
    inner.box.paint.setChecked(True)
    assert desk.scene.state.tool == "what if"
    desk.scene.put(replace(desk.scene.state, tool="cursor"))
    assert not inner.box.paint.isChecked()
