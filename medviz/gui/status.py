"""The line at the bottom: the open scan, what is under the cursor, and every job that runs."""

import numpy as np
from PySide6.QtCore import QEvent, QSize, Qt, QTimer
from PySide6.QtGui import QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QSizePolicy, QToolButton, QVBoxLayout

from medviz.gui.desk import Desk
from medviz.gui.icons import icon
from medviz.gui.job import Job, clock
from medviz.imaging.scene import Scene
from medviz.imaging.volume import Volume

PURPOSE = "Research and teaching, not for diagnosis"
TICK_MS = 500
SHOWN_JOBS = 3
LEAST_PX = 96
LINE_PX = 36
"""High enough for a job, so that the page does not jump when one starts."""


class Status(QFrame):
    """The status line. Its texts are set from the Scene; a click on a job brings up the page it belongs to."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.setProperty("look", "status")
        self.name = Elided("name of the scan", cut=Qt.TextElideMode.ElideMiddle)
        self.facts = QLabel()
        self.facts.setAccessibleName("voxels, their size, and the order they are stored in")
        self.place = Elided("cursor")
        self.purpose = QLabel(PURPOSE)
        self.purpose.setProperty("look", "small")
        self.purpose.hide()
        self.more = QLabel()
        self.more.setProperty("look", "small")
        self.more.hide()
        self.chips: dict[Job, Chip] = {}
        self._jobs = QHBoxLayout()
        self._jobs.setSpacing(8)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 2, 12, 2)
        row.setSpacing(16)
        self.setMinimumHeight(LINE_PX)
        row.addWidget(self.name)
        row.addWidget(self.facts)
        row.addWidget(self.place)
        row.addStretch(1)
        row.addLayout(self._jobs)
        row.addWidget(self.more)
        row.addWidget(self.purpose)
        self._leave = desk.scene.listen(self.heard)
        desk.started.connect(self._add)
        self.heard(desk.scene.state, desk.scene.state)

    def heard(self, old: Scene, new: Scene) -> None:
        """Write what the scene says."""
        if new.scan is not old.scan or not self.name.full():
            self.name.write(new.scan.name if new.scan is not None else "No scan open")
            self.facts.setText(scan_in_words(new.scan))
        self.place.write(cursor_in_words(new))

    def _add(self, job: Job) -> None:
        chip = Chip(job, self._desk)
        self.chips[job] = chip
        self._jobs.addWidget(chip)
        job.over.connect(lambda: self._remove(job))
        self._count()

    def _remove(self, job: Job) -> None:
        chip = self.chips.pop(job)
        self._jobs.removeWidget(chip)
        chip.end()
        self._count()

    def _count(self) -> None:
        """Show three jobs and count the rest."""
        for number, chip in enumerate(self.chips.values()):
            chip.setVisible(number < SHOWN_JOBS)
        rest = len(self.chips) - SHOWN_JOBS
        self.more.setVisible(rest > 0)
        self.more.setText(f"+ {rest} more")


class Chip(QFrame):
    """One job: what it is, how far, how long still; pause where it goes in steps, and cancel."""

    def __init__(self, job: Job, desk: Desk) -> None:
        super().__init__()
        self.job, self._desk = job, desk
        self.setProperty("look", "chip")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setToolTip("Show its page")
        self.title = Elided(job.title, 160)
        self.bar = QProgressBar()
        self.bar.setProperty("look", "thin")
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 0)
        self.time = QLabel()
        self.time.setProperty("look", "small")
        self.time.setMinimumWidth(self.time.fontMetrics().horizontalAdvance("running"))
        self.pause = self._button("ph.pause", "pause", self._turn)
        self.cancel = self._button("ph.x", "cancel", job.stop)
        self.pause.hide()
        row = QHBoxLayout()
        row.setContentsMargins(8, 0, 2, 0)
        row.setSpacing(6)
        for widget in (self.title, self.time, self.pause, self.cancel):
            row.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 1, 1, 1)
        column.setSpacing(0)
        column.addLayout(row)
        column.addWidget(self.bar)
        self.title.write(job.title)
        self._tick = QTimer(self)
        self._tick.setInterval(TICK_MS)
        self._tick.timeout.connect(self.show_progress)
        self._tick.start()
        job.said.connect(self.show_progress)

    def show_progress(self) -> None:
        """Write how far the job is."""
        job, now = self.job, self.job.progress
        known = now is not None and now.total > 0
        self.pause.setVisible(known and not job.stopping)
        if now is not None and known:
            self.bar.setRange(0, 1000)
            self.bar.setValue(round(1000 * min(1.0, now.done / now.total)))
        self.time.setText(progress_in_words(job))
        self.setToolTip(
            "\n".join(line for line in (job.title, now.what if now else "", "Click: show its page") if line)
        )
        self.setAccessibleName(f"{job.title} {self.time.text()}")

    def end(self) -> None:
        """Leave the line."""
        self._tick.stop()
        self.hide()
        self.deleteLater()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Bring up the job's page."""
        self._desk.page_wanted.emit(str(self.job.property("page")))

    def keyPressEvent(self, event: object) -> None:
        """Bring up the job's page at Return."""
        if getattr(event, "key", lambda: None)() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self._desk.page_wanted.emit(str(self.job.property("page")))

    def _turn(self) -> None:
        if self.job.paused:
            self.job.resume()
        else:
            self.job.pause()
        self.pause.setIcon(icon("ph.play" if self.job.paused else "ph.pause"))
        self.pause.setToolTip("Resume" if self.job.paused else "Pause")
        self.show_progress()

    def _button(self, sign: str, word: str, act: object) -> QToolButton:
        button = QToolButton()
        button.setProperty("look", "quiet")
        button.setIcon(icon(sign))
        button.setIconSize(QSize(14, 14))
        button.setToolTip(word[:1].upper() + word[1:])
        button.setAccessibleName(f"{word} {self.job.title}")
        button.clicked.connect(act)
        return button


