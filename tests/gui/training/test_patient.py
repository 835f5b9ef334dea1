"""The epoch scrubber on the patient: the slider moves the picture, a click asks the voxel, new epochs are followed."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from medviz.gui.desk import Desk
from medviz.gui.pages.training import TrainingPage
from medviz.gui.services import Services
from medviz.gui.storied import Storied
from medviz.gui.training.patient import Patient, field_corners
from medviz.gui.training.strip import spread
from medviz.imaging.judging.difference import AGREE, EXTRA, LACKS
from medviz.imaging.story import ProbeCase
from medviz.messages import Progress, Work
from medviz.refused import Refused
from tests.gui.training.stories import BOX, CLASSES, SHAPE, case, shares_at, tell

CLICK = Qt.MouseButton.LeftButton


def found(run: Path, place: int) -> Work[ProbeCase]:
    yield Progress(0, 0, "finding")
    return replace(case(), number=place)


def sees(run: Path, scan: Any) -> Work[tuple[float, float, float] | None]:
    yield Progress(0, 0, "looking")
    return 8.0, 6.5, 12.4


@pytest.fixture
def make(qtbot: QtBot, services: Services, preferences: Any) -> Iterator[Callable[..., Patient]]:
    made: list[tuple[Desk, Patient]] = []

    def build(run: Path | None, **storied: Any) -> Patient:
        lent = Storied(**{"case": found, "field": sees, **storied})
        desk = Desk(replace(services, storied=lent), preferences)
        patient = Patient(desk)
        qtbot.addWidget(patient)
        patient.resize(620, 640)
        patient.show()
        patient.show_folder(run)
        made.append((desk, patient))
        return patient

    yield build
    while made:
        desk, patient = made.pop()
        patient.live(False)
        desk.stop_all()
        patient.hide()
        QApplication.processEvents()
        desk.deleteLater()
        del desk, patient


@pytest.fixture
def run(tmp_path: Path) -> Path:
    tell(tmp_path, 3)
    return tmp_path


def there(patient: Patient, qtbot: QtBot) -> Patient:
    """Wait until the frame that is wanted is drawn, and all others are at hand."""
    qtbot.waitUntil(lambda: patient.reel.case is not None and len(patient.reel._kept) == len(patient.reel.frames))
    qtbot.waitUntil(lambda: not patient.desk.jobs)
    return patient


def labels_of(patient: Patient) -> Any:
    return patient.planes.store.state.layers[1].volume.frame()


def test_it_opens_at_now_and_the_slider_moves_the_picture(make: Any, run: Path, qtbot: QtBot) -> None:
    patient = there(make(run), qtbot)
    pictures = []
    for epoch in (3, 0, 2):
        patient.scrubber.slider.setValue(epoch)
        assert np.array_equal(labels_of(patient), shares_at(epoch).argmax(0))
        pictures.append(patient.planes.views["axial"].grab().toImage())
    assert pictures[0] != pictures[1] and pictures[1] != pictures[2]
    assert "epoch 2 · step 20" in patient.scrubber.said.text()
    patient.scrubber.slider.setValue(0)
    assert patient.scrubber.said.text() == "before the first step"


def test_the_scan_stays_where_it_is_while_epochs_go_by(make: Any, run: Path, qtbot: QtBot) -> None:
    patient = there(make(run), qtbot)
    patient.planes.store.put(patient.planes.store.state.at_voxel((9, 10, 5)))
    before = patient.planes.store.state
    patient.scrubber.go(1)
    after = patient.planes.store.state
    assert after.cursor == before.cursor and after.layers[0] is before.layers[0]


def test_at_the_right_end_it_follows_the_run_and_elsewhere_it_stays(make: Any, run: Path, qtbot: QtBot) -> None:
    patient = there(make(run), qtbot)
    tell(run, 4)
    patient.reel.look()
    assert patient.scrubber.number == 4 and patient.scrubber.sticks
    there(patient, qtbot)
    assert np.array_equal(labels_of(patient), shares_at(4).argmax(0))
    patient.scrubber.go(1)
    tell(run, 5)
    patient.reel.look()
    there(patient, qtbot)
    assert patient.scrubber.number == 1 and np.array_equal(labels_of(patient), shares_at(1).argmax(0))


def test_a_run_that_goes_is_looked_at_by_itself(make: Any, run: Path, qtbot: QtBot) -> None:
    patient = there(make(run), qtbot)
    patient.live(True)
    tell(run, 4)
    qtbot.waitUntil(lambda: len(patient.scrubber.frames) == 5)
    there(patient, qtbot)


def test_a_story_that_begins_while_one_looks_is_seen(make: Any, tmp_path: Path, qtbot: QtBot) -> None:
    patient = make(tmp_path)
    assert patient.stack.currentWidget() is patient.waits
    tell(tmp_path, 0)
    patient.reel.look()
    there(patient, qtbot)
    assert patient.stack.currentWidget() is patient.main


@pytest.mark.trap("T1")
def test_a_click_asks_the_voxel_under_it(make: Any, run: Path, qtbot: QtBot) -> None:
    patient = there(make(run), qtbot)
    scan = patient.planes.store.state.scan
    for plane, start, voxel in (
        ("axial", (13, 3, 5), (7, 11, 5)),
        ("sagittal", (9, 2, 8), (9, 14, 4)),
        ("coronal", (14, 16, 1), (2, 16, 8)),
    ):
        patient.planes.store.put(patient.planes.store.state.at_voxel(start))
        view = patient.planes.views[plane]
        x, y = view.screen_of(tuple(scan.to_mm(voxel)))
        qtbot.mouseClick(view, CLICK, pos=QPoint(round(x), round(y)))
        QApplication.processEvents()
        assert patient.planes.store.state.voxel == voxel
        meant = dict(zip(("background", *CLASSES), shares_at(3)[:, *voxel] / 255, strict=True))
        mm = ", ".join(f"{one:.1f}" for one in scan.to_mm(voxel)).replace("-", "−")
        qtbot.waitUntil(lambda mm=mm: mm in patient.ask.title.full)
        assert _shown(patient) == pytest.approx(meant, abs=1e-3)
        assert f"value {scan.value_at(scan.to_mm(voxel)):.2f}" in patient.ask.title.full


def _shown(patient: Patient) -> dict[str, float]:
    return {name: share for name, share, _ in patient.ask.bars.rows}


def test_the_curve_of_a_voxel_is_what_was_thought_of_it_at_each_epoch(make: Any, run: Path, qtbot: QtBot) -> None:
    patient = there(make(run), qtbot)
    voxel = (9, 11, 5)
    patient.planes.store.put(patient.planes.store.state.at_voxel(voxel))
    meant = np.array([shares_at(epoch)[:, *voxel] / 255 for epoch in range(4)])
    qtbot.waitUntil(lambda: np.allclose(patient.ask.curves.shares, meant, atol=1e-3))
    assert patient.ask.curves.epochs == (0.0, 1.0, 2.0, 3.0) and patient.ask.curves.bold == 1
    assert "reference: left box" in patient.ask.title.full
    assert patient.ask.sure.full.startswith("right, entropy")
    patient.scrubber.go(0)
    assert patient.ask.sure.full.startswith("wrong: taken for background, entropy 0.00")


def test_a_click_on_the_curve_goes_to_its_epoch(make: Any, run: Path, qtbot: QtBot) -> None:
    patient = there(make(run), qtbot)
    at = patient.ask.curves.place(1.1, 0.5)
    qtbot.mouseClick(patient.ask.curves, CLICK, pos=at.toPoint())
    assert patient.scrubber.number == 1


def test_errors_are_told_apart(make: Any, run: Path, qtbot: QtBot) -> None:
    patient = there(make(run), qtbot)
    patient.scrubber.go(1)
    patient.bar.how.setCurrentIndex(3)
    patient.bar.how.activated.emit(3)
    codes = labels_of(patient)
    found, meant = shares_at(1).argmax(0), case().reference.frame()
    assert np.array_equal(codes == AGREE, (found == meant) & (meant > 0))
    assert np.array_equal(codes == LACKS, (found == 0) & (meant > 0)) and (codes == LACKS).any()
    assert np.array_equal(codes == EXTRA, (found > 0) & (meant == 0))
    assert len(patient.planes.store.state.layers) == 2 and not patient.bar.reference.isVisible()


def test_the_probability_of_the_class_that_was_chosen_is_seen(make: Any, run: Path, qtbot: QtBot) -> None:
    patient = there(make(run), qtbot)
    patient.bar.how.activated.emit(2)
    assert patient.bar.value.isVisible()
    layer = patient.planes.store.state.layers[1]
    assert layer.role == "probability"
    mm = patient.planes.store.state.scan.to_mm((7, 11, 5))
    assert layer.volume.value_at(mm) == pytest.approx(190 / 255)
    patient.bar.value.activated.emit(1)
    assert patient.planes.store.state.layers[1].volume.value_at(mm) == 0.0


def test_the_dice_of_the_epoch_stands_beside(make: Any, run: Path, qtbot: QtBot) -> None:
    patient = there(make(run), qtbot)
    patient.scrubber.go(2)
    assert "left box" in patient.dice.text() and "0.500" in patient.dice.text() and "0.600" in patient.dice.text()
    patient.scrubber.go(0)
    assert "all held-out" not in patient.dice.text()


def test_small_multiples_are_the_epochs_and_a_click_goes_there(make: Any, run: Path, qtbot: QtBot) -> None:
    patient = there(make(run), qtbot)
    qtbot.waitUntil(lambda: all(patient.strip.picture_of(number) is not None for number in range(4)))
    pictures = [patient.strip.picture_of(number) for number in range(4)]
    assert all(pictures[number] != pictures[number + 1] for number in range(3))
    qtbot.mouseClick(patient.strip, CLICK, pos=patient.strip._cell(1).center().toPoint())
    assert patient.scrubber.number == 1
    patient.planes.store.put(patient.planes.store.state.at_voxel((9, 10, 0)))
    qtbot.waitUntil(lambda: patient.strip.picture_of(3) not in (None, pictures[3]))


@pytest.mark.parametrize(("count", "room", "meant"), [(4, 6, (0, 1, 2, 3)), (101, 5, (0, 25, 50, 75, 100)), (0, 5, ())])
def test_of_many_epochs_some_are_shown_first_and_last_among_them(count: int, room: int, meant: tuple[int, ...]) -> None:
    assert spread(count, room) == meant


def test_keys_go_through_epochs_and_ways_of_drawing(make: Any, run: Path, qtbot: QtBot) -> None:
    patient = there(make(run), qtbot)
    view = patient.planes.views["axial"]
    qtbot.keyClick(view, Qt.Key.Key_Comma)
    qtbot.keyClick(view, Qt.Key.Key_Comma)
    assert patient.scrubber.number == 1
    qtbot.keyClick(view, Qt.Key.Key_Period)
    assert patient.scrubber.number == 2
    for meant in ("filled", "probability", "error", "outline"):
        qtbot.keyClick(view, Qt.Key.Key_O)
        assert patient.look.how == meant
    qtbot.keyClick(view, Qt.Key.Key_BracketRight)
    assert patient.look.opacity == pytest.approx(0.7)
    before = patient.planes.store.state.voxel
    qtbot.keyClick(view, Qt.Key.Key_Up)
    assert patient.planes.store.state.voxel == (before[0], before[1], before[2] + 1)
    qtbot.keyClick(view, Qt.Key.Key_Space)
    assert patient.planes.store.state.overlays_hidden


def test_play_runs_from_the_first_epoch_to_now_and_stops(make: Any, run: Path, qtbot: QtBot) -> None:
    patient = there(make(run), qtbot)
    seen = []
    patient.scrubber.chosen.connect(seen.append)
    patient.scrubber._timer.setInterval(5)
    qtbot.keyClick(patient.planes.views["axial"], Qt.Key.Key_P)
    qtbot.waitUntil(lambda: not patient.scrubber.play.isChecked())
    assert seen == [0, 1, 2, 3] and patient.scrubber.sticks


def test_how_far_the_network_sees_is_drawn_in_mm(make: Any, run: Path, qtbot: QtBot) -> None:
    patient = there(make(run), qtbot)
    plain = patient.planes.views["axial"].grab().toImage()
    qtbot.keyClick(patient.planes.views["axial"], Qt.Key.Key_B)
    qtbot.waitUntil(lambda: patient.field_mm is not None)
    assert "8×6.5×12.4 mm" in patient.ask.field.text()
    assert patient.planes.views["axial"].grab().toImage() != plain
    scene = patient.planes.store.state
    for plane, sides in (("axial", (8.0, 6.5)), ("coronal", (8.0, 12.4)), ("sagittal", (6.5, 12.4))):
        corners = np.array(field_corners(scene, plane, patient.field_mm))
        assert np.linalg.norm(corners[1] - corners[0]) == pytest.approx(sides[0])
        assert np.linalg.norm(corners[2] - corners[1]) == pytest.approx(sides[1])
        assert corners.mean(0) == pytest.approx(scene.cursor)


def test_another_case_is_another_scan(make: Any, tmp_path: Path, qtbot: QtBot) -> None:
    tell(tmp_path, 2, cases=2)
    patient = there(make(tmp_path), qtbot)
    assert patient.bar.case.count() == 2
    patient.bar.case.activated.emit(1)
    there(patient, qtbot)
    assert patient.reel.case.number == 1 and len(patient.planes.store.state.layers) == 3


def test_where_the_data_set_is_gone_that_is_said_in_place(make: Any, run: Path, qtbot: QtBot) -> None:
    def gone(run: Path, place: int) -> Work[ProbeCase]:
        yield Progress(0, 0, "finding")
        raise Refused("decathlon", "there is no such folder", "bring it back")

    patient = make(run, case=gone)
    told: list[Any] = []
    patient.desk.noticed.connect(told.append)
    qtbot.waitUntil(lambda: "there is no such folder" in patient.waits.text())
    assert patient.stack.currentWidget() is patient.waits and not told


def test_a_frame_that_was_thinned_out_meanwhile_breaks_nothing(make: Any, run: Path, qtbot: QtBot) -> None:
    patient = there(make(run), qtbot)
    patient.reel._kept.clear()
    os.unlink(run / "media" / "story" / patient.reel.frames[1].name(0))
    told: list[Any] = []
    patient.desk.noticed.connect(told.append)
    patient.scrubber.go(1)
    qtbot.waitUntil(lambda: not patient.desk.jobs)
    patient.scrubber.go(2)
    qtbot.waitUntil(lambda: np.array_equal(labels_of(patient), shares_at(2).argmax(0)))
    qtbot.waitUntil(lambda: not patient.desk.jobs)
    assert not told


def test_the_cross_hair_begins_in_what_is_to_be_found(make: Any, run: Path, qtbot: QtBot) -> None:
    patient = there(make(run), qtbot)
    x, y, z = patient.planes.store.state.voxel
    assert case().reference.frame()[x, y, z] > 0 and all(
        0 <= one < side for one, side in zip((x, y, z), SHAPE, strict=True)
    )
    assert BOX[0].start <= x < BOX[0].stop


def test_on_the_page_it_comes_to_the_front_once_and_its_keys_are_in_the_help(
    qtbot: QtBot, services: Services, preferences: Any, run: Path
) -> None:
    desk = Desk(replace(services, storied=Storied(case=found, field=sees)), preferences)
    page = TrainingPage(desk)
    qtbot.addWidget(page)
    qtbot.addWidget(page.panel())
    page.resize(1100, 700)
    page.show()
    (run / "events.jsonl").write_text("")
    page.lineup.look_at(run)
    patient = page.views["Patient"].patient  # type: ignore[attr-defined]
    there(patient, qtbot)
    assert page.tabs.front == "Patient" and patient.stack.currentWidget() is patient.main
    page.show_view("Probes")
    page._say()
    assert page.tabs.front == "Probes", "a person chose another view"
    keyed = {act.shortcut().toString(): act for act in page.actions()}
    keyed[","].trigger()
    assert patient.scrubber.number == 2 and page.tabs.front == "Patient"
    assert {",", ".", "P", "B"} <= set(keyed)
    desk.stop_all()
    page.hide()
    QApplication.processEvents()
    desk.deleteLater()
