"""Train: choose what is taught, start, watch it learn, use what was learnt."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QAction, QHideEvent, QKeySequence, QShowEvent
from PySide6.QtWidgets import QFileDialog, QFrame, QLabel, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from medviz.gui.desk import Desk
from medviz.gui.form import Form
from medviz.gui.pages.page import Page
from medviz.gui.training.charts import Charts
from medviz.gui.training.draft import Draft
from medviz.gui.training.first import FirstStart, FirstStarts
from medviz.gui.training.outcome import Outcome
from medviz.gui.training.probes import Probes
from medviz.gui.training.run_list import RunList
from medviz.gui.training.runs import cards
from medviz.gui.training.setup import PlanLine, SetupBar
from medviz.gui.training.transport import Transport
from medviz.gui.training.watch import Watch
from medviz.messages import Work
from medviz.parameters import Settings
from medviz.refused import Refused

TELL_MS = 250
"""Between two looks at the clock while a run goes."""
LIST_EVERY = 4
"""So many looks at the clock between two at the disk."""


class TrainingPage(Page):
    """One page for all tasks: it knows them only by the catalog and by their parameters."""

    NAME: ClassVar[str] = "train"
    TITLE: ClassVar[str] = "Train"
    ICON: ClassVar[str] = "ph.chart-line-up"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.setProperty("look", "page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.draft = Draft(desk, lambda: self.own_run() is None, self)
        self.watches: dict[Path, Watch] = {}
        self.watch: Watch | None = None
        self.choose_folder: Callable[[str], str] = lambda title: QFileDialog.getExistingDirectory(self, title)
        self.setup, self.plan, self.outcome = SetupBar(desk.services), PlanLine(), Outcome()
        self.first = FirstStarts(desk.services)
        self.charts, self.probes, self.transport = Charts(), Probes(), Transport()
        self.runs = RunList()
        self.side = QWidget()
        self.form: QWidget = QWidget()
        self._tick = QTimer(self)
        self._tick.setInterval(TELL_MS)
        self._tick.timeout.connect(self._by_the_clock)
        self._ticks = 0
        self._lay_out()
        self._connect()
        self._bind_keys()
        self._put_form()

    def panel(self) -> QWidget:
        """Return the runs and the parameters of the task."""
        return self.side

    def entered(self) -> None:
        """Look for runs that came meanwhile."""
        self._list_runs()

    # What is seen ---------------------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        halves = QSplitter(Qt.Orientation.Horizontal)
        for half in (self.charts, self.probes):
            halves.addWidget(half)
        halves.setSizes([900, 1000])
        halves.setChildrenCollapsible(False)
        self.halves = halves
        self.middle = QStackedWidget()
        self.middle.addWidget(self.first)
        self.middle.addWidget(halves)
        above = QVBoxLayout()
        above.setContentsMargins(16, 8, 16, 0)
        above.addWidget(self.outcome)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for widget in (self.setup, self.plan, _line()):
            column.addWidget(widget)
        column.addLayout(above)
        column.addWidget(self.middle, 1)
        column.addWidget(self.transport)
        self.form_place = QVBoxLayout()
        side = QVBoxLayout(self.side)
        side.setContentsMargins(0, 4, 0, 0)
        side.setSpacing(8)
        side.addWidget(self.runs)
        side.addWidget(_line())
        side.addLayout(self.form_place, 1)

    def _connect(self) -> None:
        self.setup.task_chosen.connect(lambda name: self.draft.choose(name, {}))
        self.setup.part_chosen.connect(self.draft.turn)
        self.setup.checked.connect(self.draft.check)
        self.setup.started.connect(self.start)
        self.first.chosen.connect(self._start_first)
        self.draft.loading.connect(self._put_form)
        self.draft.loaded.connect(self._put_form)
        self.draft.changed.connect(self._show_state)
        self.transport.paused.connect(lambda: self._tell_run("pause"))
        self.transport.resumed.connect(lambda: self._tell_run("resume"))
        self.transport.stopped.connect(lambda: self._tell_run("stop"))
        self.outcome.viewer_wanted.connect(self._use_in_viewer)
        self.outcome.resume_wanted.connect(self._go_on)
        self.runs.chosen.connect(self.look_at)
        self.runs.compared.connect(self._compare)
        self.runs.open_wanted.connect(self._open_run)

    def _bind_keys(self) -> None:
        """Give the page's buttons keys; the window lists them in its help."""
        for button, key, does in (
            (self.setup.start, "Ctrl+Return", "start"),
            (self.transport.pause, "Ctrl+P", "pause or resume"),
            (self.transport.stop, "Ctrl+.", "stop and keep"),
        ):
            action = QAction(does, self)
            action.setShortcut(QKeySequence(key))
            action.triggered.connect(button.click)
            self.addAction(action)

    def _put_form(self) -> None:
        """Show the form of the task that is there now, or what it waits for."""
        self.form_place.removeWidget(self.form)
        self.form.hide()
        self.form.deleteLater()
        draft = self.draft
        if draft.is_loading or draft.store is None:
            waits = "loading PyTorch…" if draft.is_loading else "The parameters come here when a task is chosen."
            self.form = _hint(waits)
        else:
            self.form = Form.over(draft.store, self.desk.services.catalogs)
        self.form_place.addWidget(self.form)
        self._show_state()

    def _show_state(self) -> None:
        """Show what can be done now: the buttons, the middle, how the run stands."""
        draft, busy = self.draft, self.own_run()
        self.setup.show_task(draft.name, draft.task)
        why = f"{busy.title} is training: stop it first, or wait until it is done" if busy else ""
        ready = draft.task is not None and not draft.is_loading and busy is None
        self.setup.allow(check=ready and not draft.is_checking, start=ready, why=why)
        nothing = self.watch is None and draft.task is None and not draft.is_loading
        self.middle.setCurrentWidget(self.first if nothing else self.halves)
        self._tell()
        self._follow(self.watch is not None and self.watch.going and self.isVisible())

    def _follow(self, live: bool) -> None:
        """Draw by the clock while a run goes and is seen; nothing is drawn that is not seen."""
        self.charts.live(live)
        self.probes.live(live)
        if live != self._tick.isActive():
            self._tick.start() if live else self._tick.stop()

    def _by_the_clock(self) -> None:
        """Say how the run stands, and once a second how the others do."""
        self._ticks += 1
        if self._ticks % LIST_EVERY == 0:
            self._list_runs()
        self._say()

    def _tell(self) -> None:
        self._list_runs()
        self._say()

    def _say(self) -> None:
        if self.watch is not None and self.watch.going:
            self.plan.show_run(self.watch.history)
        else:
            self.plan.show_draft(self.draft)
        self.transport.show_run(self.watch)
        self.outcome.show_run(self.watch, self._resumable())

    def _list_runs(self) -> None:
        listed = self.desk.services.runs()
        own = tuple(watch for watch in self.watches.values() if watch.own)
        opened = tuple(folder for folder, watch in self.watches.items() if not watch.own and folder not in listed)
        found = cards((*opened, *listed), own, time.time())
        self.runs.put(found, self.watch.folder if self.watch else None)

    def showEvent(self, event: QShowEvent) -> None:
        """Draw again."""
        super().showEvent(event)
        self._show_state()

    def hideEvent(self, event: QHideEvent) -> None:
        """Draw nothing; the run goes on."""
        super().hideEvent(event)
        self._follow(False)

    # The life of a run ----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Train with the parameters as they are, in a folder of its own."""
        if self.draft.task is None or self.own_run():
            return
        if self.draft.is_checking:
            self.draft.when_checked(self.start)
            self.plan.say("Starts as soon as the check is done…")
            return
        task = self.draft.task
        try:
            folder = self.desk.services.new_run(name_of(task.data))
        except Refused as refusal:
            self.desk.tell(f"{refusal.thing}: {refusal.fault}", "error", refusal.remedy)
            return
        self._begin(Watch(folder, task, own=True, parent=self), lambda: self.desk.services.train(task, folder))

    def go_on(self, folder: Path) -> None:
        """Resume a run where it stopped; its curves go on too."""
        if self.own_run():
            return
        before = self.watches.get(folder)
        watch = Watch(folder, before.task if before else None, own=True, parent=self)
        if before is not None:
            watch.history = before.history
        self._begin(watch, lambda: self.desk.services.resume(folder))

    def look_at(self, folder: Path) -> None:
        """Show a run: one of this window, or one on the disk, which is then followed."""
        self._show_run(self._watch_of(folder))

    def own_run(self) -> Watch | None:
        """Return the run that trains in this window, None where there is none."""
        return next((watch for watch in self.watches.values() if watch.own and watch.going), None)

    def _start_first(self, one: FirstStart) -> None:
        fields = dict(one.fields)
        if one.folder:
            folder = self.choose_folder("Folder of a data set in MSD layout")
            if not folder:
                return
            fields["data"] = Settings(fields["data"].name, ((one.folder, folder),))
        self.draft.choose(one.task, fields, then=self.start)

    def _open_run(self) -> None:
        folder = self.choose_folder("Folder of a run")
        if folder:
            self.look_at(Path(folder))

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
        watch.warned.connect(self.desk.noticed)
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

    def _tell_run(self, wish: str) -> None:
        if self.watch is not None:
            {"pause": self.watch.pause, "resume": self.watch.resume, "stop": self.watch.stop}[wish]()

    def _go_on(self) -> None:
        if self.watch is not None:
            self.go_on(self.watch.folder)

    def _resumable(self) -> bool:
        if self.watch is None or self.watch.going or self.own_run():
            return False
        folder = self.watch.folder
        return any(card.folder == folder and card.resumable for card in self.runs.model.cards)

    def _use_in_viewer(self) -> None:
        if self.watch is not None:
            self.desk.predict_wanted.emit(str(self.watch.folder))
            self.desk.page_wanted.emit("viewer")


def name_of(data: Settings) -> str:
    """Name a run after its data: the last folder where there is one ("Task04_Hippocampus"), else the set's name."""
    folder = dict(data.values).get("folder")
    return Path(str(folder)).name or data.name if folder else data.name


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
