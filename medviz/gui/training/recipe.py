"""The run in front: what may be changed while it goes, and the parameters it was begun with."""

from dataclasses import replace
from typing import Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from medviz.gui.fields import Fields
from medviz.gui.number import Number
from medviz.gui.training.bench import Bench, RunView
from medviz.gui.training.watch import Watch
from medviz.messages import Work
from medviz.parameters import MISSING, Group, Live, Parameter, Range, Settings, When, parameters

SETTLE_MS = 400
"""After the last turn of a control the run is told."""
RATE = "rate factor"
_FACTOR = Parameter("factor", "float", 1.0, "What the learning rate is multiplied by", (Range(0.01, 100.0, log=True),))


class Recipe(RunView):
    """Shows the recipe of the run, and above it the controls that act on it within one step."""

    WORD = "Run"
    HINT = "The parameters of the run, and what may be changed while it goes"

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self.none = QLabel("The parameters of the run that is looked at stand here.")
        self.none.setProperty("look", "dim")
        self.none.setWordWrap(True)
        self.tuning = QWidget()
        self.rate = Number(_FACTOR)
        self.said = QLabel()
        self.said.setProperty("look", "small")
        self.said.setWordWrap(True)
        self.fields: Fields | None = None
        self.rows = QGridLayout()
        self.rows.setHorizontalSpacing(8)
        self.rows.setVerticalSpacing(4)
        self.rows.setColumnStretch(1, 1)
        self._of: Watch | None = None
        self._filled: tuple[Any, Watch | None] = (None, None)
        self._wishes: dict[str, Any] = {}
        self._answers = 0
        self._settling = QTimer(self)
        self._settling.setSingleShot(True)
        self._settling.setInterval(SETTLE_MS)
        self._settling.timeout.connect(self._tell)
        self._lay_out()

    def _lay_out(self) -> None:
        heading, below = QLabel("While it goes"), QLabel("Recipe")
        for label in (heading, below):
            label.setProperty("look", "heading")
        self._below = below
        name = QLabel("Learning rate ×")
        name.setBuddy(self.rate.box)
        self.rate.box.setToolTip("Multiply the learning rate from the next step on; the change is marked on the curves")
        self.rate.put(1.0)
        self.rate.edited.connect(lambda value: self._wish(RATE, value))
        self.rate.reset_wanted.connect(self._reset_rate)
        line = QGridLayout()
        line.setColumnStretch(1, 1)
        line.addWidget(name, 0, 0)
        line.addWidget(self.rate, 0, 1)
        self._live = QVBoxLayout(self.tuning)
        self._live.setContentsMargins(0, 0, 0, 0)
        self._live.setSpacing(8)
        self._live.addWidget(heading)
        self._live.addLayout(line)
        self._live.addWidget(self.said)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 4, 8)
        column.setSpacing(8)
        for widget in (self.none, self.tuning, below):
            column.addWidget(widget)
        column.addLayout(self.rows)
        column.addStretch(1)

    def show_run(self, watch: Watch | None) -> None:
        """Show another run; its recipe is read where it is not known."""
        self._of = watch
        self._wishes.clear()
        self._answers = len(watch.history.turns) if watch is not None else 0
        self.rate.put(watch.tuned.get(RATE, 1.0) if watch is not None else 1.0)
        self.said.clear()
        if watch is not None and watch.task is None and not watch.where:
            self._read(watch)
        self.refresh()

    def refresh(self) -> None:
        """Show what the run takes now, and what it answered."""
        watch = self._of
        task = watch.task if watch is not None else None
        self.none.setVisible(task is None)
        self._below.setVisible(task is not None)
        self.tuning.setVisible(watch is not None and watch.obeys)
        if (task, watch) != self._filled:
            self._filled = (task, watch)
            self._fill(task)
        turns = watch.history.turns if watch is not None else []
        if len(turns) > self._answers:
            self._answers = len(turns)
            self.said.setText(f"step {turns[-1].step:,}: {turns[-1].words}")

    def _read(self, watch: Watch) -> None:
        """Read the recipe beside the window: that imports the task."""
        read, folder = self.bench.desk.services.teaching.recipe, watch.folder
        job = self.bench.desk.start(f"reading {watch.title}", lambda: _recipe(read, folder), quiet=True)
        job.refused.disconnect()  # a run of another kind simply has no recipe to show
        job.ended.connect(lambda task: self._take(watch, task))

    def _take(self, watch: Watch, task: Any) -> None:
        watch.know(task)
        watch.changed.emit()  # what it is for is known now
        if watch is self._of:
            self.refresh()

    def _fill(self, task: Any) -> None:
        while (item := self.rows.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        if self.fields is not None:
            self._live.removeWidget(self.fields)
            self.fields.hide()
            self.fields.deleteLater()
            self.fields = None
        if task is None:
            return
        for row, (name, value, turned) in enumerate(recipe_rows(task)):
            self._put_row(row, name, value, turned)
        live = tuple(one for one in parameters(task) if one.mark(Live) and one.name != "learning_rate")
        if live:
            tuned = self._of.tuned if self._of is not None else {}
            now = {one.name: tuned.get(one.name, getattr(task, one.name)) for one in live}
            self.fields = Fields(_flat(live), now, {})
            self.fields.edited.connect(self._wish)
            self._live.insertWidget(2, self.fields)

    def _put_row(self, row: int, name: str, value: str, turned: bool) -> None:
        label, said = QLabel(name), QLabel(value)
        label.setProperty("look", "dim")
        said.setProperty("changed", "true" if turned else "false")
        said.setWordWrap(True)
        said.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        said.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.rows.addWidget(label, row, 0, Qt.AlignmentFlag.AlignTop)
        self.rows.addWidget(said, row, 1)

    def _reset_rate(self) -> None:
        self.rate.put(1.0)
        self._wish(RATE, 1.0)

    def _wish(self, name: str, value: Any) -> None:
        self._wishes[name] = value
        if self.fields is not None and self._of is not None and name in self.fields.rows:
            task, tuned = self._of.task, {**self._of.tuned, **self._wishes}
            self.fields.put({one.name: tuned.get(one.name, getattr(task, one.name)) for one in self.fields.shown})
        self._settling.start()

    def _tell(self) -> None:
        """Tell the run what was turned, once the hand rests."""
        wishes, self._wishes = self._wishes, {}
        watch = self._of
        if watch is None or not watch.obeys:
            return
        for name, value in wishes.items():
            watch.order(name, value)
        said = (
            f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in wishes.items()
        )
        self.said.setText(f"asked: {', '.join(said)}…")


def recipe_rows(task: Any) -> list[tuple[str, str, bool]]:
    """List the parameters of a task as (name, value with unit, differs from the default)."""
    rows = []
    for one in parameters(task):
        value = getattr(task, one.name)
        default = one.default if one.default is not MISSING else value
        rows.append((one.label[:1].upper() + one.label[1:], _written(one, value), value != default))
        if isinstance(value, Settings):
            rows += [(f"    {name.replace('_', ' ')}", str(inner), True) for name, inner in value.values]
    return rows


def _written(one: Parameter, value: Any) -> str:
    if value is None:
        return "automatic"
    if isinstance(value, Settings):
        return value.name
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    bounds = one.mark(Range)
    text = f"{value:g}" if isinstance(value, float) else str(value) or "–"
    return f"{text} {bounds.unit}" if bounds is not None and bounds.unit else text


def _flat(found: tuple[Parameter, ...]) -> tuple[Parameter, ...]:
    """Take the headings off: there are few."""
    return tuple(replace(one, marks=tuple(m for m in one.marks if not isinstance(m, Group | When))) for one in found)


def _recipe(read: Any, folder: Any) -> Work[Any]:
    yield from ()
    return read(folder)
