"""Train: choose what is taught, start, watch it learn, use what was learnt."""

import time
from pathlib import Path
from typing import ClassVar

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QFileDialog, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from medviz.gui.desk import Desk
from medviz.gui.pages.page import Page
from medviz.gui.training.acts import Acts
from medviz.gui.training.before import Before
from medviz.gui.training.bench import RunView
from medviz.gui.training.cards import cards, looked_up
from medviz.gui.training.charts import Charts
from medviz.gui.training.draft import Draft
from medviz.gui.training.first import FirstStarts
from medviz.gui.training.groundwork import Groundwork
from medviz.gui.training.lineup import Lineup
from medviz.gui.training.outcome import Outcome
from medviz.gui.training.runs import RunCard
from medviz.gui.training.samples import Samples
from medviz.gui.training.setup import PlanLine, SetupBar
from medviz.gui.training.side import SET_UP, Side, line
from medviz.gui.training.strokes import Shown
from medviz.gui.training.tabs import RunTabs
from medviz.gui.training.transport import Transport
from medviz.gui.training.views import VIEWS
from medviz.gui.training.watch import Watch

TELL_MS = 250
"""Between two looks at the clock while a run goes."""
LIST_MS = 1000
"""Between two looks at the disk while the page is seen."""


class TrainingPage(Page):
    """One page for all tasks: it knows them only by the catalog and by their parameters."""

    NAME: ClassVar[str] = "train"
    TITLE: ClassVar[str] = "Train"
    ICON: ClassVar[str] = "ph.chart-line-up"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.setProperty("look", "page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.lineup = Lineup(desk, self)
        self.draft = Draft(desk, lambda: self.lineup.own_run() is None, self)
        self.setup, self.plan, self.outcome = SetupBar(desk.services), PlanLine(), Outcome()
        self.ground = Groundwork(self, self)
        self.first, self.before = FirstStarts(desk.services), Before(self)
        self.first.offer(self.ground.get)
        self.charts, self.transport = Charts(), Transport()
        self.views: dict[str, RunView] = {kind.WORD: kind(self) for kind in VIEWS}
        self.tabs = RunTabs()
        self.side = Side(self)
        self.runs = self.side.runs
        self._disk: tuple[RunCard, ...] = ()
        self._looking = False
        self._tick = QTimer(self)
        self._tick.setInterval(TELL_MS)
        self._tick.timeout.connect(self._say)
        self._seldom = QTimer(self)
        self._seldom.setInterval(LIST_MS)
        self._seldom.timeout.connect(self._by_the_clock)
        self._lay_out()
        self.acts = Acts(self, self)
        self._connect()
        self.side.put_form()
        self._show_state()

    def panel(self) -> QWidget:
        """Return the runs, the parameters of the task and what is known of the run."""
        return self.side

    def entered(self) -> None:
        """Look for runs that came meanwhile."""
        self.look_for_runs()

    def close_page(self) -> None:
        """Draw no more; the runs that train elsewhere go on."""
        self._seldom.stop()
        self._follow(False)
        self.ground.close_all()

    def goes_on(self) -> str:
        """Say that the run of this window could go on without it."""
        return self.lineup.may_go_on()

    def let_go_on(self) -> None:
        """Let the run go on in a process of its own, where it stopped, bit for bit."""
        self.lineup.let_go_on()

    @property
    def watch(self) -> Watch | None:
        """The run in front."""
        return self.lineup.front

    def show_view(self, word: str) -> None:
        """Bring a view beside the curves to the front."""
        self.tabs.show_word(word)

    def make_samples(self) -> None:
        """Bring the wishes for new samples to the front."""
        self.show_view(Samples.WORD)
        samples = self.views[Samples.WORD]
        if isinstance(samples, Samples):
            samples.choice.button(1).click()

    def show_side(self, word: str) -> None:
        """Bring a tab of the panel at the side to the front."""
        self.side.tabs.show_word(word)

    def choose_folder(self, title: str) -> str:
        """Ask for a folder."""
        return QFileDialog.getExistingDirectory(self, title)

    def start(self) -> None:
        """Train with the parameters as they are."""
        self.acts.start()

    # What is seen ---------------------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        for word, view in self.views.items():
            self.tabs.add(view, word, view.HINT)
        halves = QSplitter(Qt.Orientation.Horizontal)
        for half in (self.charts, self.tabs):
            halves.addWidget(half)
        halves.setSizes([850, 1150])
        halves.setChildrenCollapsible(False)
        self.halves = halves
        self.middle = QStackedWidget()
        for widget in (self.first, self.before, halves):
            self.middle.addWidget(widget)
        self.middle.addWidget(self.ground.pane)
        above = QVBoxLayout()
        above.setContentsMargins(16, 8, 16, 0)
        above.addWidget(self.ground.strip)
        above.addWidget(self.outcome)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for above_all in (self.setup, self.plan, line()):
            column.addWidget(above_all)
        column.addLayout(above)
        column.addWidget(self.middle, 1)
        column.addWidget(self.transport)

    def _connect(self) -> None:
        self.lineup.shown.connect(self._show_run)
        self.lineup.changed.connect(self._show_state)
        self.draft.loading.connect(self._form_changed)
        self.draft.loaded.connect(self._form_changed)
        self.draft.changed.connect(self._show_state)
        self.ground.turned.connect(self._show_state)
        self.runs.chosen.connect(self.lineup.look_at)
        self.runs.compared.connect(self._compare)
        for tabs in (self.tabs, self.side.tabs):
            tabs.turned.connect(self._refollow)
            tabs.stack.currentChanged.connect(self._tab_turned)

    def _form_changed(self) -> None:
        self.side.put_form()
        self._show_state()

    def _show_run(self, watch: Watch | None) -> None:
        self.ground.step_back(watch is not None)
        self.charts.show_run(self._as_shown(watch) if watch is not None else None)
        for view in (*self.views.values(), *self.side.views):
            view.show_run(watch)
        self._compare(self.runs.model.compared)
        self.show_side(SET_UP if watch is None else "Run")

    def _show_state(self) -> None:
        """Show what can be done now: the buttons, the middle, how the run stands."""
        draft, busy = self.draft, self.lineup.own_run()
        self.setup.show_task(draft.name, draft.task)
        why = f"{busy.title} is training: stop it first, or wait until it is done" if busy else ""
        ready = draft.task is not None and not draft.is_loading
        free = ready and busy is None
        self.setup.allow(check=free and not draft.is_checking, start=free, elsewhere=ready, why=why)
        set_up = self.before if draft.task is not None or draft.is_loading else self.first
        seen = self.halves if self.watch is not None else set_up
        self.middle.setCurrentWidget(self.ground.pane if self.ground.showing else seen)
        self.before.refresh()
        self._list()
        self._say()
        self._refollow()

    def _tab_turned(self) -> None:
        """Let what came to the front draw what it missed."""
        for view in (*self.views.values(), *self.side.views):
            if view.isVisible():
                view.entered()

    def _refollow(self) -> None:
        self._follow(self.watch is not None and self.watch.going and self.isVisible())

    def _follow(self, live: bool) -> None:
        """Draw by the clock while a run goes and is seen; nothing is drawn that is not seen."""
        self.charts.live(live)
        for word, view in self.views.items():
            view.live(live and self.tabs.front == word)
        for view in self.side.views:
            view.live(live and self.side.front() == view.WORD and self.side.isVisible())
        if live != self._tick.isActive():
            self._tick.start() if live else self._tick.stop()

    def _by_the_clock(self) -> None:
        """Take note of what came about elsewhere: other runs, and what others did with the one in front."""
        self.look_for_runs()
        if self.watch is not None:
            self.watch.look_round()

    def _say(self) -> None:
        if self.watch is not None and self.watch.going:
            self.plan.show_run(self.watch.history)
        else:
            self.plan.show_draft(self.draft)
            if (
                self.draft.refusal is None
                and not self.draft.is_loading
                and self.middle.currentWidget() is not self.first
            ):
                self.plan.hide()  # before a run it stands at length below; beside one that has ended it is none of it
        self.transport.show_run(self.watch)
        self.outcome.show_run(self.watch, self.resumable())
        self.side.refresh()
        for word, view in self.views.items():
            view.refresh()
            self.tabs.badge(word, view.badge())

    def look_for_runs(self) -> None:
        """Read the heartbeats of all runs beside the window, and list them."""
        if self._looking:
            return
        self._looking = True
        services, watches = self.desk.services, self.lineup.watches
        also = tuple(folder for folder, watch in watches.items() if not watch.own and not watch.where)
        work = lambda: looked_up(services.runs, also, services.teaching.queue, time.time())  # noqa: E731
        job = self.desk.start("looking for runs", work, page="train", then=self._take_cards, quiet=True)
        job.over.connect(self._looked)

    def _take_cards(self, found: tuple[RunCard, ...]) -> None:
        self._disk = found
        self._list()
        self.outcome.show_run(self.watch, self.resumable())

    def _looked(self) -> None:
        self._looking = False

    def _list(self) -> None:
        found = cards(self._disk, tuple(self.lineup.watches.values()))
        self.runs.put(found, self.watch.folder if self.watch else None)
        self.side.fit_runs()

    def showEvent(self, event: QShowEvent) -> None:
        """Draw again."""
        super().showEvent(event)
        self._seldom.start()
        self._show_state()

    def hideEvent(self, event: QHideEvent) -> None:
        """Draw nothing; the run goes on."""
        super().hideEvent(event)
        self._seldom.stop()
        self._follow(False)

    # Comparing ------------------------------------------------------------------------------------------------------

    def _as_shown(self, watch: Watch) -> Shown:
        return Shown(watch.title, watch.history, self.runs.colour_of(watch.folder))

    def _compare(self, folders: frozenset[Path]) -> None:
        current = self.watch.folder if self.watch else None
        others = [self.lineup.watch_of(folder) for folder in sorted(folders) if folder != current]
        self.charts.compare(tuple(map(self._as_shown, others)))

    def resumable(self) -> bool:
        """Tell whether the run in front broke off and can go on in this window."""
        if self.watch is None or self.watch.going or self.watch.where or self.lineup.own_run():
            return False
        if self.watch.state in ("stopped", "failed", "lost"):
            return any(card.folder == self.watch.folder and card.resumable for card in self.runs.model.cards)
        return False
