"""The top bar of the Train page: task, data and network, and the buttons that check and start."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QLabel, QMenu, QPushButton, QToolButton, QWidget

from medviz.catalog import Catalog
from medviz.gui.controls import calm
from medviz.gui.icons import icon
from medviz.gui.services import Services
from medviz.gui.training.draft import Draft
from medviz.gui.training.history import History
from medviz.gui.training.words import plan_in_words
from medviz.parameters import Part, Settings, parameters

ROOM_FOR_WORDS_PX = 700
PARTS = {"data": "Data", "network": "Network"}


class SetupBar(QWidget):
    """Chooses what is trained and where.

    Signals: `task_chosen` (name), `part_chosen` (field, Settings), `checked`, `started`, `placed` (a place elsewhere).
    """

    task_chosen = Signal(str)
    part_chosen = Signal(str, object)
    checked = Signal()
    started = Signal()
    placed = Signal(str)

    def __init__(self, services: Services) -> None:
        super().__init__()
        self.services = services
        self.task = self._box("Choose a task", "what the network is taught")
        for name, entry in services.tasks.entries.items():
            self.task.addItem(entry.title or name, name)
        self.task.setCurrentIndex(-1)
        self.task.activated.connect(lambda place: self.task_chosen.emit(self.task.itemData(place)))
        self.parts = {field: self._box("—", f"{word} that the task takes") for field, word in PARTS.items()}
        for field, box in self.parts.items():
            box.activated.connect(lambda place, field=field: self._chosen(field, place))
            box.setEnabled(False)
        self.check = QPushButton("Check")
        self.check.setAccessibleName("check")
        self.check.setIcon(icon("ph.check-square"))
        self.check.setToolTip("Read every case and say what is wrong; make two steps on a copy, tell memory and time")
        self.check.clicked.connect(self.checked)
        self.start = QPushButton("Start")
        self.start.setIcon(icon("ph.play-fill", "on_accent"))
        self.start.setProperty("look", "primary")
        self.start.clicked.connect(self.started)
        self.where = QToolButton()
        self.where.setText("▾")
        self.where.setToolTip("Start elsewhere: in a process of its own, or behind the runs that wait")
        self.where.setAccessibleName("where to start")
        self.where.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.where.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.places = QMenu(self.where)
        for name, words in services.teaching.places():
            self.places.addAction(words, partial(self.placed.emit, name)).setData(name)
        self.where.setMenu(self.places)
        self.where.setVisible(not self.places.isEmpty())
        self.captions = [QHBoxLayout() for _ in range(1 + len(PARTS))]
        self._lay_out()
        self.allow(check=False, start=False)

    def _box(self, placeholder: str, help_text: str) -> QComboBox:
        box = QComboBox()
        box.setPlaceholderText(placeholder)
        box.setToolTip(help_text.capitalize())
        box.setAccessibleName(help_text)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.setMinimumContentsLength(9)
        calm(box)
        return box

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(2)
        words = ("Task", *PARTS.values())
        for column, (word, box) in enumerate(zip(words, (self.task, *self.parts.values()), strict=True)):
            caption = QLabel(word)
            caption.setProperty("look", "small")
            caption.setBuddy(box)
            above = self.captions[column]
            above.setSpacing(4)
            above.addWidget(caption)
            above.addStretch(1)
            grid.addLayout(above, 0, column)
            grid.addWidget(box, 1, column)
            grid.setColumnStretch(column, 4 if column == 1 else 3)
        grid.addWidget(self.check, 1, 3)
        grid.addWidget(self.start, 1, 4)
        grid.addWidget(self.where, 1, 5)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 8, 16, 8)
        row.addLayout(grid, 1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave the word off the second button where there is no room for it."""
        super().resizeEvent(event)
        self.check.setText("Check" if self.width() >= ROOM_FOR_WORDS_PX else "")

    def put_beside(self, field: str, *widgets: QWidget) -> None:
        """Put small widgets beside the caption of a part ("data", "network")."""
        above = self.captions[1 + list(PARTS).index(field)]
        for place, widget in enumerate(widgets, start=1):
            above.insertWidget(place, widget)

    def show_task(self, name: str, task: Any) -> None:
        """Show a task with its data and network; None shows that there is none yet."""
        self.task.setCurrentIndex(self.task.findData(name))
        marks = {one.name: one.mark(Part) for one in parameters(task)} if task is not None else {}
        for field, box in self.parts.items():
            part = marks.get(field)
            box.setEnabled(part is not None)
            names = self._names(part)
            if [box.itemData(place) for place in range(box.count())] != list(names):
                box.clear()
                for known, title in names.items():
                    box.addItem(title, known)
            box.setCurrentIndex(box.findData(getattr(task, field).name) if part else -1)

    def allow(self, check: bool, start: bool, elsewhere: bool = False, why: str = "") -> None:
        """Enable the buttons, or say why Start cannot be pressed."""
        self.check.setEnabled(check)
        self.start.setEnabled(start)
        self.where.setEnabled(elsewhere)
        self.start.setToolTip(why or "Begin to train with these parameters")

    def _names(self, part: Part | None) -> dict[str, str]:
        catalog: Mapping[str, Any] = self.services.catalogs.get(part.catalog, {}) if part else {}
        if part is None or not isinstance(catalog, Catalog):
            return {}
        entries = catalog.entries
        return {name: entries[name].title or name for name in entries if not part.only or name in part.only}

    def _chosen(self, field: str, place: int) -> None:
        self.part_chosen.emit(field, Settings(self.parts[field].itemData(place)))


class PlanLine(QLabel):
    """Says in words what a run would take, or why it cannot be."""

    def __init__(self) -> None:
        super().__init__()
        self.setWordWrap(True)
        self.setContentsMargins(16, 0, 16, 8)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.say("")

    def show_draft(self, draft: Draft) -> None:
        """Say what is known of the task that is being set up."""
        if draft.is_loading:
            self.say("loading PyTorch…")
        elif draft.refusal is not None:
            self.say(str(draft.refusal), bad=True)
        elif draft.task is not None:
            checking = " · checking…" if draft.is_checking else ""
            self.say(f"Plan: {plan_in_words(draft.plan, draft.task)}{checking}")
        else:
            self.say("")

    def show_run(self, history: History) -> None:
        """Say what the run said last, and what a person should know."""
        notes = [note.text for note in history.notes]
        hint = history.hint()
        self.say(" · ".join(part for part in (*notes[-1:], hint) if part) or "Training begins…")
        self.setToolTip("\n".join(notes))

    def say(self, text: str, bad: bool = False) -> None:
        """Say a sentence."""
        look = "bad" if bad else "dim"
        if self.property("look") != look:
            self.setProperty("look", look)
            self.style().unpolish(self)
            self.style().polish(self)
        self.setText(text)
        self.setVisible(bool(text))
