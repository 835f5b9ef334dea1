"""The labels of a layer: colour, name, volume and voxels; each can be hidden, shown alone, locked or gone to."""

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import (
    QModelIndex,
    QPoint,
    QSortFilterProxyModel,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QMenu,
    QTableView,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from medviz.gui.colours import colours
from medviz.gui.icons import icon
from medviz.gui.rows import LEFT, RIGHT, Index, Rows
from medviz.imaging.labels import Label
from medviz.imaging.scene import Layer

SEEN, NAME, VOLUME, VOXELS, LOCK = range(5)
HEADINGS = ("", "label", "ml", "voxels", "")
MANY = 12
"""From this many labels on there is a field to search them by name."""
ROW_PX = 26
MOST_ROWS = 10


class LabelModel(Rows):
    """Rows of labels; `counts` are voxels by label value, None while they are being counted."""

    def __init__(self) -> None:
        super().__init__()
        self.labels: tuple[Label, ...] = ()
        self.hidden: frozenset[int] = frozenset()
        self.locked: frozenset[int] = frozenset()
        self.counts: Mapping[int, int] | None = None
        self.voxel_ml: float | None = None

    def show_labels(
        self,
        labels: tuple[Label, ...],
        hidden: frozenset[int],
        counts: Mapping[int, int] | None,
        ml: float | None,
        locked: frozenset[int] = frozenset(),
    ) -> None:
        """Show other labels, or other numbers of the same."""
        same = labels == self.labels
        if not same:
            self.beginResetModel()
        self.labels, self.hidden, self.counts, self.voxel_ml = labels, hidden, counts, ml
        self.locked = locked
        if not same:
            self.endResetModel()
        elif labels:
            self.dataChanged.emit(self.index(0, 0), self.index(len(labels) - 1, LOCK))

    def count(self) -> int:
        """One row a label."""
        return len(self.labels)

    def heads(self) -> tuple[str, ...]:
        """Seen, name, volume, voxels, locked."""
        return HEADINGS

    def side(self, column: int) -> int:
        """Numbers stand at the right."""
        return RIGHT if column >= VOLUME else LEFT

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a cell shows."""
        label, column = self.labels[index.row()], index.column()
        hidden = label.value in self.hidden
        if role == Qt.ItemDataRole.DisplayRole:
            return self._words(label, column)
        if role == Qt.ItemDataRole.UserRole:
            return self._number(label, column)
        if role == Qt.ItemDataRole.DecorationRole:
            return self._sign(label, column)
        if role == Qt.ItemDataRole.ForegroundRole and (hidden or column >= VOLUME):
            return colours().of("faint" if hidden else "text")
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self.side(column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tip(label, column)
        return None

    def _sign(self, label: Label, column: int) -> Any:
        hidden, locked = label.value in self.hidden, label.value in self.locked
        if column == SEEN:
            return icon("ph.eye-slash" if hidden else "ph.eye", "faint" if hidden else "dim")
        if column == LOCK:
            return icon("ph.lock-simple-fill" if locked else "ph.lock-simple-open", "accent" if locked else "faint")
        return swatch(label.colour) if column == NAME else None

    def _tip(self, label: Label, column: int) -> str:
        if column == SEEN:
            return "Show or hide"
        if column == LOCK:
            return "Locked: no brush and no model changes it" if label.value in self.locked else "Lock it"
        return f"{label.name} (value {label.value})\nClick: go there. Double click: show it alone."

    def _number(self, label: Label, column: int) -> float | str:
        if column == NAME:
            return label.name
        if column == LOCK:
            return float(label.value not in self.locked)
        return float((self.counts or {}).get(label.value, 0)) if column >= VOLUME else float(label.value)

    def _words(self, label: Label, column: int) -> str | None:
        if column == NAME:
            return label.name
        if column in (SEEN, LOCK):
            return None
        if self.counts is None:
            return "…"
        count = self.counts.get(label.value, 0)
        if column == VOXELS:
            return f"{count:,}".replace(",", "\u202f")
        return "–" if self.voxel_ml is None else millilitres(count * self.voxel_ml)


def millilitres(ml: float) -> str:
    """A volume with three figures that mean something."""
    return f"{ml:.0f}" if ml >= 100 else f"{ml:.1f}" if ml >= 10 else f"{ml:.2f}" if ml >= 0.01 or ml == 0 else "<0.01"


def swatch(colour: tuple[int, int, int]) -> QPixmap:
    """A square of a label's colour."""
    picture = QPixmap(12, 12)
    picture.fill(QColor(*colour))
    return picture


class LabelList(QWidget):
    """The table with its search field.

    `hidden` and `locked` (frozensets of values) and `wanted` (value) come from a hand.
    """

    hidden = Signal(object)
    locked = Signal(object)
    wanted = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.model = LabelModel()
        self.sorted = QSortFilterProxyModel(self)
        self.sorted.setSourceModel(self.model)
        self.sorted.setSortRole(Qt.ItemDataRole.UserRole)
        self.sorted.setFilterKeyColumn(NAME)
        self.sorted.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Find a label")
        self.search.setAccessibleName("find a label")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self.sorted.setFilterFixedString)
        self.everything = QToolButton()
        self.everything.setProperty("look", "quiet")
        self.everything.setText("show all")
        self.everything.setToolTip("Show all labels again")
        self.everything.clicked.connect(lambda: self.hidden.emit(frozenset()))
        self.table = self._table()
        row = QHBoxLayout()
        row.addWidget(self.search, 1)
        row.addWidget(self.everything, 0, Qt.AlignmentFlag.AlignRight)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(self.table)

    def _table(self) -> QTableView:
        table = QTableView()
        table.setModel(self.sorted)
        table.setSortingEnabled(True)
        table.sortByColumn(-1, Qt.SortOrder.AscendingOrder)  # as the labels are numbered, until a heading is clicked
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(ROW_PX)
        header = table.horizontalHeader()
        header.setMinimumSectionSize(24)
        header.setHighlightSections(False)
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        for column, wide in ((SEEN, 28), (VOLUME, 54), (VOXELS, 86), (LOCK, 26)):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            table.setColumnWidth(column, wide)
        table.clicked.connect(self._clicked)
        table.doubleClicked.connect(self._solo)
        table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        table.customContextMenuRequested.connect(self._menu)
        table.setAccessibleName("labels")
        return table

    def show_layer(self, layer: Layer, counts: Mapping[int, int] | None) -> None:
        """Show the labels of a layer; `counts` None while they are counted."""
        ml = layer.volume.voxel_ml if layer.volume.calibrated else None
        self.model.show_labels(layer.labels, layer.hidden_labels, counts, ml, layer.locked_labels)
        self.search.setVisible(len(layer.labels) >= MANY)
        self.everything.setVisible(bool(layer.hidden_labels))
        rows = min(max(self.model.rowCount(), 1), MOST_ROWS)
        self.table.setFixedHeight(rows * ROW_PX + self.table.horizontalHeader().sizeHint().height() + 4)

    def solo(self, value: int) -> None:
        """Show one label alone; show all again where it is alone already."""
        others = frozenset(label.value for label in self.model.labels if label.value != value)
        self.hidden.emit(frozenset() if self.model.hidden == others else others)

    def _value(self, index: QModelIndex) -> int:
        return self.model.labels[self.sorted.mapToSource(index).row()].value

    def _clicked(self, index: QModelIndex) -> None:
        value = self._value(index)
        if index.column() == SEEN:
            self.hidden.emit(self.model.hidden ^ {value})
        elif index.column() == LOCK:
            self.locked.emit(self.model.locked ^ {value})
        else:
            self.wanted.emit(value)

    def _solo(self, index: QModelIndex) -> None:
        if index.column() not in (SEEN, LOCK):
            self.solo(self._value(index))

    def _menu(self, at: QPoint) -> None:
        index = self.table.indexAt(at)
        if not index.isValid():
            return
        value = self._value(index)
        menu = QMenu(self)
        menu.addAction("Show it alone", lambda: self.solo(value))
        menu.addAction("Show or hide it", lambda: self.hidden.emit(self.model.hidden ^ {value}))
        lock = "Unlock it" if value in self.model.locked else "Lock it"
        menu.addAction(lock, lambda: self.locked.emit(self.model.locked ^ {value}))
        others = frozenset(one.value for one in self.model.labels if one.value != value)
        menu.addAction("Lock all others", lambda: self.locked.emit(others))
        menu.addAction("Show all", lambda: self.hidden.emit(frozenset()))
        menu.addAction("Go there", lambda: self.wanted.emit(value))
        menu.exec(self.table.viewport().mapToGlobal(at))
        menu.deleteLater()
