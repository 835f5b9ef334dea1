"""The table of a comparison: a row a label, every number a link, the worst first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import (
    QEvent,
    QModelIndex,
    QObject,
    QSortFilterProxyModel,
    Qt,
    Signal,
)
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from medviz.gui.colours import colours
from medviz.gui.rows import LEFT, RIGHT, Index, Rows
from medviz.gui.viewer.label_list import millilitres, swatch
from medviz.imaging.judging.results import Agreement
from medviz.imaging.labels import default_colour

ROW_PX = 26
Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Column:
    """A number of a label: what it is, where its link leads, which end is the bad one.

    `worst` is "low", "high", or "size" whatever the sign.
    """

    key: str
    heading: str
    hint: str
    leads: str
    digits: int = 3
    worst: str = "low"
    wide: int = 64


_ERROR, _PAIR, _INTO = "the largest error", "the worst pair of surface points, with an arrow", "into the label"
COLUMNS: tuple[Column, ...] = (
    Column("name", "label", "The label", "into it; the errors walked through are then its own", wide=150),
    Column("dice", "Dice", "Overlap: 2·both / (predicted + reference)", _ERROR),
    Column("iou", "IoU", "Overlap: both / either (Jaccard)", _ERROR),
    Column("sensitivity", "sensitivity", "Share of the reference that was found", "the largest missing piece", wide=92),
    Column("precision", "precision", "Share of the prediction that is right", "the largest piece too much", wide=84),
    Column("hd95_mm", "HD95 mm", "95th percentile of the surface distances, in mm", _PAIR, 2, "high", 80),
    Column("hd_mm", "HD mm", "Largest distance of the surfaces, in mm", _PAIR, 2, "high", 68),
    Column("assd_mm", "ASSD mm", "Mean distance of the surfaces, both ways, in mm", _PAIR, 2, "high", 80),
    Column("nsd", "NSD", "Share of both surfaces within the tolerance of the other", _PAIR),
    Column("volume_ml_prediction", "predicted ml", "Volume predicted, in ml", _INTO, 2, "low", 98),
    Column("volume_ml_reference", "reference ml", "Volume in the reference, in ml", _INTO, 2, "low", 98),
    Column("volume_difference_ml", "Δ ml", "Predicted less reference, in ml", "the largest of its kind", 2, "size"),
    Column("volume_difference_percent", "Δ %", "Predicted less reference, of it", "the largest of its kind", 1, "size"),
    Column("missed", "missed", "Whole pieces of the reference not found", "the largest of them", 0, "high", 66),
    Column("invented", "invented", "Whole pieces that are not in the reference", "the largest of them", 0, "high", 74),
    Column("note", "", "What has no number, and why", "", wide=340),
)
KEYS = tuple(one.key for one in COLUMNS)
NAME, NOTE = 0, len(COLUMNS) - 1


def written(row: Agreement, column: Column) -> str:
    """Write a cell; "–" where a number has no meaning."""
    value = getattr(row, column.key)
    if isinstance(value, str):
        return value
    if value is None:
        return "–"
    if column.key in ("volume_ml_prediction", "volume_ml_reference"):
        return str(millilitres(value))
    sign = "+" if column.worst == "size" and value > 0 else ""
    return f"{sign}{value:.{column.digits}f}".replace("-", "\N{MINUS SIGN}")


class ComparisonModel(Rows):
    """Rows of Agreement; one model serves the narrow table and the wide one."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: tuple[Agreement, ...] = ()
        self.colours: Mapping[int, Colour] = {}

    def show_rows(self, rows: Sequence[Agreement], colours_by_value: Mapping[int, Colour]) -> None:
        """Show other rows."""
        self.beginResetModel()
        self.rows, self.colours = tuple(rows), colours_by_value
        self.endResetModel()

    def count(self) -> int:
        """One row a label."""
        return len(self.rows)

    def heads(self) -> tuple[str, ...]:
        """All numbers."""
        return tuple(column.heading for column in COLUMNS)

    def hint(self, column: int) -> str:
        """Say what a column is."""
        return f"{COLUMNS[column].hint}.\nClick: sort, the worst first; again: the best first."

    def side(self, column: int) -> int:
        """Texts stand at the left, numbers at the right."""
        return LEFT if column in (NAME, NOTE) else RIGHT

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a cell shows."""
        row, column = self.rows[index.row()], COLUMNS[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return written(row, column)
        if role == Qt.ItemDataRole.DecorationRole and index.column() == NAME:
            return swatch(self.colours.get(row.value) or default_colour(row.value))
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self.side(index.column())
        if role == Qt.ItemDataRole.ForegroundRole:
            return colours().of("faint" if getattr(row, column.key) is None else self._ink(index.column()))
        if role == Qt.ItemDataRole.ToolTipRole:
            if column.key == "note":
                return row.note
            said = row.note or f"{column.hint}.\nClick: {column.leads}."
            return f"{row.name} (value {row.value})\n{said}"
        return None

    @staticmethod
    def _ink(column: int) -> str:
        return "dim" if column == NOTE else "text"


class Marked(QSortFilterProxyModel):
    """Marks the column that is sorted by, beside its name; the style would draw its mark over the name."""

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Put a mark behind the name."""
        found = super().headerData(section, orientation, role)
        if role == Qt.ItemDataRole.DisplayRole and section == self.sortColumn():
            return f"{found} {'▴' if self.sortOrder() == Qt.SortOrder.AscendingOrder else '▾'}"
        return found


