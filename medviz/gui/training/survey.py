"""What is known of the data of the task that is being set up: the check, and the parameters that the task proposes."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from PySide6.QtCore import QObject, Signal

from medviz.data.checking.report import CheckReport, Repair
from medviz.gui.desk import Desk
from medviz.gui.job import Job
from medviz.gui.training.draft import Draft
from medviz.messages import Progress
from medviz.parameters import Settings
from medviz.refused import Refused

QUICK_S = 20.0
"""A check that took no longer is made again by itself after a repair."""


REFUSED = ("missing", "unreadable", "grid", "labels", "channels", "leakage", "few")
"""Faults with which training would be refused: nothing can be tried before they are mended."""


class Survey(QObject):
    """Checks the data of a draft and asks the task for its proposal, one after the other, beside the window.

    Signals: `changed` when anything did; `found` when a check is done.
    """

    changed = Signal()
    found = Signal()

    def __init__(self, desk: Desk, draft: Draft, parent: QObject) -> None:
        super().__init__(parent)
        self.desk, self.draft = desk, draft
        self.surveying = desk.services.surveying
        self.report: CheckReport | None = None
        self.refusal: Refused | None = None
        self.lines: tuple[str, ...] = ()
        self.job: Job | None = None
        self._proposed: Mapping[str, Any] = {}
        self._wants_proposal = False
        self._again = False
        draft.changed.connect(self._draft_changed)
        draft.loaded.connect(self._draft_changed)

    @property
    def settings(self) -> Settings | None:
        """The data set of the draft, None where there is none yet."""
        task = self.draft.task
        return getattr(task, "data", None) if task is not None else None

    @property
    def is_checking(self) -> bool:
        """True while the data are read."""
        return self.job is not None

    @property
    def fresh(self) -> bool:
        """True where the report is of the data set as it is set now, for the task that is chosen."""
        found = self.report
        return found is not None and found.settings == self.settings and found.task == self.draft.name

    @property
    def would_be_refused(self) -> bool:
        """True where training would refuse the data as they are: nothing need be tried with them."""
        problems = self.report.problems if self.report is not None else ()
        return any(one.severity == "error" and one.kind in REFUSED for one in problems)

    @property
    def in_use(self) -> bool:
        """True where the draft has all that was proposed."""
        task = self.draft.task
        return bool(self._proposed) and all(getattr(task, name, None) == one for name, one in self._proposed.items())

    def check(self) -> None:
        """Read all of the data set; a second wish meanwhile begins it anew."""
        if self.settings is None:
            return
        if self.job is not None:
            self._again = True
            self.job.stop()
            return
        task, settings, check = self.draft.task, self.settings, self.surveying.check
        self.refusal = None
        name, dimensions = self.draft.name, int(getattr(task, "dimensions", 0))
        self.job = self.desk.start("checking the data", lambda: check(settings, name, dimensions), page="train")
        self.job.ended.connect(self._take)
        self.job.refused.connect(self._refuse)
        self.job.said.connect(lambda said: self.changed.emit())
        self.job.over.connect(self._over)
        self.changed.emit()

    def cancel(self) -> None:
        """Stop reading; the report before stays."""
        if self.job is not None:
            self.job.stop()

    def progress(self) -> Progress | None:
        """Say how far the check is."""
        return self.job.progress if self.job is not None else None

    def repair(self, repair: Repair) -> None:
        """Mend the data set by its parameters, and check it again where that takes no time."""
        if self.settings is None or self.draft.store is None:
            return
        quick = self.report is not None and self.report.seconds < QUICK_S
        self.draft.store.update(data=self.surveying.mended(self.settings, repair))
        if quick:
            self.check()

    def use_proposal(self) -> None:
        """Set what the task proposes; what it says nothing of stays."""
        store = self.draft.store
        if store is not None and self._proposed:
            store.update(**self._proposed)

    def forget_proposal(self) -> None:
        """Take the proposal away."""
        self.lines, self._proposed = (), {}
        self.changed.emit()

    def _take(self, report: CheckReport) -> None:
        self.report = report
        self.lines, self._proposed = (), {}
        self._wants_proposal = bool(report.fingerprint.cases) and not self.would_be_refused

    def _refuse(self, refusal: Refused) -> None:
        self.report, self.refusal = None, refusal
        self.lines, self._proposed = (), {}

    def _over(self) -> None:
        self.job = None
        again, self._again = self._again, False
        self.changed.emit()
        if again:
            self.check()
            return
        self.found.emit()
        self._propose()

    def _draft_changed(self) -> None:
        if self.report is not None and not self.fresh:
            self.lines, self._proposed, self._wants_proposal = (), {}, False
        self.changed.emit()
        if self._wants_proposal and not self.draft.is_checking:
            self._propose()

    def _propose(self) -> None:
        """Ask the task for its proposal as soon as nothing else is tried."""
        report, task, propose = self.report, self.draft.task, self.surveying.propose
        if not self._wants_proposal or report is None or task is None or not self.fresh:
            return
        begin = "choosing parameters"
        if self.draft.try_out(
            begin, lambda: propose(task, report.fingerprint), lambda made: self._proposal(task, made)
        ):
            self._wants_proposal = False

    def _proposal(self, before: Any, made: Any) -> None:
        if type(made.task) is not type(before) or not self.fresh:
            return
        names = [one.name for one in fields(before)]
        after = made.task
        self._proposed = {name: getattr(after, name) for name in names if getattr(after, name) != getattr(before, name)}
        self._proposed = {name: one for name, one in self._proposed.items() if name != "data"}
        self.lines = tuple(made.lines)
        self.changed.emit()
