"""Correcting labels as a person does it: tools by key, press, drag, release, undo."""

import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from pytestqt.qtbot import QtBot
from scipy import ndimage

from medviz.gui.pages.viewer import ViewerPage
from medviz.gui.viewer.label_list import LOCK, NAME
from medviz.gui.viewer.rooms import ROOMS
from medviz.gui.viewer.slice_view import SliceView
from medviz.imaging.corrections import Corrections
from medviz.imaging.oblique import Turn, rotated
from medviz.imaging.scene import Layer
from medviz.imaging.slices import PLANES, Plane
from medviz.imaging.volume import Volume
from tests.gui.viewer.hands import Told, opened, panel_of, quiet, with_prediction
from tests.gui.viewer.phantoms import grabbed, turn, volume

Button, Key, Held = Qt.MouseButton, Qt.Key, Qt.KeyboardModifier
NONE = Held.NoModifier


def editing(page: ViewerPage) -> Any:
    return page.feature("edit")


def pane(page: ViewerPage, plane: Plane = "axial") -> SliceView:
    return page.panes.slices[plane]


def edited(page: ViewerPage) -> Layer:
    layer = editing(page).layer
    assert isinstance(layer, Layer)
    return layer


def made(page: ViewerPage) -> Corrections:
    found = editing(page).corrections
    assert isinstance(found, Corrections)
    return found


def labels(page: ViewerPage) -> np.ndarray:
    return edited(page).volume.frame()


def middle(view: SliceView, dx: float = 0, dy: float = 0) -> QPoint:
    x, y = view.screen_of(view.scene.cursor)
    return QPoint(round(x + dx), round(y + dy))


def drag(qtbot: QtBot, view: SliceView, *way: QPoint, held: Qt.KeyboardModifier = NONE) -> None:
    """Press at the first place, move over the others, let go at the last."""
    qtbot.mousePress(view, Button.LeftButton, held, way[0])
    for place in way[1:]:
        qtbot.mouseMove(view, place)
        qtbot.wait(18)
    qtbot.mouseRelease(view, Button.LeftButton, held, way[-1])


def take(qtbot: QtBot, view: SliceView, key: Qt.Key, name: str) -> None:
    view.setFocus()
    qtbot.keyClick(view, key)
    assert view.scene.tool == name


def test_a_first_stroke_makes_a_layer_and_is_seen_at_once(page: ViewerPage, qtbot: QtBot) -> None:
    opened(page, qtbot)
    view = pane(page)
    take(qtbot, view, Key.Key_B, "brush")
    before = grabbed(view)
    qtbot.mousePress(view, Button.LeftButton, NONE, middle(view))
    qtbot.mouseMove(view, middle(view, 30))
    qtbot.wait(40)
    assert len(page.desk.scene.state.layers) == 2 and labels(page).any(), "painted before the button is let go"
    assert (np.abs(grabbed(view) - before).sum(axis=2) > 60).any()
    assert not made(page).history.names
    qtbot.mouseRelease(view, Button.LeftButton, NONE, middle(view, 30))
    assert made(page).history.names == ("paint label 1",)
    assert page.counting.of(edited(page).volume) == {1: int(labels(page).sum())}
    quiet(qtbot, page.desk)


@pytest.mark.parametrize("plane", PLANES)
def test_a_disc_stays_in_its_slice_and_a_ball_does_not(page: ViewerPage, qtbot: QtBot, plane: Plane) -> None:
    opened(page, qtbot)
    view = pane(page, plane)
    axis = {"axial": 2, "coronal": 1, "sagittal": 0}[plane]
    page.desk.scene.update(tool="brush")
    drag(qtbot, view, middle(view))
    assert np.unique(np.argwhere(labels(page))[:, axis]).tolist() == [page.desk.scene.state.voxel[axis]]
    editing(page).kit.update(ball=True, size=9.0)
    drag(qtbot, view, middle(view))
    assert len(np.unique(np.argwhere(labels(page))[:, axis])) == 5, "9 mm reach five slices of 2 mm"


