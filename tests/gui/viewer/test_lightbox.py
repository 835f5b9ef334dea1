"""Many slices at once: in order, in their place in mm, with a click that goes there."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from medviz.gui.store import Store
from medviz.gui.viewer.lightbox_view import LightboxView
from medviz.imaging.pages import page_of, turned_to
from medviz.imaging.scene import Lightbox, Scene
from medviz.imaging.slabs import Slab
from medviz.imaging.slices import NORMAL, PLANES
from medviz.imaging.turning import turned
from tests.gui.viewer.phantoms import grabbed, halves, marked, scene, turn, volume
from tests.imaging.making import NAMES, ORDERS, asymmetric, opened, reordered, saved

Button, Modifier = Qt.MouseButton, Qt.KeyboardModifier


@pytest.fixture
def view(qtbot: QtBot) -> Iterator[LightboxView]:
    made = LightboxView(Store(scene(marked())))
    qtbot.addWidget(made)
    made.resize(800, 622)
    made.show()
    qtbot.waitExposed(made)
    yield made


def shown(view: LightboxView, seen: Scene, qtbot: QtBot) -> np.ndarray:
    """Return the pane's pixels once every cell is drawn and fine."""
    view.store.put(seen)
    finished(view, qtbot)
    return grabbed(view)


def finished(view: LightboxView, qtbot: QtBot) -> None:
    view.repaint()
    qtbot.waitUntil(lambda: view.done, timeout=9000)


def test_a_page_holds_every_slice_once_from_the_top_down() -> None:
    seen = replace(scene(marked()), lightbox=Lightbox("axial", columns=4, rows=3))
    assert seen.scan is not None
    many = seen.scan.shape[2]
    found = []
    for index in range(many):
        page = page_of(seen.at_voxel((5.0, 5.0, float(index))))
        assert page is not None and page.sections[page.now].index == index
        found.append((page.number, [section.index for section in page.sections]))
    assert found[-1][0] == 0, "the top of the head is on the first page"
    pages = [dict(found)[number] for number in range(found[0][0] + 1)]
    assert [index for page in pages for index in page] == list(range(many - 1, -1, -1))


@pytest.mark.parametrize("plane", PLANES)
def test_slices_lie_as_far_apart_as_was_asked(plane) -> None:
    seen = scene(marked(40, (0.5, 1.0, 2.0)))
    box = Lightbox(plane, step_mm=6.0)
    page = page_of(replace(seen, lightbox=box))
    assert page is not None and page.step_mm == 6.0
    first, second = page.sections[:2]
    apart = np.subtract(first.origin, second.origin)
    assert np.linalg.norm(apart) == pytest.approx(6.0) and apart[NORMAL[plane]] > 0


def test_pages_turn_and_stop_at_the_ends() -> None:
    seen = replace(scene(marked()), lightbox=Lightbox("coronal", columns=3, rows=2))
    page = page_of(seen)
    assert page is not None
    on, back = turned_to(seen, 1), turned_to(turned_to(seen, 1), -1)
    assert page_of(on).number == page.number + 1 and page_of(on).now == page.now  # type: ignore[union-attr]
    assert back.cursor == pytest.approx(seen.cursor)
    assert page_of(turned_to(seen, 99)).number == page.many - 1  # type: ignore[union-attr]
    assert page_of(turned_to(seen, -99)).number == 0  # type: ignore[union-attr]
    assert page_of(Scene()) is None and turned_to(Scene(), 1) == Scene()


def test_a_click_goes_to_the_place_in_mm_and_a_double_click_back_to_the_panes(view: LightboxView, qtbot: QtBot) -> None:
    seen = replace(view.store.state, layout="lightbox", lightbox=Lightbox("axial", columns=4, rows=3))
    shown(view, seen, qtbot)
    at = view.cell(6).center().toPoint() + QPoint(20, -15)
    wanted = view.mm_at(at.x(), at.y())
    page = view.page
    assert wanted is not None and page is not None
    qtbot.mouseClick(view, Button.LeftButton, pos=at)
    assert view.store.state.cursor == pytest.approx(wanted)
    assert view.store.state.voxel[2] == page.sections[6].index and view.page.now == 6  # type: ignore[union-attr]
    qtbot.mouseDClick(view, Button.LeftButton, pos=at)
    assert view.store.state.layout == "2x2" and view.store.state.cursor == pytest.approx(wanted)
    view.store.update(layout="1+3")
    view.store.update(layout="lightbox")
    qtbot.mouseDClick(view, Button.LeftButton, pos=at)
    assert view.store.state.layout == "1+3", "back to how the panes lay"
    qtbot.wait(40)


