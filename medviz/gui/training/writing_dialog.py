"""What the dialogs that write files share: they stay open while it goes, and say what came of it."""

from PySide6.QtWidgets import QDialog, QLabel, QPushButton

from medviz.gui.job import Job
from medviz.gui.waiting import Waiting
from medviz.refused import Refused


class WritingDialog(QDialog):
    """A subclass makes `go` (the button), `waiting` and `said`, hands its job to `follow` and says what was written."""

    go: QPushButton
    waiting: Waiting
    said: QLabel

    def follow(self, job: Job) -> None:
        """Show how far the writing is, and what was refused; the button rests meanwhile."""
        self.go.setEnabled(False)
        self.waiting.show_job(job)
        self.waiting.cancelled.connect(job.stop)
        job.said.connect(lambda _: self.waiting.show_job(job))
        job.refused.connect(self._refused)
        job.over.connect(self._over)

    def say(self, text: str, look: str) -> None:
        """Say something, as "good", "bad" or "dim"."""
        self.said.setProperty("look", look)
        self.said.style().unpolish(self.said)
        self.said.style().polish(self.said)
        self.said.setText(text)

    def _refused(self, refusal: Refused) -> None:
        self.say(f"{refusal.thing}: {refusal.fault}. {refusal.remedy[:1].upper()}{refusal.remedy[1:]}.", "bad")

    def _over(self) -> None:
        self.waiting.show_job(None)
        self.go.setEnabled(True)
