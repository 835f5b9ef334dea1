"""Lessons: a teacher records states of labs with a sentence each, students replay them."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QMenu, QPushButton

from medviz.gui.desk import Desk
from medviz.gui.icons import icon
from medviz.gui.labs_page.lesson_strip import LessonStrip
from medviz.gui.services import Lessons as Known
from medviz.messages import Progress, Work

FILES = "Lessons (*.lesson.toml)"


class Lessons(QObject):
    """Opens, replays, records and saves lessons. `arrived` (lab, text of its state) brings a moment to the board.

    `present` tells which lab is on screen; its state is what a moment keeps.
    """

    arrived = Signal(object, str)

    def __init__(self, desk: Desk, present: Callable[[], Any], parent: QObject) -> None:
        super().__init__(parent)
        self._desk, self._present = desk, present
        self.known: Known = desk.services.lessons
        self.lesson: Any = None
        self.at = 0
        self.recorded: list[Any] = []
        self.strip = LessonStrip()
        self.strip.wanted.connect(self.go)
        self.strip.left.connect(self.leave)
        self.strip.added.connect(self.add)
        self.strip.dropped.connect(self.drop)
        self.strip.kept.connect(self._choose_file)
        self.button = QPushButton("Lessons")
        self.button.setIcon(icon("ph.chalkboard-teacher"))
        self.button.setToolTip("Walk through a deck, open a lesson, or record one")
        self.button.clicked.connect(self._open_menu)

    @property
    def saying(self) -> str:
        """What the lesson says of what is on screen; empty outside a lesson."""
        return str(self.lesson.moments[self.at].say) if self.lesson is not None else ""

    def menu(self) -> QMenu:
        """Return the menu: a lesson for each deck, one's own, recording."""
        menu = QMenu(self.button)
        for path, title in self.known.shipped():
            menu.addAction(title, partial(self.open, path))
        menu.addSeparator()
        menu.addAction(icon("ph.folder-open"), "Open a lesson…", self._ask_file)
        menu.addAction(icon("ph.record"), "Record a lesson", self.record)
        return menu

    def _open_menu(self) -> None:
        self.menu().popup(self.button.mapToGlobal(self.button.rect().bottomLeft()))

    def open(self, path: Path) -> None:
        """Read a lesson beside the window and go to its first moment."""

        def reading() -> Work[Any]:
            yield Progress(0, 0, "reading")
            return self.known.read(path)

        self._desk.start(f"Opening {path.name}", reading, "lab", self.begin)

    def begin(self, lesson: Any) -> None:
        """Begin a lesson at its first moment."""
        self.lesson = lesson
        self.go(0)

    def go(self, at: int) -> None:
        """Go to a moment; its lab is built beside the window, and what came late is dropped."""
        lesson = self.lesson
        if lesson is None or not 0 <= at < len(lesson.moments):
            return
        self.at = at
        self.strip.show_moment(lesson, at)
        moment = lesson.moments[at]

        def building() -> Work[Any]:
            yield Progress(0, 0, "opening")
            return self.known.lab_at(moment)

        def arrive(lab: Any) -> None:
            if self.lesson is lesson and self.at == at:
                self.arrived.emit(lab, moment.state)

        self._desk.start(f"Lesson, moment {at + 1}", building, "lab", arrive)

    def step(self, by: int) -> None:
        """Go on (+1) or back (−1)."""
        self.go(self.at + by)

    def record(self) -> None:
        """Begin to record a lesson."""
        self.lesson, self.recorded = None, []
        self.strip.show_recording(0)

    def add(self, say: str) -> None:
        """Add what is on screen, with a sentence."""
        lab = self._present()
        if lab is None:
            return
        if not say:
            self._desk.tell("The moment has no sentence yet", "warning", "write what is to be seen, then add it")
            return

        def making() -> Work[Any]:
            yield Progress(0, 0, "adding")
            return self.known.moment_of(say, lab)

        def arrive(moment: Any) -> None:
            self.recorded.append(moment)
            self.strip.show_recording(len(self.recorded))

        self._desk.start("Adding to the lesson", making, "lab", arrive)

    def drop(self) -> None:
        """Take the last moment out again."""
        del self.recorded[-1:]
        self.strip.show_recording(len(self.recorded))

    def save(self, title: str, path: Path) -> None:
        """Write the lesson, and go on as one that replays it."""
        moments = tuple(self.recorded)

        def writing() -> Work[tuple[Any, Path]]:
            yield Progress(0, 0, "writing")
            return self.known.write(title, moments, path)

        def written(what: tuple[Any, Path]) -> None:
            lesson, where = what
            self._desk.tell(f"The lesson was written to {where}")
            self.recorded = []
            self.begin(lesson)

        self._desk.start(f"Writing {path.name}", writing, "lab", written)

    def leave(self) -> None:
        """End the lesson or the recording; the lab stays as it is."""
        self.lesson, self.recorded = None, []
        self.strip.hide()

    def _choose_file(self, title: str) -> None:
        if not title:
            self._desk.tell("The lesson has no title yet", "warning", "give it one, then save it")
            return
        name, _ = QFileDialog.getSaveFileName(self.strip, "Save the lesson", f"{title}.lesson.toml", FILES)
        if name:
            self.save(title, Path(name))

    def _ask_file(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self.strip, "Open a lesson", "", FILES)
        if name:
            self.open(Path(name))
