"""Sessions: saved, opened again, and brought back after a crash."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import psutil
import shiboken6
from PySide6.QtCore import QObject, QSettings, Qt, QTimer
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog

from medviz.gui.job import Job
from medviz.gui.viewer.editing import Editing
from medviz.gui.viewer.feature import Feature, Viewer
from medviz.gui.viewer.missing_dialog import STATES, MissingDialog
from medviz.gui.viewer.places import Places
from medviz.gui.viewer.restoring import Restored, free_sidecar, loaded, restored, saved
from medviz.gui.viewer.sheet import Camera
from medviz.imaging.findings import in_name
from medviz.imaging.plain import Unfit
from medviz.imaging.plain import restored as plainly
from medviz.imaging.rendering.view import View
from medviz.imaging.scene import Layer, Scene
from medviz.imaging.session import ENDING, Session, load, looked_up, unsaved

EVERY_MS = 5000
"""How long after a change the session is written for the case of a crash."""
FILTER = f"Sessions of medviz (*{ENDING})"


class Sessions(Feature):
    """Saves and opens sessions; keeps the last one in the user's own folder until the window is closed in peace."""

    NAME: ClassVar[str] = "session"
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (("Ctrl+Shift+S", "save the session"),)

    def __init__(self, viewer: Viewer, parent: QObject) -> None:
        super().__init__(viewer, parent)
        self.path: Path | None = None
        self.dialog: MissingDialog | None = None
        self.folder = own_folder(self.desk.preferences)
        self._noted: Scene | None = None
        self._written: dict[int, tuple[Any, Path]] = {}
        self._hashed: dict[Path, dict[str, Any]] = {}
        self._job: Job | None = None
        self._asked = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(EVERY_MS)
        self._timer.timeout.connect(self.note)
        self._leave = self.desk.scene.listen(self._told)

    # -- for the page ---------------------------------------------------------------------------------------------

    def actions(self) -> Sequence[QAction]:
        """Save and open, in the File menu."""
        made = []
        for words, keys, act in (
            ("Open s&ession…", "", self.ask_open),
            ("Save &session…", "Ctrl+Shift+S", self.ask_save),
        ):
            action = QAction(words, self.viewer.widget())
            if keys:
                action.setShortcut(keys)
                action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            action.setProperty("menu", "file")
            action.triggered.connect(partial(_call, act))
            made.append(action)
        return made

    def entered(self) -> None:
        """Offer, once, what a crash left behind."""
        if self._asked or self.folder is None or not self.desk.asks:
            return
        self._asked = True
        left = left_behind(self.folder)
        if left is not None:
            self.desk.tell(
                "medviz ended unexpectedly. Restore the last session?",
                "warning",
                button="Restore",
                act=partial(self.restore, left),
            )

    def close_feature(self) -> None:
        """Stop; a window that is closed in peace leaves no session behind."""
        self._timer.stop()
        self._leave()
        if self._job is not None and shiboken6.isValid(self._job):
            self._job.stop()
            self._job.wait(3.0)
        if self.folder is not None:
            forget(self.folder, self.desk.preferences)

    # -- save -----------------------------------------------------------------------------------------------------

    def ask_save(self) -> None:
        """Ask where the session is to be kept, and save it."""
        scene = self.desk.scene.state
        if scene.scan is None or scene.layers[0].source is None:
            self.desk.tell("There is no session to save", "warning", "Open a scan first")
            return
        beside = scene.layers[0].source.path
        name = self.path or beside.with_name(f"{beside.name.split('.')[0] or 'session'}{ENDING}")
        place, _ = QFileDialog.getSaveFileName(self.viewer.widget(), "Save session", str(name), FILTER)
        if place:
            self.save(Path(place if place.lower().endswith(ENDING) else f"{place}{ENDING}"))

    def save(self, path: Path) -> Job:
        """Save the session, with the layers that no file has beside it."""
        scene, services, more = self.desk.scene.state, self.desk.services, self._more()
        for number in unsaved(scene):
            self.viewer.saving.began.emit(scene.layers[number].volume)
        return self.desk.start(
            f"save {path.name}", lambda: saved(services, scene, path, more), then=partial(self._saved, scene)
        )

    def _saved(self, scene: Scene, path: Path) -> None:
        self.path = path
        for number in unsaved(scene):  # they lie beside the session now
            self.viewer.saving.saved.emit(scene.layers[number].volume)
        self.desk.remember(path)
        Places(self.desk.preferences).note(path, scene)
        self.desk.tell(f"The session is saved as {path}")
        told = next((guess for layer in scene.layers if (guess := _telling(layer)) is not None), None)
        if told is not None:
            self.desk.tell(
                f"The session names the file {told}, whose name may tell who the patient is",
                "warning",
                "Rename the file before you share the session",
            )

    def _more(self) -> dict[str, object]:
        """What the panes show beside the scene: zoom and place of each, and how the whole is looked at."""
        panes = self.viewer.panes
        cameras = {plane: asdict(view.camera) for plane, view in panes.slices.items()}
        return {"cameras": cameras, "whole": panes.volume.view.as_dict}

    # -- open -----------------------------------------------------------------------------------------------------

    def ask_open(self) -> None:
        """Ask which session is to be opened."""
        place, _ = QFileDialog.getOpenFileName(self.viewer.widget(), "Open session", "", FILTER)
        if place:
            self.open(Path(place))

    def open(self, path: Path) -> Job:
        """Open a session; a person is asked once about all files that are not what they were."""
        places, services = Places(self.desk.preferences).known(), self.desk.services
        return self.desk.start(
            f"open {path.name}", lambda: loaded(services, path, places), then=partial(self._loaded, path)
        )

    def restore(self, path: Path) -> Job:
        """Open what a crash left behind."""
        places = json.loads(str(self.desk.preferences.value(_key(path), "[]")) or "[]")
        services = self.desk.services

        def again() -> Any:
            session = yield from load(path)
            told = dict(zip((kept.path for kept in session.all_layers), map(Path, places), strict=False))
            moved = yield from looked_up(session.moved({old: new for old, new in told.items() if not old.exists()}))
            gone = tuple(kept for kept in moved.troubles if kept.state == "missing")
            if moved.layers[0] in gone:
                return moved
            return (yield from restored(services, moved.without(gone)))

        def take(made: Session | Restored) -> None:
            if isinstance(made, Session):
                self._loaded(path, made)
            else:
                self._put(made.unsaved())
            self.path = None

        return self.desk.start("restore the session", again, then=take)

    def _loaded(self, path: Path, session: Session) -> None:
        self.path = path
        if session.troubles and self.desk.asks:
            self._ask(session)
        elif session.layers[0].state == "missing":
            scan = session.layers[0].path.name
            self.desk.tell(
                f"{path.name}: its scan {scan} is not where it was", "error", "Put it back beside the session"
            )
        else:
            gone = tuple(kept for kept in session.troubles if kept.state == "missing")
            for kept in session.troubles:
                self.desk.tell(f"{kept.path.name} {STATES[kept.state]}", "warning")
            self._restore(session.without(gone))

    def _ask(self, session: Session) -> None:
        self.dialog = MissingDialog(self.viewer.widget(), session)
        self.dialog.decided.connect(self._restore)
        self.dialog.located.connect(self._look_again)
        self.dialog.open()

    def _look_again(self, session: Session) -> None:
        def show(found: Session) -> None:
            if self.dialog is None or not shiboken6.isValid(self.dialog):
                return
            if found.troubles:
                self.dialog.show_session(found)
            else:
                self.dialog.accept()
                self._restore(found)

        self.desk.start("look for files", lambda: looked_up(session), then=show)

    def _restore(self, session: Session) -> None:
        services = self.desk.services
        self.desk.start(f"open {session.path.name}", lambda: restored(services, session), then=self._put)

    def _put(self, made: Restored) -> None:
        self.desk.scene.put(made.put(self.desk.scene.state))
        self._look_as(made.session.more)
        self.desk.remember(made.session.path)
        for note in made.notes:
            self.desk.tell(note, "warning")

    def _look_as(self, more: Mapping[str, Any]) -> None:
        panes, cameras = self.viewer.panes, more.get("cameras")
        for plane, view in panes.slices.items():
            try:
                view.look(plainly(Camera, cameras[plane] if isinstance(cameras, dict) else None))
            except (Unfit, KeyError):
                continue
        whole = more.get("whole")
        if isinstance(whole, dict):
            panes.volume.look_as(View.from_dict(whole))

    # -- after a crash --------------------------------------------------------------------------------------------

    def note(self) -> None:
        """Write the session for the case of a crash, beside the window; without what the journal of corrections has."""
        scene = self.desk.scene.state
        if self.folder is None or scene.scan is None or scene.layers[0].source is None or scene is self._noted:
            return
        if self._job is not None:
            self._timer.start()
            return
        self._noted = scene
        path, services, more = own_path(self.folder), self.desk.services, self._more()
        known, aside = self._known(scene), self._asides(scene)
        kept = [n for n in range(len(scene.layers)) if n == 0 or n in known or n in aside or n not in unsaved(scene)]
        places = [
            str(known.get(n) or (free_sidecar(path, n, scene) if n in aside else _file_of(scene.layers[n])))
            for n in kept
        ]
        if scene.second is not None and scene.second.layer.source is not None:
            places.append(str(scene.second.layer.source.path))
        self.desk.preferences.setValue(_key(path), json.dumps(places))
        wanted = [scene.layers[number] for number in aside]
        self._written = {
            n: (scene.layers[n].volume.voxels, known.get(n) or free_sidecar(path, n, scene)) for n in (*known, *aside)
        }

        hashed = self._hashed

        def writing() -> Any:
            path.parent.mkdir(parents=True, exist_ok=True)
            return (yield from saved(services, scene, path, more, lambda layer: layer in wanted, known, hashed))

        self._job = self.desk.start("note the session", writing, quiet=True)
        self._job.over.connect(self._over)

    def _known(self, scene: Scene) -> dict[int, Path]:
        """Sidecars that are on disk and still hold what the layer shows."""
        return {
            number: path
            for number, (voxels, path) in self._written.items()
            if number in unsaved(scene) and scene.layers[number].volume.voxels is voxels and path.exists()
        }

    def _asides(self, scene: Scene) -> tuple[int, ...]:
        """Layers that no file has and no hand corrects: a model's answer. What is corrected is in the journal."""
        editing = self.viewer.feature(Editing.NAME)
        known = self._known(scene)
        return tuple(
            number
            for number in unsaved(scene)
            if number not in known
            and isinstance(editing, Editing)
            and editing.edits.of(scene.layers[number]) is None
            and not scene.layers[number].proposal
        )

    def _told(self, old: Scene, new: Scene) -> None:
        if self.folder is not None and not self._timer.isActive():
            self._timer.start()

    def _over(self) -> None:
        self._job = None


