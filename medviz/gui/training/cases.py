"""What the trained network reaches, a row a case: sorted as one likes, opened in the viewer, saved as a table."""

from pathlib import Path
from typing import Any

from PySide6.QtCore import QSortFilterProxyModel, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableView,
    QVBoxLayout,
)

from medviz.figures import Table
from medviz.gui.controls import calm
from medviz.gui.icons import icon
from medviz.gui.rows import Index
from medviz.gui.training.bench import Bench, RunView
from medviz.gui.training.case_rows import VALUE, CaseRows
from medviz.gui.training.keeping import keep_rows
from medviz.gui.training.watch import Watch
from medviz.gui.waiting import Waiting
from medviz.messages import Message


class Cases(RunView):
    """The results of the run in front; a double click opens a case with prediction and reference in the viewer."""

    WORD = "Cases"
    HINT = "What was reached, case by case, the worst first"

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self.rows = CaseRows()
        self.sorted = QSortFilterProxyModel(self)
        self.sorted.setSourceModel(self.rows)
        self.sorted.setSortRole(VALUE)
        self.grid = self._make_grid()
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.words.setProperty("look", "dim")
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.sets = QComboBox()
        self.sets.setAccessibleName("set of cases")
        self.sets.setToolTip("Which samples: those of the validation, or of the test set")
        calm(self.sets)
        self.sets.activated.connect(lambda: self._show())
        self.measure = self._button("Measure all cases", "", "Run the best weights over each case and measure it")
        self.measure.clicked.connect(self._measure)
        self.open = self._button("Open in viewer", "ph.eye", "Open the case with prediction and reference (Return)")
        self.open.clicked.connect(self._open_chosen)
        self.keep = self._button("Save CSV…", "ph.download-simple", "Save the table, a row a case")
        self.keep.clicked.connect(self._save)
        self.waiting = Waiting("measuring cases", "Stop measuring; nothing is kept")
        self._job: Any = None
        self.waiting.cancelled.connect(lambda: self._job.stop() if self._job is not None else None)
        self._shown: dict[str, Table] = {}
        self._lay_out()

    def _make_grid(self) -> QTableView:
        grid = QTableView()
        grid.setModel(self.sorted)
        grid.setSortingEnabled(True)
        grid.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        grid.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        grid.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        grid.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        grid.setShowGrid(False)
        grid.setAlternatingRowColors(True)
        grid.setWordWrap(False)
        grid.verticalHeader().hide()
        grid.horizontalHeader().setHighlightSections(False)
        grid.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        grid.horizontalHeader().setToolTip("Click to sort")
        grid.setAccessibleName("results by case")
        grid.setToolTip("Double click or Return: open the case in the viewer")
        grid.doubleClicked.connect(self._open)
        grid.selectionModel().currentRowChanged.connect(self._chosen)
        return grid

    def _button(self, word: str, sign: str, tip: str) -> QPushButton:
        button = QPushButton(word)
        if sign:
            button.setIcon(icon(sign))
        button.setToolTip(tip)
        return button

    def _lay_out(self) -> None:
        bar = QHBoxLayout()
        bar.setSpacing(8)
        for widget in (self.open, self.keep, self.sets):
            bar.addWidget(widget)
        bar.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 8, 16, 8)
        column.setSpacing(8)
        column.addWidget(self.words)
        column.addWidget(self.measure, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.waiting)
        column.addLayout(bar)
        column.addWidget(self.grid, 1)
        column.addStretch(0)
        self._column = column

    def show_run(self, watch: Watch | None) -> None:
        """Show the results of another run."""
        self._shown = {}
        self.refresh()
        self._show()

    def refresh(self) -> None:
        """Show results that came since."""
        watch = self.bench.watch
        found = dict(watch.history.results) if watch is not None else {}
        if found != self._shown and list(map(id, found.values())) != list(map(id, self._shown.values())):
            self._shown = found
            self.sets.clear()
            self.sets.addItems(list(found))
            self._show()
        self.measure.setVisible(self._may_measure())

    def badge(self) -> str:
        """Nothing: a tab with a table says so by its place."""
        return ""

    def _may_measure(self) -> bool:
        watch = self.bench.watch
        return watch is not None and not watch.going and not watch.where and not self._shown and self._job is None

    def _show(self) -> None:
        table = self._shown.get(self.sets.currentText())
        self.rows.show(table or Table("", (), ()))
        self.sorted.sort(-1)
        self.grid.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.grid.resizeColumnsToContents()
        for widget in (self.grid, self.open, self.keep):
            widget.setVisible(table is not None)
        self.sets.setVisible(len(self._shown) > 1)
        self.open.setEnabled(False)
        watch = self.bench.watch
        waits = "Each case of the validation is measured when a run ends; the table comes here."
        if watch is not None and not watch.going:
            waits = "This run has no table of its cases."
        self.words.setText(table.title if table is not None else waits)
        self.measure.setVisible(self._may_measure())

    def _measure(self) -> None:
        watch = self.bench.watch
        if watch is None or self._job is not None:
            return
        measured, folder = self.bench.desk.services.teaching.results, watch.folder
        job = self._job = self.bench.desk.start(f"measuring {watch.title}", lambda: measured(folder), page="train")
        self.waiting.show_job(job)
        job.said.connect(lambda messages: self._hear(watch, messages))
        job.ended.connect(lambda table: self._take(watch, table))
        job.over.connect(self._measured)
        self._show()

    def _hear(self, watch: Watch, messages: list[Message]) -> None:
        self.waiting.show_job(self._job)
        watch.history.hear([one for one in messages if isinstance(one, Table)], 0.0)

    def _take(self, watch: Watch, table: object) -> None:
        if isinstance(table, Table):
            watch.history.results[table.name.rpartition("/")[2] or "validation"] = table
        self.refresh()

    def _measured(self) -> None:
        self._job = None
        self.waiting.show_job(None)
        self.refresh()

    def _chosen(self) -> None:
        self.open.setEnabled(self.grid.currentIndex().isValid())

    def _open_chosen(self) -> None:
        if self.grid.currentIndex().isValid():
            self._open(self.grid.currentIndex())

    def _open(self, index: Index) -> None:
        """Open a case: scan, prediction, reference; they are looked up (or worked out) beside the window."""
        watch = self.bench.watch
        name = str(self.sorted.index(index.row(), 0).data())
        if watch is None:
            return
        case, folder = self.bench.desk.services.teaching.case, watch.folder
        self.bench.desk.start(f"opening {name}", lambda: case(folder, name), page="train", then=self._show_case)

    def _show_case(self, files: tuple[Path, ...]) -> None:
        self.bench.desk.case_wanted.emit(files)

    def _save(self) -> None:
        watch = self.bench.watch
        if watch is None:
            return
        name = f"{watch.title}-{self.sets.currentText() or 'results'}.csv"
        path, _ = QFileDialog.getSaveFileName(self, "Save the table", name, "CSV (*.csv)")
        if path:
            self.save(Path(path))

    def save(self, path: Path) -> None:
        """Write the table as CSV, in the order in which it is shown."""
        order = [self.sorted.mapToSource(self.sorted.index(at, 0)).row() for at in range(self.rows.count())]
        keep_rows(self.bench.desk, path, [self.rows.heads(), *(self.rows.table.rows[at] for at in order)])

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Open the case that is chosen."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._open_chosen()
            return
        super().keyPressEvent(event)
