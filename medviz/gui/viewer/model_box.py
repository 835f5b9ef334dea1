"""The models that can be run over the open scan, what one should know before, and the answer to a proposal."""

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QSizePolicy,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from medviz.gui.controls import calm
from medviz.gui.icons import icon
from medviz.gui.services import Looked, ModelCard
from medviz.gui.viewer.cards import label
from medviz.gui.viewer.proposal_box import ProposalBox
from medviz.gui.viewer.trust_card import Gauge, TrustCard
from medviz.gui.viewer.voxel_box import VoxelBox
from medviz.gui.waiting import Waiting

SUSPICIOUS = 0.7
"""Below this agreement with the mirrored scan the orientation is called suspicious."""
FILES = "Models (*.pt *.ts *.pt2 *.zip model.json);;All files (*)"


class Picker(QComboBox):
    """A choice whose name is shortened by an ellipsis where there is no room for it, and not cut off."""

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw what the style draws, with the name shortened."""
        painter, option = QStylePainter(self), QStyleOptionComboBox()
        self.initStyleOption(option)
        style, part = self.style(), QStyle.SubControl.SC_ComboBoxEditField
        room = style.subControlRect(QStyle.ComplexControl.CC_ComboBox, option, part, self).width()
        words = self.fontMetrics().elidedText(option.currentText, Qt.TextElideMode.ElideRight, room - 4)
        option.currentText = words
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        painter.end()


class ModelBox(QWidget):
    """`run` (ModelCard, mirror), `cancelled`, `chose` (ModelCard), `added` (path) and `forgotten` (ModelCard).

    `back_wanted` (ModelCard) asks to look back at the training of a run.
    """

    run = Signal(object, bool)
    cancelled = Signal()
    chose = Signal(object)
    added = Signal(object)
    forgotten = Signal(object)
    back_wanted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.cards: tuple[ModelCard, ...] = ()
        self.picker = Picker()
        self.picker.setAccessibleName("model")
        self.picker.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.picker.currentIndexChanged.connect(self._choose)
        calm(self.picker)
        self.more = self._more()
        self.button = QPushButton(" Run")
        self.button.setIcon(icon("ph.play", "on_accent"))
        self.button.setProperty("look", "primary")
        self.button.setToolTip("Run the model over the open scan, in the background (Ctrl+Return)")
        self.button.clicked.connect(self._run)
        self.estimate = label("", "small", wrap=True)
        self.estimate.setToolTip("A small tile was run on this machine and scaled up to the whole scan")
        self.estimate.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.estimate.hide()
        self.gauge = Gauge()
        self.back = QPushButton(icon("ph.clock-counter-clockwise", "dim"), " Over the epochs")
        self.back.setToolTip("Look back at the training of this run, epoch by epoch, on a scan it never learnt from")
        self.back.clicked.connect(lambda: self.back_wanted.emit(self.chosen))
        self.back.hide()
        self.mirror = QCheckBox("Check the orientation")
        self.mirror.setToolTip(
            "Run on the mirrored scan too (twice the time): if that is labelled otherwise, left and right, or the "
            "whole orientation, may not be what the file says"
        )
        self.fold = self._folded()
        self.card = TrustCard()
        self.card.hide()
        self.progress = Waiting("progress of the model", "Stop the model; what it found so far is taken away")
        self.progress.cancelled.connect(self.cancelled)
        self.answer = ProposalBox()
        self.answer.hide()
        self.voxel = VoxelBox()
        self._lay_out()
        self.show_models(())

    @property
    def accept(self) -> QPushButton:
        """Accepts the ticked labels."""
        return self.answer.accept

    @property
    def reject(self) -> QPushButton:
        """Rejects the ticked labels."""
        return self.answer.reject

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(6)
        top.addWidget(self.picker, 1)
        top.addWidget(self.more)
        top.addWidget(self.button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(top)
        for part in (self.progress, self.answer, self.estimate, self.gauge, self.mirror):
            column.addWidget(part)  # what waits for an answer stands first, so that its buttons are seen
        column.addWidget(self.back, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.fold, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.card)
        column.addSpacing(6)
        column.addWidget(self.voxel)

    def _folded(self) -> QToolButton:
        made = QToolButton()
        made.setText("trust card")
        made.setProperty("look", "quiet")
        made.setToolTip("What the model was trained on, how good it was, what it needs, its licence")
        made.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        made.setIcon(icon("ph.caret-right", "dim"))
        made.setCheckable(True)
        made.toggled.connect(self._unfold)
        return made

    def _more(self) -> QToolButton:
        made = QToolButton()
        made.setIcon(icon("ph.plus", "dim"))
        made.setToolTip("Add a model: TorchScript, .pt2, a MONAI bundle, a brainchop folder")
        made.setAccessibleName("add a model")
        made.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(made)
        menu.addAction("Add a model file…", self._ask_file)
        menu.addAction("Add a model folder…", self._ask_folder)
        menu.addSeparator()
        self.forget = menu.addAction("Take this model off the list", self._forget)
        made.setMenu(menu)
        return made

    def show_models(self, cards: tuple[ModelCard, ...]) -> None:
        """List the models; the one that was chosen stays chosen where it is still there."""
        before = self.chosen.where if self.chosen is not None else ""
        self.cards = cards
        self.picker.blockSignals(True)
        self.picker.clear()
        for card in cards:
            self.picker.addItem(card.title, card.where)
        if not cards:
            self.picker.addItem("no model yet: train or add one")
        self.picker.setEnabled(bool(cards))
        self.picker.setCurrentIndex(max(0, self.picker.findData(before)))
        self.picker.blockSignals(False)
        self.fold.setVisible(bool(cards))
        self._choose()

    def choose(self, where: str) -> None:
        """Choose a model of the list."""
        self.picker.setCurrentIndex(max(0, self.picker.findData(where)))

    @property
    def chosen(self) -> ModelCard | None:
        """The model in the picker."""
        number = self.picker.currentIndex()
        return self.cards[number] if 0 <= number < len(self.cards) else None

    def show_state(self, scan_open: bool, running: bool, proposed: bool) -> None:
        """Show what can be done now."""
        self.button.setEnabled(scan_open and not running and bool(self.cards))
        self.mirror.setEnabled(not running)
        self.progress.setVisible(running)
        self.answer.setVisible(proposed and not running)

    def show_looked(self, looked: Looked | None, waiting: bool = False, agreement: float | None = None) -> None:
        """Show what a model takes and how the scan stands to its training; None where that is not known (yet).

        `agreement` is that of the last result with the mirrored scan.
        """
        words = "estimating time and memory…" if waiting else ""
        self.estimate.setProperty("look", "small")
        findings = looked.findings if looked is not None else ()
        if agreement is not None:
            state = "ok" if agreement >= SUSPICIOUS else "outside"
            findings = (*findings, ("mirrored", f"labelled the same to {agreement:.2f} (Dice)", "0.70 or more", state))
        self.gauge.show_findings(findings)
        if looked is not None:
            self.card.show_card(looked.card)
            words = looked.estimate
            if looked.asks is not None:
                words = "It does not say what input it needs: Run asks for it"
            elif not looked.fits:
                words = f"May not fit into memory: {words}. Smaller tiles are tried, then the processor"
                self.estimate.setProperty("look", "bad")
        self.estimate.setText(f"{words[:1].upper()}{words[1:]}")
        self.estimate.style().unpolish(self.estimate)
        self.estimate.style().polish(self.estimate)
        self.estimate.setVisible(bool(words))

    def _choose(self) -> None:
        card = self.chosen
        self.picker.setToolTip(card.title if card is not None else "")
        self.forget.setEnabled(card is not None and card.origin == "added")
        self.back.setVisible(card is not None and card.origin == "run")
        if card is not None:
            self.card.show_card(card)
        else:
            self.card.hide()
        self.chose.emit(card)

    def _unfold(self, on: bool) -> None:
        self.fold.setIcon(icon("ph.caret-down" if on else "ph.caret-right", "dim"))
        self.card.setVisible(on and self.chosen is not None)

    def _run(self) -> None:
        if self.chosen is not None:
            self.run.emit(self.chosen, self.mirror.isChecked())

    def _ask_file(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Add a model", "", FILES)
        if name:
            self.added.emit(Path(name))

    def _ask_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Add a model: a MONAI bundle, a brainchop folder, a run")
        if name:
            self.added.emit(Path(name))

    def _forget(self) -> None:
        if self.chosen is not None:
            self.forgotten.emit(self.chosen)
