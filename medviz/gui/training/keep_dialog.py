"""Samples as files: the format, the folder, which of them, and whether the mark is to be seen on the pictures."""

from pathlib import Path

from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
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
from medviz.gui.generating import Batch
from medviz.gui.icons import icon
from medviz.gui.training.writing_dialog import WritingDialog
from medviz.gui.waiting import Waiting

SAYS = ("Each file says that it is synthetic, in its header and in a sidecar (JSON) with the run, the wishes, the "
        "seed, the quality and the nearest training picture. No name of a patient is in it.")  # fmt: skip


class KeepDialog(WritingDialog):
    """Writes a batch of samples; stays open until it is done and says what was written."""

    def __init__(self, desk: Desk, batch: Batch, parent: QWidget) -> None:
        super().__init__(parent)
        self.desk, self.batch = desk, batch
        self.setWindowTitle(f"Export samples of {batch.run}")
        self.kinds = QButtonGroup(self)
        self.nifti = QRadioButton("NIfTI (.nii.gz), with the voxel size where it is known")
        self.png = QRadioButton("PNG pictures" if batch.flat else "PNG pictures (for flat pictures only)")
        for button in (self.nifti, self.png):
            self.kinds.addButton(button)
        self.nifti.setChecked(True)
        self.nifti.setToolTip("Values from −1 to 1 as 32 bit numbers, for other programs")
        self.png.setToolTip("Grey or colour of 8 bit, for papers and slides")
        self.png.setEnabled(batch.flat)
        self.visible_mark = QCheckBox("Write “synthetic” onto each picture")
        self.visible_mark.setToolTip("A small word in the lower left corner; below 64 pixels there is no room")
        self.out = QLineEdit(str(Path.home() / f"{batch.run}-samples"))
        self.out.setAccessibleName("folder to write to")
        self.out.setToolTip("The folder the samples are written to; it is made where it is not there")
        self.out.setMinimumWidth(380)
        self.browse = QPushButton("Browse…")
        self.browse.setIcon(icon("ph.folder-open"))
        self.browse.setToolTip("Choose the folder")
        self.said = QLabel(SAYS)
        self.said.setWordWrap(True)
        self.said.setProperty("look", "dim")
        self.waiting = Waiting("writing samples", "Stop; the samples written until then stay")
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        many = f"{batch.count} samples" if batch.count > 1 else "the sample"
        self.go = self.buttons.addButton(f"Export {many}", QDialogButtonBox.ButtonRole.ActionRole)
        self.go.setProperty("look", "primary")
        self.go.setToolTip("Write them (Return)")
        self.go.setDefault(True)
        self._lay_out()
        self.browse.clicked.connect(self._browse)
        self.png.toggled.connect(self._turned)
        self.go.clicked.connect(self.export)
        self.buttons.rejected.connect(self.close)
        self._turned()

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(8)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.out, 1)
        row.addWidget(self.browse)
        for widget in (self.nifti, self.png, self.visible_mark):
            column.addWidget(widget)
        column.addSpacing(8)
        column.addLayout(row)
        for below in (self.said, self.waiting, self.buttons):
            column.addWidget(below)

    def _turned(self) -> None:
        """Offer the visible mark for pictures."""
        self.visible_mark.setEnabled(self.png.isChecked())
        if not self.png.isChecked():
            self.visible_mark.setChecked(False)

    def _browse(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Export samples to", str(Path(self.out.text()).parent))
        if folder:
            self.out.setText(folder)

    def export(self) -> None:
        """Write the samples, beside the window."""
        keep, source, numbers = self.desk.services.generating.keep, self.batch.source, tuple(range(self.batch.count))
        out, kind = Path(self.out.text()).expanduser(), "png" if self.png.isChecked() else "nifti"
        visible = self.visible_mark.isChecked()
        job = self.desk.start("exporting samples", lambda: keep(source, numbers, out, kind, visible), page="train")
        job.ended.connect(self._done)
        self.follow(job)

    def _done(self, files: tuple[Path, ...]) -> None:
        self.say(f"{len(files)} files are in {files[0].parent}, all marked as synthetic.", "good")
