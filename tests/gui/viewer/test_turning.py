"""Planes turned about the cross-hair under a person's hands: letters, mm, circles and overlays stay right."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from medviz.gui.store import Store
from medviz.gui.viewer.crosshair import TURN, crossing, grips_of
from medviz.gui.viewer.hand import at_end, nudged, stepped
from medviz.gui.viewer.slice_view import SliceView
from medviz.gui.viewer.turning import TurnTool
from medviz.imaging.oblique import acquired
from medviz.imaging.sampling import seen
from medviz.imaging.scene import Layer, Scene
from medviz.imaging.slabs import Slab
from medviz.imaging.slices import PLANES, Plane
from medviz.imaging.turning import as_acquired, in_the_world, tilt_degrees, turned
from medviz.imaging.volume import Stored, Volume, like
from tests.gui.viewer.phantoms import NAMES, grabbed, scene, turn, volume
from tests.imaging.making import NAMES as ORDER_NAMES
from tests.imaging.making import ORDERS, asymmetric, opened, reordered, rotation, saved

Button = Qt.MouseButton


class Three(QWidget):
    """Three panes of one store, with the tool that turns."""

    def __init__(self, seen: Scene, size: tuple[int, int] = (400, 360)) -> None:
        super().__init__()
        self.store = Store(seen)
        self.views = {plane: SliceView(self.store, plane, parent=self) for plane in PLANES}
        for number, view in enumerate(self.views.values()):
            view.setGeometry(number * size[0], 0, *size)
            view.tools[TURN] = TurnTool()
        self.resize(3 * size[0], size[1])


@pytest.fixture
def three(qtbot: QtBot) -> Iterator[Three]:
    made = Three(scene(balls()))
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    yield made


def balls(spacing=(1.0, 1.0, 1.0), shape=(60, 64, 56)) -> Volume:
    """A grey block with a bright ball 5 mm wide in its middle."""
    voxels = np.full(shape, 300, np.int16)
    made = volume(voxels, spacing)
    places = np.stack(np.indices(shape), -1) @ made.affine[:3, :3].T + made.affine[:3, 3]
    voxels[np.linalg.norm(places, axis=-1) <= 5.0] = 1000
    return made


def shown(three: Three, seen: Scene) -> dict[Plane, SliceView]:
    three.store.put(seen)
    QApplication.processEvents()
    return three.views


def settled(view: SliceView, qtbot: QtBot) -> np.ndarray:
    """Return the pane's pixels once everything coarse has been worked out."""
    view.grab()
    qtbot.waitUntil(lambda: not view.plate.coarse, timeout=5000)
    return grabbed(view)


def test_a_drag_round_the_cross_hair_turns_the_other_two_planes(three: Three, qtbot: QtBot) -> None:
    views = shown(three, replace(three.store.state, tool=TURN))
    axial = views["axial"]
    before = settled(axial, qtbot)
    x, y = axial.screen_of(three.store.state.cursor)
    start = QPoint(round(x + 100), round(y))
    qtbot.mousePress(axial, Button.LeftButton, pos=start)
    end = QPoint(round(x + 100 * np.cos(np.radians(30))), round(y + 100 * np.sin(np.radians(30))))
    qtbot.mouseMove(axial, end)
    qtbot.mouseRelease(axial, Button.LeftButton, pos=end)
    made = three.store.state.turn
    assert made is not None and made.degrees == pytest.approx(30, abs=0.5)
    assert axial.section.normal == pytest.approx((0, 0, 1))  # type: ignore[union-attr]
    _, level = crossing(three.store.state, "axial")
    assert np.degrees(np.arctan2(abs(level.y), abs(level.x))) == pytest.approx(30, abs=0.5), "the line follows the hand"
    assert level.x * level.y > 0, "clockwise on the screen, y down"
    after = settled(axial, qtbot)
    middle = slice(120, 240), slice(140, 260)
    assert np.abs(before[middle] - after[middle]).mean() < 12, "this pane's own picture stays"
    assert views["coronal"].section.normal != pytest.approx((0, 1, 0))  # type: ignore[union-attr]
    qtbot.wait(40)


def test_the_cross_hair_stays_where_it_is_while_the_planes_turn(three: Three) -> None:
    seen = three.store.state.at((8.0, -11.0, 6.0))
    views = shown(three, seen)
    before = {plane: view.screen_of(seen.cursor) for plane, view in views.items()}
    scales = {plane: view.sheet.scale for plane, view in views.items()}
    for plane in PLANES:
        three.store.put(turned(three.store.state, plane, 17.0))
        for other, view in views.items():
            assert view.screen_of(seen.cursor) == pytest.approx(before[other], abs=1e-6)
            assert view.sheet.scale == pytest.approx(scales[other]), "turning does not zoom"
    three.store.put(as_acquired(three.store.state))
    for plane, view in views.items():
        assert view.screen_of(seen.cursor) == pytest.approx(before[plane], abs=1e-6)
        assert (view.camera.down_mm, view.camera.across_mm) == pytest.approx((0, 0), abs=1e-6)


