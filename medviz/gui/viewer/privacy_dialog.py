"""What tells who the patient is, as a table; and the way to a copy without it."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from medviz.gui.colours import colours
from medviz.gui.controls import Toggle
from medviz.gui.icons import icon
from medviz.gui.viewer.cards import label
from medviz.imaging.findings import KINDS, Finding, Report

HEADS = ("", "What", "Value", "Where", "In a clean copy")
LEVELS = {
    "identifies": ("ph.warning-circle", "bad", "identifies the patient"),
    "may identify": ("ph.warning", "warning", "may identify the patient"),
    "look": ("ph.eye", "dim", "only a person's eye can judge"),
}
HINT = (
    "A check, not a guarantee: names in free text, unusual tags or text in a picture may be missed. "
    "A face is not taken off. Your institution's rules for sharing come first."
)


class PrivacyDialog(QDialog):
    """Shows a report. `cleaning` when a clean copy is wanted."""

    cleaning = Signal()

    def __init__(self, parent: QWidget, report: Report) -> None:
        super().__init__(parent)
        self.setObjectName("privacy")
        self.setWindowTitle("Patient data")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.report = report
        self.title = label(f"{report.in_words}.", "title", wrap=True)
        self.hint = label(HINT, "dim", wrap=True)
        self.table = self._table(report)
        self.values = Toggle()
        self.values.setAccessibleName("Show values")
        self.values.setToolTip("Write out what was found, where others may see the screen too")
        self.values.toggled.connect(lambda shown: self._show_values())
        self.leave = QPushButton("Close")
        self.leave.setProperty("look", "quiet")
        self.leave.setToolTip("Change nothing  (Esc)")
        self.leave.clicked.connect(self.reject)
        self.go = QPushButton("Save a clean copy…")
        self.go.setProperty("look", "primary")
        self.go.setToolTip("Write copies without this into a new folder; the files themselves stay as they are")
        self.go.clicked.connect(self._clean)
        self._lay_out()
        self._show_values()
        self.resize(860, 520 if report.findings else 220)

    def _lay_out(self) -> None:
        foot = QHBoxLayout()
        foot.setSpacing(8)
        if self.report.findings:
            foot.addWidget(self.values)
            foot.addWidget(label("Show values", "dim"))
        foot.addStretch(1)
        foot.addWidget(self.leave)
        foot.addWidget(self.go)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 20, 20, 16)
        column.setSpacing(12)
        column.addWidget(self.title)
        column.addWidget(self.table, 1)
        column.addWidget(self.hint)
        column.addLayout(foot)
        self.table.setVisible(bool(self.report.findings))

    def _table(self, report: Report) -> QTableWidget:
        table = QTableWidget(len(report.findings), len(HEADS))
        table.setHorizontalHeaderLabels(HEADS)
        table.setAccessibleName("What was found")
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setWordWrap(False)
        table.setShowGrid(False)
        table.verticalHeader().hide()
        for row, finding in enumerate(report.findings):
            for col, item in enumerate(self._cells(finding)):
                table.setItem(row, col, item)
        head = table.horizontalHeader()
        head.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        head.setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        for col, wide in ((1, 260), (2, 170), (3, 200)):
            head.resizeSection(col, wide)
        head.setStretchLastSection(True)
        return table

    def _cells(self, finding: Finding) -> tuple[QTableWidgetItem, ...]:
        name, colour, words = LEVELS[finding.level]
        level = QTableWidgetItem(icon(name, colour), "")
        level.setToolTip(words)
        level.setData(Qt.ItemDataRole.AccessibleTextRole, words)
        what = QTableWidgetItem(finding.what)
        what.setToolTip(f"{KINDS[finding.kind]}: {finding.what}")
        value = QTableWidgetItem("")
        value.setForeground(colours().of("dim"))
        where = QTableWidgetItem(finding.where)
        where.setToolTip(finding.where)
        cleaned = QTableWidgetItem(finding.cleaned)
        cleaned.setToolTip(finding.cleaned)
        return level, what, value, where, cleaned

    def _show_values(self) -> None:
        shown = self.values.isChecked()
        for row, finding in enumerate(self.report.findings):
            more = f"  (+{finding.others} others)" if finding.others and shown else ""
            text = f"{' '.join(finding.value.split())}{more}" if shown else finding.masked
            item = self.table.item(row, 2)
            if item is not None:
                item.setText(text)
                item.setToolTip(text if shown else "Hidden; switch on “Show values” below")

    def _clean(self) -> None:
        self.cleaning.emit()
        self.accept()
