"""The player: one step at a time, with the same keys in every lab."""

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLayout, QSlider, QToolButton, QWidget

from medviz.gui.icons import icon

SPEEDS = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)


class Player(QWidget):
    """Says `stepped` (number). `show_step` shows where it stands. While `held()` is true the next step waits."""

    stepped = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.step, self.steps, self._speed = 0, 0, 2
        self.held = lambda: False
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._tick)
        self.first = self._button("ph.skip-back", "First step (Home)", lambda: self.go(0))
        self.back = self._button("ph.caret-left", "One step back (←)", lambda: self.go(self.step - 1))
        self.play = self._button("ph.play", "Play or pause (Space)", self.toggle)
        self.forward = self._button("ph.caret-right", "One step on (→)", lambda: self.go(self.step + 1))
        self.last = self._button("ph.skip-forward", "Last step (End)", lambda: self.go(self.steps - 1))
        self.where = QLabel()
        self.where.setProperty("look", "dim")
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setMinimumWidth(40)
        self.slider.valueChanged.connect(self.go)
        self.speed = QSlider(Qt.Orientation.Horizontal)
        self.speed.setRange(0, len(SPEEDS) - 1)
        self.speed.setFixedWidth(64)
        self.speed.valueChanged.connect(self.set_speed)
        self.speed_text = QLabel()
        self.speed_text.setProperty("look", "dim")
        self._lay_out()
        self.set_speed(self._speed)
        self.show_step(0, 0)

    def _button(self, name: str, words: str, act: object) -> QToolButton:
        button = QToolButton()
        button.setIcon(icon(name))
        button.setToolTip(words)
        button.setAccessibleName(words)
        button.setProperty("look", "quiet")
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(act)
        return button

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setSizeConstraint(QLayout.SizeConstraint.SetNoConstraint)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        for widget in (self.first, self.back, self.play, self.forward, self.last):
            row.addWidget(widget)
        row.addSpacing(8)
        row.addWidget(self.where)
        row.addSpacing(8)
        row.addWidget(self.slider, 1)
        row.addSpacing(8)
        row.addWidget(self.speed)
        row.addWidget(self.speed_text)
        for slider, words in ((self.slider, "Step"), (self.speed, "Speed (↑ ↓)")):
            slider.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            slider.setToolTip(words)
            slider.setAccessibleName(words)
        self.where.setMinimumWidth(self.where.fontMetrics().horizontalAdvance("0000/0000"))
        self.speed_text.setMinimumWidth(self.speed_text.fontMetrics().horizontalAdvance("0.5/s"))

    @property
    def playing(self) -> bool:
        """True while it goes by itself."""
        return self._timer.isActive()

    def show_step(self, step: int, steps: int) -> None:
        """Show where the lab stands; says nothing."""
        self.step, self.steps = step, steps
        self.setEnabled(steps > 1)
        self.slider.blockSignals(True)
        self.slider.setRange(0, max(0, steps - 1))
        self.slider.setValue(step)
        self.slider.blockSignals(False)
        text = f"{step + 1}/{steps}" if steps else "–"
        self.where.setText(text)
        self.where.setMinimumWidth(max(self.where.minimumWidth(), self.where.sizeHint().width()))
        if steps <= 1:
            self.pause()

    def go(self, step: int) -> None:
        """Go to a step; beyond the ends it stays there."""
        inside = min(max(step, 0), max(0, self.steps - 1))
        if inside != self.step and self.steps:
            self.stepped.emit(inside)

    def toggle(self) -> None:
        """Play or pause; at the end it plays from the beginning."""
        if self.playing:
            self.pause()
        elif self.steps > 1:
            if self.step >= self.steps - 1:
                self.stepped.emit(0)
            self._timer.start(self._pause_ms)
            self.play.setIcon(icon("ph.pause"))

    def pause(self) -> None:
        """Stand still."""
        self._timer.stop()
        self.play.setIcon(icon("ph.play"))

    def faster(self, by: int = 1) -> None:
        """Play faster, or slower (-1)."""
        self.set_speed(self._speed + by)

    def set_speed(self, place: int) -> None:
        """Take a speed of SPEEDS."""
        self._speed = min(max(place, 0), len(SPEEDS) - 1)
        self.speed.setValue(self._speed)
        self.speed_text.setText(f"{SPEEDS[self._speed]:g}/s")
        self._timer.setInterval(self._pause_ms)

    @property
    def _pause_ms(self) -> int:
        return round(1000 / SPEEDS[self._speed])

    def _tick(self) -> None:
        if self.held():
            return
        if self.step >= self.steps - 1:
            self.pause()
        else:
            self.go(self.step + 1)
