"""What the network of the draft is fed: one sample as it is, and as training changes it. Drawn beside the window."""

from dataclasses import replace
from typing import Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from medviz.figures import Picture
from medviz.gui.job import Job
from medviz.gui.surveying import Varied
from medviz.gui.training.bench import Bench
from medviz.gui.training.panes import Panes
from medviz.gui.training.probes import legend_of
from medviz.messages import Message

SETTLE_MS = 600
SHOWN = 5
HIGH_PX = 168
TURNS = ("data", "dimensions", "patch", "sides", "augment", "changes", "size")
"""The fields of a task by which its samples are made."""


class Fed(QWidget):
    """Draws the samples of the draft once its fields have settled and its plan is there; hidden where it has none."""

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self.bench = bench
        self.panes = Panes(margins=False)
        self.panes.setFixedHeight(HIGH_PX)
        self.pictures: dict[str, Picture] = {}
        self.job: Job | None = None
        self._of: Any = None
        heading = QLabel("What it learns from")
        heading.setProperty("look", "heading")
        self.legend = QLabel()
        self.legend.setProperty("look", "small")
        head = QHBoxLayout()
        head.addWidget(heading)
        head.addWidget(self.legend, 1, Qt.AlignmentFlag.AlignRight)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self.panes)
        self._settling = QTimer(self)
        self._settling.setSingleShot(True)
        self._settling.setInterval(SETTLE_MS)
        self._settling.timeout.connect(self._draw)
        self.hide()

    def refresh(self, seen: bool) -> None:
        """Draw anew where the samples of the draft are others; `seen`: the set-up is in front."""
        draft = self.bench.draft
        fields = fields_of(draft.task)
        if fields != self._of:
            self._of = fields
            self.pictures = {}
            self.hide()
            if self.job is not None:
                self.job.stop()
        ready = seen and draft.task is not None and bool(draft.plan) and not draft.is_checking
        if ready and not self.pictures and self.job is None and not self._settling.isActive():
            self._settling.start()

    def _draw(self) -> None:
        task = self.bench.draft.task
        if task is None or self.job is not None or self.pictures or self.bench.lineup.own_run() is not None:
            return
        varied = self.bench.desk.services.surveying.varied
        names = tuple(name for name, on in self.bench.desk.services.surveying.changes(task) if on)
        wish = Varied(names=names, strength=getattr(task, "augment", 1.0), count=SHOWN)
        job = self.job = self.bench.desk.start("drawing samples", lambda: varied(task, wish), "train", quiet=True)
        job.refused.disconnect()  # a task that changes no samples has none to show here
        job.said.connect(self._hear)
        job.over.connect(self._over)

    def _hear(self, messages: list[Message]) -> None:
        for one in messages:
            if isinstance(one, Picture) and self.job is not None and not self.job.stopping:
                title = "as it is" if one.name == "as it is" else f"changed, {one.name}"
                self.legend.setText(legend_of((one,)))
                self.pictures[one.name] = replace(one, name=f"fed {one.name}", title=title, label_names=())

    def _over(self) -> None:
        self.job = None
        if fields_of(self.bench.draft.task) != self._of or not self.pictures:
            return
        self.panes.show_rows([list(self.pictures.values())])
        self.show()


def fields_of(task: Any) -> tuple[Any, ...]:
    """What the samples of a task depend on."""
    return (type(task), *(getattr(task, name, None) for name in TURNS))
