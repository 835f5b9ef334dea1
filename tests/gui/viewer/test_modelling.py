"""A model over the open scan, in a person's hands: what is said before, what grows, what becomes of the labels."""

import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QComboBox
from pytestqt.qtbot import QtBot

from medviz.gui.desk import Desk
from medviz.gui.pages.viewer import ViewerPage
from medviz.gui.services import Looked, ModelCard, Modelled
from medviz.gui.viewer.modelling import Modelling
from medviz.gui.viewer.proposal_box import NEW_LAYER
from medviz.imaging.found import FoundBox
from medviz.imaging.labels import named
from medviz.imaging.marks import Mark
from medviz.imaging.prediction import Prediction
from medviz.imaging.scene import Layer
from medviz.imaging.volume import Stored, Volume, like
from medviz.messages import Note, Progress, Work
from medviz.parameters import Range
from medviz.refused import Refused
from tests.gui.conftest import MODEL
from tests.gui.viewer.hands import Told, modelling, opened, quiet, with_prediction

Key = Qt.Key


@dataclass(frozen=True)
class Asked:
    """What a model asks of a person."""

    channels: Annotated[int, Range(1, 4), "Pictures at once."] = 1


class Rooms:
    """Stands for the rooms below; remembers what it was asked."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.looked = Looked(MODEL, "about 12 s on the processor, 300 MB of 8 GB free, 20 slices of 64×64")
        self.answer: Looked | Refused = Looked(ModelCard("/models/net.pt", "net.pt", origin="added"))

    def services(self) -> Modelled:
        return Modelled(
            self._look, self._run, self._add, self._tell, lambda where: self.calls.append(("forget", where))
        )

    def _look(self, where: str, scan: Volume | None) -> Work[Looked]:
        self.calls.append(("look", where))
        yield Progress(0, 0)
        return self.looked

    def _run(self, where: str, scan: Volume, mirror: bool, frame: int) -> Work[Prediction]:
        self.calls.append(("run", where, mirror))
        yield Progress(1, 2, "tile 1 of 2")
        if mirror:
            yield Note("Orientation suspicious: the mirrored scan is labelled otherwise", "warning")
        found = np.digitize(scan.frame(), (150, 450, 750)).astype(np.uint8)
        labels = replace(like(scan, found, where), labels=named(MODEL.labels))
        coarse = np.stack([found == value for value in range(4)])[:, ::2, ::2, ::2].astype(np.float16)
        affine = scan.affine @ np.diag([2, 2, 2, 1.0])
        shares = Volume(coarse, affine, Stored("test", coarse.shape[1:], "RAS", affine, coarse.dtype), "p", "frames")
        return Prediction(labels, shares, 0.4 if mirror else None)

    def _add(self, path: Path) -> Work[Looked]:
        self.calls.append(("add", path))
        yield Progress(0, 0)
        if isinstance(self.answer, Refused):
            raise self.answer
        return self.answer

    def _tell(self, where: str, needs: Any) -> Work[Looked]:
        self.calls.append(("tell", where, needs))
        yield Progress(0, 0)
        if needs.channels == 4:
            raise Refused(where, "it does not take a tile of 64", "tell its channels and size")
        return Looked(ModelCard(where, "net.pt", origin="added"))


@pytest.fixture
def rooms(desk: Desk) -> Rooms:
    made = Rooms()
    desk.services = replace(desk.services, modelled=made.services())
    return made


def boxed(page: ViewerPage, qtbot: QtBot) -> Any:
    """Open a scan with the tab of the models in front."""
    opened(page, qtbot)
    page.show_tab("model")
    models = modelling(page).models
    qtbot.waitUntil(lambda: bool(models.cards))
    return models


def layers(page: ViewerPage) -> list[tuple[bool, tuple[str, ...]]]:
    """Of each layer over the scan: is it proposed, and which labels does it hold."""
    return [(one.proposal, tuple(label.name for label in one.labels)) for one in page.desk.scene.state.layers[1:]]


# -- before -------------------------------------------------------------------------------------------------------


@pytest.mark.trap("T27")
def test_what_a_run_takes_is_said_before_it_is_run(page: ViewerPage, rooms: Rooms, desk: Desk, qtbot: QtBot) -> None:
    models = boxed(page, qtbot)
    qtbot.waitUntil(lambda: models.estimate.text().startswith("About 12 s on the processor"))
    assert ("look", MODEL.where) in rooms.calls and not any(call[0] == "run" for call in rooms.calls)
    quiet(qtbot, desk)
    looks = len(rooms.calls)
    models.choose(MODEL.where)
    desk.scene.put(desk.scene.state.at_voxel((1, 1, 1)))
    quiet(qtbot, desk)
    assert len(rooms.calls) == looks, "it is not looked at again and again"


@pytest.mark.trap("T27")
def test_what_will_not_fit_is_said_in_red(page: ViewerPage, rooms: Rooms, qtbot: QtBot) -> None:
    rooms.looked = replace(rooms.looked, fits=False)
    models = boxed(page, qtbot)
    qtbot.waitUntil(lambda: models.estimate.text().startswith("May not fit into memory"))
    assert models.estimate.property("look") == "bad" and models.button.isEnabled()


def test_a_scan_unlike_the_training_data_has_a_red_badge(page: ViewerPage, rooms: Rooms, qtbot: QtBot) -> None:
    rooms.looked = replace(
        rooms.looked,
        findings=(
            ("spacing", "5 × 5 × 5 mm", "1 × 1 × 1 mm", "outside"),
            ("orientation", "stored as RAS", "along the body's axes", "ok"),
            ("intensity", "0 to 1", "unknown", "unknown"),
        ),
    )
    models = boxed(page, qtbot)
    qtbot.waitUntil(models.gauge.isVisible)
    assert models.gauge.outside
    said = [one.text() for one in models.gauge.findChildren(type(models.estimate)) if one.text()]
    assert any("5 × 5 × 5 mm — trained on 1 × 1 × 1 mm" in one for one in said)
    assert any("expect errors" in one.toolTip() for one in models.gauge.findChildren(type(models.estimate)))


def test_what_is_not_known_of_a_model_is_spelt_out(page: ViewerPage, qtbot: QtBot) -> None:
    models = boxed(page, qtbot)
    models.card.show_card(ModelCard("x", "x", facts=(("trained on", "unknown"), ("licence", "unknown"))))
    words = [one.text() for one in models.card.findChildren(type(models.estimate))]
    assert words.count("unknown") >= 3 and any("do not rely on it" in one for one in words)


# -- adding -------------------------------------------------------------------------------------------------------


def test_a_model_is_added_to_the_list(page: ViewerPage, rooms: Rooms, desk: Desk, qtbot: QtBot, told: Told) -> None:
    boxed(page, qtbot)
    modelling(page).add(Path("/models/net.pt"))
    qtbot.waitUntil(lambda: "net.pt is on the list" in str(told))
    assert ("add", Path("/models/net.pt")) in rooms.calls
    quiet(qtbot, desk)


def test_what_is_no_model_is_a_notice(page: ViewerPage, rooms: Rooms, desk: Desk, qtbot: QtBot, told: Told) -> None:
    rooms.answer = Refused("/models/net.pt", "it is pickled Python, which runs when it is read", "save it otherwise")
    boxed(page, qtbot)
    modelling(page).add(Path("/models/net.pt"))
    qtbot.waitUntil(lambda: "pickled Python" in str(told))
    quiet(qtbot, desk)


def test_a_model_that_does_not_say_what_it_needs_is_asked_about(
    page: ViewerPage, rooms: Rooms, desk: Desk, qtbot: QtBot, told: Told
) -> None:
    rooms.answer = Looked(ModelCard("/models/net.pt", "net.pt"), asks=Asked())
    boxed(page, qtbot)
    feature: Modelling = modelling(page)
    feature.add(Path("/models/net.pt"))
    qtbot.waitUntil(lambda: feature.dialog is not None)
    dialog = feature.dialog
    assert dialog is not None
    dialog.form.show_value(Asked(4))
    dialog.button.click()
    qtbot.waitUntil(dialog.sentence.isVisible)
    assert "does not take a tile" in dialog.sentence.text() and dialog.isVisible(), "one may try again"
    qtbot.waitUntil(dialog.button.isEnabled)
    dialog.form.show_value(Asked(2))
    dialog.button.click()
    qtbot.waitUntil(lambda: feature.dialog is None)
    assert ("tell", "/models/net.pt", Asked(2)) in rooms.calls
    qtbot.waitUntil(lambda: "on the list" in str(told))
    quiet(qtbot, desk)


def test_a_model_that_asks_is_not_run_before_it_is_answered(
    page: ViewerPage, rooms: Rooms, desk: Desk, qtbot: QtBot
) -> None:
    rooms.looked = Looked(MODEL, asks=Asked())
    models = boxed(page, qtbot)
    qtbot.waitUntil(lambda: "Run asks for it" in models.estimate.text())
    models.button.click()
    qtbot.waitUntil(lambda: modelling(page).dialog is not None)
    modelling(page).dialog.reject()
    quiet(qtbot, desk)
    assert not any(call[0] == "run" for call in rooms.calls) and layers(page) == []


def test_a_scan_that_got_another_name_meanwhile_is_still_the_scan(page: ViewerPage, desk: Desk, qtbot: QtBot) -> None:
    go = threading.Event()

    def waiting(where: str, scan: Volume) -> Work[Volume]:
        while not go.wait(0.01):
            yield Progress(0, 1)
        return like(scan, np.ones(scan.shape, np.uint8), where)

    desk.services = replace(desk.services, predict=waiting)
    opened(page, qtbot)
    modelling(page).run_model(MODEL.where)
    qtbot.waitUntil(lambda: modelling(page).predicting.job is not None)
    scan = desk.scene.state.scan
    assert scan is not None
    desk.scene.put(desk.scene.state.with_layer(0, volume=replace(scan, name="renamed")))
    go.set()
    qtbot.waitUntil(lambda: len(layers(page)) == 1)
    quiet(qtbot, desk)


def test_only_what_was_added_can_be_taken_off_the_list(
    page: ViewerPage, rooms: Rooms, desk: Desk, qtbot: QtBot
) -> None:
    desk.services = replace(desk.services, models=lambda: (MODEL, ModelCard("/m/a.pt", "a", origin="added")))
    models = boxed(page, qtbot)
    modelling(page).entered()
    qtbot.waitUntil(lambda: len(models.cards) == 2)
    assert not models.forget.isEnabled()
    models.choose("/m/a.pt")
    assert models.forget.isEnabled()
    models.forget.trigger()
    assert ("forget", "/m/a.pt") in rooms.calls
    quiet(qtbot, desk)


# -- running ------------------------------------------------------------------------------------------------------


def test_ticked_it_also_runs_on_the_mirrored_scan(page: ViewerPage, rooms: Rooms, qtbot: QtBot, told: Told) -> None:
    models = boxed(page, qtbot)
    models.mirror.setChecked(True)
    models.button.click()
    qtbot.waitUntil(lambda: layers(page) == [(True, MODEL.labels)])
    assert ("run", MODEL.where, True) in rooms.calls and "Orientation suspicious" in str(told)
    qtbot.waitUntil(lambda: models.gauge.outside)
    assert models.gauge.findings[-1][1] == "labelled the same to 0.40 (Dice)"


def test_the_whole_card_travels_with_the_labels(page: ViewerPage, rooms: Rooms, desk: Desk, qtbot: QtBot) -> None:
    rooms.looked = replace(rooms.looked, card=replace(MODEL, whole={"limits": "heads only", "unknown": ["licence"]}))
    models = boxed(page, qtbot)
    qtbot.waitUntil(lambda: bool(models.estimate.text()) and "estimating" not in models.estimate.text().lower())
    models.button.click()
    qtbot.waitUntil(lambda: layers(page) == [(True, MODEL.labels)])
    maker = desk.scene.state.layers[1].maker
    assert maker is not None and maker.card["model"]["limits"] == "heads only"
    quiet(qtbot, desk)


def test_a_voxel_is_asked_after_a_run(page: ViewerPage, rooms: Rooms, desk: Desk, qtbot: QtBot) -> None:
    models = boxed(page, qtbot)
    assert models.voxel.isHidden()
    models.button.click()
    qtbot.waitUntil(models.voxel.isVisible)
    scan = desk.scene.state.scan
    assert scan is not None
    white = np.argwhere(np.digitize(scan.frame(), (150, 450, 750)) == 2)
    inside = next(voxel for voxel in white if (voxel % 2 == 0).all())
    desk.scene.put(desk.scene.state.at_voxel(tuple(float(one) for one in inside)))
    name, share, _ = models.voxel.bars.rows[0]
    assert (name, share) == ("white matter", 1.0)
    assert "white matter 1.00" in models.voxel.bars.accessibleDescription()
    models.voxel.grab()
    models.voxel.classes.setCurrentIndex(1)
    models.voxel.button.click()
    qtbot.waitUntil(lambda: desk.scene.state.layers[-1].role == "probability")
    layer = desk.scene.state.layers[-1]
    assert layer.volume.voxels.dtype == np.float32 and layer.volume.same_grid(scan)
    assert layer.volume.value_at(desk.scene.state.cursor) == 1.0
    quiet(qtbot, desk)
    page.open(Path("other.nii.gz"), "scan")
    qtbot.waitUntil(lambda: desk.scene.state.scan is not scan)
    assert models.voxel.isHidden(), "what was found in another scan is not asked here"


# -- the answer ---------------------------------------------------------------------------------------------------


@pytest.mark.trap("T21")
def test_labels_are_accepted_one_by_one_as_one_change_each(
    page: ViewerPage, rooms: Rooms, desk: Desk, qtbot: QtBot
) -> None:
    models = boxed(page, qtbot)
    models.button.click()
    qtbot.waitUntil(lambda: models.answer.isVisible())
    quiet(qtbot, desk)
    scan = desk.scene.state.scan
    assert scan is not None
    found = desk.scene.state.layers[1].volume.frame().copy()
    assert models.accept.text() == "Accept all"
    models.answer.tick(False, frozenset({1, 3}))
    assert models.accept.text() == "Accept 1 of 3" and models.answer.ticked == {2}
    models.accept.click()
    qtbot.waitUntil(lambda: len(layers(page)) == 2)
    quiet(qtbot, desk)
    assert layers(page) == [(True, ("grey matter", "fluid")), (False, ("white matter",))]
    proposal, kept = desk.scene.state.layers[1:]
    assert np.array_equal(kept.volume.frame() > 0, found == 2) and kept.maker is not None
    assert np.array_equal(proposal.volume.frame(), np.where(found == 2, 0, found))
    edits = page.feature("edit").edits  # type: ignore[attr-defined]
    made = edits.of(kept)
    assert len(made.history.names) == 1, "one change"
    models.answer.tick(True)
    assert models.answer.into.currentData() == 2, "the next ones go to the same layer"
    models.accept.click()
    qtbot.waitUntil(lambda: len(layers(page)) == 1)
    quiet(qtbot, desk)
    made = edits.of(desk.scene.state.layers[1])
    assert len(made.history.names) == 2 and (made.map > 0).sum() == (found > 0).sum()
    edits.undo(made)
    assert np.array_equal(made.map > 0, found == 2), "taken back like a stroke"


@pytest.mark.trap("T21")
def test_another_run_never_erases_a_finished_label(page: ViewerPage, desk: Desk, qtbot: QtBot) -> None:
    with_prediction(page, qtbot)
    models = modelling(page).models
    models.accept.click()
    qtbot.waitUntil(lambda: layers(page) == [(False, MODEL.labels)])
    quiet(qtbot, desk)
    number = 1
    layer = desk.scene.state.layers[number]
    before = layer.volume.frame().copy()
    desk.scene.put(desk.scene.state.with_layer(number, locked_labels=frozenset({2})))

    def otherwise(where: str, scan: Volume) -> Work[Volume]:
        yield Progress(0, 1)
        return like(scan, np.full(scan.shape, 1, np.uint8), where)

    desk.services = replace(desk.services, predict=otherwise)
    modelling(page).run_model(MODEL.where)
    qtbot.waitUntil(lambda: len(layers(page)) == 2 and modelling(page).predicting.job is None)
    quiet(qtbot, desk)
    assert np.array_equal(desk.scene.state.layers[number].volume.frame(), before), "it is only proposed"
    models.accept.click()
    qtbot.waitUntil(lambda: len(layers(page)) == 1)
    quiet(qtbot, desk)
    after = desk.scene.state.layers[number].volume.frame()
    assert (after[before == 2] == 2).all(), "what is locked stays as it was finished"
    assert (after[before != 2] == 1).all()


def test_rejected_labels_go_and_the_others_wait(page: ViewerPage, desk: Desk, qtbot: QtBot) -> None:
    scene = with_prediction(page, qtbot)
    found = scene.layers[1].volume.frame().copy()
    models = modelling(page).models
    models.answer.tick(False)
    assert not models.accept.isEnabled() and not models.reject.isEnabled()
    models.answer.tick(True, frozenset({1}))
    models.reject.click()
    quiet(qtbot, desk)
    assert layers(page) == [(True, ("white matter", "fluid"))]
    assert np.array_equal(desk.scene.state.layers[1].volume.frame(), np.where(found == 1, 0, found))
    models.answer.tick(True)
    models.reject.click()
    quiet(qtbot, desk)
    assert layers(page) == [] and models.answer.isHidden()


def test_a_reference_that_was_opened_is_left_alone_unless_it_is_chosen(
    page: ViewerPage, desk: Desk, qtbot: QtBot
) -> None:
    scan = opened(page, qtbot).scan
    assert scan is not None
    reference = like(scan, np.ones(scan.shape, np.uint8), "reference")
    desk.scene.put(desk.scene.state.adding(Layer(reference, "labels", labels=named(("all",)))))
    modelling(page).run_model(MODEL.where)
    qtbot.waitUntil(lambda: len(layers(page)) == 2 and modelling(page).predicting.job is None)
    quiet(qtbot, desk)
    models = modelling(page).models
    assert models.answer.into.currentData() == NEW_LAYER
    assert [models.answer.into.itemText(k) for k in range(2)] == ["a new layer", "reference"]
    models.accept.click()
    quiet(qtbot, desk)
    assert desk.scene.state.layers[1].volume is reference and len(layers(page)) == 2


def test_accepting_to_edit_takes_up_the_brush(page: ViewerPage, desk: Desk, qtbot: QtBot) -> None:
    with_prediction(page, qtbot)
    models = modelling(page).models
    models.answer.edit.click()
    quiet(qtbot, desk)
    assert layers(page) == [(False, MODEL.labels)] and desk.scene.state.active == 1
    assert page.feature("edit").layer is desk.scene.state.layers[1]  # type: ignore[attr-defined]


def test_everything_has_a_name_and_a_tip(page: ViewerPage, rooms: Rooms, desk: Desk, qtbot: QtBot) -> None:
    models = boxed(page, qtbot)
    quiet(qtbot, desk)
    for control in (*models.findChildren(QAbstractButton), models.picker, models.answer.into):
        assert control.toolTip(), f"{control} has no tip"
        named_so = control.accessibleName() or (control.text() if isinstance(control, QAbstractButton) else "")
        assert named_so or isinstance(control, QComboBox), f"{control.toolTip()} has no name"


def test_what_a_model_finds_is_outlined_and_listed_and_what_a_person_drew_stays(
    page: ViewerPage, rooms: Rooms, desk: Desk, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = (FoundBox("cell", 2, 0.91, (4, 5, 6), (20, 30, 7)), FoundBox("dot", 1, 0.4, (1, 1, 6), (5, 5, 7)))

    def run(where: str, scan: Volume, mirror: bool, frame: int) -> Work[Prediction]:
        yield Progress(1, 1, "looking for boxes")
        return Prediction(like(scan, np.broadcast_to(np.uint8(0), scan.shape), "no labels"), boxes=found)

    monkeypatch.setattr(rooms, "_run", run)
    desk.services = replace(desk.services, modelled=rooms.services())
    told = Told(desk)
    opened(page, qtbot)
    mine = Mark("ruler", ((0, 0, 0), (9, 0, 0)), number=3)
    desk.scene.put(replace(desk.scene.state, marks=(mine,)))
    for _ in range(2):  # a second run takes the place of the first
        modelling(page).run_model("/runs/cells")
        quiet(qtbot, desk)
        marks = desk.scene.state.marks
        assert [(one.number, one.name, one.value) for one in marks] == [
            (3, "", 0), (4, "cell 0.91", 2), (5, "dot 0.40", 1),
        ]  # fmt: skip
    assert layers(page) == [], "there is no layer of labels to be accepted"
    assert "found 1 cell, 1 dot" in str(told)
    measure: Any = page.feature("measure")
    assert measure._written(marks[1]) == ("cell 0.91",), "many boxes show no more than their names"
    measure.select(4)
    assert len(measure._written(marks[1])) > 1, "the chosen one says what it measures"
