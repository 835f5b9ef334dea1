"""The help: every key, by where it acts, and what the program is for."""

from collections.abc import Mapping
from typing import ClassVar

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from medviz import __version__
from medviz.gui.desk import Desk
from medviz.gui.form import scrolling
from medviz.gui.pages.page import Page
from medviz.gui.status import PURPOSE

GAP_PX = 48
Keys = Mapping[str, tuple[tuple[str, str], ...]]


class HelpPage(Page):
    """All keys on one page, read off the window and its pages, so that none is promised that is not there."""

    NAME: ClassVar[str] = "help"
    TITLE: ClassVar[str] = "Help"
    ICON: ClassVar[str] = "ph.question"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.setProperty("look", "page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        title = QLabel("Keys")
        title.setProperty("look", "title")
        self._columns = QHBoxLayout()
        self._columns.setSpacing(GAP_PX)
        self._places: list[QWidget] = []
        about = QLabel(
            f"medviz {__version__}. {PURPOSE}. Every control says in its tool tip what it does; a double click on a "
            "name takes the default. Drop a file anywhere to open it. What a model says is a proposal until accepted."
        )
        about.setWordWrap(True)
        about.setProperty("look", "dim")
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(24, 24, 24, 24)
        column.setSpacing(16)
        column.addWidget(title)
        column.addLayout(self._columns)
        column.addWidget(about)
        column.addStretch(1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(scrolling(inside))

    def show_keys(self, keys: Keys) -> None:
        """Lay out the keys, by where they act."""
        for old in self._places:
            old.deleteLater()
        self._places = [_column(where, rows) for where, rows in keys.items()]
        self._arrange()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Take as many columns as there is room for."""
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        while self._columns.takeAt(0) is not None:
            pass
        widest = max((one.sizeHint().width() for one in self._places), default=1)
        room = max(1, (self.width() - 48) // (widest + GAP_PX))
        columns = [QVBoxLayout() for _ in range(min(room, len(self._places)))]
        heights = [0] * len(columns)
        for one in self._places:
            lowest = heights.index(min(heights))
            columns[lowest].addWidget(one)
            heights[lowest] += one.sizeHint().height() + 24
        for column in columns:
            column.setSpacing(24)
            column.addStretch(1)
            self._columns.addLayout(column)
        self._columns.addStretch(1)


def _column(where: str, rows: tuple[tuple[str, str], ...]) -> QWidget:
    made = QWidget()
    grid = QGridLayout(made)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(16)
    grid.setVerticalSpacing(6)
    heading = QLabel(where)
    heading.setProperty("look", "heading")
    grid.addWidget(heading, 0, 0, 1, 2)
    for number, (key, what) in enumerate(rows, start=1):
        cap = QLabel(key)
        cap.setProperty("look", "key")
        grid.addWidget(cap, number, 0, Qt.AlignmentFlag.AlignLeft)
        grid.addWidget(QLabel(what[:1].upper() + what[1:].rstrip("…")), number, 1)
    grid.setRowStretch(len(rows) + 1, 1)
    return made
