"""Public data sets that can be fetched: which there are, their licence, where they go, and how far the fetching is."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from medviz.gui.desk import Desk
from medviz.gui.icons import icon
from medviz.gui.job import Job
from medviz.gui.rows import LEFT, RIGHT, Index, Rows
from medviz.gui.viewer.comparison_table import Marked
from medviz.gui.waiting import Waiting
from medviz.imaging.storage import in_words
from medviz.refused import Refused

HEADS = ("data set", "what", "for", "samples", "size", "licence")
_NUMBERS = (3, 4)
PLACE = "training/data folder"


class SetsModel(Rows):
    """The sets, a row each."""

    def __init__(self, parent: QWidget, sets: Sequence[Any]) -> None:
        super().__init__(parent)
        self.sets = tuple(sets)

    def count(self) -> int:
        """How many there are."""
        return len(self.sets)

    def heads(self) -> Sequence[str]:
        """What stands over the columns."""
        return HEADS

    def side(self, column: int) -> int:
        """Numbers stand on the right."""
        return RIGHT if column in _NUMBERS else LEFT

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a cell shows."""
        one, column = self.sets[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            size = in_words(one.about_bytes) if one.about_bytes else "–"
            return (one.title, one.summary, one.serves, f"{one.samples:,}" if one.samples else "–", size, one.licence)[
                column
            ]
        if role == Qt.ItemDataRole.UserRole:
            return (one.title, one.summary, one.serves, one.samples, one.about_bytes, one.licence)[column]
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{one.summary}\n{one.home}\nLicence: {one.licence}"
        return self.side(column) if role == Qt.ItemDataRole.TextAlignmentRole else None


class GetData(QDialog):
    """Chooses a set and a folder and fetches it beside the window; `got` (Path) when it is there."""

    got = Signal(object)

    def __init__(self, desk: Desk, parent: QWidget) -> None:
        super().__init__(parent)
        self.desk = desk
        self.job: Job | None = None
        self.setObjectName("get data")
        self.setWindowTitle("Get a public data set")
        self.setMinimumSize(680, 420)
        self.resize(860, 560)
        self.sets = SetsModel(self, desk.services.obtainable())
        self.finder = QLineEdit()
        self.finder.setPlaceholderText("Find a set")
        self.finder.setClearButtonEnabled(True)
        self.finder.setToolTip("Only sets that have these words are listed")
        self.table = self._table()
        kept = str(desk.preferences.value(PLACE, "") or Path.home() / "medviz-data")
        self.folder = QLineEdit(kept)
        self.folder.setAccessibleName("folder for data sets")
        self.folder.setToolTip("Where the set is put; it is made where it is not there")
        self.choose = QPushButton("Choose…")
        self.choose.setToolTip("Choose the folder")
        self.waiting = Waiting("fetching", "Stop; what came is kept, and the next try goes on with the rest")
        self.sentence = QLabel(
            "It is fetched by this machine from where its makers put it, and checked by its sum. Mind its licence."
        )
        self.sentence.setProperty("look", "dim")
        self.sentence.setWordWrap(True)
        self.fetch = QPushButton("Get it")
        self.fetch.setIcon(icon("ph.download-simple", "on_accent"))
        self.fetch.setProperty("look", "primary")
        self.fetch.setToolTip("Fetch the marked set, check it, and set it up  (Enter)")
        self.leave = QPushButton("Close")
        self.leave.setToolTip("Fetch nothing more  (Esc)")
        self._lay_out()
        self._connect()

    def _table(self) -> QTableView:
        made = QTableView()
        self.shown = Marked(made)
        self.shown.setSourceModel(self.sets)
        self.shown.setSortRole(Qt.ItemDataRole.UserRole)
        self.shown.setFilterKeyColumn(-1)
        self.shown.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        made.setModel(self.shown)
        made.setAccessibleName("data sets that can be fetched")
        made.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        made.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        made.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        made.setSortingEnabled(True)
        made.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        made.setShowGrid(False)
        made.setWordWrap(False)
        made.setAlternatingRowColors(True)
        made.verticalHeader().hide()
        header = made.horizontalHeader()
        header.setHighlightSections(False)
        header.setSortIndicatorShown(False)
        for column, wide in enumerate((160, 0, 110, 84, 84, 120)):
            if wide:
                made.setColumnWidth(column, wide)
            else:
                header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        if self.sets.count():
            made.selectRow(0)
        return made

    def _lay_out(self) -> None:
        place = QHBoxLayout()
        place.setSpacing(8)
        place.addWidget(QLabel("into"))
        place.addWidget(self.folder, 1)
        place.addWidget(self.choose)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.sentence, 1)
        row.addWidget(self.leave)
        row.addWidget(self.fetch)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(8)
        column.addWidget(self.finder)
        column.addWidget(self.table, 1)
        column.addLayout(place)
        column.addWidget(self.waiting)
        column.addLayout(row)

    def _connect(self) -> None:
        self.finder.textChanged.connect(self.shown.setFilterFixedString)
        self.choose.clicked.connect(self._choose)
        self.fetch.clicked.connect(self.begin)
        self.leave.clicked.connect(self.close)
        self.table.doubleClicked.connect(lambda index: self.begin())
        self.waiting.cancelled.connect(self.stop)
        self.fetch.setEnabled(bool(self.sets.count()))
        self.fetch.setDefault(True)

    @property
    def chosen(self) -> Any:
        """The set that is marked, None where none is."""
        index = self.table.currentIndex()
        return self.sets.sets[self.shown.mapToSource(index).row()] if index.isValid() else None

    def begin(self) -> None:
        """Fetch the marked set."""
        one, place = self.chosen, self.folder.text().strip()
        if one is None or not place or self.job is not None:
            return
        self.desk.preferences.setValue(PLACE, place)
        get, folder = self.desk.services.get_data, Path(place)
        self.job = self.desk.start(f"getting {one.title}", lambda: get(one.name, folder), page="train")
        self.job.said.connect(lambda said: self.waiting.show_job(self.job))
        self.job.ended.connect(self._got)
        self.job.refused.connect(self._refused)
        self.job.over.connect(self._over)
        self.fetch.setEnabled(False)
        self.waiting.show_job(self.job)

    def stop(self) -> None:
        """Stop fetching; what came is kept."""
        if self.job is not None:
            self.job.stop()

    def _choose(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder for data sets", self.folder.text())
        if folder:
            self.folder.setText(folder)

    def _got(self, place: Path) -> None:
        self.got.emit(place)
        self.close()

    def _refused(self, refusal: Refused) -> None:
        self.sentence.setText(str(refusal))

    def _over(self) -> None:
        self.job = None
        self.waiting.show_job(None)
        self.fetch.setEnabled(True)
