"""The line above the board: which example, whether it matches the deck, where the deck is wrong, what was refused."""

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from medviz.gui.colours import colours
from medviz.gui.icons import icon
from medviz.refused import Refused


class Plate(QFrame):
    """A sentence with an icon on a ground in the colour of its level ("good", "warning", "bad", "info")."""

    def __init__(self, level: str, glyph: str) -> None:
        super().__init__()
        self._level, self._glyph = level, glyph
        self.picture, self.words = QLabel(), QLabel()
        self.words.setWordWrap(True)
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 6, 10, 6)
        row.setSpacing(10)
        row.addWidget(self.picture, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self.words, 1)
        self.hide()

    def say(self, text: str) -> None:
        """Show a sentence; an empty one hides the plate."""
        self.words.setText(text)
        self.setVisible(bool(text))
        if text:
            self._dress()

    @property
    def text(self) -> str:
        """What it says; empty while it is hidden."""
        return self.words.text() if not self.isHidden() else ""

    def _dress(self) -> None:
        now = colours()
        colour = now.of(self._level if self._level != "info" else "dim")
        self.picture.setPixmap(icon(self._glyph, self._level if self._level != "info" else "dim").pixmap(16, 16))
        red, green, blue, _ = colour.getRgb()
        self.setObjectName("plate")
        self.setStyleSheet(
            f"#plate {{ background: rgba({red},{green},{blue},36); border: none; border-left: 4px solid "
            f"{colour.name()}; border-radius: 4px; }}"
        )


class Banner(QWidget):
    """Title and sentence of the example, the check against the deck, the erratum, and what was refused."""

    def __init__(self) -> None:
        super().__init__()
        self.title, self.source, self.verdict = QLabel(), QLabel(), QLabel()
        self.title.setProperty("look", "title")
        self.title.setWordWrap(True)
        self.source.setProperty("look", "dim")
        self.sentence = QLabel()
        self.sentence.setProperty("look", "dim")
        self.sentence.setWordWrap(True)
        self.erratum = Plate("warning", "ph.warning")
        self.refusal = Plate("bad", "ph.prohibit")
        self.note = Plate("info", "ph.info")
        head = QHBoxLayout()
        head.setSpacing(12)
        head.addWidget(self.title, 1)
        head.addWidget(self.verdict, 0, Qt.AlignmentFlag.AlignRight)
        head.addWidget(self.source, 0, Qt.AlignmentFlag.AlignRight)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 0)
        column.setSpacing(6)
        column.addLayout(head)
        for widget in (self.sentence, self.erratum, self.refusal, self.note):
            column.addWidget(widget)

    def show_example(self, title: str, example: Any, on: str = "") -> None:
        """Name the lab and the example in front, None for one's own parameters."""
        self.title.setText(example.name if example else title)
        self.source.setText(f"{example.deck} · {example.row}" if example else on)
        self.sentence.setText(example.text if example else "")
        self.sentence.setVisible(bool(example and example.text))
        error = example.erratum if example else None
        self.erratum.say(
            f"{error.number} · The deck says: {error.says}.\nCorrect is: {error.correct}." if error else ""
        )

    def show_checks(self, checks: Sequence[Any] | None) -> None:
        """Say whether the figures are those of the deck; None where there is nothing to hold them against."""
        self.verdict.setVisible(bool(checks))
        if not checks:
            return
        wrong = [check for check in checks if not check.ok]
        good = "differs from the deck: " + ", ".join(check.name for check in wrong) if wrong else "matches the deck ✓"
        self.verdict.setText(good)
        self.verdict.setStyleSheet(f"color: {colours().bad if wrong else colours().good}; font-weight: 600;")
        self.verdict.setToolTip(
            "\n".join(f"{check.name}: {'✓' if check.ok else '✗'}  {check.expected}" for check in checks)
        )

    def refuse(self, refusal: Refused | None) -> None:
        """Say what was refused; the last good figures stay below."""
        self.refusal.say("" if refusal is None else f"{refusal} The figures are those of the last good input.")
