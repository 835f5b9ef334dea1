"""The menus of the window, and the keys they bring."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QObject, QSize, Qt, QTimer
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QMainWindow, QMenu, QMessageBox, QToolButton, QWidget

from medviz import __version__
from medviz.gui.desk import Desk
from medviz.gui.icons import icon
from medviz.gui.job import Job
from medviz.gui.notices import Notices
from medviz.gui.preferences import LOOK, looked_up
from medviz.gui.rail import Stop
from medviz.gui.status import PURPOSE

REACH_MS = 1000
"""A recent file that has not answered by then lies on a drive that is away."""
OPENABLE = (
    "Scans and overlays (*.nii *.nii.gz *.hdr *.img *.mgz *.mgh *.nrrd *.nhdr *.mha *.mhd *.dcm *.npy *.npz"
    " *.png *.jpg *.jpeg *.tif *.tiff *.bmp *.medviz.json);;All files (*)"
)


class Frame(Protocol):
    """What the menus ask of the window they are in, beside its being a window."""

    desk: Desk
    stops: Mapping[str, Stop]
    notices: Notices

    def open(self, *paths: Path) -> None:
        """Open files or folders."""

    def show_page(self, name: str) -> None:
        """Bring a page to the front."""

    def show_panel(self, wanted: bool) -> None:
        """Show or hide the dock with the page's panel."""

    def open_sample(self) -> None:
        """Open the scan that ships with the program."""

    def reset_layout(self) -> None:
        """Put every part back to where it was at first."""


