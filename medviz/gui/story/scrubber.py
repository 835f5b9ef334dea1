"""The slider from epoch 0 to now: play, step, drag; at its right end it goes along with the run."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSlider, QToolButton, QWidget

from medviz.gui.icons import icon
from medviz.imaging.story import Frame

PLAY_MS = 180
"""Between two epochs while they are played."""


class Scrubber(QWidget):
    """`chosen` (number of a frame) comes when another frame is to be seen, by hand, by play or because it is new."""

    chosen = Signal(int)

    def __init__(self, step_keys: str = ", and .", play_key: str = "P") -> None:
        super().__init__()
        self.frames: tuple[Frame, ...] = ()
        self.sticks = True
        self._play_key = play_key
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("epoch")
        self.slider.setToolTip(f"From before the first step to now ({step_keys} go one back and on); at the right end "
                               "the newest epoch is followed")  # fmt: skip
        self.slider.setPageStep(1)
        self.slider.valueChanged.connect(self._moved)
        self.play = QToolButton()
        self.play.setCheckable(True)
        self.play.setProperty("look", "quiet")
        self.play.setAccessibleName("play the epochs")
        self.play.toggled.connect(self._play)
        self.said = QLabel()
        self.said.setProperty("look", "dim")
        self.said.setMinimumWidth(132)
        self._timer = QTimer(self)
        self._timer.setInterval(PLAY_MS)
        self._timer.timeout.connect(self._tick)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        for widget, share in ((self.play, 0), (self.slider, 1), (self.said, 0)):
            row.addWidget(widget, share)
        self._show()

    @property
    def number(self) -> int:
        """The frame that is looked at."""
        return self.slider.value()

    @property
    def frame(self) -> Frame | None:
        """What is known of it."""
        return self.frames[self.number] if self.number < len(self.frames) else None

    def show_frames(self, frames: Sequence[Frame]) -> None:
        """There are other frames: at the right end the newest is followed, elsewhere the epoch stays."""
        was = self.frame
        self.frames = tuple(frames)
        last = max(0, len(self.frames) - 1)
        self.slider.blockSignals(True)
        self.slider.setMaximum(last)
        if self.sticks or was is None:
            self.slider.setValue(last)
        else:  # the one nearest to what was seen: frames are thinned out
            self.slider.setValue(min(range(len(frames)), key=lambda k: abs(frames[k].step - was.step), default=0))
        self.slider.blockSignals(False)
        self._show()
        if self.frames and self.frame is not was:
            self.chosen.emit(self.number)

    def go(self, number: int) -> None:
        """Look at a frame."""
        self.slider.setValue(min(max(number, 0), self.slider.maximum()))

    def go_to_epoch(self, epoch: float) -> None:
        """Look at the frame nearest to an epoch."""
        if self.frames:
            self.go(min(range(len(self.frames)), key=lambda k: abs(self.frames[k].epoch - epoch)))

    def step(self, count: int) -> None:
        """Go some frames on or back."""
        self.go(self.number + count)

    def stop(self) -> None:
        """End playing."""
        self.play.setChecked(False)

    def _moved(self, number: int) -> None:
        self.sticks = number == self.slider.maximum()
        self._show()
        if self.frames:
            self.chosen.emit(number)

    def _play(self, on: bool) -> None:
        self._show()
        if not on:
            self._timer.stop()
            return
        if self.number == self.slider.maximum():
            self.go(0)
        self._timer.start()

    def _tick(self) -> None:
        if self.number >= self.slider.maximum():
            self.stop()
        else:
            self.step(1)

    def _show(self) -> None:
        playing = self.play.isChecked()
        self.play.setIcon(icon("ph.pause-fill" if playing else "ph.play-fill", "text"))
        does = "Stop at this epoch" if playing else "Play all epochs from the first"
        self.play.setToolTip(f"{does} ({self._play_key})")
        self.play.setEnabled(len(self.frames) > 1)
        self.slider.setEnabled(len(self.frames) > 1)
        self.said.setText(self.words())

    def words(self) -> str:
        """Say which epoch is seen."""
        frame = self.frame
        if frame is None:
            return "no epoch yet"
        if frame.step == 0:
            return "before the first step"
        newest = " · now" if self.sticks else ""
        return f"epoch {frame.epoch:.3g} · step {frame.step:,}{newest}"
