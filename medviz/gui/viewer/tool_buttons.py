"""Buttons for tools: an icon over a word; the one in the hand is pressed, and pressing it again puts it down."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QToolButton, QWidget

from medviz.gui.icons import icon
from medviz.gui.store import Store
from medviz.gui.viewer.layer_controls import quiet
from medviz.gui.viewer.tool import CURSOR, Tool
from medviz.imaging.scene import Scene

ICON_PX = 22


class ToolButtons(QWidget):
    """A row (or with `columns` several) of buttons, one a tool."""

    def __init__(self, store: Store[Scene], tools: Sequence[Tool], columns: int = 0) -> None:
        super().__init__()
        self._store = store
        self.buttons: dict[str, QToolButton] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        wide = columns or len(tools)
        for number, tool in enumerate(tools):
            button = self.buttons[tool.NAME] = tool_button(tool)
            button.clicked.connect(lambda _=False, name=tool.NAME: self._take(name))
            grid.addWidget(button, number // wide, number % wide)
        self.leave = store.listen(lambda old, new: self._show() if old.tool != new.tool else None)
        self._show()

    def _take(self, name: str) -> None:
        self._store.update(tool=CURSOR if self._store.state.tool == name else name)
        self._show()

    def _show(self) -> None:
        for name, button in self.buttons.items():
            button.setChecked(self._store.state.tool == name)


def small_button(sign: str, words: str, act: Callable[[], object]) -> QToolButton:
    """A flat button with an icon that keeps its size where there is little room."""
    button = quiet(sign, words)
    button.setStyleSheet("QToolButton { min-width: 20px; min-height: 20px; }")
    button.clicked.connect(lambda: act())
    return button


def tool_button(tool: Tool) -> QToolButton:
    """A large button for a tool."""
    button = QToolButton()
    button.setIcon(icon(tool.ICON))
    button.setIconSize(QSize(ICON_PX, ICON_PX))
    button.setText(tool.TITLE)
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
    button.setCheckable(True)
    button.setToolTip(": ".join(filter(None, (tool.TITLE, tool.HELP))) + (f"  ({tool.KEY})" if tool.KEY else ""))
    button.setAccessibleName(tool.TITLE)
    button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    button.setMinimumWidth(40)
    button.setStyleSheet("QToolButton { min-height: 2.9em; }")  # else a layout without room takes the word away
    return button
