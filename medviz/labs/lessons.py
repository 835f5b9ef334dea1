"""A lesson: states of labs in an order, a sentence each; recorded by a teacher, replayed by students.

It is a small text file (TOML) that can be read and mended by hand::

    title = "Edges by hand"

    [[moment]]
    say = "Nine products, one sum."
    lab = "convolution"
    example = "Multiply and add: the first cell, and all nine"

    [[moment]]
    say = "Now the kernel is mine."
    state = '{"lab": "convolution", "parameters": {...}, "inputs": {}}'
"""

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medviz.catalog import Catalog
from medviz.imaging.storage import opening, replacing
from medviz.labs import LABS
from medviz.labs.examples import example_lab
from medviz.labs.lab import Lab, from_state, state_text
from medviz.refused import Refused
from medviz.shipped import shipped

ENDING = ".lesson.toml"
LARGEST_BYTES = 4 << 20
"""A lesson is text; what is larger is none, and is not read."""


@dataclass(frozen=True)
class Moment:
    """One stop of a lesson: what is said, and a worked example of a lab or the state of one (as shared text)."""

    say: str
    lab: str = ""
    example: str = ""
    state: str = ""


@dataclass(frozen=True)
class Lesson:
    """A title and its moments in order; `deck` ("D3") where it walks through one."""

    title: str
    moments: tuple[Moment, ...]
    deck: str = ""


def shipped_lessons() -> tuple[tuple[Path, str], ...]:
    """Return the lessons that ship with the program (file, deck and title), one for each deck, in their order."""
    found = sorted(shipped("lessons").glob(f"*{ENDING}"))
    return tuple((path, f"{path.name.removesuffix(ENDING)}   {_title(path)}") for path in found)


def _title(path: Path) -> str:
    """Read the first line alone."""
    with opening(path), path.open(encoding="utf-8") as file:
        return str(tomllib.loads(file.readline())["title"])


def read_lesson(path: Path) -> Lesson:
    """Read a lesson; refuses what is none in one sentence."""
    with opening(path):
        if path.stat().st_size > LARGEST_BYTES:
            raise Refused(path, "it is too large for a lesson", "choose a file that was recorded in the Labs")
        text = path.read_bytes().decode("utf-8", errors="replace")
    return lesson_from(text, path)


def lesson_from(text: str, name: object = "lesson") -> Lesson:
    """Read a lesson from its text; refuses what is none, naming the moment that is wrong."""
    try:
        told = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise Refused(name, f"it is no lesson ({problem})", "choose a file that was recorded in the Labs") from problem
    title, moments = told.get("title"), told.get("moment")
    if not isinstance(title, str) or not isinstance(moments, list) or not moments:
        raise Refused(name, "it has no title or no [[moment]]", "choose a file that was recorded in the Labs")
    return Lesson(title, tuple(_moment(one, k, name) for k, one in enumerate(moments, 1)), str(told.get("deck", "")))


def _moment(told: Any, number: int, name: object) -> Moment:
    known = told if isinstance(told, dict) else {}
    words = {key: known.get(key, "") for key in ("say", "lab", "example", "state")}
    sound = all(isinstance(word, str) for word in words.values())
    if not sound or not (words["state"] or (words["lab"] and words["example"])):
        fault = f"moment {number} names neither a lab with an example nor a state"
        raise Refused(name, fault, "mend it, or record the lesson anew")
    return Moment(**words)


def lesson_text(lesson: Lesson) -> str:
    """Write a lesson as text that `lesson_from` reads back into an equal one."""
    lines = [f"title = {_quoted(lesson.title)}"]
    if lesson.deck:
        lines.append(f"deck = {_quoted(lesson.deck)}")
    for moment in lesson.moments:
        told = {"say": moment.say, "lab": moment.lab, "example": moment.example, "state": moment.state}
        lines += ["", "[[moment]]", *(f"{key} = {_quoted(word)}" for key, word in told.items() if word)]
    return "\n".join(lines) + "\n"


def write_lesson(lesson: Lesson, path: Path) -> Path:
    """Write a lesson to a file, whole or not at all; refuses one without moments or title."""
    if not lesson.moments:
        raise Refused("lesson", "it has no moments", "add the state on screen to it first")
    if not lesson.title.strip():
        raise Refused("lesson", "it has no title", "give it one")
    target = path if path.name.endswith(ENDING) else path.with_name(path.name.removesuffix(".toml") + ENDING)
    with replacing(target) as half:
        half.write(lesson_text(lesson).encode())
    return target


def lab_at(moment: Moment, labs: Catalog[Any] = LABS) -> Lab:
    """Build the lab of a moment; refuses a lab or an example that is not there."""
    if moment.state:
        return from_state(moment.state, labs)
    kind = labs[moment.lab]
    found = next((one for one in kind.EXAMPLES if one.name == moment.example), None)
    if found is None:
        fault = f"the lab {moment.lab} has no example of that name"
        raise Refused(moment.example, fault, "the lesson was written for another version; record it anew")
    return example_lab(kind, found)


def moment_of(say: str, lab: Lab, labs: Catalog[Any] = LABS) -> Moment:
    """Make a moment of what is on screen: by the example's name where it is one, else with its whole state."""
    kind, text = type(lab), state_text(lab, labs)
    for example in kind.EXAMPLES:
        if state_text(example_lab(kind, example), labs) == text:
            return Moment(say, labs.name_of(lab), example.name)
    return Moment(say, state=text)


def _quoted(word: str) -> str:
    """Write a text as TOML has it; JSON's way of quoting is a part of it, but for DEL and lone surrogates."""
    return json.dumps(word, ensure_ascii=False).replace("\x7f", "\\u007f")
