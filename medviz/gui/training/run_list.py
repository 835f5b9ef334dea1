"""The list of runs, and what can be done with each: by its menu, by buttons and by keys."""

from functools import partial
from pathlib import Path

from PySide6.QtCore import QModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QListView, QMenu, QPushButton, QToolButton, QVBoxLayout, QWidget

from medviz.gui.icons import icon
from medviz.gui.training.run_row import RunRow, in_compare, toggle
from medviz.gui.training.runs import RunCard
from medviz.gui.training.runs_model import CHECK, CHECKED, ROLE, RunsModel

MOST_ROWS, LEAST_ROWS = 6, 2


class _List(QListView):
    """A list that chooses on a click but for the word "compare"; C ticks by key, Del puts away, F2 renames."""

    asked = Signal(object)
    deleted = Signal()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        if index.isValid() and in_compare(event.position().toPoint(), self.visualRect(index)):
            event.accept()
            return
        if event.button() != Qt.MouseButton.RightButton:  # the menu is about the run under the mouse, shown or not
            super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        if index.isValid() and in_compare(event.position().toPoint(), self.visualRect(index)):
            toggle(self.model(), index)
            return
        super().mouseReleaseEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_C and self.currentIndex().isValid() and not event.modifiers():
            toggle(self.model(), self.currentIndex())
            return
        if event.key() == Qt.Key.Key_Delete and self.currentIndex().isValid():
            self.deleted.emit()
            return
        super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        by_key = event.reason() == QContextMenuEvent.Reason.Keyboard
        index = self.currentIndex() if by_key else self.indexAt(event.pos())
        if index.isValid():
            at = self.visualRect(index).bottomLeft() if by_key else event.pos()
            self.asked.emit((index, self.viewport().mapToGlobal(at)))


