"""A folder with several series: cards to choose from, by mouse and by keys; what lies over a scan comes with it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from medviz.figures import Picture
from medviz.gui.desk import Desk, Offer
from medviz.gui.pages.viewer import ViewerPage
from medviz.gui.services import Files, Services
from medviz.gui.viewer.series_browser import SeriesBrowser, SeriesChoice
from medviz.gui.viewer.series_list import CARD, PICTURE, facts, faults
from medviz.imaging.labels import named
from medviz.imaging.series import SeriesCard
from medviz.imaging.volume import Volume, like
from medviz.messages import Progress, Work
from tests.gui.conftest import head
from tests.gui.viewer.hands import Told, quiet

Button, Key = Qt.MouseButton, Qt.Key
SHIFT = Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "study"
    made.mkdir()
    return made


@pytest.fixture
def cards(folder: Path) -> tuple[SeriesCard, ...]:
    return (
        SeriesCard("1.1", folder, number=3, description="T1 axial", modality="MR", plane="axial", slices=160,
                   shape=(256, 256, 160), spacing_mm=(1.0, 1.0, 1.2), size=20_971_520),
        SeriesCard("1.2", folder, number=4, description="T2 sagittal", modality="MR", plane="sagittal", slices=30,
                   warnings=("slices are missing at 4.0 to 10.0 mm along the slice normal and left blank",)),
        SeriesCard("1.3", folder, "labels", 7, "tumour", "SEG", slices=0, over="1.2", names=("core", "oedema")),
    )  # fmt: skip


@pytest.fixture
def read_cards() -> list[str]:
    """Keys of the series that were read."""
    return []


@pytest.fixture
def services(services: Services, cards: tuple[SeriesCard, ...], read_cards: list[str]) -> Services:
    def series(path: Path) -> Work[tuple[SeriesCard, ...]]:
        yield Progress(0, 2, "looking through")
        return cards if path.name == "study" else cards[:1]

    def pictures(given: tuple[SeriesCard, ...]) -> Work[None]:
        for number, card in enumerate(given):
            if card.content == "scan":
                yield Picture(card.key, np.full((20, 30), 80 * (number + 1), np.uint8))

    def read_series(card: SeriesCard, over: Volume | None, fill_gaps: bool) -> Work[Volume]:
        yield Progress(0, 1, "decoding")
        read_cards.append(card.key)
        scan = head(name=card.title)
        if card.content == "scan":
            return scan
        labels = like(scan, (scan.frame() > 500).astype(np.uint8), card.title)
        return replace(labels, labels=named(card.names))

    return replace(services, files=Files(series, pictures, read_series))


@pytest.fixture
def browser(page: ViewerPage) -> SeriesBrowser:
    found = page.feature("series")
    assert isinstance(found, SeriesBrowser)
    return found


@pytest.fixture
def offered(page: ViewerPage, browser: SeriesBrowser, folder: Path, qtbot: QtBot) -> SeriesChoice:
    """The browser with the folder's cards."""
    page.desk.open_wanted.emit(folder)
    qtbot.waitUntil(browser.choice.isVisible)
    quiet(qtbot, page.desk)
    return browser.choice


def arrived(qtbot: QtBot, page: ViewerPage, layers: int = 1) -> None:
    qtbot.waitUntil(lambda: len(page.desk.scene.state.layers) == layers and not page.opening.busy)
    quiet(qtbot, page.desk)


def names(page: ViewerPage) -> list[str]:
    return [layer.volume.name for layer in page.desk.scene.state.layers]


def test_a_folder_with_several_series_asks_which(page: ViewerPage, offered: SeriesChoice, read_cards: list) -> None:
    assert offered.list.items.rowCount() == 3 and not read_cards
    assert "Series in study" in offered.title.text().replace("\u200b", "")
    assert offered.what.text().startswith("2 series, and 1 that lies over a scan")
    assert page.desk.scene.state.scan is None and page.loading.isHidden() and page.empty.isHidden()
    assert offered.list.hasFocus(), "arrows and Enter work at once"


def test_each_card_says_what_it_is_to_the_ear_too(offered: SeriesChoice) -> None:
    told = [offered.list.items.item(row).data(Qt.ItemDataRole.AccessibleTextRole) for row in range(3)]
    assert "3 T1 axial" in told[0] and "MR · axial · 160 slices · 256×256 · 1×1×1.2 mm · 21 MB" in told[0]
    assert "uncalibrated" in told[1] and "Slices are missing at 4.0 to 10.0 mm" in told[1]
    assert "2 structures: core, oedema" in told[2]


def test_pictures_come_onto_their_cards(offered: SeriesChoice) -> None:
    pictures = [offered.list.items.item(row).data(PICTURE) for row in range(3)]
    assert [picture.toImage().pixelColor(5, 5).lightness() for picture in pictures[:2]] == [80, 160]
    assert pictures[2] is None


def test_more_than_three_faults_are_counted(cards: tuple[SeriesCard, ...]) -> None:
    assert faults(replace(cards[0], warnings=("a", "b", "c", "d", "e"))) == ("A", "B", "and 3 more")


