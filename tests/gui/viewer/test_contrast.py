"""Contrast as a person turns it: the ends of the window in the histogram, presets, percentiles, gamma, threshold."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from medviz.gui.pages.viewer import ViewerPage
from medviz.gui.viewer.contrast import Contrast, ContrastBox
from medviz.imaging.intensity import Tone
from medviz.imaging.scene import Layer
from medviz.imaging.volume import Volume
from tests.gui.viewer.hands import opened, panel_of, quiet
from tests.gui.viewer.phantoms import grabbed, volume

Button, Key, Shift = Qt.MouseButton, Qt.Key, Qt.KeyboardModifier.ShiftModifier


def ct() -> Volume:
    voxels = np.full((40, 44, 36), -1000, np.int16)
    voxels[8:32, 8:36, 4:32] = 40
    voxels[16:24, 18:26, 10:26] = 1000
    return volume(voxels, unit="HU", name="ct.nii.gz")


@pytest.fixture
def box(page: ViewerPage, files: dict[str, Volume], qtbot: QtBot) -> ContrastBox:
    files["ct.nii.gz"] = ct()
    opened(page, qtbot, "ct.nii.gz")
    page.show_tab("contrast")
    panel_of(page).setFixedHeight(900)
    feature = page.feature("contrast")
    assert isinstance(feature, Contrast) and feature.box is not None
    quiet(qtbot, page.desk)
    return feature.box


def layer(page: ViewerPage) -> Layer:
    return page.desk.scene.state.layers[0]


def drag(qtbot: QtBot, view: Any, start: float, end: float) -> None:
    high = view.height() // 3
    qtbot.mousePress(view, Button.LeftButton, pos=QPoint(round(start), high))
    qtbot.mouseMove(view, QPoint(round((start + end) / 2), high))
    qtbot.mouseMove(view, QPoint(round(end), high))
    qtbot.mouseRelease(view, Button.LeftButton, pos=QPoint(round(end), high))


def test_an_end_of_the_window_is_dragged_and_the_other_stays(page: ViewerPage, box: ContrastBox, qtbot: QtBot) -> None:
    page.desk.scene.put(page.desk.scene.state.with_layer(0, window=400.0, level=40.0))
    view = box.view
    drag(qtbot, view, view.x_of(240.0), view.x_of(640.0))
    low, high = layer(page).level - layer(page).window / 2, layer(page).level + layer(page).window / 2
    one_px = (view.span[1] - view.span[0]) / view.width() * 1.5
    assert low == pytest.approx(-160.0, abs=1e-6) and high == pytest.approx(640.0, abs=one_px)


def test_an_end_dragged_past_the_other_stops_short_of_it(page: ViewerPage, box: ContrastBox, qtbot: QtBot) -> None:
    page.desk.scene.put(page.desk.scene.state.with_layer(0, window=400.0, level=40.0))
    drag(qtbot, box.view, box.view.x_of(-160.0), box.view.x_of(900.0))
    assert 0 < layer(page).window < 1 and layer(page).level == pytest.approx(240.0, abs=1)


def test_what_is_between_the_ends_moves_the_level_alone(page: ViewerPage, box: ContrastBox, qtbot: QtBot) -> None:
    page.desk.scene.put(page.desk.scene.state.with_layer(0, window=400.0, level=40.0))
    view = box.view
    drag(qtbot, view, view.x_of(40.0), view.x_of(340.0))
    assert layer(page).window == 400.0 and layer(page).level == pytest.approx(340.0, abs=30)


def test_shift_and_a_digit_take_a_preset_of_ct(page: ViewerPage, box: ContrastBox, qtbot: QtBot) -> None:
    front = page.panes.slices["axial"]
    qtbot.keyClick(front, Key.Key_1, Shift)
    assert (layer(page).window, layer(page).level) == (1000.0, 400.0)
    qtbot.keyClick(front, "&", Shift)  # what Shift and 7 write
    assert (layer(page).window, layer(page).level) == (1400.0, -500.0)


def test_the_presets_are_there_for_ct_only(page: ViewerPage, box: ContrastBox, qtbot: QtBot) -> None:
    lung = next(one for one in box.presets.findChildren(QPushButton) if one.text() == "lung")
    qtbot.mouseClick(lung, Button.LeftButton)
    assert (layer(page).window, layer(page).level) == (1400.0, -500.0)
    assert not box.presets.isHidden()
    page.opening.open(Path("t1.nii.gz"), "scan")
    qtbot.waitUntil(lambda: layer(page).volume.name == "t1.nii.gz")
    assert box.presets.isHidden()


def test_percentiles_make_a_window_for_a_skewed_map(page: ViewerPage, box: ContrastBox, qtbot: QtBot) -> None:
    every = next(one for one in box.findChildren(QPushButton) if one.text() == "all")
    qtbot.mouseClick(every, Button.LeftButton)
    assert (layer(page).window, layer(page).level) == (2000.0, 0.0)


def test_gamma_changes_the_picture_between_black_and_white(page: ViewerPage, box: ContrastBox, qtbot: QtBot) -> None:
    page.desk.scene.put(page.desk.scene.state.with_layer(0, window=2000.0, level=0.0))
    view = page.panes.slices["axial"]
    before = grabbed(view)
    page.desk.scene.put(page.desk.scene.state.with_layer(0, tone=Tone(gamma=2.0)))
    after = grabbed(view)
    x, y = (round(place) for place in view.screen_of((-7.0, -9.0, page.desk.scene.state.cursor[2])))
    assert before[y, x, 0] == pytest.approx(132, abs=2) and after[y, x, 0] == pytest.approx(184, abs=2)


def test_the_threshold_is_dragged_and_hides_what_lies_below(page: ViewerPage, box: ContrastBox, qtbot: QtBot) -> None:
    page.desk.scene.put(page.desk.scene.state.with_layer(0, window=2400.0, level=0.0, tone=Tone(least=-900.0)))
    view, pane = box.view, page.panes.slices["axial"]
    drag(qtbot, view, view.x_of(-900.0), view.x_of(500.0))
    assert layer(page).tone.least == pytest.approx(500.0, abs=40)
    x, y = (round(place) for place in pane.screen_of((-9.0, -9.0, page.desk.scene.state.cursor[2])))
    assert grabbed(pane)[y, x].tolist() == [0, 0, 0]


@pytest.mark.trap("T13")
def test_what_is_stored_and_how_many_values_there_are_is_said(
    page: ViewerPage, files: dict[str, Volume], box: ContrastBox, qtbot: QtBot
) -> None:
    assert "int16" in box.said.text() and "−1000 to 1000 HU" in box.said.text()
    spoilt = np.zeros((40, 44, 36), np.uint8)
    spoilt[10:20] = 1  # an uncertainty between 0 and 1 that was saved in whole numbers
    files["uncertainty.nii.gz"] = volume(spoilt, name="uncertainty.nii.gz")
    page.opening.open(Path("uncertainty.nii.gz"), "image")
    qtbot.waitUntil(lambda: len(page.desk.scene.state.layers) == 2)
    page.desk.scene.put(replace(page.desk.scene.state, active=1))
    quiet(qtbot, page.desk)
    assert "2 distinct values" in box.doubt.text() and not box.doubt.isHidden() and "uint8" in box.said.text()


def test_the_right_click_offers_the_presets(page: ViewerPage, box: ContrastBox) -> None:
    acts = page.feature("contrast").menu(page.panes.slices["axial"], (0.0, 0.0, 0.0))
    assert [act.text().split("\t")[1] for act in acts] == [f"Shift+{number}" for number in range(1, 8)]
    acts[1].trigger()
    assert (layer(page).window, layer(page).level) == (100.0, 50.0)
