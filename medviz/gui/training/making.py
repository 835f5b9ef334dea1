"""New samples of a run: a form of wishes, the samples with the training picture nearest to each, and what to do."""

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QPainter, QPen, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSplitter,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from medviz.figures import Gallery
from medviz.gui.colours import colours
from medviz.gui.desk import Desk
from medviz.gui.form import Form, scrolling
from medviz.gui.generating import Batch, Judging
from medviz.gui.job import Job
from medviz.gui.training.growing import Picked
from medviz.gui.training.keep_dialog import KeepDialog
from medviz.gui.training.watch import Watch
from medviz.gui.waiting import Waiting
from medviz.refused import Refused

FEW = 24
"""More samples than these have no numbers over them: there is no room."""
UNBOUNDED = 16_777_215
WIDE_PX = 640
"""From this width on the wishes stand beside the samples, else above."""
LOOKING = "Looking at what can be made of this run …"
NOTHING = ("A run of this task makes nothing new. Samples come from runs of tasks that generate: autoencoding (with a "
           "prior), adversarial, diffusion.")  # fmt: skip
ELSEWHERE = "This run is on another machine: samples can be made of runs whose folder is on this one."
BEFORE = "No samples yet: say what you wish for and press Make."


@dataclass
class Bench:
    """What is known of one run's samples: what may be wished, what is, the newest batch, and the job that makes it."""

    wishes: Any = None
    asked: bool = False
    fault: str = ""
    batch: Batch | None = None
    picked: int = 0
    job: Job | None = field(default=None, repr=False)


class Samples(Picked):
    """Samples as tiles; suspected copies have a frame in the colour of warnings, the picked one in the accent's."""

    copies: tuple[bool, ...] = ()
    number = 0

    def paint(self, painter: QPainter) -> None:
        """Paint the tiles and the frames round them."""
        super().paint(painter)
        for number in range(len(self._images)):
            copy = number < len(self.copies) and self.copies[number]
            if copy or number == self.number:
                painter.setPen(QPen(colours().of("warning" if copy else "accent"), 3 if number == self.number else 1))
                painter.drawRect(self.box(number).adjusted(1, 1 + self._line_px, -1, -1))