class Elided(QLabel):
    """A line of text that is cut with "…" where there is no room, and then says all in its tool tip.

    It takes as much room as its text needs, at most `most_px`, and gives way down to nothing.
    """

    def __init__(self, name: str, most_px: int = 10_000, cut: Qt.TextElideMode = Qt.TextElideMode.ElideRight) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self._text, self._most_px, self._cut_at = "", most_px, cut
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)

    def write(self, text: str) -> None:
        """Write a text."""
        if text != self._text:
            self._text = text
            self.updateGeometry()
            self._cut()

    def full(self) -> str:
        """Return the text, not cut."""
        return self._text

    def sizeHint(self) -> QSize:
        """Room for the text."""
        wide = self.fontMetrics().horizontalAdvance(self._text) + 4
        return QSize(min(self._most_px, wide), super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        """Give way; a short text stays whole."""
        return QSize(min(self.sizeHint().width(), LEAST_PX), super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Cut anew."""
        super().resizeEvent(event)
        self._cut()

    def changeEvent(self, event: QEvent) -> None:
        """Cut anew in another size of text."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self.updateGeometry()
            self._cut()

    def _cut(self) -> None:
        cut = self.fontMetrics().elidedText(self._text, self._cut_at, max(0, self.width()))
        self.setText(cut)
        self.setToolTip(self._text if cut != self._text else "")


def scan_in_words(scan: Volume | None) -> str:
    """Say the voxels, their size and the order they are stored in."""
    if scan is None:
        return ""
    parts = ["×".join(map(str, scan.shape))]
    if scan.frames > 1:
        parts.append(f"{scan.frames} frames")
    spacing = [f"{side:.3g}" for side in scan.spacing_mm]
    size = spacing[0] if len(set(spacing)) == 1 else "×".join(spacing)
    parts += [f"{size} mm" if scan.calibrated else "uncalibrated", scan.stored.axes]
    return "   ".join(parts)


def cursor_in_words(scene: Scene) -> str:
    """Say where the cursor is in mm and voxels, and the value there with its unit."""
    scan = scene.scan
    if scan is None:
        return ""
    x, y, z = scene.cursor
    voxel = scene.voxel
    place = f"x {x:.1f}  y {y:.1f}  z {z:.1f} mm" if scan.calibrated else "uncalibrated"
    value = scan.value_at(scene.cursor, scene.frame if scene.frame < scan.frames else 0)
    if scan.kind == "colour" and scan.nearest(scene.cursor) is not None:
        told = "  ".join(f"{part:g}" for part in np.asarray(scan.voxels[(slice(None), *voxel)]))
    else:
        told = "outside" if value is None else f"{value:.5g}".replace("-", "−") + (f" {scan.unit}" if scan.unit else "")
    return f"{place.replace('-', '−')}   voxel {voxel[0]}, {voxel[1]}, {voxel[2]}   value {told}"


def progress_in_words(job: Job) -> str:
    """Say how far a job is and how long it still takes."""
    if job.stopping:
        return "stopping…"
    if job.paused:
        return "paused"
    now = job.progress
    if now is None or now.total <= 0:
        return "running"
    left = clock(job.left_s)
    return f"{100 * min(1.0, now.done / now.total):.0f} %" + (f"  {left} left" if left else "")
