"""The table of labels: volume, mean, SD, voxels, size and place of each, sorted by a click on a heading."""

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QModelIndex, QSortFilterProxyModel, Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from medviz.gui.colours import colours
from medviz.gui.rows import LEFT, RIGHT, Index, Rows
from medviz.gui.viewer.annotations import number_text
from medviz.gui.viewer.label_list import millilitres, swatch
from medviz.imaging.labels import Label
from medviz.imaging.measure import LabelMeasure
from medviz.imaging.volume import Volume

NAME, VOLUME, MEAN, SD, VOXELS, SIZE, CENTRE = range(7)
WIDTHS = {NAME: 120, VOLUME: 58, MEAN: 68, SD: 56, VOXELS: 82, SIZE: 164, CENTRE: 172}
ROW_PX = 24


class TableModel(Rows):
    """Rows of measured labels, with the unit of the image whose mean they tell."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: tuple[LabelMeasure, ...] = ()
        self.labels: Mapping[int, Label] = {}
        self.spacing: tuple[float, float, float] | None = None
        self.unit = ""

    def show_rows(self, rows: tuple[LabelMeasure, ...], labels: tuple[Label, ...], volume: Volume, unit: str) -> None:
        """Show other rows."""
        self.beginResetModel()
        self.rows, self.unit = rows, unit
        self.labels = {label.value: label for label in labels}
        self.spacing = volume.spacing_mm if volume.calibrated else None
        self.endResetModel()

    def count(self) -> int:
        """One row a label."""
        return len(self.rows)

    def side(self, column: int) -> int:
        """Numbers stand at the right."""
        return LEFT if column == NAME else RIGHT

    def heads(self) -> tuple[str, ...]:
        """Return the headings."""
        unit = f" {self.unit}" if self.unit else ""
        far = "voxels" if self.spacing is None else "mm"
        return "label", "ml", f"mean{unit}", "SD", "voxels", f"size {far}", "centre mm"

    def name(self, row: LabelMeasure) -> str:
        """Return what a label is called."""
        label = self.labels.get(row.value)
        return f"label {row.value}" if label is None else label.name

    def words(self, row: LabelMeasure) -> tuple[str, ...]:
        """Return what a row shows."""
        spread = max(abs(row.sd or 0.0), abs(row.mean or 0.0) / 20, 1e-12)
        step = self.spacing or (1.0, 1.0, 1.0)
        sides = [(last - first + 1) * mm for (first, last), mm in zip(row.box, step, strict=True)]
        size = " × ".join(f"{side:.0f}" if self.spacing is None or side >= 100 else f"{side:.1f}" for side in sides)
        centre = "–" if self.spacing is None else ", ".join(f"{one:.1f}".replace("-", "−") for one in row.centroid_mm)
        return (
            self.name(row),
            "–" if row.volume_ml is None else millilitres(row.volume_ml),
            "–" if row.mean is None else number_text(row.mean, spread),
            "–" if row.sd is None else number_text(row.sd, spread),
            f"{row.voxels:,}".replace(",", "\u202f"),
            size,
            centre,
        )

    def number(self, row: LabelMeasure, column: int) -> float | str:
        """Return what a column is sorted by."""
        step = self.spacing or (1.0, 1.0, 1.0)
        extent = max((last - first + 1) * mm for (first, last), mm in zip(row.box, step, strict=True))
        low = float("-inf")
        numbers = (
            row.volume_ml or low,
            low if row.mean is None else row.mean,
            low if row.sd is None else row.sd,
            float(row.voxels),
            extent,
            row.centroid_mm[2],
        )
        return self.name(row).casefold() if column == NAME else numbers[column - 1]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a cell shows."""
        row, column = self.rows[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self.words(row)[column]
        if role == Qt.ItemDataRole.UserRole:
            return self.number(row, column)
        if role == Qt.ItemDataRole.DecorationRole and column == NAME:
            label = self.labels.get(row.value)
            return None if label is None else swatch(label.colour)
        if role == Qt.ItemDataRole.TextAlignmentRole and column != NAME:
            return RIGHT
        if role == Qt.ItemDataRole.ForegroundRole:
            return colours().of("text")
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{self.name(row)} (value {row.value})\nClick: go there"
        return None


class LabelTable(QTableView):
    """The table; `wanted` (label value) comes from a click or Return."""

    wanted = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.model_ = TableModel()
        self.sorted = QSortFilterProxyModel(self)
        self.sorted.setSourceModel(self.model_)
        self.sorted.setSortRole(Qt.ItemDataRole.UserRole)
        self.setModel(self.sorted)
        self.setSortingEnabled(True)
        self.sortByColumn(-1, Qt.SortOrder.AscendingOrder)  # as the labels are numbered, until a heading is clicked
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setAccessibleName("table of labels")
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW_PX)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        for column, wide in WIDTHS.items():
            self.setColumnWidth(column, wide)
        self.clicked.connect(self._go)
        self.activated.connect(self._go)

    def show_rows(self, rows: tuple[LabelMeasure, ...], labels: tuple[Label, ...], volume: Volume, unit: str) -> None:
        """Show other rows; how they are sorted stays."""
        self.model_.show_rows(rows, labels, volume, unit)

    def text(self) -> str:
        """Return the table as it is sorted now, a line a label, its cells apart by tabs."""
        lines = ["\t".join(self.model_.heads())]
        for row in range(self.sorted.rowCount()):
            source = self.sorted.mapToSource(self.sorted.index(row, 0)).row()
            lines.append("\t".join(self.model_.words(self.model_.rows[source])))
        return "\n".join(lines)

    def _go(self, index: QModelIndex) -> None:
        self.wanted.emit(self.model_.rows[self.sorted.mapToSource(index).row()].value)