@pytest.mark.trap("T1", "T2")
@pytest.mark.parametrize("order", ORDERS, ids=NAMES)
def test_all_48_orders_give_one_page(view: LightboxView, order: np.ndarray, tmp_path, qtbot: QtBot) -> None:
    affine = np.diag([1.0, 1.5, 2.5, 1.0])
    phantom = asymmetric((22, 18, 14))
    box = Lightbox("sagittal", columns=3, rows=2, step_mm=3.0)
    pictures, written = [], []
    for path in (
        saved(tmp_path / "ras.nii", phantom, affine),
        saved(tmp_path / "scan.nii", *reordered(phantom, affine, order)),
    ):
        seen = replace(scene(opened(path), window=6000, level=2500), lightbox=box)
        pictures.append(shown(view, seen, qtbot))
        written.append(view.written)
    assert np.array_equal(*pictures) and written[0] == written[1]
    assert written[0][0]["left"] == "A" and written[0][0]["top"] == "S"


@pytest.mark.trap("T19")
@pytest.mark.parametrize("plane", PLANES)
def test_a_cube_is_a_square_in_every_cell(view: LightboxView, plane, qtbot: QtBot) -> None:
    voxels = np.full((100, 100, 20), 100, np.int16)
    voxels[26:74, 26:74, 8:12] = 1000
    seen = replace(scene(volume(voxels, (0.5, 0.5, 6.0))), crosshair=False, smooth=False)
    pixels = shown(view, replace(seen, lightbox=Lightbox(plane, columns=2, rows=2)), qtbot)
    page = view.page
    assert page is not None
    place, scale = view.cell(page.now), view.sheet(page.sections[page.now], page.now).scale
    inside = pixels[int(place.top()) + 20 : int(place.bottom()) - 20, int(place.left()) + 20 : int(place.right()) - 20]
    bright = (inside > 235).all(axis=2)
    rows, cols = np.flatnonzero(bright.any(axis=1)), np.flatnonzero(bright.any(axis=0))
    assert abs((rows[-1] - rows[0]) - (cols[-1] - cols[0])) <= 2
    assert cols[-1] - cols[0] + 1 == pytest.approx(24 * scale, abs=2)


@pytest.mark.trap("T23")
def test_a_radiograph_of_4096_pixels_is_one_cell(view: LightboxView, qtbot: QtBot) -> None:
    voxels = np.zeros((4096, 4096, 1), np.uint16)
    voxels[1024:3072, 1024:3072] = 4000
    seen = replace(
        scene(volume(voxels), window=4000, level=2000), crosshair=False, lightbox=Lightbox(columns=1, rows=1)
    )
    pixels = shown(view, seen, qtbot)
    middle = view.cell(0).center()
    assert pixels[int(middle.y()) + 20, int(middle.x())].tolist() == [255, 255, 255]


def test_labels_slabs_and_turned_planes_are_seen_in_it_too(view: LightboxView, qtbot: QtBot) -> None:
    scan = marked()
    seen = replace(scene(scan, halves(scan)), lightbox=Lightbox("axial", columns=3, rows=2))
    plain = shown(view, scene(scan), qtbot)
    labelled = shown(view, seen, qtbot)
    assert np.ptp(labelled[..., :], axis=2).max() > 100 and not np.array_equal(plain, labelled)
    tilted = shown(view, turned(replace(seen, slab=Slab("max", 8.0)), "coronal", 20.0), qtbot)
    assert not np.array_equal(tilted, labelled) and len(view.written[0]["left"]) == 2


def test_the_wheel_turns_pages_and_ctrl_zooms_all(view: LightboxView, qtbot: QtBot) -> None:
    shown(view, replace(view.store.state, lightbox=Lightbox("axial", columns=4, rows=2)), qtbot)
    number = view.page.number  # type: ignore[union-attr]
    turn(view, -1)
    assert view.page.number == number + 1  # type: ignore[union-attr]
    qtbot.wait(40)
    turn(view, 2, QPoint(300, 300), Modifier.ControlModifier)
    assert view.camera.zoom > 1.2


def test_a_right_drag_turns_the_window_of_all_cells(view: LightboxView, qtbot: QtBot) -> None:
    before = view.store.state.layers[0].window
    qtbot.mousePress(view, Button.RightButton, pos=QPoint(200, 180))
    qtbot.mouseMove(view, QPoint(260, 150))
    qtbot.mouseRelease(view, Button.RightButton, pos=QPoint(260, 150))
    assert view.store.state.layers[0].window > before
    qtbot.wait(40)


def test_cells_are_drawn_without_a_halt(view: LightboxView, qtbot: QtBot) -> None:
    big = volume(np.random.default_rng(0).integers(0, 1000, (400, 400, 40), np.int16))
    view.store.put(replace(scene(big), lightbox=Lightbox("axial", columns=6, rows=5)))
    before = sum(plate.drawings for plate in view._plates)
    view.repaint()
    at_once = sum(plate.drawings for plate in view._plates) - before
    finished(view, qtbot)
    assert at_once < 30 <= sum(plate.drawings for plate in view._plates) - before, "not all thirty in one go"
