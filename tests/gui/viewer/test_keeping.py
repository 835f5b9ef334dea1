"""Export, sessions and the privacy check as a person meets them, on real files."""

import csv
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from PySide6.QtCore import QSettings, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QApplication, QFileDialog
from pytestqt.qtbot import QtBot

from medviz.gui.desk import Desk, Offer
from medviz.gui.pages.viewer import ViewerPage
from medviz.gui.services import Files, Keep, Services
from medviz.gui.viewer import sessions as sessions_module
from medviz.gui.viewer.editing import Editing
from medviz.gui.viewer.export_dialog import ExportDialog, Order
from medviz.gui.viewer.export_kinds import AsFilm, AsPicture, kinds
from medviz.gui.viewer.exporting import Exporting
from medviz.gui.viewer.privacy import Privacy
from medviz.gui.viewer.sessions import Sessions, left_behind, own_path
from medviz.gui.viewer.sheet import Camera
from medviz.imaging import readers
from medviz.imaging.history import change_of
from medviz.imaging.labels import Label
from medviz.imaging.privacy import check
from medviz.imaging.scene import Layer, Scene
from medviz.imaging.session import ENDING
from medviz.imaging.sources import made_by
from medviz.imaging.volume import like
from medviz.imaging.writers import export
from medviz.imaging.writers.clean import share
from medviz.imaging.writers.film import write_film
from medviz.messages import Note
from tests.imaging.dicom_files import phantom, write_series
from tests.imaging.making import asymmetric, opened, saved


@pytest.fixture
def services(services: Services) -> Services:
    """The real readers and writers, a fake for the rest."""
    return replace(
        services,
        read=readers.read,
        write=readers.write,
        files=Files(
            series=readers.series_of,
            pictures=readers.pictures_of,
            read_series=readers.read_series,
            read_over=readers.read_over,
        ),
        keep=Keep(export=export, film=write_film, can_mp4=lambda: False, check=check, share=share),
    )


@pytest.fixture
def notes(desk: Desk) -> list[Any]:
    heard: list[Any] = []
    desk.noticed.connect(heard.append)
    return heard


@pytest.fixture
def idle(desk: Desk, qtbot: QtBot) -> Callable[[], None]:
    """Wait until nothing runs beside the window."""
    return lambda: qtbot.waitUntil(lambda: not desk.jobs, timeout=20000)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    path = saved(folder / "scan.nii", asymmetric((24, 26, 20)), np.diag([1.0, 1.0, 2.0, 1.0]))
    scan = opened(path)
    voxels = np.zeros(scan.shape, np.uint8)
    voxels[5:12, 5:12, 4:10] = 1
    voxels[14:20, 5:12, 4:10] = 2
    readers.write(like(scan, voxels), folder / "mask.nii.gz")
    return folder


@pytest.fixture
def shown(page: ViewerPage, desk: Desk, files: Path, idle: Callable[[], None]) -> ViewerPage:
    """The scan with its mask over it."""
    page.open(files / "scan.nii", "scan")
    page.open(files / "mask.nii.gz", "labels")
    idle()
    assert [layer.role for layer in desk.scene.state.layers] == ["image", "labels"]
    return page


def part(page: ViewerPage, kind: type[Any]) -> Any:
    return page.feature(kind.NAME)


def dialog_of(page: ViewerPage, kind: str, path: Path) -> ExportDialog:
    made = part(page, Exporting).ask(kind)
    made.choose(kind)
    made.place.setText(str(path))
    made.place.textEdited.emit(str(path))
    return made


