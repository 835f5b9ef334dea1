"""What a person does on the Labs page, for the tests."""

from typing import Any

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QWidget

from medviz.gui.pages.lab import LabPage


def at_rest(qtbot: Any, page: LabPage) -> None:
    """Wait until every figure is there."""
    qtbot.waitUntil(lambda: page.hand.play is not None and bool(page.board.figures), timeout=40_000)
    qtbot.waitUntil(lambda: not page.showing.busy and not page.desk.jobs, timeout=40_000)


def figure(page: LabPage, name: str) -> Any:
    return next(one for one in page.board.figures if one.name == name)


def place(page: LabPage, name: str, row: int, col: int) -> QPoint:
    x, y, wide, high = page.board.view(name).grid.box(row, col)
    return QPoint(round(x + wide / 2), round(y + high / 2))


def hover(view: QWidget, x: float, y: float) -> None:
    """Move the mouse over a view, even where another window lies over it."""
    at, none = QPointF(x, y), Qt.MouseButton.NoButton
    event = QMouseEvent(QEvent.Type.MouseMove, at, view.mapToGlobal(at), none, none, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(view, event)