@pytest.mark.trap("T19")
@pytest.mark.parametrize("plane", PLANES)
def test_ten_mm_on_thick_slices_are_round_on_the_screen_in_all_planes(
    page: ViewerPage, files: dict[str, Volume], qtbot: QtBot, plane: Plane
) -> None:
    files["thick.nii.gz"] = volume(np.full((80, 80, 12), 100, np.int16), (0.5, 0.5, 6.0), "thick.nii.gz")
    opened(page, qtbot, "thick.nii.gz")
    view = pane(page, plane)
    page.desk.scene.update(tool="brush", crosshair=False)
    editing(page).kit.update(size=10.0)
    editing(page).hover(view, QPointF(middle(view)))
    away = grabbed(view)
    editing(page).hover(None, None)
    ring = np.abs(away - grabbed(view)).sum(axis=2) > 40
    inner = ring[: middle(view).y() + round(5 * view.sheet.scale) + 3]  # without the number below it
    rows, cols = np.nonzero(inner)
    expected = 10 * view.sheet.scale
    assert np.ptp(rows) == pytest.approx(expected, abs=5) and np.ptp(cols) == pytest.approx(expected, abs=5)
    drag(qtbot, view, middle(view))
    at = np.argwhere(labels(page)) * (0.5, 0.5, 6.0)
    extent = np.ptp(at, axis=0)
    seen = [n for n in range(3) if n != {"axial": 2, "coronal": 1, "sagittal": 0}[plane]]
    for axis in seen:  # slices of 6 mm: those above and below are further than 5 mm away
        assert extent[axis] == (pytest.approx(10.0, abs=1.0) if axis < 2 else 0.0)


def test_a_fast_hand_leaves_no_gap(page: ViewerPage, qtbot: QtBot) -> None:
    opened(page, qtbot)
    view = pane(page)
    page.desk.scene.update(tool="brush")
    editing(page).kit.update(size=2.5)
    drag(qtbot, view, middle(view, -60, -60), middle(view, 60, 50))
    _, parts = ndimage.label(labels(page), structure=np.ones((3, 3, 3)))
    assert parts == 1 and labels(page).sum() > 15


def test_shift_and_the_eraser_take_away_and_undo_brings_back(page: ViewerPage, qtbot: QtBot) -> None:
    opened(page, qtbot)
    view = pane(page)
    take(qtbot, view, Key.Key_B, "brush")
    drag(qtbot, view, middle(view))
    whole = labels(page).copy()
    editing(page).kit.update(size=3.0)
    drag(qtbot, view, middle(view), held=Held.ShiftModifier)
    holed = labels(page).copy()
    assert 0 < holed.sum() < whole.sum()
    take(qtbot, view, Key.Key_X, "eraser")
    editing(page).kit.update(size=50.0)
    drag(qtbot, view, middle(view))
    assert not labels(page).any() and made(page).history.names == ("paint label 1", "erase", "erase")
    qtbot.keyClick(view, Key.Key_Z, Held.ControlModifier)
    np.testing.assert_array_equal(labels(page), holed)
    qtbot.keyClick(view, Key.Key_Z, Held.ControlModifier)
    np.testing.assert_array_equal(labels(page), whole)
    qtbot.keyClick(view, Key.Key_Y, Held.ControlModifier)
    np.testing.assert_array_equal(labels(page), holed)
    qtbot.keyClick(view, Key.Key_Z, Held.ControlModifier | Held.ShiftModifier)
    assert not labels(page).any()


def test_a_stroke_is_given_up_by_esc(page: ViewerPage, qtbot: QtBot) -> None:
    opened(page, qtbot)
    view = pane(page)
    take(qtbot, view, Key.Key_B, "brush")
    qtbot.mousePress(view, Button.LeftButton, NONE, middle(view))
    assert labels(page).any()
    qtbot.keyClick(view, Key.Key_Escape)
    assert not labels(page).any() and view.scene.tool == "brush"
    qtbot.mouseRelease(view, Button.LeftButton, NONE, middle(view))
    assert not labels(page).any() and not made(page).history.names


