"""The tab with which labels are edited: layer and label, tools, settings, whole-label operations, the undo stack."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Protocol

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from medviz.gui.colours import colours
from medviz.gui.controls import calm
from medviz.gui.desk import Desk
from medviz.gui.form import Form
from medviz.gui.icons import icon
from medviz.gui.store import Store
from medviz.gui.viewer.cards import label
from medviz.gui.viewer.edits import Edits
from medviz.gui.viewer.journalling import Journalling, changes_words, when_words
from medviz.gui.viewer.kit import TIP, WHOLE, Kit
from medviz.gui.viewer.label_list import swatch
from medviz.gui.viewer.layer_controls import shrink
from medviz.gui.viewer.naming import Naming
from medviz.gui.viewer.operations import OPERATIONS, Operation
from medviz.gui.viewer.tool import Tool
from medviz.gui.viewer.tool_buttons import ToolButtons, small_button
from medviz.imaging.corrections import Corrections
from medviz.imaging.scene import Layer, Scene

HISTORY_ROWS = 6


class Edited(Protocol):
    """What the tab asks of the feature."""

    desk: Desk
    kit: Store[Kit]
    edits: Edits
    naming: Naming
    journalling: Journalling

    @property
    def number(self) -> int | None:
        """The number of the layer that is edited."""

    @property
    def layer(self) -> Layer | None:
        """The layer that is edited."""

    @property
    def corrections(self) -> Corrections | None:
        """What was done to it."""

    def tools(self) -> Sequence[Tool]:
        """List its tools."""

    def actions(self) -> Sequence[QAction]:
        """Undo and redo."""

    def take(self, value: int) -> None:
        """Paint with a label from now on."""

    def undo(self) -> None:
        """Take the last change back."""

    def redo(self) -> None:
        """Bring it back."""

    def operate(self, operation: Operation) -> None:
        """Do something to the whole active label."""


class EditBox(QWidget):
    """Shows what is edited and asks the feature for changes."""

    def __init__(self, editing: Edited) -> None:
        super().__init__()
        self._editing = editing
        self._store = editing.desk.scene
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 8)
        column.setSpacing(8)
        self.tools = ToolButtons(self._store, editing.tools())
        self.offer = self._offer()
        column.addWidget(self.offer)
        column.addWidget(self.tools)
        column.addLayout(self._label_row())
        self.tip, self.whole = QVBoxLayout(), QVBoxLayout()
        self.forms: list[Form] = []
        column.addLayout(self.tip)
        column.addWidget(label("Whole label", "heading"))
        column.addLayout(self.whole)
        column.addLayout(self._operations())
        column.addWidget(self._past())
        column.addStretch(1)
        self.addActions(list(editing.actions()))
        self._leave = [
            self._store.listen(self._told),
            editing.kit.listen(lambda old, new: self._kit(type(old) is not type(new))),
        ]
        editing.edits.changed.connect(lambda made: self.show_history())
        editing.edits.working.connect(self.show_history)
        editing.journalling.found.connect(self.show_offers)
        self._kit(True)
        self._show(self._store.state)

    def leave(self) -> None:
        """Stop listening."""
        for leave in (*self._leave, self.tools.leave):
            leave()

    # -- made -----------------------------------------------------------------------------------------------------

    def _label_row(self) -> QVBoxLayout:
        naming = self._editing.naming
        self.layer = self._box("layer that is edited", "The layer whose labels are edited")
        self.layer.activated.connect(self._choose_layer)
        self.label = self._box("label", "The label that is painted with (1 … 9)")
        self.label.setIconSize(QSize(12, 12))
        self.label.activated.connect(lambda row: self._editing.take(self.label.itemData(row)))
        first, second = QHBoxLayout(), QHBoxLayout()
        self.new_layer = small_button("mdi6.layers-plus", "New label layer over the scan", self._new_layer)
        self.undo = small_button("ph.arrow-u-up-left", "Take the last change back (Ctrl+Z)", self._editing.undo)
        self.redo = small_button("ph.arrow-u-up-right", "Do it again (Ctrl+Y)", self._editing.redo)
        self.add = small_button("ph.plus", "Add a label", naming.add)
        self.rename = small_button("ph.pencil-simple", "Rename the label", lambda: naming.ask_name(self.value))
        self.recolour = small_button("ph.palette", "Colour of the label", lambda: naming.ask_colour(self.value))
        self.merge = small_button("ph.git-merge", "Merge the label into another", lambda: naming.ask_merge(self.value))
        self.delete = small_button("ph.trash", "Delete the label and its voxels", lambda: naming.delete(self.value))
        for row, widgets in (
            (first, (self.layer, self.new_layer, self.undo, self.redo)),
            (second, (self.label, self.add, self.rename, self.recolour, self.merge, self.delete)),
        ):
            row.setSpacing(2)
            for widget in widgets:
                row.addWidget(widget, 1 if isinstance(widget, QComboBox) else 0)
        both = QVBoxLayout()
        both.setSpacing(4)
        both.addLayout(first)
        both.addLayout(second)
        return both

    def _operations(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setSpacing(4)
        self.operations: dict[str, QToolButton] = {}
        for number, one in enumerate(OPERATIONS):
            button = QToolButton()
            button.setIcon(icon(one.icon))
            button.setText(one.title)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            button.setToolTip(one.help)
            button.setAccessibleName(one.title)
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            button.clicked.connect(lambda _=False, one=one: self._operate(one))
            self.operations[one.title] = button
            grid.addWidget(button, number // 2, number % 2)
        return grid

    def _past(self) -> QWidget:
        self.kept = label("", "small")
        self.history = QListWidget()
        self.history.setAccessibleName("history of changes")
        self.history.setToolTip("What was done to this layer; click to go back or forth")
        self.history.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.history.itemClicked.connect(lambda item: self._jump(item))
        self.history.itemActivated.connect(lambda item: self._jump(item))
        row = QHBoxLayout()
        row.addWidget(label("History", "heading"), 1)
        row.addWidget(self.kept)
        self.past = QWidget()
        column = QVBoxLayout(self.past)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(self.history)
        return self.past

    @staticmethod
    def _box(name: str, words: str) -> QComboBox:
        made = QComboBox()
        made.setAccessibleName(name)
        made.setToolTip(words)
        shrink(made)
        calm(made)
        return made

    def _offer(self) -> QFrame:
        """Make the row that offers what a crash left behind."""
        frame = QFrame()
        frame.setProperty("look", "chip")
        self.offered = label("", "", wrap=True)
        self.recover = QPushButton("Recover")
        self.recover.setToolTip("Bring the changes back as a layer, with their history")
        self.recover.clicked.connect(lambda: self._editing.journalling.recover(self._editing.journalling.offers[0]))
        self.forget = QPushButton("Forget")
        self.forget.setToolTip("Delete these changes for good")
        self.forget.clicked.connect(lambda: self._editing.journalling.forget(self._editing.journalling.offers[0]))
        buttons = QHBoxLayout()
        buttons.addWidget(self.recover)
        buttons.addWidget(self.forget)
        buttons.addStretch(1)
        column = QVBoxLayout(frame)
        column.setContentsMargins(8, 6, 8, 6)
        column.addWidget(self.offered)
        column.addLayout(buttons)
        frame.hide()
        return frame

    # -- asked ----------------------------------------------------------------------------------------------------

    @property
    def value(self) -> int:
        """The label that is painted with."""
        return self._editing.kit.state.value

    def _choose_layer(self, row: int) -> None:
        number = self.layer.itemData(row)
        if number is not None and number != self._store.state.active:
            self._store.update(active=number)

    def _new_layer(self) -> None:
        self._editing.edits.new_layer()

    def _operate(self, one: Operation) -> None:
        self._editing.operate(one)

    def _jump(self, item: QListWidgetItem) -> None:
        made = self._editing.corrections
        if made is not None:
            self._editing.edits.jump(made, int(item.data(Qt.ItemDataRole.UserRole)))

    # -- shown ----------------------------------------------------------------------------------------------------

    def _told(self, old: Scene, new: Scene) -> None:
        if old.layers is not new.layers or old.active != new.active:
            self._show(new)

    def _show(self, scene: Scene) -> None:
        chosen = self._editing.number
        editable = [n for n, one in enumerate(scene.layers) if n and one.role == "labels" and not one.proposal]
        self._fill(self.layer, [(_short(scene.layers[n].volume.name) or f"layer {n}", n) for n in editable], chosen)
        if not editable:
            self.layer.addItem("no label layer yet: paint, and there is one", None)
        self._show_labels()
        self.show_history()

    def _show_labels(self) -> None:
        layer = self._editing.layer
        labels = () if layer is None else layer.labels
        self._fill(self.label, [(one.name, one.value) for one in labels], self.value)
        for row, one in enumerate(labels):
            self.label.setItemIcon(row, swatch(one.colour))
        for button in (self.rename, self.recolour, self.delete):
            button.setEnabled(bool(labels))
        self.merge.setEnabled(len(labels) > 1)

    def show_offers(self) -> None:
        """Show what a crash left behind."""
        offers = self._editing.journalling.offers
        self.offer.setVisible(bool(offers))
        if offers:
            first = offers[0]
            self.offered.setText(f"{changes_words(first.changes)} of {when_words(first.when)} were never saved")

    def show_history(self) -> None:
        """Show what was done; what was undone is grey."""
        made, layer = self._editing.corrections, self._editing.layer
        history = None if made is None else made.history
        names = () if history is None else history.names
        place = 0 if history is None else history.place
        self.history.clear()
        for number, name in enumerate(("as it was", *names) if names else ()):
            item = QListWidgetItem(name)
            item.setData(Qt.ItemDataRole.UserRole, number)
            if number > place:
                item.setForeground(colours().of("faint"))
            self.history.addItem(item)
        self.past.setVisible(bool(names))
        if names:
            self.history.setCurrentRow(place)
            rows = min(len(names) + 1, HISTORY_ROWS)
            self.history.setFixedHeight(rows * self.history.sizeHintForRow(0) + 6)
        self.undo.setEnabled(place > 0)
        self.redo.setEnabled(place < len(names))
        unsaved = 0 if made is None else made.unsaved
        self.kept.setText(f"{unsaved} unsaved" if unsaved else "")
        busy = layer is not None and self._editing.edits.is_busy(layer)
        for button in self.operations.values():
            button.setEnabled(layer is not None and not busy)

    def _kit(self, other: bool) -> None:
        kit = self._editing.kit.state
        if not other and self.forms:
            for form in self.forms:
                form.show_value(kit)
        else:
            for form in self.forms:
                form.hide()
                form.deleteLater()
            self.forms = [self._form(kit, TIP, self.tip), self._form(kit, WHOLE, self.whole)]
        self._show_labels()

    def _form(self, kit: Kit, shown: tuple[str, ...], into: QVBoxLayout) -> Form:
        hidden = tuple(one.name for one in fields(kit) if one.name not in shown)
        form = Form(kit, hidden=hidden, scrolls=False)
        form.changed.connect(lambda made: self._editing.kit.update(**{name: getattr(made, name) for name in shown}))
        into.addWidget(form)
        return form

    @staticmethod
    def _fill(box: QComboBox, rows: list[tuple[str, int]], chosen: int | None) -> None:
        there = [(box.itemText(n), box.itemData(n)) for n in range(box.count())]
        if there != rows:
            box.clear()
            for words, value in rows:
                box.addItem(words, value)
        found = box.findData(chosen) if chosen is not None else -1
        box.setCurrentIndex(found)


def _short(name: str) -> str:
    """Name of a file without its ending, so that more of it fits."""
    return name.removesuffix(".gz").removesuffix(".nii")
