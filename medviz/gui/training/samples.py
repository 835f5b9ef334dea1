"""What a run makes: how it grew over the training, and new samples on wish."""

from typing import ClassVar

from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QStackedWidget, QVBoxLayout

from medviz.gui.training.bench import Bench, RunView
from medviz.gui.training.growing import Growing
from medviz.gui.training.making import Making
from medviz.gui.training.watch import Watch


class Samples(RunView):
    """The film strip, and behind it the making of samples."""

    WORD: ClassVar[str] = "Samples"
    HINT: ClassVar[str] = "What the run makes: its pictures over the training, and new samples"

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self.growing, self.making = Growing(), Making(bench.desk)
        self.rooms = QStackedWidget()
        self.choice = QButtonGroup(self)
        row = QHBoxLayout()
        row.setContentsMargins(16, 8, 16, 0)
        row.setSpacing(4)
        for number, (room, word, tip) in enumerate((
            (self.growing, "Over the training", "The same pictures from the first epoch to the newest"),
            (self.making, "Make samples", "New samples with the best weights of this run"),
        )):  # fmt: skip
            button = QPushButton(word)
            button.setCheckable(True)
            button.setToolTip(tip)
            button.setProperty("look", "quiet")
            self.choice.addButton(button, number)
            self.rooms.addWidget(room)
            row.addWidget(button)
        row.addStretch(1)
        self.choice.button(0).setChecked(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(row)
        column.addWidget(self.rooms, 1)
        self.choice.idClicked.connect(self._turn)

    def _turn(self, number: int) -> None:
        self.rooms.setCurrentIndex(number)
        self.entered()

    def show_run(self, watch: Watch | None) -> None:
        """Show another run."""
        self.growing.show_run(watch)
        self.making.show_run(watch)

    def entered(self) -> None:
        """Draw what came while it was not seen, and ask what may be wished."""
        self.growing.redraw_if_new()
        if self.rooms.currentWidget() is self.making:
            self.making.ask()

    def live(self, on: bool) -> None:
        """Follow the run by a timer, or stand still."""
        self.growing.live(on)