def test_the_tip_grows_by_wheel_and_keys(page: ViewerPage, qtbot: QtBot) -> None:
    opened(page, qtbot)
    view, kit = pane(page), editing(page).kit
    take(qtbot, view, Key.Key_B, "brush")
    sizes, zoom, slices = [kit.state.size], view.camera, view.scene.voxel
    for act in (
        lambda: turn(view, 1, modifiers=Held.ControlModifier),
        lambda: turn(view, 2, modifiers=Held.ShiftModifier),
        lambda: qtbot.keyClicks(view, "+"),
    ):
        act()
        sizes.append(kit.state.size)
    assert sizes == sorted(sizes) and len(set(sizes)) == 4
    qtbot.keyClicks(view, "----")
    assert kit.state.size == pytest.approx(sizes[0])
    assert view.camera == zoom and view.scene.voxel == slices
    turn(view, 1)
    assert view.scene.voxel != slices, "the plain wheel still turns slices"


def test_a_locked_label_holds_and_says_so(page: ViewerPage, qtbot: QtBot, told: Told) -> None:
    with_prediction(page, qtbot)
    editing(page).accept_proposal(1, {1, 2, 3})
    store, view = page.desk.scene, pane(page)
    store.put(store.state.with_layer(2, locked_labels=frozenset({3})))
    before = labels(page).copy()
    store.update(tool="eraser")
    editing(page).kit.update(size=60.0)
    drag(qtbot, view, middle(view))
    np.testing.assert_array_equal(labels(page)[before == 3], 3)
    assert (labels(page) != before).any()
    editing(page).take(3)
    store.update(tool="brush")
    drag(qtbot, view, middle(view))
    assert "fluid is locked" in str(told)


def test_padlocks_in_the_list_lock_and_a_click_takes_a_label_up(page: ViewerPage, qtbot: QtBot) -> None:
    with_prediction(page, qtbot)
    editing(page).accept_proposal(1, {1, 2, 3})
    listed = panel_of(page).labels
    cell = listed.table.visualRect(listed.sorted.index(1, LOCK)).center()
    qtbot.mouseClick(listed.table.viewport(), Button.LeftButton, NONE, cell)
    assert edited(page).locked_labels == {2} and editing(page).kit.state.value == 1
    qtbot.mouseClick(listed.table.viewport(), Button.LeftButton, NONE, cell)
    assert not edited(page).locked_labels
    name = listed.table.visualRect(listed.sorted.index(2, NAME)).center()
    qtbot.mouseClick(listed.table.viewport(), Button.LeftButton, NONE, name)
    assert editing(page).kit.state.value == 3


def test_a_range_is_taken_from_the_tissue_under_the_tip(page: ViewerPage, qtbot: QtBot) -> None:
    opened(page, qtbot)
    view = pane(page)
    take(qtbot, view, Key.Key_H, "range")
    qtbot.mouseClick(view, Button.LeftButton, NONE, middle(view))
    kit = editing(page).kit.state
    assert kit.in_range and kit.low == kit.high == 900 and view.scene.tool == "brush"
    editing(page).kit.update(size=20.0)
    edge = middle(view, round(8 * view.sheet.scale))
    page.desk.scene.update(tool="range")
    qtbot.mouseClick(view, Button.LeftButton, NONE, edge)
    kit = editing(page).kit.state
    assert kit.low < 900 < kit.high


def test_a_range_keeps_the_brush_off_other_tissue(page: ViewerPage, qtbot: QtBot) -> None:
    scan = opened(page, qtbot).scan
    assert scan is not None
    page.desk.scene.update(tool="brush")
    editing(page).kit.update(size=100.0, in_range=True, low=800.0, high=1000.0)
    view = pane(page)
    drag(qtbot, view, middle(view))
    k = page.desk.scene.state.voxel[2]
    np.testing.assert_array_equal(labels(page)[:, :, k] == 1, scan.frame()[:, :, k] == 900)


def test_digits_take_up_labels_and_ctrl_picks_one(page: ViewerPage, qtbot: QtBot) -> None:
    with_prediction(page, qtbot)
    editing(page).accept_proposal(1, {1, 2, 3})
    view, kit = pane(page), editing(page).kit
    view.setFocus()
    qtbot.keyClicks(view, "2")
    assert kit.state.value == 2
    take(qtbot, view, Key.Key_B, "brush")
    under = int(labels(page)[page.desk.scene.state.voxel])
    qtbot.mouseClick(view, Button.LeftButton, Held.ControlModifier, middle(view))
    assert kit.state.value == under == 3 and len(made(page).history.names) == 1


