"""Where there is little room a scan is shown in one plane, large enough for its letters; with more room in three."""

import numpy as np
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from medviz.gui.training.planes import SMALL_PX, Planes
from medviz.imaging.scene import Layer, Scene
from medviz.imaging.volume import Stored, Volume


def test_three_planes_become_one_where_they_would_be_too_small(qtbot: QtBot) -> None:
    voxels = np.zeros((1, 20, 24, 16), np.float32)
    scan = Volume(voxels, np.eye(4), Stored("NIfTI-1", voxels.shape[1:], "RAS", np.eye(4), voxels.dtype))
    planes = Planes(QLabel("beside"))
    qtbot.addWidget(planes)
    planes.store.put(Scene((Layer(scan),)))
    planes.show()
    for size, wanted in (((260, 320), 1), ((SMALL_PX[0], 320), 3), ((260, SMALL_PX[1]), 3), ((700, 600), 3)):
        planes.resize(*size)
        shown = [view for view in planes.views.values() if view.isVisible()]
        assert len(shown) == wanted and planes.beside is not None and planes.beside.isVisible()
        assert all(planes.rect().contains(view.geometry()) for view in shown)
    planes.close_views()
