"""A trained network for use elsewhere: the format, the file, and how far what was written differs."""

from pathlib import Path

from PySide6.QtWidgets import (
    QButtonGroup,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from medviz.gui.desk import Desk
from medviz.gui.icons import icon
from medviz.gui.teaching import Written
from medviz.gui.training.writing_dialog import WritingDialog
from medviz.gui.waiting import Waiting


class ExportDialog(WritingDialog):
    """Writes the best weights of a run in a format; stays open until it is done and says what the check found."""

    def __init__(self, desk: Desk, folder: Path, parent: QWidget) -> None:
        super().__init__(parent)
        self.desk, self.folder = desk, folder
        self.setWindowTitle(f"Export {folder.name}")
        self.kinds = QButtonGroup(self)
        self.targets = desk.services.teaching.targets()
        self.out = QLineEdit(str(Path.home() / folder.name))
        self.out.setAccessibleName("file to write")
        self.out.setMinimumWidth(380)
        self.browse = QPushButton("Browse…")
        self.browse.setIcon(icon("ph.folder-open"))
        self.browse.setToolTip("Choose where it is written")
        self.browse.clicked.connect(self._browse)
        self.said = QLabel("What is written is read back, both are run on the same noise, and the difference is told.")
        self.said.setWordWrap(True)
        self.said.setProperty("look", "dim")
        self.waiting = Waiting("export", "Stop; nothing is left behind")
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.go = self.buttons.addButton("Export", QDialogButtonBox.ButtonRole.ActionRole)
        self.go.setProperty("look", "primary")
        self.go.clicked.connect(self.export)
        self.buttons.rejected.connect(self.close)
        self._lay_out()
        self._turned()

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(8)
        for number, (name, _, words) in enumerate(self.targets):
            button = QRadioButton(words)
            button.setProperty("target", name)
            button.setChecked(number == 0)
            button.toggled.connect(self._turned)
            self.kinds.addButton(button, number)
            column.addWidget(button)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.out, 1)
        row.addWidget(self.browse)
        column.addSpacing(8)
        column.addLayout(row)
        column.addWidget(self.said)
        column.addWidget(self.waiting)
        column.addWidget(self.buttons)

    @property
    def target(self) -> tuple[str, str, str]:
        """The format that is chosen: name, ending, words."""
        return self.targets[max(0, self.kinds.checkedId())]

    def _turned(self) -> None:
        """Let the name end as the format asks."""
        if not self.targets:
            self.go.setEnabled(False)
            return
        path, endings = Path(self.out.text()), {ending for _, ending, _ in self.targets if ending}
        bare = path.with_suffix("") if path.suffix in endings else path
        self.out.setText(str(bare.with_name(bare.name + self.target[1])))

    def _browse(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Export to", self.out.text())
        if path:
            self.out.setText(path)
            self._turned()

    def export(self) -> None:
        """Write and check, beside the window."""
        write, (name, _, _), out = self.desk.services.teaching.export, self.target, Path(self.out.text()).expanduser()
        job = self.desk.start(f"exporting {self.folder.name}", lambda: write(self.folder, name, out), page="train")
        job.ended.connect(self._done)
        self.follow(job)

    def _done(self, written: Written) -> None:
        self.say(
            f"{written.out.name} is written; its scores differ by at most {written.max_abs_difference:.2g} from the "
            "network's own.",
            "good",
        )