def test_fill_takes_what_looks_alike_in_the_slice_or_in_all(page: ViewerPage, qtbot: QtBot) -> None:
    scan = opened(page, qtbot).scan
    assert scan is not None
    view = pane(page)
    assert editing(page).kit.state.tolerance == pytest.approx(page.desk.scene.state.layers[0].window / 10, rel=0.1)
    take(qtbot, view, Key.Key_W, "fill")
    qtbot.mouseClick(view, Button.LeftButton, NONE, middle(view))
    k = page.desk.scene.state.voxel[2]
    np.testing.assert_array_equal(labels(page)[:, :, k] == 1, scan.frame()[:, :, k] == 900)
    assert np.unique(np.argwhere(labels(page))[:, 2]).tolist() == [k]
    editing(page).kit.update(all_slices=True)
    qtbot.mouseClick(view, Button.LeftButton, NONE, middle(view))
    quiet(qtbot, page.desk)
    np.testing.assert_array_equal(labels(page) == 1, scan.frame() == 900)


def test_a_lasso_fills_what_it_encloses(page: ViewerPage, qtbot: QtBot) -> None:
    opened(page, qtbot)
    view = pane(page)
    take(qtbot, view, Key.Key_L, "lasso")
    side = round(10 * view.sheet.scale)  # 20 mm are 10 voxels
    corners = [middle(view, x * side, y * side) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1))]
    drag(qtbot, view, *corners)
    assert labels(page).sum() == pytest.approx(100, abs=22)
    inside = np.argwhere(labels(page))
    assert len(np.unique(inside[:, 2])) == 1
    drag(qtbot, view, *corners, held=Held.ShiftModifier)
    assert not labels(page).any()
    editing(page).kit.update(all_slices=True)
    drag(qtbot, view, *corners)
    quiet(qtbot, page.desk)
    assert len(np.unique(np.argwhere(labels(page))[:, 2])) == labels(page).shape[2]


def test_buttons_work_on_the_whole_label_and_can_be_undone(page: ViewerPage, qtbot: QtBot) -> None:
    opened(page, qtbot)
    view, box = pane(page), editing(page).box
    page.desk.scene.update(tool="brush")
    editing(page).kit.update(size=16.0)
    drag(qtbot, view, middle(view))
    first = page.desk.scene.state.voxel[2]
    turn(view, 4)
    editing(page).kit.update(size=24.0)
    drag(qtbot, view, middle(view))
    qtbot.mouseClick(box.operations["Fill between"], Button.LeftButton)
    quiet(qtbot, page.desk)
    drawn = np.unique(np.argwhere(labels(page))[:, 2])
    assert drawn.tolist() == list(range(first, first + 5))
    turn(view, 1)
    qtbot.mouseClick(box.operations["Copy lower"], Button.LeftButton)
    np.testing.assert_array_equal(labels(page)[:, :, first + 5], labels(page)[:, :, first + 4])
    before = int(labels(page).sum())
    qtbot.mouseClick(box.operations["Grow"], Button.LeftButton)
    assert labels(page).sum() >= before
    names = made(page).history.names
    assert names[2] == "fill between: label 1" and names[3] == "copy lower: label 1"
    assert [box.history.item(n).text() for n in range(box.history.count())] == ["as it was", *names]
    box.history.itemClicked.emit(box.history.item(1))
    assert made(page).history.place == 1 and np.unique(np.argwhere(labels(page))[:, 2]).tolist() == [first]
    box.history.itemClicked.emit(box.history.item(0))
    assert not labels(page).any()


