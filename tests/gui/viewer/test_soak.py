"""Two thousand redraws: a short test stays green with a Qt that loses references and aborts after some hundred."""

import gc
import sys
from dataclasses import replace

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from medviz.gui.desk import Desk
from medviz.gui.viewer.panes import Panes
from tests.gui.conftest import settle
from tests.gui.viewer.phantoms import halves, marked, scene, turn

REDRAWS = 2000


@pytest.mark.timeout(240)
def test_two_thousand_redraws_lose_nothing_and_grow_nothing(desk: Desk, qtbot: QtBot) -> None:
    scan = marked(24)
    panes = Panes(desk)
    panes.volume.close_view()  # rendering is another matter; here it is the painting of slices
    panes.resize(480, 420)
    qtbot.addWidget(panes)
    desk.scene.put(scene(scan, halves(scan, "outline")))
    panes.show()
    qtbot.waitExposed(panes)
    gc.collect()  # what tests before this one left holds None too
    none_before, drawn, things = sys.getrefcount(None), 0, 0
    for number in range(REDRAWS // 3):
        state = desk.scene.state
        voxel = (number % 24, (2 * number) % 28, (3 * number) % 20)
        styled = state.with_layer(1, style=("outline", "fill")[number % 2], opacity=(number % 10) / 10)
        desk.scene.put(replace(styled, radiological=number % 3 > 0).at_voxel(voxel))
        if number % 50 == 0:
            turn(panes.slices["axial"], 1)
        QApplication.processEvents()
        if number == 100:
            gc.collect()
            things = len(gc.get_objects())
    drawn = sum(view.drawings for view in panes.slices.values())
    gc.collect()
    assert drawn >= REDRAWS - 3
    assert sys.getrefcount(None) > none_before - 200, "a void call into Qt gives back what it took"
    assert len(gc.get_objects()) < things + 2000
    for view in panes.slices.values():
        view.leave()
    panes.leave()
    qtbot.wait(40)
    settle()
