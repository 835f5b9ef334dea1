"""The 3-D pane under a hand: what it turns, where a click puts the cross-hair, what its tools do."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from medviz.gui.desk import Desk
from medviz.gui.pages.viewer import ViewerPage
from medviz.gui.services import Services
from medviz.gui.viewer.volume_marks import Ground, arms, in_sight
from medviz.gui.viewer.volume_view import VolumeView
from medviz.imaging.rendering.process import Process
from medviz.imaging.rendering.sight import STANDARD, Frame, Sight, to_mm, to_pixel
from medviz.imaging.rendering.studio import Studio
from medviz.imaging.rendering.view import Shot, View, Wish
from medviz.imaging.scene import Scene
from medviz.imaging.volume import Volume
from tests.gui.viewer.hands import opened, quiet, with_prediction
from tests.gui.viewer.phantoms import grabbed, halves, marked, scene, turn, volume

Button = Qt.MouseButton
WAIT = 20000


def at_rest(view: VolumeView, qtbot: QtBot) -> Shot:
    """The fine picture of what is wanted now."""

    def rested() -> bool:
        shown = view.shown
        return shown is not None and not view.shooting.busy and not shown.wish.fast and shown.wish.view == view.view

    qtbot.waitUntil(rested, timeout=WAIT)
    assert view.shown is not None
    return view.shown


@pytest.fixture
def whole(page: ViewerPage, qtbot: QtBot) -> VolumeView:
    """The pane of an open page, drawn by the ray caster."""
    opened(page, qtbot)
    at_rest(page.panes.volume, qtbot)
    return page.panes.volume


def test_the_view_of_the_whole_is_rendered_and_turned_by_hand(whole: VolumeView, qtbot: QtBot) -> None:
    assert grabbed(whole)[60:-60, 60:-60].max() > 80
    first = whole.shown
    assert first is not None
    qtbot.mousePress(whole, Button.LeftButton, pos=QPoint(100, 100))
    qtbot.mouseMove(whole, QPoint(160, 120))
    qtbot.mouseRelease(whole, Button.LeftButton, pos=QPoint(160, 120))
    assert whole.sight.turn == pytest.approx(5.0) and whole.sight.lift == pytest.approx(28.0)
    shot = at_rest(whole, qtbot)
    assert shot.wish.view.sight == whole.sight
    assert np.abs(shot.picture.astype(int) - first.picture).max() > 40
    whole.fit()
    assert whole.sight == Sight()
    at_rest(whole, qtbot)


def test_labels_can_be_seen_as_surfaces(page: ViewerPage, qtbot: QtBot) -> None:
    with_prediction(page, qtbot)
    view = page.panes.volume
    view.choose("surfaces")
    at_rest(view, qtbot)
    pixels = grabbed(view)[60:-60, 60:-60]
    lit = pixels[pixels.max(axis=2) > 120].mean(axis=0)
    assert lit[0] > lit[1] > lit[2] + 30, "the outermost label is grey matter, orange"
    assert "labels" in view.written["what"]


def test_the_wheel_enlarges_what_is_under_it(whole: VolumeView, qtbot: QtBot) -> None:
    shot = whole.shown
    assert shot is not None
    at = QPoint(whole.width() // 3, whole.height() // 3)
    ground = Ground(whole.width(), whole.height(), shot)
    row, col = ground.pixel(QPointF(at))
    under = to_mm(shot.frame, shot.wish.view.sight, shot.wish.size, row, col, 0.0)
    turn(whole, 3, at)
    assert whole.sight.zoom == pytest.approx(1.15**3)
    new = at_rest(whole, qtbot)
    again = to_pixel(new.frame, new.wish.view.sight, new.wish.size, under)
    np.testing.assert_allclose(again, (row, col), atol=1.0)


def test_the_middle_button_moves_it_as_far_as_the_hand(whole: VolumeView, qtbot: QtBot) -> None:
    shot = whole.shown
    assert shot is not None
    row, col = to_pixel(shot.frame, whole.sight, (whole.height(), whole.width()), (0.0, 0.0, 0.0))
    qtbot.mousePress(whole, Button.MiddleButton, pos=QPoint(80, 80))
    for step in (20, 40, 60):
        qtbot.mouseMove(whole, QPoint(80 + step, 80 - step // 2))
    qtbot.mouseRelease(whole, Button.MiddleButton, pos=QPoint(140, 50))
    moved = to_pixel(shot.frame, whole.sight, (whole.height(), whole.width()), (0.0, 0.0, 0.0))
    np.testing.assert_allclose((moved[1] - col, moved[0] - row), (60, -30), atol=0.5)
    at_rest(whole, qtbot)


@pytest.mark.parametrize(("key", "letter"), list(zip("123456", STANDARD, strict=True)))
def test_a_number_looks_from_a_standard_side(whole: VolumeView, qtbot: QtBot, key: str, letter: str) -> None:
    whole.setFocus()
    qtbot.keyClick(whole, key)
    assert (whole.sight.turn, whole.sight.lift) == (STANDARD[letter].turn, STANDARD[letter].lift)
    at_rest(whole, qtbot)
    grabbed(whole)
    sides = {
        "A": ("R", "L", "S", "I"), "P": ("L", "R", "S", "I"), "L": ("A", "P", "S", "I"),
        "R": ("P", "A", "S", "I"), "S": ("L", "R", "A", "P"), "I": ("R", "L", "A", "P"),
    }  # fmt: skip
    assert tuple(whole.written[side] for side in ("left", "right", "top", "bottom")) == sides[letter]


@pytest.mark.trap("T2")
def test_the_convention_of_the_slices_leaves_it_as_it_is(whole: VolumeView, desk: Desk, qtbot: QtBot) -> None:
    whole.look(STANDARD["A"])
    before = at_rest(whole, qtbot).picture
    desk.scene.update(radiological=False)
    whole.shooting.settle()
    after = at_rest(whole, qtbot)
    assert np.array_equal(before, after.picture)
    grabbed(whole)
    assert whole.written["left"] == "R", "in life: from the front the patient's right is at the left"


def test_keys_change_what_is_rendered_and_others_are_left_to_the_page(
    whole: VolumeView, desk: Desk, qtbot: QtBot
) -> None:
    whole.setFocus()
    qtbot.keyClick(whole, "m")
    assert whole.view.mode == "volume"
    qtbot.keyClick(whole, "x")
    assert whole.view.cut == "corner"
    qtbot.keyClick(whole, Qt.Key.Key_Right)
    assert whole.sight.turn == pytest.approx(30.0)
    was = desk.scene.state.crosshair
    qtbot.keyClick(whole, "c")
    assert desk.scene.state.crosshair is not was, "a key of the page"
    qtbot.keyClick(whole, "r")
    assert whole.sight == Sight() and whole.view.mode == "volume"
    at_rest(whole, qtbot)


def test_a_double_click_fills_the_viewer_and_leaves_the_cross_hair(whole: VolumeView, desk: Desk, qtbot: QtBot) -> None:
    before = desk.scene.state.cursor
    middle = whole.rect().center()
    qtbot.mouseClick(whole, Button.LeftButton, pos=middle)
    qtbot.mouseDClick(whole, Button.LeftButton, pos=middle)
    assert desk.scene.state.maximised == "volume" and desk.scene.state.cursor == before
    at_rest(whole, qtbot)


def test_a_click_on_a_letter_of_the_axes_looks_from_there(whole: VolumeView, qtbot: QtBot) -> None:
    _, letter, tip = arms(whole.sight, whole.height())[-1]
    qtbot.mouseClick(whole, Button.LeftButton, pos=tip.toPoint())
    assert (whole.sight.turn, whole.sight.lift) == (STANDARD[letter].turn, STANDARD[letter].lift)
    at_rest(whole, qtbot)


def test_the_slider_of_a_cut_and_the_slices_are_one(whole: VolumeView, desk: Desk, qtbot: QtBot) -> None:
    whole.choose_cut("coronal")
    assert whole.strip.slider.isVisible()
    assert whole.strip.slider.value() == desk.scene.state.voxel[1]
    whole.strip.slider.setValue(5)
    assert desk.scene.state.voxel[1] == 5
    turn(whole, 1, modifiers=Qt.KeyboardModifier.ControlModifier)
    assert desk.scene.state.voxel[1] == 6 and whole.strip.slider.value() == 6
    qtbot.mousePress(whole, Button.LeftButton, Qt.KeyboardModifier.ControlModifier, QPoint(90, 150))
    for y in (140, 135, 120):
        qtbot.mouseMove(whole, QPoint(90, y))
    qtbot.mouseRelease(whole, Button.LeftButton, Qt.KeyboardModifier.ControlModifier, QPoint(90, 120))
    assert desk.scene.state.voxel[1] == 16 and whole.sight == Sight()
    whole.choose_cut("free")
    whole.look(STANDARD["L"])
    whole.strip.cut.menu().actions()[-1].trigger()
    np.testing.assert_allclose(whole.view.normal, whole.sight.axes[2])
    whole.strip.slider.setValue(300)
    assert whole.view.depth_mm > 0
    at_rest(whole, qtbot)


def test_tools_that_mean_nothing_are_not_there(whole: VolumeView, desk: Desk, qtbot: QtBot) -> None:
    strip = whole.strip
    assert strip.cut.isVisible() and not strip.preset.isVisible() and not strip.skin.isVisible()
    whole.choose("volume")
    assert strip.preset.isVisible()
    whole.choose("maximum")
    assert not strip.cut.isVisible() and not strip.preset.isVisible()
    assert all(button.accessibleName() and button.toolTip() for button in strip.buttons)
    for width in (130, 300, 700):
        whole.resize(width, 200)
        strip.arrange()
        assert strip.x() + strip.width() <= width and (width < 200 or strip.x() >= 0)
    at_rest(whole, qtbot)


def test_the_right_button_opens_a_menu_and_a_right_drag_does_not(whole: VolumeView, desk: Desk, qtbot: QtBot) -> None:
    window = desk.scene.state.layers[0].window
    qtbot.mousePress(whole, Button.RightButton, pos=QPoint(60, 90))
    qtbot.mouseMove(whole, QPoint(100, 90))
    qtbot.mouseRelease(whole, Button.RightButton, pos=QPoint(100, 90))
    assert desk.scene.state.layers[0].window > window and not whole.findChildren(QMenu, "menu of the pane")
    qtbot.mouseClick(whole, Button.RightButton, pos=QPoint(60, 90))
    (menu,) = whole.findChildren(QMenu, "menu of the pane")
    words = [action.text() for action in menu.actions()]
    assert words[0] == "Surfaces" and menu.actions()[0].isChecked() and "Save picture of the pane…" in words
    menu.actions()[1].trigger()
    assert whole.view.mode == "volume"
    menu.close()
    at_rest(whole, qtbot)


def test_a_right_drag_in_a_volume_moves_its_opacity(whole: VolumeView, qtbot: QtBot) -> None:
    whole.choose("volume")
    at_rest(whole, qtbot)
    qtbot.mousePress(whole, Button.RightButton, pos=QPoint(60, 60))
    qtbot.mouseMove(whole, QPoint(60, 100))
    qtbot.mouseRelease(whole, Button.RightButton, pos=QPoint(60, 100))
    assert whole.view.shift == pytest.approx(0.1)
    at_rest(whole, qtbot)


def test_a_colour_picture_and_a_single_slice_say_why_there_is_no_whole(
    page: ViewerPage, desk: Desk, qtbot: QtBot
) -> None:
    desk.scene.put(scene(volume(np.zeros((9, 9, 1), np.int16))))
    grabbed(page.panes.volume)
    assert "single slice" in page.panes.volume.written["what"] and not page.panes.volume.strip.isVisible()
    quiet(qtbot, desk)


def test_what_lies_behind_a_surface_is_known() -> None:
    one = scene(marked())
    shot = drawn_flat(one)
    points = np.array([[0.0, 10.0, 0.0], [0.0, -10.0, 0.0], [500.0, 0.0, 0.0]])
    assert in_sight(shot, points).tolist() == [True, False, True]


def bare_block() -> Volume:
    """A block of 40 x 44 x 36 voxels that fills its grid, but for two voxels of air at either side."""
    voxels = np.zeros((40, 44, 36), np.int16)
    voxels[2:-2, 2:-2, 2:-2] = 400
    return volume(voxels)


def drawn_flat(one: Scene) -> Shot:
    """A picture from the front in which a wall stands 5 mm before the middle."""
    wish = Wish(one, View(sight=STANDARD["A"]), (100, 100))
    frame = Frame(np.zeros(3), 30.0, 30.0, 30.0)
    height = np.full((100, 100), 5.0, np.float32)
    return Shot(wish, np.zeros((100, 100, 3), np.uint8), height, frame, 1.0, "made", 0.0)


# -- by VTK -------------------------------------------------------------------------------------------------------


@pytest.fixture
def studios() -> list[Studio]:
    return []


@pytest.fixture
def by_vtk(services: Services, studios: list[Studio]) -> Services:
    def studio() -> Studio:
        studios.append(Studio())
        return studios[-1]

    return replace(services, studio=studio)


@pytest.fixture
def rendered_page(desk: Desk, by_vtk: Services, page: ViewerPage, studios: list[Studio]) -> Iterator[ViewerPage]:
    desk.services = replace(by_vtk, read=desk.services.read)
    yield page
    page.panes.volume.close_view()
    assert all(one.process is None for one in studios), "a process that renders was left behind"


@pytest.mark.trap("T2")
def test_a_click_puts_the_cross_hair_on_the_surface(
    rendered_page: ViewerPage, desk: Desk, studios: list[Studio], qtbot: QtBot
) -> None:
    scan = bare_block()
    desk.scene.put(scene(scan).adding(halves(scan)))
    view = rendered_page.panes.volume
    view.look(STANDARD["A"])
    shot = at_rest(view, qtbot)
    if studios[0].simple:
        pytest.skip("VTK cannot draw here")
    for want in ((10.0, 21.5, 5.0), (-10.0, 21.5, -3.0)):
        ground = Ground(view.width(), view.height(), shot)
        at = ground.place(*to_pixel(shot.frame, view.sight, shot.wish.size, want))
        qtbot.mouseClick(view, Button.LeftButton, pos=at.toPoint())
        np.testing.assert_allclose(desk.scene.state.cursor, want, atol=1.0)
        row, col = (int(part) for part in (at.y(), at.x()))
        colour = grabbed(view)[row - 14, col - 14]
        label = 2 if want[0] > 0 else 1
        expected = np.array(halves(scan).labels[label - 1].colour, float)
        assert np.corrcoef(colour, expected)[0, 1] > 0.9, f"label {label} is at {want}"
    at_rest(view, qtbot)


def test_a_click_on_what_is_seen_through_finds_it_too(
    rendered_page: ViewerPage, desk: Desk, studios: list[Studio], qtbot: QtBot
) -> None:
    scan = bare_block()
    desk.scene.put(scene(scan).adding(replace(halves(scan), opacity=0.2)))
    view = rendered_page.panes.volume
    view.look(STANDARD["A"])
    shot = at_rest(view, qtbot)
    if studios[0].simple:
        pytest.skip("VTK cannot draw here")
    at = Ground(view.width(), view.height(), shot).place(
        *to_pixel(shot.frame, view.sight, shot.wish.size, (9, 21.5, 4))
    )
    qtbot.mouseClick(view, Button.LeftButton, pos=at.toPoint())
    qtbot.waitUntil(lambda: abs(desk.scene.state.cursor[0] - 9.0) < 1.5, timeout=WAIT)
    np.testing.assert_allclose(desk.scene.state.cursor, (9.0, 21.5, 4.0), atol=1.5)
    assert np.array_equal(view.shown.picture, shot.picture), "what is seen stays seen through"  # type: ignore[union-attr]
    at_rest(view, qtbot)


def test_a_renderer_that_dies_is_replaced_and_the_window_says_so(
    rendered_page: ViewerPage, desk: Desk, studios: list[Studio], qtbot: QtBot
) -> None:
    told: list[str] = []
    desk.noticed.connect(lambda note: told.append(str(note)))
    desk.scene.put(scene(bare_block()))
    view = rendered_page.panes.volume
    first = at_rest(view, qtbot)
    (studio,) = studios
    process = studio.process
    if studio.simple or process is None:
        pytest.skip("VTK cannot draw here")
    assert isinstance(process, Process)
    process.end()
    view.look(STANDARD["L"])
    shot = at_rest(view, qtbot)
    assert shot is not first and shot.by == first.by
    assert any("started again" in one for one in told)
    assert studio.process is not None and studio.process.number != process.number


def test_larger_type_is_taken_over(whole: VolumeView) -> None:
    whole.setFont(QFont(whole.font().family(), 20))
    assert grabbed(whole).any()
