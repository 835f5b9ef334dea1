"""Which case of the story is seen, and how: outline, filled, the probability of a class, or the errors."""

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLabel, QSlider, QVBoxLayout, QWidget

from medviz.gui.controls import calm
from medviz.gui.story.look import WAYS, Look

NARROW_PX = 520
WORDS = {"outline": "Outline", "filled": "Filled", "probability": "Probability", "error": "Errors"}
LEGEND = ("Grey: right. Orange: too much, only predicted. Blue: missing, only in the reference. Yellow: another class "
          "predicted.")  # fmt: skip


class LookBar(QWidget):
    """`looked` (Look) comes when a hand changed how, `case_chosen` (place) when it chose a case."""

    looked = Signal(object)
    case_chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.look = Look()
        self.case, self.how, self.value = QComboBox(), QComboBox(), QComboBox()
        self.reference = QCheckBox("Reference")
        self.reference.setChecked(True)
        self.reference.setToolTip("Draw the reference as a white line")
        self.opacity = QSlider(Qt.Orientation.Horizontal)
        self.opacity.setRange(1, 10)
        self.opacity.setValue(6)
        self.opacity.setFixedWidth(64)
        self.opacity.setAccessibleName("opacity of the prediction")
        self.opacity.setToolTip("How opaque the prediction is drawn ([ and ])")
        self.case.setAccessibleName("case")
        self.case.setToolTip("Which of the held-out scans is shown; training never sees them")
        self.how.setAccessibleName("how the prediction is drawn")
        self.how.setToolTip(f"How the prediction is drawn (O). {LEGEND}")
        self.how.addItems([WORDS[way] for way in WAYS])
        self.value.setAccessibleName("class whose probability is seen")
        self.value.setToolTip("The class whose probability is seen")
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(6)
        row, self._second = QHBoxLayout(), QHBoxLayout()
        for one in (row, self._second):
            one.setSpacing(8)
            whole.addLayout(one)
        self._row = row
        for widget in (self.case, self.how, self.value):
            widget.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
            calm(widget)
            row.addWidget(widget)
        row.addWidget(self.reference)
        row.addStretch(1)
        self.legend = QLabel(legend_text())
        self.legend.setProperty("look", "small")
        self.legend.setToolTip(LEGEND)
        row.addWidget(self.legend)
        row.addWidget(self.opacity)
        self._narrow = self._folded = False
        self._voxels = True
        self.case.activated.connect(self.case_chosen)
        self.how.activated.connect(lambda number: self._turn(how=WAYS[number]))
        self.value.activated.connect(lambda number: self._turn(value=number + 1))
        self.reference.toggled.connect(lambda on: self._turn(reference=on))
        self.opacity.valueChanged.connect(lambda tenths: self._turn(opacity=tenths / 10))
        self._show()

    def show_story(self, kind: str, classes: Sequence[str], cases: int, place: int) -> None:
        """Offer the cases and classes of a story."""
        self._voxels = kind == "labels"
        name = "Case" if self._voxels else "Picture"
        _fill(self.case, [f"{name} {number + 1}" for number in range(cases)], place)
        _fill(self.value, list(classes), self.look.value - 1)
        if self._voxels and self.look.value > max(1, len(classes)):
            self.look = replace(self.look, value=1)
        self._show()

    def allow(self, reference: bool) -> None:
        """Offer the reference and the errors only where there is one."""
        self.reference.setEnabled(reference)
        model = self.how.model()
        model.setData(model.index(WAYS.index("error"), 0), None if reference else 0, Qt.ItemDataRole.UserRole - 1)
        if not reference and self.look.how == "error":
            self._turn(how="outline")

    def fold(self) -> None:
        """Stand in two rows, for a narrow panel."""
        for widget in (self.value, self.reference, self.legend):
            self._row.removeWidget(widget)
            self._second.addWidget(widget)
        self._second.addStretch(1)
        self._folded = True

    def next_way(self) -> None:
        """Draw it in the next way."""
        ways = [way for way in WAYS if way != "error" or self.reference.isEnabled()]
        self._turn(how=ways[(ways.index(self.look.how) + 1) % len(ways)])

    def more_opaque(self, tenths: int) -> None:
        """Draw it more or less opaque."""
        self.opacity.setValue(self.opacity.value() + tenths)

    def narrow(self, width: int) -> None:
        """Leave out what can be reached by keys where there is no room."""
        self._narrow = width < NARROW_PX and not self._folded
        self._show()

    def _turn(self, **fields: object) -> None:
        self.look = replace(self.look, **fields)  # type: ignore[arg-type]
        self._show()
        self.looked.emit(self.look)

    def _show(self) -> None:
        self.how.setCurrentIndex(WAYS.index(self.look.how))
        errors = self.look.how == "error"
        self.value.setVisible(self._voxels and self.look.how == "probability")
        self.reference.setVisible(self._voxels and not errors)
        self.legend.setVisible(self._voxels and errors)
        self.opacity.setVisible(self._voxels and not self._narrow)
        self.how.setVisible(self._voxels)


def legend_text() -> str:
    """What the colours of the errors mean."""
    from_reference = (("rgb(150,150,150)", "right"), ("rgb(230,130,0)", "too much"), ("rgb(86,180,233)", "missing"))
    return " &nbsp;".join(f'<span style="color:{tone}">■</span>&nbsp;{words}' for tone, words in from_reference)


def _fill(box: QComboBox, words: list[str], number: int) -> None:
    if [box.itemText(place) for place in range(box.count())] != words:
        box.clear()
        box.addItems(words)
    box.setCurrentIndex(min(max(number, 0), len(words) - 1))
