"""The line above the board: which example, whether it matches the deck, where the deck is wrong, what was refused."""

from collections.abc import Sequence
from html import escape
from typing import Any

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from medviz.gui.colours import colours
from medviz.gui.drawing.look import colours_of, rgb
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
        colour = colours_of(self).of(self._level if self._level != "info" else "dim")
        self.picture.setPixmap(icon(self._glyph, self._level if self._level != "info" else "dim").pixmap(16, 16))
        red, green, blue = rgb(colour)
        self.setObjectName("plate")
        self.setStyleSheet(
            f"#plate {{ background: rgba({red},{green},{blue},36); border: none; border-left: 4px solid "
            f"{colour.name()}; border-radius: 4px; }}"
        )


class Banner(QWidget):
    """Title and sentence of the example, the check against the deck, the erratum, and what was refused."""

    def __init__(self) -> None:
        super().__init__()
        self.title, self.line = QLabel(), QLabel()
        self.title.setProperty("look", "title")
        self.line.setProperty("look", "dim")
        self.line.setTextFormat(Qt.TextFormat.RichText)
        for label in (self.title, self.line):
            label.setWordWrap(True)
        self._words: tuple[str, str] = ("", "")
        self._checks: Sequence[Any] = ()
        self.erratum = Plate("warning", "ph.warning")
        self.refusal = Plate("bad", "ph.prohibit")
        self.note = Plate("info", "ph.info")
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 0)
        column.setSpacing(6)
        for widget in (self.title, self.line, self.erratum, self.refusal, self.note):
            column.addWidget(widget)

    def show_example(self, title: str, example: Any, on: str = "") -> None:
        """Name the lab and the example in front, None for one's own parameters."""
        self.title.setText(example.name if example else title)
        self._words = (f"{example.deck} · {example.row}", example.text) if example else (on, "")
        self._checks = ()
        self._write()
        error = example.erratum if example else None
        self.erratum.say(
            f"{error.number} · The deck says: {error.says}.\nCorrect is: {error.correct}." if error else ""
        )

    def show_checks(self, checks: Sequence[Any]) -> None:
        """Say whether the figures are those of the deck; nothing where there is nothing to hold them against."""
        self._checks = checks
        self._write()

    @property
    def verdict(self) -> str:
        """What is said of the figures and the deck."""
        wrong = [check.name for check in self._checks if not check.ok]
        if wrong:
            return "differs from the deck: " + ", ".join(wrong)
        return "matches the deck ✓" if self._checks else ""

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        if event.type() == QEvent.Type.PaletteChange:
            self._write()
        super().changeEvent(event)

    def _write(self) -> None:
        good = all(check.ok for check in self._checks)
        colour = colours().good if good else colours().bad
        parts = [f'<b style="color:{colour}">{escape(self.verdict)}</b>'] if self.verdict else []
        parts += [escape(word) for word in self._words if word]
        self.line.setText(" &nbsp;·&nbsp; ".join(parts))
        self.line.setVisible(bool(parts))
        told = (
            f"{check.name} = {check.expected} {'✓' if check.ok else f'✗ here {check.found}'}" for check in self._checks
        )
        self.line.setToolTip("\n".join(told))

    def refuse(self, refusal: Refused | None) -> None:
        """Say what was refused; the last good figures stay below."""
        self.refusal.say("" if refusal is None else f"{refusal} The figures are those of the last good input.")
