"""The tab of a run over its epochs: which run, which case, which epoch, and the voxel at the cross-hair."""

import html
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QHideEvent, QShowEvent
from PySide6.QtWidgets import QComboBox, QLabel, QPushButton, QVBoxLayout, QWidget

from medviz.gui.colours import colours
from medviz.gui.controls import calm
from medviz.gui.icons import icon
from medviz.gui.story.curves import VoxelCurves
from medviz.gui.story.look_bar import LookBar
from medviz.gui.story.scrubber import Scrubber
from medviz.gui.viewer.cards import label
from medviz.gui.viewer.voxel_box import Bars
from medviz.imaging.labels import default_colour
from medviz.imaging.story import Frame, Story

NO_RUN = "No run of this program keeps its epochs yet. Train one: they come with each validation."
CURVES_PX = 130


class EpochsBox(QWidget):
    """`run_chosen` (folder) comes from the list of runs, `seen` (bool) when the tab comes to the front or goes."""

    run_chosen = Signal(object)
    seen = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self.runs = QComboBox()
        self.runs.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.runs.setAccessibleName("run")
        self.runs.setToolTip("The training that is looked back at")
        self.runs.activated.connect(lambda number: self.run_chosen.emit(self.run))
        calm(self.runs)
        self.says = label(NO_RUN, "dim", wrap=True)
        self.open = QPushButton(icon("ph.folder-open", "text"), " Open the scan of this case")
        self.open.setToolTip("Show the held-out scan that the run predicted at each epoch, in place of what is open")
        self.bar, self.scrubber = LookBar(), Scrubber()
        self.bar.fold()
        self.dice = QLabel()
        self.dice.setProperty("look", "small")
        self.dice.setTextFormat(Qt.TextFormat.RichText)
        self.dice.setWordWrap(True)
        self.heading = label("At the cross-hair, over the epochs", "heading")
        self.bars, self.curves = Bars(), VoxelCurves()
        self.curves.setFixedHeight(CURVES_PX)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 8)
        column.setSpacing(8)
        for widget in (self.runs, self.says, self.open, self.bar, self.scrubber, self.dice, self.heading, self.bars,
                       self.curves):  # fmt: skip
            column.addWidget(widget)
        column.addStretch(1)
        self.show_state(False, False, False, "")

    @property
    def run(self) -> Path | None:
        """The run that is chosen."""
        found = self.runs.currentData()
        return None if found is None else Path(found)

    def show_runs(self, runs: Sequence[Path]) -> None:
        """List the runs that have a story; the one that was chosen stays."""
        before = self.run
        self.runs.clear()
        for run in runs:
            self.runs.addItem(run.name, str(run))
        self.runs.setVisible(bool(runs))
        if before is not None:
            self.choose(before)

    def choose(self, run: Path) -> None:
        """Show a run as the chosen one."""
        number = self.runs.findData(str(run))
        if number < 0:
            self.runs.insertItem(0, run.name, str(run))
            self.runs.setVisible(True)
            number = 0
        self.runs.setCurrentIndex(number)

    def show_state(self, story: bool, case: bool, matches: bool, fault: str) -> None:
        """Show what can be done: a run must be there, its case found, and that scan be open."""
        words = ""
        if fault:
            words = f"The scan cannot be shown: {fault}."
        elif self.runs.count() == 0:
            words = NO_RUN
        elif not story:
            words = "This run has no epochs to look back at yet."
        elif not case:
            words = "finding the scan in the data set…"
        elif not matches:
            words = "Another scan is open than the one that this run looked at."
        self.says.setText(words)
        self.says.setVisible(bool(words))
        self.open.setVisible(case and not matches)
        self.bar.setVisible(story)
        for widget in (self.scrubber, self.dice, self.heading, self.bars, self.curves):
            widget.setVisible(matches and story)

    def say_measures(self, frame: Frame, place: int, story: Story) -> None:
        """Write the Dice of each class of this case at this epoch."""
        mine = frame.cases[place] if place < len(frame.cases) else {}
        parts = [f"{html.escape(name.rpartition('/')[2])}&nbsp;<b>{value:.3f}</b>" for name, value in mine.items()]
        self.dice.setText("Dice: " + " &nbsp; ".join(parts) if parts else "")

    def show_voxel(
        self, classes: Sequence[str], shares: NDArray[np.float32] | None,
        curve: tuple[Sequence[float], NDArray[np.float32]], frame: Frame, last: Frame,
    ) -> None:  # fmt: skip
        """Show the probabilities at the cross-hair, now and over the epochs."""
        names = ("background", *classes)
        tones = [colours().of("dim"), *(QColor(*default_colour(value + 1)) for value in range(len(classes)))]
        rows = () if shares is None else tuple(zip(names, map(float, shares), tones, strict=False))
        self.bars.show_rows(tuple(sorted(rows, key=lambda row: -row[1])[:5]))
        self.curves.show_curves(*curve, tones, frame.epoch, last.epoch)

    def showEvent(self, event: QShowEvent) -> None:
        """The tab is in front."""
        super().showEvent(event)
        self.seen.emit(True)

    def hideEvent(self, event: QHideEvent) -> None:
        """Another tab is."""
        super().hideEvent(event)
        self.seen.emit(False)