def test_a_double_click_opens(page: ViewerPage, offered: SeriesChoice, qtbot: QtBot, read_cards: list) -> None:
    view = offered.list
    place = view.visualRect(view.items.index(1, 0)).center()
    qtbot.mouseClick(view.viewport(), Button.LeftButton, pos=place)
    qtbot.mouseDClick(view.viewport(), Button.LeftButton, pos=place)
    arrived(qtbot, page)
    assert read_cards == ["1.2"] and names(page) == ["4 T2 sagittal"] and offered.isHidden()


def test_arrows_and_enter_open(page: ViewerPage, offered: SeriesChoice, qtbot: QtBot) -> None:
    qtbot.keyClick(offered.list, Key.Key_Down)
    qtbot.keyClick(offered.list, Key.Key_Return)
    arrived(qtbot, page)
    assert names(page) == ["4 T2 sagittal"]


def test_shift_and_enter_lay_over_the_open_scan(
    page: ViewerPage, browser: SeriesBrowser, offered: SeriesChoice, qtbot: QtBot
) -> None:
    assert offered.over_button.isHidden(), "there is no scan to lay anything over"
    qtbot.keyClick(offered.list, Key.Key_Return)
    arrived(qtbot, page)
    browser.show_again()
    qtbot.waitUntil(offered.isVisible)
    assert offered.over_button.isVisible()
    qtbot.keyClick(offered.list, Key.Key_Down)
    qtbot.keyClick(offered.list, Key.Key_Return, SHIFT)
    arrived(qtbot, page, 2)
    assert names(page) == ["3 T1 axial", "4 T2 sagittal"]
    assert page.desk.scene.state.layers[1].role == "image"


def test_labels_are_opened_with_the_scan_they_were_drawn_on(
    page: ViewerPage, offered: SeriesChoice, qtbot: QtBot, read_cards: list
) -> None:
    offered.list.setCurrentIndex(offered.list.items.index(2, 0))
    assert offered.open_button.text() == "Open with its scan"
    offered.open_button.click()
    arrived(qtbot, page, 2)
    assert read_cards == ["1.2", "1.3"]
    layer = page.desk.scene.state.layers[1]
    assert layer.role == "labels" and [one.name for one in layer.labels][:1] == ["core"]


def test_escape_opens_none_and_what_waits_goes_on(page: ViewerPage, offered: SeriesChoice, qtbot: QtBot) -> None:
    qtbot.keyClick(offered, Key.Key_Escape)
    assert offered.isHidden() and not page.opening.busy and page.empty.isVisible()
    page.desk.open_wanted.emit(Path("t1.nii.gz"))
    arrived(qtbot, page)
    assert names(page) == ["t1.nii.gz"]


def test_another_file_that_is_opened_takes_the_place_of_the_question(
    page: ViewerPage, offered: SeriesChoice, qtbot: QtBot
) -> None:
    page.desk.open_wanted.emit(Path("t1.nii.gz"))
    arrived(qtbot, page)
    assert offered.isHidden() and names(page) == ["t1.nii.gz"]


def test_words_narrow_the_list(offered: SeriesChoice, qtbot: QtBot) -> None:
    offered.finder.show()
    qtbot.keyClicks(offered.finder, "sagittal mr")
    shown = [row for row in range(3) if not offered.list.isRowHidden(row)]
    assert shown == [1] and offered.list.card is not None and offered.list.card.key == "1.2"
    offered.finder.clear()
    assert not any(offered.list.isRowHidden(row) for row in range(3))


def test_a_folder_with_one_series_opens_at_once(
    page: ViewerPage, browser: SeriesBrowser, tmp_path: Path, qtbot: QtBot
) -> None:
    (tmp_path / "one").mkdir()
    page.desk.open_wanted.emit(tmp_path / "one")
    arrived(qtbot, page)
    assert names(page) == ["3 T1 axial"] and browser.choice.isHidden()


def test_where_nobody_can_be_asked_the_largest_opens(page: ViewerPage, desk: Desk, folder: Path, qtbot: QtBot) -> None:
    desk.asks = False
    desk.open_wanted.emit(folder)
    arrived(qtbot, page)
    assert names(page) == ["3 T1 axial"]


def test_the_folder_is_remembered_and_the_file_menu_offers_its_other_series(
    page: ViewerPage, browser: SeriesBrowser, offered: SeriesChoice, folder: Path, qtbot: QtBot
) -> None:
    qtbot.keyClick(offered.list, Key.Key_Return)
    arrived(qtbot, page)
    assert page.desk.recent()[0] == folder
    (action,) = browser.actions()
    assert action.isEnabled() and action.property("menu") == "file"
    action.trigger()
    qtbot.waitUntil(offered.isVisible)
    quiet(qtbot, page.desk)
    assert offered.list.items.item(0).data(CARD).key == "1.1"


def test_it_fits_a_small_window(page: ViewerPage, offered: SeriesChoice, qtbot: QtBot) -> None:
    page.window().resize(560, 420)
    qtbot.wait(30)
    assert page.panes.rect().contains(offered.geometry())
    assert offered.list.height() > 60 and offered.open_button.isVisible()


