"""The View tab and its keys on the page: layouts, the way back, turned planes, slabs, a second scan, playing, time."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from medviz.gui.pages.viewer import ViewerPage
from medviz.gui.viewer.crosshair import TURN
from medviz.gui.viewer.looking import Looking, thicker
from medviz.gui.viewer.looking_box import plane_words
from medviz.gui.viewer.panes import places
from medviz.gui.viewer.playing import Playing, next_frame, next_slice
from medviz.gui.viewer.second_box import linked
from medviz.gui.viewer.sheet import Camera
from medviz.gui.viewer.time_curve import course
from medviz.imaging.mixing import Mix
from medviz.imaging.scene import Scene
from medviz.imaging.slabs import Slab
from medviz.imaging.turning import turned
from medviz.imaging.volume import Volume
from tests.gui.viewer.hands import opened, panel_of
from tests.gui.viewer.phantoms import marked, scene, volume

Key, Modifier = Qt.Key, Qt.KeyboardModifier


def looking(page: ViewerPage) -> Looking:
    found = page.feature("look")
    assert isinstance(found, Looking)
    return found


def playing(page: ViewerPage) -> Playing:
    found = page.feature("play")
    assert isinstance(found, Playing)
    return found


def with_second(page: ViewerPage, qtbot: QtBot) -> Scene:
    if page.desk.scene.state.scan is None:
        opened(page, qtbot)
    page.opening.open(Path("other.nii.gz"), "second")
    qtbot.waitUntil(lambda: page.desk.scene.state.second is not None)
    return page.desk.scene.state


# -- layouts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("wide", "high"), [(1200, 700), (700, 900)])
@pytest.mark.parametrize("layout", ["2x2", "1+3", "compare", "lightbox"])
@pytest.mark.parametrize("maximised", [None, "coronal"])
def test_panes_fill_the_viewer_and_do_not_overlap(layout, maximised, wide: int, high: int) -> None:
    lying = places(QSize(wide, high), layout, maximised)
    covered = np.zeros((high, wide), int)
    for place in lying.values():
        covered[place.top() : place.bottom() + 1, place.left() : place.right() + 1] += 1
    assert covered.max() == 1 and covered.mean() > 0.98
    if layout == "compare":
        assert len(lying) == (2 if maximised else 6)
        for plane in ("axial", "coronal", "sagittal"):
            if plane in lying:
                one, other = lying[plane], lying[f"second {plane}"]
                assert abs(one.width() - other.width()) <= 2 and abs(one.height() - other.height()) <= 2


def test_buttons_lay_out_the_panes(page: ViewerPage, qtbot: QtBot) -> None:
    opened(page, qtbot)
    buttons = page.strip.layouts
    for name in ("1+3", "compare", "lightbox", "2x2"):
        buttons[name].click()
        assert page.desk.scene.state.layout == name
        assert [one for one, button in buttons.items() if button.isChecked()] == [name]
    buttons["1x1"].click()
    assert page.desk.scene.state.maximised == "axial" and buttons["1x1"].isChecked()
    assert [view for view in page.panes.views.values() if view.isVisible()] == [page.panes.slices["axial"]]
    buttons["1x1"].click()
    assert page.desk.scene.state.maximised is None


def test_without_a_second_scan_one_is_asked_for(page: ViewerPage, qtbot: QtBot) -> None:
    opened(page, qtbot)
    page.strip.layouts["compare"].click()
    assert page.panes.missing.isVisible() and not page.panes.seconds["axial"].isVisible()
    with_second(page, qtbot)
    assert not page.panes.missing.isVisible() and page.panes.seconds["axial"].isVisible()


def test_back_undoes_layouts_cameras_and_turns(page: ViewerPage, qtbot: QtBot) -> None:
    opened(page, qtbot)
    store, back = page.desk.scene, page.strip.back
    assert not back.isEnabled()
    store.update(maximised="coronal")
    page.panes.slices["coronal"].look(Camera(3.0, 5.0, 5.0))
    store.put(turned(store.state, "coronal", 20.0))
    store.update(layout="lightbox", maximised=None)
    assert back.isEnabled()
    back.click()
    assert store.state.layout == "2x2" and store.state.maximised == "coronal" and store.state.turn is not None
    back.click()
    assert store.state.turn is None and page.panes.slices["coronal"].camera == Camera(3.0, 5.0, 5.0)
    back.click()
    assert page.panes.slices["coronal"].camera == Camera() and store.state.maximised == "coronal"
    back.click()
    assert store.state.maximised is None and not back.isEnabled()
    for _ in range(4):
        looking(page).past.forth()
    assert store.state.layout == "lightbox"


def test_alt_and_left_goes_back(page: ViewerPage, qtbot: QtBot) -> None:
    keys = {action.shortcut().toString(): action for action in page.actions() if not action.shortcut().isEmpty()}
    assert QKeySequence("Alt+Left").toString() in keys
    opened(page, qtbot)
    page.desk.scene.update(layout="1+3")
    keys["Alt+Left"].trigger()
    assert page.desk.scene.state.layout == "2x2"


def test_ten_notches_of_a_zoom_are_undone_at_once(page: ViewerPage, qtbot: QtBot) -> None:
    opened(page, qtbot)
    view = page.panes.slices["axial"]
    for number in range(10):
        view.look(Camera(1.2 + number / 10))
    looking(page).past.back()
    assert view.camera == Camera()


def test_another_scan_begins_anew(page: ViewerPage, qtbot: QtBot) -> None:
    with_second(page, qtbot)
    page.desk.scene.put(replace(turned(page.desk.scene.state, "axial", 10.0), slab=Slab("max")))
    page.opening.open(Path("third.nii.gz"), "scan")
    qtbot.waitUntil(lambda: page.desk.scene.state.layers[0].volume.name == "third.nii.gz")
    state = page.desk.scene.state
    assert (state.turn, state.second, state.slab.how, state.layout) == (None, None, "off", "2x2")
    assert not page.strip.back.isEnabled()


# -- keys ---------------------------------------------------------------------------------------------------------


def pressed(
    page: ViewerPage, qtbot: QtBot, key: Qt.Key | str, modifier: Qt.KeyboardModifier = Modifier.NoModifier
) -> Scene:
    view = page.panes.slices["axial"]
    view.setFocus()
    if isinstance(key, str):
        qtbot.keyClicks(view, key, modifier)
    else:
        qtbot.keyClick(view, key, modifier)
    return page.desk.scene.state


def test_keys_turn_the_planes(page: ViewerPage, qtbot: QtBot) -> None:
    opened(page, qtbot)
    assert pressed(page, qtbot, Key.Key_T).tool == TURN and page.strip.turn.isChecked()
    assert pressed(page, qtbot, Key.Key_T).tool == "cursor"
    assert pressed(page, qtbot, ".").turn.degrees == pytest.approx(5.0)  # type: ignore[union-attr]
    assert pressed(page, qtbot, ".").turn.degrees == pytest.approx(10.0)  # type: ignore[union-attr]
    assert pressed(page, qtbot, ",").turn.degrees == pytest.approx(5.0)  # type: ignore[union-attr]
    assert pressed(page, qtbot, Key.Key_T, Modifier.ShiftModifier).turn is None
    assert pressed(page, qtbot, Key.Key_W, Modifier.ShiftModifier).turn is None, "this scan is straight already"


def test_keys_take_slices_together(page: ViewerPage, qtbot: QtBot) -> None:
    opened(page, qtbot)
    assert pressed(page, qtbot, "+").slab == Slab(), "nothing to be thicker"
    hows = [pressed(page, qtbot, Key.Key_K).slab.how for _ in range(4)]
    assert hows == ["max", "min", "mean", "off"]
    pressed(page, qtbot, Key.Key_K)
    assert pressed(page, qtbot, "+").slab.thick_mm > 10 > thicker(page.desk.scene.state, 0.1).slab.thick_mm


def test_keys_lay_out_and_mix(page: ViewerPage, qtbot: QtBot) -> None:
    with_second(page, qtbot)
    assert pressed(page, qtbot, Key.Key_V).layout == "2x2" and pressed(page, qtbot, Key.Key_V).layout == "compare"
    assert pressed(page, qtbot, Key.Key_V, Modifier.ShiftModifier).second.mix.how == "blend"  # type: ignore[union-attr]
    assert pressed(page, qtbot, Key.Key_L, Modifier.ShiftModifier).layout == "lightbox"


def test_keys_move_the_second_scan_alone_while_it_is_not_linked(page: ViewerPage, qtbot: QtBot) -> None:
    with_second(page, qtbot)
    view, beside = page.panes.seconds["axial"], page.panes.beside
    before = page.desk.scene.state.cursor
    page.desk.scene.put(linked(page.desk.scene.state, False))
    view.setFocus()
    qtbot.waitUntil(view.hasFocus)
    qtbot.keyClick(view, Key.Key_Up)
    assert page.desk.scene.state.cursor == before and beside.state.cursor[2] == before[2] + 2
    page.desk.scene.put(linked(page.desk.scene.state, True))
    assert page.desk.scene.state.second.offset_mm == pytest.approx((0, 0, 2))  # type: ignore[union-attr]


def test_every_key_is_in_the_help() -> None:
    said = " ".join(keys for keys, _ in (*Looking.KEYS, *Playing.KEYS))
    for key in ("t", ", .", "Shift+T", "Shift+W", "k", "+ −", "v", "Shift+V", "Shift+L", "Alt+←", "p"):
        assert key in said


def test_the_lightbox_has_the_slices_of_the_pane_in_front(page: ViewerPage, qtbot: QtBot) -> None:
    opened(page, qtbot)
    page.desk.scene.update(maximised="coronal")
    looking(page).lay_out("lightbox")
    assert page.desk.scene.state.lightbox.plane == "coronal" and page.panes.front.plane == "coronal"
    assert page.panes.pictured is page.panes.lightbox
    page.panes.lightbox.look(Camera(3.0))
    page.strip.fit.emit()
    assert page.panes.lightbox.camera == Camera()
    page.desk.scene.update(layout="compare")
    assert page.panes.pictured is page.panes
    page.desk.scene.update(layout="2x2")
    words = {action.text().split("\t")[0]: action for action in looking(page).menu(page.panes.front, (0, 0, 0))}
    words["Lightbox of axial slices"].trigger()
    assert page.desk.scene.state.layout == "lightbox" and page.desk.scene.state.lightbox.plane == "axial"


# -- the tab ------------------------------------------------------------------------------------------------------


def test_the_tab_shows_and_turns_what_there_is(page: ViewerPage, qtbot: QtBot) -> None:
    panel_of(page)
    box = looking(page).box
    assert box is not None
    with_second(page, qtbot)
    assert box.second.name.text() and box.second.there.isVisibleTo(box) and not box.second.open.isVisibleTo(box)
    assert box.planes.text() == "The voxels' own planes."
    page.desk.scene.put(turned(page.desk.scene.state, "axial", 30.0))
    assert "30°" in box.planes.text() and box.acquired.isEnabled()
    box.acquired.click()
    assert page.desk.scene.state.turn is None
    box.slab.changed.emit(Slab("mean", 12.0))
    assert page.desk.scene.state.slab == Slab("mean", 12.0)
    box.second.mix.changed.emit(Mix("tiles"))
    assert page.desk.scene.state.second.mix.how == "tiles"  # type: ignore[union-attr]
    box.second.link.click()
    assert not page.desk.scene.state.second.linked  # type: ignore[union-attr]
    box.second.away.click()
    assert page.desk.scene.state.second is None and box.second.open.isVisibleTo(box)
    assert plane_words(Scene()) == "The voxels' own planes."


def test_a_box_in_a_pane_of_the_second_scan_sets_its_window(page: ViewerPage, qtbot: QtBot) -> None:
    with_second(page, qtbot)
    page.panes.seconds["axial"].boxed.emit(0, np.array([[10.0, 20.0], [30.0, np.nan]]))
    second, first = page.desk.scene.state.second, page.desk.scene.state.layers[0]
    assert (
        second is not None and second.layer.window == pytest.approx(20, abs=1) and first.window != second.layer.window
    )


# -- playing ------------------------------------------------------------------------------------------------------


def test_slices_go_by_and_begin_again(page: ViewerPage, qtbot: QtBot) -> None:
    opened(page, qtbot)
    play, start = playing(page), page.desk.scene.state.voxel[2]
    play.cine = replace(play.cine, speed=60.0)
    page.strip.play.click()
    assert play.playing and page.strip.play.isChecked()
    qtbot.waitUntil(lambda: page.desk.scene.state.voxel[2] != start)
    pressed(page, qtbot, Key.Key_P)
    assert not play.playing and not page.strip.play.isChecked()


def test_at_the_end_one_begins_again_or_turns_back() -> None:
    seen = scene(marked())
    last = seen.scan.shape[2] - 1  # type: ignore[union-attr]
    top = seen.at_voxel((5.0, 5.0, float(last)))
    assert next_slice(top, "axial", 1, 1, swings=False)[0].voxel[2] == 0
    made, way = next_slice(top, "axial", 1, 1, swings=True)
    assert made.voxel[2] == last - 1 and way == -1
    assert next_slice(turned(top, "coronal", 20.0), "axial", 1, 1, swings=False)[0].cursor[2] < 0
    series = scene(volume(np.zeros((4, 8, 8, 8), np.int16), kind="frames"))
    assert next_frame(replace(series, frame=3), 1, 1, swings=False)[0].frame == 0
    assert next_frame(replace(series, frame=3), 2, 1, swings=True)[0].frame == 1
    assert next_frame(seen, 1, 1, swings=False)[0] is seen


def test_the_speed_is_kept_by_leaving_slices_out(
    page: ViewerPage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(page, qtbot)
    play, start = playing(page), page.desk.scene.state.voxel[2]
    play.cine = replace(play.cine, speed=10.0)
    now = [100.0]
    monkeypatch.setattr("medviz.gui.viewer.playing.time.perf_counter", lambda: now[0])
    play.toggle()
    now[0] += 0.32
    play._tick()
    assert page.desk.scene.state.voxel[2] == start + 3, "0.32 s at 10 a second"
    play.stop()


# -- time ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def series(files: dict[str, Volume]) -> Volume:
    voxels = np.random.default_rng(1).integers(0, 900, (6, 12, 14, 10)).astype(np.int16)
    files["series.nii.gz"] = volume(voxels, kind="frames", frame_s=2.5, slope=2.0, intercept=-5.0, name="series.nii.gz")
    return files["series.nii.gz"]


@pytest.mark.trap("T17")
def test_the_course_at_the_cross_hair_is_what_the_frames_hold(series: Volume) -> None:
    point = tuple(series.to_mm((3, 4, 5)))
    assert course(series, point).tolist() == (series.voxels[:, 3, 4, 5] * 2.0 - 5.0).tolist()  # type: ignore[arg-type,union-attr]
    assert course(series, (999.0, 0.0, 0.0)) is None


@pytest.mark.trap("T17")
def test_a_click_on_the_curve_goes_to_the_frame(
    page: ViewerPage, qtbot: QtBot, series: Volume, files: dict[str, Volume]
) -> None:
    panel_of(page)
    opened(page, qtbot, "series.nii.gz")
    curve = playing(page).curve
    assert curve is not None and curve.isVisibleTo(page.window()) is not None and not curve.isHidden()
    times, values = curve.line.getData()
    assert times.tolist() == [0.0, 2.5, 5.0, 7.5, 10.0, 12.5]
    assert values.tolist() == course(series, page.desk.scene.state.cursor).tolist()  # type: ignore[union-attr]
    curve.plot.pointed.emit(7.2)
    assert page.desk.scene.state.frame == 3 and curve.here.value() == 7.5
    assert playing(page).cine.what == "frames", "time is what goes by when a series is played"
    curve.plot.pointed.emit(99.0)
    assert page.desk.scene.state.frame == 5


def test_without_seconds_frames_are_counted_from_one(
    page: ViewerPage, qtbot: QtBot, files: dict[str, Volume], told: Callable[..., object]
) -> None:
    files["frames.nii.gz"] = volume(np.zeros((3, 8, 8, 8), np.int16), kind="frames", name="frames.nii.gz")
    panel_of(page)
    opened(page, qtbot, "frames.nii.gz")
    curve = playing(page).curve
    assert curve is not None and curve.line.getData()[0].tolist() == [1.0, 2.0, 3.0]
    curve.plot.pointed.emit(2.1)
    assert page.desk.scene.state.frame == 1
    QApplication.processEvents()
