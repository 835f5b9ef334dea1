"""The list of runs as a person sees it: a dot for the state, the name, what it reached, how it stands."""

import time
from pathlib import Path
from typing import Any

from PySide6.QtCore import (
    QAbstractItemModel,
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFontMetrics, QKeyEvent, QMouseEvent, QPainter
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QListView,
    QPushButton,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from medviz.gui.colours import colours
from medviz.gui.training.runs import RunCard

ROLE = int(Qt.ItemDataRole.UserRole)
Index = QModelIndex | QPersistentModelIndex
MOST_ROWS = 6
_CHECKED = Qt.CheckState.Checked
_CHECK = Qt.ItemDataRole.CheckStateRole


class RunsModel(QAbstractListModel):
    """The cards as a list; those ticked are drawn beside the run on the page. `ticked` tells of a change."""

    ticked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cards: tuple[RunCard, ...] = ()
        self.compared: frozenset[Path] = frozenset()
        self.colours: dict[Path, int] = {}

    def put(self, found: tuple[RunCard, ...]) -> None:
        """Show these cards; the same runs in the same order keep selection and ticks."""
        if [card.folder for card in found] != [card.folder for card in self.cards]:
            self.beginResetModel()
            self.cards = found
            self.endResetModel()
        elif found != self.cards:
            self.cards = found
            self.dataChanged.emit(self.index(0), self.index(len(found) - 1))

    def rowCount(self, parent: Index | None = None) -> int:
        """Return how many runs there are."""
        return len(self.cards)

    def data(self, index: Index, role: int = ROLE) -> Any:
        """Return the card, or what a screen reader says of it."""
        card = self.cards[index.row()]
        if role == ROLE:
            return card
        if role == _CHECK:
            return _CHECKED if card.folder in self.compared else Qt.CheckState.Unchecked
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"{card.folder.name}, {card.words(time.time())}"
        return str(card.folder) if role == Qt.ItemDataRole.ToolTipRole else None

    def setData(self, index: Index, value: Any, role: int = ROLE) -> bool:
        """Tick a run for comparison."""
        if role != _CHECK:
            return False
        folder = self.cards[index.row()].folder
        on = Qt.CheckState(value) == _CHECKED
        self.compared = self.compared | {folder} if on else self.compared - {folder}
        self.dataChanged.emit(index, index)
        self.ticked.emit()
        return True

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Runs can be chosen and ticked."""
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsUserCheckable


class _Row(QStyledItemDelegate):
    """Draws a run: a dot for its state, its name, what it reached, and how it stands."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(160, QFontMetrics(option.font).height() * 2 + 14)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        card: RunCard = index.data(ROLE)
        now = colours()
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if chosen or option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(option.rect, now.of("hover" if chosen else "raised"))
        inner = option.rect.adjusted(8, 6, -8, -6)
        line = QFontMetrics(option.font).height()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(now.of(_DOTS.get(card.state, "faint")))
        painter.drawEllipse(inner.left(), inner.top() + line // 2 - 4, 8, 8)
        words = inner.adjusted(16, 0, 0, 0)
        font = painter.font()
        font.setBold(chosen)
        painter.setFont(font)
        painter.setPen(now.of("text"))
        best = "" if card.best is None else f"{card.best:.3f}"
        room = words.width() - painter.fontMetrics().horizontalAdvance(best) - 8
        name = painter.fontMetrics().elidedText(card.folder.name, Qt.TextElideMode.ElideMiddle, room)
        first, second = QRect(words), QRect(words)
        first.setHeight(line)
        second.setTop(words.top() + line + 2)
        painter.drawText(first, Qt.AlignmentFlag.AlignLeft, name)
        painter.drawText(first, Qt.AlignmentFlag.AlignRight, best)
        font.setBold(False)
        painter.setFont(font)
        painter.setPen(now.of("dim"))
        compared = index.data(_CHECK) == _CHECKED
        painter.drawText(second, Qt.AlignmentFlag.AlignLeft, card.words(time.time()))
        if compared or option.state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(now.of("accent" if compared else "dim"))
            painter.drawText(second, Qt.AlignmentFlag.AlignRight, "compared" if compared else "compare")
        painter.restore()


_DOTS = {
    "waiting": "accent", "running": "accent", "training": "accent", "paused": "warning", "stopping": "warning",
    "stopped": "dim", "ended": "good", "failed": "bad", "lost": "bad",
}  # fmt: skip


def in_compare(place: Any, row: QRect) -> bool:
    """Tell whether a place lies on the word "compare" of a row."""
    return bool(QRect(row.right() - 76, row.center().y(), 76, row.height() // 2).contains(place))


def toggle(model: QAbstractItemModel, index: QModelIndex) -> None:
    """Draw a run beside the one on the page, or no longer."""
    now = index.data(_CHECK)
    model.setData(index, Qt.CheckState.Unchecked if now == _CHECKED else _CHECKED, _CHECK)


class _List(QListView):
    """A list that chooses on a click but for the word "compare"; C ticks by key."""

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        if index.isValid() and in_compare(event.position().toPoint(), self.visualRect(index)):
            event.accept()
            return
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        if index.isValid() and in_compare(event.position().toPoint(), self.visualRect(index)):
            toggle(self.model(), index)
            return
        super().mouseReleaseEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_C and self.currentIndex().isValid():
            toggle(self.model(), self.currentIndex())
            return
        super().keyPressEvent(event)


class RunList(QWidget):
    """Signals: `chosen` (folder) when a run is to be shown; `compared` (frozenset of folders) when ticks changed.

    `open_wanted` asks for a run that lies somewhere else.
    """

    chosen = Signal(object)
    open_wanted = Signal()
    compared = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.model = RunsModel(self)
        self.list = _List()
        self.list.setModel(self.model)
        self.list.setItemDelegate(_Row(self.list))
        self.list.setMouseTracking(True)
        self.list.setUniformItemSizes(True)
        self.list.setAccessibleName("runs")
        self.list.setToolTip("Click to look at a run; “compare” (or C) draws its curves dashed beside the others")
        self.none = QLabel("No run yet. What is trained here is listed here, and kept.")
        self.none.setProperty("look", "dim")
        self.none.setWordWrap(True)
        heading = QLabel("Runs")
        heading.setProperty("look", "heading")
        self.open = QPushButton("Open…")
        self.open.setProperty("look", "quiet")
        self.open.setToolTip("Follow a run in another folder, of another process or machine")
        self.open.clicked.connect(self.open_wanted)
        head = QHBoxLayout()
        head.addWidget(heading, 1)
        head.addWidget(self.open)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(head)
        for widget in (self.none, self.list):
            column.addWidget(widget)
        self.list.selectionModel().currentChanged.connect(self._chosen)
        self.model.ticked.connect(lambda: self.compared.emit(self.model.compared))
        self.put(())

    def put(self, found: tuple[RunCard, ...], current: Path | None = None) -> None:
        """Show these runs; `current` is the one on the page."""
        self.list.selectionModel().blockSignals(True)
        self.model.put(found)
        row = next((place for place, card in enumerate(found) if card.folder == current), -1)
        self.list.setCurrentIndex(self.model.index(row) if row >= 0 else QModelIndex())
        self.list.selectionModel().blockSignals(False)
        self.none.setVisible(not found)
        self.list.setVisible(bool(found))
        self.list.setFixedHeight(min(len(found), MOST_ROWS) * self.list.sizeHintForRow(0) + 4 if found else 0)
        self.list.viewport().update()

    def colour_of(self, folder: Path) -> int:
        """Return the number of a run's colour, the same wherever it is drawn."""
        return self.model.colours.setdefault(folder, len(self.model.colours))

    def _chosen(self, index: QModelIndex) -> None:
        if index.isValid():
            self.chosen.emit(index.data(ROLE).folder)
