"""How a run ended, and what can be done with it: a card above the curves."""

import numpy as np
from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QGuiApplication, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout

from medviz.gui.icons import icon
from medviz.gui.training.history import History, line_name
from medviz.gui.training.watch import Watch
from medviz.gui.training.words import duration

ROOM_FOR_WORDS_PX = 820
MOST = 5
"""So many measures are told of at the end."""
AGAINST = "against "
"""So begins the name of a table of results that compares the run with another."""
_ICONS = {
    "done": ("ph.check-circle-fill", "good"),
    "stopped": ("ph.stop-circle-fill", "dim"),
    "failed": ("ph.warning-circle-fill", "bad"),
    "lost": ("ph.question-fill", "warning"),
}


class Outcome(QFrame):
    """Done, stopped or failed: what, why, what to do. Signals are wishes; the page acts on them."""

    viewer_wanted = Signal()
    resume_wanted = Signal()
    export_wanted = Signal()
    card_wanted = Signal()
    samples_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("look", "card")
        self.picture = QLabel()
        self.title = QLabel()
        self.title.setProperty("look", "heading")
        self.text = QLabel()
        self.text.setProperty("look", "dim")
        for label in (self.title, self.text):
            label.setWordWrap(True)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.picture.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        self.viewer = QPushButton("Use in viewer")
        self.viewer.setIcon(icon("ph.eye", "on_accent"))
        self.viewer.setProperty("look", "primary")
        self.viewer.setToolTip("Run the trained network over the open scan and put its prediction on top")
        self.viewer.clicked.connect(self.viewer_wanted)
        self.samples = QPushButton("Make samples")
        self.samples.setIcon(icon("ph.magic-wand", "on_accent"))
        self.samples.setProperty("look", "primary")
        self.samples.setToolTip("Ask the trained network for something new")
        self.samples.clicked.connect(self.samples_wanted)
        self.resume = QPushButton("Resume")
        self.resume.setIcon(icon("ph.play-fill"))
        self.resume.setToolTip("Go on with the next step, exactly where it stopped")
        self.resume.clicked.connect(self.resume_wanted)
        self.export, self.card = QPushButton("Export…"), QPushButton("Model card")
        self.export.setIcon(icon("ph.export"))
        self.card.setIcon(icon("ph.identification-card"))
        self.export.setAccessibleName("export")
        self.card.setAccessibleName("model card")
        self.export.setToolTip("Write the network for use elsewhere: pt2, ONNX, TorchScript, a MONAI bundle")
        self.card.setToolTip("What the network does, from what it was taught, how well")
        self.export.clicked.connect(self.export_wanted)
        self.card.clicked.connect(self.card_wanted)
        self.details = QPushButton("Copy details")
        self.details.setToolTip("Copy the program's own account of the fault, for a report")
        self.details.clicked.connect(self._copy)
        self._trace = ""
        self._state = ""
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self.title)
        words.addWidget(self.text)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 8, 16, 8)
        row.setSpacing(8)
        row.addWidget(self.picture)
        row.addLayout(words, 1)
        for button in (self.details, self.card, self.export, self.resume, self.samples, self.viewer):
            row.addWidget(button)
        self.hide()

    def show_run(self, watch: Watch | None, resumable: bool) -> None:
        """Show how a run ended; nothing while it goes."""
        ended = watch is not None and watch.state in _ICONS
        self.setVisible(ended)
        if watch is None or not ended:
            return
        self._state = watch.state
        self._paint_icon()
        self.title.setText(headline(watch))
        self.text.setText(account(watch))
        self.text.setVisible(bool(self.text.text()))
        self._trace = watch.failure.trace if watch.failure else ""
        self.details.setVisible(bool(self._trace))
        self.resume.setVisible(resumable)
        used = watch.state in ("done", "stopped") and not watch.where
        for button in (self.export, self.card):
            button.setVisible(used)
        purpose = getattr(watch.task, "USED", "viewer")
        for button, what in ((self.viewer, "viewer"), (self.samples, "samples")):
            button.setVisible(used and purpose == what)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show icons alone on the lesser buttons where words would push the text into many lines."""
        super().resizeEvent(event)
        room = self.width() >= ROOM_FOR_WORDS_PX
        self.export.setText("Export…" if room else "")
        self.card.setText("Model card" if room else "")

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self._state:
            self._paint_icon()

    def _paint_icon(self) -> None:
        name, colour = _ICONS[self._state]
        self.picture.setPixmap(icon(name, colour).pixmap(QSize(24, 24)))

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._trace)


def headline(watch: Watch) -> str:
    """Say in a line how the run ended."""
    if watch.failure is not None:
        return f"{watch.failure.what}: {watch.failure.why}"
    took = f" in {duration(watch.elapsed_s)}" if watch.own else ""
    return f"{watch.title} is trained{took}" if watch.state == "done" else f"{watch.title} was stopped; all is kept"


def account(watch: Watch) -> str:
    """Say what to do about a failure, or what was reached."""
    if watch.failure is not None:
        remedy = watch.failure.remedy
        return f"What to do: {remedy}." if remedy else ""
    return "\n".join(filter(None, (reached(watch.history), compared(watch.history))))


def compared(history: History) -> str:
    """Say how it did against another run on the same cases, where it was to be compared with one."""
    return "\n".join(table.title for name, table in history.results.items() if name.startswith(AGAINST))


def reached(history: History) -> str:
    """Say each measure as it was when the best weights were kept: "grey matter 0.971 · white matter 0.968"."""
    best = history.best()
    if best is None:
        return ""
    names = history.few("measures", MOST) or [best[0]]
    parts = []
    for name in names[:MOST]:
        track = history.tracks[name]
        there = np.flatnonzero(track.steps == best[2])
        if there.size and np.isfinite(track.values[there[-1]]):
            parts.append(f"{line_name(name, 'measures')} {track.values[there[-1]]:.3f}")
    return f"Best on samples it never saw: {' · '.join(parts)}" if parts else ""
