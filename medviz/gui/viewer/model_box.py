"""The models that can be run over the open scan, what one should know of them, and the answer to a proposal."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from medviz.gui.controls import calm
from medviz.gui.icons import icon
from medviz.gui.job import Job, clock
from medviz.gui.services import ModelCard
from medviz.gui.viewer.cards import label


class TrustCard(QFrame):
    """What a model was trained on, its licence, how good it was where it was measured, and which weights it is."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("look", "card")
        self.form = QFormLayout(self)
        self.form.setContentsMargins(12, 8, 12, 8)
        self.form.setHorizontalSpacing(12)
        self.form.setVerticalSpacing(4)
        self.form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        self.form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)

    def show_card(self, card: ModelCard) -> None:
        """Show what the card says; what it leaves open is said to be open."""
        while self.form.rowCount():
            self.form.removeRow(0)
        self._row("does", card.summary or "not said")
        self._row("labels", ", ".join(card.labels) or "not said")
        self._row("trained on", card.trained_on or "not said")
        self._row("licence", card.licence or "not said")
        for name, value in card.metrics:
            self._row(name, f"{value:.3f}")
        if not card.metrics:
            self._row("measured", "no figures: do not rely on it")
        digest = self._row("sha256", f"{card.sha256[:16]}…" if card.sha256 else "not said")
        digest.setToolTip(card.sha256)

    def _row(self, name: str, words: str) -> QLabel:
        said = label(words, wrap=True)
        said.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.form.addRow(label(name, "small"), said)
        return said


class ModelBox(QWidget):
    """`run` (ModelCard), `cancelled`, `accepted` and `rejected` come from a hand."""

    run = Signal(object)
    cancelled = Signal()
    accepted = Signal()
    rejected = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.cards: tuple[ModelCard, ...] = ()
        self.picker = QComboBox()
        self.picker.setAccessibleName("model")
        self.picker.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.picker.currentIndexChanged.connect(self._show_card)
        calm(self.picker)
        self.button = QPushButton(" Run")
        self.button.setIcon(icon("ph.play", "on_accent"))
        self.button.setProperty("look", "primary")
        self.button.setToolTip("Run the model over the open scan, in the background")
        self.button.clicked.connect(self._run)
        self.fold = QToolButton()
        self.fold.setText("trust card")
        self.fold.setProperty("look", "quiet")
        self.fold.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.fold.setIcon(icon("ph.caret-right", "dim"))
        self.fold.setCheckable(True)
        self.fold.toggled.connect(self._unfold)
        self.card = TrustCard()
        self.card.hide()
        self.progress = self._progress()
        self.answer = self._answer()
        top = QHBoxLayout()
        top.setSpacing(6)
        top.addWidget(self.picker, 1)
        top.addWidget(self.button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(top)
        column.addWidget(self.progress)
        column.addWidget(self.answer)
        column.addWidget(self.fold, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.card)
        self.show_models(())

    def _progress(self) -> QWidget:
        made = QWidget()
        row = QHBoxLayout(made)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.time = label("", "small")
        cancel = QPushButton("Cancel")
        cancel.clicked.connect(self.cancelled)
        row.addWidget(self.bar, 1)
        row.addWidget(self.time)
        row.addWidget(cancel)
        made.hide()
        return made

    def _answer(self) -> QWidget:
        made = QWidget()
        row = QHBoxLayout(made)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        self.accept = QPushButton(icon("ph.check", "good"), "Accept")
        self.accept.setToolTip("Keep the proposed labels as a layer")
        self.accept.clicked.connect(self.accepted)
        self.reject = QPushButton(icon("ph.x", "bad"), "Reject")
        self.reject.setToolTip("Take the proposed labels away")
        self.reject.clicked.connect(self.rejected)
        row.addWidget(label("Proposed labels", "dim"), 1)
        row.addWidget(self.accept)
        row.addWidget(self.reject)
        made.hide()
        return made

    def show_models(self, cards: tuple[ModelCard, ...]) -> None:
        """List the models; the one that was chosen stays chosen where it is still there."""
        chosen = self.chosen.where if self.chosen is not None else ""
        self.cards = cards
        self.picker.clear()
        for card in cards:
            self.picker.addItem(card.title, card.where)
        if not cards:
            self.picker.addItem("no model yet: train one")
        self.picker.setEnabled(bool(cards))
        self.picker.setCurrentIndex(max(0, self.picker.findData(chosen)))
        self.fold.setVisible(bool(cards))
        self._show_card()

    @property
    def chosen(self) -> ModelCard | None:
        """The model in the picker."""
        number = self.picker.currentIndex()
        return self.cards[number] if 0 <= number < len(self.cards) else None

    def show_state(self, scan_open: bool, running: bool, proposed: bool) -> None:
        """Show what can be done now."""
        self.button.setEnabled(scan_open and not running and bool(self.cards))
        self.progress.setVisible(running)
        self.answer.setVisible(proposed and not running)

    def show_progress(self, job: Job) -> None:
        """Show how far a job is and how long it still takes."""
        now = job.progress
        known = now is not None and now.total > 0
        self.bar.setRange(0, 1000 if known else 0)
        if now is not None and known:
            self.bar.setValue(round(1000 * min(1.0, now.done / now.total)))
        left = clock(job.left_s)
        self.time.setText(f"{left} left" if left else (now.what if now is not None else "starting"))

    def _show_card(self) -> None:
        self.picker.setToolTip(self.chosen.title if self.chosen is not None else "")
        if self.chosen is not None:
            self.card.show_card(self.chosen)
        else:
            self.card.hide()

    def _unfold(self, on: bool) -> None:
        self.fold.setIcon(icon("ph.caret-down" if on else "ph.caret-right", "dim"))
        self.card.setVisible(on and self.chosen is not None)

    def _run(self) -> None:
        if self.chosen is not None:
            self.run.emit(self.chosen)
