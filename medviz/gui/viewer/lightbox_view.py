"""Many slices of one plane on one pane: cells in rows and columns, drawn one after the other without a halt."""

import time
from dataclasses import replace

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

from medviz.gui.colours import colours
from medviz.gui.store import Store
from medviz.gui.viewer.annotations import DIM, INK, PLANE_COLOURS, Lettering, Word, section_place, turn_text
from medviz.gui.viewer.content import Content
from medviz.gui.viewer.hand import turned_layer, windowed
from medviz.gui.viewer.pace import Pace
from medviz.gui.viewer.plate import Plate
from medviz.gui.viewer.sheet import Camera, Sheet
from medviz.imaging.oblique import Section
from medviz.imaging.pages import Page, page_of, turned_to
from medviz.imaging.scene import Layer, Layout, Point, Scene

NOTCH = 120
GAP_PX = 2
HEAD_PX = 22
"""Room above the cells for what page this is."""
DRAW_S = 0.008
"""Cells are drawn for so long at a time; the mouse must not wait longer."""
SHOWN = (
    "layers", "cursor", "frame", "radiological", "overlays_hidden", "crosshair", "smooth", "turn", "slab", "lightbox",
    "second", "layout",
)  # fmt: skip


class LightboxView(QWidget):
    """Shows a page of slices; a click puts the cross-hair there, a double click goes back to the panes.

    `pointed` (RAS mm or None) follows the mouse. `done` says that every cell is drawn as finely as it will be,
    `before` how the panes lay before it.
    """

    pointed = Signal(object)

    def __init__(self, store: Store[Scene], content: Content | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.store = store
        self.camera = Camera()
        self.written: list[dict[str, str]] = []
        self.done = False
        self.before: Layout = "2x2"
        self._content = content or Content()
        self._plates: list[Plate] = []
        self._lettering = Lettering()
        self._turned = 0.0
        self._held: tuple[Qt.MouseButton, QPointF, QPointF, int, Layer] | None = None
        self._pace = Pace(self)
        self._more = QTimer(self)
        self._more.setSingleShot(True)
        self._more.timeout.connect(self.update)
        self.leave = store.listen(self._told)
        self.setObjectName("lightbox")
        self.setAccessibleName("lightbox: many slices of one plane")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.CrossCursor)

    def sizeHint(self) -> QSize:
        """Ask for room."""
        return QSize(600, 500)

    @property
    def page(self) -> Page | None:
        """The slices on the page that holds the cursor."""
        return page_of(self.store.state)

    def cell(self, number: int) -> QRectF:
        """Where a cell lies on the pane."""
        box = self.store.state.lightbox
        wide = (self.width() - GAP_PX * (box.columns - 1)) / box.columns
        high = (self.height() - HEAD_PX - GAP_PX * (box.rows - 1)) / box.rows
        row, col = divmod(number, box.columns)
        left, top = round(col * (wide + GAP_PX)), round(HEAD_PX + row * (high + GAP_PX))
        return QRectF(left, top, max(1, int(wide)), max(1, int(high)))

    def sheet(self, section: Section, number: int) -> Sheet:
        """Where a slice lies on its cell."""
        scan, place = self.store.state.scan, self.cell(number)
        box = self._content.box_of(scan, section) if scan is not None else None
        wide, high = int(place.width()), int(place.height())
        return Sheet(section.rows, section.cols, section.mm or (1.0, 1.0), wide, high, self.camera, box)

    def number_at(self, x: float, y: float) -> int | None:
        """Which cell is under a place on the pane, None where there is none."""
        page = self.page
        many = 0 if page is None else len(page.sections)
        return next((number for number in range(many) if self.cell(number).contains(x, y)), None)

    def mm_at(self, x: float, y: float) -> Point | None:
        """Return the centre, in RAS mm, of the voxel under a place on the pane, None beside the slices."""
        page, number = self.page, self.number_at(x, y)
        if page is None or number is None:
            return None
        section, place = page.sections[number], self.cell(number)
        row, col = self.sheet(section, number).to_slice(x - place.x(), y - place.y())
        if section.straight:
            row, col = float(round(row)), float(round(col))
        return section.to_mm(row, col) if section.holds(row, col) else None

    def fit(self) -> None:
        """Show the whole slices."""
        self.look(Camera())

    def look(self, camera: Camera) -> None:
        """Look at all slices from elsewhere."""
        self.camera = camera
        self.update()

    def _told(self, old: Scene, new: Scene) -> None:
        if new.layout == "lightbox" and old.layout != "lightbox":
            self.before = old.layout
        if old.radiological != new.radiological and new.lightbox.plane != "sagittal":
            self.camera = replace(self.camera, across_mm=-self.camera.across_mm)
        if old.scan is not new.scan or old.turn is not new.turn or old.lightbox.plane != new.lightbox.plane:
            self.camera = Camera()
        if self.isVisible() and any(getattr(old, name) is not getattr(new, name) for name in SHOWN):
            self.update()

    # -- painted ------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw as many cells as there is time for; the rest follows at once."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), colours().of("line") if self.page is not None else Qt.GlobalColor.black)
        painter.fillRect(0, 0, self.width(), HEAD_PX - 1, Qt.GlobalColor.black)
        scene, page = self.store.state, self.page
        if page is not None:
            self._paint_page(painter, scene, page)
        painter.end()

    def _paint_page(self, painter: QPainter, scene: Scene, page: Page) -> None:
        while len(self._plates) < len(page.sections):
            self._plates.append(Plate(scene.lightbox.plane))
        if self._plates and self._plates[0].plane != scene.lightbox.plane:
            self._plates = [Plate(scene.lightbox.plane) for _ in page.sections]
        until, waiting, self.written = time.perf_counter() + DRAW_S, False, []
        self._head(painter, scene, page)
        for number, section in enumerate(page.sections):
            plate, sheet, place = self._plates[number], self.sheet(section, number), self.cell(number)
            plate.forget(len(scene.layers))
            size, ratio = (int(place.width()), int(place.height())), self.devicePixelRatioF()
            if time.perf_counter() < until or not plate.would_draw(scene, section, sheet, size, ratio):
                painter.drawImage(place.topLeft(), plate.drawn(scene, section, sheet, size, ratio))
            else:
                painter.fillRect(place, Qt.GlobalColor.black)
                waiting = True
            self._annotate(painter, scene, section, sheet, place, number == page.now)
        for number in range(len(page.sections), scene.lightbox.rows * scene.lightbox.columns):
            painter.fillRect(self.cell(number), Qt.GlobalColor.black)
        self.done = not waiting and not self._finer(page)
        if not self.done:
            self._more.start(0 if waiting else 30)

    def _finer(self, page: Page) -> bool:
        """Work out what is coarse for a moment; returns whether there is more to do."""
        coarse = [plate for plate in self._plates[: len(page.sections)] if plate.coarse]
        if coarse:
            coarse[0].develop(DRAW_S / 2)
        return bool(coarse)

    def _head(self, painter: QPainter, scene: Scene, page: Page) -> None:
        plane = scene.lightbox.plane
        apart = f"{page.step_mm:.1f} mm apart" if page.sections[0].mm is not None else "uncalibrated"
        slab = scene.slab.of(plane).words(page.sections[0])
        turned = "" if scene.turn is None else turn_text(scene.turn)
        said = "   ".join(filter(None, (f"page {page.number + 1} of {page.many}", apart, slab, turned)))
        self._put(painter, Word("plane", plane.capitalize(), 9, 15, PLANE_COLOURS[plane], 13, True))
        self._put(painter, Word("page", said, 88, 15, DIM, 13))
        if plane != "sagittal":
            side = "radiological" if scene.radiological else "neurological"
            self._put(painter, Word("convention", side, self.width() - 9, 15, DIM, 13, how="right"))

    def _annotate(
        self, painter: QPainter, scene: Scene, section: Section, sheet: Sheet, place: QRectF, now: bool
    ) -> None:
        assert scene.scan is not None
        left, right, top, bottom = section.letters
        where = section_place(scene.scan, section)
        words = [
            Word("left", left, 5, sheet.height / 2 + 4, INK, 11, True),
            Word("top", top, sheet.width / 2, 12, INK, 11, True, "centre"),
            Word("number", f"{section.index + 1}", 5, sheet.height - 6, INK, 11),
        ]
        if sheet.width >= 150:
            words.append(Word("right", right, sheet.width - 5, sheet.height / 2 + 4, INK, 11, True, "right"))
            words.append(Word("bottom", bottom, sheet.width / 2, sheet.height - 6, INK, 11, True, "centre"))
        if sheet.width >= 110:
            words.append(Word("place", where, sheet.width - 5, sheet.height - 6, DIM, 11, how="right"))
        painter.save()
        painter.setClipRect(place)
        painter.translate(place.topLeft())
        for word in words:
            if word.words:
                self._put(painter, word)
        self.written.append({word.name: word.words for word in words})
        if now:
            self._mark(painter, scene, section, sheet)
        painter.restore()

    def _mark(self, painter: QPainter, scene: Scene, section: Section, sheet: Sheet) -> None:
        """Frame the slice of the cursor, and show where the cursor is on it."""
        colour = PLANE_COLOURS[section.plane]
        painter.setPen(QPen(colour, 2))
        painter.drawRect(QRectF(1, 1, sheet.width - 2, sheet.height - 2))
        if scene.crosshair:
            row, col, _ = section.to_place(scene.cursor)
            x, y = sheet.to_screen(row, col)
            painter.setPen(QPen(QColor(colour.red(), colour.green(), colour.blue(), 220), 1))
            for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
                painter.drawLine(QPointF(x + 5 * dx, y + 5 * dy), QPointF(x + 14 * dx, y + 14 * dy))

    def _put(self, painter: QPainter, word: Word) -> None:
        self._lettering.put(painter, word)

    # -- moved --------------------------------------------------------------------------------------------------

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Turn pages; with Ctrl zoom all slices at the pointer."""
        turn = event.angleDelta().y() or event.angleDelta().x()
        event.accept()
        page = self.page
        if page is None:
            return
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            at = event.position()
            number = self.number_at(at.x(), at.y())
            if number is not None:
                place = self.cell(number)
                sheet = self.sheet(page.sections[number], number)
                self.look(sheet.zoomed(1.25 ** (turn / NOTCH), at.x() - place.x(), at.y() - place.y()))
            return
        self._turned += turn / NOTCH
        if abs(self._turned) >= 1.0:
            self._pace.ask(self._turn)

    def _turn(self) -> None:
        count = int(self._turned)
        self._turned -= count
        self.store.put(turned_to(self.store.state, -count))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Put the cross-hair there, or begin to move the pictures or to turn the window."""
        scene = self.store.state
        if scene.scan is None:
            return
        at, number = event.position(), turned_layer(scene)
        self._held = (event.button(), at, at, number, scene.layers[number])
        if event.button() == Qt.MouseButton.LeftButton:
            self._point(at)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Go on with it; without a button, say what is under the mouse."""
        at = event.position()
        self.pointed.emit(self.mm_at(at.x(), at.y()))
        if self._held is None:
            return
        button, start, last, number, layer = self._held
        self._held = (button, start, at, number, layer)
        if button == Qt.MouseButton.LeftButton:
            self._pace.ask(lambda: self._point(at))
        elif button == Qt.MouseButton.RightButton:
            moved = at - start
            self._pace.ask(lambda: self.store.put(windowed(self.store.state, layer, number, moved.x(), moved.y())))
        elif (page := self.page) is not None and page.sections:
            moved = at - last
            self.look(self.sheet(page.sections[0], 0).panned(moved.x(), moved.y()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End it."""
        self._pace.flush()
        self._held = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Go back to the panes, at the place that was clicked."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._held = None
            self._point(event.position())
            self.store.update(layout=self.before, maximised=None)

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is under the mouse any more."""
        self.pointed.emit(None)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Draw anew."""
        self.update()

    def _point(self, at: QPointF) -> None:
        mm = self.mm_at(at.x(), at.y())
        if mm is not None:
            self.store.put(self.store.state.at(mm))
