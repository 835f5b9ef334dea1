"""One case, large: its picture, what it is, what is wrong with it, and what can be done."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from medviz.data.checking.report import CaseFacts, Problem, Repair
from medviz.figures import Picture
from medviz.gui.icons import icon
from medviz.gui.training.case_picture import CasePicture
from medviz.gui.training.check_report import sized
from medviz.gui.training.report_table import capital, told
from medviz.imaging.labels import default_colour

MOST_LABELS = 12


class CaseView(QWidget):
    """Shows a case. `open_wanted` (CaseFacts), `repair_wanted` (Repair)."""

    open_wanted = Signal(object)
    repair_wanted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.facts: CaseFacts | None = None
        self.picture = CasePicture()
        self.name = _words("heading")
        self.about = _words("")
        self.about.setTextFormat(Qt.TextFormat.RichText)
        self.faults = _words("bad")
        self.open = QPushButton("Open in viewer")
        self.open.setIcon(icon("ph.eye"))
        self.open.clicked.connect(self._open)
        self.leave_out = QPushButton("Leave out")
        self.leave_out.clicked.connect(self._leave_out)
        self._repair: Repair | None = None
        row = QHBoxLayout()
        row.addWidget(self.open)
        row.addWidget(self.leave_out)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.picture, 1)
        for widget in (self.name, self.about, self.faults):
            column.addWidget(widget)
        column.addLayout(row)
        self.show_case(None, (), ())

    def show_case(self, facts: CaseFacts | None, classes: Sequence[str], problems: Sequence[Problem]) -> None:
        """Show what is known of a case; its picture comes by `show_picture`."""
        other = facts is None or self.facts is None or facts.name != self.facts.name
        self.facts = facts
        if other:
            self.picture.put(None, "" if facts is None else "…")
        self.name.setText(facts.name if facts else "No case is marked")
        self.about.setText(about(facts, classes) if facts else "")
        self.faults.setText("\n".join(f"{one.sentence} — {one.remedy}" for one in problems))
        self.faults.setVisible(bool(problems))
        there = facts is not None and bool(facts.image)
        self.open.setEnabled(there)
        self.open.setToolTip(
            "Open the scan, and its labels over it  (double click, Enter)" if there else "It is drawn by the program"
        )

    def show_picture(self, picture: Picture) -> None:
        """Show the large picture of the case."""
        if self.facts is not None and picture.name == self.facts.name:
            self.picture.put(picture)

    def show_fault(self, words: str) -> None:
        """Say why there is no picture."""
        self.picture.put(None, words)

    def offer(self, repair: Repair | None) -> None:
        """Offer to leave the case out, where the data set knows how."""
        self._repair = repair
        self.leave_out.setVisible(repair is not None)
        if repair is not None:
            self.leave_out.setText(capital(repair.words))
            self.leave_out.setToolTip(told(repair))

    def _open(self) -> None:
        if self.facts is not None:
            self.open_wanted.emit(self.facts)

    def _leave_out(self) -> None:
        if self._repair is not None:
            self.repair_wanted.emit(self._repair)


def about(facts: CaseFacts, classes: Sequence[str]) -> str:
    """Write what a case is as rich text: side, patient, grid, labels in their colours."""
    rows: list[tuple[str, str]] = []
    if facts.part:
        rows.append(("side", "held out" if facts.part == "held out" else "to learn from"))
    if facts.patient:
        rows.append(("patient", escaped(facts.patient)))
    if facts.kind:
        rows.append(("class", escaped(facts.kind)))
    if facts.shape:
        unit = "voxels" if len(facts.shape) == 3 else "pixels"
        spacing = f"{sized(facts.spacing_mm)} mm" if facts.spacing_mm else "uncalibrated"
        stored = f", stored as {facts.axes}" if facts.axes else ""
        channels = f", {facts.channels} channels" if facts.channels > 1 else ""
        rows.append(("size", f"{sized(facts.shape)} {unit}, {spacing}{stored}"))
        rows.append(("values", f"{facts.dtype}{channels}"))
    there = [(name, count) for name, count in facts.counts if count]
    if there:
        rows.append(("labels", labels_in_words(there, classes)))
    if facts.image:
        rows.append(("file", escaped(Path(facts.image).name)))
    cells = "".join(
        f'<tr><td style="padding-right:12px;color:gray">{what}</td><td>{words}</td></tr>' for what, words in rows
    )
    return f"<table>{cells}</table>" if rows else ""


def labels_in_words(there: Sequence[tuple[str, int]], classes: Sequence[str]) -> str:
    """Write the labels of a case in their colours, with how much there is of each."""
    words = []
    for name, count in there[:MOST_LABELS]:
        value = list(classes).index(name) + 1 if name in classes else 255
        red, green, blue = default_colour(value)
        words.append(f'<span style="color:rgb({red},{green},{blue})">■</span> {escaped(name)} {count:,}')
    more = f" and {len(there) - MOST_LABELS} more" if len(there) > MOST_LABELS else ""
    return "&nbsp;&nbsp; ".join(words) + more


def escaped(text: str) -> str:
    """Let a text stand for itself in rich text."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _words(look: str) -> QLabel:
    made = QLabel()
    made.setWordWrap(True)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    if look:
        made.setProperty("look", look)
    return made
