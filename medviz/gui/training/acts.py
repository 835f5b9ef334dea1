"""What a person does on the Train page: start, stop, resume, ask, use. Each act is one method and one signal."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QFileDialog, QWidget

from medviz.gui.training.bench import Bench
from medviz.gui.training.charts import Charts
from medviz.gui.training.first import FirstStart, FirstStarts
from medviz.gui.training.keeping import keep, keep_points, png_of
from medviz.gui.training.outcome import Outcome
from medviz.gui.training.run_acts import RunActs
from medviz.gui.training.run_list import RunList
from medviz.gui.training.setup import PlanLine, SetupBar
from medviz.gui.training.transport import Transport
from medviz.parameters import Settings


class Workplace(Bench, Protocol):
    """The page with its buttons."""

    setup: SetupBar
    plan: PlanLine
    first: FirstStarts
    charts: Charts
    transport: Transport
    outcome: Outcome
    runs: RunList

    def make_samples(self) -> None:
        """Bring the wishes for new samples to the front."""
        ...

    def choose_folder(self, title: str) -> str:
        """Ask for a folder; empty where a person thought better of it."""
        ...

    def look_for_runs(self) -> None:
        """Read the list of runs anew."""
        ...


class Acts(QObject):
    """Joins the page's buttons, menus and keys to what they do; `over` is what dialogs stand over."""

    def __init__(self, page: Workplace, over: QWidget) -> None:
        super().__init__(over)
        self.page, self.over, self.desk = page, over, page.desk
        self.draft, self.lineup = page.draft, page.lineup
        self._connect()
        self._bind_keys()

    def _connect(self) -> None:
        page = self.page
        page.setup.task_chosen.connect(lambda name: self.draft.choose(name, {}))
        page.setup.part_chosen.connect(self.draft.turn)
        page.setup.checked.connect(self.draft.check)
        page.setup.started.connect(self.start)
        page.charts.saved.connect(self.save_curves)
        page.setup.placed.connect(self.start_at)
        page.first.chosen.connect(self._start_first)
        page.transport.paused.connect(lambda: self._tell("pause"))
        page.transport.resumed.connect(lambda: self._tell("resume"))
        page.transport.stopped.connect(lambda: self._tell("stop"))
        page.transport.left_queue.connect(self._leave_queue)
        page.transport.save_wanted.connect(lambda: self._order("save"))
        page.transport.preview_wanted.connect(lambda: self._order("preview"))
        self.runs = RunActs(page, page.runs, self.over, page.look_for_runs)
        for wish, act in (
            (page.outcome.viewer_wanted, self.runs.use_in_viewer),
            (page.outcome.resume_wanted, self.lineup.go_on),
            (page.outcome.export_wanted, self.runs.export),
            (page.outcome.card_wanted, self.runs.show_card),
        ):
            wish.connect(partial(self._with_run, act))
        page.outcome.samples_wanted.connect(page.make_samples)

    def _bind_keys(self) -> None:
        """Give the page's buttons keys; the window lists them in its help."""
        page = self.page
        for button, key, does in (
            (page.setup.start, "Ctrl+Return", "start"),
            (page.runs.new, "Ctrl+N", "set up another run"),
            (page.transport.pause, "Ctrl+P", "pause or resume"),
            (page.transport.stop, "Ctrl+.", "stop and keep"),
            (page.transport.save, "Ctrl+Alt+S", "save now"),
            (page.transport.preview, "Ctrl+Alt+P", "preview now"),
        ):
            action = QAction(does, self.over)
            action.setShortcut(QKeySequence(key))
            action.triggered.connect(button.click)
            self.over.addAction(action)

    def start(self) -> None:
        """Train with the parameters as they are, in a folder of its own."""
        if self.draft.task is None or self.lineup.own_run():
            return
        if self.draft.is_checking:
            self.draft.when_checked(self.start)
            self.page.plan.say("Starts as soon as the check is done…")
            return
        self.lineup.start(self.draft.task)

    def start_at(self, place: str) -> None:
        """Train with the parameters as they are, in a process of its own or when its turn comes."""
        if self.draft.task is not None:
            self.lineup.start(self.draft.task, place)

    def _with_run(self, act: Callable[[Path], object]) -> None:
        """Do something with the run in front."""
        if self.page.watch is not None:
            act(self.page.watch.folder)

    def _start_first(self, one: FirstStart) -> None:
        if not one.folder:
            self.draft.choose(one.task, dict(one.fields), then=self.start)
            return
        folder = self.page.choose_folder("Folder of your data")
        if folder:
            known = self.desk.services.teaching.recognised
            self.desk.start("looking at the folder", lambda: known(Path(folder)), "train", self._set_up_data)

    def _set_up_data(self, found: tuple[str, Settings]) -> None:
        """Set up what the folder serves, and check it: whether it can be learnt from is seen before it is."""
        task, data = found
        self.draft.choose(task, {"data": data}, then=self.page.setup.check.click)

    def _tell(self, wish: str) -> None:
        watch = self.page.watch
        if watch is not None:
            {"pause": watch.pause, "resume": watch.resume, "stop": watch.stop}[wish]()

    def _order(self, wish: str) -> None:
        watch, transport = self.page.watch, self.page.transport
        if watch is not None and watch.order(wish):
            transport.asked(transport.save if wish == "save" else transport.preview, watch)

    def _leave_queue(self) -> None:
        if self.page.watch is not None:
            self.runs.leave_queue(self.page.watch.folder)

    def save_curves(self, kind: str) -> None:
        """Ask for a file and write the curves: every point as CSV, or what is seen as PNG."""
        watch = self.page.watch
        if watch is not None:
            words = {"csv": "CSV (*.csv)", "png": "PNG (*.png)"}[kind]
            place, _ = QFileDialog.getSaveFileName(self.over, "Save the curves", f"{watch.title}-curves.{kind}", words)
            if place:
                self.write_curves(Path(place), kind)

    def write_curves(self, path: Path, kind: str) -> None:
        """Write the curves beside the window."""
        charts = self.page.charts
        if kind == "csv":
            keep_points(self.desk, path, charts.points())
        else:
            data = png_of(charts.picture())
            keep(self.desk, path, lambda: data)
