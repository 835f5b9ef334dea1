"""Comparing in the window: every number is a link, the next worst error on a key, the arrow where it belongs."""

import csv
import os
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QFileDialog, QTableView
from pytestqt.qtbot import QtBot

from medviz.gui.pages.viewer import ViewerPage
from medviz.gui.viewer import judging
from medviz.gui.viewer.comparing import Comparing
from medviz.gui.viewer.comparison_table import KEYS, ComparisonTable
from medviz.imaging.judging.difference import AGREE, EXTRA, LACKS, LEGEND
from medviz.imaging.judging.results import Comparison
from medviz.imaging.labels import named
from medviz.imaging.scene import Layer, Scene
from medviz.imaging.slices import PLANES
from medviz.imaging.volume import Volume, like
from medviz.messages import Progress, Work
from tests.gui.viewer.hands import Told, quiet
from tests.gui.viewer.phantoms import grabbed, marked
from tests.gui.viewer.phantoms import volume as phantom_volume

Button, Key = Qt.MouseButton, Qt.Key
SPACING = (0.5, 0.5, 6.0)
NAMES = named(("liver", "spleen", "kidney"))


def maps(scan: Volume) -> tuple[Volume, Volume]:
    """A liver with a bite (too far in), a bump, one that is missed; a spleen taken for a kidney in part."""
    meant, seen = np.zeros(scan.shape, np.uint8), np.zeros(scan.shape, np.uint8)
    meant[4:14, 4:14, 4:14] = seen[4:14, 4:14, 4:14] = 1
    seen[10:14, 4:9, 4:14] = 0  # 200 voxels lack
    seen[14:16, 6:12, 6:12] = 1  # 72 too many
    meant[30:34, 2:6, 2:6] = 1  # 64 missed
    meant[20:26, 4:10, 4:10] = seen[20:26, 4:10, 4:10] = 2
    seen[23:26, 4:10, 4:10] = 3  # 108 confused
    return like(scan, seen, "seen"), like(scan, meant, "meant")


def shown(page: ViewerPage, *more: Layer) -> Scene:
    """Put scan, reference and prediction into the scene and the tab to the front."""
    scan = marked(40, SPACING)
    seen, meant = maps(scan)
    layers = (Layer(meant, "labels", labels=NAMES), Layer(seen, "labels", labels=NAMES), *more)
    scene = Scene(layers=(Layer(scan, window=1000, level=500), *layers)).at_voxel((0, 0, 0))
    page.desk.scene.put(scene)
    page.show_tab(Comparing.NAME)
    return scene


@pytest.fixture
def comparing(page: ViewerPage, qtbot: QtBot) -> Comparing:
    """Compared already."""
    shown(page)
    feature = page.feature(Comparing.NAME)
    assert isinstance(feature, Comparing) and feature.box is not None
    qtbot.mouseClick(feature.box.button, Button.LeftButton)
    quiet(qtbot, page.desk)
    assert feature.found is not None
    return feature


def click(qtbot: QtBot, table: ComparisonTable, value: int, key: str) -> None:
    """Click the number of a label, as a hand does: where it stands on the screen."""
    index = table.sorted.index(table.values().index(value), KEYS.index(key))
    table.scrollTo(index)
    middle = table.visualRect(index).center()
    qtbot.mouseClick(table.viewport(), Button.LeftButton, pos=QPoint(middle.x(), middle.y()))


def voxel(page: ViewerPage) -> tuple[int, int, int]:
    return page.desk.scene.state.voxel


def test_two_label_layers_are_chosen_by_themselves_and_can_be_swapped(comparing: Comparing) -> None:
    box = comparing.box
    assert box is not None
    assert (box.prediction.currentText(), box.reference.currentText()) == ("seen", "meant")
    box.swap.click()
    assert (box.prediction.currentText(), box.reference.currentText()) == ("meant", "seen")


