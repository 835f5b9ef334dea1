"""The check report on the page: what is wrong, worst first, what the data are like, and the plan in two lines."""

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSplitter,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from medviz.data.checking.report import CheckReport, Fingerprint, Spread, rows_of
from medviz.figures import Bars, Table
from medviz.gui.drawing.bars import BarsView
from medviz.gui.drawing.table import TableView
from medviz.gui.icons import icon
from medviz.gui.training.report_table import ReportTable
from medviz.gui.training.survey import Survey
from medviz.gui.waiting import Waiting

MOST_CLASSES, MOST_BARS = 200, 24
ROOM_FOR_BARS = 380
_SIGN_PX = 34


class DataChip(QToolButton):
    """Says beside Data how the check went: "120 cases · 0 problems". A click shows the report."""

    def __init__(self, survey: Survey) -> None:
        super().__init__()
        self.survey = survey
        self.setProperty("look", "quiet")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setIconSize(QSize(14, 14))
        self.setAccessibleName("state of the data")
        self._words: tuple[str, ...] = ("",)
        self._room_px = 10_000
        survey.changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Say how it stands now."""
        self._words, sign, colour, tip = chip_words(self.survey)
        self.setIcon(icon(sign, colour))
        self.setToolTip(f"{self._words[0].capitalize()}. {tip}")
        self.setVisible(self.survey.settings is not None)
        self._say()

    @property
    def whole_px(self) -> int:
        """Width at which all can be said."""
        return self.fontMetrics().horizontalAdvance(self._words[0]) + _SIGN_PX

    def fit(self, room_px: int) -> None:
        """Say it short where there is no room: "0 problems", or the sign alone."""
        self._room_px = room_px
        self._say()

    def _say(self) -> None:
        metrics = self.fontMetrics()
        fitting = [words for words in self._words if metrics.horizontalAdvance(words) + _SIGN_PX <= self._room_px]
        self.setText(fitting[0] if fitting else self._words[-1])


def chip_words(survey: Survey) -> tuple[tuple[str, ...], str, str, str]:
    """Words (the longest first), icon, colour and tool tip of the chip."""
    if survey.is_checking:
        now = survey.progress()
        share = f"{100 * now.done / now.total:.0f} %" if now is not None and now.total else "…"
        words: tuple[str, ...] = (f"checking {share}", share)
        return words, "ph.hourglass", "dim", "The data are being read. Click: show how far it is."
    if survey.refusal is not None:
        return ("cannot be read", ""), "ph.x-circle-fill", "bad", f"{survey.refusal} Click: show it."
    report = survey.report
    if report is None:
        words = ("not checked yet", "not checked", "")
        return words, "ph.circle-dashed", "dim", "Click: read every case and say what is wrong."
    if not survey.fresh:
        words = ("changed since the check", "changed", "")
        return words, "ph.circle-dashed", "dim", "Click: show the report; check again there."
    faults = report.faults
    said = f"{faults} problem{'' if faults == 1 else 's'}"
    words = (f"{len(report.cases):,} cases · {said}", said, str(faults))
    if faults:
        bad = any(one.severity == "error" for one in report.problems)
        tip = "Click: show what is wrong, worst first."
        return words, "ph.warning-fill", "bad" if bad else "warning", tip
    return words, "ph.check-circle-fill", "good", "Click: show what the data are like."


class PlanStrip(QFrame):
    """The proposal in two lines, and a button that takes it."""

    def __init__(self, survey: Survey) -> None:
        super().__init__()
        self.survey = survey
        self._held_back = False
        self.setProperty("look", "card")
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.words.setAccessibleName("the plan that the data ask for")
        self.take = QPushButton("Use this plan")
        self.take.setToolTip("Set these parameters in the form; what the plan says nothing of stays")
        self.take.clicked.connect(survey.use_proposal)
        self.leave = QToolButton()
        self.leave.setProperty("look", "quiet")
        self.leave.setIcon(icon("ph.x"))
        self.leave.setToolTip("Take the proposal away; the parameters stay as they are")
        self.leave.setAccessibleName("dismiss the plan")
        self.leave.clicked.connect(survey.forget_proposal)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 8, 6)
        row.setSpacing(8)
        row.addWidget(self.words, 1)
        row.addWidget(self.take)
        row.addWidget(self.leave)
        survey.changed.connect(self.refresh)
        self.refresh()

    def hold_back(self, on: bool) -> None:
        """Stand back while a run is in front."""
        self._held_back = on
        self.refresh()

    def refresh(self) -> None:
        """Show what is proposed, if anything is."""
        self.setVisible(bool(self.survey.lines) and not self._held_back)
        self.words.setText(
            "\n".join(("Proposed: " + self.survey.lines[0], *self.survey.lines[1:])) if self.survey.lines else ""
        )
        used = self.survey.in_use
        self.take.setText("Plan in use" if used else "Use this plan")
        self.take.setEnabled(not used)


class ReportPane(QWidget):
    """The report in the middle of the page. Signals: `left` when it is closed, `browse_wanted` (name of a case)."""

    left = Signal()
    browse_wanted = Signal(str)

    def __init__(self, survey: Survey) -> None:
        super().__init__()
        self.survey = survey
        self.title = _label("heading")
        self.facts = _label("dim", wrap=True)
        self.again = _button("Check again", "Read every case anew", "ph.arrows-clockwise")
        self.browse = _button("Browse data…", "Leaf through the cases  (Ctrl+B)", "ph.squares-four")
        self.close_button = _button("Close", "Back to the curves  (Esc)", "ph.x")
        self.waiting = Waiting("checking the data", "Stop reading; the report before stays")
        self.sound = Sound()
        self.table = ReportTable()
        self.classes, self.like, self.bars = TableView(), TableView(), BarsView()
        self.split, self.empty = QSplitter(Qt.Orientation.Vertical), QWidget()
        self.sound.hide()
        self._lay_out()
        self.again.clicked.connect(survey.check)
        self.browse.clicked.connect(lambda: self.browse_wanted.emit(""))
        self.close_button.clicked.connect(self.left)
        self.waiting.cancelled.connect(survey.cancel)
        self.table.repair_wanted.connect(survey.repair)
        self.table.case_wanted.connect(self.browse_wanted)
        survey.changed.connect(self.refresh)
        self._shown: CheckReport | None = None
        self.refresh()

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(8)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self.title)
        words.addWidget(self.facts)
        head.addLayout(words, 1)
        for button in (self.again, self.browse, self.close_button):
            head.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        self.split.setChildrenCollapsible(False)
        below = QWidget()
        beside = QHBoxLayout(below)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.setSpacing(24)
        beside.addWidget(self.classes)
        beside.addWidget(self.like, 1)
        held = QWidget()
        column = QVBoxLayout(held)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(below, 3)
        column.addWidget(self.bars, 2)
        self.split.addWidget(self.table)
        self.split.addWidget(held)
        self.split.setStretchFactor(0, 3)
        self.split.setStretchFactor(1, 2)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(16, 12, 16, 8)
        whole.setSpacing(8)
        whole.addLayout(head)
        whole.addWidget(self.waiting)
        whole.addWidget(self.sound)
        whole.addWidget(self.split, 1)
        whole.addWidget(self.empty, 1)

    def refresh(self) -> None:
        """Show the report there is, and how far the next one is."""
        survey = self.survey
        self.waiting.show_job(survey.job)
        self.again.setEnabled(survey.settings is not None and not survey.is_checking)
        self.again.setText("Check" if survey.report is None else "Check again")
        self.browse.setEnabled(survey.settings is not None)
        report = survey.report
        self.title.setText(title_of(survey))
        self.facts.setText(facts_of(report.fingerprint) if report else "")
        self.facts.setVisible(report is not None)
        self.split.setVisible(report is not None)
        self.empty.setVisible(report is None)
        self._say(survey)
        if report is not self._shown:
            self._shown = report
            self._show(report)

    def _say(self, survey: Survey) -> None:
        """Say what stands in the way of a report, or that all is well."""
        if survey.refusal is not None:
            self.title.setText(str(survey.refusal))

    def _show(self, report: CheckReport | None) -> None:
        rows = rows_of(report.problems) if report is not None else ()
        self.table.put(rows)
        self.table.setVisible(bool(rows))
        self.sound.setVisible(report is not None and not report.faults)
        self.sound.say(report)
        if report is not None:
            for view, figure in ((self.classes, class_table(report)), (self.like, facts_table(report))):
                view.show_figure(figure)
                view.setMinimumWidth(min(view.least_px + 2, 330))
            self.bars.show_figure(balance(report))
            self.classes.setMaximumWidth(max(self.classes.least_px + 2, 200))
        self._share()

    def _share(self) -> None:
        """Give the problems the height they ask for, but leave something to what is below."""
        rows = self.table.wanted_px if self.table.problems.count() else 0
        high = self.split.height()
        above = min(rows, max(high - 150, high * 3 // 5))
        self.split.setSizes([above, max(high - above, 1)])
        self.bars.setVisible(high - above > ROOM_FOR_BARS and bool(self._shown and self._shown.classes))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Share the height anew."""
        super().resizeEvent(event)
        self._share()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc goes back."""
        if event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            super().keyPressEvent(event)


class Sound(QFrame):
    """Says that nothing is wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("look", "card")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.sign = QLabel()
        self.words = _label("", wrap=True)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 10, 12, 10)
        row.setSpacing(12)
        row.addWidget(self.sign)
        row.addWidget(self.words, 1)

    def say(self, report: CheckReport | None) -> None:
        """Say what was looked for."""
        if report is None:
            return
        self.sign.setPixmap(icon("ph.check-circle-fill", "good").pixmap(QSize(24, 24)))
        notes = "; what is good to know stands below" if report.problems else ""
        self.words.setText(
            f"0 problems in {len(report.cases):,} cases{notes}. Every file was read; grids, labels, channels, numbers, "
            "duplicates, patients on both sides and the balance of the classes were looked at."
        )


