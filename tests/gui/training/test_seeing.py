"""What the network sees, in the window: one cross-hair in mm over the scan and the tensor, and values on both sides."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from medviz.gui.desk import Desk
from medviz.gui.services import Services
from medviz.gui.storied import Storied
from medviz.gui.training.seeing import Seeing
from medviz.imaging.seen import Seen, fitted
from medviz.imaging.slices import letters
from medviz.messages import Progress, Work
from medviz.refused import Refused
from tests.gui.training.stories import case, oblique, volume

CLICK = Qt.MouseButton.LeftButton
START = (4, -3, 1)
SIDES = (12, 30, 8)


def patch(flip: bool) -> Seen:
    """A patch of 12×30×8 voxels that begins at (4, −3, 1) of an oblique scan, mirrored or not; rows are padding."""
    one, affine = case(), oblique()
    index = np.indices(SIDES).astype(float)
    if flip:
        index[0] = SIDES[0] - 1 - index[0]
    index += np.array(START)[:, None, None, None]
    places = (np.einsum("ij,jxyz->ixyz", affine[:3, :3], index) + affine[:3, 3][:, None, None, None]).astype(np.float32)
    inside = ((index >= 0) & (index < np.array(one.scan.shape)[:, None, None, None])).all(0)
    nearest = np.clip(index.astype(int), 0, (np.array(one.scan.shape) - 1)[:, None, None, None])
    values = np.where(inside, (one.scan.frame()[tuple(nearest)] - 100) / 50, -2.0).astype(np.float32)
    label = np.where(inside, one.reference.frame()[tuple(nearest)], 0).astype(np.uint8)
    where = fitted(places)
    facts = (("scan", "20×24×10 voxels"), ("patch", "12×30×8 voxels"), ("augmentation", "mirrored left to right"))
    given = replace(volume(values, where, "given"), unit="SD")
    return Seen(one.scan, given, places, inside, one.reference, volume(label, where, "label"), facts)


@pytest.fixture
def asked() -> list[tuple[Any, ...]]:
    return []


@pytest.fixture
def seeing(
    qtbot: QtBot, services: Services, preferences: Any, asked: list[tuple[Any, ...]], tmp_path: Path
) -> Iterator[Seeing]:
    def made(run: Path, part: str, number: int, augmented: bool, epoch: int) -> Work[Seen]:
        asked.append((part, number, augmented, epoch))
        yield Progress(0, 0, "making")
        if number > 5:
            raise Refused("case", "there is none", "take another")
        return patch(flip=augmented)

    desk = Desk(replace(services, storied=Storied(seen=made)), preferences)
    widget = Seeing(desk)
    qtbot.addWidget(widget)
    widget.resize(900, 600)
    widget.show()
    widget.show_folder(tmp_path)
    there(widget, qtbot)
    yield widget
    desk.stop_all()
    widget.hide()
    QApplication.processEvents()
    desk.deleteLater()


def there(widget: Seeing, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: widget._job is None and not widget._again and not widget.desk.jobs)
    QApplication.processEvents()


def augmented(widget: Seeing, qtbot: QtBot) -> None:
    widget.part.setCurrentIndex(1)
    widget.part.activated.emit(1)
    there(widget, qtbot)
    widget.changed.setChecked(True)
    there(widget, qtbot)


@pytest.mark.trap("T1")
@pytest.mark.parametrize("flip", [False, True], ids=["as it is", "mirrored"])
def test_a_click_in_the_scan_is_the_same_place_of_the_patient_in_the_tensor(
    seeing: Seeing, qtbot: QtBot, flip: bool
) -> None:
    if flip:
        augmented(seeing, qtbot)
    scan, given = seeing.seen.scan, seeing.seen.given
    for plane, start, voxel in (
        ("axial", (10, 2, 5), (6, 17, 5)),
        ("sagittal", (12, 12, 2), (12, 5, 7)),
        ("coronal", (7, 20, 3), (14, 20, 6)),
    ):
        seeing.scan.store.put(seeing.scan.store.state.at_voxel(start))
        view = seeing.scan.views[plane]
        x, y = view.screen_of(tuple(scan.to_mm(voxel)))
        qtbot.mouseClick(view, CLICK, pos=QPoint(round(x), round(y)))
        assert seeing.scan.store.state.voxel == voxel
        at = np.subtract(voxel, START)
        meant = (SIDES[0] - 1 - at[0] if flip else at[0], at[1], at[2])
        qtbot.waitUntil(lambda meant=meant: seeing.given.store.state.voxel == tuple(int(one) for one in meant))
        assert seeing.given.store.state.cursor == pytest.approx(tuple(scan.to_mm(voxel)), abs=1e-3), "the same mm"
        raw, made = scan.value_at(scan.to_mm(voxel)), given.value_at(seeing.given.store.state.cursor)
        assert made == pytest.approx((raw - 100) / 50, abs=1e-5)


@pytest.mark.trap("T1")
def test_a_click_in_the_tensor_is_the_same_place_in_the_scan(seeing: Seeing, qtbot: QtBot) -> None:
    augmented(seeing, qtbot)
    given = seeing.seen.given
    seeing.given.store.put(seeing.given.store.state.at_voxel((2, 9, 4)))
    x, y = seeing.given.views["axial"].screen_of(tuple(given.to_mm((8, 21, 4))))
    qtbot.mouseClick(seeing.given.views["axial"], CLICK, pos=QPoint(round(x), round(y)))
    assert seeing.given.store.state.voxel == (8, 21, 4)
    meant = (START[0] + SIDES[0] - 1 - 8, START[1] + 21, START[2] + 4)
    qtbot.waitUntil(lambda: seeing.scan.store.state.voxel == meant)


@pytest.mark.trap("T2")
def test_the_letters_of_a_mirrored_tensor_change_sides(seeing: Seeing, qtbot: QtBot) -> None:
    plain = letters(seeing.seen.given.affine, "axial")
    assert plain == letters(seeing.seen.scan.affine, "axial") and "mirrored" not in seeing.given_title.text()
    augmented(seeing, qtbot)
    mirrored = letters(seeing.seen.given.affine, "axial")
    assert (mirrored[0], mirrored[1]) == (plain[1], plain[0]) and mirrored[2:] == plain[2:]
    assert "mirrored" in seeing.given_title.text()


def test_both_values_stand_below_with_their_units(seeing: Seeing, qtbot: QtBot) -> None:
    scan = seeing.seen.scan
    seeing.scan.store.put(seeing.scan.store.state.at_voxel((7, 11, 5)))
    qtbot.waitUntil(lambda: "voxel 7, 11, 5" in seeing.scan_says.text())
    value = scan.value_at(scan.to_mm((7, 11, 5)))
    assert f"value {value:.1f}" in seeing.scan_says.text() and "label 1" in seeing.scan_says.text()
    assert (
        "voxel 3, 14, 4" in seeing.given_says.text()
        and f"value {(value - 100) / 50:.2f} SD" in seeing.given_says.text()
    )
    mm = ", ".join(f"{one:.1f}" for one in scan.to_mm((7, 11, 5))).replace("-", "−")
    assert f"({mm}) mm" in seeing.scan_says.text() and f"({mm}) mm" in seeing.given_says.text()


def test_padding_is_shown_and_said(seeing: Seeing, qtbot: QtBot) -> None:
    layers = seeing.given.store.state.layers
    assert np.array_equal(layers[-1].volume.frame() > 0, ~seeing.seen.inside)
    seeing.given.store.put(seeing.given.store.state.at_voxel((5, 1, 3)))
    qtbot.waitUntil(lambda: "padding" in seeing.given_says.text())
    assert seeing.scan_says.text() == "this place is not in it"


def test_what_of_the_scan_is_in_the_patch_is_outlined(seeing: Seeing) -> None:
    outline = seeing.scan.store.state.layers[-1].volume.frame()
    meant = np.zeros(seeing.seen.scan.shape, np.uint8)
    meant[4:16, :27, 1:9] = 1
    assert np.array_equal(outline, meant)


def test_a_place_outside_of_the_patch_is_not_pointed_at(seeing: Seeing, qtbot: QtBot) -> None:
    seeing.scan.store.put(seeing.scan.store.state.at_voxel((18, 11, 5)))
    qtbot.waitUntil(lambda: seeing.given_says.text() == "this place is not in it")
    assert not seeing.given.store.state.crosshair


def test_the_sample_of_an_epoch_is_asked_for(seeing: Seeing, qtbot: QtBot, asked: list[tuple[Any, ...]]) -> None:
    assert asked == [("held out", 0, False, 0)] and not seeing.changed.isVisible()
    augmented(seeing, qtbot)
    seeing.epoch.setValue(7)
    there(seeing, qtbot)
    qtbot.mouseClick(seeing.another, CLICK)
    there(seeing, qtbot)
    assert asked[-1] == ("training", 1, True, 6)
    assert "mirrored left to right" in seeing.given_facts.text()


def test_what_is_refused_is_said_in_place(seeing: Seeing, qtbot: QtBot) -> None:
    told: list[Any] = []
    seeing.desk.noticed.connect(told.append)
    seeing.number.setValue(9)
    there(seeing, qtbot)
    assert "there is none" in seeing.waits.text() and seeing.seen is None and not told