@pytest.mark.trap("T1")
@pytest.mark.parametrize("plane", PLANES)
def test_a_click_on_a_turned_plane_lands_at_its_true_mm(three: Three, plane: Plane, qtbot: QtBot) -> None:
    seen = turned(turned(three.store.state, "axial", 25.0), "sagittal", -15.0)
    view = shown(three, seen)[plane]
    at = QPoint(230, 150)
    wanted = view.mm_of(at.x(), at.y())
    assert wanted is not None and view.off_plane_mm(wanted) == pytest.approx(0, abs=1e-9)
    qtbot.mouseClick(view, Button.LeftButton, pos=at)
    assert three.store.state.cursor == pytest.approx(wanted, abs=1e-6), "not rounded to a voxel"
    for other in three.views.values():
        x, y = other.screen_of(three.store.state.cursor)
        assert other.mm_of(x, y) == pytest.approx(three.store.state.cursor, abs=1e-6)
    qtbot.wait(40)


@pytest.mark.trap("T19")
@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("slab", [Slab(), Slab("max", 6.0)])
def test_a_ten_mm_ball_is_round_on_the_screen_however_turned(
    three: Three, plane: Plane, slab: Slab, qtbot: QtBot
) -> None:
    fine = balls((0.5, 0.5, 6.0), (120, 128, 12))
    seen = replace(scene(fine), crosshair=False, slab=slab)
    seen = replace(seen, cursor=(0.0, 0.0, 0.0))
    view = shown(three, turned(seen, "axial", 30.0))[plane]
    middle = view.screen_of((0.0, 0.0, 0.0))
    across, down = (np.array(way) / np.linalg.norm(way) for way in (view.section.across, view.section.down))  # type: ignore[union-attr]
    for angle in np.linspace(0, 2 * np.pi, 16):
        point = 5 * (np.cos(angle) * across + np.sin(angle) * down)
        x, y = view.screen_of(tuple(point))
        assert np.hypot(x - middle[0], y - middle[1]) == pytest.approx(5 * view.sheet.scale, rel=1e-9)
    bright = settled(view, qtbot)[60:-60, 40:-80].min(axis=2) > 200
    rows, cols = np.flatnonzero(bright.any(axis=1)), np.flatnonzero(bright.any(axis=0))
    if plane == "axial":  # the fine axes lie in this pane: the ball itself is a circle
        assert len(rows) == pytest.approx(len(cols), abs=3)
        assert len(cols) == pytest.approx(8 * view.sheet.scale, rel=0.1), "3 mm off its middle it is 8 mm wide"


@pytest.mark.trap("T1", "T2")
@pytest.mark.parametrize("order", ORDERS, ids=ORDER_NAMES)
def test_all_48_orders_give_one_turned_picture(three: Three, order: np.ndarray, tmp_path: Path, qtbot: QtBot) -> None:
    affine = np.eye(4)
    affine[:3, :3] = rotation((0.2, -0.15, 0.1)) @ np.diag((0.7, 1.3, 2.0))
    phantom = asymmetric((22, 18, 14))
    as_ras = opened(saved(tmp_path / "ras.nii", phantom, affine))
    scan = opened(saved(tmp_path / "scan.nii", *reordered(phantom, affine, order)))
    pictures, letters = [], []
    for one in (as_ras, scan):
        looked = turned(turned(scene(one, window=6000, level=2500), "coronal", 20.0), "axial", -35.0)
        views = shown(three, looked)
        pictures.append([settled(view, qtbot) for view in views.values()])
        letters.append([view.section.letters for view in views.values()])  # type: ignore[union-attr]
    assert letters[0] == letters[1]
    for first, second in zip(*pictures, strict=True):
        assert np.abs(first - second).mean() < 0.5, "float32 headers may move a pixel that lies between two voxels"


@pytest.mark.trap("T6")
def test_labels_on_another_grid_lie_on_what_they_mark_when_turned(three: Three, qtbot: QtBot) -> None:
    scan = balls()
    coarse = volume(np.zeros((20, 20, 20), np.uint8), (3.0, 3.0, 3.0))
    places = np.stack(np.indices((20, 20, 20)), -1) @ coarse.affine[:3, :3].T + coarse.affine[:3, 3]
    coarse.voxels[0][np.linalg.norm(places, axis=-1) <= 9.0] = 1
    layer = Layer(coarse, "labels", labels=NAMES, style="fill", opacity=1.0)
    seen = replace(scene(scan, layer), crosshair=False, cursor=(0.0, 0.0, 0.0))
    for by in (0.0, 33.0):
        views = shown(three, turned(seen, "axial", by) if by else seen)
        for view in views.values():
            pixels = settled(view, qtbot)[60:-60, 40:-80]
            marked = np.abs(pixels - np.array(NAMES[0].colour)).max(axis=2) < 40
            rows, cols = np.nonzero(marked)
            x, y = view.screen_of((0.0, 0.0, 0.0))
            assert marked.any()
            assert (cols.mean() + 40, rows.mean() + 60) == pytest.approx((x, y), abs=2.5 * view.sheet.scale)


