"""The strip above the board while a lesson is replayed or recorded: the sentence, where it stands, on and back."""

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from medviz.gui.icons import icon
from medviz.gui.status import Elided

MENU_WORDS = 70


class LessonStrip(QFrame):
    """Replays or records; hidden while there is no lesson.

    `wanted` (number of a moment), `left` (the strip's cross). While recording: `added` (sentence), `dropped` (the last
    moment), `kept` (title).
    """

    wanted = Signal(int)
    left = Signal()
    added = Signal(str)
    dropped = Signal()
    kept = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("look", "lesson")
        self._at, self._moments = 0, 0
        self.title = Elided("title of the lesson")
        self.title.setProperty("look", "heading")
        self.place = QLabel()
        self.place.setProperty("look", "dim")
        self.say = QLabel()
        self.say.setWordWrap(True)
        self.say.setProperty("look", "say")
        self.say.setAccessibleName("what the lesson says here")
        self.back = _quiet("ph.caret-left", "Back to the moment before (Shift+N)", lambda: self._go(-1))
        self.on = _quiet("ph.caret-right", "On to the next moment (n)", lambda: self._go(1))
        self.again = _quiet("ph.arrow-counter-clockwise", "This moment again as it was", lambda: self._go(0))
        self.list = _quiet("ph.list-numbers", "All moments of the lesson", lambda: None)
        self.list.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.shut = _quiet("ph.x", "Leave the lesson", self.left.emit)
        self.name, self.sentence = QLineEdit(), QLineEdit()
        self.count = QLabel()
        self.add = QPushButton(icon("ph.plus"), "Add this state")
        self.drop = _quiet("ph.arrow-u-up-left", "Take the last moment out again", self.dropped.emit)
        self.save = QPushButton(icon("ph.floppy-disk"), "Save…")
        self.quit = _quiet("ph.x", "Stop recording; what is not saved is lost", self.left.emit)
        self._face = QStackedWidget()
        self._face.addWidget(self._replay())
        self._face.addWidget(self._record())
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 6, 8, 8)
        column.addWidget(self._face)
        self.hide()

    def _replay(self) -> QWidget:
        made, row = QWidget(), QHBoxLayout()
        row.setSpacing(2)
        row.addWidget(self.title, 1)
        for widget in (self.place, self.back, self.on, self.again, self.list, self.shut):
            row.addWidget(widget)
        column = QVBoxLayout(made)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(row)
        column.addWidget(self.say)
        return made

    def _record(self) -> QWidget:
        self.name.setPlaceholderText("Title of the lesson")
        self.name.setAccessibleName("title of the lesson")
        self.name.setToolTip("Title of the lesson")
        self.sentence.setPlaceholderText("What is to be seen here, in a sentence")
        self.sentence.setAccessibleName("sentence of the next moment")
        self.sentence.setToolTip("Said beside the state that is added next (Return adds it)")
        self.sentence.returnPressed.connect(self._add)
        self.add.setToolTip("Add what is on screen as the next moment (Return)")
        self.add.clicked.connect(self._add)
        self.save.setToolTip("Write the lesson to a file")
        self.save.clicked.connect(lambda: self.kept.emit(self.name.text().strip()))
        self.count.setProperty("look", "dim")
        made, first, second = QWidget(), QHBoxLayout(), QHBoxLayout()
        for widget in (self.name, self.count, self.drop, self.save, self.quit):
            first.addWidget(widget, 1 if widget is self.name else 0)
        second.addWidget(self.sentence, 1)
        second.addWidget(self.add)
        column = QVBoxLayout(made)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(first)
        column.addLayout(second)
        return made

    @property
    def recording(self) -> bool:
        """True while a lesson is recorded."""
        return not self.isHidden() and self._face.currentIndex() == 1

    def show_moment(self, lesson: Any, at: int) -> None:
        """Show a moment of a lesson."""
        moments: Sequence[Any] = lesson.moments
        self._at, self._moments = at, len(moments)
        self._face.setCurrentIndex(0)
        self.title.write(lesson.title)
        self.place.setText(f"{at + 1} of {len(moments)}")
        self.say.setText(moments[at].say)
        self.back.setEnabled(at > 0)
        self.on.setEnabled(at + 1 < len(moments))
        self.list.setMenu(self._menu(moments))
        self.show()

    def show_recording(self, count: int) -> None:
        """Show how many moments were recorded so far."""
        self._face.setCurrentIndex(1)
        self.count.setText("no moment yet" if not count else "1 moment" if count == 1 else f"{count} moments")
        self.drop.setEnabled(count > 0)
        self.save.setEnabled(count > 0)
        self.show()

    def _go(self, by: int) -> None:
        self.wanted.emit(self._at + by)

    def _add(self) -> None:
        self.added.emit(self.sentence.text().strip())
        self.sentence.clear()

    def _menu(self, moments: Sequence[Any]) -> QMenu:
        menu = QMenu(self)
        for number, moment in enumerate(moments):
            action = QAction(f"{number + 1}   {_short(moment.say)}", menu)
            action.setCheckable(True)
            action.setChecked(number == self._at)
            action.triggered.connect(lambda *, number=number: self.wanted.emit(number))
            menu.addAction(action)
        return menu


def _short(words: str) -> str:
    return words if len(words) <= MENU_WORDS else words[: MENU_WORDS - 1].rstrip() + "…"


def _quiet(sign: str, words: str, act: Any) -> QToolButton:
    button = QToolButton()
    button.setIcon(icon(sign))
    button.setToolTip(words)
    button.setAccessibleName(words)
    button.setProperty("look", "quiet")
    button.clicked.connect(lambda: act())
    return button
