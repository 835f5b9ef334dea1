"""The data before a run, as a person uses the page: check, read the report, mend, take the plan, leaf through."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from medviz.data.checking.report import (
    CaseFacts,
    CheckReport,
    ClassCount,
    Fingerprint,
    Problem,
    Repair,
    Spread,
    sorted_problems,
)
from medviz.figures import Mark, Picture
from medviz.gui.desk import Desk
from medviz.gui.pages.training import TrainingPage
from medviz.gui.services import Services
from medviz.gui.surveying import Surveying, Varied
from medviz.gui.training.case_choice import narrowed, worst
from medviz.gui.training.check_report import facts_of, facts_table, title_of
from medviz.messages import Note, Progress, Work
from medviz.parameters import Settings
from medviz.refused import Refused

CLICK = Qt.MouseButton.LeftButton
OUT = Repair("leave this case out", "leave_out", "case 2")
FAULTS = (
    Problem("case 2", "grid", "its mask lies on another grid", "resample it", "error",
            (Repair("resample the mask", "grids", "resample"), OUT)),
    Problem("case 3", "empty", "nothing is labelled in it", "label it", "warning"),
    Problem("", "imbalance", "liver has 900 voxels, tumour 9", "take Dice", "note"),
)  # fmt: skip


def facts(number: int) -> CaseFacts:
    part = "held out" if number % 5 == 0 else "training"
    counts = (("liver", 90), ("tumour", 9 if number % 2 else 0))
    return CaseFacts(f"case {number}", part, shape=(30, 40, 20 + number), spacing_mm=(1.0, 1.0, 2.0), axes="RAS",
                     dtype="int16", channels=1, counts=counts, image=f"/scans/case_{number}.nii.gz")  # fmt: skip


def report(settings: Settings, problems: Sequence[Problem] = (), cases: int = 7) -> CheckReport:
    known = tuple(facts(number) for number in range(cases))
    shape = Spread.of([one.shape for one in known])
    classes = (ClassCount("liver", cases, 630, 0.95), ClassCount("tumour", 3, 27, 0.05))
    found = Fingerprint(3, cases, 2, cases, 1, shape, Spread.of([(1.0, 1.0, 2.0)]), (("p0.5", 1), ("p50", 5),
                        ("p99.5", 12345)), classes, "voxels", 0.03)  # fmt: skip
    return CheckReport(
        settings, "Phantoms", "segmentation", ("liver", "tumour"), known, sorted_problems(problems), found
    )


@dataclass
class Proposed:
    task: Any
    lines: tuple[str, ...] = ("Patches 32×48×32 because the middle case is 35×50×36 voxels", "Batch 8 takes 0.3 GB")
    plan: Any = None


class FakeAlbum:
    """Seven cases, of which one cannot be read."""

    def __init__(self, count: int = 7) -> None:
        self.cases = tuple(replace(facts(k), shape=(), counts=()) for k in range(count))
        self.classes, self.counted, self.mends = ("liver", "tumour"), "voxels", frozenset({"leave_out"})
        self.drawn: list[str] = []

    def pictures(self, names: Sequence[str], side_px: int) -> Work[None]:
        for name in names:
            self.drawn.append(name)
            if name == "case 6":
                yield Note(f"{name}: it is cut short", "warning")
            else:
                pixels = np.arange(side_px * side_px // 16, dtype=np.uint8).reshape(side_px // 4, -1)
                labels = (pixels > 128).astype(np.uint8)
                mark = Mark(2, 2, 8, 8, "box", "liver", colour=(200, 100, 0))
                yield Picture(name, pixels, labels=labels, label_names=self.classes, marks=(mark,))

    def facts(self, name: str) -> Work[CaseFacts]:
        yield Progress(0, 0)
        return facts(int(name.split()[1]))


class Faked:
    """What looks at data, at once and without any."""

    def __init__(self) -> None:
        self.problems: tuple[Problem, ...] = FAULTS
        self.checked: list[Settings] = []
        self.album_made = FakeAlbum()
        self.wishes: list[Varied] = []
        self.refuses = ""

    def check(self, settings: Settings, task: str, dimensions: int) -> Work[CheckReport]:
        self.checked.append(settings)
        yield Progress(1, 4, "checking the data")
        if self.refuses:
            raise Refused("the folder", self.refuses, "choose another")
        mended = dict(settings.values)
        left = [one for one in self.problems if not any(one_of.field in mended for one_of in one.repairs)]
        return report(settings, left)

    def mended(self, settings: Settings, repair: Repair) -> Settings:
        return settings.turned(**{repair.field: repair.value})

    def propose(self, task: Any, found: Fingerprint) -> Work[Proposed]:
        yield Progress(0, 0)
        return Proposed(replace(task, epochs=40, rate=0.01))

    def album(self, settings: Settings, dimensions: int) -> Work[FakeAlbum]:
        yield Progress(0, 0)
        return self.album_made

    def varied(self, task: Any, wish: Varied) -> Work[None]:
        self.wishes.append(wish)
        for number in range(wish.count + 1):
            pixels = np.full((12, 10), 20 * number, np.uint8)
            yield Picture("as it is" if not number else str(number), pixels)

    def services(self) -> Surveying:
        changes = (("mirror", True), ("rotation", True), ("noise", False))
        return Surveying(self.check, self.mended, self.propose, self.album, lambda task: changes, self.varied)


@pytest.fixture
def faked() -> Faked:
    return Faked()


@pytest.fixture
def page(qtbot: QtBot, services: Services, preferences: Any, faked: Faked, tmp_path: Path) -> Iterator[TrainingPage]:
    made: list[tuple[Desk, QWidget]] = []

    def build() -> TrainingPage:
        given = {"new_run": lambda name: tmp_path / name, "surveying": faked.services()}
        desk = Desk(replace(services, **given), preferences)
        page = TrainingPage(desk)
        qtbot.addWidget(page)
        qtbot.addWidget(page.panel())
        page.resize(1000, 700)
        page.show()
        page.setup.task.setCurrentIndex(0)
        page.setup.task.activated.emit(0)
        qtbot.waitUntil(lambda: page.draft.task is not None and not page.draft.is_loading)
        made.append((desk, page))
        return page

    yield build()
    while made:
        desk, one = made.pop()
        one.close_page()  # type: ignore[attr-defined]
        desk.stop_all()
        one.hide()
        QApplication.processEvents()
        desk.deleteLater()
        del desk, one


def checked(page: TrainingPage, qtbot: QtBot) -> None:
    qtbot.mouseClick(page.setup.check, CLICK)
    survey = page.ground.survey
    qtbot.waitUntil(lambda: not survey.is_checking and (survey.report is not None or survey.refusal is not None))
    qtbot.waitUntil(lambda: not page.desk.jobs)


def texts(page: TrainingPage) -> list[tuple[str, str]]:
    return [(row.problem.severity, row.where) for row in page.ground.pane.table.problems.rows]


def test_before_the_check_the_chip_says_so(page: TrainingPage) -> None:
    assert "not checked" in page.ground.chip.toolTip().lower()
    assert page.middle.currentWidget() is not page.ground.pane


def test_check_brings_the_report_worst_first(page: TrainingPage, qtbot: QtBot) -> None:
    checked(page, qtbot)
    ground = page.ground
    assert page.middle.currentWidget() is ground.pane
    assert texts(page) == [("error", "case 2"), ("warning", "case 3"), ("note", "the whole set")]
    assert "2 problems" in ground.chip.toolTip()
    assert title_of(ground.survey) == "Phantoms (Phantoms): 2 problems and 1 note"
    assert ground.pane.table.button(0) is not None
    assert ground.pane.table.button(1) is None
    assert "its mask lies on another grid" in ground.pane.table.as_text()


def test_a_button_mends_the_settings_and_the_data_are_checked_again(
    page: TrainingPage, qtbot: QtBot, faked: Faked
) -> None:
    checked(page, qtbot)
    button = page.ground.pane.table.button(0)
    assert button is not None and button.text() == "Resample the mask"
    assert [act.text() for act in button.menu().actions()] == ["Resample the mask", "Leave this case out"]
    qtbot.mouseClick(button, CLICK, pos=QPoint(8, 8))
    qtbot.waitUntil(lambda: len(faked.checked) == 2 and not page.desk.jobs)
    assert dict(page.draft.task.data.values) == {"grids": "resample"}
    assert texts(page) == [("warning", "case 3"), ("note", "the whole set")]


def test_without_problems_it_says_that_all_was_looked_at(page: TrainingPage, qtbot: QtBot, faked: Faked) -> None:
    faked.problems = ()
    checked(page, qtbot)
    pane = page.ground.pane
    assert pane.sound.isVisible() and not pane.table.isVisible()
    assert pane.sound.words.text().startswith("0 problems in 7 cases")
    assert "0 problems" in page.ground.chip.toolTip()


def test_the_plan_is_two_lines_and_one_click(page: TrainingPage, qtbot: QtBot, faked: Faked) -> None:
    faked.problems = FAULTS[1:]
    checked(page, qtbot)
    strip = page.ground.strip
    qtbot.waitUntil(lambda: strip.isVisible())
    assert "because the middle case is 35×50×36" in strip.words.text()
    qtbot.mouseClick(strip.take, CLICK)
    assert (page.draft.task.epochs, page.draft.task.rate) == (40, 0.01)
    assert strip.take.text() == "Plan in use" and not strip.take.isEnabled()
    qtbot.mouseClick(strip.leave, CLICK)
    assert not strip.isVisible()
    assert page.draft.task.epochs == 40


def test_nothing_is_proposed_for_data_that_training_would_refuse(page: TrainingPage, qtbot: QtBot) -> None:
    checked(page, qtbot)
    assert page.ground.survey.lines == ()
    assert not page.ground.strip.isVisible()


def test_a_change_of_the_data_makes_the_report_old(page: TrainingPage, qtbot: QtBot, faked: Faked) -> None:
    faked.problems = ()
    checked(page, qtbot)
    page.draft.store.update(data=Settings("phantoms", (("cases", 9),)))
    assert "changed since" in page.ground.chip.toolTip().lower()
    assert not page.ground.survey.lines


def test_a_set_that_cannot_be_read_at_all_says_why(page: TrainingPage, qtbot: QtBot, faked: Faked) -> None:
    faked.refuses = "it is in no layout that is known"
    checked(page, qtbot)
    assert "no layout" in page.ground.pane.title.text()
    assert "Cannot be read" in page.ground.chip.toolTip()


def test_escape_and_the_chip_put_the_report_away_and_bring_it_back(page: TrainingPage, qtbot: QtBot) -> None:
    checked(page, qtbot)
    qtbot.keyClick(page.ground.pane, Qt.Key.Key_Escape)
    assert page.middle.currentWidget() is not page.ground.pane
    page.ground.chip.click()
    assert page.middle.currentWidget() is page.ground.pane


def test_what_the_data_are_like_is_said_with_units(page: TrainingPage, qtbot: QtBot) -> None:
    made = report(Settings("phantoms"))
    assert facts_of(made.fingerprint).startswith(
        "7 cases · 2 held out · 30×40×23 (30×40×20 to 30×40×26) voxels · 1×1×2 mm"
    )
    rows = {row[0]: row[1:] for row in facts_table(made).rows}
    assert rows["spacing in mm"] == ("1×1×2", "1×1×2", "1×1×2")
    assert rows["labelled values, 99 % of them"] == ("1", "5", "12,345")


# The browser


def opened(page: TrainingPage, qtbot: QtBot, case: str = "") -> Any:
    page.ground.open_browser(case)
    browser = page.ground.browser
    assert browser is not None
    qtbot.waitUntil(lambda: browser.album is not None and not page.desk.jobs)
    return browser


def test_the_browser_draws_what_is_in_sight_and_marks_a_case(page: TrainingPage, qtbot: QtBot, faked: Faked) -> None:
    browser = opened(page, qtbot)
    qtbot.waitUntil(lambda: len(browser.grid.cases.pictures) == 6 and not page.desk.jobs)
    assert "case 6" in browser.grid.cases.failed
    assert browser.grid.case.name == "case 0"
    qtbot.waitUntil(lambda: "30×40×20 voxels, 1×1×2 mm" in browser.case.about.text())
    assert "held out" in browser.case.about.text()
    assert browser.count.text() == "7 of 7"


def test_of_ten_thousand_cases_only_those_in_sight_are_drawn(page: TrainingPage, qtbot: QtBot, faked: Faked) -> None:
    faked.album_made = FakeAlbum(10_000)
    browser = opened(page, qtbot)
    qtbot.waitUntil(lambda: len(browser.grid.cases.pictures) > 3 and not page.desk.jobs, timeout=10_000)
    assert len(set(faked.album_made.drawn)) < 100
    browser.grid.bring(9_000)
    qtbot.waitUntil(lambda: "case 9000" in browser.grid.cases.pictures and not page.desk.jobs, timeout=10_000)
    assert len(set(faked.album_made.drawn)) < 200


def test_a_case_is_drawn_once_however_often_the_window_is_laid_out(
    page: TrainingPage, qtbot: QtBot, faked: Faked
) -> None:
    browser = opened(page, qtbot)
    qtbot.waitUntil(lambda: len(browser.grid.cases.pictures) == 6 and not page.desk.jobs)
    drawn = len(faked.album_made.drawn)
    browser.hide()
    browser.show()
    browser.resize(900, 600)
    qtbot.wait(80)
    assert len(faked.album_made.drawn) == drawn


def test_it_narrows_by_name_class_side_and_problem(page: TrainingPage, qtbot: QtBot) -> None:
    checked(page, qtbot)
    browser = opened(page, qtbot)
    browser.side.setCurrentIndex(browser.side.findData("held out"))
    assert [card.facts.name for card in browser.grid.cases.cards] == ["case 0", "case 5"]
    browser.side.setCurrentIndex(0)
    browser.kind.setCurrentIndex(browser.kind.findData("tumour"))
    assert [card.facts.name for card in browser.grid.cases.cards] == ["case 1", "case 3", "case 5"]
    browser.kind.setCurrentIndex(0)
    browser.faulty.setChecked(True)
    assert [card.facts.name for card in browser.grid.cases.cards] == ["case 2", "case 3"]
    browser.faulty.setChecked(False)
    browser.finder.setText("CASE 4")
    assert [card.facts.name for card in browser.grid.cases.cards] == ["case 4"]
    qtbot.waitUntil(lambda: not page.desk.jobs)


def test_it_sorts_by_size_and_by_problems(page: TrainingPage, qtbot: QtBot) -> None:
    checked(page, qtbot)
    browser = opened(page, qtbot)
    browser.sort.setCurrentIndex(browser.sort.findData("size"))
    assert browser.grid.cases.cards[0].facts.name == "case 6"
    browser.sort.setCurrentIndex(browser.sort.findData("problems"))
    assert [card.facts.name for card in browser.grid.cases.cards][:2] == ["case 2", "case 3"]
    assert worst(FAULTS) == "error" and worst(()) is None
    assert narrowed((), "", "", "", False, "name") == ()
    qtbot.waitUntil(lambda: not page.desk.jobs)


def test_a_double_click_opens_the_case_in_the_viewer(page: TrainingPage, qtbot: QtBot) -> None:
    browser = opened(page, qtbot, "case 3")
    assert browser.grid.case.name == "case 3"
    wanted: list[Path] = []
    page.desk.open_wanted.connect(wanted.append)
    browser.grid.doubleClicked.emit(browser.grid.currentIndex())
    assert wanted == [Path("/scans/case_3.nii.gz")]


def test_a_case_is_left_out_from_the_browser(page: TrainingPage, qtbot: QtBot, faked: Faked) -> None:
    browser = opened(page, qtbot, "case 4")
    qtbot.mouseClick(browser.case.leave_out, CLICK)
    assert dict(page.draft.task.data.values) == {"leave_out": "case 4"}
    qtbot.waitUntil(lambda: browser.settings == page.draft.task.data and not page.desk.jobs)


def test_the_browser_is_used_by_keys(page: TrainingPage, qtbot: QtBot) -> None:
    browser = opened(page, qtbot)
    wanted: list[Path] = []
    page.desk.open_wanted.connect(wanted.append)
    browser.grid.setFocus()
    qtbot.keyClick(browser.grid, Qt.Key.Key_O)
    assert not browser.over.isChecked()
    qtbot.keyClick(browser.grid, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert browser.finder.hasFocus()
    qtbot.keyClicks(browser.finder, "case 3")
    qtbot.keyClick(browser.finder, Qt.Key.Key_Return)
    assert wanted == [] and browser.count.text() == "1 of 7"
    qtbot.keyClick(browser.grid, Qt.Key.Key_Return)
    assert wanted == [Path("/scans/case_3.nii.gz")]
    qtbot.waitUntil(lambda: not page.desk.jobs)


def test_labels_can_be_taken_off_the_pictures(page: TrainingPage, qtbot: QtBot) -> None:
    browser = opened(page, qtbot)
    qtbot.waitUntil(lambda: "case 0" in browser.grid.cases.pictures)
    _, with_labels = browser.grid.cases.picture_of("case 0")
    browser.over.setChecked(False)
    _, without = browser.grid.cases.picture_of("case 0")
    assert with_labels != without
    qtbot.waitUntil(lambda: not page.desk.jobs)


def test_augmentation_is_previewed_with_each_change_switched(page: TrainingPage, qtbot: QtBot, faked: Faked) -> None:
    browser = opened(page, qtbot)
    browser.tabs.show_word("Augmentation")
    preview = browser.preview
    qtbot.waitUntil(lambda: bool(faked.wishes) and not page.desk.jobs)
    assert faked.wishes[-1].names == ("mirror", "rotation")
    assert faked.wishes[-1].case == "case 0"
    assert all(one.picture is not None for one in preview.pictures)
    assert preview.pictures[0].words == "as it is"
    asked = len(faked.wishes)
    qtbot.mouseDClick(preview.ticks["noise"], CLICK)
    qtbot.waitUntil(lambda: len(faked.wishes) > asked and not page.desk.jobs)
    assert faked.wishes[-1].names == ("noise",) and faked.wishes[-1].always
    asked, seed = len(faked.wishes), faked.wishes[-1].seed
    qtbot.mouseClick(preview.again, CLICK)
    qtbot.waitUntil(lambda: len(faked.wishes) > asked and not page.desk.jobs)
    assert faked.wishes[-1].seed == seed + 1


def test_every_control_has_a_name_and_a_tool_tip(page: TrainingPage, qtbot: QtBot) -> None:
    checked(page, qtbot)
    browser = opened(page, qtbot)
    for widget in (page.ground.chip, page.ground.browse, page.ground.get, *browser.findChildren(QWidget)):
        name = type(widget).__name__
        if name in ("QPushButton", "QToolButton", "QComboBox", "Toggle", "QSlider", "QLineEdit", "Tick"):
            named = widget.accessibleName() or getattr(widget, "text", lambda: "")()
            inner = widget.parent() is not None and type(widget.parent()).__name__ in ("QLineEdit", "QComboBox")
            assert inner or named or widget.objectName().startswith("qt_") or name == "QLineEdit", (name, widget)
            assert inner or widget.toolTip(), (name, named)
    qtbot.waitUntil(lambda: not page.desk.jobs)


# Getting data


@dataclass(frozen=True)
class OneSet:
    name: str
    title: str
    summary: str = "what it shows"
    serves: str = "segmentation"
    samples: int = 12
    about_bytes: int = 27_000_000
    licence: str = "CC BY 4.0"
    home: str = "https://example.org"


def test_a_public_set_is_fetched_recognised_and_checked(
    page: TrainingPage, qtbot: QtBot, faked: Faked, tmp_path: Path
) -> None:
    def get(name: str, folder: Path) -> Work[Path]:
        yield Progress(5, 10, "fetching")
        return folder / name

    def known(place: Path) -> Work[tuple[str, Settings]]:
        yield Progress(0, 0)
        return "segmentation", Settings("phantoms", (("cases", 3),))

    desk, before = page.desk, len(faked.checked)
    sets = (OneSet("Heart", "Heart"), OneSet("bloodmnist", "BloodMNIST", about_bytes=0))
    teaching = replace(desk.services.teaching, recognised=known)
    desk.services = replace(desk.services, obtainable=lambda: sets, get_data=get, teaching=teaching)
    page.ground.open_getter()
    getter = page.ground.getter
    assert getter is not None and getter.shown.rowCount() == 2
    getter.finder.setText("heart")
    assert getter.shown.rowCount() == 1
    getter.table.selectRow(0)
    getter.folder.setText(str(tmp_path / "sets"))
    qtbot.mouseClick(getter.fetch, CLICK)
    qtbot.waitUntil(lambda: len(faked.checked) > before and not desk.jobs)
    assert faked.checked[-1] == Settings("phantoms", (("cases", 3),))
    assert page.middle.currentWidget() is page.ground.pane


def test_a_line_that_breaks_is_said_in_the_dialog(page: TrainingPage, qtbot: QtBot, tmp_path: Path) -> None:
    def get(name: str, folder: Path) -> Work[Path]:
        yield Progress(5, 10, "fetching")
        raise Refused(name, "the line broke", "try again")

    page.desk.services = replace(page.desk.services, obtainable=lambda: (OneSet("Heart", "Heart"),), get_data=get)
    page.ground.open_getter()
    getter = page.ground.getter
    assert getter is not None
    getter.folder.setText(str(tmp_path))
    getter.begin()
    qtbot.waitUntil(lambda: "the line broke" in getter.sentence.text())
    qtbot.waitUntil(lambda: getter.fetch.isEnabled())
