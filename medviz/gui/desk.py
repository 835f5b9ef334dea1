"""What the pages share: the services, the scene on screen, the jobs that run and the notices that are due."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QSettings, Signal

from medviz.gui.job import DRAIN_MS, Job, note_of
from medviz.gui.preferences import Preferences, keep, loaded, recent, remember
from medviz.gui.services import Services
from medviz.gui.store import Store
from medviz.imaging.scene import Scene
from medviz.messages import Note, Work


@dataclass(frozen=True)
class Offer:
    """A note with something to do about it: a button's word, and what it does."""

    note: Note
    button: str
    act: Callable[[], object]


class Desk(QObject):
    """One a window. Pages talk to each other only through it, and only in these words.

    Signals: `noticed` (Note or Offer) asks for a notice; `started` (Job) puts a job into the status line; `page_wanted`
    (name) brings a page to the front; `predict_wanted` (where) asks the viewer to run a model over the open scan;
    `open_wanted` (path) asks the viewer to open a file; `case_wanted` (files) to open the first in the place of the
    scan that is there, and label maps over it, without a question.

    Stores: `scene` is what the viewer shows, `preferred` what the settings page sets, `presenting` is True while the
    window stands before an audience (a page may put it too). `asks` is False where nobody is there to be asked (a
    picture of the window is drawn): a page then takes what it would have proposed.
    """

    noticed = Signal(object)
    started = Signal(object)
    page_wanted = Signal(str)
    predict_wanted = Signal(str)
    open_wanted = Signal(object)
    case_wanted = Signal(object)

    def __init__(self, services: Services, preferences: QSettings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.services = services
        self.preferences = preferences
        self.scene: Store[Scene] = Store(Scene())
        self.preferred: Store[Preferences] = Store(loaded(preferences))
        self.preferred.listen(lambda old, new: keep(preferences, new))
        self.presenting: Store[bool] = Store(False)
        self.jobs: list[Job] = []
        self.asks = True

    def tell(
        self,
        text: str,
        level: str = "info",
        remedy: str = "",
        button: str = "",
        act: Callable[[], object] | None = None,
    ) -> None:
        """Ask for a notice; `button` is the word for what `act` does about it."""
        note = Note(text, level, remedy)
        self.noticed.emit(Offer(note, button, act) if button and act is not None else note)

    def start(
        self,
        title: str,
        begin: Callable[[], Work[Any]],
        page: str = "viewer",
        then: Callable[[Any], Any] | None = None,
        quiet: bool = False,
        drain_ms: int = DRAIN_MS,
    ) -> Job:
        """Run work beside the window; what it refuses or breaks becomes a notice, what it makes goes to `then`.

        `quiet` work (drawing, counting) is not in the status line, and nobody is asked before it is stopped. What it
        says and makes is fetched every `drain_ms`.
        """
        job = Job(title, begin, self, drain_ms)
        job.setProperty("page", page)
        job.setProperty("quiet", quiet)
        job.refused.connect(lambda refusal: self.noticed.emit(note_of(refusal)))
        job.failed.connect(lambda sentence, trace: self.noticed.emit(Note(sentence, "error", trace)))
        if then is not None:
            job.ended.connect(then)
        job.over.connect(lambda: self._end(job))
        self.jobs.append(job)
        if not quiet:
            self.started.emit(job)
        return job.start()

    def recent(self) -> tuple[Path, ...]:
        """List the files open lately, the last one first; they may be gone."""
        return recent(self.preferences)

    def remember(self, path: Path) -> None:
        """Put a file at the head of those open lately."""
        remember(self.preferences, path)

    def stop_all(self, wait_s: float = 5.0) -> None:
        """Stop every job and wait for the threads, so that what they keep is kept (when the window closes)."""
        late = time.monotonic() + wait_s
        for job in tuple(self.jobs):
            job.stop()
        for job in tuple(self.jobs):
            job.wait(max(0.0, late - time.monotonic()))

    def _end(self, job: Job) -> None:
        self.jobs.remove(job)
        job.deleteLater()
