"""The tab of the threshold: which map, against which reference, a slider, and what it leads to."""

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSlider,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from medviz.figures import Curves
from medviz.gui.controls import calm
from medviz.gui.drawing.curves import CurvesView
from medviz.gui.viewer.cards import label

STEPS = 1000
CURVES = {
    "overlap": "Overlap",
    "volume": "Volume",
    "calibration": "Calibration",
    "roc": "ROC",
    "precision": "Precision, recall",
}
ROWS: tuple[tuple[str, str, str], ...] = (
    ("volume", "volume", "Volume of the voxels at or above the threshold"),
    ("pieces", "pieces", "Connected pieces (face to face) at or above the threshold"),
    ("dice", "Dice", "Overlap with the reference"),
    ("sensitivity", "sensitivity", "Share of the reference that is found"),
    ("precision", "precision", "Share of what is found that is right"),
    ("difference", "Δ volume", "Volume less that of the reference"),
    ("hd95", "HD95", "95th percentile of the surface distances; measured when the slider rests. Click: the worst pair"),
)


class ThresholdBox(QWidget):
    """Says what a hand asks for: `chosen` (map, reference, label or frame), `moved` (threshold), `made`, `linked`.

    `shown` comes when the tab is seen, `best` asks for the threshold of the largest Dice, `drawn` for a curve.
    """

    chosen = Signal()
    moved = Signal(float)
    best = Signal()
    made = Signal()
    drawn = Signal(str)
    linked = Signal()
    shown = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.low, self.high = 0.0, 1.0
        self.map = self._picker("probability map", "The layer whose threshold is chosen")
        self.reference = self._picker("reference", "The label layer it is held against, if there is one")
        self.value = self._picker("label of the reference", "The label that the map stands for")
        self.frame = QSpinBox()
        self.frame.setPrefix("class ")
        self.frame.setAccessibleName("class of the map")
        self.frame.setToolTip("Which of the map's frames (classes)")
        self.frame.valueChanged.connect(self.chosen)
        calm(self.frame)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, STEPS)
        self.slider.setAccessibleName("threshold")
        self.slider.setToolTip("Threshold: what is at or above it is outlined")
        calm(self.slider)
        self.slider.valueChanged.connect(lambda place: self._move(self.low + (self.high - self.low) * place / STEPS))
        self.spin = QDoubleSpinBox()
        self.spin.setDecimals(3)
        self.spin.setSingleStep(0.01)
        self.spin.setAccessibleName("threshold")
        self.spin.setToolTip("Threshold: what is at or above it is outlined")
        self.spin.valueChanged.connect(self._move)
        calm(self.spin)
        self.cells: dict[str, QLabel] = {}
        self.hint = label("", "dim", wrap=True)
        self.note = label("", "dim", wrap=True)
        self.results = QWidget()
        self._lay_out()

    def _picker(self, name: str, hint: str) -> QComboBox:
        made = QComboBox()
        made.setAccessibleName(name)
        made.setToolTip(hint)
        made.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        made.setMinimumContentsLength(6)
        made.activated.connect(self.chosen)
        calm(made)
        return made

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 8)
        column.setSpacing(6)
        grid = QGridLayout()
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(1, 1)
        pairs = (("Map", self.map, self.frame), ("Reference", self.reference, self.value))
        for number, (word, layer, which) in enumerate(pairs):
            both = QHBoxLayout()
            both.addWidget(layer, 3)
            both.addWidget(which, 2)
            grid.addWidget(label(word, "dim"), number, 0)
            grid.addLayout(both, number, 1)
        column.addLayout(grid)
        column.addWidget(self.hint)
        column.addWidget(self.results)
        column.addStretch(1)
        inside = QVBoxLayout(self.results)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(6)
        row = QHBoxLayout()
        row.addWidget(self.slider, 1)
        row.addWidget(self.spin)
        inside.addLayout(row)
        inside.addLayout(self._numbers())
        inside.addLayout(self._buttons())
        self.view = CurvesView()
        self.view.setMinimumHeight(190)
        inside.addWidget(self.view)
        inside.addWidget(self.note)

    def _numbers(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(2)
        for column in (1, 3):
            grid.setColumnStretch(column, 1)
        for number, (key, word, hint) in enumerate(ROWS):
            row, side = divmod(number, 2)
            name, cell = label(word, "dim"), label("–")
            cell.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            cell.setAccessibleName(word)
            for widget in (name, cell):
                widget.setToolTip(hint)
            grid.addWidget(name, row, 2 * side)
            grid.addWidget(cell, row, 2 * side + 1)
            self.cells[key] = cell
        link = self.cells["hd95"]
        link.setTextFormat(Qt.TextFormat.RichText)
        link.linkActivated.connect(self.linked)
        link.setTextInteractionFlags(
            Qt.TextInteractionFlag.LinksAccessibleByMouse | Qt.TextInteractionFlag.LinksAccessibleByKeyboard
        )
        return grid

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(6)
        self.to_best = QPushButton("Best Dice")
        self.to_best.setToolTip("Take the threshold at which the overlap with the reference is largest")
        self.to_best.clicked.connect(self.best)
        make = QPushButton("Make labels")
        make.setToolTip("Make a layer of labels of what is at or above the threshold: proposed, to accept or reject")
        make.clicked.connect(self.made)
        self.curves = QComboBox()
        self.curves.setAccessibleName("curve")
        self.curves.setToolTip("Which curve is drawn")
        self.curves.activated.connect(lambda: self.drawn.emit(self.curve))
        calm(self.curves)
        row.addWidget(self.to_best)
        row.addWidget(make)
        row.addStretch(1)
        row.addWidget(self.curves)
        return row

    # -- shown --------------------------------------------------------------------------------------------------

    def show_choice(
        self,
        maps: tuple[Sequence[str], int | None],
        references: tuple[Sequence[str], int | None],
        values: tuple[Sequence[str], int | None],
        frames: tuple[int, int],
    ) -> None:
        """List what can be chosen, each with the number of what is; `frames` is how many there are, and which."""
        for picker, (names, number) in ((self.map, maps), (self.reference, references), (self.value, values)):
            with QSignalBlocker(picker):
                picker.clear()
                picker.addItems(list(names))
                picker.setCurrentIndex(-1 if number is None else number)
        self.map.setEnabled(bool(maps[0]))
        self.value.setVisible(references[1] not in (None, 0) and len(values[0]) > 1)
        with QSignalBlocker(self.frame):
            self.frame.setRange(0, max(0, frames[0] - 1))
            self.frame.setValue(frames[1])
        self.frame.setVisible(frames[0] > 1)
        self.hint.setVisible(not maps[0])
        self.hint.setText("Open a probability map over the scan (or make a layer one: its menu, “probability”).")

    def show_state(self, words: str, ready: bool) -> None:
        """Show whether the numbers are there, else why not."""
        self.results.setVisible(ready)
        if words:
            self.hint.setText(words)
            self.hint.setVisible(True)

    def show_range(self, low: float, high: float, threshold: float) -> None:
        """Set the ends of the slider, and where it stands."""
        self.low, self.high = low, high
        digits = 3 if high - low <= 10 else 1
        with QSignalBlocker(self.spin):
            self.spin.setDecimals(digits)
            self.spin.setSingleStep((high - low) / 100)
            self.spin.setRange(low, high)
        self.show_threshold(threshold)

    def show_threshold(self, threshold: float) -> None:
        """Show where the threshold stands."""
        with QSignalBlocker(self.spin), QSignalBlocker(self.slider):
            self.spin.setValue(threshold)
            self.slider.setValue(round(STEPS * (threshold - self.low) / ((self.high - self.low) or 1.0)))

    def show_numbers(self, words: dict[str, str]) -> None:
        """Write the numbers; what is not given becomes "–"."""
        for key, cell in self.cells.items():
            cell.setText(words.get(key, "–"))

    def show_number(self, key: str, words: str) -> None:
        """Write one of them."""
        self.cells[key].setText(words)

    @property
    def curve(self) -> str:
        """Name of the curve that is wanted."""
        return str(self.curves.currentData() or "")

    def show_curves(self, names: Sequence[str], note: str) -> None:
        """Offer the curves; the one that was drawn stays chosen where it is still there."""
        drawn = self.curve
        with QSignalBlocker(self.curves):
            self.curves.clear()
            for name in names:
                self.curves.addItem(CURVES[name], name)
            self.curves.setCurrentIndex(max(0, self.curves.findData(drawn)))
        self.to_best.setVisible("overlap" in names)
        self.note.setText(note)
        self.note.setVisible(bool(note))

    def show_figure(self, figure: Curves) -> None:
        """Draw a curve."""
        self.view.show_figure(figure)

    def _move(self, threshold: float) -> None:
        self.show_threshold(threshold)
        self.moved.emit(threshold)

    def showEvent(self, event: QShowEvent) -> None:
        """Say that somebody looks."""
        super().showEvent(event)
        self.shown.emit()

    def sizeHint(self) -> QSize:
        """Ask for room."""
        return QSize(300, 460)
