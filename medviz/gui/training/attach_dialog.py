"""Where a run lies that is to be followed: a folder here, a folder over ssh, or what TensorBoard reads."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from medviz.gui.icons import icon

_WAYS = (
    ("A folder of a run", "on this machine, of another window or of <code>medviz train</code>"),
    ("ssh://host/path/to/run", "on another machine, through your own ssh; no port is opened"),
    ("A folder of TensorBoard's files", "of Lightning, MONAI, nnU-Net or any other program"),
)


class AttachDialog(QDialog):
    """Asks for a place. `chosen` (text) when it was given."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Follow a run")
        self.where = QLineEdit()
        self.where.setPlaceholderText("a folder, or ssh://host/path")
        self.where.setAccessibleName("where the run lies")
        self.where.setMinimumWidth(360)
        self.browse = QPushButton("Browse…")
        self.browse.setIcon(icon("ph.folder-open"))
        self.browse.setToolTip("Choose a folder on this machine")
        self.browse.clicked.connect(self._browse)
        self.buttons = QDialogButtonBox()
        self.follow = self.buttons.addButton("Follow", QDialogButtonBox.ButtonRole.AcceptRole)
        self.follow.setProperty("look", "primary")
        self.buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        self.buttons.accepted.connect(self._accept)
        self.buttons.rejected.connect(self.reject)
        self.where.textChanged.connect(self._typed)
        self._typed("")
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.where, 1)
        row.addWidget(self.browse)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        for what, words in _WAYS:
            label = QLabel(f"<b>{what}</b><br>{words}")
            label.setWordWrap(True)
            column.addWidget(label)
        column.addLayout(row)
        column.addWidget(self.buttons)

    def _typed(self, text: str) -> None:
        self.follow.setEnabled(bool(text.strip()))

    def _browse(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder of a run, or of TensorBoard's files")
        if folder:
            self.where.setText(folder)

    def _accept(self) -> None:
        self.accept()
        self.chosen.emit(self.where.text().strip())
