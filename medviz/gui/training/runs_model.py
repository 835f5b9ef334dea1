"""The runs as Qt lists them: cards, which of them are compared, and the colour of each."""

import time
from pathlib import Path
from typing import Any

from PySide6.QtCore import QAbstractListModel, Qt, Signal
from PySide6.QtWidgets import QWidget

from medviz.gui.rows import Index
from medviz.gui.training.runs import RunCard

ROLE = int(Qt.ItemDataRole.UserRole)
CHECKED = Qt.CheckState.Checked
CHECK = Qt.ItemDataRole.CheckStateRole


class RunsModel(QAbstractListModel):
    """The cards as a list; those ticked are drawn beside the run on the page.

    `ticked` tells of a change, `renamed` (folder, name) what a hand typed over a name.
    """

    ticked = Signal()
    renamed = Signal(object, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cards: tuple[RunCard, ...] = ()
        self.compared: frozenset[Path] = frozenset()
        self.colours: dict[Path, int] = {}

    def put(self, found: tuple[RunCard, ...]) -> None:
        """Show these cards; the same runs in the same order keep selection and ticks."""
        if [card.folder for card in found] != [card.folder for card in self.cards]:
            self.beginResetModel()
            self.cards = found
            self.endResetModel()
        elif found != self.cards:
            self.cards = found
            self.dataChanged.emit(self.index(0), self.index(len(found) - 1))

    def rowCount(self, parent: Index | None = None) -> int:
        """Return how many runs there are."""
        return len(self.cards)

    def data(self, index: Index, role: int = ROLE) -> Any:
        """Return the card, or what a screen reader says of it."""
        card = self.cards[index.row()]
        if role == ROLE:
            return card
        if role == CHECK:
            return CHECKED if card.folder in self.compared else Qt.CheckState.Unchecked
        if role == Qt.ItemDataRole.EditRole:
            return card.folder.name
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"{card.folder.name}, {card.words(time.time())}"
        return str(card.folder) if role == Qt.ItemDataRole.ToolTipRole else None

    def setData(self, index: Index, value: Any, role: int = ROLE) -> bool:
        """Tick a run for comparison, or ask for another name."""
        folder = self.cards[index.row()].folder
        if role == Qt.ItemDataRole.EditRole:
            name = str(value).strip()
            if name and name != folder.name:
                self.renamed.emit(folder, name)
            return False  # the list shows it once the disk has it
        if role != CHECK:
            return False
        on = Qt.CheckState(value) == CHECKED
        self.compared = self.compared | {folder} if on else self.compared - {folder}
        self.dataChanged.emit(index, index)
        self.ticked.emit()
        return True

    def compare_no_longer(self, folder: Path) -> None:
        """Forget a run that is gone."""
        if folder in self.compared:
            self.compared -= {folder}
            self.ticked.emit()

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Runs can be chosen and ticked; those that do not go can be renamed."""
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsUserCheckable
        still = index.isValid() and not self.cards[index.row()].goes
        return flags | Qt.ItemFlag.ItemIsEditable if still else flags

    def colour_of(self, folder: Path) -> int:
        """Return the number of a run's colour, the same wherever it is drawn."""
        return self.colours.setdefault(folder, len(self.colours))