# -- export -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "ending"), [("nifti", "nii.gz"), ("nrrd", "nrrd"), ("stl", "stl"), ("csv", "csv"), ("png", "png")]
)
def test_a_person_exports_by_the_dialog_and_is_led_to_the_file(
    shown: ViewerPage,
    desk: Desk,
    notes: list[Any],
    idle: Callable[[], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    ending: str,
) -> None:
    went: list[QUrl] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: went.append(url))
    path = tmp_path / f"out.{ending}"
    dialog_of(shown, kind, path).go.click()
    idle()
    assert path.is_file() and path.stat().st_size > 50
    offer = next(note for note in notes if isinstance(note, Offer) and "Exported" in note.note.text)
    assert str(path) in offer.note.text and offer.button == "Show in folder"
    offer.act()
    assert went[0].toLocalFile() == str(tmp_path)
    assert str(desk.preferences.value("viewer/saved in")) == str(tmp_path)
    if kind == "nifti":
        one, other = nib.load(path), nib.load(tmp_path / "files" / "scan.nii")
        assert one.header["srow_x"].tobytes() == other.header["srow_x"].tobytes()
        assert set(np.unique(np.asarray(one.dataobj))) == {0, 1, 2}
    if kind == "csv":
        with path.open(newline="") as file:
            assert [row["voxels"] for row in csv.DictReader(file)] == ["294", "252"]
    if kind == "png":
        with Image.open(path) as picture:
            assert max(picture.size) >= 1024


def test_a_film_goes_through_the_slices_that_were_asked_for(
    shown: ViewerPage, idle: Callable[[], None], tmp_path: Path
) -> None:
    dialog = dialog_of(shown, "gif", tmp_path / "a.gif")
    assert isinstance(dialog.kind.settings, AsFilm) and (dialog.kind.settings.first, dialog.kind.settings.last) == (
        1,
        20,
    )
    assert dialog.said.text() == "20 pictures, 1.7 s"
    dialog.set(plane="coronal")
    assert dialog.kind.settings.last == 26  # another plane begins with all of its slices
    dialog.set(first=3, last=99, every=4, speed=5.0, size=128)
    assert dialog.kind.settings.last == 26 and dialog.said.text() == "6 pictures, 1.2 s"
    dialog.go.click()
    idle()
    with Image.open(tmp_path / "a.gif") as made:
        assert made.n_frames == 6 and made.info["duration"] == 200 and max(made.size) == 128


def test_dicom_needs_its_series_and_then_says_the_model(
    page: ViewerPage, desk: Desk, idle: Callable[[], None], notes: list[Any], tmp_path: Path
) -> None:
    write_series(tmp_path / "ct", phantom(), tags=lambda k: {"StudyInstanceUID": "1.2.3"})
    page.open(tmp_path / "ct", "scan")
    idle()
    scan = desk.scene.state.layers[0].volume
    made = like(scan, np.ones(scan.shape, np.uint8), "found")
    card = {"model": {"name": "net", "sha256": "ab" * 32}}
    layer = Layer(made, "labels", labels=(Label(1, "all", (9, 9, 9)),), maker=made_by(card, made))
    desk.scene.put(desk.scene.state.adding(layer))
    dialog = dialog_of(page, "seg", tmp_path / "seg.dcm")
    assert (
        "made by net" in dialog.said.text() and "the series the scan was read from" in dialog.series.placeholderText()
    )
    dialog.go.click()
    idle()
    found = dcmread(tmp_path / "seg.dcm")
    assert found.SegmentSequence[0].SegmentLabel == "all" and found.SegmentSequence[0].SegmentAlgorithmName == "net"
    assert json.loads((tmp_path / "seg.card.json").read_text())["edited_by_hand"] is False
    edited = replace(layer, volume=replace(made, voxels=made.voxels.copy()))
    assert layer.maker is not None and layer.maker.says(edited.volume)["edited_by_hand"] is True


def test_without_dicom_a_series_must_be_named(shown: ViewerPage, tmp_path: Path) -> None:
    dialog = dialog_of(shown, "rtstruct", tmp_path / "a.dcm")
    dialog.go.click()
    assert dialog.isVisible() and "DICOM series" in dialog.warning.text()
    dialog.reject()