def test_labels_are_added_renamed_coloured_merged_and_deleted_and_all_of_it_undone(
    page: ViewerPage, qtbot: QtBot
) -> None:
    opened(page, qtbot)
    view, naming, box = pane(page), editing(page).naming, editing(page).box
    page.desk.scene.update(tool="brush")
    drag(qtbot, view, middle(view))
    qtbot.mouseClick(box.add, Button.LeftButton)
    assert editing(page).kit.state.value == 2
    drag(qtbot, view, middle(view, 60))
    naming.rename(2, "tumour")
    naming.recolour(2, (10, 200, 30))
    assert edited(page).labels[1].name == "tumour" and edited(page).labels[1].colour == (10, 200, 30)
    assert box.label.currentText() == "tumour"
    both = int((labels(page) > 0).sum())
    naming.merge(2, 1)
    assert [one.value for one in edited(page).labels] == [1] and (labels(page) == 1).sum() == both
    assert editing(page).kit.state.value == 1
    editing(page).undo()
    assert [one.name for one in edited(page).labels] == ["label 1", "tumour"] and (labels(page) == 2).any()
    naming.delete(1)
    assert not (labels(page) == 1).any() and [one.value for one in edited(page).labels] == [2]
    for _ in range(9):
        editing(page).undo()
    assert not labels(page).any() and [one.name for one in edited(page).labels] == ["label 1"]


@pytest.mark.trap("T26")
def test_what_is_painted_on_is_shown(page: ViewerPage, qtbot: QtBot) -> None:
    opened(page, qtbot)
    view, store = pane(page), page.desk.scene
    store.update(tool="brush")
    drag(qtbot, view, middle(view))
    store.put(store.state.with_layer(1, visible=False, style="off", hidden_labels=frozenset({1})))
    drag(qtbot, view, middle(view, 40))
    layer = edited(page)
    assert layer.visible and layer.style == "outline" and not layer.hidden_labels


def test_the_tip_follows_the_mouse_and_goes_with_it(page: ViewerPage, qtbot: QtBot) -> None:
    opened(page, qtbot)
    view = pane(page)
    page.desk.scene.update(tool="brush")
    qtbot.mouseMove(view, middle(view, 5))
    assert editing(page).hovered.at == QPointF(middle(view, 5))
    view.mouse.leave()
    assert editing(page).hovered is None
    page.desk.scene.update(tool="cursor")
    assert view.cursor().shape() == Qt.CursorShape.CrossCursor


def test_without_spacing_the_tip_is_in_pixels(page: ViewerPage, files: dict[str, Volume], qtbot: QtBot) -> None:
    files["bare.nii.gz"] = replace(volume(np.full((40, 40, 12), 100, np.int16), name="bare.nii.gz"), calibrated=False)
    opened(page, qtbot, "bare.nii.gz")
    units = [
        one.unit for one in type(editing(page).kit.state).__annotations__["size"].__metadata__ if hasattr(one, "unit")
    ]
    assert units == ["px"]


@pytest.mark.trap("T15")
def test_while_a_stroke_goes_on_nothing_is_counted_copied_or_rendered(page: ViewerPage, qtbot: QtBot) -> None:
    opened(page, qtbot)
    view, store = pane(page), page.desk.scene
    store.update(tool="brush")
    drag(qtbot, view, middle(view))
    qtbot.wait(400)  # the view of the whole looks at the first stroke
    quiet(qtbot, page.desk)
    voxels, told = edited(page).volume.voxels, []
    leave = store.listen(lambda old, new: told.append(new))
    qtbot.mousePress(view, Button.LeftButton, NONE, middle(view, 20))
    for step in range(6):
        qtbot.mouseMove(view, middle(view, 20, 4 * step))
        qtbot.wait(18)
    assert not told, "the scene stays as it was"
    assert not {job.title for job in page.desk.jobs} & {"count labels", "journal", "measure labels"}
    qtbot.mouseRelease(view, Button.LeftButton, NONE, middle(view, 20, 24))
    assert len(told) == 1, "the scene is told once, at the end"
    assert edited(page).volume.voxels is voxels, "painted in place"
    assert page.counting.of(edited(page).volume) == {1: int(labels(page).sum())}
    leave()
    quiet(qtbot, page.desk)


