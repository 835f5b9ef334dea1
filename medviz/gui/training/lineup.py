"""The runs that the page watches: those trained in this window, those followed elsewhere, and who is in front."""

import contextlib
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from medviz.gui.desk import Desk
from medviz.gui.training.watch import Watch
from medviz.messages import Work
from medviz.parameters import Settings
from medviz.refused import Refused

HERE, PROCESS = "here", "process"
"""The places of a run that is trained in this window, and of one in a process of its own."""


class Lineup(QObject):
    """Starts, resumes and follows runs. `shown` (Watch or None) when another is in front, `changed` with a new state.

    One run at a time is trained in the window: they would draw from torch's one source of chance.
    """

    shown = Signal(object)
    changed = Signal()

    def __init__(self, desk: Desk, parent: QObject) -> None:
        super().__init__(parent)
        self.desk = desk
        self.watches: dict[Path, Watch] = {}
        self.front: Watch | None = None
        self._last: Watch | None = None

    def own_run(self) -> Watch | None:
        """Return the run that trains in this window, None where there is none."""
        return next((watch for watch in self.watches.values() if watch.own and watch.going), None)

    def start(self, task: object, place: str = HERE) -> Watch | None:
        """Train a task in a folder of its own, here or at another place; None where it was refused."""
        if place == HERE and self.own_run():
            return None
        try:
            folder = self.desk.services.new_run(name_of(task.data))  # type: ignore[attr-defined]
        except Refused as refusal:
            self.desk.tell(f"{refusal.thing}: {refusal.fault}", "error", refusal.remedy)
            return None
        services = self.desk.services
        if place == HERE:
            watch = Watch(folder, task, own=True, parent=self)
            return self._begin(watch, lambda: services.train(task, folder))
        watch = Watch(folder, task, own=False, parent=self)
        return self._begin(watch, lambda: services.teaching.begin(task, folder, place, False))

    def go_on(self, folder: Path, place: str = HERE) -> Watch | None:
        """Resume a run where it stopped; its curves go on too."""
        if place == HERE and self.own_run():
            return None
        services, before = self.desk.services, self.watches.get(folder)
        watch = Watch(folder, before.task if before else None, own=place == HERE, parent=self)
        if before is not None:
            watch.carry_on(before)
        if place == HERE:
            return self._begin(watch, lambda: services.resume(folder))
        return self._begin(watch, lambda: services.teaching.begin(None, folder, place, True))

    def look_at(self, folder: Path) -> None:
        """Put a run in front: one of this window, or one on the disk, which is then followed."""
        self.show(self.watch_of(folder))

    def follow(self, where: str) -> None:
        """Follow a run on another machine, or what another program writes for TensorBoard."""
        place = Path(where)
        if place not in self.watches:
            watch = self.watches[place] = Watch(place, None, own=False, parent=self, where=where)
            watch.changed.connect(self.changed)
            watch.begin(self.desk, lambda: self.desk.services.teaching.follow(where))
        self.show(self.watches[place])

    def watch_of(self, folder: Path) -> Watch:
        """Return who watches a run; it is followed from now on where nobody did."""
        if folder not in self.watches:
            watch = self.watches[folder] = Watch(folder, None, own=False, parent=self)
            watch.changed.connect(self.changed)
            watch.begin(self.desk, lambda: self.desk.services.attach(folder))
        return self.watches[folder]

    def show(self, watch: Watch | None) -> None:
        """Put a run in front, or none."""
        if watch is not self.front:
            self.front = watch
            self.shown.emit(watch)
        self.changed.emit()

    def forget(self, folder: Path) -> None:
        """Watch a run no longer (it was put away)."""
        watch = self.watches.pop(folder, None)
        if watch is not None and watch.job is not None and not watch.own:
            watch.job.stop()
        if watch is not None and watch is self.front:
            self.show(None)

    def may_go_on(self) -> str:
        """Say on a button that the run of this window could go on without it; empty where there is none."""
        places = dict(self.desk.services.teaching.places())
        self._last = self.own_run()
        return "Train on without the window" if self._last is not None and PROCESS in places else ""

    def let_go_on(self) -> None:
        """Let the run that was stopped last go on in a process of its own; closing that work leaves the run alone."""
        if self._last is None:
            return
        work = self.desk.services.teaching.begin(None, self._last.folder, PROCESS, True)
        with contextlib.suppress(Refused, StopIteration, OSError):  # it had not begun: there is nothing to go on with
            next(work)
            next(work)
        work.close()

    def _begin(self, watch: Watch, work: Callable[[], Work[Path]]) -> Watch:
        self.watches[watch.folder] = watch
        watch.changed.connect(self.changed)
        watch.warned.connect(self.desk.noticed)
        self.show(watch)
        watch.begin(self.desk, work)
        self.changed.emit()
        return watch


def name_of(data: Settings) -> str:
    """Name a run after its data: the last folder where there is one ("Task04_Hippocampus"), else the set's name."""
    folder = dict(data.values).get("folder")
    return Path(str(folder)).name or data.name if folder else data.name
