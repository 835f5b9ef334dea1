"""The tab in which two label layers are held against each other: which two, the numbers, and the way through errors."""

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, QSize, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from medviz.gui.controls import calm
from medviz.gui.icons import icon
from medviz.gui.job import Job
from medviz.gui.status import Elided
from medviz.gui.viewer.cards import label
from medviz.gui.viewer.comparison_table import ROW_PX, ComparisonModel, ComparisonTable
from medviz.gui.viewer.label_list import MANY, swatch
from medviz.gui.waiting import Waiting
from medviz.imaging.judging.difference import LEGEND
from medviz.imaging.judging.results import SURFACE, TOLERANCE_MM

NARROW = ("name", "dice", "hd95_mm")
MOST_ROWS = 9
LATER_MS = 700


class ComparisonBox(QWidget):
    """Says what a hand asks for: `compared`, `cancelled`, `chosen` (which of the two), `wanted` (label, number).

    `stepped` (+1 next, -1 last error), `everywhere` (errors of all labels again), `toned` (tolerance in mm), `coloured`
    (the difference shown or not), `widened` (the wide table shown or not), `exported`, `browsed`.
    """

    compared = Signal()
    cancelled = Signal()
    chosen = Signal()
    swapped = Signal()
    wanted = Signal(int, str)
    stepped = Signal(int)
    everywhere = Signal()
    toned = Signal(float)
    coloured = Signal(bool)
    widened = Signal(bool)
    exported = Signal()
    browsed = Signal()

    def __init__(self, model: ComparisonModel) -> None:
        super().__init__()
        self.prediction, self.reference = self._picker("prediction"), self._picker("reference")
        self.tolerance = self._tolerance()
        self.button = QPushButton("Compare")
        self.button.setProperty("look", "primary")
        self.button.setToolTip("Measure how well the two agree, label by label, in the background")
        self.button.clicked.connect(self.compared)
        self.hint = label("", "dim", wrap=True)
        self.progress = Waiting("progress of the comparison", "Stop comparing")
        self.progress.cancelled.connect(self.cancelled)
        self.results = QWidget()
        self._rows = 0
        self.summary = label("", wrap=True)
        self.summary.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.stale = QPushButton(icon("ph.arrow-clockwise", "warning"), "Labels have changed: compare again")
        self.stale.setToolTip("Measure what the labels are now")
        self.stale.clicked.connect(self.compared)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Find a label")
        self.search.setAccessibleName("find a label")
        self.search.setClearButtonEnabled(True)
        self.table = ComparisonTable(model, NARROW)
        self.table.wanted.connect(self.wanted)
        self.table.stepped.connect(self.stepped)
        self.search.textChanged.connect(self.table.show_only)
        self._lay_out()

    # -- made ---------------------------------------------------------------------------------------------------

    def _picker(self, name: str) -> QComboBox:
        made = QComboBox()
        made.setAccessibleName(name)
        made.setToolTip(f"The label layer that is the {name}")
        made.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        made.setMinimumContentsLength(8)
        made.activated.connect(self.chosen)
        calm(made)
        return made

    def _tolerance(self) -> QDoubleSpinBox:
        made = QDoubleSpinBox()
        made.setRange(0.0, 50.0)
        made.setSingleStep(0.5)
        made.setDecimals(1)
        made.setSuffix(" mm")
        made.setValue(TOLERANCE_MM)
        made.setAccessibleName("tolerance of the surface overlap in mm")
        made.setToolTip("Tolerance: surfaces closer than this count as one (NSD)")
        calm(made)
        later = self._later = QTimer(self)
        later.setSingleShot(True)
        later.setInterval(LATER_MS)
        later.timeout.connect(lambda: self.toned.emit(made.value()))
        made.valueChanged.connect(lambda: later.start())
        return made

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 8)
        column.setSpacing(6)
        column.addWidget(self._folded())
        column.addWidget(self.choice)
        column.addWidget(self.progress)
        column.addWidget(self.hint)
        column.addWidget(self.results)
        column.addStretch(1)
        inside = QVBoxLayout(self.results)
        inside.setContentsMargins(0, 2, 0, 0)
        inside.setSpacing(6)
        for widget in (self.stale, self._walk(), self.summary, self.search, self.table, self._more()):
            inside.addWidget(widget)
        self.results.hide()
        self.stale.hide()

    def _folded(self) -> QWidget:
        """Make the line that stands for the choice once it is compared: the numbers need the room."""
        self.choice = self._choice()
        made = self.folded = QWidget()
        row = QHBoxLayout(made)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        self.pair = Elided("what is compared", cut=Qt.TextElideMode.ElideMiddle)
        self.pair.setProperty("look", "dim")
        self.change = _tool("ph.caret-right", "Compare others, or within another tolerance")
        self.change.setCheckable(True)
        self.change.toggled.connect(self._unfold)
        row.addWidget(self.change)
        row.addWidget(self.pair, 1)
        made.hide()
        return made

    def _unfold(self, wanted: bool) -> None:
        self.change.setIcon(icon("ph.caret-down" if wanted else "ph.caret-right", "text"))
        self.choice.setVisible(wanted)

    def _choice(self) -> QWidget:
        made = QWidget()
        grid = QGridLayout(made)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(1, 1)
        for number, (word, picker) in enumerate((("Prediction", self.prediction), ("Reference", self.reference))):
            grid.addWidget(label(word, "dim"), number, 0)
            grid.addWidget(picker, number, 1)
        self.swap = _tool("ph.arrows-down-up", "Swap prediction and reference")
        self.swap.clicked.connect(self.swapped)
        self.browse = _tool("ph.folder-open", "Open a label map to compare with (or drop it on the panes)")
        self.browse.clicked.connect(self.browsed)
        grid.addWidget(self.swap, 0, 2)
        grid.addWidget(self.browse, 1, 2)
        tolerance = label("NSD within", "dim")
        tolerance.setToolTip(f"Surface: {SURFACE}")
        grid.addWidget(tolerance, 2, 0)
        row = QHBoxLayout()
        row.addWidget(self.tolerance)
        row.addStretch(1)
        row.addWidget(self.button)
        grid.addLayout(row, 2, 1, 1, 2)
        return made

    def _walk(self) -> QWidget:
        """Make the way through the errors: last, next, and what the one on the screen is."""
        made = QWidget()
        column = QVBoxLayout(made)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        row = QHBoxLayout()
        row.setSpacing(4)
        self.before = _tool("ph.caret-left", "The error before (Shift+E)")
        self.before.clicked.connect(lambda: self.stepped.emit(-1))
        self.after = QPushButton(icon("ph.arrow-right", "text"), "Worst error")
        self.after.setToolTip("Take me to the worst error, then to the next worst (e)")
        self.after.clicked.connect(lambda: self.stepped.emit(1))
        self.count = label("", "dim")
        self.all = QToolButton()
        self.all.setProperty("look", "quiet")
        self.all.setText("all labels")
        self.all.setToolTip("Walk through the errors of all labels again")
        self.all.clicked.connect(self.everywhere)
        for widget in (self.before, self.after, self.count):
            row.addWidget(widget)
        row.addStretch(1)
        self.words = label("", wrap=True)
        self.words.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        column.addLayout(row)
        column.addWidget(self.all, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.words)
        return made

    def _more(self) -> QWidget:
        """Make the row of what else there is: the difference in colour, the wide table, a file."""
        made = QWidget()
        column = QVBoxLayout(made)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        self.colour = QPushButton(icon("ph.circle-half", "text"), "Colour")
        self.colour.setCheckable(True)
        self.colour.setAccessibleName("difference in colour")
        self.colour.setToolTip("Colour what agrees, what is missing and what is too much (d)")
        self.colour.toggled.connect(self.coloured)
        self.wide = QPushButton(icon("ph.table", "text"), "All numbers")
        self.wide.setCheckable(True)
        self.wide.setToolTip("The wide table, the list of errors and the confusion matrix below the panes (Shift+D)")
        self.wide.toggled.connect(self.widened)
        export = QPushButton("CSV…")
        export.setAccessibleName("save as CSV")
        export.setToolTip("Write all numbers as a table, one row a label")
        export.clicked.connect(self.exported)
        row = QHBoxLayout()
        row.setSpacing(6)
        for button in (self.colour, self.wide, export):
            row.addWidget(button)
        row.addStretch(1)
        column.addLayout(row)
        self.legend = QWidget()
        grid = QGridLayout(self.legend)
        grid.setContentsMargins(0, 2, 0, 2)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(2)
        for column_number in (1, 3):
            grid.setColumnStretch(column_number, 1)
        for number, one in enumerate(LEGEND):
            row_number, side = divmod(number, 2)
            spot, name = QLabel(), label(one.name.partition(":")[0], "small")
            spot.setPixmap(swatch(one.colour))
            for widget in (spot, name):
                widget.setToolTip(one.name)
            grid.addWidget(spot, row_number, 2 * side)
            grid.addWidget(name, row_number, 2 * side + 1)
        self.legend.hide()
        column.addWidget(self.legend)
        return made

    # -- shown --------------------------------------------------------------------------------------------------

    def show_layers(self, names: Sequence[str], prediction: int | None, reference: int | None) -> None:
        """List the label layers and say which two are chosen."""
        for picker, number in ((self.prediction, prediction), (self.reference, reference)):
            with QSignalBlocker(picker):
                picker.clear()
                picker.addItems(list(names) or ["no labels yet"])
                picker.setCurrentIndex(-1 if number is None else number)
                picker.setEnabled(bool(names))
        able = prediction is not None and reference is not None and prediction != reference
        self.button.setEnabled(able)
        self.swap.setEnabled(able)
        self.hint.setVisible(not able)
        if len(names) < 2:
            need = "a prediction and a reference" if not names else "one more label map"
            self.hint.setText(f"To compare, open {need}: drop the file on the panes, or run a model.")
        else:
            self.hint.setText("Choose two different layers.")

    def show_progress(self, job: Job | None) -> None:
        """Show how far comparing is; None: it is over."""
        self.progress.show_job(job)
        self.button.setVisible(job is None)

    def show_results(self, summary: str, rows: int, pair: str, stale: bool) -> None:
        """Show what was found of which pair; an empty summary hides it, and the choice stands open again."""
        fresh = bool(summary) and (pair != self.pair.full() or self.results.isHidden())
        self.pair.write(pair)
        self.folded.setVisible(bool(summary))
        if fresh or not summary:
            self.change.setChecked(not summary)
            self._unfold(not summary)
        self.results.setVisible(bool(summary))
        self.summary.setText(summary)
        self.stale.setVisible(stale)
        self._rows = rows
        self._show_table()
        high = max(ROW_PX, self.table.verticalHeader().defaultSectionSize())
        head = self.table.horizontalHeader().sizeHint().height()
        self.table.setFixedHeight(min(max(rows, 1), MOST_ROWS) * high + head + 4)

    def _show_table(self) -> None:
        """Show the narrow table where the wide one is not open."""
        self.table.setVisible(self._rows > 0 and not self.wide.isChecked())
        self.search.setVisible(self._rows >= MANY and not self.wide.isChecked())

    def show_walk(self, place: int | None, many: int, words: str, of: str, more: int = 0) -> None:
        """Show which error of how many is on the screen, and what it is; `of` names the one label walked through.

        `more` small ones are not listed.
        """
        errors = f"{many} error{'s' if many > 1 else ''}" if many else ""
        self.count.setToolTip(f"and {more:,} smaller ones".replace(",", "\u202f") if more else "")
        if more:
            errors = f"the {many} largest errors"
        self.count.setText(errors if place is None else f"{place + 1} of {many}")
        self.after.setText("Next worst" if place is not None else "Worst error")
        self.before.setEnabled(place is not None and place > 0)
        self.after.setEnabled(many > 0 and (place is None or place < many - 1))
        self.words.setText(words or ("" if many else "No error: every voxel agrees."))
        self.words.setVisible(bool(self.words.text()))
        self.all.setText(f"only {of[:28]} ✕")
        self.all.setVisible(bool(of))

    def show_difference(self, shown: bool) -> None:
        """Show whether the difference is coloured."""
        with QSignalBlocker(self.colour):
            self.colour.setChecked(shown)
        self.legend.setVisible(shown)

    def show_wide(self, shown: bool) -> None:
        """Show whether the wide table is open."""
        with QSignalBlocker(self.wide):
            self.wide.setChecked(shown)
        self._show_table()


def _tool(name: str, hint: str) -> QToolButton:
    made = QToolButton()
    made.setProperty("look", "quiet")
    made.setIcon(icon(name, "text"))
    made.setIconSize(QSize(16, 16))
    made.setToolTip(hint)
    made.setAccessibleName(hint)
    return made
