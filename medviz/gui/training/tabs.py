"""Words to choose a view of a run by, with a sign behind each that says how much waits in it."""

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtWidgets import QWidget

from medviz.gui.viewer.tabs import GAP_PX, Tabs

ONE_ROW = -1


class RunTabs(Tabs):
    """A stack of views with a button each; `badge` writes "Hints 2"."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def add(self, made: QWidget, word: str, hint: str) -> None:
        """Put a view behind those that are there."""
        super().add(made, word, hint)
        self.names.append(word)

    def show_word(self, word: str) -> None:
        """Bring a view to the front by its word, whatever its badge says."""
        if word in self.names:
            number = self.names.index(word)
            self.buttons[number].setChecked(True)
            self.stack.setCurrentIndex(number)

    @property
    def front(self) -> str:
        """The word of the view in front."""
        return self.names[self.stack.currentIndex()] if self.names else ""

    def badge(self, word: str, sign: str) -> None:
        """Write a sign behind a word; empty takes it away."""
        button = self.buttons[self.names.index(word)]
        text = f"{word} {sign}".strip()
        if button.text() != text:
            button.setText(text)
            self._columns = 0
            self._arrange()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Ask for another width when a view does: a scroll area would cut its controls off and say nothing."""
        if event.type() == QEvent.Type.LayoutRequest:
            for view in map(self.stack.widget, range(self.stack.count())):
                if view is not None:
                    view.updateGeometry()
            self.updateGeometry()
        return super().eventFilter(watched, event)

    def minimumSizeHint(self) -> QSize:
        """Be as wide as the widest view needs: controls are not cut off."""
        return QSize(self.stack.minimumSizeHint().width(), super().minimumSizeHint().height())

    def _arrange(self) -> None:
        """Put all words into one row where they fit as they are, else into rows of equal columns."""
        needed = sum(button.sizeHint().width() + GAP_PX for button in self.buttons)
        if not self.buttons or needed > self.width():
            super()._arrange()
            return
        if self._columns == ONE_ROW:
            return
        self._columns = ONE_ROW
        for number, button in enumerate(self.buttons):
            self._grid.addWidget(button, 0, number, Qt.AlignmentFlag.AlignVCenter)
        for column in range(self._grid.columnCount()):
            self._grid.setColumnStretch(column, 1 if column < len(self.buttons) else 0)
