"""Words to choose a view of a run by, with a sign behind each that says how much waits in it."""

from PySide6.QtWidgets import QWidget

from medviz.gui.viewer.tabs import Tabs


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
