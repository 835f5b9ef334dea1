"""Export: what is on screen becomes a file, in a Job, and a button leads to where it lies."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import shiboken6
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Qt, QUrl
from PySide6.QtGui import QAction, QDesktopServices

from medviz.gui.job import Job
from medviz.gui.viewer.export_dialog import ExportDialog, Order
from medviz.gui.viewer.export_kinds import AsFilm, AsPicture, AsSurface, kinds
from medviz.gui.viewer.feature import Feature, Viewer
from medviz.gui.viewer.rooms import ROOMS
from medviz.imaging.rendering.view import Renderer, View, Wish
from medviz.imaging.scene import Scene
from medviz.messages import Progress, Work, finished
from medviz.refused import Refused

WHOLE = ("nifti", "nrrd", "seg")
"""Formats from which the labels come back as they were: what is exported so is saved."""

WHOLE = ("nifti", "nrrd", "seg")
"""What holds every voxel of a label map; contours, surfaces and tables do not."""


class Exporting(Feature):
    """Asks by a dialog, exports beside the window."""

    NAME: ClassVar[str] = "export"
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (("Ctrl+E", "export labels, tables, pictures and films"),)

    def __init__(self, viewer: Viewer, parent: QObject) -> None:
        super().__init__(viewer, parent)
        self.dialog: ExportDialog | None = None
        self._last = "nifti"
        self._mp4 = True
        self._encoder: Job | None = None

    def actions(self) -> Sequence[QAction]:
        """Put the entry into the File menu."""
        action = QAction("&Export…", self.viewer.widget())
        action.setShortcut("Ctrl+E")
        action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        action.setToolTip("Labels as NIfTI, NRRD, DICOM or STL; tables; pictures and films  (Ctrl+E)")
        action.setProperty("menu", "file")
        action.triggered.connect(lambda: self.ask())
        return (action,)

    def ask(self, first: str = "") -> ExportDialog | None:
        """Open the dialog; None where there is nothing to export."""
        scene = self.desk.scene.state
        if scene.scan is None:
            self.desk.tell("There is nothing to export", "warning", "Open a scan first")
            return None
        source = scene.layers[0].source
        beside = source.path.parent if source is not None else Path.home()
        folder = Path(str(self.desk.preferences.value("viewer/saved in", "")) or beside)
        self.dialog = ExportDialog(self.viewer.widget(), scene, kinds(scene, self._mp4), folder, first or self._last)
        self.dialog.ordered.connect(self._ordered)
        self.dialog.open()
        if self._encoder is None:
            self._encoder = self.desk.start("look for ffmpeg", self._look, then=self._found, quiet=True)
        return self.dialog

    def _look(self) -> Work[bool]:
        yield Progress(0, 0, "looking for ffmpeg")
        return self.desk.services.keep.can_mp4()

    def _found(self, can: bool) -> None:
        self._mp4 = can
        if self.dialog is not None and shiboken6.isValid(self.dialog):
            self.dialog.offer(kinds(self.desk.scene.state, can))

    def export(self, order: Order) -> Job:
        """Write what is ordered of the present scene, beside the window."""
        scene = self.desk.scene.state
        view = self.viewer.panes.volume.view
        whole = order.kind.name in WHOLE and order.layer is not None and order.layer < len(scene.layers)
        volume = scene.layers[order.layer].volume if whole and order.layer is not None else None
        if volume is not None:
            self.viewer.saving.began.emit(volume)

        def told(files: tuple[Path, ...]) -> None:
            if volume is not None:
                self.viewer.saving.saved.emit(volume)
            self._told(files)

        return self.desk.start(f"export {order.path.name}", lambda: self._work(order, scene, view), then=told)

    def _ordered(self, order: Order) -> None:
        self._last = order.kind.name
        self.desk.preferences.setValue("viewer/saved in", str(order.path.parent))
        self.export(order)

    def _told(self, files: tuple[Path, ...]) -> None:
        more = f", with {files[1].name}" if len(files) == 2 else f" and {len(files) - 1} more" if len(files) > 2 else ""
        self.desk.tell(f"Exported as {files[0]}{more}", button="Show in folder", act=lambda: show_in_folder(files[0]))

    def _work(self, order: Order, scene: Scene, view: View) -> Work[tuple[Path, ...]]:
        settings = order.kind.settings
        if isinstance(settings, AsFilm):
            return (yield from self._film(order.path, settings, scene, view))
        if isinstance(settings, AsPicture):
            return (yield from self._picture(order.path, settings, scene, view))
        return (yield from self._layer(order, scene))

    def _layer(self, order: Order, scene: Scene) -> Work[tuple[Path, ...]]:
        if order.layer is None or not 0 <= order.layer < len(scene.layers):
            raise Refused(order.path, "there is no such layer any more", "choose another")
        layer, scan = scene.layers[order.layer], scene.layers[0].volume
        how = order.kind.settings if isinstance(order.kind.settings, AsSurface) else AsSurface()
        if order.layer == 0:  # voxels and their place: no text of the file's header goes along
            volume = scan = replace(scan, stored=replace(scan.stored, borrowed=True))
        else:
            volume = replace(layer.volume, voxels=np.array(layer.volume.voxels))  # a brush may go on meanwhile
        thing = ROOMS["export"](
            volume,
            labels=layer.labels,
            scan=scan,
            reference=order.reference,
            card=layer.maker.says(layer.volume) if layer.maker is not None else None,
            chosen=order.values,
            smooth=how.smooth,
            one_file=how.one_file,
        )
        return (yield from self.desk.services.keep.export(thing, order.path, order.kind.name))

    def _picture(self, path: Path, settings: AsPicture, scene: Scene, view: View) -> Work[tuple[Path, ...]]:
        yield Progress(0, 0, f"drawing {path.name}")
        if settings.pane == "volume":
            renderer = self.desk.services.studio()
            try:
                shot = yield from renderer.draw(Wish(scene, view, (settings.size, settings.size)))
            finally:
                renderer.close()
            if shot is None:
                raise Refused("the 3-D view", "a picture of it was given up", "export it again")
            pixels = shot.picture
        else:
            how = {"frame": settings.frame, "crosshair": settings.crosshair}
            pixels = ROOMS["drawing"](scene, settings.pane, settings.size, **how).pixels
        ROOMS["save picture"](np.ascontiguousarray(pixels), path)
        return (path,)

    def _film(self, path: Path, settings: AsFilm, scene: Scene, view: View) -> Work[tuple[Path, ...]]:
        if settings.shows != "turn":
            pictures = ROOMS["scrolled"](scene, settings.scroll)
            made = yield from self.desk.services.keep.film(pictures, path, settings.speed, settings.total)
            return (made,)
        renderer = self.desk.services.studio()
        try:
            yield Progress(0, 0, "drawing the first picture")
            turning = _turning(renderer, scene, view, settings)
            made = yield from self.desk.services.keep.film(turning, path, settings.speed, settings.total)
        finally:
            renderer.close()
        return (made,)


def show_in_folder(path: Path) -> None:
    """Open the folder of a file in the system's own file manager."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(path.parent)))


def _turning(renderer: Renderer, scene: Scene, view: View, settings: AsFilm) -> Iterator[NDArray[Any]]:
    """Draw the whole from all sides, once about the body's long axis."""
    for number in range(settings.pictures):
        sight = replace(view.sight, turn=(view.sight.turn + 360.0 * number / settings.pictures) % 360)
        shot = finished(renderer.draw(Wish(scene, replace(view, sight=sight), (settings.size, settings.size))))
        if shot is None:
            raise Refused("the 3-D view", "a picture of it was given up", "export it again")
        yield shot.picture