class WorstFirst(Marked):
    """Sorts by badness; what has no number comes last, either way round. Filters by name."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.wanted = ""

    def lessThan(self, left: Index, right: Index) -> bool:
        """Compare two cells of a column."""
        model = self.sourceModel()
        assert isinstance(model, ComparisonModel)
        key, size = COLUMNS[left.column()].key, COLUMNS[left.column()].worst == "size"
        one, other = (getattr(model.rows[index.row()], key) for index in (left, right))
        if one is None or other is None:
            last = self.sortOrder() == Qt.SortOrder.DescendingOrder
            return (other is not None) if last else (one is not None and other is None)
        if size:
            one, other = abs(one), abs(other)
        if isinstance(one, str):
            one, other = one.casefold(), str(other).casefold()
        return bool(one < other)

    def look_for(self, text: str) -> None:
        """Show only the labels whose name has this in it, or whose number it is."""
        self.wanted = text.strip().casefold()
        self.invalidate()

    def filterAcceptsRow(self, row: int, parent: Index) -> bool:
        """Find a label by a part of its name, or by its number."""
        model, wanted = self.sourceModel(), self.wanted
        assert isinstance(model, ComparisonModel)
        found = model.rows[row]
        return not wanted or wanted in found.name.casefold() or wanted == str(found.value)


def worst_order(column: int) -> Qt.SortOrder:
    """Return the order in which the worst of a column comes first."""
    low = COLUMNS[column].worst == "low"
    return Qt.SortOrder.AscendingOrder if low else Qt.SortOrder.DescendingOrder


def step_of(event: QKeyEvent) -> int:
    """Which way a key steps through the errors: back with Shift."""
    return -1 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1


class Links(QStyledItemDelegate):
    """Underlines the number under the mouse, as links are."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: Index) -> None:
        """Write it so."""
        super().initStyleOption(option, index)
        if option.state & QStyle.StateFlag.State_MouseOver and index.column() != NOTE and index.data() != "–":
            option.font.setUnderline(True)


class ComparisonTable(QTableView):
    """Shows some columns of a model. `wanted` (label value, key of the number) comes from a click or Return.

    `stepped` (+1, -1) comes from the keys that step through errors, which act here as they do over a pane.
    """

    wanted = Signal(int, str)
    stepped = Signal(int)

    def __init__(self, model: ComparisonModel, keys: Sequence[str] = KEYS) -> None:
        super().__init__()
        self.rows_model = model
        self.sorted = WorstFirst(self)
        self.sorted.setSourceModel(model)
        self.setModel(self.sorted)
        self.keys = tuple(keys)
        self.setItemDelegate(Links(self))
        self.setAccessibleName("comparison, a row a label")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectItems)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setMouseTracking(True)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW_PX)
        self._lay_out()
        self.clicked.connect(self._want)
        self.entered.connect(self._hover)
        model.modelReset.connect(self.fit)
        self.sort_by(KEYS.index("dice"), Qt.SortOrder.AscendingOrder)

    def _lay_out(self) -> None:
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionsClickable(True)
        header.setMinimumSectionSize(40)
        header.sectionClicked.connect(self._sort)
        narrow = len(self.keys) < len(KEYS)
        for number, column in enumerate(COLUMNS):
            self.setColumnHidden(number, column.key not in self.keys)
            stretched = column.key == ("name" if narrow else "note")
            mode = QHeaderView.ResizeMode.Stretch if stretched else QHeaderView.ResizeMode.Interactive
            header.setSectionResizeMode(number, mode)
        self.fit()

    def fit(self) -> None:
        """Give each column the room its numbers need."""
        grown = max(1.0, self.fontMetrics().height() / 16)  # where the text is larger, so are the columns
        for number, column in enumerate(COLUMNS):
            if not self.isColumnHidden(number):
                self.setColumnWidth(number, max(round(column.wide * grown), self.sizeHintForColumn(number) + 4))

    def sort_by(self, column: int, order: Qt.SortOrder) -> None:
        """Sort by a column."""
        self.sorted.sort(column, order)
        self.sorted.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(COLUMNS) - 1)

    def show_only(self, text: str) -> None:
        """Show only the labels whose name has this in it."""
        self.sorted.look_for(text)

    def values(self) -> tuple[int, ...]:
        """Values of the labels, as they stand on the screen."""
        source = (self.sorted.mapToSource(self.sorted.index(row, 0)).row() for row in range(self.sorted.rowCount()))
        return tuple(self.rows_model.rows[row].value for row in source)

    def _sort(self, column: int) -> None:
        """Put the worst first; at the second click the best."""
        first = worst_order(column)
        other = Qt.SortOrder.DescendingOrder if first == Qt.SortOrder.AscendingOrder else Qt.SortOrder.AscendingOrder
        again = self.sorted.sortColumn() == column and self.sorted.sortOrder() == first
        self.sort_by(column, other if again else first)

    def _want(self, index: QModelIndex) -> None:
        if index.isValid() and index.column() != NOTE:
            row = self.rows_model.rows[self.sorted.mapToSource(index).row()]
            self.wanted.emit(row.value, COLUMNS[index.column()].key)

    def _hover(self, index: QModelIndex) -> None:
        link = index.isValid() and index.column() != NOTE and index.data() != "–"
        shape = Qt.CursorShape.PointingHandCursor if link else Qt.CursorShape.ArrowCursor
        self.viewport().setCursor(shape)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Follow the link of the selected number with Return; the arrows move."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._want(self.currentIndex())
        elif event.key() == Qt.Key.Key_E:
            self.stepped.emit(step_of(event))
        else:
            super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the type."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange and hasattr(self, "keys"):
            self.verticalHeader().setDefaultSectionSize(max(ROW_PX, round(self.fontMetrics().height() * 1.6)))
