"""The tab that looks inside a network: which maps, of which layer and class, and what if a part were different."""

from collections.abc import Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QSlider,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from medviz.gui.controls import calm
from medviz.gui.icons import icon
from medviz.gui.services import Asked
from medviz.gui.status import Elided
from medviz.gui.viewer.cards import label
from medviz.gui.viewer.layer_controls import shrink
from medviz.gui.viewer.tool_buttons import small_button
from medviz.gui.waiting import Waiting
from medviz.imaging.changing import CHANGES

WHAT: Mapping[str, str] = {
    "features": "feature maps",
    "gradcam": "Grad-CAM",
    "occlusion": "occlusion",
    "saliency": "saliency",
    "gradients": "integrated gradients",
}
MEANS: Mapping[str, str] = {
    "features": "What a layer puts out; point at a place to see what it answers to.",
    "gradcam": "Where the layer's features speak for the class.",
    "occlusion": "How much the class loses where a window is covered.",
    "saliency": "How much the class changes with each voxel.",
    "gradients": "What each voxel adds to the class.",
}
LAYERED = ("features", "gradcam")
MINUS = "\N{MINUS SIGN}"


class InsideBox(QWidget):
    """Says `wanted` (show it), `turned` (another map of the same layer), `cancelled`, `shown` (the tab came up).

    Of the change: `painting` (take the tip up or put it down), `undone` (the scan as it is again).
    """

    wanted = Signal()
    turned = Signal(int)
    cancelled = Signal()
    shown = Signal()
    chosen = Signal()
    painting = Signal(bool)
    undone = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.model = Elided("model that is looked into")
        self.model.setProperty("look", "dim")
        self.what = self._picker("what is shown", "What is asked of the network", tuple(WHAT.items()))
        self.layer = self._picker("layer", "The layer that is looked into; deep ones are coarse", ())
        self.label = self._picker("class", "The class that it is about", ())
        self.map, self.number = QSlider(Qt.Orientation.Horizontal), QSpinBox()
        self.follow = QCheckBox("Follow the cross-hair")
        self.follow.setToolTip("Ask again wherever the cross-hair comes to rest")
        self.show_button = QPushButton(icon("ph.eye"), "Lay it over the scan")
        self.show_button.setToolTip("Ask the network here, and lay what comes out over the scan where it lies")
        self.show_button.clicked.connect(self.wanted)
        self.waiting = Waiting("progress of looking inside", "Stop; what is shown stays")
        self.waiting.cancelled.connect(self.cancelled)
        self.means, self.note = label("", "dim", wrap=True), label("", "dim", wrap=True)
        self.how = self._picker("what comes in its place", "What the painted part becomes", tuple(CHANGES.items()))
        self.reach = QDoubleSpinBox()
        self.reach.setRange(1.0, 100.0)
        self.reach.setValue(8.0)
        self.reach.setSuffix(" mm")
        self.reach.setAccessibleName("radius of the tip")
        self.reach.setToolTip("Radius of the ball that is painted with (Ctrl+wheel)")
        self.reach.setDecimals(1)
        self.reach.setAlignment(Qt.AlignmentFlag.AlignRight)
        calm(self.reach)
        self.paint = QPushButton(icon("ph.paint-brush"), "Paint")
        self.paint.setCheckable(True)
        self.paint.setToolTip("Paint on a copy of the scan; the model answers anew when the button is let go")
        self.paint.toggled.connect(self.painting)
        self.undo = small_button(
            "ph.arrow-u-up-left", "Forget what was painted; the scan never changed", self.undone.emit
        )
        self.answer = QGridLayout()
        self.said = label("", "dim", wrap=True)
        self._lay_out()

    def _picker(self, name: str, hint: str, options: tuple[tuple[str, str], ...]) -> QComboBox:
        made = QComboBox()
        made.setAccessibleName(name)
        made.setToolTip(hint)
        shrink(made)
        made.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        calm(made)
        for value, words in options:
            made.addItem(words, value)
        made.activated.connect(self._arrange)
        made.activated.connect(self.chosen)
        return made

    def _lay_out(self) -> None:
        self.map.setAccessibleName("number of the map")
        self.map.setToolTip("Which of the layer's maps")
        self.number.setAccessibleName("number of the map")
        self.number.setToolTip("Which of the layer's maps")
        calm(self.map)
        self.number.setAlignment(Qt.AlignmentFlag.AlignRight)
        calm(self.number)
        self.number.valueChanged.connect(self.map.setValue)
        self.map.valueChanged.connect(self.number.setValue)
        self.map.valueChanged.connect(self.turned)
        both = QHBoxLayout()
        both.addWidget(self.map, 1)
        both.addWidget(self.number)
        self.maps = QWidget()
        self.maps.setLayout(both)
        both.setContentsMargins(0, 0, 0, 0)
        self.form = QFormLayout()
        self.form.setContentsMargins(0, 0, 0, 0)
        self.form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        for word, widget in (("Show", self.what), ("Layer", self.layer), ("Class", self.label), ("Map", self.maps)):
            self.form.addRow(label(word, "dim"), widget)
        tip = QHBoxLayout()
        tip.addWidget(self.paint, 1)
        tip.addWidget(self.reach)
        tip.addWidget(self.undo)
        self.answer.setHorizontalSpacing(10)
        self.answer.setColumnStretch(0, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 8)
        column.setSpacing(6)
        column.addWidget(self.model)
        column.addLayout(self.form)
        column.addWidget(self.means)
        column.addWidget(self.show_button)
        column.addWidget(self.follow)
        column.addWidget(self.waiting)
        column.addWidget(self.note)
        column.addSpacing(6)
        column.addWidget(label("What if a part were different?", "heading"))
        column.addWidget(self.how)
        column.addLayout(tip)
        column.addWidget(self.said)
        column.addLayout(self.answer)
        column.addStretch(1)
        self._arrange()

    def _arrange(self) -> None:
        what = self.what.currentData()
        self.means.setText(MEANS[what])
        self.form.setRowVisible(self.layer, what in LAYERED)
        self.form.setRowVisible(self.label, what != "features")
        self.form.setRowVisible(self.maps, what == "features" and self.number.maximum() > 0)

    @property
    def asked(self) -> Asked:
        """What is chosen."""
        return Asked(self.what.currentData(), self.layer.currentData() or "", self.label.currentData() or 1)

    def show_model(self, title: str, labels: tuple[str, ...]) -> None:
        """Show which model it is, and its classes."""
        self.model.write(f"of {title}" if title else "Choose a model in the tab Model first")
        before = self.label.currentIndex()
        self.label.clear()
        for value, name in enumerate(labels, start=1):
            self.label.addItem(name, value)
        self.label.setCurrentIndex(before if 0 <= before < len(labels) else 0)

    def show_layers(self, layers: tuple[tuple[str, str], ...]) -> None:
        """List the layers; the one that was chosen stays chosen where it is still there."""
        before = self.layer.currentData()
        self.layer.clear()
        for name, kind in layers:
            self.layer.addItem(f"{name}   {kind}", name)
        last = next((k for k in reversed(range(len(layers))) if layers[k][1].startswith("Conv")), 0)
        found = self.layer.findData(before)
        self.layer.setCurrentIndex(found if found >= 0 else last)

    def show_maps(self, count: int) -> None:
        """Let a person turn through so many maps."""
        self.map.setRange(0, max(0, count - 1))
        self.number.setRange(0, max(0, count - 1))
        self._arrange()

    def show_ready(self, scan: bool, model: bool, busy: bool) -> None:
        """Enable what can be done now."""
        for button in (self.show_button, self.paint):
            button.setEnabled(scan and model and not busy)

    def show_answer(self, rows: tuple[tuple[str, str, str, str], ...], said: str) -> None:
        """Show what the model says of the changed scan, a row a class: name, before, after, change."""
        while (item := self.answer.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        heads = (("class", "as it is", "changed", "Δ"),) if rows else ()
        for row, words in enumerate((*heads, *rows)):
            for column, word in enumerate(words):
                cell = label(word, "dim" if row == 0 else "")
                if column:
                    cell.setAlignment(Qt.AlignmentFlag.AlignRight)
                self.answer.addWidget(cell, row, column)
        self.said.setText(said)
        self.undo.setEnabled(bool(rows))

    def showEvent(self, event: QShowEvent) -> None:
        """Tell that the tab came up."""
        super().showEvent(event)
        self.shown.emit()
