"""What is done with a run of the list: set up again, renamed, shown, resumed, used, exported, put away."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QDialog, QWidget

from medviz.gui.job import Job
from medviz.gui.training.attach_dialog import AttachDialog
from medviz.gui.training.bench import Bench
from medviz.gui.training.card_dialog import CardDialog
from medviz.gui.training.export_dialog import ExportDialog
from medviz.gui.training.run_list import RunList
from medviz.gui.training.runs import RunCard
from medviz.imaging.storage import reason
from medviz.messages import Progress, Work
from medviz.refused import Refused

SET_UP = "Set-up"


class RunActs(QObject):
    """Does what the list of runs asks for; `over` is what dialogs stand over, `look` reads the list anew."""

    def __init__(self, bench: Bench, runs: RunList, over: QWidget, look: Callable[[], None]) -> None:
        super().__init__(over)
        self.bench, self.desk, self.runs, self.over, self.look = bench, bench.desk, runs, over, look
        self.open_folder: Callable[[Path], object] = lambda path: QDesktopServices.openUrl(
            QUrl.fromLocalFile(str(path))
        )
        runs.wanted.connect(self.act)
        runs.renamed.connect(self.rename)
        runs.new_wanted.connect(self.new)
        runs.open_wanted.connect(self.ask_where)

    def act(self, what: str, card: RunCard) -> None:
        """Do one of the entries of the menu."""
        acts: dict[str, Callable[[Path], object]] = {
            "clone": self.clone,
            "folder": self.open_folder,
            "resume": self.bench.lineup.go_on,
            "viewer": self.use_in_viewer,
            "export": self.export,
            "card": self.show_card,
            "leave": self.leave_queue,
            "trash": self.trash,
        }
        if what != "trash" or not card.goes:
            acts[what](card.folder)

    def new(self) -> None:
        """Set another run up; the one that goes goes on."""
        self.bench.lineup.show(None)

    def ask_where(self) -> None:
        """Ask where a run lies that is to be followed."""
        dialog = AttachDialog(self.over)
        dialog.chosen.connect(self.follow)
        self._open(dialog)

    def follow(self, where: str) -> None:
        """Follow a run: of this machine where the folder is one's own, else through what the engine knows."""
        folder = Path(where).expanduser()
        if "://" not in where and (folder / "events.jsonl").is_file():
            self.bench.lineup.look_at(folder)
        else:
            self.bench.lineup.follow(where if "://" in where else str(folder))

    def clone(self, folder: Path) -> None:
        """Put the recipe of a run into the set-up."""
        watch = self.bench.lineup.watches.get(folder)
        if watch is not None and watch.task is not None:
            self._set_up(watch.task)
        else:
            self._aside(f"reading {folder.name}", self.desk.services.teaching.recipe, folder, self._set_up)

    def _set_up(self, task: Any) -> None:
        self.bench.draft.take(task)
        self.bench.lineup.show(None)
        self.bench.show_side(SET_UP)

    def rename(self, folder: Path, name: str) -> None:
        """Give a run another name: that of its folder."""
        front = self.bench.watch is not None and self.bench.watch.folder == folder

        def renamed(to: Path) -> None:
            self.bench.lineup.forget(folder)
            if front:
                self.bench.lineup.look_at(to)
            self.look()

        self._aside(f"renaming {folder.name}", lambda one: _renamed(one, name), folder, renamed)

    def trash(self, folder: Path) -> None:
        """Put a run away, and offer to take that back."""
        teaching = self.desk.services.teaching

        def gone(to: Path) -> None:
            self.runs.model.compare_no_longer(folder)
            self.bench.lineup.forget(folder)
            self.look()
            self.desk.tell(f"{folder.name} is in the trash", "info", "", "Undo", lambda: back(to))

        def back(to: Path) -> None:
            self._aside(f"bringing {folder.name} back", teaching.restore, to, lambda _: self.look())

        self._aside(f"putting {folder.name} away", teaching.trash, folder, gone)

    def leave_queue(self, folder: Path) -> None:
        """Take a run out of the queue."""

        def left(_: object) -> None:
            self.bench.lineup.forget(folder)
            self.look()

        self._aside(f"taking {folder.name} out of the queue", self.desk.services.teaching.leave, folder, left)

    def use_in_viewer(self, folder: Path) -> None:
        """Run the trained network over the open scan."""
        self.desk.predict_wanted.emit(str(folder))
        self.desk.page_wanted.emit("viewer")

    def export(self, folder: Path) -> None:
        """Ask for a format and write it."""
        self._open(ExportDialog(self.desk, folder, self.over))

    def show_card(self, folder: Path) -> None:
        """Show the model card."""
        self._aside(
            f"reading the card of {folder.name}",
            self.desk.services.teaching.card,
            folder,
            lambda text: self._open(CardDialog(folder.name, text, self.over)),
        )

    def _open(self, dialog: QDialog) -> None:
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def _aside(self, title: str, act: Callable[[Path], Any], folder: Path, then: Callable[[Any], object]) -> Job:
        """Do something short that reads or writes the disk, beside the window."""
        return self.desk.start(title, lambda: _done(title, act, folder), "train", then)


def _done(title: str, act: Callable[[Path], Any], folder: Path) -> Work[Any]:
    yield Progress(0, 0, title)
    return act(folder)


def _renamed(folder: Path, name: str) -> Path:
    """Rename a folder; refuses a name that is taken or is none."""
    if name in (".", "..") or any(sign in name for sign in '/\\:*?"<>|'):
        raise Refused(name, "it is no name of a folder", 'leave out / \\ : * ? " < > |')
    to = folder.with_name(name)
    if to.exists():
        raise Refused(name, "there is a run of this name", "take another")
    try:
        return folder.rename(to)
    except OSError as problem:
        raise Refused(folder, *reason(problem)) from problem
