"""What the pages share: the services, the scene on screen, the jobs that run and the notices that are due."""

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QSettings, Signal

from medviz.gui.job import Job, note_of
from medviz.gui.services import Services
from medviz.gui.store import Store
from medviz.imaging.scene import Scene
from medviz.messages import Note, Work


class Desk(QObject):
    """One a window. Pages talk to each other only through it, and only in these words.

    Signals: `noticed` (Note) asks for a notice; `started` (Job) puts a job into the status line; `page_wanted` (name)
    brings a page to the front; `predict_wanted` (where) asks the viewer to run a model over the open scan;
    `open_wanted` (path) asks the viewer to open a file.
    """

    noticed = Signal(object)
    started = Signal(object)
    page_wanted = Signal(str)
    predict_wanted = Signal(str)
    open_wanted = Signal(object)

    def __init__(self, services: Services, preferences: QSettings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.services = services
        self.preferences = preferences
        self.scene: Store[Scene] = Store(Scene())
        self.jobs: list[Job] = []

    def tell(self, text: str, level: str = "info", remedy: str = "") -> None:
        """Ask for a notice."""
        self.noticed.emit(Note(text, level, remedy))

    def start(
        self, title: str, begin: Callable[[], Work[Any]], page: str = "viewer", then: Callable[[Any], Any] | None = None
    ) -> Job:
        """Run work beside the window; what it refuses or breaks becomes a notice, what it makes goes to `then`."""
        job = Job(title, begin, self)
        job.setProperty("page", page)
        job.refused.connect(lambda refusal: self.noticed.emit(note_of(refusal)))
        job.failed.connect(lambda sentence, trace: self.noticed.emit(Note(sentence, "error", trace)))
        if then is not None:
            job.ended.connect(then)
        job.over.connect(lambda: self._end(job))
        self.jobs.append(job)
        self.started.emit(job)
        return job.start()

    def stop_all(self, wait_s: float = 5.0) -> None:
        """Stop every job and wait for its thread (when the window closes)."""
        for job in self.jobs:
            job.stop()
        for job in tuple(self.jobs):
            job.wait(wait_s)

    def _end(self, job: Job) -> None:
        self.jobs.remove(job)
        job.deleteLater()