@pytest.mark.trap("T23")
def test_a_radiograph_of_4096_pixels_is_drawn_turned_too(three: Three, qtbot: QtBot) -> None:
    voxels = np.zeros((4096, 4096, 1), np.uint16)
    voxels[1024:3072, 1024:3072] = 4000
    seen = replace(scene(volume(voxels), window=4000, level=2000), crosshair=False)
    view = shown(three, turned(seen, "axial", 10.0))["axial"]
    pixels = settled(view, qtbot)
    assert pixels[view.height() // 2 + 30, view.width() // 2 + 30].tolist() == [255, 255, 255]


def test_what_is_coarse_is_worked_out_when_the_hand_rests(three: Three, qtbot: QtBot) -> None:
    x, y, z = np.indices((60, 64, 56))
    seen = replace(scene(volume((10 * (x + y + z)).astype(np.int16)), window=1800, level=900), crosshair=False)
    view = shown(three, turned(seen, "axial", 20.0))["coronal"]
    view.grab()
    assert view.plate.coarse and view.films[0].slice is not None
    at_once = view.films[0].slice.pixels.copy()
    settled(view, qtbot)
    later = view.films[0].slice.pixels
    assert not np.array_equal(at_once, later) and np.abs(at_once.astype(int) - later).max() <= 40


def test_a_large_section_follows_the_hand_coarsely_until_it_rests(three: Three, qtbot: QtBot) -> None:
    voxels = np.random.default_rng(2).integers(0, 900, (1000, 1000, 2)).astype(np.int16)
    scan = volume(voxels, (0.3, 0.3, 1.0))
    layer = Layer(like(scan, (voxels > 450).astype(np.uint8)), "labels", labels=NAMES, style="fill", opacity=1.0)
    view = shown(three, turned(scene(scan, layer), "axial", 7.0))["axial"]
    three.store.put(turned(three.store.state, "coronal", 1.0))
    view.grab()
    image, labels = view.films
    assert image.coarse and labels.coarse and labels.slice is not None and view.section is not None
    rows = len(labels.slice.pixels) // 2 * 2
    assert np.array_equal(labels.slice.pixels[:rows:2], labels.slice.pixels[1:rows:2]), "every second row only"
    settled(view, qtbot)
    assert np.array_equal(labels.slice.pixels, seen(layer.volume, view.section).pixels)
    assert np.array_equal(image.slice.pixels, seen(scan, view.section, order="linear").pixels)  # type: ignore[union-attr]


def test_crisp_voxels_need_no_working_out(three: Three) -> None:
    view = shown(three, turned(replace(three.store.state, smooth=False), "axial", 20.0))["coronal"]
    view.grab()
    assert not view.plate.coarse


def test_ends_of_the_turned_cross_hair_can_be_taken(three: Three, qtbot: QtBot) -> None:
    seen = turned(three.store.state, "axial", 20.0)
    view = shown(three, seen)["axial"]
    (x, y), _ = grips_of(view.screen_of(seen.cursor), view.sheet, crossing(seen, "axial")[0])
    assert view.grip(QPoint(round(x), round(y)).toPointF()) is not None
    assert view.grip(QPoint(200, 180).toPointF()) is None
    qtbot.mousePress(view, Button.LeftButton, pos=QPoint(round(x), round(y)))
    qtbot.mouseMove(view, QPoint(round(x) + 40, round(y) + 10))
    qtbot.mouseRelease(view, Button.LeftButton, pos=QPoint(round(x) + 40, round(y) + 10))
    assert three.store.state.turn is not None and three.store.state.turn.degrees != pytest.approx(20, abs=2)
    assert three.store.state.cursor == pytest.approx(seen.cursor), "the cross-hair itself was not moved"
    qtbot.wait(40)


def test_a_double_click_with_the_tool_goes_back_to_the_voxels(three: Three, qtbot: QtBot) -> None:
    seen = replace(turned(three.store.state, "axial", 20.0), tool=TURN)
    view = shown(three, seen)["sagittal"]
    qtbot.mouseDClick(view, Button.LeftButton, pos=QPoint(100, 100))
    assert three.store.state.turn is None and three.store.state.maximised is None


def test_the_wheel_goes_along_the_turned_normal(three: Three, qtbot: QtBot) -> None:
    seen = turned(three.store.state, "axial", 30.0)
    view = shown(three, seen)["coronal"]
    before, normal = np.array(three.store.state.cursor), np.array(view.section.normal)  # type: ignore[union-attr]
    turn(view, 1)
    moved = np.array(three.store.state.cursor) - before
    assert moved == pytest.approx(normal * view.section.step_mm)  # type: ignore[union-attr]
    qtbot.wait(40)


def test_steps_nudges_and_ends_stay_in_the_scan(three: Three) -> None:
    seen = turned(turned(three.store.state, "axial", 30.0), "sagittal", 20.0)
    assert seen.scan is not None
    for plane in PLANES:
        for made in (at_end(seen, plane, True), at_end(seen, plane, False), stepped(seen, plane, 500)):
            voxel = seen.scan.to_voxel(made.cursor)
            assert np.all(voxel > -0.01) and np.all(voxel < np.array(seen.scan.shape) - 0.99)
            there = seen.section(plane)
            assert there is not None
            row, col, _ = there.to_place(seen.cursor)
            assert there.to_place(made.cursor)[:2] == pytest.approx((row, col), abs=1e-6), "straight along the normal"
        down = nudged(seen, plane, 1, 0)
        assert there.to_place(down.cursor) == pytest.approx((row + 1, col, 0), abs=1e-6)


def test_as_acquired_and_straight_in_the_world() -> None:
    affine = np.eye(4)
    affine[:3, :3] = rotation((0.0, 0.0, np.radians(12)))
    voxels = asymmetric((20, 20, 20))
    scan = Volume(voxels[None], affine, Stored("memory", voxels.shape, "RAS", affine, voxels.dtype))
    seen = scene(scan)
    assert tilt_degrees(seen) == pytest.approx(12)
    straight = in_the_world(seen)
    assert straight.turn is not None and straight.section("axial").letters == ("R", "L", "A", "P")  # type: ignore[union-attr]
    assert as_acquired(straight).turn is None
    assert in_the_world(scene(volume(voxels))).turn is None, "nothing to turn: the quick way is kept"
    assert turned(seen, "axial", 5.0).turn.base == acquired(scan).base  # type: ignore[union-attr]


def test_a_pane_says_that_it_is_turned_and_that_it_is_a_slab(three: Three) -> None:
    scan = balls()
    layer = Layer(like(scan, np.ones(scan.shape, np.uint8)), "labels", labels=NAMES)
    view = shown(three, turned(replace(scene(scan, layer), slab=Slab("max", 20.0)), "axial", 20.0))["coronal"]
    view.grab()
    drawn = view.annotations.drawn
    assert drawn["turned"] == "turned 20°" and drawn["slab"] == "MIP 20 mm, labels of its middle"
    assert len(drawn["left"]) == 2, "two letters where it is oblique"
    three.store.update(slab=Slab("max", 20.0, "axial"))
    view.grab()
    assert "slab" not in view.annotations.drawn


def test_a_slab_shows_what_lies_before_and_behind(three: Three, qtbot: QtBot) -> None:
    seen = replace(scene(balls()), crosshair=False).at((0.0, 0.0, 8.0))
    views = shown(three, seen)
    assert not (settled(views["axial"], qtbot)[60:-60, 60:-80].min(axis=2) > 235).any(), "the ball is 3 mm below"
    three.store.update(slab=Slab("max", 10.0))
    assert (settled(views["axial"], qtbot)[60:-60, 60:-80].min(axis=2) > 235).any()
    three.store.update(slab=Slab("min", 10.0))
    assert not (settled(views["axial"], qtbot)[60:-60, 60:-80].min(axis=2) > 235).any()


@pytest.mark.parametrize("by", [0.0, 30.0])
def test_the_thickness_of_a_slab_is_seen_in_the_other_panes(three: Three, by: float, qtbot: QtBot) -> None:
    black = volume(np.zeros((60, 64, 56), np.int16))
    seen = scene(black, window=1000, level=900)
    seen = turned(seen, "sagittal", by) if by else seen
    view = shown(three, seen)["sagittal"]
    plain = settled(view, qtbot)
    three.store.update(slab=Slab("max", 20.0, "axial"))
    found = np.abs(settled(view, qtbot) - plain).max(axis=2) > 40
    rows, cols = np.nonzero(found[70:-40, 60:-60])
    x, y = view.screen_of(three.store.state.cursor)
    line = next(one for one in crossing(three.store.state, "sagittal") if one.plane == "axial")
    away = np.abs((cols + 60 - x) * -line.y + (rows + 70 - y) * line.x) / view.sheet.scale
    assert len(away) > 40 and np.median(away) == pytest.approx(10.0, abs=0.3), "10 mm to each side"
    three.store.update(slab=Slab("max", 20.0, "coronal"))
    assert not np.array_equal(settled(view, qtbot), plain)
