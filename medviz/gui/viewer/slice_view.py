"""One plane of the scene on a black pane: told of each change, it cuts only what changed and paints."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractSpinBox, QLineEdit, QPlainTextEdit, QTextEdit, QWidget

from medviz.gui.store import Store
from medviz.gui.viewer.annotations import Annotations, paint_box, paint_crosshair
from medviz.gui.viewer.canvas import Canvas
from medviz.gui.viewer.content import Content
from medviz.gui.viewer.film import Film
from medviz.gui.viewer.mouse import Mouse
from medviz.gui.viewer.pace import Pace
from medviz.gui.viewer.raster import Grid
from medviz.gui.viewer.sheet import Camera, Sheet
from medviz.gui.viewer.tools import Tool
from medviz.imaging.scene import Scene
from medviz.imaging.slices import NORMAL, Plane, Slice, to_screen, to_voxel

SHOWN = ("layers", "cursor", "frame", "radiological", "overlays_hidden", "crosshair", "smooth", "tool", "marks")
"""What of a scene a pane shows; a change of anything else needs no painting."""


class SliceView(QWidget):
    """Shows `plane` of the scene in `store`, and puts a new scene there when a hand asks for it.

    `pointed` (RAS mm or None) follows the mouse; `boxed` (layer number, pixels) asks for a window that suits a box;
    `asked` (RAS mm or None, place on the screen) for the menu of the right button. `tools` are what the left button may
    do by name, `paints` paint over the slice.
    """

    pointed = Signal(object)
    boxed = Signal(int, object)
    asked = Signal(object, object)

    def __init__(
        self, store: Store[Scene], plane: Plane, content: Content | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.plane: Plane = plane
        self.camera = Camera()
        self.annotations = Annotations(plane)
        self.films: list[Film] = []
        self.store = store
        self.tools: dict[str, Tool] = {}
        self.paints: list[Callable[[QPainter, SliceView], None]] = []
        self._content = content or Content()
        self._preview: QImage | None = None
        self._grid: tuple[Any, Grid | None] = ((), None)
        self._canvas: Canvas | None = None
        self._drawn_of: tuple[Any, ...] = ()
        self.drawings = 0
        self.pace = Pace(self)
        self.mouse = Mouse(self)
        self.leave: Callable[[], None] = store.listen(self._told)
        self.setObjectName(f"slice {plane}")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setMinimumSize(120, 100)
        self.setAccessibleName(f"{plane} slices")

    def sizeHint(self) -> QSize:
        """Ask for room."""
        return QSize(400, 400)

    @property
    def scene(self) -> Scene:
        """The scene now."""
        return self.store.state

    @property
    def slice(self) -> Slice | None:
        """The scan's slice on the screen, None where there is no scan."""
        scene = self.scene
        if not scene.layers:
            return None
        index = scene.voxel[NORMAL[self.plane]]
        return self.film(0).load(scene.layers[0], index, scene.frame, scene.radiological)

    @property
    def sheet(self) -> Sheet:
        """Where the slice lies on the pane now."""
        return self._sheet_of(self.slice)

    def _sheet_of(self, seen: Slice | None) -> Sheet:
        rows, cols = seen.pixels.shape if seen is not None else (1, 1)
        mm = (seen.mm if seen is not None else None) or (1.0, 1.0)
        scene = self.scene
        box = self._content.box(scene.scan, self.plane, scene.radiological) if scene.scan else None
        return Sheet(rows, cols, mm, self.width(), self.height(), self.camera, box)

    def fit(self) -> None:
        """Show the whole slice, as large as the pane allows."""
        self.look(Camera())

    def look(self, camera: Camera) -> None:
        """Look from elsewhere."""
        if camera != self.camera:
            self.camera = camera
            self.update()

    def preview(self, picture: QImage | None) -> None:
        """Show a first picture while the scan is still being read; None ends that."""
        self._preview = picture
        self.update()

    def screen_of(self, mm: tuple[float, float, float]) -> tuple[float, float]:
        """Place on the pane of a point in RAS mm, seen along the plane's normal."""
        scan = self.scene.scan
        assert scan is not None
        row, col = to_screen(scan.shape, self.plane, scan.to_voxel(mm), self.scene.radiological)
        return self.sheet.to_screen(row, col)

    def mm_at(self, x: float, y: float) -> tuple[float, float, float] | None:
        """Return the centre, in RAS mm, of the voxel under a place on the pane, None beside the slice."""
        scene = self.scene
        scan = scene.scan
        if scan is None:
            return None
        row, col = (round(float(place)) for place in self.sheet.to_slice(x, y))
        index = scene.voxel[NORMAL[self.plane]]
        voxel = to_voxel(scan.shape, self.plane, index, row, col, scene.radiological)
        if any(not 0 <= place < size for place, size in zip(voxel, scan.shape, strict=True)):
            return None
        across, forward, up = scan.to_mm(voxel)
        return float(across), float(forward), float(up)

    def mm_of(self, x: float, y: float) -> tuple[float, float, float] | None:
        """Place in RAS mm under a place on the pane, not rounded to a voxel; None in an empty scene."""
        scene = self.scene
        if scene.scan is None:
            return None
        row, col = self.sheet.to_slice(x, y)
        index = scene.voxel[NORMAL[self.plane]]
        voxel = to_voxel(scene.scan.shape, self.plane, index, row, col, scene.radiological)
        across, forward, up = scene.scan.to_mm(voxel)
        return float(across), float(forward), float(up)

    def off_plane_mm(self, mm: tuple[float, float, float]) -> float:
        """Distance of a point in RAS mm from the plane on the screen, along its normal."""
        scene = self.scene
        scan = scene.scan
        assert scan is not None
        axis = NORMAL[self.plane]
        apart = abs(float(scan.to_voxel(mm)[axis]) - scene.voxel[axis])
        normal = np.linalg.inv(scan.affine[:3, :3])[axis]  # voxels along this axis a mm, in each direction
        return apart / float(np.linalg.norm(normal))

    # -- told ---------------------------------------------------------------------------------------------------

    def _told(self, old: Scene, new: Scene) -> None:
        if old.radiological != new.radiological and self.plane != "sagittal":
            self.camera = replace(self.camera, across_mm=-self.camera.across_mm)
        if old.scan is not new.scan and (old.scan is None or new.scan is None or not old.scan.same_grid(new.scan)):
            self.camera = Camera()
        del self.films[len(new.layers) :]
        if any(getattr(old, name) is not getattr(new, name) for name in SHOWN):
            self.update()

    def film(self, number: int) -> Film:
        """What a layer puts on this pane."""
        while len(self.films) <= number:
            self.films.append(Film(self.plane))
        return self.films[number]

    # -- painted ------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint what is there: nothing, a preview, or the scene."""
        painter = QPainter(self)
        if self.scene.layers:
            self._paint_scene(painter, self.scene)
        else:
            painter.fillRect(self.rect(), Qt.GlobalColor.black)
            if self._preview is not None:
                self._paint_preview(painter, self._preview)
        painter.end()

    def _paint_scene(self, painter: QPainter, scene: Scene) -> None:
        seen, scan = self.slice, scene.scan
        assert seen is not None and scan is not None
        sheet = self._sheet_of(seen)
        painter.drawImage(QPointF(0, 0), self._drawn(scene, sheet).image)
        if scene.crosshair:
            row, col = to_screen(scan.shape, self.plane, scan.to_voxel(scene.cursor), scene.radiological)
            paint_crosshair(painter, self.plane, sheet.to_screen(row, col), sheet)
        self.annotations.paint(painter, scene, seen, sheet)
        for paint in self.paints:
            paint(painter, self)
        if self.mouse.box is not None:
            paint_box(painter, self.mouse.box)

    def _drawn(self, scene: Scene, sheet: Sheet) -> Canvas:
        """Return the picture of all layers; it is made anew only if it would differ."""
        ratio = self.devicePixelRatioF()
        index = scene.voxel[NORMAL[self.plane]]
        of = (index, scene.frame, scene.radiological, scene.overlays_hidden, scene.smooth, sheet, ratio, scene.layers)
        if self._canvas is not None and of == self._drawn_of:
            return self._canvas
        if self._canvas is None or self._canvas.image.size() != self.size() * ratio or self._canvas.ratio != ratio:
            self._canvas = Canvas(self.width(), self.height(), ratio)
        canvas, grid = self._canvas, self._grid_of(sheet, ratio)
        canvas.smooth = scene.smooth
        with canvas:
            for number, layer in enumerate(scene.layers):
                over = number > 0
                if not layer.visible or (over and (scene.overlays_hidden or layer.style == "off")):
                    continue
                if layer.volume.shape == scene.layers[0].volume.shape:
                    film = self.film(number)
                    film.load(layer, index, scene.frame, scene.radiological)
                    film.paint(canvas, layer, sheet, grid, below=not over)
        self._drawn_of = of
        self.drawings += 1
        return canvas

    def _paint_preview(self, painter: QPainter, picture: QImage) -> None:
        scale = min(self.width() / max(picture.width(), 1), self.height() / max(picture.height(), 1))
        wide, high = picture.width() * scale, picture.height() * scale
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(QRectF((self.width() - wide) / 2, (self.height() - high) / 2, wide, high), picture)

    def _grid_of(self, sheet: Sheet, ratio: float) -> Grid:
        if self._grid[1] is None or self._grid[0] != (sheet, ratio):
            self._grid = ((sheet, ratio), Grid(sheet, ratio))
        grid = self._grid[1]
        assert grid is not None
        return grid

    def picture(self) -> QImage:
        """Return the pane as it is on the screen, for a file."""
        return self.grab().toImage()

    # -- moved --------------------------------------------------------------------------------------------------

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Hand it on."""
        self.mouse.wheel(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Hand it on."""
        self.mouse.press(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Hand it on."""
        self.mouse.move(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Hand it on."""
        self.mouse.release(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Hand it on."""
        self.mouse.double(event)

    def changeEvent(self, event: QEvent) -> None:
        """Write anew in another type."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.ApplicationFontChange, QEvent.Type.StyleChange):
            self.annotations.forget()
            self.update()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Open the menu at the cross-hair for the keyboard; the right button asks when it is let go."""
        event.accept()
        scene = self.scene
        if event.reason() == QContextMenuEvent.Reason.Keyboard and scene.scan is not None:
            x, y = self.screen_of(scene.cursor)
            self.asked.emit(scene.cursor, self.mapToGlobal(QPointF(x, y)).toPoint())

    def enterEvent(self, event: QEvent) -> None:
        """Take the keys from another pane, never from a field that is being typed in."""
        if not isinstance(self.window().focusWidget(), (QLineEdit, QAbstractSpinBox, QTextEdit, QPlainTextEdit)):
            self.setFocus(Qt.FocusReason.MouseFocusReason)

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is under the mouse any more."""
        self.mouse.leave()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep text readable in a small pane."""
        self.annotations.size_px = 13 if min(self.width(), self.height()) >= 220 else 11
