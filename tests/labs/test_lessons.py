"""Lessons: text that reads back, moments that can be built, and one lesson that walks through each deck."""

from pathlib import Path

import pytest

from medviz.labs import LABS
from medviz.labs.convolution import Convolution
from medviz.labs.examples import example_lab
from medviz.labs.lab import state_text
from medviz.labs.lessons import (
    ENDING,
    LARGEST_BYTES,
    Lesson,
    Moment,
    lab_at,
    lesson_from,
    lesson_text,
    moment_of,
    read_lesson,
    shipped_lessons,
    write_lesson,
)
from medviz.parameters import changed
from medviz.refused import Refused

DECKS = ("D0", "D1", "D2", "D3", "D4")


def test_one_lesson_ships_for_each_deck_under_its_name() -> None:
    assert [path.name for path, _ in shipped_lessons()] == [f"{deck}{ENDING}" for deck in DECKS]
    assert [title.split()[0] for _, title in shipped_lessons()] == list(DECKS)


@pytest.mark.parametrize("deck", DECKS)
def test_the_lesson_of_a_deck_walks_through_each_of_its_worked_examples_once(deck: str) -> None:
    lesson = read_lesson(next(path for path, _ in shipped_lessons() if path.name.startswith(deck)))
    told = [(moment.lab, moment.example) for moment in lesson.moments]
    there = [(lab, one.name) for lab in LABS.entries for one in LABS[lab].EXAMPLES if one.deck == deck]
    assert sorted(told) == sorted(there)
    assert lesson.deck == deck and all(moment.say.endswith((".", "?", ":")) for moment in lesson.moments)


@pytest.mark.parametrize("deck", DECKS)
def test_each_moment_of_a_shipped_lesson_can_be_built(deck: str) -> None:
    lesson = read_lesson(next(path for path, _ in shipped_lessons() if path.name.startswith(deck)))
    assert [LABS.name_of(lab_at(moment)) for moment in lesson.moments] == [moment.lab for moment in lesson.moments]


def test_a_lesson_reads_back_as_it_was_written(tmp_path: Path) -> None:
    moments = (
        Moment('He said: "look \\ here"\nand there', "convolution", "name"),
        Moment("ä ∑ 脑 \x7f", state='{"lab": 1}'),
    )
    lesson = Lesson("Edges — by hand", moments, "D3")
    assert lesson_from(lesson_text(lesson)) == lesson
    where = write_lesson(lesson, tmp_path / "mine.toml")
    assert where.name == f"mine{ENDING}" and read_lesson(where) == lesson
    assert [one.name for one in tmp_path.iterdir()] == [where.name]


def test_a_moment_is_an_example_where_it_is_one_and_else_the_whole_state() -> None:
    example = Convolution.EXAMPLES[0]
    lab = example_lab(Convolution, example)
    assert moment_of("as printed", lab) == Moment("as printed", "convolution", example.name)
    turned = changed(lab, stride=(2, 2)) if isinstance(lab.stride, tuple) else changed(lab, stride=2)
    own = moment_of("with a stride", turned)
    assert not own.example and state_text(lab_at(own)) == state_text(turned)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title = ", "it is no lesson"),
        ("title = 'x'", "no [[moment]]"),
        ("[[moment]]\nsay = 'x'\nstate='{}'", "no title"),
        ("title = 'x'\n[[moment]]\nsay = 'only words'", "moment 1 names neither"),
        ("title = 'x'\n[[moment]]\nsay = 3\nstate='{}'", "moment 1 names neither"),
        ("title = 'x'\nmoment = [1]", "moment 1 names neither"),
    ],
)
def test_what_is_no_lesson_is_refused_in_a_sentence(text: str, said: str) -> None:
    with pytest.raises(Refused, match=said.replace("[", r"\[").replace("]", r"\]")):
        lesson_from(text)


def test_a_moment_of_another_version_and_a_state_that_is_none_are_refused() -> None:
    with pytest.raises(Refused, match="no example of that name"):
        lab_at(Moment("x", "convolution", "an example that was renamed"))
    with pytest.raises(Refused):
        lab_at(Moment("x", "a lab that is not there", "x"))
    with pytest.raises(Refused, match="not the state of a lab"):
        lab_at(Moment("x", state="nonsense"))


def test_a_missing_file_a_huge_one_and_one_of_bytes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused):
        read_lesson(tmp_path / "none.lesson.toml")
    large = tmp_path / "large.lesson.toml"
    with large.open("wb") as file:
        file.truncate(LARGEST_BYTES + 1)
    with pytest.raises(Refused, match="too large"):
        read_lesson(large)
    (tmp_path / "bytes.lesson.toml").write_bytes(bytes(range(256)))
    with pytest.raises(Refused, match="it is no lesson"):
        read_lesson(tmp_path / "bytes.lesson.toml")


def test_a_lesson_without_moments_or_title_is_not_written(tmp_path: Path) -> None:
    for lesson in (Lesson("x", ()), Lesson(" ", (Moment("x", "convolution", "y"),))):
        with pytest.raises(Refused):
            write_lesson(lesson, tmp_path / "a.toml")
    assert not list(tmp_path.iterdir())
