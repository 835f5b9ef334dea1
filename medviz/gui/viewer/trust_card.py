"""The trust card of a model, and the gauge that holds the open scan against the training data."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from medviz.gui.colours import colours
from medviz.gui.icons import icon
from medviz.gui.services import ModelCard
from medviz.gui.viewer.cards import label

UNKNOWN = "unknown"
MARKS = {
    "ok": ("ph.check-circle", "good", "like the training data"),
    "outside": ("ph.warning-circle", "bad", "outside of the training data: expect errors"),
    "unknown": ("ph.question", "dim", "not known of the training data"),
}
Finding = tuple[str, str, str, str]


class TrustCard(QFrame):
    """All that is known of a model: what it does, from what it was taught, its licence, how good it was measured.

    What is not known is spelt out, since a model of which nothing is known must not look like one that was tested.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("look", "card")
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(12, 8, 12, 10)
        self.column.setSpacing(2)

    def show_card(self, card: ModelCard) -> None:
        """Show what the card says."""
        while (item := self.column.takeAt(0)) is not None:
            if (gone := item.widget()) is not None:
                gone.deleteLater()
        for name, words in card.facts or _plain(card):
            self._row(name, words)
        figures = "\n".join(f"{name}: {value:.3f}" for name, value in card.metrics)
        self._row("measured", figures or "no figures: do not rely on it")
        digest = self._row("sha256", f"{card.sha256[:16]}…" if card.sha256 else UNKNOWN)
        digest.setToolTip(card.sha256)

    def _row(self, name: str, words: str) -> QLabel:
        said = label(words, "dim" if words == UNKNOWN else "", wrap=True)
        said.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        said.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        said.setAccessibleName(f"{name}: {words}")
        if self.column.count():
            self.column.addSpacing(5)
        self.column.addWidget(label(name, "small"))
        self.column.addWidget(said)
        return said


class Gauge(QWidget):
    """How the scan stands to the training data: one line a property, red where it lies outside."""

    def __init__(self) -> None:
        super().__init__()
        self.findings: tuple[Finding, ...] = ()
        self.grid = QGridLayout(self)
        self.grid.setContentsMargins(0, 0, 0, 0)
        self.grid.setHorizontalSpacing(6)
        self.grid.setVerticalSpacing(2)
        self.grid.setColumnStretch(2, 1)
        self.hide()

    @property
    def outside(self) -> bool:
        """True where something lies outside of the training data."""
        return any(state == "outside" for *_, state in self.findings)

    def show_findings(self, findings: tuple[Finding, ...]) -> None:
        """Show them; nothing where there are none."""
        self.findings = findings
        while (item := self.grid.takeAt(0)) is not None:
            if (gone := item.widget()) is not None:
                gone.deleteLater()
        for row, (what, scan, training, state) in enumerate(findings):
            picture, colour, meaning = MARKS[state]
            mark = QLabel()
            mark.setPixmap(icon(picture, colour).pixmap(16, 16))
            name, words = label(what, "small"), label(scan, "small", wrap=True)
            words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
            if state == "outside":
                words.setText(f"{scan} — trained on {training}")
                words.setStyleSheet(f"color: {colours().bad}")
            tip = f"{what}: this scan {scan}; training data {training}\n{meaning[:1].upper()}{meaning[1:]}."
            for column, widget in enumerate((mark, name, words)):
                widget.setToolTip(tip)
                widget.setAccessibleName(tip.replace("\n", ". "))
                self.grid.addWidget(widget, row, column, Qt.AlignmentFlag.AlignTop)
        self.setVisible(bool(findings))


def _plain(card: ModelCard) -> tuple[tuple[str, str], ...]:
    return (
        ("does", card.summary or UNKNOWN),
        ("labels", ", ".join(card.labels) or UNKNOWN),
        ("trained on", card.trained_on or UNKNOWN),
        ("licence", card.licence or UNKNOWN),
    )