class Making(QWidget):
    """Makes samples of the run in front."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.folder: Path | None = None
        self._runs: dict[Path, Bench] = {}
        self.form: Form | None = None
        self.judging = Form(Judging(), scrolls=False)
        self.make = QPushButton("Make samples")
        self.make.setProperty("look", "primary")
        self.make.setToolTip("Make samples with the best weights of this run (Ctrl+Return)")
        self.unfold = QPushButton("Wishes")
        self.unfold.setCheckable(True)
        self.unfold.setToolTip("Show or hide what is wished for, which leaves more room for the samples")
        self.waiting = Waiting("samples", "Stop; nothing is left behind")
        self.view = Samples()
        self.view.setMinimumSize(120, 120)
        self.view.setToolTip("Click to pick a sample, double click to open it in the viewer")
        self.near = QCheckBox("Show nearest")
        self.near.setToolTip("Show on the right of each sample the training picture that is nearest to it")
        self.near.setChecked(True)
        self.lines, self.waits = QLabel(), QLabel(LOOKING)
        self.keep, self.open = QPushButton("Export…"), QPushButton("Open in viewer")
        self.keep.setToolTip("Write the samples as NIfTI or PNG, each marked as synthetic")
        self.open.setToolTip("Open the picked sample in the viewer, marked as synthetic (double click)")
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        for label in (self.lines, self.waits):
            label.setWordWrap(True)
            label.setProperty("look", "small" if label is self.lines else "dim")
        self.waits.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.waits.setMargin(24)
        self.lines.setAccessibleName("what is known of the samples")
        self.lines.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.above, inside = QWidget(), QWidget()
        self._wishes = QVBoxLayout(inside)
        self._wishes.setContentsMargins(16, 4, 8, 4)
        self._wishes.addWidget(self.judging)
        self._wishes.addStretch(1)
        self.area = scrolling(inside)
        column = QVBoxLayout(self.above)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.area, 1)
        foot = QHBoxLayout()
        foot.setContentsMargins(16, 0, 8, 8)
        foot.addWidget(self.make)
        foot.addWidget(self.unfold)
        foot.addWidget(self.waiting, 1)
        foot.addStretch(0)
        column.addLayout(foot)
        self.halves = QSplitter(Qt.Orientation.Vertical)
        self.halves.setChildrenCollapsible(False)
        self.halves.addWidget(self.above)
        self.halves.addWidget(self._results())
        self.halves.setSizes([1000, 1400])
        self.stack = QStackedLayout(self)
        self.stack.addWidget(self.waits)
        self.stack.addWidget(self.halves)

    def _results(self) -> QWidget:
        made = QWidget()
        head, foot = QHBoxLayout(), QHBoxLayout()
        head.addWidget(self.near)
        head.addStretch(1)
        for button in (self.open, self.keep):
            head.addWidget(button)
        foot.addWidget(self.lines, 1)
        column = QVBoxLayout(made)
        column.setContentsMargins(16, 4, 16, 8)
        column.setSpacing(6)
        column.addLayout(head)
        column.addWidget(self.view, 1)
        column.addLayout(foot)
        return made

    def _connect(self) -> None:
        self.make.clicked.connect(self.go)
        self.waiting.cancelled.connect(self._cancel)
        self.near.toggled.connect(lambda on: self._draw())
        self.unfold.toggled.connect(lambda on: self._fold())
        self.view.picked.connect(self._pick)
        self.view.opened.connect(lambda name: self.open_picked())
        self.open.clicked.connect(self.open_picked)
        self.keep.clicked.connect(self.export)
        keys = QShortcut(QKeySequence("Ctrl+Return"), self)
        keys.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        keys.activated.connect(self.make.click)

    # -- which run ----------------------------------------------------------------------------------------------

    def show_run(self, watch: Watch | None) -> None:
        """Show what can be made of another run; it is asked when it is seen."""
        self.folder = watch.folder if watch is not None and not watch.where else None
        self.waits.setText(ELSEWHERE if watch is not None and watch.where else LOOKING)
        self._put_form()
        self._draw()
        self.ask()

    @property
    def bench(self) -> Bench:
        """What is known of the run that is shown."""
        return self._runs.setdefault(self.folder, Bench()) if self.folder is not None else Bench()

    def ask(self) -> None:
        """Ask once what may be wished of the run, beside the window."""
        folder, bench = self.folder, self.bench
        if folder is None or bench.asked or not self.isVisible():
            return
        bench.asked = True
        wishes = self.desk.services.generating.wishes
        job = Job(f"looking at {folder.name}", lambda: wishes(folder), self.desk)
        self.desk.jobs.append(job)  # so that it is stopped with all others; what it refuses is told in its place
        job.setProperty("page", "train")
        job.setProperty("quiet", True)
        job.ended.connect(lambda made: self._told(folder, made))
        job.refused.connect(lambda refusal: self._told(folder, None, refusal))
        job.failed.connect(lambda sentence, trace: self._told(folder, None, Refused(folder.name, sentence, "")))
        job.over.connect(lambda: self._asked(job))
        job.start()

    def _asked(self, job: Job) -> None:
        self.desk.jobs.remove(job)
        job.deleteLater()

    def _told(self, folder: Path, wishes: Any, refusal: Refused | None = None) -> None:
        bench = self._runs.setdefault(folder, Bench())
        bench.wishes = wishes
        bench.fault = NOTHING
        if refusal is not None:
            bench.fault = f"{refusal.thing}: {refusal.fault}. {refusal.remedy[:1].upper()}{refusal.remedy[1:]}"
        if folder == self.folder:
            self._put_form()
            self._draw()

    def _put_form(self) -> None:
        """Build the form of what may be wished."""
        if self.form is not None:
            self._wishes.removeWidget(self.form)
            self.form.deleteLater()
            self.form = None
        folder, bench = self.folder, self.bench
        self.stack.setCurrentWidget(self.halves if bench.wishes is not None else self.waits)
        if bench.wishes is None or folder is None:
            if bench.fault:
                self.waits.setText(bench.fault)
            return
        self.form = Form(bench.wishes, scrolls=False)
        self.form.changed.connect(partial(self._wish, folder))
        self._wishes.insertWidget(0, self.form)

    def _wish(self, folder: Path, wishes: Any) -> None:
        self._runs[folder].wishes = wishes

    # -- making -------------------------------------------------------------------------------------------------

    def go(self) -> None:
        """Make samples as they are wished for, beside the window."""
        folder, bench = self.folder, self.bench
        if folder is None or bench.wishes is None or bench.job is not None:
            return
        make, wishes, judge = self.desk.services.generating.make, bench.wishes, self.judging.value.name
        title = f"making samples of {folder.name}"
        job = bench.job = self.desk.start(title, lambda: make(folder, wishes, judge), page="train")
        job.said.connect(lambda _: self._show_job())
        job.ended.connect(lambda batch: self._made(folder, batch))
        job.over.connect(lambda: self._over(folder))
        self._show_job()

    def _cancel(self) -> None:
        if self.bench.job is not None:
            self.bench.job.stop()

    def _made(self, folder: Path, batch: Batch) -> None:
        bench = self._runs[folder]
        bench.batch, bench.picked = batch, 0
        if folder == self.folder:
            self.unfold.setChecked(False)
            self._draw()

    def _over(self, folder: Path) -> None:
        self._runs[folder].job = None
        self._show_job()

    def _show_job(self) -> None:
        job = self.bench.job
        self.waiting.show_job(job)
        self.make.setVisible(job is None)

    # -- what was made ------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        """Draw the newest batch of the run."""
        self._show_job()
        batch = self.bench.batch
        for button in (self.open, self.keep):
            button.setEnabled(batch is not None)
        self.near.setVisible(batch is None or batch.nearest is not None)
        self.near.setEnabled(batch is not None)
        self.view.setVisible(batch is not None)
        self._fold()
        if batch is None:
            self.lines.setText(BEFORE)
            return
        beside = batch.nearest if self.near.isChecked() else None
        tiles = batch.tiles if beside is None else pairs(batch.tiles, beside)
        few = range(batch.count if batch.count <= FEW else 0)
        titles = tuple(self._title(number, batch) for number in few)
        self.view.copies, self.view.number = batch.copies, self.bench.picked
        levels = (-1.0, 1.0) if tiles.ndim == 3 else (0.0, 1.0)
        self.view.show_figure(Gallery("made", tiles, "", titles, levels=levels, shared_scale=True))
        self._say(batch)

    @staticmethod
    def _title(number: int, batch: Batch) -> str:
        copy = " · copy?" if number < len(batch.copies) and batch.copies[number] else ""
        return f"{number + 1}{copy}"

    def _say(self, batch: Batch) -> None:
        picked = self.bench.picked
        told = [*batch.lines, *([batch.doubt] if batch.doubt else [])]
        if picked < len(batch.words):
            told.append(f"Sample {picked + 1}: {batch.words[picked]}")
        self.lines.setText("\n".join(told))
        self.lines.setProperty("look", "warning" if any(batch.copies) else "small")
        self.lines.style().unpolish(self.lines)
        self.lines.style().polish(self.lines)

    def _pick(self, number: int) -> None:
        bench = self.bench
        if bench.batch is not None and number < bench.batch.count:
            bench.picked = self.view.number = number
            self.view.update()
            self._say(bench.batch)

    def open_picked(self) -> None:
        """Open the picked sample in the viewer."""
        bench = self.bench
        if bench.batch is None:
            return
        keep, source, number = self.desk.services.generating.keep, bench.batch.source, bench.picked
        title = f"opening sample {number + 1}"
        work = lambda: keep(source, (number,), None, "nifti", False)  # noqa: E731
        self.desk.start(title, work, page="train", then=self._show_in_viewer)

    def _show_in_viewer(self, files: tuple[Path, ...]) -> None:
        self.desk.case_wanted.emit(tuple(file for file in files if not file.name.endswith(".json")))

    def export(self) -> None:
        """Ask how the samples are to be written, and write them."""
        batch = self.bench.batch
        if batch is not None:
            KeepDialog(self.desk, batch, self).exec()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Stand side by side where there is room."""
        super().resizeEvent(event)
        wide = self.width() >= WIDE_PX
        self.halves.setOrientation(Qt.Orientation.Horizontal if wide else Qt.Orientation.Vertical)
        self._fold()

    def _fold(self) -> None:
        """Put the wishes away where there is little room and samples are to be seen."""
        narrow, made = self.halves.orientation() == Qt.Orientation.Vertical, self.bench.batch is not None
        folded = narrow and made and not self.unfold.isChecked()
        self.unfold.setVisible(narrow and made)
        self.area.setVisible(not folded)
        self.above.setMaximumHeight(self.make.sizeHint().height() + 12 if folded else UNBOUNDED)
        if not folded:
            self.halves.setSizes([1000, 1000] if made else [10_000, 1] if narrow else [1000, 1400])


def pairs(tiles: Any, beside: Any) -> Any:
    """Put each tile and its neighbour into one, a narrow gap between them."""
    if tiles.shape != beside.shape:
        return tiles
    gap = np.full((*tiles.shape[:2], max(1, tiles.shape[2] // 24), *tiles.shape[3:]), -1.0 if tiles.ndim == 3 else 0.0)
    return np.concatenate([tiles, gap, beside], axis=2)
