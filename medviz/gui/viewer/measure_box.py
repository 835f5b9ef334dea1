"""The tab for measuring: the tools, what was measured, and the table of labels."""

import csv
import io
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from medviz.gui.desk import Desk
from medviz.gui.icons import icon
from medviz.gui.viewer.cards import label
from medviz.gui.viewer.feature import Viewer
from medviz.gui.viewer.label_measuring import LabelMeasuring
from medviz.gui.viewer.label_table import LabelTable
from medviz.gui.viewer.mark_tools import MarkTool
from medviz.gui.viewer.mark_words import Cell, short
from medviz.gui.viewer.panel import labels_shown
from medviz.gui.viewer.rooms import ROOMS
from medviz.gui.viewer.tool_buttons import ToolButtons, small_button
from medviz.imaging.marks import Found, Mark
from medviz.imaging.scene import Layer, Scene
from medviz.imaging.volume import Volume
from medviz.refused import Refused

ROW_PX, MOST_ROWS, TABLE_ROWS = 26, 6, 8
TABLES = "Tables (*.csv)"


class Measured(Protocol):
    """What the tab asks of the feature."""

    desk: Desk
    drawing: tuple[MarkTool, ...]
    selected: int | None

    def found(self, mark: Mark) -> Found:
        """Return what a mark measures."""

    def title(self, mark: Mark) -> str:
        """Call a mark by its name, else by what it is."""

    def images(self) -> tuple[Volume, ...]:
        """List what is measured under a region."""

    def table(self) -> tuple[tuple[str, ...], list[tuple[Cell, ...]]]:
        """Write all marks as a table."""

    def remove(self, number: int) -> None:
        """Delete a mark."""

    def rename(self, number: int, name: str) -> None:
        """Give a mark a name."""

    def go(self, number: int) -> None:
        """Put the cross-hair into a mark."""