def test_what_takes_long_runs_beside_the_window_and_the_brush_waits(
    page: ViewerPage, qtbot: QtBot, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(page, qtbot)
    view = pane(page)
    page.desk.scene.update(tool="brush")
    drag(qtbot, view, middle(view))
    quiet(qtbot, page.desk)
    monkeypatch.setattr("medviz.gui.viewer.edits.AT_ONCE", 10)
    go, smooth = threading.Event(), ROOMS["smooth"]

    def slow(*wanted: Any) -> Any:
        go.wait(10)
        return smooth(*wanted)

    monkeypatch.setattr("medviz.imaging.edit.smooth", slow)
    editing(page).kit.update(distance=4.0)
    box = editing(page).box
    qtbot.mouseClick(box.operations["Smooth"], Button.LeftButton)
    assert [job.title for job in page.desk.jobs] == ["smooth: label 1"] and not box.operations["Grow"].isEnabled()
    before = labels(page).copy()
    drag(qtbot, view, middle(view, 40))
    assert "still being worked on" in str(told)
    np.testing.assert_array_equal(labels(page), before)
    go.set()
    quiet(qtbot, page.desk)
    assert made(page).history.names[-1] == "smooth: label 1" and box.operations["Grow"].isEnabled()
    editing(page).undo()
    quiet(qtbot, page.desk)
    np.testing.assert_array_equal(labels(page), before)


def test_a_large_layer_is_made_ready_when_the_brush_is_taken_up(
    page: ViewerPage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_prediction(page, qtbot)
    store = page.desk.scene
    store.put(store.state.with_layer(1, proposal=False))
    monkeypatch.setattr("medviz.gui.viewer.edits.AT_ONCE", 10)
    shown = store.state.layers[1].volume
    store.update(tool="brush")
    quiet(qtbot, page.desk)
    assert edited(page).volume is shown, "it is no edited layer yet"
    before, view = shown.frame().copy(), pane(page)
    qtbot.mousePress(view, Button.LeftButton, NONE, middle(view))
    assert edited(page).volume.voxels is not shown.voxels and (labels(page) != before).any(), "painted at once"
    np.testing.assert_array_equal(shown.frame(), before)
    qtbot.mouseRelease(view, Button.LeftButton, NONE, middle(view))
    quiet(qtbot, page.desk)


def test_in_turned_planes_the_brush_paints_what_is_seen(page: ViewerPage, qtbot: QtBot) -> None:
    opened(page, qtbot)
    view, store = pane(page), page.desk.scene
    store.update(turn=rotated(Turn(), (1.0, 0.3, 0.0), np.radians(30)), tool="brush")
    editing(page).kit.update(size=24.0)
    drag(qtbot, view, middle(view))
    section = view.section
    assert section is not None and not section.straight
    at = edited(page).volume.to_mm(np.argwhere(labels(page)))
    assert len(at) > 60
    assert max(view.off_plane_mm(tuple(mm)) for mm in at) < 2.0
    assert np.linalg.norm(at - store.state.cursor, axis=1).max() < 13
    side = round(8 * view.sheet.scale)
    store.update(tool="lasso")
    drag(qtbot, view, *(middle(view, x * side, y * side) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1))),
         held=Held.ShiftModifier)  # fmt: skip
    left = edited(page).volume.to_mm(np.argwhere(labels(page)))
    inside = [
        mm for mm in left if np.abs(np.subtract(view.screen_of(tuple(mm)), middle(view).toTuple())).max() < side - 2
    ]
    assert 0 < len(left) < len(at) and not inside


def test_all_of_it_goes_without_a_mouse(page: ViewerPage, qtbot: QtBot) -> None:
    scan = opened(page, qtbot).scan
    assert scan is not None
    view = pane(page)
    take(qtbot, view, Key.Key_H, "range")
    qtbot.keyClick(view, Key.Key_Return)
    assert editing(page).kit.state.in_range and view.scene.tool == "brush"
    qtbot.keyClick(view, Key.Key_Return)
    painted = int(labels(page).sum())
    assert painted > 5 and labels(page)[view.scene.voxel]
    take(qtbot, view, Key.Key_X, "eraser")
    qtbot.keyClick(view, Key.Key_Return)
    assert not labels(page).any()
    take(qtbot, view, Key.Key_W, "fill")
    qtbot.keyClick(view, Key.Key_Return)
    assert labels(page).sum() == (scan.frame()[:, :, view.scene.voxel[2]] == 900).sum()
    assert len(made(page).history.names) == 3
