"""Lessons in the window: replayed with the mouse and with keys, recorded, saved."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt

from medviz.gui.desk import Desk
from medviz.gui.pages.lab import LabPage
from medviz.gui.services import Lessons
from medviz.labs.lessons import Lesson, lab_at, moment_of, read_lesson, shipped_lessons, write_lesson
from medviz.parameters import changed

from .hands import at_rest


@pytest.fixture
def page(labs_desk: Desk, open_page: Callable[[], LabPage]) -> LabPage:
    def write(title: str, moments: tuple[Any, ...], path: Path) -> tuple[Lesson, Path]:
        lesson = Lesson(title, moments)
        return lesson, write_lesson(lesson, path)

    lessons = Lessons(shipped_lessons, read_lesson, lab_at, moment_of, write)
    labs_desk.services = replace(labs_desk.services, lessons=lessons)
    return open_page()


def opened(qtbot: Any, page: LabPage, deck: int = 3) -> Any:
    page.lessons.open(shipped_lessons()[deck][0])
    qtbot.waitUntil(lambda: page.lessons.lesson is not None)
    at_rest(qtbot, page)
    return page.lessons.lesson


def test_the_menu_offers_a_lesson_for_each_deck(page: LabPage) -> None:
    words = [action.text() for action in page.lessons.menu().actions() if action.text()]
    assert [word[:2] for word in words[:5]] == ["D0", "D1", "D2", "D3", "D4"]
    assert words[-2:] == ["Open a lesson…", "Record a lesson"]


def test_a_lesson_begins_at_its_first_moment_and_goes_on_to_another_lab(qtbot: Any, page: LabPage) -> None:
    lesson, strip = opened(qtbot, page), page.lessons.strip
    assert strip.isVisible() and strip.say.text() == lesson.moments[0].say
    assert strip.place.text() == f"1 of {len(lesson.moments)}"
    assert page.hand.play.example.name == lesson.moments[0].example
    assert not strip.back.isEnabled()
    other = next(k for k, one in enumerate(lesson.moments) if one.lab != "convolution")
    strip.list.menu().actions()[other].trigger()
    at_rest(qtbot, page)
    assert page.hand.play.name == lesson.moments[other].lab
    assert page.hand.play.example.name == lesson.moments[other].example


def test_n_goes_on_and_shift_n_back_and_the_ends_are_the_ends(qtbot: Any, page: LabPage) -> None:
    whole = read_lesson(shipped_lessons()[3][0])
    page.lessons.begin(Lesson("Short", whole.moments[:2]))
    for shift, at in ((False, 1), (False, 1), (True, 0), (True, 0)):
        held = Qt.KeyboardModifier.ShiftModifier if shift else Qt.KeyboardModifier.NoModifier
        qtbot.keyClick(page, Qt.Key.Key_N, held)
        at_rest(qtbot, page)
        assert page.lessons.at == at
        assert (page.lessons.strip.back.isEnabled(), page.lessons.strip.on.isEnabled()) == (at == 1, at == 0)


def test_a_student_plays_and_comes_back_to_the_moment_as_it_was(qtbot: Any, page: LabPage) -> None:
    opened(qtbot, page)
    page.hand.turn(changed(page.hand.play.lab, padding="same"))
    at_rest(qtbot, page)
    page.lessons.strip.again.click()
    at_rest(qtbot, page)
    assert page.hand.play.lab.padding != "same"
    page.lessons.strip.shut.click()
    assert page.lessons.strip.isHidden() and page.lessons.saying == ""


def test_a_lesson_is_recorded_saved_and_replayed(qtbot: Any, page: LabPage, tmp_path: Path) -> None:
    page.lessons.record()
    strip = page.lessons.strip
    assert strip.recording and not strip.save.isEnabled()
    qtbot.keyClicks(strip.sentence, "As printed.")
    qtbot.keyClick(strip.sentence, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: len(page.lessons.recorded) == 1)
    page.hand.turn(changed(page.hand.play.lab, padding="same"))
    at_rest(qtbot, page)
    qtbot.keyClicks(strip.sentence, "With a border.")
    strip.add.click()
    qtbot.waitUntil(lambda: strip.count.text() == "2 moments")
    page.lessons.save("Two ways", tmp_path / "two.lesson.toml")
    qtbot.waitUntil(lambda: page.lessons.lesson is not None)
    at_rest(qtbot, page)
    again = read_lesson(tmp_path / "two.lesson.toml")
    assert [moment.say for moment in again.moments] == ["As printed.", "With a border."]
    assert again.moments[0].example and again.moments[1].state
    page.lessons.step(1)
    at_rest(qtbot, page)
    assert page.hand.play.lab.padding == "same" and not strip.recording


def test_a_moment_without_a_sentence_and_a_lesson_without_a_title_are_not_taken(
    qtbot: Any, page: LabPage, labs_desk: Desk
) -> None:
    told: list[str] = []
    labs_desk.noticed.connect(lambda what: told.append(getattr(what, "text", "")))
    page.lessons.record()
    page.lessons.strip.add.click()
    page.lessons.strip.kept.emit("")
    assert not page.lessons.recorded and "no sentence" in told[0] and "no title" in told[1]


def test_the_stage_says_what_the_lesson_says(qtbot: Any, page: LabPage) -> None:
    lesson = opened(qtbot, page)
    page.present()
    assert page.stage is not None and page.stage.title.text() == lesson.moments[0].say
    page.stage.close()


def test_a_file_that_is_no_lesson_is_said_in_a_sentence(qtbot: Any, page: LabPage, tmp_path: Path) -> None:
    told: list[str] = []
    page.desk.noticed.connect(lambda what: told.append(getattr(what, "text", "")))
    (tmp_path / "bad.lesson.toml").write_text("nonsense", encoding="utf-8")
    page.lessons.open(tmp_path / "bad.lesson.toml")
    qtbot.waitUntil(lambda: bool(told))
    assert "it is no lesson" in told[0] and page.lessons.strip.isHidden()
