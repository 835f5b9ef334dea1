"""What a person has chosen for good: the look, the size of text, motion; and which files were open lately."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, cast

from PySide6.QtCore import QSettings

from medviz.messages import Note, Work
from medviz.parameters import Choice, Group, Range, parameters
from medviz.refused import Refused

MOST_RECENT = 12
LOOK = Choice(("system", "dark", "light", "contrast"), ("as the system", "dark", "light", "high contrast"))


@dataclass(frozen=True)
class Preferences:
    """All that the settings page shows; the form there is read off these lines."""

    look: Annotated[Literal["system", "dark", "light", "contrast"], LOOK, "Colours of the window", Group("Look")] = (
        "system"
    )
    text_size: Annotated[int, Range(100, 200, 10, "%"), "Size of all text", Group("Look")] = 100
    motion: Annotated[bool, "Let notices slide and pictures move where it explains something", Group("Look")] = True
    stage_size: Annotated[int, Range(100, 200, 10, "%"), "Size of text while presenting", Group("Presenting")] = 150
    ask_first: Annotated[bool, "Ask before a running training is stopped by closing the window", Group("Closing")] = (
        True
    )


def settings_file() -> QSettings:
    """Open what persists: the file $MEDVIZ_CONFIG, else the place this system keeps preferences in."""
    place = os.environ.get("MEDVIZ_CONFIG")
    if place:
        return QSettings(place, QSettings.Format.IniFormat)
    return QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "medviz", "medviz")


def loaded(settings: QSettings) -> Preferences:
    """Read the preferences; a value that makes no sense counts as never written."""
    values = {}
    for one in parameters(Preferences):
        text = settings.value(f"preferences/{one.name}")
        if text is None:
            continue
        try:
            values[one.name] = one.checked(text)
        except Refused:
            continue
    return Preferences(**values)


def keep(settings: QSettings, preferences: Preferences) -> None:
    """Write the preferences."""
    for one in parameters(preferences):
        value = getattr(preferences, one.name)
        settings.setValue(f"preferences/{one.name}", str(value).lower() if isinstance(value, bool) else value)


def recent(settings: QSettings) -> tuple[Path, ...]:
    """List the files open lately, the last one first; whether they are still there is not looked up."""
    kept = cast("str", settings.value("recent", "")) or ""
    return tuple(Path(line) for line in kept.split("\n") if line)


def remember(settings: QSettings, path: Path) -> None:
    """Put a file at the head of those open lately."""
    first = Path(os.path.abspath(path))
    rest = [one for one in recent(settings) if one != first]
    settings.setValue("recent", "\n".join(str(one) for one in [first, *rest][:MOST_RECENT]))


def looked_up(paths: tuple[Path, ...]) -> Work[None]:
    """Look up which files are there, as Notes that say the path; a dead network drive may hold this up for minutes.

    That is why it is Work for a thread of its own, and why nobody waits for it.
    """
    for path in paths:
        try:
            there = path.exists()
        except OSError:
            there = False
        if there:
            yield Note(str(path))