@pytest.mark.trap("T24")
def test_nothing_of_a_series_is_said_in_the_log_but_its_own_words(offered: SeriesChoice, told: Told) -> None:
    assert "patient" not in str(told).lower()


def test_one_slice_of_a_series_offers_its_folder(
    page: ViewerPage, browser: SeriesBrowser, desk: Desk, folder: Path, qtbot: QtBot
) -> None:
    for number in range(4):
        (folder / f"{number}.dcm").write_bytes(b"DICM")
    scan = head(name="2.dcm")
    flat = replace(scan, voxels=scan.voxels[..., :1], stored=replace(scan.stored, format="DICOM", shape=(24, 28, 1)))

    def read(path: Path) -> Work[Volume]:
        yield Progress(0, 1, "reading")
        return flat

    desk.services = replace(desk.services, read=read)
    offers: list[Offer] = []
    desk.noticed.connect(lambda what: offers.append(what) if isinstance(what, Offer) else None)
    desk.open_wanted.emit(folder / "2.dcm")
    arrived(qtbot, page)
    (offer,) = offers
    assert "one slice; 3 more files" in offer.note.text and offer.button == "Open the folder"
    offer.act()
    qtbot.waitUntil(browser.choice.isVisible)
    quiet(qtbot, desk)
    browser.choice.leave_button.click()


def test_cards_stand_by_their_numbers_and_the_largest_is_marked(
    browser: SeriesBrowser, cards: tuple[SeriesCard, ...]
) -> None:
    browser.choice.offer((cards[1], cards[2], cards[0]), scan_open=False)
    view = browser.choice.list
    assert [view.items.item(row).data(CARD).number for row in range(3)] == [3, 4, 7]
    assert view.card is cards[1]


def test_frames_are_called_by_what_tells_them_apart(cards: tuple[SeriesCard, ...]) -> None:
    diffusion = replace(cards[0], frames=3, frame_names=("b 0 s/mm²", "b 500 s/mm²", "b 1000 s/mm²"))
    assert "3 frames (b 0 s/mm² to b 1000 s/mm²)" in facts(diffusion)


def test_a_second_scan_chosen_from_a_folder_stands_beside_the_first(
    page: ViewerPage, browser: SeriesBrowser, folder: Path, qtbot: QtBot
) -> None:
    page.open(Path("t1.nii.gz"))
    arrived(qtbot, page)
    page.open(folder, "second")
    qtbot.waitUntil(browser.choice.isVisible)
    quiet(qtbot, page.desk)
    qtbot.keyClick(browser.choice.list, Key.Key_Return)
    qtbot.waitUntil(lambda: page.desk.scene.state.second is not None)
    quiet(qtbot, page.desk)
    assert names(page) == ["t1.nii.gz"]
    assert page.desk.scene.state.second.layer.volume.name == "3 T1 axial"  # type: ignore[union-attr]


@pytest.mark.trap("T6", "T8")
def test_a_file_that_says_it_is_labels_is_laid_over_the_scan_without_a_question(
    page: ViewerPage, desk: Desk, qtbot: QtBot
) -> None:
    """A SEG or RTSTRUCT dropped on an open scan: read with that scan's grid, named, on top."""
    given: list[Volume] = []

    def read_over(path: Path, scan: Volume) -> Work[Volume]:
        yield Progress(0, 1, "filling")
        given.append(scan)
        labels = like(scan, (scan.frame() > 500).astype(np.uint8), path.name)
        return replace(labels, labels=named(("liver",)))

    page.open(Path("t1.nii.gz"))
    arrived(qtbot, page)
    desk.services = replace(desk.services, files=replace(desk.services.files, read_over=read_over))
    desk.open_wanted.emit(Path("rs.dcm"))
    arrived(qtbot, page, 2)
    scene = desk.scene.state
    assert given == [scene.scan] and page.ask.isHidden()
    assert scene.layers[1].role == "labels" and scene.layers[1].labels[0].name == "liver"


def test_files_of_a_folder_are_offered_like_series(
    page: ViewerPage, browser: SeriesBrowser, desk: Desk, tmp_path: Path, qtbot: QtBot
) -> None:
    scans = tmp_path / "scans"
    scans.mkdir()
    listed = tuple(SeriesCard(name, scans, description=name, source=scans / name) for name in ("a.nii", "b.nii"))

    def series(path: Path) -> Work[tuple[SeriesCard, ...]]:
        yield Progress(0, 1, "looking through")
        return listed

    desk.services = replace(desk.services, files=Files(series))
    desk.open_wanted.emit(scans)
    qtbot.waitUntil(browser.choice.isVisible)
    quiet(qtbot, desk)
    assert "Files in scans" in browser.choice.title.text().replace("\u200b", "")
    qtbot.keyClick(browser.choice.list, Key.Key_Down)
    qtbot.keyClick(browser.choice.list, Key.Key_Return)
    arrived(qtbot, page)
    assert names(page) == ["b.nii"] and desk.recent()[0] == scans / "b.nii"
