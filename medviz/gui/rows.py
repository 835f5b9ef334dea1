"""What every table of the window shares: rows, named columns, and on which side their words stand."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

Index = QModelIndex | QPersistentModelIndex
LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)


class Rows(QAbstractTableModel):
    """A table that says how many rows it has, what stands over its columns, and what each cell shows (`data`)."""

    @abstractmethod
    def count(self) -> int:
        """Return the number of rows."""

    @abstractmethod
    def heads(self) -> Sequence[str]:
        """Return what stands over the columns."""

    def hint(self, column: int) -> str:
        """Return what the mouse is told over a heading; nothing as a rule."""
        return ""

    def side(self, column: int) -> int:
        """Return where the words of a column stand: LEFT, or RIGHT for numbers."""
        return LEFT

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008  # Qt's own default
        """Rows have no rows of their own."""
        return 0 if parent.isValid() else self.count()

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """As many as have a heading."""
        return 0 if parent.isValid() else len(self.heads())

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Name the columns and say what they are."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self.heads()[section]
        if role == Qt.ItemDataRole.ToolTipRole:
            return self.hint(section) or None
        return self.side(section) if role == Qt.ItemDataRole.TextAlignmentRole else None