class RunList(QWidget):
    """Signals: `chosen` (folder) when a run is to be shown; `compared` (frozenset of folders) when ticks changed.

    `new_wanted` asks for a set-up without a run, `open_wanted` for a run that lies somewhere else, `wanted` (what,
    RunCard) for one of the entries of `MENU`, `renamed` (folder, name) for another name.
    """

    chosen = Signal(object)
    new_wanted = Signal()
    open_wanted = Signal()
    compared = Signal(object)
    wanted = Signal(str, object)
    renamed = Signal(object, str)

    def __init__(self) -> None:
        super().__init__()
        self.model = RunsModel(self)
        self.list = _List()
        self.list.setModel(self.model)
        self.list.setItemDelegate(RunRow(self.list))
        self.list.setMouseTracking(True)
        self.list.setUniformItemSizes(True)
        self.list.setEditTriggers(QListView.EditTrigger.EditKeyPressed)
        self.list.setAccessibleName("runs")
        self.none = QLabel("No run yet. What is trained here is listed here, and kept.")
        self.none.setProperty("look", "dim")
        self.none.setWordWrap(True)
        self.new = self._quiet("New", "ph.plus", "Set up another run (Ctrl+N)")
        self.open = self._quiet("Open…", "ph.folder-open", "Follow a run elsewhere: a folder, ssh, TensorBoard's files")
        self.more = QToolButton()
        self.more.setIcon(icon("ph.dots-three"))
        self.more.setProperty("look", "quiet")
        self.more.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.more.setToolTip("What can be done with the run that is chosen")
        self.more.setAccessibleName("what can be done with the run")
        self._lay_out()
        self._connect()
        self.put(())

    def _quiet(self, word: str, sign: str, tip: str) -> QPushButton:
        button = QPushButton(word)
        button.setIcon(icon(sign))
        button.setProperty("look", "quiet")
        button.setToolTip(tip)
        return button

    def _lay_out(self) -> None:
        heading = QLabel("Runs")
        heading.setProperty("look", "heading")
        head = QHBoxLayout()
        head.setSpacing(0)
        head.addWidget(heading, 1)
        for widget in (self.new, self.open, self.more):
            head.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self.none)
        column.addWidget(self.list, 1)
        self._column = column

    def _connect(self) -> None:
        self.new.clicked.connect(self.new_wanted)
        self.open.clicked.connect(self.open_wanted)
        self.more.clicked.connect(self._menu_of_current)
        self.list.selectionModel().currentChanged.connect(self._chosen)
        self.list.asked.connect(lambda asked: self._menu(*asked))
        self.list.deleted.connect(lambda: self._want("trash", self.list.currentIndex().data(ROLE)))
        self.model.ticked.connect(lambda: self.compared.emit(self.model.compared))
        self.model.renamed.connect(self.renamed)

    def put(self, found: tuple[RunCard, ...], current: Path | None = None) -> None:
        """Show these runs; `current` is the one on the page."""
        if self.list.state() == QListView.State.EditingState:
            return  # a name is being typed
        self.list.selectionModel().blockSignals(True)
        self.model.put(found)
        row = next((place for place, card in enumerate(found) if card.folder == current), -1)
        if row != self.list.currentIndex().row() or row < 0:
            self.list.setCurrentIndex(self.model.index(row) if row >= 0 else QModelIndex())
        self.list.selectionModel().blockSignals(False)
        self.none.setVisible(not found)
        self.list.setVisible(bool(found))
        self.more.setEnabled(row >= 0)
        each = self.list.sizeHintForRow(0) if found else 0
        self.list.setMinimumHeight(min(len(found), LEAST_ROWS) * each + 4 if found else 0)
        self.list.setMaximumHeight(len(found) * each + 4 if found else 0)
        self.setMaximumHeight(self._column.sizeHint().height() if not found else len(found) * each + 48)
        self.list.viewport().update()

    def wished_height(self) -> int:
        """Height that shows the first runs."""
        each = self.list.sizeHintForRow(0) if self.model.cards else 24
        return 44 + min(len(self.model.cards), MOST_ROWS) * each if self.model.cards else 72

    def colour_of(self, folder: Path) -> int:
        """Return the number of a run's colour, the same wherever it is drawn."""
        return self.model.colour_of(folder)

    def card_of(self, folder: Path) -> RunCard | None:
        """Return what the list says of a run."""
        return next((card for card in self.model.cards if card.folder == folder), None)

    def _chosen(self, index: QModelIndex) -> None:
        if index.isValid():
            self.chosen.emit(index.data(ROLE).folder)

    def _menu_of_current(self) -> None:
        if self.list.currentIndex().isValid():
            self._menu(self.list.currentIndex(), self.more.mapToGlobal(QPoint(0, self.more.height())))

    def _want(self, what: str, card: RunCard) -> None:
        self.wanted.emit(what, card)

    def _menu(self, index: QModelIndex, at: QPoint) -> None:
        menu = self.menu_of(index)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(at)

    def menu_of(self, index: QModelIndex) -> QMenu:
        """Make the menu of a run: only what can be done with it now is enabled."""
        card: RunCard = index.data(ROLE)
        menu = QMenu(self)
        ticked = index.data(CHECK) == CHECKED
        menu.addAction("No longer compare\tC" if ticked else "Compare\tC", lambda: toggle(self.model, index))
        for entry in MENU:
            if entry is None:
                menu.addSeparator()
                continue
            what, words, may = entry
            if what == "rename":
                action = menu.addAction(words, lambda: self.list.edit(index))
            else:
                action = menu.addAction(words, partial(self._want, what, card))
            action.setEnabled(may(card))
            action.setData(what)
        return menu


def _still(card: RunCard) -> bool:
    return not card.goes


def _kept(card: RunCard) -> bool:
    return card.state not in ("queued", "unknown")


MENU = (
    ("clone", "Set up the same again", lambda card: True),
    ("rename", "Rename\tF2", _still),
    ("folder", "Show its folder", lambda card: True),
    None,
    ("leave", "Take out of the queue", lambda card: card.state == "queued"),
    ("resume", "Resume", lambda card: card.resumable),
    ("viewer", "Use in viewer", _kept),
    ("export", "Export…", _kept),
    ("card", "Model card", _kept),
    None,
    ("trash", "Move to trash\tDel", _still),
)
