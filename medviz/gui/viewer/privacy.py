"""Patient data: looked for in all open files before they are shared, and left out of copies."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog

from medviz.gui.job import Job
from medviz.gui.viewer.exporting import show_in_folder
from medviz.gui.viewer.feature import Feature, Viewer
from medviz.gui.viewer.privacy_dialog import PrivacyDialog
from medviz.imaging.findings import Report
from medviz.imaging.scene import Scene


class Privacy(Feature):
    """Checks the files behind what is on screen, and writes clean copies."""

    NAME: ClassVar[str] = "privacy"

    def __init__(self, viewer: Viewer, parent: QObject) -> None:
        super().__init__(viewer, parent)
        self.dialog: PrivacyDialog | None = None

    def actions(self) -> Sequence[QAction]:
        """Put the entry into the File menu."""
        action = QAction("Check for &patient data…", self.viewer.widget())
        action.setToolTip("Names, numbers and dates in headers and file names, text in pictures, faces")
        action.setProperty("menu", "file")
        action.triggered.connect(lambda: self.check())
        return (action,)

    def check(self) -> Job | None:
        """Look through the open files beside the window; None where none is open."""
        paths = files_of(self.desk.scene.state)
        if not paths:
            self.desk.tell("There is no file to check", "warning", "Open a scan first")
            return None
        check = self.desk.services.keep.check
        return self.desk.start("check for patient data", lambda: check(paths), then=partial(self._show, paths))

    def clean(self, paths: tuple[Path, ...], folder: Path) -> Job:
        """Write clean copies of files into a new folder."""
        share, done = self.desk.services.keep.share, partial(self._copied, folder)
        return self.desk.start(f"clean copy {folder.name}", lambda: share(paths, folder), then=done)

    def _show(self, paths: tuple[Path, ...], report: Report) -> None:
        self.dialog = PrivacyDialog(self.viewer.widget(), report)
        self.dialog.cleaning.connect(partial(self._ask_clean, paths))
        self.dialog.open()

    def _ask_clean(self, paths: tuple[Path, ...]) -> None:
        folder = str(self.desk.preferences.value("viewer/saved in", ""))
        name = Path(folder) / "clean copy"
        place, _ = QFileDialog.getSaveFileName(self.viewer.widget(), "New folder for the clean copy", str(name))
        if place:
            self.clean(paths, Path(place))

    def _copied(self, folder: Path, report: Report) -> None:
        count = len(report.made)
        self.desk.tell(
            f"{count} file{'s' * (count != 1)} without patient data in {folder}",
            button="Show in folder",
            act=partial(show_in_folder, folder / "x"),
        )
        for left in report.left_out:
            self.desk.tell(left, "warning")
        if any(finding.kind == "face" for finding in report.findings):
            self.desk.tell("A face may still be drawn from the copy", "warning", "Take it off with a tool made for it")


def files_of(scene: Scene) -> tuple[Path, ...]:
    """Files and folders that the layers were read from, each once."""
    layers = [*scene.layers, *([scene.second.layer] if scene.second is not None else [])]
    return tuple(dict.fromkeys(layer.source.path for layer in layers if layer.source is not None))
