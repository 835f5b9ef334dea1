"""Panes under a person's hands: wheel, keys, drags; sides, shapes and letters are right on the screen."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from medviz.gui.store import Store
from medviz.gui.viewer.sheet import Camera
from medviz.gui.viewer.slice_view import SliceView
from medviz.imaging.scene import Scene
from medviz.imaging.slices import PLANES, Plane
from medviz.imaging.volume import Volume, like
from tests.gui.viewer.phantoms import NAMES, brightest, grabbed, halves, marked, scene, turn, volume

Button, Modifier = Qt.MouseButton, Qt.KeyboardModifier
Views = dict[Plane, SliceView]


class Three(QWidget):
    """Three panes of one store."""

    def __init__(self, seen: Scene, size: tuple[int, int] = (400, 360)) -> None:
        super().__init__()
        self.store = Store(seen)
        self.views: Views = {plane: SliceView(self.store, plane, parent=self) for plane in PLANES}
        for number, view in enumerate(self.views.values()):
            view.setGeometry(number * size[0], 0, *size)
        self.resize(3 * size[0], size[1])


@pytest.fixture
def three(qtbot: QtBot) -> Iterator[Three]:
    made = Three(scene(marked()))
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    yield made


def shown(three: Three, seen: Scene) -> Views:
    three.store.put(seen)
    QApplication.processEvents()
    return three.views


def at_ball(scan: Volume) -> Scene:
    """The scene with the cursor in the middle of the bright ball."""
    x, y, z = (float(round(part.mean())) for part in np.nonzero(scan.frame() == 1000))
    return replace(scene(scan), crosshair=False).at_voxel((x, y, z))


# -- sides and shapes ---------------------------------------------------------------------------------------------


@pytest.mark.trap("T1", "T2")
def test_n_flips_letters_and_pixels_together(three: Three, qtbot: QtBot) -> None:
    views = shown(three, at_ball(marked()))
    _, col = brightest(views["axial"])
    axial = views["axial"]
    assert axial.slice is not None and axial.slice.letters == ("R", "L", "A", "P")
    assert axial.annotations.drawn["left"] == "R" and col < axial.width() / 2, "the patient's right is at the left"
    assert axial.annotations.drawn["convention"] == "radiological"
    three.store.update(radiological=False)
    QApplication.processEvents()
    _, other = brightest(axial)
    assert axial.annotations.drawn["left"] == "L" and other > axial.width() / 2
    assert axial.annotations.drawn["convention"] == "neurological"
    assert other == pytest.approx(axial.width() - col, abs=2.5)


@pytest.mark.trap("T1")
@pytest.mark.parametrize("plane", PLANES)
def test_what_lies_to_a_side_is_seen_at_its_letter(three: Three, plane: Plane) -> None:
    view = shown(three, at_ball(marked()))[plane]
    row, col = brightest(view)
    near = {"left": col < view.width() / 2, "top": row < view.height() / 2}
    drawn = view.annotations.drawn
    for edge, other in (("left", "right"), ("top", "bottom")):
        letter = drawn[edge] if near[edge] else drawn[other]
        assert letter in "RAS", f"the ball is at the right, front and top of the patient, seen at {letter}"


@pytest.mark.trap("T2")
def test_a_sagittal_pane_is_the_same_in_both_conventions(three: Three) -> None:
    view = shown(three, scene(marked()))["sagittal"]
    before = grabbed(view)
    three.store.update(radiological=False)
    QApplication.processEvents()
    assert np.array_equal(before, grabbed(view))


@pytest.mark.trap("T19")
@pytest.mark.parametrize("plane", PLANES)
def test_a_ten_mm_circle_is_round_on_the_screen(three: Three, plane: Plane) -> None:
    scan = marked(60, (0.5, 0.5, 6.0))
    view = shown(three, scene(scan))[plane]
    middle = np.array(three.store.state.cursor)
    flat = [axis for axis in range(3) if axis != {"axial": 2, "coronal": 1, "sagittal": 0}[plane]]
    x, y = view.screen_of(tuple(middle))
    radii = []
    for angle in np.linspace(0, 2 * np.pi, 32):
        point = middle.copy()
        point[flat[0]] += 5 * np.cos(angle)
        point[flat[1]] += 5 * np.sin(angle)
        px, py = view.screen_of(tuple(point))
        radii.append(float(np.hypot(px - x, py - y)))
    assert max(radii) - min(radii) < 1e-6 and min(radii) == pytest.approx(5 * view.sheet.scale)


@pytest.mark.trap("T19")
@pytest.mark.parametrize("plane", PLANES)
def test_a_cube_is_a_square_in_pixels(three: Three, plane: Plane) -> None:
    voxels = np.full((100, 100, 20), 100, np.int16)
    voxels[26:74, 26:74, 8:12] = 1000  # 24 mm along each axis
    seen = replace(scene(volume(voxels, (0.5, 0.5, 6.0))), crosshair=False, smooth=False)
    view = shown(three, seen)[plane]
    bright = (grabbed(view)[30:-50, 30:-30] > 235).all(axis=2)
    rows, cols = np.flatnonzero(bright.any(axis=1)), np.flatnonzero(bright.any(axis=0))
    high, wide = rows[-1] - rows[0] + 1, cols[-1] - cols[0] + 1
    assert abs(high - wide) <= 2 and high == pytest.approx(24 * view.sheet.scale, abs=2)


@pytest.mark.trap("T11")
def test_without_spacing_no_mm_is_written(three: Three) -> None:
    view = shown(three, scene(replace(marked(), calibrated=False)))["axial"]
    view.grab()
    assert view.annotations.drawn["bar"] == "uncalibrated"
    assert not any("mm" in words for words in view.annotations.drawn.values())


def test_the_scale_bar_is_as_long_as_it_says(three: Three) -> None:
    view = shown(three, replace(scene(marked(40, (2.0, 2.0, 2.0))), crosshair=False))["axial"]
    pixels = grabbed(view)
    length_mm = float(view.annotations.drawn["bar"].removesuffix(" mm"))
    line = (pixels[view.height() - 11 : view.height() - 9, view.width() // 2 + 20 :] > 200).all(axis=(0, 2))
    assert line.sum() == pytest.approx(length_mm * view.sheet.scale, abs=2)


@pytest.mark.trap("T23")
def test_a_radiograph_of_4096_pixels_is_drawn(three: Three) -> None:
    voxels = np.zeros((4096, 4096, 1), np.uint16)
    voxels[1024:3072, 1024:3072] = 4000
    view = shown(three, replace(scene(volume(voxels), window=4000, level=2000), crosshair=False))["axial"]
    pixels = grabbed(view)
    assert pixels[view.height() // 2 + 30, view.width() // 2 + 30].tolist() == [255, 255, 255]
    assert pixels[view.height() // 2 + 30, 60].max() < 60 or view.sheet.box is not None


def test_a_pane_twice_as_sharp_shows_the_same(three: Three, monkeypatch: pytest.MonkeyPatch) -> None:
    view = shown(three, at_ball(marked()))["axial"]
    once = brightest(view)
    monkeypatch.setattr(SliceView, "devicePixelRatioF", lambda self: 2.0)
    view.look(Camera(1.0001))
    QApplication.processEvents()
    assert view.plate.canvas is not None and view.plate.canvas.image.width() == 2 * view.width()
    assert brightest(view) == pytest.approx(once, abs=1.0)


# -- wheel and keys -----------------------------------------------------------------------------------------------


def test_the_wheel_turns_slices_of_its_own_plane_only(three: Three, qtbot: QtBot) -> None:
    before = three.store.state.voxel
    turn(three.views["coronal"], 1)
    assert np.subtract(three.store.state.voxel, before).tolist() == [0, 1, 0]
    qtbot.wait(40)
    turn(three.views["coronal"], -2)
    assert np.subtract(three.store.state.voxel, before).tolist() == [0, -1, 0]


def test_only_the_pane_whose_slice_changed_cuts_anew(three: Three, qtbot: QtBot) -> None:
    QApplication.processEvents()
    for view in three.views.values():
        view.grab()
    cuts = {plane: view.films[0].cuts for plane, view in three.views.items()}
    drawings = {plane: view.drawings for plane, view in three.views.items()}
    turn(three.views["axial"], 1)
    for view in three.views.values():
        view.grab()
    assert {p: v.films[0].cuts - cuts[p] for p, v in three.views.items()} == {"axial": 1, "coronal": 0, "sagittal": 0}
    assert {p: v.drawings - drawings[p] for p, v in three.views.items()} == {"axial": 1, "coronal": 0, "sagittal": 0}


def test_window_and_opacity_cost_no_new_slice(three: Three) -> None:
    scan = marked()
    view = shown(three, scene(scan, halves(scan)))["axial"]
    before = grabbed(view)
    cuts = [film.cuts for film in view.films]
    three.store.put(three.store.state.with_layer(0, window=300.0))
    middle = grabbed(view)
    three.store.put(three.store.state.with_layer(1, opacity=0.3))
    last = grabbed(view)
    assert [film.cuts for film in view.films] == cuts
    assert not np.array_equal(before, middle) and not np.array_equal(middle, last)


def test_many_turns_within_a_frame_are_one_step(three: Three, qtbot: QtBot) -> None:
    told = []
    three.store.listen(lambda old, new: told.append(new.voxel[2]))
    start = three.store.state.voxel[2]
    for _ in range(10):
        turn(three.views["axial"], 1)
    qtbot.waitUntil(lambda: three.store.state.voxel[2] == start + 10)
    assert len(told) <= 3, f"ten turns at once made {len(told)} steps"
    qtbot.wait(40)


def test_fractions_of_a_notch_add_up(three: Three, qtbot: QtBot) -> None:
    start = three.store.state.voxel[2]
    for _ in range(4):
        turn(three.views["axial"], 0.25)
    assert three.store.state.voxel[2] == start + 1
    qtbot.wait(40)


def test_ctrl_and_wheel_zooms_at_the_pointer(three: Three) -> None:
    view = three.views["axial"]
    at = QPoint(150, 120)
    before = view.sheet.to_slice(at.x(), at.y())
    turn(view, 3, at, Modifier.ControlModifier)
    assert view.camera.zoom > 1.5 and view.sheet.to_slice(at.x(), at.y()) == pytest.approx(before)
    assert three.views["coronal"].camera == Camera()
    view.fit()
    assert view.camera == Camera()


# -- drags --------------------------------------------------------------------------------------------------------


def test_a_click_moves_the_cross_hair_of_all_planes_to_the_same_mm(three: Three, qtbot: QtBot) -> None:
    axial = three.views["axial"]
    at = QPoint(150, 120)
    wanted = axial.mm_at(at.x(), at.y())
    assert wanted is not None
    qtbot.mouseClick(axial, Button.LeftButton, pos=at)
    cursor = three.store.state.cursor
    assert cursor == pytest.approx(wanted)
    for view in three.views.values():
        x, y = view.screen_of(cursor)
        assert view.mm_at(x, y) == pytest.approx(cursor), "each pane points at the same place"
    x, y = axial.screen_of(cursor)
    assert abs(x - at.x()) <= axial.sheet.scale / 2 + 1 and abs(y - at.y()) <= axial.sheet.scale / 2 + 1
    assert three.views["sagittal"].slice.index == three.store.state.voxel[0]  # type: ignore[union-attr]
    qtbot.wait(40)


def test_a_drag_draws_the_cross_hair_along_and_stays_in_the_scan(three: Three, qtbot: QtBot) -> None:
    view = three.views["coronal"]
    qtbot.mousePress(view, Button.LeftButton, pos=QPoint(200, 180))
    qtbot.mouseMove(view, QPoint(210, 190))
    qtbot.mouseMove(view, QPoint(5000, 9000))
    qtbot.mouseRelease(view, Button.LeftButton, pos=QPoint(5000, 9000))
    x, _, z = three.store.state.voxel
    assert (x, z) == (0, 0), "the lower right corner: the patient's left is at index 0 of no flip … and the bottom"
    qtbot.wait(40)


def test_a_middle_drag_moves_the_picture_and_no_cross_hair(three: Three, qtbot: QtBot) -> None:
    view = three.views["axial"]
    before, cursor = view.sheet.to_screen(5, 5), three.store.state.cursor
    qtbot.mousePress(view, Button.MiddleButton, pos=QPoint(200, 180))
    qtbot.mouseMove(view, QPoint(230, 170))
    qtbot.mouseRelease(view, Button.MiddleButton, pos=QPoint(230, 170))
    assert np.subtract(view.sheet.to_screen(5, 5), before) == pytest.approx((30, -10))
    assert three.store.state.cursor == cursor


def test_a_right_drag_turns_window_and_level_at_once(three: Three, qtbot: QtBot) -> None:
    view, layer = three.views["axial"], three.store.state.layers[0]
    qtbot.mousePress(view, Button.RightButton, pos=QPoint(200, 180))
    qtbot.mouseMove(view, QPoint(260, 150))
    qtbot.mouseRelease(view, Button.RightButton, pos=QPoint(260, 150))
    turned = three.store.state.layers[0]
    assert turned.window > layer.window and turned.level < layer.level
    qtbot.wait(40)


def test_shift_and_a_right_drag_ask_for_the_window_of_a_box(three: Three, qtbot: QtBot) -> None:
    view = shown(three, at_ball(marked()))["axial"]
    row, col = brightest(view)
    asked: list[tuple[int, np.ndarray]] = []
    view.boxed.connect(lambda number, values: asked.append((number, values)))
    qtbot.mousePress(view, Button.RightButton, Modifier.ShiftModifier, QPoint(round(col) - 30, round(row) - 30))
    qtbot.mouseMove(view, QPoint(round(col) + 30, round(row) + 30))
    qtbot.mouseRelease(view, Button.RightButton, Modifier.ShiftModifier, QPoint(round(col) + 30, round(row) + 30))
    ((number, values),) = asked
    assert number == 0 and values.min() == 400 and values.max() == 1000
    side = 60 / view.sheet.scale
    assert values.shape == pytest.approx((side, side), abs=2)


def test_a_double_click_fills_the_viewer_and_leaves_it_again(three: Three, qtbot: QtBot) -> None:
    view = three.views["sagittal"]
    qtbot.mouseDClick(view, Button.LeftButton, pos=QPoint(100, 100))
    assert three.store.state.maximised == "sagittal"
    qtbot.mouseDClick(view, Button.LeftButton, pos=QPoint(100, 100))
    assert three.store.state.maximised is None


def test_the_mouse_says_what_is_under_it(three: Three, qtbot: QtBot) -> None:
    view = three.views["axial"]
    said: list[object] = []
    view.pointed.connect(said.append)
    qtbot.mouseMove(view, QPoint(150, 120))
    assert said and said[-1] == pytest.approx(view.mm_at(150, 120))
    qtbot.mouseMove(view, QPoint(1, 1))
    assert said[-1] is None or view.mm_at(1, 1) is not None


# -- overlays -----------------------------------------------------------------------------------------------------


def colour_share(view: SliceView, colour: tuple[int, int, int]) -> float:
    near = np.abs(grabbed(view) - np.array(colour)).max(axis=2) < 30
    return float(near.mean())


def test_labels_have_the_colours_of_their_table(three: Three) -> None:
    scan = marked()
    axial = shown(three, scene(scan, halves(scan)))["axial"]
    one, two = (colour_share(axial, label.colour) for label in NAMES[:2])
    assert one > 0.2 and two > 0.2
    pixels = grabbed(axial)
    left_of_middle = pixels[axial.height() // 3, axial.width() // 2 - 60]
    assert np.abs(left_of_middle - NAMES[1].colour).max() < 5, "label 2, the patient's right, is at the left"


@pytest.mark.trap("T26")
def test_hidden_labels_and_hidden_overlays_are_not_drawn(three: Three) -> None:
    scan = marked()
    axial = shown(three, scene(scan, halves(scan)))["axial"]
    three.store.put(three.store.state.with_layer(1, hidden_labels=frozenset({2})))
    assert colour_share(axial, NAMES[0].colour) > 0.2 and colour_share(axial, NAMES[1].colour) < 0.01
    three.store.update(overlays_hidden=True)
    assert colour_share(axial, NAMES[0].colour) < 0.01
    three.store.update(overlays_hidden=False)
    three.store.put(three.store.state.with_layer(1, style="off"))
    assert colour_share(axial, NAMES[0].colour) < 0.01


@pytest.mark.parametrize("zoom", [1.0, 12.0])
def test_an_outline_is_one_thin_line_at_every_zoom(three: Three, zoom: float) -> None:
    scan = marked()
    seen = replace(scene(scan, halves(scan, "outline")), crosshair=False)
    axial = shown(three, seen)["axial"]
    axial.look(Camera(zoom))
    row = grabbed(axial)[axial.height() // 2 + 40]
    for label in NAMES[:2]:
        near = np.flatnonzero(np.abs(row - np.array(label.colour)).max(axis=1) < 60)
        inner = [x for x in near if abs(x - axial.width() / 2) < 40]
        assert len(inner) == 1, f"the border between the halves is one pixel of {label.name}, not {len(inner)}"


def test_a_hidden_neighbour_leaves_no_border(three: Three) -> None:
    scan = marked()
    labels = np.ones(scan.shape, np.uint8)
    labels[scan.shape[0] // 2 :] = 2
    layer = replace(halves(scan, "outline"), volume=like(scan, labels), hidden_labels=frozenset({1}))
    axial = shown(three, replace(scene(scan, layer), crosshair=False))["axial"]
    assert colour_share(axial, NAMES[0].colour) < 0.001 and colour_share(axial, NAMES[1].colour) > 0.0005


def test_a_probability_fades_in_and_an_outline_of_it_is_its_threshold(three: Three) -> None:
    scan = marked()
    share = np.zeros(scan.shape, np.float32)
    share[scan.shape[0] // 2 :] = 1.0
    layer = replace(halves(scan), volume=like(scan, share), role="probability", window=1.0, level=0.5, colours="hot")
    seen = replace(scene(scan, layer), crosshair=False)
    axial = shown(three, seen)["axial"]
    pixels, plain = grabbed(axial), grabbed(shown(three, replace(seen, layers=seen.layers[:1]))["axial"])
    row, middle = axial.height() // 2 + 30, axial.width() // 2
    assert np.array_equal(pixels[row, middle + 60], plain[row, middle + 60]), "no probability, nothing drawn"
    assert pixels[row, middle - 60].tolist() == [255, 255, 255]
    shown(three, replace(seen, layers=(seen.layers[0], replace(layer, style="outline"))))
    assert not np.array_equal(grabbed(axial)[row, middle - 60], [255, 255, 255])


def test_an_image_over_the_scan_is_blended(three: Three) -> None:
    scan = volume(np.zeros((40, 40, 40), np.int16))
    over = replace(scene(volume(np.full((40, 40, 40), 1000, np.int16))).layers[0], opacity=0.5, style="fill")
    axial = shown(three, replace(scene(scan, over), crosshair=False))["axial"]
    assert grabbed(axial)[axial.height() // 2, axial.width() // 2 + 40].tolist() == pytest.approx([128] * 3, abs=2)


def test_a_colour_picture_is_seen_in_its_colours(three: Three) -> None:
    voxels = np.zeros((3, 30, 30, 1), np.uint8)
    voxels[0], voxels[1], voxels[2] = 200, 100, 50
    axial = shown(three, replace(scene(volume(voxels, kind="colour")), crosshair=False))["axial"]
    assert grabbed(axial)[axial.height() // 2, axial.width() // 2 + 40].tolist() == [200, 100, 50]


@pytest.mark.trap("T17")
def test_the_frame_is_the_one_that_is_named(three: Three) -> None:
    voxels = np.zeros((4, 20, 20, 20), np.int16)
    for number in range(4):
        voxels[number] = 250 * (number + 1)
    seen = replace(scene(volume(voxels, kind="frames")), crosshair=False, frame=2)
    axial = shown(three, seen)["axial"]
    assert grabbed(axial)[axial.height() // 2, axial.width() // 2 + 40, 0] == pytest.approx(191, abs=2)
    assert "frame 3 / 4" in axial.annotations.drawn["place"]


def test_crisp_voxels_have_hard_edges_and_smooth_ones_have_not(three: Three) -> None:
    voxels = np.zeros((8, 8, 8), np.int16)
    voxels[::2] = 1000
    greys = {}
    for smooth in (True, False):
        axial = shown(three, replace(scene(volume(voxels)), crosshair=False, smooth=smooth))["axial"]
        row = grabbed(axial)[axial.height() // 2 + 40, 60:-60, 0]
        greys[smooth] = len(np.unique(row))
    assert greys[False] == 2 and greys[True] > 20


# -- an empty scene, and the end ----------------------------------------------------------------------------------


def test_an_empty_pane_takes_every_hand_and_shows_nothing(three: Three, qtbot: QtBot) -> None:
    view = shown(three, Scene())["axial"]
    turn(view, 2)
    for button in (Button.LeftButton, Button.RightButton, Button.MiddleButton):
        qtbot.mousePress(view, button, pos=QPoint(50, 50))
        qtbot.mouseMove(view, QPoint(90, 90))
        qtbot.mouseRelease(view, button, pos=QPoint(90, 90))
    assert not grabbed(view).any() and view.slice is None
    qtbot.wait(40)


def test_a_view_that_left_is_told_nothing(three: Three) -> None:
    view = three.views["axial"]
    view.grab()
    view.leave()
    drawings = view.drawings
    three.store.update(crosshair=False)
    assert view.drawings == drawings


def test_what_a_network_made_up_says_so_in_every_pane(three: Three) -> None:
    plain = shown(three, scene(marked()))
    assert all("synthetic" not in view.annotations.drawn for view in plain.values())
    made_up = shown(three, scene(replace(marked(), synthetic=True)))
    QApplication.processEvents()
    assert [view.annotations.drawn["synthetic"] for view in made_up.values()] == ["SYNTHETIC"] * 3
