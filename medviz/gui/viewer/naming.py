"""The table of labels: added, renamed, coloured, merged, deleted, locked; all but locks can be undone."""

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtGui import QColor
from PySide6.QtWidgets import QColorDialog, QInputDialog

from medviz.gui.store import Store
from medviz.gui.viewer.edits import Edits
from medviz.gui.viewer.feature import Viewer
from medviz.gui.viewer.kit import Kit
from medviz.gui.viewer.rooms import ROOMS
from medviz.imaging.corrections import Corrections, free_value
from medviz.imaging.history import Change, Table, renamed
from medviz.imaging.labels import Label, default_colour


class Naming:
    """Changes the table of the layer that is edited; what also changes voxels is one change with it."""

    def __init__(self, edits: Edits, kit: Store[Kit], viewer: Viewer) -> None:
        self._edits, self._kit, self._viewer = edits, kit, viewer
        self._store = viewer.desk.scene

    def table(self) -> Table:
        """Return the labels of the layer that is edited."""
        number = self._edits.target()
        return () if number is None else self._store.state.layers[number].labels

    def add(self, name: str = "") -> None:
        """Add a label and paint with it from now on; a layer is made where there is none."""
        number = self._edits.target()
        if number is None:
            self._edits.new_layer()
            self._kit.update(value=1)
            return
        table = self.table()
        value = free_value({label.value: label for label in table})
        label = Label(value, name or f"label {value}", default_colour(value))
        after = tuple(sorted((*table, label), key=lambda one: one.value))
        self._edits.ready(number, lambda made: self._do(renamed(f"add {label.name}", table, after)), value)
        self._kit.update(value=value)

    def rename(self, value: int, name: str) -> None:
        """Give a label another name."""
        if name.strip():
            self._turn(value, f"rename to {name.strip()}", lambda one: replace(one, name=name.strip()))

    def recolour(self, value: int, colour: tuple[int, int, int]) -> None:
        """Give a label another colour."""
        self._turn(value, f"colour of {self.name(value)}", lambda one: replace(one, colour=colour))

    def delete(self, value: int) -> None:
        """Take a label and all its voxels away."""
        self._recode(value, 0, f"delete {self.name(value)}")

    def merge(self, value: int, into: int) -> None:
        """Give the voxels of a label to another one."""
        self._recode(value, into, f"merge {self.name(value)} into {self.name(into)}")

    def lock(self, value: int) -> None:
        """Lock a label or unlock it: what is locked no hand and no model changes."""
        number = self._edits.target()
        if number is not None:
            locked = self._store.state.layers[number].locked_labels ^ {value}
            self._store.put(self._store.state.with_layer(number, locked_labels=locked))

    def name(self, value: int) -> str:
        """Return what a label is called."""
        return next((one.name for one in self.table() if one.value == value), f"label {value}")

    # -- asked ----------------------------------------------------------------------------------------------------

    def ask_name(self, value: int) -> None:
        """Ask for another name."""
        name, given = QInputDialog.getText(self._viewer.widget(), "Rename label", "Name", text=self.name(value))
        if given:
            self.rename(value, name)

    def ask_colour(self, value: int) -> None:
        """Ask for another colour."""
        now = next((one.colour for one in self.table() if one.value == value), (255, 255, 255))
        colour = QColorDialog.getColor(QColor(*now), self._viewer.widget(), f"Colour of {self.name(value)}")
        if colour.isValid():
            self.recolour(value, (colour.red(), colour.green(), colour.blue()))

    def ask_merge(self, value: int) -> None:
        """Ask which label it is to become."""
        others = [one for one in self.table() if one.value != value]
        words = [f"{one.name} ({one.value})" for one in others]
        chosen, given = QInputDialog.getItem(
            self._viewer.widget(), "Merge label", f"{self.name(value)} becomes", words, 0, False
        )
        if given and words:
            self.merge(value, others[words.index(chosen)].value)

    # -- how ------------------------------------------------------------------------------------------------------

    def _turn(self, value: int, words: str, turn: Callable[[Label], Label]) -> None:
        table = self.table()
        after = tuple(turn(one) if one.value == value else one for one in table)
        if after != table:
            self._do(renamed(words, table, after))

    def _do(self, change: Change) -> None:
        number = self._edits.target()
        if number is not None:
            self._edits.do(number, change)

    def _recode(self, value: int, other: int, words: str) -> None:
        number = self._edits.target()
        if number is None:
            return
        layer = self._store.state.layers[number]
        if {value, other} & layer.locked_labels:
            self._viewer.desk.tell(f"{words}: it is locked", "warning", "Click its padlock in the list of labels")
            return
        table, after = layer.labels, tuple(one for one in layer.labels if one.value != value)

        def describe(made: Corrections) -> Change | None:
            change = ROOMS["recoded"](made.map, value, other, words)
            return renamed(words, table, after) if change is None else replace(change, tables=(table, after))

        self._edits.run(number, words, describe)
