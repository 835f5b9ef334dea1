"""The dock at the side that holds the panel of the page in front."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QDockWidget,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from medviz.gui.icons import icon


class Dock(QDockWidget):
    """Can be moved, floated on another screen, and closed; `closed` comes when a person closes it."""

    closed = Signal()

    def __init__(self) -> None:
        super().__init__("Panel")
        self.setObjectName("panel")
        areas = Qt.DockWidgetArea
        self.setAllowedAreas(areas.LeftDockWidgetArea | areas.RightDockWidgetArea | areas.BottomDockWidgetArea)
        self.panels = Stack()
        inside = QWidget()
        inside.setProperty("look", "panel")
        inside.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        column = QVBoxLayout(inside)
        column.setContentsMargins(16, 4, 8, 8)
        column.addWidget(self.panels)
        self.setWidget(inside)
        self._float = _button("Float on its own, for a second screen")
        self._float.clicked.connect(lambda: self.setFloating(not self.isFloating()))
        self._close = _button("Close; F9 brings it back")
        self._close.clicked.connect(self.close)
        self.setTitleBarWidget(self._title())

    def add(self, panel: QWidget) -> None:
        """Take a panel; the dock gives all of them the same margin, so that they stand under its title."""
        inside = panel.widget() if isinstance(panel, QScrollArea) else panel
        layout = inside.layout() if inside is not None else None
        if layout is not None:
            margins = layout.contentsMargins()
            layout.setContentsMargins(0, margins.top(), 0, margins.bottom())
        self.panels.addWidget(panel)

    def show_panel(self, panel: QWidget, word: str) -> None:
        """Bring a panel to the front."""
        self.panels.setCurrentWidget(panel)
        self.setWindowTitle(word)
        self._word.setText(word)

    def dress(self) -> None:
        """Put the icons on."""
        self._float.setIcon(icon("ph.arrow-square-out", "dim"))
        self._close.setIcon(icon("ph.x", "dim"))

    def closeEvent(self, event: QCloseEvent) -> None:
        """Say so."""
        super().closeEvent(event)
        self.closed.emit()

    def _title(self) -> QWidget:
        bar = QWidget()
        bar.setProperty("look", "panel")
        bar.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._word = QLabel()
        self._word.setProperty("look", "heading")
        row = QHBoxLayout(bar)
        row.setContentsMargins(16, 6, 8, 2)
        row.setSpacing(2)
        row.addWidget(self._word, 1)
        row.addWidget(self._float)
        row.addWidget(self._close)
        return bar


class Stack(QStackedWidget):
    """Widgets on top of each other, as small as the one in front allows."""

    def minimumSizeHint(self) -> QSize:
        """Ask the one in front only."""
        front = self.currentWidget()
        return front.minimumSizeHint() if front else QSize(0, 0)


def _button(what: str) -> QToolButton:
    made = QToolButton()
    made.setProperty("look", "quiet")
    made.setIconSize(QSize(16, 16))
    made.setToolTip(what)
    made.setAccessibleName(what)
    return made
