"""The table of cases as Qt reads it."""

import re
from typing import Any

from PySide6.QtCore import Qt

from medviz.figures import Table
from medviz.gui.drawing.numbers import number_text
from medviz.gui.rows import LEFT, RIGHT, Index, Rows

VALUE = int(Qt.ItemDataRole.UserRole)


class CaseRows(Rows):
    """The table of cases; numbers sort as numbers, what is not known comes last."""

    def __init__(self) -> None:
        super().__init__()
        self.table = Table("", (), ())

    def show(self, table: Table) -> None:
        """Hold another table."""
        self.beginResetModel()
        self.table = table
        self.endResetModel()

    def count(self) -> int:
        """One row a case."""
        return len(self.table.rows)

    def heads(self) -> tuple[str, ...]:
        """The measures with their units."""
        units = (*self.table.units, *[""] * len(self.table.columns))
        return tuple(
            f"{name} ({unit})" if unit else name for name, unit in zip(self.table.columns, units, strict=False)
        )

    def side(self, column: int) -> int:
        """Numbers stand right."""
        return RIGHT if any(isinstance(row[column], int | float) for row in self.table.rows) else LEFT

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Write a cell, or give its value to be sorted by."""
        value = self.table.rows[index.row()][index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return value if isinstance(value, str) else "–" if value is None else number_text(value, 3)
        if role == VALUE:
            return _natural(value) if isinstance(value, str) else float("-inf") if value is None else float(value)
        return self.side(index.column()) if role == Qt.ItemDataRole.TextAlignmentRole else None


def _natural(text: str) -> str:
    """Let "validation 10" come after "validation 9"."""
    return re.sub(r"\d+", lambda found: found[0].rjust(8, "0"), text)
