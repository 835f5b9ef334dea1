"""The wide side of a comparison, below the panes or on a screen of its own: all numbers, all errors, the matrix."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from PySide6.QtCore import QPointF, QSize, Qt, Signal
from PySide6.QtGui import QCloseEvent, QMouseEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QTabWidget, QToolButton, QVBoxLayout, QWidget

from medviz.gui.drawing.heatmap import HeatmapView
from medviz.gui.icons import icon
from medviz.gui.status import Elided
from medviz.gui.viewer.comparison_table import Colour, ComparisonModel, ComparisonTable
from medviz.gui.viewer.error_table import ErrorTable
from medviz.imaging.judging.matrix import matrix
from medviz.imaging.judging.results import Comparison
from medviz.imaging.labels import default_colour

USUAL_PX, LEAST_PX, FEW_PX, FEW_ROWS = 260, 140, 184, 5


class Matrix(HeatmapView):
    """The confusion matrix; `picked` (row, column) comes from a click on a cell."""

    picked = Signal(int, int)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Tell which cell was clicked."""
        super().mousePressEvent(event)
        cell = self.grid.cell_at(event.position().x(), event.position().y())
        if cell is not None and event.button() == Qt.MouseButton.LeftButton:
            self.picked.emit(*cell)


class Handle(QFrame):
    """The upper edge, by which the sheet is made higher or lower."""

    def __init__(self, sheet: "ComparisonSheet") -> None:
        super().__init__(sheet)
        self._sheet, self._from = sheet, QPointF()
        self._high = 0
        self.setFixedHeight(5)
        self.setCursor(Qt.CursorShape.SplitVCursor)
        self.setToolTip("Drag to make the table higher or lower")

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold."""
        self._from, self._high = event.globalPosition(), self._sheet.height()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the hand."""
        if event.buttons() & Qt.MouseButton.LeftButton and not self._sheet.floats:
            moved = self._from.y() - event.globalPosition().y()
            parent = self._sheet.parentWidget()
            most = parent.height() * 3 // 4 if parent is not None else 10 * USUAL_PX
            self._sheet.setFixedHeight(int(min(max(self._high + moved, LEAST_PX), most)))


class ComparisonSheet(QWidget):
    """Stands at the foot of the page, or floats.

    `wanted` (label, number), `picked` (error), `stepped` (+1, -1), `confused` (predicted, meant) and `closed` come from
    a hand.
    """

    wanted = Signal(int, str)
    picked = Signal(int)
    stepped = Signal(int)
    confused = Signal(int, int)
    closed = Signal()

    def __init__(self, model: ComparisonModel, page: QWidget) -> None:
        super().__init__(page)
        self._page = page
        self.floats = False
        self._fresh = True
        self.setProperty("look", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName("comparison")
        self.setWindowTitle("Comparison")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(USUAL_PX)
        self.table = ComparisonTable(model)
        self.table.wanted.connect(self.wanted)
        self.errors = ErrorTable()
        self.errors.wanted.connect(self.picked)
        self.table.stepped.connect(self.stepped)
        self.errors.stepped.connect(self.stepped)
        self.matrix = Matrix()
        self.matrix.picked.connect(self._confused)
        self._values: tuple[int, ...] = ()
        self.title = Elided("what is compared")
        self.title.setProperty("look", "dim")
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.tabBar().setDrawBase(False)
        self.tabs.addTab(self.table, "Labels")
        self.tabs.addTab(self.errors, "Errors")
        self.tabs.addTab(_framed(self.matrix), "Confusion")
        for number, hint in enumerate(("All numbers, a row a label", "Single errors", "What was taken for what")):
            self.tabs.setTabToolTip(number, hint)
        self.tabs.setCornerWidget(self._corner())
        self.handle = Handle(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.handle)
        column.addWidget(self.tabs, 1)

    def _corner(self) -> QWidget:
        made = QWidget()
        row = QHBoxLayout(made)
        row.setContentsMargins(8, 0, 8, 0)
        row.setSpacing(4)
        row.addWidget(self.title)
        for name, hint, act in (
            (
                "ph.arrow-square-out",
                "Float on its own; again: back below the panes",
                self.float_or_dock,
            ),
            ("ph.x", "Close", self.close),
        ):
            button = QToolButton()
            button.setProperty("look", "quiet")
            button.setIcon(icon(name, "dim"))
            button.setIconSize(QSize(16, 16))
            button.setToolTip(hint)
            button.setAccessibleName(hint)
            button.clicked.connect(partial(_call, act))
            row.addWidget(button)
        return made

    def show_comparison(self, found: Comparison, colours: Mapping[int, Colour], title: str) -> None:
        """Show a comparison; the rows of the table come with the model."""
        self.title.write(title)
        self.errors.errors.show_comparison(found, lambda value: colours.get(value) or default_colour(value))
        more = f" of {len(found.errors) + found.left_out:,}".replace(",", "\u202f") if found.left_out else ""
        self.tabs.setTabText(1, f"Errors ({len(found.errors)}{more})")
        if self._fresh and not self.floats and len(found.rows) < FEW_ROWS:
            self.setFixedHeight(FEW_PX)
        self._fresh = False
        figure, self._values = matrix(found)
        self.matrix.show_figure(figure)

    def float_or_dock(self) -> None:
        """Stand on its own, or below the panes again."""
        self.floats = not self.floats
        seen, high = self.isVisible() or self.floats, max(self.height(), USUAL_PX)
        layout = self._page.layout()
        if self.floats:
            if layout is not None:
                layout.removeWidget(self)
            self.setMinimumHeight(LEAST_PX)
            self.setMaximumHeight(16777215)
            self.setWindowFlags(Qt.WindowType.Window)
            self.resize(max(900, self._page.width() * 3 // 4), max(420, high))
        else:
            self.setWindowFlags(Qt.WindowType.Widget)
            self.setFixedHeight(USUAL_PX)
            if layout is not None:
                layout.addWidget(self)
        self.handle.setVisible(not self.floats)
        self.setVisible(seen)

    def _confused(self, row: int, column: int) -> None:
        if row < len(self._values) and column < len(self._values):
            self.confused.emit(self._values[row], self._values[column])

    def closeEvent(self, event: QCloseEvent) -> None:
        """Say so; it is only hidden."""
        super().closeEvent(event)
        self.closed.emit()


def _framed(inside: QWidget) -> QWidget:
    """Keep what paints itself off the edge."""
    made = QWidget()
    column = QVBoxLayout(made)
    column.setContentsMargins(12, 6, 12, 6)
    column.addWidget(inside)
    return made


def _call(act: Any, checked: bool = False) -> None:
    act()