@pytest.mark.trap("T20")
def test_the_table_says_what_was_measured_the_worst_first(comparing: Comparing) -> None:
    box, found = comparing.box, comparing.found
    assert box is not None and found is not None and box.table.isVisible()
    assert box.table.values() == (2, 1, 3), "by Dice; what has none comes last"
    row = found.of(1)
    assert row is not None and row.hd95_mm is not None
    texts = [box.table.sorted.index(1, KEYS.index(key)).data() for key in ("name", "dice", "hd95_mm")]
    assert texts == ["liver", f"{row.dice:.3f}", f"{row.hd95_mm:.2f}"]
    assert box.table.sorted.index(2, KEYS.index("dice")).data() == "–"
    assert "not in the reference: kidney" in box.summary.text()


@pytest.mark.trap("T19", "T20")
def test_a_click_on_dice_goes_to_the_largest_error(page: ViewerPage, comparing: Comparing, qtbot: QtBot) -> None:
    assert comparing.box is not None
    click(qtbot, comparing.box.table, 1, "dice")
    x, y, z = voxel(page)
    assert 10 <= x < 14 and 4 <= y < 9 and 4 <= z < 14
    assert comparing.place is not None and "liver: border too far in" in comparing.place.words
    assert comparing.place.words == comparing.box.words.text()


@pytest.mark.trap("T20")
def test_a_click_on_hd95_goes_to_the_worst_pair_and_draws_its_arrow(
    page: ViewerPage, comparing: Comparing, qtbot: QtBot
) -> None:
    assert comparing.box is not None and comparing.found is not None
    before = {plane: grabbed(page.panes.slices[plane]) for plane in PLANES}
    click(qtbot, comparing.box.table, 1, "hd95_mm")
    row = comparing.found.of(1)
    assert row is not None and row.worst is not None
    np.testing.assert_allclose(page.desk.scene.state.cursor, row.worst.predicted_mm, atol=1e-9)
    page.desk.scene.update(crosshair=False)
    for plane in PLANES:
        view = page.panes.slices[plane]
        pixels = grabbed(view)
        assert pixels.shape == before[plane].shape
        yellow = (pixels[..., 0] > 200) & (pixels[..., 1] > 190) & (pixels[..., 2] < 140)
        ends = [view.screen_of(point) for point in (row.worst.meant_mm, row.worst.predicted_mm)]
        middle = np.mean(ends, axis=0)
        for x, y in ends if np.hypot(*np.subtract(*ends)) > 18 else [middle]:
            near = yellow[max(0, round(y) - 16) : round(y) + 17, max(0, round(x) - 16) : round(x) + 17]
            assert near.any(), f"{plane}: nothing is drawn at {x:.0f}, {y:.0f}"


def test_the_arrow_goes_with_escape_and_while_overlays_are_hidden(
    page: ViewerPage, comparing: Comparing, qtbot: QtBot
) -> None:
    assert comparing.box is not None
    page.desk.scene.update(crosshair=False)
    view = page.panes.slices["axial"]

    def drawn() -> bool:
        pixels = grabbed(view)
        return bool(((pixels[..., 0] > 240) & (pixels[..., 1] > 220) & (pixels[..., 2] < 110)).any())

    assert not drawn()
    click(qtbot, comparing.box.table, 1, "hd95_mm")
    assert drawn()
    page.desk.scene.update(overlays_hidden=True)
    assert not drawn()
    page.desk.scene.update(overlays_hidden=False)
    qtbot.keyClick(view, Key.Key_Escape)
    assert comparing.place is None and not drawn()


def test_next_worst_walks_from_the_largest_to_the_smallest_and_back(
    page: ViewerPage, comparing: Comparing, qtbot: QtBot
) -> None:
    found, view = comparing.found, page.panes.slices["axial"]
    assert found is not None and comparing.box is not None
    sizes = []
    for error in found.errors:
        qtbot.keyClick(view, Key.Key_E)
        np.testing.assert_allclose(page.desk.scene.state.cursor, error.at_mm, atol=1e-9)
        sizes.append(error.voxels)
    assert sizes == sorted(sizes, reverse=True) and len(sizes) == comparing.found.rows[0].mistakes + 2  # type: ignore[union-attr]
    assert comparing.box.count.text() == f"{len(sizes)} of {len(sizes)}" and not comparing.box.after.isEnabled()
    qtbot.keyClick(view, Key.Key_E)
    np.testing.assert_allclose(page.desk.scene.state.cursor, found.errors[-1].at_mm, atol=1e-9)
    qtbot.keyClick(view, Key.Key_E, Qt.KeyboardModifier.ShiftModifier)
    np.testing.assert_allclose(page.desk.scene.state.cursor, found.errors[-2].at_mm, atol=1e-9)


