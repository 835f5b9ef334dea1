"""The whole from outside: surfaces, volume, maximum or planes that the mouse turns, rendered beside the window."""

from dataclasses import dataclass, field, replace

from PySide6.QtCore import QEvent, QPoint, QPointF, QSize, Qt, Signal
from PySide6.QtGui import (
    QEnterEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QShowEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractSpinBox, QLineEdit, QPlainTextEdit, QTextEdit, QWidget

from medviz.gui.desk import Desk
from medviz.gui.viewer.hand import turned_layer, windowed
from medviz.gui.viewer.shooting import Shooting
from medviz.gui.viewer.tool import CURSOR
from medviz.gui.viewer.volume_keys import keyed
from medviz.gui.viewer.volume_marks import Ground, arm_at, image_pixels
from medviz.gui.viewer.volume_painting import Painting
from medviz.gui.viewer.volume_strip import VolumeStrip, placed, stepped
from medviz.gui.viewer.volume_words import described, waiting
from medviz.imaging.rendering.sight import Sight, mm_per_pixel, zoomed
from medviz.imaging.rendering.view import Cut, Mode, Shot, View, Wish, cut_of, has_whole, solid
from medviz.imaging.scene import Layer, Point, Scene
from medviz.messages import Progress

NOTCH = 120
DEGREES_A_PIXEL = 0.5
CLICK_PX, PIXELS_A_SLICE = 4, 3
FINE_PIXELS = 1_800_000
FOLLOWED = ("layers", "frame", "overlays_hidden", "smooth", "turn")


@dataclass
class Drag:
    """A button held down: what it does, where it began and where it is, and what was there then."""

    does: str
    start: QPointF
    now: QPointF
    number: int
    layer: Layer
    moved: bool = False
    taken: QPointF = field(default_factory=QPointF)


class VolumeView(QWidget):
    """Turned with the left button, moved with the middle one, enlarged with the wheel; never mirrored.

    A click puts the cross-hair on what is seen there. `shown` is the picture on the pane, `view` how one looks; `asked`
    (place on the screen) asks for the menu of the right button.
    """

    asked = Signal(QPoint)

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.view = View()
        self.shown: Shot | None = None
        self.painting = Painting()
        self._desk, self._store = desk, desk.scene
        self._image: QImage | None = None
        self._drag: Drag | None = None
        self._before: Point | None = None
        self._work: Progress | None = None
        self.shooting = Shooting(desk, self._wish, self)
        self.shooting.taken.connect(self._take)
        self.shooting.worked.connect(self._worked)
        self.leave = desk.scene.listen(self._told)
        self.setObjectName("volume")
        self.setAccessibleName("3-D view")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(120, 100)
        self.strip = VolumeStrip(self)
        self.strip.viewed.connect(self.look_as)
        self.strip.cut_chosen.connect(self.choose_cut)
        self.strip.cut_moved.connect(self._cut_to)
        self._show_strip()

    def sizeHint(self) -> QSize:
        """Ask for room."""
        return QSize(400, 400)

    @property
    def written(self) -> dict[str, str]:
        """What stands where on the pane, for those who read the screen by program."""
        return self.painting.written

    # -- for others ---------------------------------------------------------------------------------------------

    @property
    def sight(self) -> Sight:
        """From where one looks."""
        return self.view.sight

    @property
    def cut(self) -> Cut:
        """Where it is cut open now."""
        return cut_of(self._store.state, self.view)

    def look_as(self, view: View) -> None:
        """Look another way."""
        if view != self.view:
            if self._work is not None and (view.mode, view.labels) != (self.view.mode, self.view.labels):
                self.shooting.hurry(building=True)  # surfaces of something else are waited for
            self.view = view
            self._show_strip()
            self.shooting.move()
            self.update()

    def look(self, sight: Sight) -> None:
        """Look from elsewhere."""
        self.look_as(replace(self.view, sight=sight))

    def choose(self, mode: Mode) -> None:
        """Render something else."""
        self.look_as(replace(self.view, mode=mode))

    def choose_cut(self, cut: Cut | None) -> None:
        """Cut it open elsewhere; None for what suits. A free cut begins square to the eye."""
        x, y, z = (float(part) for part in self.sight.axes[2])
        self.look_as(replace(self.view, cut=cut, normal=(x, y, z), depth_mm=0.0))

    def fit(self) -> None:
        """Look from where one looked first."""
        self.look(Sight())

    def picture(self) -> QImage:
        """Return the pane as it is on the screen, for a file; without its buttons."""
        made = QImage(self.size() * self.devicePixelRatioF(), QImage.Format.Format_RGB32)
        made.setDevicePixelRatio(self.devicePixelRatioF())
        painter = QPainter(made)
        self._paint(painter)
        painter.end()
        return made

    def point_at(self, at: QPointF, shot: Shot | None = None) -> Point | None:
        """Return the point in RAS mm that is seen at a place on the pane (or of a shot); None beside everything."""
        shot = shot or self.shown
        renderer = self.shooting.renderer
        if shot is None or renderer is None:
            return None
        return renderer.point_at(shot, *Ground(self.width(), self.height(), shot).pixel(at))

    def close_view(self) -> None:
        """Stop listening, and end the renderer."""
        self.leave()
        self.shooting.close()

    # -- rendered -----------------------------------------------------------------------------------------------

    @property
    def _shows(self) -> bool:
        return has_whole(self._store.state)

    def _wish(self, share: float, fast: bool) -> Wish | None:
        scene, ratio = self._store.state, self.devicePixelRatioF()
        wide, high = self.width() * ratio, self.height() * ratio
        if not self._shows or min(wide, high) < 8 or not self.isVisible():
            return None
        share *= min(1.0, (FINE_PIXELS / (wide * high)) ** 0.5)
        return Wish(scene, self.view, (max(8, round(high * share)), max(8, round(wide * share))), fast)

    def _told(self, old: Scene, new: Scene) -> None:
        if old.scan is not new.scan:
            same = old.scan is not None and new.scan is not None and old.scan.same_grid(new.scan)
            self.shown = self._image = None
            if not same:
                self.view = replace(self.view, sight=Sight(), preset="", shift=0.0, depth_mm=0.0)
        self._show_strip()
        if any(getattr(old, name) is not getattr(new, name) for name in FOLLOWED):
            self.shooting.settle(at_work=new.tool != CURSOR and old.layers is not new.layers)
        if old.cursor != new.cursor:
            if cut_of(new, self.view) != "none" or self.view.mode == "planes":
                self.shooting.follow()
            self.update()
        elif old.crosshair != new.crosshair:
            self.update()

    def _take(self, shot: Shot) -> None:
        if shot.wish.scene.scan is not self._store.state.scan:
            return
        self.shown = shot
        pixels = image_pixels(shot.picture)
        rows, cols = pixels.shape[:2]
        self._image = QImage(pixels.data, cols, rows, 3 * cols, QImage.Format.Format_RGB888).copy()
        self.update()

    def _worked(self, work: Progress | None) -> None:
        if work != self._work:
            self._work = work
            self.update()

    def _show_strip(self) -> None:
        self.strip.setVisible(self._shows)
        if self._shows:
            self.strip.show_view(self.view, self._store.state)

    # -- painted ------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the picture, what it is, and what helps to read it."""
        painter = QPainter(self)
        self._paint(painter)
        painter.end()

    def _paint(self, painter: QPainter) -> None:
        size, scene = (self.width(), self.height()), self._store.state
        self.painting.paint(painter, size, scene, self.shown, self._image, self.strip.x())
        self.painting.say(painter, size, self._said(), self._work)

    def _said(self) -> str:
        if self._store.state.scan is None:
            return ""
        if self.shown is not None and self._work is None and self._shows:
            renderer = self.shooting.renderer
            return described(self.shown, self.width(), renderer is not None and renderer.simple)
        return waiting(self._store.state.scan, self._work)

    # -- moved --------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of it, or look from the side whose letter is clicked."""
        scene, at = self._store.state, event.position()
        if scene.scan is None or not self._shows:
            return
        number = turned_layer(scene)
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        does = {Qt.MouseButton.MiddleButton: "pan", Qt.MouseButton.RightButton: "window"}.get(event.button(), "turn")
        does = "pan" if does == "turn" and shift else does
        if does == "turn" and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            does = "cut"
        self._drag = Drag(does, at, at, number, scene.layers[number], taken=at)
        if does == "pan":
            self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Turn, move, or change window and level."""
        drag = self._drag
        if drag is None:
            return
        at = event.position()
        if not drag.moved and (at - drag.start).manhattanLength() < CLICK_PX:
            return
        moved, drag.now, drag.moved = at - drag.now, at, True
        if drag.does == "turn":
            self.look(self.sight.turned(-moved.x() * DEGREES_A_PIXEL, moved.y() * DEGREES_A_PIXEL))
        elif drag.does == "pan":
            self._pan(moved)
        elif drag.does == "cut":
            self._drag_cut(drag)
        elif self.view.mode == "volume" and self.view.preset != "window":
            shift = self.view.shift + moved.y() / 400.0
            self.look_as(replace(self.view, shift=min(max(shift, -1.5), 1.5)))
        else:
            away = at - drag.start
            self._store.put(windowed(self._store.state, drag.layer, drag.number, away.x(), away.y()))
            self.shooting.move()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let it go; a click that moved nothing puts the cross-hair on what is seen there."""
        drag, self._drag = self._drag, None
        self.unsetCursor()
        if drag is None or drag.moved:
            return
        if drag.does == "turn":
            self._click(event.position())
        elif drag.does == "window":
            self.asked.emit(event.globalPosition().toPoint())

    def _click(self, at: QPointF) -> None:
        scene = self._store.state
        side = arm_at(self.sight, self.height(), at) if scene.scan is not None and scene.scan.oriented else None
        if side is not None:
            self.look(replace(side, zoom=self.sight.zoom, shift=self.sight.shift))
            return
        self._before = scene.cursor
        opaque = solid(self.shown.wish) if self.shown is not None else None
        if opaque is None:
            self._go(self.point_at(at))
        else:
            self.shooting.once(opaque, lambda shot: self._go(self.point_at(at, shot)))

    def _go(self, point: Point | None) -> None:
        if point is not None:
            self._store.put(self._store.state.at(point))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Fill the viewer with it, or show all panes again; the cross-hair stays where it was."""
        if event.button() != Qt.MouseButton.LeftButton:
            return
        self._drag = None
        scene, before = self._store.state, self._before
        maximised = None if scene.maximised == "volume" else "volume"
        cursor = before if before is not None else scene.cursor
        self._before = None
        self._store.put(replace(scene, maximised=maximised, cursor=cursor))  # type: ignore[arg-type]

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Enlarge it at the pointer; with Ctrl move the cut."""
        turn = event.angleDelta().y() or event.angleDelta().x()
        event.accept()
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._step_cut(1 if turn > 0 else -1)
        elif self.shown is not None:
            at, size = event.position(), (self.height(), self.width())
            sight = zoomed(self.shown.frame, self.sight, size, 1.15 ** (turn / NOTCH), at.y() - 0.5, at.x() - 0.5)
            self.look(sight)

    def _pan(self, moved: QPointF) -> None:
        if self.shown is None:
            return
        scale = mm_per_pixel(self.shown.frame, self.sight, (self.height(), self.width()))
        across, up = self.sight.shift
        self.look(replace(self.sight, shift=(across + moved.x() * scale, up - moved.y() * scale)))

    def _drag_cut(self, drag: Drag) -> None:
        """Move the cut by whole slices: up the screen is towards right, front or top."""
        count = round((drag.taken.y() - drag.now.y()) / PIXELS_A_SLICE)
        if count:
            drag.taken = QPointF(drag.now.x(), drag.taken.y() - count * PIXELS_A_SLICE)
            self._step_cut(count)

    def _step_cut(self, count: int) -> None:
        scene, kind = self._store.state, cut_of(self._store.state, self.view)
        if kind == "free":
            step = self.shown.grid_mm if self.shown is not None else 1.0
            self.look_as(replace(self.view, depth_mm=self.view.depth_mm + count * step))
        else:
            made = stepped(kind, scene, count)
            if made is not None:
                self._store.put(made)

    def _cut_to(self, place: float) -> None:
        """Move the cut to where its slider is."""
        kind = cut_of(self._store.state, self.view)
        if kind == "free":
            self.look_as(replace(self.view, depth_mm=place))
        else:
            made = placed(self._store.state, kind, round(place))
            if made is not None:
                self._store.put(made)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Do what the key means in 3-D; what means nothing here is the page's."""
        view = keyed(self.view, self._store.state, event)
        if view is None or not self._shows:
            super().keyPressEvent(event)
        elif view.cut == "free" and self.view.cut != "free":
            self.choose_cut("free")
        else:
            self.look_as(view)

    # -- seen ---------------------------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put the tools where they belong and render at the new size."""
        self.strip.arrange()
        self.shooting.settle()

    def showEvent(self, event: QShowEvent) -> None:
        """Render what changed while it was hidden."""
        self.shooting.settle()

    def enterEvent(self, event: QEnterEvent) -> None:
        """Take the keys from another pane, never from a field that is being typed in."""
        if not isinstance(self.window().focusWidget(), (QLineEdit, QAbstractSpinBox, QTextEdit, QPlainTextEdit)):
            self.setFocus(Qt.FocusReason.MouseFocusReason)

    def changeEvent(self, event: QEvent) -> None:
        """Follow a change of fonts and colours."""
        super().changeEvent(event)
        self.update()
