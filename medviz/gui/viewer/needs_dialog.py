"""Asks a person what input a model needs that does not say so itself; a trial proves the answer."""

from pathlib import Path
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from medviz.gui.desk import Desk
from medviz.gui.form import Form
from medviz.gui.services import Looked
from medviz.gui.viewer.cards import breakable, label
from medviz.refused import Refused


class NeedsDialog(QDialog):
    """A form over what was found out of the file; `told` (Looked) comes when the model answered to it."""

    told = Signal(object)

    def __init__(self, desk: Desk, looked: Looked, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk, self._looked = desk, looked
        name = Path(looked.card.where).name
        self.setWindowTitle(f"What input does {name} need?")
        self.setMinimumSize(460, 560)
        self.form = Form(looked.asks)
        self.sentence = label("", "bad", wrap=True)
        self.sentence.setProperty("look", "bad")
        self.sentence.hide()
        self.button = QPushButton("Try it and add it")
        self.button.setProperty("look", "primary")
        self.button.setDefault(True)
        self.button.setToolTip("Run the model over a small tile of noise with these settings, then put it on the list")
        self.button.clicked.connect(self._try)
        cancel = QPushButton("Cancel")
        cancel.setToolTip("Leave the model off the list (Esc)")
        cancel.clicked.connect(self.reject)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(cancel)
        row.addWidget(self.button)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(10)
        words = (
            "The file does not say how a scan must be prepared for it. Take this from where the model comes from: with "
            "another voxel size or other intensities than in its training it answers, and answers wrong."
        )
        column.addWidget(label(breakable(name), "heading", wrap=True))
        column.addWidget(label(words, "dim", wrap=True))
        column.addWidget(self.form, 1)
        column.addWidget(self.sentence)
        column.addLayout(row)

    def _try(self) -> None:
        where, needs = self._looked.card.where, self.form.value
        self.button.setEnabled(False)
        self.button.setText("Trying…")
        self.sentence.hide()
        job = self._desk.start(
            f"try {Path(where).name}", lambda: self._desk.services.modelled.tell(where, needs), then=self._take
        )
        job.refused.connect(self._refused)
        job.over.connect(self._over)

    def _take(self, looked: Any) -> None:
        self.told.emit(looked)
        self.accept()

    def _refused(self, refusal: Refused) -> None:
        self.sentence.setText(f"{refusal.fault[:1].upper()}{refusal.fault[1:]}; {refusal.remedy}.")
        self.sentence.show()

    def _over(self) -> None:
        self.button.setEnabled(True)
        self.button.setText("Try it and add it")
