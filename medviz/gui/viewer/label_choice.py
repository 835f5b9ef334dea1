"""Which labels of a layer: a list to tick, with all and none."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QListWidget, QListWidgetItem, QPushButton, QVBoxLayout, QWidget

from medviz.gui.viewer.cards import label
from medviz.imaging.labels import Label

SWATCH_PX = 12


class LabelChoice(QWidget):
    """Ticked are those that are wanted, at first all. `changed` when a hand ticks."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.count = label("", "dim")
        self.list = QListWidget()
        self.list.setAccessibleName("Labels")
        self.list.setToolTip("Only ticked labels are exported  (Space ticks)")
        self.list.setIconSize(QSize(SWATCH_PX, SWATCH_PX))
        self.list.setMinimumHeight(72)
        self.list.itemChanged.connect(lambda item: self._tell())
        self.all, self.none = QPushButton("All"), QPushButton("None")
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.count, 1)
        for button, words, state in (
            (self.all, "Tick every label", Qt.CheckState.Checked),
            (self.none, "Tick none", Qt.CheckState.Unchecked),
        ):
            button.setProperty("look", "quiet")
            button.setToolTip(words)
            button.setAccessibleName(words)
            button.clicked.connect(lambda checked, state=state: self._set(state))
            row.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(self.list, 1)
        self._shown: tuple[Label, ...] = ()

    def show_labels(self, labels: tuple[Label, ...]) -> None:
        """List labels, all ticked; those that are listed already keep their ticks."""
        if labels == self._shown:
            return
        self._shown = labels
        self.list.blockSignals(True)
        self.list.clear()
        for one in labels:
            swatch = QPixmap(SWATCH_PX, SWATCH_PX)
            swatch.fill(QColor(*one.colour))
            item = QListWidgetItem(QIcon(swatch), one.name)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Checked)
            item.setToolTip(f"{one.name}, value {one.value}")
            self.list.addItem(item)
        self.list.blockSignals(False)
        self._tell()

    @property
    def values(self) -> tuple[int, ...]:
        """Values of the ticked labels."""
        ticked = (self.list.item(row).checkState() == Qt.CheckState.Checked for row in range(self.list.count()))
        return tuple(one.value for one, tick in zip(self._shown, ticked, strict=True) if tick)

    @property
    def is_all(self) -> bool:
        """Whether every label is ticked."""
        return len(self.values) == len(self._shown)

    def tick(self, value: int, ticked: bool) -> None:
        """Tick one label or not."""
        row = [one.value for one in self._shown].index(value)
        self.list.item(row).setCheckState(Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)

    def _set(self, state: Qt.CheckState) -> None:
        self.list.blockSignals(True)
        for row in range(self.list.count()):
            self.list.item(row).setCheckState(state)
        self.list.blockSignals(False)
        self._tell()

    def _tell(self) -> None:
        total = len(self._shown)
        self.count.setText(f"{len(self.values)} of {total} label{'s' * (total != 1)}")
        self.changed.emit()
