"""One plane of the scene on a black pane: told of each change, it cuts only what changed and paints."""

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, QTimer, Signal
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
from medviz.gui.viewer.annotations import Annotations, paint_box
from medviz.gui.viewer.content import Content
from medviz.gui.viewer.crosshair import TURN, crossing, paint_bands, paint_crosshair
from medviz.gui.viewer.film import Film
from medviz.gui.viewer.leading import lead, led
from medviz.gui.viewer.mouse import Mouse
from medviz.gui.viewer.pace import Pace
from medviz.gui.viewer.plate import Plate
from medviz.gui.viewer.sheet import Camera, Sheet
from medviz.gui.viewer.tool import Tool
from medviz.imaging.oblique import Section
from medviz.imaging.scene import Scene
from medviz.imaging.slices import Plane, Slice

REST_MS = 80
"""A hand that has not moved anything for so long rests."""
DEVELOP_S = 0.006
"""Worked out at once; the mouse must not wait longer."""

SHOWN = (
    "layers", "cursor", "frame", "radiological", "overlays_hidden", "crosshair", "smooth", "tool", "marks", "turn",
    "slab", "second",
)  # fmt: skip
"""What of a scene a pane shows; a change of anything else needs no painting."""


class SliceView(QWidget):
    """Shows `plane` of the scene in `store`, and puts a new scene there when a hand asks for it.

    `pointed` (RAS mm or None) follows the mouse; `boxed` (layer number, pixels) asks for a window that suits a box;
    `asked` (RAS mm or None, place on the screen) for the menu of the right button. `tools` are what the left button may
    do by name, `paints` paint over the slice. `looked` says that it is looked at from elsewhere.

    A pane with a `leader` looks where that one looks: the same mm in its middle, at the same scale.
    """

    pointed = Signal(object)
    boxed = Signal(int, object)
    asked = Signal(object, object)
    looked = Signal()

    def __init__(
        self,
        store: Store[Scene],
        plane: Plane,
        content: Content | None = None,
        parent: QWidget | None = None,
        leader: "SliceView | None" = None,
    ) -> None:
        super().__init__(parent)
        self.plane: Plane = plane
        self.camera = Camera()
        self.annotations = Annotations(plane)
        self.store = store
        self.tools: dict[str, Tool] = {}
        self.paints: list[Callable[[QPainter, SliceView], None]] = []
        self.plate = Plate(plane)
        self.leader = leader
        if leader is not None:
            leader.looked.connect(self.update)
        self._content = content or Content()
        self._preview: QImage | None = None
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.timeout.connect(self._develop)
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
    def films(self) -> list[Film]:
        """What each layer puts on this pane."""
        return self.plate.films

    @property
    def drawings(self) -> int:
        """How often the picture was made anew."""
        return self.plate.drawings

    @property
    def section(self) -> Section | None:
        """Where the slice on the screen lies in the patient, None where there is no scan."""
        return self.scene.section(self.plane)

    @property
    def slice(self) -> Slice | None:
        """The scan's slice on the screen, None where there is no scan."""
        section = self.section
        return None if section is None else self.plate.load(self.scene, section)

    @property
    def sheet(self) -> Sheet:
        """Where the slice lies on the pane now."""
        return self._sheet_of(self.scene, self.section)

    def _sheet_of(self, scene: Scene, section: Section | None) -> Sheet:
        if section is None or scene.scan is None:
            return Sheet(1, 1, (1.0, 1.0), self.width(), self.height(), self.camera)
        box = self._content.box_of(scene.scan, section)
        mm = section.mm or (1.0, 1.0)
        sheet = Sheet(section.rows, section.cols, mm, self.width(), self.height(), self.camera, box)
        return sheet if self.leader is None else led(self.leader, section, sheet)

    def fit(self) -> None:
        """Show the whole slice, as large as the pane allows."""
        self.look(Camera())

    def look(self, camera: Camera) -> None:
        """Look from elsewhere; a pane that is led hands it on to its leader."""
        if self.leader is not None:
            lead(self.leader, self.sheet, camera)
        elif camera != self.camera:
            self.camera = camera
            self.looked.emit()
            self.update()

    def preview(self, picture: QImage | None) -> None:
        """Show a first picture while the scan is still being read; None ends that."""
        self._preview = picture
        self.update()

    def screen_of(self, mm: tuple[float, float, float]) -> tuple[float, float]:
        """Place on the pane of a point in RAS mm, seen along the plane's normal."""
        section = self.section
        assert section is not None
        row, col, _ = section.to_place(mm)
        return self.sheet.to_screen(row, col)

    def mm_at(self, x: float, y: float) -> tuple[float, float, float] | None:
        """Return the centre, in RAS mm, of the voxel under a place on the pane, None beside the slice.

        On a turned plane it is the place itself: its pixels are no voxels.
        """
        section, scan = self.section, self.scene.scan
        if section is None or scan is None:
            return None
        row, col = self.sheet.to_slice(x, y)
        if not section.straight:
            mm = section.to_mm(row, col)
            return mm if scan.nearest(mm) is not None else None
        row, col = round(row), round(col)
        return section.to_mm(row, col) if section.holds(row, col) and section.there else None

    def mm_of(self, x: float, y: float) -> tuple[float, float, float] | None:
        """Place in RAS mm under a place on the pane, not rounded to a voxel; None in an empty scene."""
        section = self.section
        return None if section is None else section.to_mm(*self.sheet.to_slice(x, y))

    def off_plane_mm(self, mm: tuple[float, float, float]) -> float:
        """Distance of a point in RAS mm from the plane on the screen, along its normal."""
        section = self.section
        assert section is not None
        return abs(section.to_place(mm)[2]) * section.step_mm

    # -- told ---------------------------------------------------------------------------------------------------

    def _told(self, old: Scene, new: Scene) -> None:
        if old.radiological != new.radiological and self.plane != "sagittal":
            self.camera = replace(self.camera, across_mm=-self.camera.across_mm)
        if old.scan is not new.scan and (old.scan is None or new.scan is None or not old.scan.same_grid(new.scan)):
            self.camera = Camera()
        elif old.turn is not new.turn:
            self._hold(old, new)
        self.plate.forget(len(new.layers))
        if any(getattr(old, name) is not getattr(new, name) for name in SHOWN):
            self.update()

    def _hold(self, old: Scene, new: Scene) -> None:
        """Keep the cross-hair where it is on the pane while the planes turn about it."""
        was, now = old.section(self.plane), new.section(self.plane)
        if was is None or now is None:
            return
        x, y = self._sheet_of(old, was).to_screen(*was.to_place(old.cursor)[:2])
        sheet = self._sheet_of(new, now)
        at_x, at_y = sheet.to_screen(*now.to_place(new.cursor)[:2])
        self.camera = sheet.panned(x - at_x, y - at_y)

    def film(self, number: int) -> Film:
        """What a layer puts on this pane."""
        return self.plate.film(number)

    def redraw(self, number: int) -> None:
        """Paint a layer anew whose voxels were written to (a stroke goes on); the scene stays the same meanwhile."""
        self.plate.redraw(number)
        self.update()

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
        section = scene.section(self.plane)
        assert section is not None
        sheet = self._sheet_of(scene, section)
        size, before = (self.width(), self.height()), self.drawings
        painter.drawImage(QPointF(0, 0), self.plate.drawn(scene, section, sheet, size, self.devicePixelRatioF()))
        if scene.crosshair:
            row, col, _ = section.to_place(scene.cursor)
            at, lines = sheet.to_screen(row, col), crossing(scene, self.plane)
            if scene.slab.how != "off" and section.mm is not None:
                paint_bands(painter, at, sheet, lines, scene.slab)
            paint_crosshair(painter, at, sheet, lines, self.is_turned or scene.tool == TURN)
        self.annotations.paint(painter, scene, section, sheet)
        for paint in self.paints:
            paint(painter, self)
        if self.mouse.box is not None:
            paint_box(painter, self.mouse.box)
        if self.plate.coarse and self.drawings != before:
            self._rest.start(REST_MS)

    def _develop(self) -> None:
        """Work out for a moment what is shown coarsely, as soon as the hand rests; go on until it is done."""
        if self.mouse.drag is not None and self.mouse.drag.does == "tool":
            self._rest.start(REST_MS)
            return
        if self.plate.develop(DEVELOP_S):
            self.update()
        if self.plate.coarse:
            self._rest.start(0)

    def _paint_preview(self, painter: QPainter, picture: QImage) -> None:
        scale = min(self.width() / max(picture.width(), 1), self.height() / max(picture.height(), 1))
        wide, high = picture.width() * scale, picture.height() * scale
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(QRectF((self.width() - wide) / 2, (self.height() - high) / 2, wide, high), picture)

    def grip(self, at: QPointF) -> Tool | None:
        """Return the tool whose thing can be taken hold of here: a handle, an end of the turned cross-hair."""
        return next((one for one in self.tools.values() if one.grips(self, at)), None)

    @property
    def is_turned(self) -> bool:
        """Whether a hand turned the planes (a second scan may be cut along the first one's without that)."""
        return (self.leader or self).scene.turn is not None

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
