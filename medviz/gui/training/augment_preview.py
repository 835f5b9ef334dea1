"""What augmentation does: one sample as it is, and as training would change it; each change can be switched."""

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from medviz.figures import Picture
from medviz.gui.controls import Toggle, calm
from medviz.gui.desk import Desk
from medviz.gui.icons import icon
from medviz.gui.job import Job
from medviz.gui.surveying import Varied
from medviz.gui.training.case_picture import CasePicture
from medviz.messages import Note
from medviz.refused import Refused

COUNT, COLUMNS = 8, 3
SETTLE_MS = 150
HUNDRED = 100


class Tick(QCheckBox):
    """A change that may be made; `picked` (its name) on a double click."""

    picked = Signal(str)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Pick this one alone."""
        self.picked.emit(self.text())


class AugmentPreview(QWidget):
    """Draws one training sample `COUNT` times. `task` is asked for the task each time; nothing of it is changed."""

    def __init__(self, desk: Desk, task: Callable[[], Any]) -> None:
        super().__init__()
        self.desk, self._task = desk, task
        self.case = ""
        self.seed = 0
        self.job: Job | None = None
        self.ticks: dict[str, Tick] = {}
        self.strength = QSlider(Qt.Orientation.Horizontal)
        self.strength.setRange(0, 2 * HUNDRED)
        self.strength.setAccessibleName("strength of augmentation")
        self.strength.setToolTip("How far each change goes: 0 is none, 1 the usual, 2 twice as far")
        calm(self.strength)
        self.amount = QLabel()
        self.always = Toggle("in every sample")
        self.always.setToolTip("Make every ticked change in each sample; training changes light in one of five")
        self.again = QPushButton("Draw again")
        self.again.setIcon(icon("ph.shuffle"))
        self.again.setToolTip("Other changes of the same sample  (R)")
        self.sentence = QLabel()
        self.sentence.setProperty("look", "dim")
        self.sentence.setWordWrap(True)
        self.sentence.setMinimumHeight(2 * self.sentence.fontMetrics().height())
        self.pictures = [CasePicture(84) for _ in range(COUNT + 1)]
        self._over = True
        self._again = False
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(SETTLE_MS)
        self._soon.timeout.connect(self._draw)
        self._lay_out()
        self.strength.valueChanged.connect(self._turned)
        self.always.toggled.connect(lambda on: self.draw())
        self.again.clicked.connect(self._other)

    def _lay_out(self) -> None:
        self._changes = QGridLayout()
        self._changes.setHorizontalSpacing(12)
        self._changes.setVerticalSpacing(2)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(QLabel("strength"))
        row.addWidget(self.strength, 1)
        row.addWidget(self.amount)
        below = QHBoxLayout()
        below.addWidget(self.always)
        below.addStretch(1)
        below.addWidget(self.again)
        grid = QGridLayout()
        grid.setSpacing(4)
        for place, one in enumerate(self.pictures):
            grid.addWidget(one, place // COLUMNS, place % COLUMNS)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 0)
        column.setSpacing(8)
        column.addLayout(grid, 1)
        column.addWidget(self.sentence)
        column.addLayout(row)
        column.addLayout(self._changes)
        column.addLayout(below)

    def show_task(self) -> None:
        """Take strength and changes from the task as it stands."""
        task = self._task()
        strength = float(getattr(task, "augment", 0.0) or 0.0)
        self.strength.blockSignals(True)
        self.strength.setValue(round(HUNDRED * strength))
        self.strength.blockSignals(False)
        self._say_strength()
        made = dict(self.desk.services.surveying.changes(task)) if task is not None else {}
        if list(made) != list(self.ticks):
            self._make_ticks(made)
        for name, tick in self.ticks.items():
            tick.blockSignals(True)
            tick.setChecked(made.get(name, False))
            tick.blockSignals(False)

    def show_case(self, name: str) -> None:
        """Draw another sample."""
        if name != self.case:
            self.case = name
            self.draw()

    def show_over(self, over: bool) -> None:
        """Show labels and boxes, or the pictures alone."""
        for one in self.pictures:
            one.show_over(over)

    def draw(self) -> None:
        """Draw as soon as no more is turned."""
        if self.isVisible():
            self._soon.start()

    def stop(self) -> None:
        """Draw no more."""
        self._soon.stop()
        if self.job is not None:
            self.job.stop()

    def showEvent(self, event: Any) -> None:
        """Draw what is to be seen."""
        super().showEvent(event)
        self.draw()

    def wish(self) -> Varied:
        """What is to be seen."""
        names = tuple(name for name, tick in self.ticks.items() if tick.isChecked())
        return Varied(self.case, names, self.strength.value() / HUNDRED, COUNT, self.seed, self.always.isChecked())

    def _make_ticks(self, made: dict[str, bool]) -> None:
        while (item := self._changes.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.deleteLater()
        self.ticks = {}
        for place, name in enumerate(made):
            tick = Tick(name)
            tick.setToolTip(f"Make this change ({name}) in the preview; double click: this one alone, in every sample")
            tick.toggled.connect(lambda on: self.draw())
            tick.picked.connect(self.alone)
            self.ticks[name] = tick
            self._changes.addWidget(tick, place // COLUMNS, place % COLUMNS)

    def alone(self, name: str) -> None:
        """Show one change alone, in every sample."""
        for other, tick in self.ticks.items():
            tick.setChecked(other == name)
        self.always.setChecked(True)

    def _turned(self) -> None:
        self._say_strength()
        self.draw()

    def _say_strength(self) -> None:
        self.amount.setText(f"{self.strength.value() / HUNDRED:.2f}")

    def _other(self) -> None:
        self.seed += 1
        self.draw()

    def _draw(self) -> None:
        task = self._task()
        if task is None:
            return
        if self.job is not None:
            self._again = True
            self.job.stop()
            return
        wish, varied = self.wish(), self.desk.services.surveying.varied
        self.job = self.desk.start("changed samples", lambda: varied(task, wish), page="train", quiet=True)
        self.job.said.connect(self._hear)
        self.job.refused.connect(self._refused)
        self.job.over.connect(self._over_now)
        self.sentence.setText("")

    def _hear(self, messages: list[Any]) -> None:
        for message in messages:
            if isinstance(message, Picture):
                place = 0 if message.name == "as it is" else int(message.name)
                if place < len(self.pictures):
                    self.pictures[place].put(message, "as it is" if place == 0 else "")
            elif isinstance(message, Note):
                self.sentence.setText(message.text)

    def _refused(self, refusal: Refused) -> None:
        self.sentence.setText(str(refusal))

    def _over_now(self) -> None:
        self.job = None
        again, self._again = self._again, False
        if again:
            self._draw()
