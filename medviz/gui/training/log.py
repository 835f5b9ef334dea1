"""All that a run has said in words, in the order in which it came."""

from PySide6.QtGui import QFont, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QPlainTextEdit, QVBoxLayout

from medviz.gui.colours import colours
from medviz.gui.training.bench import Bench, RunView
from medviz.gui.training.watch import Watch
from medviz.messages import Note

LONGEST = 5000
"""Lines that are kept on screen."""


class Log(RunView):
    """The notes of the run in front, to be read, marked and copied."""

    WORD = "Log"
    HINT = "All that the run said in words"

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setMaximumBlockCount(LONGEST)
        self.text.setPlaceholderText("What a run says in words is kept here.")
        self.text.setAccessibleName("what the run said")
        self.text.setToolTip("What the run said; mark and copy as you like")
        self.text.setTabChangesFocus(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 4, 8)
        column.addWidget(self.text)
        self._written = 0
        self._of: Watch | None = None

    def show_run(self, watch: Watch | None) -> None:
        """Show what another run said."""
        if watch is not self._of:
            self._of, self._written = watch, 0
            self.text.clear()
        self.refresh()

    def refresh(self) -> None:
        """Write what came since."""
        notes = self._of.history.notes if self._of is not None else []
        if len(notes) <= self._written:
            return
        bar = self.text.verticalScrollBar()
        follows = bar.value() >= bar.maximum() - 2
        for note in notes[self._written :]:
            self._write(note)
        self._written = len(notes)
        if follows:
            bar.setValue(bar.maximum())

    def _write(self, note: Note) -> None:
        cursor = QTextCursor(self.text.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        if not self.text.document().isEmpty():
            cursor.insertBlock()
        for words, colour in ((note.text, {"warning": "warning", "error": "bad"}.get(note.level, "text")),
                              (note.remedy, "dim")):  # fmt: skip
            form = QTextCharFormat()
            form.setForeground(colours().of(colour))
            form.setFontWeight(QFont.Weight.Normal)
            if words:
                cursor.insertText(words if colour != "dim" else f"  → {words}", form)