class MeasureBox(QWidget):
    """Shows marks and labels with their numbers; a click goes there."""

    def __init__(self, measuring: Measured, viewer: Viewer) -> None:
        super().__init__()
        self._measuring, self._viewer = measuring, viewer
        self._store = measuring.desk.scene
        self.tools = ToolButtons(self._store, measuring.drawing)
        self.marks = self._list()
        self.hint = label("Draw in a pane: press, draw, let go. Handles move the ends.", "dim", wrap=True)
        self.labels = LabelMeasuring(measuring.desk, self)
        self.labels.ready.connect(self._show_table)
        self.table = LabelTable()
        self.table.wanted.connect(self._go_label)
        self.large: QDialog | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 8)
        column.setSpacing(8)
        column.addWidget(self.tools)
        column.addWidget(self.hint)
        column.addLayout(self._marks_row())
        column.addWidget(self.marks)
        column.addLayout(self._labels_row())
        column.addWidget(self.table)
        column.addStretch(1)
        self._leave = self._store.listen(self._told)
        self._show(self._store.state)

    def leave(self) -> None:
        """Stop listening and measuring."""
        self._leave()
        self.tools.leave()
        self.labels.leave()

    # -- made -----------------------------------------------------------------------------------------------------

    def _list(self) -> QTableWidget:
        made = QTableWidget(0, 2)
        made.setAccessibleName("measurements")
        made.setToolTip("Click: go there. Double click: give it a name. Del: delete it")
        made.setShowGrid(False)
        made.setWordWrap(False)
        made.horizontalHeader().hide()
        made.verticalHeader().hide()
        made.verticalHeader().setDefaultSectionSize(ROW_PX)
        made.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        made.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        made.setEditTriggers(QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.EditKeyPressed)
        made.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Interactive)
        made.horizontalHeader().setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        made.setColumnWidth(0, 108)
        made.setIconSize(QSize(16, 16))
        made.itemClicked.connect(lambda item: self._measuring.go(self._number(item)))
        made.itemActivated.connect(lambda item: self._measuring.go(self._number(item)))
        made.itemChanged.connect(self._renamed)
        made.installEventFilter(self)
        return made

    def _marks_row(self) -> QHBoxLayout:
        self.marks_title = label("Measurements", "heading")
        self.copy = small_button("ph.copy", "Copy all measurements as text", self.copy_marks)
        self.save = small_button("ph.floppy-disk", "Save all measurements as CSV …", self._ask_marks)
        self.delete = small_button("ph.trash", "Delete the selected measurement (Del)", self._delete)
        return _row(self.marks_title, self.copy, self.save, self.delete)

    def _labels_row(self) -> QHBoxLayout:
        self.labels_title = label("Labels", "heading")
        self.copy_labels_button = small_button("ph.copy", "Copy the table of labels", self.copy_labels)
        self.save_labels = small_button("ph.floppy-disk", "Save the table of labels as CSV …", self._ask_labels)
        self.enlarge = small_button("ph.arrows-out-simple", "Show the table in a window of its own", self.show_large)
        return _row(self.labels_title, self.copy_labels_button, self.save_labels, self.enlarge)

    # -- asked ----------------------------------------------------------------------------------------------------

    def copy_marks(self) -> None:
        """Put all measurements on the clipboard, their cells apart by tabs."""
        head, rows = self._measuring.table()
        text = io.StringIO()
        writer = csv.writer(text, delimiter="\t", lineterminator="\n")
        writer.writerow(head)
        writer.writerows([["" if cell is None else cell for cell in row] for row in rows])
        QGuiApplication.clipboard().setText(text.getvalue())
        self._measuring.desk.tell(f"{len(self._store.state.marks)} measurements copied")

    def save_marks(self, path: Path) -> None:
        """Write all measurements as CSV."""
        try:
            ROOMS["write table"](*self._measuring.table(), path)
        except Refused as refusal:
            self._measuring.desk.tell(f"{refusal.thing}: {refusal.fault}", "error", refusal.remedy)
            return
        self._measuring.desk.tell(f"Saved as {path}")

    def copy_labels(self) -> None:
        """Put the table of labels on the clipboard, as it is sorted."""
        QGuiApplication.clipboard().setText(self.table.text())
        self._measuring.desk.tell(f"{len(self.labels.rows)} labels copied")

    def show_large(self) -> None:
        """Show the table in a window of its own, beside the panes."""
        dialog = self.large = QDialog(self._viewer.widget())
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle("Labels")
        dialog.resize(860, 600)
        table = LabelTable()
        table.wanted.connect(self._go_label)
        table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        column = QVBoxLayout(dialog)
        column.addWidget(table)
        dialog.destroyed.connect(self._shrunk)
        dialog.table = table  # type: ignore[attr-defined]
        self._show_table()
        dialog.show()

    def _shrunk(self) -> None:
        self.large = None

    def _ask_marks(self) -> None:
        place, _ = QFileDialog.getSaveFileName(self, "Save measurements", "measurements.csv", TABLES)
        if place:
            self.save_marks(Path(place))

    def _ask_labels(self) -> None:
        layer = self._layer()
        place, _ = QFileDialog.getSaveFileName(self, "Save table of labels", "labels.csv", TABLES)
        if place and layer is not None:
            self.labels.save(layer, Path(place))

    def _delete(self) -> None:
        if self._measuring.selected is not None:
            self._measuring.remove(self._measuring.selected)

    def _go_label(self, value: int) -> None:
        number = labels_shown(self._store.state)
        if number is not None:
            self._viewer.layers.go(number, value)

    def _renamed(self, item: QTableWidgetItem) -> None:
        if item.column() == 0:
            self._measuring.rename(self._number(item), item.text())

    def eventFilter(self, watched: object, event: QEvent) -> bool:
        """Delete the selected measurement by a key."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Delete:
            self._delete()
            return True
        return False

    def _number(self, item: QTableWidgetItem) -> int:
        first = self.marks.item(item.row(), 0)
        return 0 if first is None else int(first.data(Qt.ItemDataRole.UserRole))

    # -- shown ----------------------------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        """Measure what is looked at."""
        super().showEvent(event)
        self._show(self._store.state)

    def _told(self, old: Scene, new: Scene) -> None:
        if self.isVisible() and (old.marks, old.layers, old.active, old.frame) != (
            new.marks, new.layers, new.active, new.frame,
        ):  # fmt: skip
            self._show(new)

    def _layer(self) -> Layer | None:
        number = labels_shown(self._store.state)
        return None if number is None else self._store.state.layers[number]

    def _show(self, scene: Scene) -> None:
        self.show_marks()
        layer = self._layer()
        for widget in (self.labels_title, self.table, self.copy_labels_button, self.save_labels, self.enlarge):
            widget.setVisible(layer is not None)
        if layer is not None and self.isVisible():
            self.labels.look(layer, scene)

    def show_marks(self) -> None:
        """Show what was measured."""
        marks, names = self._store.state.marks, [one.name for one in self._measuring.images()]
        signs = {tool.KIND: tool.ICON for tool in self._measuring.drawing}
        self.marks.blockSignals(True)
        self.marks.setRowCount(len(marks))
        for row, mark in enumerate(marks):
            title = QTableWidgetItem(icon(signs[mark.kind]), self._measuring.title(mark))
            title.setData(Qt.ItemDataRole.UserRole, mark.number)
            value = QTableWidgetItem(short(self._measuring.found(mark), names))
            value.setFlags(value.flags() & ~Qt.ItemFlag.ItemIsEditable)
            value.setToolTip(value.text())
            self.marks.setItem(row, 0, title)
            self.marks.setItem(row, 1, value)
            if mark.number == self._measuring.selected:
                self.marks.selectRow(row)
        if self._measuring.selected is None:
            self.marks.clearSelection()
        self.marks.blockSignals(False)
        self.marks.setFixedHeight(min(max(len(marks), 1), MOST_ROWS) * ROW_PX + 4)
        for widget in (self.marks, self.marks_title, self.copy, self.save, self.delete):
            widget.setVisible(bool(marks))
        self.hint.setVisible(not marks)
        self.delete.setEnabled(self._measuring.selected is not None)

    def _show_table(self) -> None:
        layer, volume = self._layer(), self.labels.volume
        if layer is None or volume is None:
            return
        unit = "" if self.labels.image is None else self.labels.image.unit
        large = None if self.large is None else getattr(self.large, "table", None)
        for table in (self.table, large):
            if isinstance(table, LabelTable):
                table.show_rows(self.labels.rows, layer.labels, volume, unit)
        rows = min(max(len(self.labels.rows), 1), TABLE_ROWS)
        self.table.setFixedHeight(rows * 24 + self.table.horizontalHeader().sizeHint().height() + 18)
        self.labels_title.setText(f"{len(self.labels.rows)} labels")


def _row(title: QLabel, *buttons: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(2)
    row.addWidget(title, 1)
    for button in buttons:
        row.addWidget(button)
    return row