def title_of(survey: Survey) -> str:
    """Say what was checked and how it went."""
    report = survey.report
    if report is None:
        return "The data are being checked" if survey.is_checking else "The data have not been checked yet"
    place = dict(report.settings.values)
    path = str(place.get("folder") or place.get("file") or "").rstrip("/")
    name = path.replace("\\", "/").rpartition("/")[2] or report.layout
    notes = len(report.problems) - report.faults
    said = f"{report.faults} problem{'' if report.faults == 1 else 's'}"
    more = f" and {notes} note{'' if notes == 1 else 's'}" if notes else ""
    stale = "" if survey.fresh or survey.is_checking else " before the last change"
    return f"{name} ({report.layout}): {said}{more}{stale}"


def facts_of(found: Fingerprint) -> str:
    """Say in a line what the data are like: cases, sizes, spacings, intensities."""
    unit = "voxels" if found.dimensions == 3 else "pixels"
    patients = f"{found.patients:,} patients" if found.patients < found.cases else ""
    parts = [f"{found.cases:,} cases", patients, f"{found.held_out:,} held out" if found.held_out else ""]
    if found.shape.middle:
        parts.append(f"{ranged(found.shape)} {unit}")
        parts.append(f"{ranged(found.spacing_mm)} mm" if found.spacing_mm is not None else "uncalibrated")
    parts.append(f"{found.channels} channel{'' if found.channels == 1 else 's'}")
    return " · ".join(part for part in parts if part)