class Menus(QObject):
    """Fills the menu bar. A page's own actions stand in a menu of the page's name while it is in front.

    An action of a page whose property ``menu`` is "file" stands in the File menu instead (save, export).
    """

    def __init__(self, window: QMainWindow, frame: Frame) -> None:
        super().__init__(window)
        self._window, self._frame = window, frame
        self._mine: list[QAction] = []
        self._guests: list[QAction] = []
        self._lookup: Job | None = None
        bar = window.menuBar()
        self.file, self.view = bar.addMenu("&File"), bar.addMenu("&View")
        self.page, self.help = bar.addMenu("&Page"), bar.addMenu("&Help")
        self._fill_file()
        self._fill_view()
        self._fill_help()
        self._corner = QToolButton()
        self._corner.setDefaultAction(self.panel)
        self._corner.setProperty("look", "quiet")
        self._corner.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
        self._corner.setIconSize(QSize(18, 18))
        purpose = QLabel(PURPOSE)
        purpose.setProperty("look", "small")
        corner = QWidget(bar)
        corner.setProperty("look", "corner")
        row = QHBoxLayout(corner)
        row.setContentsMargins(0, 0, 8, 0)
        row.setSpacing(12)
        row.addWidget(purpose)
        row.addWidget(self._corner)
        bar.setCornerWidget(corner)

    def show_page(self, page: QWidget, word: str) -> None:
        """Show the actions of the page in front."""
        for act in self._guests:
            self.file.removeAction(act)
        self._guests = [act for act in page.actions() if act.property("menu") == "file"]
        self.file.insertActions(self._before_quit, self._guests)
        for act in self.page.actions():
            self.page.removeAction(act)  # clear() would delete them
        self.page.addActions([act for act in page.actions() if act not in self._guests])
        self.page.setTitle(f"&{word}")
        self.page.menuAction().setVisible(not self.page.isEmpty())

    def keys(self) -> tuple[tuple[str, str], ...]:
        """List the keys of the window and what they do."""
        keyed = ((act.shortcut().toString(QKeySequence.SequenceFormat.NativeText), act) for act in self._mine)
        return tuple((key, act.text().replace("&", "").rstrip("…")) for key, act in keyed if key)

    def dress(self) -> None:
        """Put the icons on, after the first pixels."""
        self.panel.setIcon(icon("ph.columns", "dim"))

    def _fill_file(self) -> None:
        window = self._window
        self._add(self.file, "&Open…", "Ctrl+O", self._open_files)
        self._add(self.file, "Open &folder…", "Ctrl+Shift+O", self._open_folder)
        self.recent = self.file.addMenu("Open &recent")
        self.recent.aboutToShow.connect(self._list_recent)
        self._add(self.file, "Open the &sample", "", self._frame.open_sample)
        self.file.addSeparator()
        self._add(self.file, "Save &picture of the window…", "Ctrl+Shift+P", self._save_picture)
        self._before_quit = self.file.addSeparator()
        self._add(self.file, "&Quit", "Ctrl+Q", window.close)

    def _fill_view(self) -> None:
        frame, desk = self._frame, self._frame.desk
        for number, (name, stop) in enumerate(frame.stops.items(), start=1):
            keys = {"settings": "Ctrl+,", "help": "F1"}.get(name, f"Ctrl+{number}")
            self._add(self.view, stop.word, keys, partial(frame.show_page, name))
        self.view.addSeparator()
        self.panel = self._add(self.view, "&Panel at the side", "F9", lambda: frame.show_panel(self.panel.isChecked()))
        self.panel.setCheckable(True)
        self.panel.setChecked(True)
        self._fill_looks(self.view.addMenu("&Colours"))
        self.view.addSeparator()
        self.full = self._add(self.view, "&Full screen", "F11", self._full_screen)
        self.presenting = self._add(self.view, "P&resent", "F5", lambda: desk.presenting.put(not desk.presenting.state))
        self.presenting.setCheckable(True)
        self._add(self.view, "&Leave full screen", "Esc", self._leave)
        self._add(self.view, "&Dismiss notices", "Ctrl+Shift+D", lambda: frame.notices.dismiss_all())
        self._add(self.view, "Reset &layout", "", frame.reset_layout)

    def _fill_looks(self, menu: QMenu) -> None:
        desk = self._frame.desk
        group = QActionGroup(self)
        acts = {}
        for look, word in zip(LOOK.options, LOOK.words, strict=True):
            act = menu.addAction(word[:1].upper() + word[1:])
            act.setCheckable(True)
            act.triggered.connect(lambda _=False, look=look: desk.preferred.update(look=look))
            acts[look] = group.addAction(act)
        menu.aboutToShow.connect(lambda: acts[desk.preferred.state.look].setChecked(True))

    def _fill_help(self) -> None:
        self._add(self.help, "&Keys", "?", lambda: self._frame.show_page("help"))
        self._add(self.help, "&About medviz", "", self._about)

    def _add(self, menu: QMenu, text: str, keys: str, act: Callable[[], object]) -> QAction:
        made = menu.addAction(text)
        if keys:
            made.setShortcut(QKeySequence(keys))
        made.triggered.connect(lambda _=False: act())
        self._mine.append(made)
        self._window.addAction(made)  # so that its key works while the menu bar is hidden
        return made

    def _open_files(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self._window, "Open scans or overlays", "", OPENABLE)
        self._frame.open(*map(Path, names))

    def _open_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self._window, "Open a folder")
        if name:
            self._frame.open(Path(name))

    def _list_recent(self) -> None:
        """List at once; look up beside the window which files are there, and wait a second at most."""
        self.recent.clear()
        paths = self._frame.desk.recent()
        if not paths:
            self.recent.addAction("Nothing yet").setEnabled(False)
            return
        acts = {}
        for path in paths:
            acts[str(path)] = self.recent.addAction(f"{path.name}   {path.parent}")
            acts[str(path)].triggered.connect(lambda _=False, path=path: self._frame.open(path))
        self._look_up(paths, acts)

    def _look_up(self, paths: tuple[Path, ...], acts: dict[str, QAction]) -> None:
        there: set[str] = set()
        job = Job("recent files", lambda: looked_up(paths), self)
        job.said.connect(lambda notes: there.update(note.text for note in notes))

        def mark() -> None:
            if job is not self._lookup:
                return  # the menu was opened again
            self._lookup = None
            for path, act in acts.items():
                if path not in there:
                    act.setText(f"{Path(path).name}   (not there)")
                    act.setEnabled(False)

        job.over.connect(mark)
        job.over.connect(job.deleteLater)
        self._lookup = job
        QTimer.singleShot(REACH_MS, job, mark)
        job.start()

    def _save_picture(self) -> None:
        picture = self._window.grab()
        name, _ = QFileDialog.getSaveFileName(self._window, "Save picture of the window", "medviz.png", "PNG (*.png)")
        if name and not picture.save(name, "PNG"):
            self._frame.desk.tell(f"{name}: it could not be written", "error", "Choose another folder")

    def _full_screen(self) -> None:
        if self._window.isFullScreen():
            self._leave()
        else:
            self._window.showFullScreen()

    def _leave(self) -> None:
        if self._frame.desk.presenting.state:
            self._frame.desk.presenting.put(False)
        elif self._window.isFullScreen():
            self._window.showNormal()

    def _about(self) -> None:
        box = QMessageBox(self._window)
        box.setWindowTitle("About medviz")
        box.setIconPixmap(self._window.windowIcon().pixmap(64, 64))
        box.setText(f"<b>medviz {__version__}</b>")
        box.setInformativeText(
            f"See and train deep learning on medical images in one window.<br><br>{PURPOSE}.<br><br>"
            "Apache-2.0. The licences of what it is built from lie in resources/licences."
        )
        box.open()
        box.finished.connect(box.deleteLater)
