"""The curves of a run: loss, measures, rate, gradient; redrawn ten times a second at most."""

from dataclasses import replace

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from medviz.gui.training.history import Across, History, curves
from medviz.gui.training.panes import BAR_PX, Panes
from medviz.gui.training.watch import Watch

REDRAW_MS, SLOWEST_MS = 100, 2000
POINTS_PER_MS = 100
"""A thousand points take a millisecond to draw: this leaves nine tenths of the time to the rest of the window."""
ROWS = (("loss",), ("measures",), ("rate", "gradient", "other"))
HEIGHTS = (5, 5, 4)
ROOM_FOR_ALL_PX, ROOM_FOR_NAMES_PX = 400, 560


class Charts(QWidget):
    """Draws the curves of the run that is watched, and dashed beside them those it is compared with."""

    def __init__(self) -> None:
        super().__init__()
        self.watch: Watch | None = None
        self.others: dict[str, History] = {}
        self.across: Across = "step"
        self._drawn: object = None
        self.panes = Panes()
        self.waits = QLabel("The curves begin with the first steps.")
        self.waits.setProperty("look", "dim")
        self.waits.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.log = QPushButton("log")
        self.log.setCheckable(True)
        self.log.setToolTip("Draw loss and learning rate on a logarithmic axis")
        self.log.toggled.connect(self.redraw)
        self.by_step, self.by_time = QPushButton("steps"), QPushButton("seconds")
        self._lay_out()
        self._timer = QTimer(self)
        self._timer.setInterval(REDRAW_MS)
        self._timer.timeout.connect(self.redraw_if_new)

    def _lay_out(self) -> None:
        head = QWidget()
        head.setFixedHeight(BAR_PX)
        bar = QHBoxLayout(head)
        bar.setContentsMargins(16, 8, 16, 0)
        heading = QLabel("Curves")
        heading.setProperty("look", "heading")
        bar.addWidget(heading)
        bar.addStretch(1)
        choice = QButtonGroup(self)
        for button, tip in ((self.by_step, "Over steps"), (self.by_time, "Over seconds of training")):
            button.setCheckable(True)
            button.setToolTip(tip)
            choice.addButton(button)
        self.by_step.setChecked(True)
        choice.buttonToggled.connect(self._turned)
        for button in (self.log, self.by_step, self.by_time):
            button.setProperty("look", "quiet")
            bar.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(head)
        column.addWidget(self.waits, 1)
        column.addWidget(self.panes, 1)

    def show_run(self, watch: Watch | None) -> None:
        """Draw another run from now on."""
        self.watch = watch
        self.redraw()

    def compare(self, others: dict[str, History]) -> None:
        """Draw these runs too, by name."""
        self.others = others
        self.redraw()

    def live(self, on: bool) -> None:
        """Follow the run by a timer, or stand still."""
        if on != self._timer.isActive():
            self._timer.start() if on else self._timer.stop()
            self.redraw_if_new()

    def redraw_if_new(self) -> None:
        """Draw if anything came since the last time."""
        if self._drawn != self._now():
            self.redraw()

    def redraw(self) -> None:
        """Draw what has come so far."""
        self._drawn = self._now()
        history = self.watch.history if self.watch else History()
        others = tuple(self.others.items())
        rows = []
        for groups in ROWS[: 3 if self.height() >= ROOM_FOR_ALL_PX else 2]:
            made = [curves(history, group, self.across, self.log.isChecked(), others) for group in groups]
            rows.append([figure for figure in made if figure is not None])
        rows = [row for row in rows if row]
        named = len(rows) - 1 if self.height() >= ROOM_FOR_NAMES_PX else len(rows)  # once, at the foot; else above only
        rows = [[replace(one, x_name="") for one in row] for row in rows[:named]] + rows[named:]
        self.panes.setVisible(bool(rows))
        self.waits.setVisible(not rows)
        self.panes.show_rows(rows, HEIGHTS)
        points = sum(len(line.x) for row in rows for figure in row for line in figure.lines)
        self._timer.setInterval(min(max(REDRAW_MS, points // POINTS_PER_MS), SLOWEST_MS))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave the small plots and the names of the axes out where there is no room for them."""
        super().resizeEvent(event)
        now, before = event.size().height(), event.oldSize().height()
        if any((now >= room) != (before >= room) for room in (ROOM_FOR_ALL_PX, ROOM_FOR_NAMES_PX)):
            self.redraw()

    def _now(self) -> object:
        history = self.watch.history if self.watch else None
        return id(history), history.scalars_heard if history else 0, [h.scalars_heard for h in self.others.values()]

    def _turned(self) -> None:
        self.across = "time" if self.by_time.isChecked() else "step"
        self.redraw()