def own_folder(preferences: QSettings) -> Path | None:
    """Where the session of a window is noted: beside the preferences; None where these are kept nowhere."""
    place = preferences.fileName()
    return None if not place or place == os.devnull else Path(place).parent / "sessions"


def own_path(folder: Path) -> Path:
    """Where this window notes its session."""
    return folder / f"last-{os.getpid()}{ENDING}"


def left_behind(folder: Path) -> Path | None:
    """Return the newest session whose window is gone without a word; None where all ended in peace."""
    try:
        there = sorted(folder.glob(f"last-*{ENDING}"), key=lambda path: -path.stat().st_mtime)
    except OSError:
        return None
    return next((path for path in there if not _runs(path)), None)


def forget(folder: Path, preferences: QSettings) -> None:
    """Take away what this window noted, and what crashed ones left."""
    for path in folder.glob(f"last-*{ENDING}"):
        if path == own_path(folder) or not _runs(path):
            for aside in (path, *folder.glob(f"{path.name[: -len(ENDING)]}.layer-*.nii.gz")):
                aside.unlink(missing_ok=True)
            preferences.remove(_key(path))


def _runs(path: Path) -> bool:
    """Tell whether the window that noted a session still runs; its number may be another program's by now."""
    number = path.name.removeprefix("last-").removesuffix(ENDING)
    try:
        return number.isdigit() and psutil.Process(int(number)).create_time() < path.stat().st_mtime
    except (psutil.Error, OSError):
        return False


def _key(path: Path) -> str:
    return f"sessions/{path.name.removesuffix(ENDING)}"


def _file_of(layer: Layer) -> Path | str:
    return layer.source.path if layer.source is not None else ""


def _telling(layer: Layer) -> str | None:
    """The name of a layer's file, where it may tell who the patient is."""
    return layer.source.path.name if layer.source is not None and in_name(layer.source.path.name) else None


def _call(act: Any, _: bool = False) -> None:
    act()
