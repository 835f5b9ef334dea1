"""What all tables share is one thing: rows, headings, sides."""

from typing import Any

from PySide6.QtCore import QModelIndex, Qt

from medviz.gui.rows import LEFT, RIGHT, Index, Rows


class _Fruit(Rows):
    def count(self) -> int:
        return 2

    def heads(self) -> tuple[str, ...]:
        return "fruit", "g"

    def hint(self, column: int) -> str:
        return "weight" if column else ""

    def side(self, column: int) -> int:
        return RIGHT if column else LEFT

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        return None


def test_a_table_has_its_rows_and_headings_and_a_cell_has_no_rows_of_its_own() -> None:
    table = _Fruit()
    assert (table.rowCount(QModelIndex()), table.columnCount(QModelIndex())) == (2, 2)
    cell = table.index(0, 0)
    assert (table.rowCount(cell), table.columnCount(cell)) == (0, 0)


def test_a_heading_has_words_a_hint_where_there_is_one_and_the_side_of_its_column() -> None:
    table, across = _Fruit(), Qt.Orientation.Horizontal
    assert [table.headerData(n, across) for n in (0, 1)] == ["fruit", "g"]
    assert [table.headerData(n, across, Qt.ItemDataRole.ToolTipRole) for n in (0, 1)] == [None, "weight"]
    assert [table.headerData(n, across, Qt.ItemDataRole.TextAlignmentRole) for n in (0, 1)] == [LEFT, RIGHT]
    assert table.headerData(0, Qt.Orientation.Vertical) is None
