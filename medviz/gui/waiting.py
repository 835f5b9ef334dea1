"""A row for work that takes a while: how far it is, how long it still takes, and a way out."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QWidget

from medviz.gui.job import Job, clock

_FINE = 1000


class Waiting(QWidget):
    """Shows how far a job is; hidden until there is one. `cancelled` when a person has had enough."""

    cancelled = Signal()

    def __init__(self, name: str, cancel_hint: str) -> None:
        super().__init__()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(name)
        self.time = QLabel()
        self.time.setProperty("look", "small")
        self.cancel = QPushButton("Cancel")
        self.cancel.setToolTip(cancel_hint)
        self.cancel.clicked.connect(self.cancelled)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.bar, 1)
        row.addWidget(self.time)
        row.addWidget(self.cancel)
        self.hide()

    def show_job(self, job: Job | None) -> None:
        """Show how far a job is and how long it still takes; None: it is over."""
        self.setVisible(job is not None)
        if job is None:
            return
        now = job.progress
        known = now is not None and now.total > 0
        self.bar.setRange(0, _FINE if known else 0)
        if now is not None and known:
            self.bar.setValue(round(_FINE * min(1.0, now.done / now.total)))
        left = clock(job.left_s)
        doing = now.what if now is not None else "starting"
        self.time.setText("stopping" if job.stopping else f"{left} left" if left else doing)
        self.bar.setToolTip(doing)