def test_a_link_is_followed_with_the_keyboard_and_the_same_keys_step_on(
    page: ViewerPage, comparing: Comparing, qtbot: QtBot
) -> None:
    assert comparing.box is not None and comparing.found is not None
    table = comparing.box.table
    table.setFocus()
    table.setCurrentIndex(table.sorted.index(table.values().index(1), KEYS.index("hd95_mm")))
    qtbot.keyClick(table, Key.Key_Return)
    row = comparing.found.of(1)
    assert row is not None and comparing.place is not None and comparing.place.gap is row.worst
    qtbot.keyClick(table, Key.Key_E)
    assert comparing.at == 0
    qtbot.keyClick(table, Key.Key_E)
    qtbot.keyClick(table, Key.Key_E, Qt.KeyboardModifier.ShiftModifier)
    assert comparing.at == 0


def test_a_click_on_a_name_walks_through_its_errors_alone(page: ViewerPage, comparing: Comparing, qtbot: QtBot) -> None:
    box = comparing.box
    assert box is not None
    click(qtbot, box.table, 2, "name")
    assert comparing.found is not None and comparing.found.meant[voxel(page)] == 2
    assert {one.value for one in comparing.errors} == {2} and "spleen" in box.all.text()
    qtbot.mouseClick(box.after, Button.LeftButton)
    assert "spleen: border too far in" in box.words.text() and "prediction: kidney" in box.words.text()
    qtbot.mouseClick(box.all, Button.LeftButton)
    assert {one.value for one in comparing.errors} == {1, 2, 3} and box.all.isHidden()


def test_zoomed_panes_are_moved_so_that_the_error_is_in_their_middle(
    page: ViewerPage, comparing: Comparing, qtbot: QtBot
) -> None:
    for view in page.panes.slices.values():
        view.look(replace(view.camera, zoom=6.0))
    comparing.step(1)
    for view in page.panes.slices.values():
        x, y = view.screen_of(page.desk.scene.state.cursor)
        assert abs(x - view.width() / 2) < 2 and abs(y - view.height() / 2) < 2


def test_the_difference_is_a_layer_that_a_key_shows_and_takes_away(
    page: ViewerPage, comparing: Comparing, qtbot: QtBot
) -> None:
    qtbot.keyClick(page.panes.slices["axial"], Key.Key_D)
    quiet(qtbot, page.desk)
    layer = page.desk.scene.state.layers[-1]
    assert layer.labels == LEGEND and comparing.box is not None and comparing.box.legend.isVisible()
    voxels = layer.volume.frame()
    assert (voxels[5, 5, 5], voxels[11, 5, 5], voxels[15, 8, 8], voxels[0, 0, 0]) == (AGREE, LACKS, EXTRA, 0)
    assert [comparing.box.prediction.itemText(k) for k in range(comparing.box.prediction.count())] == ["meant", "seen"]
    click(qtbot, comparing.box.table, 2, "name")
    quiet(qtbot, page.desk)
    alone = page.desk.scene.state.layers[-1].volume
    assert alone.name == "difference · spleen" and alone.frame()[5, 5, 5] == 0 and alone.frame()[21, 5, 5] == AGREE
    qtbot.keyClick(page.panes.slices["axial"], Key.Key_D)
    assert len(page.desk.scene.state.layers) == 3 and comparing.box.legend.isHidden()


def test_colours_of_the_difference_are_told_apart_without_hue() -> None:
    light = [0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in (one.colour for one in LEGEND)]
    blue = [b - r for r, _, b in (one.colour for one in LEGEND)]
    for i in range(len(LEGEND)):
        for j in range(i):
            assert abs(light[i] - light[j]) > 25 or abs(blue[i] - blue[j]) > 80


