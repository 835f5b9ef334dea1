"""Correct, learn, prove: the box in the Model tab for a run of this program."""

import html

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSpinBox, QVBoxLayout, QWidget

from medviz.gui.controls import calm
from medviz.gui.icons import icon
from medviz.gui.viewer.cards import label
from medviz.gui.waiting import Waiting
from medviz.imaging.proof import Proof

STEPS = 60
WHY = ("Correct what the model got wrong with the brush, keep it here, and let a copy of the model learn from it. "
       "Old cases are learnt too, held-out cases are scored before and after; the model itself stays.")  # fmt: skip


class CorrectBox(QWidget):
    """Keeps corrections of a run, learns from them, and tells what came of it."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.heading = label("Correct, learn, prove", "heading")
        self.heading.setToolTip(WHY)
        self.says = label("", "small", wrap=True)
        self.keep = QPushButton(icon("ph.check", "text"), " Keep these labels as a correction")
        self.learn = QPushButton(icon("ph.graduation-cap", "text"), " Learn from them")
        self.learn.setToolTip(WHY)
        self.steps = QSpinBox()
        self.steps.setRange(5, 5000)
        self.steps.setValue(STEPS)
        self.steps.setSuffix(" steps")
        self.steps.setAccessibleName("steps to learn")
        self.steps.setToolTip("How long it learns, at a tenth of the run's rate; more fits the corrections better and "
                              "forgets more easily")  # fmt: skip
        calm(self.steps)
        self.waiting = Waiting("progress of learning", "Stop learning; the model itself stays as it is")
        self.told = QLabel()
        self.told.setProperty("look", "small")
        self.told.setTextFormat(Qt.TextFormat.RichText)
        self.told.setWordWrap(True)
        self.told.setAccessibleName("before and after")
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self.learn, 1)
        row.addWidget(self.steps)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 10, 0, 0)
        column.setSpacing(6)
        for widget in (self.heading, self.says, self.keep):
            column.addWidget(widget)
        column.addLayout(row)
        column.addWidget(self.waiting)
        column.addWidget(self.told)

    def show_count(self, count: int) -> None:
        """There are so many corrections."""
        self.count = count

    def show_state(self, layer: str, learning: bool, proof: Proof | None) -> None:
        """Show what can be done: labels must be there to be kept, corrections to be learnt from."""
        some = "no correction" if not self.count else f"{self.count} correction{'s' if self.count > 1 else ''}"
        hint = "" if layer else " Accept a prediction and correct it, or open labels of this scan."
        self.says.setText(f"{some[0].upper()}{some[1:]} kept for this run.{hint}")
        self.keep.setEnabled(bool(layer) and not learning)
        shown = self.fontMetrics().elidedText(layer, Qt.TextElideMode.ElideMiddle, 130)
        self.keep.setText(f" Keep “{shown}” as a correction" if layer else " Keep labels as a correction")
        words = f"Keep the scan with “{layer}” for this run. " if layer else "Labels on the scan's grid are needed. "
        self.keep.setToolTip(f"{words}The scan is copied into your own data folder, without its header")
        self.learn.setEnabled(self.count > 0 and not learning)
        self.steps.setEnabled(not learning)
        self.told.setVisible(proof is not None)
        if proof is not None:
            rows = "".join(f"<p style='margin:3px 0'>{html.escape(one.words())}</p>" for one in proof.scores)
            verdict = f"<b>{html.escape(proof.verdict())}</b> The copy is on the list: {html.escape(proof.out.name)}."
            why = "The old weights were chosen by the old held-out cases, which flatters them; the copy's were not."
            self.told.setText(f"{verdict}{rows}<p style='margin:3px 0'>{why}</p>")
