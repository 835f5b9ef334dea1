"""The viewer page as a person uses it: open, look, lay over, predict, accept, save; and when things go wrong."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from medviz.figures import Gallery, Picture, Table
from medviz.gui.desk import Desk
from medviz.gui.pages.viewer import ViewerPage
from medviz.gui.viewer.strip import NEUROLOGICAL, RADIOLOGICAL
from medviz.gui.viewer.thumbnails import kept
from medviz.imaging.volume import Volume, like
from medviz.messages import Progress, Work
from medviz.refused import Refused
from tests.gui.conftest import MODEL, head
from tests.gui.viewer.hands import Told, modelling, opened, panel_of, quiet, with_prediction
from tests.gui.viewer.phantoms import NAMES, grabbed, halves, marked, turn, volume

Button, Key = Qt.MouseButton, Qt.Key


# -- opening ------------------------------------------------------------------------------------------------------


def test_an_empty_viewer_offers_three_ways_and_the_sample(page: ViewerPage, qtbot: QtBot) -> None:
    assert page.empty.isVisible() and page.strip.isHidden()
    assert page.empty.open_button.isVisible() and page.empty.sample_button.isVisible()
    assert page.empty.folder_button.isVisible()
    qtbot.mouseClick(page.empty.sample_button, Button.LeftButton)
    qtbot.waitUntil(lambda: len(page.desk.scene.state.layers) == 2)
    assert page.empty.isHidden() and not page.strip.isHidden()
    assert page.desk.scene.state.scan.name == "sample_t1.nii.gz"  # type: ignore[union-attr]


def test_scans_open_lately_are_offered_and_opened(page: ViewerPage, qtbot: QtBot, desk: Desk) -> None:
    desk.remember(Path("/nowhere/lately.nii.gz"))
    page.entered()
    buttons = [one for one in page.empty.findChildren(type(page.empty.open_button)) if "lately" in one.text()]
    wanted: list[Path] = []
    desk.open_wanted.connect(wanted.append)
    buttons[0].click()
    assert wanted == [Path("/nowhere/lately.nii.gz").absolute()]
    qtbot.waitUntil(lambda: desk.scene.state.scan is not None)


def test_a_scan_open_lately_has_its_picture(page: ViewerPage, qtbot: QtBot, desk: Desk) -> None:
    opened(page, qtbot, "pictured.nii.gz")
    picture = kept(desk.preferences, Path("pictured.nii.gz"))
    assert max(picture.width(), picture.height()) == 96
    assert picture.toImage().pixelColor(picture.width() // 2, picture.height() // 2).lightness() > 200
    assert kept(desk.preferences, Path("never.nii.gz")).isNull()
    assert "pictured" not in "".join(desk.preferences.allKeys()), "no name of a file is kept with its picture"


def test_a_scan_that_loads_shows_its_progress_and_can_be_stopped(
    page: ViewerPage, desk: Desk, qtbot: QtBot, told: Told
) -> None:
    word, closed = threading.Semaphore(0), threading.Event()

    def slow(path: Path) -> Work[Volume]:
        try:
            yield Progress(30, 100, "reading")
            yield Picture("axial", np.eye(12))
            while not word.acquire(timeout=0.01):
                yield Progress(31, 100, "reading")
            return head()
        finally:
            closed.set()

    desk.services = replace(desk.services, read=slow)
    desk.open_wanted.emit(Path("slow.nii.gz"))
    qtbot.waitUntil(lambda: page.loading.isVisible() and page.loading.what.text() == "31 %")
    assert "slow" in page.loading.title.text() and page.empty.isHidden()
    assert page.panes.slices["axial"].isVisible() and grabbed(page.panes.slices["axial"]).any(), "a first slice"
    qtbot.mouseClick(page.loading.button, Button.LeftButton)
    qtbot.waitUntil(lambda: page.empty.isVisible() and page.loading.isHidden())
    assert closed.is_set() and desk.scene.state.scan is None and not told.notes


def test_what_cannot_be_read_is_a_notice_and_the_scan_stays(page: ViewerPage, qtbot: QtBot, told: Told) -> None:
    before = opened(page, qtbot)
    page.desk.open_wanted.emit(Path("bad.nii.gz"))
    qtbot.waitUntil(lambda: "not an image" in str(told))
    quiet(qtbot, page.desk)
    assert page.desk.scene.state.layers == before.layers and page.loading.isHidden()
    page.desk.open_wanted.emit(Path("good.nii.gz"))
    qtbot.waitUntil(page.ask.isVisible)


def test_warnings_about_a_file_are_told(page: ViewerPage, files: dict[str, Volume], qtbot: QtBot, told: Told) -> None:
    files["odd.nii.gz"] = replace(head(name="odd.nii.gz"), warnings=("sform and qform disagree by 3 mm",))
    opened(page, qtbot, "odd.nii.gz")
    assert "warning: odd.nii.gz: sform and qform disagree" in str(told)


def test_a_second_file_is_asked_about_and_labels_are_guessed(
    page: ViewerPage, files: dict[str, Volume], qtbot: QtBot, told: Told
) -> None:
    scan = opened(page, qtbot).scan
    assert scan is not None
    labels = np.zeros((12, 14, 11), np.uint8)
    labels[3:9, 3:9, 3:9] = 2
    files["mask.nii.gz"] = replace(volume(labels, (4.0, 4.0, 4.0), "mask.nii.gz"))
    page.desk.open_wanted.emit(Path("mask.nii.gz"))
    qtbot.waitUntil(page.ask.isVisible)
    assert page.ask.buttons["labels"].property("look") == "primary" and "uint8" in page.ask.what.text()
    qtbot.keyClick(page.ask.buttons["labels"], Key.Key_Space)
    qtbot.waitUntil(lambda: len(page.desk.scene.state.layers) == 2)
    layer = page.desk.scene.state.layers[1]
    assert layer.role == "labels" and layer.volume.same_grid(scan) and [one.value for one in layer.labels] == [2]
    assert "mask.nii.gz" in str(told) and page.ask.isHidden()


@pytest.mark.parametrize("answer", ["scan", "image", "probability", None])
def test_each_answer_is_taken(page: ViewerPage, qtbot: QtBot, answer: str | None) -> None:
    opened(page, qtbot)
    page.desk.open_wanted.emit(Path("other.nii.gz"))
    qtbot.waitUntil(page.ask.isVisible)
    button = page.ask.cancel if answer is None else page.ask.buttons[answer]  # type: ignore[index]
    qtbot.mouseClick(button, Button.LeftButton)
    quiet(qtbot, page.desk)
    names = [(layer.volume.name, layer.role) for layer in page.desk.scene.state.layers]
    first = ("t1.nii.gz", "image")
    assert (
        names
        == {
            "scan": [("other.nii.gz", "image")],
            "image": [first, ("other.nii.gz", "image")],
            "probability": [first, ("other.nii.gz", "probability")],
            None: [first],
        }[answer]
    )


def test_several_files_are_asked_about_one_after_the_other(page: ViewerPage, qtbot: QtBot) -> None:
    for name in ("t1.nii.gz", "two.nii.gz", "three.nii.gz"):
        page.desk.open_wanted.emit(Path(name))
    for name in ("two", "three"):
        qtbot.waitUntil(lambda name=name: page.ask.isVisible() and name in page.ask.title.text())  # type: ignore[misc]
        page.ask.buttons["image"].click()
    qtbot.waitUntil(lambda: len(page.desk.scene.state.layers) == 3)
    assert [layer.volume.name for layer in page.desk.scene.state.layers] == ["t1.nii.gz", "two.nii.gz", "three.nii.gz"]


def test_a_label_map_opened_first_is_pointed_out(
    page: ViewerPage, files: dict[str, Volume], qtbot: QtBot, told: Told
) -> None:
    scan = marked()
    files["mask.nii.gz"] = replace(halves(scan).volume, name="mask.nii.gz")
    opened(page, qtbot, "mask.nii.gz")
    assert "looks like a label map" in str(told)


def test_the_badge_is_never_cut(page: ViewerPage, qtbot: QtBot) -> None:
    opened(page, qtbot)
    for wide in (900, 620, 430, 320):
        page.window().resize(wide, 600)
        QApplication.processEvents()
        badge = page.strip.badge
        assert badge.text() and RADIOLOGICAL.startswith(badge.text())
        if page.strip.width() > 420:
            assert badge.width() >= badge.sizeHint().width() - 2, f"{badge.text()!r} at {page.strip.width()} px"


def test_a_picture_of_one_slice_fills_the_viewer(page: ViewerPage, files: dict[str, Volume], qtbot: QtBot) -> None:
    files["film.png"] = volume(np.arange(400, dtype=np.uint8).reshape(20, 20, 1), name="film.png")
    opened(page, qtbot, "film.png")
    assert page.desk.scene.state.maximised == "axial"
    assert [pane for pane, view in page.panes.views.items() if view.isVisible()] == ["axial"]


def test_the_frames_of_a_series_have_a_slider(page: ViewerPage, files: dict[str, Volume], qtbot: QtBot) -> None:
    frames = np.stack([np.full((10, 10, 10), value, np.int16) for value in (1, 2, 3)])
    files["bold.nii.gz"] = volume(frames, name="bold.nii.gz", kind="frames", frame_s=2.5)
    opened(page, qtbot, "bold.nii.gz")
    assert page.strip.frame.isVisible() and page.strip.frame_name.text() == "frame 1 / 3 · 0.0 s"
    page.strip.frame.setValue(2)
    assert page.desk.scene.state.frame == 2 and page.strip.frame_name.text() == "frame 3 / 3 · 5.0 s"
    page.desk.scene.update(frame=1)
    assert page.strip.frame.value() == 1
    page.desk.open_wanted.emit(Path("t1.nii.gz"))
    qtbot.waitUntil(page.ask.isVisible)
    page.ask.buttons["scan"].click()
    qtbot.waitUntil(lambda: not page.strip.frame.isVisible())


# -- looking ------------------------------------------------------------------------------------------------------


def test_keys_act_on_the_pane_under_the_mouse(page: ViewerPage, qtbot: QtBot) -> None:
    start = opened(page, qtbot).voxel
    coronal = page.panes.slices["coronal"]
    coronal.setFocus()
    qtbot.keyClick(coronal, Key.Key_Up)
    qtbot.keyClick(coronal, Key.Key_PageUp)
    assert np.subtract(page.desk.scene.state.voxel, start).tolist() == [0, 6, 0]
    qtbot.keyClick(coronal, Key.Key_Home)
    assert page.desk.scene.state.voxel[1] == 0
    qtbot.keyClick(coronal, Key.Key_C)
    assert not page.desk.scene.state.crosshair


@pytest.mark.trap("T2")
def test_the_badge_says_the_convention_and_n_and_a_click_switch_it(page: ViewerPage, qtbot: QtBot, desk: Desk) -> None:
    opened(page, qtbot)
    assert page.strip.badge.isVisible() and page.strip.badge.text() == RADIOLOGICAL
    qtbot.keyClick(page.panes.slices["axial"], Key.Key_N)
    assert page.strip.badge.text() == NEUROLOGICAL and not desk.scene.state.radiological
    page.strip.badge.click()
    assert page.strip.badge.text() == RADIOLOGICAL
    page.strip.badge.click()
    again = ViewerPage(desk)
    qtbot.addWidget(again)
    assert not desk.scene.state.radiological, "it is remembered for this person"
    again.close_page()


@pytest.mark.trap("T26")
def test_space_hides_overlays_as_long_as_it_is_held(page: ViewerPage, qtbot: QtBot) -> None:
    with_prediction(page, qtbot)
    axial = page.panes.slices["axial"]
    axial.setFocus()
    plain = replace(page.desk.scene.state, overlays_hidden=True)
    qtbot.keyPress(axial, Key.Key_Space)
    assert page.desk.scene.state == plain
    qtbot.keyRelease(axial, Key.Key_Space)
    assert not page.desk.scene.state.overlays_hidden
    qtbot.keyPress(axial, Key.Key_Space)
    page.hide()
    assert not page.desk.scene.state.overlays_hidden, "another page came to the front while it was held"


def test_f_fits_a_pane_and_r_resets_view_and_window(page: ViewerPage, qtbot: QtBot) -> None:
    first = opened(page, qtbot).layers[0]
    axial, coronal = page.panes.slices["axial"], page.panes.slices["coronal"]
    for view in (axial, coronal):
        turn(view, 4, modifiers=Qt.KeyboardModifier.ControlModifier)
    axial.setFocus()
    qtbot.keyClick(axial, Key.Key_F)
    assert axial.camera.zoom == 1.0 and coronal.camera.zoom > 1.0
    page.desk.scene.put(page.desk.scene.state.with_layer(0, window=7.0, level=3.0))
    qtbot.keyClick(axial, Key.Key_R)
    assert coronal.camera.zoom == 1.0
    assert page.desk.scene.state.layers[0].window == pytest.approx(first.window)


def test_a_double_click_and_the_strip_lay_the_panes(page: ViewerPage, qtbot: QtBot, desk: Desk) -> None:
    opened(page, qtbot)
    sagittal = page.panes.slices["sagittal"]
    small = sagittal.width()
    qtbot.mouseDClick(sagittal, Button.LeftButton, pos=QPoint(80, 80))
    assert sagittal.width() == page.panes.width() > 1.8 * small and page.panes.volume.isHidden()
    qtbot.mouseDClick(sagittal, Button.LeftButton, pos=QPoint(80, 80))
    assert sagittal.width() == small and page.panes.volume.isVisible()
    page.strip.layouts["1+3"].click()
    assert page.panes.slices["axial"].width() > 2 * sagittal.width() and desk.scene.state.layout == "1+3"
    qtbot.mouseDClick(page.panes.volume, Button.LeftButton, pos=QPoint(80, 80))
    assert desk.scene.state.maximised == "volume" and page.panes.volume.width() == page.panes.width()


def test_a_box_sets_the_window_to_what_it_holds(page: ViewerPage, files: dict[str, Volume], qtbot: QtBot) -> None:
    files["m.nii.gz"] = marked()
    opened(page, qtbot, "m.nii.gz")
    page.panes.slices["axial"].boxed.emit(0, np.array([[100.0, 200.0, np.nan, 150.0]]))
    layer = page.desk.scene.state.layers[0]
    assert 95 < layer.window < 101 and layer.level == pytest.approx(150)


def test_the_panel_reads_what_is_under_the_mouse_and_else_the_cross_hair(page: ViewerPage, qtbot: QtBot) -> None:
    scene = with_prediction(page, qtbot)
    panel, axial = panel_of(page), page.panes.slices["axial"]
    rows = panel.readout.rows()
    assert panel.readout.title.text() == "At the cross-hair"
    value = scene.scan.value_at(scene.cursor)  # type: ignore[union-attr]
    assert [row[1] for row in rows[2:]] == [f"{value:.0f}", "fluid"] and rows[2][2] == "int16"
    qtbot.mouseMove(axial, QPoint(axial.width() // 2, axial.height() // 2))
    assert panel.readout.title.text() == "Under the mouse"
    axial.leaveEvent(None)  # type: ignore[arg-type]
    assert panel.readout.rows() == rows


# -- layers and labels in the panel -------------------------------------------------------------------------------


def test_layers_are_listed_from_the_top_and_turned_there(page: ViewerPage, qtbot: QtBot) -> None:
    scene = with_prediction(page, qtbot)
    panel = panel_of(page)
    assert [box.name.full() for box in panel.boxes] == [layer.volume.name for layer in scene.layers]
    over = panel.boxes[1]
    assert over.fading.isVisible() and not panel.boxes[0].tuning.isVisible(), "the active layer shows its controls"
    over.eye.click()
    assert not page.desk.scene.state.layers[1].visible
    over.fading.opacity.setValue(35)
    assert page.desk.scene.state.layers[1].opacity == pytest.approx(0.35)
    over.fading.buttons["fill"].click()
    assert page.desk.scene.state.layers[1].style == "fill"
    over.removed.emit()
    assert len(page.desk.scene.state.layers) == 1 and len(panel.boxes) == 1


def test_window_presets_and_numbers_are_obeyed_and_follow_a_drag(page: ViewerPage, qtbot: QtBot) -> None:
    first = opened(page, qtbot).layers[0]
    tuning = panel_of(page).boxes[0].tuning
    lung = next(n for n in range(tuning.preset.count()) if tuning.preset.itemText(n).startswith("lung"))
    tuning.preset.activated.emit(lung)
    layer = page.desk.scene.state.layers[0]
    assert (layer.window, layer.level) == (1400, -500) and tuning.window_box.value() == 1400
    page.desk.scene.put(page.desk.scene.state.with_layer(0, window=123.0, level=45.0))
    assert (tuning.window_box.value(), tuning.level_box.value()) == (123, 45)
    tuning.level_box.setValue(60)
    assert page.desk.scene.state.layers[0].level == 60
    tuning.preset.activated.emit(1)
    assert page.desk.scene.state.layers[0].window == pytest.approx(first.window)
    tuning.colours.textActivated.emit("viridis")
    assert page.desk.scene.state.layers[0].colours == "viridis"


def test_showing_a_rounded_window_does_not_change_it(page: ViewerPage, qtbot: QtBot) -> None:
    opened(page, qtbot)
    page.desk.scene.put(page.desk.scene.state.with_layer(0, window=123.456, level=45.678))
    layer = page.desk.scene.state.layers[0]
    assert (layer.window, layer.level) == (123.456, 45.678)


def test_labels_have_names_volumes_and_voxels(page: ViewerPage, qtbot: QtBot) -> None:
    scene = with_prediction(page, qtbot)
    labels, counts = panel_of(page).labels, np.bincount(scene.layers[1].volume.voxels.ravel())
    qtbot.waitUntil(lambda: labels.model.counts is not None)
    rows = [[labels.sorted.index(row, column).data() for column in range(1, 4)] for row in range(3)]
    assert [row[0] for row in rows] == list(MODEL.labels)
    assert [int(row[2].replace("\u202f", "")) for row in rows] == counts[1:4].tolist()
    assert float(rows[0][1]) == pytest.approx(counts[1] * 0.008, abs=0.06), "2×2×2 mm are 0.008 ml"


@pytest.mark.trap("T26")
def test_a_label_can_be_hidden_shown_alone_and_gone_to(page: ViewerPage, qtbot: QtBot) -> None:
    with_prediction(page, qtbot)
    labels = panel_of(page).labels
    labels._clicked(labels.sorted.index(1, 0))
    assert page.desk.scene.state.layers[1].hidden_labels == {2}
    labels.solo(3)
    assert page.desk.scene.state.layers[1].hidden_labels == {1, 2}
    labels.solo(3)
    assert page.desk.scene.state.layers[1].hidden_labels == frozenset()
    labels._clicked(labels.sorted.index(0, 1))
    scene = page.desk.scene.state
    assert scene.layers[1].volume.value_at(scene.cursor) == 1, "the cross-hair stands in the label"


def test_labels_take_names_and_colours_from_a_table(page: ViewerPage, qtbot: QtBot, told: Told, tmp_path: Path) -> None:
    with_prediction(page, qtbot)
    table = tmp_path / "names.txt"
    table.write_text('1 10 20 30 1 1 1 "cortex"\n')
    page.layers.name_labels(1, table)
    labels = page.desk.scene.state.layers[1].labels
    assert [label.name for label in labels] == ["cortex", *MODEL.labels[1:]] and labels[0].colour == (10, 20, 30)
    table.write_text("no table at all")
    page.layers.name_labels(1, table)
    assert "names.txt" in str(told) and page.desk.scene.state.layers[1].labels == labels


@pytest.mark.trap("T18")
def test_many_labels_can_be_searched(page: ViewerPage, files: dict[str, Volume], qtbot: QtBot) -> None:
    scan = opened(page, qtbot).scan
    assert scan is not None
    voxels = (np.arange(scan.frame().size) % 118).astype(np.uint8).reshape(scan.shape)
    files["many.nii.gz"] = like(scan, np.sort(voxels, axis=0), "many.nii.gz")
    page.open(Path("many.nii.gz"), "labels")
    qtbot.waitUntil(lambda: len(page.desk.scene.state.layers) == 2)
    labels = panel_of(page).labels
    assert labels.search.isVisible() and labels.sorted.rowCount() == 117
    labels.search.setText("label 11")
    assert labels.sorted.rowCount() == 9, "11 and 110 to 117"
    assert labels.table.height() < 400


@pytest.mark.trap("T13")
def test_a_layer_can_be_taken_for_something_else_with_one_click(page: ViewerPage, qtbot: QtBot) -> None:
    opened(page, qtbot)
    page.open(Path("other.nii.gz"), "image")
    qtbot.waitUntil(lambda: len(page.desk.scene.state.layers) == 2)
    box = panel_of(page).boxes[1]
    box.role.activated.emit(1)
    qtbot.waitUntil(lambda: page.desk.scene.state.layers[1].role == "labels")
    quiet(qtbot, page.desk)
    assert [label.value for label in page.desk.scene.state.layers[1].labels] == [300, 600, 900]
    panel_of(page).boxes[1].role.activated.emit(2)
    qtbot.waitUntil(lambda: page.desk.scene.state.layers[1].role == "probability")


# -- models -------------------------------------------------------------------------------------------------------


@pytest.mark.trap("T21")
def test_a_prediction_is_a_proposal_until_it_is_accepted(page: ViewerPage, qtbot: QtBot) -> None:
    scene = with_prediction(page, qtbot)
    models = modelling(page).models
    assert scene.layers[1].proposal and models.answer.isVisible()
    assert [label.name for label in scene.layers[1].labels] == list(MODEL.labels)
    qtbot.mouseClick(models.accept, Button.LeftButton)
    assert not page.desk.scene.state.layers[1].proposal and models.answer.isHidden()
    modelling(page).run_model(MODEL.where)
    qtbot.waitUntil(lambda: len(page.desk.scene.state.layers) == 3 and modelling(page).predicting.job is None)
    assert not page.desk.scene.state.layers[1].proposal, "what was accepted is not touched by another run"
    models.reject.click()
    assert len(page.desk.scene.state.layers) == 2


def test_the_trust_card_says_what_a_model_is(page: ViewerPage, qtbot: QtBot) -> None:
    models = modelling(page).models
    qtbot.waitUntil(lambda: bool(models.cards))
    models.fold.setChecked(True)
    words = [one.text() for one in models.card.findChildren(type(page.loading.title))]
    assert "a phantom" in words and "MIT" in words and any("no figures" in word for word in words)


def growing(asked: threading.Semaphore, ended: threading.Event) -> Callable[[str, Volume], Work[Volume]]:
    """A model that finds one slab a time, when it is told to go on."""

    def predict(where: str, scan: Volume) -> Work[Volume]:
        found = np.zeros(scan.shape, np.uint8)
        try:
            for tile in range(4):
                while not asked.acquire(timeout=0.01):
                    yield Progress(tile, 4, "tile")
                found[:, :, tile * 5 : tile * 5 + 5] = 1
                yield Gallery("partial", found.copy())
            return like(scan, found, name=where)
        finally:
            ended.set()

    return predict


def test_a_result_grows_and_keeps_how_it_was_turned(page: ViewerPage, desk: Desk, qtbot: QtBot) -> None:
    asked, ended = threading.Semaphore(0), threading.Event()
    desk.services = replace(desk.services, predict=growing(asked, ended))
    opened(page, qtbot)
    quiet(qtbot, desk)
    qtbot.waitUntil(lambda: page.panes.volume.shown is not None, timeout=20000)
    quiet(qtbot, desk)
    models = modelling(page).models
    models.button.click()
    qtbot.waitUntil(lambda: models.progress.isVisible())
    assert not models.button.isEnabled()
    asked.release()
    qtbot.waitUntil(lambda: len(desk.scene.state.layers) == 2)
    assert int(desk.scene.state.layers[1].volume.frame().sum()) > 0 and models.answer.isHidden()
    desk.scene.put(desk.scene.state.with_layer(1, opacity=0.2))
    before = int(desk.scene.state.layers[1].volume.frame().sum())
    qtbot.waitUntil(lambda: not any(job.title == "3-D" for job in desk.jobs))  # one of the scan alone may be on its way
    shown = page.panes.volume.shown
    assert shown is not None and len(shown.wish.scene.layers) == 1, "no picture of what is out of date at the next tile"
    asked.release()
    qtbot.waitUntil(lambda: int(desk.scene.state.layers[1].volume.frame().sum()) > before)
    asked.release(2)
    qtbot.waitUntil(lambda: modelling(page).predicting.job is None)
    (layer,) = desk.scene.state.layers[1:]
    assert layer.opacity == 0.2 and layer.proposal and models.answer.isVisible()
    view = page.panes.volume
    qtbot.waitUntil(lambda: view.shown is not None and layer in view.shown.wish.scene.layers, timeout=20000)
    quiet(qtbot, desk)


def test_a_network_of_ones_own_says_the_names_of_its_labels(page: ViewerPage, desk: Desk, qtbot: QtBot) -> None:
    def own(where: str, scan: Volume) -> Work[Volume]:
        yield Table("labels", ("value", "name"), ((1, "anterior"), (2, "posterior")))
        return like(scan, (scan.frame() > 0).astype(np.uint8), name=where)

    desk.services = replace(desk.services, predict=own)
    opened(page, qtbot)
    desk.predict_wanted.emit("/runs/hippocampus 3")
    qtbot.waitUntil(lambda: len(desk.scene.state.layers) == 2)
    assert [label.name for label in desk.scene.state.layers[1].labels] == ["anterior", "posterior"]


def test_a_run_that_is_cancelled_leaves_nothing(page: ViewerPage, desk: Desk, qtbot: QtBot) -> None:
    asked, ended = threading.Semaphore(1), threading.Event()
    desk.services = replace(desk.services, predict=growing(asked, ended))
    opened(page, qtbot)
    modelling(page).run_model(MODEL.where)
    qtbot.waitUntil(lambda: len(desk.scene.state.layers) == 2)
    modelling(page).predicting.cancel()
    qtbot.waitUntil(lambda: modelling(page).predicting.job is None)
    assert ended.is_set() and len(desk.scene.state.layers) == 1


def test_an_answer_that_comes_late_is_not_laid_over_another_scan(
    page: ViewerPage, desk: Desk, qtbot: QtBot, told: Told
) -> None:
    asked, ended = threading.Semaphore(0), threading.Event()
    desk.services = replace(desk.services, predict=growing(asked, ended))
    opened(page, qtbot)
    modelling(page).run_model(MODEL.where)
    qtbot.waitUntil(lambda: modelling(page).predicting.job is not None)
    page.open(Path("other.nii.gz"), "scan")
    qtbot.waitUntil(lambda: desk.scene.state.scan.name == "other.nii.gz")  # type: ignore[union-attr]
    asked.release(4)
    qtbot.waitUntil(lambda: modelling(page).predicting.job is None)
    assert len(desk.scene.state.layers) == 1 and "no longer open" in str(told)


@pytest.mark.trap("T7")
def test_an_answer_on_another_grid_is_refused(page: ViewerPage, desk: Desk, qtbot: QtBot, told: Told) -> None:
    def elsewhere(where: str, scan: Volume) -> Work[Volume]:
        yield Progress(0, 1)
        return replace(like(scan, np.zeros(scan.shape, np.uint8)), affine=scan.affine + 1.0)

    desk.services = replace(desk.services, predict=elsewhere)
    opened(page, qtbot)
    modelling(page).run_model(MODEL.where)
    qtbot.waitUntil(lambda: "another grid" in str(told))
    assert len(desk.scene.state.layers) == 1


def test_a_model_that_breaks_is_a_notice(page: ViewerPage, desk: Desk, qtbot: QtBot, told: Told) -> None:
    def broken(where: str, scan: Volume) -> Work[Volume]:
        yield Progress(0, 1)
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    desk.services = replace(desk.services, predict=broken)
    opened(page, qtbot)
    modelling(page).run_model(MODEL.where)
    qtbot.waitUntil(lambda: "cannot be multiplied" in str(told))
    quiet(qtbot, desk)
    assert modelling(page).predicting.job is None and modelling(page).models.button.isEnabled()


def test_a_model_needs_a_scan_and_runs_once_at_a_time(page: ViewerPage, desk: Desk, qtbot: QtBot, told: Told) -> None:
    modelling(page).run_model(MODEL.where)
    qtbot.waitUntil(lambda: "no scan" in str(told))
    asked, ended = threading.Semaphore(0), threading.Event()
    desk.services = replace(desk.services, predict=growing(asked, ended))
    opened(page, qtbot)
    modelling(page).run_model(MODEL.where)
    qtbot.waitUntil(lambda: modelling(page).predicting.job is not None)
    modelling(page).run_model(MODEL.where)
    qtbot.waitUntil(lambda: "still running" in str(told))
    modelling(page).predicting.cancel()
    qtbot.waitUntil(lambda: modelling(page).predicting.job is None)


def test_another_page_can_ask_for_a_model_over_the_scan(page: ViewerPage, desk: Desk, qtbot: QtBot) -> None:
    opened(page, qtbot)
    desk.predict_wanted.emit("/runs/tissue 3")
    qtbot.waitUntil(lambda: len(desk.scene.state.layers) == 2)
    assert desk.scene.state.layers[1].volume.name == "/runs/tissue 3"


# -- saving -------------------------------------------------------------------------------------------------------


def test_labels_are_saved_on_the_scans_grid(page: ViewerPage, desk: Desk, qtbot: QtBot, tmp_path: Path) -> None:
    written: list[tuple[Volume, Path]] = []
    desk.services = replace(desk.services, write=lambda one, path: written.append((one, path)))
    scene = with_prediction(page, qtbot)
    page.saving.write_layer(1, tmp_path / "labels.nii.gz")
    qtbot.waitUntil(lambda: bool(written))
    volume_written, path = written[0]
    assert path.name == "labels.nii.gz" and scene.scan is not None
    assert np.array_equal(volume_written.affine, scene.scan.affine) and volume_written.stored.borrowed
    quiet(qtbot, desk)


def test_what_cannot_be_saved_is_a_notice(
    page: ViewerPage, desk: Desk, qtbot: QtBot, told: Told, tmp_path: Path
) -> None:
    def refuse(one: Volume, path: Path) -> None:
        raise Refused(path, "the disk is full", "free some space")

    desk.services = replace(desk.services, write=refuse)
    with_prediction(page, qtbot)
    page.saving.write_layer(1, tmp_path / "labels.nii.gz")
    qtbot.waitUntil(lambda: "disk is full" in str(told))
    page.saving.write_picture(page.panes.front, tmp_path / "no such folder" / "pane.png")
    assert "could not be written" in str(told)


def test_a_picture_of_a_pane_is_what_is_on_the_screen(page: ViewerPage, qtbot: QtBot, tmp_path: Path) -> None:
    opened(page, qtbot)
    axial = page.panes.slices["axial"]
    page.saving.write_picture(axial, tmp_path / "pane.png")
    from PySide6.QtGui import QImage

    saved = QImage(str(tmp_path / "pane.png"))
    assert saved.size() == axial.size() and saved == axial.grab().toImage().convertToFormat(saved.format())


def test_overlays_of_a_halves_map_read_right_in_every_pane(
    page: ViewerPage, files: dict[str, Volume], qtbot: QtBot
) -> None:
    files["m.nii.gz"] = marked()
    scan = opened(page, qtbot, "m.nii.gz").scan
    assert scan is not None
    page.desk.scene.put(page.desk.scene.state.adding(halves(scan)))
    for name, view in page.panes.slices.items():
        near = np.abs(grabbed(view) - np.array(NAMES[1].colour)).max(axis=2) < 30
        assert near.mean() > 0.1, f"the patient's right half is seen in the {name} pane"
    QApplication.processEvents()
