"""A run looked at on its own patients: tabs beside the curves."""

from collections.abc import Callable
from typing import ClassVar

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QVBoxLayout, QWidget

from medviz.gui.training.bench import Bench, RunView
from medviz.gui.training.patient import Patient
from medviz.gui.training.seeing import Seeing
from medviz.gui.training.watch import Watch
from medviz.imaging.story import Story


class OnPatient(RunView):
    """The epoch scrubber."""

    WORD: ClassVar[str] = "Patient"
    HINT: ClassVar[str] = (
        "A held-out scan at any epoch: outline, probability, errors, and what is thought of each voxel"
    )

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self.patient = Patient(bench.desk)
        self._offered: Watch | None = None
        _fill(self, self.patient)
        self._bind_keys()

    def _bind_keys(self) -> None:
        """Give the keys of the patient to the page, so that they stand in its menu and in the help."""
        patient = self.patient
        for words, keys, act in (
            ("Epoch &before", ",", lambda: patient.scrubber.step(-1)),
            ("Epoch &after", ".", lambda: patient.scrubber.step(1)),
            ("&Play the epochs", "P", patient.scrubber.play.click),
            ("How far the &network sees", "B", patient.ask.field.toggle),
        ):
            action = QAction(words, self)
            action.setShortcut(QKeySequence(keys))
            action.triggered.connect(lambda checked=False, act=act: self._do(act))
            if isinstance(self.bench, QWidget):
                self.bench.addAction(action)

    def _do(self, act: Callable[[], object]) -> None:
        """Answer a key, if there is a patient to be seen."""
        if self.patient.has_story:
            self.bench.show_view(self.WORD)
            act()

    def show_run(self, watch: Watch | None) -> None:
        """Show the story of another run."""
        self.patient.show_run(watch)
        self.refresh()

    def refresh(self) -> None:
        """Come to the front once, when a run has a story; look once more when it has ended."""
        watch = self.bench.watch
        if watch is not None and watch is not self._offered and Story.there(watch.folder):
            self._offered = watch
            self.bench.show_view(self.WORD)
        if self.isVisible():
            self.patient.reel.look()

    def live(self, on: bool) -> None:
        """Look for new epochs, or stand still."""
        self.patient.live(on)


class NetworkSees(RunView):
    """The scan beside the tensor."""

    WORD: ClassVar[str] = "Input"
    HINT: ClassVar[str] = "What the network sees: the scan beside the tensor that it is given, with one cross-hair"

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self.seeing = Seeing(bench.desk)
        _fill(self, self.seeing)

    def show_run(self, watch: Watch | None) -> None:
        """Show the cases of another run."""
        self.seeing.show_run(watch)


def _fill(view: QWidget, inside: QWidget) -> None:
    column = QVBoxLayout(view)
    column.setContentsMargins(0, 0, 0, 0)
    column.addWidget(inside)