def test_what_cannot_be_exported_says_why(page: ViewerPage, desk: Desk, files: Path, idle: Callable[[], None]) -> None:
    page.open(files / "scan.nii", "scan")
    idle()
    why = {kind.name: kind.why_not for kind in kinds(desk.scene.state, can_mp4=False)}
    assert "no labels" in why["seg"] and "imageio-ffmpeg" in why["mp4"] and not why["png"] and not why["gif"]
    dialog = part(page, Exporting).ask("stl")
    assert dialog.kind.name == "nifti"  # the first that may be
    dialog.choose("stl")
    assert not dialog.go.isEnabled() and "no labels" in dialog.warning.text()
    dialog.reject()
    assert all(kind.why_not for kind in kinds(Scene()))


@pytest.mark.trap("T24")
def test_the_scan_itself_leaves_without_the_texts_of_its_header(
    page: ViewerPage, desk: Desk, files: Path, idle: Callable[[], None]
) -> None:
    path = saved(files / "named.nii", asymmetric(), np.diag([1.0, 1.0, 2.0, 1.0]), descrip=b"Doe^Jane", db_name=b"4711")
    page.open(path, "scan")
    idle()
    dialog = dialog_of(page, "nifti", files / "out.nii.gz")
    assert dialog.layers.count() == 1 and "no text" in dialog.said.text()
    dialog.go.click()
    idle()
    one, other = nib.load(path), nib.load(files / "out.nii.gz")
    np.testing.assert_array_equal(np.asarray(one.dataobj), np.asarray(other.dataobj))
    np.testing.assert_array_equal(one.affine, other.affine)
    assert not other.header["descrip"].item() and not other.header["db_name"].item()


def test_only_ticked_labels_are_exported(shown: ViewerPage, idle: Callable[[], None], tmp_path: Path) -> None:
    dialog = dialog_of(shown, "nrrd", tmp_path / "a.nrrd")
    assert dialog.choice.count.text() == "2 of 2 labels"
    dialog.choice.none.click()
    dialog.go.click()
    assert dialog.isVisible() and "no label is ticked" in dialog.warning.text().lower()
    dialog.choice.tick(2, True)
    assert "1 label on" in dialog.said.text()
    dialog.go.click()
    idle()
    assert set(np.unique(opened(tmp_path / "a.nrrd").voxels)) == {0, 2}


@pytest.mark.trap("T22")
def test_a_file_that_is_there_is_replaced_only_when_a_person_says_so(
    shown: ViewerPage, files: Path, idle: Callable[[], None]
) -> None:
    before = (files / "mask.nii.gz").read_bytes()
    dialog = part(shown, Exporting).ask("nifti")
    assert dialog.place.text() == str(files / "mask-2.nii.gz")  # never suggests the mask itself
    dialog.place.setText(str(files / "mask.nii.gz"))
    dialog.place.textEdited.emit("")
    dialog.choice.tick(1, False)
    dialog.go.click()
    assert dialog.isVisible() and dialog.go.text() == "Replace" and (files / "mask.nii.gz").read_bytes() == before
    dialog.go.click()
    idle()
    assert set(np.unique(opened(files / "mask.nii.gz").voxels)) == {0, 2}


def test_names_in_the_dialog_follow_the_kind_and_a_hand(shown: ViewerPage, tmp_path: Path) -> None:
    dialog = part(shown, Exporting).ask("nifti")
    assert dialog.place.text().endswith("mask-2.nii.gz")
    dialog.choose("seg")
    assert dialog.place.text().endswith("mask_seg.dcm")
    dialog.choose("nifti")
    dialog.place.setText(str(tmp_path / "own.nii.gz"))
    dialog.place.textEdited.emit("")
    dialog.choose("stl")
    assert dialog.place.text() == str(tmp_path / "own.stl")
    dialog.place.setText(str(tmp_path / "gone" / "own.stl"))
    dialog.go.click()
    assert dialog.isVisible() and "folder" in dialog.warning.text()
    dialog.place.setText(str(tmp_path / "own.txt"))
    dialog.go.click()
    assert dialog.isVisible() and ".stl" in dialog.warning.text()
    dialog.reject()


