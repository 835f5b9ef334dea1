"""The rail at the left: the pages, each with icon and word; settings and help at the bottom."""

from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from medviz.gui.icons import icon
from medviz.gui.theme import TEXT_PX

RAIL_PX = 72


@dataclass(frozen=True)
class Stop:
    """One stop of the rail. `where` is "module:Class" of its page, imported when it is first shown."""

    where: str
    word: str
    icon: str
    bottom: bool = False


class Rail(QWidget):
    """Buttons, one a page; `chosen` (name) comes when a person presses one."""

    chosen = Signal(str)

    def __init__(self, stops: Mapping[str, Stop]) -> None:
        super().__init__()
        self.buttons: dict[str, QToolButton] = {}
        self.setProperty("look", "rail")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._group = QButtonGroup(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 8)
        column.setSpacing(4)
        for number, (name, stop) in enumerate(stops.items(), start=1):
            if stop.bottom and not any(stops[other].bottom for other in self.buttons):
                column.addStretch(1)
            button = self._button(name, stop, "" if stop.bottom else f"Ctrl+{number}")
            column.addWidget(button)

    def show_chosen(self, name: str) -> None:
        """Mark the page in front."""
        if name in self.buttons:
            self.buttons[name].setChecked(True)

    def dress(self, stops: Mapping[str, Stop]) -> None:
        """Put the icons on; done after the first pixels, since a font has to be read for them."""
        for name, button in self.buttons.items():
            button.setIcon(icon(stops[name].icon, "dim"))

    def changeEvent(self, event: QEvent) -> None:
        """Let the icons grow with the text."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            side = round(24 * self.fontInfo().pixelSize() / TEXT_PX)
            for button in self.buttons.values():
                button.setIconSize(QSize(side, side))

    def _button(self, name: str, stop: Stop, keys: str) -> QToolButton:
        button = QToolButton()
        button.setProperty("look", "rail")
        button.setText(stop.word)
        button.setIconSize(QSize(24, 24))
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        button.setCheckable(True)
        button.setToolTip(f"{stop.word}   {keys}" if keys else stop.word)
        button.setAccessibleName(stop.word)
        button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        button.clicked.connect(lambda: self.chosen.emit(name))
        self._group.addButton(button)
        self.buttons[name] = button
        return button
