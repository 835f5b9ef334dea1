"""Measuring as a person does it: take a tool up, draw, read the value, move a handle, copy, delete."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QToolButton
from pytestqt.qtbot import QtBot

from medviz.gui.pages.viewer import ViewerPage
from medviz.gui.viewer.mark_words import lines
from medviz.gui.viewer.slice_view import SliceView
from medviz.imaging.marks import Mark
from medviz.imaging.oblique import Turn, rotated
from medviz.imaging.scene import Layer
from medviz.imaging.slices import PLANES, Plane
from medviz.imaging.volume import Volume, like
from tests.gui.viewer.hands import Told, opened, quiet
from tests.gui.viewer.phantoms import grabbed, turn, volume

Button, Key, Held = Qt.MouseButton, Qt.Key, Qt.KeyboardModifier
NONE = Held.NoModifier


def measuring(page: ViewerPage) -> Any:
    return page.feature("measure")


def pane(page: ViewerPage, plane: Plane = "axial") -> SliceView:
    return page.panes.slices[plane]


def marks(page: ViewerPage) -> tuple[Mark, ...]:
    return page.desk.scene.state.marks


def near(view: SliceView, across_mm: float = 0, down_mm: float = 0) -> QPoint:
    """A place so many mm from the cross-hair on the screen."""
    x, y = view.screen_of(view.scene.cursor)
    return QPoint(round(x + across_mm * view.sheet.scale), round(y + down_mm * view.sheet.scale))


def drag(qtbot: QtBot, view: SliceView, *way: QPoint) -> None:
    qtbot.mousePress(view, Button.LeftButton, NONE, way[0])
    for place in way[1:]:
        qtbot.mouseMove(view, place)
        qtbot.wait(18)
    qtbot.mouseRelease(view, Button.LeftButton, NONE, way[-1])


def take(qtbot: QtBot, view: SliceView, key: Qt.Key, name: str) -> None:
    view.setFocus()
    qtbot.keyClick(view, key)
    assert view.scene.tool == name


def click(qtbot: QtBot, view: SliceView, at: QPoint) -> None:
    qtbot.mouseMove(view, at)
    qtbot.mouseClick(view, Button.LeftButton, NONE, at)


@pytest.fixture
def thick(files: dict[str, Volume]) -> str:
    """A CT with thick slices whose values are numbered, in HU."""
    rng = np.random.default_rng(4)
    scan = volume(rng.integers(-200, 400, (90, 80, 14)).astype(np.int16), (0.5, 0.5, 6.0), "thick.nii.gz", unit="HU")
    files["thick.nii.gz"] = replace(scan, slope=2.0, intercept=-24.0)
    return "thick.nii.gz"


@pytest.mark.parametrize("plane", PLANES)
def test_a_ruler_tells_mm_while_it_is_drawn_and_after(page: ViewerPage, thick: str, qtbot: QtBot, plane: Plane) -> None:
    opened(page, qtbot, thick)
    view = pane(page, plane)
    take(qtbot, view, Key.Key_M, "ruler")
    start, end = near(view, -8, -6), near(view, 10, 7)
    before = grabbed(view)
    qtbot.mousePress(view, Button.LeftButton, NONE, start)
    qtbot.mouseMove(view, end)
    qtbot.wait(40)
    assert not marks(page) and (np.abs(grabbed(view) - before).sum(axis=2) > 100).sum() > 100, "drawn live"
    qtbot.mouseRelease(view, Button.LeftButton, NONE, end)
    (mark,) = marks(page)
    pixels = np.hypot(end.x() - start.x(), end.y() - start.y())
    found = measuring(page).found(mark)
    assert found.length == pytest.approx(pixels / view.sheet.scale, rel=1e-6)
    assert measuring(page).lines(mark) == (f"{found.length:.1f} mm",)
    assert measuring(page).box.marks.item(0, 1).text() == f"{found.length:.1f} mm"


def test_a_ruler_may_be_clicked_too_and_a_stray_click_leaves_nothing(
    page: ViewerPage, thick: str, qtbot: QtBot
) -> None:
    opened(page, qtbot, thick)
    view = pane(page)
    take(qtbot, view, Key.Key_M, "ruler")
    click(qtbot, view, near(view, -5))
    qtbot.keyClick(view, Key.Key_Escape)
    assert not marks(page) and view.scene.tool == "ruler"
    click(qtbot, view, near(view, -5))
    click(qtbot, view, near(view, 5))
    assert measuring(page).found(marks(page)[0]).length == pytest.approx(10, abs=2 / view.sheet.scale)
    qtbot.keyClick(view, Key.Key_Escape)
    assert view.scene.tool == "cursor"


@pytest.mark.trap("T11")
def test_without_spacing_no_mm_is_written(page: ViewerPage, files: dict[str, Volume], qtbot: QtBot) -> None:
    files["bare.nii.gz"] = replace(volume(np.full((40, 40, 12), 100, np.int16), name="bare.nii.gz"), calibrated=False)
    opened(page, qtbot, "bare.nii.gz")
    view = pane(page)
    for tool in ("ruler", "ellipse"):
        page.desk.scene.update(tool=tool)
        drag(qtbot, view, near(view, -8, -8 if tool == "ellipse" else 0), near(view, 8, 8))
        written = " ".join(measuring(page).lines(marks(page)[-1]))
        assert "mm" not in written and "px" in written and "uncalibrated" in written
    head, rows = measuring(page).table()
    assert [row[head.index("unit")] for row in rows] == ["px", "px"]


def test_an_angle_is_drawn_in_two_ways(page: ViewerPage, thick: str, qtbot: QtBot) -> None:
    opened(page, qtbot, thick)
    view = pane(page)
    take(qtbot, view, Key.Key_A, "angle")
    drag(qtbot, view, near(view, 0, -10), near(view))
    qtbot.mouseMove(view, near(view, 12, 0))
    click(qtbot, view, near(view, 12, 0))
    for place in ((-10, 0), (0, 0), (-10, 10)):
        click(qtbot, view, near(view, *place))
    first, second = (measuring(page).found(mark).angle for mark in marks(page))
    assert first == pytest.approx(90, abs=2) and second == pytest.approx(45, abs=2)
    assert measuring(page).lines(marks(page)[0])[0].endswith("°")


@pytest.mark.trap("T12")
@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("kind", ["rectangle", "ellipse"])
def test_a_region_tells_what_numpy_does_in_hounsfield_units(
    page: ViewerPage, thick: str, qtbot: QtBot, plane: Plane, kind: str
) -> None:
    scan = opened(page, qtbot, thick).scan
    assert scan is not None
    view = pane(page, plane)
    page.desk.scene.update(tool=kind)
    drag(qtbot, view, near(view, -9, -8), near(view, 7, 9))
    (mark,) = marks(page)
    seen = view.slice
    assert seen is not None
    corners = np.array([view.sheet.to_slice(*view.screen_of(point)) for point in mark.points])
    rows, cols = np.indices(seen.pixels.shape)
    half = (corners.max(axis=0) - corners.min(axis=0)) / 2
    share = [(at - middle) / side for at, middle, side in zip((rows, cols), corners.mean(axis=0), half, strict=True)]
    inside = share[0] ** 2 + share[1] ** 2 <= 1 if kind == "ellipse" else np.maximum(*np.abs(share)) <= 1
    values = seen.pixels[inside] * 2.0 - 24.0
    region = measuring(page).found(mark).regions[0]
    assert region.pixels == values.size > 10
    assert (region.mean, region.sd) == (pytest.approx(values.mean()), pytest.approx(values.std()))
    assert (region.low, region.high) == (values.min(), values.max())
    written = measuring(page).lines(mark)
    assert written[0].startswith("mean ") and written[0].endswith(" HU") and written[-1].endswith(" mm²")


def test_a_polygon_is_clicked_closed_or_drawn_in_one_go(page: ViewerPage, thick: str, qtbot: QtBot) -> None:
    opened(page, qtbot, thick)
    view = pane(page)
    take(qtbot, view, Key.Key_Y, "polygon")
    corners = [near(view, x, y) for x, y in ((-8, -8), (8, -8), (8, 8), (-8, 8))]
    for place in (*corners, corners[0]):
        click(qtbot, view, place)
    assert len(marks(page)) == 1 and len(marks(page)[0].points) == 4
    assert measuring(page).found(marks(page)[0]).area == pytest.approx(256, rel=0.05)
    drag(qtbot, view, *(near(view, x, y) for x, y in ((-5, -5), (5, -5), (5, 5), (-5, 5), (-5, 0))))
    assert len(marks(page)) == 2
    corners = [near(view, x, y) for x, y in ((-11, -11), (5, -11), (5, 5))]
    for place in corners:
        click(qtbot, view, place)
    qtbot.keyClick(view, Key.Key_Return)
    assert measuring(page).found(marks(page)[2]).area == pytest.approx(128, rel=0.05)


@pytest.mark.parametrize("off", [0, 6])
def test_a_handle_is_taken_within_eight_pixels_with_the_cross_hair_in_the_hand(
    page: ViewerPage, thick: str, qtbot: QtBot, off: int
) -> None:
    opened(page, qtbot, thick)
    view = pane(page)
    page.desk.scene.update(tool="ruler")
    drag(qtbot, view, near(view, -8, 4), near(view, 4, 4))
    page.desk.scene.update(tool="cursor")
    cursor, end = page.desk.scene.state.cursor, near(view, 4, 4) + QPoint(off, off - 1 if off else 0)
    drag(qtbot, view, end, near(view, 12, 4), near(view, 16, 4))
    assert page.desk.scene.state.cursor == cursor, "the cross-hair stays"
    assert measuring(page).found(marks(page)[0]).length == pytest.approx(24, abs=0.5)
    drag(qtbot, view, near(view, -2, -6), near(view, -3, -6))
    assert page.desk.scene.state.cursor != cursor, "beside the handles it is moved as ever"


def test_a_mark_is_moved_by_its_words(page: ViewerPage, thick: str, qtbot: QtBot) -> None:
    opened(page, qtbot, thick)
    view = pane(page)
    page.desk.scene.update(tool="ellipse")
    drag(qtbot, view, near(view, -8, -4), near(view, 0, 4))
    grabbed(view)
    before = marks(page)[0]
    box = measuring(page).words["axial", before.number].box
    at = box.center().toPoint()
    drag(qtbot, view, at, at + QPoint(20, 10))
    after = marks(page)[0]
    moved = np.subtract(after.points, before.points)
    assert np.allclose(moved, moved[0]) and np.linalg.norm(moved[0]) == pytest.approx(
        np.hypot(20, 10) / view.sheet.scale
    )


def test_a_mark_is_seen_only_in_the_slice_where_it_lies(page: ViewerPage, thick: str, qtbot: QtBot) -> None:
    opened(page, qtbot, thick)
    view, store = pane(page), page.desk.scene
    store.update(tool="rectangle", crosshair=False)
    bare = {plane: grabbed(pane(page, plane)) for plane in PLANES}
    drag(qtbot, view, near(view, -8, -4), near(view, 0, 4))
    view.mouse.leave()

    def differs(plane: Plane) -> bool:
        return bool((np.abs(grabbed(pane(page, plane)) - bare[plane]).sum(axis=2) > 100).any())

    assert [differs(plane) for plane in PLANES] == [True, False, False]
    store.update(overlays_hidden=True)
    assert not differs("axial"), "Space hides it too"
    store.update(overlays_hidden=False)
    grabbed(view)
    assert measuring(page).words
    turn(view, 1)
    grabbed(view)
    assert not measuring(page).words
    row = measuring(page).box.marks.item(0, 0)
    measuring(page).box.marks.itemClicked.emit(row)
    grabbed(view)
    assert measuring(page).words, "a click in the list goes there"


def test_a_mark_in_a_turned_plane_is_measured_there(page: ViewerPage, thick: str, qtbot: QtBot) -> None:
    opened(page, qtbot, thick)
    view, store = pane(page), page.desk.scene
    store.update(turn=rotated(Turn(), (1.0, 0.3, 0.0), np.radians(25)), tool="ruler")
    start, end = near(view, -8, -5), near(view, 6, 7)
    drag(qtbot, view, start, end)
    (mark,) = marks(page)
    assert measuring(page).found(mark).length == pytest.approx(
        np.hypot(end.x() - start.x(), end.y() - start.y()) / view.sheet.scale, rel=1e-3
    )
    store.update(tool="ellipse")
    drag(qtbot, view, near(view, -6, -6), near(view, 6, 6))
    found = measuring(page).found(marks(page)[1])
    assert found.area == pytest.approx(np.pi * 36, rel=0.1) and found.regions[0].pixels > 50


def test_frames_are_measured_one_by_one(page: ViewerPage, files: dict[str, Volume], qtbot: QtBot) -> None:
    voxels = np.stack([np.full((40, 40, 12), 100 + 50 * n, np.int16) for n in range(3)])
    files["time.nii.gz"] = volume(voxels, name="time.nii.gz", kind="frames", unit="HU")
    opened(page, qtbot, "time.nii.gz")
    page.desk.scene.update(tool="rectangle")
    drag(qtbot, pane(page), near(pane(page), -8, -8), near(pane(page), 8, 8))
    seen = []
    for frame in range(3):
        page.desk.scene.update(frame=frame)
        seen.append(measuring(page).found(marks(page)[0]).regions[0].mean)
    assert seen == [100.0, 150.0, 200.0]


def test_every_image_over_the_scan_is_measured_by_its_name(page: ViewerPage, thick: str, qtbot: QtBot) -> None:
    scan = opened(page, qtbot, thick).scan
    assert scan is not None
    store = page.desk.scene
    store.put(store.state.adding(Layer(like(scan, np.full(scan.shape, 7.5, np.float32), "dose", unit="Gy"))))
    store.update(tool="ellipse")
    drag(qtbot, pane(page), near(pane(page), -8, -8), near(pane(page), 8, 8))
    written = measuring(page).lines(marks(page)[0])
    assert written[0].startswith("thick.nii.gz: mean") and written[2].startswith("dose: mean 7.5")
    assert written[2].endswith(" Gy") and len(written) == 5


def test_marks_are_named_copied_saved_deleted_and_put_back(
    page: ViewerPage, thick: str, qtbot: QtBot, told: Told, tmp_path: Path
) -> None:
    opened(page, qtbot, thick)
    view, box = pane(page), measuring(page).box
    for tool, start in (("ruler", -9), ("ellipse", -4)):
        page.desk.scene.update(tool=tool)
        drag(qtbot, view, near(view, start, start), near(view, 8, 8))
    box.marks.item(0, 0).setText("lesion, longest")
    assert marks(page)[0].name == "lesion, longest"
    qtbot.mouseClick(box.copy, Button.LeftButton)
    copied = QGuiApplication.clipboard().text().splitlines()
    assert len(copied) == 3 and copied[1].split("\t")[2] == "lesion, longest" and "angle [°]" in copied[0]
    box.save_marks(tmp_path / "marks.csv")
    saved = (tmp_path / "marks.csv").read_text("utf-8").splitlines()
    assert len(saved) == 3 and '"lesion, longest"' in saved[1]
    view.setFocus()
    box.marks.itemClicked.emit(box.marks.item(1, 0))
    qtbot.keyClick(view, Key.Key_Delete)
    assert [mark.kind for mark in marks(page)] == ["ruler"] and "deleted" in str(told)
    measuring(page)._put_back(replace(marks(page)[0], number=7))
    assert len(marks(page)) == 2


def test_the_menu_measures_from_here(page: ViewerPage, thick: str, qtbot: QtBot) -> None:
    scene = opened(page, qtbot, thick)
    view = pane(page)
    (act,) = measuring(page).menu(view, scene.cursor)
    act.trigger()
    assert view.scene.tool == "ruler"
    click(qtbot, view, near(view, 12, 0))
    assert measuring(page).found(marks(page)[0]).length == pytest.approx(12, abs=1 / view.sheet.scale)
    titles = [one.text() for one in measuring(page).menu(view, marks(page)[0].points[1])]
    assert titles[1].startswith("Delete ruler 1")


def test_another_scan_has_no_marks_of_the_one_before(page: ViewerPage, thick: str, qtbot: QtBot) -> None:
    opened(page, qtbot, thick)
    page.desk.scene.update(tool="ruler")
    drag(qtbot, pane(page), near(pane(page), -8), near(pane(page), 8))
    page.open(Path("other.nii.gz"), "scan")
    qtbot.waitUntil(lambda: page.desk.scene.state.scan.name == "other.nii.gz")  # type: ignore[union-attr]
    assert not marks(page)


@pytest.mark.trap("T18")
def test_a_hundred_and_seventeen_labels_are_listed_sorted_and_gone_to(
    page: ViewerPage, qtbot: QtBot, tmp_path: Path
) -> None:
    scan = opened(page, qtbot).scan
    assert scan is not None
    voxels = (np.arange(np.prod(scan.shape)) % 118).reshape(scan.shape).astype(np.uint8)
    voxels[5:9, 5:9, 5:9] = 42
    store = page.desk.scene
    store.put(store.state.adding(Layer(like(scan, voxels, "organs"), "labels")))
    page.show_tab("measure")
    box = measuring(page).box
    qtbot.waitUntil(lambda: len(box.labels.rows) == 117)
    quiet(qtbot, page.desk)
    assert box.table.sorted.rowCount() == 117
    row = next(one for one in box.labels.rows if one.value == 42)
    assert row.voxels == (voxels == 42).sum() and row.mean == pytest.approx(scan.frame()[voxels == 42].mean())
    box.table.sortByColumn(4, Qt.SortOrder.DescendingOrder)
    first = box.table.sorted.mapToSource(box.table.sorted.index(0, 0)).row()
    assert box.labels.rows[first].value == 42
    box.table.clicked.emit(box.table.sorted.index(0, 0))
    assert voxels[store.state.voxel] == 42
    assert box.table.text().splitlines()[1].startswith("label 42\t")
    box.labels.save(store.state.layers[1], tmp_path / "labels.csv")
    quiet(qtbot, page.desk)
    assert len((tmp_path / "labels.csv").read_text("utf-8").splitlines()) == 118
    box.show_large()
    assert box.large is not None and box.large.table.sorted.rowCount() == 117
    box.large.close()
    quiet(qtbot, page.desk)


def test_the_table_follows_the_brush_when_the_hand_rests(page: ViewerPage, qtbot: QtBot) -> None:
    scan = opened(page, qtbot).scan
    assert scan is not None
    edits: Any = page.feature("edit")
    edits.edits.new_layer()
    page.show_tab("measure")
    page.desk.scene.update(tool="brush")
    page.show_tab("measure")
    drag(qtbot, pane(page), near(pane(page)), near(pane(page), 10))
    box = measuring(page).box
    painted = int(edits.layer.volume.frame().sum())
    qtbot.waitUntil(lambda: [row.voxels for row in box.labels.rows] == [painted], timeout=5000)
    quiet(qtbot, page.desk)


def test_every_tool_has_a_key_an_icon_a_tip_and_a_name(page: ViewerPage, qtbot: QtBot) -> None:
    opened(page, qtbot)
    view = pane(page)
    for feature in ("measure", "edit"):
        buttons: dict[str, QToolButton] = page.feature(feature).box.tools.buttons  # type: ignore[attr-defined]
        for name, button in buttons.items():
            tool = page.tools[name]
            assert f"({tool.KEY})" in button.toolTip() and button.accessibleName() and not button.icon().isNull()
            view.setFocus()
            qtbot.keyClicks(view, tool.KEY)
            assert view.scene.tool == name, f"{tool.KEY} takes up {name}"
            assert button.isChecked()
    qtbot.keyClick(view, Key.Key_Escape)


def test_words_are_read_on_white_and_stay_in_the_pane(page: ViewerPage, files: dict[str, Volume], qtbot: QtBot) -> None:
    files["white.nii.gz"] = volume(np.full((60, 60, 12), 1000, np.int16), name="white.nii.gz")
    opened(page, qtbot, "white.nii.gz")
    view, store = pane(page), page.desk.scene
    store.put(store.state.with_layer(0, window=10.0, level=100.0))
    store.update(tool="ruler", crosshair=False)
    drag(qtbot, view, near(view, 10, -20), near(view, 29, -20))
    pixels = grabbed(view)
    box = measuring(page).words["axial", marks(page)[0].number].box
    assert view.rect().toRectF().contains(box)
    inner = pixels[round(box.top()) + 2 : round(box.bottom()) - 2, round(box.left()) + 2 : round(box.right()) - 2]
    grounds, letters = np.percentile(inner.mean(axis=2), (20, 99))
    assert grounds < 100 and letters > 200
    line = [QPointF(*view.screen_of(point)) for point in marks(page)[0].points]
    assert not box.contains(line[0]) and not box.contains(line[1])


def test_a_region_beside_the_scan_says_so(page: ViewerPage, thick: str, qtbot: QtBot) -> None:
    opened(page, qtbot, thick)
    far = Mark("rectangle", ((500, 500, 0), (510, 500, 0), (510, 510, 0), (500, 510, 0)))
    assert lines(measuring(page).found(far))[-1] == "100 mm²"
    assert measuring(page).lines(far)[0] == "no values"


def test_a_ruler_is_drawn_without_a_mouse(page: ViewerPage, thick: str, qtbot: QtBot) -> None:
    opened(page, qtbot, thick)
    view = pane(page)
    take(qtbot, view, Key.Key_M, "ruler")
    qtbot.keyClick(view, Key.Key_Return)
    for _ in range(6):
        qtbot.keyClick(view, Key.Key_Right, Held.ShiftModifier)
    assert not marks(page)
    qtbot.keyClick(view, Key.Key_Return)
    assert measuring(page).found(marks(page)[0]).length == pytest.approx(3.0)


def test_measurements_are_undone_and_redone_and_labels_after_them(page: ViewerPage, thick: str, qtbot: QtBot) -> None:
    opened(page, qtbot, thick)
    view, store = pane(page), page.desk.scene
    edits: Any = page.feature("edit")
    store.update(tool="brush")
    drag(qtbot, view, near(view), near(view, 4))
    store.update(tool="ruler")
    drag(qtbot, view, near(view, -8, 6), near(view, 4, 6))
    drawn = marks(page)
    drag(qtbot, view, near(view, 4, 6), near(view, 9, 6))
    moved = marks(page)
    click(qtbot, view, near(view, 9, 6))
    page.window().activateWindow()
    view.setFocus()
    qtbot.waitUntil(view.hasFocus)
    qtbot.keyClick(view, Key.Key_Z, Held.ControlModifier)
    assert marks(page) == drawn
    qtbot.keyClick(view, Key.Key_Y, Held.ControlModifier)
    assert marks(page) == moved
    for _ in range(2):
        qtbot.keyClick(view, Key.Key_Z, Held.ControlModifier)
    assert not marks(page) and edits.layer.volume.frame().any()
    qtbot.keyClick(view, Key.Key_Z, Held.ControlModifier)
    assert not edits.layer.volume.frame().any(), "what was painted before goes last"
    quiet(qtbot, page.desk)
