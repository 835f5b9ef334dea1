"""What fills a pane: the head, not the air around it; and all of the scan where that is what there is."""

import numpy as np

from medviz.gui.viewer.content import Content, extent
from tests.gui.viewer.phantoms import volume


def head(shape: tuple[int, int, int] = (60, 80, 50)) -> np.ndarray:
    voxels = np.zeros(shape, np.int16)
    voxels[10:50, 20:70, 5:45] = 500
    return voxels


def test_the_head_is_found_with_a_little_room_around_it() -> None:
    (left, right), (back, front), (low, high) = extent(volume(head()))
    assert 6 <= left <= 10 and 50 <= right <= 54 and 15 <= back <= 20 and 70 <= front <= 75
    assert 0 <= low <= 5 and 45 <= high <= 50


def test_a_small_bright_spot_does_not_fill_the_pane() -> None:
    voxels = np.full((60, 60, 60), 100, np.int16)
    voxels[30:34, 30:34, 30:34] = 4000
    assert extent(volume(voxels)) == ((0.0, 60.0),) * 3


def test_flat_and_infinite_scans_are_shown_whole() -> None:
    assert extent(volume(np.zeros((5, 6, 7), np.uint8))) == ((0.0, 5.0), (0.0, 6.0), (0.0, 7.0))
    assert extent(volume(np.full((5, 6, 7), np.nan, np.float32))) == ((0.0, 5.0), (0.0, 6.0), (0.0, 7.0))


def test_the_box_follows_the_side_of_the_screen() -> None:
    voxels = np.zeros((60, 60, 60), np.int16)
    voxels[0:40] = 500  # the patient's left two thirds
    content, scan = Content(), volume(voxels)
    _, _, near, far = content.box(scan, "axial", radiological=True)
    assert (near, far) == (60 - 41.6, 60.0)
    _, _, near, far = content.box(scan, "axial", radiological=False)
    assert (near, far) == (0.0, 41.6)
