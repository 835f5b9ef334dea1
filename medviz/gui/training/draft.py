"""The task that is being set up: imported beside the window, turned by hand, and checked before it is trained."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from medviz.gui.desk import Desk
from medviz.gui.job import Job
from medviz.gui.store import Store
from medviz.messages import Progress, Work
from medviz.parameters import Settings, built
from medviz.refused import Refused

SETTLE_MS = 700
"""After the last change of a parameter the plan is made anew."""


class Draft(QObject):
    """Holds the task (`store`, None until one is chosen) and what a run of it would take (`plan`).

    Signals: `loading` when a task is being imported; `loaded` when it is there, with another kind of form; `changed`
    when one of its parameters or its plan changed. `can_plan` says whether a plan may be made now: never beside a
    training, since both draw from torch's one source of chance.
    """

    loading = Signal()
    loaded = Signal()
    changed = Signal()

    def __init__(self, desk: Desk, can_plan: Callable[[], bool], parent: QObject) -> None:
        super().__init__(parent)
        self.desk, self.can_plan = desk, can_plan
        self.name = ""
        self.store: Store[Any] | None = None
        self.plan: Mapping[str, Any] = {}
        self.refusal: Refused | None = None
        self._loading: Job | None = None
        self._planning: Job | None = None
        self._due = False
        self._then: Callable[[], None] | None = None
        self._settling = QTimer(self)
        self._settling.setInterval(SETTLE_MS)
        self._settling.setSingleShot(True)
        self._settling.timeout.connect(self.check)

    @property
    def task(self) -> Any:
        """The task as it stands, None before one is chosen."""
        return self.store.state if self.store else None

    @property
    def is_loading(self) -> bool:
        """True while a task is being imported."""
        return self._loading is not None

    @property
    def is_checking(self) -> bool:
        """True while a plan is being made."""
        return self._planning is not None

    def choose(self, name: str, fields: Mapping[str, Any], then: Callable[[], None] | None = None) -> None:
        """Import a task, set these of its fields, then do `then`; a second wish meanwhile is passed over."""
        if self._loading is not None:
            return
        self._settling.stop()
        self.name, self._then = name, then
        tasks = self.desk.services.tasks
        self._loading = self.desk.start("loading PyTorch", lambda: _loaded(tasks, name, fields), page="train")
        self._loading.ended.connect(self._take)
        self._loading.over.connect(self._loading_over)
        self.loading.emit()

    def take(self, task: Any, values: Mapping[str, Any] | None = None) -> None:
        """Set a task up that is there already (that of another run), with these of its fields."""
        if self._loading is not None:
            return
        self._settling.stop()
        self.name = getattr(type(task), "NAME", "") or self.name
        self._take(dataclasses.replace(task, **dict(values or {})))
        self.loaded.emit()
        self._settling.start()

    def turn(self, field: str, settings: Settings) -> None:
        """Take another data set or network; the one it has already keeps its own parameters."""
        if self.store is not None and getattr(self.store.state, field).name != settings.name:
            self.store.update(**{field: settings})

    def check(self) -> None:
        """Work out what a run would take, beside the window, one plan at a time."""
        self._settling.stop()
        if self.store is None or not self.can_plan():
            return
        if self._planning is not None:
            self._due = True
            return
        task, plan = self.store.state, self.desk.services.plan
        self._due = False
        job = self._planning = self.desk.start("checking", lambda: _planned(plan, task), page="train")
        job.ended.connect(lambda found: self._planned(task, found, None))
        job.refused.connect(lambda refusal: self._planned(task, {}, refusal))
        job.over.connect(self._planning_over)
        self.changed.emit()

    def try_out(self, title: str, begin: Callable[[], Work[Any]], then: Callable[[Any], None]) -> bool:
        """Do other work in the place of a plan, since both draw from one source of chance; False: not now."""
        if self.store is None or self._planning is not None or not self.can_plan():
            return False
        self._planning = self.desk.start(title, begin, page="train", then=then)
        self._planning.over.connect(self._planning_over)
        self.changed.emit()
        return True

    def put_plan(self, plan: Mapping[str, Any]) -> None:
        """Take what was measured in a trial in the place of what was estimated."""
        self.plan = plan
        self.changed.emit()

    def when_checked(self, then: Callable[[], None]) -> None:
        """Do `then` at once, or when the plan that is being made is there."""
        self._settling.stop()
        if self._planning is None:
            then()
        else:
            self._then = then

    def _take(self, task: Any) -> None:
        self.store = Store(task)
        self.store.listen(lambda old, new: self._turned())
        self.plan, self.refusal = {}, None

    def _loading_over(self) -> None:
        self._loading = None
        then, self._then = self._then, None
        if self.store is None:
            self.name = ""
        self.loaded.emit()
        if self.store is not None:
            (then or self._settling.start)()

    def _turned(self) -> None:
        self.plan, self.refusal = {}, None
        self.changed.emit()
        if self.can_plan():
            self._settling.start()

    def _planned(self, task: Any, plan: Mapping[str, Any], refusal: Refused | None) -> None:
        if task is self.task:
            self.plan, self.refusal = plan, refusal

    def _planning_over(self) -> None:
        self._planning = None
        then, self._then = self._then, None
        self.changed.emit()
        if then is not None:
            then()
        elif self._due:
            self.check()


def _loaded(tasks: Mapping[str, Any], name: str, fields: Mapping[str, Any]) -> Work[Any]:
    """Import a task and make one with these fields, as far as it has them."""
    yield Progress(0, 0, "loading PyTorch")
    kind = tasks[name]
    return built(kind, {field: value for field, value in fields.items() if hasattr(kind, field)})


def _planned(plan: Callable[[Any], Mapping[str, Any]], task: Any) -> Work[Mapping[str, Any]]:
    yield Progress(0, 0, "making two steps on a copy")
    return plan(task)
