"""Train: choose what is taught, start, watch it learn, use what was learnt."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QFileDialog, QFrame, QLabel, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from medviz.gui.desk import Desk
from medviz.gui.form import Form
from medviz.gui.job import Job
from medviz.gui.pages.page import Page
from medviz.gui.store import Store
from medviz.gui.training.charts import Charts
from medviz.gui.training.first import FirstStart, FirstStarts
from medviz.gui.training.outcome import Outcome
from medviz.gui.training.probes import Probes
from medviz.gui.training.run_list import RunList
from medviz.gui.training.runs import cards
from medviz.gui.training.setup import SetupBar, with_part
from medviz.gui.training.transport import Transport
from medviz.gui.training.watch import Watch
from medviz.gui.training.words import plan_in_words
from medviz.messages import Progress, Work
from medviz.parameters import Settings, built
from medviz.refused import Refused

TELL_MS = 250
"""Between two looks at the clock while a run goes (time left, list of runs)."""
SETTLE_MS = 700
"""After the last change of a parameter the plan is made anew."""


class TrainingPage(Page):
    """One page for all tasks: it knows them only by the catalog and by their parameters."""

    NAME: ClassVar[str] = "train"
    TITLE: ClassVar[str] = "Train"
    ICON: ClassVar[str] = "ph.chart-line-up"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.setProperty("look", "page")
        self.task_name = ""
        self.store: Store[Any] | None = None
        self.watches: dict[Path, Watch] = {}
        self.watch: Watch | None = None
        self._loading: Job | None = None
        self._planning: Job | None = None
        self._plan: dict[str, Any] = {}
        self._plan_is_due = False
        self._then: Callable[[], None] | None = None
        self.choose_folder = self._ask_for_folder
        self.setup = SetupBar(desk.services)
        self.plan = QLabel()
        self.outcome = Outcome()
        self.first = FirstStarts(desk.services)
        self.charts, self.probes = Charts(), Probes()
        self.transport = Transport()
        self.runs = RunList()
        self.side = QWidget()
        self._lay_out()
        self._connect()
        self._tick = QTimer(self)
        self._tick.setInterval(TELL_MS)
        self._tick.timeout.connect(self._tell)
        self._settling = QTimer(self)
        self._settling.setInterval(SETTLE_MS)
        self._settling.setSingleShot(True)
        self._settling.timeout.connect(self._make_plan)
        self._show_state()

    def panel(self) -> QWidget:
        """Return the runs and the parameters of the task."""
        return self.side

    def entered(self) -> None:
        """Look for runs that came meanwhile."""
        self._list_runs()

    # What is seen ---------------------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        self.plan.setProperty("look", "dim")
        self.plan.setWordWrap(True)
        self.plan.setContentsMargins(16, 0, 16, 8)
        self.plan.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.halves = QSplitter(Qt.Orientation.Horizontal)
        self.halves.addWidget(self.charts)
        self.halves.addWidget(self.probes)
        self.halves.setSizes([1000, 1000])
        self.halves.setChildrenCollapsible(False)
        self.middle = QStackedWidget()
        self.middle.addWidget(self.first)
        self.middle.addWidget(self.halves)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        above = QVBoxLayout()
        above.setContentsMargins(16, 8, 16, 0)
        above.addWidget(self.outcome)
        column.addWidget(self.setup)
        column.addWidget(self.plan)
        column.addWidget(_line())
        column.addLayout(above)
        column.addWidget(self.middle, 1)
        column.addWidget(self.transport)
        self.form_place = QVBoxLayout()
        side = QVBoxLayout(self.side)
        side.setContentsMargins(16, 8, 8, 8)
        side.setSpacing(8)
        side.addWidget(self.runs, 2)
        side.addWidget(_line())
        side.addLayout(self.form_place, 5)
        self.form: QWidget = QWidget()
        self._put_form(_hint("The parameters come here when a task is chosen."))

    def _connect(self) -> None:
        self.setup.task_chosen.connect(lambda name: self.choose(name))
        self.setup.part_chosen.connect(self._choose_part)
        self.setup.checked.connect(self._make_plan)
        self.setup.started.connect(self.start)
        self.first.chosen.connect(self._start_first)
        self.transport.paused.connect(self._pause)
        self.transport.resumed.connect(self._resume)
        self.transport.stopped.connect(self._stop)
        self.outcome.viewer_wanted.connect(self._use_in_viewer)
        self.outcome.resume_wanted.connect(self._go_on)
        self.runs.chosen.connect(self.look_at)
        self.runs.compared.connect(self._compare)

    def _put_form(self, form: QWidget) -> None:
        self.form_place.removeWidget(self.form)
        self.form.hide()
        self.form.deleteLater()
        self.form = form
        self.form_place.addWidget(form)

    def _show_state(self) -> None:
        """Show what can be done now: the buttons, the middle, how the run stands."""
        task = self.store.state if self.store else None
        self.setup.show_task(self.task_name, task)
        busy = self._own_run()
        why = f"{busy.title} is training: stop it first, or wait until it is done" if busy else ""
        self.setup.allow(check=task is not None and not busy, start=task is not None and not busy, why=why)
        nothing = self.watch is None and self.store is None and self._loading is None
        self.middle.setCurrentWidget(self.first if nothing else self.halves)
        self._tell()
        watching = self.watch is not None and self.watch.going and self.isVisible()
        self.charts.live(watching)
        self.probes.live(watching)
        if watching != self._tick.isActive():
            self._tick.start() if watching else self._tick.stop()

    def _tell(self) -> None:
        self.transport.show_run(self.watch)
        self.outcome.show_run(self.watch, self._resumable())
        self._list_runs()

    def _list_runs(self) -> None:
        own = tuple(watch for watch in self.watches.values() if watch.own)
        found = cards(self.desk.services.runs(), own, time.time())
        self.runs.put(found, self.watch.folder if self.watch else None)

    def showEvent(self, event: QShowEvent) -> None:
        """Draw again."""
        super().showEvent(event)
        self._show_state()

    def hideEvent(self, event: QHideEvent) -> None:
        """Draw nothing that is not seen; the run goes on."""
        super().hideEvent(event)
        for one in (self.charts, self.probes):
            one.live(False)
        self._tick.stop()

    # What is chosen -------------------------------------------------------------------------------------------------

    def choose(self, name: str, fields: dict[str, Any] | None = None, then: Callable[[], None] | None = None) -> None:
        """Choose a task; it is imported beside the window (PyTorch takes seconds), then shown, then `then` is done."""
        if self._loading is not None:
            return
        self.task_name, self._then = name, then
        self.plan.setText("loading PyTorch…")
        self._put_form(_hint("loading PyTorch…"))
        self._loading = self.desk.start(
            "loading PyTorch", lambda: _loaded(self.desk.services.tasks, name, fields or {}), page="train"
        )
        self._loading.ended.connect(self._take)
        self._loading.over.connect(self._loading_over)
        self._show_state()

    def _take(self, task: Any) -> None:
        self.store = Store(task)
        self.store.listen(lambda old, new: self._changed())
        self._put_form(Form.over(self.store, self.desk.services.catalogs))

    def _loading_over(self) -> None:
        self._loading = None
        then, self._then = self._then, None
        if self.store is None:
            self.task_name = ""
            self._put_form(_hint("The parameters come here when a task is chosen."))
        self.plan.setText("")
        self._show_state()
        if self.store is not None:
            if then is not None:
                then()
            self._changed()

    def _changed(self) -> None:
        """Follow a change of the task: the bar, and the plan a moment later."""
        self._plan = {}
        self._say_plan()
        task = self.store.state if self.store else None
        self.setup.show_task(self.task_name, task)
        if not self._own_run():
            self._settling.start()

    def _choose_part(self, field: str, settings: Settings) -> None:
        if self.store is not None:
            self.store.put(with_part(self.store.state, field, settings))

    def _start_first(self, one: FirstStart) -> None:
        fields = dict(one.fields)
        if one.folder:
            folder = self.choose_folder()
            if not folder:
                return
            fields["data"] = Settings(fields["data"].name, ((one.folder, folder),))
        self.choose(one.task, fields, then=self.start)

    def _ask_for_folder(self) -> str:
        return QFileDialog.getExistingDirectory(self, "Folder of a data set in MSD layout")

    # What it will take ----------------------------------------------------------------------------------------------

    def _make_plan(self) -> None:
        """Work out what a run would take, beside the window; one at a time, and never beside a training."""
        self._settling.stop()
        if self.store is None or self._own_run():
            return
        if self._planning is not None:
            self._plan_is_due = True
            return
        task = self.store.state
        self._plan_is_due = False
        self.setup.check.setText("Checking…")
        self._planning = self.desk.start("checking", lambda: _planned(self.desk.services.plan, task), page="train")
        self._planning.ended.connect(lambda plan: self._planned(task, plan))
        self._planning.refused.connect(lambda refusal: self._cannot(str(refusal)))
        self._planning.over.connect(self._planning_over)

    def _planned(self, task: Any, plan: dict[str, Any]) -> None:
        if self.store is not None and self.store.state is task:
            self._plan = plan
            self._say_plan()

    def _cannot(self, sentence: str) -> None:
        self.plan.setProperty("look", "bad")
        self._restyle()
        self.plan.setText(sentence)

    def _planning_over(self) -> None:
        self._planning = None
        self.setup.check.setText("Check")
        then, self._then = self._then, None
        if then is not None:
            then()
        elif self._plan_is_due:
            self._make_plan()

    def _say_plan(self) -> None:
        if self.store is None:
            return
        self.plan.setProperty("look", "dim")
        self._restyle()
        self.plan.setText(f"Plan: {plan_in_words(self._plan, self.store.state)}")

    def _restyle(self) -> None:
        self.plan.style().unpolish(self.plan)
        self.plan.style().polish(self.plan)

    # The life of a run ----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Train with the parameters as they are, in a folder of its own."""
        if self.store is None or self._own_run():
            return
        self._settling.stop()
        if self._planning is not None:  # both would draw from torch's one source of chance
            self._then = self.start
            self.plan.setText("Starts when the check is done…")
            return
        task = self.store.state
        try:
            folder = self.desk.services.new_run(f"{self.task_name}-{task.data.name}")
        except Refused as refusal:
            self.desk.tell(f"{refusal.thing}: {refusal.fault}", "error", refusal.remedy)
            return
        self._begin(Watch(folder, task, own=True, parent=self), lambda: self.desk.services.train(task, folder))

    def go_on(self, folder: Path) -> None:
        """Resume a run where it stopped."""
        if not self._own_run():
            before = self.watches.get(folder)
            watch = Watch(folder, before.task if before else None, own=True, parent=self)
            if before is not None:
                watch.history = before.history
            self._begin(watch, lambda: self.desk.services.resume(folder))

    def _pause(self) -> None:
        if self.watch is not None:
            self.watch.pause()

    def _resume(self) -> None:
        if self.watch is not None:
            self.watch.resume()

    def _stop(self) -> None:
        if self.watch is not None:
            self.watch.stop()

    def _go_on(self) -> None:
        if self.watch is not None:
            self.go_on(self.watch.folder)

    def look_at(self, folder: Path) -> None:
        """Show a run: one of this window, or one on the disk, which is then followed."""
        self._show_run(self._watch_of(folder))

    def _watch_of(self, folder: Path) -> Watch:
        if folder not in self.watches:
            watch = Watch(folder, None, own=False, parent=self)
            watch.changed.connect(self._show_state)
            self.watches[folder] = watch
            watch.begin(self.desk, lambda: self.desk.services.attach(folder))
        return self.watches[folder]

    def _begin(self, watch: Watch, work: Callable[[], Work[Path]]) -> None:
        self.watches[watch.folder] = watch
        watch.changed.connect(self._show_state)
        self._show_run(watch)
        watch.begin(self.desk, work)
        self._show_state()

    def _show_run(self, watch: Watch) -> None:
        if watch is not self.watch:
            self.watch = watch
            self.charts.show_run(watch)
            self.probes.show_run(watch)
            self._compare(self.runs.model.compared)
        self._show_state()

    def _compare(self, folders: frozenset[Path]) -> None:
        current = self.watch.folder if self.watch else None
        others = [self._watch_of(folder) for folder in sorted(folders) if folder != current]
        self.charts.compare({watch.title: watch.history for watch in others})

    def _own_run(self) -> Watch | None:
        """Return the run that trains in this window, None where there is none."""
        return next((watch for watch in self.watches.values() if watch.own and watch.going), None)

    def _resumable(self) -> bool:
        if self.watch is None or self.watch.going or self._own_run():
            return False
        folder = self.watch.folder
        card = next((card for card in self.runs.model.cards if card.folder == folder), None)
        return card is not None and card.resumable

    def _use_in_viewer(self) -> None:
        if self.watch is not None:
            self.desk.predict_wanted.emit(str(self.watch.folder))
            self.desk.page_wanted.emit("viewer")


def _loaded(tasks: Any, name: str, fields: dict[str, Any]) -> Work[Any]:
    """Import a task and make one with these fields."""
    yield Progress(0, 0, "loading PyTorch")
    kind = tasks[name]
    task = kind()
    return built(kind, {one: value for one, value in fields.items() if hasattr(task, one)})


def _planned(plan: Callable[[Any], Any], task: Any) -> Work[dict[str, Any]]:
    yield Progress(0, 0, "checking")
    return dict(plan(task))


def _line() -> QFrame:
    line = QFrame()
    line.setProperty("look", "line")
    return line


def _hint(text: str) -> QLabel:
    label = QLabel(text)
    label.setProperty("look", "dim")
    label.setWordWrap(True)
    label.setAlignment(Qt.AlignmentFlag.AlignTop)
    return label


__all__ = ["TrainingPage"]
