"""Words to choose a part of the panel by, in as many rows as they need, so that none is cut off or scrolled away."""

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QGridLayout,
    QScrollArea,
    QSizePolicy,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

GAP_PX = 2


class Tabs(QWidget):
    """A stack of widgets with a button each; Tab goes to the one that is on, the arrows to its neighbours.

    `turned`: another one came to the front, or the one in front wants another height.
    """

    turned = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.buttons: list[QToolButton] = []
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        self._row = QWidget()
        self._row.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._grid = QGridLayout(self._row)
        self._grid.setContentsMargins(0, 4, 0, 4)
        self._grid.setSpacing(GAP_PX)
        self._grid.setSizeConstraint(QGridLayout.SizeConstraint.SetNoConstraint)  # rows follow the width, not it them
        self.stack = QStackedWidget()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._row)
        column.addWidget(self.stack, 1)
        self._columns = 0
        self.stack.currentChanged.connect(self.turned)

    @property
    def words(self) -> tuple[str, ...]:
        """What stands on the buttons."""
        return tuple(button.text() for button in self.buttons)

    @property
    def word(self) -> str:
        """What is in front."""
        return self.words[self.stack.currentIndex()] if self.buttons else ""

    def add(self, made: QWidget, word: str, hint: str) -> None:
        """Put a widget behind those that are there."""
        button = QToolButton()
        button.setText(word)
        button.setCheckable(True)
        button.setProperty("look", "tab")
        button.setToolTip(hint)
        button.setAccessibleName(word)
        button.setAccessibleDescription(hint)
        button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        number = self.stack.addWidget(made)
        _content(made).installEventFilter(self)
        button.clicked.connect(lambda: self.stack.setCurrentIndex(number))
        self._group.addButton(button)
        self.buttons.append(button)
        if len(self.buttons) == 1:
            button.setChecked(True)
        self._columns = 0
        self._arrange()

    def show_word(self, word: str) -> None:
        """Bring a widget to the front by its word."""
        for number, button in enumerate(self.buttons):
            if button.text() == word:
                button.setChecked(True)
                self.stack.setCurrentIndex(number)

    def wished_height(self) -> int:
        """Height in which the one in front needs not scroll."""
        front = self.stack.currentWidget()
        return self._row.sizeHint().height() + (0 if front is None else _needed(_content(front), self.width()) + 4)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Tell that the one in front asks for more or less."""
        front = self.stack.currentWidget()
        if event.type() == QEvent.Type.LayoutRequest and front is not None and watched is _content(front):
            self.turned.emit()
        return super().eventFilter(watched, event)

    def minimumSizeHint(self) -> QSize:
        """Ask for little: what is in front scrolls."""
        return QSize(160, self._row.minimumSizeHint().height() + 96)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Take as many columns as there is room for."""
        super().resizeEvent(event)
        self._arrange()

    def changeEvent(self, event: QEvent) -> None:
        """Measure the words anew when the text grows."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._columns = 0
            self._arrange()

    def _arrange(self) -> None:
        """Lay the buttons out in rows of about the same number, the widest word deciding."""
        if not self.buttons:
            return
        widest = max(button.sizeHint().width() for button in self.buttons)
        fit = max(1, (self.width() + GAP_PX) // (widest + GAP_PX))
        rows = -(-len(self.buttons) // fit)
        columns = -(-len(self.buttons) // rows)
        if columns == self._columns:
            return
        self._columns = columns
        for number, button in enumerate(self.buttons):
            self._grid.addWidget(button, number // columns, number % columns, Qt.AlignmentFlag.AlignVCenter)
        for column in range(self._grid.columnCount()):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)


def _content(made: QWidget) -> QWidget:
    """What a scrolled widget scrolls; the widget itself where it does not scroll."""
    return (made.widget() or made) if isinstance(made, QScrollArea) else made


def _needed(content: QWidget, width: int) -> int:
    """Height that a widget needs at a width: text that wraps is asked, not guessed."""
    layout = content.layout()
    if layout is not None and layout.hasHeightForWidth():
        return layout.totalHeightForWidth(width)
    return content.sizeHint().height()
