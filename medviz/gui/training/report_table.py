"""The problems of a data set, worst first: what is wrong, what to do, and a button where the program can do it."""

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics, QKeyEvent, QKeySequence, QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHBoxLayout,
    QHeaderView,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QToolButton,
    QWidget,
)

from medviz.data.checking.report import KINDS, Repair, Row
from medviz.gui.colours import colours
from medviz.gui.icons import icon
from medviz.gui.rows import LEFT, Index, Rows

HEADS = ("fault", "what is wrong, and what to do", "")
HINTS = (
    "The kind of fault and the case; the worst stand first, a double click shows the case in the browser",
    "What is wrong, and below it what a person can do",
    "What the program can do about it: parameters of the data set are turned, files are never changed",
)
SIGNS = {
    "error": ("ph.x-circle-fill", "bad", "error: training would be refused or learn what is wrong"),
    "warning": ("ph.warning-fill", "warning", "warning: look at it"),
    "note": ("ph.info", "dim", "note: nothing need be done"),
}
WITH_BUTTONS = 80
"""Rows beyond this have no button; leaving a case out is then done in the browser."""
ROW = int(Qt.ItemDataRole.UserRole)
_PAD, _SIGN = 8, 16
_WRAP = int(Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
_FIRST, _LAST = 200, 212


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
        """Return what a cell says: two texts one above the other, painted by the delegate."""
        row, column = self.rows[index.row()], index.column()
        one = row.problem
        if role == ROW:
            return row
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            kind = KINDS.get(one.kind, one.kind)
            return (f"{one.severity}: {kind}, {row.where}", f"{one.sentence}: {one.remedy}", "")[column]
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tip(row) if column == 0 else None
        return int(LEFT) if role == Qt.ItemDataRole.TextAlignmentRole else None

    def _tip(self, row: Row) -> str:
        names = [name for name in row.cases[:20] if name] + (["…"] if len(row.cases) > 20 else [])
        return "\n".join(part for part in (SIGNS[row.problem.severity][2], *names, row.problem.path) if part)


class _Painter(QStyledItemDelegate):
    """Paints two texts a cell: the kind over the case, the fault over the remedy."""

    def texts(self, index: Index) -> tuple[str, str]:
        row: Row = index.data(ROW)
        one = row.problem
        if index.column() == 0:
            return KINDS.get(one.kind, one.kind).capitalize(), row.where
        said = one.sentence if len(row.cases) > 1 else began(one.sentence)  # of many it begins with a case's name
        return (said, f"→ {one.remedy}") if index.column() == 1 else ("", "")

    def _areas(self, area: QRect, option: QStyleOptionViewItem, index: Index) -> tuple[QRect, QRect]:
        """Where the two texts stand in a cell of this width."""
        left = _PAD + (_SIGN + 8 if index.column() == 0 else 0)
        first, second = self.texts(index)
        wide = max(40, area.width() - left - _PAD)
        room = QRect(area.x() + left, area.y() + _PAD, wide, 10_000)
        metrics, strong = QFontMetrics(option.font), QFontMetrics(_bold(option.font))
        above = (strong if index.column() == 0 else metrics).boundingRect(room, _WRAP, first)
        below = metrics.boundingRect(room.translated(0, above.height() + 2), _WRAP, second)
        above.setWidth(wide)
        below.setWidth(wide)
        return above, below

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        view: Any = self.parent()
        wide = view.columnWidth(index.column())
        if index.column() == 2:
            return QSize(wide, 40)
        _, below = self._areas(QRect(0, 0, wide, 10), option, index)
        return QSize(wide, below.bottom() + _PAD)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        now, area = colours(), option.rect
        painter.save()
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.fillRect(area, now.of("hover" if chosen else "panel" if index.row() % 2 else "field"))
        if index.column() < 2:
            above, below = self._areas(area, option, index)
            first, second = self.texts(index)
            if index.column() == 0:
                name, colour, _ = SIGNS[index.data(ROW).problem.severity]
                icon(name, colour).paint(painter, area.x() + _PAD, area.y() + _PAD, _SIGN, _SIGN)
                painter.setFont(_bold(option.font))
            painter.setPen(now.of("text"))
            painter.drawText(above, _WRAP, first)
            painter.setFont(option.font)
            painter.setPen(now.of("dim"))
            painter.drawText(below, _WRAP, second)
        painter.restore()


class ReportTable(QTableView):
    """Shows the rows. `repair_wanted` (Repair); `case_wanted` (name) on a double click or Return."""

    repair_wanted = Signal(object)
    case_wanted = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.problems = ReportModel(self)
        self.setModel(self.problems)
        self.setItemDelegate(_Painter(self))
        self.setAccessibleName("problems of the data set, the worst first")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setShowGrid(False)
        self.verticalHeader().hide()
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setMinimumSectionSize(8)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
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

    @property
    def wanted_px(self) -> int:
        """Height at which all rows are seen."""
        return sum(self.rowHeight(row) for row in range(self.problems.count())) + self.horizontalHeader().height() + 4

    def _button(self, repairs: Sequence[Repair]) -> QWidget:
        """A button for the first repair, with a menu of the others."""
        held = QWidget()
        made = QToolButton(held)
        first = repairs[0]
        made.setText(capital(first.words))
        made.setToolTip(told(first))
        made.setAccessibleName(capital(first.words))
        made.setMaximumWidth(_LAST - 16)
        made.clicked.connect(lambda: self.repair_wanted.emit(first))
        if len(repairs) > 1:
            menu = QMenu(made)
            menu.setToolTipsVisible(True)
            for one in repairs:
                act = menu.addAction(capital(one.words))
                act.setToolTip(told(one))
                act.triggered.connect(lambda checked=False, one=one: self.repair_wanted.emit(one))
            made.setMenu(menu)
            made.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
        row = QHBoxLayout(held)
        row.setContentsMargins(4, 4, 8, 4)
        row.addStretch(1)
        row.addWidget(made, 0, Qt.AlignmentFlag.AlignTop)
        return held

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Let rows grow where words need another line."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        wide = self.viewport().width()
        some = any(row.problem.repairs for row in self.problems.rows)
        self.setColumnWidth(0, min(_FIRST, max(130, wide // 4)))
        self.setColumnWidth(2, _LAST if some else 8)
        self.resizeRowsToContents()

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


def _bold(font: QFont) -> QFont:
    strong = QFont(font)
    strong.setBold(True)
    return strong


def capital(words: str) -> str:
    """Begin with a capital."""
    return words[:1].upper() + words[1:]


def began(sentence: str) -> str:
    """Begin a sentence with a capital, unless it begins with a name ("case_03.nii.gz: ...")."""
    first = sentence.partition(" ")[0]
    return capital(sentence) if first.isalpha() else sentence


def told(repair: Repair) -> str:
    """Say what a repair sets."""
    value = repair.value if len(repair.value) < 80 else f"{repair.value[:77]}…"
    return f"Sets {repair.field.replace('_', ' ')} of the data set to “{value}”; no file is changed"