def test_all_numbers_stand_below_the_panes_and_can_float(page: ViewerPage, comparing: Comparing, qtbot: QtBot) -> None:
    assert comparing.box is not None
    qtbot.mouseClick(comparing.box.wide, Button.LeftButton)
    sheet = comparing.sheet
    assert sheet is not None and sheet.isVisible() and not sheet.isWindow()
    assert sheet.mapTo(page, QPoint(0, 0)).y() >= page.panes.geometry().bottom() - 1
    assert comparing.box.table.isHidden(), "the same numbers are not shown twice"
    click(qtbot, sheet.table, 1, "precision")
    assert 14 <= voxel(page)[0] < 16
    click(qtbot, sheet.table, 1, "missed")
    assert 30 <= voxel(page)[0] < 34
    sheet.float_or_dock()
    assert sheet.isWindow() and sheet.isVisible()
    sheet.float_or_dock()
    assert not sheet.isWindow() and sheet.isVisible()
    qtbot.keyClick(page.panes.slices["axial"], Key.Key_D, Qt.KeyboardModifier.ShiftModifier)
    assert sheet.isHidden() and not comparing.box.wide.isChecked() and comparing.box.table.isVisible()


def test_any_column_sorts_with_the_worst_first_and_empty_ones_last(comparing: Comparing, qtbot: QtBot) -> None:
    comparing.widen(True)
    assert comparing.sheet is not None and comparing.found is not None
    table = comparing.sheet.table
    header = table.horizontalHeader()
    for key, descending in (("hd95_mm", True), ("volume_difference_ml", True), ("nsd", False)):
        section = KEYS.index(key)
        for again in (False, True):
            header.sectionClicked.emit(section)
            numbers = [getattr(comparing.found.of(value), key) for value in table.values()]
            known = [abs(one) if "difference" in key else one for one in numbers if one is not None]
            assert known == sorted(known, reverse=descending != again), key
            assert numbers[len(known) :] == [None] * (len(numbers) - len(known)), key
        assert str(table.sorted.headerData(section, Qt.Orientation.Horizontal)).endswith(("▴", "▾"))


def test_the_list_of_errors_and_the_matrix_are_links_too(page: ViewerPage, comparing: Comparing, qtbot: QtBot) -> None:
    comparing.widen(True)
    sheet = comparing.sheet
    assert sheet is not None and comparing.found is not None
    sheet.tabs.setCurrentWidget(sheet.errors)
    index = sheet.errors.sorted.index(1, 2)
    qtbot.mouseClick(sheet.errors.viewport(), Button.LeftButton, pos=sheet.errors.visualRect(index).center())
    np.testing.assert_allclose(page.desk.scene.state.cursor, comparing.found.errors[1].at_mm, atol=1e-9)
    comparing.step(1)
    assert [one.row() for one in sheet.errors.selectionModel().selectedRows()] == [2]
    sheet.tabs.setCurrentIndex(2)
    qtbot.wait(20)
    row, column = sheet._values.index(3), sheet._values.index(2)
    x, y, wide, high = sheet.matrix.grid.box(row, column)
    place = QPoint(round(x + wide / 2), round(y + high / 2))
    qtbot.mouseClick(sheet.matrix, Button.LeftButton, pos=place)
    assert 23 <= voxel(page)[0] < 26, "spleen that was called kidney"


def test_a_label_is_found_by_its_name_among_many(page: ViewerPage, qtbot: QtBot) -> None:
    scan = marked(40, SPACING)
    many = (np.arange(np.prod(scan.shape)) % 118).astype(np.uint8).reshape(scan.shape)
    names = named(tuple(f"organ {value}" for value in range(1, 118)))
    one, other = like(scan, many, "one"), like(scan, np.roll(many, 1, 0), "other")
    page.desk.scene.put(Scene(layers=(Layer(scan), *(Layer(v, "labels", labels=names) for v in (one, other)))))
    page.show_tab(Comparing.NAME)
    feature = page.feature(Comparing.NAME)
    assert isinstance(feature, Comparing) and feature.box is not None
    feature.judging.compare()
    quiet(qtbot, page.desk, 60)
    assert len(feature.box.table.values()) == 117 and feature.box.search.isVisible()
    qtbot.keyClicks(feature.box.search, "organ 11")
    assert sorted(feature.box.table.values()) == [11, *range(110, 118)]


