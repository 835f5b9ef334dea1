"""Before a run: what it will take, and three small trials on a copy that cost seconds and may save hours."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from medviz.figures import Curves, Line
from medviz.gui.form import scrolling
from medviz.gui.icons import icon
from medviz.gui.job import Job
from medviz.gui.training.bench import Bench
from medviz.gui.training.fed import Fed
from medviz.gui.training.panes import Panes
from medviz.gui.training.words import about, count, memory
from medviz.gui.waiting import Waiting
from medviz.messages import Message, Note, Scalar, Work
from medviz.refused import Refused

PLOT_PX = 240
TRIALS = (
    ("preflight", "Try one step", "ph.airplane-takeoff",
     "Two real steps on a copy: whether it fits, how long it takes, whether the loss begins where it may"),
    ("rate", "Find a learning rate", "ph.chart-line",
     "On a copy the rate rises from step to step until the loss does; proposes one that you may take"),
    ("heart", "Learn one batch by heart", "ph.brain",
     "A copy is taught one batch over and over: if it cannot, data, loss and network do not fit together"),
)  # fmt: skip


class Before(QWidget):
    """Shows the estimate of the draft and runs the trials, one at a time and never beside a training of this window."""

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self.bench = bench
        self.job: Job | None = None
        self.rate: float | None = None
        self._of: Any = None
        self._losses: list[float] = []
        self.facts = QGridLayout()
        self.buttons: dict[str, QPushButton] = {}
        self.waiting = Waiting("trial", "Stop the trial; nothing of it is kept")
        self.waiting.cancelled.connect(self.cancel)
        self.verdict = QLabel()
        self.verdict.setWordWrap(True)
        self.verdict.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.take = QPushButton()
        self.take.setProperty("look", "primary")
        self.take.setAccessibleName("use the learning rate that was found")
        self.take.setToolTip("Put the proposed learning rate into the set-up")
        self.take.clicked.connect(self._take_rate)
        self.fed = Fed(bench)
        self.plot = Panes(margins=False)
        self.plot.setFixedHeight(PLOT_PX)
        self._lay_out()
        self._clear()

    def _lay_out(self) -> None:
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(12)
        column.addWidget(_heading("What it will take"))
        self.facts.setHorizontalSpacing(16)
        self.facts.setVerticalSpacing(4)
        self.facts.setColumnStretch(2, 1)
        column.addLayout(self.facts)
        column.addWidget(self.fed)
        line = QFrame()
        line.setProperty("look", "line")
        column.addWidget(line)
        column.addWidget(_heading("Trials on a copy"))
        row = QHBoxLayout()
        row.setSpacing(8)
        for name, word, sign, tip in TRIALS:
            button = self.buttons[name] = QPushButton(word)
            button.setIcon(icon(sign))
            button.setToolTip(tip)
            button.clicked.connect(partial(self.run, name))
            row.addWidget(button)
        row.addStretch(1)
        column.addLayout(row)
        column.addWidget(self.waiting)
        column.addWidget(self.verdict)
        column.addWidget(self.take, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.plot)
        column.addStretch(1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        self.area = scrolling(inside)
        whole.addWidget(self.area)

    def refresh(self) -> None:
        """Show the plan as it stands; what was tried with other parameters goes."""
        draft = self.bench.draft
        if draft.task is not self._of:
            if self._of is not None and not self._same(draft.task):
                self._clear()
            self._of = draft.task
        self._put_facts(facts_of(draft.plan))
        self.fed.refresh(self.isVisible())
        busy = self.bench.lineup.own_run()
        ready = draft.task is not None and not draft.is_loading and not draft.is_checking and busy is None
        for name, button in self.buttons.items():
            button.setEnabled(ready and self.job is None)
            tip = next(one[3] for one in TRIALS if one[0] == name)
            button.setToolTip(f"{busy.title} is training: a trial would disturb it" if busy is not None else tip)

    def _same(self, task: Any) -> bool:
        """Tell whether only the learning rate differs: what was found of it still holds."""
        names = [name for name in getattr(task, "__dataclass_fields__", {}) if name != "learning_rate"]
        return type(task) is type(self._of) and all(getattr(task, n) == getattr(self._of, n) for n in names)

    def run(self, name: str) -> None:
        """Try something, beside the window."""
        task, teaching = self.bench.draft.task, self.bench.desk.services.teaching
        if task is None or self.job is not None or self.bench.lineup.own_run() is not None:
            return
        self._clear()
        works: dict[str, Callable[[Any], Work[Any]]] = {
            "preflight": teaching.preflight, "rate": teaching.find_rate, "heart": teaching.overfit,
        }  # fmt: skip
        ends: dict[str, Callable[[Any], None]] = {
            "preflight": self._flown, "rate": self._found, "heart": lambda words: self._say(words),
        }  # fmt: skip
        word = next(one[1] for one in TRIALS if one[0] == name)
        job = self.job = self.bench.desk.start(word.lower(), lambda: works[name](task), page="train")
        self.waiting.show_job(job)
        job.said.connect(self._hear)
        job.ended.connect(ends[name])
        job.refused.connect(self._refused)
        job.over.connect(self._over)
        self.refresh()

    def cancel(self) -> None:
        """Stop the trial."""
        if self.job is not None:
            self.job.stop()

    def _hear(self, messages: list[Message]) -> None:
        self.waiting.show_job(self.job)
        for message in messages:
            if isinstance(message, Note):
                self._say(f"{message.text}. {message.remedy}".removesuffix(" ").replace("..", "."), message.level)
            elif isinstance(message, Scalar) and message.name.startswith("train/loss"):
                self._losses.append(message.value)
            elif isinstance(message, Curves):
                self._draw(message)
        if self._losses:
            steps = np.arange(1.0, len(self._losses) + 1)
            line = Line("loss of one batch", steps, np.array(self._losses))
            self._draw(Curves("heart", (line,), "One batch, over and over", "step", "", log_y=True))

    def _flown(self, told: Mapping[str, Any]) -> None:
        draft = self.bench.draft
        draft.put_plan({**draft.plan, **told})

    def _found(self, rate: float) -> None:
        self.rate = rate
        now = getattr(self.bench.draft.task, "learning_rate", None)
        self.take.setText(f"Use a learning rate of {rate:.2g}")
        self.take.setVisible(now is not None and now != rate)

    def _take_rate(self) -> None:
        store = self.bench.draft.store
        if store is not None and self.rate is not None:
            store.update(learning_rate=self.rate)
        self.take.hide()

    def _refused(self, refusal: Refused) -> None:
        self._say(f"{refusal.thing}: {refusal.fault}. {refusal.remedy}", "error")

    def _over(self) -> None:
        self.job = None
        QTimer.singleShot(0, self, self._come_into_sight)
        self.waiting.show_job(None)
        self.refresh()

    def _come_into_sight(self) -> None:
        """Scroll to what was found."""
        found = (self.plot, self.take, self.verdict)
        last = next((one for one in found if one.isVisibleTo(self)), None)
        if last is not None:
            self.area.ensureWidgetVisible(last)

    def _say(self, words: str, level: str = "info") -> None:
        look = {"warning": "warning", "error": "bad"}.get(level, "")
        before = self.verdict.text()
        if look != self.verdict.property("look"):
            self.verdict.setProperty("look", look)
            self.verdict.style().unpolish(self.verdict)
            self.verdict.style().polish(self.verdict)
        self.verdict.setText(f"{before}\n{words}".strip())
        self.verdict.show()

    def _draw(self, figure: Curves) -> None:
        self.plot.show_rows([[figure]])
        self.plot.show()

    def _clear(self) -> None:
        self._losses, self.rate = [], None
        self.verdict.clear()
        for widget in (self.verdict, self.take, self.plot):
            widget.hide()

    def _put_facts(self, rows: list[tuple[str, str, str]]) -> None:
        while (item := self.facts.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        for row, (name, value, note) in enumerate(rows or [("", "The check tells it: weights, memory, time.", "")]):
            for column, (text, look) in enumerate(((name, "dim"), (value, ""), (note, "small"))):
                label = QLabel(text)
                label.setProperty("look", look)
                label.setWordWrap(column == 2)
                self.facts.addWidget(label, row, column)


def facts_of(plan: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """List what a plan tells as (what, value, remark)."""
    rows: list[tuple[str, str, str]] = []

    def put(name: str, what: str, words: Callable[[Any], str], note: str = "") -> None:
        if plan.get(name) is not None:
            rows.append((what, words(plan[name]), note))

    frozen = plan.get("parameters", 0) - plan.get("trainable", plan.get("parameters", 0))
    put("parameters", "Weights", count, f"{count(frozen)} of them stand still" if frozen else "")
    put("training_samples", "Samples to learn from", lambda n: f"{n:,}")
    put("steps", "Steps", lambda n: f"{n:,}", _epochs(plan))
    put("gflop_per_step", "Arithmetic", lambda n: f"{n:,.3g} GFLOP a step")
    free = f"of {memory(plan['free_mib'] * 2**20)} that are free" if "free_mib" in plan else ""
    put(
        "memory_mib", "Memory", lambda n: memory(n * 2**20), free if plan.get("fits", True) else f"does not fit: {free}"
    )
    put("memory_peak_mib", "Memory, measured", lambda n: memory(n * 2**20))
    put("seconds_per_step", "A step", lambda n: f"{n:.2g} s" if n >= 0.1 else f"{1000 * n:.2g} ms")
    put("seconds_per_epoch", "An epoch", about)
    put("seconds", "The whole run", about, str(plan.get("device", "")))
    put("first_loss", "Loss at the start", lambda n: f"{n:.3f}", _chance(plan))
    return rows


def _epochs(plan: Mapping[str, Any]) -> str:
    return f"{plan['steps_per_epoch']:,} an epoch" if "steps_per_epoch" in plan else ""


def _chance(plan: Mapping[str, Any]) -> str:
    chance = plan.get("chance_loss")
    return f"a network that knows nothing has {chance:.3f}" if chance is not None else ""


def _heading(text: str) -> QLabel:
    label = QLabel(text)
    label.setProperty("look", "heading")
    return label
