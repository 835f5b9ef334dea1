"""What a model proposes, label by label: each is accepted, rejected or left for later."""

from collections.abc import Mapping

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QToolButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
)

from medviz.gui.controls import calm
from medviz.gui.icons import icon
from medviz.gui.viewer.cards import label
from medviz.gui.viewer.label_list import millilitres, swatch
from medviz.imaging.labels import Label
from medviz.imaging.scene import Layer

MOST_ROWS, ROW_PX = 8, 24
NEW_LAYER = -1
"""Where accepted labels go: into a layer of their own."""


class ProposalBox(QFrame):
    """Lists the proposed labels with a tick each.

    `accepted` (values, number of the layer they go into or NEW_LAYER, whether to go on editing), `rejected` (values)
    and `went` (value) come from a hand.
    """

    accepted = Signal(object, int, bool)
    rejected = Signal(object)
    went = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("look", "card")
        self._labels: tuple[Label, ...] = ()
        self.title = label("Proposed labels")
        self.list = self._made_list()
        self.into = QComboBox()
        self.into.setAccessibleName("layer for accepted labels")
        self.into.setToolTip("The layer that accepted labels go into; a label of the same name there is replaced")
        calm(self.into)
        self.accept = self._button("ph.check", "good", "Keep the ticked labels: one change that can be undone (Ctrl+Z)")
        self.accept.clicked.connect(lambda: self._accept(edit=False))
        self.reject = self._button("ph.x", "bad", "Take the ticked labels of the proposal away")
        self.reject.clicked.connect(lambda: self.rejected.emit(self.ticked))
        self.edit = self._button("ph.paint-brush", "dim", "Keep the ticked labels and go on with the brush")
        self.edit.setAccessibleName("accept and edit")
        self.edit.clicked.connect(lambda: self._accept(edit=True))
        self._lay_out()

    def _button(self, picture: str, colour: str, tip: str) -> QPushButton:
        made = QPushButton()
        made.setIcon(icon(picture, colour))
        made.setToolTip(tip)
        return made

    def _made_list(self) -> QTreeWidget:
        made = QTreeWidget()
        made.setColumnCount(2)
        made.setHeaderHidden(True)
        made.setRootIsDecorated(False)
        made.setUniformRowHeights(True)
        made.setAccessibleName("proposed labels")
        made.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        made.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        made.header().setStretchLastSection(False)
        made.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        made.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        made.setToolTip("Space: tick or untick. Double click: go there.")
        made.itemChanged.connect(lambda item, column: self._words())
        made.itemDoubleClicked.connect(lambda item, column: self.went.emit(int(item.data(0, Qt.ItemDataRole.UserRole))))
        return made

    def _lay_out(self) -> None:
        head, target, buttons = QHBoxLayout(), QHBoxLayout(), QHBoxLayout()
        head.addWidget(self.title, 1)
        for words, on in (("all", True), ("none", False)):
            link = QToolButton()
            link.setText(words)
            link.setProperty("look", "quiet")
            link.setToolTip(f"Tick {words} of the labels")
            link.clicked.connect(lambda checked=False, on=on: self.tick(on))
            head.addWidget(link)
        target.addWidget(label("into", "small"))
        target.addWidget(self.into, 1)
        for button in (self.accept, self.reject, self.edit):
            buttons.addWidget(button, {self.accept: 2, self.reject: 1}.get(button, 0))
        buttons.setSpacing(6)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 8, 10, 10)
        column.setSpacing(6)
        column.addLayout(head)
        column.addWidget(self.list)
        column.addLayout(target)
        column.addLayout(buttons)
        self._words()

    @property
    def ticked(self) -> frozenset[int]:
        """Values of the labels that are ticked."""
        return frozenset(
            int(one.data(0, Qt.ItemDataRole.UserRole))
            for one in self._items()
            if one.checkState(0) == Qt.CheckState.Checked
        )

    def tick(self, on: bool, values: frozenset[int] | None = None) -> None:
        """Tick or untick all labels, or those of these values."""
        for item in self._items():
            if values is None or int(item.data(0, Qt.ItemDataRole.UserRole)) in values:
                item.setCheckState(0, Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)

    def show_proposal(
        self, layer: Layer, counts: Mapping[int, int] | None, layers: tuple[tuple[int, str], ...], chosen: int
    ) -> None:
        """Show a proposal; `layers` are those it may go into, as (number, name), `chosen` the one that is proposed."""
        there = tuple(one for one in layer.labels if counts is None or counts.get(one.value, 0))
        if there != self._labels or self.list.topLevelItemCount() != len(there):
            self._fill(there)
        ml = layer.volume.voxel_ml if layer.volume.calibrated else None
        for item, one in zip(self._items(), there, strict=True):
            voxels = None if counts is None else counts.get(one.value, 0)
            item.setText(
                1, "…" if voxels is None else f"{voxels} voxels" if ml is None else f"{millilitres(voxels * ml)} ml"
            )
        wanted = ((NEW_LAYER, "a new layer"), *layers)
        if wanted != tuple((self.into.itemData(k), self.into.itemText(k)) for k in range(self.into.count())):
            self.into.clear()
            for number, name in wanted:
                self.into.addItem(name, number)
            self.into.setCurrentIndex(max(0, self.into.findData(chosen)))
        self._words()

    def _fill(self, labels: tuple[Label, ...]) -> None:
        kept = {one.value for one in self._labels} - self.ticked if self._labels else set()
        self._labels = labels
        self.list.blockSignals(True)
        self.list.clear()
        for one in labels:
            item = QTreeWidgetItem([one.name, ""])
            item.setIcon(0, swatch(one.colour))
            item.setData(0, Qt.ItemDataRole.UserRole, one.value)
            item.setToolTip(0, f"{one.name} (value {one.value})")
            item.setTextAlignment(1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(0, Qt.CheckState.Unchecked if one.value in kept else Qt.CheckState.Checked)
            item.setSizeHint(0, QSize(0, ROW_PX))
            self.list.addTopLevelItem(item)
        self.list.blockSignals(False)
        self.list.setFixedHeight(min(max(len(labels), 1), MOST_ROWS) * ROW_PX + 6)

    def _words(self) -> None:
        count, many = len(self.ticked), len(self._labels)
        some = "all" if count == many else f"{count} of {many}"
        self.title.setText(
            f"Proposed: {many} label{'s' if many != 1 else ''}" if many else "Proposed: nothing was found"
        )
        self.accept.setText(f"Accept {some}" if many > 1 else "Accept")
        self.reject.setText("Reject")
        self.accept.setEnabled(count > 0)
        self.edit.setEnabled(count > 0)
        self.reject.setEnabled(count > 0 or not many)

    def _accept(self, edit: bool) -> None:
        self.accepted.emit(self.ticked, int(self.into.currentData()), edit)

    def _items(self) -> list[QTreeWidgetItem]:
        return [item for k in range(self.list.topLevelItemCount()) if (item := self.list.topLevelItem(k)) is not None]