def ranged(spread: Spread) -> str:
    """Write "35×50×36 (32×40×26 to 42×59×46)", or the one size that all have."""
    low, middle, high = (sized(one) for one in (spread.low, spread.middle, spread.high))
    return middle if low == high else f"{middle} ({low} to {high})"


def sized(sides: Sequence[float]) -> str:
    """Write sides as "35×50×36"."""
    return "×".join(f"{side:.3g}" if side < 1000 else f"{side:.0f}" for side in sides)


def class_table(report: CheckReport) -> Table:
    """Put the classes into a table: in how many cases, how much, which share."""
    found = report.fingerprint
    rows = tuple((one.name, one.cases, one.count, round(100 * one.share, 1)) for one in found.classes[:MOST_CLASSES])
    return Table("classes", ("class", "cases", found.counted, "share"), rows, "classes", ("", "", "", "%"))


def facts_table(report: CheckReport) -> Table:
    """Put what the data are like into a table: the smallest, the middle and the largest of each."""
    found = report.fingerprint
    rows: list[tuple[str | float | int | None, ...]] = []
    unit = "voxels" if found.dimensions == 3 else "px"
    for what, spread in (
        (f"size in {unit}", found.shape),
        ("spacing in mm", found.spacing_mm),
        (f"labelled part in {unit}", found.labelled),
        ("boxes in px", found.boxes),
    ):
        if spread is not None and spread.middle:
            rows.append((what, *(sized(sides) for sides in (spread.low, spread.middle, spread.high))))
    levels = dict(found.intensities)
    if levels:
        what = "labelled values" if found.counted == "voxels" and found.foreground else "values above air"
        rows.append((f"{what}, 99 % of them", *(plain_number(levels[name]) for name in ("p0.5", "p50", "p99.5"))))
    if found.foreground:
        rows.append(("labelled share of all voxels", "", f"{100 * found.foreground:.2g} %", ""))
    heads = ("", "least", "middle", "most")
    return Table("facts", heads, tuple(rows), "what they are like")


def balance(report: CheckReport) -> Bars:
    """Draw how the classes are balanced."""
    shown = report.fingerprint.classes[:MOST_BARS]
    shares = np.array([100 * one.share for one in shown], float)
    title = f"share of all {report.fingerprint.counted} that belong to a class"
    return Bars("balance", tuple(one.name for one in shown), shares, title=title, unit="%")


def plain_number(value: float) -> str:
    """Write a number without powers of ten: "280,791", "0.53"."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _label(look: str, wrap: bool = False) -> QLabel:
    made = QLabel()
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setWordWrap(wrap)
    if look:
        made.setProperty("look", look)
    made.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return made


def _button(words: str, tip: str, sign: str) -> QPushButton:
    made = QPushButton(words)
    made.setIcon(icon(sign))
    made.setToolTip(tip)
    return made
