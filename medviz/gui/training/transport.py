"""The bar at the foot of the Train page: where the run stands, and the buttons that act on it within one step."""

import time

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from medviz.gui.icons import icon
from medviz.gui.status import Elided
from medviz.gui.training.watch import Watch
from medviz.gui.training.words import duration

ROOM_FOR_WORDS_PX, ROOM_FOR_TIMES_PX = 820, 900
LONGEST_S = 5.0
"""After so long without an answer a wish may be said again."""


class Transport(QWidget):
    """Pause, resume, stop and keep, save and preview now. Signals are wishes; the page acts on them."""

    paused = Signal()
    resumed = Signal()
    stopped = Signal()
    left_queue = Signal()
    save_wanted = Signal()
    preview_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 1000)
        self.pause = QPushButton("Pause")
        self.stop = QPushButton("Stop and keep")
        self.stop.setIcon(icon("ph.stop-fill"))
        self.stop.setToolTip("Stop after this step; weights, curves and pictures are kept, and the run can be resumed")
        self.leave = _button(
            "Take out of the queue", "ph.x", "Do not train it when its turn comes; it can be queued again"
        )
        self.leave.clicked.connect(self.left_queue)
        self.save = _button("Save now", "ph.floppy-disk", "Write a checkpoint after this step (Ctrl+Alt+S)")
        self.preview = _button("Preview now", "ph.eye", "Draw the probes after this step (Ctrl+Alt+P)")
        self.save.clicked.connect(self.save_wanted)
        self.preview.clicked.connect(self.preview_wanted)
        self._asked: dict[QPushButton, tuple[float, int]] = {}
        self.stand = Elided("where the run stands")
        self.left = QLabel()
        self.left.setAccessibleName("speed and time")
        self.left.setProperty("look", "dim")
        self.pause.clicked.connect(self._pause_clicked)
        self.stop.clicked.connect(self.stopped)
        row = QHBoxLayout()
        row.setContentsMargins(16, 8, 16, 8)
        row.setSpacing(8)
        for widget in (self.pause, self.stop, self.leave, self.save, self.preview):
            row.addWidget(widget)
        row.addSpacing(8)
        row.addWidget(self.stand, 1)
        row.addWidget(self.left)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.bar)
        column.addLayout(row)
        self._paused = False

    def show_run(self, watch: Watch | None) -> None:
        """Say where the run stands; called when its state changes and a few times a second while it goes."""
        self.setVisible(watch is not None)
        if watch is None:
            return
        self._paused = watch.state == "paused"
        acts = watch.obeys and watch.state != "stopping"
        self.pause.setText("Resume" if self._paused else "Pause")
        self.pause.setIcon(icon("ph.play-fill" if self._paused else "ph.pause-fill"))
        self.pause.setToolTip("Go on with the next step" if self._paused else "Take no further step until resumed")
        for button in (self.pause, self.stop, self.save, self.preview):
            button.setVisible(watch.obeys)
            button.setEnabled(acts)
        self.leave.setVisible(watch.state == "queued")
        for button in (self.save, self.preview):  # a paused run answers when it goes on
            button.setEnabled(acts and watch.state == "running" and not self._is_asked(button, watch))
        progress = watch.history.progress
        known = progress is not None and progress.total > 0
        self.bar.setRange(0, 1000 if known or not watch.going else 0)
        if known and progress is not None:
            self.bar.setValue(round(1000 * min(1.0, progress.done / progress.total)))
        elif not watch.going:
            self.bar.setValue(1000 if watch.state == "done" else 0)
        self.stand.write(standing(watch))
        self.left.setText(times(watch, self.width() < ROOM_FOR_TIMES_PX))

    def asked(self, button: QPushButton, watch: Watch) -> None:
        """Show that a wish is on its way; the run answers within a step, and that is seen."""
        self._asked[button] = (time.monotonic(), said_by(watch))
        button.setEnabled(False)

    def _is_asked(self, button: QPushButton, watch: Watch) -> bool:
        """True until the run said something more, or for as long as a step may take."""
        at_s, said = self._asked.get(button, (-LONGEST_S, 0))
        return said_by(watch) == said and time.monotonic() - at_s < LONGEST_S

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show icons alone where there is no room for the words."""
        super().resizeEvent(event)
        self._narrow()

    def _narrow(self) -> None:
        room = self.width() >= ROOM_FOR_WORDS_PX
        for button in (self.save, self.preview):
            button.setText(str(button.property("word")) if room else "")
        self.stop.setText("Stop and keep" if room else "Stop")

    def _pause_clicked(self) -> None:
        (self.resumed if self._paused else self.paused).emit()


def _button(word: str, sign: str, tip: str) -> QPushButton:
    button = QPushButton(word)
    button.setProperty("word", word)
    button.setIcon(icon(sign))
    button.setToolTip(tip)
    button.setAccessibleName(word.lower())
    return button


def said_by(watch: Watch) -> int:
    """Count what a run said in words and pictures: an answer to a wish is one of them."""
    return len(watch.history.notes) + watch.history.figures_heard


def standing(watch: Watch) -> str:
    """Say in words what the run does and how far it is."""
    progress = watch.history.progress
    where = ""
    if progress is not None and progress.total > 0:
        epoch = f"{progress.what} · " if progress.what and watch.going else ""
        where = f"{epoch}step {progress.done:,.0f} of {progress.total:,.0f}"
    elif progress is not None and progress.what:
        where = progress.what
    aside = watch.history.aside
    if aside is not None and watch.state == "running":
        where += f" · {aside.what or 'measuring'} {aside.done:,.0f} of {aside.total:,.0f}"
    words = {
        "queued": where or "queued",
        "waiting": "loading PyTorch and the data…" if watch.own else "opening the run…",
        "running": where,
        "paused": f"paused · {where}",
        "stopping": "finishing this step, then saving…",
        "stopped": f"stopped, all is kept · {where}",
        "failed": f"failed · {where}",
        "done": f"done · {where}",
        "lost": f"no sign of life for half a minute · {where}",
    }
    return words[watch.state].removesuffix(" · ")


def times(watch: Watch, short: bool = False) -> str:
    """Say how long it will take, how long it took and how fast it is; `short` says only the first that is known."""
    track = watch.history.tracks.get("train/samples per second")
    parts = []
    progress = watch.history.progress
    if watch.state == "running" and progress is not None and progress.left_s is not None:
        parts.append(f"{duration(progress.left_s)} left")
    if watch.own or watch.state == "running":
        parts.append(f"{duration(watch.elapsed_s)} so far" if watch.going else duration(watch.elapsed_s))
    if track is not None and watch.state == "running":
        parts.append(f"{track.last:,.3g} samples/s")
    return " · ".join(parts[:1] if short else parts)