def test_another_tolerance_is_measured_again(comparing: Comparing, page: ViewerPage, qtbot: QtBot) -> None:
    box, old = comparing.box, comparing.found
    assert box is not None and old is not None
    box.tolerance.setValue(0.5)
    qtbot.waitUntil(lambda: comparing.found is not old, timeout=5000)
    assert comparing.found is not None and comparing.found.tolerance_mm == 0.5
    assert comparing.found.rows[0].nsd < old.rows[0].nsd  # type: ignore[operator]


def test_labels_that_changed_since_are_said_to_have_and_compared_again(
    comparing: Comparing, page: ViewerPage, qtbot: QtBot
) -> None:
    assert comparing.box is not None and comparing.box.stale.isHidden()
    scene = page.desk.scene.state
    page.desk.scene.put(
        scene.with_layer(2, volume=like(scene.layers[0].volume, np.zeros(scene.layers[0].volume.shape, np.uint8)))
    )
    assert comparing.box.stale.isVisible()


def test_a_layer_that_is_painted_on_stays_chosen(comparing: Comparing, page: ViewerPage) -> None:
    comparing.judging.swap()
    prediction, reference = comparing.judging.pair
    scene = page.desk.scene.state
    number = next(n for n, layer in enumerate(scene.layers) if layer.volume is prediction)
    painted = replace(scene.layers[number].volume)
    page.desk.scene.put(scene.with_layer(number, volume=painted))
    assert comparing.judging.pair == (painted, reference) and comparing.judging.stale