@pytest.mark.trap("T7")
def test_a_layer_that_lies_elsewhere_is_not_exported(
    shown: ViewerPage, desk: Desk, notes: list[Any], idle: Callable[[], None], tmp_path: Path
) -> None:
    layer = desk.scene.state.layers[1]
    affine = layer.volume.affine.copy()
    affine[0, 3] += 1
    desk.scene.put(desk.scene.state.with_layer(1, volume=replace(layer.volume, affine=affine)))
    kind = next(one for one in kinds(desk.scene.state) if one.name == "nifti")
    part(shown, Exporting).export(Order(kind, tmp_path / "a.nii.gz", 1))
    idle()
    assert not (tmp_path / "a.nii.gz").exists()
    assert any(isinstance(note, Note) and "does not lie on the grid" in note.text for note in notes)


def test_an_export_can_be_stopped(shown: ViewerPage, desk: Desk, idle: Callable[[], None], tmp_path: Path) -> None:
    kind = next(one for one in kinds(desk.scene.state) if one.name == "gif")
    settings = replace(kind.settings, size=1024)  # type: ignore[type-var]
    job = part(shown, Exporting).export(Order(replace(kind, settings=settings), tmp_path / "a.gif"))
    job.stop()
    idle()
    assert [path.name for path in tmp_path.glob("*.gif")] == [] and not list(tmp_path.glob(".*part*"))


def test_every_control_of_the_dialog_has_a_name_and_a_tip(shown: ViewerPage) -> None:
    dialog = part(shown, Exporting).ask("seg")
    for widget in (dialog.layers, dialog.series, dialog.series_button, dialog.place, dialog.place_button):
        assert widget.accessibleName() and widget.toolTip()
    assert dialog.go.toolTip() and dialog.leave.toolTip()
    assert isinstance(next(kind for kind in dialog._kinds.values() if kind.name == "png").settings, AsPicture)
    dialog.reject()


# -- sessions -----------------------------------------------------------------------------------------------------


def looked_at(page: ViewerPage, desk: Desk) -> None:
    scene = replace(desk.scene.state.at_voxel((7, 8, 5)), layout="1+3", radiological=False)
    scene = scene.with_layer(0, window=111.0, level=22.0).with_layer(1, style="fill", hidden_labels=frozenset({2}))
    names = (Label(1, "liver", (1, 2, 3)), Label(2, "spleen", (4, 5, 6)))
    desk.scene.put(scene.with_layer(1, labels=names))
    page.panes.slices["axial"].look(Camera(2.0, 3.0, 4.0))


@pytest.mark.trap("T22", "T24")
def test_a_session_comes_back_as_it_was(
    shown: ViewerPage, desk: Desk, files: Path, idle: Callable[[], None], notes: list[Any]
) -> None:
    looked_at(shown, desk)
    scan = desk.scene.state.layers[0].volume
    drawn = np.zeros(scan.shape, np.uint8)
    drawn[1:4, 1:4, 1:4] = 9
    mine = Layer(like(scan, drawn, "mine"), "labels", labels=(Label(9, "mine", (7, 8, 9)),))
    desk.scene.put(desk.scene.state.adding(mine))
    before = desk.scene.state
    part(shown, Sessions).save(files / f"case{ENDING}")
    idle()
    text = (files / f"case{ENDING}").read_text()
    assert str(files) not in text and (files / "case.layer-2.nii.gz").is_file()
    desk.scene.put(Scene())
    shown.panes.slices["axial"].look(Camera())
    shown.open(files / f"case{ENDING}")
    idle()
    after = desk.scene.state
    assert len(after.layers) == 3 and after.layout == "1+3" and not after.radiological
    assert after.cursor == pytest.approx(before.cursor)
    for one, other in zip(after.layers, before.layers, strict=True):
        assert replace(one, volume=other.volume, source=None) == replace(other, source=None)
        np.testing.assert_array_equal(one.volume.voxels, other.volume.voxels)
    assert shown.panes.slices["axial"].camera == Camera(2.0, 3.0, 4.0)
    assert not [note for note in notes if isinstance(note, Note) and note.level == "error"]


