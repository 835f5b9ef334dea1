"""One question about all files of a session that are missing or have changed."""

from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QFileDialog, QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from medviz.gui.viewer.cards import breakable, label
from medviz.imaging.session import Kept, Session

STATES = {
    "missing": "is not where it was",
    "changed": "has changed since",
}


class MissingDialog(QDialog):
    """Signals: `located` (session) when files were said to lie elsewhere, `decided` (session) to go on with it."""

    located = Signal(object)
    decided = Signal(object)

    def __init__(self, parent: QWidget, session: Session) -> None:
        super().__init__(parent)
        self.setObjectName("missing")
        self.setWindowTitle("Files of the session")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.session = session
        self.rows: list[tuple[Kept, QLabel, QPushButton]] = []
        self.title, self.words = label("", "title", wrap=True), label("", "dim", wrap=True)
        self.grid = QGridLayout()
        self.grid.setHorizontalSpacing(16)
        self.grid.setVerticalSpacing(8)
        self.grid.setColumnStretch(0, 1)
        self.go = QPushButton()
        self.go.setProperty("look", "primary")
        self.go.clicked.connect(self._decide)
        self.leave = QPushButton("Cancel")
        self.leave.setProperty("look", "quiet")
        self.leave.setToolTip("Open nothing  (Esc)")
        self.leave.clicked.connect(self.reject)
        foot = QHBoxLayout()
        foot.addStretch(1)
        foot.addWidget(self.leave)
        foot.addWidget(self.go)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 20, 20, 16)
        column.setSpacing(12)
        for part in (self.title, self.words):
            column.addWidget(part)
        column.addLayout(self.grid)
        column.addStretch(1)
        column.addLayout(foot)
        self.resize(560, 220)
        self.show_session(session)

    def show_session(self, session: Session) -> None:
        """List what is wrong with the files of a session."""
        self.session = session
        while (item := self.grid.takeAt(0)) is not None:
            if (gone := item.widget()) is not None:
                gone.hide()
                gone.deleteLater()
        self.rows = []
        for row, kept in enumerate(session.troubles):
            name = label(breakable(kept.path.name), wrap=True)
            name.setToolTip(str(kept.path))
            state = label(STATES[kept.state], "bad" if kept.state == "missing" else "dim")
            button = QPushButton("Locate…")
            button.setToolTip(f"Say where {kept.path.name} lies now; other files are looked for beside it")
            button.clicked.connect(partial(self._locate, kept))
            for col, part in enumerate((name, state, button)):
                self.grid.addWidget(part, row, col)
            self.rows.append((kept, state, button))
        count = len(session.troubles)
        self.title.setText(f"{count} file{'s' if count != 1 else ''} of the session cannot be opened as before")
        scan_gone = session.layers[0].state == "missing"
        missing = any(kept.state == "missing" for kept in session.troubles)
        self.words.setText(
            "The scan itself must be located."
            if scan_gone
            else "What is missing can be left out; what has changed is opened as it is now."
        )
        several = count > 1
        without = f"Open without {'them' if several else 'it'}"
        self.go.setText(without if missing else f"Open as {'they are' if several else 'it is'}")
        self.go.setToolTip("Open the session with the files that are there  (Enter)")
        self.go.setEnabled(not scan_gone)
        self.go.setDefault(not scan_gone)

    def place(self, kept: Kept, path: Path) -> None:
        """Take a file's new place, and look for the other missing ones in the same folder."""
        places = {kept.path: path}
        for other in self.session.troubles:
            beside = path.parent / other.path.name
            if other is not kept and other.state == "missing" and beside.exists():
                places[other.path] = beside
        self.located.emit(self.session.moved(places))

    def _locate(self, kept: Kept, _: bool = False) -> None:
        if kept.known_by.get("of") == "folder":
            place = QFileDialog.getExistingDirectory(self, f"Where is {kept.path.name}?")
        else:
            place, _kind = QFileDialog.getOpenFileName(self, f"Where is {kept.path.name}?")
        if place:
            self.place(kept, Path(place))

    def _decide(self) -> None:
        gone = tuple(kept for kept in self.session.troubles if kept.state == "missing")
        self.decided.emit(self.session.without(gone))
        self.accept()
