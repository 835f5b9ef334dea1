"""What a person should know of a run, each with what to do about it: dismissed, or applied with one click."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QVBoxLayout

from medviz.gui.icons import icon
from medviz.gui.training.bench import Bench, RunView
from medviz.gui.training.history import History
from medviz.gui.training.watch import Watch
from medviz.parameters import Live, parameters
from medviz.refused import Refused

HINT = "hint"
"""Level of a note that advises."""
_SETS = re.compile(r"\b([a-z][a-z_]*) ?= ?([^\s,;]+)")
_SIGNS = {
    "info": ("ph.lightbulb", "accent"),
    "warning": ("ph.warning", "warning"),
    "error": ("ph.warning-circle", "bad"),
}


@dataclass(frozen=True)
class Hint:
    """A sentence and its remedy. `values` are the fields that the remedy sets, read off "field=value"."""

    text: str
    remedy: str
    level: str = "warning"
    values: tuple[tuple[str, Any], ...] = ()


def hints_of(history: History, task: Any) -> tuple[Hint, ...]:
    """List what the run warned of or advised, the newest first, each once; and that it no longer gets better."""
    found = [
        Hint(note.text, note.remedy, note.level, settings_in(note.remedy, task))
        for note in reversed(history.notes)
        if note.level != "info" or note.remedy
    ]
    flat = history.hint()
    if flat and not any(note.level == HINT for note in history.notes):  # a run of another program gives none itself
        text, _, remedy = flat.partition(": ")
        found.insert(0, Hint(text, remedy[:1].upper() + remedy[1:]))
    return tuple({one.text: one for one in reversed(found)}.values())[::-1]


def settings_in(remedy: str, task: Any) -> tuple[tuple[str, Any], ...]:
    """Read "field=value" off a remedy, as far as the task has such fields and takes such values."""
    if task is None:
        return ()
    known = {one.name: one for one in parameters(task)}
    found = {}
    for name, text in _SETS.findall(remedy):
        if name in known:
            try:
                found[name] = known[name].checked(text.rstrip(".)"))
            except Refused:
                continue
    return tuple(found.items())


class Hints(RunView):
    """The hints of the run in front."""

    WORD = "Hints"
    HINT = "What the run warns of, with remedies"

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self.cards: dict[str, HintCard] = {}
        self._dismissed: dict[Watch, set[str]] = {}
        self._shown: tuple[Hint, ...] = ()
        self.none = QLabel("No hints. What goes wrong in a run, or could go better, is said here with what to do.")
        self.none.setProperty("look", "dim")
        self.none.setWordWrap(True)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 8, 4, 8)
        self._column.setSpacing(8)
        self._column.addWidget(self.none)
        self._column.addStretch(1)

    def show_run(self, watch: Watch | None) -> None:
        """Show the hints of another run."""
        self.refresh()

    def refresh(self) -> None:
        """Show what came since."""
        watch = self.bench.watch
        gone = self._dismissed.get(watch, set()) if watch is not None else set()
        found = hints_of(watch.history, watch.task) if watch is not None else ()
        wanted = tuple(one for one in found if one.text not in gone)
        if wanted == self._shown:
            return
        self._shown = wanted
        for card in self.cards.values():
            self._column.removeWidget(card)
            card.hide()
            card.deleteLater()
        self.cards = {one.text: self._card(one, watch) for one in wanted if watch is not None}
        for place, card in enumerate(self.cards.values()):
            self._column.insertWidget(place, card)
        self.none.setVisible(not wanted)

    def badge(self) -> str:
        """How many there are."""
        return str(len(self._shown)) if self._shown else ""

    def _card(self, one: Hint, watch: Watch) -> "HintCard":
        card = HintCard(one)
        card.gone.clicked.connect(lambda: self._dismiss(watch, one))
        if one.values:
            live = {p.name for p in parameters(watch.task) if p.mark(Live)}
            now = watch.obeys and all(name in live for name, _ in one.values)
            card.offer("Change now" if now else "Use in set-up", lambda: self._apply(watch, one, now))
        return card

    def _dismiss(self, watch: Watch, one: Hint) -> None:
        self._dismissed.setdefault(watch, set()).add(one.text)
        self.refresh()

    def _apply(self, watch: Watch, one: Hint, now: bool) -> None:
        """Change the run that goes where it can be, else set the next one up so."""
        if now:
            for name, value in one.values:
                watch.order(name, value)
        else:
            self.bench.draft.take(watch.task, dict(one.values))
            self.bench.show_side("Set-up")
            words = ", ".join(f"{name} = {value}" for name, value in one.values)
            self.bench.desk.tell(f"The set-up has {words} now", "info", "Start begins a new run with it")
        self._dismiss(watch, one)


class HintCard(QFrame):
    """One hint: a sign, the sentence, the remedy, a way to apply it, and a way to be rid of it."""

    def __init__(self, one: Hint) -> None:
        super().__init__()
        self.setProperty("look", "card")
        sign = QLabel()
        sign.setPixmap(icon(*_SIGNS.get(one.level, _SIGNS["info"])).pixmap(QSize(16, 16)))
        sign.setAccessibleName(one.level)
        self.text, self.remedy = _words(one.text), _words(one.remedy)
        self.remedy.setProperty("look", "dim")
        self.remedy.setVisible(bool(one.remedy))
        self.gone = QToolButton()
        self.gone.setProperty("look", "quiet")
        self.gone.setIcon(icon("ph.x"))
        self.gone.setIconSize(QSize(14, 14))
        self.gone.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.gone.setToolTip("Dismiss this hint")
        self.gone.setAccessibleName(f"dismiss: {one.text}")
        self.apply: QPushButton | None = None
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
        top.addWidget(self.text, 1)
        top.addWidget(self.gone, 0, Qt.AlignmentFlag.AlignTop)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(8, 8, 8, 8)
        self._column.setSpacing(4)
        self._column.addLayout(top)
        self._column.addWidget(self.remedy)

    def offer(self, word: str, act: Callable[[], object]) -> None:
        """Put a button under the remedy."""
        self.apply = QPushButton(word)
        self.apply.setToolTip("Take the values that the remedy names")
        self.apply.clicked.connect(lambda: act())
        row = QHBoxLayout()
        row.addWidget(self.apply)
        row.addStretch(1)
        self._column.addLayout(row)


def _words(text: str) -> QLabel:
    label = QLabel(text)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