def test_what_is_missing_is_asked_about_in_one_question(
    shown: ViewerPage, desk: Desk, files: Path, idle: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    part(shown, Sessions).save(files / f"case{ENDING}")
    idle()
    away = files.parent / "away"
    away.mkdir()
    for name in ("scan.nii", "mask.nii.gz"):
        (files / name).rename(away / name)
    desk.scene.put(Scene())
    ours = part(shown, Sessions)
    ours.open(files / f"case{ENDING}")
    idle()
    dialog = ours.dialog
    assert len(dialog.rows) == 2 and not dialog.go.isEnabled() and "must be located" in dialog.words.text()
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *words: (str(away / "scan.nii"), ""))
    dialog.rows[0][2].click()  # the mask is found beside it
    idle()
    assert len(desk.scene.state.layers) == 2


def test_files_far_from_the_session_are_found_where_this_person_had_them(
    shown: ViewerPage, desk: Desk, idle: Callable[[], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "files")  # as if the session lay on another disk
    (tmp_path / "elsewhere").mkdir()
    path = tmp_path / "elsewhere" / f"case{ENDING}"
    part(shown, Sessions).save(path)
    idle()
    told = json.loads(path.read_text())
    assert [layer["file"] for layer in told["layers"]] == ["scan.nii", "mask.nii.gz"]  # no folder is named
    desk.scene.put(Scene())
    shown.open(path)
    idle()
    assert part(shown, Sessions).dialog is None and len(desk.scene.state.layers) == 2


def test_the_sample_comes_back_wherever_the_session_lies(
    page: ViewerPage, desk: Desk, services: Services, idle: Callable[[], None], tmp_path: Path
) -> None:
    sample = saved(tmp_path / "shipped.nii", asymmetric((24, 26, 20)), np.eye(4))
    desk.services = replace(services, sample=lambda: sample)
    page.open(sample, "scan")
    idle()
    (tmp_path / "far").mkdir()
    path = tmp_path / "far" / f"case{ENDING}"
    part(page, Sessions).save(path)
    idle()
    path.write_text(path.read_text().replace("../shipped.nii", "shipped.nii"))
    desk.preferences.remove("places")
    desk.scene.put(Scene())
    page.open(path)
    idle()
    assert len(desk.scene.state.layers) == 1


def test_a_changed_file_is_opened_as_it_is_or_not_at_all(
    shown: ViewerPage, desk: Desk, files: Path, idle: Callable[[], None]
) -> None:
    part(shown, Sessions).save(files / f"case{ENDING}")
    idle()
    scan = desk.scene.state.layers[0].volume
    readers.write(like(scan, np.ones(scan.shape, np.uint8)), files / "mask.nii.gz")
    desk.scene.put(Scene())
    ours = part(shown, Sessions)
    ours.open(files / f"case{ENDING}")
    idle()
    assert ours.dialog.go.text() == "Open as it is" and len(ours.dialog.rows) == 1
    ours.dialog.go.click()
    idle()
    assert len(desk.scene.state.layers) == 2 and desk.scene.state.layers[1].volume.voxels.min() == 1
    (files / "mask.nii.gz").unlink()
    desk.scene.put(Scene())
    ours.open(files / f"case{ENDING}")
    idle()
    assert ours.dialog.go.text() == "Open without it"
    ours.dialog.go.click()
    idle()
    assert len(desk.scene.state.layers) == 1


def test_a_telling_file_name_is_pointed_out(
    page: ViewerPage, desk: Desk, files: Path, idle: Callable[[], None], notes: list[Any]
) -> None:
    (files / "scan.nii").rename(files / "Jane_Doe.nii")
    page.open(files / "Jane_Doe.nii", "scan")
    idle()
    part(page, Sessions).save(files / f"case{ENDING}")
    idle()
    assert any(isinstance(note, Note) and "may tell who the patient is" in note.text for note in notes)


@pytest.mark.trap("T22")
def test_after_a_crash_the_session_is_offered_and_restored(
    shown: ViewerPage,
    desk: Desk,
    services: Services,
    preferences: QSettings,
    idle: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    qapp: QApplication,
) -> None:
    looked_at(shown, desk)
    scan = desk.scene.state.layers[0].volume
    found = Layer(like(scan, np.full(scan.shape, 4, np.uint8), "found"), "labels", labels=(Label(4, "f", (1, 1, 1)),))
    desk.scene.put(desk.scene.state.adding(found))
    ours = part(shown, Sessions)
    ours.note()
    idle()
    folder = ours.folder
    path = own_path(folder)
    assert path.is_file() and left_behind(folder) is None  # this window still runs
    crashed = path.with_name(f"last-4194304{ENDING}")  # the number of no process: the window is gone
    path.rename(crashed)
    (folder / f"last-{os.getpid()}.layer-2.nii.gz").rename(folder / "last-4194304.layer-2.nii.gz")
    text = crashed.read_text().replace(f"last-{os.getpid()}.", "last-4194304.")
    crashed.write_text(text)
    places = json.loads(str(preferences.value(f"sessions/last-{os.getpid()}")))
    preferences.setValue(
        "sessions/last-4194304", json.dumps([one.replace(str(os.getpid()), "4194304") for one in places])
    )
    assert left_behind(folder) == crashed
    other = Desk(services, preferences)
    heard: list[Any] = []
    other.noticed.connect(heard.append)
    again = ViewerPage(other)
    again.entered()
    offer = next(note for note in heard if isinstance(note, Offer))
    assert offer.button == "Restore"
    offer.act()
    while other.jobs:
        qapp.processEvents()
    state = other.scene.state
    assert len(state.layers) == 3 and state.layers[0].window == 111.0 and state.layout == "1+3"
    assert state.layers[2].volume.voxels.min() == 4
    assert state.layers[2].source is None  # its file goes away with the window: it is unsaved still
    again.close_page()
    again.deleteLater()
    other.stop_all()
    other.deleteLater()
    assert left_behind(folder) is None and not list(folder.glob("*4194304*"))


def test_a_window_closed_in_peace_leaves_no_session_behind(
    page: ViewerPage, desk: Desk, files: Path, idle: Callable[[], None]
) -> None:
    page.open(files / "scan.nii", "scan")
    idle()
    ours = part(page, Sessions)
    ours.note()
    idle()
    assert own_path(ours.folder).is_file()
    ours.close_feature()
    assert not list(ours.folder.iterdir())


def test_the_session_is_noted_by_itself_after_a_change(
    page: ViewerPage, files: Path, idle: Callable[[], None], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = part(page, Sessions)
    ours._timer.setInterval(50)
    page.open(files / "scan.nii", "scan")
    qtbot.waitUntil(lambda: own_path(ours.folder).is_file(), timeout=10000)
    idle()
    assert sessions_module.EVERY_MS >= 1000


def test_a_scan_of_a_dicom_folder_comes_back_in_a_session(
    page: ViewerPage, desk: Desk, idle: Callable[[], None], tmp_path: Path
) -> None:
    first = write_series(tmp_path / "study" / "a", phantom(), tags=lambda k: {"SeriesNumber": 1})
    write_series(tmp_path / "study" / "b", phantom(slices=4), tags=lambda k: {"SeriesNumber": 2})
    desk.asks = False
    page.open(tmp_path / "study", "scan")
    idle()
    shape = desk.scene.state.layers[0].volume.shape
    part(page, Sessions).save(tmp_path / f"case{ENDING}")
    idle()
    assert first not in (tmp_path / f"case{ENDING}").read_text()
    desk.scene.put(Scene())
    page.open(tmp_path / f"case{ENDING}")
    idle()
    assert desk.scene.state.layers[0].volume.shape == shape and desk.scene.state.layers[0].source is not None


# -- patient data -------------------------------------------------------------------------------------------------


@pytest.mark.trap("T24")
def test_patient_data_are_listed_masked_and_left_out_of_a_copy(
    page: ViewerPage, idle: Callable[[], None], notes: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_series(tmp_path / "ct", phantom())
    page.open(tmp_path / "ct", "scan")
    idle()
    ours = part(page, Privacy)
    ours.check()
    idle()
    dialog = ours.dialog
    texts = {dialog.table.item(row, col).text() for row in range(dialog.table.rowCount()) for col in range(5)}
    assert "Patient's Name" in texts and "Doe^Jane" not in texts and "Do… (8 characters)" in texts
    dialog.values.setChecked(True)
    assert "Doe^Jane" in {dialog.table.item(row, 2).text() for row in range(dialog.table.rowCount())}
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *words: (str(tmp_path / "copy"), ""))
    dialog.go.click()
    idle()
    made = list((tmp_path / "copy").rglob("*.dcm"))
    assert len(made) == 6 and not any(b"Doe" in path.read_bytes() for path in made)
    assert any(isinstance(note, Offer) and "6 files without patient data" in note.note.text for note in notes)


def test_nothing_to_check_is_said(page: ViewerPage, notes: list[Any]) -> None:
    assert part(page, Privacy).check() is None and part(page, Exporting).ask() is None
    part(page, Sessions).ask_save()
    assert len(notes) == 3


@pytest.mark.trap("T22")
def test_corrections_that_went_into_a_file_are_no_longer_unsaved(
    shown: ViewerPage, desk: Desk, files: Path, idle: Callable[[], None], tmp_path: Path
) -> None:
    editing = part(shown, Editing)

    def corrected() -> None:
        editing.edits.ready(1, lambda made: editing.do(1, set_box(made)))
        idle()
        assert editing.edits.of(desk.scene.state.layers[1]).unsaved == 1

    def set_box(made: Any) -> Any:
        after = made.map.copy()
        after[:3, :3, :3] = 1 + int(after[0, 0, 0] == 1)
        return change_of("box", made.map, tuple(slice(0, side) for side in after.shape), after)

    corrected()
    kind = next(one for one in kinds(desk.scene.state) if one.name == "nrrd")
    part(shown, Exporting).export(Order(kind, tmp_path / "a.nrrd", 1))
    idle()
    assert editing.edits.of(desk.scene.state.layers[1]).unsaved == 0
    corrected()
    part(shown, Sessions).save(files / f"case{ENDING}")
    idle()
    assert editing.edits.of(desk.scene.state.layers[1]).unsaved == 0
    desk.scene.put(Scene())
    shown.open(files / f"case{ENDING}")
    idle()
    assert desk.scene.state.layers[1].volume.voxels[0, 0, 0, 0] == 2


@pytest.mark.trap("T22")
def test_a_layer_beside_the_session_is_never_written_over_by_another(
    shown: ViewerPage, desk: Desk, files: Path, idle: Callable[[], None]
) -> None:
    scan = desk.scene.state.layers[0].volume

    def drawn(value: int) -> Layer:
        voxels = np.full(scan.shape, value, np.uint8)
        return Layer(like(scan, voxels, f"drawn {value}"), "labels", labels=(Label(value, "x", (1, 1, 1)),))

    path = files / f"case{ENDING}"
    desk.scene.put(desk.scene.state.adding(drawn(7)))
    part(shown, Sessions).save(path)
    idle()
    desk.scene.put(Scene())
    shown.open(path)
    idle()
    desk.scene.put(desk.scene.state.without(1).adding(drawn(8)))  # the first drawn layer is number 1 now, this one 2
    part(shown, Sessions).save(path)
    idle()
    desk.scene.put(Scene())
    shown.open(path)
    idle()
    assert [int(layer.volume.voxels.max()) for layer in desk.scene.state.layers[1:]] == [7, 8]
