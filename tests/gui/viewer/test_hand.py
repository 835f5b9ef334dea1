"""What keys and drags do to a scene, with no widget."""

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt

from medviz.gui.viewer.hand import KEYS, keyed, stepped, turned_layer, windowed
from medviz.imaging.scene import Scene
from tests.gui.viewer.phantoms import halves, marked, scene, volume

Key = Qt.Key


def test_up_goes_to_the_right_to_the_front_and_to_the_top() -> None:
    start = scene(marked())
    for axis, plane in enumerate(("sagittal", "coronal", "axial")):
        moved = keyed(start, plane, Key.Key_Up)  # type: ignore[arg-type]
        assert moved is not None
        assert np.subtract(moved.voxel, start.voxel).tolist() == [int(axis == n) for n in range(3)]
        assert np.subtract(moved.cursor, start.cursor)[axis] == pytest.approx(1.0)


def test_the_ends_are_the_ends() -> None:
    start = scene(marked())
    last = keyed(start, "axial", Key.Key_End)
    assert last is not None and last.voxel[2] == marked().shape[2] - 1
    assert keyed(last, "axial", Key.Key_Up) is last
    first = keyed(last, "axial", Key.Key_Home)
    assert first is not None and first.voxel[2] == 0 and stepped(first, "axial", -5) is first


def test_shift_and_an_arrow_move_the_cross_hair_as_the_screen_is_seen() -> None:
    start = scene(marked())
    for radiological, step in ((True, -1), (False, 1)):
        seen = replace(start, radiological=radiological)
        moved = keyed(seen, "axial", Key.Key_Right, shift=True)
        assert moved is not None and moved.voxel[0] - seen.voxel[0] == step
    up = keyed(start, "axial", Key.Key_Up, shift=True)
    assert up is not None and up.voxel[1] - start.voxel[1] == 1


def test_sideways_keys_turn_the_frames_of_a_series() -> None:
    series = scene(volume(np.zeros((3, 8, 8, 8), np.int16), kind="frames"))
    moved = keyed(series, "axial", Key.Key_Right)
    assert moved is not None and moved.frame == 1 and moved.voxel == series.voxel
    last = keyed(replace(series, frame=2), "axial", Key.Key_Right)
    assert last is not None and last.frame == 2


def test_a_drag_to_the_right_widens_and_up_brightens() -> None:
    start = scene(marked())
    wide = windowed(start, start.layers[0], 0, 100, 0).layers[0]
    assert wide.window > start.layers[0].window and wide.level == start.layers[0].level
    bright = windowed(start, start.layers[0], 0, 0, -100).layers[0]
    assert bright.level < start.layers[0].level and bright.window == start.layers[0].window
    assert windowed(start, start.layers[0], 0, -1e5, 0).layers[0].window > 0


@pytest.mark.trap("T26")
def test_o_cycles_outline_fill_and_off() -> None:
    scan = marked()
    seen = scene(scan, halves(scan, "outline"))
    styles = []
    for _ in range(3):
        seen = keyed(seen, "axial", Key.Key_O) or seen
        styles.append(seen.layers[1].style)
    assert styles == ["fill", "off", "outline"]


def test_brackets_turn_opacity_within_its_ends() -> None:
    scan = marked()
    seen = scene(scan, replace(halves(scan), opacity=0.95))
    more = keyed(seen, "axial", Key.Key_BracketRight)
    assert more is not None and more.layers[1].opacity == 1.0
    for _ in range(15):
        more = keyed(more, "axial", Key.Key_BracketLeft) or more
    assert more.layers[1].opacity == 0.0 and more.layers[0].opacity == seen.layers[0].opacity


def test_g_hides_all_overlays_and_shows_them_again() -> None:
    scan = marked()
    seen = scene(scan, halves(scan), replace(halves(scan), visible=False))
    hidden = keyed(seen, "axial", Key.Key_G)
    assert hidden is not None and [layer.visible for layer in hidden.layers] == [True, False, False]
    shown = keyed(hidden, "axial", Key.Key_G)
    assert shown is not None and all(layer.visible for layer in shown.layers)


def test_window_drags_turn_the_active_layer_unless_it_is_labels() -> None:
    scan = marked()
    seen = scene(scan, halves(scan), replace(scene(scan).layers[0], opacity=0.5))
    assert [turned_layer(replace(seen, active=n)) for n in (0, 1, 2, 7)] == [0, 0, 2, 0]


def test_no_key_breaks_an_empty_scene() -> None:
    for key in KEYS:
        assert isinstance(keyed(Scene(), "axial", key), Scene)
    assert keyed(Scene(), "axial", Key.Key_F12) is None
