"""Two scans linked in mm: one cursor, one scale, each on its own grid; mixed into one pane; shifted by two points."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from medviz.gui.store import Store
from medviz.gui.viewer.beside import Beside
from medviz.gui.viewer.readout import readings
from medviz.gui.viewer.second_box import (
    linked,
    mix_words,
    next_mix,
    overlaid,
    put_away,
    shift_words,
    unshifted,
    window_linked,
    with_mix,
)  # fmt: skip
from medviz.gui.viewer.slice_view import SliceView
from medviz.gui.viewer.swiping import SwipeTool, line_x
from medviz.imaging.mixing import MIXES, Mix
from medviz.imaging.scene import Layer, Scene, Second
from medviz.imaging.slices import PLANES, Plane
from medviz.imaging.volume import Stored, Volume, like
from tests.gui.viewer.phantoms import NAMES as LABELS
from tests.gui.viewer.phantoms import grabbed, scene, turn, volume
from tests.imaging.making import NAMES, ORDERS, opened, reordered, rotation, saved

Button, Modifier = Qt.MouseButton, Qt.KeyboardModifier
BALL = (6.0, -8.0, 5.0)


def ball(spacing=(1.0, 1.0, 1.0), shape=(48, 52, 44), unit: str = "", at=BALL, turned=(0.0, 0.0, 0.0)) -> Volume:
    """A grey block with a bright ball 4 mm wide at the same place in the room, whatever the grid."""
    voxels = np.full(shape, 300, np.int16)
    affine = np.eye(4)
    affine[:3, :3] = rotation(turned) @ np.diag(spacing)
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    places = np.stack(np.indices(shape), -1) @ affine[:3, :3].T + affine[:3, 3]
    voxels[np.linalg.norm(places - np.array(at), axis=-1) <= 4.0] = 1000
    return Volume(voxels[None], affine, Stored("m", shape, "RAS", affine, voxels.dtype), name="second", unit=unit)


class Six(QWidget):
    """Three panes of the first scan, and three of the second below them."""

    def __init__(self, seen: Scene, size: tuple[int, int] = (300, 260)) -> None:
        super().__init__()
        self.store = Store(seen)
        self.beside = Beside(self.store)
        self.first = {plane: SliceView(self.store, plane, parent=self) for plane in PLANES}
        self.second = {plane: SliceView(self.beside, plane, parent=self, leader=self.first[plane]) for plane in PLANES}
        for number, plane in enumerate(PLANES):
            self.first[plane].setGeometry(number * size[0], 0, *size)
            self.second[plane].setGeometry(number * size[0], size[1], *size)
        self.resize(3 * size[0], 2 * size[1])


def both(first: Volume, second: Volume, **more: object) -> Scene:
    layer = Layer(second, window=1000, level=500)
    return replace(scene(first), crosshair=False, second=Second(layer, **more)).at(BALL)  # type: ignore[arg-type]


@pytest.fixture
def six(qtbot: QtBot) -> Iterator[Six]:
    made = Six(both(ball(), ball((2.0, 1.5, 3.0), (30, 34, 20))))
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    yield made


def shown(six: Six, seen: Scene) -> None:
    six.store.put(seen)
    QApplication.processEvents()


def bright_at(view: SliceView, qtbot: QtBot) -> tuple[float, float]:
    view.grab()
    qtbot.waitUntil(lambda: not view.plate.coarse, timeout=5000)
    rows, cols = np.nonzero(grabbed(view)[50:-40, 35:-35].min(axis=2) > 190)
    assert len(rows), "the ball is seen"
    return float(cols.mean()) + 35, float(rows.mean()) + 50


@pytest.mark.trap("T1", "T6")
@pytest.mark.parametrize("order", ORDERS, ids=NAMES)
def test_what_is_at_one_place_is_seen_at_one_place_in_both(
    six: Six, order: np.ndarray, tmp_path: Path, qtbot: QtBot
) -> None:
    other = ball((1.5, 1.25, 2.0), (36, 40, 30))
    path = saved(tmp_path / "second.nii", *reordered(other.frame(), other.affine, order))
    shown(six, both(ball(), opened(path)))
    for plane in PLANES:
        first, second = six.first[plane], six.second[plane]
        x, y = first.screen_of(BALL)
        assert second.screen_of(BALL) == pytest.approx((x, y), abs=1e-3), "the same mm at the same place of the pane"
        assert bright_at(second, qtbot) == pytest.approx((x, y), abs=0.8 * second.sheet.scale + 1)
        assert first.section.letters == second.section.letters  # type: ignore[union-attr]


@pytest.mark.trap("T19")
@pytest.mark.parametrize("plane", PLANES)
def test_a_ten_mm_circle_is_round_in_both(six: Six, plane: Plane) -> None:
    shown(six, both(ball(), ball((0.5, 0.5, 6.0), (96, 104, 8))))
    for view in (six.first[plane], six.second[plane]):
        assert view.section is not None
        across, down = (np.array(way) / np.linalg.norm(way) for way in (view.section.across, view.section.down))
        middle = view.screen_of(BALL)
        for angle in np.linspace(0, 2 * np.pi, 16):
            x, y = view.screen_of(tuple(np.array(BALL) + 5 * (np.cos(angle) * across + np.sin(angle) * down)))
            assert np.hypot(x - middle[0], y - middle[1]) == pytest.approx(5 * six.first[plane].sheet.scale, rel=1e-6)


@pytest.mark.trap("T23")
def test_a_radiograph_of_4096_pixels_is_seen_beside_and_mixed_in(six: Six, qtbot: QtBot) -> None:
    voxels = np.zeros((4096, 4096, 1), np.uint16)
    voxels[1024:3072, 1024:3072] = 1000
    film = volume(voxels, (0.01, 0.01, 1.0))
    shown(six, replace(both(volume(np.zeros((48, 52, 44), np.int16)), film), cursor=(0.0, 0.0, 0.0)))
    view = six.second["axial"]
    x, y = (round(place) for place in view.screen_of((0.0, 0.0, 0.0)))
    assert grabbed(view)[y + 10, x + 10].tolist() == [255, 255, 255]
    first = six.first["axial"]
    assert grabbed(first)[y + 10, x + 10].max() < 20
    six.store.put(with_mix(six.store.state, Mix("blend", 1.0)))
    first.grab()
    qtbot.waitUntil(lambda: not first.plate.coarse, timeout=5000)
    assert grabbed(first)[y + 10, x + 10].tolist() == [255, 255, 255]


@pytest.mark.parametrize("plane", PLANES)
def test_a_scan_at_another_angle_is_cut_along_the_first_ones_planes(six: Six, plane: Plane, qtbot: QtBot) -> None:
    shown(six, both(ball(), ball((1.0, 1.0, 1.0), (60, 60, 60), turned=(0.3, 0.2, -0.4))))
    second, first = six.second[plane], six.first[plane]
    assert second.section.normal == pytest.approx(first.section.normal, abs=1e-9)  # type: ignore[union-attr]
    assert not second.section.straight and first.section.straight  # type: ignore[union-attr]
    assert bright_at(second, qtbot) == pytest.approx(first.screen_of(BALL), abs=3)


def test_a_click_in_either_moves_both(six: Six, qtbot: QtBot) -> None:
    view = six.second["axial"]
    at = QPoint(170, 120)
    wanted = view.mm_at(at.x(), at.y())
    qtbot.mouseClick(view, Button.LeftButton, pos=at)
    assert six.store.state.cursor == pytest.approx(wanted)
    assert six.beside.state.cursor == pytest.approx(wanted)
    turn(six.second["coronal"], 1)
    assert six.store.state.cursor[1] == pytest.approx(wanted[1] + 1.5), "one slice of the second scan"  # type: ignore[index]
    qtbot.wait(40)


def test_zoom_and_pan_are_linked_both_ways(six: Six, qtbot: QtBot) -> None:
    first, second = six.first["axial"], six.second["axial"]
    at = QPoint(100, 90)
    there = second.mm_of(at.x(), at.y())
    turn(second, 3, at, Modifier.ControlModifier)
    assert second.sheet.scale == pytest.approx(first.sheet.scale) and first.camera.zoom > 1.5
    assert second.mm_of(at.x(), at.y()) == pytest.approx(there, abs=1e-6), "what is under the pointer stays there"
    qtbot.mousePress(first, Button.MiddleButton, pos=QPoint(150, 130))
    qtbot.mouseMove(first, QPoint(180, 120))
    qtbot.mouseRelease(first, Button.MiddleButton, pos=QPoint(180, 120))
    assert second.screen_of(BALL) == pytest.approx(first.screen_of(BALL), abs=1e-6)
    second.fit()
    assert first.camera.zoom == 1.0


def test_each_has_its_window_unless_they_are_linked(six: Six, qtbot: QtBot) -> None:
    view = six.second["axial"]
    for end in (QPoint(220, 100), QPoint(150, 160)):
        qtbot.mousePress(view, Button.RightButton, pos=QPoint(150, 130))
        qtbot.mouseMove(view, end)
        qtbot.mouseRelease(view, Button.RightButton, pos=end)
    first, second = six.store.state.layers[0], six.store.state.second
    assert second is not None and first.window == 1000 and second.layer.window != 1000
    six.store.put(window_linked(six.store.state, True))
    assert six.beside.state.layers[0].window == 1000
    qtbot.mousePress(view, Button.RightButton, pos=QPoint(150, 130))
    qtbot.mouseMove(view, QPoint(210, 130))
    qtbot.mouseRelease(view, Button.RightButton, pos=QPoint(210, 130))
    assert six.store.state.layers[0].window != 1000, "now the first one's window is turned"
    qtbot.wait(40)


def test_two_points_that_are_the_same_place_shift_the_second_scan(six: Six, qtbot: QtBot) -> None:
    elsewhere = (BALL[0] + 7.0, BALL[1] - 3.0, BALL[2] + 4.0)
    shown(six, both(ball(), ball(at=elsewhere)))
    six.store.put(linked(six.store.state, False))
    assert "same place" in shift_words(six.store.state.second)  # type: ignore[arg-type]
    six.beside.put(six.beside.state.at(elsewhere))
    assert six.store.state.cursor == pytest.approx(BALL), "unlinked: only its own cursor moves"
    six.store.put(linked(six.store.state, True))
    second = six.store.state.second
    assert second is not None and second.offset_mm == pytest.approx((7.0, -3.0, 4.0))
    assert "+7.0, −3.0, +4.0 mm" in shift_words(second)
    for plane in PLANES:
        assert bright_at(six.second[plane], qtbot) == pytest.approx(six.first[plane].screen_of(BALL), abs=2.5)
    six.store.put(six.store.state.at((0.0, 0.0, 0.0)))
    assert six.beside.state.cursor == pytest.approx((7.0, -3.0, 4.0))
    six.store.put(unshifted(six.store.state))
    assert six.beside.state.cursor == pytest.approx((0.0, 0.0, 0.0)) and shift_words(six.store.state.second) == ""  # type: ignore[arg-type]


def test_beside_the_second_scan_there_is_nothing_and_it_is_said(six: Six, qtbot: QtBot) -> None:
    small = volume(np.full((10, 10, 10), 900, np.int16))
    shown(six, replace(both(ball(), small), cursor=(0.0, 0.0, 18.0)))
    view = six.second["axial"]
    pixels = grabbed(view)
    assert view.annotations.drawn["number"] == "no slice here"
    assert pixels[100:160, 100:200].max() == 0


def test_the_value_of_the_second_scan_is_read_at_its_own_place(six: Six) -> None:
    shown(six, both(ball(unit="HU"), ball(at=(0.0, 0.0, 0.0), unit="HU"), offset_mm=(-6.0, 8.0, -5.0)))
    first, second = readings(six.store.state)
    assert (first.value, second.value) == ("1000", "1000")
    assert readings(six.store.state, (0.0, 0.0, 0.0))[1].value == "300"


def test_turning_slabs_and_sides_are_shared(six: Six) -> None:
    six.beside.put(replace(six.beside.state, radiological=False, smooth=False))
    assert not six.store.state.radiological and not six.store.state.smooth
    shown(six, put_away(replace(six.store.state, layout="compare")))
    assert six.store.state.layout == "2x2" and six.beside.state.scan is None
    six.beside.put(replace(six.beside.state, radiological=True))
    assert not six.store.state.radiological, "a scene of nothing changes nothing"


@pytest.mark.trap("T6")
@pytest.mark.parametrize("shift", [(0.0, 0.0, 0.0), (5.0, -4.0, 3.0)])
def test_labels_of_the_first_are_seen_where_they_lie_on_the_second(six: Six, shift, qtbot: QtBot) -> None:
    first = ball()
    layer = Layer(like(first, (first.frame() > 500).astype(np.uint8)), "labels", labels=LABELS, style="fill", opacity=1)
    there = tuple(np.add(BALL, shift))
    seen = both(first, ball((2.0, 1.5, 3.0), (30, 34, 20), at=there), offset_mm=shift).adding(layer)
    shown(six, seen)
    assert len(six.beside.state.layers) == 1
    six.store.put(overlaid(six.store.state, True))
    for view in six.second.values():
        marked = np.abs(grabbed(view)[50:-40, 35:-35] - np.array(LABELS[0].colour)).max(axis=2) < 30
        rows, cols = np.nonzero(marked)
        assert len(rows) and (cols.mean() + 35, rows.mean() + 50) == pytest.approx(view.screen_of(there), abs=3)
    six.beside.put(six.beside.state.at((0.0, 0.0, 0.0)))
    assert len(six.store.state.layers) == 2, "what is drawn twice is there once"


# -- mixed into one pane ------------------------------------------------------------------------------------------


def mixed(six: Six, first: Volume, second: Volume, mix: Mix, qtbot: QtBot, plane: Plane = "axial") -> np.ndarray:
    shown(six, both(first, second, mix=mix))
    view = six.first[plane]
    view.grab()
    qtbot.waitUntil(lambda: not view.plate.coarse, timeout=5000)
    return grabbed(view)


def flat(value: int, spacing=(1.0, 1.0, 1.0), unit: str = "") -> Volume:
    return volume(np.full((40, 40, 40), value, np.int16), spacing, unit=unit)


def test_a_blend_lies_between_both(six: Six, qtbot: QtBot) -> None:
    for share, grey in ((0.0, 51), (0.5, 128), (1.0, 204)):
        pixels = mixed(six, flat(200), flat(800, (1.5, 1.5, 1.5)), Mix("blend", share), qtbot)
        assert pixels[170, 190].tolist() == pytest.approx([grey] * 3, abs=2)


def test_tiles_show_one_and_the_other(six: Six, qtbot: QtBot) -> None:
    pixels = mixed(six, flat(200), flat(800, (1.5, 1.5, 1.5)), Mix("tiles", tile_mm=10.0), qtbot)
    greys, counts = np.unique(pixels[20:240, 40:260, 0], return_counts=True)
    assert set(greys[counts > 2000]) >= {51, 204}
    assert six.first["axial"].annotations.drawn["mixed"] == "second scan in tiles of 10 mm"


def test_a_swipe_has_a_line_with_each_on_its_side(six: Six, qtbot: QtBot) -> None:
    pixels = mixed(six, flat(200), flat(800), Mix("swipe", share=0.5), qtbot)
    assert pixels[170, 110, 0] == 51 and pixels[170, 190, 0] == 204


def test_a_difference_is_white_where_there_is_none_red_above_and_blue_below(six: Six, qtbot: QtBot) -> None:
    for value, sign in ((500, 0), (900, 1), (100, -1)):
        red, _, blue = mixed(six, flat(500, unit="HU"), flat(value, unit="HU"), Mix("difference"), qtbot)[170, 190]
        assert np.sign(red - blue) * (abs(red - blue) > 3) == sign
    made = six.first["axial"].plate.mixture.difference
    assert made is not None and (made.unit, made.most) == ("HU", 500.0) and np.all(made.values == -400.0)


def test_a_difference_without_a_common_unit_says_so(six: Six, qtbot: QtBot) -> None:
    mixed(six, flat(500), flat(900), Mix("difference"), qtbot)
    made, state = six.first["axial"].plate.mixture.difference, six.store.state
    assert made is not None and made.normalised and state.second is not None
    assert "share of its own window" in mix_words(state.layers[0], state.second)
    assert six.first["axial"].annotations.drawn["mixed"] == "second minus first"


def test_the_second_scan_lies_in_its_right_place_in_the_first_ones_pane(six: Six, qtbot: QtBot) -> None:
    black = volume(np.zeros((48, 52, 44), np.int16))
    for plane in PLANES:
        mixed(six, black, ball((2.0, 1.5, 3.0), (30, 34, 20), turned=(0.1, 0.2, 0.3)), Mix("blend", 1.0), qtbot, plane)
        view = six.first[plane]
        assert bright_at(view, qtbot) == pytest.approx(view.screen_of(BALL), abs=1.5 * view.sheet.scale)


def test_a_key_goes_round_all_ways_of_mixing() -> None:
    seen, kinds = both(ball(), ball()), []
    for _ in MIXES:
        kinds.append(seen.second.mix.how)  # type: ignore[union-attr]
        seen = next_mix(seen)
    assert tuple(kinds) == MIXES and seen.second.mix.how == MIXES[0]  # type: ignore[union-attr]
    assert next_mix(Scene()) == Scene()


def test_the_line_of_a_swipe_is_dragged(six: Six, qtbot: QtBot) -> None:
    mixed(six, flat(200), flat(800), Mix("swipe", share=0.5), qtbot)
    view, tool = six.first["axial"], SwipeTool()
    view.tools[tool.NAME] = tool
    x = line_x(view)
    assert x is not None and view.grip(QPoint(round(x) + 3, 80).toPointF()) is tool
    assert view.grip(QPoint(round(x) + 30, 80).toPointF()) is None
    cursor = six.store.state.cursor
    qtbot.mousePress(view, Button.LeftButton, pos=QPoint(round(x), 80))
    qtbot.mouseMove(view, QPoint(round(x) + 40, 80))
    qtbot.mouseRelease(view, Button.LeftButton, pos=QPoint(round(x) + 40, 80))
    share = six.store.state.second.mix.share  # type: ignore[union-attr]
    assert share == pytest.approx(0.5 + 40 / (40 * view.sheet.scale), abs=0.02) and six.store.state.cursor == cursor
    assert line_x(view) == pytest.approx(x + 40, abs=view.sheet.scale)
    six.store.put(replace(six.store.state, tool="brush"))
    assert view.grip(QPoint(round(x) + 40, 80).toPointF()) is None, "another tool is in the hand"
    qtbot.wait(40)
