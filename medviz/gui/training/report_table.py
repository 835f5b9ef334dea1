"""The problems of a data set, worst first: what is wrong, what to do, and a button where the program can do it."""

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QModelIndex, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHBoxLayout,
    QHeaderView,
    QMenu,
    QTableView,
    QToolButton,
    QWidget,
)

from medviz.data.checking.report import KINDS, Repair, Row
from medviz.gui.icons import icon
from medviz.gui.rows import LEFT, Index, Rows

HEADS = ("what", "case", "fault", "what to do", "")
HINTS = (
    "The kind of fault; the worst stand first",
    "The case; a double click shows it in the browser",
    "What is wrong",
    "What a person can do about it",
    "What the program can do about it: parameters of the data set are turned, files are never changed",
)
SIGNS = {
    "error": ("ph.x-circle-fill", "bad", "error: training would be refused or learn what is wrong"),
    "warning": ("ph.warning-fill", "warning", "warning: look at it"),
    "note": ("ph.info", "dim", "note: nothing need be done"),
}
WITH_BUTTONS = 300
"""Rows beyond this have no button: their repairs are in the menu."""
_WIDE = {0: 196, 1: 170, 4: 236}


class ReportModel(Rows):
    """Rows of the report."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.rows: tuple[Row, ...] = ()

    def put(self, rows: Sequence[Row]) -> None:
        """Show these rows."""
        self.beginResetModel()
        self.rows = tuple(rows)
        self.endResetModel()

    def count(self) -> int:
        """How many rows there are."""
        return len(self.rows)

    def heads(self) -> Sequence[str]:
        """What stands over the columns."""
        return HEADS

    def hint(self, column: int) -> str:
        """What a column is."""
        return HINTS[column]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a cell shows."""
        row, column = self.rows[index.row()], index.column()
        one = row.problem
        if role == Qt.ItemDataRole.DisplayRole:
            return (KINDS.get(one.kind, one.kind), row.where, one.sentence, one.remedy, "")[column]
        if role == Qt.ItemDataRole.DecorationRole and column == 0:
            name, colour, _ = SIGNS[one.severity]
            return icon(name, colour)
        if role == Qt.ItemDataRole.AccessibleTextRole and column == 0:
            return f"{one.severity}: {KINDS.get(one.kind, one.kind)}"
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tip(row, column)
        return int(LEFT) if role == Qt.ItemDataRole.TextAlignmentRole else None

    def _tip(self, row: Row, column: int) -> str | None:
        if column == 0:
            return SIGNS[row.problem.severity][2]
        if column == 1:
            names = "\n".join(row.cases[:20]) + ("\n…" if len(row.cases) > 20 else "")
            return f"{names}\n{row.problem.path}".strip() or None
        return None


class ReportTable(QTableView):
    """Shows the rows. `repair_wanted` (Repair); `case_wanted` (name) on a double click or Return."""

    repair_wanted = Signal(object)
    case_wanted = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.problems = ReportModel(self)
        self.setModel(self.problems)
        self.setAccessibleName("problems of the data set, the worst first")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setShowGrid(False)
        self.setWordWrap(True)
        self.setIconSize(QSize(16, 16))
        self.verticalHeader().hide()
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        for column in range(len(HEADS)):
            wide = _WIDE.get(column)
            if wide is None:
                header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
            else:
                self.setColumnWidth(column, wide)
        self.doubleClicked.connect(self._want)

    def put(self, rows: Sequence[Row]) -> None:
        """Show these rows, each with its button."""
        self.problems.put(rows)
        for number, row in enumerate(self.problems.rows[:WITH_BUTTONS]):
            if row.problem.repairs:
                self.setIndexWidget(self.problems.index(number, len(HEADS) - 1), self._button(row.problem.repairs))
        if rows:
            self.selectRow(0)
        self._fit()

    def button(self, row: int) -> QToolButton | None:
        """Return the button of a row, None where there is nothing the program can do."""
        held = self.indexWidget(self.problems.index(row, len(HEADS) - 1))
        return held.findChild(QToolButton) if held is not None else None

    def _button(self, repairs: Sequence[Repair]) -> QWidget:
        """A button for the first repair, with a menu of the others."""
        held = QWidget()
        made = QToolButton(held)
        first = repairs[0]
        made.setText(capital(first.words))
        made.setToolTip(told(first))
        made.setAccessibleName(capital(first.words))
        made.clicked.connect(lambda: self.repair_wanted.emit(first))
        if len(repairs) > 1:
            menu = QMenu(made)
            for one in repairs:
                act = menu.addAction(capital(one.words))
                act.setToolTip(told(one))
                act.triggered.connect(lambda checked=False, one=one: self.repair_wanted.emit(one))
            made.setMenu(menu)
            made.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
        row = QHBoxLayout(held)
        row.setContentsMargins(4, 2, 4, 2)
        row.addWidget(made)
        row.addStretch(1)
        return held

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Let rows grow where words need another line."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        self.resizeRowsToContents()
        for row in range(self.problems.count()):
            self.setRowHeight(row, max(self.rowHeight(row) + 8, 36))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Return shows the case; Ctrl+C copies the table."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._want(self.currentIndex())
        elif event.matches(QKeySequence.StandardKey.Copy):
            QApplication.clipboard().setText(self.as_text())
        else:
            super().keyPressEvent(event)

    def as_text(self) -> str:
        """Write all rows, cells apart by tabs."""
        rows = [("severity", "kind", "case", "fault", "what to do")]
        for row in self.problems.rows:
            one = row.problem
            rows += [(one.severity, one.kind, case, one.sentence, one.remedy) for case in row.cases]
        return "\n".join("\t".join(cells) for cells in rows)

    def _want(self, index: QModelIndex) -> None:
        if index.isValid():
            cases = self.problems.rows[index.row()].cases
            if cases and cases[0]:
                self.case_wanted.emit(cases[0])


def capital(words: str) -> str:
    """Begin with a capital."""
    return words[:1].upper() + words[1:]


def told(repair: Repair) -> str:
    """Say what a repair sets."""
    value = repair.value if len(repair.value) < 80 else f"{repair.value[:77]}…"
    return f"Sets {repair.field.replace('_', ' ')} of the data set to “{value}”; no file is changed"
