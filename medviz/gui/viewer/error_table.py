"""The list of single errors, the largest first: a click goes there."""

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from medviz.gui.rows import LEFT, RIGHT, Index, Rows
from medviz.gui.viewer.comparison_table import ROW_PX, Marked, step_of
from medviz.gui.viewer.label_list import swatch
from medviz.imaging.judging.links import volume_words
from medviz.imaging.judging.results import Comparison, Mistake

Colour = tuple[int, int, int]
KINDS = {
    ("missed", False): "missed",
    ("invented", True): "invented",
    ("border", False): "border too far in",
    ("border", True): "border too far out",
}
HEADINGS = ("#", "label", "what", "volume", "depth mm", "the other map has", "at (R A S mm)")
HINTS = (
    "Rank by volume",
    "The label the error belongs to",
    "Missed and invented pieces touch nothing on which both agree",
    "Volume of the connected piece",
    "How far it reaches away from the other map's label, in mm",
    "What most of it is in the other map",
    "Where the click goes: its deepest place, or its middle",
)
WIDE = (44, 150, 136, 90, 92, 150, 170)
NUMBERS = (0, 3, 4, 6)


class ErrorModel(Rows):
    """Rows of Mistake."""

    def __init__(self) -> None:
        super().__init__()
        self.found: Comparison | None = None
        self._names: dict[int, str] = {}
        self._colour: Callable[[int], Colour] = lambda value: (128, 128, 128)

    def show_comparison(self, found: Comparison | None, colour: Callable[[int], Colour]) -> None:
        """Show the errors of a comparison."""
        self.beginResetModel()
        self.found, self._colour = found, colour
        self._names = {row.value: row.name for row in found.rows} if found is not None else {}
        self.endResetModel()

    @property
    def errors(self) -> tuple[Mistake, ...]:
        """All rows."""
        return self.found.errors if self.found is not None else ()

    def count(self) -> int:
        """One row an error."""
        return len(self.errors)

    def heads(self) -> tuple[str, ...]:
        """Return what is said of each."""
        return HEADINGS

    def hint(self, column: int) -> str:
        """Say what a column is."""
        return f"{HINTS[column]}.\nClick: sort."

    def side(self, column: int) -> int:
        """Numbers stand at the right."""
        return RIGHT if column in NUMBERS else LEFT

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a cell shows."""
        error, column = self.errors[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._words(index.row(), error)[column]
        if role == Qt.ItemDataRole.UserRole:
            return self._sort(index.row(), error)[column]
        if role == Qt.ItemDataRole.DecorationRole and column == 1:
            return swatch(self._colour(error.value))
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self.side(column)
        return "Click: go there" if role == Qt.ItemDataRole.ToolTipRole else None

    def _words(self, row: int, error: Mistake) -> tuple[str, ...]:
        depth = "–" if error.depth_mm is None else f"{error.depth_mm:.1f}"
        there = self._names.get(error.instead, "background" if not error.instead else f"label {error.instead}")
        place = "  ".join(f"{value:.1f}" for value in error.at_mm).replace("-", "\N{MINUS SIGN}")
        what = KINDS.get((error.kind, error.extra), error.kind)
        volume = volume_words(error.volume_ml, error.voxels)
        return str(row + 1), self._names.get(error.value, ""), what, volume, depth, there, place

    def _sort(self, row: int, error: Mistake) -> tuple[Any, ...]:
        words = self._words(row, error)
        depth = -1.0 if error.depth_mm is None else error.depth_mm
        return row, words[1].casefold(), words[2], error.voxels, depth, words[5].casefold(), error.at_mm[2]


class ErrorTable(QTableView):
    """Shows the errors; `wanted` (number of the error) comes from a click or Return, `stepped` (+1, -1) from keys."""

    wanted = Signal(int)
    stepped = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.errors = ErrorModel()
        self.sorted = Marked(self)
        self.sorted.setSourceModel(self.errors)
        self.sorted.setSortRole(Qt.ItemDataRole.UserRole)
        self.setModel(self.sorted)
        self.setAccessibleName("errors, the largest first")
        self.setSortingEnabled(True)
        self.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW_PX)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSortIndicatorShown(False)
        for column, wide in enumerate(WIDE):
            self.setColumnWidth(column, wide)
        header.setSectionResizeMode(5, QHeaderView.ResizeMode.Stretch)
        self.clicked.connect(self._want)

    def select(self, number: int | None) -> None:
        """Mark the error that is on the screen."""
        if number is None:
            self.clearSelection()
            return
        index = self.sorted.mapFromSource(self.errors.index(number, 0))
        if index.isValid():
            self.selectRow(index.row())
            self.scrollTo(index)

    def _want(self, index: QModelIndex) -> None:
        if index.isValid():
            self.wanted.emit(self.sorted.mapToSource(index).row())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go to the selected error with Return."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._want(self.currentIndex())
        elif event.key() == Qt.Key.Key_E:
            self.stepped.emit(step_of(event))
        else:
            super().keyPressEvent(event)
