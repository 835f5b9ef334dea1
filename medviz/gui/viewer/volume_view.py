"""The whole from outside: a surface or a projection that the mouse turns, rendered beside the window."""

from dataclasses import dataclass, replace

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import (
    QColor,
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QShowEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from medviz.figures import Picture
from medviz.gui.desk import Desk
from medviz.gui.icons import icon
from medviz.gui.job import Job
from medviz.gui.viewer.annotations import DIM, EDGE, INK, PLANE_COLOURS, Lettering, Word
from medviz.imaging.rendering.rays import Look, Mode, rendered
from medviz.imaging.rendering.sight import Sight, to_pixel
from medviz.imaging.rendering.solid import Solid, label_numbers, solid_of
from medviz.imaging.scene import Layer, Scene
from medviz.messages import Progress, Work

MODES: dict[Mode, str] = {
    "surface": "Surface of the scan",
    "labels": "Surface of the labels",
    "maximum": "Maximum along the ray",
    "mean": "Mean along the ray",
}
REST_MS = 180
"""How long hand and cursor must rest before the fine picture is made: slices go first."""
GROWING_MS = 1000
"""How often it is looked whether a proposal still grows: a model that runs has better use for the processor."""
FINE_PIXELS, COARSE_PIXELS = 240_000, 26_000


@dataclass(frozen=True)
class Wish:
    """All that a rendering depends on."""

    scene: Scene
    sight: Sight
    mode: Mode
    cut: bool
    size: tuple[int, int]
    coarse: bool


@dataclass(frozen=True, eq=False)
class Shown:
    """A rendering, the wish it answers and the solid it shows."""

    wish: Wish
    solid: Solid
    picture: Picture


def labels_of(scene: Scene) -> Layer | None:
    """Return the topmost label layer that is seen."""
    seen = (layer for layer in reversed(scene.layers[1:]) if layer.role == "labels" and layer.visible)
    return next(
        (layer for layer in seen if layer.style != "off" and layer.volume.shape == scene.layers[0].volume.shape), None
    )


def solid_key(wish: Wish) -> tuple[object, ...]:
    """Return what the solid depends on; as long as it is the same, the solid is used again."""
    base, over = wish.scene.layers[0], labels_of(wish.scene)
    labels = () if over is None else (id(over.volume), over.labels, over.hidden_labels)
    return id(base.volume), base.window, base.level, wish.scene.frame, labels, wish.mode == "labels"


def pictured(wish: Wish, solid: Solid | None) -> Work[Shown]:
    """Render a wish, with a solid that is at hand or a new one."""
    base, over = wish.scene.layers[0], labels_of(wish.scene)
    shown = () if over is None else tuple(one for one in over.labels if one.value not in over.hidden_labels)
    if solid is None:
        yield Progress(0, 0, "3-D")
        numbers = None
        if over is not None:
            numbers = label_numbers(over.volume.frame(), tuple(one.value for one in shown))
        frame = min(wish.scene.frame, base.volume.frames - 1)
        solid = solid_of(base.volume, base.window, base.level, numbers, wish.mode == "labels", frame)
    cut = wish.scene.cursor if wish.cut else None
    look = Look(wish.mode, cut, tuple(one.colour for one in shown))
    picture = yield from rendered(solid, wish.sight, look, wish.size, wish.coarse)
    return Shown(wish, solid, picture)


class VolumeView(QWidget):
    """Turned with the left button, enlarged with the wheel; never mirrored, whatever the planes are."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.sight = Sight()
        self.mode: Mode = "surface"
        self.cut = True
        self.shown: Shown | None = None
        self._desk, self._store = desk, desk.scene
        self._image: QImage | None = None
        self._solid: tuple[tuple[object, ...], Solid] | None = None
        self._job: Job | None = None
        self._again = False
        self._held: QPointF | None = None
        self._lettering = Lettering()
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.timeout.connect(self._rested)
        self.leave = desk.scene.listen(self._told)
        self.setObjectName("volume")
        self.setAccessibleName("3-D view")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setMinimumSize(120, 100)
        self._mode_button, self._cut_button = self._buttons()
        self._show_buttons()

    def _buttons(self) -> tuple[QToolButton, QToolButton]:
        menu = QMenu(self)
        for mode, words in MODES.items():
            action = menu.addAction(words)
            action.triggered.connect(lambda checked=False, mode=mode: self.choose(mode))
        first = QToolButton(self)
        first.setIcon(icon("ph.cube", "on_image"))
        first.setMenu(menu)
        first.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        first.setToolTip("What is rendered")
        second = QToolButton(self)
        second.setIcon(icon("ph.scissors", "on_image"))
        second.setCheckable(True)
        second.setChecked(self.cut)
        second.setToolTip("Take the corner at the cross-hair away")
        second.toggled.connect(self.choose_cut)
        for button in (first, second):
            button.setProperty("look", "quiet")
            button.setCursor(Qt.CursorShape.ArrowCursor)
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        return first, second

    def _show_buttons(self) -> None:
        for button in (self._mode_button, self._cut_button):
            button.setVisible(self._store.state.scan is not None)

    def sizeHint(self) -> QSize:
        """Ask for room."""
        return QSize(400, 400)

    def choose(self, mode: Mode) -> None:
        """Show something else."""
        self.mode = mode
        self._cut_button.setEnabled(mode in ("surface", "labels"))
        self._begin(coarse=True)

    def choose_cut(self, cut: bool) -> None:
        """Take the corner at the cross-hair away, or not."""
        self.cut = cut
        self._cut_button.setChecked(cut)
        self._begin(coarse=True)

    def look(self, sight: Sight) -> None:
        """Look from elsewhere."""
        self.sight = sight
        self._begin(coarse=True)

    def fit(self) -> None:
        """Look from where one looked first."""
        self.look(Sight())

    def close_view(self) -> None:
        """Stop listening and rendering."""
        self.leave()
        self._rest.stop()
        self._again = False
        if self._job is not None:
            self._job.stop()
            self._job.wait(5.0)

    # -- rendered -----------------------------------------------------------------------------------------------

    def _told(self, old: Scene, new: Scene) -> None:
        if old.scan is not new.scan:
            self.shown = self._image = self._solid = None
            self._show_buttons()
            self.update()
        of_note = ("layers", "frame") + (("cursor",) if self.cut else ())
        if any(getattr(old, name) != getattr(new, name) for name in of_note):
            self._rest.start(REST_MS)
        elif old.cursor != new.cursor:
            self.update()

    def _wish(self, coarse: bool) -> Wish | None:
        scene = self._store.state
        ratio = self.devicePixelRatioF()
        wide, high = self.width() * ratio, self.height() * ratio
        if scene.scan is None or min(scene.scan.shape) < 2 or scene.scan.kind == "colour" or min(wide, high) < 8:
            return None
        share = min(1.0, ((COARSE_PIXELS if coarse else FINE_PIXELS) / (wide * high)) ** 0.5)
        size = (max(8, round(high * share)), max(8, round(wide * share)))
        mode: Mode = "surface" if self.mode == "labels" and labels_of(scene) is None else self.mode
        return Wish(scene, self.sight, mode, self.cut and mode in ("surface", "labels"), size, coarse)

    def _rested(self) -> None:
        """Make the fine picture, unless it would be out of date at the next tile of a model that runs."""
        over = labels_of(self._store.state) if self._store.state.layers else None
        grows = any(job.running and job.property("grows") for job in self._desk.jobs)
        if grows and over is not None and over.proposal and self.shown is not None:
            self._rest.start(GROWING_MS)
        else:
            self._begin(coarse=False)

    def _begin(self, coarse: bool) -> None:
        wish = self._wish(coarse)
        if wish is None or not self.isVisible():
            return
        if coarse:
            self._rest.start(REST_MS)
        if self._job is not None:
            self._again = self._again or coarse
            if coarse and self._job.property("fine"):
                self._job.stop()
            elif not coarse:
                self._rest.start(REST_MS)
            return
        key = solid_key(wish)
        solid = self._solid[1] if self._solid is not None and self._solid[0] == key else None
        self._job = self._desk.start("3-D", lambda: pictured(wish, solid), then=self._take, quiet=True)
        self._job.setProperty("fine", not coarse)
        self._job.over.connect(self._over)

    def _take(self, shown: Shown) -> None:
        if not self._store.state.layers or shown.wish.scene.scan is not self._store.state.scan:
            return
        self._solid = (solid_key(shown.wish), shown.solid)
        self.shown = shown
        pixels = np.ascontiguousarray(shown.picture.pixels)
        rows, cols = pixels.shape[:2]
        self._image = QImage(pixels.data, cols, rows, 3 * cols, QImage.Format.Format_RGB888).copy()
        self.update()

    def _over(self) -> None:
        self._job = None
        if self._again:
            self._again = False
            self._begin(coarse=True)

    # -- painted ------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the rendering, what it is, and the axes of the patient."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), Qt.GlobalColor.black)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._image is not None:
            painter.drawImage(QRectF(self.rect()), self._image)
            self._paint_cursor(painter)
        self._paint_words(painter)
        painter.end()

    def _paint_words(self, painter: QPainter) -> None:
        size = 13 if min(self.width(), self.height()) >= 220 else 11
        scan = self._store.state.scan
        title = Word("title", "3-D", EDGE, EDGE + size * 0.8, PLANE_COLOURS["volume"], size, True)
        self._lettering.put(painter, title)
        if scan is None:
            return
        if min(scan.shape) < 2 or scan.kind == "colour":
            words = "a single slice has no 3-D view" if min(scan.shape) < 2 else "no 3-D view of colour pictures"
        elif self.shown is None:
            words = "rendering …"
        else:
            told = scan.calibrated and self.width() > size * 26
            grid = f" · {self.shown.solid.grid_mm:.2g} mm grid" if told else ""
            words = MODES[self.shown.wish.mode].lower() + grid
        self._lettering.put(painter, Word("what", words, EDGE, EDGE + size * 2.2, DIM, size))
        if scan.oriented and self._image is not None:
            self._paint_axes(painter, size)

    def _paint_cursor(self, painter: QPainter) -> None:
        scene, shown = self._store.state, self.shown
        if shown is None or not scene.crosshair or shown.wish.sight != self.sight:
            return
        row, col = to_pixel(shown.solid, self.sight, shown.wish.size, scene.cursor)
        at = QPointF((col + 0.5) * self.width() / shown.wish.size[1], (row + 0.5) * self.height() / shown.wish.size[0])
        for colour, width in ((QColor(0, 0, 0, 170), 3.2), (QColor(255, 255, 255, 220), 1.4)):
            painter.setPen(QPen(colour, width))
            painter.drawEllipse(at, 4.5, 4.5)

    def _paint_axes(self, painter: QPainter, size: int) -> None:
        middle = QPointF(EDGE + 26, self.height() - EDGE - 26)
        right, up, eye = self.sight.axes
        ends = sorted((float(eye[n]), n) for n in range(3))
        for _, n in ends:
            tip = QPointF(float(right[n]) * 20, -float(up[n]) * 20)
            colour = QColor(PLANE_COLOURS[("sagittal", "coronal", "axial")[n]])
            painter.setPen(QPen(colour, 1.6))
            painter.drawLine(middle, middle + tip)
            at = middle + tip * 1.45
            letter = Word("axis", "RAS"[n], at.x(), at.y() + size * 0.33, INK, size - 2, True, "centre")
            self._lettering.put(painter, letter)

    # -- moved --------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of it."""
        self._held = event.position()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Turn it: half a degree a pixel."""
        if self._held is None:
            return
        moved, self._held = event.position() - self._held, event.position()
        lift = min(max(self.sight.lift + moved.y() * 0.5, -90.0), 90.0)
        self.look(replace(self.sight, turn=(self.sight.turn - moved.x() * 0.5) % 360, lift=lift))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let it go."""
        self._held = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Fill the viewer with it, or show all panes again."""
        self._held = None
        self._store.update(maximised=None if self._store.state.maximised == "volume" else "volume")

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Enlarge it."""
        zoom = min(max(self.sight.zoom * 1.15 ** (event.angleDelta().y() / 120), 0.4), 8.0)
        self.look(replace(self.sight, zoom=zoom))
        event.accept()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put the buttons where they belong and render at the new size."""
        right = self.width() - 6
        for button in (self._mode_button, self._cut_button):
            button.adjustSize()
            right -= button.width()
            button.move(right, 4)
        self._rest.start(REST_MS)

    def showEvent(self, event: QShowEvent) -> None:
        """Render what changed while it was hidden."""
        self._rest.start(REST_MS)

    def changeEvent(self, event: QEvent) -> None:
        """Follow a change of fonts and colours."""
        super().changeEvent(event)
        self.update()