def test_comparing_can_be_cancelled_and_what_was_there_stays(
    comparing: Comparing, page: ViewerPage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = threading.Event()

    def endless(*maps: object) -> Work[Comparison]:
        try:
            while True:
                time.sleep(0.005)
                yield Progress(40, 100, "liver")
        finally:
            closed.set()

    old, box = comparing.found, comparing.box
    assert box is not None
    monkeypatch.setattr(judging, "ROOMS", {"agreement": endless})
    assert comparing.judging.compare() is not None
    qtbot.waitUntil(lambda: not box.progress.isHidden() and box.progress.bar.value() == 400)
    box.cancelled.emit()
    quiet(qtbot, page.desk)
    assert closed.is_set() and comparing.found is old
    assert box.progress.isHidden() and not box.button.isHidden()


def test_numbers_are_saved_as_csv_and_a_bad_place_is_a_notice(
    comparing: Comparing, tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "numbers.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *words: (str(out), ""))
    comparing._ask_export()
    with out.open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["name"] for line in lines] == ["liver", "spleen", "kidney"] and lines[2]["dice"] == ""
    assert comparing.found is not None and float(lines[0]["dice"]) == comparing.found.rows[0].dice
    comparing.export(tmp_path / "gone" / "numbers.csv")
    assert "error" in str(told)


def test_with_one_label_layer_it_says_what_is_needed(page: ViewerPage) -> None:
    scene = shown(page)
    page.desk.scene.put(scene.without(2))
    box = page.feature(Comparing.NAME).box  # type: ignore[attr-defined]
    assert not box.button.isEnabled() and "one more label map" in box.hint.text()
    page.desk.scene.put(Scene())
    assert "a prediction and a reference" in box.hint.text() or box.hint.isHidden()


def test_a_proposal_is_held_against_what_is_settled(page: ViewerPage) -> None:
    scan = marked(40, SPACING)
    seen, meant = maps(scan)
    layers = (Layer(seen, "labels", labels=NAMES, proposal=True), Layer(meant, "labels", labels=NAMES))
    page.desk.scene.put(Scene(layers=(Layer(scan), *layers)))
    feature = page.feature(Comparing.NAME)
    assert isinstance(feature, Comparing)
    assert feature.judging.pair == (seen, meant)


@pytest.mark.trap("T6")
def test_files_of_other_grids_are_opened_over_the_scan_and_compared_in_mm(
    page: ViewerPage, files: dict[str, Volume], qtbot: QtBot, told: Told
) -> None:
    scan = marked(40, SPACING)
    meant = np.zeros(scan.shape, np.uint8)
    meant[8:20, 8:20, 8:20] = 1
    coarse = phantom_volume(np.ones((6, 6, 12), np.uint8), (1.0, 1.0, 6.0))
    affine = coarse.affine.copy()
    affine[:3, 3] = np.add(scan.to_mm((8, 8, 8)), (0.25, 0.25, 0.0))
    files["scan.nii.gz"] = scan
    files["meant.nii.gz"] = like(scan, meant, "meant.nii.gz")
    files["coarse.nii.gz"] = replace(coarse, affine=affine, name="coarse.nii.gz")
    page.open(Path("scan.nii.gz"), "scan")
    page.open(Path("meant.nii.gz"), "labels")
    page.open(Path("coarse.nii.gz"), "labels")
    qtbot.waitUntil(lambda: len(page.desk.scene.state.layers) == 3, timeout=10_000)
    quiet(qtbot, page.desk)
    assert "another grid" in str(told)
    feature = page.feature(Comparing.NAME)
    assert isinstance(feature, Comparing)
    feature.judging.compare()
    quiet(qtbot, page.desk)
    assert feature.found is not None and feature.found.rows[0].dice == 1.0


def test_another_scan_lets_go_of_the_comparison(comparing: Comparing, page: ViewerPage) -> None:
    comparing.widen(True)
    comparing.step(1)
    page.desk.scene.put(Scene(layers=(Layer(marked(30)),)))
    assert comparing.found is None and comparing.place is None and comparing.errors == ()
    assert comparing.sheet is not None and comparing.sheet.isHidden()
    assert comparing.box is not None and comparing.box.results.isHidden()


def test_every_control_has_a_tool_tip_and_a_name(comparing: Comparing) -> None:
    from PySide6.QtWidgets import QAbstractButton, QComboBox, QDoubleSpinBox

    comparing.widen(True)
    assert comparing.box is not None and comparing.sheet is not None
    for holder in (comparing.box, comparing.sheet):
        for kind in (QAbstractButton, QComboBox, QDoubleSpinBox):
            for widget in holder.findChildren(kind):
                if isinstance(widget.parent(), QTableView) or "scroller" in widget.objectName().lower():
                    continue
                if widget.parent().__class__.__name__ in ("QTabBar", "QLineEdit"):
                    continue
                said = widget.toolTip() or widget.accessibleName()
                assert said, f"{widget.__class__.__name__} {getattr(widget, 'text', str)()}"


@pytest.mark.skipif(os.environ.get("MEDVIZ_TEST_PATIENCE_S") == "0", reason="a machine without patience")
def test_the_real_tumour_against_a_shifted_copy(page: ViewerPage, data: Path, qtbot: QtBot) -> None:
    from medviz.imaging.readers import read
    from medviz.messages import finished

    folder = data / "seg3d" / "pyradiomics_brain1"
    scan, mask = (finished(read(folder / f"brain1_{name}.nrrd")) for name in ("image", "label"))
    shifted = like(mask, np.roll(mask.frame(), (0, 0, 2), (0, 1, 2)), "shifted")
    layers = [Layer(one, "labels", labels=named(("tumour",))) for one in (mask, shifted)]
    page.desk.scene.put(Scene(layers=(Layer(scan, window=1800, level=900), *layers)))
    feature = page.feature(Comparing.NAME)
    assert isinstance(feature, Comparing)
    feature.judging.compare()
    quiet(qtbot, page.desk, 60)
    assert feature.found is not None
    (row,) = feature.found.rows
    assert row.hd_mm == pytest.approx(13.0, abs=0.01), "two slices of 6.5 mm"
    feature.follow(1, "hd95_mm")
    assert row.worst is not None
    np.testing.assert_allclose(page.desk.scene.state.cursor, row.worst.predicted_mm, atol=1e-6)
